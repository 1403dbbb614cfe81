//! Tool definitions as they stand in the JSON, and their place in the IR.
//!
//! A tool without `type`, or of type `custom`, is a function of the caller's. Any other type is the
//! vendor's own and is kept as written beside what was understood of it.

use std::borrow::Cow;

use outcrop_model::chat::Tool;
use outcrop_model::json::{Extra, Object, next_str, read_object};
use outcrop_model::{At, Fault};
use serde::de::{Deserialize, Deserializer, MapAccess};
use serde_json::value::RawValue;

use super::cache;
use super::source::{write_extra, written};
use super::tagged::{keep, next_raw};
use crate::write::JsonWriter;

#[derive(Debug, Default)]
pub(super) struct WireTool<'a> {
    /// Only when it is not `custom`.
    vendor: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    description: Option<Cow<'a, str>>,
    schema: Option<&'a RawValue>,
    strict: Option<&'a RawValue>,
    cache: Option<&'a RawValue>,
    extra: Extra<'a>,
}

impl<'de> Deserialize<'de> for WireTool<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for WireTool<'de> {
    const WHAT: &'static str = "a tool, which is an object";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match (key.as_ref(), self.vendor.is_some()) {
            ("type", _) => self.vendor = next_str(map)?.filter(|word| word != "custom"),
            ("name", _) => self.name = next_str(map)?,
            ("cache_control", _) => self.cache = next_raw(map)?,
            ("description", false) => self.description = next_str(map)?,
            ("input_schema", false) => self.schema = next_raw(map)?,
            ("strict", false) => self.strict = next_raw(map)?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

/// Turns tools into the IR's.
pub(super) fn tools<'a>(wire: Vec<WireTool<'a>>) -> Result<Vec<Tool<'a>>, Fault> {
    wire.into_iter().zip(0..).map(|(tool, i)| tool_at(tool, At::Element("tools", i))).collect()
}

fn tool_at<'a>(wire: WireTool<'a>, at: At) -> Result<Tool<'a>, Fault> {
    if let Some(word) = wire.vendor.clone() {
        return Ok(vendor_tool(wire, word, at));
    }
    let WireTool { vendor: _, name, description, schema, strict, cache, mut extra } = wire;
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Err(Fault::invalid(at.key("name"), "is missing; every tool needs a name."));
    };
    let strict = match strict.map(RawValue::get) {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => return Err(Fault::invalid(at.key("strict"), "must be `true` or `false`.")),
    };
    let cache = cache::read(cache, &mut extra);
    let schema = schema.map(Cow::Borrowed);
    Ok(Tool { name, description, schema, strict, vendor: None, cache, at, extra })
}

/// A vendor's tool: all that makes it up stays in its raw form, and only there.
fn vendor_tool<'a>(wire: WireTool<'a>, word: Cow<'a, str>, at: At) -> Tool<'a> {
    let WireTool { vendor: _, name, description, schema, strict, cache, extra } = wire;
    let mut bytes = Vec::new();
    let mut w = JsonWriter::new(&mut bytes);
    w.open_object();
    w.member_str("type", &word);
    if let Some(name) = &name {
        w.member_str("name", name);
    }
    if let Some(description) = &description {
        w.member_str("description", description);
    }
    let raws = [("input_schema", schema), ("strict", strict), ("cache_control", cache)];
    for (key, raw) in raws {
        if let Some(raw) = raw {
            w.member_raw(key, raw);
        }
    }
    write_extra(&mut w, &extra);
    w.close_object();
    // Whatever `cache_control` holds beyond the lifetime is in the raw form already.
    let cache = cache::read(cache, &mut Vec::new());
    let vendor = Some((word, written(bytes)));
    let name = name.unwrap_or_default();
    let (schema, strict) = (None, None);
    Tool { name, description, schema, strict, vendor, cache, at, extra: Vec::new() }
}
