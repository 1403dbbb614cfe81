//! Calls beside inference: the same path, query and body, signed for the host that serves them. Only the
//! model of those that make one work is the operator's to change.

use bytes::Bytes;
use http::{HeaderMap, header};
use outcrop_aws::{Backoff, Outbound};
use outcrop_model::{ErrorClass, Fault, Ledger, Phase, alias};

use super::fetch::Answered;
use super::headers::{copy_bedrock_headers, tier_of};
use super::leg::Leg;
use crate::aside::{Aside, Call};
use crate::callee::Callee;
use crate::edit::set_text;
use crate::inbound::Inbound;
use crate::reply::{Reply, ReplyBody};
use crate::settle::Settlement;

impl Leg<'_> {
    pub(super) async fn relay(
        &self,
        aside: &Aside,
        inbound: &Inbound,
        settlement: &mut Settlement,
    ) -> Result<Answered, Fault> {
        aside.check()?;
        let model = aside.model(&inbound.body).unwrap_or_default();
        settlement.asked(&model, false);
        let mut outbound = outbound(aside, inbound);
        if let Some(path) = aside.call.runs() {
            let callee = self.noted(self.runs(aside, &model), &model, settlement)?;
            if callee.target != model {
                outbound.body = set_text(&outbound.body, path, &callee.target)?;
            }
            settlement.asked_tier(tier_of(&inbound.headers));
            self.reserve_run((aside, &callee), (&model, inbound), settlement).await?;
        } else {
            self.reserve_call(inbound, settlement).await?;
        }
        let attempts = match aside.is_repeatable(&inbound.body) {
            true => self.how.backoff.attempts,
            false => 1,
        };
        let backoff = Backoff { attempts, ..self.how.backoff };
        let fetched = self.fetch(&outbound, &backoff, settlement).await.map_err(about_the_call)?;
        if aside.call.runs_a_model() {
            settlement.wares(aside.wares(&inbound.body).unwrap_or_default());
        }
        if fetched.body.is_empty() {
            let what = "Bedrock's answer is empty.";
            return Err(Fault::new(ErrorClass::Garbled, Phase::BeforeCommit, what));
        }
        let mut headers = HeaderMap::new();
        copy(header::CONTENT_TYPE, &fetched.headers, &mut headers);
        copy_bedrock_headers(&fetched.headers, &mut headers);
        let body = ReplyBody::Whole(fetched.body);
        let reply = Reply { status: fetched.status, headers, body };
        Ok(Answered { reply, ledger: Ledger::default(), upstream_id: fetched.request_id })
    }

    /// The model that a call makes work: the caller's as it is written, or the operator's in its place.
    fn runs(&self, aside: &Aside, model: &str) -> Callee {
        let endpoints = self.backend.endpoints();
        let service = aside.call.service();
        let target = match self.model.map(|named| alias::resolve(named).id) {
            None => model.to_owned(),
            // Models that rank are named by their ARN alone.
            Some(id) if aside.call == Call::Rerank && !id.starts_with("arn:") => format!(
                "arn:{}:bedrock:{}::foundation-model/{}",
                endpoints.partition(service),
                endpoints.signing_region(service).as_str(),
                self.gateway.catalog.foundation_id(&id)
            ),
            Some(id) => id.into_owned(),
        };
        let behind = self.learned.account().behind(&target);
        Callee { id: target.clone(), target, beta: None, behind }
    }
}

fn outbound(aside: &Aside, inbound: &Inbound) -> Outbound {
    let mut headers = HeaderMap::new();
    for name in [header::CONTENT_TYPE, header::ACCEPT] {
        copy(name, &inbound.headers, &mut headers);
    }
    copy_bedrock_headers(&inbound.headers, &mut headers);
    let query = inbound.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
    let method = aside.call.method();
    let body = if method == http::Method::GET { Bytes::new() } else { inbound.body.clone() };
    let path_and_query = format!("{}{query}", aside.path);
    let credentials = inbound.credentials.clone();
    let service = aside.call.service();
    Outbound { service, method, path_and_query, headers, body, credentials }
}

fn copy(name: header::HeaderName, from: &HeaderMap, to: &mut HeaderMap) {
    if let Some(value) = from.get(&name) {
        to.insert(name, value.clone());
    }
}

/// The fixed words for a refused identity speak of a model.
fn about_the_call(mut fault: Fault) -> Fault {
    if fault.class == ErrorClass::AccessDenied {
        fault.message = "The gateway's AWS identity may not make this call. Ask the operator of the gateway to grant it.".into();
    }
    fault
}
