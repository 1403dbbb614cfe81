//! Whether an endpoint can be reached at all, and what time it is there: one unsigned request.
//!
//! 1. It goes the way of every other request: same names, same proxy, same TLS.
//! 2. Any HTTP answer counts: the question is the way, not the answer.

use std::error::Error;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use tokio::time::{Instant, timeout};

use crate::body::chain;
use crate::classify::date;
use crate::client::USER_AGENT;
use crate::connect::{HttpClient, Proxies, Trust, Wiring};
use crate::endpoint::{Endpoint, Endpoints};
use crate::setup::SetupError;

/// For an answer to a request that nobody needs to think about.
const PATIENCE: Duration = Duration::from_secs(10);

/// An endpoint that answered.
#[derive(Debug, Clone)]
pub struct Reached {
    /// What its clock says.
    pub date: Option<SystemTime>,
    /// What this machine's clock said at that moment.
    pub here: SystemTime,
    pub took: Duration,
}

/// What stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// The host's name leads to no address.
    Name,
    /// The address takes no connection.
    Refused,
    /// The certificate is not trusted, or TLS is not what is spoken there.
    Tls,
    /// The proxy on the way cannot be reached, or does not let through.
    Proxy,
    /// Nothing came within the time.
    Silence,
    Other,
}

/// An endpoint that did not answer, and why, in the words of the layer that failed.
#[derive(Debug, Clone)]
pub struct Unreached {
    pub hindrance: Hindrance,
    pub detail: String,
}

/// Asks endpoints for nothing in particular; it needs no credentials.
#[derive(Debug)]
pub struct Prober(HttpClient);

// === impl Prober ===

impl Prober {
    /// # Errors
    /// When root certificates cannot be read.
    pub(crate) fn new(
        endpoints: &Endpoints,
        extra_roots: Option<&Path>,
        proxies: Proxies,
    ) -> Result<Self, SetupError> {
        let trust = match endpoints.any_tls() || endpoints.sts.is_tls() {
            true => Trust::Platform { extra_roots },
            false => Trust::NotNeeded,
        };
        let wiring = Wiring { proxies, limit: PATIENCE };
        HttpClient::new(trust, wiring).map(Self)
    }

    /// # Errors
    /// When there was no HTTP answer.
    pub async fn reach(&self, endpoint: &Endpoint) -> Result<Reached, Unreached> {
        let other = |detail: String| Unreached { hindrance: Hindrance::Other, detail };
        let target = endpoint
            .target("/")
            .map_err(|fault| other(fault.detail.unwrap_or_else(|| fault.message.to_string())))?;
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = target;
        request.headers_mut().insert(header::HOST, endpoint.host().clone());
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        let began = Instant::now();
        match timeout(PATIENCE, self.0.request(request)).await {
            Ok(Ok(response)) => Ok(Reached {
                date: date(response.headers()),
                here: SystemTime::now(),
                took: began.elapsed(),
            }),
            Ok(Err(error)) => {
                Err(Unreached { hindrance: hindrance(&error), detail: chain(&error) })
            }
            Err(_elapsed) => Err(Unreached {
                hindrance: Hindrance::Silence,
                detail: format!("no answer within {PATIENCE:?}"),
            }),
        }
    }
}

// === helpers ===

fn hindrance(error: &(dyn Error + 'static)) -> Hindrance {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = one(error) {
            return found;
        }
        // An I/O error that wraps another does not name it as its source.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    Hindrance::Other
}

fn one(error: &(dyn Error + 'static)) -> Option<Hindrance> {
    if error.is::<rustls::Error>() {
        return Some(Hindrance::Tls);
    }
    // The connectors have no types for these that could be named.
    let text = error.to_string();
    if text.starts_with("tunnel error") {
        return Some(Hindrance::Proxy);
    }
    if text.starts_with("dns error") {
        return Some(Hindrance::Name);
    }
    match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => {
            Some(Hindrance::Refused)
        }
        io::ErrorKind::TimedOut => Some(Hindrance::Silence),
        _ => None,
    }
}
