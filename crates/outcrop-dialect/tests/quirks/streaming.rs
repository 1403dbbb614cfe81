//! A.8: streams. And what rules of other parts say about answers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_dialect::answer::{AnswerStream, Label, Step};
use outcrop_dialect::names::ToolNames;
use outcrop_dialect::plan::Way;
use outcrop_model::{Dialect, ErrorClass, Fault, Frame, FrameKind, Phase};
use serde_json::{Value, json};

/// What an OpenAI client reads of Converse's events, each a JSON object, and how it ended.
fn chunks(events: &[(&str, Value)]) -> (Vec<Value>, Step) {
    let way = Way::Translate {
        from: Dialect::Converse,
        to: Dialect::OpenAiChat,
        names: ToolNames::default(),
        structured: None,
        include_usage: true,
    };
    let (text, step) = read(way, events);
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: {"));
    (lines.map(|line| serde_json::from_str(&format!("{{{line}")).unwrap()).collect(), step)
}

fn read(way: Way, events: &[(&str, Value)]) -> (String, Step) {
    let label = Label { id: "0".to_owned(), created: 0, model: "m".to_owned() };
    let mut stream = AnswerStream::new(way, &label, |_, _, _| {});
    let mut out = Vec::new();
    for (kind, payload) in events {
        let payload = payload.to_string();
        let frame = Frame { kind: FrameKind::Event(kind), payload: payload.as_bytes(), raw: b"" };
        stream.frame(&frame, &mut out);
    }
    let step = stream.eof(&mut out);
    (String::from_utf8(out).unwrap(), step)
}

fn delta(index: u32, delta: Value) -> (&'static str, Value) {
    ("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta}))
}

fn stop(index: u32) -> (&'static str, Value) {
    ("contentBlockStop", json!({"contentBlockIndex": index}))
}

fn call(index: u32, id: &str) -> (&'static str, Value) {
    let start = json!({"toolUse": {"toolUseId": id, "name": "f"}});
    ("contentBlockStart", json!({"contentBlockIndex": index, "start": start}))
}

fn ends(reason: &str) -> [(&'static str, Value); 2] {
    let usage = json!({
        "inputTokens": 10, "outputTokens": 5, "totalTokens": 22,
        "cacheReadInputTokens": 4, "cacheWriteInputTokens": 3,
    });
    [
        ("messageStop", json!({"stopReason": reason})),
        ("metadata", json!({"usage": usage, "metrics": {}})),
    ]
}

fn two_calls() -> Vec<(&'static str, Value)> {
    let mut events = vec![
        ("messageStart", json!({"role": "assistant"})),
        delta(0, json!({"reasoningContent": {"text": "Hm"}})),
        stop(0),
        delta(1, json!({"text": "Let me"})),
        stop(1),
        call(2, "a"),
        delta(2, json!({"toolUse": {"input": "{\"x\":1}"}})),
        stop(2),
        call(3, "b"),
        stop(3),
    ];
    events.extend(ends("tool_use"));
    events
}

fn calls(chunks: &[Value]) -> Vec<&Value> {
    chunks
        .iter()
        .map(|c| &c["choices"][0]["delta"]["tool_calls"][0])
        .filter(|c| !c.is_null())
        .collect()
}

#[test]
fn quirk_41_a_call_without_input_streams_an_empty_object() {
    let (chunks, _) = chunks(&two_calls());
    let last = *calls(&chunks).last().unwrap();
    assert_eq!((&last["index"], &last["function"]["arguments"]), (&json!(1), &json!("{}")));
}

#[test]
fn quirk_68_prompt_tokens_hold_what_was_cached() {
    let (chunks, _) = chunks(&two_calls());
    let usage = &chunks.last().unwrap()["usage"];
    assert_eq!(usage["prompt_tokens"], 17);
    let details = json!({"cached_tokens": 4, "cache_write_tokens": 3});
    assert_eq!(usage["prompt_tokens_details"], details);
}

#[test]
fn quirk_86_tools_are_counted_not_blocks() {
    let (chunks, _) = chunks(&two_calls());
    let opened = calls(&chunks).into_iter().filter(|call| call.get("id").is_some());
    let numbers: Vec<_> =
        opened.map(|call| (call["id"].as_str(), call["index"].as_u64())).collect();
    assert_eq!(numbers, [(Some("a"), Some(0)), (Some("b"), Some(1))]);
}

#[test]
fn quirk_87_the_role_comes_once_and_usage_last() {
    let (chunks, _) = chunks(&two_calls());
    let roles = chunks.iter().filter(|c| !c["choices"][0]["delta"]["role"].is_null()).count();
    assert_eq!((roles, &chunks[0]["choices"][0]["delta"]["role"]), (1, &json!("assistant")));
    let with_usage: Vec<usize> =
        (0..chunks.len()).filter(|i| !chunks[*i]["usage"].is_null()).collect();
    assert_eq!(with_usage, [chunks.len() - 1]);
    assert_eq!(chunks.last().unwrap()["choices"], json!([]));
}

#[test]
fn quirk_88_a_fault_in_the_stream_keeps_its_class() {
    let way = || Way::Translate {
        from: Dialect::Converse,
        to: Dialect::OpenAiChat,
        names: ToolNames::default(),
        structured: None,
        include_usage: false,
    };
    let label = Label { id: "0".to_owned(), created: 0, model: "m".to_owned() };
    for class in [ErrorClass::Overloaded, ErrorClass::Throttled] {
        let fault = Fault::new(class, Phase::Streaming, "no");
        let mut stream = AnswerStream::new(way(), &label, |_, _, _| {});
        let mut out = Vec::new();
        stream.write_fault(&fault, &mut out);
        let text = String::from_utf8(out).unwrap();
        let error: Value =
            serde_json::from_str(text.trim().strip_prefix("data: ").unwrap()).unwrap();
        assert_ne!(error["error"]["type"], "invalid_request_error", "{text}");
        assert!(!text.contains("[DONE]"));
    }
}

#[test]
fn quirk_89_an_answer_without_its_end_is_an_error() {
    let whole = two_calls();
    for length in [0, 1, 5, whole.len() - 2] {
        let (_, step) = chunks(&whole[..length]);
        let Step::Fault(fault) = step else { panic!("{length} events passed for an answer") };
        assert_eq!(fault.class, ErrorClass::Truncated, "{length}");
    }
}

#[test]
fn quirk_90_bedrocks_own_metrics_stay_inside() {
    let chunk = |json: &str| ("chunk", json!({"bytes": STANDARD.encode(json), "p": "abc"}));
    let events = [
        chunk(
            r#"{"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":3,"output_tokens":1}}}"#,
        ),
        chunk(
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        ),
        chunk(
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#,
        ),
        chunk(r#"{"type":"content_block_stop","index":0}"#),
        chunk(
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#,
        ),
        chunk(
            r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":3,"outputTokenCount":2}}"#,
        ),
    ];
    let (relayed, step) = read(Way::RelayAnthropic, &events);
    assert!(relayed.contains("message_stop") && !relayed.contains("invocationMetrics"));
    assert!(matches!(step, Step::Done));
}
