//! What holds for every sequence of events, well formed or not.

use outcrop_dialect::answer::{AnswerStream, Label, Step};
use outcrop_dialect::names::CallForm;
use outcrop_dialect::names::ToolNames;
use outcrop_dialect::openai::{Answering, ChunkWriter};
use outcrop_dialect::plan::Way;
use outcrop_dialect::sequencer::Sequencer;
use outcrop_dialect::sse::StreamWriter;
use outcrop_model::citation::{Place, Span};
use outcrop_model::{
    Citation, Delta, Dialect, ErrorClass, Event, Fault, Frame, FrameKind, Opening, Phase,
    StopReason, Usage,
};
use proptest::prelude::*;

use crate::answers::label;

/// Any event of a reader, with few indices so that blocks meet.
pub fn event() -> impl Strategy<Value = Event<'static>> {
    let index = || 0..4_u32;
    let piece = || prop_oneof![Just(""), Just("a"), Just("{}")];
    prop_oneof![
        1 => Just(Event::Start { id: None, usage: Some(usage(1)) }),
        4 => (index(), opening()).prop_map(|(index, block)| Event::Open { index, block }),
        8 => (index(), 0..6_u8, piece()).prop_map(|(index, kind, p)| Event::Delta { index, delta: delta(kind, p) }),
        4 => index().prop_map(|index| Event::Close { index }),
        2 => stop().prop_map(Event::Stop),
        1 => (2..9_u64).prop_map(|n| Event::Usage(usage(n))),
        1 => Just(Event::End),
        1 => Just(Event::Fault(Fault::new(ErrorClass::Throttled, Phase::Streaming, "slow down"))),
        1 => Just(Event::Unknown("news".into())),
    ]
}

fn opening() -> impl Strategy<Value = Opening<'static>> {
    let tool = || Opening::ToolUse { id: "t".into(), name: "n".into() };
    let kinds = vec![Opening::Text, Opening::Thinking, Opening::Redacted("".into()), tool()];
    proptest::sample::select(kinds)
}

fn stop() -> impl Strategy<Value = StopReason> {
    let reasons = vec![StopReason::EndTurn, StopReason::ToolUse, StopReason::MalformedOutput];
    proptest::sample::select(reasons)
}

fn delta(kind: u8, piece: &'static str) -> Delta<'static> {
    if kind == 5 {
        return Delta::Citation(Box::new(citation(piece)));
    }
    let make = [Delta::Text, Delta::ToolInput, Delta::Thinking, Delta::Signature, Delta::Redacted];
    make[usize::from(kind)](piece.into())
}

fn citation(source: &str) -> Citation<'static> {
    let place = Place::Result(Span { index: 0, start: 0, end: 1 });
    let source = Some(source.to_owned().into());
    Citation { cited: "a".into(), title: None, source, place }
}

fn usage(output: u64) -> Usage {
    Usage { output, ..Usage::default() }
}

