//! What a text rests on comes whole or streamed, and goes back as it came.

use std::sync::Arc;

use outcrop_dialect::answer::{AnswerStream, Step, whole};
use outcrop_dialect::carry::Destination;
use outcrop_dialect::names::ToolNames;
use outcrop_dialect::plan::{Peeked, Way};
use outcrop_model::{Catalog, Dialect, Frame, FrameKind, Ledger};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::answers::label;

/// Taken to be able to do whatever Converse can say.
const ANYTHING: &str = "newvendor.model-1";

/// A citation of Converse that Anthropic has words for.
fn citation() -> impl Strategy<Value = Value> {
    let numbers = (any::<u32>(), any::<u32>(), any::<u32>());
    (0..5_usize, numbers, proptest::option::of("\\PC{1,9}"), "\\PC{1,9}").prop_map(
        |(kind, (index, start, end), title, text)| {
            let span = |index_key: &str| json!({index_key: index, "start": start, "end": end});
            let location = match kind {
                0 => json!({"documentChar": span("documentIndex")}),
                1 => json!({"documentPage": span("documentIndex")}),
                2 => json!({"documentChunk": span("documentIndex")}),
                3 => json!({"searchResultLocation": span("searchResultIndex")}),
                _ => json!({"web": {"url": format!("https://example.com/{index}")}}),
            };
            let mut citation = json!({"sourceContent": [{"text": text}], "location": location});
            if let Some(title) = title {
                citation["title"] = json!(title);
            }
            if kind == 3 {
                citation["source"] = json!(text);
            }
            citation
        },
    )
}

fn way(to: Dialect) -> Way {
    let names = ToolNames::default();
    Way::Translate { from: Dialect::Converse, to, names, structured: None, include_usage: false }
}

fn answer(text: &str, citations: &[Value]) -> Vec<u8> {
    let block = match citations {
        [] => json!({"text": text}),
        _ => json!({"citationsContent": {"content": [{"text": text}], "citations": citations}}),
    };
    json!({"output": {"message": {"role": "assistant", "content": [block]}}, "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}})
    .to_string()
    .into_bytes()
}

/// Text and citations as deltas of one block, each citation after as many pieces as `after` says.
fn stream(text: &str, citations: &[Value], cuts: usize) -> Vec<(&'static str, Value)> {
    let pieces: Vec<String> =
        text.chars().collect::<Vec<_>>().chunks(cuts).map(|c| c.iter().collect()).collect();
    let mut deltas: Vec<Value> = pieces.iter().map(|piece| json!({"text": piece})).collect();
    deltas.extend(citations.iter().map(|citation| json!({"citation": citation})));
    let delta = |delta| ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": delta}));
    let mut frames = vec![("messageStart", json!({"role": "assistant"}))];
    frames.extend(deltas.into_iter().map(delta));
    frames.push(("contentBlockStop", json!({"contentBlockIndex": 0})));
    frames.push(("messageStop", json!({"stopReason": "end_turn"})));
    frames.push(("metadata", json!({"usage": {"inputTokens": 1, "outputTokens": 1}})));
    frames
}

fn streamed(to: Dialect, frames: &[(&'static str, Value)]) -> (Vec<Value>, usize) {
    let mut stream = AnswerStream::new(way(to), &label(), |_, _, _| {});
    let mut out = Vec::new();
    for (kind, payload) in frames {
        let payload = payload.to_string();
        let frame = Frame { kind: FrameKind::Event(kind), payload: payload.as_bytes(), raw: &[] };
        assert!(!matches!(stream.frame(&frame, &mut out), Step::Fault(_)));
    }
    let text = String::from_utf8(out).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = data.filter_map(|data| serde_json::from_str(data).ok()).collect();
    (events, stream.tally().unknown)
}

/// The block that an Anthropic client puts together from the events of a stream.
fn assembled(events: &[Value]) -> Value {
    let (mut text, mut citations) = (String::new(), Vec::new());
    for delta in events.iter().map(|event| &event["delta"]) {
        text.extend(delta["text"].as_str());
        citations.extend(delta.get("citation").cloned());
    }
    let mut block = json!({"type": "text", "text": text});
    if !citations.is_empty() {
        block["citations"] = json!(citations);
    }
    block
}

/// The model's turn as it is sent to Converse again.
fn sent_again(block: &Value) -> (Value, Ledger) {
    let body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "go"},
        {"role": "assistant", "content": [block]}, {"role": "user", "content": "on"}]});
    let mut ledger = Ledger::default();
    let body = body.to_string();
    let peeked = Peeked::anthropic(body.as_bytes(), Vec::new()).unwrap();
    let sent = peeked.plan(Destination::of(Catalog::built_in(), ANYTHING), &mut ledger).unwrap();
    let sent: Value = serde_json::from_slice(&sent.body).unwrap();
    (sent["messages"][1]["content"][0].clone(), ledger)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whole_streamed_and_sent_again(
        text in "[!-~]\\PC{0,20}", citations in prop::collection::vec(citation(), 0..4), cuts in 1..9_usize,
    ) {
        let body = answer(&text, &citations);
        let mut ledger = Ledger::default();
        let written = whole(&way(Dialect::Anthropic), &body, &label(), &mut ledger).unwrap().body.unwrap();
        prop_assert!(ledger.is_empty(), "{:?}", ledger);
        let written: Value = serde_json::from_slice(&written).unwrap();
        let block = &written["content"][0];

        let (events, unknown) = streamed(Dialect::Anthropic, &stream(&text, &citations, cuts));
        prop_assert_eq!(&assembled(&events), block);
        prop_assert_eq!(unknown, 0);

        let (again, ledger) = sent_again(block);
        prop_assert!(ledger.is_empty(), "{:?}", ledger);
        let said: Value = serde_json::from_slice(&body).unwrap();
        prop_assert_eq!(&again, &said["output"]["message"]["content"][0]);
    }

    /// However the text is cut, annotations say of which characters they are; what has none is counted.
    #[test]
    fn a_chat_is_annotated_alike(
        text in "[!-~]\\PC{0,20}", citations in prop::collection::vec(citation(), 0..4), cuts in 1..9_usize,
    ) {
        let body = answer(&text, &citations);
        let mut ledger = Ledger::default();
        let written = whole(&way(Dialect::OpenAiChat), &body, &label(), &mut ledger).unwrap().body.unwrap();
        let written: Value = serde_json::from_slice(&written).unwrap();
        let expected = written["choices"][0]["message"]["annotations"].as_array().cloned().unwrap_or_default();
        let web = citations.iter().filter(|c| c["location"]["web"].is_object()).count();
        prop_assert_eq!(expected.len(), web);
        prop_assert_eq!(ledger.losses().len(), citations.len());

        let (events, unknown) = streamed(Dialect::OpenAiChat, &stream(&text, &citations, cuts));
        let said = events.iter().filter_map(|e| e["choices"][0]["delta"]["annotations"].as_array());
        prop_assert_eq!(said.flatten().cloned().collect::<Vec<_>>(), expected);
        prop_assert_eq!(unknown, citations.len() - web);
    }
}

