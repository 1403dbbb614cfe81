//! What an earlier run of `init` has written: its choices stand until others are made.

use std::path::Path;

use outcrop_config::{Backend, Identity, IdentitySource, Redacted, Secret};

use super::write::SETTINGS_FILE;
use crate::settings::{Settings, dotenv, edit, keys};

/// Choices that are written down.
#[derive(Debug)]
pub struct Earlier {
    pub identity: Identity,
    pub region: Option<String>,
    pub is_emulator: bool,
}

// === impl Earlier ===

impl Earlier {
    /// Those of a folder; `None` where there is no configuration, or one that cannot be read.
    pub fn of(folder: &Path) -> Option<Self> {
        let settings = Settings::load(Some(&folder.join("config.yaml")), None).ok()??;
        let Backend { identity, region, .. } = settings.chosen()?.clone();
        let text = std::fs::read_to_string(folder.join(SETTINGS_FILE)).unwrap_or_default();
        let is_on =
            |name: &String| edit::get(&text, &[name, "emulator"]).as_deref() == Some("true");
        Some(Self {
            identity: resolved(identity, &settings),
            region,
            is_emulator: keys::commands_with("emulator").iter().any(is_on),
        })
    }

    /// In a word, as `--auth` has them, and in a few.
    pub fn told(&self) -> (&'static str, String) {
        if let Some(role) = self.identity.roles.last() {
            return ("role", format!("role {}", role.arn));
        }
        match &self.identity.source {
            IdentitySource::Profile(profile) => ("profile", format!("profile {profile}")),
            IdentitySource::Keys { .. } => ("keys", "an access key".to_owned()),
            IdentitySource::ApiKey(_) => ("bearer", "a Bedrock API key".to_owned()),
            IdentitySource::Chain
            | IdentitySource::CredentialsFile { .. }
            | IdentitySource::WebIdentity { .. }
            | IdentitySource::Oidc(_) => ("chain", "as found".to_owned()),
        }
    }
}

/// With what `.env` says in it; where the environment says who is calling, it says it alone.
fn resolved(identity: Identity, settings: &Settings) -> Identity {
    let held = |secret: Secret| match secret {
        Secret::Env(name) => {
            Secret::Inline(Redacted::new(settings.variable(&name).unwrap_or_default()))
        }
        secret @ (Secret::File(_) | Secret::Inline(_)) => secret,
    };
    let source = match identity.source {
        _ if dotenv::says_who() => IdentitySource::Chain,
        IdentitySource::ApiKey(key) => IdentitySource::ApiKey(held(key)),
        IdentitySource::Keys { access_key_id, secret_access_key, session_token } => {
            let is_set = |secret: &Secret| match secret {
                Secret::Env(name) => settings.variable(name).is_some_and(|text| !text.is_empty()),
                Secret::File(_) | Secret::Inline(_) => true,
            };
            match is_set(&access_key_id) && is_set(&secret_access_key) {
                true => IdentitySource::Keys {
                    access_key_id: held(access_key_id),
                    secret_access_key: held(secret_access_key),
                    session_token: session_token.filter(is_set).map(held),
                },
                false => IdentitySource::Chain,
            }
        }
        source @ (IdentitySource::Chain
        | IdentitySource::Profile(_)
        | IdentitySource::CredentialsFile { .. }
        | IdentitySource::WebIdentity { .. }
        | IdentitySource::Oidc(_)) => source,
    };
    Identity { source, ..identity }
}
