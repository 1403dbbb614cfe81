//! `outcrop mcp serve --listen`: the server by streamable HTTP.
//!
//! 1. Loopback only, unless who asks must show a token.
//! 2. Not for web pages: what a browser sends for one is refused, and so is what is sent to a name that was
//!    made to lead here.
//! 3. Connections and sessions are bounded, and sessions that nobody uses end.
//! 4. Who stops it waits for running calls, but for no other; who asks twice does not wait.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use outcrop_server::MAX_BODY;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{CALLS, Models};
use crate::cli::McpWebArgs;
use crate::exit::{Exit, Failure};
use crate::print::print_line;
use crate::stop::Stop;

const PATH: &str = "/mcp";
const SESSION: &str = "mcp-session-id";
/// Most sessions at once. A client has one; those of clients that vanished end by themselves.
const SESSIONS: usize = 1000;
/// How long a session may be unused; also longer than any call.
const IDLE: Duration = Duration::from_secs(4 * 3600);
/// Most connections at once: as many files as a process may have open is 1024 on many systems.
const CONNECTIONS: usize = 256;
/// How long running calls may go on after the signal to stop, as for `outcrop serve`.
const DRAIN: Duration = Duration::from_secs(25);
/// How long the last answers may take to be read.
const FLUSH: Duration = Duration::from_secs(1);
/// Pause after a failed accept, which is mostly a lack of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Where to listen, and for whom.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    token: Option<Token>,
}

/// What clients must show.
#[derive(Clone)]
struct Token([u8; 32]);

type Mcp = StreamableHttpService<Arc<Models>, LocalSessionManager>;
type Body = BoxBody<Bytes, Infallible>;

/// What every connection has.
#[derive(Clone)]
struct House {
    mcp: Mcp,
    sessions: Arc<LocalSessionManager>,
    token: Option<Token>,
}

// === impl Door ===

impl Door {
    /// The one that the flags ask for, if they ask for one.
    ///
    /// # Errors
    /// [`Exit::InvalidArgument`] for an address that others reach without a token; [`Exit::ConfigMissing`]
    /// for a token that there is not.
    pub fn of(args: &McpWebArgs) -> anyhow::Result<Option<Self>> {
        let Some(address) = args.listen else { return Ok(None) };
        let token = Token::of(args)?;
        if token.is_none() && !address.ip().is_loopback() {
            let what =
                format!("Others can reach {address}, and nobody would be asked for a token.");
            return Err(Failure::new(Exit::InvalidArgument, what)
                .mend("--token-env NAME or --token-file FILE asks; or listen on 127.0.0.1.")
                .into());
        }
        Ok(Some(Self { address, token }))
    }
}

// === impl Token ===

