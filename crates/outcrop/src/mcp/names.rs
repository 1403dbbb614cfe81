//! Names of tools: as the model is told them, as people write them, and as patterns match them.

use std::collections::HashSet;

use outcrop_dialect::names::legal;

use crate::exit::{Exit, Failure};

/// What the model calls the tool: `server__tool` within Bedrock's characters and length. One that is taken
/// gets a name that is not; [`super::toolbox`] keeps the table for the way back.
pub fn for_model(server: &str, tool: &str, taken: &HashSet<String>) -> String {
    let joined = format!("{server}__{tool}");
    let mut name = legal(&joined).into_owned();
    let mut again = 0;
    while taken.contains(&name) {
        again += 1;
        // The blank is not legal, so a hash of all of it ends the name.
        name = legal(&format!("{joined} {again}")).into_owned();
    }
    name
}

/// What people call it.
pub fn for_people(server: &str, tool: &str) -> String {
    super::printable(&format!("{server}/{tool}"))
}

/// A pattern of tools' names: of `server/tool` if it has a slash, else of the tool alone.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// As it is written.
    pub text: String,
    server: Option<glob::Pattern>,
    tool: glob::Pattern,
    /// The server, where it is named without any wildcard.
    pub names_server: Option<String>,
}

// === impl Pattern ===

impl Pattern {
    /// # Errors
    /// A wildcard that is not one.
    pub fn new(text: &str) -> anyhow::Result<Self> {
        let pattern = |text: &str| {
            glob::Pattern::new(text).map_err(|error| {
                Failure::new(Exit::InvalidArgument, format!("`{text}` is not a pattern: {error}."))
                    .mend("* stands for any characters, ? for one.")
            })
        };
        let (server, tool) = match text.split_once('/') {
            Some((server, tool)) => (Some(server), tool),
            None => (None, text),
        };
        let named = server.filter(|server| !server.contains(['*', '?', '[']));
        Ok(Self {
            text: text.to_owned(),
            server: server.map(pattern).transpose()?,
            tool: pattern(tool)?,
            names_server: named.map(str::to_owned),
        })
    }

    pub fn all(texts: &[String]) -> anyhow::Result<Vec<Self>> {
        texts.iter().map(|text| Self::new(text)).collect()
    }

    pub fn matches(&self, server: &str, tool: &str) -> bool {
        self.may_be_of(server) && self.tool.matches(tool)
    }

    /// Whether it could match a tool of this server.
    pub fn may_be_of(&self, server: &str) -> bool {
        self.server.as_ref().is_none_or(|pattern| pattern.matches(server))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_never_meet_and_are_legal() {
        let long = "x".repeat(80);
        let mut taken = HashSet::new();
        for (server, tool) in [
            ("a__b", "c"),
            ("a", "b__c"),
            ("größe", "päck"),
            ("groesse", "p ck"),
            ("s", long.as_str()),
            (long.as_str(), "s"),
            ("s", ""),
            ("s", "a.b/c"),
        ] {
            let name = for_model(server, tool, &taken);
            assert!((1..=64).contains(&name.len()), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)));
            assert!(taken.insert(name.clone()), "{name}");
        }
    }

    #[test]
    fn a_pattern_without_a_slash_is_of_the_tool() {
        for (pattern, server, tool, expected) in [
            ("read_*", "files", "read_file", true),
            ("files/*", "files", "read/file", true),
            ("files/*", "other", "read_file", false),
            ("*", "any", "thing", true),
            ("read", "files", "read_file", false),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().matches(server, tool), expected, "{pattern}");
        }
        assert!(Pattern::new("a[").is_err());
    }
}
