//! Where requests go: the region, and a host for each of the services.
//!
//! 1. Precedence as in the AWS SDKs (botocore 1.44.5, checked 2026-11-21): flag, variable of the
//!    service, `AWS_ENDPOINT_URL`, then the host that the region's partition gives.
//!    `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true` switches off the two variables, not the flag.
//! 2. A base path in a configured URL is kept, and the path of a request is appended to it byte for byte.
//! 3. The `host` header and the connection agree, port included.

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use outcrop_model::{ErrorClass, Fault, Phase};

use crate::setup::{Lookup, SetupError, is_true, read};

/// Switches off the configured endpoint URLs of the environment.
const IGNORE_CONFIGURED: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";
const USE_FIPS: &str = "AWS_USE_FIPS_ENDPOINT";
const USE_DUALSTACK: &str = "AWS_USE_DUALSTACK_ENDPOINT";
const FLAG: &str = "--endpoint-url";
const ANY_SERVICE: &str = "AWS_ENDPOINT_URL";
/// A DNS label holds at most 63 characters, and the region is one.
const MAX_REGION: usize = 63;

/// A partition of AWS: which regions are in it, and its DNS suffixes.
struct Partition {
    region_prefix: &'static str,
    suffix: &'static str,
    dualstack_suffix: &'static str,
}

/// Source: endpoint ruleset and partitions in botocore 1.44.5 (checked 2026-11-21). The first prefix
/// that matches wins; the last row takes all the rest.
const PARTITIONS: &[Partition] = &[
    partition("us-gov-", "amazonaws.com", "api.aws"),
    partition("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    partition("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    partition("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    partition("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    partition("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    partition("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    COMMERCIAL,
];

const COMMERCIAL: Partition = partition("", "amazonaws.com", "api.aws");

/// Which of Bedrock's hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// `bedrock-runtime`: inference.
    Runtime,
    /// `bedrock`: the control plane, which lists models and profiles.
    Control,
    /// `bedrock-agent-runtime`: of all that it does, reranking.
    AgentRuntime,
    /// `bedrock-mantle`: inference in the vendors' own APIs, under a signing name of its own.
    Mantle,
}

/// An AWS region, of valid syntax; whether it exists is for DNS to say.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Region(String);

/// One base URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    authority: Authority,
    /// Empty, or `/…` without a slash at the end.
    base_path: String,
    host: HeaderValue,
}

/// Region and base URLs, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    pub region: Region,
    pub runtime: Endpoint,
    pub control: Endpoint,
    pub agent_runtime: Endpoint,
    pub mantle: Endpoint,
}

/// What the operator asked for by flags.
#[derive(Debug, Clone, Copy, Default)]
pub struct EndpointWish<'a> {
    /// `--region`.
    pub region: Option<&'a str>,
    /// `--endpoint-url`: one host for all services.
    pub endpoint_url: Option<&'a str>,
}

// === impl Service ===

impl Service {
    fn host_prefix(self) -> &'static str {
        match self {
            Self::Runtime => "bedrock-runtime",
            Self::Control => "bedrock",
            Self::AgentRuntime => "bedrock-agent-runtime",
            Self::Mantle => "bedrock-mantle",
        }
    }

    /// The name that requests are signed for (service models, botocore 1.44.5; for mantle the SDKs of
    /// OpenAI and Anthropic; checked 2026-11-21).
    pub fn signing_name(self) -> &'static str {
        match self {
            Self::Runtime | Self::Control | Self::AgentRuntime => "bedrock",
            Self::Mantle => "bedrock-mantle",
        }
    }

    fn variable(self) -> &'static str {
        match self {
            Self::Runtime => "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
            Self::Control => "AWS_ENDPOINT_URL_BEDROCK",
            Self::AgentRuntime => "AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME",
            Self::Mantle => "AWS_ENDPOINT_URL_BEDROCK_MANTLE",
        }
    }
}

// === impl Region ===

impl Region {
    /// Checks the syntax of `value`; `origin` is named in the error.
    ///
    /// # Errors
    /// [`SetupError::BadRegion`].
    pub fn new(value: &str, origin: &'static str) -> Result<Self, SetupError> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let well_formed = !value.is_empty()
            && value.len() <= MAX_REGION
            && value.bytes().all(legal)
            && !value.starts_with('-')
            && !value.ends_with('-');
        if !well_formed {
            return Err(SetupError::BadRegion { value: value.to_owned(), origin });
        }
        Ok(Self(value.to_owned()))
    }

    /// The flag if given, else `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    ///
    /// # Errors
    /// [`SetupError::MissingRegion`] or [`SetupError::BadRegion`].
    pub fn resolve(flag: Option<&str>, lookup: Lookup<'_>) -> Result<Self, SetupError> {
        if let Some(value) = flag {
            return Self::new(value.trim(), "--region");
        }
        for variable in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
            if let Some(value) = read(lookup, variable) {
                return Self::new(&value, variable);
            }
        }
        Err(SetupError::MissingRegion)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn partition(&self) -> &'static Partition {
        PARTITIONS.iter().find(|row| self.0.starts_with(row.region_prefix)).unwrap_or(&COMMERCIAL)
    }
}

// === impl Endpoint ===

