//! Anthropic's stream events to the IR's.
//!
//! 1. One pass per event; texts borrow from it.
//! 2. What has no meaning here is named by an [`Event::Unknown`], never an error: event types, block
//!    types (with all their deltas), delta types, members.
//! 3. Usage is complete: the input side told at the start is joined with the counts at the end.

use std::borrow::Cow;

use outcrop_model::{Delta, Event, Extra, Fault, Opening, Phase, StopReason};
use serde_json::value::RawValue;

use super::citation;
use super::error::garbled;
use super::part::{Kind, Part};
use super::usage::{Counts, WireUsage};
use super::wire_event::{BlockDelta, DeltaKind, EventKind, Metrics, Start, Stop, WireEvent};

/// Reads the JSON objects of one stream, in order.
#[derive(Debug, Default)]
pub struct Reader {
    counts: Counts,
    /// Whether the counts at the end have been told.
    counted: bool,
    /// Indices of open blocks that have no meaning here.
    unknown: Vec<u32>,
}

type Emit<'e> = &'e mut dyn FnMut(Event<'_>);

// === impl Reader ===

impl Reader {
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one JSON object: the payload of one event.
    pub fn read(&mut self, json: &[u8], emit: &mut dyn FnMut(Event<'_>)) {
        let result = serde_json::from_slice::<WireEvent<'_>>(json)
            .map_err(|error| garbled(Phase::Streaming, error.to_string()))
            .and_then(|event| self.event(event, emit));
        if let Err(fault) = result {
            emit(Event::Fault(fault));
        }
    }

    fn event(&mut self, event: WireEvent<'_>, emit: Emit<'_>) -> Result<(), Fault> {
        let WireEvent {
            kind,
            word,
            index,
            message,
            block,
            delta,
            stop,
            usage,
            metrics,
            error,
            extra,
        } = event;
        match kind {
            EventKind::Unknown => {
                emit(Event::Unknown(word.unwrap_or(Cow::Borrowed("event without type"))));
                return Ok(());
            }
            EventKind::Ping => return Ok(()),
            EventKind::Error => return Err(error.unwrap_or_default().into_fault(Phase::Streaming)),
            EventKind::MessageStart => self.start(message.unwrap_or_default(), emit),
            EventKind::BlockStart => {
                let (index, block) = (need(index, "index")?, need(block, "content_block")?);
                self.open(index, *block, emit)?;
            }
            EventKind::BlockDelta => {
                self.delta(need(index, "index")?, need(delta, "delta")?, emit);
            }
            EventKind::BlockStop => self.close(need(index, "index")?, emit),
            EventKind::MessageDelta => self.stop(stop.unwrap_or_default(), usage, emit),
            EventKind::MessageStop => {
                // Nothing follows the end, so what is unknown goes before it.
                unknown_members(extra, emit);
                self.end(metrics, emit);
                return Ok(());
            }
        }
        unknown_members(extra, emit);
        Ok(())
    }

    fn start(&mut self, start: Start<'_>, emit: Emit<'_>) {
        let Start { id, usage, extra } = start;
        let known = usage.is_some();
        let WireUsage { counts, extra: usage_extra } = usage.unwrap_or_default();
        self.counts.update(counts);
        emit(Event::Start { id, usage: known.then(|| self.counts.usage()) });
        unknown_members(usage_extra, emit);
        unknown_members(extra, emit);
    }

    fn open(&mut self, index: u32, part: Part<'_>, emit: Emit<'_>) -> Result<(), Fault> {
        let text = part.text.unwrap_or_default();
        match part.kind {
            Kind::Text => {
                emit(Event::Open { index, block: Opening::Text });
                emit_piece(index, text, Delta::Text, emit);
            }
            Kind::Thinking => {
                emit(Event::Open { index, block: Opening::Thinking });
                emit_piece(index, text, Delta::Thinking, emit);
                emit_piece(index, part.signature.unwrap_or_default(), Delta::Signature, emit);
            }
            Kind::Redacted => emit(Event::Open { index, block: Opening::Redacted(text) }),
            Kind::ToolUse => {
                let (id, name) = (need(part.id, "id")?, need(part.name, "name")?);
                emit(Event::Open { index, block: Opening::ToolUse { id, name } });
                let input = part.input.map_or("", |raw| raw.get());
                if !is_empty_object(input) {
                    emit_piece(index, Cow::Borrowed(input), Delta::ToolInput, emit);
                }
            }
            Kind::Image | Kind::Document | Kind::ToolResult | Kind::Unknown => {
                self.unknown.push(index);
                emit(Event::Unknown(part.word.unwrap_or(Cow::Borrowed("block without type"))));
                return Ok(());
            }
        }
        if let Some(raw) = part.citations {
            match serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
                Ok(list) => list.into_iter().for_each(|raw| cite(index, raw, emit)),
                Err(_) => emit(Event::Unknown(Cow::Borrowed("citations"))),
            }
        }
        unknown_members(part.extra, emit);
        Ok(())
    }

    fn delta<'a>(&mut self, index: u32, delta: BlockDelta<'a>, emit: Emit<'_>) {
        let BlockDelta { kind, word, piece, citation, extra } = delta;
        let make: fn(Cow<'a, str>) -> Delta<'a> = match kind {
            DeltaKind::Text => Delta::Text,
            DeltaKind::Input => Delta::ToolInput,
            DeltaKind::Thinking => Delta::Thinking,
            DeltaKind::Signature => Delta::Signature,
            DeltaKind::Citation => {
                match citation.filter(|_| !self.unknown.contains(&index)) {
                    Some(raw) => cite(index, raw, emit),
                    None => emit(Event::Unknown(word.unwrap_or_default())),
                }
                return unknown_members(extra, emit);
            }
            DeltaKind::Unknown => {
                let word = word.unwrap_or(Cow::Borrowed("delta without type"));
                return emit(Event::Unknown(word));
            }
        };
        match piece {
            Some(piece) if !self.unknown.contains(&index) => {
                emit(Event::Delta { index, delta: make(piece) });
                unknown_members(extra, emit);
            }
            Some(_) | None => emit(Event::Unknown(word.unwrap_or_default())),
        }
    }

    fn close(&mut self, index: u32, emit: Emit<'_>) {
        match self.unknown.iter().position(|unknown| *unknown == index) {
            Some(place) => {
                self.unknown.swap_remove(place);
            }
            None => emit(Event::Close { index }),
        }
    }

    fn stop(&mut self, stop: Stop<'_>, usage: Option<WireUsage<'_>>, emit: Emit<'_>) {
        let Stop { reason, sequence, extra } = stop;
        if let Some(WireUsage { counts, extra }) = usage {
            self.counts.update(counts);
            self.counted = true;
            emit(Event::Usage(self.counts.usage()));
            unknown_members(extra, emit);
        }
        if let Some(reason) = reason {
            emit(Event::Stop(StopReason::parse(&reason, sequence.as_deref())));
        }
        unknown_members(extra, emit);
    }

    /// Bedrock's own metrics stand in for counts that the model did not tell: all of them, or those
    /// that are known only at the end.
    fn end(&mut self, metrics: Option<Metrics>, emit: Emit<'_>) {
        if let Some(Metrics(mut counts)) = metrics.filter(|_| !self.counted) {
            counts.update(Counts { output: None, ..self.counts });
            emit(Event::Usage(counts.usage()));
        }
        emit(Event::End);
    }
}

fn emit_piece<'a>(
    index: u32,
    piece: Cow<'a, str>,
    make: fn(Cow<'a, str>) -> Delta<'a>,
    emit: Emit<'_>,
) {
    if !piece.is_empty() {
        emit(Event::Delta { index, delta: make(piece) });
    }
}

fn cite(index: u32, raw: &RawValue, emit: Emit<'_>) {
    let (citation, unknown) = citation::read(raw);
    emit(Event::Delta { index, delta: Delta::Citation(Box::new(citation)) });
    unknown_members(unknown, emit);
}

fn is_empty_object(json: &str) -> bool {
    let inside = json.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    inside.is_some_and(|inside| inside.trim().is_empty())
}

fn unknown_members(extra: Extra<'_>, emit: Emit<'_>) {
    for (key, _) in extra {
        emit(Event::Unknown(key));
    }
}

fn need<T>(value: Option<T>, member: &str) -> Result<T, Fault> {
    value.ok_or_else(|| garbled(Phase::Streaming, format!("an event lacks `{member}`")))
}
