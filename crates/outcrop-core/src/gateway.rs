//! The way of a request: peek → plan → attempt → return → settle.

mod bundle;
mod count;
mod fetch;
mod media;
mod relay;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use outcrop_aws::{AwsClient, Backoff, Incoming, Outbound, Service};
use outcrop_dialect::answer::{Label, Mismatch, Whole, whole};
use outcrop_dialect::bundle::mistaken;
use outcrop_dialect::carry::Destination;
use outcrop_dialect::kong;
use outcrop_dialect::plan::{Outgoing, Peeked, Way};
use outcrop_dialect::responses::{Body, Recalled};
use outcrop_dialect::tier;
use outcrop_fetch::Fetcher;
use outcrop_model::{
    Carrier, Catalog, Dialect, ErrorClass, Fault, Fidelity, Framing, Ledger, Phase, PicoUsd,
    Prices, Tier,
};

use crate::attempt::Retries;
use crate::callee::{Callee, Geography, Learned};
use crate::inbound::{Inbound, Operation};
use crate::model_id;
use crate::pricing::Pricing;
use crate::pump::{self, AnswerBody, Pump, Replayed, Settling};
use crate::reply::{Reply, ReplyBody};
use crate::settle::{ReceiptSink, Settlement};
use crate::store::{Keeper, ResponseStore, StoreLimits};
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
const BEDROCK_HEADERS: &str = "x-amzn-bedrock-";
const LATENCY: &str = "x-amzn-bedrock-performanceconfig-latency";
const SERVICE_TIER: &str = "x-amzn-bedrock-service-tier";
const ANTHROPIC_BETA: &str = "anthropic-beta";

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
}

/// A planned request: all that an attempt needs.
struct Planned {
    callee: Callee,
    outbound: Outbound,
    delivery: Delivery,
    framing: Framing,
    way: Way,
    label: Label,
    ledger: Ledger,
    keeper: Option<Keeper>,
}

/// How the answer comes, and how it goes.
enum Delivery {
    Whole,
    Stream,
    /// Whole from Bedrock, as a stream to the caller: the model does not stream what it is asked for.
    Replay {
        from: Dialect,
    },
}

/// What is left to do with a plan once there is an answer.
struct Afterwards {
    /// The id that Bedrock was asked for, where it is not the caller's.
    target: Option<String>,
    ledger: Ledger,
    keeper: Option<Keeper>,
}

/// What an attempt that reached the commit point brought.
enum Returned {
    Whole {
        incoming: Head,
        answer: Box<Whole>,
        body: Bytes,
        losses: Ledger,
    },
    Stream {
        incoming: Head,
        pump: Box<Pump>,
    },
    /// A stream that is complete already; `kept` is the whole answer where it is to be kept.
    Replayed {
        incoming: Head,
        stream: Replayed,
    },
}

/// What is left of a response once its body is taken.
struct Head {
    headers: HeaderMap,
    request_id: Option<String>,
    tier: Option<Tier>,
}

// === impl Returned ===

impl Returned {
    fn head(&self) -> &Head {
        match self {
            Returned::Whole { incoming, .. }
            | Returned::Stream { incoming, .. }
            | Returned::Replayed { incoming, .. } => incoming,
        }
    }

