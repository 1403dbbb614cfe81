//! The only place that knows what a well-formed stream is.
//!
//! Whatever a reader emits, the sequencer's output is:
//! 1. one `Start` first; one `End` or `Fault` last; nothing after it;
//! 2. every delta inside an open block, every opened block closed; a block that the upstream never
//!    opened (Converse opens none for text) is inferred; indices are 0, 1, 2 … in opening order;
//! 3. an upstream that ends without a stop event yields a `Truncated` fault, never an end;
//! 4. unknown events are counted and do not pass;
//! 5. `Usage` (the latest, if any came) and `Stop` stand together right before `End`;
//!    — unless the model stopped with output that cannot be parsed and nothing else: that is a fault;
//! 6. every tool block gets at least one piece of input (`{}` when the model sent none).

use outcrop_model::{Delta, ErrorClass, Event, Fault, Opening, Phase, StopReason, Usage};

/// Receives well-formed events.
pub type Emit<'e> = dyn FnMut(&Event<'_>) + 'e;

#[derive(Debug, Default)]
pub struct Sequencer {
    state: State,
    open: Vec<OpenBlock>,
    next_index: u32,
    usage: Option<Usage>,
    stop: Option<StopReason>,
    unknown: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Fresh,
    Started,
    Done,
}

#[derive(Debug, Clone, Copy)]
struct OpenBlock {
    theirs: u32,
    ours: u32,
    kind: Kind,
    has_input: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Redacted,
    ToolUse,
}

// === impl Sequencer ===

impl Sequencer {
    /// Takes one event of the reader; hands on what follows from it.
    pub fn push(&mut self, event: Event<'_>, emit: &mut Emit<'_>) {
        if self.state == State::Done {
            self.unknown += 1;
            return;
        }
        match event {
            Event::Start { id, usage } => self.start(Event::Start { id, usage }, emit),
            Event::Open { index, block } => self.open_block(index, block, emit),
            Event::Delta { index, delta } => self.delta(index, delta, emit),
            Event::Close { index } => self.close(index, emit),
            Event::Stop(reason) => self.stop = Some(reason),
            Event::Usage(usage) => self.usage = Some(usage),
            Event::End => self.end(emit),
            Event::Fault(fault) => self.fault(fault, emit),
            Event::Unknown(_) => self.unknown += 1,
        }
    }

    /// The upstream's bytes have ended.
    pub fn eof(&mut self, emit: &mut Emit<'_>) {
        if self.state != State::Done {
            self.end(emit);
        }
    }

    /// Whether the last event has been handed on.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// How many events had no meaning here.
    pub fn unknown(&self) -> usize {
        self.unknown
    }

    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    pub fn stop_reason(&self) -> Option<&StopReason> {
        self.stop.as_ref()
    }

    fn start(&mut self, event: Event<'_>, emit: &mut Emit<'_>) {
        if self.state != State::Fresh {
            self.unknown += 1;
            return;
        }
        self.state = State::Started;
        if let Event::Start { usage: Some(usage), .. } = &event {
            self.usage = Some(*usage);
        }
        emit(&event);
    }

    fn ensure_started(&mut self, emit: &mut Emit<'_>) {
        if self.state == State::Fresh {
            self.start(Event::Start { id: None, usage: None }, emit);
        }
    }

    fn open_block(&mut self, theirs: u32, block: Opening<'_>, emit: &mut Emit<'_>) {
        self.ensure_started(emit);
        if self.open.iter().any(|b| b.theirs == theirs) {
            self.close(theirs, emit);
        }
        let kind = match &block {
            Opening::Text => Kind::Text,
            Opening::Thinking => Kind::Thinking,
            Opening::Redacted(_) => Kind::Redacted,
            Opening::ToolUse { .. } => Kind::ToolUse,
        };
        let ours = self.next_index;
        self.next_index += 1;
        self.open.push(OpenBlock { theirs, ours, kind, has_input: false });
        emit(&Event::Open { index: ours, block });
    }