impl Token {
    fn of(args: &McpWebArgs) -> anyhow::Result<Option<Self>> {
        let missing = |what: String| Failure::new(Exit::ConfigMissing, what);
        let (place, text) = match (&args.token_env, &args.token_file) {
            (Some(name), _) => {
                let text = std::env::var(name).map_err(|_| {
                    missing(format!("The variable {name} is not set.")).mend("Put the token in it.")
                })?;
                (format!("the variable {name}"), text)
            }
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    missing(format!("Cannot read {}: {error}.", path.display()))
                })?;
                (path.display().to_string(), text)
            }
            (None, None) => return Ok(None),
        };
        match text.trim() {
            "" => Err(missing(format!("There is no token in {place}.")).into()),
            token => Ok(Some(Self::digested(token))),
        }
    }

    fn digested(token: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(bytes)
    }

    fn is_shown_in(&self, request: &Request<Incoming>) -> bool {
        let value = request.headers().get(header::AUTHORIZATION);
        let (scheme, token) = match value.and_then(|value| value.to_str().ok()?.split_once(' ')) {
            Some(parts) => parts,
            None => return false,
        };
        scheme.eq_ignore_ascii_case("bearer")
            && verify_slices_are_equal(&Self::digested(token.trim()).0, &self.0).is_ok()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// Serves until somebody asks to stop.
///
/// # Errors
/// Where the address cannot be used.
pub async fn serve(models: Arc<Models>, door: Door) -> anyhow::Result<()> {
    let Door { address, token } = door;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::new(Exit::InvalidArgument, format!("Cannot listen on {address}: {error}."))
            .mend("--listen takes another port; 0 is a free one.")
    })?;
    let bound = listener.local_addr()?;
    let mut stop = Stop::watch()?;
    print_line(&format!("listening on http://{bound}{PATH}"))?;
    if !bound.ip().is_loopback() {
        note!("note: nothing is encrypted here: have a proxy with TLS in front of it");
    }
    let config = config(&token);
    let cancelled = config.cancellation_token.clone();
    let house = House::new(&models, config, token);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stop.asked() => break,
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((socket, _)) => {
                    connections.spawn(connect(socket, house.clone(), &graceful));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_ended) = connections.join_next() => {}
        }
    }
    drop(listener);
    tokio::select! {
        // Who waits for all turns has them when no call runs; later calls wait behind.
        _all = models.calls.acquire_many(CALLS) => {}
        _ = stop.asked() => {}
        () = tokio::time::sleep(DRAIN) => note!("note: calls that still ran are ended"),
    }
    // Streams that wait for what may never come do not end by themselves.
    let _still_open = tokio::time::timeout(FLUSH, graceful.shutdown()).await;
    cancelled.cancel();
    connections.shutdown().await;
    Ok(())
}

/// A token is proof enough of who asks: then the server may have any name. Web pages have none.
fn config(token: &Option<Token>) -> StreamableHttpServerConfig {
    let config = StreamableHttpServerConfig::default()
        .enforce_origin_validation()
        .with_max_request_body_bytes(MAX_BODY);
    if token.is_some() { config.disable_allowed_hosts() } else { config }
}

fn connect(
    socket: TcpStream,
    house: House,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + use<> {
    let service = service_fn(move |request| {
        let house = house.clone();
        async move { Ok::<_, Infallible>(house.answer(request).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    let connection = builder.serve_connection(TokioIo::new(socket), service).into_owned();
    let watched = graceful.watch(connection);
    async move {
        // A client that leaves in the middle ends its connection, and nothing else.
        let _left = watched.await;
    }
}

// === impl House ===

impl House {
    fn new(models: &Arc<Models>, config: StreamableHttpServerConfig, token: Option<Token>) -> Self {
        let mut sessions = LocalSessionManager::default();
        sessions.session_config.keep_alive = Some(IDLE);
        let sessions = Arc::new(sessions);
        let models = Arc::clone(models);
        let each = move || Ok(Arc::clone(&models));
        let mcp = StreamableHttpService::new(each, Arc::clone(&sessions), config);
        Self { mcp, sessions, token }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        if self.token.as_ref().is_some_and(|token| !token.is_shown_in(&request)) {
            let what = "This server wants its token, as in `Authorization: Bearer TOKEN`.";
            let mut refused = refused(StatusCode::UNAUTHORIZED, what);
            let challenge = HeaderValue::from_static("Bearer");
            refused.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            return refused;
        }
        if request.uri().path() != PATH {
            return refused(StatusCode::NOT_FOUND, "The MCP server is at /mcp.");
        }
        if request.method() == Method::POST
            && !request.headers().contains_key(SESSION)
            && self.sessions.sessions.read().await.len() >= SESSIONS
        {
            return refused(StatusCode::SERVICE_UNAVAILABLE, "There are too many sessions.");
        }
        self.mcp.handle(request).await
    }
}

fn refused(status: StatusCode, what: &str) -> Response<Body> {
    let body = json!({ "error": what }).to_string();
    let mut response = Response::new(Full::new(Bytes::from(body)).boxed());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
