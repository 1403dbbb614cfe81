//! The request as it stands on the wire.
//!
//! 1. Nothing is judged here beyond JSON types; every unknown member is kept raw, in order.
//! 2. A payload whose key is the object's own `type` is read straight into its struct when `type` came
//!    first, as it practically always does; otherwise it waits among the raw members.

mod message;
mod part;
mod tool;

use std::borrow::Cow;

use outcrop_model::Fault;
use outcrop_model::json::{
    Extra, Json, Members, Object, Str, fault_from, next_str, parse_raw, read_object,
};
use serde::de::{Deserialize, Deserializer, MapAccess};
use serde_json::value::RawValue;

use crate::write::JsonWriter;

pub(super) use message::{Call, FunctionCall, Message, ThinkingBlock};
pub(super) use part::{AudioPart, FilePart, Part, Payload, PayloadKind, UrlPart};
pub(super) use tool::{FunctionDef, Tool};

/// The body: what is large is typed, settings stay raw until they are applied one by one.
#[derive(Debug, Default)]
pub(super) struct Body<'a> {
    pub model: Option<Cow<'a, str>>,
    pub messages: Option<Vec<Message<'a>>>,
    pub tools: Option<Vec<Tool<'a>>>,
    pub functions: Option<Vec<FunctionDef<'a>>>,
    pub settings: Extra<'a>,
}

// === impl Body ===

impl<'de> Deserialize<'de> for Body<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for Body<'de> {
    const WHAT: &'static str = "a JSON object with `model` and `messages`";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "model" => self.model = next_str(map)?,
            "messages" => self.messages = map.next_value()?,
            "tools" => self.tools = map.next_value()?,
            "functions" => self.functions = map.next_value()?,
            _ => keep(&mut self.settings, key, map)?,
        }
        Ok(())
    }
}

/// Keeps a member raw, unless it says nothing (`null` or an empty list).
fn keep<'de, A: MapAccess<'de>>(
    extra: &mut Extra<'de>,
    key: Cow<'de, str>,
    map: &mut A,
) -> Result<(), A::Error> {
    let raw: &'de RawValue = map.next_value()?;
    if !is_absent(raw) {
        extra.push((key, raw));
    }
    Ok(())
}

fn is_absent(raw: &RawValue) -> bool {
    let text = raw.get();
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    text == "null" || inner.is_some_and(|t| t.trim_ascii().is_empty())
}

/// Takes the raw member `key` out of `extra`.
pub(crate) fn take<'a>(extra: &mut Extra<'a>, key: &str) -> Option<&'a RawValue> {
    let found = extra.iter().position(|(k, _)| k == key)?;
    Some(extra.remove(found).1)
}

/// Moves the unknown members of an inner object to the block or turn that it belongs to.
pub(crate) fn lift<'a>(extra: &mut Extra<'a>, below: &str, inner: Extra<'a>) {
    extra.extend(inner.into_iter().map(|(key, raw)| (Cow::Owned(format!("{below}.{key}")), raw)));
}

/// The members of a raw object found at `path`, without those that say nothing.
pub(crate) fn members<'a>(raw: &'a RawValue, path: &str) -> Result<Extra<'a>, Fault> {
    let Members(mut members) = parse_raw(raw, path)?;
    members.retain(|(_, value)| !is_absent(value));
    Ok(members)
}

/// A raw string found at `path`.
pub(crate) fn text<'a>(raw: &'a RawValue, path: &str) -> Result<Cow<'a, str>, Fault> {
    Ok(parse_raw::<Str<'a>>(raw, path)?.0)
}

/// Puts an object of a type that is not known here together again, `id` and `type` first.
pub(super) fn rebuild<'a>(
    id: Option<&str>,
    kind: &str,
    members: &Extra<'_>,
) -> Result<Json<'a>, Fault> {
    let mut buf = Vec::new();
    let mut w = JsonWriter::new(&mut buf);
    w.open_object();
    if let Some(id) = id {
        w.member_str("id", id);
    }
    w.member_str("type", kind);
    for (key, raw) in members {
        w.key_escaped(key);
        w.raw(raw);
    }
    w.close_object();
    owned_json(buf)
}

/// Takes bytes that are one JSON value.
pub(crate) fn owned_json<'a>(json: Vec<u8>) -> Result<Json<'a>, Fault> {
    let raw = serde_json::from_slice::<Box<RawValue>>(&json);
    raw.map(Cow::Owned).map_err(|error| fault_from(&json, &error))
}
