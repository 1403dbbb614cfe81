//! From target to target, until one answers.
//!
//! 1. A target is tried once, with retries of its own.
//! 2. The next is tried by `failover(class, phase)` alone, before the commit point only, with the whole
//!    request planned anew.
//! 3. A target that is not well is asked where none is well: one of them for each request, and more only as
//!    the retry budget of each allows. One that asked itself to be left alone is not asked before its time.
//! 4. Where the request has a time limit, no target takes all of it while others are left.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use outcrop_config::Timeouts;
use outcrop_model::{ErrorClass, Fault, Phase, failover};
use tokio::time::{Instant, timeout_at};

use super::itinerary::{Itinerary, Stop, meant};
use super::leg::{Arrived, Leg};
use super::media::Brought;
use super::{Gateway, refuse};
use crate::aside::Call;
use crate::edit::{edit_body, set_text};
use crate::inbound::{Inbound, Operation};
use crate::limit::{Limiter, Told};
use crate::reply::Reply;
use crate::resilience::{Full, Verdict};
use crate::settle::Settlement;
use crate::snapshot::Route;

/// Longest wait in a backend's queue: clients give up on a silent server after about a minute.
const PATIENCE: Duration = Duration::from_secs(30);
/// A target had enough time to answer that had so much of the request's, one part of so many.
const ENOUGH: u32 = 4;
/// When to come back to a full one.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Gateway {
    pub(super) async fn travel(
        &self,
        itinerary: &Itinerary<'_>,
        mut inbound: Inbound,
        mut settlement: Settlement,
    ) -> Reply {
        let Itinerary { snapshot, route, stops } = itinerary;
        let how = &route.treatment;
        let (until, deadline) = ends(&how.timeouts);
        let enough = until.map(|until| until.saturating_duration_since(Instant::now()) / ENOUGH);
        let (whole, headers) = (inbound.body.clone(), inbound.headers.clone());
        let limiter = Limiter::new(Arc::clone(&snapshot.rules), Arc::clone(&self.counters));
        let mut telling: Option<Fault> = None;
        let brought = (stops.len() > 1).then(Brought::default);
        // Those that were not asked yet.
        let mut left: Vec<&Stop<'_>> = stops.iter().collect();
        let mut stop = match first(&mut left) {
            Ok(stop) => stop,
            Err(fault) => return unasked(&fault, route, &inbound, settlement),
        };
        loop {
            let backend = &stop.target.backend;
            settlement.routed(&route.name, &backend.name, Arc::clone(&stop.target.pricing));
            let now = std::time::Instant::now();
            let has_others = left.iter().any(|other| other.is_well(now));
            let leg = Leg {
                gateway: self,
                how,
                backend,
                learned: &backend.learned,
                route: &route.name,
                pricing: &stop.target.pricing,
                limiter: &limiter,
                headers: &stop.target.of.headers,
                model: stop.model.as_deref(),
                key: &stop.key,
                beside: stop.beside,
                brought: brought.as_ref(),
                has_others,
                attempts_left: how
                    .most_attempts
                    .map(|most| most.saturating_sub(settlement.tries())),
                enough,
                until,
                deadline,
            };
            inbound.headers.clone_from(&headers);
            let outcome = leg.visit(stop, &whole, (&mut inbound, &mut settlement)).await;
            let fault = match outcome {
                Err(fault) => fault,
                Ok(arrived) => {
                    let more = More::of(route, stop, &settlement);
                    return more.put(leg.reply(arrived, &inbound, settlement), &inbound);
                }
            };
            let may_go_on = until.is_none_or(|until| Instant::now() < until)
                && how.most_attempts.is_none_or(|most| settlement.tries() < most)
                // A limit of the gateway's holds wherever the request would go.
                && !settlement.is_refused()
                && is_for_others(&fault, &inbound);
            if let Some(next) = may_go_on.then(|| next(&mut left)).flatten() {
                settlement.failed_over(&backend.name, fault.class);
                tracing::debug!(class = fault.class.as_str(), "trying another target");
                telling = Some(more_telling(telling, fault));
                stop = next;
                continue;
            }
            let more = More::of(route, stop, &settlement);
            let fault = self.hinted(more_telling(telling, fault), stop, (&inbound, &settlement));
            return more.put(refuse(&fault, &inbound, settlement), &inbound);
        }
    }

    /// With the names that may have been meant, where the target does not know the model as the caller
    /// wrote it. What is said of Bedrock's own API stays Bedrock's.
    fn hinted(
        &self,
        fault: Fault,
        stop: &Stop<'_>,
        (inbound, settlement): (&Inbound, &Settlement),
    ) -> Fault {
        let is_the_callers = stop.model.is_none() && inbound.names_model_in_body();
        if fault.class != ErrorClass::UnknownModel || !is_the_callers {
            return fault;
        }
        let Some(written) = inbound.model() else { return fault };
        let shelf = self.shelf(settlement.grant());
        // An ARN tells whose account it is.
        let known = shelf.ids().filter(|id| !id.starts_with("arn:"));
        match meant(known, &written) {
            Some(question) => {
                let message = format!("{} {question}", fault.message);
                Fault { message: message.into(), ..fault }
            }
            None => fault,
        }
    }
}

