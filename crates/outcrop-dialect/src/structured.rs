//! Answers in a form that the caller set: a JSON schema, or any JSON object.
//!
//! `fit` decides how the model is brought to it; [`Structured`] is what the way back must know of that:
//! 1. the model's side enforces the schema: the answer's text is the answer;
//! 2. a forced tool of our own stands for the answer: its input comes back as text, the stop as an end;
//! 3. the model is told in words: a code fence around the answer is taken off.
//!
//! In all three a whole answer is checked against the caller's schema; a streamed one is not, as it
//! has been read by then.

pub(crate) mod grammar;
pub(crate) mod inline;
mod peel;
mod shape;
pub(crate) mod tools;
pub(crate) mod verify;

use std::sync::Arc;

use outcrop_model::StopReason;

pub(crate) use shape::Shaper;

/// What the way back must know of the form that the caller set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structured {
    /// How the model gives the answer.
    pub form: Form,
    /// The caller's own schema.
    pub schema: Arc<str>,
    /// Where the caller set it.
    pub path: &'static str,
}

/// How the model gives a structured answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// As its text.
    Text,
    /// As its text, perhaps in a code fence.
    Fenced,
    /// As the input of a tool.
    Tool {
        name: String,
        /// A member that may stand around the answer and is no part of it.
        envelope: Option<&'static str>,
    },
}

/// The member that we put around an answer that is no object, which the input of a tool must be.
pub(crate) const ENVELOPE: &str = "answer";
/// A JSON schema that any object fits.
pub(crate) const ANY_OBJECT: &str = r#"{"type":"object"}"#;

// === impl Structured ===

impl Structured {
    /// What is wrong with a whole answer; `None` also for one that is not meant to be complete.
    pub(crate) fn mismatch(&self, text: &str, stop: &StopReason) -> Option<String> {
        match stop {
            StopReason::EndTurn | StopReason::StopSequence(_) => {
                verify::mismatch(&self.schema, text)
            }
            StopReason::ToolUse
            | StopReason::MaxTokens
            | StopReason::ContextWindowExceeded
            | StopReason::Guardrail
            | StopReason::ContentFiltered
            | StopReason::Refusal
            | StopReason::PauseTurn
            | StopReason::MalformedOutput
            | StopReason::MalformedToolUse
            | StopReason::Other(_) => None,
        }
    }
}
