//! One attempt at AWS: sign, send, wait for the head.
//!
//! 1. [`AwsClient::send`] never retries and never reads a successful body.
//! 2. The path goes out byte for byte as given, after the endpoint's base path; what is signed is what
//!    is sent.
//! 3. Headers that a caller used to identify itself, and those that the connection owns, never leave.
//! 4. Any status but 2xx is a [`Fault`] with AWS's own words classified.
//! 5. A refused signature corrects the clock from the response's `date` before the fault is returned,
//!    so that the next attempt carries the right time. Where the clock is right, the credentials are
//!    fetched anew instead.
//! 6. Credentials that a request brings with it are used for that request alone; what AWS says against
//!    them is said to the caller, and casts no doubt on the gateway's own.

mod refusal;

use std::fmt;
use std::path::PathBuf;

use aws_lc_rs::digest;
use bytes::Bytes;
use http::header;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use outcrop_model::headers::WITHHELD;
use outcrop_model::{ErrorClass, Fault};
use tokio::time::{Instant, timeout_at};

use crate::body::IncomingBody;
use crate::classify::{date, request_id};
use crate::clock::Clock;
use crate::connect::{HttpClient, Proxies, Trust, Wiring};
use crate::credentials::{CredentialSource, Credentials};
use crate::deadline::{Timeouts, Watchdog, after};
use crate::endpoint::{EndpointWish, Endpoints, Service};
use crate::environment::Environment;
use crate::identity::{IdentityWish, Surroundings, Wire, resolve};
use crate::setup::{Lookup, SetupError};
use crate::sign::{Signable, signature};

/// The variable that names a file of further root certificates, as in the AWS SDKs.
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";
pub(crate) const USER_AGENT: &str = concat!("outcrop/", env!("CARGO_PKG_VERSION"));

/// All that an [`AwsClient`] needs to know.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    pub endpoints: Endpoints,
    pub credentials: CredentialSource,
    pub timeouts: Timeouts,
    pub proxies: Proxies,
    /// PEM file of roots to trust beside the platform's.
    pub extra_roots: Option<PathBuf>,
    pub clock: Clock,
}

/// What flags, variables and profile say, before anybody asks for credentials.
pub(crate) struct Prepared<'a> {
    pub(crate) environment: Environment<'a>,
    pub(crate) endpoints: Endpoints,
    pub(crate) extra_roots: Option<PathBuf>,
    pub(crate) proxies: Proxies,
    pub(crate) clock: Clock,
}

/// A pooled client for one region. Share it behind an `Arc`.
#[derive(Debug)]
pub struct AwsClient {
    http: HttpClient,
    endpoints: Endpoints,
    credentials: CredentialSource,
    timeouts: Timeouts,
    clock: Clock,
    roots: Option<Roots>,
}

/// What the file of further roots held when they were read, as a digest: bundles are large, and backends many.
#[derive(Debug)]
struct Roots {
    path: PathBuf,
    held: Option<Vec<u8>>,
}

/// A request, replayable as often as wanted.
#[derive(Clone)]
pub struct Outbound {
    pub service: Service,
    pub method: Method,
    /// Raw path and query, beginning with `/`; already percent-encoded as it shall go on the wire.
    pub path_and_query: String,
    /// Content type, accept, `x-amzn-bedrock-*`; what must not leave is left out on sending.
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whom to be for this request, if not the gateway's own identity.
    pub credentials: Option<Credentials>,
}

/// A successful response's head with its unread body. Dropping it cancels the call.
#[derive(Debug)]
pub struct Incoming {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// `x-amzn-requestid`.
    pub request_id: Option<String>,
    pub body: IncomingBody,
}

// === impl ClientConfig ===

impl ClientConfig {
    /// The defaults around where to go and who to be.
    pub fn new(endpoints: Endpoints, credentials: CredentialSource) -> Self {
        Self {
            endpoints,
            credentials,
            timeouts: Timeouts::default(),
            proxies: Proxies::default(),
            extra_roots: None,
            clock: Clock::system(),
        }
    }

    /// Everything from flags, variables and the profile.
    ///
    /// # Errors
    /// When region, endpoint or credentials are missing, malformed or contradict each other.
    pub async fn from_env(
        wish: EndpointWish<'_>,
        identity: &IdentityWish,
        lookup: Lookup<'_>,
    ) -> Result<Self, SetupError> {
        Self::from_env_at(Clock::system(), wish, identity, lookup).await
    }

