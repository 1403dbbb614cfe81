//! What stands in headers, of callers and for Bedrock.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use outcrop_aws::Service;
use outcrop_dialect::plan::{Outgoing, Way};
use outcrop_dialect::tier;
use outcrop_model::{Carrier, Framing, Tier};

const BEDROCK_HEADERS: &str = "x-amzn-bedrock-";
const LATENCY: &str = "x-amzn-bedrock-performanceconfig-latency";
const SERVICE_TIER: &str = "x-amzn-bedrock-service-tier";
const ANTHROPIC_BETA: &str = "anthropic-beta";

/// The host that serves a carrier.
pub(super) fn service(carrier: Carrier) -> Service {
    match carrier {
        Carrier::Mantle => Service::Mantle,
        Carrier::Converse
        | Carrier::Invoke
        | Carrier::CountTokens
        | Carrier::OpenAi
        | Carrier::Anthropic => Service::Runtime,
    }
}

/// Headers for Bedrock: content negotiation, what the plan adds, and the caller's own `x-amzn-bedrock-*`
/// where the carrier reads headers.
pub(super) fn outbound_headers(outbound: &mut HeaderMap, inbound: &HeaderMap, outgoing: &Outgoing) {
    let accept = match (outgoing.stream, outgoing.carrier.framing()) {
        (true, Framing::EventStream) => "application/vnd.amazon.eventstream",
        (true, Framing::ServerSentEvents) => "text/event-stream",
        (false, _) => "application/json",
    };
    outbound.insert(header::ACCEPT, HeaderValue::from_static(accept));
    if outgoing.carrier == Carrier::Invoke || matches!(outgoing.way, Way::RelayBedrock(_)) {
        copy_bedrock_headers(inbound, outbound);
    }
    if matches!(outgoing.way, Way::RelayBedrock(_)) {
        for name in [header::CONTENT_TYPE, header::ACCEPT] {
            if let Some(value) = inbound.get(&name) {
                outbound.insert(name, value.clone());
            }
        }
    }
    for (name, value) in &outgoing.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            outbound.insert(HeaderName::from_static(name), value);
        } else {
            tracing::warn!(header = name, "not sent: the value is not visible ASCII");
        }
    }
}

pub(super) fn copy_bedrock_headers(from: &HeaderMap, to: &mut HeaderMap) {
    for (name, value) in from.iter().filter(|(name, _)| name.as_str().starts_with(BEDROCK_HEADERS))
    {
        to.insert(name.clone(), value.clone());
    }
}

/// The service tier by InvokeModel's headers, asked for and told.
pub(super) fn tier_of(headers: &HeaderMap) -> Option<Tier> {
    if headers.get(LATENCY).is_some_and(|latency| latency == tier::OPTIMISED) {
        return Some(Tier::Unknown);
    }
    headers.get(SERVICE_TIER)?.to_str().ok().map(Tier::named)
}

pub(super) fn betas(headers: &HeaderMap) -> Vec<Cow<'_, str>> {
    let values = headers.get_all(ANTHROPIC_BETA).iter();
    let words = values.flat_map(|v| v.to_str().unwrap_or_default().split(','));
    words.map(str::trim).filter(|w| !w.is_empty()).map(Cow::Borrowed).collect()
}
