//! Token counts for Anthropic's and OpenAI's clients: Bedrock's own where it counts, an estimate where
//! it does not.

use http::{HeaderMap, StatusCode};
use outcrop_aws::Outbound;
use outcrop_dialect::anthropic::{self, count};
use outcrop_dialect::bundle::mistaken;
use outcrop_dialect::plan::{Outgoing, Peeked};
use outcrop_dialect::responses::{self, Body};
use outcrop_model::{Carrier, ErrorClass, Fault, Ledger, Phase};

use super::Uncounted;
use super::chat::Wish;
use super::fetch::Answered;
use super::headers::{betas, outbound_headers, service};
use super::leg::Leg;
use crate::callee::Callee;
use crate::inbound::Inbound;
use crate::model_id;
use crate::reply::Reply;
use crate::settle::Settlement;

/// What came of asking Bedrock for a count.
enum Count {
    Told {
        tokens: u64,
        upstream_id: Option<String>,
    },
    /// Bedrock does not count for this model, or has said so.
    Untold(Option<Box<Fault>>),
}

/// Of which model, and by whom.
#[derive(Clone, Copy)]
struct Asked<'a> {
    callee: &'a Callee,
    inbound: &'a Inbound,
}

impl Leg<'_> {
    /// `POST /v1/messages/count_tokens`
    pub(super) async fn count_messages(
        &self,
        inbound: &Inbound,
        settlement: &mut Settlement,
    ) -> Result<Answered, Fault> {
        let body = count::complete(&inbound.body)?;
        let peeked = Peeked::anthropic(&body, betas(&inbound.headers))?;
        let callee = self.counted(&peeked.model, settlement)?;
        let mut ledger = Ledger::default();
        let pin = self.pin().filter(|carrier| *carrier == Carrier::Mantle);
        let to = self.destination(&callee).pinned(pin);
        if let Some(counting) =
            count::direct(&inbound.body, betas(&inbound.headers), to, &mut ledger)?
        {
            return self.count_directly(inbound, counting, ledger, settlement).await;
        }
        let asked = Asked { callee: &callee, inbound };
        let count = self.ask_for_count(asked, peeked, &mut ledger, settlement).await?;
        let estimate = || {
            let betas = betas(&inbound.headers);
            let betas: Vec<&str> = betas.iter().map(|beta| &**beta).collect();
            Ok(count::estimate::prompt(&anthropic::decode(&body, &betas)?))
        };
        self.answer_count(count, estimate, count::answer, ledger)
    }

    /// `POST /v1/responses/input_tokens`
    pub(super) async fn count_responses(
        &self,
        inbound: &Inbound,
        settlement: &mut Settlement,
    ) -> Result<Answered, Fault> {
        let body = &inbound.body;
        let read = Body::read(body)?;
        let recalled = self.gateway.responses.recall(settlement.grant().caller_id(), read.wanted());
        let peeked = Peeked::responses(read, &recalled, body.len())?;
        let callee = self.counted(&peeked.model, settlement)?;
        let mut ledger = Ledger::default();
        let asked = Asked { callee: &callee, inbound };
        let count = self.ask_for_count(asked, peeked, &mut ledger, settlement).await?;
        let estimate =
            || Ok(count::estimate::prompt(&Body::read(body)?.decode(&recalled)?.request));
        self.answer_count(count, estimate, responses::encode_count, ledger)
    }

    /// What is to be called, noted in the receipt.
    fn counted(&self, model: &str, settlement: &mut Settlement) -> Result<Callee, Fault> {
        settlement.asked(model, false);
        model_id::check(model)?;
        let callee = self.callee(model, settlement)?;
        match self.gateway.catalog.specialist(callee.model()) {
            Some(specialist) => Err(mistaken(model, specialist)),
            None => Ok(callee),
        }
    }

    /// Asks Bedrock to count what would be sent.
    async fn ask_for_count(
        &self,
        Asked { callee, inbound }: Asked<'_>,
        peeked: Peeked<'_>,
        ledger: &mut Ledger,
        settlement: &mut Settlement,
    ) -> Result<Count, Fault> {
        // CountTokens takes bodies of these two, whatever carries the chat.
        let lanes =
            self.gateway.catalog.card(callee.model()).carriers.iter().map(|lane| lane.carrier);
        let counted = lanes.into_iter().find(|c| matches!(c, Carrier::Invoke | Carrier::Converse));
        let wish = Wish { pin: counted, cache: None };
        let outgoing = self.plan_for(callee, wish, peeked, ledger)?;
        ledger.verdict(self.how.fidelity)?;
        settlement.planned(Carrier::CountTokens, ledger);
        let Some(input) = count::input(&outgoing)? else { return Ok(Count::Untold(None)) };
        let target = count::target(self.gateway.catalog, callee.model());
        let path = format!(
            "/model/{}/{}",
            model_id::percent_encode(target),
            Carrier::CountTokens.path_segment(false)
        );
        let mut outbound = Outbound::post(path, input);
        outbound.credentials.clone_from(&inbound.credentials);
        match self.fetch(&outbound, &self.how.backoff, settlement).await {
            Ok(fetched) => {
                let tokens = count::read(&fetched.body)?;
                Ok(Count::Told { tokens, upstream_id: fetched.request_id })
            }
            Err(fault) if count::is_refusal_to_count(&fault, &callee.target, target) => {
                Ok(Count::Untold(Some(Box::new(fault))))
            }
            Err(fault) => Err(fault),
        }
    }

    /// The count in the caller's dialect; where Bedrock told none, what the operator wants.
    fn answer_count(
        &self,
        count: Count,
        estimate: impl FnOnce() -> Result<u64, Fault>,
        write: fn(u64) -> Vec<u8>,
        mut ledger: Ledger,
    ) -> Result<Answered, Fault> {
        let refusal = match count {
            Count::Told { tokens, upstream_id } => {
                let reply = Reply::json(StatusCode::OK, write(tokens));
                return Ok(Answered { reply, ledger, upstream_id });
            }
            Count::Untold(refusal) => refusal,
        };
        tracing::debug!(why = ?refusal.as_ref().map(|f| f.class.as_str()), "tokens not counted");
        if self.gateway.settings.uncounted == Uncounted::Refuse {
            return Err(not_counted(refusal.as_deref()));
        }
        let tokens = estimate()?;
        ledger.approximated(
            "input_tokens",
            "estimated by the gateway: Bedrock does not count for this model",
        );
        let mut reply = Reply::json(StatusCode::OK, write(tokens));
        reply.estimated();
        let upstream_id = refusal.and_then(|fault| fault.request_id);
        Ok(Answered { reply, ledger, upstream_id })
    }

    /// Asks Anthropic's own count, which answers as the client expects it.
    async fn count_directly(
        &self,
        inbound: &Inbound,
        outgoing: Outgoing,
        ledger: Ledger,
        settlement: &mut Settlement,
    ) -> Result<Answered, Fault> {
        ledger.verdict(self.how.fidelity)?;
        settlement.planned(outgoing.carrier, &ledger);
        let path = outgoing.path.clone().unwrap_or_default();
        let mut outbound = Outbound::post(path, outgoing.body.clone());
        outbound.service = service(outgoing.carrier);
        outbound_headers(&mut outbound.headers, &HeaderMap::new(), &outgoing);
        outbound.credentials.clone_from(&inbound.credentials);
        let fetched = self.fetch(&outbound, &self.how.backoff, settlement).await?;
        let reply = Reply::json(StatusCode::OK, count::answer(count::read_direct(&fetched.body)?));
        Ok(Answered { reply, ledger, upstream_id: fetched.request_id })
    }
}

fn not_counted(refusal: Option<&Fault>) -> Fault {
    let message = "Bedrock does not count tokens for this model.";
    let mut fault = Fault::new(ErrorClass::NotSupported, Phase::AwaitingHead, message);
    if let Some(refusal) = refusal {
        fault.detail = refusal.detail.clone().or_else(|| Some(refusal.to_string()));
        fault.request_id.clone_from(&refusal.request_id);
    }
    fault
}
