//! The driver: so many connections, each with one request after the other, until a number of requests is
//! done or [`LONGEST`] is over.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::cases::Load;

/// The key that every request brings; a gateway without keys does not look at it.
const TOKEN: &str = "sk-local";
/// Its SHA-256.
pub const TOKEN_HASH: &str = "7c9f8cb332edbdb1679a6876df821b38cfee40359a5540148444f31446af1ff4";

/// How long a load may last: enough to measure, where a disk or a network lets it take much longer.
const LONGEST: Duration = Duration::from_secs(10);

pub type Sender = SendRequest<Full<Bytes>>;

/// How much was done, and in what wall time, connecting not included.
#[derive(Debug, Clone, Copy)]
pub struct Done {
    pub requests: usize,
    pub wall: Duration,
}

/// What is sent again and again.
#[derive(Debug, Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub path: String,
    pub body: Bytes,
}

/// Sends one request and returns its answer.
pub async fn once(target: &Target) -> Result<Bytes> {
    let mut sender = connect(target.address).await?;
    let answer = send(&mut sender, target).await?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    ensure!(head.status == StatusCode::OK, "{}: {}", head.status, String::from_utf8_lossy(&body));
    Ok(body)
}

/// Sends the requests of a load, as many as the time allows.
pub async fn all(target: &Target, load: Load) -> Result<Done> {
    let mut senders = Vec::new();
    for _ in 0..load.concurrency {
        senders.push(connect(target.address).await?);
    }
    let left = Rc::new(Cell::new(load.requests));
    let began = Instant::now();
    let ends = began + LONGEST;
    let local = LocalSet::new();
    let workers: Vec<_> = senders
        .into_iter()
        .map(|sender| local.spawn_local(work(sender, target.clone(), (Rc::clone(&left), ends))))
        .collect();
    local
        .run_until(async {
            for worker in workers {
                worker.await.context("a connection's task")??;
            }
            Ok(Done { requests: load.requests - left.get(), wall: began.elapsed() })
        })
        .await
}

async fn work(
    mut sender: Sender,
    target: Target,
    (left, ends): (Rc<Cell<usize>>, Instant),
) -> Result<()> {
    while left.get() > 0 && Instant::now() < ends {
        left.set(left.get() - 1);
        let mut answer = send(&mut sender, &target).await?;
        if answer.status() != StatusCode::OK {
            bail!("status {} under load", answer.status());
        }
        while let Some(frame) = answer.body_mut().frame().await {
            frame.context("the answer broke off")?;
        }
    }
    Ok(())
}

pub async fn connect(address: SocketAddr) -> Result<Sender> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

pub async fn send(
    sender: &mut Sender,
    target: &Target,
) -> Result<http::Response<hyper::body::Incoming>> {
    let Target { address, path, body } = target;
    let request = Request::post(path)
        .header(header::HOST, address.to_string())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header("anthropic-version", "2023-06-01")
        .body(Full::new(body.clone()))?;
    sender.ready().await?;
    Ok(sender.send_request(request).await?)
}
