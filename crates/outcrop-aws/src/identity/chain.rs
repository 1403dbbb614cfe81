//! The sources of access keys in their order, and a role to assume with what they give.
//!
//! Profiles, web identity, instance metadata and roles are read and fetched by `aws-config`; what it
//! keeps for the life of a provider would miss a changed file, so each fetch builds its providers anew.

use std::error::Error;

use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, SdkConfig, imds};
use aws_credential_types::Credentials as Keys;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_async::rt::sleep::TokioSleep;
use outcrop_model::scrub::scrub;

use crate::clock::Clock;
use crate::credentials::{ACCESS_KEY_ID, Credentials, SECRET_ACCESS_KEY, SESSION_TOKEN};
use crate::endpoint::{Endpoint, Region, Service};
use crate::environment::{Environment, SharedFiles};
use crate::identity::container::Container;
use crate::identity::given::Given;
use crate::identity::http::Wire;
use crate::identity::keeper::{Fetch, Fetched, Fetching, Miss};
use crate::identity::trace::{Step, Verdict};
use crate::identity::web_identity::WebIdentity;
use crate::identity::{IdentityWish, Oidc, Role, Surroundings};
use crate::setup::{Lookup, SetupError, is_true, read};

/// The step after the sources.
const ASSUMED: &str = "assumed role";
const IMDS_DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
const IMDS_ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
/// Longest text of a foreign error.
const MAX_STORY: usize = 600;

/// Where access keys come from.
#[derive(Debug)]
pub(super) struct Chain {
    sources: Vec<Source>,
    /// What was looked for in vain before anything is fetched.
    absent: Vec<Step>,
    /// Each is assumed with the credentials of the one before.
    roles: Vec<Role>,
    sts: Endpoint,
    /// That of the gateway, for sources which do not name their own.
    region: Region,
    /// What requests to STS are signed for.
    sts_region: Region,
    wire: Wire,
    /// Past all proxies: for what is on this machine or belongs to it.
    near: Wire,
    clock: Clock,
}

#[derive(Debug)]
enum Source {
    Given(Given),
    Oidc(Oidc),
    Environment(Credentials, Keys),
    Profile(SharedFiles),
    WebIdentity(WebIdentity),
    Container(Container),
    Metadata { endpoint: Option<String> },
}

// === impl Chain ===

impl Chain {
    pub(super) fn new(wish: &IdentityWish, around: &Surroundings<'_>) -> Result<Self, SetupError> {
        let Surroundings { endpoints, environment, clock, wire } = around;
        let mut chain = Self {
            sources: Vec::new(),
            absent: Vec::new(),
            roles: wish.role.iter().chain(&wish.further_roles).cloned().collect(),
            sts: endpoints.sts.clone(),
            region: endpoints.region.clone(),
            sts_region: endpoints.signing_region(Service::Sts).clone(),
            wire: wire.clone(),
            near: wire.direct(),
            clock: clock.clone(),
        };
        match (&wish.given, &wish.oidc, &wish.profile) {
            (Some(given), _, _) => chain.sources.push(Source::Given(given.clone())),
            (None, Some(oidc), _) => chain.sources.push(Source::Oidc(oidc.clone())),
            (None, None, Some(_)) => {
                chain.sources.push(Source::Profile(environment.files().clone()));
            }
            (None, None, None) => chain.look_around(environment)?,
        }
        Ok(chain)
    }

