//! How a command ends: exit codes, and failures that carry one.
//!
//! Scripts depend on the numbers: none is ever given another meaning.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::print::is_unwritten;

/// Why a command did not end well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    Other,
    Usage,
    ConfigMissing,
    Provider,
    UnknownModel,
    ServerConnect,
    ToolFailed,
    RequestFailed,
    Attachment,
    Init,
    OutputFormat,
    OutputWrite,
    InvalidArgument,
    AccessDenied,
    Throttled,
    ContextTooLong,
    Refused,
    SchemaMismatch,
    Network,
    Budget,
    Credentials,
    Truncated,
    Interrupted,
}

/// What went wrong and what to do about it, in one line.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    what: String,
    mend: Option<String>,
}

// === impl Exit ===

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Other => 1,
            Exit::Usage => 2,
            Exit::ConfigMissing => 10,
            Exit::Provider => 11,
            Exit::UnknownModel => 12,
            Exit::ServerConnect => 13,
            Exit::ToolFailed => 14,
            Exit::RequestFailed => 15,
            Exit::Attachment => 16,
            Exit::Init => 17,
            Exit::OutputFormat => 18,
            Exit::OutputWrite => 19,
            Exit::InvalidArgument => 20,
            Exit::AccessDenied => 21,
            Exit::Throttled => 22,
            Exit::ContextTooLong => 23,
            Exit::Refused => 24,
            Exit::SchemaMismatch => 25,
            Exit::Network => 26,
            Exit::Budget => 27,
            Exit::Credentials => 28,
            Exit::Truncated => 29,
            Exit::Interrupted => 130,
        }
    }
}

// === impl Failure ===

impl Failure {
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), mend: None }
    }

    /// Tells what went wrong in other words.
    pub fn because(self, what: impl Into<String>) -> Self {
        Self { what: what.into(), ..self }
    }

    /// Says more of what went wrong.
    pub fn also(self, more: &str) -> Self {
        Self { what: format!("{} {more}", self.what), ..self }
    }

    pub fn mend(self, mend: impl Into<String>) -> Self {
        Self { mend: Some(mend.into()), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exit: _, what, mend } = self;
        f.write_str(what)?;
        match mend {
            Some(mend) => write!(f, " {mend}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// The exit code that `error` asks for.
pub fn code_of(error: &anyhow::Error) -> u8 {
    exit_of(error).code()
}

/// What kind of end `error` is.
pub fn exit_of(error: &anyhow::Error) -> Exit {
    match error.downcast_ref::<Failure>() {
        Some(failure) => failure.exit,
        None if is_unwritten(error) => Exit::OutputWrite,
        None => Exit::Other,
    }
}
