//! From a caller's request to what is sent to Bedrock, and how its answer will be written.
//!
//! Which carrier and which dialect: [`carry`](crate::carry). Pure: called again for every target.

mod estimate;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use outcrop_model::json::{Members, Str, parse_body, parse_raw};
use outcrop_model::{
    Card, Carrier, ChatRequest, Dialect, ErrorClass, Fault, Fidelity, Lane, Ledger, Phase,
};

use crate::anthropic::Envelope;
use crate::anthropic::envelope;
use crate::carry::{Chosen, Destination};
use crate::fit::{Fitted, Target, fit, fit_tier};
use crate::names::ToolNames;
use crate::relay::Toward;
use crate::structured::Structured;
use crate::{anthropic, cache, converse, enveloped, latency, openai, relay, responses};

pub use self::estimate::Estimate;

/// A translated body is rarely larger than the caller's by more than this part of it; one that is
/// costs a copy.
const ROOM: usize = 4;

/// A caller's request, read far enough to route it.
#[derive(Debug)]
pub struct Peeked<'a> {
    /// Model id as the caller wrote it.
    pub model: Cow<'a, str>,
    pub stream: bool,
    content: Read<'a>,
    /// Bytes of the body: a guess at what is going to be sent.
    size: usize,
}

#[derive(Debug)]
enum Read<'a> {
    /// Decoded already; the answer is written in `to`.
    Decoded {
        decoded: Box<openai::Decoded<'a>>,
        to: Dialect,
    },
    /// OpenAI's chat, not decoded yet: it may be relayed.
    Chat {
        members: Members<'a>,
        body: &'a [u8],
        /// Betas that the model's name asks for.
        betas: Vec<Cow<'a, str>>,
    },
    /// A request of the Responses API, not decoded yet: it may be relayed.
    Responses {
        body: responses::Body<'a>,
        recalled: &'a responses::Recalled,
        /// Betas that the model's name asks for.
        betas: Vec<Cow<'a, str>>,
    },
    /// A Responses body that wants its answer as Chat Completions.
    Mixed {
        decoded: Box<responses::Decoded<'a>>,
        include_usage: bool,
    },
    Anthropic {
        members: Members<'a>,
        betas: Vec<Cow<'a, str>>,
        body: &'a [u8],
    },
    Bedrock {
        body: Bytes,
        carrier: Carrier,
    },
    /// Anthropic's body for InvokeModel, to a model that takes none.
    Enveloped {
        body: &'a [u8],
        headers: Vec<(&'a str, &'a str)>,
    },
}

/// What is sent to Bedrock.
#[derive(Debug)]
pub struct Outgoing {
    pub carrier: Carrier,
    /// `None`: `/model/{id}/` and the carrier's own segment.
    pub path: Option<String>,
    pub stream: bool,
    /// Headers that the body's own dialect needs beside `content-type: application/json`.
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
    pub way: Way,
}

/// How the answer becomes the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Anthropic's own JSON, taken out of its envelope.
    RelayAnthropic,
    /// OpenAI's own chat.
    RelayChat {
        /// Whether the caller asked for the chunk of token counts.
        include_usage: bool,
    },
    /// OpenAI's own Responses.
    RelayResponses {
        /// What the answer is to be kept with.
        settings: Arc<responses::Settings>,
    },
    /// Bedrock's own bytes.
    RelayBedrock(Carrier),
    Translate {
        from: Dialect,
        to: Dialect,
        names: ToolNames,
        structured: Option<Structured>,
        include_usage: bool,
    },
    /// Translated for the Responses API, whose answers repeat parts of the request.
    Respond {
        from: Dialect,
        names: ToolNames,
        structured: Option<Structured>,
        settings: Arc<responses::Settings>,
    },
}

// === impl Way ===

