//! Bodies of InvokeModel, each model family in its own JSON language.
//!
//! Guarantees:
//! 1. A body is either read into a [`Prompt`] or refused with the message of the `ValidationException`
//!    the service would answer.
//! 2. The chunks of a stream, put together, say what the whole response says.
//! 3. Nothing depends on the clock or on chance: the same answer is written the same way.
//!
//! The family names of this module are: `anthropic`, `nova`, `titan-text`, `llama`, `mistral-instruct`,
//! `mistral-chat`, `cohere-command-r`, `openai-chat`, `deepseek-r1`. Which model belongs to which is not decided here.

pub mod anthropic;
mod metrics;
mod reader;

use serde_json::Value;

use crate::words::{Answer, Prompt};

/// The model families whose bodies are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Anthropic,
}

/// Reads a request body; the error is the message of the `ValidationException`.
pub fn parse(family: &str, body: &Value) -> Result<Prompt, String> {
    match named(family)? {
        Family::Anthropic => anthropic::parse(body),
    }
}

/// The whole response body. An unknown family, which [`parse`] refuses, gives `null`.
pub fn response(
    family: &str,
    model_id: &str,
    message_id: &str,
    _prompt: &Prompt,
    answer: &Answer,
) -> Value {
    let Ok(family) = named(family) else {
        return Value::Null;
    };
    match family {
        Family::Anthropic => anthropic::response(model_id, message_id, answer),
    }
}

/// The decoded chunks of the response stream, in order; `pieces` splits a text into its deltas.
pub fn chunks(
    family: &str,
    model_id: &str,
    message_id: &str,
    _prompt: &Prompt,
    answer: &Answer,
    pieces: &dyn Fn(&str) -> Vec<String>,
) -> Vec<Value> {
    let Ok(family) = named(family) else {
        return Vec::new();
    };
    match family {
        Family::Anthropic => anthropic::chunks(model_id, message_id, answer, pieces),
    }
}

fn named(family: &str) -> Result<Family, String> {
    match family {
        "anthropic" => Ok(Family::Anthropic),
        other => Err(format!("Invoking models of the family {other} is not supported.")),
    }
}
