//! The decoder of server-sent events: any bytes, in any pieces.

use outcrop_aws::SseDecoder;
use outcrop_model::{ErrorClass, FrameKind};

use crate::pieces::pieces;

pub fn run(input: &[u8]) {
    let whole = decode([input].into_iter());
    assert_eq!(whole, decode(pieces(input)), "pieces change what is found");
    let raw: Vec<u8> = whole.events.iter().flat_map(|event| event.raw.iter().copied()).collect();
    assert!(raw.len() <= input.len(), "no byte is told twice");
    for event in &whole.events {
        assert!(!event.name.contains('\n'), "a name of one line");
        let alone = decode([&*event.raw].into_iter());
        assert_eq!(alone.events, std::slice::from_ref(event), "an event stands for itself");
        // What it says is read the same when it is written in the plainest way; a lone CR would be taken
        // for half a line end there.
        if event.name.contains('\r') || event.data.contains(&b'\r') {
            continue;
        }
        let data = String::from_utf8_lossy(&event.data).replace('\n', "\ndata: ");
        let again = format!("event: {}\ndata: {data}\n\n", event.name);
        let again = decode([again.as_bytes()].into_iter());
        let said: Vec<_> = again.events.iter().map(|e| (&e.name, lossy(&e.data))).collect();
        assert_eq!(said, [(&event.name, lossy(&event.data))]);
    }
}

fn lossy(data: &[u8]) -> String {
    String::from_utf8_lossy(data).into_owned()
}

/// What a stream is found to hold: its events, then how it ended.
#[derive(Debug, PartialEq)]
struct Found {
    events: Vec<Event>,
    end: Result<(), ErrorClass>,
}

#[derive(Debug, PartialEq)]
struct Event {
    name: String,
    data: Vec<u8>,
    raw: Vec<u8>,
}

fn decode<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> Found {
    let mut decoder = SseDecoder::default();
    let mut events = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next() {
                Ok(Some(frame)) => {
                    let FrameKind::Sent(name) = frame.kind else { panic!("{:?}", frame.kind) };
                    let (data, raw) = (frame.payload.to_vec(), frame.raw.to_vec());
                    events.push(Event { name: name.to_owned(), data, raw });
                }
                Ok(None) => break,
                Err(fault) => return Found { events, end: Err(fault.class) },
            }
        }
    }
    Found { events, end: decoder.finish().map_err(|fault| fault.class) }
}
