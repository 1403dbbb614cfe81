//! The Anthropic message, whole and as stream events.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::native::metrics;
use crate::words::{Answer, AnswerPart, Citation, Stop, Unit, Usage};

/// Output tokens the first event reports, before anything was generated.
const FIRST_OUTPUT_TOKENS: u64 = 1;

pub(crate) fn response(model_id: &str, message_id: &str, answer: &Answer) -> Value {
    let (reason, sequence) = stop(&answer.stop);
    json!({
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": model_name(model_id),
        "content": content(answer),
        "stop_reason": reason,
        "stop_sequence": sequence,
        "usage": usage(&answer.usage),
    })
}

fn content(answer: &Answer) -> Vec<Value> {
    let cited = |(index, part): (usize, &AnswerPart)| {
        let mut block = block(part);
        if let Some(cited) = answer.citation_of(index) {
            block["citations"] = json!([citation(cited)]);
        }
        block
    };
    answer.parts.iter().enumerate().map(cited).collect()
}

fn citation(citation: &Citation) -> Value {
    let Citation { unit, index, title, start, end, text } = citation;
    let (kind, start_key, end_key) = match unit {
        Unit::Chars => ("char_location", "start_char_index", "end_char_index"),
        Unit::Pages => ("page_location", "start_page_number", "end_page_number"),
        Unit::Parts => ("content_block_location", "start_block_index", "end_block_index"),
        Unit::Result(source) => {
            return json!({
                "type": "search_result_location", "cited_text": text, "source": source,
                "search_result_index": index, "title": title,
                "start_block_index": start, "end_block_index": end,
            });
        }
    };
    json!({
        "type": kind, "cited_text": text, "document_index": index, "document_title": title,
        start_key: start, end_key: end, "file_id": null,
    })
}

pub(crate) fn chunks(
    model_id: &str,
    message_id: &str,
    answer: &Answer,
    pieces: &dyn Fn(&str) -> Vec<String>,
) -> Vec<Value> {
    let mut events = vec![start(model_id, message_id, answer)];
    for (index, part) in answer.parts.iter().enumerate() {
        block_events(index, part, answer.citation_of(index), pieces, &mut events);
    }
    let (reason, sequence) = stop(&answer.stop);
    events.push(json!({
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": sequence},
        "usage": usage(&answer.usage),
    }));
    events.push(json!({
        "type": "message_stop",
        (metrics::KEY): metrics::of(&answer.usage),
    }));
    events
}

fn start(model_id: &str, message_id: &str, answer: &Answer) -> Value {
    let before = Answer {
        parts: Vec::new(),
        stop: Stop::EndTurn,
        citation: None,
        usage: Usage { output: answer.usage.output.min(FIRST_OUTPUT_TOKENS), ..answer.usage },
    };
    let mut message = response(model_id, message_id, &before);
    message["stop_reason"] = Value::Null;
    json!({"type": "message_start", "message": message})
}

fn block_events(
    index: usize,
    part: &AnswerPart,
    cited: Option<&Citation>,
    pieces: &dyn Fn(&str) -> Vec<String>,
    events: &mut Vec<Value>,
) {
    let mut opening = empty_block(part);
    if cited.is_some() {
        opening["citations"] = json!([]);
    }
    events.push(json!({
        "type": "content_block_start",
        "index": index,
        "content_block": opening,
    }));
    let cited = cited.map(|c| json!({"type": "citations_delta", "citation": citation(c)}));
    let deltas = deltas(part, pieces).into_iter().chain(cited);
    let delta = |delta| json!({"type": "content_block_delta", "index": index, "delta": delta});
    events.extend(deltas.map(delta));
    events.push(json!({"type": "content_block_stop", "index": index}));
}

fn deltas(part: &AnswerPart, pieces: &dyn Fn(&str) -> Vec<String>) -> Vec<Value> {
    match part {
        AnswerPart::Text(text) => pieces(text)
            .into_iter()
            .map(|piece| json!({"type": "text_delta", "text": piece}))
            .collect(),
        AnswerPart::Thinking { text, signature } => pieces(text)
            .into_iter()
            .map(|piece| json!({"type": "thinking_delta", "thinking": piece}))
            .chain([json!({"type": "signature_delta", "signature": signature})])
            .collect(),
        AnswerPart::Redacted(_) => Vec::new(),
        AnswerPart::ToolUse { input, .. } => [String::new()]
            .into_iter()
            .chain(input_pieces(input, pieces))
            .map(|piece| json!({"type": "input_json_delta", "partial_json": piece}))
            .collect(),
    }
}

/// A call without arguments streams no JSON at all, only the first empty delta.
fn input_pieces(input: &Value, pieces: &dyn Fn(&str) -> Vec<String>) -> Vec<String> {
    if input.as_object().is_some_and(serde_json::Map::is_empty) {
        return Vec::new();
    }
    pieces(&input.to_string())
}

fn block(part: &AnswerPart) -> Value {
    match part {
        AnswerPart::Text(text) => json!({"type": "text", "text": text}),
        AnswerPart::Thinking { text, signature } => {
            json!({"type": "thinking", "thinking": text, "signature": signature})
        }
        AnswerPart::Redacted(data) => {
            json!({"type": "redacted_thinking", "data": STANDARD.encode(data)})
        }
        AnswerPart::ToolUse { id, name, input } => {
            json!({"type": "tool_use", "id": id, "name": name, "input": input})
        }
    }
}

/// The block as its start event shows it. Redacted thinking comes whole, there is no delta for it.
fn empty_block(part: &AnswerPart) -> Value {
    match part {
        AnswerPart::Text(_) => json!({"type": "text", "text": ""}),
        AnswerPart::Thinking { .. } => json!({"type": "thinking", "thinking": "", "signature": ""}),
        AnswerPart::Redacted(_) => block(part),
        AnswerPart::ToolUse { id, name, .. } => {
            json!({"type": "tool_use", "id": id, "name": name, "input": {}})
        }
    }
}

fn stop(stop: &Stop) -> (&str, Option<&str>) {
    match stop {
        Stop::EndTurn => ("end_turn", None),
        Stop::ToolUse => ("tool_use", None),
        Stop::MaxTokens => ("max_tokens", None),
        Stop::StopSequence(sequence) => ("stop_sequence", Some(sequence)),
        Stop::Other(reason) => (other_stop(reason), None),
    }
}

/// Bedrock's own stop reasons in Anthropic's words; an unknown one stays as it is.
fn other_stop(reason: &str) -> &str {
    match reason {
        "guardrail_intervened" | "content_filtered" => "refusal",
        "malformed_model_output" | "malformed_tool_use" => "end_turn",
        other => other,
    }
}

fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        },
        "output_tokens": usage.output,
    })
}

/// The bare model name: without ARN, geography, provider and version suffix.
fn model_name(model_id: &str) -> &str {
    let name = model_id.rsplit('/').next().unwrap_or(model_id);
    let name = name.rsplit_once("anthropic.").map_or(name, |(_, bare)| bare);
    let name = name.split_once(':').map_or(name, |(bare, _)| bare);
    let is_revision = |rest: &str| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit());
    match name.rsplit_once("-v") {
        Some((bare, revision)) if is_revision(revision) => bare,
        _ => name,
    }
}
