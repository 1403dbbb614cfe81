//! The response body: plays a list of steps onto the connection.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use crate::reply::Step;

/// A body made of [`Step`]s.
pub(crate) struct StepBody {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Announced as the content length; `None` for a chunked body.
    length: Option<u64>,
}

impl StepBody {
    /// A body sent in chunks, whose length is not announced.
    pub(crate) fn chunked(steps: Vec<Step>) -> Self {
        Self { steps: steps.into(), sleep: None, length: None }
    }

    /// A body with an announced length, which the steps may fail to reach.
    pub(crate) fn sized(steps: Vec<Step>, length: u64) -> Self {
        Self { length: Some(length), ..Self::chunked(steps) }
    }
}

impl Body for StepBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if let Some(sleep) = self.sleep.as_mut() {
                std::task::ready!(sleep.as_mut().poll(context));
                self.sleep = None;
            }
            let frame = match self.steps.pop_front() {
                None => None,
                Some(Step::Send(bytes)) => Some(Ok(Frame::data(bytes))),
                Some(Step::Break) => Some(Err(io::ErrorKind::ConnectionAborted.into())),
                Some(Step::Wait(time)) => {
                    self.sleep = Some(Box::pin(tokio::time::sleep(time)));
                    continue;
                }
            };
            if let (Some(left), Some(Ok(frame))) = (self.length, &frame) {
                let sent = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.length = Some(left.saturating_sub(sent));
            }
            return Poll::Ready(frame);
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.sleep.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