    /// All that the environment speaks of, in order.
    fn look_around(&mut self, environment: &Environment<'_>) -> Result<(), SetupError> {
        let lookup = environment.lookup();
        match keys_of(lookup)? {
            Some(source) => {
                self.sources.push(source);
                return Ok(());
            }
            None => self.absent.extend(missing_keys(lookup)),
        }
        self.sources.push(Source::Profile(environment.files().clone()));
        match WebIdentity::from_env(lookup)? {
            Ok(token) => self.sources.push(Source::WebIdentity(token)),
            Err(absent) => self.absent.push(Step::new("web identity", Verdict::Absent, absent)),
        }
        match Container::from_env(lookup).map_err(SetupError::BadContainer)? {
            Some(container) => self.sources.push(Source::Container(container)),
            None => {
                let why = "container credentials (not set)";
                self.absent.push(Step::new("container", Verdict::Absent, why));
            }
        }
        match is_true(lookup, IMDS_DISABLED) {
            true => {
                let why = format!("instance metadata (off by {IMDS_DISABLED})");
                self.absent.push(Step::new("instance metadata", Verdict::Absent, why));
            }
            false => {
                self.sources.push(Source::Metadata { endpoint: read(lookup, IMDS_ENDPOINT) });
            }
        }
        Ok(())
    }

    /// The credentials, if they need no fetching and never change.
    pub(super) fn fixed(&self) -> Option<Credentials> {
        match (self.sources.as_slice(), self.roles.as_slice()) {
            ([Source::Given(given)], []) => given.fixed(),
            ([Source::Environment(credentials, _)], []) => Some(credentials.clone()),
            _ => None,
        }
    }

    /// Fetches, and tells each step.
    pub(super) async fn fetch_told(&self, steps: &mut Vec<Step>) -> Result<Fetched, Miss> {
        let mut keys = self.keys(steps).await?;
        for role in &self.roles {
            let provider = role.provider(keys, &self.sts_config()).await;
            keys = match provider.provide_credentials().await {
                Ok(keys) => keys,
                Err(error) => {
                    let reason = story(&error);
                    steps.push(Step::new(ASSUMED, Verdict::Failed, reason.clone()));
                    return Err(Miss::Failed { source: ASSUMED, reason });
                }
            };
            steps.push(Step::new(ASSUMED, Verdict::Taken, given(&keys)));
        }
        fetched(keys)
    }

    /// The keys of the first source that has any.
    async fn keys(&self, steps: &mut Vec<Step>) -> Result<Keys, Miss> {
        steps.extend(self.absent.iter().cloned());
        let mut tried: Vec<String> = self.absent.iter().map(|step| step.why.clone()).collect();
        for source in &self.sources {
            let name = source.name();
            match self.ask(source).await {
                Ok(keys) => {
                    steps.push(Step::new(name, Verdict::Taken, given(&keys)));
                    return Ok(keys);
                }
                Err(Outcome::Absent(reason)) => {
                    tried.push(format!("{name} ({reason})"));
                    steps.push(Step::new(name, Verdict::Absent, reason));
                }
                Err(Outcome::Failed(reason)) => {
                    steps.push(Step::new(name, Verdict::Failed, reason.clone()));
                    return Err(Miss::Failed { source: name, reason });
                }
            }
        }
        Err(Miss::Nothing(tried))
    }

    async fn ask(&self, source: &Source) -> Result<Keys, Outcome> {
        match source {
            Source::Given(given) => given
                .fetch(&self.provider_config(), &self.sts_config())
                .await
                .map_err(Outcome::Failed),
            Source::Oidc(oidc) => {
                oidc.fetch(&self.wire, &self.sts_config()).await.map_err(Outcome::Failed)
            }
            Source::Environment(_, keys) => Ok(keys.clone()),
            Source::Profile(files) => self.ask_profile(files).await,
            Source::WebIdentity(token) => {
                token.fetch(&self.sts_config()).await.map_err(Outcome::Failed)
            }
            Source::Container(container) => {
                container.fetch(&self.near).await.map_err(Outcome::Failed)
            }
            Source::Metadata { endpoint } => {
                let config = self.provider_config().with_http_client(self.near.clone());
                let keys = metadata(endpoint.as_deref(), &config).await;
                // Where nobody said that this is an instance, it may be none.
                keys.map_err(|outcome| match outcome {
                    Outcome::Failed(reason) if endpoint.is_none() => Outcome::Absent(reason),
                    Outcome::Failed(_) | Outcome::Absent(_) => outcome,
                })
            }
        }
    }

