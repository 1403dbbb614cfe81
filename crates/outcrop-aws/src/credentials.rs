//! Who the gateway is to AWS, and where that comes from.
//!
//! 1. No value of this module can be printed: `Debug` and `Display` show where a secret came from,
//!    never the secret.
//! 2. A Bedrock API key wins over access keys when both are set, as in the AWS SDKs (boto3 1.44.5 and
//!    aws-config 1.13.0, observed 2026-11-21).
//! 3. Half a key pair is an error, not an absence.
//! 4. [`CredentialSource::current`] never waits for the network: a source that fetches its secrets
//!    keeps a fresh one at hand.

use std::fmt;

use aws_smithy_runtime_api::client::identity::Identity;
use http::HeaderValue;
use outcrop_model::Fault;

use crate::setup::{Lookup, SetupError, read};

/// The variable that holds a Bedrock API key; its name derives from the signing name `bedrock`.
pub const BEARER_TOKEN: &str = "AWS_BEARER_TOKEN_BEDROCK";
/// The variable that names an access key.
pub const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
/// The variable that holds the secret of an access key.
pub const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
/// The variable that holds the session token of a temporary access key.
pub const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// Where credentials come from. Sources that fetch and renew become further variants.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum CredentialSource {
    /// The same credentials for the life of the process.
    Static(Credentials),
}

/// One set of credentials, ready to use. Cheap to clone.
#[derive(Clone)]
pub enum Credentials {
    /// Requests are signed with an access key.
    Keys(AccessKeys),
    /// Requests carry a Bedrock API key.
    Bearer(BearerToken),
}

/// An access key with its secret and, for temporary keys, its session token.
#[derive(Clone)]
pub struct AccessKeys {
    /// First characters of the key id, enough to tell keys apart in a log.
    hint: String,
    /// What the signer reads; wiped from memory when the last clone goes.
    identity: Identity,
}

/// A Bedrock API key as the header that carries it.
#[derive(Clone)]
pub struct BearerToken {
    authorization: HeaderValue,
}

// === impl CredentialSource ===

impl CredentialSource {
    /// Reads the environment through `lookup`.
    ///
    /// # Errors
    /// When nothing is set, half of a pair is set, or a value cannot be a credential.
    pub fn from_env(lookup: Lookup<'_>) -> Result<Self, SetupError> {
        if let Some(token) = read(lookup, BEARER_TOKEN) {
            return Credentials::bearer(&token).map(Self::Static);
        }
        let pair = (read(lookup, ACCESS_KEY_ID), read(lookup, SECRET_ACCESS_KEY));
        match pair {
            (Some(id), Some(secret)) => {
                let token = read(lookup, SESSION_TOKEN);
                Credentials::keys(&id, &secret, token.as_deref()).map(Self::Static)
            }
            (Some(_), None) => {
                Err(SetupError::HalfPair { present: ACCESS_KEY_ID, missing: SECRET_ACCESS_KEY })
            }
            (None, Some(_)) => {
                Err(SetupError::HalfPair { present: SECRET_ACCESS_KEY, missing: ACCESS_KEY_ID })
            }
            (None, None) => Err(SetupError::MissingCredentials { tried: tried(lookup) }),
        }
    }

    /// The credentials to use now.
    ///
    /// # Errors
    /// When the source has none that are valid; static ones always have.
    pub fn current(&self) -> Result<Credentials, Fault> {
        match self {
            Self::Static(credentials) => Ok(credentials.clone()),
        }
    }
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static(credentials) => credentials.fmt(f),
        }
    }
}

// === impl Credentials ===

impl Credentials {
    /// An access key pair, with a session token for temporary keys.
    ///
    /// # Errors
    /// When a part is empty or holds a blank or a control character.
    pub fn keys(id: &str, secret: &str, session_token: Option<&str>) -> Result<Self, SetupError> {
        let id = usable(id, ACCESS_KEY_ID)?;
        let secret = usable(secret, SECRET_ACCESS_KEY)?;
        let token = session_token.map(|token| usable(token, SESSION_TOKEN)).transpose()?;
        let keys = aws_credential_types::Credentials::new(
            id,
            secret,
            token.map(str::to_owned),
            None,
            "outcrop",
        );
        Ok(Self::Keys(AccessKeys { hint: hint(id), identity: keys.into() }))
    }

    /// A Bedrock API key, long-term or short-term.
    ///
    /// # Errors
    /// When it is empty or holds a blank or a control character.
    pub fn bearer(token: &str) -> Result<Self, SetupError> {
        let token = usable(token, BEARER_TOKEN)?;
        let mut authorization = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| SetupError::UnusableSecret { name: BEARER_TOKEN })?;
        authorization.set_sensitive(true);
        Ok(Self::Bearer(BearerToken { authorization }))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({self})")
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(keys) => write!(f, "access key {}…", keys.hint),
            Self::Bearer(_) => f.write_str("Bedrock API key"),
        }
    }
}

// === impl AccessKeys ===

impl AccessKeys {
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }
}

// === impl BearerToken ===

impl BearerToken {
    /// The value of `Authorization`, marked as sensitive.
    pub(crate) fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }
}

// === helpers ===

/// `value` without blanks around it, refused if it is empty or cannot stand in a header.
fn usable<'a>(value: &'a str, name: &'static str) -> Result<&'a str, SetupError> {
    let value = value.trim();
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(SetupError::UnusableSecret { name });
    }
    Ok(value)
}

/// The first four characters of an access key id: its kind (`AKIA`, `ASIA`), nothing to guess from.
fn hint(id: &str) -> String {
    id.chars().take(4).collect()
}

fn tried(lookup: Lookup<'_>) -> Vec<String> {
    let mut tried = vec![
        format!("{BEARER_TOKEN} (not set)"),
        format!("{ACCESS_KEY_ID} and {SECRET_ACCESS_KEY} (not set)"),
    ];
    if read(lookup, SESSION_TOKEN).is_some() {
        tried.push(format!("{SESSION_TOKEN} (set, but useless without the two above)"));
    }
    tried
}
