//! The smaller request members: thinking, output configuration, tool choice, metadata.
//!
//! Each is parsed on its own from its raw value; what is not understood goes to the request's
//! `extra` under its full path, and a setting of an unknown type goes there whole.

use std::borrow::Cow;

use outcrop_model::chat::{OutputFormat, Thinking, ToolChoice};
use outcrop_model::json::{Extra, Members, Str, parse_raw};
use outcrop_model::{ChatRequest, Fault};
use serde_json::value::RawValue;

/// The string in a raw value, if it is one.
pub(crate) fn word_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    // Not a string is a legitimate answer here; the callers keep such values in `extra`.
    serde_json::from_str::<Str<'_>>(raw.get()).ok().map(|s| s.0)
}

/// Members of a setting by name; those not taken are unknown.
struct Setting<'a> {
    path: &'static str,
    whole: &'a RawValue,
    members: Members<'a>,
}

impl<'a> Setting<'a> {
    fn parse(path: &'static str, whole: &'a RawValue) -> Result<Self, Fault> {
        let mut members: Members<'a> = parse_raw(whole, path)?;
        members.0.retain(|(_, value)| value.get() != "null");
        Ok(Self { path, whole, members })
    }

    fn take(&mut self, key: &str) -> Option<&'a RawValue> {
        let index = self.members.0.iter().position(|(k, _)| k == key)?;
        Some(self.members.0.remove(index).1)
    }

    fn take_str(&mut self, key: &str) -> Result<Option<Cow<'a, str>>, Fault> {
        let Some(raw) = self.take(key) else { return Ok(None) };
        Ok(Some(parse_raw::<Str<'a>>(raw, &self.key(key))?.0))
    }

    fn take_u64(&mut self, key: &str) -> Result<Option<u64>, Fault> {
        self.take(key).map(|raw| parse_raw(raw, &self.key(key))).transpose()
    }

    fn take_bool(&mut self, key: &str) -> Result<Option<bool>, Fault> {
        self.take(key).map(|raw| parse_raw(raw, &self.key(key))).transpose()
    }

    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    fn missing(&self, key: &str, mend: &'static str) -> Fault {
        Fault::invalid(self.key(key), mend)
    }

    /// Hands over what nobody took.
    fn rest(self, extra: &mut Extra<'a>) {
        let path = self.path;
        let rest = self.members.0.into_iter();
        extra.extend(rest.map(|(key, raw)| (Cow::Owned(format!("{path}.{key}")), raw)));
    }

    /// Hands over the setting as it was written.
    fn whole(self, extra: &mut Extra<'a>) {
        extra.push((Cow::Borrowed(self.path), self.whole));
    }
}

pub(crate) fn thinking<'a>(raw: &'a RawValue, request: &mut ChatRequest<'a>) -> Result<(), Fault> {
    let mut setting = Setting::parse("thinking", raw)?;
    match setting.take_str("type")?.as_deref() {
        Some("enabled") => {
            let tokens = setting.take_u64("budget_tokens")?.ok_or_else(|| {
                setting.missing("budget_tokens", "is missing; enabled thinking needs a budget.")
            })?;
            let display = setting.take_str("display")?;
            request.thinking = Some(Thinking::Budget { tokens, display });
        }
        Some("adaptive") => {
            let display = setting.take_str("display")?;
            request.thinking = Some(Thinking::Adaptive { display });
        }
        Some("disabled") => request.thinking = Some(Thinking::Disabled),
        Some(_) => {
            setting.whole(&mut request.extra);
            return Ok(());
        }
        None => {
            return Err(
                setting.missing("type", "is missing; use `enabled`, `adaptive` or `disabled`.")
            );
        }
    }
    setting.rest(&mut request.extra);
    Ok(())
}

pub(super) fn output_config<'a>(
    raw: &'a RawValue,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    let mut setting = Setting::parse("output_config", raw)?;
    request.effort = setting.take_str("effort")?;
    if let Some(raw) = setting.take("format") {
        output_format("output_config.format", raw, request)?;
    }
    setting.rest(&mut request.extra);
    Ok(())
}

/// Reads `output_config.format` or its older place, the top-level `output_format`.
pub(super) fn output_format<'a>(
    path: &'static str,
    raw: &'a RawValue,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    let mut setting = Setting::parse(path, raw)?;
    match setting.take_str("type")?.as_deref() {
        Some("json_schema") => {}
        // Without its form the answer would be of no use.
        Some(_) => return Err(Fault::invalid(setting.key("type"), "must be `json_schema`.")),
        None => return Err(setting.missing("type", "is missing; use `json_schema`.")),
    }
    if request.format.is_some() {
        setting.whole(&mut request.extra);
        return Ok(());
    }
    let schema = setting
        .take("schema")
        .ok_or_else(|| setting.missing("schema", "is missing; `json_schema` needs a schema."))?;
    request.format = Some(OutputFormat::JsonSchema {
        name: None,
        description: None,
        schema: Cow::Borrowed(schema),
        strict: None,
    });
    setting.rest(&mut request.extra);
    Ok(())
}

pub(super) fn tool_choice<'a>(
    raw: &'a RawValue,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    let mut setting = Setting::parse("tool_choice", raw)?;
    let choice = match setting.take_str("type")?.as_deref() {
        Some("auto") => ToolChoice::Auto,
        Some("any") => ToolChoice::Any,
        Some("none") => ToolChoice::None,
        Some("tool") => ToolChoice::Named(setting.take_str("name")?.ok_or_else(|| {
            setting.missing("name", "is missing; the choice `tool` names a tool.")
        })?),
        Some(_) => {
            setting.whole(&mut request.extra);
            return Ok(());
        }
        None => {
            let mend = "is missing; use `auto`, `any`, `tool` or `none`.";
            return Err(setting.missing("type", mend));
        }
    };
    request.tool_choice = Some(choice);
    request.parallel_tools = setting.take_bool("disable_parallel_tool_use")?.map(|off| !off);
    setting.rest(&mut request.extra);
    Ok(())
}

pub(super) fn metadata<'a>(raw: &'a RawValue, request: &mut ChatRequest<'a>) -> Result<(), Fault> {
    let mut setting = Setting::parse("metadata", raw)?;
    request.user = setting.take_str("user_id")?;
    setting.rest(&mut request.extra);
    Ok(())
}
