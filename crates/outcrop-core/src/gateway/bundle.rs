//! Requests that become several calls of InvokeModel: plan, attempt each, put together, settle once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use outcrop_aws::{Credentials, Incoming, Outbound};
use outcrop_dialect::answer::{Label, Tally};
use outcrop_dialect::bundle::{Bundle, Piece, Specialty, input_tokens, plan};
use outcrop_dialect::plan::Estimate;
use outcrop_model::{Carrier, Fault, Ledger, Tier, Usage, Wares};

use super::headers::copy_bedrock_headers;
use super::leg::Leg;
use super::{MAX_ANSWER, MOST_LESSONS, telling};
use crate::callee::Callee;
use crate::fan::fan_out;
use crate::inbound::Inbound;
use crate::model_id;
use crate::reply::Reply;
use crate::settle::Settlement;

/// Calls of one request that run at once: enough to hide latency, few enough that one client with a
/// long list does not spend an account's requests per minute in a second.
const FAN_WIDTH: usize = 8;
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

/// The whole answer, ready to be settled.
pub(super) struct Gathered {
    body: Vec<u8>,
    /// The id that Bedrock was asked for, where it is not the caller's.
    target: Option<String>,
    usage: Option<Usage>,
    wares: Wares,
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
        loop {
            let planned = self.plan_bundle(specialty, inbound, settlement)?;
            self.reserve_bundle(&planned, inbound, settlement).await?;
            match self.run_bundle(&planned, settlement).await {
                Ok(returned) => return gather(planned, returned),
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
        settlement.planned(Carrier::Invoke, ledger.losses().len());
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
        settlement: &mut Settlement,
    ) -> Result<Vec<Returned>, Fault> {
        let shared = Mutex::new(&mut *settlement);
        let attempt = |failed| {
            shared.lock().unwrap_or_else(PoisonError::into_inner).attempt(failed);
        };
        let (tokens, items) = (AtomicU64::new(0), AtomicU64::new(0));
        let call = async |index| {
            let returned = self.call(planned, index, &attempt).await?;
            let Piece { items: came, input_tokens, withheld: _ } = &returned.piece;
            tokens.fetch_add(input_tokens.unwrap_or_default(), Ordering::Relaxed);
            items.fetch_add(came.len() as u64, Ordering::Relaxed);
            Ok(returned)
        };
        let outcome = fan_out(planned.bundle.calls.len(), FAN_WIDTH, call).await;
        if outcome.is_err() {
            // What was answered is charged, though nobody gets it.
            let input = tokens.into_inner();
            if input > 0 {
                let usage = Some(Usage { input, ..Usage::default() });
                settlement.tally(&Tally { usage, ..Tally::default() });
            }
            settlement.wares(planned.bundle.wares.first(items.into_inner()));
        }
        outcome
    }

    async fn call(
        &self,
        planned: &Planned,
        index: usize,
        attempt: &(dyn Fn(u32) + Sync),
    ) -> Result<Returned, Fault> {
        let body = planned.bundle.calls[index].clone();
        let outbound = outbound(planned, body);
        let mut retries = self.retries(&self.how.backoff);
        loop {
            attempt(retries.failed());
            let watch = self.watch(&planned.callee.target, retries.failed());
            let watch = watch.lent(outbound.credentials.as_ref());
            let outcome = self.call_once(planned, index, &outbound).await;
            watch.ended(outcome.as_ref().map(|_| ()));
            match outcome {
                Ok(returned) => {
                    self.backend.upstream.note_answer();
                    return Ok(returned);
                }
                Err(fault) => {
                    self.backend.upstream.note_fault(&fault);
                    retries.after(fault).await?;
                }
            }
        }
    }

    async fn call_once(
        &self,
        planned: &Planned,
        index: usize,
        outbound: &Outbound,
    ) -> Result<Returned, Fault> {
        let Incoming { headers, request_id, body, .. } = self.send(outbound).await?;
        let theirs = body.collect(MAX_ANSWER).await?;
        let mut piece = planned.bundle.task.read(index, &theirs)?;
        piece.input_tokens = told_tokens(&headers).or(piece.input_tokens);
        Ok(Returned { piece, request_id })
    }

    pub(super) fn reply_bundle(
        &self,
        gathered: Gathered,
        inbound: &Inbound,
        mut settlement: Settlement,
    ) -> Reply {
        let Gathered { body, target, usage, wares, ledger, first_id } = gathered;
        settlement.wares(wares);
        settlement.answered(first_id.as_deref());
        settlement.committed(StatusCode::OK.as_u16());
        let tally = Tally { usage, ..Tally::default() };
        let cost = settlement.complete(&tally, ledger.losses().len());
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

/// Puts the pieces together.
fn gather(planned: Planned, returned: Vec<Returned>) -> Result<Gathered, Fault> {
    let Planned { callee, bundle, label, mut ledger, .. } = planned;
    let first_id = returned.first().and_then(|r| r.request_id.clone());
    let pieces: Vec<Piece> = returned.into_iter().map(|r| r.piece).collect();
    let body = bundle.task.write(&pieces, &label, &mut ledger)?;
    // A part of the tokens is no usage: it would be charged as if it were all.
    let are_told = pieces.iter().all(|piece| piece.input_tokens.is_some());
    let input = input_tokens(&pieces).filter(|_| are_told);
    let usage = input.map(|input| Usage { input, ..Usage::default() });
    let mut wares = bundle.wares;
    if wares.images > 0 {
        // What a filter held back is not there.
        wares.images = pieces.iter().map(|piece| piece.items.len() as u64).sum();
    }
    let target = callee.told(&label.model);
    Ok(Gathered { body, target, usage, wares, ledger, first_id })
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
