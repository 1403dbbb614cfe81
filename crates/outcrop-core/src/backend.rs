//! A backend at work: its client, and what was learned there.
//!
//! 1. A backend outlives a reload that leaves its settings and the roots that it trusts as they are, with all that
//!    it knows; another takes over what still holds.
//! 2. What is wrong with one is told without a secret and without a resource of the account.

mod identity;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use outcrop_aws::identity::trace::{self, Explained};
use outcrop_aws::{
    AwsClient, ClientConfig, Clock, Endpoint, EndpointWish, Endpoints, IdentityWish, SetupError,
    Timeouts,
};
use outcrop_config as config;
use outcrop_config::{IdentitySource, Origin};
use outcrop_model::{Carrier, Catalog};

use crate::account::{Account, Listing, Watch};
use crate::callee::{Geography, Learned};
use crate::lenders::Lenders;
use crate::lent::CredentialHeaders;
use crate::resilience::{Condition, Gate, RetryBudget, Room, Ward};
use crate::upstream::UpstreamHealth;

/// Reads one variable of the environment.
pub type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What is around the process.
#[derive(Clone)]
pub struct Around {
    pub variables: Variables,
    pub clock: Clock,
    /// Whether and how the accounts' models are listed.
    pub listing: Option<Listing>,
}

/// See the module.
#[derive(Debug)]
pub struct Backend {
    pub(crate) name: String,
    /// What it was made of, without the place where that was written.
    settings: config::Backend,
    pub(crate) aws: Arc<AwsClient>,
    pub(crate) learned: Learned,
    pub(crate) lenders: Lenders,
    pub(crate) upstream: UpstreamHealth,
    /// By the id that is called: quotas and outages are a model's.
    pub(crate) ward: Arc<Ward>,
    pub(crate) budget: Arc<RetryBudget>,
    /// `None` where any number of requests may be in flight.
    pub(crate) gate: Option<Gate>,
    pub(crate) carrier: Option<Carrier>,
    /// In which headers callers may lend credentials; in none if `None`.
    pub(crate) lent: Option<CredentialHeaders>,
    /// Ends with the backend.
    _watch: Option<Watch>,
}

/// How a backend fares.
#[derive(Debug)]
pub struct Standing {
    /// Of each model that answered there, or failed to; of calls beside inference by themselves.
    pub models: Vec<Condition>,
    /// How many are in flight and how many wait, and how many may be in flight; `None` without a bound.
    pub gate: Option<((usize, usize), usize)>,
}

/// Why a backend cannot be made, or used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is wrong as it is written.
    Wrong(String),
    /// It cannot talk to AWS at the moment, or at all.
    Setup(SetupError),
}

// === impl Trouble ===

impl Trouble {
    /// What is wrong, and the mend where it is said apart.
    pub(crate) fn told(&self) -> (String, Option<String>) {
        match self {
            Self::Wrong(what) => (what.clone(), None),
            Self::Setup(error) => (error.to_string(), error.hint()),
        }
    }
}

// === impl Around ===

impl Default for Around {
    fn default() -> Self {
        Self {
            variables: Arc::new(|name| std::env::var(name).ok()),
            clock: Clock::system(),
            listing: None,
        }
    }
}

impl fmt::Debug for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Around")
    }
}

// === impl Backend ===

impl Backend {
    /// Makes the client; connects to nothing yet.
    pub(crate) async fn open(
        name: &str,
        settings: &config::Backend,
        around: &Around,
    ) -> Result<Self, Trouble> {
        let catalog = Catalog::built_in();
        let geography = geography(settings.geography.as_deref(), catalog)?;
        let client = client(settings, around).await?;
        let aws = Arc::new(AwsClient::new(client).map_err(Trouble::Setup)?);
        let account = Account::new(Arc::clone(&aws), catalog);
        let watch = around.listing.as_ref().map(|listing| account.watch(listing));
        let region = aws.endpoints().region.as_str();
        let learned = Learned::new(&geography, account, region, catalog);
        let lent = settings.identity.credential_headers.as_ref().map(CredentialHeaders::new);
        let lent = lent.transpose().map_err(Trouble::Wrong)?;
        Ok(Self {
            name: name.to_owned(),
            settings: placeless(settings),
            lenders: Lenders::beside(&learned),
            learned,
            aws,
            upstream: UpstreamHealth::default(),
            ward: Arc::default(),
            budget: Arc::new(RetryBudget::new(Instant::now())),
            gate: room(settings).map(Gate::new),
            carrier: settings.carrier,
            lent,
            _watch: watch,
        })
    }

