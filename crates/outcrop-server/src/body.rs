//! Bodies at the door: requests read whole within limits, replies written as they come.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use outcrop_core::ReplyBody;
use outcrop_model::{ErrorClass, Fault, Phase};
use tokio::time::timeout;

use crate::patience::Busy;

/// Most bytes that are read and thrown away of a refused body: many clients read no answer before they
/// have sent all.
const MOST_DISCARDED: usize = 128 * 1024 * 1024;
/// Longest time for that, and longest silence within it: whoever is still sending then is not worth more.
const DISCARD_TOTAL: Duration = Duration::from_secs(10);
const DISCARD_IDLE: Duration = Duration::from_secs(1);

/// How much and how long the gateway reads.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest body in bytes.
    pub max_body: usize,
    /// Longest silence while a body is being sent.
    pub body_idle: Duration,
    /// Longest time for a whole body.
    pub body_total: Duration,
}

/// Whether the whole body was taken from the connection, which then can serve again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    Taken,
    Left,
}

/// Reads a whole request body.
///
/// # Errors
/// `TooLarge`, `ClientTimeout`, `InvalidRequest` when the bytes break HTTP, or `ClientLeft` when the
/// connection broke.
pub async fn read<B>(body: &mut B, limits: Limits) -> Result<Bytes, Fault>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
{
    let all = timeout(limits.body_total, gather(body, limits));
    all.await.unwrap_or_else(|_| Err(endless(limits.body_total)))
}

async fn gather<B>(body: &mut B, limits: Limits) -> Result<Bytes, Fault>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
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

/// Reads what is left of a refused body and keeps nothing of it, so that its sender comes to read why.
pub async fn discard<B>(body: &mut B) -> Rest
where
    B: Body<Data = Bytes> + Unpin,
{
    let all = async {
        let mut count = 0;
        while count < MOST_DISCARDED {
            match timeout(DISCARD_IDLE, body.frame()).await {
                Ok(Some(Ok(frame))) => count += frame.data_ref().map_or(0, Bytes::len),
                Ok(None) => return Rest::Taken,
                Ok(Some(Err(_))) | Err(_) => return Rest::Left,
            }
        }
        Rest::Left
    };
    timeout(DISCARD_TOTAL, all).await.unwrap_or(Rest::Left)
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

fn endless(after: Duration) -> Fault {
    let message = format!("The request body was not complete after {} seconds.", after.as_secs());
    Fault::new(ErrorClass::ClientTimeout, Phase::BeforeSend, message)
}

fn broken(error: &(dyn Error + 'static)) -> Fault {
    let detail = error.to_string();
    if breaks_http(error) {
        let message = "The request body is not sent as HTTP demands: its chunks are malformed.";
        return Fault::new(ErrorClass::InvalidRequest, Phase::BeforeSend, message)
            .with_detail(detail);
    }
    Fault::new(ErrorClass::ClientLeft, Phase::BeforeSend, "The request body broke off.")
        .with_detail(detail)
}

/// Whether the bytes that came are wrong, and not merely too few.
fn breaks_http(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return matches!(io.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData);
        }
        cause = error.source();
    }
    false
}

/// A reply's body as hyper wants it. While it is there, its connection is busy.
pub struct Outflow {
    body: ReplyBody,
    _busy: Busy,
}

impl Outflow {
    pub(crate) fn new(body: ReplyBody, busy: Busy) -> Self {
        Self { body, _busy: busy }
    }
}

impl Body for Outflow {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.body {
            ReplyBody::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            ReplyBody::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            ReplyBody::Stream(body) => {
                body.poll_bytes(cx).map(|bytes| bytes.map(|b| Ok(Frame::data(b))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.body, ReplyBody::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            ReplyBody::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            ReplyBody::Stream(_) => SizeHint::default(),
        }
    }
}
