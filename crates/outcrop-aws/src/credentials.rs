//! Who the gateway is to AWS, and where that comes from.
//!
//! 1. No value of this module can be printed: `Debug` and `Display` show where a secret came from,
//!    never the secret.
//! 2. A Bedrock API key wins over access keys when both are set, as in the AWS SDKs (boto3 1.44.5 and
//!    aws-config 1.13.0, observed 2026-11-21).
//! 3. Half a key pair is an error, not an absence.
//! 4. [`CredentialSource::current`] does not wait for the network while valid credentials are at hand.

use std::borrow::Cow;
use std::fmt;

use aws_lc_rs::digest;
use aws_smithy_runtime_api::client::identity::Identity;
use http::HeaderValue;
use outcrop_model::Fault;

use crate::identity::{Keeper, Miss};
use crate::setup::SetupError;

/// The variable that holds a Bedrock API key; its name derives from the signing name `bedrock`.
pub const BEARER_TOKEN: &str = "AWS_BEARER_TOKEN_BEDROCK";
/// The variable that names an access key.
pub const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
/// The variable that holds the secret of an access key.
pub const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
/// The variable that holds the session token of a temporary access key.
pub const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// Where credentials come from.
#[derive(Debug, Clone)]
pub enum CredentialSource {
    /// The same credentials for the life of the process.
    Static(Credentials),
    /// Fetched, and renewed before they expire.
    Kept(Keeper),
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
    /// The account, where the source tells it.
    account: Option<String>,
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
    /// Fetches the first credentials, so that a wrong setup is known before the first request.
    ///
    /// # Errors
    /// When no source is configured or the one that is cannot give any.
    pub async fn begin(&self) -> Result<(), SetupError> {
        match self {
            Self::Static(_) => Ok(()),
            Self::Kept(keeper) => keeper.begin().await.map(drop).map_err(|miss| match miss {
                Miss::Nothing(tried) => SetupError::MissingCredentials { tried },
                Miss::Failed { source: from, reason } => {
                    SetupError::NoCredentialsFrom { from, reason }
                }
            }),
        }
    }

    /// The credentials to use now.
    ///
    /// # Errors
    /// When the source has none that are valid; static ones always have.
    pub async fn current(&self) -> Result<Credentials, Fault> {
        match self {
            Self::Static(credentials) => Ok(credentials.clone()),
            Self::Kept(keeper) => keeper.current().await,
        }
    }

    /// Notes that AWS refused `used`. Returns whether others may be had before the next use.
    pub fn doubt(&self, used: &Credentials) -> bool {
        match self {
            Self::Static(_) => false,
            Self::Kept(keeper) => {
                keeper.doubt(used);
                true
            }
        }
    }
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static(credentials) => credentials.fmt(f),
            Self::Kept(keeper) => keeper.fmt(f),
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
        Ok(Self::Keys(AccessKeys { hint: hint(id), account: None, identity: keys.into() }))
    }

    /// What a provider gave.
    pub(crate) fn from_keys(keys: aws_credential_types::Credentials) -> Result<Self, SetupError> {
        let (id, secret) = (keys.access_key_id(), keys.secret_access_key());
        let mut credentials = Self::keys(id, secret, keys.session_token())?;
        if let Self::Keys(ours) = &mut credentials {
            ours.account = keys.account_id().map(|id| id.as_str().to_owned());
        }
        Ok(credentials)
    }

    /// What tells the account of these credentials from others, for hashing only: the account where it
    /// is known, else the key.
    pub(crate) fn whose(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Keys(AccessKeys { account: Some(account), .. }) => account.as_bytes().into(),
            Self::Keys(keys) => {
                let id = keys.secrets().map(|keys| keys.access_key_id().as_bytes());
                id.unwrap_or_default().into()
            }
            Self::Bearer(token) => token.authorization.as_bytes().into(),
        }
    }

    /// A digest that differs for other accounts; it tells nothing of what went into it.
    pub fn digest(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, &self.whose()).as_ref().to_vec()
    }

    /// Whether both are the same secrets.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Keys(one), Self::Keys(other)) => one.secrets() == other.secrets(),
            (Self::Bearer(one), Self::Bearer(other)) => one.authorization == other.authorization,
            (Self::Keys(_), Self::Bearer(_)) | (Self::Bearer(_), Self::Keys(_)) => false,
        }
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

    fn secrets(&self) -> Option<&aws_credential_types::Credentials> {
        self.identity.data()
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
