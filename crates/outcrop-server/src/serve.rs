//! Listening, and leaving in good order.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use outcrop_core::Gateway;
use tokio::net::{TcpListener, TcpStream};

use crate::body::Limits;
use crate::service::Door;

/// Largest request body: InvokeModel's own limit of 25 000 000 bytes (service model, checked 2026-11-21).
const MAX_BODY: usize = 25_000_000;
/// A client that sends nothing for this long in the middle of its body has gone.
const BODY_IDLE: Duration = Duration::from_secs(30);
/// A client that has not finished its headers by then holds a connection for nothing.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long running requests may go on after the signal to stop; Kubernetes kills after 30 s by default.
const DRAIN: Duration = Duration::from_secs(25);
/// Pause after a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, Copy)]
pub struct ServerConfig {
    /// Largest request body in bytes.
    pub max_body: usize,
    /// Longest silence while a request body is being sent.
    pub body_idle: Duration,
    /// How long running requests may go on after the signal to stop.
    pub drain: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self { max_body: MAX_BODY, body_idle: BODY_IDLE, drain: DRAIN }
    }
}

/// A bound, not yet serving gateway.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    door: Arc<Door>,
    drain: Duration,
}

// === impl Server ===

impl Server {
    /// Binds the address; port 0 takes a free one.
    pub async fn bind(
        addr: SocketAddr,
        gateway: Gateway,
        config: ServerConfig,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let limits = Limits { max_body: config.max_body, body_idle: config.body_idle };
        let door = Arc::new(Door { gateway, limits, draining: AtomicBool::new(false) });
        Ok(Self { listener, door, drain: config.drain })
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` resolves, then drains. Returns whether all requests could finish in time.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> bool {
        let Self { listener, door, drain } = self;
        let graceful = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = listener.accept() => match accepted {
                    Ok((socket, _peer)) => connect(socket, &door, &graceful),
                    Err(error) => {
                        tracing::warn!(%error, "could not accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        door.draining.store(true, Ordering::Relaxed);
        drop(listener);
        tracing::info!("draining");
        tokio::time::timeout(drain, graceful.shutdown()).await.is_ok()
    }
}

fn connect(socket: TcpStream, door: &Arc<Door>, graceful: &GracefulShutdown) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY not set");
    }
    let door = Arc::clone(door);
    let service = hyper::service::service_fn(move |request| {
        let door = Arc::clone(&door);
        async move { Ok::<_, std::convert::Infallible>(door.answer(request).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder.http2().timer(TokioTimer::new());
    let connection = builder.serve_connection(TokioIo::new(socket), service).into_owned();
    let watched = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = watched.await {
            tracing::debug!(%error, "connection ended");
        }
    });
}
