//! Nova's answer, whole and as stream events.
//!
//! Nova signs no reasoning and redacts none: signatures and redacted parts of an answer are left out.

use serde_json::{Value, json};

use crate::native::{Pieces, metrics};
use crate::words::{Answer, AnswerPart, Stop, Usage};

pub(crate) fn response(answer: &Answer) -> Value {
    let content: Vec<Value> = spoken(answer).map(block).collect();
    json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop(&answer.stop),
        "usage": usage(&answer.usage),
    })
}

pub(crate) fn chunks(answer: &Answer, pieces: Pieces<'_>) -> Vec<Value> {
    let mut chunks = vec![json!({"messageStart": {"role": "assistant"}})];
    for (index, part) in spoken(answer).enumerate() {
        if let AnswerPart::ToolUse { id, name, .. } = part {
            let start = json!({"toolUse": {"toolUseId": id, "name": name}});
            let start = json!({"start": start, "contentBlockIndex": index});
            chunks.push(json!({"contentBlockStart": start}));
        }
        chunks.extend(deltas(part, pieces).into_iter().map(
            |delta| json!({"contentBlockDelta": {"delta": delta, "contentBlockIndex": index}}),
        ));
        chunks.push(json!({"contentBlockStop": {"contentBlockIndex": index}}));
    }
    chunks.push(json!({"messageStop": {"stopReason": stop(&answer.stop)}}));
    chunks.push(json!({
        "metadata": {"usage": usage(&answer.usage), "metrics": {}, "trace": {}},
        (metrics::KEY): metrics::of(&answer.usage),
    }));
    chunks
}

fn spoken(answer: &Answer) -> impl Iterator<Item = &AnswerPart> {
    answer.parts.iter().filter(|part| !matches!(part, AnswerPart::Redacted(_)))
}

fn deltas(part: &AnswerPart, pieces: Pieces<'_>) -> Vec<Value> {
    match part {
        AnswerPart::Text(text) => {
            pieces(text).into_iter().map(|piece| json!({"text": piece})).collect()
        }
        AnswerPart::Thinking { text, .. } => pieces(text).into_iter().map(reasoning).collect(),
        AnswerPart::ToolUse { input, .. } => pieces(&input.to_string())
            .into_iter()
            .map(|piece| json!({"toolUse": {"input": piece}}))
            .collect(),
        AnswerPart::Redacted(_) => Vec::new(),
    }
}

fn block(part: &AnswerPart) -> Value {
    match part {
        AnswerPart::Text(text) => json!({"text": text}),
        AnswerPart::Thinking { text, .. } => reasoning(text.clone()),
        AnswerPart::ToolUse { id, name, input } => {
            json!({"toolUse": {"toolUseId": id, "name": name, "input": input}})
        }
        AnswerPart::Redacted(_) => Value::Null,
    }
}

fn reasoning(text: String) -> Value {
    json!({"reasoningContent": {"reasoningText": {"text": text}}})
}

fn stop(stop: &Stop) -> &str {
    match stop {
        Stop::EndTurn => "end_turn",
        Stop::ToolUse => "tool_use",
        Stop::MaxTokens => "max_tokens",
        Stop::StopSequence(_) => "stop_sequence",
        Stop::Other(reason) => reason,
    }
}

fn usage(usage: &Usage) -> Value {
    let cache_write = usage.cache_write_5m + usage.cache_write_1h;
    json!({
        "inputTokens": usage.input,
        "outputTokens": usage.output,
        "totalTokens": usage.input + usage.output + usage.cache_read + cache_write,
        "cacheReadInputTokenCount": usage.cache_read,
        "cacheWriteInputTokenCount": cache_write,
    })
}