impl Endpoint {
    /// Parses a base URL; `origin` is named in the error.
    ///
    /// # Errors
    /// [`SetupError::BadEndpoint`].
    pub fn parse(url: &str, origin: &'static str) -> Result<Self, SetupError> {
        let bad = |reason| SetupError::BadEndpoint { value: without_userinfo(url), origin, reason };
        let parts = url.trim().parse::<Uri>().map_err(|_| bad("it cannot be parsed"))?.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(bad("it needs http:// or https:// and a host"));
        };
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(bad("only http and https are known"));
        }
        if authority.as_str().contains('@') {
            return Err(bad("user names have no place in it"));
        }
        let path = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        if path.query().is_some() {
            return Err(bad("a query has no place in it"));
        }
        let host = HeaderValue::try_from(host_header(&scheme, &authority))
            .map_err(|_| bad("its host is not valid"))?;
        let base_path = path.path().trim_end_matches('/').to_owned();
        Ok(Self { scheme, authority, base_path, host })
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The `host` header: the port is named unless it is the scheme's own.
    pub fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// The whole target for a raw path and query, whose bytes stay as they are.
    ///
    /// # Errors
    /// [`ErrorClass::InvalidRequest`] if the path cannot stand in a request line.
    pub fn target(&self, path_and_query: &str) -> Result<Uri, Fault> {
        let joined = format!("{}{path_and_query}", self.base_path);
        let path = PathAndQuery::try_from(joined.as_str())
            .ok()
            // A parser that stops early (at `#`) or that edits would send another path than the one signed.
            .filter(|path| path_and_query.starts_with('/') && path.as_str() == joined)
            .ok_or_else(|| bad_path(&joined))?;
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path);
        uri.build().map_err(|_| bad_path(&joined))
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.base_path)
    }
}

// === impl Endpoints ===

impl Endpoints {
    /// Resolves region and hosts from flags and environment.
    ///
    /// # Errors
    /// When the region is missing or a value is malformed.
    pub fn resolve(wish: EndpointWish<'_>, lookup: Lookup<'_>) -> Result<Self, SetupError> {
        let region = Region::resolve(wish.region, lookup)?;
        let of = |service| resolve_service(service, &region, wish.endpoint_url, lookup);
        let (runtime, control) = (of(Service::Runtime)?, of(Service::Control)?);
        let (agent_runtime, mantle) = (of(Service::AgentRuntime)?, of(Service::Mantle)?);
        Ok(Self { region, runtime, control, agent_runtime, mantle })
    }

    /// All services at one base URL, such as the emulator's.
    pub fn single(region: Region, endpoint: Endpoint) -> Self {
        let (runtime, control) = (endpoint.clone(), endpoint.clone());
        Self { region, runtime, control, agent_runtime: endpoint.clone(), mantle: endpoint }
    }

    /// Whether any connection is encrypted.
    pub fn any_tls(&self) -> bool {
        let Self { region: _, runtime, control, agent_runtime, mantle } = self;
        [runtime, control, agent_runtime, mantle].iter().any(|e| e.is_tls())
    }

    /// The endpoint of `service`.
    pub fn of(&self, service: Service) -> &Endpoint {
        match service {
            Service::Runtime => &self.runtime,
            Service::Control => &self.control,
            Service::AgentRuntime => &self.agent_runtime,
            Service::Mantle => &self.mantle,
        }
    }
}

// === helpers ===

const fn partition(
    region_prefix: &'static str,
    suffix: &'static str,
    dualstack_suffix: &'static str,
) -> Partition {
    Partition { region_prefix, suffix, dualstack_suffix }
}

fn resolve_service(
    service: Service,
    region: &Region,
    flag: Option<&str>,
    lookup: Lookup<'_>,
) -> Result<Endpoint, SetupError> {
    let fips = is_true(lookup, USE_FIPS);
    let dualstack = is_true(lookup, USE_DUALSTACK);
    if let Some((url, origin)) = configured(service, flag, lookup) {
        for (asked, variable) in [(fips, USE_FIPS), (dualstack, USE_DUALSTACK)] {
            if asked {
                return Err(SetupError::HostVariantWithEndpoint { variable, origin });
            }
        }
        return Endpoint::parse(&url, origin);
    }
    let partition = region.partition();
    // Mantle has hosts under the newer suffix only.
    let suffix = match dualstack || service == Service::Mantle {
        true => partition.dualstack_suffix,
        false => partition.suffix,
    };
    let variant = if fips { "-fips" } else { "" };
    let url = format!("https://{}{variant}.{}.{suffix}", service.host_prefix(), region.as_str());
    Endpoint::parse(&url, "the region")
}

/// The URL that somebody wrote down for `service`, and where.
fn configured(
    service: Service,
    flag: Option<&str>,
    lookup: Lookup<'_>,
) -> Option<(String, &'static str)> {
    if let Some(url) = flag {
        return Some((url.to_owned(), FLAG));
    }
    if is_true(lookup, IGNORE_CONFIGURED) {
        return None;
    }
    [service.variable(), ANY_SERVICE].into_iter().find_map(|name| Some((read(lookup, name)?, name)))
}

fn host_header(scheme: &Scheme, authority: &Authority) -> String {
    let own_port = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    match authority.port_u16() {
        Some(port) if port != own_port => format!("{}:{port}", authority.host()),
        Some(_) | None => authority.host().to_owned(),
    }
}

/// `url` fit for an error message: a password before `@` is not shown.
fn without_userinfo(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => url.to_owned(),
    }
}

fn bad_path(path: &str) -> Fault {
    Fault::new(
        ErrorClass::InvalidRequest,
        Phase::BeforeSend,
        "the model id cannot stand in a request path",
    )
    .with_detail(format!("not a valid request path: {path:?}"))
}