    /// Whether `settings` would make the same.
    pub(crate) fn is_as(&self, settings: &config::Backend) -> bool {
        self.settings == placeless(settings) && self.aws.trusts_what_is_written()
    }

    /// Takes over from the one of its name before: who is in flight there stays counted, retries are paid from
    /// the same budget, and what is known of models stays known where the same account is asked at the same
    /// place; which profiles to call, where they are those of the same geography.
    pub(crate) fn succeeding(mut self, before: &Self) -> Self {
        self.budget = Arc::clone(&before.budget);
        self.gate = self.gate.map(|own| before.gate.clone().unwrap_or(own));
        let place = |of: &config::Backend| {
            let config::Backend { region, endpoint, endpoints, identity, .. } = of.clone();
            (region, endpoint, endpoints, identity)
        };
        if place(&self.settings) == place(&before.settings) {
            self.ward = Arc::clone(&before.ward);
            self.learned.take_over(&before.learned);
            self.lenders.take_over(&before.lenders);
        }
        self
    }

    /// It is at work from now on: the numbers of its gate are its own.
    pub(crate) fn take_office(&self) {
        if let (Some(gate), Some(room)) = (&self.gate, room(&self.settings)) {
            gate.resize(room);
        }
    }

    /// Fetches the first credentials, so that a wrong setup is known before the first request.
    ///
    /// One that only uses what callers lend needs none of its own.
    pub(crate) async fn begin(&self) -> Result<(), Trouble> {
        let lends = self.settings.identity.credential_headers.as_ref();
        if lends.is_some_and(|lends| lends.without == config::Without::Refuse) {
            return Ok(());
        }
        self.aws.begin().await.map_err(Trouble::Setup)
    }

