//! Credentials that a configuration gives: texts of its own, or files that may change.
//!
//! 1. Files are read at each fetch.
//! 2. Neither `Debug` nor an error holds what a text says, only where it is from.

use std::fmt;
use std::path::PathBuf;

use aws_config::SdkConfig;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials as Keys;
use aws_credential_types::provider::ProvideCredentials;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};

use crate::credentials::Credentials;
use crate::identity::chain::story;
use crate::identity::secret_file;
use crate::identity::web_identity::{TokenRole, WebIdentity};

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Text {
    Value(String),
    /// Read anew at each use.
    File(PathBuf),
}

/// Access keys that are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    Keys {
        id: Text,
        secret: Text,
        session_token: Option<Text>,
    },
    /// A role for the token in a file.
    WebIdentity {
        token_file: PathBuf,
        role: TokenRole,
    },
    /// A shared credentials file, and the profile in it.
    Shared {
        text: Text,
        profile: String,
    },
}

// === impl Text ===

impl Text {
    pub(super) fn read(&self) -> Result<String, String> {
        match self {
            Self::Value(text) => Ok(text.clone()),
            Self::File(path) => secret_file(path),
        }
    }

    /// The text without blanks around it; `None` when nothing is left.
    fn word(&self) -> Result<Option<String>, String> {
        let text = self.read()?;
        let word = text.trim();
        Ok((!word.is_empty()).then(|| word.to_owned()))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(_) => f.write_str("[redacted]"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

// === impl Given ===

impl Given {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Keys { .. } => "configured access keys",
            Self::WebIdentity { .. } => "web identity",
            Self::Shared { .. } => "configured credentials file",
        }
    }

    /// Keys whose texts never change; those that cannot be used are told by the fetch.
    pub(super) fn fixed(&self) -> Option<Credentials> {
        let Self::Keys { id: Text::Value(id), secret: Text::Value(secret), session_token } = self
        else {
            return None;
        };
        let token = match session_token {
            None => None,
            Some(Text::Value(token)) => Some(token.as_str()),
            Some(Text::File(_)) => return None,
        };
        Credentials::keys(id, secret, token.filter(|token| !token.trim().is_empty())).ok()
    }

    pub(super) async fn fetch(
        &self,
        config: &ProviderConfig,
        sts: &SdkConfig,
    ) -> Result<Keys, String> {
        match self {
            Self::Keys { id, secret, session_token } => {
                let (Some(id), Some(secret)) = (id.word()?, secret.word()?) else {
                    return Err("the access key id or its secret is empty".to_owned());
                };
                let token = match session_token {
                    Some(token) => token.word()?,
                    None => None,
                };
                Ok(Keys::new(id, secret, token, None, "configuration"))
            }
            Self::WebIdentity { token_file, role } => {
                WebIdentity::new(token_file.clone(), role.clone()).fetch(sts).await
            }
            Self::Shared { text, profile } => {
                let files = EnvConfigFiles::builder()
                    .with_contents(EnvConfigFileKind::Config, "")
                    .with_contents(EnvConfigFileKind::Credentials, text.read()?)
                    .build();
                let provider = ProfileFileCredentialsProvider::builder()
                    .configure(config)
                    .profile_files(files)
                    .profile_name(profile)
                    .build();
                provider.provide_credentials().await.map_err(|error| story(&error))
            }
        }
    }
}
