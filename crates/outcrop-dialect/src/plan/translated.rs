//! The translating half of planning: the target speaks another dialect than the caller.

use std::sync::Arc;

use outcrop_model::{Carrier, ChatRequest, Dialect, Fault, Fidelity, Ledger};

use super::{CHAT_PATH, Outgoing, Way, openai_path};
use crate::anthropic::{Envelope, envelope};
use crate::carry::{Chosen, Destination};
use crate::fit::{Fitted, Target, fit};
use crate::{anthropic, cache, converse, latency, openai, responses};

/// A translated body is rarely larger than the caller's by more than this part of it; one that is
/// costs a copy.
const ROOM: usize = 4;

/// What the way back depends on, and how much the caller sent.
pub(super) struct Caller {
    pub(super) dialect: Dialect,
    pub(super) include_usage: bool,
    pub(super) size: usize,
}

/// A request of the Responses API, whose answer repeats parts of it.
pub(super) fn respond(
    decoded: responses::Decoded<'_>,
    size: usize,
    to: Destination<'_>,
    ledger: &mut Ledger,
) -> Result<Outgoing, Fault> {
    let responses::Decoded { request, settings, ledger: losses } = decoded;
    ledger.append(losses);
    let caller = Caller { dialect: Dialect::Responses, include_usage: true, size };
    let mut outgoing = translate(request, caller, to, ledger)?;
    if let Way::Translate { from, names, structured, .. } = outgoing.way {
        let settings = Arc::new(settings);
        outgoing.way = Way::Respond { from, names, structured, settings };
    }
    Ok(outgoing)
}

/// By way of the IR: decoded is the request already; it is fitted to the card, then encoded.
pub(super) fn translate(
    mut request: ChatRequest<'_>,
    caller: Caller,
    destination: Destination<'_>,
    ledger: &mut Ledger,
) -> Result<Outgoing, Fault> {
    let card = destination.card;
    let Chosen { lane, dialect: from, model } = destination.choose(caller.dialect)?;
    let carrier = lane.carrier;
    let target = Target { card, dialect: from };
    if let Some(points) = destination.cache.filter(|_| from != Dialect::OpenAiChat) {
        cache::mark(&mut request, &points, card, ledger);
    }
    let Fitted { names, structured } = fit(&mut request, target, ledger)?;
    // What no fidelity permits need not be written first.
    ledger.verdict(Fidelity::Lenient)?;
    let Caller { dialect: to, include_usage, size } = caller;
    let mut body = Vec::with_capacity(size + size / ROOM + 256);
    let (mut path, mut headers) = (None, Vec::new());
    if from == Dialect::Anthropic {
        let envelope = Envelope::of(carrier, model, card);
        anthropic::encode(&request, card, envelope, &mut body, ledger);
        match envelope {
            Envelope::Invoke { .. } => invoke_headers(&request, &mut headers),
            Envelope::Direct { .. } => {
                path = Some(envelope::PATH.to_owned());
                headers = envelope::direct_headers(card, &request.betas);
                no_headers(&request, carrier, ledger);
            }
        }
    } else if from == Dialect::OpenAiChat {
        path = Some(openai_path(lane, CHAT_PATH));
        openai::encode(&request, model, &mut body, ledger);
    } else {
        converse::encode(&request, card, &mut body, ledger);
    }
    let way = Way::Translate { from, to, names, structured, include_usage };
    Ok(Outgoing { carrier, path, stream: request.stream, headers, body: body.into(), way })
}

// === helpers ===

/// Settings that have a header on InvokeModel and no place in Anthropic's own API.
fn no_headers(request: &ChatRequest<'_>, carrier: Carrier, ledger: &mut Ledger) {
    let why = || format!("it has no place over the carrier `{}`", carrier.as_str());
    if request.service_tier.is_some() {
        ledger.dropped("service_tier", why());
    }
    if request.latency.is_some() {
        ledger.dropped(latency::PATH, why());
    }
    if !request.metadata.is_empty() {
        ledger.dropped("metadata", why());
    }
}

/// Settings that travel in headers over InvokeModel and in the body over Converse.
pub(super) fn invoke_headers(request: &ChatRequest<'_>, headers: &mut Vec<(&'static str, String)>) {
    if let Some(tier) = &request.service_tier {
        headers.push(("x-amzn-bedrock-service-tier", tier.to_string()));
    }
    if let Some(latency) = &request.latency {
        headers.push(("x-amzn-bedrock-performanceconfig-latency", latency.to_string()));
    }
    if !request.metadata.is_empty() {
        let mut json = Vec::new();
        let mut w = crate::write::JsonWriter::new(&mut json);
        w.open_object();
        for (key, value) in &request.metadata {
            w.key_escaped(key);
            w.str(value);
        }
        w.close_object();
        headers
            .push(("x-amzn-bedrock-request-metadata", String::from_utf8_lossy(&json).into_owned()));
    }
}