    /// How it fares, for whoever looks.
    pub fn standing(&self) -> Standing {
        let models = self.ward.conditions(Instant::now());
        let gate = self.gate.as_ref().map(|gate| (gate.load(), gate.limit()));
        Standing { models, gate }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn endpoints(&self) -> &Endpoints {
        self.aws.endpoints()
    }

    /// What the log may say of who the gateway is here.
    pub fn identity(&self) -> String {
        self.aws.identity()
    }
}

// === helpers ===

/// How many may be in flight and how many wait: where nobody says the latter, as many again.
fn room(settings: &config::Backend) -> Option<Room> {
    let most = settings.max_concurrent?;
    let most_waiting = settings.max_queued.unwrap_or(most);
    Some(Room { most, most_waiting, slowdown: settings.max_slowdown })
}

fn placeless(settings: &config::Backend) -> config::Backend {
    config::Backend { origin: Origin::default(), ..settings.clone() }
}

fn wrong(error: impl fmt::Display) -> Trouble {
    Trouble::Wrong(error.to_string())
}

fn geography(word: Option<&str>, catalog: &Catalog) -> Result<Geography, Trouble> {
    match word {
        None => Ok(Geography::Home),
        Some(word) => Geography::named(word, catalog).map_err(Trouble::Wrong),
    }
}

fn said(trouble: &Trouble) -> String {
    match trouble.told() {
        (what, Some(hint)) => format!("{what} {hint}"),
        (what, None) => what,
    }
}

/// Tells each step from the settings to endpoints and credentials, for whoever looks for what is wrong.
///
/// # Errors
/// When the settings are wrong as they are written.
pub async fn explained(settings: &config::Backend, around: &Around) -> Result<Explained, String> {
    let lookup = variables(settings, around);
    let identity = identity::wish(&settings.identity, &lookup).map_err(|trouble| said(&trouble))?;
    let told = trace::explain(endpoint_wish(settings), &identity, &lookup).await;
    let mut explained = told.map_err(|error| said(&Trouble::Setup(error)))?;
    place(&mut explained.endpoints, settings).map_err(|trouble| said(&trouble))?;
    Ok(explained)
}

/// Where requests would go, whoever would send them: nobody is asked for credentials.
///
/// # Errors
/// When there is no region, or one of the addresses is wrong as it is written.
pub async fn endpoints(settings: &config::Backend, around: &Around) -> Result<Endpoints, String> {
    let lookup = variables(settings, around);
    // Of an identity its profile alone says where.
    let profile = match &settings.identity.source {
        IdentitySource::Profile(name) => Some(name.clone()),
        IdentitySource::Chain
        | IdentitySource::Keys { .. }
        | IdentitySource::CredentialsFile { .. }
        | IdentitySource::ApiKey(_)
        | IdentitySource::WebIdentity { .. }
        | IdentitySource::Oidc(_) => None,
    };
    let identity = IdentityWish { profile, ..IdentityWish::default() };
    let told = trace::endpoints(endpoint_wish(settings), &identity, &lookup).await;
    let mut endpoints = told.map_err(|error| said(&Trouble::Setup(error)))?;
    place(&mut endpoints, settings).map_err(|trouble| said(&trouble))?;
    Ok(endpoints)
}

async fn client(settings: &config::Backend, around: &Around) -> Result<ClientConfig, Trouble> {
    let lookup = variables(settings, around);
    let identity = identity::wish(&settings.identity, &lookup)?;
    let wish = endpoint_wish(settings);
    // What AWS corrects is also what judges and mints credentials.
    let clock = around.clock.clone();
    let client = ClientConfig::from_env_at(clock, wish, &identity, &lookup).await;
    let mut client = client.map_err(Trouble::Setup)?;
    place(&mut client.endpoints, settings)?;
    client.timeouts = timeouts(&settings.timeouts);
    Ok(client)
}

/// The environment, with what the settings say in its place.
fn variables(
    settings: &config::Backend,
    around: &Around,
) -> impl Fn(&str) -> Option<String> + Send + Sync {
    let elsewhere: HashMap<String, String> = settings
        .endpoints
        .iter()
        .map(|(service, url)| (format!("AWS_ENDPOINT_URL_{}", service.to_uppercase()), url.clone()))
        .collect();
    let ca_bundle = settings.ca_bundle.as_deref().and_then(|path| path.to_str());
    let ca_bundle = ca_bundle.map(str::to_owned);
    let variables = Arc::clone(&around.variables);
    move |name| match name {
        "AWS_CA_BUNDLE" if ca_bundle.is_some() => ca_bundle.clone(),
        name => elsewhere.get(name).cloned().or_else(|| variables(name)),
    }
}

fn endpoint_wish(settings: &config::Backend) -> EndpointWish<'_> {
    let any = settings.endpoints.iter().find(|(service, _)| service == config::ANY_SERVICE);
    EndpointWish {
        region: settings.region.as_deref(),
        endpoint_url: any.map(|(_, url)| url.as_str()),
    }
}

/// Hosts that the configuration names win over those of the environment.
fn place(endpoints: &mut Endpoints, settings: &config::Backend) -> Result<(), Trouble> {
    let parse = |url: &str| Endpoint::parse(url, "the configuration").map_err(wrong);
    for (service, url) in &settings.endpoints {
        match service.as_str() {
            "bedrock_runtime" => endpoints.runtime = parse(url)?,
            "bedrock" => endpoints.control = parse(url)?,
            "bedrock_agent" => endpoints.agent = parse(url)?,
            "bedrock_agent_runtime" => endpoints.agent_runtime = parse(url)?,
            "bedrock_mantle" => endpoints.mantle = parse(url)?,
            // Read with the environment.
            config::ANY_SERVICE | "sts" => {}
            other => {
                return Err(Trouble::Wrong(format!(
                    "`{other}` is no service of this gateway's. Name bedrock_runtime, bedrock, bedrock_agent, bedrock_agent_runtime, bedrock_mantle or sts."
                )));
            }
        }
    }
    if let Some(url) = &settings.endpoint {
        endpoints.runtime = parse(url)?;
    }
    Ok(())
}

fn timeouts(settings: &config::AttemptTimeouts) -> Timeouts {
    let config::AttemptTimeouts { connect, first_byte, idle, attempt } = *settings;
    let default = Timeouts::default();
    Timeouts {
        connect: connect.unwrap_or(default.connect),
        first_byte: first_byte.unwrap_or(default.first_byte),
        idle: idle.unwrap_or(default.idle),
        total: attempt.unwrap_or(default.total),
    }
}
