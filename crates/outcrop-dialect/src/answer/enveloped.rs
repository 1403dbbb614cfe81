//! Anthropic's events in the envelope of InvokeModelWithResponseStream.
//!
//! 1. Each event is one frame `chunk`, whose payload is `{"bytes": <base64 of the event>}`.
//! 2. `message_stop` carries the token counts, as the last chunk of every such stream does.
//! 3. A fault is an exception frame, and nothing follows it.

use outcrop_model::{Carrier, Event, Fault, FrameKind, Usage};

use super::EncodeFrame;
use crate::anthropic::MessageWriter;
use crate::invoke::METRICS;
use crate::render;
use crate::sse::StreamWriter;
use crate::write::JsonWriter;

pub(super) struct EnvelopedWriter {
    inner: MessageWriter,
    encode: EncodeFrame,
    usage: Usage,
    /// Events as the inner writer tells them.
    told: Vec<u8>,
    json: Vec<u8>,
    payload: Vec<u8>,
}

// === impl EnvelopedWriter ===

impl EnvelopedWriter {
    pub(super) fn new(inner: MessageWriter, encode: EncodeFrame) -> Self {
        let (told, json, payload) = (Vec::new(), Vec::new(), Vec::new());
        Self { inner, encode, usage: Usage::default(), told, json, payload }
    }

    /// Frames what the inner writer told. Its events end with an empty line, which JSON does not hold.
    fn frame(&mut self, out: &mut Vec<u8>) {
        let mut rest = self.told.as_slice();
        while let Some(end) = memchr::memmem::find(rest, b"\n\n") {
            let (event, behind) = (&rest[..end], &rest[end + 2..]);
            rest = behind;
            let Some(start) = memchr::memmem::find(event, DATA) else { continue };
            let mut json = &event[start + DATA.len()..];
            if event.starts_with(LAST) {
                self.json.clear();
                write_last(json, &self.usage, &mut self.json);
                json = &self.json;
            }
            self.payload.clear();
            let mut w = JsonWriter::new(&mut self.payload);
            w.open_object();
            w.key("bytes");
            w.base64(json);
            w.close_object();
            (self.encode)(FrameKind::Event("chunk"), &self.payload, out);
        }
        self.told.clear();
    }
}

const DATA: &[u8] = b"\ndata: ";
const LAST: &[u8] = b"event: message_stop\n";

/// The last event with the counts as its last member.
fn write_last(json: &[u8], usage: &Usage, out: &mut Vec<u8>) {
    let Some(open) = json.strip_suffix(b"}") else { return out.extend_from_slice(json) };
    out.extend_from_slice(open);
    out.extend_from_slice(b",\"");
    out.extend_from_slice(METRICS.as_bytes());
    out.extend_from_slice(b"\":");
    let mut w = JsonWriter::new(out);
    w.open_object();
    w.member_u64("inputTokenCount", usage.input);
    w.member_u64("outputTokenCount", usage.output);
    w.member_u64("cacheReadInputTokenCount", usage.cache_read);
    w.member_u64("cacheWriteInputTokenCount", usage.cache_write());
    w.close_object();
    out.push(b'}');
}

impl StreamWriter for EnvelopedWriter {
    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start { usage: Some(usage), .. } | Event::Usage(usage) => self.usage = *usage,
            Event::Start { usage: None, .. }
            | Event::Open { .. }
            | Event::Delta { .. }
            | Event::Close { .. }
            | Event::Stop(_)
            | Event::End
            | Event::Unknown(_) => {}
            Event::Fault(fault) => return self.fault(fault, out),
        }
        self.inner.write(event, &mut self.told);
        self.frame(out);
    }

    fn fault(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        let mut body = Vec::new();
        render::bedrock_body(fault, &mut body);
        let name = render::exception_type(fault.class, Carrier::Invoke);
        (self.encode)(FrameKind::Exception(name), &body, out);
    }

    fn content_type(&self) -> &'static str {
        EVENT_STREAM
    }

    fn lost(&self) -> usize {
        self.inner.lost()
    }

    /// Bedrock's streams have none, and not every client of theirs knows Anthropic's ping.
    fn keep_alive(&self) -> Option<&'static [u8]> {
        None
    }
}

pub(super) const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";
