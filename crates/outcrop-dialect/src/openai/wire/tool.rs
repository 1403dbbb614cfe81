//! Tools and legacy functions.

use std::borrow::Cow;

use outcrop_model::json::{Extra, Object, next_str, read_object};
use serde::de::{Deserialize, Deserializer, MapAccess};
use serde_json::value::RawValue;

use super::keep;

#[derive(Debug, Default)]
pub(in crate::openai) struct Tool<'a> {
    pub kind: Option<Cow<'a, str>>,
    /// Read at once when `type` came first; else the member `function` is in `extra`.
    pub function: Option<FunctionDef<'a>>,
    pub cache_control: Option<&'a RawValue>,
    pub extra: Extra<'a>,
}

/// `function` of a tool, or an element of the legacy `functions`.
#[derive(Debug, Default)]
pub(in crate::openai) struct FunctionDef<'a> {
    pub name: Option<Cow<'a, str>>,
    pub description: Option<Cow<'a, str>>,
    pub parameters: Option<&'a RawValue>,
    pub strict: Option<bool>,
    pub cache_control: Option<&'a RawValue>,
    pub extra: Extra<'a>,
}

// === impl Tool ===

impl<'de> Deserialize<'de> for Tool<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for Tool<'de> {
    const WHAT: &'static str = "a tool object";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "type" => self.kind = next_str(map)?,
            "function" if self.kind.as_deref() == Some("function") => {
                self.function = map.next_value()?;
            }
            "cache_control" => self.cache_control = map.next_value()?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

// === impl FunctionDef ===

impl<'de> Deserialize<'de> for FunctionDef<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for FunctionDef<'de> {
    const WHAT: &'static str = "an object with `name` and `parameters`";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "name" => self.name = next_str(map)?,
            "description" => self.description = next_str(map)?,
            "parameters" => self.parameters = map.next_value()?,
            "strict" => self.strict = map.next_value()?,
            "cache_control" => self.cache_control = map.next_value()?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}
