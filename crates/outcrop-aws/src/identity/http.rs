//! The gateway's own connections, in the form that AWS's credential providers ask for.
//!
//! 1. There is one TLS stack: what the providers send goes over the same connector as inference.
//! 2. A certificate store is read when the first `https` address is called, and not before.
//! 3. Answers are bounded.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient as SdkClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{Request, Response, Uri, uri::Scheme};
use http_body_util::{BodyExt as _, Full, Limited};
use std::sync::Arc;
use tokio::time::timeout;

use crate::connect::{HttpClient, Proxies, Trust, Wiring};

/// Name look-up, TCP and TLS together; metadata services are one hop away.
const CONNECT: Duration = Duration::from_secs(3);
/// For an answer, unless the provider says otherwise; `sts` answers within a second.
const ANSWER: Duration = Duration::from_secs(10);
/// Credentials are under 10 KB.
const MAX_ANSWER: usize = 1024 * 1024;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Connections for credentials. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Wire(Arc<Pools>);

#[derive(Debug)]
struct Pools {
    extra_roots: Option<PathBuf>,
    proxies: Proxies,
    plain: OnceLock<Result<HttpClient, String>>,
    tls: OnceLock<Result<HttpClient, String>>,
}

/// [`Wire`] with one provider's time limit.
#[derive(Debug)]
struct Limit {
    wire: Wire,
    answer: Duration,
}

// === impl Wire ===

impl Wire {
    pub(crate) fn new(extra_roots: Option<PathBuf>, proxies: Proxies) -> Self {
        let (plain, tls) = (OnceLock::new(), OnceLock::new());
        Self(Arc::new(Pools { extra_roots, proxies, plain, tls }))
    }

    /// The same past all proxies.
    pub(crate) fn direct(&self) -> Self {
        Self::new(self.0.extra_roots.clone(), Proxies::default())
    }

    /// Sends, and reads the whole answer within `limit`.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        limit: Duration,
    ) -> Result<Response<Bytes>, ConnectorError> {
        let pool = self.pool(request.uri()).map_err(|error| ConnectorError::user(error.into()))?;
        let answer = async {
            let response = pool.request(request).await.map_err(|e| ConnectorError::io(e.into()))?;
            let (head, body) = response.into_parts();
            let body =
                Limited::new(body, MAX_ANSWER).collect().await.map_err(ConnectorError::io)?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        match timeout(limit, answer).await {
            Ok(outcome) => outcome,
            Err(elapsed) => Err(ConnectorError::timeout(elapsed.into())),
        }
    }

    fn pool(&self, uri: &Uri) -> Result<&HttpClient, String> {
        let Pools { extra_roots, proxies, plain, tls } = &*self.0;
        let (pool, trust) = match uri.scheme() == Some(&Scheme::HTTPS) {
            true => (tls, Trust::Platform { extra_roots: extra_roots.as_deref() }),
            false => (plain, Trust::NotNeeded),
        };
        let made = pool.get_or_init(|| {
            let wiring = Wiring { proxies: proxies.clone(), limit: CONNECT };
            HttpClient::new(trust, wiring).map_err(|error| error.to_string())
        });
        made.as_ref().map_err(Clone::clone)
    }
}

impl SdkClient for Wire {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let answer = settings.read_timeout().unwrap_or(ANSWER);
        SharedHttpConnector::new(Limit { wire: self.clone(), answer })
    }
}

// === impl Limit ===

impl HttpConnector for Limit {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (wire, limit) = (self.wire.clone(), self.answer);
        HttpConnectorFuture::new(async move {
            let request = outgoing(request).map_err(ConnectorError::user)?;
            let response = wire.send(request, limit).await?;
            HttpResponse::try_from(response.map(SdkBody::from))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

// === helpers ===

/// Whether nobody on the way can read what is sent there: `https`, or an address of this machine.
/// Names are judged by nothing but `localhost`.
pub(super) fn is_private(uri: &Uri) -> bool {
    let Some(host) = uri.host() else { return false };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()) || bare == "localhost";
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => is_here,
        _ => false,
    }
}

fn outgoing(request: HttpRequest) -> Result<Request<Full<Bytes>>, BoxError> {
    let (head, body) = request.try_into_http1x()?.into_parts();
    let bytes = body.bytes().ok_or("a body that is not in memory")?;
    Ok(Request::from_parts(head, Full::new(Bytes::copy_from_slice(bytes))))
}