// === impl Leg ===

impl Leg<'_> {
    /// One target: from the operator's changes to its answer, within the time that it has.
    async fn visit(
        &self,
        stop: &Stop<'_>,
        whole: &Bytes,
        (inbound, settlement): (&mut Inbound, &mut Settlement),
    ) -> Result<Arrived, Fault> {
        let before = settlement.attempts();
        let Some(until) = self.until else {
            return self.stay(stop, whole, (inbound, settlement)).await;
        };
        let stay = self.stay(stop, whole, (inbound, &mut *settlement));
        match timeout_at(until, stay).await {
            Ok(outcome) => outcome,
            Err(_) if settlement.attempts() == before => Err(late(Phase::BeforeSend)),
            Err(_) => Err(late(Phase::AwaitingHead)),
        }
    }

    /// The same for a stream. While others are left to ask, it has half of the time that is left to begin,
    /// unless the operator says how long an attempt may take. A whole answer has all of it: that a model works
    /// on it cannot be told from silence.
    pub(super) fn sharing(self) -> Self {
        let limits = &self.how.timeouts;
        let (Some(until), true, None, None) =
            (self.until, self.has_others, limits.attempt, limits.first_byte)
        else {
            return self;
        };
        let now = Instant::now();
        let half = until.saturating_duration_since(now) / 2;
        Self { until: Some(now + half), ..self }
    }

    /// Attempts, until the time of this target is up.
    pub(super) async fn in_time<T>(
        &self,
        attempts: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        match self.until {
            None => attempts.await,
            Some(until) => {
                let outcome = timeout_at(until, attempts).await;
                outcome.unwrap_or_else(|_elapsed| Err(late(Phase::AwaitingHead)))
            }
        }
    }

    /// The operator's changes to the body. Where it holds the model and is empty it stays so: whoever reads it
    /// says that it is missing, in the words of its dialect.
    fn change(&self, stop: &Stop<'_>, inbound: &mut Inbound) -> Result<(), Fault> {
        if inbound.names_model_in_body() {
            if inbound.body.trim_ascii().is_empty() {
                return Ok(());
            }
            if let Some(model) = &stop.model
                && inbound.model().is_none_or(|model| model.is_empty())
            {
                inbound.body = set_text(&inbound.body, "model", model)?;
            }
        }
        if inbound.operation.is_for_a_model() {
            let edits = self.how.body.iter().chain(&stop.target.of.body);
            inbound.body = edit_body(&inbound.body, edits)?;
        }
        Ok(())
    }

    async fn stay(
        &self,
        stop: &Stop<'_>,
        whole: &Bytes,
        (inbound, settlement): (&mut Inbound, &mut Settlement),
    ) -> Result<Arrived, Fault> {
        inbound.body = whole.clone();
        self.change(stop, inbound)?;
        self.borrow(inbound)?;
        settlement.hold(None);
        if let Some(gate) = &self.backend.gate {
            // Nobody waits here for what another target can do at once.
            let permit = match self.has_others {
                true => gate.try_enter(),
                false => gate.enter(PATIENCE).await,
            };
            settlement.hold(Some(permit.map_err(|Full| full())?));
        }
        let lenders = inbound.credentials.as_ref().map(|lent| self.backend.lenders.learned(lent));
        let learned = lenders.as_deref().unwrap_or(self.learned);
        Leg { learned, ..*self }.go(inbound, settlement).await
    }
}

// === which target ===

/// When an answer must have begun by, and when it must have ended.
fn ends(timeouts: &Timeouts) -> (Option<Instant>, Option<Instant>) {
    let now = Instant::now();
    let deadline = timeouts.request.map(|limit| now + limit);
    let begin = timeouts.begin.map(|limit| now + limit);
    (begin.into_iter().chain(deadline).min(), deadline)
}

/// Takes the target to begin with: the first that is well. Where none is, the one that is due first; but none
/// before its time that asked for it.
///
/// # Errors
/// When all asked to be left alone.
fn first<'a, 's>(left: &mut Vec<&'a Stop<'s>>) -> Result<&'a Stop<'s>, Fault> {
    let now = std::time::Instant::now();
    if left.len() == 1 {
        // Whoever has no choice hears what Bedrock itself says.
        return Ok(left.remove(0));
    }
    let mut guessed: Option<(std::time::Instant, usize)> = None;
    let mut asked: Option<std::time::Instant> = None;
    for (at, stop) in left.iter().enumerate() {
        let due = match stop.verdict(now) {
            Verdict::Well => return Ok(left.remove(at)),
            Verdict::Due => now,
            Verdict::Guessed(until) => until,
            Verdict::Asked(until) => {
                asked = Some(asked.map_or(until, |known| known.min(until)));
                continue;
            }
        };
        if guessed.is_none_or(|(known, _)| due < known) {
            guessed = Some((due, at));
        }
    }
    match (guessed, asked) {
        (Some((_, at)), _) => Ok(left.remove(at)),
        (None, Some(until)) => Err(busy(until.saturating_duration_since(now))),
        (None, None) => Err(nowhere()),
    }
}

