//! Where requests go: the region, and a host for each of the services.
//!
//! 1. Precedence as in botocore, whose own resolver the tests compare with: flag, variable of the service,
//!    `AWS_ENDPOINT_URL`, the profile's `services` section, its `endpoint_url`, then the host that AWS's
//!    rules give (`catalog/endpoints.toml`). `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true` switches off all
//!    between the flag and the rules.
//! 2. A base path in a configured URL is kept, and the path of a request is appended to it byte for byte.
//! 3. The `host` header and the connection agree, port included.
//! 4. A host of AWS's that names a region is signed for that region, whatever region is set: no other
//!    signature could be right. The region of the runtime is that of the gateway.

mod region;
mod rules;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use outcrop_model::{ErrorClass, Fault, Phase};

pub use self::region::Region;
use self::rules::{Rules, Variant};
use crate::environment::Environment;
use crate::setup::{SetupError, read};

const IGNORE_CONFIGURED: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";
const USE_FIPS: &str = "AWS_USE_FIPS_ENDPOINT";
const USE_DUALSTACK: &str = "AWS_USE_DUALSTACK_ENDPOINT";
const FLAG: &str = "--endpoint-url";
const ANY_SERVICE: &str = "AWS_ENDPOINT_URL";

/// Which of AWS's hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// `bedrock-runtime`: inference.
    Runtime,
    /// `bedrock`: the control plane, which lists models and profiles.
    Control,
    /// `bedrock-agent`: of all that it does, telling the model of a prompt.
    Agent,
    /// `bedrock-agent-runtime`: of all that it does, reranking.
    AgentRuntime,
    /// `bedrock-mantle`: inference in the vendors' own APIs, under a signing name of its own.
    Mantle,
    /// `sts`: who one is, and roles to assume.
    Sts,
}

/// One base URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    authority: Authority,
    /// Empty, or `/…` without a slash at the end.
    base_path: String,
    host: HeaderValue,
    /// What requests are signed for: the region that the host names, else the one that is set for it.
    region: Option<Region>,
}

/// Region and base URLs, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    pub region: Region,
    pub runtime: Endpoint,
    pub control: Endpoint,
    pub agent: Endpoint,
    pub agent_runtime: Endpoint,
    pub mantle: Endpoint,
    pub sts: Endpoint,
}

/// What the operator asked for by flags.
#[derive(Debug, Clone, Copy, Default)]
pub struct EndpointWish<'a> {
    /// `--region`.
    pub region: Option<&'a str>,
    /// `--endpoint-url`: one host for all of Bedrock's services.
    pub endpoint_url: Option<&'a str>,
}

/// Which kind of host AWS's rules shall give, and whether what is configured counts.
struct Switches {
    fips: Option<&'static str>,
    dualstack: Option<&'static str>,
    ignore_configured: bool,
}

// === impl Service ===

impl Service {
    /// The name that requests are signed for.
    pub fn signing_name(self) -> &'static str {
        &Rules::built_in().service(self).signing_name
    }

    fn variable(self) -> &'static str {
        match self {
            Self::Runtime => "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
            Self::Control => "AWS_ENDPOINT_URL_BEDROCK",
            Self::Agent => "AWS_ENDPOINT_URL_BEDROCK_AGENT",
            Self::AgentRuntime => "AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME",
            Self::Mantle => "AWS_ENDPOINT_URL_BEDROCK_MANTLE",
            Self::Sts => "AWS_ENDPOINT_URL_STS",
        }
    }
}

// === impl Switches ===

impl Switches {
    fn read(environment: &Environment<'_>) -> Result<Self, SetupError> {
        let ignore = environment.switch(IGNORE_CONFIGURED, "ignore_configured_endpoint_urls")?;
        Ok(Self {
            fips: environment.switch(USE_FIPS, "use_fips_endpoint")?,
            dualstack: environment.switch(USE_DUALSTACK, "use_dualstack_endpoint")?,
            ignore_configured: ignore.is_some(),
        })
    }