impl Way {
    /// An upstream's refusal as the caller can use it: the place that it names is one of the body that
    /// was sent, which is the caller's own only if that was relayed. A model that Bedrock does not know
    /// is the caller's to name anew.
    pub fn placed(&self, mut fault: Fault) -> Fault {
        let is_unknown = fault.class == ErrorClass::UnknownModel;
        if is_unknown && !matches!(self, Way::RelayBedrock(_)) {
            fault.param = Some("model".to_owned());
            fault.message =
                format!("{} GET /v1/models lists some that exist.", fault.message).into();
            return fault;
        }
        let is_translated = match self {
            Way::Translate { .. } | Way::Respond { .. } => true,
            Way::RelayAnthropic
            | Way::RelayChat { .. }
            | Way::RelayResponses { .. }
            | Way::RelayBedrock(_) => false,
        };
        if is_translated && fault.phase != Phase::BeforeSend {
            fault.param = None;
        }
        fault
    }
}

// === impl Peeked ===

impl<'a> Peeked<'a> {
    pub fn openai(body: &'a [u8]) -> Result<Self, Fault> {
        let members: Members<'a> = parse_body(body)?;
        // Cursor sends such bodies (confirmed by its makers, checked 2026-11-21); to be removed when
        // it no longer does.
        if members.get("messages").is_none() && members.get("input").is_some() {
            return Self::mixed(body);
        }
        let Some((model, stream)) = head_of(&members) else {
            // The decoder says best what is wrong.
            return Ok(Self::decoded(openai::decode(body)?, Dialect::OpenAiChat, body.len()));
        };
        let content = Read::Chat { members, body, betas: Vec::new() };
        Ok(Self { model, stream, content, size: body.len() })
    }

    /// A legacy text completion.
    pub fn completion(body: &'a [u8]) -> Result<Self, Fault> {
        Ok(Self::decoded(openai::text::decode(body)?, Dialect::OpenAiText, body.len()))
    }

    /// A chat in OpenAI's dialect that is to be answered in Anthropic's.
    pub fn answered_by_anthropic(decoded: openai::Decoded<'a>, size: usize) -> Self {
        Self::decoded(decoded, Dialect::Anthropic, size)
    }

    fn decoded(decoded: openai::Decoded<'a>, to: Dialect, size: usize) -> Self {
        let mut decoded = Box::new(decoded);
        let model = std::mem::take(&mut decoded.request.model);
        let stream = decoded.request.stream;
        Self { model, stream, content: Read::Decoded { decoded, to }, size }
    }

    /// A Responses body at the path of Chat Completions, whose answer is read as Chat Completions.
    fn mixed(body: &'a [u8]) -> Result<Self, Fault> {
        let mut decoded = Box::new(responses::decode_alone(body)?);
        let model = std::mem::take(&mut decoded.request.model);
        let stream = decoded.request.stream;
        let include_usage = decoded.asks_for_usage();
        let content = Read::Mixed { decoded, include_usage };
        Ok(Self { model, stream, content, size: body.len() })
    }

    /// A request of the Responses API, with the kept answers that it refers to.
    pub fn responses(
        body: responses::Body<'a>,
        recalled: &'a responses::Recalled,
        size: usize,
    ) -> Result<Self, Fault> {
        let Some((model, stream)) = body.head() else {
            // The decoder says best what is wrong.
            body.decode(recalled)?;
            return Err(Fault::invalid("model", "is required. Name the model to ask."));
        };
        let content = Read::Responses { body, recalled, betas: Vec::new() };
        Ok(Self { model, stream, content, size })
    }

    /// `betas` are the values of `anthropic-beta`.
    pub fn anthropic(body: &'a [u8], betas: Vec<Cow<'a, str>>) -> Result<Self, Fault> {
        let members: Members<'a> = parse_body(body)?;
        let raw = members
            .get("model")
            .ok_or_else(|| Fault::invalid("model", "is required. Name the model to ask."))?;
        let Str(model) = parse_raw(raw, "model")?;
        if model.is_empty() {
            return Err(Fault::invalid("model", "must not be empty. Name the model to ask."));
        }
        let stream = match members.get("stream") {
            Some(raw) => parse_raw::<Option<bool>>(raw, "stream")?.unwrap_or(false),
            None => false,
        };
        let content = Read::Anthropic { members, betas, body };
        Ok(Self { model, stream, content, size: body.len() })
    }

