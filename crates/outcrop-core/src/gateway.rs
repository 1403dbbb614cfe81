//! The way of a request: route → peek → plan → reserve → attempt → return → settle.

mod bundle;
mod chat;
mod count;
mod enveloped;
mod fetch;
mod guard;
mod headers;
mod itinerary;
mod leg;
mod media;
mod relay;
mod reserve;
mod travel;
mod watch;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use outcrop_config::{Config, Diagnostic};
use outcrop_fetch::Fetcher;
use outcrop_model::{Catalog, ErrorClass, Fault, Prices};
use tokio::time::Instant;

use self::itinerary::Itinerary;
pub(crate) use self::watch::Watch;
use crate::account::Account;
use crate::admit::{Admitter, Grant};
use crate::aside;
use crate::backend::{Around, Backend};
use crate::inbound::{Inbound, Operation};
use crate::limit::{self, Counters, StoreStanding};
use crate::model_id;
use crate::models::Shelf;
use crate::pricing::Pricing;
use crate::reply::Reply;
use crate::route::Approach;
use crate::settle::{ReceiptSink, Settlement};
use crate::snapshot::Snapshot;
use crate::store::{ResponseStore, StoreLimits};
use crate::upstream;

/// Largest whole answer: InvokeModel's response limit (service model, checked 2026-11-21), with room
/// for Converse answers that hold media.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// Silence after which a streaming client is told that all is well: load balancers commonly cut idle
/// connections after 60 s, some after 30.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often one request may be planned anew for what Bedrock's refusals taught: a profile, a beta and
/// a member, say.
const MOST_LESSONS: usize = 3;

/// What holds for the whole process, whatever the configuration says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What to answer where Bedrock counts no tokens.
    pub uncounted: Uncounted,
    /// Silence after which a streaming client gets a keep-alive.
    pub keep_alive: Duration,
    /// What is kept of the Responses API's answers.
    pub store: StoreLimits,
    /// Fetches media that requests hold by address.
    pub media: Fetcher,
    /// The price list over which a configuration lays its own.
    pub prices: Prices,
    pub around: Around,
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

/// The gateway without its door: the configuration at work, and what outlives it.
#[derive(Debug)]
pub struct Gateway {
    catalog: &'static Catalog,
    settings: Settings,
    receipts: ReceiptSink,
    responses: Arc<ResponseStore>,
    admitter: ArcSwap<Admitter>,
    counters: Arc<Counters>,
    snapshot: ArcSwap<Snapshot>,
    /// Held by whoever reloads.
    reloading: tokio::sync::Mutex<()>,
}

/// The configuration of a moment. A request keeps the one that its path was read by, however long its body
/// takes to come.
#[derive(Debug, Clone)]
pub struct Present(Arc<Snapshot>);

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            uncounted: Uncounted::default(),
            keep_alive: KEEP_ALIVE,
            store: StoreLimits::default(),
            media: Fetcher::default(),
            prices: Prices::built_in().clone(),
            around: Around::default(),
        }
    }
}

// === impl Gateway ===

impl Gateway {
    /// A gateway that knows of no route yet: see [`Gateway::reload`].
    pub fn new(settings: Settings, receipts: ReceiptSink) -> Self {
        Self {
            responses: Arc::new(ResponseStore::new(settings.store)),
            catalog: Catalog::built_in(),
            settings,
            receipts,
            admitter: ArcSwap::default(),
            counters: Arc::default(),
            snapshot: ArcSwap::default(),
            reloading: tokio::sync::Mutex::default(),
        }
    }

