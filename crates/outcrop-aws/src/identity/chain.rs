//! The sources of access keys in their order, and a role to assume with what they give.
//!
//! Profiles, web identity, instance metadata and roles are read and fetched by `aws-config`; what it
//! keeps for the life of a provider would miss a changed file, so each fetch builds its providers anew.

use std::error::Error;
use std::path::PathBuf;

use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::{self, ProfileFileCredentialsProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider};
use aws_config::{BehaviorVersion, SdkConfig, imds};
use aws_credential_types::Credentials as Keys;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_types::os_shim_internal::{Env, Fs};
use outcrop_model::scrub::scrub;

use crate::clock::Clock;
use crate::credentials::{ACCESS_KEY_ID, Credentials, SECRET_ACCESS_KEY, SESSION_TOKEN};
use crate::identity::container::Container;
use crate::identity::http::Wire;
use crate::identity::keeper::{Fetch, Fetched, Fetching, Miss};
use crate::identity::{IdentityWish, Oidc, Role, Surroundings};
use crate::setup::{Lookup, SetupError, is_true, read};

const PROFILE: &str = "AWS_PROFILE";
const CONFIG_FILE: &str = "AWS_CONFIG_FILE";
const CREDENTIALS_FILE: &str = "AWS_SHARED_CREDENTIALS_FILE";
const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE_ARN: &str = "AWS_ROLE_ARN";
const ROLE_SESSION_NAME: &str = "AWS_ROLE_SESSION_NAME";
const IMDS_DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
const IMDS_ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const STS_ENDPOINT: &str = "AWS_ENDPOINT_URL_STS";
const ANY_ENDPOINT: &str = "AWS_ENDPOINT_URL";
const IGNORE_CONFIGURED: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";
/// Longest text of a foreign error.
const MAX_STORY: usize = 600;

/// Where access keys come from.
#[derive(Debug)]
pub(super) struct Chain {
    sources: Vec<Source>,
    /// What was looked for in vain before anything is fetched.
    absent: Vec<String>,
    role: Option<Role>,
    sts_endpoint: Option<String>,
    region: String,
    wire: Wire,
    clock: Clock,
}

#[derive(Debug)]
enum Source {
    Oidc(Oidc),
    Environment(Credentials, Keys),
    Profile { name: String, is_named: bool, files: Vec<(EnvConfigFileKind, PathBuf)> },
    WebIdentity(StaticConfiguration),
    Container(Container),
    Metadata { endpoint: Option<String> },
}

// === impl Chain ===

impl Chain {
    pub(super) fn new(
        wish: &IdentityWish,
        around: &Surroundings<'_>,
        lookup: Lookup<'_>,
    ) -> Result<Self, SetupError> {
        let sts_endpoint = match is_true(lookup, IGNORE_CONFIGURED) {
            true => None,
            false => read(lookup, STS_ENDPOINT).or_else(|| read(lookup, ANY_ENDPOINT)),
        };
        let mut chain = Self {
            sources: Vec::new(),
            absent: Vec::new(),
            role: wish.role.clone(),
            sts_endpoint,
            region: around.region.as_str().to_owned(),
            wire: Wire::new(around.extra_roots.clone()),
            clock: around.clock.clone(),
        };
        match (&wish.oidc, wish.profile.as_deref()) {
            (Some(oidc), _) => chain.sources.push(Source::Oidc(oidc.clone())),
            (None, Some(name)) => chain.sources.push(Source::profile(Some(name), lookup)),
            (None, None) => chain.look_around(lookup)?,
        }
        Ok(chain)
    }

    /// All that the environment speaks of, in order.
    fn look_around(&mut self, lookup: Lookup<'_>) -> Result<(), SetupError> {
        match environment(lookup)? {
            Some(source) => {
                self.sources.push(source);
                return Ok(());
            }
            None => self.absent.extend(missing_keys(lookup)),
        }
        self.sources.push(Source::profile(read(lookup, PROFILE).as_deref(), lookup));
        match web_identity(lookup)? {
            Some(source) => self.sources.push(source),
            None => self.absent.push(format!("{TOKEN_FILE} and {ROLE_ARN} (not set)")),
        }
        match Container::from_env(lookup).map_err(SetupError::BadContainer)? {
            Some(container) => self.sources.push(Source::Container(container)),
            None => self.absent.push("container credentials (not set)".to_owned()),
        }
        match is_true(lookup, IMDS_DISABLED) {
            true => self.absent.push(format!("instance metadata (off by {IMDS_DISABLED})")),
            false => {
                self.sources.push(Source::Metadata { endpoint: read(lookup, IMDS_ENDPOINT) });
            }
        }
        Ok(())
    }

