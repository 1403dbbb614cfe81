//! Backends: an account in a region, and who the gateway is there.

use std::path::PathBuf;
use std::time::Duration;

use outcrop_model::Carrier;

use crate::origin::Origin;
use crate::policy::AttemptTimeouts;
use crate::secret::Secret;

/// Among a backend's `endpoints`: all services that are not named themselves.
pub const ANY_SERVICE: &str = "*";

/// What else `endpoints` can name.
pub const SERVICES: [&str; 6] = [
    "bedrock_runtime",
    "bedrock",
    "bedrock_agent",
    "bedrock_agent_runtime",
    "bedrock_mantle",
    "sts",
];

/// One account in one region. Targets of routes name it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Backend {
    /// `None`: from the environment, as AWS's tools do.
    pub region: Option<String>,
    /// Where bedrock-runtime is; `None`: the environment's, else the region's own.
    pub endpoint: Option<String>,
    /// Where other services are, by the name of their `AWS_ENDPOINT_URL_…` variable in lower case
    /// (`bedrock`, `bedrock_mantle`, `sts`, …), or [`ANY_SERVICE`].
    pub endpoints: Vec<(String, String)>,
    pub identity: Identity,
    /// The one carrier to use.
    pub carrier: Option<Carrier>,
    /// `home`, `off` or a geography: whose inference profiles may stand in.
    pub geography: Option<String>,
    pub timeouts: AttemptTimeouts,
    /// PEM of further roots to trust.
    pub ca_bundle: Option<PathBuf>,
    /// Most requests in flight; more wait in a queue.
    pub max_concurrent: Option<u32>,
    /// Most requests that wait.
    pub max_queued: Option<u32>,
    /// First tokens that take more than so many times as long as usual let fewer be in flight.
    pub max_slowdown: Option<f64>,
    pub origin: Origin,
}

/// Who the gateway is to AWS.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Identity {
    pub source: IdentitySource,
    /// Roles assumed one after another, each with the credentials of the one before.
    pub roles: Vec<AssumeRole>,
    /// Short-term Bedrock API keys are made of the credentials, and sent instead of signatures.
    pub mint_api_keys: bool,
    /// Callers may bring credentials of their own.
    pub credential_headers: Option<CredentialHeaders>,
}

/// Where the first credentials come from.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum IdentitySource {
    /// Environment, shared files, web identity, container, instance: the first that is configured.
    #[default]
    Chain,
    /// This profile of the shared files.
    Profile(String),
    /// A key pair. Where both secrets resolve to nothing, the chain.
    Keys { access_key_id: Secret, secret_access_key: Secret, session_token: Option<Secret> },
    /// The text of a shared credentials file (INI), and the profile in it.
    CredentialsFile { text: Secret, profile: String },
    /// A Bedrock API key.
    ApiKey(Secret),
    /// A token in a file, exchanged for a session of the role.
    WebIdentity { token_file: PathBuf, role: AssumeRole },
    /// A token of an OIDC issuer, exchanged for a session of the role.
    Oidc(OidcExchange),
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq)]
pub struct AssumeRole {
    pub arn: String,
    pub external_id: Option<Secret>,
    pub session_name: Option<String>,
    /// 900 s to 12 h.
    pub duration: Option<Duration>,
    pub tags: Vec<(String, String)>,
    /// A policy in JSON that narrows the role's own.
    pub policy: Option<String>,
}

/// OAuth's client credentials, exchanged at STS.
#[derive(Debug, Clone, PartialEq)]
pub struct OidcExchange {
    pub issuer: String,
    /// `None`: from the issuer's discovery document.
    pub token_endpoint: Option<String>,
    pub client_id: String,
    pub client_secret: Secret,
    pub scopes: Vec<String>,
    /// Whom the token shall be for, for issuers that want to be told (parameter `audience`).
    pub audience: Option<String>,
    /// The same for issuers that follow RFC 8707 (parameter `resource`).
    pub resource: Option<String>,
    pub role: AssumeRole,
}

/// Headers in which a caller may bring AWS credentials of its own; they are never forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialHeaders {
    /// Before `access-key-id`, `secret-access-key`, `session-token`.
    pub prefix: String,
    pub without: Without,
}

/// What happens to a request that brings none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Without {
    /// The backend's own credentials are used.
    UseConfigured,
    Refuse,
}

// === impl Backend ===

impl Backend {
    /// All as the environment and the defaults have it.
    pub fn new(origin: Origin) -> Self {
        Self { origin, ..Self::default() }
    }
}

// === impl AssumeRole ===

impl AssumeRole {
    /// The role of this ARN, with nothing else asked for.
    pub fn of(arn: &str) -> Self {
        Self {
            arn: arn.to_owned(),
            external_id: None,
            session_name: None,
            duration: None,
            tags: Vec::new(),
            policy: None,
        }
    }
}
