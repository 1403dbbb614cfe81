//! Return: the one async adapter that owns a streamed body and feeds the sans-IO pipeline.
//!
//! 1. Nothing is asked of Bedrock that the client has no room for: the pump reads only when polled.
//! 2. Up to the commit point ([`Pump::open`]) a fault is returned, and nothing has been sent.
//! 3. After it a fault is written in the client's dialect and the stream ends.
//! 4. A silent gap is filled with the dialect's keep-alive.
//! 5. How a stream ends is told to what keeps outages small, unless the client leaves.
//! 6. Dropped early, the upstream call is cancelled and the receipt says that the client left.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use outcrop_aws::eventstream::{Decoder, encode_event, encode_exception};
use outcrop_aws::{IncomingBody, SseDecoder, classify_stream};
use outcrop_dialect::answer::{AnswerStream, Label, Step, Tally};
use outcrop_dialect::plan::Way;
use outcrop_dialect::tier;
use outcrop_model::{Dialect, Fault, Frame, FrameKind, Framing, Phase, Tier};
use tokio::time::{Instant, Sleep, sleep};

use crate::gateway::Watch;
use crate::settle::Settlement;
use crate::store::Keeper;

/// Frames in, client bytes out; nothing of it has been sent yet.
pub struct Pump {
    body: IncomingBody,
    decoder: Frames,
    answer: AnswerStream,
    out: Vec<u8>,
    phase: Phase,
    /// The service tier, as soon as it is told.
    tier: Option<Tier>,
    /// Frames that were worked off.
    frames: u64,
    done: bool,
    /// Is told how it ends.
    watch: Option<Watch>,
}

/// Bytes to frames, by the carrier's framing.
enum Frames {
    EventStream(Decoder),
    ServerSentEvents(SseDecoder),
}

/// The client's response body.
pub struct AnswerBody {
    pump: Pump,
    /// `None` once settled.
    settling: Option<Settling>,
    keep_alive: KeepAlive,
}

/// What is to be done when the answer ends.
#[derive(Debug)]
pub struct Settling {
    pub settlement: Settlement,
    /// Keeps a complete answer, if the caller wants that.
    pub keeper: Option<Keeper>,
}

/// A whole answer, written as a stream to its end.
#[derive(Debug)]
pub struct Replayed {
    pub body: Bytes,
    /// Media type.
    pub kind: &'static str,
    pub tally: Tally,
    /// The answer as one value, where it is to be kept.
    pub kept: Option<Vec<u8>>,
}

struct KeepAlive {
    every: Duration,
    timer: Pin<Box<Sleep>>,
}

/// A frame for the client. What comes here is far shorter than a frame can be, so encoding does not
/// fail; if it did, the stream would lack an event, and the log would tell.
fn frame(kind: FrameKind<'_>, json: &[u8], out: &mut Vec<u8>) {
    let framed = match kind {
        FrameKind::Event(name) => encode_event(name, json, out),
        FrameKind::Exception(name) => encode_exception(name, json, out),
        // Never written to clients.
        FrameKind::Error { .. } | FrameKind::Unknown(_) | FrameKind::Sent(_) => Ok(()),
    };
    if let Err(fault) = framed {
        tracing::warn!(%fault, "could not frame an event");
    }
}

/// Writes a whole answer, as Bedrock gave it, as the stream that the caller asked for.
///
/// # Errors
/// When the answer cannot be read or is none.
pub fn replay(from: Dialect, body: &[u8], way: Way, label: &Label) -> Result<Replayed, Fault> {
    let mut answer = AnswerStream::new(way, label, frame);
    let mut out = Vec::new();
    answer.replay(from, body, &mut out)?;
    let (kind, kept) = (answer.content_type(), answer.finished());
    Ok(Replayed { body: out.into(), kind, tally: answer.tally().clone(), kept })
}

// === impl Frames ===

impl Frames {
    fn new(framing: Framing) -> Self {
        match framing {
            Framing::EventStream => Self::EventStream(Decoder::default()),
            Framing::ServerSentEvents => Self::ServerSentEvents(SseDecoder::default()),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::EventStream(decoder) => decoder.push(bytes),
            Self::ServerSentEvents(decoder) => decoder.push(bytes),
        }
    }

    fn next(&mut self) -> Result<Option<Frame<'_>>, Fault> {
        match self {
            Self::EventStream(decoder) => decoder.next(),
            Self::ServerSentEvents(decoder) => decoder.next(),
        }
    }

    fn finish(&mut self) -> Result<(), Fault> {
        match self {
            Self::EventStream(decoder) => decoder.finish(),
            Self::ServerSentEvents(decoder) => decoder.finish(),
        }
    }

    fn set_phase(&mut self, phase: Phase) {
        match self {
            Self::EventStream(decoder) => decoder.set_phase(phase),
            Self::ServerSentEvents(decoder) => decoder.set_phase(phase),
        }
    }
}

// === impl Pump ===

