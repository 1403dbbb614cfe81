//! The way of a request: peek → plan → attempt → return → settle.

mod bundle;
mod chat;
mod count;
mod enveloped;
mod fetch;
mod headers;
mod media;
mod relay;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use outcrop_aws::{AwsClient, Backoff, Credentials};
use outcrop_fetch::Fetcher;
use outcrop_model::{Carrier, Catalog, ErrorClass, Fault, Fidelity, Ledger, PicoUsd, Prices};

use crate::admit::Admitter;
use crate::callee::{Geography, Learned};
use crate::inbound::{Inbound, Operation};
use crate::lent::CredentialHeaders;
use crate::pricing::Pricing;
use crate::reply::Reply;
use crate::settle::{ReceiptSink, Settlement};
use crate::store::{ResponseStore, StoreLimits};
use crate::upstream::UpstreamHealth;

/// Largest whole answer: InvokeModel's response limit (service model, checked 2026-11-21), with room
/// for Converse answers that hold media.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// Silence after which a streaming client is told that all is well: load balancers commonly cut idle
/// connections after 60 s, some after 30.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often one request may be planned anew for what Bedrock's refusals taught: a profile, a beta and
/// a member, say.
const MOST_LESSONS: usize = 3;

/// How the operator wants requests treated.
#[derive(Debug, Clone)]
pub struct Settings {
    pub fidelity: Fidelity,
    pub backoff: Backoff,
    /// The one carrier to use; `None` leaves it to the plan.
    pub carrier: Option<Carrier>,
    /// What to answer where Bedrock counts no tokens.
    pub uncounted: Uncounted,
    /// Silence after which a streaming client gets a keep-alive.
    pub keep_alive: Duration,
    /// What is kept of the Responses API's answers.
    pub store: StoreLimits,
    /// Fetches media that requests hold by address.
    pub media: Fetcher,
    /// Whose profiles stand in for models that cannot be called by their own id.
    pub geography: Geography,
    pub prices: Prices,
    /// In which headers callers may lend AWS credentials for a request; in none if `None`.
    pub credential_headers: Option<CredentialHeaders>,
    /// Whether whole answers tell what they cost.
    pub cost_header: bool,
}

/// What a count of tokens is answered with where Bedrock refuses to count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Uncounted {
    /// A local estimate, marked as one.
    #[default]
    Estimate,
    /// 501 `not_supported`.
    Refuse,
}

/// The gateway without its door: one AWS backend and what is known of models.
#[derive(Debug)]
pub struct Gateway {
    aws: AwsClient,
    catalog: &'static Catalog,
    settings: Settings,
    receipts: ReceiptSink,
    upstream: UpstreamHealth,
    responses: Arc<ResponseStore>,
    learned: Learned,
    pricing: Arc<Pricing>,
    admitter: Arc<Admitter>,
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            fidelity: Fidelity::default(),
            backoff: Backoff::default(),
            carrier: None,
            uncounted: Uncounted::default(),
            keep_alive: KEEP_ALIVE,
            store: StoreLimits::default(),
            media: Fetcher::default(),
            geography: Geography::default(),
            prices: Prices::built_in().clone(),
            credential_headers: None,
            cost_header: false,
        }
    }
}

// === impl Gateway ===

impl Gateway {
    pub fn new(aws: AwsClient, settings: Settings, receipts: ReceiptSink) -> Self {
        let catalog = Catalog::built_in();
        let region = aws.endpoints().region.as_str();
        Self {
            responses: Arc::new(ResponseStore::new(settings.store)),
            pricing: Arc::new(Pricing::new(settings.prices.clone(), catalog, region)),
            learned: Learned::new(&settings.geography, region, catalog),
            aws,
            catalog,
            settings,
            receipts,
            upstream: UpstreamHealth::default(),
            admitter: Arc::default(),
        }
    }

    /// Keeps answers of the Responses API in this store.
    pub fn keeping(self, responses: ResponseStore) -> Self {
        Self { responses: Arc::new(responses), ..self }
    }

