//! The relay half of planning: the target speaks the caller's dialect, so only the envelope is another.
//!
//! What the envelope, the card or the operator asks for is spliced in; all else keeps its bytes.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use outcrop_model::json::{Members, Str, parse_raw};
use outcrop_model::{Card, Carrier, ChatRequest, Dialect, Fault, Ledger};

use super::translated::invoke_headers;
use super::{CHAT_PATH, Outgoing, RESPONSES_PATH, Way, openai_path};
use crate::anthropic::{Envelope, envelope};
use crate::carry::{Chosen, Destination};
use crate::fit::fit_tier;
use crate::names::ToolNames;
use crate::relay::{self, Toward};
use crate::{cache, responses};

/// Members that ask for parts of an answer that only a relay hands on.
const RELAY_ONLY: [&str; 4] = ["n", "logprobs", "audio", "functions"];

/// OpenAI's chat in the envelope of the chosen carrier.
pub(super) fn chat(
    members: &Members<'_>,
    stream: bool,
    card: &Card,
    chosen: Chosen<'_>,
    ledger: &mut Ledger,
) -> Outgoing {
    let Chosen { lane, dialect: _, model } = chosen;
    let (usage, include_usage) = relay::openai::counted(members);
    let mut changes = relay::openai::limit(members);
    changes.extend(Some(usage).filter(|_| stream));
    let body = relay::openai::body(members, model, changes, Toward { card, lane }, ledger);
    let is_plain = !RELAY_ONLY.iter().any(|key| members.get(key).is_some());
    let way = match card.reasoning_tags && is_plain {
        // Only the answer is translated: its reasoning stands in the text, where no client looks for it.
        true => {
            let (from, to) = (Dialect::OpenAiChat, Dialect::OpenAiChat);
            Way::Translate {
                from,
                to,
                names: ToolNames::default(),
                structured: None,
                include_usage,
            }
        }
        false => Way::RelayChat { include_usage },
    };
    let path = Some(openai_path(lane, CHAT_PATH));
    let (carrier, headers) = (lane.carrier, Vec::new());
    Outgoing { carrier, path, stream, headers, body: body.into(), way }
}

/// OpenAI's Responses in the envelope of the chosen carrier.
pub(super) fn responses<'a>(
    body: responses::Body<'a>,
    recalled: &'a responses::Recalled,
    stream: bool,
    card: &Card,
    chosen: Chosen<'_>,
    ledger: &mut Ledger,
) -> Result<Outgoing, Fault> {
    let Chosen { lane, dialect: _, model } = chosen;
    let toward = Toward { card, lane };
    let (body, settings) = responses::relay(body, recalled, model, toward, ledger)?;
    let way = Way::RelayResponses { settings: Arc::new(settings) };
    let path = Some(openai_path(lane, RESPONSES_PATH));
    let (carrier, headers) = (lane.carrier, Vec::new());
    Ok(Outgoing { carrier, path, stream, headers, body: body.into(), way })
}

/// Anthropic Messages in the envelope of the chosen carrier.
pub(super) fn messages(
    members: &Members<'_>,
    betas: &[Cow<'_, str>],
    stream: bool,
    card: &Card,
    chosen: Chosen<'_>,
    ledger: &mut Ledger,
) -> Result<Outgoing, Fault> {
    let Chosen { lane, dialect: _, model } = chosen;
    let carrier = lane.carrier;
    let envelope = Envelope::of(carrier, model, card);
    let toward = Toward { card, lane };
    let (body, betas) = relay::messages(members, betas, envelope, toward, ledger)?;
    let (path, headers) = match envelope {
        Envelope::Invoke { .. } => (None, relayed_tier(members, ledger)?),
        Envelope::Direct { .. } => {
            (Some(envelope::PATH.to_owned()), envelope::direct_headers(card, &betas))
        }
    };
    Ok(Outgoing { carrier, path, stream, headers, body: body.into(), way: Way::RelayAnthropic })
}

/// Bedrock's own bytes, corrected where the target cannot take them as they are.
pub(super) fn bedrock(
    body: Bytes,
    carrier: Carrier,
    stream: bool,
    to: Destination<'_>,
    ledger: &mut Ledger,
) -> Outgoing {
    let way = Way::RelayBedrock(carrier);
    let corrected = match carrier {
        Carrier::Invoke => relay::correct_version(&body, to.card, ledger),
        Carrier::Converse => {
            to.cache.and_then(|points| cache::in_converse(&body, &points, to.card, ledger))
        }
        Carrier::CountTokens | Carrier::OpenAi | Carrier::Anthropic | Carrier::Mantle => None,
    };
    let body = corrected.map_or(body, Bytes::from);
    Outgoing { carrier, path: None, stream, headers: Vec::new(), body, way }
}

// === helpers ===

/// InvokeModel takes the tier of a relayed body in a header.
fn relayed_tier(
    members: &Members<'_>,
    ledger: &mut Ledger,
) -> Result<Vec<(&'static str, String)>, Fault> {
    let Some(raw) = members.get("service_tier") else { return Ok(Vec::new()) };
    let tier = parse_raw::<Option<Str<'_>>>(raw, "service_tier")?;
    let mut request = ChatRequest { service_tier: tier.map(|t| t.0), ..ChatRequest::default() };
    fit_tier(&mut request, ledger);
    let mut headers = Vec::new();
    invoke_headers(&request, &mut headers);
    Ok(headers)
}
