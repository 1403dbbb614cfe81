//! What the families' tests share, and what holds for all of them.

use serde_json::{Value, json};

use super::*;
use crate::words::{AnswerPart, Part, Stop, Usage};

const USAGE: Usage =
    Usage { input: 10, output: 20, cache_read: 0, cache_write_5m: 0, cache_write_1h: 0 };

pub(crate) fn text_answer() -> Answer {
    let parts = vec![AnswerPart::Text("Hello, wörld".into())];
    Answer { parts, stop: Stop::MaxTokens, usage: USAGE, citation: None }
}

/// Thinking, text and two tool calls, one of them without arguments.
pub(crate) fn full_answer() -> Answer {
    let call = |id: &str, name: &str, input: Value| AnswerPart::ToolUse {
        id: id.into(),
        name: name.into(),
        input,
    };
    Answer {
        parts: vec![
            AnswerPart::Thinking { text: "let me think".into(), signature: "c2ln".into() },
            AnswerPart::Text("Hello, wörld".into()),
            call("t1", "weather", json!({"city": "Bern"})),
            call("t2", "now", json!({})),
        ],
        stop: Stop::ToolUse,
        usage: USAGE,
        citation: None,
    }
}

pub(crate) fn letters(text: &str) -> Vec<String> {
    text.chars().map(String::from).collect()
}

/// The texts at `pointer` of all chunks, in a row.
pub(crate) fn joined(chunks: &[Value], pointer: &str) -> String {
    chunks.iter().filter_map(|chunk| chunk.pointer(pointer)?.as_str()).collect()
}

/// The text parts of a prompt's turns.
pub(crate) fn told(prompt: &Prompt) -> Vec<&str> {
    fn text(part: &Part) -> Option<&str> {
        if let Part::Text(text) = part { Some(text) } else { None }
    }
    prompt.turns.iter().flat_map(|turn| turn.parts.iter().filter_map(text)).collect()
}

#[track_caller]
pub(crate) fn refusal(parse: fn(&Value) -> Result<Prompt, String>, body: Value) -> String {
    parse(&body).expect_err("should be refused")
}

#[test]
fn every_family_ends_its_stream_with_metrics() {
    for family in FAMILIES {
        let prompt = Prompt::default();
        let chunks = chunks(family, "model", "id", &prompt, &full_answer(), &letters);
        let metrics = |chunk: &Value| chunk.get("amazon-bedrock-invocationMetrics").cloned();
        let last = metrics(chunks.last().unwrap()).unwrap_or_default();
        assert_eq!(last["inputTokenCount"], 10, "{family}");
        assert_eq!(chunks.iter().filter_map(metrics).count(), 1, "{family}");
        assert!(response(family, "model", "id", &prompt, &full_answer()).is_object(), "{family}");
    }
}

#[test]
fn no_family_reads_what_is_not_an_object() {
    for family in FAMILIES {
        for body in [json!(null), json!([]), json!("text"), json!({})] {
            assert!(parse(family, &body).is_err(), "{family} read {body}");
        }
    }
}

#[test]
fn an_unknown_family_is_refused() {
    assert!(parse("abacus", &json!({})).is_err());
    assert_eq!(response("abacus", "m", "id", &Prompt::default(), &text_answer()), Value::Null);
}
