//! Streamed answers: frames through decoder, reader, sequencer and every writer.
//!
//! An input is lines: event type, a space, payload. The payload of a `chunk` is the model's own JSON;
//! its envelope is put around it here. `!NAME payload` is an exception frame.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_aws::eventstream::{Decoder, encode_event, encode_exception};
use outcrop_aws::{SseDecoder, classify_stream};
use outcrop_dialect::answer::{AnswerStream, Step};
use outcrop_dialect::plan::Way;
use outcrop_model::{Carrier, Dialect, Fault, Frame, FrameKind, Framing, Phase};

use crate::answers::{forms, label, ways};
use crate::pieces::pieces;
use crate::sse;

pub fn run(input: &[u8]) {
    let lines = String::from_utf8_lossy(input);
    let upstreams = [Dialect::Converse, Dialect::Anthropic];
    let written =
        |from| forms().iter().flat_map(|form| ways(from, form.as_ref())).collect::<Vec<_>>();
    let mut all: Vec<Way> = upstreams.into_iter().flat_map(written).collect();
    all.push(Way::RelayAnthropic);
    all.push(Way::RelayBedrock(Carrier::Converse));
    all.push(Way::RelayBedrock(Carrier::Invoke));
    check(&event_stream(&lines), Framing::EventStream, &all);
    // Only the vendors' own paths stream so, and no translation from Converse is read from them.
    let vendors = [Dialect::Anthropic, Dialect::OpenAiChat];
    let mut vendors: Vec<Way> = vendors.into_iter().flat_map(written).collect();
    vendors.push(Way::RelayAnthropic);
    vendors.push(Way::RelayChat { include_usage: false });
    check(&server_sent_events(&lines), Framing::ServerSentEvents, &vendors);
}

fn check(wire: &[u8], framing: Framing, ways: &[Way]) {
    for way in ways {
        let whole = read(way, framing, [wire].into_iter());
        assert_eq!(whole, read(way, framing, pieces(wire)), "pieces change the answer");
        sse::check(way, &whole);
    }
}

/// The lines as server-sent events; exceptions have no place there.
pub fn server_sent_events(lines: &str) -> Vec<u8> {
    let event = |line: &str| {
        let (kind, payload) = line.split_once(' ').unwrap_or((line, ""));
        match kind {
            "chunk" => format!("data: {payload}\n\n"),
            _ => format!("event: {kind}\r\ndata: {payload}\r\n: a comment\r\n\r\n"),
        }
    };
    lines.lines().map(event).collect::<String>().into_bytes()
}

/// The lines as an event stream.
pub fn event_stream(lines: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for line in lines.lines() {
        let (kind, payload) = line.split_once(' ').unwrap_or((line, ""));
        let written = match (kind, kind.strip_prefix('!')) {
            (_, Some(exception)) => encode_exception(exception, payload.as_bytes(), &mut wire),
            ("chunk", None) => {
                let chunk = format!(r#"{{"bytes":"{}"}}"#, STANDARD.encode(payload));
                encode_event(kind, chunk.as_bytes(), &mut wire)
            }
            (_, None) => encode_event(kind, payload.as_bytes(), &mut wire),
        };
        // A name too long for a frame is no frame.
        drop(written);
    }
    wire
}

/// What a caller gets.
#[derive(Debug, PartialEq)]
pub struct Read {
    pub bytes: Vec<u8>,
    pub end: End,
    /// The answer as it is kept, in dialects that keep answers.
    pub kept: Option<Vec<u8>>,
}

#[derive(Debug, PartialEq)]
pub enum End {
    Complete,
    /// Before anything was sent: an HTTP status.
    Refused(Fault),
    /// After that: told in the stream.
    BrokenOff(Fault),
}

/// The gateway's way with a stream, without its sockets.
fn read<'w>(way: &Way, framing: Framing, pieces: impl Iterator<Item = &'w [u8]>) -> Read {
    let mut stream = AnswerStream::new(way.clone(), &label(), |kind, body, out| {
        let framed = match kind {
            FrameKind::Event(name) => encode_event(name, body, out),
            FrameKind::Exception(name) => encode_exception(name, body, out),
            other => panic!("{other:?} is not written"),
        };
        assert!(framed.is_ok(), "what is written fits into a frame");
    });
    let mut bytes = Vec::new();
    let gone = match framing {
        Framing::EventStream => go(&mut stream, Decoder::default(), pieces, &mut bytes),
        Framing::ServerSentEvents => go(&mut stream, SseDecoder::default(), pieces, &mut bytes),
    };
    match gone {
        Ok(()) => Read { bytes, end: End::Complete, kept: stream.finished() },
        Err(fault) if !stream.started() => {
            Read { bytes: Vec::new(), end: End::Refused(fault), kept: None }
        }
        Err(fault) => {
            stream.write_fault(&fault, &mut bytes);
            Read { bytes, end: End::BrokenOff(fault), kept: None }
        }
    }
}

/// Either framing's decoder.
trait Frames {
    fn push(&mut self, bytes: &[u8]);
    fn next(&mut self) -> Result<Option<Frame<'_>>, Fault>;
    fn finish(&mut self) -> Result<(), Fault>;
}

macro_rules! frames {
    ($($decoder:ty),+) => {$(
        impl Frames for $decoder {
            fn push(&mut self, bytes: &[u8]) {
                <$decoder>::push(self, bytes);
            }
            fn next(&mut self) -> Result<Option<Frame<'_>>, Fault> {
                <$decoder>::next(self)
            }
            fn finish(&mut self) -> Result<(), Fault> {
                <$decoder>::finish(self)
            }
        }
    )+};
}

frames!(Decoder, SseDecoder);

fn go<'w>(
    stream: &mut AnswerStream,
    mut frames: impl Frames,
    pieces: impl Iterator<Item = &'w [u8]>,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    for piece in pieces {
        frames.push(piece);
        while let Some(frame) = frames.next()? {
            let phase = if stream.started() { Phase::Streaming } else { Phase::BeforeCommit };
            if let Some(fault) = classify_stream(&frame.kind, frame.payload, phase) {
                return Err(fault.at_phase(Phase::Streaming));
            }
            match stream.frame(&frame, out) {
                Step::More => {}
                Step::Done => return Ok(()),
                Step::Fault(fault) => return Err(fault.at_phase(Phase::Streaming)),
            }
        }
    }
    frames.finish()?;
    match stream.eof(out) {
        Step::Done => Ok(()),
        Step::Fault(fault) => Err(fault.at_phase(Phase::Streaming)),
        Step::More => panic!("a stream that has ended goes on"),
    }
}
