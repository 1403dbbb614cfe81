//! Listening, and leaving in good order.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use outcrop_core::Gateway;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::cors::Cors;
use crate::page::Reach;
use crate::patience::{Patience, Patient, Work};
use crate::service::{Door, Entry};
use crate::tls::{Socket, Tls};

/// Largest request body: InvokeModel's own limit of 25 000 000 bytes (service model, checked 2026-11-21).
pub const MAX_BODY: usize = 25_000_000;
/// All request bodies that are held at a time: twenty of the largest, and thousands of ordinary ones.
pub const MAX_BODIES: usize = 500_000_000;
/// A client that sends nothing for this long in the middle of its body has gone.
const BODY_IDLE: Duration = Duration::from_secs(30);
/// The largest body at 80 KB/s, about the slowest line that people work with.
const BODY_TOTAL: Duration = Duration::from_secs(300);
/// How long running requests may go on after the signal to stop; Kubernetes kills after 30 s by default.
const DRAIN: Duration = Duration::from_secs(25);
/// Silence after which TCP asks whether the client is still there: one that vanished without a word is
/// noticed while its answer is being waited for, and the call to the model ends.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);
/// Time between unanswered questions.
const TCP_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Connections that may wait to be accepted, before the kernel resets new ones; Linux itself allows 4096
/// unless told otherwise.
const BACKLOG: u32 = 4096;
/// Pause after a failed accept, which is mostly a lack of file descriptors.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Largest request body in bytes.
    pub max_body: usize,
    /// Most bytes of all request bodies that are held at a time; at least `max_body` counts.
    pub max_bodies: usize,
    /// Longest silence while a request body is being sent.
    pub body_idle: Duration,
    /// Longest time for a whole request body.
    pub body_total: Duration,
    pub patience: Patience,
    /// Plain http if `None`.
    pub tls: Option<Tls>,
    /// Which web pages may use the gateway from a browser.
    pub cors: Cors,
    /// How long running requests may go on after the signal to stop.
    pub drain: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            max_body: MAX_BODY,
            max_bodies: MAX_BODIES,
            body_idle: BODY_IDLE,
            body_total: BODY_TOTAL,
            patience: Patience::default(),
            tls: None,
            cors: Cors::default(),
            drain: DRAIN,
        }
    }
}

/// A bound, not yet serving gateway.
#[derive(Debug)]
pub struct Server {
    /// Never empty.
    entrances: Vec<Entrance>,
    door: Arc<Door>,
    patience: Patience,
    drain: Duration,
}

/// An address that is listened on.
#[derive(Debug)]
struct Entrance {
    listener: TcpListener,
    tls: Option<Tls>,
    /// Routes may be for some names only.
    name: Option<Arc<str>>,
    reach: Reach,
}

/// What `/ready` says of a server, also once it serves.
#[derive(Debug, Clone)]
pub struct Readiness(Arc<Door>);

// === impl Readiness ===

impl Readiness {
    /// The gateway behind the door: another configuration can be put to work while it serves.
    pub fn gateway(&self) -> &Gateway {
        &self.0.gateway
    }

    /// From now on `/ready` answers 503; everything else goes on as before.
    pub fn withdraw(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }
}

// === impl Entrance ===

impl Entrance {
    fn new(listener: TcpListener, tls: Option<Tls>, name: Option<&str>) -> io::Result<Self> {
        let reach = match listener.local_addr()?.ip().is_loopback() {
            true => Reach::Machine,
            false => Reach::Anywhere,
        };
        Ok(Self { listener, tls, name: name.map(Arc::from), reach })
    }
}

// === impl Server ===

impl Server {
    /// Binds the address; port 0 takes a free one.
    pub async fn bind(
        addr: SocketAddr,
        gateway: impl Into<Arc<Gateway>>,
        config: ServerConfig,
    ) -> io::Result<Self> {
        let (listener, gateway) = (listen(addr)?, gateway.into());
        let door = Arc::new(Door::new(gateway, &config));
        let ServerConfig { patience, tls, drain, .. } = config;
        let entrances = vec![Entrance::new(listener, tls, None)?];
        Ok(Self { entrances, door, patience, drain })
    }

