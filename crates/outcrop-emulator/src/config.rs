//! What an emulator is told before it starts.
//!
//! [`Config::default`] is the set-up every example uses: one key pair, one long-term API key, any
//! region, plain HTTP, the automatic engine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::access::Access;
use crate::cassette::Cassette;
use crate::engine::Engine;
use crate::identity::{OidcIssuer, Role};

/// The access key id of AWS's own documentation examples.
pub const EXAMPLE_ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
/// The secret that belongs to [`EXAMPLE_ACCESS_KEY_ID`].
pub const EXAMPLE_SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// A long-term Bedrock API key: `ABSK` and the base64 of `BedrockAPIKey-example-at-000000000000:example-secret`.
pub const EXAMPLE_API_KEY: &str =
    "ABSKQmVkcm9ja0FQSUtleS1leGFtcGxlLWF0LTAwMDAwMDAwMDAwMDpleGFtcGxlLXNlY3JldA==";
/// The region named in [`crate::Emulator::env_lines`] when none is configured.
pub const EXAMPLE_REGION: &str = "us-east-1";
/// The account that owns what the emulator knows besides foundation models.
pub const EXAMPLE_ACCOUNT: &str = "123456789012";
/// The role that may be assumed, and that containers and instances have, unless others are configured.
pub const EXAMPLE_ROLE: &str = "arn:aws:iam::123456789012:role/example";

/// A client of the OIDC issuer.
pub const EXAMPLE_OIDC_CLIENT: &str = "example-client";
/// The secret that belongs to [`EXAMPLE_OIDC_CLIENT`].
pub const EXAMPLE_OIDC_SECRET: &str = "example:client+secret/100%";

/// Everything an [`crate::Emulator`] can be told.
#[derive(Debug, Clone)]
pub struct Config {
    pub access_keys: Vec<AccessKey>,
    /// Long-term Bedrock API keys, accepted verbatim as `Authorization: Bearer`.
    pub api_keys: Vec<String>,
    /// The only region a signature may be scoped to; any syntactically valid one when `None`.
    pub region: Option<String>,
    pub tls: Option<Tls>,
    /// Answers every request that does not choose an engine itself.
    pub engine: Engine,
    /// Foundation model ids the account has no access to (403).
    pub denied_models: Vec<String>,
    /// What an access key id, a role's ARN or an API key may do; everything if it is not here.
    pub access: BTreeMap<String, Access>,
    /// Roles that STS and the SSO portal know; the first is that of containers and instances.
    pub roles: Vec<Role>,
    /// The issuer of web identity tokens.
    pub oidc: OidcIssuer,
    /// What the account owns besides the built-in: (ARN, the model or system profile behind it). The ARN
    /// says what it is: an application profile, provisioned throughput, a deployment of a custom model,
    /// an imported model, a prompt or a prompt router.
    pub owned: Vec<(String, String)>,
    /// When set, every answer is replayed from here and no engine is asked.
    pub cassette: Option<Arc<Cassette>>,
}

/// A key pair the emulator accepts signatures of.
#[derive(Clone)]
pub struct AccessKey {
    pub id: String,
    pub secret: String,
    /// Must be sent as `x-amz-security-token` when set, and must not be sent when `None`.
    pub session_token: Option<String>,
    /// From then on the key is answered with `ExpiredTokenException`.
    pub expires_at: Option<SystemTime>,
}

/// How the TLS listener is set up: it makes its own authority and certificate at each start.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Where the authority's PEM is written, for `AWS_CA_BUNDLE` and `SSL_CERT_FILE`.
    pub ca_file: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            access_keys: vec![AccessKey::new(EXAMPLE_ACCESS_KEY_ID, EXAMPLE_SECRET_ACCESS_KEY)],
            api_keys: vec![EXAMPLE_API_KEY.to_owned()],
            region: None,
            tls: None,
            engine: Engine::default(),
            denied_models: Vec::new(),
            access: BTreeMap::new(),
            roles: vec![Role::new(EXAMPLE_ROLE)],
            oidc: OidcIssuer::default(),
            owned: Vec::new(),
            cassette: None,
        }
    }
}

impl AccessKey {
    /// A long-term key pair.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { id: id.into(), secret: secret.into(), session_token: None, expires_at: None }
    }

    /// The same pair as temporary credentials.
    #[must_use]
    pub fn with_session_token(mut self, token: impl Into<String>) -> Self {
        self.session_token = Some(token.into());
        self
    }

    /// The same pair, refused as expired from `at` on.
    #[must_use]
    pub fn expiring_at(mut self, at: SystemTime) -> Self {
        self.expires_at = Some(at);
        self
    }
}

impl std::str::FromStr for AccessKey {
    type Err = String;

    /// Reads `ID:SECRET` or `ID:SECRET:SESSION_TOKEN`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut fields = text.splitn(3, ':');
        let mut field = || fields.next().filter(|field| !field.is_empty());
        match (field(), field(), field()) {
            (Some(id), Some(secret), token) => {
                Ok(Self { session_token: token.map(str::to_owned), ..Self::new(id, secret) })
            }
            _ => Err("an access key is ID:SECRET or ID:SECRET:SESSION_TOKEN".to_owned()),
        }
    }
}

impl std::fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_keys_are_read_from_text_and_never_shown() {
        let key: AccessKey = "AKID:se/cret:tok:en".parse().unwrap();
        assert_eq!((key.id.as_str(), key.secret.as_str()), ("AKID", "se/cret"));
        assert_eq!(key.session_token.as_deref(), Some("tok:en"));
        assert!(!format!("{key:?}").contains("cret"));
        assert!("AKID".parse::<AccessKey>().is_err());
    }
}
