//! A chat: peek, plan, attempt until the commit point, return.

use std::borrow::Cow;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use outcrop_aws::{Incoming, Outbound};
use outcrop_dialect::answer::{Label, Mismatch, Whole, whole};
use outcrop_dialect::bundle::mistaken;
use outcrop_dialect::cache::CachePoints;
use outcrop_dialect::carry::Destination;
use outcrop_dialect::kong;
use outcrop_dialect::plan::{Estimate, Outgoing, Peeked, Way};
use outcrop_dialect::responses::{Body, Recalled};
use outcrop_dialect::tier;
use outcrop_model::{Carrier, Dialect, ErrorClass, Fault, Fidelity, Framing, Ledger, Phase, Tier};

use super::guard::guard;
use super::headers::{betas, copy_bedrock_headers, outbound_headers, service, tier_of};
use super::leg::Leg;
use super::{MAX_ANSWER, MOST_LESSONS, enveloped, telling};
use crate::callee::Callee;
use crate::inbound::{Inbound, Operation};
use crate::model_id;
use crate::pump::{self, AnswerBody, Pump, Replayed, Settling};
use crate::reply::{Reply, ReplyBody};
use crate::settle::Settlement;
use crate::store::Keeper;

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
    /// What it may use, where a limit needs it.
    estimate: Option<Estimate>,
}