    /// The same by another clock than the system's, for all that is signed and all that expires.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub async fn from_env_at(
        clock: Clock,
        wish: EndpointWish<'_>,
        identity: &IdentityWish,
        lookup: Lookup<'_>,
    ) -> Result<Self, SetupError> {
        let prepared = Prepared { clock, ..Prepared::new(wish, identity, lookup).await? };
        let credentials = resolve(identity, &prepared.around())?;
        let Prepared { environment: _, endpoints, extra_roots, proxies, clock } = prepared;
        Ok(Self { clock, extra_roots, proxies, ..Self::new(endpoints, credentials) })
    }
}

// === impl Prepared ===

impl<'a> Prepared<'a> {
    pub(crate) async fn new(
        wish: EndpointWish<'_>,
        identity: &IdentityWish,
        lookup: Lookup<'a>,
    ) -> Result<Self, SetupError> {
        let environment = Environment::new(identity.profile.as_deref(), lookup).await?;
        let endpoints = Endpoints::resolve(wish, &environment)?;
        let extra_roots =
            environment.value(&[CA_BUNDLE], "ca_bundle").map(|(path, _)| PathBuf::from(path));
        let proxies = Proxies::from_env(lookup)?;
        Ok(Self { environment, endpoints, extra_roots, proxies, clock: Clock::system() })
    }

    pub(crate) fn around(&self) -> Surroundings<'_> {
        Surroundings {
            endpoints: &self.endpoints,
            environment: &self.environment,
            clock: self.clock.clone(),
            wire: Wire::new(self.extra_roots.clone(), self.proxies.clone()),
        }
    }
}

// === impl Outbound ===

impl Outbound {
    /// A JSON `POST` to the runtime.
    pub fn post(path_and_query: impl Into<String>, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self {
            service: Service::Runtime,
            method: Method::POST,
            path_and_query: path_and_query.into(),
            headers,
            body: body.into(),
            credentials: None,
        }
    }
}

/// Shows where the request goes and how large it is: headers and body hold what callers send.
impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, method, path_and_query, headers: _, body, credentials: _ } = self;
        write!(f, "Outbound({service:?} {method} {path_and_query}, {} bytes)", body.len())
    }
}

// === impl Roots ===

impl Roots {
    fn look(path: PathBuf) -> Self {
        // Whoever reads them says what is wrong with a file that cannot be read.
        let held = std::fs::read(&path).ok();
        let held = held.map(|held| digest::digest(&digest::SHA256, &held).as_ref().to_vec());
        Self { path, held }
    }
}

// === impl AwsClient ===

impl AwsClient {
    /// Sets up TLS and the pool; connects to nothing yet.
    ///
    /// # Errors
    /// When root certificates cannot be read.
    pub fn new(config: ClientConfig) -> Result<Self, SetupError> {
        let ClientConfig { endpoints, credentials, timeouts, proxies, extra_roots, clock } = config;
        let wiring = Wiring { proxies, limit: timeouts.connect };
        let platform = Trust::Platform { extra_roots: extra_roots.as_deref() };
        // Looked at before they are read: a change in between shows the next time.
        let roots = extra_roots.clone().map(Roots::look);
        let http = match (endpoints.any_tls(), endpoints.sts.is_tls()) {
            (true, _) => HttpClient::new(platform, wiring)?,
            // Only questions about the own identity go there; no roots are no reason not to serve.
            (false, true) => HttpClient::new(platform, wiring.clone())
                .or_else(|_| HttpClient::new(Trust::NotNeeded, wiring))?,
            (false, false) => HttpClient::new(Trust::NotNeeded, wiring)?,
        };
        Ok(Self { http, endpoints, credentials, timeouts, clock, roots })
    }

    /// Whether the file of further roots, if there is one, holds what it held when this was made.
    pub fn trusts_what_is_written(&self) -> bool {
        self.roots.as_ref().is_none_or(|roots| Roots::look(roots.path.clone()).held == roots.held)
    }

    /// Where this client sends.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Fetches the first credentials, so that a wrong setup is known before the first request.
    ///
    /// # Errors
    /// When no source is configured or the one that is cannot give any.
    pub async fn begin(&self) -> Result<(), SetupError> {
        self.credentials.begin().await
    }

    /// What the log may say of who this client is.
    pub fn identity(&self) -> String {
        self.credentials.to_string()
    }