    /// Gives the first address a name.
    pub fn named(mut self, name: Option<&str>) -> Self {
        if let Some(first) = self.entrances.first_mut() {
            first.name = name.map(Arc::from);
        }
        self
    }

    /// Listens on a further address, for the same gateway. Returns the address, with its port.
    pub async fn bind_also(
        &mut self,
        addr: SocketAddr,
        tls: Option<Tls>,
        name: Option<&str>,
    ) -> io::Result<SocketAddr> {
        let listener = listen(addr)?;
        let bound = listener.local_addr()?;
        self.entrances.push(Entrance::new(listener, tls, name)?);
        Ok(bound)
    }

    /// Lets `/ready` be turned before the server stops, so that load balancers look elsewhere while
    /// what they still send is answered.
    pub fn readiness(&self) -> Readiness {
        Readiness(Arc::clone(&self.door))
    }

    /// The first address.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.entrances.first().ok_or(io::ErrorKind::NotConnected)?.listener.local_addr()
    }

    /// Serves until `stop` resolves, then drains. Returns whether all requests could finish in time.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> bool {
        let Self { entrances, door, patience, drain } = self;
        let mut turn = 0;
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                (entrance, accepted) = accept(&entrances, &mut turn) => match accepted {
                    Ok((socket, peer)) => {
                        let limited = (patience, entrance.tls.as_ref());
                        let Entrance { name, reach, .. } = entrance;
                        let (listener, reach) = (name.clone(), *reach);
                        let entry = Entry { peer: Some(peer.ip()), listener, reach };
                        let from = (socket, entry);
                        connections.spawn(connect(from, &door, limited, &graceful));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "could not accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_ended) = connections.join_next() => {}
            }
        }
        door.draining.store(true, Ordering::Relaxed);
        drop(entrances);
        tracing::info!("draining");
        let finished = tokio::time::timeout(drain, graceful.shutdown()).await.is_ok();
        // Whoever is left is cut off here, and gets a receipt.
        connections.shutdown().await;
        finished
    }
}

/// The next connection at any of `entrances`. They have their turns, so that none keeps the others waiting.
async fn accept<'e>(
    entrances: &'e [Entrance],
    turn: &mut usize,
) -> (&'e Entrance, io::Result<(TcpStream, SocketAddr)>) {
    std::future::poll_fn(|cx| {
        let start = *turn % entrances.len().max(1);
        let (before, after) = entrances.split_at(start);
        for entrance in after.iter().chain(before) {
            if let Poll::Ready(accepted) = entrance.listener.poll_accept(cx) {
                *turn = start + 1;
                return Poll::Ready((entrance, accepted));
            }
        }
        Poll::Pending
    })
    .await
}

fn connect(
    (socket, entry): (TcpStream, Entry),
    door: &Arc<Door>,
    (patience, tls): (Patience, Option<&Tls>),
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + use<> {
    if let Err(error) = tune(&socket) {
        tracing::debug!(%error, "socket options not set");
    }
    let work = Arc::new(Work::default());
    let socket = Socket::new(Patient::new(socket, patience, Arc::clone(&work)), tls);
    let door = Arc::clone(door);
    let service = hyper::service::service_fn(move |request| {
        let (door, entry, busy) = (Arc::clone(&door), entry.clone(), work.begin());
        async move { Ok::<_, std::convert::Infallible>(door.answer(request, entry, busy).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Heads have their time from `Patient`, in both versions of HTTP and before the version is known.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None);
    builder.http2().timer(TokioTimer::new());
    let connection = builder.serve_connection(TokioIo::new(socket), service).into_owned();
    let watched = graceful.watch(connection);
    async move {
        if let Err(error) = watched.await {
            tracing::debug!(%error, "connection ended");
        }
    }
}

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As the standard library does on Unix: a restart need not wait for old connections to be forgotten.
    socket.set_reuseaddr(cfg!(unix))?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

fn tune(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let keepalive =
        TcpKeepalive::new().with_time(TCP_KEEPALIVE).with_interval(TCP_KEEPALIVE_INTERVAL);
    SockRef::from(socket).set_tcp_keepalive(&keepalive)
}
