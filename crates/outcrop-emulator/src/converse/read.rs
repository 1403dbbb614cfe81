//! A Converse body, already known to satisfy the service model, as a [`Prompt`].
//!
//! Reading never fails: what a member should be was checked before, so anything else counts as absent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::citation;
use crate::models::{Model, Thinking};
use crate::words::{Part, Prompt, Role, Tool, ToolChoice, Turn};

/// Media blocks and the word each is called by.
const MEDIA: [&str; 4] = ["image", "document", "video", "audio"];

/// Reads the whole body.
pub(crate) fn prompt(body: &Value, model: &Model) -> Prompt {
    let inference = &body["inferenceConfig"];
    let turns = list(&body["messages"]).iter().map(turn).collect();
    Prompt {
        system: list(&body["system"])
            .iter()
            .filter_map(|block| block["text"].as_str())
            .map(str::to_owned)
            .collect(),
        turns,
        tools: list(&body["toolConfig"]["tools"]).iter().filter_map(tool).collect(),
        tool_choice: tool_choice(&body["toolConfig"]["toolChoice"]),
        max_tokens: inference["maxTokens"]
            .as_u64()
            .map(|bound| u32::try_from(bound).unwrap_or(u32::MAX)),
        stop_sequences: stop_sequences(body),
        thinking: asks_to_think(body, model),
        format: format(body),
        citable: citation::citable(body),
    }
}

/// The elements of a list, none when it is no list.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn turn(message: &Value) -> Turn {
    let role = match message["role"].as_str() {
        Some("assistant") => Role::Assistant,
        Some("system") => Role::System,
        _ => Role::User,
    };
    Turn { role, parts: list(&message["content"]).iter().map(part).collect() }
}

fn part(block: &Value) -> Part {
    let Some((kind, value)) =
        block.as_object().and_then(|members| members.iter().find(|(_, value)| !value.is_null()))
    else {
        return Part::Other("empty".into());
    };
    if let Some(medium) = MEDIA.into_iter().find(|medium| medium == kind) {
        return media(medium, value);
    }
    match kind.as_str() {
        "text" => Part::Text(text(value)),
        "toolUse" => Part::ToolUse {
            id: text(&value["toolUseId"]),
            name: text(&value["name"]),
            input: value["input"].clone(),
        },
        "toolResult" => Part::ToolResult {
            id: text(&value["toolUseId"]),
            parts: list(&value["content"]).iter().map(result_part).collect(),
            is_error: value["status"] == "error",
        },
        "citationsContent" => {
            Part::Text(list(&value["content"]).iter().map(|part| text(&part["text"])).collect())
        }
        "reasoningContent" => reasoning(value),
        "cachePoint" => Part::CachePoint,
        "guardContent" => value["text"]["text"]
            .as_str()
            .map_or_else(|| Part::Other(kind.clone()), |text| Part::Text(text.to_owned())),
        other => Part::Other(other.to_owned()),
    }
}

fn result_part(block: &Value) -> Part {
    match block.get("json") {
        Some(json) if !json.is_null() => Part::Text(json.to_string()),
        _ => part(block),
    }
}

fn media(kind: &'static str, value: &Value) -> Part {
    let source = &value["source"];
    let bytes = source["bytes"].as_str().map(decoded_length);
    let inline = source["text"].as_str().map(str::len);
    Part::Media {
        kind,
        format: text(&value["format"]),
        name: text(&value["name"]),
        bytes: bytes.or(inline).unwrap_or_default(),
    }
}

fn reasoning(value: &Value) -> Part {
    if let Some(redacted) = value["redactedContent"].as_str() {
        return Part::Redacted(STANDARD.decode(redacted).unwrap_or_default());
    }
    Part::Thinking {
        text: text(&value["reasoningText"]["text"]),
        signature: value["reasoningText"]["signature"].as_str().map(str::to_owned),
    }
}

fn tool(value: &Value) -> Option<Tool> {
    let spec = value.get("toolSpec")?;
    Some(Tool {
        name: text(&spec["name"]),
        description: text(&spec["description"]),
        schema: spec["inputSchema"]["json"].clone(),
    })
}

fn tool_choice(value: &Value) -> ToolChoice {
    if value.get("any").is_some_and(Value::is_object) {
        return ToolChoice::Any;
    }
    value["tool"]["name"]
        .as_str()
        .map_or(ToolChoice::Auto, |name| ToolChoice::Named(name.to_owned()))
}

/// The schema is JSON inside a string.
fn format(body: &Value) -> Option<Value> {
    let schema =
        body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"].as_str()?;
    serde_json::from_str(schema).ok()
}

/// Those of `inferenceConfig` and those a Claude model takes as an additional field.
fn stop_sequences(body: &Value) -> Vec<String> {
    let own = list(&body["inferenceConfig"]["stopSequences"]);
    let additional = list(&body["additionalModelRequestFields"]["stop_sequences"]);
    own.iter().chain(additional).map(text).filter(|text| !text.is_empty()).collect()
}

fn asks_to_think(body: &Value, model: &Model) -> bool {
    let extra = &body["additionalModelRequestFields"];
    match model.thinking {
        Thinking::None => false,
        Thinking::Always => true,
        Thinking::Budget | Thinking::Adaptive | Thinking::Both => {
            matches!(extra["thinking"]["type"].as_str(), Some("enabled" | "adaptive"))
        }
        Thinking::Nova => extra["reasoningConfig"]["type"] == "enabled",
        Thinking::Effort => {
            extra["reasoning_effort"].as_str().is_some_and(|effort| effort != "none")
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The length base64 text decodes to.
fn decoded_length(text: &str) -> usize {
    let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
    (text.len() / 4 * 3).saturating_sub(padding)
}
