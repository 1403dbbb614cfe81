//! The way back of a structured answer: what the model gave becomes the text that the caller reads.
//!
//! For a tool that stands for the answer, whole and streamed alike:
//! 1. its input is text; of several calls of it the first counts;
//! 2. words before it are not the answer and go; words before a call of the caller's own tool stay;
//! 3. a stop for the tool's sake is an end, unless a tool of the caller's own was called, too.
//!
//! In a stream the input goes on piece by piece, words wait until it is clear what they belong to.

use std::borrow::Cow;

use outcrop_model::chat::Block;
use outcrop_model::{BlockKind, ChatResponse, Delta, Event, Ledger, Opening, StopReason};

use super::peel::Peel;
use super::{Form, Structured};

/// Takes a reader's events, hands on those of the structured answer.
pub(crate) struct Shaper {
    form: Form,
    said: Said,
    /// The open call that is the answer, and what has been written of it.
    answer: Option<(u32, Peel, Empty)>,
    /// The text that may be fenced.
    text: Option<(u32, Peel)>,
    /// Words that may have to go, and the blocks whose end is not to be seen.
    held: Vec<(u32, String)>,
    hidden: Vec<u32>,
    own_calls: bool,
}

/// What the model has given so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// Nothing or words.
    Words,
    /// The answer.
    Answer,
    /// A call of one of the caller's own tools.
    Call,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Empty {
    Yes,
    No,
}

type Next<'n> = dyn FnMut(Event<'_>) + 'n;

// === impl Shaper ===

impl Shaper {
    /// `None` where the text is the answer as it comes.
    pub(crate) fn new(structured: &Structured) -> Option<Self> {
        let form = structured.form.clone();
        (form != Form::Text).then(|| Self {
            form,
            said: Said::Words,
            answer: None,
            text: None,
            held: Vec::new(),
            hidden: Vec::new(),
            own_calls: false,
        })
    }

    pub(crate) fn push(&mut self, event: Event<'_>, next: &mut Next<'_>) {
        match &self.form {
            Form::Text => next(event),
            Form::Fenced => self.unfence(event, next),
            Form::Tool { .. } => self.unwrap(event, next),
        }
    }

    fn unfence(&mut self, event: Event<'_>, next: &mut Next<'_>) {
        match event {
            Event::Delta { index, delta: Delta::Text(piece) } => {
                if self.text.as_ref().is_none_or(|(open, _)| *open != index) {
                    self.finish_text(next);
                    self.text = Some((index, Peel::fence()));
                }
                let Some((_, peel)) = &mut self.text else { return };
                write_text(index, peel.push(&piece), next);
            }
            event @ (Event::Close { .. } | Event::Stop(_) | Event::End | Event::Open { .. }) => {
                self.finish_text(next);
                next(event);
            }
            event @ (Event::Start { .. }
            | Event::Delta { .. }
            | Event::Usage(_)
            | Event::Fault(_)
            | Event::Unknown(_)) => next(event),
        }
    }

    fn finish_text(&mut self, next: &mut Next<'_>) {
        if let Some((index, mut peel)) = self.text.take() {
            write_text(index, peel.finish(), next);
        }
    }

    fn unwrap(&mut self, event: Event<'_>, next: &mut Next<'_>) {
        match event {
            Event::Open { index, block: Opening::ToolUse { id, name } } => {
                if matches!(&self.form, Form::Tool { name: ours, .. } if *ours == name) {
                    self.open_answer(index, next);
                } else {
                    self.release(next);
                    self.said = if self.said == Said::Words { Said::Call } else { self.said };
                    self.own_calls = true;
                    next(Event::Open { index, block: Opening::ToolUse { id, name } });
                }
            }
            Event::Open { index, block: Opening::Text } => match self.said {
                Said::Call => next(Event::Open { index, block: Opening::Text }),
                Said::Words | Said::Answer => self.hide(index),
            },
            Event::Delta { index, delta: Delta::ToolInput(piece) } => {
                self.input(index, piece, next)
            }
            Event::Delta { index, delta: Delta::Text(piece) } => match self.said {
                Said::Call => next(Event::Delta { index, delta: Delta::Text(piece) }),
                Said::Words => {
                    self.hide(index);
                    self.held.push((index, piece.into_owned()));
                }
                Said::Answer => {
                    self.hide(index);
                    next(Event::Unknown("text beside the answer".into()));
                }
            },
            // Its text is held back, and goes unless the model never answers in the form.
            Event::Delta { delta: Delta::Citation(_), .. } if self.said != Said::Call => {
                next(Event::Unknown("citation".into()));
            }
            Event::Close { index } => self.close(index, next),
            Event::Stop(reason) => {
                self.settle(next);
                let ours = self.said == Said::Answer && !self.own_calls;
                let reason = if ours { ended(reason) } else { reason };
                next(Event::Stop(reason));
            }
            Event::End => {
                self.settle(next);
                next(Event::End);
            }
            event @ (Event::Start { .. }
            | Event::Open { .. }
            | Event::Delta { .. }
            | Event::Usage(_)
            | Event::Fault(_)
            | Event::Unknown(_)) => next(event),
        }
    }

    fn open_answer(&mut self, index: u32, next: &mut Next<'_>) {
        if self.said == Said::Answer {
            self.hide(index);
            return next(Event::Unknown("another answer".into()));
        }
        for _ in self.held.drain(..) {
            next(Event::Unknown("text before the answer".into()));
        }
        self.said = Said::Answer;
        self.answer = Some((index, peel_of(&self.form), Empty::Yes));
        next(Event::Open { index, block: Opening::Text });
    }

