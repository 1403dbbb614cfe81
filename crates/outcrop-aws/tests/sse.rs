//! Server-sent events: whatever the chunks, the same events; a stream cut short is an error.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use outcrop_aws::{SseDecoder, classify_stream};
use outcrop_model::{ErrorClass, FrameKind, Phase};
use proptest::prelude::*;

/// (name, data) of each event, and whether the end was in order.
fn read(chunks: &[&[u8]]) -> (Vec<(String, String)>, bool) {
    let mut decoder = SseDecoder::default();
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(frame) = decoder.next().unwrap() {
            let FrameKind::Sent(name) = frame.kind else { continue };
            events.push((name.to_owned(), String::from_utf8(frame.payload.to_vec()).unwrap()));
        }
    }
    (events, decoder.finish().is_ok())
}

fn check(text: &str, expected: &[(&str, &str)]) {
    let (events, complete) = read(&[text.as_bytes()]);
    let events: Vec<_> = events.iter().map(|(n, d)| (n.as_str(), d.as_str())).collect();
    assert_eq!((&*events, complete), (expected, true), "{text:?}");
}

#[test]
fn fields_are_read_as_the_standard_says() {
    check("data: {\"a\":1}\n\n", &[("", "{\"a\":1}")]);
    check("event: x\r\ndata:1\r\n\r\n", &[("x", "1")]);
    check("\u{feff}data: a\ndata:  b\n\n", &[("", "a\n b")]);
    check(": ping\n\nid: 7\nretry: 5\nevent: e\ndata: 1\n\ndata: 2\n\n", &[("e", "1"), ("", "2")]);
    check("event: nothing\n\ndata\n\n\n\n", &[("", "")]);
}

#[test]
fn invariant_4_an_unfinished_event_is_truncated() {
    for text in ["data: 1", "data: 1\n", "data: 1\n\nevent: x\n"] {
        assert!(!read(&[text.as_bytes()]).1, "{text:?}");
    }
    let mut decoder = SseDecoder::default();
    decoder.set_phase(Phase::Streaming);
    decoder.push(b"data: 1");
    let fault = decoder.finish().unwrap_err();
    assert_eq!((fault.class, fault.phase), (ErrorClass::Truncated, Phase::Streaming));
}

#[test]
fn invariant_3_an_endless_event_is_refused() {
    let mut decoder = SseDecoder::default();
    let line = vec![b'x'; 1024 * 1024];
    for _ in 0..17 {
        decoder.push(&line);
    }
    assert_eq!(decoder.next().unwrap_err().class, ErrorClass::Garbled);
}

#[test]
fn errors_are_classified_in_all_three_forms() {
    let class = |payload: &str| {
        let kind = FrameKind::Sent("");
        let fault = classify_stream(&kind, payload.as_bytes(), Phase::Streaming)?;
        Some((fault.class, fault.message.into_owned()))
    };
    let said = |class, message: &str| Some((class, message.to_owned()));
    for (payload, expected) in [
        (
            r#"{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}"#,
            said(ErrorClass::Throttled, "slow down"),
        ),
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#,
            said(ErrorClass::Overloaded, "busy"),
        ),
        (
            r#"{"type":"error","code":"server_error","message":"oh","sequence_number":3}"#,
            said(ErrorClass::Internal, "oh"),
        ),
        (
            r#"{"type":"response.failed","response":{"error":{"code":"context_length_exceeded","message":"long"}}}"#,
            said(ErrorClass::ContextOverflow, "long"),
        ),
        (r#"{"type":"response.created","response":{"error":null}}"#, None),
        (r#"{"type":"response.output_text.delta","delta":"\"error\": {}"}"#, None),
        (r#"{"choices":[{"delta":{"content":"\"error\""}}]}"#, None),
        ("[DONE]", None),
    ] {
        assert_eq!(class(payload), expected, "{payload}");
    }
}

proptest! {
    #[test]
    fn invariant_1_any_split_is_the_same_stream(
        events in prop::collection::vec(("[a-z]{0,6}", "[ -~é]{0,30}"), 1..6),
        crlf in any::<bool>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let text: String = events
            .iter()
            .map(|(name, data)| format!("event: {name}{end}data: {data}{end}: c{end}{end}"))
            .collect();
        let bytes = text.as_bytes();
        let mut places: Vec<usize> = cuts.iter().map(|c| c.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let chunks: Vec<&[u8]> = places.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
        prop_assert_eq!(read(&chunks), (events, true));
    }
}
