//! The way that one request goes: its route, the targets in order, and from one to the next.
//!
//! 1. The order is made once; a target is tried once, with retries of its own.
//! 2. The next target is tried by `failover(class, phase)` alone, before the commit point only, with the
//!    whole request planned anew.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use outcrop_config::ModelIs;
use outcrop_model::json::{Members, parse_body};
use outcrop_model::{ErrorClass, Fault, Phase, alias, failover};
use tokio::time::{Instant, timeout_at};

use super::leg::{Arrived, Leg};
use super::{Gateway, refuse};
use crate::affinity;
use crate::edit::{edit_body, set_text};
use crate::inbound::Inbound;
use crate::limit::Limiter;
use crate::model_id;
use crate::reply::Reply;
use crate::resilience::{Full, Verdict};
use crate::route::Named;
use crate::route::pick::{Lot, order};
use crate::settle::Settlement;
use crate::snapshot::{Route, Snapshot, Target};

/// Targets that one request may try.
const MOST_TARGETS: usize = 16;

/// Names that an unknown one may have been meant for.
const MOST_NEAREST: usize = 3;

/// Longest wait in a backend's queue: clients give up on a silent server after about a minute.
const PATIENCE: Duration = Duration::from_secs(30);
/// When to come back to a full one.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Itinerary<'s> {
    snapshot: &'s Snapshot,
    route: &'s Route,
    /// In the order in which they are tried.
    stops: Vec<Stop<'s>>,
}

/// A target with the model to ask for there.
struct Stop<'s> {
    target: &'s Target,
    /// `None`: the caller's.
    model: Option<Cow<'s, str>>,
    /// The model by the name that it is asked for.
    key: String,
}

// === impl Itinerary ===

impl<'s> Itinerary<'s> {
    /// # Errors
    /// When no route takes the request, or the caller may not use the one that does.
    pub(super) fn of(
        snapshot: &'s Snapshot,
        inbound: &Inbound,
        settlement: &Settlement,
    ) -> Result<Self, Fault> {
        let written = snapshot.needs_model().then(|| inbound.model()).flatten();
        if let Some(written) = &written {
            // Before it is compared, or anything is kept by it.
            model_id::check(written)?;
        }
        let named = written.as_deref().map(|written| named(snapshot, written));
        let found = snapshot.table.find(&inbound.approach(), &inbound.own_path, named.as_ref());
        let Some(route) = found.and_then(|at| snapshot.routes.get(at)) else {
            return Err(no_route(snapshot, inbound, written.as_deref()));
        };
        settlement.grant().check_route(&route.name)?;
        let written = written.as_deref().unwrap_or_default();
        let name = named.map_or(String::new(), |named| named.name);
        let stops = route.targets.iter().map(|target| {
            let model = model_at(snapshot, target, written, &name);
            let key = model.as_deref().unwrap_or(written).to_owned();
            Stop { target, model, key }
        });
        let mut stops: Vec<Option<Stop<'s>>> = stops.map(Some).collect();
        let order = lots(route, &stops, inbound);
        let stops: Vec<Stop<'s>> =
            order.into_iter().filter_map(|at| stops.get_mut(at)?.take()).collect();
        match stops.is_empty() {
            true => Err(no_route(snapshot, inbound, None)),
            false => Ok(Self { snapshot, route, stops }),
        }
    }
}

impl Itinerary<'_> {
    /// The route and the backends, by name.
    pub(super) fn names(&self) -> (String, Vec<String>) {
        let backends = self.stops.iter().map(|stop| stop.target.backend.name.clone());
        (self.route.name.clone(), backends.collect())
    }
}

