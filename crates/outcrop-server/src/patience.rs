//! How long a client may hold a connection for nothing.
//!
//! 1. A connection with no request in work ends when no whole request head arrives in time, however the
//!    bytes drip in, in HTTP/1.1 and in HTTP/2.
//! 2. A connection ends when its client takes nothing of what is to be written to it.
//! 3. A request in work is never cut by the silence of its client: answers may take an hour.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// The limits of one connection.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the head of the first request.
    pub first_head: Duration,
    /// For the head of the next request; what is meant is "at least", it may be twice as long.
    pub next_head: Duration,
    /// Without the client taking a byte of what is to be written.
    pub unread: Duration,
}

/// Requests of one connection.
#[derive(Debug, Default)]
pub(crate) struct Work {
    begun: AtomicUsize,
    running: AtomicUsize,
}

/// One request in work: from its head to the last byte of its answer.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Work>);

/// A socket that fails when its client has used up our patience.
pub(crate) struct Patient<S> {
    socket: S,
    patience: Patience,
    work: Arc<Work>,
    /// `Work::begun` when `idle` was last set.
    begun: usize,
    idle: Option<Pin<Box<Sleep>>>,
    /// Set while a write waits.
    unread: Option<Pin<Box<Sleep>>>,
}

// === impl Patience ===

impl Default for Patience {
    /// A head takes one round trip. Load balancers keep idle connections for 60 s (AWS's, nginx) and
    /// answer 502 when the other side closes first. A client that is paused for minutes, by a person
    /// or a laptop's lid, has left.
    fn default() -> Self {
        Self {
            first_head: Duration::from_secs(30),
            next_head: Duration::from_secs(120),
            unread: Duration::from_secs(300),
        }
    }
}

// === impl Work ===

impl Work {
    pub(crate) fn begin(self: &Arc<Self>) -> Busy {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl Patient ===

impl<S> Patient<S> {
    pub(crate) fn new(socket: S, patience: Patience, work: Arc<Work>) -> Self {
        Self { socket, patience, work, begun: 0, idle: None, unread: None }
    }

    /// Ready once the connection has been idle for too long.
    ///
    /// A request that began since the timer was set starts the wait anew, when it has run out and no
    /// sooner: so the timer is set once in a while, not once for each request.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { patience, work, idle, begun, .. } = self;
        let timer = idle.get_or_insert_with(|| Box::pin(sleep(patience.first_head)));
        loop {
            std::task::ready!(timer.as_mut().poll(cx));
            let now = work.begun.load(Ordering::Relaxed);
            if work.running.load(Ordering::Relaxed) == 0 && now == *begun {
                return Poll::Ready(());
            }
            *begun = now;
            timer.as_mut().reset(Instant::now() + patience.next_head);
        }
    }

    /// Passes a write on, and gives up on one that has waited for too long.
    fn written<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.unread = None;
            return outcome;
        }
        let limit = self.patience.unread;
        let timer = self.unread.get_or_insert_with(|| Box::pin(sleep(limit)));
        timer.as_mut().poll(cx).map(|()| Err(timed_out("the client reads nothing of its answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(outcome) = Pin::new(&mut self.socket).poll_read(cx, buf) {
            return Poll::Ready(outcome);
        }
        self.poll_idle(cx).map(|()| Err(timed_out("no request came")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.written(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.written(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}
