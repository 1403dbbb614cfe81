//! A streamed answer becomes the events of the Responses API.
//!
//! 1. `response.created` and `response.in_progress` come first, one of `completed`, `incomplete` and
//!    `failed` last; each holds the whole answer so far.
//! 2. Every item is added, filled and done, with one id and one `output_index` all the way; what is
//!    done is repeated whole.
//! 3. Text blocks that follow each other are parts of one message.
//! 4. Thinking streams as a summary only if asked for; the item holds all of it either way.
//! 5. What a part of the text rests on is told when the part is whole.
//! 6. A fault is `response.failed`: no success terminator follows.

use outcrop_model::{Delta, Event, Fault, Opening, StopReason, Usage};

use super::envelope::Thought;
use super::output::{
    Call, Item, ItemBody, Part, State, Status, status, write_part, write_response, write_summary,
};
use super::response::Answering;
use crate::openai::{Annotation, length};
use crate::sse::StreamWriter;
use crate::write::JsonWriter;

/// Writes one stream.
#[derive(Debug)]
pub struct ResponseWriter {
    answering: Answering,
    sequence: u64,
    items: Vec<Item>,
    open: Vec<Open>,
    usage: Option<Usage>,
    stop: Option<StopReason>,
    finished: Option<Vec<u8>>,
    /// Citations that have no place here.
    lost: usize,
}

/// An open block, and where it goes.
#[derive(Debug, Clone, Copy)]
struct Open {
    index: u32,
    item: usize,
    /// Part of the message, for text.
    part: usize,
}

// === impl ResponseWriter ===

impl ResponseWriter {
    pub fn new(answering: Answering) -> Self {
        Self {
            answering,
            sequence: 0,
            items: Vec::new(),
            open: Vec::new(),
            usage: None,
            stop: None,
            finished: None,
            lost: 0,
        }
    }

