//! Any well-formed sequence of events survives the writer and the reader.

use std::borrow::Cow;

use outcrop_dialect::anthropic::{Answering, MessageWriter, Reader};
use outcrop_dialect::sse::StreamWriter;
use outcrop_model::citation::{Place, Span};
use outcrop_model::{Citation, Delta, Dialect, Event, Opening, StopReason, Usage};
use proptest::collection::vec;
use proptest::prelude::*;

type Owned = Event<'static>;

fn owned(text: String) -> Cow<'static, str> {
    Cow::Owned(text)
}

fn block() -> impl Strategy<Value = (Opening<'static>, Vec<Delta<'static>>)> {
    let text = (vec(any::<String>(), 0..5), vec(citation(), 0..3)).prop_map(|(pieces, cited)| {
        let pieces = pieces.into_iter().map(|p| Delta::Text(owned(p)));
        let cited = cited.into_iter().map(|c| Delta::Citation(Box::new(c)));
        (Opening::Text, pieces.chain(cited).collect())
    });
    let thinking = (vec(any::<String>(), 0..4), proptest::option::of("[a-zA-Z0-9+/]{1,12}"))
        .prop_map(|(pieces, signature)| {
            let pieces = pieces.into_iter().map(|p| Delta::Thinking(owned(p)));
            let signature = signature.map(|s| Delta::Signature(owned(s)));
            (Opening::Thinking, pieces.chain(signature).collect())
        });
    let tool = (any::<String>(), any::<String>(), vec(any::<String>(), 1..4)).prop_map(
        |(id, name, pieces)| {
            let deltas = pieces.into_iter().map(|p| Delta::ToolInput(owned(p))).collect();
            (Opening::ToolUse { id: owned(id), name: owned(name) }, deltas)
        },
    );
    let redacted = "[a-zA-Z0-9+/]{4}"
        .prop_map(|data: String| (Opening::Redacted(owned(data)), Vec::<Delta<'static>>::new()));
    prop_oneof![3 => text, 2 => thinking, 2 => tool, 1 => redacted]
}

/// Any citation that Anthropic has words for, or wrote itself.
fn citation() -> impl Strategy<Value = Citation<'static>> {
    let text = || any::<String>().prop_map(owned);
    let span = (any::<u64>(), any::<u64>(), any::<u64>());
    (0..6, span, text(), proptest::option::of(text()), text(), "[!-~]{1,9}").prop_map(
        |(kind, (index, start, end), cited, title, url, token)| {
            let span = Span { index, start, end };
            let source = (kind == 3).then(|| url.clone());
            let place = match kind {
                0 => Place::Chars(span),
                1 => Place::Pages(span),
                2 => Place::Parts(span),
                3 => Place::Result(span),
                4 => Place::Web { url, token: (start > end).then(|| owned(token)) },
                _ => return foreign(index),
            };
            Citation { cited, title, source, place }
        },
    )
}

fn foreign(n: u64) -> Citation<'static> {
    let json = owned(format!(r#"{{"type":"dream_location","cited_text":"z","night": {n}}}"#));
    let kind = Cow::Borrowed("dream_location");
    let place = Place::Foreign { dialect: Dialect::Anthropic, kind, json };
    Citation { cited: Cow::Borrowed(""), title: None, source: None, place }
}

fn stop() -> impl Strategy<Value = StopReason> {
    prop_oneof![
        Just(StopReason::EndTurn),
        proptest::option::of(any::<String>()).prop_map(StopReason::StopSequence),
        Just(StopReason::ToolUse),
        Just(StopReason::MaxTokens),
        Just(StopReason::ContextWindowExceeded),
        Just(StopReason::Refusal),
        Just(StopReason::PauseTurn),
        Just(StopReason::Other("tea_break".to_owned())),
    ]
}

fn usage() -> impl Strategy<Value = Usage> {
    let count = || 0..u64::from(u32::MAX);
    (count(), count(), count(), count(), count(), proptest::option::of(count())).prop_map(
        |(input, cache_read, cache_write_5m, cache_write_1h, output, reasoning)| Usage {
            input,
            cache_read,
            cache_write_5m,
            cache_write_1h,
            output,
            reasoning,
        },
    )
}

/// A whole answer. Neighbouring blocks overlap where the flag says so, except encrypted thinking.
fn answer() -> impl Strategy<Value = Vec<Owned>> {
    (vec((block(), any::<bool>()), 0..6), stop(), usage()).prop_map(|(blocks, stop, usage)| {
        let before = Usage { output: 0, reasoning: None, ..usage };
        let mut events =
            vec![Event::Start { id: Some(Cow::Borrowed("msg_1")), usage: Some(before) }];
        let mut open: Vec<u32> = Vec::new();
        for (index, ((opening, deltas), overlaps)) in (0u32..).zip(blocks) {
            let alone = matches!(opening, Opening::Redacted(_)) || !overlaps;
            if alone {
                events.extend(open.drain(..).map(|index| Event::Close { index }));
            }
            let closes = matches!(opening, Opening::Redacted(_));
            events.push(Event::Open { index, block: opening });
            for delta in deltas {
                events.push(Event::Delta { index, delta });
            }
            match closes {
                true => events.push(Event::Close { index }),
                false => open.push(index),
            }
        }
        events.extend(open.into_iter().map(|index| Event::Close { index }));
        events.extend([Event::Usage(usage), Event::Stop(stop), Event::End]);
        events
    })
}

fn write(events: &[Owned]) -> Vec<u8> {
    let mut writer =
        MessageWriter::new(Answering { id: "msg_1".to_owned(), model: "m".to_owned() });
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    out
}

/// The data of each event, after a check of the framing that SDKs rely on.
fn frames(sse: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(sse).unwrap();
    let frames: Vec<&str> = text.split_terminator("\n\n").collect();
    assert!(text.is_empty() || text.ends_with("\n\n"));
    frames
        .into_iter()
        .map(|frame| {
            let (name, data) = frame.split_once('\n').unwrap();
            let (name, data) =
                (name.strip_prefix("event: ").unwrap(), data.strip_prefix("data: ").unwrap());
            let value: serde_json::Value = serde_json::from_str(data).unwrap();
            assert_eq!(value["type"], name, "the name of an event is its type");
            data.to_owned()
        })
        .collect()
}

fn read(frames: &[String]) -> Vec<Owned> {
    let (mut reader, mut events) = (Reader::new(), Vec::new());
    for frame in frames {
        reader.read(frame.as_bytes(), &mut |event| events.push(into_owned(event)));
    }
    events
}

fn into_owned(event: Event<'_>) -> Owned {
    let cow = |c: Cow<'_, str>| Cow::Owned(c.into_owned());
    match event {
        Event::Start { id, usage } => Event::Start { id: id.map(cow), usage },
        Event::Open { index, block } => Event::Open {
            index,
            block: match block {
                Opening::Text => Opening::Text,
                Opening::Thinking => Opening::Thinking,
                Opening::Redacted(data) => Opening::Redacted(cow(data)),
                Opening::ToolUse { id, name } => Opening::ToolUse { id: cow(id), name: cow(name) },
            },
        },
        Event::Delta { index, delta } => Event::Delta {
            index,
            delta: match delta {
                Delta::Text(piece) => Delta::Text(cow(piece)),
                Delta::Citation(citation) => Delta::Citation(Box::new(own_citation(*citation))),
                Delta::ToolInput(piece) => Delta::ToolInput(cow(piece)),
                Delta::Thinking(piece) => Delta::Thinking(cow(piece)),
                Delta::Signature(piece) => Delta::Signature(cow(piece)),
                Delta::Redacted(piece) => Delta::Redacted(cow(piece)),
            },
        },
        Event::Close { index } => Event::Close { index },
        Event::Stop(stop) => Event::Stop(stop),
        Event::Usage(usage) => Event::Usage(usage),
        Event::End => Event::End,
        Event::Fault(fault) => Event::Fault(fault),
        Event::Unknown(word) => Event::Unknown(cow(word)),
    }
}

fn own_citation(citation: Citation<'_>) -> Citation<'static> {
    let cow = |c: Cow<'_, str>| Cow::Owned(c.into_owned());
    let Citation { cited, title, source, place } = citation;
    let place = match place {
        Place::Chars(span) => Place::Chars(span),
        Place::Pages(span) => Place::Pages(span),
        Place::Parts(span) => Place::Parts(span),
        Place::Result(span) => Place::Result(span),
        Place::Web { url, token } => Place::Web { url: cow(url), token: token.map(cow) },
        Place::Foreign { dialect, kind, json } => {
            Place::Foreign { dialect, kind: cow(kind), json: cow(json) }
        }
    };
    Citation { cited: cow(cited), title: title.map(cow), source: source.map(cow), place }
}

proptest! {
    #[test]
    fn events_survive_writer_and_reader(events in answer()) {
        prop_assert_eq!(read(&frames(&write(&events))), events);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        let mut events = 0;
        Reader::new().read(&bytes, &mut |_| events += 1);
        prop_assert!(events > 0);
    }
}

#[test]
fn encrypted_thinking_waits_for_its_data() {
    let open = |data: &'static str| Event::Open {
        index: 0,
        block: Opening::Redacted(Cow::Borrowed(data)),
    };
    let piece =
        |data: &'static str| Event::Delta { index: 0, delta: Delta::Redacted(Cow::Borrowed(data)) };
    let cases: [(&[Owned], &str); 4] = [
        (&[open(""), piece("QUJD")], "QUJD"),
        (&[open("QUJD"), piece("REVG")], "QUJDREVG"),
        // `AB` and `CD`, each padded on its own.
        (&[open(""), piece("QUI="), piece("Q0Q=")], "QUJDRA=="),
        (&[open("QUJD")], "QUJD"),
    ];
    for (events, data) in cases {
        let events: Vec<Owned> =
            events.iter().cloned().chain([Event::Close { index: 0 }]).collect();
        let expected = vec![
            Event::Open { index: 0, block: Opening::Redacted(Cow::Borrowed(data)) },
            Event::Close { index: 0 },
        ];
        assert_eq!(read(&frames(&write(&events))), expected);
    }
}

#[test]
fn a_fault_ends_the_stream_without_a_success_terminator() {
    use outcrop_model::{ErrorClass, Fault, Phase};
    let events = [
        Event::Start { id: None, usage: None },
        Event::Open { index: 0, block: Opening::Text },
        Event::Fault(Fault::new(ErrorClass::Overloaded, Phase::Streaming, "busy")),
    ];
    let sse = String::from_utf8(write(&events)).unwrap();
    let last = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n";
    assert!(sse.ends_with(last), "{sse}");
    assert!(!sse.contains("message_stop") && !sse.contains("message_delta"));
}
