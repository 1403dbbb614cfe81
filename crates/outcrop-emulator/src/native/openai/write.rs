//! The chat completion, whole and as chunks.

use serde_json::{Value, json};

use super::choices::finish_reason;
use crate::native::plain::{text_of, thinking_of};
use crate::native::{Pieces, metrics};
use crate::words::{Answer, AnswerPart, Usage};

/// A fixed moment, so that the same answer is always written the same way.
const CREATED: u64 = 1_767_225_600;

pub(crate) fn response(model_id: &str, message_id: &str, answer: &Answer) -> Value {
    let calls: Vec<Value> = calls(answer).into_iter().map(|(call, _)| call).collect();
    let mut message = json!({"role": "assistant", "content": content(answer), "refusal": null});
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    json!({
        "id": message_id,
        "object": "chat.completion",
        "created": CREATED,
        "model": model_id,
        "choices": [{
            "index": 0,
            "message": message,
            "logprobs": null,
            "finish_reason": finish_reason(&answer.stop),
        }],
        "usage": usage(&answer.usage),
    })
}

pub(crate) fn chunks(
    model_id: &str,
    message_id: &str,
    answer: &Answer,
    pieces: Pieces<'_>,
) -> Vec<Value> {
    let chunk = |delta: Value, reason: Option<&str>| {
        json!({
            "id": message_id,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": model_id,
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        })
    };
    let mut chunks = vec![chunk(json!({"role": "assistant", "content": ""}), None)];
    let text = pieces(&content(answer)).into_iter();
    chunks.extend(text.map(|piece| chunk(json!({"content": piece}), None)));
    for (index, (call, arguments)) in calls(answer).into_iter().enumerate() {
        chunks.push(chunk(json!({"tool_calls": [opening(index, call)]}), None));
        let more = |piece| json!({"index": index, "function": {"arguments": piece}});
        let pieces = pieces(&arguments).into_iter();
        chunks.extend(pieces.map(|piece| chunk(json!({"tool_calls": [more(piece)]}), None)));
    }
    let mut last = chunk(json!({}), Some(finish_reason(&answer.stop)));
    last["usage"] = usage(&answer.usage);
    last[metrics::KEY] = metrics::of(&answer.usage);
    chunks.push(last);
    chunks
}

/// The first chunk of a call: its index, and no arguments yet.
fn opening(index: usize, mut call: Value) -> Value {
    call["index"] = json!(index);
    call["function"]["arguments"] = json!("");
    call
}

fn content(answer: &Answer) -> String {
    match thinking_of(answer) {
        thinking if thinking.is_empty() => text_of(answer),
        thinking => format!("<reasoning>{thinking}</reasoning>{}", text_of(answer)),
    }
}

/// Every tool call with its argument text.
fn calls(answer: &Answer) -> Vec<(Value, String)> {
    let call = |part: &AnswerPart| match part {
        AnswerPart::ToolUse { id, name, input } => {
            let arguments = input.to_string();
            let function = json!({"name": name, "arguments": arguments});
            Some((json!({"id": id, "type": "function", "function": function}), arguments))
        }
        AnswerPart::Text(_) | AnswerPart::Thinking { .. } | AnswerPart::Redacted(_) => None,
    };
    answer.parts.iter().filter_map(call).collect()
}

/// Prompt tokens include the cached ones.
fn usage(usage: &Usage) -> Value {
    let cache = usage.cache_read + usage.cache_write_5m + usage.cache_write_1h;
    let prompt = usage.input + cache;
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
    })
}