    fn delta(&mut self, theirs: u32, delta: Delta<'_>, emit: &mut Emit<'_>) {
        if says_nothing(&delta) {
            return self.ensure_started(emit);
        }
        let needed = delta_kind(&delta);
        let fits = self.open.iter().any(|b| b.theirs == theirs && b.kind == needed);
        if !fits {
            let Some(opening) = delta.implied_opening() else {
                let detail =
                    format!("tool input for block {theirs}, which is not an open tool call");
                return self.fault(
                    broken("The model's answer is out of order.").with_detail(detail),
                    emit,
                );
            };
            self.open_block(theirs, opening, emit);
        }
        if let Some(block) = self.open.iter_mut().find(|b| b.theirs == theirs) {
            block.has_input |= needed == Kind::ToolUse;
            let index = block.ours;
            emit(&Event::Delta { index, delta });
        }
    }

    fn close(&mut self, theirs: u32, emit: &mut Emit<'_>) {
        self.ensure_started(emit);
        let Some(position) = self.open.iter().position(|b| b.theirs == theirs) else {
            self.unknown += 1;
            return;
        };
        let block = self.open.remove(position);
        close_block(block, emit);
    }

    fn end(&mut self, emit: &mut Emit<'_>) {
        let Some(reason) = self.stop.clone() else {
            return self.fault(truncated(), emit);
        };
        if let Some(fault) = unusable(&reason).filter(|_| self.next_index == 0) {
            return self.fault(fault, emit);
        }
        self.ensure_started(emit);
        for block in std::mem::take(&mut self.open) {
            close_block(block, emit);
        }
        self.state = State::Done;
        if let Some(usage) = self.usage {
            emit(&Event::Usage(usage));
        }
        emit(&Event::Stop(reason));
        emit(&Event::End);
    }

    fn fault(&mut self, fault: Fault, emit: &mut Emit<'_>) {
        self.state = State::Done;
        emit(&Event::Fault(fault));
    }
}

fn close_block(block: OpenBlock, emit: &mut Emit<'_>) {
    if block.kind == Kind::ToolUse && !block.has_input {
        emit(&Event::Delta { index: block.ours, delta: Delta::ToolInput("{}".into()) });
    }
    emit(&Event::Close { index: block.ours });
}

fn delta_kind(delta: &Delta<'_>) -> Kind {
    match delta {
        Delta::Text(_) | Delta::Citation(_) => Kind::Text,
        Delta::ToolInput(_) => Kind::ToolUse,
        Delta::Thinking(_) | Delta::Signature(_) => Kind::Thinking,
        Delta::Redacted(_) => Kind::Redacted,
    }
}

fn says_nothing(delta: &Delta<'_>) -> bool {
    match delta {
        Delta::Citation(_) => false,
        Delta::Text(t)
        | Delta::ToolInput(t)
        | Delta::Thinking(t)
        | Delta::Signature(t)
        | Delta::Redacted(t) => t.is_empty(),
    }
}

/// The fault of a stream that ends before its own end marker.
pub fn truncated() -> Fault {
    let mut fault = broken("The model's answer was cut short before it was complete.");
    fault.class = ErrorClass::Truncated;
    fault
}

/// The fault of an answer without content whose stop reason says that the model's output made no sense.
pub fn unusable(reason: &StopReason) -> Option<Fault> {
    let fault = |message| Some(Fault::new(ErrorClass::ModelFailed, Phase::Streaming, message));
    match reason {
        StopReason::MalformedOutput => fault("The model produced output that cannot be parsed."),
        StopReason::MalformedToolUse => {
            fault("The model produced a tool call that cannot be parsed.")
        }
        StopReason::EndTurn
        | StopReason::StopSequence(_)
        | StopReason::ToolUse
        | StopReason::MaxTokens
        | StopReason::ContextWindowExceeded
        | StopReason::Guardrail
        | StopReason::ContentFiltered
        | StopReason::Refusal
        | StopReason::PauseTurn
        | StopReason::Other(_) => None,
    }
}

