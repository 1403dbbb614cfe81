//! A request body as it stands in the JSON, read in one pass.

use std::borrow::Cow;

use outcrop_model::json::{Content, Extra, Object, Str, next_str, read_object};
use serde::de::{Deserialize, Deserializer, MapAccess};
use serde_json::value::RawValue;

use super::part::Part;
use super::tagged::{keep, next_raw};
use super::tools::WireTool;

#[derive(Debug, Default)]
pub(super) struct Body<'a> {
    pub model: Option<Cow<'a, str>>,
    pub system: Content<'a, Part<'a>>,
    pub messages: Option<Vec<Message<'a>>>,
    pub tools: Vec<WireTool<'a>>,
    pub tool_choice: Option<&'a RawValue>,
    pub max_tokens: Option<u64>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub stop_sequences: Vec<Str<'a>>,
    pub thinking: Option<&'a RawValue>,
    pub output_config: Option<&'a RawValue>,
    pub output_format: Option<&'a RawValue>,
    pub metadata: Option<&'a RawValue>,
    pub service_tier: Option<Cow<'a, str>>,
    pub cache: Option<&'a RawValue>,
    /// `anthropic_beta`, which some clients put into the body instead of the header.
    pub betas: Vec<Str<'a>>,
    pub stream: bool,
    pub extra: Extra<'a>,
}

#[derive(Debug, Default)]
pub(super) struct Message<'a> {
    pub role: Option<Cow<'a, str>>,
    pub content: Content<'a, Part<'a>>,
    pub extra: Extra<'a>,
}

impl<'de> Deserialize<'de> for Body<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for Body<'de> {
    const WHAT: &'static str = "a JSON object";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key.as_ref() {
            "model" => self.model = next_str(map)?,
            "system" => self.system = map.next_value()?,
            "messages" => self.messages = map.next_value()?,
            "tools" => self.tools = next_list(map)?,
            "tool_choice" => self.tool_choice = next_raw(map)?,
            "max_tokens" => self.max_tokens = map.next_value()?,
            "temperature" => self.temperature = map.next_value()?,
            "top_p" => self.top_p = map.next_value()?,
            "top_k" => self.top_k = map.next_value()?,
            "stop_sequences" => self.stop_sequences = next_list(map)?,
            "thinking" => self.thinking = next_raw(map)?,
            "output_config" => self.output_config = next_raw(map)?,
            "output_format" => self.output_format = next_raw(map)?,
            "metadata" => self.metadata = next_raw(map)?,
            "service_tier" => self.service_tier = next_str(map)?,
            "cache_control" => self.cache = next_raw(map)?,
            "anthropic_beta" => self.betas = next_list(map)?,
            "stream" => self.stream = map.next_value::<Option<bool>>()?.unwrap_or(false),
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

/// Reads the next value as a list; JSON `null` is an empty one.
fn next_list<'de, T: Deserialize<'de>, A: MapAccess<'de>>(map: &mut A) -> Result<Vec<T>, A::Error> {
    Ok(map.next_value::<Option<Vec<T>>>()?.unwrap_or_default())
}

impl<'de> Deserialize<'de> for Message<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for Message<'de> {
    const WHAT: &'static str = "a message, which is an object with `role` and `content`";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key.as_ref() {
            "role" => self.role = next_str(map)?,
            "content" => self.content = map.next_value()?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}
