//! Where something was written, and what is wrong with it.

use std::fmt;

/// A place in a file, or an object in a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// File name as given, `command line`, or `kind namespace/name`.
    pub source: String,
    /// From 1; 0 where there are no lines.
    pub line: usize,
    /// From 1, in characters; 0 where there are none.
    pub column: usize,
    /// The path within the document, such as `backends[0].region`; empty for the whole.
    pub path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Read, and not honoured, or worth a second look.
    Notice,
    /// Probably not what was meant.
    Warning,
    /// The item is left out.
    Error,
}

/// What is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    pub severity: Severity,
    pub origin: Origin,
    pub what: String,
    /// How to mend it.
    pub hint: Option<String>,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, line, column, path } = self;
        f.write_str(source)?;
        if *line > 0 {
            write!(f, ":{line}:{column}")?;
        }
        match path.is_empty() {
            true => Ok(()),
            false => write!(f, " ({path})"),
        }
    }
}

// === impl Diagnostic ===

impl Diagnostic {
    pub fn error(origin: Origin, what: impl Into<String>) -> Self {
        Self { severity: Severity::Error, origin, what: what.into(), hint: None }
    }

    pub fn warning(origin: Origin, what: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, origin, what: what.into(), hint: None }
    }

    pub fn notice(origin: Origin, what: impl Into<String>) -> Self {
        Self { severity: Severity::Notice, origin, what: what.into(), hint: None }
    }

    /// With how to mend it.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}
