//! Top-level settings, applied one by one; one without a place in the IR stays in `extra`.

use std::borrow::Cow;

use outcrop_model::chat::OutputFormat;
use outcrop_model::json::{Extra, Str, parse_raw};
use outcrop_model::{ChatRequest, Fault, Ledger};
use serde_json::value::RawValue;

use super::super::{invalid, unsupported};
use crate::latency;
use crate::openai::{lift, members, take, text};

/// Asked for or not, reasoning comes with all that the model must get back.
const ENCRYPTED: &str = "reasoning.encrypted_content";

/// Whether the answer is to be kept; OpenAI keeps it unless told not to.
pub(in crate::responses) fn take_store(members: &mut Extra<'_>) -> Result<bool, Fault> {
    take(members, "store").map_or(Ok(true), |raw| parse_raw(raw, "store"))
}

/// Applies all settings; says whether people are to read the model's thinking.
pub(super) fn apply<'a>(
    settings: Extra<'a>,
    request: &mut ChatRequest<'a>,
    ledger: &mut Ledger,
) -> Result<bool, Fault> {
    let mut summary = false;
    for (key, raw) in settings {
        if asks_for_nothing(&key, raw) {
            continue;
        }
        match &*key {
            "reasoning" => summary = reasoning(raw, request, ledger)?,
            "include" => include(raw, ledger)?,
            "background" => return Err(in_background()),
            _ => apply_one(key, raw, request)?,
        }
    }
    Ok(summary)
}

/// An answer that is to be asked for later.
pub(in crate::responses) fn refuse_background(members: &Extra<'_>) -> Result<(), Fault> {
    match members.iter().any(|(key, raw)| key == "background" && raw.get() != "false") {
        true => Err(in_background()),
        false => Ok(()),
    }
}

fn in_background() -> Fault {
    let what = "must be false: Bedrock answers at once. Ask with `stream: true` instead.";
    unsupported("background", what)
}

/// Whether a setting asks for what happens anyway.
fn asks_for_nothing(key: &str, raw: &RawValue) -> bool {
    let value = raw.get();
    match key {
        "background" => value == "false",
        "truncation" => value == "\"disabled\"",
        "top_logprobs" => value.parse::<f64>().is_ok_and(|n| n == 0.0),
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
        "stream_options" => {
            let mut options = members(raw, &key)?;
            // Nothing here pads its events.
            options.retain(|(key, raw)| !(key == "include_obfuscation" && raw.get() == "false"));
            lift(&mut request.extra, "stream_options", options);
        }
        "max_output_tokens" => request.max_tokens = Some(parse_raw(raw, &key)?),
        "temperature" => request.temperature = Some(number_up_to(2.0, raw, &key)?),
        "top_p" => request.top_p = Some(number_up_to(1.0, raw, &key)?),
        "parallel_tool_calls" => request.parallel_tools = Some(parse_raw(raw, &key)?),
        "service_tier" => request.service_tier = Some(text(raw, &key)?),
        latency::MEMBER => latency::read(raw, request)?,
        "metadata" => {
            for (key, raw) in members(raw, "metadata")? {
                let value = text(raw, &format!("metadata.{key}"))?;
                request.metadata.push((key, value));
            }
        }
        "text" => text_settings(raw, request)?,
        "user" | "safety_identifier" => user(key, raw, request)?,
        _ => request.extra.push((key, raw)),
    }
    Ok(())
}

/// Two spellings of one thing: the first counts, the other is in `extra` if it differs.
fn user<'a>(
    key: Cow<'a, str>,
    raw: &'a RawValue,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    let user = text(raw, &key)?;
    match &request.user {
        None => {
            request.user = Some(user);
            if key == "safety_identifier" {
                request.names.user = "safety_identifier";
            }
        }
        Some(known) if *known == user => {}
        Some(_) => request.extra.push((key, raw)),
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

/// `reasoning: {effort, summary}`
fn reasoning<'a>(
    raw: &'a RawValue,
    request: &mut ChatRequest<'a>,
    ledger: &mut Ledger,
) -> Result<bool, Fault> {
    let mut options = members(raw, "reasoning")?;
    if let Some(raw) = take(&mut options, "effort") {
        request.effort = Some(text(raw, "reasoning.effort")?);
    }
    // `generate_summary` is the older spelling.
    let older = take(&mut options, "generate_summary");
    let summary = take(&mut options, "summary").or(older);
    let summary = summary.map(|raw| text(raw, "reasoning.summary")).transpose()?;
    lift(&mut request.extra, "reasoning", options);
    match summary.as_deref() {
        None | Some("none") => Ok(false),
        Some("auto") => Ok(true),
        Some(_) => {
            let why = "no summary is made; the model's thinking is handed out as it is";
            ledger.approximated("reasoning.summary", why);
            Ok(true)
        }
    }
}

fn include(raw: &RawValue, ledger: &mut Ledger) -> Result<(), Fault> {
    let wishes: Vec<Str<'_>> = parse_raw(raw, "include")?;
    for (i, Str(wish)) in wishes.into_iter().enumerate() {
        if wish != ENCRYPTED {
            ledger.dropped(format!("include[{i}]"), format!("Bedrock has no `{wish}`"));
        }
    }
    Ok(())
}

/// `text: {format, verbosity}`
fn text_settings<'a>(raw: &'a RawValue, request: &mut ChatRequest<'a>) -> Result<(), Fault> {
    let mut options = members(raw, "text")?;
    if let Some(raw) = take(&mut options, "format") {
        format(raw, request)?;
    }
    // `medium` is OpenAI's own default.
    options.retain(|(key, raw)| !(key == "verbosity" && raw.get() == "\"medium\""));
    lift(&mut request.extra, "text", options);
    Ok(())
}

fn format<'a>(raw: &'a RawValue, request: &mut ChatRequest<'a>) -> Result<(), Fault> {
    const PATH: &str = "text.format";
    let path = |key: &str| format!("{PATH}.{key}");
    let mut options = members(raw, PATH)?;
    let mut word = |key: &str| take(&mut options, key).map(|raw| text(raw, &path(key))).transpose();
    let Some(kind) = word("type")? else {
        return Err(invalid(path("type"), "is required: text, json_object or json_schema."));
    };
    match &*kind {
        "text" => {}
        "json_object" => request.format = Some(OutputFormat::JsonObject),
        "json_schema" => {
            let (name, description) = (word("name")?, word("description")?);
            let schema = take(&mut options, "schema").filter(|raw| raw.get().starts_with('{'));
            let Some(schema) = schema else {
                return Err(invalid(path("schema"), "is required: a JSON Schema object."));
            };
            let strict = take(&mut options, "strict").map(|raw| parse_raw(raw, &path("strict")));
            let (schema, strict) = (Cow::Borrowed(schema), strict.transpose()?);
            request.format = Some(OutputFormat::JsonSchema { name, description, schema, strict });
        }
        // Without its form the answer would be of no use.
        _ => return Err(invalid(path("type"), "must be text, json_object or json_schema.")),
    }
    lift(&mut request.extra, PATH, options);
    Ok(())
}
