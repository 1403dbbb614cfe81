//! A streamed answer becomes `text_completion` chunks as server-sent events.
//!
//! 1. Token counts come in a chunk of their own, only if asked for, after the finish reason.
//! 2. `[DONE]` is written on `End` alone: a fault ends the stream without it.

use outcrop_model::{Delta, Event, Fault, StopReason, Usage};

use crate::names::CallForm;
use crate::openai::response::{Answering, finish_reason, write_usage};
use crate::render::openai_body;
use crate::sse::StreamWriter;
use crate::write::JsonWriter;

/// Writes one stream. What all chunks share is put together once.
#[derive(Debug)]
pub struct TextWriter {
    /// `data: {"id":…,"choices":[`
    head: Vec<u8>,
    include_usage: bool,
    usage: Option<Usage>,
    /// Citations, which have no place here.
    lost: usize,
}

// === impl TextWriter ===

impl TextWriter {
    pub fn new(answering: &Answering) -> Self {
        let Answering { id, created, model, include_usage, calls: _ } = answering;
        let mut head = b"data: ".to_vec();
        let mut w = JsonWriter::new(&mut head);
        w.open_object();
        w.member_str("id", id);
        w.member_str("object", "text_completion");
        w.member_u64("created", *created);
        w.member_str("model", model);
        w.key("choices");
        w.open_array();
        Self { head, include_usage: *include_usage, usage: None, lost: 0 }
    }

    fn chunk(&self, text: &str, stop: Option<&StopReason>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        let mut w = JsonWriter::new(out);
        w.open_object();
        w.member_str("text", text);
        w.member_u64("index", 0);
        w.member_null("logprobs");
        match stop {
            Some(reason) => {
                w.member_str("finish_reason", finish_reason(reason, CallForm::default(), None))
            }
            None => w.member_null("finish_reason"),
        }
        w.close_object();
        w.close_array();
        if self.include_usage {
            w.member_null("usage");
        }
        w.close_object();
        out.extend_from_slice(b"\n\n");
    }

    fn end(&self, out: &mut Vec<u8>) {
        if let (true, Some(usage)) = (self.include_usage, &self.usage) {
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b"],");
            let mut w = JsonWriter::new(out);
            w.key("usage");
            write_usage(&mut w, usage);
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

impl StreamWriter for TextWriter {
    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Delta { index: _, delta: Delta::Text(text) } => self.chunk(text, None, out),
            Event::Delta { index: _, delta: Delta::Citation(_) } => self.lost += 1,
            Event::Stop(reason) => self.chunk("", Some(reason), out),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::End => self.end(out),
            Event::Fault(fault) => self.fault(fault, out),
            // Thinking has no place here; tools were not offered; unknown events are counted before.
            Event::Start { .. }
            | Event::Open { .. }
            | Event::Close { .. }
            | Event::Unknown(_)
            | Event::Delta {
                index: _,
                delta:
                    Delta::ToolInput(_) | Delta::Thinking(_) | Delta::Signature(_) | Delta::Redacted(_),
            } => {}
        }
    }

    fn fault(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        out.extend_from_slice(b"data: ");
        openai_body(fault, out);
        out.extend_from_slice(b"\n\n");
    }

    fn lost(&self) -> usize {
        self.lost
    }

    fn keep_alive(&self) -> Option<&'static [u8]> {
        Some(b": keep-alive\n\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn text_stop_usage_and_done_come_in_order() {
        let answering = Answering {
            id: "cmpl-1".to_owned(),
            created: 7,
            model: "m".to_owned(),
            include_usage: true,
            calls: CallForm::default(),
        };
        let mut writer = TextWriter::new(&answering);
        let mut out = Vec::new();
        for event in [
            Event::Start { id: None, usage: None },
            Event::Delta { index: 0, delta: Delta::Thinking("hm".into()) },
            Event::Delta { index: 1, delta: Delta::Text("a\"b".into()) },
            Event::Usage(Usage { input: 2, output: 1, ..Usage::default() }),
            Event::Stop(StopReason::MaxTokens),
            Event::End,
        ] {
            writer.write(&event, &mut out);
        }
        let out = String::from_utf8(out).unwrap();
        let data: Vec<&str> = out.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        let [text, stop, usage, "[DONE]"] = data.as_slice() else { panic!("{out}") };
        let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(parsed(text)["choices"][0]["text"], "a\"b");
        assert_eq!(parsed(text)["usage"], Value::Null);
        assert_eq!(parsed(stop)["choices"][0]["finish_reason"], "length");
        assert_eq!(parsed(usage)["usage"]["total_tokens"], 3);
        assert_eq!(parsed(usage)["choices"], serde_json::json!([]));
    }
}
