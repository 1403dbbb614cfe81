//! A role for a token of an identity provider: IRSA, and whatever else writes such a file.
//!
//! The file is read at each fetch, and white space around the token is no error: AWS's own provider
//! would send the newline that most tools leave at the end of a file.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_config::profile::ProfileSet;
use aws_credential_types::Credentials;
use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::error::SdkError;
use aws_sdk_sts::operation::assume_role_with_web_identity::{
    AssumeRoleWithWebIdentityError, AssumeRoleWithWebIdentityOutput,
};

use crate::identity::{secret_file, story};
use crate::setup::{Lookup, SetupError, read};

const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE_ARN: &str = "AWS_ROLE_ARN";
const ROLE_SESSION_NAME: &str = "AWS_ROLE_SESSION_NAME";
/// What stands in the account's audit log where nobody chose a name.
const SESSION_NAME: &str = "outcrop";

#[derive(Debug, Clone)]
pub(super) struct WebIdentity {
    token_file: PathBuf,
    role: TokenRole,
}

/// A role to take for a token. STS takes neither an external id nor session tags with one
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>, 2026-11).
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRole {
    pub arn: String,
    /// `outcrop` if there is none: it stands in the account's audit log.
    pub session_name: Option<String>,
    /// 900 to 43200 seconds; STS takes an hour if there is none.
    pub session_length: Option<Duration>,
    /// A policy in JSON that narrows the role's own.
    pub policy: Option<String>,
}

/// How STS refuses a token.
pub(super) type Refusal = SdkError<AssumeRoleWithWebIdentityError, HttpResponse>;

// === impl TokenRole ===

impl TokenRole {
    fn of(arn: String, session_name: Option<String>) -> Self {
        Self { arn, session_name, session_length: None, policy: None }
    }

    /// Credentials of the role, in the name of `source`; or what STS says.
    pub(super) async fn assume(
        &self,
        token: &str,
        source: &'static str,
        sdk: &SdkConfig,
    ) -> Result<Result<Credentials, String>, Refusal> {
        let Self { arn, session_name, session_length, policy } = self;
        let seconds = session_length.and_then(|length| i32::try_from(length.as_secs()).ok());
        let answer = aws_sdk_sts::Client::new(sdk)
            .assume_role_with_web_identity()
            .role_arn(arn)
            .role_session_name(session_name.as_deref().unwrap_or(SESSION_NAME))
            .web_identity_token(token)
            .set_duration_seconds(seconds)
            .set_policy(policy.clone())
            .send()
            .await?;
        Ok(keys(answer, source))
    }
}

/// A role's ARN is told to nobody.
impl fmt::Debug for TokenRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arn: _, session_name, session_length, policy } = self;
        f.debug_struct("TokenRole")
            .field("session_name", &session_name.is_some())
            .field("session_length", session_length)
            .field("policy", &policy.is_some())
            .finish_non_exhaustive()
    }
}

// === impl WebIdentity ===

impl WebIdentity {
    pub(super) fn new(token_file: PathBuf, role: TokenRole) -> Self {
        Self { token_file, role }
    }

    /// What the variables say, or why they say nothing.
    pub(super) fn from_env(lookup: Lookup<'_>) -> Result<Result<Self, String>, SetupError> {
        match (read(lookup, TOKEN_FILE), read(lookup, ROLE_ARN)) {
            (Some(file), Some(arn)) => {
                let role = TokenRole::of(arn, read(lookup, ROLE_SESSION_NAME));
                Ok(Ok(Self::new(file.into(), role)))
            }
            (Some(_), None) => Err(SetupError::HalfPair { present: TOKEN_FILE, missing: ROLE_ARN }),
            // A role alone is what a deployment may set for other tools.
            (None, _) => Ok(Err(format!("{TOKEN_FILE} and {ROLE_ARN} (not set)"))),
        }
    }

    /// What the selected profile says, if it speaks of a token and of no other source.
    pub(super) fn from_profile(profile: &ProfileSet) -> Option<Self> {
        let others = ["source_profile", "credential_source", "aws_access_key_id"];
        if others.iter().any(|key| profile.get(key).is_some()) {
            return None;
        }
        let name = profile.get("role_session_name").map(str::to_owned);
        let role = TokenRole::of(profile.get("role_arn")?.to_owned(), name);
        Some(Self::new(profile.get("web_identity_token_file")?.into(), role))
    }

    pub(super) async fn fetch(&self, sdk: &SdkConfig) -> Result<Credentials, String> {
        let token = secret_file(&self.token_file)?;
        let token = token.trim();
        if token.is_empty() {
            return Err(format!("{} holds no token", self.token_file.display()));
        }
        let assumed = self.role.assume(token, "web identity", sdk).await;
        assumed.map_err(|error| story(&error))?
    }
}

// === helpers ===

/// What STS gave for a token; `source` is who asked.
fn keys(
    answer: AssumeRoleWithWebIdentityOutput,
    source: &'static str,
) -> Result<Credentials, String> {
    let keys = answer.credentials.ok_or("STS answered without credentials")?;
    let end = SystemTime::try_from(keys.expiration).map_err(|error| error.to_string())?;
    let (id, secret) = (keys.access_key_id, keys.secret_access_key);
    Ok(Credentials::new(id, secret, Some(keys.session_token), Some(end), source))
}
