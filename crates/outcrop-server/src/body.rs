//! Bodies at the door: requests read whole within limits, replies written as they come.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use outcrop_core::ReplyBody;
use outcrop_model::{ErrorClass, Fault, Phase};
use tokio::time::timeout;

/// How much and how long the gateway reads.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest body in bytes.
    pub max_body: usize,
    /// Longest silence while a body is being sent.
    pub body_idle: Duration,
}

/// Reads a whole request body.
///
/// # Errors
/// `TooLarge`, `ClientTimeout`, or `ClientLeft` when the connection broke.
pub async fn read<B>(mut body: B, limits: Limits) -> Result<Bytes, Fault>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limits.max_body {
        return Err(too_large(limits.max_body));
    }
    let mut all = BytesMut::new();
    loop {
        let frame =
            timeout(limits.body_idle, body.frame()).await.map_err(|_| stalled(limits.body_idle))?;
        let Some(frame) = frame else { return Ok(all.freeze()) };
        let data = frame.map_err(|e| broken(&e))?.into_data().unwrap_or_default();
        if all.len() + data.len() > limits.max_body {
            return Err(too_large(limits.max_body));
        }
        if all.is_empty() && announced == data.len() {
            return Ok(data);
        }
        all.reserve(data.len().max(announced.saturating_sub(all.len())));
        all.extend_from_slice(&data);
    }
}

fn too_large(limit: usize) -> Fault {
    let message =
        format!("The request body is larger than {limit} bytes, the most that this gateway takes.");
    Fault::new(ErrorClass::TooLarge, Phase::BeforeSend, message)
}

fn stalled(after: Duration) -> Fault {
    let message =
        format!("The request body did not arrive: nothing came for {} seconds.", after.as_secs());
    Fault::new(ErrorClass::ClientTimeout, Phase::BeforeSend, message)
}

fn broken(error: &impl std::fmt::Display) -> Fault {
    Fault::new(ErrorClass::ClientLeft, Phase::BeforeSend, "The request body broke off.")
        .with_detail(error.to_string())
}

/// A reply's body as hyper wants it.
pub struct Outflow(ReplyBody);

impl Outflow {
    pub fn new(body: ReplyBody) -> Self {
        Self(body)
    }
}

impl Body for Outflow {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.0 {
            ReplyBody::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            ReplyBody::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            ReplyBody::Stream(body) => {
                body.poll_bytes(cx).map(|bytes| bytes.map(|b| Ok(Frame::data(b))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, ReplyBody::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            ReplyBody::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            ReplyBody::Stream(_) => SizeHint::default(),
        }
    }
}
