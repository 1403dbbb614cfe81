//! Invariants 1–5 of `eventstream`, over random frames, splits, cuts and flips.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use outcrop_aws::eventstream::{
    DEFAULT_MAX_FRAME, Decoder, Value, encode, encode_event, encode_exception,
};
use outcrop_model::{ErrorClass, FrameKind, Phase};
use proptest::collection::vec;
use proptest::prelude::*;

/// A frame's content, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owned {
    kind: String,
    payload: Vec<u8>,
    raw: Vec<u8>,
}

/// Feeds `chunks`; all frames, and whether the stream ended well.
fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Owned>, Result<(), ErrorClass>) {
    let mut decoder = Decoder::new(DEFAULT_MAX_FRAME);
    let mut frames = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        loop {
            match decoder.next() {
                Ok(Some(frame)) => frames.push(Owned {
                    kind: format!("{:?}", frame.kind),
                    payload: frame.payload.to_vec(),
                    raw: frame.raw.to_vec(),
                }),
                Ok(None) => break,
                Err(fault) => return (frames, Err(fault.class)),
            }
        }
    }
    (frames, decoder.finish().map_err(|fault| fault.class))
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match kind % 3 {
        0 => encode_event("contentBlockDelta", payload, &mut out).unwrap(),
        1 => encode_exception("throttlingException", payload, &mut out).unwrap(),
        _ => {
            let headers = [
                (":message-type", Value::String("error")),
                (":error-code", Value::String("InternalError")),
                (":error-message", Value::String("żółw")),
                ("a", Value::Bool(true)),
                ("b", Value::Bool(false)),
                ("c", Value::Int8(-1)),
                ("d", Value::Int16(-2)),
                ("e", Value::Int32(-3)),
                ("f", Value::Int64(-4)),
                ("g", Value::Bytes(&[1, 2, 3])),
                ("h", Value::Timestamp(1_700_000_000_000)),
                ("i", Value::Uuid([7; 16])),
            ];
            encode(&headers, payload, &mut out).unwrap();
        }
    }
    out
}

fn frames() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec((any::<u8>(), vec(any::<u8>(), 0..200)), 1..6)
        .prop_map(|frames| frames.iter().map(|(kind, payload)| frame(*kind, payload)).collect())
}

/// `bytes` cut at the given places, taken modulo the length.
fn split<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn invariant_1_any_chunking_gives_the_same_frames(frames in frames(), cuts in vec(any::<usize>(), 0..20)) {
        let bytes = frames.concat();
        let (whole, end) = decode([bytes.as_slice()]);
        prop_assert_eq!(end, Ok(()));
        prop_assert_eq!(&whole.iter().map(|frame| frame.raw.clone()).collect::<Vec<_>>(), &frames);
        prop_assert_eq!(decode(split(&bytes, &cuts)), (whole.clone(), Ok(())));
        prop_assert_eq!(decode(bytes.chunks(1)), (whole, Ok(())));
    }

    #[test]
    fn invariant_2_any_wrong_byte_is_found(kind in any::<u8>(), payload in vec(any::<u8>(), 0..100), at in any::<usize>(), flip in 1..=255_u8) {
        let mut bytes = frame(kind, &payload);
        let at = at % bytes.len();
        bytes[at] ^= flip;
        let (frames, end) = decode([bytes.as_slice()]);
        prop_assert!(frames.is_empty());
        prop_assert_eq!(end, Err(ErrorClass::Garbled));
    }

    #[test]
    fn invariant_4_any_cut_is_noticed(frames in frames(), cut in any::<usize>()) {
        let bytes = frames.concat();
        let cut = cut % bytes.len();
        let (seen, end) = decode([&bytes[..cut]]);
        let whole_before = seen.iter().map(|frame| frame.raw.len()).sum::<usize>();
        prop_assert!(seen.len() < frames.len());
        prop_assert_eq!(end, if whole_before == cut { Ok(()) } else { Err(ErrorClass::Truncated) });
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..2000), cuts in vec(any::<usize>(), 0..5)) {
        let _ = decode(split(&bytes, &cuts));
    }

    #[test]
    fn random_headers_with_right_checksums_never_panic(headers in vec(any::<u8>(), 0..300)) {
        let _ = decode([checked(&headers, b"{}").as_slice()]);
    }

    #[test]
    fn headers_of_every_type_come_back(text in ".{0,50}", number in any::<i64>(), payload in vec(any::<u8>(), 0..50)) {
        let mut bytes = Vec::new();
        let headers = [("x", Value::Int64(number)), (":message-type", Value::String("event")), (":event-type", Value::String(&text))];
        encode(&headers, &payload, &mut bytes).unwrap();
        let mut decoder = Decoder::default();
        decoder.push(&bytes);
        let frame = decoder.next().unwrap().unwrap();
        prop_assert_eq!(frame.kind, FrameKind::Event(&text));
        prop_assert_eq!(frame.payload, payload.as_slice());
        prop_assert_eq!(frame.raw, bytes.as_slice());
    }
}

