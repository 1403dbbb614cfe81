//! A Messages request from bytes to the IR.
//!
//! 1. Nothing that the body says is left out: unknown members are `extra`, unknown blocks foreign.
//! 2. JSON `null` is absence, everywhere.
//! 3. A fault names the JSON path and how to mend it.

use std::borrow::Cow;

use outcrop_model::chat::Role;
use outcrop_model::json::{Content, parse_body, parse_raw};
use outcrop_model::{At, Block, BlockKind, ChatRequest, Fault, Turn};
use serde_json::value::RawValue;

use super::block::blocks;
use super::body::{Body, Message};
use super::{cache, settings, tools};

/// Reads a request body. `betas` are the values of the header `anthropic-beta`, each a comma list.
pub fn decode<'a>(body: &'a [u8], betas: &[&'a str]) -> Result<ChatRequest<'a>, Fault> {
    let body: Body<'a> = parse_body(body)?;
    let mut request = request(body)?;
    for value in betas {
        add_betas(&mut request, value);
    }
    Ok(request)
}

/// Reads a body that does not name the model it is for, as InvokeModel's.
pub fn decode_for<'a>(body: &'a [u8], model: Cow<'a, str>) -> Result<ChatRequest<'a>, Fault> {
    let body: Body<'a> = parse_body(body)?;
    request(Body { model: Some(model), ..body })
}

fn request<'a>(body: Body<'a>) -> Result<ChatRequest<'a>, Fault> {
    let Body {
        model,
        system,
        messages,
        tools,
        tool_choice,
        max_tokens,
        temperature,
        top_p,
        top_k,
        stop_sequences,
        thinking,
        output_config,
        output_format,
        metadata,
        service_tier,
        cache,
        betas,
        stream,
        extra,
    } = body;
    let mut request = ChatRequest {
        model: model_named(model)?,
        system: blocks(system, At::Member("system"), |i| At::Element("system", i))?,
        turns: turns(messages)?,
        tools: tools::tools(tools)?,
        max_tokens: Some(limit(max_tokens)?),
        temperature,
        top_p,
        top_k,
        stop_sequences: stop_sequences.into_iter().map(|s| s.0).collect(),
        service_tier,
        betas: betas.into_iter().map(|s| s.0).collect(),
        stream,
        extra,
        ..ChatRequest::default()
    };
    type Setting = for<'b> fn(&'b RawValue, &mut ChatRequest<'b>) -> Result<(), Fault>;
    let parts: [(Option<&'a RawValue>, Setting); 5] = [
        (tool_choice, settings::tool_choice),
        (thinking, settings::thinking),
        (output_config, settings::output_config),
        (output_format, |raw, request| settings::output_format("output_format", raw, request)),
        (metadata, settings::metadata),
    ];
    for (raw, read) in parts {
        if let Some(raw) = raw {
            read(raw, &mut request)?;
        }
    }
    cache_whole_prompt(cache, &mut request);
    Ok(request)
}

fn model_named(model: Option<Cow<'_, str>>) -> Result<Cow<'_, str>, Fault> {
    model.filter(|name| !name.is_empty()).ok_or_else(|| {
        Fault::invalid("model", "`model` is missing; name the Bedrock model that shall answer.")
    })
}

fn limit(max_tokens: Option<u64>) -> Result<u64, Fault> {
    match max_tokens {
        None => Err(Fault::invalid(
            "max_tokens",
            "`max_tokens` is missing; say how many tokens the answer may have, e.g. `\"max_tokens\": 1024`.",
        )),
        Some(0) => Err(Fault::invalid("max_tokens", "`max_tokens` must be at least 1.")),
        Some(limit) => Ok(limit),
    }
}

/// The turns in a raw `messages`.
pub(crate) fn read_turns<'a>(messages: Option<&'a RawValue>) -> Result<Vec<Turn<'a>>, Fault> {
    turns(messages.map(|raw| parse_raw(raw, "messages")).transpose()?)
}

fn turns<'a>(messages: Option<Vec<Message<'a>>>) -> Result<Vec<Turn<'a>>, Fault> {
    let Some(messages) = messages.filter(|list| !list.is_empty()) else {
        return Err(Fault::invalid("messages", "`messages` must hold at least one message."));
    };
    messages.into_iter().zip(0..).map(|(message, m)| turn(message, m)).collect()
}

fn turn<'a>(message: Message<'a>, m: u32) -> Result<Turn<'a>, Fault> {
    let Message { role, content, extra } = message;
    let at = At::Message(m);
    if matches!(content, Content::Absent) {
        let mend = "is missing; give a string or a list of content blocks.";
        return Err(Fault::invalid(at.key("content"), mend));
    }
    let blocks = blocks(content, At::InMessage(m, "content"), |i| At::Item(m, "content", i))?;
    Ok(Turn { role: read_role(role.as_deref(), at)?, blocks, at, extra })
}

fn read_role(role: Option<&str>, at: At) -> Result<Role, Fault> {
    const ROLES: &str = "`user`, `assistant` or `system`";
    let message = match role {
        Some("user") => return Ok(Role::User),
        Some("assistant") => return Ok(Role::Assistant),
        Some("system") => return Ok(Role::System),
        Some(other) => format!("must be {ROLES}, not `{other}`."),
        None => format!("is missing; it must be {ROLES}."),
    };
    Err(Fault::invalid(at.key("role"), message))
}

/// The top-level `cache_control` asks to cache everything up to the last block that can be cached.
fn cache_whole_prompt<'a>(raw: Option<&'a RawValue>, request: &mut ChatRequest<'a>) {
    let Some(ttl) = cache::read(raw, &mut request.extra) else { return };
    let last = request.turns.iter_mut().rev().flat_map(|turn| turn.blocks.iter_mut().rev());
    match last.into_iter().find(|block| can_be_cached(block)) {
        Some(block) => block.cache = block.cache.or(Some(ttl)),
        None => request.extra.extend(raw.map(|raw| (Cow::Borrowed("cache_control"), raw))),
    }
}

fn can_be_cached(block: &Block<'_>) -> bool {
    match &block.kind {
        BlockKind::Text(text) => !text.trim().is_empty(),
        BlockKind::Media(_) | BlockKind::ToolUse(_) | BlockKind::ToolResult(_) => true,
        BlockKind::Thinking { .. } | BlockKind::Redacted(_) | BlockKind::Foreign { .. } => false,
    }
}

/// Adds the names in a header value: a comma list, which some clients write as a JSON array.
fn add_betas<'a>(request: &mut ChatRequest<'a>, value: &'a str) {
    let names = value
        .split(',')
        .map(|name| name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '[' | ']' | '"')));
    for name in names.filter(|name| !name.is_empty()) {
        if !request.betas.iter().any(|known| known == name) {
            request.betas.push(Cow::Borrowed(name));
        }
    }
}