    /// A whole answer that does not have the form that the caller set is told, or fails when nothing may
    /// be lost. It is paid for, so it is not asked for again.
    fn judge_form(&mut self, fidelity: Fidelity, settlement: &mut Settlement) -> Result<(), Fault> {
        let Returned::Whole { answer, losses, .. } = self else { return Ok(()) };
        let Some(Mismatch { path, why }) = answer.mismatch.take() else { return Ok(()) };
        if fidelity == Fidelity::Strict {
            settlement.tally(&answer.tally);
            let message =
                format!("The model's answer does not have the form that `{path}` sets: {why}.");
            return Err(Fault::new(ErrorClass::ModelFailed, Phase::BeforeCommit, message));
        }
        losses.approximated(path, why);
        Ok(())
    }
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
        }
    }

    /// Keeps answers of the Responses API in this store.
    pub fn keeping(self, responses: ResponseStore) -> Self {
        Self { responses: Arc::new(responses), ..self }
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

    /// Plans and runs, and does so again when a refusal taught how to ask.
    async fn answer(
        &self,
        inbound: &Inbound,
        settlement: &mut Settlement,
    ) -> Result<(Returned, Afterwards), Fault> {
        let mut heard: Vec<Fault> = Vec::new();
        loop {
            let planned = self.plan(inbound, settlement)?;
            match self.run(&planned, settlement).await {
                Ok(returned) => {
                    let Planned { callee, label, ledger, keeper, .. } = planned;
                    let target = Some(callee.target).filter(|target| *target != label.model);
                    return Ok((returned, Afterwards { target, ledger, keeper }));
                }
                Err(fault) => {
                    if heard.len() == MOST_LESSONS || !self.learns(&planned, &fault) {
                        return Err(telling(heard, fault));
                    }
                    heard.push(fault);
                }
            }
        }
    }

    /// Peek and plan: pure, on the borrowed body.
    fn plan(&self, inbound: &Inbound, settlement: &mut Settlement) -> Result<Planned, Fault> {
        let Inbound { operation, query: _, headers, body, request_id } = inbound;
        let prepared;
        let recalled: Recalled;
        let peeked = match operation {
            Operation::ChatCompletions => Peeked::openai(body)?,
            Operation::Completions => Peeked::completion(body)?,
            Operation::Responses => {
                let read = Body::read(body)?;
                recalled = self.responses.recall(read.wanted());
                Peeked::responses(read, &recalled, body.len())?
            }
            Operation::KongChat => {
                prepared = kong::prepare(body)?;
                prepared.peek(betas(headers))?
            }
            Operation::Messages => Peeked::anthropic(body, betas(headers))?,
            Operation::CountMessages | Operation::CountResponses | Operation::Aside(_) => {
                return Err(no_chat());
            }
            Operation::Bedrock { model, carrier, stream } => Peeked::bedrock(
                model_id::percent_decode(model).into(),
                body.clone(),
                *carrier,
                *stream,
            ),
            // Taken by `handle` before.
            Operation::Special(_) => return Err(Fault::invalid("", "is not a chat.")),
        };
        settlement.asked(&peeked.model, peeked.stream);
        model_id::check(&peeked.model)?;
        let model = peeked.model.to_string();
        let callee = self.callee(&model, settlement);
        if !matches!(operation, Operation::Bedrock { .. })
            && let Some(specialist) = self.catalog.specialist(&callee.target)
        {
            return Err(mistaken(&model, specialist));
        }
        let mut ledger = Ledger::default();
        let wants_stream = peeked.stream;
        let outgoing = self.plan_for(&callee, self.settings.carrier, peeked, &mut ledger)?;
        ledger.verdict(self.settings.fidelity)?;
        settlement.planned(outgoing.carrier, ledger.losses().len());
        let segment: Cow<'_, str> = match operation {
            Operation::Bedrock { model: raw, .. } if callee.target == model => Cow::Borrowed(raw),
            Operation::Bedrock { .. }
            | Operation::ChatCompletions
            | Operation::Completions
            | Operation::KongChat
            | Operation::Responses
            | Operation::Messages
            | Operation::CountMessages
            | Operation::CountResponses
            | Operation::Special(_)
            | Operation::Aside(_) => Cow::Owned(model_id::percent_encode(&callee.target)),
        };
        let Outgoing { carrier, path, stream, way, .. } = &outgoing;
        let path = path
            .clone()
            .unwrap_or_else(|| format!("/model/{segment}/{}", carrier.path_segment(*stream)));
        let mut outbound = Outbound::post(path, outgoing.body.clone());
        outbound.service = service(*carrier);
        outbound_headers(&mut outbound.headers, headers, &outgoing);
        let created =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let label = Label { id: request_id.replace('-', ""), created, model };
        let keeper = match way {
            Way::Respond { settings, .. } => Keeper::new(&self.responses, settings),
            Way::RelayResponses { settings } => Keeper::new(&self.responses, settings),
            Way::Translate { .. }
            | Way::RelayAnthropic
            | Way::RelayChat { .. }
            | Way::RelayBedrock(_) => None,
        };
        let delivery = match (stream, way) {
            (true, _) => Delivery::Stream,
            (false, Way::Translate { from, .. } | Way::Respond { from, .. }) if wants_stream => {
                Delivery::Replay { from: *from }
            }
            (false, _) => Delivery::Whole,
        };
        let (framing, way) = (carrier.framing(), way.clone());
        Ok(Planned { callee, outbound, delivery, framing, way, label, ledger, keeper })
    }

    /// Whether a refusal teaches how to ask. Bedrock's own bodies are the caller's to change.
    fn learns(&self, planned: &Planned, fault: &Fault) -> bool {
        let Planned { callee, outbound, way, .. } = planned;
        match way {
            Way::RelayBedrock(_) => self.learned.learn_target(callee, fault, self.catalog),
            Way::RelayAnthropic
            | Way::RelayChat { .. }
            | Way::RelayResponses { .. }
            | Way::Translate { .. }
            | Way::Respond { .. } => {
                self.learned.learn(callee, &outbound.body, fault, self.catalog)
            }
        }
    }

    /// What to call for the name that the caller wrote; notes it where it is another.
    fn callee(&self, model: &str, settlement: &mut Settlement) -> Callee {
        let callee = self.learned.callee(model);
        if callee.target != model {
            settlement.targeted(&callee.target);
        }
        callee
    }

    /// Plans by the model's card and by what was learned of it.
    fn plan_for(
        &self,
        callee: &Callee,
        pin: Option<Carrier>,
        mut peeked: Peeked<'_>,
        ledger: &mut Ledger,
    ) -> Result<Outgoing, Fault> {
        if let Some(beta) = callee.beta {
            peeked.ask_for(beta, ledger);
        }
        let lesson = self.learned.about(callee);
        let mut to = Destination::of(self.catalog, &callee.target).pinned(pin);
        if let Some(lesson) = &lesson {
            to.card = &lesson.card;
        }
        let mut outgoing = peeked.plan(to, ledger)?;
        if let Some(lesson) = &lesson {
            lesson.trim(&mut outgoing, ledger);
        }
        Ok(outgoing)
    }

    /// Attempts, until something may be sent to the client or all hope is gone.
    async fn run(&self, planned: &Planned, settlement: &mut Settlement) -> Result<Returned, Fault> {
        let Outbound { headers, body, .. } = &planned.outbound;
        settlement.asked_tier(tier_of(headers).or_else(|| tier::find(body)));
        let mut retries = Retries::new(&self.settings.backoff);
        let mut returned = loop {
            settlement.attempt();
            match self.once(planned).await {
                Ok(returned) => break returned,
                Err(fault) => {
                    self.upstream.note_fault(&fault);
                    retries.after(planned.way.placed(fault)).await?;
                }
            }
        };
        self.upstream.note_answer();
        let Head { headers: _, request_id, tier } = returned.head();
        settlement.answered(request_id.as_deref());
        settlement.told_tier(*tier);
        returned.judge_form(self.settings.fidelity, settlement)?;
        Ok(returned)
    }

    /// One attempt, up to the commit point.
    async fn once(&self, planned: &Planned) -> Result<Returned, Fault> {
        let Incoming { headers, request_id, body, .. } = self.aws.send(&planned.outbound).await?;
        let mut incoming = Head { tier: tier_of(&headers), headers, request_id };
        if let Delivery::Stream = planned.delivery {
            let mut pump =
                Box::new(Pump::new(body, planned.framing, planned.way.clone(), &planned.label));
            pump.open().await?;
            return Ok(Returned::Stream { incoming, pump });
        }
        let theirs = body.collect(MAX_ANSWER).await?;
        incoming.tier = incoming.tier.or_else(|| tier::find(&theirs));
        if let Delivery::Replay { from } = planned.delivery {
            let stream = pump::replay(from, &theirs, planned.way.clone(), &planned.label)?;
            return Ok(Returned::Replayed { incoming, stream });
        }
        let mut losses = Ledger::default();
        let mut answer = Box::new(whole(&planned.way, &theirs, &planned.label, &mut losses)?);
        let body = answer.body.take().map_or(theirs, Bytes::from);
        Ok(Returned::Whole { incoming, answer, body, losses })
    }

    fn reply(
        &self,
        returned: Returned,
        after: Afterwards,
        inbound: &Inbound,
        mut settlement: Settlement,
    ) -> Reply {
        settlement.committed(StatusCode::OK.as_u16());
        let Afterwards { target, mut ledger, keeper } = after;
        let mut cost = None;
        let (mut reply, head) = match returned {
            Returned::Whole { incoming, answer, body, losses } => {
                ledger.append(losses);
                cost = settlement.complete(&answer.tally, ledger.losses().len());
                if let Some(keeper) = keeper {
                    keeper.keep(&body);
                }
                (Reply::json(StatusCode::OK, body), incoming)
            }
            Returned::Stream { incoming, pump } => {
                let losses = ledger.losses().len();
                let settled = Settling { settlement, losses, keeper };
                let body = AnswerBody::new(*pump, settled, self.settings.keep_alive);
                let kind = body.content_type();
                (Reply::stream(kind, ReplyBody::Stream(Box::new(body))), incoming)
            }
            Returned::Replayed { incoming, stream: Replayed { body, kind, tally, kept } } => {
                cost = settlement.complete(&tally, ledger.losses().len());
                if let (Some(keeper), Some(kept)) = (keeper, kept) {
                    keeper.keep(&kept);
                }
                (Reply::stream(kind, ReplyBody::Whole(body)), incoming)
            }
        };
        if matches!(inbound.operation, Operation::Bedrock { .. }) {
            copy_bedrock_headers(&head.headers, &mut reply.headers);
            if let Some(theirs) = head.headers.get(header::CONTENT_TYPE) {
                reply.headers.insert(header::CONTENT_TYPE, theirs.clone());
            }
        }
        reply.label(&inbound.request_id, head.request_id.as_deref());
        self.tell_cost(&mut reply, cost);
        if let Some(target) = target {
            reply.target(&target);
        }
        if self.settings.fidelity == Fidelity::Report
            && let Some(losses) = ledger.header()
        {
            reply.report(&losses);
        }
        reply
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

/// For operations that never come to the plan of a chat.
fn no_chat() -> Fault {
    Fault::new(ErrorClass::NotSupported, Phase::BeforeSend, "This operation is no chat.")
}

/// The host that serves a carrier.
fn service(carrier: Carrier) -> Service {
    match carrier {
        Carrier::Mantle => Service::Mantle,
        Carrier::Converse
        | Carrier::Invoke
        | Carrier::CountTokens
        | Carrier::OpenAi
        | Carrier::Anthropic => Service::Runtime,
    }
}

/// Headers for Bedrock: content negotiation, what the plan adds, and the caller's own `x-amzn-bedrock-*`
/// where the carrier reads headers.
fn outbound_headers(outbound: &mut HeaderMap, inbound: &HeaderMap, outgoing: &Outgoing) {
    let accept = match (outgoing.stream, outgoing.carrier.framing()) {
        (true, Framing::EventStream) => "application/vnd.amazon.eventstream",
        (true, Framing::ServerSentEvents) => "text/event-stream",
        (false, _) => "application/json",
    };
    outbound.insert(header::ACCEPT, HeaderValue::from_static(accept));
    if outgoing.carrier == Carrier::Invoke || matches!(outgoing.way, Way::RelayBedrock(_)) {
        copy_bedrock_headers(inbound, outbound);
    }
    if matches!(outgoing.way, Way::RelayBedrock(_)) {
        for name in [header::CONTENT_TYPE, header::ACCEPT] {
            if let Some(value) = inbound.get(&name) {
                outbound.insert(name, value.clone());
            }
        }
    }
    for (name, value) in &outgoing.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            outbound.insert(HeaderName::from_static(name), value);
        } else {
            tracing::warn!(header = name, "not sent: the value is not visible ASCII");
        }
    }
}

fn copy_bedrock_headers(from: &HeaderMap, to: &mut HeaderMap) {
    for (name, value) in from.iter().filter(|(name, _)| name.as_str().starts_with(BEDROCK_HEADERS))
    {
        to.insert(name.clone(), value.clone());
    }
}

/// The service tier by InvokeModel's headers, asked for and told.
fn tier_of(headers: &HeaderMap) -> Option<Tier> {
    if headers.get(LATENCY).is_some_and(|latency| latency == tier::OPTIMISED) {
        return Some(Tier::Unknown);
    }
    headers.get(SERVICE_TIER)?.to_str().ok().map(Tier::named)
}

fn betas(headers: &HeaderMap) -> Vec<Cow<'_, str>> {
    let values = headers.get_all(ANTHROPIC_BETA).iter();
    let words = values.flat_map(|v| v.to_str().unwrap_or_default().split(','));
    words.map(str::trim).filter(|w| !w.is_empty()).map(Cow::Borrowed).collect()
}