    /// The credentials, if they need no fetching and never change.
    pub(super) fn fixed(&self) -> Option<Credentials> {
        match (self.sources.as_slice(), &self.role) {
            ([Source::Environment(credentials, _)], None) => Some(credentials.clone()),
            _ => None,
        }
    }

    async fn keys(&self) -> Result<Keys, Miss> {
        let config = ProviderConfig::empty()
            .with_http_client(self.wire.clone())
            .with_time_source(self.clock.clone())
            .with_sleep_impl(TokioSleep::new())
            .with_region(Some(aws_types::region::Region::new(self.region.clone())));
        let mut tried = self.absent.clone();
        for source in &self.sources {
            match source.fetch(&config, self).await {
                Ok(keys) => return self.assume(keys).await,
                Err(Outcome::Absent(reason)) => tried.push(format!("{} ({reason})", source.name())),
                Err(Outcome::Failed(reason)) => {
                    return Err(Miss::Failed { source: source.name(), reason });
                }
            }
        }
        Err(Miss::Nothing(tried))
    }

    async fn assume(&self, keys: Keys) -> Result<Keys, Miss> {
        let Some(role) = &self.role else { return Ok(keys) };
        let assumed = role.provider(keys, &self.sts()).await.provide_credentials().await;
        assumed.map_err(|error| Miss::Failed { source: "assumed role", reason: story(&error) })
    }

    /// How STS is called.
    fn sts(&self) -> SdkConfig {
        let mut sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.wire.clone())
            .time_source(self.clock.clone())
            .sleep_impl(TokioSleep::new())
            .region(aws_types::region::Region::new(self.region.clone()));
        sdk.set_endpoint_url(self.sts_endpoint.clone());
        sdk.build()
    }
}

impl Fetch for Chain {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(async {
            let keys = self.keys().await?;
            let expires_at = keys.expiry();
            let credentials = Credentials::from_keys(keys).map_err(|error| Miss::Failed {
                source: "credentials",
                reason: error.to_string(),
            })?;
            Ok(Fetched { credentials, expires_at })
        })
    }
}

/// How a source came to give nothing.
enum Outcome {
    /// It is not configured: the next one is asked.
    Absent(String),
    Failed(String),
}

// === impl Source ===

impl Source {
    fn profile(name: Option<&str>, lookup: Lookup<'_>) -> Self {
        let mut files = Vec::new();
        let places = [
            (EnvConfigFileKind::Config, CONFIG_FILE, "config"),
            (EnvConfigFileKind::Credentials, CREDENTIALS_FILE, "credentials"),
        ];
        for (kind, variable, default) in places {
            if let Some(path) =
                read(lookup, variable).map(PathBuf::from).or_else(|| home(lookup, default))
            {
                files.push((kind, path));
            }
        }
        Self::Profile {
            name: name.unwrap_or("default").to_owned(),
            is_named: name.is_some(),
            files,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Oidc(_) => "OIDC issuer",
            Self::Environment(..) => "environment",
            Self::Profile { .. } => "profile",
            Self::WebIdentity(_) => "web identity",
            Self::Container(_) => "container",
            Self::Metadata { .. } => "instance metadata",
        }
    }

    async fn fetch(&self, config: &ProviderConfig, chain: &Chain) -> Result<Keys, Outcome> {
        match self {
            Self::Oidc(oidc) => {
                oidc.fetch(&chain.wire, &chain.sts()).await.map_err(Outcome::Failed)
            }
            Self::Environment(_, keys) => Ok(keys.clone()),
            Self::Profile { name, is_named, files } => {
                let files = existing(files);
                // The provider tells that a file is malformed, but not where.
                profile::load(&Fs::real(), &Env::real(), &files, None)
                    .await
                    .map_err(|error| Outcome::Failed(story(&error)))?;
                let provider = ProfileFileCredentialsProvider::builder()
                    .configure(config)
                    .profile_files(files)
                    .profile_name(name)
                    .build();
                let outcome = provider.provide_credentials().await.map_err(sorted);
                outcome.map_err(|outcome| match outcome {
                    Outcome::Absent(reason) if *is_named => {
                        Outcome::Failed(format!("{name}: {reason}"))
                    }
                    other => other,
                })
            }
            Self::WebIdentity(settings) => {
                let provider = WebIdentityTokenCredentialsProvider::builder()
                    .configure(config)
                    .static_configuration(settings.clone())
                    .build();
                provider.provide_credentials().await.map_err(sorted)
            }
            Self::Container(container) => {
                container.fetch(&chain.wire).await.map_err(Outcome::Failed)
            }
            Self::Metadata { endpoint: Some(endpoint) } => metadata(Some(endpoint), config).await,
            Self::Metadata { endpoint: None } => {
                let keys = metadata(None, config).await;
                // Nobody said that this is an instance, so it may be none.
                keys.map_err(|outcome| match outcome {
                    Outcome::Failed(reason) | Outcome::Absent(reason) => Outcome::Absent(reason),
                })
            }
        }
    }
}

