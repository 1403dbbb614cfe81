//! How long the gateway waits for Bedrock.
//!
//! 1. The defaults never cut a call that Bedrock itself would still answer: inference on current
//!    Claude and Nova models may take 60 minutes, after which Bedrock sends its own error.
//! 2. A dead peer is found by TCP keep-alives within minutes, not by these limits.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Name look-up, TCP and TLS together. A lost first packet is sent again after 1 s and 3 s, so 5 s
/// survives two losses; nothing has left for the model, so failing early is free.
pub const DEFAULT_CONNECT: Duration = Duration::from_secs(5);
/// From sending to the response's head. An answer that is not streamed has its head only when it is
/// complete, which Bedrock allows to take 60 minutes; the extra minute lets its own error arrive first.
pub const DEFAULT_FIRST_BYTE: Duration = Duration::from_secs(61 * 60);
/// Silence within a body. Models that hide their thinking have been silent for minutes; a peer that
/// is gone is found by keep-alives much earlier.
pub const DEFAULT_IDLE: Duration = Duration::from_secs(15 * 60);
/// The whole call: Bedrock's 60 minutes and some for a slow reader at the end.
pub const DEFAULT_TOTAL: Duration = Duration::from_secs(65 * 60);

/// Longer than any process lives.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The four limits of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Name look-up, TCP and TLS together.
    pub connect: Duration,
    /// From sending to the response's head, a new connection included.
    pub first_byte: Duration,
    /// Longest silence within a body.
    pub idle: Duration,
    /// The whole attempt, from sending to the last byte.
    pub total: Duration,
}

/// Watches the silence and the total time of one body, with one timer that is moved only when it fires.
///
/// Only the time spent waiting for Bedrock counts as silence: a slow reader on our side does not, and
/// a wait that is given up and begun again goes on from where it was.
#[derive(Debug)]
pub(crate) struct Watchdog {
    idle: Duration,
    end: Instant,
    waiting_since: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

/// Which limit was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expired {
    Idle,
    Total,
}

// === impl Timeouts ===

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: DEFAULT_CONNECT,
            first_byte: DEFAULT_FIRST_BYTE,
            idle: DEFAULT_IDLE,
            total: DEFAULT_TOTAL,
        }
    }
}

// === impl Watchdog ===

impl Watchdog {
    /// Begins to watch; `end` is when the attempt must be over.
    pub(crate) fn new(idle: Duration, end: Instant) -> Self {
        Self { idle, end, waiting_since: None, timer: Box::pin(sleep_until(end)) }
    }

    /// Notes a sign of life. Fails if the attempt should have been over by now.
    pub(crate) fn heard(&mut self) -> Result<(), Expired> {
        self.waiting_since = None;
        if Instant::now() >= self.end { Err(Expired::Total) } else { Ok(()) }
    }

    /// Ready once a limit has passed; to be asked whenever nothing came.
    pub(crate) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Expired> {
        let silent_until = match self.waiting_since {
            Some(since) => after(since, self.idle),
            None => {
                let now = Instant::now();
                self.waiting_since = Some(now);
                after(now, self.idle)
            }
        };
        let limit = silent_until.min(self.end);
        if self.timer.deadline() > limit {
            self.timer.as_mut().reset(limit);
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            if now >= self.end {
                return Poll::Ready(Expired::Total);
            }
            if now >= silent_until {
                return Poll::Ready(Expired::Idle);
            }
            self.timer.as_mut().reset(limit);
        }
    }
}

// === helpers ===

/// `start + wait`, or a time that never comes if the sum cannot be told.
pub(crate) fn after(start: Instant, wait: Duration) -> Instant {
    start.checked_add(wait).unwrap_or_else(|| start + NEVER)
}
