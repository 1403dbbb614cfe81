//! Connections to AWS: TCP, proxies, TLS, and the pool that keeps them.
//!
//! 1. One time limit covers name look-up, TCP, a proxy's answer and TLS together.
//! 2. Certificates are judged by the platform's verifier; on Linux and other Unixes it reads the
//!    system's store or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name. `AWS_CA_BUNDLE` adds roots.
//! 3. No certificate store is needed when every endpoint of Bedrock's is plain `http`.
//! 4. Requests with another limit to connect have a pool of their own: a connection is made within the limit of
//!    whoever asked for it.
//! 5. HTTP/1.1 alone: a connection carries one request at a time. No answer waits because the reader of another
//!    is slow, and no request for a place among the streams that the service allows on a connection. There are
//!    as many connections as requests in flight, and those that idle go after [`POOL_IDLE`].

mod proxy;

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::PROXY_AUTHORIZATION;
use http::{Request, Uri};
use http_body_util::Full;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tower_service::Service;

pub use self::proxy::Proxies;
use self::proxy::Route;
use crate::setup::SetupError;

/// Idle connections are dropped after this time, before common load balancers (60 s) drop them and a
/// request meets a connection that is just closing.
const POOL_IDLE: Duration = Duration::from_secs(50);
/// Silence after which TCP asks whether the peer is still there; shorter than the idle limits of NAT
/// gateways (350 s on AWS), so that a long silent inference is not forgotten by them.
const TCP_KEEPALIVE: Duration = Duration::from_secs(45);
/// Time between unanswered questions.
const TCP_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Unanswered questions after which the peer is gone: with the above, about two minutes.
const TCP_KEEPALIVE_RETRIES: u32 = 5;
/// What the TLS handshake offers: rule 5.
const PROTOCOL: &[u8] = b"http/1.1";

/// Pools beside the usual one: as many limits to connect as anybody has a use for.
const MOST_POOLS: usize = 16;

type Pool = Client<TimedConnector, Full<Bytes>>;

/// The pooled client.
#[derive(Debug)]
pub(crate) struct HttpClient {
    usual: Pool,
    /// By limit.
    others: Mutex<Vec<(Duration, Pool)>>,
    tls: Arc<rustls::ClientConfig>,
    wiring: Wiring,
}

/// How to connect.
#[derive(Debug, Clone)]
pub(crate) struct Wiring {
    pub(crate) proxies: Proxies,
    /// For name look-up, TCP, a proxy's answer and TLS together.
    pub(crate) limit: Duration,
}

/// A connector with one time limit over all its steps.
#[derive(Debug, Clone)]
pub(crate) struct TimedConnector {
    inner: HttpsConnector<Route>,
    limit: Duration,
}

/// The certificates to trust beside the platform's.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trust<'a> {
    /// No endpoint uses TLS.
    NotNeeded,
    Platform {
        extra_roots: Option<&'a Path>,
    },
}

// === impl HttpClient ===

impl HttpClient {
    pub(crate) fn new(trust: Trust<'_>, wiring: Wiring) -> Result<Self, SetupError> {
        let mut tls = tls(trust)?;
        tls.alpn_protocols = vec![PROTOCOL.to_vec()];
        let tls = Arc::new(tls);
        let usual = pool(&tls, &wiring);
        Ok(Self { usual, others: Mutex::default(), tls, wiring })
    }

    pub(crate) fn request(&self, request: Request<Full<Bytes>>) -> ResponseFuture {
        self.request_within(request, self.wiring.limit)
    }

    /// Over a connection that is made within `limit`, if there has to be a new one.
    pub(crate) fn request_within(
        &self,
        mut request: Request<Full<Bytes>>,
        limit: Duration,
    ) -> ResponseFuture {
        if let Some(value) = self.wiring.proxies.authorization(request.uri()) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, value);
        }
        match limit == self.wiring.limit {
            true => self.usual.request(request),
            false => self.other(limit).request(request),
        }
    }

    fn other(&self, limit: Duration) -> Pool {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, pool)) = others.iter().find(|(known, _)| *known == limit) {
            return pool.clone();
        }
        let pool = pool(&self.tls, &Wiring { limit, ..self.wiring.clone() });
        if others.len() >= MOST_POOLS {
            // What is under way there ends as it would have.
            others.remove(0);
        }
        others.push((limit, pool.clone()));
        pool
    }
}

fn pool(tls: &Arc<rustls::ClientConfig>, wiring: &Wiring) -> Pool {
    let Wiring { proxies, limit } = wiring;
    let route = Route { tcp: tcp(*limit), proxies: proxies.clone() };
    let inner = HttpsConnector::from((route, Arc::clone(tls)));
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE)
        .build(TimedConnector { inner, limit: *limit })
}

// === impl TimedConnector ===

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Connection = <HttpsConnector<Route> as Service<Uri>>::Response;

impl Service<Uri> for TimedConnector {
    type Response = Connection;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        let limit = self.limit;
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(outcome) => outcome,
                Err(_elapsed) => Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no connection within {limit:?}"),
                )
                .into()),
            }
        })
    }
}

// === helpers ===

fn tcp(connect: Duration) -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(connect));
    tcp.set_keepalive(Some(TCP_KEEPALIVE));
    tcp.set_keepalive_interval(Some(TCP_KEEPALIVE_INTERVAL));
    tcp.set_keepalive_retries(Some(TCP_KEEPALIVE_RETRIES));
    tcp
}

fn tls(trust: Trust<'_>) -> Result<rustls::ClientConfig, SetupError> {
    let failed = |error: rustls::Error| SetupError::Tls(error.to_string());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let extra_roots = match trust {
        Trust::NotNeeded => {
            return Ok(builder
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth());
        }
        Trust::Platform { extra_roots: Some(path) } => certificates(path)?,
        Trust::Platform { extra_roots: None } => Vec::new(),
    };
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra_roots, provider)
        .map_err(failed)?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let bad = |reason: String| SetupError::BadCaBundle { path: path.to_owned(), reason };
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))?.collect();
    let found = found.map_err(|error| bad(error.to_string()))?;
    if found.is_empty() {
        return Err(bad("it holds no PEM certificate".to_owned()));
    }
    Ok(found)
}
