//! The body of a response, chunk by chunk, under its time limits.
//!
//! 1. A body that ends before its announced length, or whose connection breaks, is
//!    [`ErrorClass::Truncated`]; it never looks like a clean end.
//! 2. After an error or the end the connection is let go and only `None` follows.
//! 3. Dropping the body cancels the call at AWS: the connection is closed. One of which nothing more is needed is
//!    [let go](IncomingBody::let_go): its connection is used again.
//! 4. [`IncomingBody::chunk`] may be abandoned and called again without loss.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use outcrop_model::{ErrorClass, Fault, Phase};
use tokio::time::timeout;

use crate::deadline::{Expired, Watchdog};

/// Longest wait for the end of a body of which nothing more is needed: it follows at once, or not at all.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes that are read of it; a new connection costs about as much.
const MAX_END: usize = 16 * 1024;

/// What is left to read of one response.
#[derive(Debug)]
pub struct IncomingBody {
    /// `None` once the body is over, one way or the other.
    body: Option<Incoming>,
    watchdog: Watchdog,
    phase: Phase,
}

// === impl IncomingBody ===

impl IncomingBody {
    pub(crate) fn new(body: Incoming, watchdog: Watchdog) -> Self {
        Self { body: Some(body), watchdog, phase: Phase::BeforeCommit }
    }

    /// Faults from now on carry `phase`; at first it is [`Phase::BeforeCommit`].
    pub fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
    }

    /// The next bytes, never empty; `None` at the end.
    ///
    /// # Errors
    /// [`ErrorClass::Truncated`], [`ErrorClass::Garbled`] or [`ErrorClass::UpstreamTimeout`].
    pub async fn chunk(&mut self) -> Option<Result<Bytes, Fault>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// [`chunk`](Self::chunk) for callers that poll.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        let answer = match ready!(self.poll_data(cx)) {
            Some(Ok(bytes)) => return Poll::Ready(Some(Ok(bytes))),
            Some(Err(fault)) => Some(Err(fault)),
            None => None,
        };
        self.body = None;
        Poll::Ready(answer)
    }

    /// Nothing more of the body is needed, and only `None` follows. Its end is read apart from this, since only
    /// then can the connection carry another request; one whose body does not end soon is closed.
    pub fn let_go(&mut self) {
        let Some(body) = self.body.take() else { return };
        tokio::spawn(async move {
            let _nobody_needs_it =
                timeout(END_PATIENCE, Limited::new(body, MAX_END).collect()).await;
        });
    }

    /// The whole body, of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk); [`ErrorClass::NotSupported`] beyond the limit: not the caller's fault, and no
    /// reason to ask again.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, Fault> {
        let announced = self.body.as_ref().and_then(|body| body.size_hint().exact()).unwrap_or(0);
        if announced > limit as u64 {
            return Err(self.too_large(limit));
        }
        let Some(first) = self.chunk().await.transpose()? else {
            return Ok(Bytes::new());
        };
        if first.len() as u64 == announced && first.len() <= limit {
            return Ok(first);
        }
        let mut all =
            BytesMut::with_capacity(usize::try_from(announced).unwrap_or(0).max(first.len()));
        let mut next = Some(first);
        while let Some(bytes) = next {
            if all.len() + bytes.len() > limit {
                return Err(self.too_large(limit));
            }
            all.extend_from_slice(&bytes);
            next = self.chunk().await.transpose()?;
        }
        Ok(all.freeze())
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        let Some(body) = self.body.as_mut() else {
            return Poll::Ready(None);
        };
        loop {
            let frame = match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    let expired = ready!(self.watchdog.poll_expired(cx));
                    return Poll::Ready(Some(Err(timed_out(expired, self.phase))));
                }
            };
            let bytes = match frame {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(broken(&error, self.phase)))),
                // Trailers carry nothing in this protocol.
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            if let Err(expired) = self.watchdog.heard() {
                return Poll::Ready(Some(Err(timed_out(expired, self.phase))));
            }
            if !bytes.is_empty() {
                return Poll::Ready(Some(Ok(bytes)));
            }
        }
    }

    fn too_large(&self, limit: usize) -> Fault {
        Fault::new(
            ErrorClass::NotSupported,
            self.phase,
            "the model's answer is larger than the gateway can hold; ask for it as a stream",
        )
        .with_detail(format!("the response body exceeds {limit} bytes"))
    }
}

// === helpers ===

fn timed_out(expired: Expired, phase: Phase) -> Fault {
    let (message, detail) = match expired {
        Expired::Idle => {
            ("the model fell silent for too long", "idle timeout within the response body")
        }
        Expired::Total => ("the model took too long", "total timeout within the response body"),
    };
    Fault::new(ErrorClass::UpstreamTimeout, phase, message).with_detail(detail)
}

fn broken(error: &hyper::Error, phase: Phase) -> Fault {
    let detail = format!("response body: {}", chain(error));
    if error.is_parse() {
        Fault::new(ErrorClass::Garbled, phase, "the model's answer arrived damaged")
            .with_detail(detail)
    } else {
        Fault::new(ErrorClass::Truncated, phase, "the model's answer ended too early")
            .with_detail(detail)
    }
}

/// An error with all its causes, for the log.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