/// A frame with correct lengths and checksums around any header bytes.
fn checked(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = 16 + headers.len() + payload.len();
    let mut out = (total as u32).to_be_bytes().to_vec();
    out.extend((headers.len() as u32).to_be_bytes());
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out.extend(headers);
    out.extend(payload);
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out
}

fn string_header(name: &str, value: &str) -> Vec<u8> {
    let mut out = vec![name.len() as u8];
    out.extend(name.as_bytes());
    out.push(7);
    out.extend((value.len() as u16).to_be_bytes());
    out.extend(value.as_bytes());
    out
}

#[test]
fn kinds_are_told_apart() {
    let check = |headers: &[(&str, &str)], kind: FrameKind<'_>| {
        let section: Vec<u8> =
            headers.iter().flat_map(|(name, value)| string_header(name, value)).collect();
        let mut decoder = Decoder::default();
        decoder.push(&checked(&section, b"{}"));
        assert_eq!(decoder.next().unwrap().unwrap().kind, kind);
    };
    check(&[(":message-type", "event"), (":event-type", "chunk")], FrameKind::Event("chunk"));
    check(
        &[(":message-type", "exception"), (":exception-type", "ThrottlingException")],
        FrameKind::Exception("ThrottlingException"),
    );
    check(
        &[(":message-type", "error"), (":error-code", "c"), (":error-message", "m")],
        FrameKind::Error { code: "c", message: "m" },
    );
    check(&[(":message-type", "news")], FrameKind::Unknown("news"));
}

#[test]
fn damaged_headers_are_errors() {
    let event =
        [string_header(":message-type", "event"), string_header(":event-type", "chunk")].concat();
    let with = |more: &[u8]| [event.as_slice(), more].concat();
    let cases: [(&str, Vec<u8>); 9] = [
        ("a double header", with(&string_header(":event-type", "chunk"))),
        (
            "a double foreign header",
            with(&[string_header("x", "1"), string_header("x", "1")].concat()),
        ),
        ("no :message-type", string_header(":event-type", "chunk")),
        ("no :event-type", string_header(":message-type", "event")),
        ("an unknown value type", with(&[1, b'x', 10])),
        ("a name without end", with(&[9, b'x'])),
        ("an empty name", with(&[0, 0])),
        ("a text that is not UTF-8", with(&[1, b'x', 7, 0, 1, 0xff])),
        (
            ":message-type of another type",
            vec![
                13, b':', b'm', b'e', b's', b's', b'a', b'g', b'e', b'-', b't', b'y', b'p', b'e', 0,
            ],
        ),
    ];
    for (what, section) in cases {
        assert_eq!(
            decode([checked(&section, b"{}").as_slice()]),
            (vec![], Err(ErrorClass::Garbled)),
            "{what}"
        );
    }
    let many: Vec<u8> = (0..200).flat_map(|n| string_header(&format!("h{n}"), "")).collect();
    assert_eq!(
        decode([checked(&with(&many), b"{}").as_slice()]).1,
        Err(ErrorClass::Garbled),
        "too many headers"
    );
}

#[test]
fn invariant_3_a_frame_above_the_limit_is_refused_at_its_prelude() {
    let bytes = frame(0, &[0; 5000]);
    let mut decoder = Decoder::new(1000);
    decoder.push(&bytes[..12]);
    assert_eq!(decoder.next().unwrap_err().class, ErrorClass::Garbled);
    let mut decoder = Decoder::new(bytes.len());
    decoder.push(&bytes);
    assert!(decoder.next().unwrap().is_some());
}

#[test]
fn invariant_5_after_an_error_it_stays_an_error() {
    let mut bytes = frame(0, b"{}");
    bytes[30] ^= 1;
    bytes.extend(frame(0, b"{}"));
    let mut decoder = Decoder::default();
    decoder.set_phase(Phase::Streaming);
    decoder.push(&bytes);
    for _ in 0..2 {
        let fault = decoder.next().unwrap_err();
        assert_eq!((fault.class, fault.phase), (ErrorClass::Garbled, Phase::Streaming));
    }
}

#[test]
fn a_failed_encode_leaves_nothing_behind() {
    let mut out = b"before".to_vec();
    let long = "x".repeat(70_000);
    assert!(
        encode(&[("ok", Value::Bool(true)), ("x", Value::String(&long))], b"", &mut out).is_err()
    );
    assert!(encode(&[(&long, Value::Bool(true))], b"", &mut out).is_err());
    assert_eq!(out, b"before");
}