    /// Asks clients for what this admitter wants; without one, anyone may come in.
    pub fn admitting(self, admitter: Admitter) -> Self {
        Self { admitter: Arc::new(admitter), ..self }
    }

    pub fn admitter(&self) -> &Admitter {
        &self.admitter
    }

    pub fn catalog(&self) -> &'static Catalog {
        self.catalog
    }

    /// The answers of the Responses API that are kept.
    pub fn responses(&self) -> &ResponseStore {
        &self.responses
    }

    pub fn pricing(&self) -> &Pricing {
        &self.pricing
    }

    pub fn upstream(&self) -> &UpstreamHealth {
        &self.upstream
    }

    /// A receipt in the making, for a request whose body has yet to be read.
    pub fn begin(&self, operation: &Operation, request_id: &str) -> Settlement {
        let pricing = Arc::clone(&self.pricing);
        Settlement::begin(self.receipts.clone(), pricing, operation, request_id)
    }

    /// Takes out of the headers what AWS credentials the caller lends.
    ///
    /// # Errors
    /// When they are not whole, or not there and must be.
    pub fn lent(&self, headers: &mut HeaderMap) -> Result<Option<Credentials>, Fault> {
        match &self.settings.credential_headers {
            Some(lent) => lent.take(headers),
            None => Ok(None),
        }
    }

    /// Answers one request; every failure is a reply in the caller's dialect.
    pub async fn handle(&self, mut inbound: Inbound, mut settlement: Settlement) -> Reply {
        if let Err(fault) = self.bring_media(&mut inbound, &mut settlement).await {
            return refuse(&fault, &inbound, settlement);
        }
        if let Operation::Special(specialty) = inbound.operation {
            return self.answer_bundle(specialty, &inbound, settlement).await;
        }
        let fetched = match &inbound.operation {
            Operation::CountMessages => Some(self.count_messages(&inbound, &mut settlement).await),
            Operation::CountResponses => {
                Some(self.count_responses(&inbound, &mut settlement).await)
            }
            Operation::Aside(aside) => Some(self.relay(aside, &inbound, &mut settlement).await),
            Operation::ChatCompletions
            | Operation::Completions
            | Operation::KongChat
            | Operation::Responses
            | Operation::Messages
            | Operation::Special(_)
            | Operation::Bedrock { .. } => None,
        };
        if let Some(outcome) = fetched {
            return self.settle_fetched(outcome, &inbound, settlement);
        }
        match self.answer(&inbound, &mut settlement).await {
            Ok((returned, after)) => self.reply(returned, after, &inbound, settlement),
            Err(fault) => refuse(&fault, &inbound, settlement),
        }
    }

    /// Tells what was lost; what an answer lost even where nothing of a request may be.
    fn report(&self, reply: &mut Reply, ledger: &Ledger) {
        if self.settings.fidelity != Fidelity::Lenient
            && let Some(losses) = ledger.header()
        {
            reply.report(&losses);
        }
    }

    /// Tells what a whole answer cost, where the operator wants that; of a stream it is not known yet.
    fn tell_cost(&self, reply: &mut Reply, cost: Option<PicoUsd>) {
        if let Some(cost) = cost.filter(|_| self.settings.cost_header) {
            reply.cost(cost);
        }
    }
}

/// The failure's reply and receipt.
fn refuse(fault: &Fault, inbound: &Inbound, settlement: Settlement) -> Reply {
    let reply = Reply::fault(fault, inbound.operation.dialect(), &inbound.request_id);
    settlement.fail(fault, Some(reply.status.as_u16()));
    reply
}

/// What to tell of the refusals that a request met: that a profile is needed says more than that the
/// profile which was then tried is not there.
fn telling(heard: Vec<Fault>, last: Fault) -> Fault {
    let needed = heard.into_iter().find(|fault| fault.class == ErrorClass::ProfileNeeded);
    match last.class == ErrorClass::UnknownModel {
        true => needed.unwrap_or(last),
        false => last,
    }
}
