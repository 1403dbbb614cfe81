//! An answer as a Converse response, or as the events of ConverseStream.
//!
//! Invariants: (1) text and reasoning blocks have no `contentBlockStart`; (2) `metadata` follows
//! `messageStop`; (3) a union has exactly one member.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::citation;
use crate::reply::Event;
use crate::tokens;
use crate::words::{Answer, AnswerPart, Stop, Usage};

/// What a response says besides the answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extras {
    pub(crate) latency_ms: u64,
    /// `additionalModelResponseFields`, when any was asked for and found.
    pub(crate) fields: Option<Value>,
    pub(crate) performance: Option<Value>,
    pub(crate) service_tier: Option<Value>,
}

/// The whole response.
pub(crate) fn response(answer: &Answer, extras: &Extras) -> Value {
    let content: Vec<Value> = (0..)
        .zip(&answer.parts)
        .map(|(index, part)| match (part, answer.citation_of(index)) {
            (AnswerPart::Text(text), Some(citation)) => citation::block(text, citation),
            _ => block(part),
        })
        .collect();
    let mut body = json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason(&answer.stop),
        "usage": usage(&answer.usage),
        "metrics": {"latencyMs": extras.latency_ms},
    });
    add(&mut body, "additionalModelResponseFields", extras.fields.as_ref());
    add(&mut body, "performanceConfig", extras.performance.as_ref());
    add(&mut body, "serviceTier", extras.service_tier.as_ref());
    body
}

/// The events of a stream, with deltas of `size` tokens.
pub(crate) fn events(answer: &Answer, extras: &Extras, size: usize) -> Vec<Event> {
    let mut events = vec![Event::new("messageStart", json!({"role": "assistant"}))];
    for (index, part) in answer.parts.iter().enumerate() {
        if let AnswerPart::ToolUse { id, name, .. } = part {
            let start = json!({"toolUse": {"toolUseId": id, "name": name}});
            events.push(Event::new(
                "contentBlockStart",
                json!({"contentBlockIndex": index, "start": start}),
            ));
        }
        let cited = answer.citation_of(index).map(|c| json!({"citation": citation::write(c)}));
        events.extend(deltas(part, size).into_iter().chain(cited).map(|delta| {
            Event::new("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta}))
        }));
        events.push(Event::new("contentBlockStop", json!({"contentBlockIndex": index})));
    }
    let mut stop = json!({"stopReason": stop_reason(&answer.stop)});
    add(&mut stop, "additionalModelResponseFields", extras.fields.as_ref());
    events.push(Event::new("messageStop", stop));
    let mut metadata = json!({
        "usage": usage(&answer.usage),
        "metrics": {"latencyMs": extras.latency_ms},
    });
    add(&mut metadata, "performanceConfig", extras.performance.as_ref());
    add(&mut metadata, "serviceTier", extras.service_tier.as_ref());
    events.push(Event::new("metadata", metadata));
    events
}

/// The spelling of a stop reason.
pub(crate) fn stop_reason(stop: &Stop) -> &str {
    match stop {
        Stop::EndTurn => "end_turn",
        Stop::ToolUse => "tool_use",
        Stop::MaxTokens => "max_tokens",
        Stop::StopSequence(_) => "stop_sequence",
        Stop::Other(reason) => reason,
    }
}

fn block(part: &AnswerPart) -> Value {
    match part {
        AnswerPart::Text(text) => json!({"text": text}),
        AnswerPart::Thinking { text, signature } if signature.is_empty() => {
            json!({"reasoningContent": {"reasoningText": {"text": text}}})
        }
        AnswerPart::Thinking { text, signature } => {
            json!({"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}})
        }
        AnswerPart::Redacted(bytes) => {
            json!({"reasoningContent": {"redactedContent": STANDARD.encode(bytes)}})
        }
        AnswerPart::ToolUse { id, name, input } => {
            json!({"toolUse": {"toolUseId": id, "name": name, "input": input}})
        }
    }
}

fn deltas(part: &AnswerPart, size: usize) -> Vec<Value> {
    let cut = |text: &str| tokens::groups(text, size);
    match part {
        AnswerPart::Text(text) => cut(text).iter().map(|text| json!({"text": text})).collect(),
        AnswerPart::Thinking { text, signature } => {
            let texts =
                cut(text).into_iter().map(|text| json!({"reasoningContent": {"text": text}}));
            let signed = (!signature.is_empty())
                .then(|| json!({"reasoningContent": {"signature": signature}}));
            texts.chain(signed).collect()
        }
        AnswerPart::Redacted(bytes) => {
            vec![json!({"reasoningContent": {"redactedContent": STANDARD.encode(bytes)}})]
        }
        // Claude sends an empty delta for a tool without arguments.
        AnswerPart::ToolUse { input, .. } if is_empty(input) => {
            vec![json!({"toolUse": {"input": ""}})]
        }
        AnswerPart::ToolUse { input, .. } => {
            cut(&input.to_string()).iter().map(|text| json!({"toolUse": {"input": text}})).collect()
        }
    }
}

fn is_empty(input: &Value) -> bool {
    input.as_object().is_some_and(Map::is_empty)
}

/// `inputTokens` counts no cached tokens; cache members appear only when a cache was used.
fn usage(usage: &Usage) -> Value {
    let written = usage.cache_write_5m + usage.cache_write_1h;
    let mut json = json!({
        "inputTokens": usage.input,
        "outputTokens": usage.output,
        "totalTokens": usage.input + usage.output + usage.cache_read + written,
    });
    if usage.cache_read + written > 0 {
        json["cacheReadInputTokens"] = json!(usage.cache_read);
        json["cacheWriteInputTokens"] = json!(written);
    }
    let details: Vec<Value> = [("1h", usage.cache_write_1h), ("5m", usage.cache_write_5m)]
        .into_iter()
        .filter(|(_, tokens)| *tokens > 0)
        .map(|(ttl, tokens)| json!({"ttl": ttl, "inputTokens": tokens}))
        .collect();
    if !details.is_empty() {
        json["cacheDetails"] = json!(details);
    }
    json
}

fn add(body: &mut Value, name: &str, value: Option<&Value>) {
    if let Some(value) = value {
        body[name] = value.clone();
    }
}
