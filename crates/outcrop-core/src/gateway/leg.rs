//! One request on its way to one target: everything from the peek to the answer.

use std::sync::Arc;
use std::time::Duration;

use outcrop_aws::{Backoff, Incoming, Outbound, Timeouts};
use outcrop_config::HeaderEdits;
use outcrop_model::{Carrier, Fault, Fidelity, Ledger, PicoUsd, alias};
use tokio::time::Instant;

use super::bundle::Gathered;
use super::chat::{Afterwards, Returned};
use super::fetch::Answered;
use super::media::Brought;
use super::{Gateway, named_arn};
use crate::attempt::Retries;
use crate::backend::Backend;
use crate::callee::Learned;
use crate::edit::edit_headers;
use crate::inbound::{Inbound, Operation};
use crate::limit::Limiter;
use crate::pricing::Pricing;
use crate::reply::Reply;
use crate::settle::Settlement;
use crate::treatment::Treatment;

/// See the module.
#[derive(Clone, Copy)]
pub(super) struct Leg<'g> {
    pub(super) gateway: &'g Gateway,
    /// Name of the route.
    pub(super) route: &'g str,
    pub(super) how: &'g Treatment,
    pub(super) backend: &'g Arc<Backend>,
    /// What is known there of models, to whoever signs.
    pub(super) learned: &'g Learned,
    pub(super) pricing: &'g Pricing,
    pub(super) limiter: &'g Limiter,
    /// The operator's changes to headers for this target.
    pub(super) headers: &'g HeaderEdits,
    /// The model to ask for, where it is not the caller's.
    pub(super) model: Option<&'g str>,
    /// Whether there is another target that is well to try after this one.
    pub(super) has_others: bool,
    /// How many of the attempts are left that the route allows over all targets.
    pub(super) attempts_left: Option<u32>,
    /// An attempt that is cut off before it had so much time was sent too late to tell of its target.
    pub(super) enough: Option<Duration>,
    /// When its time to answer is up, or that of a stream to begin.
    pub(super) until: Option<Instant>,
    /// When the time of the whole request is up.
    pub(super) deadline: Option<Instant>,
    /// The model by the name that it is asked for, for whatever is known of it.
    pub(super) key: &'g str,
    /// Which call it is, where that is not inference.
    pub(super) beside: Option<&'static str>,
    /// Media that were fetched, where another target may want them.
    pub(super) brought: Option<&'g Brought>,
}

/// Until a stream begins, the request's own clock has to strike first: its word is told, and what is cut off by
/// it says nothing of a target that was asked late.
const AFTERWARDS: Duration = Duration::from_millis(50);

/// What came back from a target: enough to answer the caller with.
pub(super) enum Arrived {
    Chat(Box<Returned>, Afterwards),
    Fetched(Answered),
    Bundle(Gathered),
}

// === impl Leg ===