    async fn ask_profile(&self, files: &SharedFiles) -> Result<Keys, Outcome> {
        let profile = files.load().await.map_err(Outcome::Failed)?;
        if let Some(token) = WebIdentity::from_profile(&profile) {
            return token.fetch(&self.sts_config()).await.map_err(Outcome::Failed);
        }
        let provider = ProfileFileCredentialsProvider::builder()
            .configure(&self.provider_config())
            .profile_files(files.existing())
            .profile_name(&files.profile)
            .build();
        let outcome = provider.provide_credentials().await.map_err(sorted);
        outcome.map_err(|outcome| match outcome {
            Outcome::Absent(reason) if files.is_named => {
                Outcome::Failed(format!("{}: {reason}", files.profile))
            }
            Outcome::Absent(_) | Outcome::Failed(_) => outcome,
        })
    }

    /// For AWS's providers.
    fn provider_config(&self) -> ProviderConfig {
        ProviderConfig::empty()
            .with_http_client(self.wire.clone())
            .with_time_source(self.clock.clone())
            .with_sleep_impl(TokioSleep::new())
            .with_region(Some(sdk_region(&self.region)))
    }

    /// For calls to STS.
    fn sts_config(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.wire.clone())
            .time_source(self.clock.clone())
            .sleep_impl(TokioSleep::new())
            .region(sdk_region(&self.sts_region))
            .endpoint_url(self.sts.to_string())
            .build()
    }
}

impl Fetch for Chain {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(async { self.fetch_told(&mut Vec::new()).await })
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
    fn name(&self) -> &'static str {
        match self {
            Self::Given(given) => given.name(),
            Self::Oidc(_) => "OIDC issuer",
            Self::Environment(..) => "environment",
            Self::Profile(_) => "profile",
            Self::WebIdentity(_) => "web identity",
            Self::Container(_) => "container",
            Self::Metadata { .. } => "instance metadata",
        }
    }
}

// === helpers ===

fn fetched(keys: Keys) -> Result<Fetched, Miss> {
    let expires_at = keys.expiry();
    let credentials = Credentials::from_keys(keys)
        .map_err(|error| Miss::Failed { source: "credentials", reason: error.to_string() })?;
    Ok(Fetched { credentials, expires_at })
}

/// What a source gave, for those who look on.
fn given(keys: &Keys) -> String {
    let kind: String = keys.access_key_id().chars().take(4).collect();
    format!("gave access key {kind}…")
}

fn sdk_region(region: &Region) -> aws_types::region::Region {
    aws_types::region::Region::new(region.as_str().to_owned())
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

fn keys_of(lookup: Lookup<'_>) -> Result<Option<Source>, SetupError> {
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

fn missing_keys(lookup: Lookup<'_>) -> Vec<Step> {
    let absent = |source, why: String| Step::new(source, Verdict::Absent, why);
    let mut missing = vec![
        absent("API key", format!("{} (not set)", crate::credentials::BEARER_TOKEN)),
        absent("environment", format!("{ACCESS_KEY_ID} and {SECRET_ACCESS_KEY} (not set)")),
    ];
    if read(lookup, SESSION_TOKEN).is_some() {
        let why = format!("{SESSION_TOKEN} (set, but useless without the two above)");
        missing.push(absent("environment", why));
    }
    missing
}

fn sorted(error: CredentialsError) -> Outcome {
    let reason = story(&error);
    match error {
        CredentialsError::CredentialsNotLoaded(_) => Outcome::Absent(reason),
        _ => Outcome::Failed(reason),
    }
}

/// A foreign error with its causes, in one bounded line that names no resource.
pub(crate) fn story(error: &(dyn Error + 'static)) -> String {
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
