//! From Bedrock's answer to the caller's, whole or streamed.
//!
//! 1. A whole answer that is empty or unreadable is a fault, never an empty success.
//! 2. A stream hands out bytes as frames come in; [`Step::Fault`] leaves it to the caller whether the
//!    fault becomes an HTTP status (nothing sent yet) or is written into the stream.
//! 3. A stream that ends without its own end marker is a fault, also when it is only relayed.

mod enveloped;
mod replay;
mod seen;
mod whole;

use std::sync::Arc;

use outcrop_model::{Carrier, Dialect, Event, Fault, Frame, FrameKind, StopReason, Usage};

use self::enveloped::{EVENT_STREAM, EnvelopedWriter};
use self::seen::Seen;
pub use self::whole::{Mismatch, Whole, whole};
use crate::anthropic::{self, MessageWriter};
use crate::names::{CallForm, ToolNames};
use crate::openai::text::TextWriter;
use crate::openai::{self, ChunkWriter};
use crate::plan::Way;
use crate::responses::{self, ResponseWriter};
use crate::sequencer::{Sequencer, truncated};
use crate::sse::StreamWriter;
use crate::structured::Shaper;
use crate::{converse, invoke, relay, render};

/// What the answer is labelled with.
#[derive(Debug, Clone)]
pub struct Label {
    /// The gateway's id of the request, without dashes.
    pub id: String,
    /// Unix time in seconds.
    pub created: u64,
    /// Model id as the caller wrote it.
    pub model: String,
}

/// What was seen of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    pub usage: Option<Usage>,
    pub stop: Option<StopReason>,
    /// Events that had no meaning here.
    pub unknown: usize,
}

fn openai_label(label: &Label, include_usage: bool, calls: CallForm) -> openai::Answering {
    let Label { id, created, model } = label.clone();
    openai::Answering { id: format!("chatcmpl-{id}"), created, model, include_usage, calls }
}

fn text_label(label: &Label, include_usage: bool) -> openai::Answering {
    let chat = openai_label(label, include_usage, CallForm::default());
    openai::Answering { id: format!("cmpl-{}", label.id), ..chat }
}

fn responses_label(label: &Label, settings: &Arc<responses::Settings>) -> responses::Answering {
    let Label { id, created, model } = label.clone();
    responses::Answering { id, created, model, settings: Arc::clone(settings) }
}

fn anthropic_label(label: &Label) -> anthropic::Answering {
    anthropic::Answering { id: format!("msg_{}", label.id), model: label.model.clone() }
}

/// What follows from a frame.
#[derive(Debug, PartialEq)]
pub enum Step {
    More,
    /// The answer is complete; everything is in the output buffer.
    Done,
    /// The answer has failed.
    Fault(Fault),
}

/// Encodes a frame of Bedrock's event stream, an event or an exception: JSON payload onto a buffer.
pub type EncodeFrame = fn(FrameKind<'_>, &[u8], &mut Vec<u8>);

/// A streamed answer on its way to the caller.
pub struct AnswerStream {
    route: Route,
    tally: Tally,
    /// An event beyond the mere start has been handed out.
    started: bool,
    done: bool,
    scratch: Vec<u8>,
}

enum Route {
    Translate {
        reader: Reader,
        shaper: Option<Box<Shaper>>,
        sequencer: Sequencer,
        names: ToolNames,
        writer: Box<dyn StreamWriter>,
    },
    /// The upstream's own events; the writer is for what the gateway itself has to say.
    Relay {
        tap: Tap,
        /// Events that say that all went well, until the stream has really ended.
        held: Vec<u8>,
        writer: Box<dyn StreamWriter>,
    },
    RelayBedrock {
        tap: BedrockTap,
        encode: EncodeFrame,
    },
}

enum Reader {
    Converse(converse::Reader),
    Anthropic(anthropic::Reader),
    Chat(openai::Reader),
}

/// What looks at relayed events.
enum Tap {
    Anthropic(anthropic::Reader),
    Chat { reader: openai::Reader, include_usage: bool },
    Responses(responses::Watch),
}

enum BedrockTap {
    Converse(converse::Reader),
    Invoke,
}

// === impl Reader ===

impl Reader {
    fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Anthropic => Reader::Anthropic(anthropic::Reader::default()),
            Dialect::OpenAiChat => Reader::Chat(openai::Reader::default()),
            Dialect::Converse
            | Dialect::OpenAiText
            | Dialect::OpenAiEmbeddings
            | Dialect::CohereRerank
            | Dialect::Responses
            | Dialect::OpenAiImages
            | Dialect::KongChat
            | Dialect::Native => Reader::Converse(converse::Reader::default()),
        }
    }
}

