//! A request body becomes a [`ChatRequest`].

mod calls;
mod content;
pub(super) mod media;
mod messages;
mod settings;
mod thinking;
mod tools;

use outcrop_model::chat::Names;
use outcrop_model::json::parse_body;
use outcrop_model::{ChatRequest, Fault};

use super::wire::Body;

pub(super) use settings::apply as apply_settings;

/// A request in the IR, with what only the answer's shape depends on.
#[derive(Debug)]
pub struct Decoded<'a> {
    pub request: ChatRequest<'a>,
    /// Whether the stream ends with a chunk of token counts.
    pub include_usage: bool,
}

/// OpenAI's spellings; some change with the spelling that the caller chose.
pub(super) const NAMES: Names = Names {
    turns: "messages",
    max_tokens: "max_completion_tokens",
    stop_sequences: "stop",
    thinking: "thinking",
    effort: "reasoning_effort",
    format: "response_format",
    schema: "response_format.json_schema.schema",
    tool_schema: "function.parameters",
    user: "user",
    parallel_tools: "parallel_tool_calls",
    betas: "anthropic-beta",
};

/// Decodes a Chat Completions body. A fault names the JSON path and what to do about it.
pub fn decode(body: &[u8]) -> Result<Decoded<'_>, Fault> {
    let Body { model, messages, tools, functions, settings } = parse_body(body)?;
    let Some(messages) = messages else {
        let is_responses = settings.iter().any(|(key, _)| key == "input");
        return Err(match is_responses {
            true => invalid(
                "input",
                "belongs to the Responses API; Chat Completions takes the conversation as `messages`.",
            ),
            false => invalid("messages", "is required: a list of at least one message."),
        });
    };
    if messages.is_empty() {
        return Err(invalid("messages", "is empty; send at least one message."));
    }
    let model = model.filter(|m| !m.trim().is_empty()).ok_or_else(|| {
        invalid("model", "is required: the id of a Bedrock model or inference profile.")
    })?;
    let mut request = ChatRequest { model, names: NAMES, ..ChatRequest::default() };
    messages::read(messages, &mut request)?;
    tools::read(tools.unwrap_or_default(), functions.unwrap_or_default(), &mut request)?;
    let include_usage = settings::apply(settings, &mut request)?;
    Ok(Decoded { request, include_usage })
}

/// A fault at `path` whose message is a whole sentence: the path, then `what`.
pub(super) fn invalid(path: impl Into<String>, what: impl std::fmt::Display) -> Fault {
    let path = path.into();
    let message = format!("`{path}` {what}");
    Fault::invalid(path, message)
}