    /// A digest that differs for other accounts, regions and endpoints, for what is kept between runs;
    /// `None` without credentials. It tells nothing of what went into it.
    pub async fn account_key(&self) -> Option<String> {
        let credentials = self.credentials.current().await.ok()?;
        let mut context = digest::Context::new(&digest::SHA256);
        let (region, control) =
            (self.endpoints.region.as_str(), self.endpoints.control.to_string());
        for part in [region.as_bytes(), control.as_bytes(), &credentials.whose()] {
            context.update(part);
            context.update(b"\n");
        }
        Some(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// One attempt, up to the response's head.
    ///
    /// # Errors
    /// [`Phase::BeforeSend`] when nothing left for the service (bad path, no connection), else
    /// [`Phase::AwaitingHead`]: the service refused, was lost, or did not answer in time.
    pub async fn send(&self, request: &Outbound) -> Result<Incoming, Fault> {
        self.send_within(request, self.timeouts).await
    }

    /// The limits of this client.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// [`send`](Self::send) within other limits.
    ///
    /// # Errors
    /// As there.
    pub async fn send_within(
        &self,
        request: &Outbound,
        timeouts: Timeouts,
    ) -> Result<Incoming, Fault> {
        let started = Instant::now();
        let end = after(started, timeouts.total);
        let credentials = match &request.credentials {
            Some(lent) => lent.clone(),
            None => self.credentials.current().await?,
        };
        let correction = self.clock.correction();
        let signed = self.prepare(request, &credentials)?;
        let head_by = after(started, timeouts.first_byte).min(end);
        let answer = self.http.request_within(signed, timeouts.connect);
        let response = match timeout_at(head_by, answer).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(refusal::lost(&error)),
            Err(_elapsed) => return Err(refusal::unanswered()),
        };
        let (head, body) = response.into_parts();
        let body = IncomingBody::new(body, Watchdog::new(timeouts.idle, end));
        if !head.status.is_success() {
            let response = Response::from_parts(head, body);
            let (fault, is_identity) = self.refused(response, correction).await;
            return Err(match (&request.credentials, is_identity) {
                (None, true) => self.doubt(fault, &credentials),
                (None, false) => fault,
                // The clock was wrong, which another attempt mends.
                (Some(_), false) if fault.class == ErrorClass::BadSignature => fault,
                (Some(_), _) => refusal::of_the_caller(fault),
            });
        }
        Ok(Incoming {
            status: head.status,
            request_id: request_id(&head.headers),
            headers: head.headers,
            body,
        })
    }

    /// The request as it goes out.
    fn prepare(
        &self,
        request: &Outbound,
        credentials: &Credentials,
    ) -> Result<Request<Full<Bytes>>, Fault> {
        let Outbound { service, method, path_and_query, headers, body, credentials: _ } = request;
        let endpoint = self.endpoints.of(*service);
        let target = endpoint.target(path_and_query)?;
        let mut headers = headers.clone();
        for name in WITHHELD {
            headers.remove(name);
        }
        headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(USER_AGENT));
        match credentials {
            Credentials::Bearer(token) => {
                headers.insert(header::AUTHORIZATION, token.authorization());
            }
            Credentials::Keys(keys) => {
                let path_and_query = target.path_and_query().map_or("/", |path| path.as_str());
                let request = Signable {
                    service: service.signing_name(),
                    method,
                    path_and_query,
                    host: endpoint.host(),
                    headers: &headers,
                    body,
                };
                headers.extend(signature(
                    &request,
                    keys,
                    self.endpoints.signing_region(*service),
                    self.clock.now(),
                )?);
            }
        }
        let mut signed = Request::new(Full::new(body.clone()));
        *signed.method_mut() = method.clone();
        *signed.uri_mut() = target;
        *signed.headers_mut() = headers;
        Ok(signed)
    }

    /// Reads why the service refused what was signed with `correction`, and whether it is about who asks.
    async fn refused(&self, response: Response<IncomingBody>, correction: i64) -> (Fault, bool) {
        let (headers, fault) = refusal::read(response).await;
        let is_identity = match fault.class {
            // A wrong clock is nobody's credentials; another request may have corrected it since.
            ErrorClass::BadSignature => {
                !self.correct_clock(&headers) && self.clock.correction() == correction
            }
            class => matches!(class, ErrorClass::BadCredentials | ErrorClass::ExpiredCredentials),
        };
        (fault, is_identity)
    }

    /// Has the gateway's own credentials fetched anew.
    fn doubt(&self, mut fault: Fault, used: &Credentials) -> Fault {
        if self.credentials.doubt(used) && fault.class == ErrorClass::BadCredentials {
            // What is fetched may have been replaced: that is expiry, which is worth another attempt.
            fault.class = ErrorClass::ExpiredCredentials;
        }
        fault
    }

    /// Whether the clock was wrong.
    fn correct_clock(&self, headers: &HeaderMap) -> bool {
        let corrected = date(headers).and_then(|theirs| self.clock.correct(theirs));
        if let Some(seconds) = corrected {
            tracing::warn!(
                seconds,
                "the clock differs from AWS's; signing with the corrected time from now on"
            );
        }
        corrected.is_some()
    }
}
