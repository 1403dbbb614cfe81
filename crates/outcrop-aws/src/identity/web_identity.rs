//! A role for a token of an identity provider: IRSA, and whatever else writes such a file.
//!
//! The file is read at each fetch, and white space around the token is no error: AWS's own provider
//! would send the newline that most tools leave at the end of a file.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_config::profile::ProfileSet;
use aws_credential_types::Credentials;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityOutput;

use crate::identity::{secret_file, story};
use crate::setup::{Lookup, SetupError, read};

const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE_ARN: &str = "AWS_ROLE_ARN";
const ROLE_SESSION_NAME: &str = "AWS_ROLE_SESSION_NAME";
/// What stands in the account's audit log where nobody chose a name.
const SESSION_NAME: &str = "outcrop";

#[derive(Clone)]
pub(super) struct WebIdentity {
    token_file: PathBuf,
    role_arn: String,
    session_name: String,
}

// === impl WebIdentity ===

impl WebIdentity {
    pub(super) fn new(token_file: &Path, role_arn: &str, session_name: Option<&str>) -> Self {
        Self {
            token_file: token_file.to_owned(),
            role_arn: role_arn.to_owned(),
            session_name: session_name.unwrap_or(SESSION_NAME).to_owned(),
        }
    }

    /// What the variables say, or why they say nothing.
    pub(super) fn from_env(lookup: Lookup<'_>) -> Result<Result<Self, String>, SetupError> {
        match (read(lookup, TOKEN_FILE), read(lookup, ROLE_ARN)) {
            (Some(file), Some(role_arn)) => Ok(Ok(Self {
                token_file: file.into(),
                role_arn,
                session_name: read(lookup, ROLE_SESSION_NAME)
                    .unwrap_or_else(|| SESSION_NAME.to_owned()),
            })),
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
        Some(Self {
            token_file: profile.get("web_identity_token_file")?.into(),
            role_arn: profile.get("role_arn")?.to_owned(),
            session_name: profile.get("role_session_name").unwrap_or(SESSION_NAME).to_owned(),
        })
    }

    pub(super) async fn fetch(&self, sdk: &SdkConfig) -> Result<Credentials, String> {
        let token = secret_file(&self.token_file)?;
        let token = token.trim();
        if token.is_empty() {
            return Err(format!("{} holds no token", self.token_file.display()));
        }
        let answer = aws_sdk_sts::Client::new(sdk)
            .assume_role_with_web_identity()
            .role_arn(&self.role_arn)
            .role_session_name(&self.session_name)
            .web_identity_token(token)
            .send()
            .await
            .map_err(|error| story(&error))?;
        keys(answer, "web identity")
    }
}

/// A role's ARN is told to nobody.
impl std::fmt::Debug for WebIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebIdentity").field("token_file", &self.token_file).finish_non_exhaustive()
    }
}

// === helpers ===

/// What STS gave for a token; `source` is who asked.
pub(super) fn keys(
    answer: AssumeRoleWithWebIdentityOutput,
    source: &'static str,
) -> Result<Credentials, String> {
    let keys = answer.credentials.ok_or("STS answered without credentials")?;
    let end = SystemTime::try_from(keys.expiration).map_err(|error| error.to_string())?;
    let (id, secret) = (keys.access_key_id, keys.secret_access_key);
    Ok(Credentials::new(id, secret, Some(keys.session_token), Some(end), source))
}