    /// One event, with the members that `write` writes.
    fn event(
        &mut self,
        kind: &'static str,
        out: &mut Vec<u8>,
        write: impl FnOnce(&Self, &mut JsonWriter<'_>),
    ) {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\ndata: ");
        let mut w = JsonWriter::new(out);
        w.open_object();
        w.member_str("type", kind);
        w.member_u64("sequence_number", self.sequence);
        write(self, &mut w);
        w.close_object();
        out.extend_from_slice(b"\n\n");
        self.sequence += 1;
    }

    /// An event about an item.
    fn item_event(
        &mut self,
        kind: &'static str,
        item: usize,
        out: &mut Vec<u8>,
        write: impl FnOnce(&Item, &mut JsonWriter<'_>),
    ) {
        self.event(kind, out, |this, w| {
            let Some(found) = this.items.get(item) else { return };
            w.member_str("item_id", &found.id);
            w.member_u64("output_index", item as u64);
            write(found, w);
        });
    }

    fn whole_item(&mut self, kind: &'static str, item: usize, out: &mut Vec<u8>) {
        self.event(kind, out, |this, w| {
            let Some(found) = this.items.get(item) else { return };
            w.member_u64("output_index", item as u64);
            w.key("item");
            found.write(&this.answering.settings, w);
        });
    }

    fn whole_answer(&mut self, kind: &'static str, state: State<'_>, out: &mut Vec<u8>) {
        self.event(kind, out, |this, w| {
            w.key("response");
            write_response(&this.answering, state, &this.items, this.usage.as_ref(), w);
        });
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        self.whole_answer("response.created", State::InProgress, out);
        self.whole_answer("response.in_progress", State::InProgress, out);
    }

    fn add_item(&mut self, body: ItemBody, out: &mut Vec<u8>) -> usize {
        let position = self.items.len();
        self.items.push(Item::new(&self.answering.id, position, Status::InProgress, body));
        self.whole_item("response.output_item.added", position, out);
        position
    }

    fn finish_item(&mut self, item: usize, status: Status, out: &mut Vec<u8>) {
        let Some(found) = self.items.get_mut(item) else { return };
        found.status = status;
        self.whole_item("response.output_item.done", item, out);
    }

    fn open_block(&mut self, index: u32, block: &Opening<'_>, out: &mut Vec<u8>) {
        let mut part = 0;
        let item = match block {
            Opening::Text => {
                let item = self.message(out);
                part = self.add_part(item, out);
                item
            }
            Opening::Thinking => {
                self.leave_message(out);
                let (text, signature) = (String::new(), String::new());
                self.add_item(ItemBody::Reasoning(Thought::Plain { text, signature }), out)
            }
            Opening::Redacted(data) => {
                self.leave_message(out);
                let thought = Thought::Redacted(data.clone().into_owned());
                self.add_item(ItemBody::Reasoning(thought), out)
            }
            Opening::ToolUse { id, name } => {
                let call = Call::new(id, name, &self.answering.settings.shapes);
                self.leave_message(out);
                self.add_item(ItemBody::Call(call), out)
            }
        };
        self.open.push(Open { index, item, part });
    }

    /// The message that the next text belongs to.
    fn message(&mut self, out: &mut Vec<u8>) -> usize {
        let last = self.items.len().wrapping_sub(1);
        let is_filled = self.open.iter().any(|open| open.item == last);
        match self.items.last() {
            Some(Item { status: Status::InProgress, body: ItemBody::Message { .. }, .. })
                if !is_filled =>
            {
                last
            }
            Some(_) | None => self.add_item(ItemBody::Message { parts: Vec::new() }, out),
        }
    }

    fn add_part(&mut self, item: usize, out: &mut Vec<u8>) -> usize {
        let Some(parts) = self.parts(item) else { return 0 };
        parts.push(Part::default());
        let part = parts.len() - 1;
        self.item_event("response.content_part.added", item, out, |_, w| {
            w.member_u64("content_index", part as u64);
            w.key("part");
            write_part(&Part::default(), w);
        });
        part
    }

    fn parts(&mut self, item: usize) -> Option<&mut Vec<Part>> {
        match self.items.get_mut(item).map(|item| &mut item.body) {
            Some(ItemBody::Message { parts }) => Some(parts),
            Some(ItemBody::Reasoning(_) | ItemBody::Call(_) | ItemBody::Image(_)) | None => None,
        }
    }

    /// Messages all of whose text has closed are done as soon as something else follows.
    fn leave_message(&mut self, out: &mut Vec<u8>) {
        for item in 0..self.items.len() {
            let Item { status, body, .. } = &self.items[item];
            let is_open = self.open.iter().any(|open| open.item == item);
            if *status == Status::InProgress && matches!(body, ItemBody::Message { .. }) && !is_open
            {
                self.finish_item(item, Status::Completed, out);
            }
        }
    }

    fn delta(&mut self, index: u32, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let Some(Open { item, part, .. }) = self.open.iter().find(|o| o.index == index).copied()
        else {
            return;
        };
        let Some(body) = self.items.get_mut(item).map(|item| &mut item.body) else { return };
        match (delta, body) {
            (Delta::Text(piece), ItemBody::Message { parts }) => {
                if let Some(part) = parts.get_mut(part) {
                    part.text.push_str(piece);
                }
                self.item_event("response.output_text.delta", item, out, |_, w| {
                    w.member_u64("content_index", part as u64);
                    w.member_str("delta", piece);
                    w.key("logprobs");
                    w.raw_bytes(b"[]");
                });
            }
            (Delta::Citation(citation), ItemBody::Message { parts }) => {
                match (parts.get_mut(part), Annotation::of(citation)) {
                    (Some(part), Some(annotation)) => part.annotations.push(annotation),
                    (Some(_) | None, _) => self.lost += 1,
                }
            }
            (Delta::ToolInput(piece), ItemBody::Call(call)) => {
                call.arguments.push_str(piece);
                // Free text is inside the JSON: it is told when that is whole.
                if !call.custom {
                    let kind = "response.function_call_arguments.delta";
                    self.item_event(kind, item, out, |_, w| w.member_str("delta", piece));
                }
            }
            (Delta::Thinking(piece), ItemBody::Reasoning(Thought::Plain { text, .. })) => {
                let is_first = text.is_empty();
                text.push_str(piece);
                self.summary_delta(item, is_first, piece, out);
            }
            (Delta::Signature(piece), ItemBody::Reasoning(Thought::Plain { signature, .. })) => {
                signature.push_str(piece);
            }
            (Delta::Redacted(piece), ItemBody::Reasoning(Thought::Redacted(data))) => {
                data.push_str(piece);
            }
            // A delta of another kind than its block: the sequencer lets none pass.
            (_, ItemBody::Message { .. } | ItemBody::Call(_) | ItemBody::Reasoning(_)) => {}
            (_, ItemBody::Image(_)) => {}
        }
    }

    fn summary_delta(&mut self, item: usize, is_first: bool, piece: &str, out: &mut Vec<u8>) {
        if !self.answering.settings.summary {
            return;
        }
        if is_first {
            self.item_event("response.reasoning_summary_part.added", item, out, |_, w| {
                w.member_u64("summary_index", 0);
                w.key("part");
                write_summary("", w);
            });
        }
        self.item_event("response.reasoning_summary_text.delta", item, out, |_, w| {
            w.member_u64("summary_index", 0);
            w.member_str("delta", piece);
        });
    }

    fn close(&mut self, index: u32, out: &mut Vec<u8>) {
        let Some(found) = self.open.iter().position(|open| open.index == index) else { return };
        let Open { item, part, .. } = self.open.remove(found);
        match self.items.get(item).map(|item| &item.body) {
            Some(ItemBody::Message { .. }) => self.close_text(item, part, out),
            Some(ItemBody::Reasoning(thought)) => {
                if self.answering.settings.summary && !thought.text().is_empty() {
                    self.close_summary(item, out);
                }
                self.finish_item(item, Status::Completed, out);
            }
            Some(ItemBody::Call(call)) => {
                let whole = call.is_whole();
                self.close_call(item, call.custom, out);
                let status = if whole { Status::Completed } else { Status::Incomplete };
                self.finish_item(item, status, out);
            }
            Some(ItemBody::Image(_)) | None => {}
        }
    }

    fn close_text(&mut self, item: usize, part: usize, out: &mut Vec<u8>) {
        let said = self.parts(item).and_then(|p| p.get(part).cloned()).unwrap_or_default();
        for (i, annotation) in said.annotations.iter().enumerate() {
            self.item_event("response.output_text.annotation.added", item, out, |_, w| {
                w.member_u64("content_index", part as u64);
                w.member_u64("annotation_index", i as u64);
                w.key("annotation");
                annotation.write(length(&said.text), w);
            });
        }
        self.item_event("response.output_text.done", item, out, |_, w| {
            w.member_u64("content_index", part as u64);
            w.member_str("text", &said.text);
            w.key("logprobs");
            w.raw_bytes(b"[]");
        });
        self.item_event("response.content_part.done", item, out, |_, w| {
            w.member_u64("content_index", part as u64);
            w.key("part");
            write_part(&said, w);
        });
        if item + 1 < self.items.len() {
            self.leave_message(out);
        }
    }

    fn close_summary(&mut self, item: usize, out: &mut Vec<u8>) {
        let text = |item: &Item| match &item.body {
            ItemBody::Reasoning(thought) => thought.text().to_owned(),
            ItemBody::Message { .. } | ItemBody::Call(_) | ItemBody::Image(_) => String::new(),
        };
        self.item_event("response.reasoning_summary_text.done", item, out, |item, w| {
            w.member_u64("summary_index", 0);
            w.member_str("text", &text(item));
        });
        self.item_event("response.reasoning_summary_part.done", item, out, |item, w| {
            w.member_u64("summary_index", 0);
            w.key("part");
            write_summary(&text(item), w);
        });
    }

    fn close_call(&mut self, item: usize, custom: bool, out: &mut Vec<u8>) {
        let call = |item: &Item, write: &mut dyn FnMut(&Call)| match &item.body {
            ItemBody::Call(call) => write(call),
            ItemBody::Message { .. } | ItemBody::Reasoning(_) | ItemBody::Image(_) => {}
        };
        if !custom {
            self.item_event("response.function_call_arguments.done", item, out, |item, w| {
                call(item, &mut |call| {
                    w.member_str("name", &call.name);
                    w.member_str("arguments", &call.arguments);
                });
            });
            return;
        }
        for (kind, key) in [
            ("response.custom_tool_call_input.delta", "delta"),
            ("response.custom_tool_call_input.done", "input"),
        ] {
            self.item_event(kind, item, out, |item, w| {
                call(item, &mut |call| w.member_str(key, &call.input()));
            });
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.leave_message(out);
        let stop = self.stop.take().unwrap_or(StopReason::EndTurn);
        let state = State::Stopped(&stop);
        let kind = match status(state).1 {
            Some(_) => "response.incomplete",
            None => "response.completed",
        };
        self.whole_answer(kind, state, out);
        if self.answering.settings.conversation.is_some() {
            let mut whole = Vec::new();
            let (answering, usage) = (&self.answering, self.usage.as_ref());
            let mut w = JsonWriter::new(&mut whole);
            write_response(answering, state, &self.items, usage, &mut w);
            self.finished = Some(whole);
        }
    }
}

impl StreamWriter for ResponseWriter {
    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start { id: _, usage: _ } => self.start(out),
            Event::Open { index, block } => self.open_block(*index, block, out),
            Event::Delta { index, delta } => self.delta(*index, delta, out),
            Event::Close { index } => self.close(*index, out),
            Event::Stop(reason) => self.stop = Some(reason.clone()),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::End => self.end(out),
            Event::Fault(fault) => self.fault(fault, out),
            // Counted by the sequencer.
            Event::Unknown(_) => {}
        }
    }

    fn fault(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        if self.sequence == 0 {
            self.start(out);
        }
        for item in self.items.iter_mut().filter(|item| item.status == Status::InProgress) {
            item.status = Status::Incomplete;
        }
        self.whole_answer("response.failed", State::Failed(fault), out);
    }

    fn finished(&mut self) -> Option<Vec<u8>> {
        self.finished.take()
    }

    fn lost(&self) -> usize {
        self.lost
    }

    fn keep_alive(&self) -> Option<&'static [u8]> {
        Some(b": keep-alive\n\n")
    }
}
