//! Top-level settings, applied one by one.
//!
//! 1. A setting with no place in the IR stays in `extra` under its own path.
//! 2. Where two spellings of one thing came, the newer counts; the older is in `extra` if it differs.

use std::borrow::Cow;

use outcrop_model::chat::{OutputFormat, Thinking};
use outcrop_model::json::{Extra, Str, parse_raw};
use outcrop_model::{ChatRequest, Fault};
use serde_json::value::RawValue;

use super::invalid;
use super::tools::{choose, choose_function};
use crate::latency;
use crate::openai::wire::{lift, members, take, text};

/// Applies all settings; says whether the caller wants token counts at the end of the stream.
pub(in crate::openai) fn apply<'a>(
    settings: Extra<'a>,
    request: &mut ChatRequest<'a>,
) -> Result<bool, Fault> {
    let mut include_usage = false;
    let mut older = Extra::new();
    for (key, raw) in settings {
        if asks_for_nothing(&key, raw) {
            continue;
        }
        match &*key {
            "stream_options" => include_usage = stream_options(raw, request)?,
            "max_tokens" | "user" | "reasoning" | "function_call" => older.push((key, raw)),
            _ => apply_one(key, raw, request)?,
        }
    }
    for (key, raw) in older {
        apply_older(key, raw, request)?;
    }
    Ok(include_usage)
}

/// Whether a setting asks for what happens anyway.
fn asks_for_nothing(key: &str, raw: &RawValue) -> bool {
    let value = raw.get();
    match key {
        "logprobs" | "store" => value == "false",
        "frequency_penalty" | "presence_penalty" | "top_logprobs" => {
            value.parse::<f64>().is_ok_and(|n| n == 0.0)
        }
        "logit_bias" => {
            let inner = value.strip_prefix('{').and_then(|v| v.strip_suffix('}'));
            inner.is_some_and(|v| v.trim_ascii().is_empty())
        }
        "modalities" => serde_json::from_str::<Vec<&str>>(value).is_ok_and(|m| m == ["text"]),
        _ => false,
    }
}

fn apply_one<'a>(
    key: Cow<'a, str>,
    raw: &'a RawValue,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    match &*key {
        "stream" => request.stream = parse_raw(raw, &key)?,
        "max_completion_tokens" => request.max_tokens = Some(parse_raw(raw, &key)?),
        "temperature" => request.temperature = Some(number_up_to(2.0, raw, &key)?),
        "top_p" => request.top_p = Some(number_up_to(1.0, raw, &key)?),
        "top_k" => request.top_k = Some(parse_raw(raw, &key)?),
        "stop" => request.stop_sequences = stop_sequences(raw)?,
        "n" => only_one_answer(raw)?,
        "parallel_tool_calls" => request.parallel_tools = Some(parse_raw(raw, &key)?),
        "tool_choice" => choose(raw, request)?,
        "reasoning_effort" => request.effort = Some(text(raw, &key)?),
        "thinking" => thinking(raw, request)?,
        "response_format" => format(raw, request)?,
        "service_tier" => request.service_tier = Some(text(raw, &key)?),
        latency::MEMBER => latency::read(raw, request)?,
        "metadata" => metadata(raw, request)?,
        "safety_identifier" => {
            request.user = Some(text(raw, &key)?);
            request.names.user = "safety_identifier";
        }
        _ => request.extra.push((key, raw)),
    }
    Ok(())
}

fn apply_older<'a>(
    key: Cow<'a, str>,
    raw: &'a RawValue,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    match &*key {
        "max_tokens" => {
            let limit: u64 = parse_raw(raw, &key)?;
            match request.max_tokens {
                None => {
                    request.max_tokens = Some(limit);
                    request.names.max_tokens = "max_tokens";
                }
                Some(newer) if newer == limit => {}
                Some(_) => request.extra.push((key, raw)),
            }
        }
        "user" => {
            let user = text(raw, &key)?;
            match &request.user {
                None => request.user = Some(user),
                Some(newer) if *newer == user => {}
                Some(_) => request.extra.push((key, raw)),
            }
        }
        "reasoning" => reasoning(raw, request)?,
        _ if request.tool_choice.is_none() => choose_function(raw, request)?,
        _ => request.extra.push((key, raw)),
    }
    Ok(())
}

fn number_up_to(most: f64, raw: &RawValue, path: &str) -> Result<f64, Fault> {
    let number: f64 = parse_raw(raw, path)?;
    match (0.0..=most).contains(&number) {
        true => Ok(number),
        false => Err(invalid(path, format_args!("is {number}; it must be between 0 and {most}."))),
    }
}

fn only_one_answer(raw: &RawValue) -> Result<(), Fault> {
    match parse_raw::<i64>(raw, "n")? {
        1 => Ok(()),
        n => {
            Err(invalid("n", format_args!("is {n}; Bedrock gives one answer per request, send 1.")))
        }
    }
}

fn stop_sequences<'a>(raw: &'a RawValue) -> Result<Vec<Cow<'a, str>>, Fault> {
    match raw.get().as_bytes().first() {
        Some(b'"') => Ok(vec![text(raw, "stop")?]),
        Some(b'[') => {
            let list: Vec<Str<'a>> = parse_raw(raw, "stop")?;
            Ok(list.into_iter().map(|s| s.0).collect())
        }
        _ => Err(invalid("stop", "must be a string or a list of strings.")),
    }
}