impl Leg<'_> {
    /// Up to the commit point.
    pub(super) async fn go(
        &self,
        inbound: &mut Inbound,
        settlement: &mut Settlement,
    ) -> Result<Arrived, Fault> {
        self.acquaint(inbound, settlement).await;
        self.bring_media(inbound, settlement).await?;
        match &inbound.operation {
            Operation::Special(specialty) => {
                self.gather_bundle(*specialty, inbound, settlement).await.map(Arrived::Bundle)
            }
            Operation::CountMessages => {
                self.reserve_call(inbound, settlement).await?;
                self.fetched(self.count_messages(inbound, settlement).await)
            }
            Operation::CountResponses => {
                self.reserve_call(inbound, settlement).await?;
                self.fetched(self.count_responses(inbound, settlement).await)
            }
            Operation::Aside(aside) => self.fetched(self.relay(aside, inbound, settlement).await),
            Operation::ChatCompletions
            | Operation::Completions
            | Operation::KongChat
            | Operation::Responses
            | Operation::Messages
            | Operation::Bedrock { .. } => {
                let (returned, after) = self.answer(inbound, settlement).await?;
                Ok(Arrived::Chat(Box::new(returned), after))
            }
        }
    }

    /// Sees to it that what is behind the ARN of a model is known, if the caller may ask for it. The
    /// gateway's own identity knows nothing of what another account's ARN stands for.
    async fn acquaint(&self, inbound: &Inbound, settlement: &Settlement) {
        if inbound.credentials.is_some() {
            return;
        }
        let named = self.model.map(str::to_owned).or_else(|| named_arn(inbound));
        let Some(name) = named else { return };
        let id = alias::resolve(&name).id;
        if settlement.grant().check_model(&name, &id).is_ok() {
            self.learned.account().acquaint(&id).await;
        }
    }

    /// Of small answers, the last failure tells of the way.
    fn fetched(&self, outcome: Result<Answered, Fault>) -> Result<Arrived, Fault> {
        if let Err(fault) = &outcome {
            self.backend.upstream.note_fault(fault);
        }
        outcome.map(Arrived::Fetched)
    }

    pub(super) fn reply(
        &self,
        arrived: Arrived,
        inbound: &Inbound,
        settlement: Settlement,
    ) -> Reply {
        match arrived {
            Arrived::Chat(returned, after) => {
                self.reply_chat(*returned, after, inbound, settlement)
            }
            Arrived::Fetched(answered) => self.reply_fetched(answered, inbound, settlement),
            Arrived::Bundle(gathered) => self.reply_bundle(gathered, inbound, settlement),
        }
    }

    /// The model to ask for where the caller names `model`.
    pub(super) fn called<'n>(&'n self, model: &'n str) -> &'n str {
        self.model.unwrap_or(model)
    }

    pub(super) fn retries<'p>(&'p self, backoff: &'p Backoff) -> Retries<'p> {
        let retries = Retries::new(backoff)
            .within(&self.backend.budget)
            .also_on(&self.how.also_on)
            .at_most(self.attempts_left)
            .until(self.until);
        match self.has_others {
            true => retries.before_others(),
            false => retries,
        }
    }

    /// The limits of an attempt that is made now. None outlives the request, a stream neither.
    pub(super) fn timeouts(&self) -> Timeouts {
        let mut timeouts = self.how.timeouts(self.backend.aws.timeouts());
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            timeouts.total = timeouts.total.min(left + AFTERWARDS);
        }
        timeouts
    }

    /// One attempt, with the route's limits and changes.
    pub(super) async fn send(&self, outbound: &Outbound) -> Result<Incoming, Fault> {
        let (aws, how, timeouts) = (&self.backend.aws, self.how, self.timeouts());
        if how.headers.is_empty() && self.headers.is_empty() {
            return aws.send_within(outbound, timeouts).await;
        }
        let mut outbound = outbound.clone();
        edit_headers(&mut outbound.headers, how.headers.iter().chain(self.headers));
        aws.send_within(&outbound, timeouts).await
    }

    /// Takes out of the headers what AWS credentials the caller lends. They are for the backend that takes
    /// them: what was lent to the one before is forgotten.
    ///
    /// # Errors
    /// When they are not whole, or not there and must be.
    pub(super) fn borrow(&self, inbound: &mut Inbound) -> Result<(), Fault> {
        inbound.credentials = None;
        if let Some(lent) = &self.backend.lent {
            inbound.credentials = lent.take(&mut inbound.headers)?;
        }
        Ok(())
    }

    /// The one carrier to use: the route's word, else the backend's.
    pub(super) fn pin(&self) -> Option<Carrier> {
        self.how.carrier.or(self.backend.carrier)
    }

    /// Tells what was lost; what an answer lost even where nothing of a request may be.
    pub(super) fn report(&self, reply: &mut Reply, ledger: &Ledger) {
        if self.how.fidelity != Fidelity::Lenient
            && let Some(losses) = ledger.header()
        {
            reply.report(&losses);
        }
    }

    /// Tells what a whole answer cost, where the operator wants that; of a stream it is not known yet.
    pub(super) fn tell_cost(&self, reply: &mut Reply, cost: Option<PicoUsd>) {
        if let Some(cost) = cost.filter(|_| self.how.cost_header) {
            reply.cost(cost);
        }
    }
}
