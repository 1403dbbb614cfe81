//! Streamed answers: frames → what the caller reads, in both client dialects.
//!
//! A line of `frames.txt` is a frame: its event type and payload; for `chunk` the model's own JSON,
//! put in the envelope here. `# …` is a remark. `!class message` is a fault of the connection,
//! already classified. After the last line the upstream's bytes end.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_dialect::answer::{AnswerStream, Step};
use outcrop_model::{Dialect, ErrorClass, Fault, Frame, FrameKind, Phase};

use crate::answers::{label, upstream, way};
use crate::golden::{self, Case};

#[test]
fn streams_are_translated() {
    golden::each("streams", |case| {
        let from = upstream(case);
        let callers = [
            (Dialect::OpenAiChat, "openai"),
            (Dialect::Anthropic, "anthropic"),
            (Dialect::Responses, "responses"),
        ];
        callers
            .into_iter()
            .filter_map(|(to, word)| {
                case.check(&format!("expected.{word}.txt"), &read(case, from, to))
            })
            .collect()
    });
}

/// What the caller reads, then how it ended and what was noted.
fn read(case: &Case, from: Dialect, to: Dialect) -> String {
    let text = String::from_utf8(case.read("frames.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let mut stream = AnswerStream::new(way(case, from, to), &label(), |_, _, _| {});
    let mut out = Vec::new();
    let mut end = None;
    for line in lines {
        if let Step::Fault(fault) = step(&mut stream, line, &mut out) {
            end = Some(fault);
            break;
        }
    }
    let end = match end {
        Some(fault) => Err(fault),
        None => match stream.eof(&mut out) {
            Step::Fault(fault) => Err(fault),
            Step::Done => Ok("complete"),
            Step::More => Ok("never ends"),
        },
    };
    let end = match end {
        Ok(word) => word.to_owned(),
        // Before the commit point a fault is an HTTP status and nothing written so far is sent.
        Err(fault) if !stream.started() => {
            out.clear();
            format!("HTTP error, {}: {}", fault.class.as_str(), fault.message)
        }
        Err(fault) => {
            stream.write_fault(&fault, &mut out);
            format!("broken off, {}", fault.class.as_str())
        }
    };
    let out = String::from_utf8(out).unwrap();
    format!("{out}=== {end}\n{:?}\n", stream.tally())
}

fn step(stream: &mut AnswerStream, line: &str, out: &mut Vec<u8>) -> Step {
    if let Some(fault) = line.strip_prefix('!') {
        let (class, message) = fault.split_once(' ').unwrap();
        let class = ErrorClass::ALL.into_iter().find(|c| c.as_str() == class).unwrap();
        return Step::Fault(Fault::new(class, Phase::Streaming, message.to_owned()));
    }
    let (kind, payload) = line.split_once(' ').unwrap();
    let payload = match kind {
        "chunk" => format!(r#"{{"bytes":"{}","p":"abcdefgh"}}"#, STANDARD.encode(payload)),
        _ => payload.to_owned(),
    };
    let frame = Frame { kind: FrameKind::Event(kind), payload: payload.as_bytes(), raw: b"" };
    stream.frame(&frame, out)
}
