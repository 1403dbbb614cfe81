//! Requests that become several calls of InvokeModel: plan, attempt each, put together, settle once.
//!
//! After a failure no call is begun; those that Bedrock has may answer for a moment, since it charges for them.
//! What they used that have not answered by then is not known, and limits keep what was reserved.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use outcrop_aws::{Credentials, Incoming, Outbound};
use outcrop_dialect::answer::{Label, Tally};
use outcrop_dialect::bundle::{Bundle, Piece, Specialty, plan};
use outcrop_dialect::plan::Estimate;
use outcrop_model::{Carrier, Fault, Ledger, Tier, Usage, Wares};

use super::headers::copy_bedrock_headers;
use super::leg::Leg;
use super::{MAX_ANSWER, MOST_LESSONS, telling};
use crate::callee::Callee;
use crate::fan::Fan;
use crate::inbound::Inbound;
use crate::model_id;
use crate::reply::Reply;
use crate::settle::Settlement;

/// Calls of one request that run at once: enough to hide latency, few enough that one client with a
/// long list does not spend an account's requests per minute in a second.
const FAN_WIDTH: usize = 8;
/// What calls in the air have to answer in once the request has failed: embeddings and refusals are there
/// sooner, and for pictures nobody waits who gets none.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
const INPUT_TOKENS: &str = "x-amzn-bedrock-input-token-count";

/// A planned bundle with what every call of it needs.
struct Planned {
    callee: Callee,
    bundle: Bundle,
    path: String,
    headers: HeaderMap,
    credentials: Option<Credentials>,
    label: Label,
    ledger: Ledger,
}

/// What one call brought, with Bedrock's id of it.
struct Returned {
    piece: Piece,
    request_id: Option<String>,
}

/// What calls have brought so far, in every run over them: Bedrock charges for it, whoever gets it.
#[derive(Debug, Clone, Copy, Default)]
struct Brought {
    input: u64,
    /// Some call did not tell how many tokens it took.
    is_part: bool,
    wares: Wares,
}

/// A run over all calls, as it goes. Its receipt tells at any time what there is to be charged, since the run
/// may be cut off.
struct Run<'s> {
    settlement: &'s mut Settlement,
    brought: &'s mut Brought,
    /// What runs before it brought of what is charged by number.
    earlier: Wares,
    /// The same of this run, if all of it succeeds.
    wanted: Wares,
    items: u64,
    /// Calls that were sent and have not ended.
    in_the_air: usize,
    has_failed: bool,
}

/// The whole answer, ready to be settled.
pub(super) struct Gathered {
    body: Vec<u8>,
    /// The id that Bedrock was asked for, where it is not the caller's.
    target: Option<String>,
    usage: Option<Usage>,
    ledger: Ledger,
    /// Bedrock's id of the first call.
    first_id: Option<String>,
}

