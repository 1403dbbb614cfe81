//! From a caller's request to what is sent to Bedrock, and how its answer will be written.
//!
//! Which carrier and which dialect: [`carry`](crate::carry). The chosen dialect is the caller's own:
//! [`relayed`]. It is not: [`translated`]. Pure: called again for every target.

mod estimate;
mod relayed;
mod translated;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use outcrop_model::json::{Members, Str, parse_body, parse_raw};
use outcrop_model::{Carrier, Dialect, ErrorClass, Fault, Lane, Ledger, Phase};

use crate::carry::Destination;
use crate::names::ToolNames;
use crate::structured::Structured;
use crate::{anthropic, cache, enveloped, openai, relay, responses};

pub use self::estimate::Estimate;
use self::translated::{Caller, translate};

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
        let Self { model, stream, size, content } = self;
        match content {
            Read::Decoded { decoded, to: dialect } => {
                let openai::Decoded { request, include_usage } = *decoded;
                translate(request, Caller { dialect, include_usage, size }, to, ledger)
            }
            Read::Chat { members, body, betas } => {
                let chosen = to.choose(Dialect::OpenAiChat)?;
                if chosen.dialect == Dialect::OpenAiChat {
                    no_betas(&betas, ledger);
                    return Ok(relayed::chat(&members, stream, to.card, chosen, ledger));
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
                    return relayed::responses(body, recalled, stream, to.card, chosen, ledger);
                }
                let mut decoded = body.decode(recalled)?;
                decoded.request.betas.extend(betas);
                translated::respond(decoded, size, to, ledger)
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
                    return relayed::messages(members, &betas, stream, to.card, chosen, ledger);
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
                Ok(relayed::bedrock(body, carrier, stream, to, ledger))
            }
        }
    }
}

// === helpers ===

/// Model and streaming of a chat, if they can be read without looking further.
fn head_of<'a>(members: &Members<'a>) -> Option<(Cow<'a, str>, bool)> {
    members.get("messages")?;
    let Str(model) = serde_json::from_str(members.get("model")?.get()).ok()?;
    let stream = members.get("stream").map(|raw| serde_json::from_str::<Option<bool>>(raw.get()));
    let stream = stream.transpose().ok()?.flatten().unwrap_or(false);
    (!model.trim().is_empty()).then_some((model, stream))
}

/// A model's name can ask for a beta that is not the model's vendor's.
fn no_betas(betas: &[Cow<'_, str>], ledger: &mut Ledger) {
    for beta in betas {
        ledger.dropped("model", format!("`{beta}` is Anthropic's; this model is OpenAI's"));
    }
}

const RESPONSES_PATH: &str = "/v1/responses";
const CHAT_PATH: &str = "/v1/chat/completions";

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
