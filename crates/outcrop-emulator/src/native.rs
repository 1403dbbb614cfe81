//! Bodies of InvokeModel, each model family in its own JSON language.
//!
//! Guarantees:
//! 1. A body is either read into a [`Prompt`] or refused with the message of the `ValidationException`
//!    the service would answer.
//! 2. The chunks of a stream, put together, say what the whole response says.
//! 3. Nothing depends on the clock or on chance: the same answer is written the same way.
//!
//! Which model belongs to which family is not decided here.

pub mod anthropic;
mod cohere;
mod deepseek;
pub(crate) mod embed;
pub(crate) mod image;
mod llama;
mod media;
mod metrics;
mod mistral;
mod nova;
mod openai;
mod plain;
mod reader;
pub(crate) mod rerank;
pub(crate) mod responses;
mod template;
#[cfg(test)]
mod tests;
mod titan;

use serde_json::Value;

use crate::words::{Answer, Prompt};

/// Splits a text into the deltas of a stream.
pub type Pieces<'a> = &'a dyn Fn(&str) -> Vec<String>;

/// The names of all families that [`parse`] reads.
pub const FAMILIES: [&str; 9] = [
    "anthropic",
    "cohere-command-r",
    "deepseek-r1",
    "llama",
    "mistral-chat",
    "mistral-instruct",
    "nova",
    "openai-chat",
    "titan-text",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Anthropic,
    CohereCommandR,
    DeepseekR1,
    Llama,
    MistralChat,
    MistralInstruct,
    Nova,
    OpenaiChat,
    TitanText,
}

/// Reads a request body; the error is the message of the `ValidationException`.
///
/// Anthropic bodies are read under the default rules; [`anthropic::parse_with`] takes a model's own.
pub fn parse(family: &str, body: &Value) -> Result<Prompt, String> {
    let read = match named(family)? {
        Family::Anthropic => anthropic::parse,
        Family::CohereCommandR => cohere::parse,
        Family::DeepseekR1 => deepseek::parse,
        Family::Llama => llama::parse,
        Family::MistralChat => mistral::parse_chat,
        Family::MistralInstruct => mistral::parse_instruct,
        Family::Nova => nova::parse,
        Family::OpenaiChat => openai::parse,
        Family::TitanText => titan::parse,
    };
    read(body)
}

/// The whole response body. An unknown family, which [`parse`] refuses, gives `null`.
pub fn response(
    family: &str,
    model_id: &str,
    message_id: &str,
    prompt: &Prompt,
    answer: &Answer,
) -> Value {
    let Ok(family) = named(family) else {
        return Value::Null;
    };
    match family {
        Family::Anthropic => anthropic::response(model_id, message_id, answer),
        Family::CohereCommandR => cohere::response(message_id, prompt, answer),
        Family::DeepseekR1 => deepseek::response(answer),
        Family::Llama => llama::response(answer),
        Family::MistralChat => mistral::chat_response(answer),
        Family::MistralInstruct => mistral::instruct_response(answer),
        Family::Nova => nova::response(answer),
        Family::OpenaiChat => openai::response(model_id, message_id, answer),
        Family::TitanText => titan::response(answer),
    }
}

/// The decoded chunks of the response stream, in order. An unknown family gives none.
pub fn chunks(
    family: &str,
    model_id: &str,
    message_id: &str,
    prompt: &Prompt,
    answer: &Answer,
    pieces: Pieces<'_>,
) -> Vec<Value> {
    let Ok(family) = named(family) else {
        return Vec::new();
    };
    match family {
        Family::Anthropic => anthropic::chunks(model_id, message_id, answer, pieces),
        Family::CohereCommandR => cohere::chunks(message_id, prompt, answer, pieces),
        Family::DeepseekR1 => deepseek::chunks(answer, pieces),
        Family::Llama => llama::chunks(answer, pieces),
        Family::MistralChat => mistral::chat_chunks(answer, pieces),
        Family::MistralInstruct => mistral::instruct_chunks(answer, pieces),
        Family::Nova => nova::chunks(answer, pieces),
        Family::OpenaiChat => openai::chunks(model_id, message_id, answer, pieces),
        Family::TitanText => titan::chunks(answer, pieces),
    }
}

fn named(family: &str) -> Result<Family, String> {
    Ok(match family {
        "anthropic" => Family::Anthropic,
        "cohere-command-r" => Family::CohereCommandR,
        "deepseek-r1" => Family::DeepseekR1,
        "llama" => Family::Llama,
        "mistral-chat" => Family::MistralChat,
        "mistral-instruct" => Family::MistralInstruct,
        "nova" => Family::Nova,
        "openai-chat" => Family::OpenaiChat,
        "titan-text" => Family::TitanText,
        other => return Err(format!("Invoking models of the family {other} is not supported.")),
    })
}
