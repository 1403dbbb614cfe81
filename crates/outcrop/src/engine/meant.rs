//! Which model was meant by a name that there is not.

use std::collections::BTreeSet;

use outcrop_config::words::nearest;
use outcrop_model::{Catalog, alias};

/// More names than these nobody reads.
const FEW: usize = 3;

/// Names that hold all words of `asked`, the shortest first and one of each model; else the one that is written most alike. Never
/// `asked` itself, nor another name of what it stands for.
pub fn meant(asked: &str) -> Option<String> {
    let same = model_of(asked);
    let known: Vec<&str> = names().into_iter().filter(|name| model_of(name) != same).collect();
    let lower = asked.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let fits = |name: &&str| words.iter().all(|word| holds(name, word));
    let mut fit: Vec<&str> = known.iter().copied().filter(fits).collect();
    fit.sort_by_key(|name| name.len());
    let mut models = BTreeSet::new();
    fit.retain(|name| models.insert(model_of(name)));
    fit.truncate(FEW);
    if fit.is_empty() || words.is_empty() {
        fit = nearest(asked, known).into_iter().collect();
    }
    let fit: Vec<String> = fit.into_iter().map(with_friendly_name).collect();
    (!fit.is_empty()).then(|| format!("Did you mean {}?", fit.join(", ")))
}

/// Names and profiles of a model lead to the same.
fn model_of(name: &str) -> String {
    Catalog::built_in().foundation_id(&alias::resolve(name).id).to_owned()
}

/// A number is one of its own: the 4 and the 5 of a version are in many a date.
fn holds(name: &str, word: &str) -> bool {
    match word.chars().all(|c| c.is_ascii_digit()) {
        true => name.split(|c: char| !c.is_alphanumeric()).any(|part| part == word),
        false => name.contains(word),
    }
}

/// All names that are known here, each once: friendly names, and Bedrock's ids.
pub fn names() -> Vec<&'static str> {
    let listed = Catalog::built_in().listed().iter();
    let ids = listed.flat_map(|model| {
        [alias::name_of(&model.id), model.alias.as_deref(), Some(model.id.as_str())]
    });
    let mut names: Vec<&str> = alias::names().map(|(name, _)| name).chain(ids.flatten()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// An id with the name that is easier to write.
fn with_friendly_name(name: &str) -> String {
    let is_id = alias::resolve(name).id == name;
    match alias::name_of(&model_of(name)).filter(|_| is_id) {
        Some(friendly) => format!("{friendly} ({name})"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_slips_find_names() {
        assert_eq!(meant("Sonnet 4.5").unwrap(), "Did you mean claude-sonnet-4-5?");
        assert_eq!(meant("claude-sonet-4-5").unwrap(), "Did you mean claude-sonnet-4-5?");
        let id = meant("anthropic.claude-haiku-4-5").unwrap();
        assert!(id.starts_with("Did you mean claude-haiku-4-5 ("), "{id}");
        assert_eq!((meant("xyzzy-9000-quux"), meant("")), (None, None));
    }

    #[test]
    fn nobody_is_told_the_name_that_he_gave() {
        for name in names() {
            let told = meant(name).unwrap_or_default();
            let told = told.trim_start_matches("Did you mean ").trim_end_matches('?');
            assert!(told.split(", ").all(|told| told != name), "{name}: {told}");
        }
    }
}
