//! The event stream decoder: any bytes, as they are and with their checksums made right.

use outcrop_aws::eventstream::{Decoder, encode_event, encode_exception};
use outcrop_model::{ErrorClass, FrameKind};

use crate::pieces::pieces;

/// Small, so that the limit is met too.
const MAX_FRAME: usize = 4096;

pub fn run(input: &[u8]) {
    check(input);
    // No fuzzer guesses a CRC: without this, nothing behind the checksums would be reached.
    check(&with_checksums(input));
}

/// What a stream is found to hold: its frames, then how it ended.
#[derive(Debug, PartialEq)]
struct Found {
    /// Kind, payload and raw bytes.
    frames: Vec<(String, Vec<u8>, Vec<u8>)>,
    end: Result<(), ErrorClass>,
}

fn check(stream: &[u8]) {
    let whole = decode([stream].into_iter());
    assert_eq!(whole, decode(pieces(stream)), "pieces change what is found");
    let raw: Vec<u8> = whole.frames.iter().flat_map(|(_, _, raw)| raw).copied().collect();
    assert!(stream.starts_with(&raw), "frames are the stream's own bytes, in order");
    assert!(whole.end.is_err() || raw.len() == stream.len(), "a good end leaves no byte");
    for frame in &whole.frames {
        let alone = decode([&*frame.2].into_iter());
        assert_eq!((&alone.frames[..], alone.end), (std::slice::from_ref(frame), Ok(())));
    }
    written_anew(&whole);
}

fn decode<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> Found {
    let mut decoder = Decoder::new(MAX_FRAME);
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next() {
                Ok(Some(f)) => {
                    frames.push((format!("{:?}", f.kind), f.payload.to_vec(), f.raw.to_vec()));
                }
                Ok(None) => break,
                Err(fault) => {
                    decoder.push(piece);
                    assert!(decoder.next().is_err(), "damage is never forgotten");
                    return Found { frames, end: Err(fault.class) };
                }
            }
        }
    }
    Found { frames, end: decoder.finish().map_err(|fault| fault.class) }
}

/// What the encoder writes of a frame's meaning is read back as the same meaning.
fn written_anew(found: &Found) {
    for (_, payload, raw) in &found.frames {
        let mut decoder = Decoder::new(MAX_FRAME);
        decoder.push(raw);
        let Ok(Some(frame)) = decoder.next() else { panic!("a frame is read twice") };
        let mut again = Vec::new();
        let written = match frame.kind {
            FrameKind::Event(name) => encode_event(name, payload, &mut again),
            FrameKind::Exception(name) => encode_exception(name, payload, &mut again),
            FrameKind::Error { .. } | FrameKind::Unknown(_) => continue,
            FrameKind::Sent(_) => panic!("an event stream holds no server-sent events"),
        };
        assert!(written.is_ok(), "a frame that could be read can be written");
        let mut decoder = Decoder::default();
        decoder.push(&again);
        let Ok(Some(read)) = decoder.next() else { panic!("what is written can be read") };
        assert_eq!((read.kind, read.payload), (frame.kind, &payload[..]));
    }
}

/// The same bytes, with the checksums right wherever a frame could be.
fn with_checksums(input: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let mut start = 0;
    while let Some(prelude) = bytes.get(start..start + 12) {
        let total = u32::from_be_bytes([prelude[0], prelude[1], prelude[2], prelude[3]]) as usize;
        let crc = crc32fast::hash(&prelude[..8]);
        bytes[start + 8..start + 12].copy_from_slice(&crc.to_be_bytes());
        let end = start.saturating_add(total);
        if total < 16 || end > bytes.len() {
            break;
        }
        let crc = crc32fast::hash(&bytes[start..end - 4]);
        bytes[end - 4..end].copy_from_slice(&crc.to_be_bytes());
        start = end;
    }
    bytes
}