fn stream_options<'a>(raw: &'a RawValue, request: &mut ChatRequest<'a>) -> Result<bool, Fault> {
    let mut options = members(raw, "stream_options")?;
    let include_usage = match take(&mut options, "include_usage") {
        Some(raw) => parse_raw(raw, "stream_options.include_usage")?,
        None => false,
    };
    // Nothing here pads its chunks: asking for no padding is asking for what happens anyway.
    options.retain(|(key, raw)| !(key == "include_obfuscation" && raw.get() == "false"));
    lift(&mut request.extra, "stream_options", options);
    Ok(include_usage)
}

fn metadata<'a>(raw: &'a RawValue, request: &mut ChatRequest<'a>) -> Result<(), Fault> {
    for (key, raw) in members(raw, "metadata")? {
        let value = text(raw, &format!("metadata.{key}"))?;
        request.metadata.push((key, value));
    }
    Ok(())
}

/// `reasoning: {effort, max_tokens}`, the nested spelling that aggregators use.
fn reasoning<'a>(raw: &'a RawValue, request: &mut ChatRequest<'a>) -> Result<(), Fault> {
    let mut options = members(raw, "reasoning")?;
    if let Some(raw) = take(&mut options, "effort") {
        let effort = text(raw, "reasoning.effort")?;
        match &request.effort {
            None => {
                request.effort = Some(effort);
                request.names.effort = "reasoning.effort";
            }
            Some(newer) if *newer == effort => {}
            Some(_) => request.extra.push((Cow::Borrowed("reasoning.effort"), raw)),
        }
    }
    if let Some(raw) = take(&mut options, "max_tokens") {
        let tokens = parse_raw(raw, "reasoning.max_tokens")?;
        match &request.thinking {
            None => {
                request.thinking = Some(Thinking::Budget { tokens, display: None });
                request.names.thinking = "reasoning.max_tokens";
            }
            Some(_) => request.extra.push((Cow::Borrowed("reasoning.max_tokens"), raw)),
        }
    }
    lift(&mut request.extra, "reasoning", options);
    Ok(())
}

/// Anthropic's `thinking`, which many OpenAI-compatible clients pass on.
fn thinking<'a>(raw: &'a RawValue, request: &mut ChatRequest<'a>) -> Result<(), Fault> {
    let mut options = members(raw, "thinking")?;
    let kind = take(&mut options, "type").map(|raw| text(raw, "thinking.type")).transpose()?;
    let display = |options: &mut Extra<'a>| {
        take(options, "display").map(|raw| text(raw, "thinking.display")).transpose()
    };
    request.thinking = Some(match kind.as_deref() {
        Some("enabled") => {
            let Some(budget) = take(&mut options, "budget_tokens") else {
                return Err(invalid(
                    "thinking.budget_tokens",
                    "is required: tokens to think with.",
                ));
            };
            let tokens = parse_raw(budget, "thinking.budget_tokens")?;
            Thinking::Budget { tokens, display: display(&mut options)? }
        }
        Some("adaptive") => Thinking::Adaptive { display: display(&mut options)? },
        Some("disabled") => Thinking::Disabled,
        Some(_) => {
            request.extra.push((Cow::Borrowed("thinking"), raw));
            return Ok(());
        }
        None => {
            return Err(invalid("thinking.type", "is required: enabled, adaptive or disabled."));
        }
    });
    lift(&mut request.extra, "thinking", options);
    Ok(())
}

fn format<'a>(raw: &'a RawValue, request: &mut ChatRequest<'a>) -> Result<(), Fault> {
    let mut options = members(raw, "response_format")?;
    let Some(kind) = take(&mut options, "type") else {
        let what = "is required: text, json_object or json_schema.";
        return Err(invalid("response_format.type", what));
    };
    match &*text(kind, "response_format.type")? {
        "text" => {}
        "json_object" => request.format = Some(OutputFormat::JsonObject),
        "json_schema" => {
            let Some(spec) = take(&mut options, "json_schema") else {
                return Err(invalid("response_format.json_schema", "is required for this type."));
            };
            request.format = Some(json_schema(spec, &mut request.extra)?);
        }
        // Without its form the answer would be of no use.
        _ => {
            let what = "must be text, json_object or json_schema.";
            return Err(invalid("response_format.type", what));
        }
    }
    lift(&mut request.extra, "response_format", options);
    Ok(())
}

fn json_schema<'a>(raw: &'a RawValue, extra: &mut Extra<'a>) -> Result<OutputFormat<'a>, Fault> {
    const PATH: &str = "response_format.json_schema";
    let mut spec = members(raw, PATH)?;
    let schema = take(&mut spec, "schema").filter(|raw| raw.get().starts_with('{'));
    let Some(schema) = schema else {
        return Err(invalid(format!("{PATH}.schema"), "is required: a JSON Schema object."));
    };
    let mut word =
        |key: &str| take(&mut spec, key).map(|raw| text(raw, &format!("{PATH}.{key}"))).transpose();
    let (name, description) = (word("name")?, word("description")?);
    let strict = match take(&mut spec, "strict") {
        Some(raw) => Some(parse_raw(raw, &format!("{PATH}.strict"))?),
        None => None,
    };
    lift(extra, PATH, spec);
    Ok(OutputFormat::JsonSchema { name, description, schema: Cow::Borrowed(schema), strict })
}