/// Takes the next target of those that were not asked yet, wherever it stands: the first that is well, else
/// the first whose budget pays for it.
fn next<'a, 's>(left: &mut Vec<&'a Stop<'s>>) -> Option<&'a Stop<'s>> {
    let now = std::time::Instant::now();
    let well = left.iter().position(|stop| stop.is_well(now));
    let paid = || {
        left.iter().position(|stop| match stop.verdict(now) {
            Verdict::Asked(_) => false,
            Verdict::Well | Verdict::Due | Verdict::Guessed(_) => {
                stop.target.backend.budget.withdraw(now)
            }
        })
    };
    let at = well.or_else(paid)?;
    Some(left.remove(at))
}

/// Whether another target may do better. What a caller's own credentials are refused for is the caller's, and
/// a job that may have begun is not begun elsewhere: the token that makes it one is of one account and region.
fn is_for_others(fault: &Fault, inbound: &Inbound) -> bool {
    let is_the_callers = inbound.credentials.is_some()
        && matches!(fault.class, ErrorClass::AccessDenied | ErrorClass::BadCredentials);
    let is_of_the_body = fault.param.is_some() && fault.phase == Phase::BeforeSend;
    let may_have_begun = starts_a_job(&inbound.operation) && !has_begun_nothing(fault);
    failover(fault.class, fault.phase) && !is_the_callers && !is_of_the_body && !may_have_begun
}

fn starts_a_job(operation: &Operation) -> bool {
    matches!(operation, Operation::Aside(aside) if aside.call == Call::StartAsyncInvoke)
}

/// Whether a failure shows that the target has begun nothing: nothing was sent, or AWS itself refused by name.
fn has_begun_nothing(fault: &Fault) -> bool {
    use ErrorClass as C;
    let is_refusal = matches!(
        fault.class,
        C::Throttled
            | C::QuotaSpent
            | C::QuotaExceeded
            | C::ModelNotReady
            | C::AccessDenied
            | C::BadCredentials
            | C::ExpiredCredentials
            | C::BadSignature
            | C::WrongEndpoint
            | C::UnknownModel
            | C::ProfileNeeded
    );
    fault.phase == Phase::BeforeSend || (is_refusal && fault.code.is_some())
}

// === what is told ===

/// What the answer's headers tell beside what the target says.
struct More {
    limits: Option<Arc<Told>>,
    way: Option<String>,
}

// === impl More ===

impl More {
    fn of(route: &Route, stop: &Stop<'_>, settlement: &Settlement) -> Self {
        let way = route.treatment.route_header.then(|| way(route, stop, settlement));
        Self { limits: settlement.told(), way }
    }

    fn put(self, mut reply: Reply, inbound: &Inbound) -> Reply {
        if let Some(told) = self.limits {
            told.put(inbound.operation.dialect(), &mut reply.headers);
        }
        if let Some(way) = self.way {
            reply.route(&way);
        }
        reply
    }
}

/// No target may be asked.
fn unasked(fault: &Fault, route: &Route, inbound: &Inbound, mut settlement: Settlement) -> Reply {
    settlement.on_route(&route.name);
    let way = route.treatment.route_header.then(|| route.name.clone());
    More { limits: None, way }.put(refuse(fault, inbound, settlement), inbound)
}

/// The route, the backend that answered, and those that did not.
fn way(route: &Route, stop: &Stop<'_>, settlement: &Settlement) -> String {
    let mut way = format!("{}; backend={}", route.name, stop.target.backend.name);
    for (backend, class) in settlement.failures() {
        way.push_str(&format!("; failed={backend} {}", class.as_str()));
    }
    way
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

fn nowhere() -> Fault {
    let what = "No target of this route can be asked.";
    Fault::new(ErrorClass::UnknownPath, Phase::BeforeSend, what)
}

fn full() -> Fault {
    let what = "This gateway has as many requests in flight as it may. Try again in a moment.";
    let mut fault = Fault::new(ErrorClass::Overloaded, Phase::BeforeSend, what);
    fault.retry_after = Some(RETRY_AFTER);
    fault.with_detail("the backend's queue is full")
}

fn busy(wait: Duration) -> Fault {
    let what = "Bedrock asked to be left alone for a while, wherever this request could go. Try again later.";
    let mut fault = Fault::new(ErrorClass::Throttled, Phase::BeforeSend, what);
    // Whole seconds are told; earlier would be in vain.
    fault.retry_after = Some(Duration::from_secs(wait.as_secs() + 1));
    fault.with_detail("all targets cool down")
}

fn late(phase: Phase) -> Fault {
    let what = "The request took longer than this gateway allows.";
    Fault::new(ErrorClass::UpstreamTimeout, phase, what)
}
