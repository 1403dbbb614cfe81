//! The listener, and the handle that keeps it alive.
//!
//! Invariants: (1) a bound emulator serves at once; (2) dropping the handle ends the listener and
//! every connection.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::access;
use crate::config::{Config, EXAMPLE_REGION};
use crate::engine::Engine;
use crate::fault::{Fault, Injection};
use crate::models::Catalog;
use crate::received::Received;
use crate::service::{self, State};
use crate::surface;
use crate::tls;

/// Not which: it may be an API key.
const STRANGER: &str =
    "the table of access names an identity that is no access key id, role or API key known here";
/// How long open connections may take to finish after [`Emulator::serve`] is told to stop.
const GRACE: Duration = Duration::from_secs(3);

/// A running Bedrock. It stops when dropped.
#[derive(Debug)]
pub struct Emulator {
    state: Arc<State>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    listener: JoinHandle<()>,
}

impl Emulator {
    /// Listens and begins to serve in the background of the current runtime.
    ///
    /// # Errors
    /// When the address cannot be bound or the TLS authority cannot be written.
    pub async fn bind(address: impl ToSocketAddrs, config: Config) -> io::Result<Self> {
        let acceptor = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let catalog = Catalog::load(&config)?;
        if access::stranger(&config).is_some() {
            return Err(io::Error::other(STRANGER));
        }
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let base_url = base_url(&config, address);
        let state = Arc::new(State::new(config, catalog, &base_url));
        let (stop, stopped) = oneshot::channel();
        let listener = tokio::spawn(accept(listener, acceptor, Arc::clone(&state), stopped));
        Ok(Self { state, address, stop: Some(stop), listener })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, or `https://localhost:PORT` with TLS.
    pub fn base_url(&self) -> String {
        base_url(&self.state.config, self.address)
    }

    /// The base URL of `bedrock-mantle`, which is served beside the rest.
    pub fn mantle_url(&self) -> String {
        format!("{}{}", self.base_url(), surface::BASE)
    }

    /// The shell lines that point any AWS SDK at this emulator.
    pub fn env_lines(&self) -> String {
        let config = &self.state.config;
        let url = self.base_url();
        let region = config.region.as_deref().unwrap_or(EXAMPLE_REGION);
        let mut lines = vec![
            ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url.clone()),
            ("AWS_ENDPOINT_URL_BEDROCK", url),
            ("AWS_ENDPOINT_URL_BEDROCK_MANTLE", self.mantle_url()),
            ("AWS_REGION", region.to_owned()),
            // boto3 reads only this one, the other SDKs only the one above.
            ("AWS_DEFAULT_REGION", region.to_owned()),
        ];
        if let Some(key) = config.access_keys.first() {
            lines.push(("AWS_ACCESS_KEY_ID", key.id.clone()));
            lines.push(("AWS_SECRET_ACCESS_KEY", key.secret.clone()));
            lines.extend(key.session_token.clone().map(|token| ("AWS_SESSION_TOKEN", token)));
        }
        if let Some(tls) = &config.tls {
            let file = absolute(&tls.ca_file);
            lines.push(("AWS_CA_BUNDLE", file.clone()));
            lines.push(("SSL_CERT_FILE", file));
        }
        lines
            .into_iter()
            .map(|(name, value)| format!("export {name}={}\n", quoted(&value)))
            .collect()
    }

    /// What was received so far, oldest first; a bounded number is kept.
    pub fn requests(&self) -> Vec<Received> {
        self.state.journal.all()
    }

    /// Forgets what was received.
    pub fn clear_requests(&self) {
        self.state.journal.clear();
    }

    /// Applies faults to the next `times` requests, whatever they are.
    pub fn inject(&self, faults: Vec<Fault>, times: u32) {
        self.inject_where(Injection { faults, times, ..Injection::default() });
    }

    /// Applies faults to the next requests that match.
    pub fn inject_where(&self, injection: Injection) {
        self.state.pending.add(injection, 1);
    }

