//! Patterns over texts.

use outcrop_config::Pattern;
use regex::Regex;

/// A pattern, ready to be matched.
#[derive(Debug)]
pub(crate) enum Matcher {
    Plain(Pattern),
    Regex(Regex),
}

// === impl Matcher ===

impl Matcher {
    pub(crate) fn compile(pattern: &Pattern) -> Result<Self, String> {
        match pattern {
            Pattern::Regex(text) => {
                let regex = Regex::new(&format!("^(?:{text})$"));
                regex.map(Self::Regex).map_err(|error| error.to_string())
            }
            Pattern::Exact(_)
            | Pattern::Prefix(_)
            | Pattern::Suffix(_)
            | Pattern::Wildcard(_)
            | Pattern::Any => Ok(Self::Plain(pattern.clone())),
        }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Regex(regex) => regex.is_match(text),
            Self::Plain(Pattern::Exact(whole)) => whole == text,
            Self::Plain(Pattern::Prefix(start)) => text.starts_with(start),
            Self::Plain(Pattern::Suffix(end)) => text.ends_with(end),
            Self::Plain(Pattern::Wildcard(pattern)) => wildcard(pattern, text),
            Self::Plain(Pattern::Any | Pattern::Regex(_)) => true,
        }
    }
}

/// Whether `text` is what `pattern` says, in which `*` is any run of characters.
pub(crate) fn wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_run_of_characters() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("*.claude-*-v1:0", "us.claude-x-v1:0", true),
            ("*.claude-*-v1:0", "us.claude-v1:0", false),
            ("a**b", "ab", true),
            ("a*bc*c", "abcbc", true),
        ] {
            assert_eq!(wildcard(pattern, text), expected, "{pattern} {text}");
        }
    }
}