impl Leg<'_> {
    /// Plans and runs, and does so again when a refusal taught which id to call.
    pub(super) async fn gather_bundle(
        &self,
        specialty: Specialty,
        inbound: &Inbound,
        settlement: &mut Settlement,
    ) -> Result<Gathered, Fault> {
        let mut heard: Vec<Fault> = Vec::new();
        let mut brought = Brought::default();
        loop {
            let planned = self.plan_bundle(specialty, inbound, settlement)?;
            self.reserve_bundle(&planned, inbound, settlement).await?;
            match self.run_bundle(&planned, &mut brought, settlement).await {
                Ok(returned) => return gather(planned, returned, brought),
                Err(fault) => {
                    let may_learn = heard.len() < MOST_LESSONS;
                    let callee = &planned.callee;
                    if !may_learn
                        || !self.learned.learn_target(callee, &fault, self.gateway.catalog)
                    {
                        return Err(telling(heard, fault));
                    }
                    heard.push(fault);
                }
            }
        }
    }

    fn plan_bundle(
        &self,
        specialty: Specialty,
        inbound: &Inbound,
        settlement: &mut Settlement,
    ) -> Result<Planned, Fault> {
        let mut ledger = Ledger::default();
        let asked = |model: &str| {
            settlement.asked(model, false);
            self.learned.callee(model).model().to_owned()
        };
        let bundle = plan(specialty, &inbound.body, self.gateway.catalog, asked, &mut ledger)?;
        model_id::check(&bundle.model)?;
        ledger.verdict(self.how.fidelity)?;
        settlement.planned(Carrier::Invoke, &ledger);
        let model = bundle.model.clone();
        let callee = self.callee(&model, settlement)?;
        let path = format!(
            "/model/{}/{}",
            model_id::percent_encode(&callee.target),
            Carrier::Invoke.path_segment(false)
        );
        let mut headers = HeaderMap::new();
        copy_bedrock_headers(&inbound.headers, &mut headers);
        let created =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let label = Label { id: inbound.request_id.replace('-', ""), created, model };
        let credentials = inbound.credentials.clone();
        Ok(Planned { callee, bundle, path, headers, credentials, label, ledger })
    }

    async fn reserve_bundle(
        &self,
        planned: &Planned,
        inbound: &Inbound,
        settlement: &mut Settlement,
    ) -> Result<(), Fault> {
        let Planned { callee, bundle, label, .. } = planned;
        let expected = || {
            let Estimate { input, output: _ } = Estimate::of_body(&inbound.body);
            let usage = Usage { input, ..Usage::default() };
            self.expected_cost(callee, (Tier::Standard, usage), &bundle.wares)
        };
        let wanted = [&*label.model, &*callee.target, callee.model()];
        self.reserve(inbound, wanted, expected, settlement).await
    }

    /// All calls, each until it succeeds or all hope is gone; the first failure is the answer.
    async fn run_bundle(
        &self,
        planned: &Planned,
        brought: &mut Brought,
        settlement: &mut Settlement,
    ) -> Result<Vec<Returned>, Fault> {
        let run = Mutex::new(Run {
            settlement,
            earlier: brought.wares,
            brought,
            wanted: planned.bundle.wares,
            items: 0,
            in_the_air: 0,
            has_failed: false,
        });
        let mut fan = Fan::new(planned.bundle.calls.len(), FAN_WIDTH);
        let returned = fan.values(|index| self.call(planned, index, &run)).await;
        if returned.is_ok() {
            locked(&run).ended();
            return returned;
        }
        locked(&run).has_failed = true;
        let landed = fan.run_on(|| locked(&run).in_the_air == 0);
        if tokio::time::timeout(AFTER_FAILURE, landed).await.is_err() {
            locked(&run).settlement.gave_up();
        }
        returned
    }

    async fn call(
        &self,
        planned: &Planned,
        index: usize,
        run: &Mutex<Run<'_>>,
    ) -> Result<Returned, Fault> {
        let body = planned.bundle.calls[index].clone();
        let outbound = outbound(planned, body);
        let mut retries = self.retries(&self.how.backoff);
        loop {
            if locked(run).has_failed {
                // There is nothing to try again for.
                return std::future::pending().await;
            }
            locked(run).sent(retries.failed());
            let watch = self.watch(&planned.callee.target, retries.failed());
            let watch = watch.lent(outbound.credentials.as_ref());
            let outcome = self.call_once((planned, index), &outbound, run).await;
            locked(run).in_the_air -= 1;
            watch.ended(outcome.as_ref().map(|_| ()));
            match outcome {
                Ok(returned) => return Ok(returned),
                Err(fault) => retries.after(fault).await?,
            }
        }
    }

    async fn call_once(
        &self,
        (planned, index): (&Planned, usize),
        outbound: &Outbound,
        run: &Mutex<Run<'_>>,
    ) -> Result<Returned, Fault> {
        let Incoming { headers, request_id, body, .. } = self.send(outbound).await?;
        let told = told_tokens(&headers);
        let theirs = body.collect(MAX_ANSWER).await;
        let read = theirs.and_then(|theirs| planned.bundle.task.read(index, &theirs));
        match &read {
            Ok(piece) => locked(run).took(told.or(piece.input_tokens), piece.items.len()),
            // What cannot be read is charged like the rest.
            Err(_) if told.is_some() => locked(run).took(told, 0),
            Err(_) => {}
        }
        let mut piece = read?;
        piece.input_tokens = told.or(piece.input_tokens);
        Ok(Returned { piece, request_id })
    }

    pub(super) fn reply_bundle(
        &self,
        gathered: Gathered,
        inbound: &Inbound,
        mut settlement: Settlement,
    ) -> Reply {
        let Gathered { body, target, usage, ledger, first_id } = gathered;
        settlement.answered(first_id.as_deref());
        settlement.committed(StatusCode::OK.as_u16());
        let tally = Tally { usage, ..Tally::default() };
        settlement.lost(&ledger);
        let cost = settlement.complete(&tally);
        let mut reply = Reply::json(StatusCode::OK, body);
        self.tell_cost(&mut reply, cost);
        reply.label(&inbound.request_id, first_id.as_deref());
        if let Some(target) = target {
            reply.target(&target);
        }
        self.report(&mut reply, &ledger);
        reply
    }
}