/// The Responses API gets what is on the web back, and reports what is in documents.
#[test]
fn annotations_come_back_as_citations_of_the_web() {
    let settings = crate::answers::settings();
    let respond = Way::Respond {
        from: Dialect::Converse,
        names: ToolNames::default(),
        structured: None,
        settings: Arc::clone(&settings),
    };
    let web = json!({"title": "Nice", "location": {"web": {"url": "https://example.com/"}}});
    let document = json!({"title": "Terms",
        "location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 1}}});
    let body = answer("so", &[web.clone(), document]);
    let written = whole(&respond, &body, &label(), &mut Ledger::default()).unwrap().body.unwrap();
    let written: Value = serde_json::from_slice(&written).unwrap();
    let mut input = vec![json!({"role": "user", "content": "go"})];
    input.extend(written["output"].as_array().unwrap().clone());
    input.push(json!({"role": "user", "content": "on"}));
    let body = json!({"model": "m", "input": input}).to_string();
    let read = outcrop_dialect::responses::Body::read(body.as_bytes()).unwrap();
    let recalled = outcrop_dialect::responses::Recalled::default();
    let peeked = Peeked::responses(read, &recalled, body.len()).unwrap();
    let mut ledger = Ledger::default();
    let sent = peeked.plan(Destination::of(Catalog::built_in(), ANYTHING), &mut ledger).unwrap();
    let sent: Value = serde_json::from_slice(&sent.body).unwrap();
    let cited = &sent["messages"][1]["content"][0]["citationsContent"]["citations"];
    assert_eq!(cited, &json!([web]));
    let lost: Vec<_> = ledger.losses().iter().map(|loss| loss.path.as_str()).collect();
    assert_eq!(lost, ["input[1].content[0].annotations[1]"]);
}
