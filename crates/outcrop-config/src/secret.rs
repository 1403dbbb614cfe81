//! Secrets: references until they are needed.

use std::fmt;
use std::path::PathBuf;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// A variable of the environment; one that is unset or empty is no secret at all.
    Env(String),
    /// A file, read again when it changes; a trailing line break is not part of it.
    File(PathBuf),
    /// In the configuration itself.
    Inline(Redacted),
}

/// What stands after `Bearer ` in a header's text; `None` where that does not begin it.
pub(crate) fn after_bearer(text: &str) -> Option<&str> {
    const SCHEME: &str = "Bearer ";
    let text = text.trim();
    let is_scheme = text.get(..SCHEME.len())?.eq_ignore_ascii_case(SCHEME);
    is_scheme.then(|| text[SCHEME.len()..].trim_start())
}

/// Parts of the names of headers and members that hold credentials.
const SECRET_WORDS: [&str; 8] =
    ["authorization", "cookie", "credential", "key", "passw", "secret", "signature", "token"];

/// Whether a header or a member of this name may hold a credential. So some are called that hold none, and are
/// hidden as well.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Redacted(String);

impl Redacted {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for whom it is for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
