//! Requests whose answer is whole and small: sent, retried, read to their end.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use outcrop_aws::{Backoff, Incoming, Outbound};
use outcrop_dialect::answer::Tally;
use outcrop_model::{Fault, Ledger};

use super::MAX_ANSWER;
use super::leg::Leg;
use crate::inbound::Inbound;
use crate::reply::Reply;
use crate::settle::Settlement;

/// A whole answer of AWS.
pub(super) struct Fetched {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) request_id: Option<String>,
    pub(super) body: Bytes,
}

/// A reply with what its receipt needs.
pub(super) struct Answered {
    pub(super) reply: Reply,
    pub(super) ledger: Ledger,
    pub(super) upstream_id: Option<String>,
}

impl Leg<'_> {
    /// Attempts until a whole answer has come.
    pub(super) async fn fetch(
        &self,
        outbound: &Outbound,
        backoff: &Backoff,
        settlement: &mut Settlement,
    ) -> Result<Fetched, Fault> {
        let mut retries = self.retries(backoff);
        let model = settlement.called().unwrap_or(self.key).to_owned();
        let fetched = loop {
            settlement.attempt(retries.failed());
            let watch = self.watch(&model, retries.failed()).lent(outbound.credentials.as_ref());
            let outcome = self.fetch_once(outbound).await;
            watch.ended(outcome.as_ref().map(|_| ()));
            match outcome {
                Ok(fetched) => break fetched,
                Err(fault) => retries.after(fault).await?,
            }
        };
        self.backend.upstream.note_answer();
        settlement.answered(fetched.request_id.as_deref());
        Ok(fetched)
    }

    async fn fetch_once(&self, outbound: &Outbound) -> Result<Fetched, Fault> {
        let Incoming { status, headers, request_id, body } = self.send(outbound).await?;
        let body = body.collect(MAX_ANSWER).await?;
        Ok(Fetched { status, headers, request_id, body })
    }

    /// Labels and reports the reply, and hands out the receipt.
    pub(super) fn reply_fetched(
        &self,
        answered: Answered,
        inbound: &Inbound,
        mut settlement: Settlement,
    ) -> Reply {
        let Answered { mut reply, ledger, upstream_id } = answered;
        settlement.committed(reply.status.as_u16());
        settlement.lost(&ledger);
        settlement.complete(&Tally::default());
        reply.label(&inbound.request_id, upstream_id.as_deref());
        self.report(&mut reply, &ledger);
        reply
    }
}
