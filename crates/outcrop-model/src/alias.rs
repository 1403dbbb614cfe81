//! Short names of models: data with a source, in `catalog/aliases.toml`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

const BUILT_IN: &str = include_str!("../../../catalog/aliases.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[cfg_attr(not(test), expect(dead_code, reason = "a record for readers of the file"))]
    source: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "a record for readers of the file"))]
    checked: String,
    models: BTreeMap<String, String>,
}

/// The Bedrock id behind a short name; `None` when it is none.
pub fn resolve(name: &str) -> Option<&'static str> {
    static FILE: OnceLock<File> = OnceLock::new();
    #[expect(clippy::expect_used, reason = "compiled in and parsed by a test")]
    let file = FILE.get_or_init(|| toml::from_str(BUILT_IN).expect("the built-in aliases parse"));
    file.models.get(name).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_parses_and_says_where_it_comes_from() {
        let file: File = toml::from_str(BUILT_IN).unwrap();
        assert!(!file.source.is_empty() && !file.checked.is_empty());
        assert_eq!(resolve("claude-3-sonnet"), Some("anthropic.claude-3-sonnet-20240229-v1:0"));
        assert_eq!(resolve("amazon.nova-lite-v1:0"), None);
    }
}