impl Gateway {
    /// From target to target, until one answers or all hope is gone.
    pub(super) async fn travel(
        &self,
        itinerary: &Itinerary<'_>,
        mut inbound: Inbound,
        mut settlement: Settlement,
    ) -> Reply {
        let Itinerary { route, stops, .. } = itinerary;
        let how = &route.treatment;
        let deadline = how.timeouts.request.map(|limit| Instant::now() + limit);
        let (whole, headers) = (inbound.body.clone(), inbound.headers.clone());
        let limiter =
            Limiter::new(Arc::clone(&itinerary.snapshot.rules), Arc::clone(&self.counters));
        let mut telling: Option<Fault> = None;
        for (at, stop) in stops.iter().take(MOST_TARGETS).enumerate() {
            let backend = &stop.target.backend;
            settlement.routed(&route.name, &backend.name, Arc::clone(&stop.target.pricing));
            let leg = Leg {
                gateway: self,
                how,
                backend,
                route: &route.name,
                pricing: &stop.target.pricing,
                limiter: &limiter,
                headers: &stop.target.of.headers,
                model: stop.model.as_deref(),
                has_others: at + 1 < stops.len().min(MOST_TARGETS),
                attempts_left: how
                    .most_attempts
                    .map(|most| most.saturating_sub(settlement.tries())),
                until: deadline,
            };
            if at > 0 {
                inbound.headers.clone_from(&headers);
            }
            let visit = visit(&leg, stop, &whole, &mut inbound, &mut settlement);
            let outcome = match deadline {
                Some(deadline) => timeout_at(deadline, visit).await.unwrap_or_else(|_| Err(late())),
                None => visit.await,
            };
            let is_late = deadline.is_some_and(|deadline| deadline <= Instant::now());
            match outcome {
                Ok(arrived) => {
                    let way = how.route_header.then(|| way(route, stop, &settlement));
                    let told = settlement.told();
                    let mut reply = leg.reply(arrived, &inbound, settlement);
                    if let Some(told) = told {
                        told.put(inbound.operation.dialect(), &mut reply.headers);
                    }
                    if let Some(way) = way {
                        reply.route(&way);
                    }
                    return reply;
                }
                Err(fault) => {
                    // A limit of the gateway's holds wherever the request would go.
                    let goes_on = leg.has_others
                        && !is_late
                        && how.most_attempts.is_none_or(|most| settlement.tries() < most)
                        && !settlement.is_refused()
                        && is_for_others(&fault, &inbound);
                    if goes_on {
                        settlement.failed_over(&backend.name, fault.class);
                        tracing::debug!(class = fault.class.as_str(), "trying another target");
                        telling = Some(more_telling(telling, fault));
                        continue;
                    }
                    let way = how.route_header.then(|| way(route, stop, &settlement));
                    let told = settlement.told();
                    let mut reply = refuse(&more_telling(telling, fault), &inbound, settlement);
                    if let Some(told) = told {
                        told.put(inbound.operation.dialect(), &mut reply.headers);
                    }
                    if let Some(way) = way {
                        reply.route(&way);
                    }
                    return reply;
                }
            }
        }
        let fault = telling.unwrap_or_else(|| nowhere("No target of this route can be asked."));
        refuse(&fault, &inbound, settlement)
    }
}

/// One target: from the operator's changes to its answer.
async fn visit(
    leg: &Leg<'_>,
    stop: &Stop<'_>,
    whole: &bytes::Bytes,
    inbound: &mut Inbound,
    settlement: &mut Settlement,
) -> Result<Arrived, Fault> {
    let Stop { target, model, key } = stop;
    let backend = leg.backend;
    let edits = leg.how.body.iter().chain(&target.of.body);
    inbound.body = whole.clone();
    if let Some(model) = model
        && inbound.names_model_in_body()
        && inbound.model().is_none_or(|model| model.is_empty())
    {
        inbound.body = set_text(&inbound.body, "model", model)?;
    }
    if inbound.operation.is_for_a_model() {
        inbound.body = edit_body(&inbound.body, edits)?;
    }
    leg.borrow(inbound)?;
    settlement.hold(None);
    if let Some(gate) = &backend.gate {
        settlement.hold(Some(gate.enter(PATIENCE).await.map_err(|Full| full())?));
    }
    let (attempts, sent) = (settlement.attempts(), std::time::Instant::now());
    let outcome = leg.go(inbound, settlement).await;
    let now = std::time::Instant::now();
    if settlement.attempts() == attempts {
        // What stayed in the gateway says nothing of the backend.
        return outcome;
    }
    backend.budget.deposit();
    if let Some(gate) = &backend.gate {
        gate.ended(outcome.as_ref().err().map(|fault| fault.class), now);
    }
    // What the caller's own credentials meet says nothing of the gateway's.
    if inbound.credentials.is_none() {
        let model = settlement.called().unwrap_or(key);
        match &outcome {
            Ok(_) => backend.ward.answered(model, (sent, now)),
            Err(fault) if fault.param.is_some() && fault.phase == Phase::BeforeSend => {}
            Err(fault) => {
                if backend.ward.failed(model, fault, (sent, now)) {
                    let (backend, class) = (&backend.name, fault.class.as_str());
                    tracing::warn!(backend, model = key, class, "left alone for a while");
                }
            }
        }
    }
    outcome
}

/// Whether another target may do better. What a caller's own credentials are refused for is the caller's.
fn is_for_others(fault: &Fault, inbound: &Inbound) -> bool {
    let is_the_callers = inbound.credentials.is_some()
        && matches!(fault.class, ErrorClass::AccessDenied | ErrorClass::BadCredentials);
    let is_of_the_body = fault.param.is_some() && fault.phase == Phase::BeforeSend;
    failover(fault.class, fault.phase) && !is_the_callers && !is_of_the_body
}

/// That a target is busy tells more than what befell others: the caller is to come back.
fn more_telling(before: Option<Fault>, now: Fault) -> Fault {
    let is_busy =
        |fault: &Fault| matches!(fault.class, ErrorClass::Throttled | ErrorClass::Overloaded);
    match before {
        Some(before) if is_busy(&before) && !is_busy(&now) => before,
        Some(_) | None => now,
    }
}

fn named(snapshot: &Snapshot, written: &str) -> Named {
    let name = snapshot.table.names.resolve(written).into_owned();
    let built_in = alias::resolve(&name).id.into_owned();
    Named { name, built_in }
}