// === impl Tap ===

impl Tap {
    fn read(&mut self, json: &[u8], seen: &mut Seen) {
        match self {
            Tap::Anthropic(reader) => reader.read(json, &mut |e| seen.note(e)),
            Tap::Chat { reader, .. } => reader.read(json, &mut |e| seen.note(e)),
            Tap::Responses(watch) => watch.read(json, &mut |e| seen.note(e)),
        }
    }

    /// Whether what tells the end of the answer comes before the end of the stream: a finish reason
    /// in a chat. Anthropic's clients wait for `message_stop`.
    fn holds_back(&self) -> bool {
        match self {
            Tap::Anthropic(_) | Tap::Responses(_) => false,
            Tap::Chat { .. } => true,
        }
    }

    /// Hands on one event.
    fn write(&self, json: &[u8], frame: &Frame<'_>, out: &mut Vec<u8>) {
        match self {
            Tap::Anthropic(_) => relay::write_event(json, out),
            Tap::Chat { include_usage: false, .. } if relay::openai::is_count(json) => {}
            Tap::Chat { .. } | Tap::Responses(_) => out.extend_from_slice(frame.raw),
        }
    }
}

// === impl AnswerStream ===

impl AnswerStream {
    pub fn new(way: Way, label: &Label, encode: EncodeFrame) -> Self {
        let route = match way {
            Way::RelayAnthropic => Route::Relay {
                tap: Tap::Anthropic(anthropic::Reader::default()),
                held: Vec::new(),
                writer: Box::new(MessageWriter::new(anthropic_label(label))),
            },
            Way::RelayChat { include_usage } => Route::Relay {
                tap: Tap::Chat { reader: openai::Reader::default(), include_usage },
                held: Vec::new(),
                writer: Box::new(ChunkWriter::new(&openai_label(
                    label,
                    include_usage,
                    CallForm::default(),
                ))),
            },
            Way::RelayResponses { .. } => Route::Relay {
                tap: Tap::Responses(responses::Watch::default()),
                held: Vec::new(),
                // Keeps the connection alive as OpenAI's chat does.
                writer: Box::new(ChunkWriter::new(&openai_label(
                    label,
                    false,
                    CallForm::default(),
                ))),
            },
            Way::RelayBedrock(carrier) => {
                let tap = match carrier {
                    Carrier::Converse => BedrockTap::Converse(converse::Reader::default()),
                    Carrier::Invoke
                    | Carrier::CountTokens
                    | Carrier::OpenAi
                    | Carrier::Anthropic
                    | Carrier::Mantle => BedrockTap::Invoke,
                };
                Route::RelayBedrock { tap, encode }
            }
            Way::Translate { from, to, names, structured, include_usage } => {
                let writer: Box<dyn StreamWriter> = match to {
                    Dialect::OpenAiChat => {
                        let form = names.call_form();
                        Box::new(ChunkWriter::new(&openai_label(label, include_usage, form)))
                    }
                    Dialect::OpenAiText => {
                        Box::new(TextWriter::new(&text_label(label, include_usage)))
                    }
                    Dialect::Responses
                    | Dialect::Anthropic
                    | Dialect::KongChat
                    | Dialect::Converse
                    | Dialect::OpenAiEmbeddings
                    | Dialect::OpenAiImages
                    | Dialect::CohereRerank => Box::new(MessageWriter::new(anthropic_label(label))),
                    Dialect::Native => {
                        let inner = MessageWriter::new(anthropic_label(label));
                        Box::new(EnvelopedWriter::new(inner, encode))
                    }
                };
                let (reader, sequencer) = (Reader::of(from), Sequencer::default());
                let shaper = structured.as_ref().and_then(Shaper::new).map(Box::new);
                Route::Translate { reader, shaper, sequencer, names, writer }
            }
            Way::Respond { from, names, structured, settings } => {
                let writer = Box::new(ResponseWriter::new(responses_label(label, &settings)));
                let (reader, sequencer) = (Reader::of(from), Sequencer::default());
                let shaper = structured.as_ref().and_then(Shaper::new).map(Box::new);
                Route::Translate { reader, shaper, sequencer, names, writer }
            }
        };
        Self { route, tally: Tally::default(), started: false, done: false, scratch: Vec::new() }
    }

