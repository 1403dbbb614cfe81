//! A streamed answer becomes `chat.completion.chunk`s as server-sent events.
//!
//! 1. Only the first chunk has the role; tools are numbered in the order in which they open.
//! 2. Thinking streams as `reasoning_content`; a block that can be replayed (signed or encrypted) is
//!    repeated whole in `thinking_blocks` when it closes.
//! 3. Token counts come in a chunk of their own, only if asked for, after the finish reason.
//! 4. What a text rests on comes in a chunk of its own when the text's block closes.
//! 5. `[DONE]` is written on `End` alone: a fault ends the stream without it.

use outcrop_model::{Delta, Event, Fault, Opening, StopReason, Usage};

use super::annotation::{Annotation, length};
use super::response::{Answering, Thought, finish_reason, write_annotations, write_usage};
use crate::names::CallForm;
use crate::render::openai_body;
use crate::sse::StreamWriter;
use crate::write::JsonWriter;

/// Writes one stream. What all chunks share is put together once.
#[derive(Debug)]
pub struct ChunkWriter {
    /// `data: {"id":…,"choices":[`
    head: Vec<u8>,
    include_usage: bool,
    calls: CallForm,
    usage: Option<Usage>,
    open: Vec<OpenBlock>,
    next_tool: u64,
    /// Characters of text so far.
    said: u64,
    /// Citations that have no place here.
    lost: usize,
}

#[derive(Debug)]
struct OpenBlock {
    index: u32,
    kind: OpenKind,
}

#[derive(Debug)]
enum OpenKind {
    /// Where it begins in the message, and what it rests on.
    Text {
        start: u64,
        cited: Vec<Annotation>,
    },
    Tool {
        number: u64,
    },
    Thinking {
        text: String,
        signature: String,
    },
    Redacted(String),
}

const CHOICE: &[u8] = br#"{"index":0,"delta":{"#;
const UNFINISHED: &[u8] = br#"},"logprobs":null,"finish_reason":null}]"#;

// === impl ChunkWriter ===

impl ChunkWriter {
    pub fn new(answering: &Answering) -> Self {
        let Answering { id, created, model, include_usage, calls } = answering;
        let mut head = b"data: ".to_vec();
        let mut w = JsonWriter::new(&mut head);
        w.open_object();
        w.member_str("id", id);
        w.member_str("object", "chat.completion.chunk");
        w.member_u64("created", *created);
        w.member_str("model", model);
        w.key("choices");
        w.open_array();
        let (include_usage, usage, open, next_tool) = (*include_usage, None, Vec::new(), 0);
        Self { head, include_usage, calls: *calls, usage, open, next_tool, said: 0, lost: 0 }
    }

    /// A chunk whose delta has the members that `write` writes.
    fn chunk(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut JsonWriter<'_>)) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(CHOICE);
        write(&mut JsonWriter::new(out));
        out.extend_from_slice(UNFINISHED);
        self.end_chunk(out);
    }