    /// Bedrock's own API: the model id comes from the path, the body stays unread.
    pub fn bedrock(model: Cow<'a, str>, body: Bytes, carrier: Carrier, stream: bool) -> Self {
        let size = body.len();
        Self { model, stream, content: Read::Bedrock { body, carrier }, size }
    }

    /// InvokeModel with a body that [`is_foreign`](crate::enveloped::is_foreign). `headers` are the
    /// request's own.
    pub fn enveloped(
        model: Cow<'a, str>,
        body: &'a [u8],
        headers: Vec<(&'a str, &'a str)>,
        stream: bool,
    ) -> Self {
        Self { model, stream, content: Read::Enveloped { body, headers }, size: body.len() }
    }

    /// Asks for a beta of Anthropic's, as a model's name can.
    pub fn ask_for(&mut self, beta: &'static str, ledger: &mut Ledger) {
        let betas = match &mut self.content {
            Read::Decoded { decoded, .. } => &mut decoded.request.betas,
            Read::Mixed { decoded, .. } => &mut decoded.request.betas,
            Read::Anthropic { betas, .. }
            | Read::Chat { betas, .. }
            | Read::Responses { betas, .. } => betas,
            Read::Bedrock { .. } | Read::Enveloped { .. } => {
                let why =
                    format!("`{beta}` is not added to Bedrock's own bodies; name it in yours");
                return ledger.dropped("model", why);
            }
        };
        if !betas.iter().any(|known| known == beta) {
            betas.push(Cow::Borrowed(beta));
        }
    }

    /// Plans the request for one target.
    pub fn plan(self, to: Destination<'_>, ledger: &mut Ledger) -> Result<Outgoing, Fault> {
        let Self { model, stream, size, .. } = self;
        match self.content {
            Read::Decoded { decoded, to: dialect } => {
                let openai::Decoded { request, include_usage } = *decoded;
                let caller = Caller { dialect, include_usage, size };
                translate(request, caller, to, ledger)
            }
            Read::Chat { members, body, betas } => {
                let chosen = to.choose(Dialect::OpenAiChat)?;
                if chosen.dialect == Dialect::OpenAiChat {
                    no_betas(&betas, ledger);
                    return Ok(relay_chat(&members, stream, to.card, chosen, ledger));
                }
                let openai::Decoded { mut request, include_usage } = openai::decode(body)?;
                request.betas.extend(betas);
                let caller = Caller { dialect: Dialect::OpenAiChat, include_usage, size };
                translate(request, caller, to, ledger)
            }
            Read::Responses { body, recalled, betas } => {
                let chosen = to.choose(Dialect::Responses)?;
                if chosen.dialect == Dialect::Responses {
                    no_betas(&betas, ledger);
                    return relay_responses(body, recalled, stream, to.card, chosen, ledger);
                }
                let decoded = body.decode(recalled)?;
                let responses::Decoded { mut request, settings, ledger: losses } = decoded;
                request.betas.extend(betas);
                ledger.append(losses);
                let caller = Caller { dialect: Dialect::Responses, include_usage: true, size };
                let mut outgoing = translate(request, caller, to, ledger)?;
                if let Way::Translate { from, names, structured, .. } = outgoing.way {
                    let settings = Arc::new(settings);
                    outgoing.way = Way::Respond { from, names, structured, settings };
                }
                Ok(outgoing)
            }
            Read::Mixed { decoded, include_usage } => {
                let responses::Decoded { request, settings: _, ledger: losses } = *decoded;
                ledger.append(losses);
                let caller = Caller { dialect: Dialect::OpenAiChat, include_usage, size };
                translate(request, caller, to, ledger)
            }
            Read::Anthropic { members, betas, body } => {
                let chosen = to.choose(Dialect::Anthropic)?;
                let in_form = to.card.json_schema || !relay::sets_format(&members);
                if chosen.dialect == Dialect::Anthropic && in_form {
                    let points = to.cache;
                    let cached = points.and_then(|p| cache::in_messages(body, &p, to.card, ledger));
                    let members = match &cached {
                        Some(cached) => &parse_body(cached)?,
                        None => &members,
                    };
                    return relay_messages(members, &betas, stream, to.card, chosen, ledger);
                }
                let betas: Vec<&str> = betas.iter().map(|b| &**b).collect();
                let request = anthropic::decode(body, &betas)?;
                let caller = Caller { dialect: Dialect::Anthropic, include_usage: true, size };
                translate(request, caller, to, ledger)
            }
            Read::Enveloped { body, headers } => {
                let request = enveloped::decode(body, model, stream, &headers, ledger)?;
                let caller = Caller { dialect: Dialect::Native, include_usage: true, size };
                translate(request, caller, to, ledger)
            }
            Read::Bedrock { body, carrier } => {
                let way = Way::RelayBedrock(carrier);
                let corrected = match carrier {
                    Carrier::Invoke => relay::correct_version(&body, to.card, ledger),
                    Carrier::Converse => to
                        .cache
                        .and_then(|points| cache::in_converse(&body, &points, to.card, ledger)),
                    Carrier::CountTokens
                    | Carrier::OpenAi
                    | Carrier::Anthropic
                    | Carrier::Mantle => None,
                };
                let body = corrected.map_or(body, Bytes::from);
                Ok(Outgoing { carrier, path: None, stream, headers: Vec::new(), body, way })
            }
        }
    }
}

