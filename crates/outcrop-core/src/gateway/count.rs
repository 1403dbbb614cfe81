//! Anthropic's token count: Bedrock's own where it counts, an estimate where it does not.

use http::{HeaderMap, StatusCode};
use outcrop_aws::Outbound;
use outcrop_dialect::anthropic::{self, count};
use outcrop_dialect::carry::Destination;
use outcrop_dialect::plan::{Outgoing, Peeked};
use outcrop_model::{Carrier, ErrorClass, Fault, Ledger, Phase};

use super::fetch::Answered;
use super::{Gateway, Uncounted, betas, outbound_headers, service};
use crate::inbound::Inbound;
use crate::model_id;
use crate::reply::Reply;
use crate::settle::Settlement;

impl Gateway {
    pub(super) async fn count(
        &self,
        inbound: &Inbound,
        settlement: &mut Settlement,
    ) -> Result<Answered, Fault> {
        let body = count::complete(&inbound.body)?;
        let peeked = Peeked::anthropic(&body, betas(&inbound.headers))?;
        settlement.asked(&peeked.model, false);
        model_id::check(&peeked.model)?;
        let model = peeked.model.to_string();
        let mut ledger = Ledger::default();
        let callee = self.callee(&model, settlement);
        let pin = self.settings.carrier.filter(|carrier| *carrier == Carrier::Mantle);
        let to = Destination::of(self.catalog, &callee.target).pinned(pin);
        if let Some(counting) =
            count::direct(&inbound.body, betas(&inbound.headers), to, &mut ledger)?
        {
            return self.count_directly(counting, ledger, settlement).await;
        }
        let outgoing = self.plan_for(&callee, None, peeked, &mut ledger)?;
        ledger.verdict(self.settings.fidelity)?;
        settlement.planned(Carrier::CountTokens, ledger.losses().len());
        let Some(input) = count::input(&outgoing)? else {
            return self.uncounted(inbound, &body, ledger, None);
        };
        let target = count::target(self.catalog, &callee.target);
        let path = format!(
            "/model/{}/{}",
            model_id::percent_encode(target),
            Carrier::CountTokens.path_segment(false)
        );
        match self.fetch(&Outbound::post(path, input), &self.settings.backoff, settlement).await {
            Ok(fetched) => {
                let tokens = count::read(&fetched.body)?;
                let reply = Reply::json(StatusCode::OK, count::answer(tokens));
                Ok(Answered { reply, ledger, upstream_id: fetched.request_id })
            }
            Err(fault) if count::is_refusal_to_count(&fault, &callee.target, target) => {
                self.uncounted(inbound, &body, ledger, Some(&fault))
            }
            Err(fault) => Err(fault),
        }
    }

    /// Asks Anthropic's own count, which answers as the client expects it.
    async fn count_directly(
        &self,
        outgoing: Outgoing,
        ledger: Ledger,
        settlement: &mut Settlement,
    ) -> Result<Answered, Fault> {
        ledger.verdict(self.settings.fidelity)?;
        settlement.planned(outgoing.carrier, ledger.losses().len());
        let path = outgoing.path.clone().unwrap_or_default();
        let mut outbound = Outbound::post(path, outgoing.body.clone());
        outbound.service = service(outgoing.carrier);
        outbound_headers(&mut outbound.headers, &HeaderMap::new(), &outgoing);
        let fetched = self.fetch(&outbound, &self.settings.backoff, settlement).await?;
        let reply = Reply::json(StatusCode::OK, count::answer(count::read_direct(&fetched.body)?));
        Ok(Answered { reply, ledger, upstream_id: fetched.request_id })
    }

    /// What the operator wants where Bedrock does not count.
    fn uncounted(
        &self,
        inbound: &Inbound,
        body: &[u8],
        mut ledger: Ledger,
        refusal: Option<&Fault>,
    ) -> Result<Answered, Fault> {
        let upstream_id = refusal.and_then(|fault| fault.request_id.clone());
        tracing::debug!(why = ?refusal.map(|fault| fault.class.as_str()), "tokens not counted");
        if self.settings.uncounted == Uncounted::Refuse {
            return Err(not_counted(refusal));
        }
        let betas = betas(&inbound.headers);
        let betas: Vec<&str> = betas.iter().map(|beta| &**beta).collect();
        let tokens = count::estimate::prompt(&anthropic::decode(body, &betas)?);
        ledger.approximated(
            "input_tokens",
            "estimated by the gateway: Bedrock does not count for this model",
        );
        let mut reply = Reply::json(StatusCode::OK, count::answer(tokens));
        reply.estimated();
        Ok(Answered { reply, ledger, upstream_id })
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