    pub fn content_type(&self) -> &'static str {
        match &self.route {
            Route::RelayBedrock { .. } => EVENT_STREAM,
            Route::Translate { writer, .. } | Route::Relay { writer, .. } => writer.content_type(),
        }
    }

    /// Takes one ordinary frame (exceptions are classified before they come here).
    pub fn frame(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) -> Step {
        let (FrameKind::Event(event_type) | FrameKind::Sent(event_type)) = frame.kind else {
            self.tally.unknown += 1;
            return Step::More;
        };
        match &mut self.route {
            Route::RelayBedrock { tap, .. } => {
                let mut seen = Seen::default();
                match tap {
                    BedrockTap::Converse(reader) => {
                        reader.read(event_type, frame.payload, &mut |e| seen.note(e));
                        // `messageStop` completes the answer; `metadata` may be missing.
                        seen.ended |= seen.stop.is_some();
                    }
                    BedrockTap::Invoke if event_type == "chunk" => {
                        if let Err(fault) = invoke::unwrap_chunk(frame.payload, &mut self.scratch) {
                            return Step::Fault(fault);
                        }
                        seen.spoke = !invoke::is_mere_start(&self.scratch);
                        if let Some(usage) = invoke::metrics(&self.scratch) {
                            seen.note(Event::Usage(usage));
                            seen.ended = true;
                        }
                    }
                    BedrockTap::Invoke => seen.note(Event::Unknown(event_type.into())),
                }
                let spoke = seen.spoke;
                let step = seen.settle(&mut self.tally, &mut self.done);
                if !matches!(step, Step::Fault(_)) {
                    self.started |= spoke;
                    out.extend_from_slice(frame.raw);
                }
                // Bytes are Bedrock's own: the stream is over when Bedrock closes it.
                if step == Step::Done { Step::More } else { step }
            }
            Route::Relay { tap, held, .. } => {
                let json = match models_json(frame, &mut self.scratch) {
                    Ok(Some(json)) => json,
                    Ok(None) => {
                        self.tally.unknown += 1;
                        return Step::More;
                    }
                    Err(fault) => return Step::Fault(fault),
                };
                let mut seen = Seen::default();
                tap.read(json, &mut seen);
                self.started |= seen.spoke;
                let step = seen.settle(&mut self.tally, &mut self.done);
                if !matches!(step, Step::Fault(_)) {
                    tap.write(json, frame, held);
                    if self.done || !tap.holds_back() || self.tally.stop.is_none() {
                        out.append(held);
                    }
                }
                if step == Step::More && self.done { Step::Done } else { step }
            }
            Route::Translate { reader, shaper, sequencer, names, writer } => {
                let mut sink = Sink {
                    names,
                    writer: writer.as_mut(),
                    out,
                    started: &mut self.started,
                    fault: None,
                };
                let mut take = |event: Event<'_>| {
                    let mut next = |e: Event<'_>| sequencer.push(e, &mut |e| sink.take(e));
                    match shaper {
                        Some(shaper) => shaper.push(event, &mut next),
                        None => next(event),
                    }
                };
                match reader {
                    Reader::Converse(reader) => {
                        reader.read(event_type, frame.payload, &mut take);
                    }
                    Reader::Chat(reader) => reader.read(frame.payload, &mut take),
                    Reader::Anthropic(reader) => match models_json(frame, &mut self.scratch) {
                        Ok(Some(json)) => reader.read(json, &mut take),
                        Ok(None) => take(Event::Unknown(event_type.into())),
                        Err(fault) => return Step::Fault(fault),
                    },
                }
                let fault = sink.fault.take();
                self.after_translation(fault)
            }
        }
    }

    /// The upstream's bytes have ended in good order.
    pub fn eof(&mut self, out: &mut Vec<u8>) -> Step {
        match &mut self.route {
            Route::RelayBedrock { .. } | Route::Relay { .. } => match self.done {
                true => Step::Done,
                false => Step::Fault(truncated()),
            },
            Route::Translate { reader, sequencer, names, writer, .. } => {
                let mut sink = Sink {
                    names,
                    writer: writer.as_mut(),
                    out,
                    started: &mut self.started,
                    fault: None,
                };
                match reader {
                    // These streams have an end marker of their own, which would have ended it.
                    Reader::Anthropic(_) | Reader::Chat(_) if !sequencer.is_done() => {
                        sink.fault = Some(truncated());
                    }
                    Reader::Anthropic(_) | Reader::Chat(_) | Reader::Converse(_) => {
                        sequencer.eof(&mut |e| sink.take(e))
                    }
                }
                let fault = sink.fault.take();
                self.after_translation(fault)
            }
        }
    }

    fn after_translation(&mut self, fault: Option<Fault>) -> Step {
        let Route::Translate { sequencer, writer, .. } = &self.route else { return Step::More };
        self.tally = Tally {
            usage: sequencer.usage(),
            stop: sequencer.stop_reason().cloned(),
            unknown: sequencer.unknown() + writer.lost(),
        };
        match fault {
            Some(fault) => Step::Fault(fault),
            None if sequencer.is_done() => Step::Done,
            None => Step::More,
        }
    }

    /// Ends a stream that the caller has already begun to read.
    pub fn write_fault(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        match &mut self.route {
            Route::Translate { writer, .. } => writer.fault(fault, out),
            Route::Relay { tap: Tap::Responses(watch), .. } => watch.fault(fault, out),
            Route::Relay { writer, .. } => writer.fault(fault, out),
            Route::RelayBedrock { tap, encode } => {
                let carrier = match tap {
                    BedrockTap::Converse(_) => Carrier::Converse,
                    BedrockTap::Invoke => Carrier::Invoke,
                };
                let mut body = Vec::new();
                render::bedrock_body(fault, &mut body);
                let name = render::exception_type(fault.class, carrier);
                encode(FrameKind::Exception(name), &body, out);
            }
        }
    }

    /// The whole answer as one JSON value, once, after its end, where it is to be kept.
    pub fn finished(&mut self) -> Option<Vec<u8>> {
        match &mut self.route {
            Route::Translate { writer, .. } => writer.finished(),
            Route::Relay { tap: Tap::Responses(watch), .. } => watch.finished(),
            Route::Relay { .. } | Route::RelayBedrock { .. } => None,
        }
    }

    /// Bytes for a silent gap, where the dialect has some.
    pub fn keep_alive(&self) -> Option<&'static [u8]> {
        match &self.route {
            Route::Translate { writer, .. } | Route::Relay { writer, .. } => writer.keep_alive(),
            Route::RelayBedrock { .. } => None,
        }
    }

    /// Whether more than the start of the answer has come: the commit point.
    pub fn started(&self) -> bool {
        self.started
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// The model's own JSON in a frame, in whichever envelope; `None` if the frame holds none.
fn models_json<'f>(frame: &Frame<'f>, scratch: &'f mut Vec<u8>) -> Result<Option<&'f [u8]>, Fault> {
    match frame.kind {
        FrameKind::Sent(_) => Ok(Some(frame.payload)),
        FrameKind::Event("chunk") => {
            invoke::unwrap_chunk(frame.payload, scratch)?;
            Ok(Some(scratch))
        }
        FrameKind::Event(_)
        | FrameKind::Exception(_)
        | FrameKind::Error { .. }
        | FrameKind::Unknown(_) => Ok(None),
    }
}

/// Receives sequenced events and writes them.
struct Sink<'s> {
    names: &'s ToolNames,
    writer: &'s mut dyn StreamWriter,
    out: &'s mut Vec<u8>,
    started: &'s mut bool,
    fault: Option<Fault>,
}

impl Sink<'_> {
    fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Fault(fault) => self.fault = Some(fault.clone()),
            Event::Start { .. } => self.writer.write(event, self.out),
            Event::Open { .. }
            | Event::Delta { .. }
            | Event::Close { .. }
            | Event::Stop(_)
            | Event::Usage(_)
            | Event::End
            | Event::Unknown(_) => {
                *self.started = true;
                let (writer, out) = (&mut *self.writer, &mut *self.out);
                self.names.restore_event(event, |event| writer.write(event, out));
            }
        }
    }
}
