//! Which sources of credentials were looked at, in their order, and what each of them said.
//!
//! 1. It is the gateway's own chain that runs, not a copy of it.
//! 2. No text holds a secret or an ARN; a key is told by its first four characters.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::ClientConfig;
use crate::client::Prepared;
use crate::clock::Clock;
use crate::connect::Proxies;
use crate::credentials::{CredentialSource, Credentials};
use crate::endpoint::{EndpointWish, Endpoints, Service};
use crate::identity::keeper::{Fetch, Fetched, Miss};
use crate::identity::{Found, IdentityWish, find};
use crate::reach::Prober;
use crate::setup::{Lookup, SetupError};

/// The sources in the order of `docs/guide/aws-identity.md`.
const ORDER: [&str; 8] = [
    "API key file",
    "API key",
    "OIDC issuer",
    "environment",
    "profile",
    "web identity",
    "container",
    "instance metadata",
];
/// What would have made one of the first three decide, had it been there.
const UNSET: [&str; 3] = [
    "--api-key-file (not given)",
    "AWS_BEARER_TOKEN_BEDROCK (not set)",
    "--oidc-issuer (not given)",
];

/// What one source came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub source: &'static str,
    pub verdict: Verdict,
    /// Why, in a few words.
    pub why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Taken,
    /// Not configured, or without credentials: the next one is asked.
    Absent,
    /// Configured, and failed: the ones after it are not asked.
    Failed,
    NotAsked,
}

/// All steps, and what came of them.
#[derive(Debug, Clone)]
pub struct Trace {
    pub steps: Vec<Step>,
    pub outcome: Result<Held, Lack>,
}

/// Credentials at hand.
#[derive(Debug, Clone)]
pub struct Held {
    pub credentials: Credentials,
    pub expires_at: Option<SystemTime>,
}

/// Why there are none: what failed, and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    pub source: &'static str,
    pub reason: String,
}

/// Where requests would go, and who would send them.
#[derive(Debug)]
pub struct Explained {
    pub endpoints: Endpoints,
    extra_roots: Option<PathBuf>,
    proxies: Proxies,
    pub trace: Result<Trace, SetupError>,
    clock: Clock,
}

/// Resolves all that [`ClientConfig::from_env`] does, and tells each step of it.
///
/// # Errors
/// When region or endpoints are missing or malformed.
pub async fn explain(
    wish: EndpointWish<'_>,
    identity: &IdentityWish,
    lookup: Lookup<'_>,
) -> Result<Explained, SetupError> {
    let prepared = Prepared::new(wish, identity, lookup).await?;
    let trace = match find(identity, &prepared.around()) {
        Ok(found) => Ok(trace(&found).await),
        Err(error) => Err(error),
    };
    let Prepared { environment: _, endpoints, extra_roots, proxies, clock } = prepared;
    Ok(Explained { endpoints, extra_roots, proxies, trace, clock })
}

/// Where requests would go. Nobody is asked for credentials.
///
/// # Errors
/// When region or endpoints are missing or malformed.
pub async fn endpoints(
    wish: EndpointWish<'_>,
    identity: &IdentityWish,
    lookup: Lookup<'_>,
) -> Result<Endpoints, SetupError> {
    Ok(Prepared::new(wish, identity, lookup).await?.endpoints)
}

async fn trace(found: &Found) -> Trace {
    let mut steps = Vec::new();
    let fetched = match found {
        Found::KeyFile(file) => {
            let fetched = file.fetch().await;
            steps.push(Step::settled(ORDER[0], &fetched));
            fetched
        }
        Found::Bearer(credentials) => {
            let fetched = Ok(Fetched { credentials: credentials.clone(), expires_at: None });
            steps.push(Step::settled(ORDER[1], &fetched));
            fetched
        }
        Found::Chain(chain) => chain.fetch_told(&mut steps).await,
        Found::Mint(mint) => mint.fetch_told(&mut steps).await,
    };
    let outcome = fetched.map_err(|miss| match miss {
        Miss::Nothing(tried) => {
            Lack { source: "no AWS credentials", reason: format!("tried {}", tried.join(", ")) }
        }
        Miss::Failed { source, reason } => Lack { source, reason },
    });
    let outcome =
        outcome.map(|Fetched { credentials, expires_at }| Held { credentials, expires_at });
    Trace { steps: in_order(steps), outcome }
}

/// All sources, those that were not asked too; then what was done with the keys of the one taken.
fn in_order(steps: Vec<Step>) -> Vec<Step> {
    let decided = steps.iter().find(|step| step.decides()).map(|step| step.source);
    let place = ORDER.iter().position(|name| Some(*name) == decided).unwrap_or(ORDER.len());
    let row = |(at, source): (usize, &&'static str)| {
        let told: Vec<&Step> = steps.iter().filter(|step| step.source == *source).collect();
        let why: Vec<&str> = told.iter().map(|step| step.why.as_str()).collect();
        match (told.first(), UNSET.get(at)) {
            (Some(first), _) => Step::new(source, first.verdict, why.join("; ")),
            (None, Some(unset)) if at < place => Step::new(source, Verdict::Absent, *unset),
            (None, _) => {
                let by = decided.unwrap_or("another source");
                Step::new(source, Verdict::NotAsked, format!("not asked: {by} decides"))
            }
        }
    };
    let mut all: Vec<Step> = ORDER.iter().enumerate().map(row).collect();
    all.extend(steps.iter().filter(|step| !ORDER.contains(&step.source)).cloned());
    all
}

// === impl Step ===

impl Step {
    pub(super) fn settled(source: &'static str, outcome: &Result<Fetched, Miss>) -> Self {
        match outcome {
            Ok(fetched) => Self {
                source,
                verdict: Verdict::Taken,
                why: format!("gave {}", fetched.credentials),
            },
            Err(miss) => Self { source, verdict: Verdict::Failed, why: miss.to_string() },
        }
    }

    pub(super) fn new(source: &'static str, verdict: Verdict, why: impl Into<String>) -> Self {
        Self { source, verdict, why: why.into() }
    }

    fn decides(&self) -> bool {
        matches!(self.verdict, Verdict::Taken | Verdict::Failed)
    }
}

// === impl Explained ===

impl Explained {
    /// Connections like those of the gateway.
    ///
    /// # Errors
    /// When root certificates cannot be read.
    pub fn prober(&self) -> Result<Prober, SetupError> {
        Prober::new(&self.endpoints, self.extra_roots.as_deref(), self.proxies.clone())
    }

    /// The same for STS alone, whose host may be the only one with TLS.
    pub fn sts_config(&self, credentials: Credentials) -> ClientConfig {
        let region = self.endpoints.signing_region(Service::Sts).clone();
        let endpoints = Endpoints::single(region, self.endpoints.sts.clone());
        ClientConfig { endpoints, ..self.config(credentials) }
    }

    /// A client that sends with these credentials and no others.
    pub fn config(&self, credentials: Credentials) -> ClientConfig {
        ClientConfig {
            extra_roots: self.extra_roots.clone(),
            proxies: self.proxies.clone(),
            clock: self.clock.clone(),
            ..ClientConfig::new(self.endpoints.clone(), CredentialSource::Static(credentials))
        }
    }
}