    /// Puts a configuration to work, for all requests that come from now on. Returns what is to be said
    /// of it.
    ///
    /// # Errors
    /// All that is wrong with it, at once; what was at work before stays.
    pub async fn reload(&self, config: &Config) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        let _reloading = self.reloading.lock().await;
        let Settings { prices, around, .. } = &self.settings;
        let current = self.snapshot.load_full();
        let (next, notes) = current.next(config, prices, around).await?;
        self.snapshot.store(Arc::new(next));
        Ok(notes)
    }

    /// How many configurations were put to work, with the present one.
    pub fn generation(&self) -> u64 {
        self.snapshot.load().generation
    }

    /// How many requests have begun and not ended.
    pub fn in_flight(&self) -> usize {
        self.receipts.in_flight()
    }

    /// Waits until all requests have their receipts, and a shared store of limits knows what they took, but
    /// no longer than `within`. Tells in the log what is left then. For the end of the process.
    pub async fn close(&self, within: Duration) {
        let end = Instant::now() + within;
        // Those that were cut off settle as they are dropped.
        while self.in_flight() > 0 && Instant::now() < end {
            tokio::time::sleep(limit::LOOK).await;
        }
        let left = self.counters.close(end).await;
        if left > 0 {
            tracing::error!(
                left,
                "the store of limits does not know what some requests took: they count there as reserved, or not at all"
            );
        }
    }

    /// The backends of the present configuration.
    pub fn backends(&self) -> Vec<Arc<Backend>> {
        self.snapshot.load().backends.values().cloned().collect()
    }

    /// Keeps answers of the Responses API in this store.
    pub fn keeping(self, responses: ResponseStore) -> Self {
        Self { responses: Arc::new(responses), ..self }
    }

    /// Asks clients for what this admitter wants; without one, anyone may come in.
    pub fn admitting(self, admitter: Admitter) -> Self {
        self.admit(admitter);
        self
    }

    /// From now on clients are asked for what this admitter wants.
    pub fn admit(&self, admitter: Admitter) {
        self.admitter.store(Arc::new(admitter));
    }

    /// Counts there what limits allow; without, in memory.
    pub fn counting(self, counters: Counters) -> Self {
        Self { counters: Arc::new(counters), ..self }
    }

    /// How the store stands in which limits are shared; `None` where they are not.
    pub fn limit_store(&self) -> Option<StoreStanding> {
        self.counters.store()
    }

    pub fn admitter(&self) -> Arc<Admitter> {
        self.admitter.load_full()
    }

    /// The answers of the Responses API that are kept.
    pub fn responses(&self) -> &ResponseStore {
        &self.responses
    }

    /// The price list where the first route leads; the built-in one's when there is none.
    fn pricing(&self) -> Arc<Pricing> {
        let snapshot = self.snapshot.load();
        match snapshot.routes.first().and_then(|route| route.targets.first()) {
            Some(target) => Arc::clone(&target.pricing),
            None => Arc::new(Pricing::new(self.settings.prices.clone(), self.catalog, "")),
        }
    }

    /// What is known of the way to Bedrock: the best that any backend can say.
    pub fn upstream(&self) -> &'static str {
        let snapshot = self.snapshot.load();
        upstream::best(snapshot.backends.values().map(|backend| &backend.upstream))
    }

    /// A receipt in the making, for a request whose body has yet to be read.
    pub fn begin(&self, operation: &Operation, request_id: &str) -> Settlement {
        Settlement::begin(self.receipts.clone(), operation, request_id)
    }

    /// What `GET /v1/models` lists for a caller: what the account can call, or the catalog's while that
    /// is not known.
    pub fn shelf(&self, grant: &Grant) -> Shelf {
        let snapshot = self.snapshot.load();
        let learned = snapshot.first().map(|target| &target.backend.learned);
        let listed = learned.and_then(|learned| Some((learned, learned.account().models()?)));
        let shelf = match listed {
            Some((learned, models)) => {
                let entries = models.entries(self.catalog, learned.geographies());
                Shelf::of_account(self.catalog, self.pricing(), entries)
            }
            None => Shelf::of_catalog(self.catalog, self.pricing()),
        };
        shelf.with(snapshot.own_models()).granted(grant)
    }

    /// What is known of the account's models where the first route leads.
    pub fn account(&self) -> Option<Arc<Account>> {
        let snapshot = self.snapshot.load();
        let target = snapshot.first()?;
        Some(Arc::clone(target.backend.learned.account()))
    }

    /// The configuration of now, for the whole of a request.
    pub fn present(&self) -> Present {
        Present(self.snapshot.load_full())
    }

    /// Where a request would go: the route, and the backends of its targets in the order in which they
    /// would be tried.
    ///
    /// # Errors
    /// When no route takes it, or the caller may not use the one that does.
    pub fn way_of(
        &self,
        inbound: &Inbound,
        settlement: &Settlement,
    ) -> Result<(String, Vec<String>), Fault> {
        let snapshot = self.snapshot.load_full();
        Itinerary::of(&snapshot, inbound, settlement).map(|itinerary| itinerary.names())
    }

    /// Answers one request by the configuration that its path was read by; every failure is a reply in
    /// the caller's dialect.
    pub async fn handle(
        &self,
        present: &Present,
        inbound: Inbound,
        settlement: Settlement,
    ) -> Reply {
        match Itinerary::of(&present.0, &inbound, &settlement) {
            Ok(itinerary) => self.travel(&itinerary, inbound, settlement).await,
            Err(fault) => refuse(&fault, &inbound, settlement),
        }
    }
}

// === impl Present ===

impl Present {
    /// The gateway's own path that a request's path means, by the routes.
    pub fn own_path(&self, approach: &Approach<'_>, is_known: &dyn Fn(&str) -> bool) -> String {
        self.0.table.own_path(approach, is_known).into_owned()
    }
}

/// The model that a request names, if it may be an ARN, of which the account has to be asked.
fn named_arn(inbound: &Inbound) -> Option<String> {
    const ARN: &[u8] = b"arn:";
    match &inbound.operation {
        Operation::Bedrock { model, .. } => Some(model_id::percent_decode(model)),
        Operation::Aside(aside) if !aside.call.runs_a_model() => None,
        Operation::Aside(aside) => aside.model(&inbound.body).map(Cow::into_owned),
        Operation::ChatCompletions
        | Operation::Completions
        | Operation::KongChat
        | Operation::Responses
        | Operation::Messages
        | Operation::CountMessages
        | Operation::CountResponses
        | Operation::Special(_) => {
            // Hardly any body holds one, and a look is much cheaper than a reading.
            memchr::memmem::find(&inbound.body, ARN)?;
            aside::text_at(&inbound.body, &["model"]).map(Cow::into_owned)
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