// === helpers ===

/// The files that are there now; `aws-config` insists on at least one, and none may be.
fn existing(files: &[(EnvConfigFileKind, PathBuf)]) -> EnvConfigFiles {
    let mut builder = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, "");
    for (kind, path) in files.iter().filter(|(_, path)| path.is_file()) {
        builder = builder.with_file(*kind, path);
    }
    builder.build()
}

async fn metadata(endpoint: Option<&str>, config: &ProviderConfig) -> Result<Keys, Outcome> {
    let mut client = imds::Client::builder().configure(config);
    if let Some(endpoint) = endpoint {
        client = client
            .endpoint(endpoint)
            .map_err(|_| Outcome::Failed(format!("{IMDS_ENDPOINT} is not an address")))?;
    }
    let provider =
        ImdsCredentialsProvider::builder().configure(config).imds_client(client.build()).build();
    provider.provide_credentials().await.map_err(sorted)
}

fn environment(lookup: Lookup<'_>) -> Result<Option<Source>, SetupError> {
    let (id, secret) = match (read(lookup, ACCESS_KEY_ID), read(lookup, SECRET_ACCESS_KEY)) {
        (Some(id), Some(secret)) => (id, secret),
        (Some(_), None) => {
            return Err(SetupError::HalfPair {
                present: ACCESS_KEY_ID,
                missing: SECRET_ACCESS_KEY,
            });
        }
        (None, Some(_)) => {
            return Err(SetupError::HalfPair {
                present: SECRET_ACCESS_KEY,
                missing: ACCESS_KEY_ID,
            });
        }
        (None, None) => return Ok(None),
    };
    let token = read(lookup, SESSION_TOKEN);
    let credentials = Credentials::keys(&id, &secret, token.as_deref())?;
    Ok(Some(Source::Environment(credentials, Keys::new(id, secret, token, None, "environment"))))
}

fn missing_keys(lookup: Lookup<'_>) -> Vec<String> {
    let mut missing = vec![
        format!("{} (not set)", crate::credentials::BEARER_TOKEN),
        format!("{ACCESS_KEY_ID} and {SECRET_ACCESS_KEY} (not set)"),
    ];
    if read(lookup, SESSION_TOKEN).is_some() {
        missing.push(format!("{SESSION_TOKEN} (set, but useless without the two above)"));
    }
    missing
}

fn web_identity(lookup: Lookup<'_>) -> Result<Option<Source>, SetupError> {
    match (read(lookup, TOKEN_FILE), read(lookup, ROLE_ARN)) {
        (Some(file), Some(role_arn)) => Ok(Some(Source::WebIdentity(StaticConfiguration {
            web_identity_token_file: file.into(),
            role_arn,
            session_name: read(lookup, ROLE_SESSION_NAME).unwrap_or_else(|| "outcrop".to_owned()),
        }))),
        (Some(_), None) => Err(SetupError::HalfPair { present: TOKEN_FILE, missing: ROLE_ARN }),
        // A role alone is what a deployment may set for other tools.
        (None, _) => Ok(None),
    }
}

/// `~/.aws/NAME`.
fn home(lookup: Lookup<'_>, name: &str) -> Option<PathBuf> {
    let home = read(lookup, "HOME").or_else(|| read(lookup, "USERPROFILE"))?;
    Some(PathBuf::from(home).join(".aws").join(name))
}

fn sorted(error: CredentialsError) -> Outcome {
    let reason = story(&error);
    match error {
        CredentialsError::CredentialsNotLoaded(_) => Outcome::Absent(reason),
        _ => Outcome::Failed(reason),
    }
}

/// A foreign error with its causes, in one bounded line that names no resource.
pub(super) fn story(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let part = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        if !parts.contains(&part) {
            parts.push(part);
        }
        next = error.source();
    }
    scrub(&parts.join(": ")).chars().take(MAX_STORY).collect()
}
