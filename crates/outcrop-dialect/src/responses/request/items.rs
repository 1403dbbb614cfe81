//! Items become system text and turns.
//!
//! 1. System and developer messages before the first turn are `system`; later ones are turns.
//! 2. Every other item is a turn of its own; merging them is left to `fit`.
//! 3. An item's `id` and `status` say nothing to a model.

use std::borrow::Cow;

use outcrop_model::chat::{Role, ToolResult, ToolUse, Turn};
use outcrop_model::json::{Extra, Json};
use outcrop_model::{At, Block, BlockKind, ChatRequest, Fault};
use serde_json::value::RawValue;

use super::super::body::Item;
use super::super::place::Place;
use super::super::tools::{INPUT, ToolShapes, namespace_of};
use super::super::{envelope, invalid, unsupported};
use super::content;
use crate::openai::{members, owned_json, take, text};
use crate::write::JsonWriter;

/// The items as they stand, as a JSON list.
pub(in crate::responses) fn as_list(items: &[Item<'_>]) -> String {
    let mut list = Vec::new();
    let mut w = JsonWriter::new(&mut list);
    w.open_array();
    for item in items {
        match item {
            Item::Object(_, raw) => w.raw(raw),
            Item::Text(raw) => {
                w.open_object();
                w.member_str("type", "message");
                w.member_str("role", "user");
                w.member_raw("content", raw);
                w.close_object();
            }
        }
    }
    w.close_array();
    String::from_utf8_lossy(&list).into_owned()
}

pub(super) fn read<'a>(
    items: Vec<Item<'a>>,
    shapes: &ToolShapes,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    request.turns.reserve_exact(items.len());
    for item in items {
        match item {
            Item::Text(raw) => {
                let at = At::Member("input");
                let block = Block::text(text(raw, "input")?, at);
                request.turns.push(turn(Role::User, vec![block], at, Extra::new()));
            }
            Item::Object(place, raw) => read_item(raw, place, shapes, request)?,
        }
    }
    Ok(())
}

fn turn<'a>(role: Role, blocks: Vec<Block<'a>>, at: At, extra: Extra<'a>) -> Turn<'a> {
    Turn { role, blocks, at, extra }
}

fn read_item<'a>(
    raw: &'a RawValue,
    place: Place,
    shapes: &ToolShapes,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    let mut item = members(raw, &place.at().to_string())?;
    let kind = word(&mut item, "type", place)?;
    item.retain(|(key, _)| !matches!(&**key, "id" | "status"));
    let kind = match kind {
        None if item.iter().any(|(key, _)| key == "role") => Cow::Borrowed("message"),
        None => return Err(invalid(place.key("type"), "is required, e.g. message.")),
        Some(kind) => kind,
    };
    let read = match &*kind {
        "message" => return read_message(item, place, request),
        "function_call" => call(item, Call::Function, place, shapes)?,
        "custom_tool_call" => call(item, Call::Custom, place, shapes)?,
        "function_call_output" | "custom_tool_call_output" => output(item, place)?,
        "reasoning" => reasoning(item, raw, place)?,
        other if other.ends_with("_output") => {
            let what = format_args!(
                "is the result of a tool that OpenAI runs (`{other}`), which no model here has called. Send it as text or as `function_call_output`."
            );
            return Err(unsupported(place.at().to_string(), what));
        }
        _ => {
            let kind = BlockKind::Foreign { kind, raw: Cow::Borrowed(raw) };
            let blocks = vec![Block::new(kind, place.at())];
            turn(Role::Assistant, blocks, place.at(), Extra::new())
        }
    };
    request.turns.push(read);
    Ok(())
}

fn word<'a>(
    item: &mut Extra<'a>,
    key: &'static str,
    place: Place,
) -> Result<Option<Cow<'a, str>>, Fault> {
    take(item, key).map(|raw| text(raw, &place.key(key))).transpose()
}

