//! A well-formed answer as Anthropic's server-sent events.
//!
//! 1. Blocks keep the sequencer's indices, which SDKs require to grow by one.
//! 2. `message_delta` waits for the end, so that it always carries the whole usage.
//! 3. A fault is one `event: error`; neither `message_delta` nor `message_stop` follows it.
//! 4. Encrypted thinking has no deltas here: its block start waits until the data is complete.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_model::{Citation, Delta, Event, Fault, Opening, StopReason, Usage};

use super::citation;
use super::response::Answering;
use super::stop::write_stop;
use super::usage::write_usage;
use crate::render::anthropic_body;
use crate::sse::StreamWriter;
use crate::write::JsonWriter;

/// Writes one answer.
#[derive(Debug)]
pub struct MessageWriter {
    answering: Answering,
    usage: Option<Usage>,
    stop: Option<StopReason>,
    /// An open block of encrypted thinking, and its data so far.
    held: Option<(u32, String)>,
    /// Citations that could not be said, or not all of.
    lost: usize,
}

// === impl MessageWriter ===

impl MessageWriter {
    pub fn new(answering: Answering) -> Self {
        Self { answering, usage: None, stop: None, held: None, lost: 0 }
    }

    fn start(&mut self, usage: Option<Usage>, out: &mut Vec<u8>) {
        self.usage = usage;
        let Answering { id, model } = &self.answering;
        event(out, "message_start", |w| {
            w.key("message");
            w.open_object();
            w.member_str("id", id);
            w.member_str("type", "message");
            w.member_str("role", "assistant");
            w.member_str("model", model);
            w.key("content");
            w.open_array();
            w.close_array();
            write_stop(w, None);
            w.key("usage");
            write_usage(w, &usage.unwrap_or_default());
            w.close_object();
        });
    }

    fn open(&mut self, index: u32, block: &Opening<'_>, out: &mut Vec<u8>) {
        self.release(out);
        match block {
            Opening::Text => block_start(out, index, "text", &[("text", "")]),
            Opening::Thinking => {
                block_start(out, index, "thinking", &[("thinking", ""), ("signature", "")]);
            }
            Opening::Redacted(data) => self.held = Some((index, data.clone().into_owned())),
            Opening::ToolUse { id, name } => event(out, "content_block_start", |w| {
                w.member_u64("index", u64::from(index));
                w.key("content_block");
                w.open_object();
                w.member_str("type", "tool_use");
                w.member_str("id", id);
                w.member_str("name", name);
                w.key("input");
                w.open_object();
                w.close_object();
                w.close_object();
            }),
        }
    }

    fn delta(&mut self, index: u32, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let (kind, member, piece) = match delta {
            Delta::Text(piece) => ("text_delta", "text", piece),
            Delta::ToolInput(piece) => ("input_json_delta", "partial_json", piece),
            Delta::Thinking(piece) => ("thinking_delta", "thinking", piece),
            Delta::Signature(piece) => ("signature_delta", "signature", piece),
            Delta::Citation(citation) => return self.cite(index, citation, out),
            Delta::Redacted(piece) => {
                // The sequencer lets blocks of encrypted thinking overlap with no other.
                if let Some((_, data)) = self.held.as_mut().filter(|(held, _)| *held == index) {
                    append_base64(data, piece);
                }
                return;
            }
        };
        event(out, "content_block_delta", |w| {
            w.member_u64("index", u64::from(index));
            w.key("delta");
            w.open_object();
            w.member_str("type", kind);
            w.member_str(member, piece);
            w.close_object();
        });
    }

    fn cite(&mut self, index: u32, citation: &Citation<'_>, out: &mut Vec<u8>) {
        let mut whole = citation::can_say(citation);
        if whole {
            event(out, "content_block_delta", |w| {
                w.member_u64("index", u64::from(index));
                w.key("delta");
                w.open_object();
                w.member_str("type", "citations_delta");
                w.key("citation");
                whole = citation::write(w, citation);
                w.close_object();
            });
        }
        self.lost += usize::from(!whole);
    }

    /// Opens the block that waits for its data.
    fn release(&mut self, out: &mut Vec<u8>) {
        if let Some((index, data)) = self.held.take() {
            block_start(out, index, "redacted_thinking", &[("data", &data)]);
        }
    }

    fn close(&mut self, index: u32, out: &mut Vec<u8>) {
        self.release(out);
        event(out, "content_block_stop", |w| w.member_u64("index", u64::from(index)));
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let (stop, usage) = (self.stop.as_ref(), self.usage.unwrap_or_default());
        event(out, "message_delta", |w| {
            w.key("delta");
            w.open_object();
            write_stop(w, stop);
            w.close_object();
            w.key("usage");
            write_usage(w, &usage);
        });
        event(out, "message_stop", |_| {});
    }
}

impl StreamWriter for MessageWriter {
    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start { id: _, usage } => self.start(*usage, out),
            Event::Open { index, block } => self.open(*index, block, out),
            Event::Delta { index, delta } => self.delta(*index, delta, out),
            Event::Close { index } => self.close(*index, out),
            Event::Stop(stop) => self.stop = Some(stop.clone()),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::End => self.end(out),
            Event::Fault(fault) => self.fault(fault, out),
            // The sequencer counts these.
            Event::Unknown(_) => {}
        }
    }

    fn fault(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        out.extend_from_slice(b"event: error\ndata: ");
        anthropic_body(fault, None, out);
        out.extend_from_slice(b"\n\n");
    }

    fn lost(&self) -> usize {
        self.lost
    }

    fn keep_alive(&self) -> Option<&'static [u8]> {
        Some(b"event: ping\ndata: {\"type\":\"ping\"}\n\n")
    }
}

/// Writes one event: its name, and an object of that type with the members that `members` writes.
fn event(out: &mut Vec<u8>, name: &str, members: impl FnOnce(&mut JsonWriter<'_>)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    let mut w = JsonWriter::new(out);
    w.open_object();
    w.member_str("type", name);
    members(&mut w);
    w.close_object();
    out.extend_from_slice(b"\n\n");
}

fn block_start(out: &mut Vec<u8>, index: u32, kind: &str, members: &[(&'static str, &str)]) {
    event(out, "content_block_start", |w| {
        w.member_u64("index", u64::from(index));
        w.key("content_block");
        w.open_object();
        w.member_str("type", kind);
        for (key, value) in members {
            w.member_str(key, value);
        }
        w.close_object();
    });
}

/// Joins two pieces of base64, each of which may be padded on its own.
fn append_base64(data: &mut String, piece: &str) {
    if data.ends_with('=')
        && let (Ok(mut bytes), Ok(more)) =
            (STANDARD.decode(&*data), STANDARD.decode(piece.as_bytes()))
    {
        bytes.extend_from_slice(&more);
        *data = STANDARD.encode(bytes);
    } else {
        data.push_str(piece);
    }
}
