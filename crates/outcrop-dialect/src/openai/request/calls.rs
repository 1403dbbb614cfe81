//! Tool calls of earlier turns.

use std::borrow::Cow;

use outcrop_model::chat::{ToolUse, Turn};
use outcrop_model::json::{Extra, Json};
use outcrop_model::{At, Block, BlockKind, Fault};
use serde_json::value::RawValue;

use super::invalid;
use crate::openai::wire::{Call, FunctionCall, lift, members, owned_json, rebuild, take, text};
use crate::write::JsonWriter;

/// An element of `tool_calls`.
pub(super) fn read<'a>(call: Call<'a>, at: At, position: u32) -> Result<Block<'a>, Fault> {
    let Call { id, kind, function, mut extra } = call;
    let word = match kind {
        Some(raw) => text(raw, &at.key("type"))?,
        None => Cow::Borrowed("function"),
    };
    if word != "function" {
        if function.is_some() {
            let what = format_args!("does not belong to a call of type {word}.");
            return Err(invalid(at.key("function"), what));
        }
        return match (&*word, id, kind) {
            ("custom", Some(id), Some(kind)) => read_custom(id, kind, extra, at),
            (_, id, _) => foreign(word, id, extra, at),
        };
    }
    let Some(id) = id.filter(|id| !id.is_empty()) else {
        return Err(invalid(at.key("id"), "is required: the id that the tool message answers to."));
    };
    let Some(function) = function else {
        return Err(invalid(at.key("function"), "is required: `name` and `arguments`."));
    };
    // Clients that collect a stream often keep the call's index, which says nothing new.
    extra.retain(|(key, raw)| !(key == "index" && raw.get().parse() == Ok(position)));
    let FunctionCall { name, arguments, extra: unknown } = function;
    lift(&mut extra, "function", unknown);
    block(id, name, arguments, &|key| at.key(&format!("function.{key}")), at, extra)
}

/// Legacy `function_call`, which has no id: the message's position makes one.
pub(super) fn read_legacy<'a>(call: FunctionCall<'a>, m: u32) -> Result<Block<'a>, Fault> {
    let FunctionCall { name, arguments, extra } = call;
    let at = At::InMessage(m, "function_call");
    block(Cow::Owned(format!("call_{m}")), name, arguments, &|key| at.key(key), at, extra)
}

fn block<'a>(
    id: Cow<'a, str>,
    name: Option<Cow<'a, str>>,
    arguments: Option<Cow<'a, str>>,
    path: &dyn Fn(&str) -> String,
    at: At,
    extra: Extra<'a>,
) -> Result<Block<'a>, Fault> {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Err(invalid(path("name"), "is required: the tool that was called."));
    };
    let input = input(arguments, &|| path("arguments"))?;
    let kind = BlockKind::ToolUse(ToolUse { id, name, input });
    Ok(Block { extra, ..Block::new(kind, at) })
}

/// `arguments` is JSON within a string; no arguments at all are an empty object.
fn input<'a>(
    arguments: Option<Cow<'a, str>>,
    path: &dyn Fn() -> String,
) -> Result<Json<'a>, Fault> {
    let arguments = match arguments {
        Some(text) if !matches!(text.trim_ascii(), "" | "null") => text,
        Some(_) | None => Cow::Borrowed("{}"),
    };
    let json: Result<Json<'a>, _> = match arguments {
        Cow::Borrowed(text) => serde_json::from_str::<&RawValue>(text).map(Cow::Borrowed),
        Cow::Owned(text) => RawValue::from_string(text).map(Cow::Owned),
    };
    match json {
        Ok(json) if json.get().starts_with('{') => Ok(json),
        Ok(_) => Err(invalid(path(), "must hold a JSON object, written as a string.")),
        Err(error) => Err(invalid(
            path(),
            format_args!(
                "must hold a JSON object, written as a string; it does not parse: {error}."
            ),
        )),
    }
}

/// A call of a free-text tool: `{"input": …}`, with its `type` kept as the mark of what it was.
fn read_custom<'a>(
    id: Cow<'a, str>,
    kind: &'a RawValue,
    mut extra: Extra<'a>,
    at: At,
) -> Result<Block<'a>, Fault> {
    let Some(raw) = take(&mut extra, "custom") else {
        return Err(invalid(at.key("custom"), "is required: `name` and `input`."));
    };
    let mut custom = members(raw, &at.key("custom"))?;
    let path = |key: &str| at.key(&format!("custom.{key}"));
    let (Some(name), Some(input)) = (take(&mut custom, "name"), take(&mut custom, "input")) else {
        return Err(invalid(at.key("custom"), "needs both `name` and `input`."));
    };
    let (name, input) = (text(name, &path("name"))?, text(input, &path("input"))?);
    let mut buf = Vec::with_capacity(input.len() + 16);
    let mut w = JsonWriter::new(&mut buf);
    w.open_object();
    w.member_str("input", &input);
    w.close_object();
    let input = owned_json(buf)?;
    extra.push((Cow::Borrowed("type"), kind));
    lift(&mut extra, "custom", custom);
    let kind = BlockKind::ToolUse(ToolUse { id, name, input });
    Ok(Block { extra, ..Block::new(kind, at) })
}

fn foreign<'a>(
    kind: Cow<'a, str>,
    id: Option<Cow<'a, str>>,
    extra: Extra<'a>,
    at: At,
) -> Result<Block<'a>, Fault> {
    let raw = rebuild(id.as_deref(), &kind, &extra)?;
    Ok(Block::new(BlockKind::Foreign { kind, raw }, at))
}

/// The name of the tool that the latest call `id` called.
pub(super) fn name_of<'t, 'a>(turns: &'t [Turn<'a>], id: &str) -> Option<&'t Cow<'a, str>> {
    uses(turns).find(|(_, call)| call.id == id).map(|(_, call)| &call.name)
}

/// The id given to the latest legacy call of function `name`.
pub(super) fn legacy_id_of<'t, 'a>(turns: &'t [Turn<'a>], name: &str) -> Option<&'t Cow<'a, str>> {
    let is_legacy = |at: At| matches!(at, At::InMessage(_, "function_call"));
    uses(turns).find(|(at, call)| is_legacy(*at) && call.name == name).map(|(_, call)| &call.id)
}

/// Tool calls so far, latest first.
fn uses<'t, 'a>(turns: &'t [Turn<'a>]) -> impl Iterator<Item = (At, &'t ToolUse<'a>)> {
    let blocks = turns.iter().rev().flat_map(|turn| turn.blocks.iter().rev());
    blocks.filter_map(|block| match &block.kind {
        BlockKind::ToolUse(call) => Some((block.at, call)),
        BlockKind::Text(_)
        | BlockKind::Media(_)
        | BlockKind::ToolResult(_)
        | BlockKind::Thinking { .. }
        | BlockKind::Redacted(_)
        | BlockKind::Foreign { .. } => None,
    })
}