/// Model and streaming of a chat, if they can be read without looking further.
fn head_of<'a>(members: &Members<'a>) -> Option<(Cow<'a, str>, bool)> {
    members.get("messages")?;
    let Str(model) = serde_json::from_str(members.get("model")?.get()).ok()?;
    let stream = members.get("stream").map(|raw| serde_json::from_str::<Option<bool>>(raw.get()));
    let stream = stream.transpose().ok()?.flatten().unwrap_or(false);
    (!model.trim().is_empty()).then_some((model, stream))
}

/// Members that ask for parts of an answer that only a relay hands on.
const RELAY_ONLY: [&str; 4] = ["n", "logprobs", "audio", "functions"];

/// A model's name can ask for a beta that is not the model's vendor's.
fn no_betas(betas: &[Cow<'_, str>], ledger: &mut Ledger) {
    for beta in betas {
        ledger.dropped("model", format!("`{beta}` is Anthropic's; this model is OpenAI's"));
    }
}

const RESPONSES_PATH: &str = "/v1/responses";
const CHAT_PATH: &str = "/v1/chat/completions";

/// OpenAI's chat in the envelope of the chosen carrier.
fn relay_chat(
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
fn relay_responses<'a>(
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

/// A path of OpenAI's API as the carrier has it.
fn openai_path(lane: &Lane, path: &str) -> String {
    match lane.carrier {
        Carrier::Mantle => format!("{}{path}", lane.prefix),
        Carrier::OpenAi
        | Carrier::Converse
        | Carrier::Invoke
        | Carrier::CountTokens
        | Carrier::Anthropic => format!("/openai{path}"),
    }
}

/// Anthropic Messages in the envelope of the chosen carrier.
fn relay_messages(
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

/// What the way back depends on, and how much the caller sent.
struct Caller {
    dialect: Dialect,
    include_usage: bool,
    size: usize,
}

fn translate(
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

/// Settings that travel in headers over InvokeModel and in the body over Converse.
fn invoke_headers(request: &ChatRequest<'_>, headers: &mut Vec<(&'static str, String)>) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_body_that_the_caller_never_saw_is_not_named() {
        let refusal = |phase| {
            Fault::new(ErrorClass::InvalidRequest, phase, "no").with_param("messages[0].content")
        };
        let translated = Way::Translate {
            from: Dialect::OpenAiChat,
            to: Dialect::Anthropic,
            names: ToolNames::default(),
            structured: None,
            include_usage: true,
        };
        assert_eq!(translated.placed(refusal(Phase::AwaitingHead)).param, None);
        assert!(translated.placed(refusal(Phase::BeforeSend)).param.is_some());
        let relayed = Way::RelayChat { include_usage: true };
        assert!(relayed.placed(refusal(Phase::AwaitingHead)).param.is_some());
    }
}
