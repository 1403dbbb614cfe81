//! The life of a streamed Responses answer: what the official clients need of it, for any events.
//!
//! What each client of this dialect breaks on was tried with the clients themselves (checked
//! 2026-11-21): each rule here is what at least one of them cannot do without.

use std::collections::BTreeMap;

use outcrop_dialect::responses::{Answering, ResponseWriter};
use outcrop_dialect::sequencer::Sequencer;
use outcrop_dialect::sse::StreamWriter;
use outcrop_model::Event;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::answers::settings;
use crate::events::event;

fn stream(events: &[Event<'static>]) -> String {
    let answering = Answering {
        id: "0123".to_owned(),
        created: 1_700_000_000,
        model: "m".to_owned(),
        settings: settings(),
    };
    let (mut writer, mut out) = (ResponseWriter::new(answering), Vec::new());
    let mut sequencer = Sequencer::default();
    for event in events {
        sequencer.push(event.clone(), &mut |e| writer.write(e, &mut out));
    }
    sequencer.eof(&mut |e| writer.write(e, &mut out));
    String::from_utf8(out).unwrap()
}

/// What a client has put together of one item.
struct Item {
    id: Value,
    kind: Value,
    /// Text by part.
    parts: Vec<String>,
    open_part: bool,
    told: bool,
    done: Option<Value>,
}

/// Reads a stream as a strict client would; says how it ended.
pub fn live(sse: &str) -> String {
    let mut items: BTreeMap<u64, Item> = BTreeMap::new();
    let mut last = None;
    let frames: Vec<&str> = sse.split_terminator("\n\n").collect();
    for (n, frame) in frames.iter().enumerate() {
        let (name, data) = frame.split_once('\n').unwrap();
        let event: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        let kind = event["type"].as_str().unwrap().to_owned();
        assert_eq!(name, format!("event: {kind}"));
        assert_eq!(event["sequence_number"], json!(n), "{kind}");
        assert!(last.is_none(), "nothing follows the last event");
        match (n, kind.as_str()) {
            (0, "response.created") | (1, "response.in_progress") => {
                assert_eq!(event["response"]["id"], "resp_0123");
                assert_eq!(event["response"]["output"], json!([]));
            }
            (_, "response.completed" | "response.incomplete" | "response.failed") => {
                answer(&event["response"], &kind, &items);
                last = Some(kind);
            }
            (0 | 1, other) => panic!("{other} is not first"),
            (_, other) => item_event(other, &event, &mut items),
        }
    }
    last.expect("a last event")
}

fn item_event(kind: &str, event: &Value, items: &mut BTreeMap<u64, Item>) {
    let index = event["output_index"].as_u64().unwrap();
    if kind == "response.output_item.added" {
        let (id, kind) = (event["item"]["id"].clone(), event["item"]["type"].clone());
        assert_eq!(index, items.len() as u64, "items are numbered as they come");
        assert!(items.values().all(|item| item.id != id), "ids are unique");
        let (parts, open_part, told, done) = (Vec::new(), false, false, None);
        items.insert(index, Item { id, kind, parts, open_part, told, done });
        return;
    }
    let item = items.get_mut(&index).expect("an item is added before anything else");
    assert!(item.done.is_none(), "{kind} after the item was done");
    if kind == "response.output_item.done" {
        assert!(!item.open_part, "an open part in an item that is done");
        assert_eq!((&event["item"]["id"], &event["item"]["type"]), (&item.id, &item.kind));
        whole_item(item, &event["item"]);
        item.done = Some(event["item"].clone());
        return;
    }
    assert_eq!(event["item_id"], item.id, "{kind}");
    let part = ["content_index", "summary_index"].into_iter().find_map(|k| event[k].as_u64());
    match kind.rsplit_once('.').unwrap() {
        ("response.content_part" | "response.reasoning_summary_part", "added") => {
            assert!(!item.open_part);
            assert_eq!(part, Some(item.parts.len() as u64));
            item.parts.push(String::new());
            item.open_part = true;
        }
        ("response.content_part" | "response.reasoning_summary_part", "done") => {
            assert!(std::mem::replace(&mut item.open_part, false));
            assert_eq!(event["part"]["text"], *item.parts.last().unwrap());
        }
        ("response.output_text" | "response.reasoning_summary_text", "delta") => {
            assert!(item.open_part && part == Some(item.parts.len() as u64 - 1));
            item.parts.last_mut().unwrap().push_str(event["delta"].as_str().unwrap());
        }
        ("response.output_text" | "response.reasoning_summary_text", "done") => {
            assert!(item.open_part);
            assert_eq!(event["text"], *item.parts.last().unwrap());
        }
        ("response.function_call_arguments", "delta") => {
            let piece = event["delta"].as_str().unwrap();
            match item.parts.first_mut() {
                Some(so_far) => so_far.push_str(piece),
                None => item.parts.push(piece.to_owned()),
            }
        }
        ("response.function_call_arguments", "done") => {
            assert_eq!(event["arguments"], item.parts[0]);
            assert!(event["name"].is_string());
            item.told = true;
        }
        other => panic!("{other:?} is no event of an item"),
    }
}

/// What was told piece by piece is repeated whole.
fn whole_item(item: &Item, whole: &Value) {
    let texts = |list: &Value| -> Vec<String> {
        let parts = list.as_array().unwrap().iter();
        parts.map(|part| part["text"].as_str().unwrap().to_owned()).collect()
    };
    match whole["type"].as_str().unwrap() {
        "message" => {
            assert_eq!(texts(&whole["content"]), item.parts);
            assert!(!item.parts.is_empty(), "a message has content");
            assert!(whole["content"][0]["annotations"].is_array());
        }
        "reasoning" => {
            assert_eq!(texts(&whole["summary"]), item.parts);
            assert!(whole["encrypted_content"].is_string());
        }
        "function_call" => {
            assert!(item.told && whole["arguments"] == item.parts[0], "{whole}");
            assert!(whole["call_id"].is_string() && whole["name"].is_string());
        }
        other => panic!("no item is a {other}"),
    }
}

fn answer(answer: &Value, kind: &str, items: &BTreeMap<u64, Item>) {
    assert_eq!(answer["id"], "resp_0123");
    let status = kind.trim_start_matches("response.");
    assert_eq!(answer["status"], status);
    assert_eq!(answer["error"].is_object(), status == "failed");
    assert_eq!(answer["incomplete_details"].is_object(), status == "incomplete");
    for member in ["created_at", "model", "object", "parallel_tool_calls", "tool_choice", "tools"] {
        assert!(!answer[member].is_null(), "{member}");
    }
    let output = answer["output"].as_array().unwrap();
    assert_eq!(output.len(), items.len());
    for (whole, item) in output.iter().zip(items.values()) {
        match &item.done {
            Some(done) => assert_eq!(whole, done),
            None => assert_eq!(status, "failed", "an item that was never done"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn any_events_make_a_life(events in prop::collection::vec(event(), 0..40)) {
        let sse = stream(&events);
        let end = live(&sse);
        prop_assert_eq!(end == "response.failed", sse.contains("\"error\":{"));
    }
}

#[test]
fn a_free_text_tool_is_told_as_free_text() {
    let body = br#"{"model":"m","input":"x","tools":[{"type":"custom","name":"run"}]}"#;
    let settings = outcrop_dialect::responses::decode_alone(body).unwrap().settings;
    let answering = Answering {
        id: "01".to_owned(),
        created: 1,
        model: "m".to_owned(),
        settings: std::sync::Arc::new(settings),
    };
    let (mut writer, mut out) = (ResponseWriter::new(answering), Vec::new());
    let call = outcrop_model::Opening::ToolUse { id: "t1".into(), name: "run".into() };
    let input = |text: &'static str| outcrop_model::Delta::ToolInput(text.into());
    for event in [
        Event::Start { id: None, usage: None },
        Event::Open { index: 0, block: call },
        Event::Delta { index: 0, delta: input("{\"input\":\"ls ") },
        Event::Delta { index: 0, delta: input("-l\"}") },
        Event::Close { index: 0 },
        Event::Stop(outcrop_model::StopReason::ToolUse),
        Event::End,
    ] {
        writer.write(&event, &mut out);
    }
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains(r#""type":"custom_tool_call","status":"completed","call_id":"t1","name":"run","input":"ls -l""#), "{text}");
    assert!(text.contains("event: response.custom_tool_call_input.done"), "{text}");
    assert!(writer.finished().is_some(), "kept unless the caller says otherwise");
}
