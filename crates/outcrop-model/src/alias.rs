//! Names of models as clients write them: data with a source, in `catalog/aliases.toml`.
//!
//! 1. A Bedrock id, profile id or ARN stays as it is.
//! 2. What an ending of a name asks for is not lost: it comes back beside the id.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

const BUILT_IN: &str = include_str!("../../../catalog/aliases.toml");

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<'n> {
    /// A Bedrock id, as far as is known.
    pub id: Cow<'n, str>,
    /// A beta of Anthropic's that the name asks for.
    pub beta: Option<&'static str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[cfg_attr(not(test), expect(dead_code, reason = "a record for readers of the file"))]
    source: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "a record for readers of the file"))]
    checked: String,
    models: BTreeMap<String, String>,
    beginnings: BTreeMap<String, String>,
    endings: BTreeMap<String, String>,
}

/// What `name` stands for.
pub fn resolve(name: &str) -> Named<'_> {
    let file = built_in();
    let ending = file.endings.iter().find_map(|(ending, beta)| {
        let rest = name.strip_suffix(ending.as_str()).filter(|rest| !rest.is_empty())?;
        Some((rest, beta.as_str()))
    });
    let (name, beta) = ending.map_or((name, None), |(rest, beta)| (rest, Some(beta)));
    Named { id: file.id(name), beta }
}

/// Every whole name with the id behind it.
pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> + Clone {
    built_in().models.iter().map(|(name, id)| (name.as_str(), id.as_str()))
}

/// The shortest name of an id, if it has one.
pub fn name_of(id: &str) -> Option<&str> {
    let file = built_in();
    let written =
        file.models.iter().filter(|(_, meant)| *meant == id).map(|(name, _)| name.as_str());
    let derived = id.split_once('.').map(|(_, rest)| rest);
    let derived = derived.filter(|name| !name.is_empty() && file.id(name) == id);
    written.min_by_key(|name| name.len()).or(derived)
}

fn built_in() -> &'static File {
    static FILE: OnceLock<File> = OnceLock::new();
    #[expect(clippy::expect_used, reason = "compiled in and parsed by a test")]
    FILE.get_or_init(|| toml::from_str(BUILT_IN).expect("the built-in aliases parse"))
}

// === impl File ===

impl File {
    /// The id behind a name without its ending. What a beginning leaves may be a name in turn.
    fn id<'n>(&'static self, name: &'n str) -> Cow<'n, str> {
        if let Some(id) = self.models.get(name) {
            return Cow::Borrowed(id);
        }
        let beginning = self.beginnings.iter().find_map(|(beginning, place)| {
            Some((name.strip_prefix(beginning.as_str()).filter(|rest| !rest.is_empty())?, place))
        });
        match beginning {
            Some((rest, place)) if place.is_empty() => self.id(rest),
            Some((rest, place)) => Cow::Owned(format!("{place}{rest}")),
            None => Cow::Borrowed(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_parses_and_says_where_it_comes_from() {
        let file: File = toml::from_str(BUILT_IN).unwrap();
        assert!(!file.source.is_empty() && !file.checked.is_empty());
    }

    #[test]
    fn names_become_ids_and_ids_stay() {
        for (name, id) in [
            ("claude-3-sonnet", "anthropic.claude-3-sonnet-20240229-v1:0"),
            ("claude-opus-5-5", "anthropic.claude-opus-5-5"),
            ("bedrock/claude-haiku-4-5", "anthropic.claude-haiku-4-5-20251001-v1:0"),
            ("bedrock/amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
            ("amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
            ("us.anthropic.claude-opus-4-8", "us.anthropic.claude-opus-4-8"),
            ("arn:aws:bedrock:us-east-1:1:x/y", "arn:aws:bedrock:us-east-1:1:x/y"),
            ("bedrock/", "bedrock/"),
            ("", ""),
        ] {
            assert_eq!(resolve(name), Named { id: id.into(), beta: None }, "{name}");
        }
    }

    #[test]
    fn ids_have_names_that_lead_back_to_them() {
        for (id, name) in [
            ("anthropic.claude-opus-5-5", Some("claude-opus-5-5")),
            ("amazon.nova-lite-v1:0", None),
            ("no-provider", None),
            ("x.", None),
        ] {
            assert_eq!(name_of(id), name, "{id}");
        }
        for id in built_in().models.values() {
            assert_eq!(resolve(name_of(id).unwrap()).id, *id);
        }
    }

    #[test]
    fn an_ending_asks_for_a_beta() {
        let named = resolve("us.anthropic.claude-opus-4-8[1m]");
        assert_eq!(named.id, "us.anthropic.claude-opus-4-8");
        assert_eq!(named.beta, Some("context-1m-2025-08-07"));
        assert_eq!(resolve("claude-opus-4-8[1m]").id, "anthropic.claude-opus-4-8");
        assert_eq!(resolve("[1m]"), Named { id: "[1m]".into(), beta: None });
    }
}
