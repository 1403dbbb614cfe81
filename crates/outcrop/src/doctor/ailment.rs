//! What can be wrong: `catalog/ailments.toml`, and the row that fits what was seen.

use std::sync::LazyLock;

use outcrop_model::ErrorClass;
use serde::Deserialize;

use crate::exit::Exit;

const BUILT_IN: &str = include_str!("../../../../catalog/ailments.toml");

#[expect(clippy::expect_used, reason = "compiled in and parsed by every test of a row")]
static TABLE: LazyLock<Vec<Ailment>> = LazyLock::new(|| {
    let file: File = toml::from_str(BUILT_IN).expect("the built-in table parses");
    file.ailment
});

#[expect(
    clippy::expect_used,
    reason = "the last row of calls fits everything, which a test asserts"
)]
static LAST: LazyLock<&Ailment> = LazyLock::new(|| TABLE.last().expect("the table has rows"));

#[derive(Debug, Deserialize)]
struct File {
    ailment: Vec<Ailment>,
}

/// Where something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// What is set contradicts itself or cannot be read.
    Setup,
    /// No credentials came from where they should.
    Source,
    /// An endpoint cannot be reached.
    Way,
    /// The clock.
    Clock,
    /// The control plane told of a model.
    Access,
    /// A signed call was refused.
    Call,
}

/// One row.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ailment {
    pub name: String,
    stage: Stage,
    pub exit: Exit,
    /// By their words; any class where empty.
    #[serde(default)]
    classes: Vec<String>,
    /// All of these in the text, in lower case; alternatives with `|` between.
    #[serde(default)]
    words: Vec<String>,
    pub cause: String,
    pub mend: String,
}

/// What was seen.
#[derive(Debug, Clone, Copy)]
pub struct Symptom<'a> {
    pub stage: Stage,
    pub class: Option<ErrorClass>,
    pub text: &'a str,
}

// === impl Ailment ===

impl Ailment {
    /// The row for what was seen.
    pub fn of(symptom: Symptom<'_>) -> &'static Ailment {
        let text = symptom.text.to_ascii_lowercase();
        let is_of = |class: ErrorClass, words: &[String]| words.iter().any(|w| w == class.as_str());
        let fits = |row: &&Ailment| {
            row.stage == symptom.stage
                && (row.classes.is_empty()
                    || symptom.class.is_some_and(|class| is_of(class, &row.classes)))
                && row.words.iter().all(|word| word.split('|').any(|one| text.contains(one)))
        };
        TABLE.iter().find(fits).unwrap_or(&LAST)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_in_the_guide_and_only_those() {
        let guide = include_str!("../../../../docs/guide/doctor.md");
        let told: BTreeSet<&str> = guide
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(name, _)| name)
            .collect();
        let rows: BTreeSet<&str> = TABLE.iter().map(|row| &*row.name).collect();
        assert_eq!(told, rows);
        assert_eq!(rows.len(), TABLE.len(), "a name is there twice");
        for row in TABLE.iter() {
            for text in [&row.cause, &row.mend] {
                assert!(guide.contains(text), "{}: {text}", row.name);
            }
        }
    }

    #[test]
    fn the_words_of_rows_are_in_lower_case_and_reachable() {
        for (at, row) in TABLE.iter().enumerate() {
            let lower = |word: &String| *word == word.to_ascii_lowercase();
            assert!(row.words.iter().all(lower), "{}", row.name);
            let text: Vec<_> = row.words.iter().filter_map(|word| word.split('|').next()).collect();
            let class = |word: &String| {
                ErrorClass::ALL.into_iter().find(|class| class.as_str() == word).unwrap()
            };
            let classes: Vec<_> = row.classes.iter().map(class).collect();
            let symptom = Symptom {
                stage: row.stage,
                class: classes.first().copied(),
                text: &text.join(" "),
            };
            let found = Ailment::of(symptom);
            let earlier = TABLE[..at].iter().find(|before| before.name == found.name);
            assert!(found == row, "{} is hidden by {earlier:?}", row.name);
        }
    }

    #[test]
    fn every_stage_has_a_row_for_what_is_not_known() {
        use Stage::{Access, Call, Clock, Setup, Source, Way};
        for stage in [Setup, Source, Way, Clock, Access, Call] {
            assert_eq!(Ailment::of(Symptom { stage, class: None, text: "" }).stage, stage);
        }
    }
}
