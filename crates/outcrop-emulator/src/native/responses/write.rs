//! The answer to a Responses request, whole and as events in the order that OpenAI documents.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::SEAL;
use crate::native::Pieces;
use crate::words::{Answer, AnswerPart, Stop, Usage};

/// A fixed moment, so that the same answer is always written the same way.
const CREATED: u64 = 1_767_225_600;

/// What an answer mentions besides its content.
pub(crate) struct Names<'a> {
    /// Hex; ids are made of it.
    pub(crate) id: &'a str,
    pub(crate) model: &'a str,
    pub(crate) body: &'a Value,
}

/// The whole answer.
pub(crate) fn response(names: &Names<'_>, answer: &Answer) -> Value {
    let output = items(names, answer, "completed");
    let (status, details) = match &answer.stop {
        Stop::EndTurn | Stop::StopSequence(_) | Stop::ToolUse => ("completed", Value::Null),
        Stop::MaxTokens => ("incomplete", json!({"reason": "max_output_tokens"})),
        Stop::Other(_) => ("incomplete", json!({"reason": "content_filter"})),
    };
    let mut whole = envelope(names, status);
    whole["output"] = Value::Array(output);
    whole["incomplete_details"] = details;
    whole["usage"] = usage(&answer.usage);
    whole
}

/// The events of a stream, each with its name.
pub(crate) fn events(
    names: &Names<'_>,
    answer: &Answer,
    pieces: Pieces<'_>,
) -> Vec<(String, Value)> {
    let whole = response(names, answer);
    let mut events = Vec::new();
    for name in ["response.created", "response.in_progress"] {
        events.push(json!({"type": name, "response": envelope(names, "in_progress")}));
    }
    let items = whole["output"].as_array().cloned().unwrap_or_default();
    for (index, item) in items.iter().enumerate() {
        item_events(index, item, pieces, &mut events);
    }
    let last = format!("response.{}", whole["status"].as_str().unwrap_or("completed"));
    events.push(json!({"type": last, "response": whole}));
    let numbered = events.into_iter().enumerate().map(|(number, mut event)| {
        event["sequence_number"] = json!(number);
        (event["type"].as_str().unwrap_or_default().to_owned(), event)
    });
    numbered.collect()
}

fn item_events(index: usize, item: &Value, pieces: Pieces<'_>, events: &mut Vec<Value>) {
    let id = &item["id"];
    let mut begun = item.clone();
    begun["status"] = json!("in_progress");
    let mut push = |kind: &str, members: Value| {
        let mut event = json!({"type": kind, "output_index": index});
        if let (Some(event), Value::Object(members)) = (event.as_object_mut(), members) {
            event.extend(members);
        }
        events.push(event);
    };
    match item["type"].as_str() {
        Some("message") => {
            let text = item["content"][0]["text"].as_str().unwrap_or_default();
            begun["content"] = json!([]);
            push("response.output_item.added", json!({"item": begun}));
            let at = |members: Value| {
                let mut all = json!({"item_id": id, "content_index": 0});
                if let (Some(all), Value::Object(members)) = (all.as_object_mut(), members) {
                    all.extend(members);
                }
                all
            };
            let empty =
                json!({"type": "output_text", "text": "", "annotations": [], "logprobs": []});
            push("response.content_part.added", at(json!({"part": empty})));
            for piece in pieces(text) {
                push("response.output_text.delta", at(json!({"delta": piece, "logprobs": []})));
            }
            push("response.output_text.done", at(json!({"text": text, "logprobs": []})));
            push("response.content_part.done", at(json!({"part": item["content"][0]})));
        }
        Some("function_call") => {
            let arguments = item["arguments"].as_str().unwrap_or_default();
            begun["arguments"] = json!("");
            push("response.output_item.added", json!({"item": begun}));
            for piece in pieces(arguments) {
                let delta = json!({"item_id": id, "delta": piece});
                push("response.function_call_arguments.delta", delta);
            }
            let done = json!({"item_id": id, "name": item["name"], "arguments": arguments});
            push("response.function_call_arguments.done", done);
        }
        _ => push("response.output_item.added", json!({"item": begun})),
    }
    push("response.output_item.done", json!({"item": item}));
}

fn items(names: &Names<'_>, answer: &Answer, status: &str) -> Vec<Value> {
    let wants_sealed = names.body["include"]
        .as_array()
        .is_some_and(|list| list.iter().any(|word| word == "reasoning.encrypted_content"));
    let custom = |name: &str| {
        let tools = names.body["tools"].as_array();
        tools.is_some_and(|tools| tools.iter().any(|t| t["type"] == "custom" && t["name"] == name))
    };
    let item = |(index, part): (usize, &AnswerPart)| {
        let id = |prefix: &str| format!("{prefix}_{}{index}", names.id);
        match part {
            AnswerPart::Text(text) => {
                let part =
                    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []});
                json!({"type": "message", "id": id("msg"), "status": status, "role": "assistant", "content": [part]})
            }
            AnswerPart::Thinking { text, .. } => {
                let mut item = json!({"type": "reasoning", "id": id("rs"), "summary": []});
                if wants_sealed {
                    item["encrypted_content"] = json!(format!("{SEAL}{}", STANDARD.encode(text)));
                }
                item
            }
            AnswerPart::Redacted(_) => json!({"type": "reasoning", "id": id("rs"), "summary": []}),
            AnswerPart::ToolUse { id: call, name, input } if custom(name) => {
                let input = input["input"].as_str().unwrap_or_default();
                json!({"type": "custom_tool_call", "id": id("ctc"), "status": status, "call_id": call, "name": name, "input": input})
            }
            AnswerPart::ToolUse { id: call, name, input } => {
                json!({"type": "function_call", "id": id("fc"), "status": status, "call_id": call, "name": name, "arguments": input.to_string()})
            }
        }
    };
    answer.parts.iter().enumerate().map(item).collect()
}

fn envelope(names: &Names<'_>, status: &str) -> Value {
    let asked = |key: &str, otherwise: Value| match &names.body[key] {
        Value::Null => otherwise,
        value => value.clone(),
    };
    json!({
        "id": format!("resp_{}", names.id),
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "background": false,
        "error": null,
        "incomplete_details": null,
        "instructions": asked("instructions", Value::Null),
        "model": names.model,
        "output": [],
        "parallel_tool_calls": asked("parallel_tool_calls", json!(true)),
        "previous_response_id": null,
        "reasoning": asked("reasoning", json!({"effort": null, "summary": null})),
        "store": asked("store", json!(true)),
        "temperature": asked("temperature", json!(1.0)),
        "text": asked("text", json!({"format": {"type": "text"}})),
        "tool_choice": asked("tool_choice", json!("auto")),
        "tools": asked("tools", json!([])),
        "top_p": asked("top_p", json!(1.0)),
        "truncation": "disabled",
        "usage": null,
    })
}

fn usage(usage: &Usage) -> Value {
    let cache = usage.cache_read + usage.cache_write_5m + usage.cache_write_1h;
    let input = usage.input + cache;
    json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": usage.cache_read},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": input + usage.output,
    })
}