fn kind_of(delta: &Delta<'_>) -> &'static str {
    match delta {
        Delta::Text(_) | Delta::Citation(_) => "text",
        Delta::ToolInput(_) => "tool",
        Delta::Thinking(_) | Delta::Signature(_) => "thinking",
        Delta::Redacted(_) => "redacted",
    }
}

/// An open block as the rules see it: its kind and how many pieces it got.
type Open = std::collections::BTreeMap<u32, (&'static str, usize)>;

/// Runs all events and the end of bytes, and checks each rule on what comes out.
fn sequence(events: &[Event<'static>]) -> (Vec<Event<'static>>, usize) {
    let mut sequencer = Sequencer::default();
    let mut out: Vec<Event<'static>> = Vec::new();
    for event in events {
        sequencer.push(event.clone(), &mut |e| out.push(owned(e)));
    }
    sequencer.eof(&mut |e| out.push(owned(e)));
    assert!(sequencer.is_done());
    (out, sequencer.unknown())
}

fn owned(event: &Event<'_>) -> Event<'static> {
    match event {
        Event::Start { id: _, usage } => Event::Start { id: None, usage: *usage },
        Event::Open { index, block } => {
            let block = match block {
                Opening::Text => Opening::Text,
                Opening::Thinking => Opening::Thinking,
                Opening::Redacted(data) => Opening::Redacted(data.to_string().into()),
                Opening::ToolUse { id, name } => {
                    Opening::ToolUse { id: id.to_string().into(), name: name.to_string().into() }
                }
            };
            Event::Open { index: *index, block }
        }
        Event::Delta { index, delta } => {
            let own = |text: &str| text.to_owned().into();
            let delta = match delta {
                Delta::Text(t) => Delta::Text(own(t)),
                Delta::Citation(c) => {
                    Delta::Citation(Box::new(citation(c.source.as_deref().unwrap_or_default())))
                }
                Delta::ToolInput(t) => Delta::ToolInput(own(t)),
                Delta::Thinking(t) => Delta::Thinking(own(t)),
                Delta::Signature(t) => Delta::Signature(own(t)),
                Delta::Redacted(t) => Delta::Redacted(own(t)),
            };
            Event::Delta { index: *index, delta }
        }
        Event::Close { index } => Event::Close { index: *index },
        Event::Stop(reason) => Event::Stop(reason.clone()),
        Event::Usage(usage) => Event::Usage(*usage),
        Event::End => Event::End,
        Event::Fault(fault) => Event::Fault(fault.clone()),
        Event::Unknown(word) => Event::Unknown(word.to_string().into()),
    }
}

fn is_last(event: &Event<'_>) -> bool {
    matches!(event, Event::End | Event::Fault(_))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn rule_1_one_start_first_and_one_end_or_fault_last(events in prop::collection::vec(event(), 0..30)) {
        let (out, _) = sequence(&events);
        let last = out.last().expect("something comes out");
        prop_assert!(is_last(last));
        prop_assert_eq!(out.iter().filter(|e| is_last(e)).count(), 1);
        let starts: Vec<usize> = (0..out.len()).filter(|i| matches!(out[*i], Event::Start { .. })).collect();
        // Only a fault can come before anything has started.
        prop_assert!(starts == [0] || (starts.is_empty() && out.len() == 1 && *last != Event::End));
    }

    #[test]
    fn rule_2_deltas_lie_in_open_blocks_and_blocks_are_closed(events in prop::collection::vec(event(), 0..30)) {
        let (out, _) = sequence(&events);
        let (mut open, mut next) = (Open::new(), 0);
        for event in &out {
            match event {
                Event::Open { index, block } => {
                    prop_assert_eq!(*index, next);
                    next += 1;
                    let kind = match block {
                        Opening::Text => "text",
                        Opening::Thinking => "thinking",
                        Opening::Redacted(_) => "redacted",
                        Opening::ToolUse { .. } => "tool",
                    };
                    open.insert(*index, (kind, 0));
                }
                Event::Delta { index, delta } => {
                    let block = open.get_mut(index).expect("an open block");
                    prop_assert_eq!(block.0, kind_of(delta));
                    block.1 += 1;
                }
                Event::Close { index } => {
                    let (kind, pieces) = open.remove(index).expect("an open block");
                    // Rule 6.
                    prop_assert!(kind != "tool" || pieces > 0);
                }
                _ => {}
            }
        }
        prop_assert!(open.is_empty() || matches!(out.last(), Some(Event::Fault(_))));
    }

    #[test]
    fn rule_3_no_end_without_a_stop_event(events in prop::collection::vec(event(), 0..30)) {
        let (out, _) = sequence(&events);
        let stopped = out.iter().filter(|e| matches!(e, Event::Stop(_))).count();
        prop_assert_eq!(stopped, usize::from(out.last() == Some(&Event::End)));
        prop_assert!(stopped == 0 || events.iter().any(|e| matches!(e, Event::Stop(_))));
    }

    #[test]
    fn rule_4_unknown_events_change_nothing_but_their_count(
        events in prop::collection::vec(event(), 0..30),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let (out, unknown) = sequence(&events);
        let mut more = events.clone();
        for place in &places {
            let at = place.index(more.len() + 1);
            more.insert(at, Event::Unknown("news".into()));
        }
        prop_assert!(!out.iter().any(|e| matches!(e, Event::Unknown(_))));
        prop_assert_eq!(sequence(&more), (out, unknown + places.len()));
    }

    #[test]
    fn rule_5_usage_and_stop_stand_before_the_end(events in prop::collection::vec(event(), 0..30)) {
        let (out, _) = sequence(&events);
        let body = out.iter().position(|e| matches!(e, Event::Usage(_) | Event::Stop(_)));
        if let Some(first) = body {
            let tail: Vec<u8> = out[first..].iter().map(|e| match e {
                Event::Usage(_) => 0,
                Event::Stop(_) => 1,
                Event::End => 2,
                _ => 9,
            }).collect();
            prop_assert!(tail == [0, 1, 2] || tail == [1, 2], "{:?}", out);
        }
    }

    /// Frames of types that nobody knows, anywhere in a stream, change no byte of what the caller reads.
    #[test]
    fn unknown_frames_change_no_byte(
        places in prop::collection::vec((any::<prop::sample::Index>(), 0..UNKNOWN.len()), 1..8),
        to_openai in any::<bool>(),
    ) {
        let to = if to_openai { Dialect::OpenAiChat } else { Dialect::Anthropic };
        let mut frames = FRAMES.to_vec();
        let plain = read(&frames, to);
        for (place, which) in places {
            // After the last frame nothing is read any more.
            let at = place.index(frames.len());
            frames.insert(at, UNKNOWN[which]);
        }
        prop_assert_eq!(read(&frames, to), plain);
    }
}

/// A block of an answer and the pieces in which it comes.
#[derive(Debug, Clone)]
enum Part {
    Text(Vec<String>),
    Thinking(Vec<String>, Option<String>),
    Redacted(String),
    Tool(Vec<String>),
}

fn part() -> impl Strategy<Value = Part> {
    let pieces = || prop::collection::vec("\\PC{1,8}", 1..4);
    prop_oneof![
        pieces().prop_map(Part::Text),
        (pieces(), prop::option::of("[a-z]{1,8}")).prop_map(|(p, s)| Part::Thinking(p, s)),
        "[a-z]{1,8}".prop_map(Part::Redacted),
        pieces().prop_map(Part::Tool),
    ]
}

/// What a client of OpenAI's dialect has after the last chunk.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    content: String,
    reasoning: String,
    /// (thinking, signature) or (encrypted, "")
    blocks: Vec<(String, String)>,
    /// (id, name, arguments)
    calls: Vec<(String, String, String)>,
    done: bool,
}

fn said(parts: &[Part]) -> Heard {
    let mut heard = Heard { done: true, ..Heard::default() };
    for part in parts {
        match part {
            Part::Text(pieces) => heard.content.push_str(&pieces.concat()),
            Part::Thinking(pieces, signature) => {
                heard.reasoning.push_str(&pieces.concat());
                let signed = signature.iter().map(|s| (pieces.concat(), s.clone()));
                heard.blocks.extend(signed);
            }
            Part::Redacted(data) => heard.blocks.push((data.clone(), String::new())),
            Part::Tool(pieces) => {
                let n = heard.calls.len();
                heard.calls.push((format!("t{n}"), format!("tool{n}"), pieces.concat()));
            }
        }
    }
    heard
}

/// The answer's events, each block closed before the next opens, or tools left open until the end.
fn events_of(parts: &[Part], overlap: bool) -> Vec<Event<'_>> {
    let mut events = vec![Event::Start { id: None, usage: None }];
    let (mut late, mut tools) = (Vec::new(), 0);
    for (part, index) in parts.iter().zip(0..) {
        let mut deltas: Vec<Delta<'_>> = Vec::new();
        let block = match part {
            Part::Text(pieces) => {
                deltas.extend(pieces.iter().map(|p| Delta::Text(p.into())));
                Opening::Text
            }
            Part::Thinking(pieces, signature) => {
                deltas.extend(pieces.iter().map(|p| Delta::Thinking(p.into())));
                deltas.extend(signature.iter().map(|s| Delta::Signature(s.into())));
                Opening::Thinking
            }
            Part::Redacted(data) => Opening::Redacted(data.into()),
            Part::Tool(pieces) => {
                deltas.extend(pieces.iter().map(|p| Delta::ToolInput(p.into())));
                let (id, name) = (format!("t{tools}").into(), format!("tool{tools}").into());
                tools += 1;
                Opening::ToolUse { id, name }
            }
        };
        let is_late = overlap && matches!(part, Part::Tool(_));
        events.push(Event::Open { index, block });
        let rest = deltas.into_iter().map(|delta| Event::Delta { index, delta });
        let rest = rest.chain([Event::Close { index }]);
        if is_late { late.extend(rest) } else { events.extend(rest) }
    }
    events.extend(late);
    events.extend([Event::Stop(StopReason::EndTurn), Event::End]);
    events
}

fn hear(sse: &[u8]) -> Heard {
    let mut heard = Heard::default();
    let text = std::str::from_utf8(sse).unwrap();
    for data in text.split_terminator("\n\n").map(|e| e.strip_prefix("data: ").unwrap()) {
        assert!(!heard.done, "something follows the end");
        if data == "[DONE]" {
            heard.done = true;
            continue;
        }
        let chunk: serde_json::Value = serde_json::from_str(data).unwrap();
        let delta = &chunk["choices"][0]["delta"];
        heard.content.push_str(delta["content"].as_str().unwrap_or_default());
        heard.reasoning.push_str(delta["reasoning_content"].as_str().unwrap_or_default());
        for block in delta["thinking_blocks"].as_array().into_iter().flatten() {
            let word = |key: &str| block[key].as_str().unwrap_or_default().to_owned();
            heard.blocks.push((word("thinking") + &word("data"), word("signature")));
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
            if index == heard.calls.len() {
                let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
                let name = word(&call["function"]["name"]);
                heard.calls.push((word(&call["id"]), name, String::new()));
            }
            let piece = call["function"]["arguments"].as_str().unwrap();
            heard.calls[index].2.push_str(piece);
        }
    }
    heard
}

proptest! {
    /// A client that puts the chunks together has what the model said.
    #[test]
    fn chunks_add_up_to_the_answer(parts in prop::collection::vec(part(), 0..6), overlap in any::<bool>()) {
        let Label { id, created, model } = label();
        let (include_usage, calls) = (false, CallForm::default());
        let mut writer = ChunkWriter::new(&Answering { id, created, model, include_usage, calls });
        let mut out = Vec::new();
        events_of(&parts, overlap).iter().for_each(|event| writer.write(event, &mut out));
        prop_assert_eq!(hear(&out), said(&parts));
    }
}

const FRAMES: [(&str, &str); 9] = [
    ("messageStart", r#"{"role":"assistant"}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#),
    ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
    (
        "contentBlockStart",
        r#"{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t","name":"n"}}}"#,
    ),
    ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"a\":1}"}}}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"reasoningContent":{"text":"Hm"}}}"#),
    ("contentBlockStop", r#"{"contentBlockIndex":1}"#),
    ("messageStop", r#"{"stopReason":"tool_use"}"#),
    ("metadata", r#"{"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3}}"#),
];

const UNKNOWN: [(&str, &str); 5] = [
    ("hologram", r#"{"contentBlockIndex":0,"text":"x"}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":7,"delta":{"hologram":{"text":"x"}}}"#),
    ("contentBlockStart", r#"{"contentBlockIndex":7,"start":{"hologram":{}}}"#),
    ("contentBlockStop", r#"{"contentBlockIndex":7}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{}}"#),
];

fn read(frames: &[(&str, &str)], to: Dialect) -> String {
    let names = ToolNames::default();
    let way = Way::Translate {
        from: Dialect::Converse,
        to,
        names,
        structured: None,
        include_usage: true,
    };
    let mut stream = AnswerStream::new(way, &label(), |_, _, _| {});
    let mut out = Vec::new();
    for (kind, payload) in frames {
        let frame = Frame { kind: FrameKind::Event(kind), payload: payload.as_bytes(), raw: b"" };
        assert!(!matches!(stream.frame(&frame, &mut out), Step::Fault(_)));
    }
    assert_eq!(stream.eof(&mut out), Step::Done);
    String::from_utf8(out).unwrap()
}
