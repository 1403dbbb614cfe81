//! Backends as they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AttemptTimeouts, CarrierWord, DurationText, Secret, is_default};
use crate::front::outcrop::short::{Brief, Many, SECRET, Short, Table};

/// An account in a region. A text is the region.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Backend {
    /// AWS region. Without it: AWS's environment.
    #[serde(skip_serializing_if = "is_default")]
    pub region: Option<String>,
    /// Where bedrock-runtime is. Without it: AWS's environment, then the region's own host.
    #[serde(skip_serializing_if = "is_default")]
    pub endpoint: Option<String>,
    /// Where other services are, by the end of their `AWS_ENDPOINT_URL_…` variable in lower case
    /// (`bedrock`, `bedrock_mantle`, `sts`, …).
    #[serde(skip_serializing_if = "is_default")]
    pub endpoints: Table<String>,
    /// Who the gateway is there. Without it: AWS's default chain.
    #[serde(skip_serializing_if = "is_default")]
    pub identity: Option<Identity>,
    /// The one of Bedrock's APIs to use.
    #[serde(skip_serializing_if = "is_default")]
    pub carrier: Option<CarrierWord>,
    /// Whose inference profiles may stand in for a model: `home`, `off` or a geography such as `us`, `eu`
    /// or `global`.
    #[serde(skip_serializing_if = "is_default")]
    pub geography: Option<String>,
    /// How long to wait for what, in one attempt.
    #[serde(skip_serializing_if = "is_default")]
    pub timeouts: AttemptTimeouts,
    /// PEM file of further roots to trust.
    #[serde(skip_serializing_if = "is_default")]
    pub ca_bundle: Option<String>,
    /// Most requests in flight; more wait in a queue.
    #[serde(skip_serializing_if = "is_default")]
    pub max_concurrent: Option<u32>,
    /// Most requests that wait; more are refused.
    #[serde(skip_serializing_if = "is_default")]
    pub max_queued: Option<u32>,
    /// Fewer are in flight while even the quickest streams begin more than so many times as late as usual, such
    /// as `3`. For capacity of one's own; without it pace is no sign.
    #[serde(skip_serializing_if = "is_default")]
    pub max_slowdown: Option<f64>,
}

/// Who the gateway is to AWS: at most one of `profile`, `keys`, `credentials_file`, `api_key`,
/// `web_identity` and `oidc`; with none of them AWS's default chain.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Identity {
    /// This profile of AWS's shared files.
    #[serde(skip_serializing_if = "is_default")]
    pub profile: Option<String>,
    /// An access key. Where its secrets are unset, the default chain.
    #[serde(skip_serializing_if = "is_default")]
    pub keys: Option<KeyPair>,
    /// The text of a shared credentials file.
    #[serde(skip_serializing_if = "is_default")]
    pub credentials_file: Option<Short<CredentialsFile>>,
    /// A Bedrock API key.
    #[serde(skip_serializing_if = "is_default")]
    pub api_key: Option<Short<Secret>>,
    /// A token in a file, exchanged for a session of a role.
    #[serde(skip_serializing_if = "is_default")]
    pub web_identity: Option<WebIdentity>,
    /// A token of an OIDC issuer, exchanged for a session of a role.
    #[serde(skip_serializing_if = "is_default")]
    pub oidc: Option<Oidc>,
    /// Roles assumed one after another, each with the credentials of the one before.
    #[serde(skip_serializing_if = "is_default")]
    pub roles: Many<Short<Role>>,
    /// Make short-term Bedrock API keys of the credentials, and send them instead of signatures.
    #[serde(skip_serializing_if = "is_default")]
    pub mint_api_keys: bool,
    /// Callers may bring AWS credentials of their own, in headers.
    #[serde(skip_serializing_if = "is_default")]
    pub credential_headers: Option<Short<CredentialHeaders>>,
}

/// An AWS access key.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyPair {
    /// `AKIA…` or `ASIA…`
    pub access_key_id: Short<Secret>,
    /// Its secret.
    pub secret_access_key: Short<Secret>,
    /// With temporary credentials.
    #[serde(default, skip_serializing_if = "is_default")]
    pub session_token: Option<Short<Secret>>,
}

/// A shared credentials file. A text is the file's own text.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialsFile {
    /// Its text (INI); `{file: PATH}` reads it.
    pub text: Short<Secret>,
    /// The profile in it. Without it: `default`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub profile: Option<String>,
}

/// Web identity, as Kubernetes gives it to pods.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebIdentity {
    /// File of the token.
    pub token_file: String,
    /// The role.
    pub role: Short<Role>,
}

/// OAuth's client credentials, exchanged at STS.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// Address of the issuer.
    pub issuer: String,
    /// Without it: from the issuer's discovery document.
    #[serde(default, skip_serializing_if = "is_default")]
    pub token_endpoint: Option<String>,
    /// Who the gateway is to the issuer.
    pub client_id: String,
    /// Its secret there.
    pub client_secret: Short<Secret>,
    /// Scopes to ask for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scopes: Many<String>,
    /// Whom the token shall be for, for issuers that want to be told (parameter `audience`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub audience: Option<String>,
    /// The same for issuers that follow RFC 8707 (parameter `resource`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub resource: Option<String>,
    /// The role.
    pub role: Short<Role>,
}

/// A role to assume. A text is its ARN.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// What the account that owns the role asks for. Not with a token (`web_identity`, `oidc`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub external_id: Option<Short<Secret>>,
    /// Name of the session, in AWS's logs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub session_name: Option<String>,
    /// How long a session lasts, 15m to 12h.
    #[serde(default, skip_serializing_if = "is_default")]
    pub duration: Option<DurationText>,
    /// Session tags. Not with a token (`web_identity`, `oidc`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub tags: Table<String>,
    /// A policy in JSON that narrows the role's own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub policy: Option<String>,
}

/// Headers of callers' own credentials. A text is the prefix.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialHeaders {
    /// What stands before `access-key-id`, `secret-access-key` and `session-token`.
    pub prefix: String,
    /// What happens to a request that brings none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub without: Without,
}

/// What happens to a request that brings no credentials.
#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Without {
    /// It is sent with the gateway's.
    #[default]
    UseConfigured,
    /// It is refused.
    Refuse,
}

impl Brief for Backend {
    const TEXT: &'static str = "The region.";
    const MAY_BE_NULL: bool = true;

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self { region: Some(text.to_owned()), ..Self::default() })
    }

    fn as_text(&self) -> Option<String> {
        let region = self.region.clone()?;
        (*self == Self { region: Some(region.clone()), ..Self::default() }).then_some(region)
    }
}

impl Brief for CredentialsFile {
    const TEXT: &'static str = "The file's text.";
    const FORM: &'static str = SECRET;

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self { text: Short(Secret::Inline(text.to_owned())), profile: None })
    }

    /// Printed secrets always say what they are.
    fn as_text(&self) -> Option<String> {
        None
    }
}

impl Brief for Role {
    const TEXT: &'static str = "Its ARN.";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self { arn: text.to_owned(), ..Self::default() })
    }

    fn as_text(&self) -> Option<String> {
        (*self == Self { arn: self.arn.clone(), ..Self::default() }).then(|| self.arn.clone())
    }
}

impl Brief for CredentialHeaders {
    const TEXT: &'static str = "The prefix.";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self { prefix: text.to_owned(), without: Without::UseConfigured })
    }

    fn as_text(&self) -> Option<String> {
        (self.without == Without::UseConfigured).then(|| self.prefix.clone())
    }
}
