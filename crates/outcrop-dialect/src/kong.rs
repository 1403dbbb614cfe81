//! `POST /v1/chat`, as the Bedrock skill for Kong Gateway describes it.
//!
//! 1. The conversation may be Anthropic's or OpenAI's; `system` stands beside it in either case, and
//!    short model names are resolved.
//! 2. The answer is Anthropic's, streams included.
//! 3. Errors are `{"error": "…"}` by a table of their own; what AWS said of the gateway's own standing
//!    never shows.

use std::borrow::Cow;

use outcrop_model::json::{Content, Members, Str, parse_body, parse_raw};
use outcrop_model::{At, Block, ErrorClass, Fault, alias};
use serde_json::value::RawValue;

use crate::openai;
use crate::plan::Peeked;
use crate::write::JsonWriter;

/// The document's `max_tokens`, for callers that name none.
const MAX_TOKENS: u64 = 4096;
/// The document's advice to a caller who is told to wait, where AWS names no time.
const RETRY_AFTER: u64 = 5;

/// A body with its model resolved, in one of the two styles.
#[derive(Debug)]
pub struct Prepared {
    body: Vec<u8>,
    style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Anthropic,
    OpenAi,
}

/// Reads the body far enough to know its style.
///
/// # Errors
/// When there is no body, it is no JSON object, or it names no model.
pub fn prepare(body: &[u8]) -> Result<Prepared, Fault> {
    if body.trim_ascii().is_empty() {
        return Err(Fault::invalid("", "Request body required"));
    }
    let Members(mut members) = parse_body(body)?;
    members.retain(|(_, raw)| raw.get() != "null");
    let members = Members(members);
    let model = members.get("model").map(|raw| parse_raw::<Str<'_>>(raw, "model")).transpose()?;
    let model = model.map(|Str(model)| model).filter(|model| !model.is_empty());
    let model = model
        .ok_or_else(|| Fault::invalid("model", "is required: a short name or a Bedrock id."))?;
    let style = style(&members)?;
    let mut out = Vec::with_capacity(body.len() + 64);
    let mut w = JsonWriter::new(&mut out);
    w.open_object();
    w.member_str("model", &alias::resolve(&model).id);
    for (key, raw) in members.0.iter().filter(|(key, _)| key != "model") {
        w.key_escaped(key);
        w.raw(raw);
    }
    let limits = ["max_tokens", "max_completion_tokens"];
    if limits.iter().all(|limit| members.get(limit).is_none()) {
        w.member_u64("max_tokens", MAX_TOKENS);
    }
    w.close_object();
    Ok(Prepared { body: out, style })
}

// === impl Prepared ===

impl Prepared {
    /// The request, ready to be planned.
    ///
    /// # Errors
    /// As for the dialect that the body is written in.
    pub fn peek<'a>(&'a self, betas: Vec<Cow<'a, str>>) -> Result<Peeked<'a>, Fault> {
        match self.style {
            Style::Anthropic => Peeked::anthropic(&self.body, betas),
            Style::OpenAi => {
                let mut decoded = openai::decode(&self.body)?;
                let extra = &mut decoded.request.extra;
                if let Some(at) = extra.iter().position(|(key, _)| key == "system") {
                    let system = system(extra.remove(at).1)?;
                    decoded.request.system.splice(0..0, system);
                }
                decoded.include_usage = true;
                Ok(Peeked::answered_by_anthropic(decoded, self.body.len()))
            }
        }
    }
}

/// The text of a top-level `system`: a string or a list of text blocks.
fn system(raw: &RawValue) -> Result<Vec<Block<'_>>, Fault> {
    const AT: At = At::Member("system");
    match parse_raw::<Content<'_, Members<'_>>>(raw, "system")? {
        Content::Absent => Ok(Vec::new()),
        Content::Text(text) => Ok(vec![Block::text(text, AT)]),
        Content::Parts(parts) => parts
            .iter()
            .map(|part| {
                let missing = || Fault::invalid("system", "must hold text: each part has `text`.");
                let Str(text) = parse_raw(part.get("text").ok_or_else(missing)?, "system")?;
                Ok(Block::text(text, AT))
            })
            .collect(),
    }
}

/// OpenAI's, if anything in the body is OpenAI's alone.
fn style(members: &Members<'_>) -> Result<Style, Fault> {
    let messages: Vec<&RawValue> =
        members.get("messages").map_or(Ok(Vec::new()), |raw| parse_raw(raw, "messages"))?;
    let tools: Vec<&RawValue> =
        members.get("tools").map_or(Ok(Vec::new()), |raw| parse_raw(raw, "tools"))?;
    let settings = ["max_completion_tokens", "response_format", "reasoning_effort", "stop", "n"];
    let openai = settings.iter().any(|setting| members.get(setting).is_some())
        || messages.iter().any(|message| is_openais(message))
        || tools.iter().any(|tool| object(tool).get("function").is_some());
    Ok(if openai { Style::OpenAi } else { Style::Anthropic })
}