    /// Applies faults to each `nth` request, until they are cleared.
    pub fn inject_each(&self, nth: u32, faults: Vec<Fault>) {
        let injection = Injection { faults, times: u32::MAX, ..Injection::default() };
        self.state.pending.add(injection, nth);
    }

    /// Forgets all injected faults.
    pub fn clear_faults(&self) {
        self.state.pending.clear();
    }

    /// Changes the engine of requests that choose none.
    pub fn set_engine(&self, engine: Engine) {
        self.state.set_engine(engine);
    }

    /// A token that STS takes for a web identity; it expires after `lifetime`.
    pub fn web_identity_token(&self, subject: &str, lifetime: Duration) -> String {
        self.state.issued.web_identity_token(subject, lifetime)
    }

    /// The issuer of those tokens, which also gives them to programs.
    pub fn oidc_issuer(&self) -> &str {
        self.state.issued.oidc_address()
    }

    /// Lets the issuer sign with a new key; the one before stays good, older ones do not.
    pub fn rotate_oidc_key(&self) {
        self.state.issued.rotate_oidc_key();
    }

    /// Lets the tokens that the issuer gives to programs be good for this long.
    pub fn set_oidc_lifetime(&self, lifetime: Duration) {
        self.state.issued.set_oidc_lifetime(lifetime);
    }

    /// What a container must send for its credentials from now on; at first nothing is asked for.
    pub fn set_container_token(&self, token: &str) {
        self.state.issued.set_container_token(token);
    }

    /// What a signed-in person's tool must send to the SSO portal.
    pub fn set_sso_token(&self, token: &str) {
        self.state.issued.set_sso_token(token);
    }

    /// Lets all credentials issued from now on live this long, whatever is asked for.
    pub fn set_session_lifetime(&self, lifetime: Duration) {
        self.state.issued.set_lifetime(lifetime);
    }

    /// Expires all credentials issued so far.
    pub fn expire_sessions(&self) {
        self.state.issued.expire();
    }

    /// How many sets of credentials were issued.
    pub fn sessions(&self) -> usize {
        self.state.issued.count()
    }

    /// Serves until `shutdown` completes, then lets open connections finish for a moment.
    pub async fn serve(mut self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
        if let Some(stop) = self.stop.take() {
            // A listener that is gone already has nothing to stop.
            let _gone = stop.send(());
        }
        let _ended = (&mut self.listener).await;
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Accepts connections until told to stop; they end with this task.
async fn accept(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    state: Arc<State>,
    mut stopped: oneshot::Receiver<()>,
) {
    let graceful = Arc::new(GracefulShutdown::new());
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // A dropped sender means the handle is gone, which aborts this task as well.
            _ = &mut stopped => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let connection =
                    connect(stream, acceptor.clone(), Arc::clone(&state), Arc::clone(&graceful));
                connections.spawn(connection);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    drop(listener);
    let finish = async {
        if let Some(graceful) = Arc::into_inner(graceful) {
            graceful.shutdown().await;
        }
        while connections.join_next().await.is_some() {}
    };
    if tokio::time::timeout(GRACE, finish).await.is_err() {
        tracing::debug!("connections were still open at the end of the grace period");
    }
}

async fn connect(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    state: Arc<State>,
    graceful: Arc<GracefulShutdown>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    match acceptor {
        None => serve(stream, state, graceful).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => serve(stream, state, graceful).await,
            Err(error) => tracing::debug!(%error, "TLS handshake failed"),
        },
    }
}

async fn serve<S>(stream: S, state: Arc<State>, graceful: Arc<GracefulShutdown>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    let service = service_fn(move |request| service::handle(Arc::clone(&state), request));
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    let connection = graceful.watch(connection);
    drop(graceful);
    if let Err(error) = connection.await {
        tracing::debug!(error, "connection ended");
    }
}

fn base_url(config: &Config, address: SocketAddr) -> String {
    match (&config.tls, address.ip().is_loopback()) {
        (Some(_), true) => format!("https://localhost:{}", address.port()),
        (Some(_), false) => format!("https://{address}"),
        (None, _) => format!("http://{address}"),
    }
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).display().to_string()
}