impl Pump {
    pub fn new(body: IncomingBody, framing: Framing, way: Way, label: &Label) -> Self {
        let answer = AnswerStream::new(way, label, frame);
        Self {
            body,
            decoder: Frames::new(framing),
            answer,
            out: Vec::new(),
            phase: Phase::BeforeCommit,
            tier: None,
            frames: 0,
            done: false,
            watch: None,
        }
    }

    /// Reads up to the commit point: the first event that says something, or the end.
    pub async fn open(&mut self) -> Result<(), Fault> {
        while !self.answer.started() && !self.done {
            std::future::poll_fn(|cx| self.poll_step(cx)).await?;
        }
        self.phase = Phase::Streaming;
        self.body.set_phase(Phase::Streaming);
        self.decoder.set_phase(Phase::Streaming);
        Ok(())
    }

    /// Has the end told to what keeps outages small.
    pub(crate) fn watched(&mut self, watch: Watch) {
        self.watch = Some(watch);
    }

    /// Takes one chunk of the upstream's bytes, or its end, and works off all whole frames.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        match ready!(self.body.poll_chunk(cx)) {
            Some(Ok(bytes)) => {
                self.decoder.push(&bytes);
                Poll::Ready(self.work_off())
            }
            Some(Err(fault)) => Poll::Ready(Err(fault)),
            None => Poll::Ready(self.finish()),
        }
    }

    fn work_off(&mut self) -> Result<(), Fault> {
        while !self.done {
            let Some(frame) = self.decoder.next()? else { break };
            if let Some(fault) = classify_stream(&frame.kind, frame.payload, self.phase) {
                return Err(fault);
            }
            self.tier = tier::find(frame.payload).or(self.tier);
            self.frames += 1;
            let step = self.answer.frame(&frame, &mut self.out);
            self.take(step)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Fault> {
        self.decoder.finish()?;
        let step = self.answer.eof(&mut self.out);
        self.take(step)?;
        self.done = true;
        Ok(())
    }

    fn take(&mut self, step: Step) -> Result<(), Fault> {
        match step {
            Step::More => Ok(()),
            Step::Done => {
                self.done = true;
                self.body.let_go();
                Ok(())
            }
            Step::Fault(fault) => Err(fault.at_phase(self.phase)),
        }
    }

    fn take_bytes(&mut self) -> Option<Bytes> {
        if self.out.is_empty() {
            return None;
        }
        let bytes = Bytes::copy_from_slice(&self.out);
        self.out.clear();
        Some(bytes)
    }
}

// === impl AnswerBody ===

impl AnswerBody {
    pub fn new(pump: Pump, settling: Settling, keep_alive: Duration) -> Self {
        let keep_alive = KeepAlive { every: keep_alive, timer: Box::pin(sleep(keep_alive)) };
        Self { pump, settling: Some(settling), keep_alive }
    }

    pub fn content_type(&self) -> &'static str {
        self.pump.answer.content_type()
    }

    /// The next bytes for the client, never empty; `None` at the end.
    pub fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(bytes) = self.pump.take_bytes() {
                self.keep_alive.restart();
                return Poll::Ready(Some(bytes));
            }
            if self.pump.done {
                self.complete();
                return Poll::Ready(None);
            }
            match self.pump.poll_step(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(fault)) => self.fail(&fault),
                Poll::Pending => {
                    let Some(filler) = self.pump.answer.keep_alive() else { return Poll::Pending };
                    ready!(self.keep_alive.poll_due(cx));
                    return Poll::Ready(Some(Bytes::from_static(filler)));
                }
            }
        }
    }

    fn complete(&mut self) {
        if let Some(watch) = self.pump.watch.take() {
            watch.ended(Ok(()));
        }
        let Some(Settling { mut settlement, keeper }) = self.settling.take() else {
            return;
        };
        settlement.told_tier(self.pump.tier);
        settlement.complete(self.pump.answer.tally());
        if let (Some(keeper), Some(whole)) = (keeper, self.pump.answer.finished()) {
            keeper.keep(&whole);
        }
    }

    fn fail(&mut self, fault: &Fault) {
        if let Some(watch) = self.pump.watch.take() {
            watch.ended(Err(fault));
        }
        self.pump.answer.write_fault(fault, &mut self.pump.out);
        self.pump.done = true;
        if let Some(Settling { mut settlement, .. }) = self.settling.take() {
            settlement.told_tier(self.pump.tier);
            settlement.tally(self.pump.answer.tally());
            settlement.streamed(self.pump.frames);
            settlement.fail(fault, None);
        }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if let Some(Settling { settlement, .. }) = &mut self.settling {
            settlement.told_tier(self.pump.tier);
            settlement.tally(self.pump.answer.tally());
            settlement.streamed(self.pump.frames);
        }
    }
}

impl std::fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnswerBody").finish_non_exhaustive()
    }
}

// === impl KeepAlive ===

impl KeepAlive {
    fn restart(&mut self) {
        self.timer.as_mut().reset(Instant::now() + self.every);
    }

    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.timer.as_mut().poll(cx));
        self.restart();
        Poll::Ready(())
    }
}