    fn end_chunk(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.include_usage {
            true => b",\"usage\":null}\n\n",
            false => b"}\n\n",
        });
    }

    fn start(&self, out: &mut Vec<u8>) {
        self.chunk(out, |w| {
            w.member_str("role", "assistant");
            w.member_str("content", "");
            w.member_null("refusal");
        });
    }

    fn open(&mut self, index: u32, block: &Opening<'_>, out: &mut Vec<u8>) {
        let kind = match block {
            Opening::Text => OpenKind::Text { start: self.said, cited: Vec::new() },
            Opening::Thinking => {
                OpenKind::Thinking { text: String::new(), signature: String::new() }
            }
            Opening::Redacted(data) => OpenKind::Redacted(data.clone().into_owned()),
            Opening::ToolUse { id, name } => {
                let number = self.next_tool;
                self.next_tool += 1;
                self.call(number, Some(id), out, |w| {
                    w.member_str("name", name);
                    w.member_str("arguments", "");
                });
                OpenKind::Tool { number }
            }
        };
        self.open.push(OpenBlock { index, kind });
    }

    fn delta(&mut self, index: u32, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let block = self.open.iter_mut().find(|block| block.index == index);
        match (delta, block.map(|block| &mut block.kind)) {
            (Delta::Text(text), _) => {
                self.said += length(text);
                self.chunk(out, |w| w.member_str("content", text));
            }
            (Delta::Citation(citation), Some(OpenKind::Text { cited, .. })) => {
                match Annotation::in_chat(citation) {
                    Some(annotation) => cited.push(annotation),
                    None => self.lost += 1,
                }
            }
            (Delta::ToolInput(json), Some(OpenKind::Tool { number })) => {
                let number = *number;
                self.call(number, None, out, |w| w.member_str("arguments", json));
            }
            (Delta::Thinking(piece), Some(OpenKind::Thinking { text, .. })) => {
                text.push_str(piece);
                self.chunk(out, |w| w.member_str("reasoning_content", piece));
            }
            (Delta::Signature(piece), Some(OpenKind::Thinking { signature, .. })) => {
                signature.push_str(piece);
            }
            (Delta::Redacted(piece), Some(OpenKind::Redacted(data))) => data.push_str(piece),
            // A delta of another kind than its block: the sequencer lets none pass.
            (
                Delta::Citation(_)
                | Delta::ToolInput(_)
                | Delta::Thinking(_)
                | Delta::Signature(_)
                | Delta::Redacted(_),
                _,
            ) => {}
        }
    }

    /// A piece of a call, in the form that the caller reads; `function_call` holds the first call only.
    fn call(
        &self,
        number: u64,
        id: Option<&str>,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut JsonWriter<'_>),
    ) {
        match (self.calls, number) {
            (CallForm::ToolCalls, _) => self.chunk(out, |w| {
                w.key("tool_calls");
                w.open_array();
                w.open_object();
                w.member_u64("index", number);
                if let Some(id) = id {
                    w.member_str("id", id);
                    w.member_str("type", "function");
                }
                w.key("function");
                w.open_object();
                write(w);
                w.close_object();
                w.close_object();
                w.close_array();
            }),
            (CallForm::FunctionCall, 0) => self.chunk(out, |w| {
                w.key("function_call");
                w.open_object();
                write(w);
                w.close_object();
            }),
            (CallForm::FunctionCall, _) => {}
        }
    }

    fn close(&mut self, index: u32, out: &mut Vec<u8>) {
        let Some(found) = self.open.iter().position(|block| block.index == index) else { return };
        match self.open.swap_remove(found).kind {
            OpenKind::Thinking { text, signature } if !signature.is_empty() => {
                self.thought(&Thought::Plain { text: &text, signature: Some(&signature) }, out);
            }
            OpenKind::Redacted(data) => self.thought(&Thought::Redacted(&data), out),
            OpenKind::Text { start, cited } if !cited.is_empty() => {
                let span = (start, self.said);
                let annotations: Vec<_> = cited.into_iter().map(|one| (one, span)).collect();
                self.chunk(out, |w| write_annotations(&annotations, w));
            }
            OpenKind::Text { .. } | OpenKind::Tool { .. } | OpenKind::Thinking { .. } => {}
        }
    }

    fn thought(&self, thought: &Thought<'_>, out: &mut Vec<u8>) {
        self.chunk(out, |w| {
            w.key("thinking_blocks");
            w.open_array();
            thought.write(w);
            w.close_array();
        });
    }

    fn stop(&self, reason: &StopReason, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(CHOICE);
        out.extend_from_slice(br#"},"logprobs":null,"#);
        JsonWriter::new(out).member_str("finish_reason", finish_reason(reason, self.calls, None));
        out.extend_from_slice(b"}]");
        self.end_chunk(out);
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

impl StreamWriter for ChunkWriter {
    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start { id: _, usage: _ } => self.start(out),
            Event::Open { index, block } => self.open(*index, block, out),
            Event::Delta { index, delta } => self.delta(*index, delta, out),
            Event::Close { index } => self.close(*index, out),
            Event::Stop(reason) => self.stop(reason, out),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::End => self.end(out),
            Event::Fault(fault) => self.fault(fault, out),
            // Counted by the sequencer.
            Event::Unknown(_) => {}
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