/// The model to ask for at `target`, where it is not what the caller wrote.
fn model_at<'s>(
    snapshot: &'s Snapshot,
    target: &'s Target,
    written: &str,
    name: &str,
) -> Option<Cow<'s, str>> {
    let own = target.of.model.as_deref().map(|model| snapshot.table.names.resolve(model));
    let renamed = || (name != written).then(|| Cow::Owned(name.to_owned()));
    match (own, target.of.model_is) {
        (Some(own), ModelIs::Set) => Some(own),
        (Some(own), ModelIs::Default) if written.is_empty() => Some(own),
        (Some(_), ModelIs::Default) | (None, _) => renamed(),
    }
}

/// The id that a target is asked for where a caller names `model`.
fn called(target: &Target, model: &str) -> String {
    target.backend.learned.callee(model).target
}

fn lots(route: &Route, stops: &[Option<Stop<'_>>], inbound: &Inbound) -> Vec<usize> {
    let now = std::time::Instant::now();
    let how = &route.treatment;
    if stops.len() == 1 {
        return vec![0];
    }
    let mut lots: Vec<Lot<'_>> = stops
        .iter()
        .flatten()
        .map(|Stop { target, key, model: _ }| Lot {
            name: (&target.backend.name, key),
            weight: target.of.weight,
            priority: target.of.priority,
            fit: target.backend.ward.is_well(&called(target, key), now),
        })
        .collect();
    let kept = || {
        let session = how.session_header.as_deref();
        affinity::seed(&inbound.headers, session, &inbound.body)
    };
    let seed = match lots.len() {
        0 => 0,
        _ if how.affinity => kept().unwrap_or_else(|| fastrand::u64(..)),
        _ => fastrand::u64(..),
    };
    // Whoever would be first if all were well may be due to be looked at again.
    let all_well: Vec<Lot<'_>> = lots.iter().map(|lot| Lot { fit: true, ..*lot }).collect();
    if let Some(&first) = order(&all_well, seed).first()
        && !lots[first].fit
        && let Some(Some(Stop { target, key, .. })) = stops.get(first)
    {
        lots[first].fit = target.backend.ward.verdict(&called(target, key), now) == Verdict::Probe;
    }
    order(&lots, seed)
}

/// What the header tells: the route, the backend that answered, and those that did not.
fn way(route: &Route, stop: &Stop<'_>, settlement: &Settlement) -> String {
    let mut way = format!("{}; backend={}", route.name, stop.target.backend.name);
    for (backend, class) in settlement.failures() {
        way.push_str(&format!("; failed={backend} {}", class.as_str()));
    }
    way
}

// === faults ===

fn nowhere(what: &'static str) -> Fault {
    Fault::new(ErrorClass::UnknownPath, Phase::BeforeSend, what)
}

fn full() -> Fault {
    let what = "This gateway has as many requests in flight as it may. Try again in a moment.";
    let mut fault = Fault::new(ErrorClass::Overloaded, Phase::BeforeSend, what);
    fault.retry_after = Some(RETRY_AFTER);
    fault.with_detail("the backend's queue is full")
}

fn late() -> Fault {
    let what = "The request took longer than this gateway allows.";
    Fault::new(ErrorClass::UpstreamTimeout, Phase::AwaitingHead, what)
}

/// Why no route takes the request: most often for its model.
fn no_route(snapshot: &Snapshot, inbound: &Inbound, written: Option<&str>) -> Fault {
    let Some(written) = written.filter(|written| !written.is_empty()) else {
        if snapshot.table.asks_model && inbound.names_model_in_body() {
            return match parse_body::<Members<'_>>(&inbound.body) {
                Err(fault) => fault,
                Ok(_) => Fault::invalid("model", "is required. Name the model to ask."),
            };
        }
        return nowhere("No route of this gateway takes this request.");
    };
    if !snapshot.table.asks_model {
        return nowhere("No route of this gateway takes this request.");
    }
    let shown: String = written.chars().take(200).collect();
    let mut message = format!("This gateway has no route for the model `{shown}`.");
    let nearest = nearest(snapshot, written);
    if !nearest.is_empty() {
        message.push_str(&format!(" Did you mean {}?", nearest.join(", ")));
    }
    message.push_str(" GET /v1/models lists some that exist.");
    Fault::new(ErrorClass::UnknownModel, Phase::BeforeSend, message).with_param("model")
}

/// The names that routes and the operator know, nearest first.
fn nearest(snapshot: &Snapshot, written: &str) -> Vec<String> {
    let names = snapshot.table.names.listed().map(|(name, _)| name);
    let known = names.chain(snapshot.table.exact_models().map(|(_, model)| model));
    let mut near: Vec<(f64, &str)> = known
        .map(|name| (strsim::jaro_winkler(name, written), name))
        .filter(|(likeness, _)| *likeness > 0.7)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.dedup_by_key(|(_, name)| *name);
    near.into_iter().take(MOST_NEAREST).map(|(_, name)| format!("`{name}`")).collect()
}
