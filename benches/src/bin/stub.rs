//! The cheapest Bedrock there can be: reads a request, ignores it, and answers with fixed bytes.
//!
//! What to answer is told by the end of the path alone. It exists because the emulator's checks would
//! take more of a small machine than what is being measured. `stub FRAMES PACE_US` streams that many
//! frames, one write each; those of paced models that many microseconds apart, all others as fast as
//! writes go. It is a container's endpoint too, whose credentials expire after a second.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow};
use aws_smithy_types::date_time::{DateTime, Format};
use benches::{models, streams, upstream};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::time::{Interval, MissedTickBehavior, interval};

const REQUEST_ID: HeaderValue = HeaderValue::from_static("0f9e8d7c-6b5a-4938-a716-051423324150");

/// The life of credentials.
const LIFE: Duration = Duration::from_secs(1);

/// All answers, ready to send.
struct Answers {
    converse: Arc<[Bytes]>,
    invoke: Arc<[Bytes]>,
    pace: Duration,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let mut number = |what: &str| -> anyhow::Result<u64> {
        args.next().with_context(|| format!("{what} is missing"))?.parse().context(what.to_owned())
    };
    let frames = usize::try_from(number("FRAMES")?)?;
    let pace = Duration::from_micros(number("PACE_US")?);
    let ready = |frames: Vec<Vec<u8>>| frames.into_iter().map(Bytes::from).collect();
    let answers = Arc::new(Answers {
        converse: ready(streams::converse(frames).map_err(|fault| anyhow!("{fault}"))?),
        invoke: ready(streams::invoke(frames).map_err(|fault| anyhow!("{fault}"))?),
        pace,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (socket, _peer) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let answers = Arc::clone(&answers);
        let service = hyper::service::service_fn(move |request| {
            let answers = Arc::clone(&answers);
            async move { Ok::<_, Infallible>(answers.answer(request).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
    }
}

impl Answers {
    async fn answer(&self, request: Request<Incoming>) -> Response<Outflow> {
        let (head, mut body) = request.into_parts();
        while let Some(Ok(_part)) = body.frame().await {}
        let whole = |text: &'static str| Outflow::Whole(Bytes::from_static(text.as_bytes()));
        let path = head.uri.path();
        let stream = |frames| self.stream(frames, models::is_paced(path));
        let (outflow, content_type) = match path.rsplit('/').next() {
            Some("converse") => (whole(upstream::CONVERSE), "application/json"),
            Some("invoke") => (whole(upstream::CLAUDE), "application/json"),
            Some("converse-stream") => {
                (stream(&self.converse), "application/vnd.amazon.eventstream")
            }
            Some("invoke-with-response-stream") => {
                (stream(&self.invoke), "application/vnd.amazon.eventstream")
            }
            Some("credentials") => (Outflow::Whole(credentials()), "application/json"),
            _ => {
                let mut response = Response::new(whole(""));
                *response.status_mut() = StatusCode::NOT_FOUND;
                return response;
            }
        };
        let mut response = Response::new(outflow);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.headers_mut().insert("x-amzn-requestid", REQUEST_ID);
        response
    }

    fn stream(&self, frames: &Arc<[Bytes]>, paced: bool) -> Outflow {
        let pace = match paced {
            true => {
                let mut ticks = interval(self.pace);
                // Late frames are not made up for: two of them in one write would be cheaper.
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                Pace::Timed(ticks)
            }
            false => Pace::Flat { rested: false },
        };
        Outflow::Stream { frames: Arc::clone(frames), next: 0, pace }
    }
}

/// The same keys again and again, as if they were new.
fn credentials() -> Bytes {
    // A year that cannot be written would be no date, which the gateway refuses aloud.
    let end = DateTime::from(SystemTime::now() + LIFE).fmt(Format::DateTime).unwrap_or_default();
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    Bytes::from(format!(
        r#"{{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"{secret}","Token":"token","Expiration":"{end}"}}"#
    ))
}

/// An answer on its way.
enum Outflow {
    Whole(Bytes),
    Stream { frames: Arc<[Bytes]>, next: usize, pace: Pace },
}

/// When the next frame goes out.
enum Pace {
    Timed(Interval),
    /// As soon as the one before has been written.
    Flat {
        rested: bool,
    },
}

impl Pace {
    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        match self {
            Pace::Timed(ticks) => ticks.poll_tick(cx).map(|_| ()),
            Pace::Flat { rested } => {
                *rested = !*rested;
                if !*rested {
                    return Poll::Ready(());
                }
                // Nothing to do for a moment: hyper writes what it has.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl Body for Outflow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Outflow::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Outflow::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Outflow::Stream { frames, next, pace } => {
                let Some(frame) = frames.get(*next) else { return Poll::Ready(None) };
                std::task::ready!(pace.poll_next(cx));
                *next += 1;
                Poll::Ready(Some(Ok(Frame::data(frame.clone()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Outflow::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Outflow::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Outflow::Stream { .. } => SizeHint::default(),
        }
    }
}
