//! Calls beside inference: the same path, query and body, signed for the host that serves them.

use bytes::Bytes;
use http::{HeaderMap, header};
use outcrop_aws::{Backoff, Outbound};
use outcrop_model::{ErrorClass, Fault, Ledger, Phase};

use super::fetch::Answered;
use super::headers::copy_bedrock_headers;
use super::leg::Leg;
use crate::aside::Aside;
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
        if aside.call.runs_a_model() {
            settlement.grant().check_model(&model, &model)?;
        }
        let attempts = match aside.is_repeatable(&inbound.body) {
            true => self.how.backoff.attempts,
            false => 1,
        };
        let backoff = Backoff { attempts, ..self.how.backoff };
        let outbound = outbound(aside, inbound);
        let fetched = self.fetch(&outbound, &backoff, settlement).await.map_err(about_the_call)?;
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
