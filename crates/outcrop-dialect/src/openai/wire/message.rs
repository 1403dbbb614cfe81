//! Messages and the calls in them.

use std::borrow::Cow;

use outcrop_model::json::{Content, Extra, Object, next_str, read_object};
use serde::de::{Deserialize, Deserializer, MapAccess};
use serde_json::value::RawValue;

use super::{Part, keep};

#[derive(Debug, Default)]
pub(in crate::openai) struct Message<'a> {
    pub role: Option<Cow<'a, str>>,
    pub content: Content<'a, Part<'a>>,
    pub tool_calls: Vec<Call<'a>>,
    pub tool_call_id: Option<Cow<'a, str>>,
    pub function_call: Option<FunctionCall<'a>>,
    pub refusal: Option<Cow<'a, str>>,
    pub reasoning_content: Option<&'a RawValue>,
    pub thinking_blocks: Vec<&'a RawValue>,
    pub cache_control: Option<&'a RawValue>,
    pub name: Option<&'a RawValue>,
    pub extra: Extra<'a>,
}

/// An element of `tool_calls`.
#[derive(Debug, Default)]
pub(in crate::openai) struct Call<'a> {
    pub id: Option<Cow<'a, str>>,
    /// Raw: a call that is not a function's keeps it as the mark of what it was.
    pub kind: Option<&'a RawValue>,
    pub function: Option<FunctionCall<'a>>,
    pub extra: Extra<'a>,
}

#[derive(Debug, Default)]
pub(in crate::openai) struct FunctionCall<'a> {
    pub name: Option<Cow<'a, str>>,
    pub arguments: Option<Cow<'a, str>>,
    pub extra: Extra<'a>,
}

/// An element of `thinking_blocks` of a known type.
#[derive(Debug, Default)]
pub(in crate::openai) struct ThinkingBlock<'a> {
    pub kind: Option<Cow<'a, str>>,
    pub thinking: Option<Cow<'a, str>>,
    pub signature: Option<Cow<'a, str>>,
    pub data: Option<Cow<'a, str>>,
    pub cache_control: Option<&'a RawValue>,
    pub extra: Extra<'a>,
}

// === impl Message ===

impl<'de> Deserialize<'de> for Message<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for Message<'de> {
    const WHAT: &'static str = "a message object";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "role" => self.role = next_str(map)?,
            "content" => self.content = map.next_value()?,
            "tool_calls" => self.tool_calls = map.next_value::<Option<_>>()?.unwrap_or_default(),
            "tool_call_id" => self.tool_call_id = next_str(map)?,
            "function_call" => self.function_call = map.next_value()?,
            "refusal" => self.refusal = next_str(map)?,
            "reasoning_content" => self.reasoning_content = map.next_value()?,
            "thinking_blocks" => {
                self.thinking_blocks = map.next_value::<Option<_>>()?.unwrap_or_default();
            }
            "cache_control" => self.cache_control = map.next_value()?,
            "name" => self.name = map.next_value()?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

// === impl Call ===

impl<'de> Deserialize<'de> for Call<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for Call<'de> {
    const WHAT: &'static str = "a tool call object";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "id" => self.id = next_str(map)?,
            "type" => self.kind = map.next_value()?,
            "function" => self.function = map.next_value()?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

// === impl FunctionCall ===

impl<'de> Deserialize<'de> for FunctionCall<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for FunctionCall<'de> {
    const WHAT: &'static str = "an object with `name` and `arguments`";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "name" => self.name = next_str(map)?,
            "arguments" => self.arguments = next_str(map)?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

// === impl ThinkingBlock ===

impl<'de> Deserialize<'de> for ThinkingBlock<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for ThinkingBlock<'de> {
    const WHAT: &'static str = "a thinking block object";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "type" => self.kind = next_str(map)?,
            "thinking" => self.thinking = next_str(map)?,
            "signature" => self.signature = next_str(map)?,
            "data" => self.data = next_str(map)?,
            "cache_control" => self.cache_control = map.next_value()?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}