// === impl Brought ===

impl Brought {
    fn told(self) -> Usage {
        Usage { input: self.input, ..Usage::default() }
    }
}

// === impl Run ===

impl Run<'_> {
    /// A call is sent, after so many failures of it.
    fn sent(&mut self, failed: u32) {
        self.in_the_air += 1;
        self.settlement.attempt(failed);
    }

    /// A call was answered, with so many tokens and so many items.
    fn took(&mut self, tokens: Option<u64>, items: usize) {
        match tokens {
            Some(tokens) => self.brought.input += tokens,
            None => self.brought.is_part = true,
        }
        self.items += items as u64;
        self.note(self.wanted.first(self.items));
    }

    /// All calls were answered.
    fn ended(&mut self) {
        let mut wares = self.wanted;
        if wares.images > 0 {
            // What a filter held back is not there.
            wares.images = self.items;
        }
        self.note(wares);
    }

    fn note(&mut self, wares: Wares) {
        self.brought.wares = self.earlier.and(wares);
        self.settlement.wares(self.brought.wares);
        if self.brought.input > 0 {
            let usage = Some(self.brought.told());
            self.settlement.tally(&Tally { usage, ..Tally::default() });
        }
    }
}

fn locked<'r, 's>(run: &'r Mutex<Run<'s>>) -> MutexGuard<'r, Run<'s>> {
    run.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts the pieces together.
fn gather(planned: Planned, returned: Vec<Returned>, brought: Brought) -> Result<Gathered, Fault> {
    let Planned { callee, bundle, label, mut ledger, .. } = planned;
    let first_id = returned.first().and_then(|r| r.request_id.clone());
    let pieces: Vec<Piece> = returned.into_iter().map(|r| r.piece).collect();
    let body = bundle.task.write(&pieces, &label, &mut ledger)?;
    // A part of the tokens is no usage: it would be charged as if it were all.
    let usage = (!brought.is_part).then(|| brought.told());
    let target = callee.told(&label.model);
    Ok(Gathered { body, target, usage, ledger, first_id })
}

fn outbound(planned: &Planned, body: Bytes) -> Outbound {
    let mut outbound = Outbound::post(planned.path.clone(), body);
    let json = http::HeaderValue::from_static("application/json");
    outbound.headers.insert(http::header::ACCEPT, json);
    copy_bedrock_headers(&planned.headers, &mut outbound.headers);
    outbound.credentials.clone_from(&planned.credentials);
    outbound
}

fn told_tokens(headers: &HeaderMap) -> Option<u64> {
    headers.get(INPUT_TOKENS)?.to_str().ok()?.parse().ok()
}