/// What the operator wants of a plan.
pub(super) struct Wish {
    /// The one carrier to use.
    pub(super) pin: Option<Carrier>,
    pub(super) cache: Option<CachePoints>,
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
pub(super) struct Afterwards {
    /// The id that Bedrock was asked for, where it is not the caller's.
    target: Option<String>,
    /// Whether the answer is Bedrock's own to the caller's own request.
    is_bedrocks: bool,
    ledger: Ledger,
    keeper: Option<Keeper>,
}

/// What an attempt that reached the commit point brought.
pub(super) enum Returned {
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
pub(super) struct Head {
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

// === impl Leg ===

impl Leg<'_> {
    /// Plans and runs, and does so again when a refusal taught how to ask.
    pub(super) async fn answer(
        &self,
        inbound: &Inbound,
        settlement: &mut Settlement,
    ) -> Result<(Returned, Afterwards), Fault> {
        let mut heard: Vec<Fault> = Vec::new();
        let sharing = self.sharing();
        loop {
            let planned = self.plan(inbound, settlement)?;
            self.reserve_chat(&planned, inbound, settlement).await?;
            let leg = match planned.delivery {
                Delivery::Stream => &sharing,
                Delivery::Whole | Delivery::Replay { .. } => self,
            };
            match leg.in_time(leg.run(&planned, settlement)).await {
                Ok(returned) => {
                    let Planned { callee, label, ledger, keeper, way, .. } = planned;
                    let target = callee.told(&label.model);
                    let is_bedrocks = matches!(way, Way::RelayBedrock(_));
                    return Ok((returned, Afterwards { target, is_bedrocks, ledger, keeper }));
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
        let Inbound { operation, headers, body, request_id, .. } = inbound;
        let prepared;
        let recalled: Recalled;
        let peeked = match operation {
            Operation::ChatCompletions => Peeked::openai(body)?,
            Operation::Completions => Peeked::completion(body)?,
            Operation::Responses => {
                let read = Body::read(body)?;
                recalled =
                    self.gateway.responses.recall(settlement.grant().caller_id(), read.wanted());
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
            Operation::Bedrock { model, carrier, stream } => {
                self.peek_bedrock(inbound, model, *carrier, *stream)
            }
            // Taken by `handle` before.
            Operation::Special(_) => return Err(Fault::invalid("", "is not a chat.")),
        };
        settlement.asked(&peeked.model, peeked.stream);
        model_id::check(&peeked.model)?;
        let model = peeked.model.to_string();
        let callee = self.callee(&model, settlement)?;
        if !matches!(operation, Operation::Bedrock { .. })
            && let Some(specialist) = self.gateway.catalog.specialist(callee.model())
        {
            return Err(mistaken(&model, specialist));
        }
        let mut ledger = Ledger::default();
        let wants_stream = peeked.stream;
        let must_estimate = self.limiter.needs_estimate() && !settlement.has_reserved();
        let estimate = must_estimate.then(|| peeked.estimate());
        let wish = Wish { pin: self.pin(), cache: self.how.cache };
        let outgoing = self.plan_for(&callee, wish, peeked, &mut ledger)?;
        ledger.verdict(self.how.fidelity)?;
        settlement.planned(outgoing.carrier, &ledger);
        let outbound = self.outbound(inbound, (&callee, &model), &outgoing, &mut ledger)?;
        let Outgoing { carrier, stream, way, .. } = &outgoing;
        let created =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let label = Label { id: request_id.replace('-', ""), created, model };
        let caller = settlement.grant().caller_id();
        let keeper = match way {
            Way::Respond { settings, .. } | Way::RelayResponses { settings } => {
                Keeper::new(&self.gateway.responses, settings, caller)
            }
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
        Ok(Planned { callee, outbound, delivery, framing, way, label, ledger, keeper, estimate })
    }

    /// What is sent, with its path, its headers and the route's guardrail.
    fn outbound(
        &self,
        inbound: &Inbound,
        (callee, model): (&Callee, &str),
        outgoing: &Outgoing,
        ledger: &mut Ledger,
    ) -> Result<Outbound, Fault> {
        let Inbound { operation, headers, credentials, .. } = inbound;
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
        let Outgoing { carrier, path, stream, .. } = outgoing;
        let path = path
            .clone()
            .unwrap_or_else(|| format!("/model/{segment}/{}", carrier.path_segment(*stream)));
        let mut outbound = Outbound::post(path, outgoing.body.clone());
        outbound.service = service(*carrier);
        outbound.credentials.clone_from(credentials);
        outbound_headers(&mut outbound.headers, headers, outgoing);
        if let Some(guardrail) = &self.how.guardrail {
            guard(&mut outbound, *carrier, guardrail, ledger)?;
            ledger.verdict(self.how.fidelity)?;
        }
        Ok(outbound)
    }

    async fn reserve_chat(
        &self,
        planned: &Planned,
        inbound: &Inbound,
        settlement: &mut Settlement,
    ) -> Result<(), Fault> {
        let Planned { callee, outbound, label, estimate, .. } = planned;
        let sent = (&outbound.headers, &*outbound.body);
        let expected = || self.expected(callee, estimate.unwrap_or_default(), sent);
        let wanted = [&*label.model, &*callee.target, callee.model()];
        self.reserve(inbound, wanted, expected, settlement).await
    }

    /// Whether a refusal teaches how to ask. Bedrock's own bodies are the caller's to change.
    fn learns(&self, planned: &Planned, fault: &Fault) -> bool {
        let Planned { callee, outbound, way, .. } = planned;
        match way {
            Way::RelayBedrock(_) => self.learned.learn_target(callee, fault, self.gateway.catalog),
            Way::RelayAnthropic
            | Way::RelayChat { .. }
            | Way::RelayResponses { .. }
            | Way::Translate { .. }
            | Way::Respond { .. } => {
                self.learned.learn(callee, &outbound.body, fault, self.gateway.catalog)
            }
        }
    }

    /// What to call for the name that the caller wrote.
    pub(super) fn callee(&self, model: &str, settlement: &mut Settlement) -> Result<Callee, Fault> {
        let callee = self.learned.callee(self.called(model));
        self.noted(callee, model, settlement)
    }

    /// What is to be called, if the caller may call it; notes it where it is another than the caller wrote.
    pub(super) fn noted(
        &self,
        callee: Callee,
        model: &str,
        settlement: &mut Settlement,
    ) -> Result<Callee, Fault> {
        settlement.grant().check_model(model, &callee.target)?;
        settlement.calls(&callee.target);
        if let Some(target) = callee.told(model) {
            settlement.targeted(&target);
        }
        settlement.led_to(callee.behind.clone());
        Ok(callee)
    }

    /// The model behind what is called, under the ids that are called. What an ARN stands for is asked
    /// for by that ARN everywhere: another id would reach the model some other way, at another price.
    pub(super) fn destination<'c>(&'c self, callee: &'c Callee) -> Destination<'c> {
        let named = Destination::of(self.gateway.catalog, callee.model());
        let mantle_model = match callee.behind {
            Some(_) => &callee.target,
            None => named.mantle_model,
        };
        Destination { model: &callee.target, mantle_model, ..named }
    }

    /// Plans by the model's card and by what was learned of it.
    pub(super) fn plan_for(
        &self,
        callee: &Callee,
        Wish { pin, cache }: Wish,
        mut peeked: Peeked<'_>,
        ledger: &mut Ledger,
    ) -> Result<Outgoing, Fault> {
        if let Some(beta) = callee.beta {
            peeked.ask_for(beta, ledger);
        }
        let lesson = self.learned.about(callee);
        let mut to = self.destination(callee).pinned(pin).caching(cache);
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
        let mut retries = self.retries(&self.how.backoff);
        let mut returned = loop {
            settlement.attempt(retries.failed());
            match self.watched(planned, retries.failed()).await {
                Ok(returned) => break returned,
                Err(fault) => retries.after(planned.way.placed(fault)).await?,
            }
        };
        let Head { headers: _, request_id, tier } = returned.head();
        settlement.answered(request_id.as_deref());
        settlement.told_tier(*tier);
        returned.judge_form(self.how.fidelity, settlement)?;
        Ok(returned)
    }

    async fn watched(&self, planned: &Planned, failed: u32) -> Result<Returned, Fault> {
        let Planned { callee, outbound, delivery, .. } = planned;
        let watch = self.watch(&callee.target, failed).lent(outbound.credentials.as_ref());
        let watch = match delivery {
            Delivery::Stream => watch.streaming(),
            Delivery::Whole | Delivery::Replay { .. } => watch,
        };
        let mut outcome = self.once(planned).await;
        match &mut outcome {
            Ok(Returned::Stream { pump, .. }) => pump.watched(watch.begun()),
            Ok(Returned::Whole { .. } | Returned::Replayed { .. }) => watch.ended(Ok(())),
            Err(fault) => watch.ended(Err(fault)),
        }
        outcome
    }

    /// One attempt, up to the commit point.
    async fn once(&self, planned: &Planned) -> Result<Returned, Fault> {
        let Incoming { headers, request_id, body, .. } = self.send(&planned.outbound).await?;
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

    pub(super) fn reply_chat(
        &self,
        returned: Returned,
        after: Afterwards,
        inbound: &Inbound,
        mut settlement: Settlement,
    ) -> Reply {
        settlement.committed(StatusCode::OK.as_u16());
        let Afterwards { target, is_bedrocks, mut ledger, keeper } = after;
        settlement.lost(&ledger);
        let (mut cost, mut counted) = (None, None);
        let (mut reply, head) = match returned {
            Returned::Whole { incoming, answer, body, losses } => {
                ledger.append(losses);
                settlement.lost(&ledger);
                cost = settlement.complete(&answer.tally);
                counted = Some(answer.tally.usage.unwrap_or_default());
                if let Some(keeper) = keeper {
                    keeper.keep(&body);
                }
                (Reply::json(StatusCode::OK, body), incoming)
            }
            Returned::Stream { incoming, pump } => {
                let settled = Settling { settlement, keeper };
                let body = AnswerBody::new(*pump, settled, self.gateway.settings.keep_alive);
                let kind = body.content_type();
                (Reply::stream(kind, ReplyBody::Stream(Box::new(body))), incoming)
            }
            Returned::Replayed { incoming, stream: Replayed { body, kind, tally, kept } } => {
                cost = settlement.complete(&tally);
                if let (Some(keeper), Some(kept)) = (keeper, kept) {
                    keeper.keep(&kept);
                }
                (Reply::stream(kind, ReplyBody::Whole(body)), incoming)
            }
        };
        if is_bedrocks {
            copy_bedrock_headers(&head.headers, &mut reply.headers);
            if let Some(theirs) = head.headers.get(header::CONTENT_TYPE) {
                reply.headers.insert(header::CONTENT_TYPE, theirs.clone());
            }
        } else if matches!(inbound.operation, Operation::Bedrock { .. }) {
            enveloped::label(&mut reply.headers, counted);
        }
        reply.label(&inbound.request_id, head.request_id.as_deref());
        self.tell_cost(&mut reply, cost);
        if let Some(target) = target {
            reply.target(&target);
        }
        self.report(&mut reply, &ledger);
        reply
    }
}

/// For operations that never come to the plan of a chat.
fn no_chat() -> Fault {
    Fault::new(ErrorClass::NotSupported, Phase::BeforeSend, "This operation is no chat.")
}
