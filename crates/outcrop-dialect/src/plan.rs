//! From a caller's request to what is sent to Bedrock, and how its answer will be written.
//!
//! Same dialect: relay. Otherwise: the model's richest dialect. Pure: called again for every target.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use outcrop_model::json::{Members, Str, parse_body, parse_raw};
use outcrop_model::{Card, Carrier, ChatRequest, Dialect, Fault, Fidelity, Ledger};

use crate::fit::{Target, fit, fit_tier};
use crate::names::ToolNames;
use crate::{anthropic, converse, openai, relay, responses};

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
    Responses(Box<responses::Decoded<'a>>),
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
}

/// What is sent to Bedrock.
#[derive(Debug)]
pub struct Outgoing {
    pub carrier: Carrier,
    pub stream: bool,
    /// Headers that the body's own dialect needs beside `content-type: application/json`.
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
    pub way: Way,
}

/// How the answer becomes the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Anthropic's own JSON, taken out of the invoke envelope.
    RelayAnthropic,
    /// Bedrock's own bytes.
    RelayBedrock(Carrier),
    Translate {
        from: Dialect,
        to: Dialect,
        names: ToolNames,
        include_usage: bool,
    },
    /// Translated for the Responses API, whose answers repeat parts of the request.
    Respond {
        from: Dialect,
        names: ToolNames,
        settings: Arc<responses::Settings>,
    },
}

// === impl Peeked ===

impl<'a> Peeked<'a> {
    pub fn openai(body: &'a [u8]) -> Result<Self, Fault> {
        let decoded = match openai::decode(body) {
            Ok(decoded) => decoded,
            // Cursor sends such bodies (confirmed by its makers, checked 2026-11-21); to be removed when
            // it no longer does.
            Err(_) if responses::is_meant(body) => return Self::mixed(body),
            Err(fault) => return Err(fault),
        };
        Ok(Self::decoded(decoded, Dialect::OpenAiChat, body.len()))
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
        let mut decoded = Box::new(body.decode(recalled)?);
        let model = std::mem::take(&mut decoded.request.model);
        let stream = decoded.request.stream;
        Ok(Self { model, stream, content: Read::Responses(decoded), size })
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

    /// Plans the request for one target.
    pub fn plan(self, card: &Card, ledger: &mut Ledger) -> Result<Outgoing, Fault> {
        let Self { stream, size, .. } = self;
        match self.content {
            Read::Decoded { decoded, to } => {
                let openai::Decoded { request, include_usage } = *decoded;
                let caller = Caller { dialect: to, include_usage, size };
                translate(request, caller, card, ledger)
            }
            Read::Responses(decoded) => {
                let responses::Decoded { request, settings, ledger: losses } = *decoded;
                ledger.append(losses);
                let caller = Caller { dialect: Dialect::Responses, include_usage: true, size };
                let mut outgoing = translate(request, caller, card, ledger)?;
                if let Way::Translate { from, names, .. } = outgoing.way {
                    let settings = Arc::new(settings);
                    outgoing.way = Way::Respond { from, names, settings };
                }
                Ok(outgoing)
            }
            Read::Mixed { decoded, include_usage } => {
                let responses::Decoded { request, settings: _, ledger: losses } = *decoded;
                ledger.append(losses);
                let caller = Caller { dialect: Dialect::OpenAiChat, include_usage, size };
                translate(request, caller, card, ledger)
            }
            Read::Anthropic { members, betas, .. } if card.speaks(Dialect::Anthropic) => {
                let version = anthropic_version(card);
                let body = relay::messages_to_invoke(&members, &betas, version, card, ledger)?;
                let headers = relayed_tier(&members, ledger)?;
                let (carrier, way) = (Carrier::Invoke, Way::RelayAnthropic);
                Ok(Outgoing { carrier, stream, headers, body: body.into(), way })
            }
            Read::Anthropic { betas, body, .. } => {
                let betas: Vec<&str> = betas.iter().map(|b| &**b).collect();
                let request = anthropic::decode(body, &betas)?;
                let caller = Caller { dialect: Dialect::Anthropic, include_usage: true, size };
                translate(request, caller, card, ledger)
            }
            Read::Bedrock { body, carrier } => {
                let way = Way::RelayBedrock(carrier);
                let corrected = match carrier {
                    Carrier::Invoke => relay::correct_version(&body, card, ledger),
                    Carrier::Converse | Carrier::CountTokens => None,
                };
                let body = corrected.map_or(body, Bytes::from);
                Ok(Outgoing { carrier, stream, headers: Vec::new(), body, way })
            }
        }
    }
}

/// The `anthropic_version` that the model prefers; the oldest one, which every Claude takes, when the
/// card names none.
fn anthropic_version(card: &Card) -> &str {
    card.anthropic_versions.first().map_or(relay::OLDEST_VERSION, String::as_str)
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
    card: &Card,
    ledger: &mut Ledger,
) -> Result<Outgoing, Fault> {
    let from = card.chat_dialect();
    let names = fit(&mut request, Target { card, dialect: from }, ledger)?;
    // What no fidelity permits need not be written first.
    ledger.verdict(Fidelity::Lenient)?;
    let Caller { dialect: to, include_usage, size } = caller;
    let mut body = Vec::with_capacity(size + size / ROOM + 256);
    let mut headers = Vec::new();
    let carrier = if from == Dialect::Anthropic {
        anthropic::encode(&request, card, anthropic_version(card), &mut body, ledger);
        invoke_headers(&request, &mut headers);
        Carrier::Invoke
    } else {
        converse::encode(&request, card, &mut body, ledger);
        Carrier::Converse
    };
    let way = Way::Translate { from, to, names, include_usage };
    Ok(Outgoing { carrier, stream: request.stream, headers, body: body.into(), way })
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