fn broken(message: &'static str) -> Fault {
    Fault::new(ErrorClass::Garbled, Phase::Streaming, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(events: Vec<Event<'_>>) -> Vec<String> {
        let mut sequencer = Sequencer::default();
        let mut out = Vec::new();
        let mut emit = |e: &Event<'_>| out.push(format!("{e:?}"));
        for event in events {
            sequencer.push(event, &mut emit);
        }
        sequencer.eof(&mut emit);
        out
    }

    fn text(index: u32, t: &str) -> Event<'_> {
        Event::Delta { index, delta: Delta::Text(t.into()) }
    }

    #[test]
    fn rule_2_infers_text_blocks_and_renumbers() {
        let out = run(vec![
            Event::Start { id: None, usage: None },
            text(3, "hi"),
            Event::Close { index: 3 },
            Event::Stop(StopReason::EndTurn),
            Event::Usage(Usage::default()),
        ]);
        let joined = out.join("\n");
        assert!(joined.contains("Open { index: 0, block: Text }"), "{joined}");
        assert!(out[out.len() - 3].starts_with("Usage"), "{joined}");
        assert!(out[out.len() - 2].starts_with("Stop") && out[out.len() - 1] == "End", "{joined}");
    }

    #[test]
    fn rule_3_no_stop_event_is_a_fault() {
        let out = run(vec![text(0, "hi"), Event::Close { index: 0 }]);
        assert!(out.last().unwrap().contains("Truncated"));
        assert!(run(vec![]).last().unwrap().contains("Truncated"));
        let out = run(vec![text(0, "hi"), Event::End]);
        assert!(out.last().unwrap().contains("Truncated"));
    }

    #[test]
    fn rule_1_nothing_follows_the_last_event() {
        let fault = Fault::new(ErrorClass::Throttled, Phase::Streaming, "slow down");
        let out = run(vec![
            Event::Fault(fault),
            text(0, "late"),
            Event::Stop(StopReason::EndTurn),
            Event::End,
        ]);
        assert_eq!(out.len(), 1);
    }

    #[test]
    fn rule_6_a_tool_without_input_gets_an_empty_object() {
        let opening = Opening::ToolUse { id: "t".into(), name: "now".into() };
        let empty = Event::Delta { index: 1, delta: Delta::ToolInput("".into()) };
        let out = run(vec![
            Event::Open { index: 1, block: opening },
            empty,
            Event::Close { index: 1 },
            Event::Stop(StopReason::ToolUse),
        ]);
        assert_eq!(out.iter().filter(|e| e.contains("ToolInput(\"{}\")")).count(), 1, "{out:?}");
    }

    #[test]
    fn interleaved_blocks_keep_their_own_deltas() {
        let tool = |n: &'static str| Opening::ToolUse { id: n.into(), name: n.into() };
        let input =
            |index, t: &'static str| Event::Delta { index, delta: Delta::ToolInput(t.into()) };
        let out = run(vec![
            Event::Open { index: 1, block: tool("a") },
            Event::Open { index: 2, block: tool("b") },
            input(2, "{\"b\":1}"),
            input(1, "{\"a\":1}"),
            Event::Stop(StopReason::ToolUse),
        ]);
        let joined = out.join("\n");
        assert!(
            joined.contains(r#"Delta { index: 1, delta: ToolInput("{\"b\":1}") }"#),
            "{joined}"
        );
        assert_eq!(out.iter().filter(|e| e.starts_with("Close")).count(), 2, "{joined}");
    }

    #[test]
    fn tool_input_outside_a_tool_is_a_fault() {
        let out = run(vec![Event::Delta { index: 0, delta: Delta::ToolInput("{".into()) }]);
        assert!(out.last().unwrap().contains("Garbled"));
    }
}
