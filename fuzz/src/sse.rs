//! Streams as a strict client reads them.

use std::collections::BTreeSet;

use outcrop_aws::eventstream::Decoder;
use outcrop_dialect::plan::Way;
use outcrop_model::Dialect;
use serde_json::{Value, json};

use crate::streams::{End, Read};

pub fn check(way: &Way, read: &Read) {
    let to = match way {
        Way::Translate { to, .. } => *to,
        Way::Respond { .. } => Dialect::Responses,
        Way::RelayAnthropic => return relayed(read),
        Way::RelayBedrock(_) => return frames(&read.bytes),
        // The model's own bytes, whatever they are.
        Way::RelayChat { .. } | Way::RelayResponses { .. } => return,
    };
    if matches!(read.end, End::Refused(_)) {
        return;
    }
    let complete = read.end == End::Complete;
    let events = events(&read.bytes);
    match to {
        Dialect::Anthropic => messages(&events, complete),
        Dialect::Responses => responses(&events, complete, read.kept.as_deref()),
        _ => chunks(&events, complete),
    }
}

/// An event's name, if it has one, and its data.
type Event = (Option<String>, String);

fn events(bytes: &[u8]) -> Vec<Event> {
    let text = std::str::from_utf8(bytes).expect("SSE is UTF-8");
    assert!(text.is_empty() || text.ends_with("\n\n"), "an event is left open");
    let event = |event: &str| {
        let (name, data) = match event.split_once('\n') {
            Some((name, data)) => (Some(name.strip_prefix("event: ").expect("a name")), data),
            None => (None, event),
        };
        let data = data.strip_prefix("data: ").expect("data");
        assert!(!data.contains(['\n', '\r']), "data of one line");
        (name.map(str::to_owned), data.to_owned())
    };
    text.split_terminator("\n\n").map(event).collect()
}

fn value(data: &str) -> Value {
    serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"))
}

/// The bytes of a relay: whole frames.
fn frames(bytes: &[u8]) {
    let mut decoder = Decoder::default();
    decoder.push(bytes);
    while decoder.next().expect("frames are relayed whole").is_some() {}
    assert!(decoder.finish().is_ok());
}

/// What Bedrock sends is passed on, whatever it is; but as SSE, and a fault is the last of it.
fn relayed(read: &Read) {
    let events = events(&read.bytes);
    if let End::BrokenOff(_) = read.end {
        assert_eq!(events.last().and_then(|(name, _)| name.as_deref()), Some("error"));
    }
}

/// Chat Completions and text completions.
fn chunks(events: &[Event], complete: bool) {
    let done = events.iter().filter(|(_, data)| data == "[DONE]").count();
    assert_eq!(done, usize::from(complete), "one [DONE], at the end of success alone");
    let mut finished = 0;
    for (n, (name, data)) in events.iter().enumerate() {
        assert!(name.is_none(), "this dialect names no events");
        if data == "[DONE]" {
            assert_eq!(n + 1, events.len(), "something follows the end");
            continue;
        }
        let chunk = value(data);
        if chunk["error"].is_object() {
            assert!(!complete && n + 1 == events.len(), "an error that is not the end");
            continue;
        }
        for choice in chunk["choices"].as_array().expect("choices") {
            assert_eq!(finished, 0, "something follows the finish reason");
            finished += usize::from(choice["finish_reason"].is_string());
        }
    }
    assert!(!complete || finished == 1, "one finish reason");
}

fn messages(events: &[Event], complete: bool) {
    let (mut open, mut next, mut told) = (BTreeSet::new(), 0, false);
    let last = if complete { "message_stop" } else { "error" };
    for (n, (name, data)) in events.iter().enumerate() {
        let event = value(data);
        let kind = event["type"].as_str().expect("a type");
        assert_eq!(name.as_deref(), Some(kind), "an event is named by its type");
        assert_eq!(n == 0, kind == "message_start", "one start, at the start");
        assert_eq!(n + 1 == events.len(), kind == last, "one {last}, at the end");
        assert!(!told || kind == last, "{kind} after message_delta");
        match kind {
            "content_block_start" => {
                assert_eq!(event["index"], json!(next), "blocks are numbered as they open");
                open.insert(next);
                next += 1;
            }
            "content_block_delta" => assert!(open.contains(&event["index"].as_u64().unwrap())),
            "content_block_stop" => assert!(open.remove(&event["index"].as_u64().unwrap())),
            "message_delta" => {
                assert!(open.is_empty(), "a block is left open");
                assert!(event["usage"]["output_tokens"].is_u64(), "{event}");
                told = true;
            }
            "message_start" | "message_stop" | "error" => {}
            other => panic!("no event is called {other}"),
        }
    }
    assert_eq!(told, complete);
}

fn responses(events: &[Event], complete: bool, kept: Option<&[u8]>) {
    let (mut items, mut done) = (Vec::new(), BTreeSet::new());
    for (n, (name, data)) in events.iter().enumerate() {
        let event = value(data);
        let kind = event["type"].as_str().expect("a type");
        assert_eq!(name.as_deref(), Some(kind), "an event is named by its type");
        assert_eq!(event["sequence_number"], json!(n), "events are counted");
        let is_end =
            ["response.completed", "response.incomplete", "response.failed"].contains(&kind);
        assert_eq!(n + 1 == events.len(), is_end, "{kind} is not the end");
        match (n, kind) {
            (0, _) => assert_eq!(kind, "response.created"),
            (1, _) => assert_eq!(kind, "response.in_progress"),
            (_, "response.output_item.added") => {
                assert_eq!(event["output_index"], json!(items.len()), "items are numbered");
                items.push(event["item"]["id"].clone());
            }
            (_, "response.output_item.done") => {
                let index = event["output_index"].as_u64().unwrap();
                assert_eq!(items[usize::try_from(index).unwrap()], event["item"]["id"]);
                assert!(done.insert(index), "an item is done once");
            }
            (_, _) if is_end => {
                assert_eq!(kind == "response.failed", !complete);
                assert!(!complete || done.len() == items.len(), "an item is left open");
                let ids: Vec<&Value> = event["response"]["output"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|i| &i["id"])
                    .collect();
                assert_eq!(ids, items.iter().collect::<Vec<_>>(), "the end repeats all items");
                if let Some(kept) = kept {
                    assert_eq!(value(std::str::from_utf8(kept).unwrap()), event["response"]);
                }
            }
            (_, _) => {
                let index = event["output_index"].as_u64().expect("an item's event");
                assert!((index as usize) < items.len() && !done.contains(&index), "{kind}");
            }
        }
    }
}