    fn input(&mut self, index: u32, piece: Cow<'_, str>, next: &mut Next<'_>) {
        match &mut self.answer {
            Some((open, peel, empty)) if *open == index => {
                if !piece.is_empty() {
                    *empty = Empty::No;
                }
                write_text(index, peel.push(&piece), next);
            }
            Some(_) | None if self.hidden.contains(&index) => {}
            Some(_) | None => next(Event::Delta { index, delta: Delta::ToolInput(piece) }),
        }
    }

    fn close(&mut self, index: u32, next: &mut Next<'_>) {
        if self.answer.as_ref().is_some_and(|(open, ..)| *open == index) {
            self.finish_answer(next);
            next(Event::Close { index });
        } else if let Some(at) = self.hidden.iter().position(|hidden| *hidden == index) {
            self.hidden.remove(at);
        } else {
            next(Event::Close { index });
        }
    }

    fn finish_answer(&mut self, next: &mut Next<'_>) {
        if let Some((index, mut peel, empty)) = self.answer.take() {
            let rest = if empty == Empty::Yes { "{}".to_owned() } else { peel.finish() };
            write_text(index, rest, next);
        }
    }

    /// The model has stopped: whatever was held back is due.
    fn settle(&mut self, next: &mut Next<'_>) {
        self.finish_answer(next);
        self.release(next);
    }

    /// Hands on the words that belong to no answer.
    fn release(&mut self, next: &mut Next<'_>) {
        let held = std::mem::take(&mut self.held);
        let last = held.last().map(|(index, _)| *index);
        for (index, text) in held {
            write_text(index, text, next);
        }
        if let Some(index) = last {
            next(Event::Close { index });
        }
    }

    fn hide(&mut self, index: u32) {
        if !self.hidden.contains(&index) {
            self.hidden.push(index);
        }
    }
}

fn peel_of(form: &Form) -> Peel {
    match form {
        Form::Tool { envelope: Some(key), .. } => Peel::envelope(key),
        Form::Tool { envelope: None, .. } | Form::Text | Form::Fenced => Peel::None,
    }
}

fn write_text(index: u32, text: String, next: &mut Next<'_>) {
    if !text.is_empty() {
        next(Event::Delta { index, delta: Delta::Text(Cow::Owned(text)) });
    }
}

/// A call of our own tool is no reason to stop that a caller knows.
fn ended(reason: StopReason) -> StopReason {
    match reason {
        StopReason::ToolUse => StopReason::EndTurn,
        StopReason::EndTurn
        | StopReason::StopSequence(_)
        | StopReason::MaxTokens
        | StopReason::ContextWindowExceeded
        | StopReason::Guardrail
        | StopReason::ContentFiltered
        | StopReason::Refusal
        | StopReason::PauseTurn
        | StopReason::MalformedOutput
        | StopReason::MalformedToolUse
        | StopReason::Other(_) => reason,
    }
}

// === impl Structured ===

impl Structured {
    /// Shapes a whole answer; what had to go is told.
    pub(crate) fn shape(&self, response: &mut ChatResponse<'_>, ledger: &mut Ledger) {
        match &self.form {
            Form::Text => {}
            Form::Fenced => response.blocks.iter_mut().for_each(|block| unfence(block, ledger)),
            Form::Tool { name, .. } => self.unwrap(name, response, ledger),
        }
    }

    fn unwrap(&self, ours: &str, response: &mut ChatResponse<'_>, ledger: &mut Ledger) {
        let (mut said, mut own_calls) = (Said::Words, false);
        let first_call = response.blocks.iter().find_map(called);
        let answers_first = first_call.is_some_and(|name| name == ours);
        response.blocks.retain_mut(|block| {
            match &block.kind {
                BlockKind::ToolUse(call) if call.name == ours => {
                    if said == Said::Answer {
                        ledger
                            .dropped(block.at.to_string(), "another answer; the first one counts");
                        return false;
                    }
                    said = Said::Answer;
                    let text = peel_of(&self.form).whole(call.input.get());
                    *block = Block::text(text, block.at);
                }
                BlockKind::ToolUse(_) => {
                    own_calls = true;
                    said = if said == Said::Words { Said::Call } else { said };
                }
                BlockKind::Text(_)
                    if said == Said::Answer || (said == Said::Words && answers_first) =>
                {
                    ledger.dropped(block.at.to_string(), "text beside the structured answer");
                    return false;
                }
                BlockKind::Text(_)
                | BlockKind::Media(_)
                | BlockKind::ToolResult(_)
                | BlockKind::Thinking { .. }
                | BlockKind::Redacted(_)
                | BlockKind::Foreign { .. } => {}
            }
            true
        });
        if said == Said::Answer && !own_calls {
            response.stop = ended(std::mem::replace(&mut response.stop, StopReason::EndTurn));
        }
    }
}

fn called<'r>(block: &'r Block<'_>) -> Option<&'r str> {
    match &block.kind {
        BlockKind::ToolUse(call) => Some(&call.name),
        BlockKind::Text(_)
        | BlockKind::Media(_)
        | BlockKind::ToolResult(_)
        | BlockKind::Thinking { .. }
        | BlockKind::Redacted(_)
        | BlockKind::Foreign { .. } => None,
    }
}

fn unfence(block: &mut Block<'_>, ledger: &mut Ledger) {
    let BlockKind::Text(text) = &mut block.kind else { return };
    let inner = Peel::fence().whole(text);
    if inner != **text {
        ledger.approximated(block.at.to_string(), "a code fence around the answer was taken off");
        *text = Cow::Owned(inner);
    }
}