fn is_openais(message: &RawValue) -> bool {
    let message = object(message);
    let role = message.get("role").map_or("", RawValue::get);
    if matches!(role, "\"system\"" | "\"developer\"" | "\"tool\"" | "\"function\"")
        || message.get("tool_calls").is_some()
    {
        return true;
    }
    let content = message.get("content").map_or("", RawValue::get);
    let parts: Vec<&RawValue> = serde_json::from_str(content).unwrap_or_default();
    parts.iter().any(|part| {
        let kind = object(part).get("type").map_or("", RawValue::get);
        matches!(kind, "\"image_url\"" | "\"input_audio\"" | "\"file\"" | "\"refusal\"")
    })
}

/// Something else than an object has no members; the decoder then names what is wrong.
fn object<'a>(raw: &'a RawValue) -> Members<'a> {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

/// Writes the error's body and returns its status.
///
/// Source: the document's table of errors and its handler. A request that the caller can mend is 400.
pub fn error(fault: &Fault, message: &str, out: &mut Vec<u8>) -> u16 {
    use ErrorClass as C;
    let (status, words) = match fault.class {
        C::Throttled | C::QuotaSpent => (429, "Rate limited"),
        C::AccessDenied | C::BadCredentials | C::ExpiredCredentials | C::BadSignature => {
            (503, "Service unavailable")
        }
        C::InvalidRequest
        | C::Unsupported
        | C::ContextOverflow
        | C::ContentFiltered
        | C::UnknownModel
        | C::ProfileNeeded
        | C::UnknownPrevious
        | C::ModelRejected => (400, message),
        C::TooLarge => (413, message),
        C::UnknownPath | C::UnknownResponse => (404, message),
        C::MethodNotAllowed => (405, message),
        C::NotSupported => (501, message),
        C::ClientTimeout => (408, message),
        C::Unauthenticated | C::CallerSignature => (401, message),
        C::OutOfScope => (403, message),
        C::ClientLeft => (499, message),
        C::QuotaExceeded
        | C::ModelNotReady
        | C::Overloaded
        | C::Internal
        | C::ModelTimeout
        | C::ModelFailed
        | C::WrongEndpoint
        | C::Conflict
        | C::Unreachable
        | C::UpstreamTimeout
        | C::Truncated
        | C::Garbled => (502, "Upstream error"),
    };
    let mut w = JsonWriter::new(out);
    w.open_object();
    w.member_str("error", words);
    if status == 429 {
        let wait = fault.retry_after.map_or(RETRY_AFTER, |wait| wait.as_secs().max(1));
        w.member_u64("retry_after", wait);
    }
    w.close_object();
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn prepared(body: Value) -> Prepared {
        prepare(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn the_style_shows_in_what_is_openais_alone() {
        let hi = json!([{"role": "user", "content": "hi"}]);
        let image = json!([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]);
        for (body, style) in [
            (json!({"messages": hi}), Style::Anthropic),
            (json!({"messages": hi, "tools": [{"name": "t"}]}), Style::Anthropic),
            (
                json!({"messages": hi, "tools": [{"type": "function", "function": {}}]}),
                Style::OpenAi,
            ),
            (json!({"messages": hi, "max_completion_tokens": 5}), Style::OpenAi),
            (json!({"messages": [{"role": "system", "content": "s"}]}), Style::OpenAi),
            (json!({"messages": image}), Style::OpenAi),
        ] {
            let mut body = body;
            body["model"] = json!("m");
            assert_eq!(prepared(body.clone()).style, style, "{body}");
        }
    }

    #[test]
    fn short_names_are_resolved_and_the_limit_is_set() {
        let body = prepared(json!({"model": "claude-3-sonnet", "messages": []})).body;
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["model"], "anthropic.claude-3-sonnet-20240229-v1:0");
        assert_eq!(body["max_tokens"], 4096);
    }

    #[test]
    fn what_is_missing_is_named() {
        for (body, path) in
            [("", ""), ("  ", ""), ("[]", ""), ("{}", "model"), (r#"{"model":7}"#, "model")]
        {
            assert_eq!(
                prepare(body.as_bytes()).unwrap_err().param.as_deref(),
                Some(path),
                "{body}"
            );
        }
    }
}