    fn by_rule(&self, service: Service, region: &Region) -> Result<Endpoint, SetupError> {
        let variant = Variant { fips: self.fips.is_some(), dualstack: self.dualstack.is_some() };
        let host = Rules::built_in().host(service, region.as_str(), variant);
        Endpoint::parse(&format!("https://{host}"), "the region")
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
        let region = Rules::built_in().region_in(authority.host());
        let region = region.map(|region| Region::new(region, origin)).transpose()?;
        Ok(Self { scheme, authority, base_path, host, region })
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The `host` header: the port is named unless it is the scheme's own.
    pub fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// The region that requests are signed for, if the host names one or one was set for it.
    pub fn region(&self) -> Option<&Region> {
        self.region.as_ref()
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
    /// Resolves region and hosts from flags, variables and profile.
    ///
    /// # Errors
    /// When the region is missing or a value is malformed.
    pub fn resolve(
        wish: EndpointWish<'_>,
        environment: &Environment<'_>,
    ) -> Result<Self, SetupError> {
        let switches = Switches::read(environment)?;
        let told = Region::told(wish.region, environment)?;
        let of_runtime = configured(Service::Runtime, wish.endpoint_url, &switches, environment)?;
        let named = || of_runtime.as_ref().and_then(|endpoint| endpoint.region.clone());
        let here = told.or_else(named).ok_or(SetupError::MissingRegion)?;
        let of = |service| {
            let set = configured(service, wish.endpoint_url, &switches, environment)?;
            let mut endpoint = set.map_or_else(|| switches.by_rule(service, &here), Ok)?;
            endpoint.region.get_or_insert_with(|| here.clone());
            Ok(endpoint)
        };
        let runtime = of(Service::Runtime)?;
        let region = runtime.region.clone().unwrap_or_else(|| here.clone());
        let (control, mantle) = (of(Service::Control)?, of(Service::Mantle)?);
        let (agent, agent_runtime) = (of(Service::Agent)?, of(Service::AgentRuntime)?);
        let sts = of(Service::Sts)?;
        Ok(Self { region, runtime, control, agent, agent_runtime, mantle, sts })
    }

    /// All services at one base URL, such as the emulator's.
    pub fn single(region: Region, endpoint: Endpoint) -> Self {
        let [runtime, control, agent, agent_runtime, mantle] =
            std::array::from_fn(|_| endpoint.clone());
        Self { region, runtime, control, agent, agent_runtime, mantle, sts: endpoint }
    }

    /// Whether any connection to Bedrock is encrypted.
    pub fn any_tls(&self) -> bool {
        let Self { region: _, runtime, control, agent, agent_runtime, mantle, sts: _ } = self;
        [runtime, control, agent, agent_runtime, mantle].iter().any(|e| e.is_tls())
    }

    /// The endpoint of `service`.
    pub fn of(&self, service: Service) -> &Endpoint {
        match service {
            Service::Runtime => &self.runtime,
            Service::Control => &self.control,
            Service::Agent => &self.agent,
            Service::AgentRuntime => &self.agent_runtime,
            Service::Mantle => &self.mantle,
            Service::Sts => &self.sts,
        }
    }

    /// The region that requests to `service` are signed for.
    pub fn signing_region(&self, service: Service) -> &Region {
        self.of(service).region().unwrap_or(&self.region)
    }

    /// The partition in ARNs of what `service` serves.
    pub fn partition(&self, service: Service) -> &'static str {
        Rules::built_in().partition_id(self.signing_region(service).as_str())
    }
}

// === helpers ===

/// The URL that somebody wrote down for `service`.
fn configured(
    service: Service,
    flag: Option<&str>,
    switches: &Switches,
    environment: &Environment<'_>,
) -> Result<Option<Endpoint>, SetupError> {
    let Some((url, origin)) = written(service, flag, switches, environment)? else {
        return Ok(None);
    };
    if let Some(variant) = switches.fips.or(switches.dualstack) {
        return Err(SetupError::HostVariantWithEndpoint { variant, origin });
    }
    Endpoint::parse(&url, origin).map(Some)
}

fn written(
    service: Service,
    flag: Option<&str>,
    switches: &Switches,
    environment: &Environment<'_>,
) -> Result<Option<(String, &'static str)>, SetupError> {
    // The flag is about Bedrock; who answers there need not know STS.
    if let Some(url) = flag.filter(|_| service != Service::Sts) {
        return Ok(Some((url.to_owned(), FLAG)));
    }
    if switches.ignore_configured {
        return Ok(None);
    }
    let variables = [service.variable(), ANY_SERVICE];
    match variables.into_iter().find_map(|name| Some((read(environment.lookup(), name)?, name))) {
        Some(found) => Ok(Some(found)),
        None => environment.profile_endpoint(&Rules::built_in().service(service).id),
    }
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
