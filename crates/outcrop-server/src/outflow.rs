//! Replies as hyper takes them.
//!
//! 1. While a reply is there, its connection is busy.
//! 2. In HTTP/2 each answer has a window that the client opens. One that it keeps shut is an answer that
//!    nobody reads: hyper asks for no more of it, so a timer of its own ends it, and with it the call
//!    behind it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use outcrop_core::ReplyBody;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use crate::patience::Busy;

type Polled = Poll<Option<Result<Frame<Bytes>, io::Error>>>;

/// A reply's body.
pub struct Outflow(Flow);

enum Flow {
    Plain(Held),
    Watched(Arc<Mutex<Watched>>, AbortHandle),
}

struct Held {
    body: ReplyBody,
    _busy: Busy,
}

struct Watched {
    /// `None` once it was given up.
    held: Option<Held>,
    /// Since when the client could take more; `None` while more is being waited for.
    open: Option<Instant>,
}

fn lock(watched: &Mutex<Watched>) -> MutexGuard<'_, Watched> {
    watched.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Outflow ===

impl Outflow {
    pub(crate) fn new(body: ReplyBody, busy: Busy) -> Self {
        Self(Flow::Plain(Held { body, _busy: busy }))
    }

    /// One that is given up when nothing of it is taken for so long. Needs a running tokio.
    pub(crate) fn watched(body: ReplyBody, busy: Busy, unread: Duration) -> Self {
        let held = Held { body, _busy: busy };
        // One that is whole is hyper's at once.
        if let ReplyBody::Whole(_) = held.body {
            return Self(Flow::Plain(held));
        }
        let watched = Watched { held: Some(held), open: Some(Instant::now()) };
        let watched = Arc::new(Mutex::new(watched));
        let watch = tokio::spawn(give_up(Arc::downgrade(&watched), unread)).abort_handle();
        Self(Flow::Watched(watched, watch))
    }
}

impl Drop for Outflow {
    fn drop(&mut self) {
        if let Flow::Watched(_, watch) = &self.0 {
            watch.abort();
        }
    }
}

impl Held {
    fn poll(&mut self, cx: &mut Context<'_>) -> Polled {
        match &mut self.body {
            ReplyBody::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            ReplyBody::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            ReplyBody::Stream(body) => {
                body.poll_bytes(cx).map(|bytes| bytes.map(|b| Ok(Frame::data(b))))
            }
        }
    }

    fn is_over(&self) -> bool {
        matches!(&self.body, ReplyBody::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            ReplyBody::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            ReplyBody::Stream(_) => SizeHint::default(),
        }
    }
}

impl Watched {
    fn poll(&mut self, cx: &mut Context<'_>) -> Polled {
        let Some(held) = &mut self.held else {
            let what = "the client read nothing of its answer";
            return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, what))));
        };
        let polled = held.poll(cx);
        self.open = polled.is_ready().then(Instant::now);
        polled
    }
}

impl Body for Outflow {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        match &mut self.0 {
            Flow::Plain(held) => held.poll(cx),
            Flow::Watched(watched, _) => lock(watched).poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Flow::Plain(held) => held.is_over(),
            Flow::Watched(..) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Flow::Plain(held) => held.size_hint(),
            Flow::Watched(..) => SizeHint::default(),
        }
    }
}

/// Drops an answer of which nothing was taken for `unread`.
async fn give_up(watched: Weak<Mutex<Watched>>, unread: Duration) {
    loop {
        let Some(strong) = watched.upgrade() else { return };
        let now = Instant::now();
        let (due, given_up) = {
            let mut watched = lock(&strong);
            match watched.open {
                Some(open) if open + unread <= now => (now, watched.held.take()),
                open => (open.unwrap_or(now) + unread, None),
            }
        };
        drop(strong);
        if given_up.is_some() {
            tracing::debug!("an answer is given up: its client keeps the window shut");
            return;
        }
        sleep_until(due).await;
    }
}