fn read_message<'a>(
    mut item: Extra<'a>,
    place: Place,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    let role = match word(&mut item, "role", place)?.as_deref() {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("system" | "developer") => Role::System,
        Some(_) | None => {
            let what = "must be one of user, assistant, system, developer.";
            return Err(invalid(place.key("role"), what));
        }
    };
    let blocks = match take(&mut item, "content") {
        Some(raw) => content::read(raw, "content", place)?,
        None => Vec::new(),
    };
    let wrong = blocks.iter().find(|b| matches!(b.kind, BlockKind::Media(_)));
    if let (Role::System, Some(block)) = (role, wrong) {
        let what = "must be text; only user messages hold images and files.";
        return Err(invalid(block.at.to_string(), what));
    }
    if role == Role::System && request.turns.is_empty() {
        request.system.extend(blocks);
        let at = place.at();
        request.extra.extend(item.into_iter().map(|(key, raw)| (at.key(&key).into(), raw)));
    } else {
        request.turns.push(turn(role, blocks, place.at(), item));
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Function,
    Custom,
}

/// `function_call` and `custom_tool_call`
fn call<'a>(
    mut item: Extra<'a>,
    kind: Call,
    place: Place,
    shapes: &ToolShapes,
) -> Result<Turn<'a>, Fault> {
    let id = required(&mut item, "call_id", place, "the id that the result answers to")?;
    let name = required(&mut item, "name", place, "the tool that was called")?;
    let namespace = namespace_of(&mut item, place.at())?;
    let name = shapes.alias(namespace.as_deref(), name);
    let input = match kind {
        Call::Function => arguments(word(&mut item, "arguments", place)?, place)?,
        Call::Custom => free_text(&word(&mut item, INPUT, place)?.unwrap_or_default())?,
    };
    let block = Block::new(BlockKind::ToolUse(ToolUse { id, name, input }), place.at());
    Ok(turn(Role::Assistant, vec![block], place.at(), item))
}

fn required<'a>(
    item: &mut Extra<'a>,
    key: &'static str,
    place: Place,
    what: &str,
) -> Result<Cow<'a, str>, Fault> {
    word(item, key, place)?
        .filter(|word| !word.is_empty())
        .ok_or_else(|| invalid(place.key(key), format_args!("is required: {what}.")))
}

/// `arguments` is JSON within a string; no arguments at all are an empty object.
fn arguments(text: Option<Cow<'_, str>>, place: Place) -> Result<Json<'_>, Fault> {
    let text = text.filter(|text| !text.trim_ascii().is_empty()).unwrap_or(Cow::Borrowed("{}"));
    let json: Result<Json<'_>, _> = match text {
        Cow::Borrowed(text) => serde_json::from_str::<&RawValue>(text).map(Cow::Borrowed),
        Cow::Owned(text) => RawValue::from_string(text).map(Cow::Owned),
    };
    match json {
        Ok(json) if json.get().trim_ascii_start().starts_with('{') => Ok(json),
        Ok(_) | Err(_) => {
            let what = "must hold a JSON object, written as a string.";
            Err(invalid(place.key("arguments"), what))
        }
    }
}

/// What the model is told that a free-text tool was called with.
fn free_text<'a>(input: &str) -> Result<Json<'a>, Fault> {
    let mut json = Vec::with_capacity(input.len() + 16);
    let mut w = JsonWriter::new(&mut json);
    w.open_object();
    w.member_str(INPUT, input);
    w.close_object();
    owned_json(json)
}

fn output<'a>(mut item: Extra<'a>, place: Place) -> Result<Turn<'a>, Fault> {
    let id = required(&mut item, "call_id", place, "the id of the call that is answered")?;
    let content = match take(&mut item, "output") {
        Some(raw) => content::read(raw, "output", place)?,
        None => Vec::new(),
    };
    let result = ToolResult { id, content, is_error: None };
    let block = Block::new(BlockKind::ToolResult(result), place.at());
    Ok(turn(Role::User, vec![block], place.at(), item))
}

/// The gateway's own envelope is thinking again; what others encrypted no model here can read.
fn reasoning<'a>(mut item: Extra<'a>, raw: &'a RawValue, place: Place) -> Result<Turn<'a>, Fault> {
    let sealed = word(&mut item, "encrypted_content", place)?;
    let kind = match sealed.as_deref().map(envelope::open) {
        Some(Some(kind)) => kind,
        Some(None) => BlockKind::Foreign { kind: "reasoning".into(), raw: Cow::Borrowed(raw) },
        None => {
            let text = content::summary(take(&mut item, "summary"), place)?;
            BlockKind::Thinking { text, signature: None }
        }
    };
    // The summary repeats what the envelope holds.
    item.retain(|(key, _)| key != "summary");
    let block = Block::new(kind, place.at());
    Ok(turn(Role::Assistant, vec![block], place.at(), item))
}
