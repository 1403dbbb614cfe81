//! Tools, legacy functions, and the choice among them.

use std::borrow::Cow;

use outcrop_model::chat::{Tool, ToolChoice};
use outcrop_model::json::{Extra, parse_raw};
use outcrop_model::{At, ChatRequest, Fault};
use serde_json::value::RawValue;

use super::content::cache;
use super::invalid;
use crate::openai::wire::{self, FunctionDef, lift, members, rebuild, take, text};

pub(super) fn read<'a>(
    tools: Vec<wire::Tool<'a>>,
    functions: Vec<FunctionDef<'a>>,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    request.tools.reserve_exact(tools.len() + functions.len());
    for (i, tool) in (0..).zip(tools) {
        request.tools.push(read_tool(tool, At::Element("tools", i))?);
    }
    for (i, function) in (0..).zip(functions) {
        let at = At::Element("functions", i);
        request.tools.push(read_function(function, at, None)?);
    }
    Ok(())
}

fn read_tool<'a>(tool: wire::Tool<'a>, at: At) -> Result<Tool<'a>, Fault> {
    let wire::Tool { kind, function, cache_control, mut extra } = tool;
    match kind {
        Some(kind) if kind != "function" => read_vendor(kind, cache_control, extra, at),
        Some(_) | None => {
            let late = take(&mut extra, "function");
            let function = match (function, late) {
                (Some(function), _) => function,
                (None, Some(raw)) => parse_raw(raw, &at.key("function"))?,
                (None, None) => {
                    let what = "is required: an object with `name` and `parameters`.";
                    return Err(invalid(at.key("function"), what));
                }
            };
            let mut tool = read_function(function, at, Some("function"))?;
            tool.cache = cache(cache_control, at, &mut tool.extra)?.or(tool.cache);
            tool.extra.append(&mut extra);
            Ok(tool)
        }
    }
}

/// A tool of a type that is not a function is kept as it was written.
fn read_vendor<'a>(
    kind: Cow<'a, str>,
    cache_control: Option<&'a RawValue>,
    extra: Extra<'a>,
    at: At,
) -> Result<Tool<'a>, Fault> {
    let raw = rebuild(None, &kind, &extra)?;
    let mut lost = Extra::new();
    let cache = cache(cache_control, at, &mut lost)?;
    let inner = extra.iter().find(|(key, _)| *key == kind).map(|(_, raw)| *raw);
    let named = match inner.filter(|raw| raw.get().starts_with('{')) {
        Some(inner) => take(&mut members(inner, &at.key(&kind))?, "name"),
        None => extra.iter().find(|(key, _)| key == "name").map(|(_, raw)| *raw),
    };
    let name = match named {
        Some(raw) => text(raw, &at.key("name"))?,
        None => kind.clone(),
    };
    let vendor = Some((kind, raw));
    let (description, schema, strict) = (None, None, None);
    Ok(Tool { name, description, schema, strict, vendor, cache, at, extra: lost })
}

/// `inner` is the member of the element at `at` that holds the definition, if it is not the element.
fn read_function<'a>(
    function: FunctionDef<'a>,
    at: At,
    inner: Option<&'static str>,
) -> Result<Tool<'a>, Fault> {
    let FunctionDef { name, description, parameters, strict, cache_control, extra: unknown } =
        function;
    let path = |key: &str| inner.map_or_else(|| at.key(key), |i| at.key(&format!("{i}.{key}")));
    let Some(name) = name.filter(|n| !n.is_empty()) else {
        return Err(invalid(path("name"), "is required: what the model calls the tool by."));
    };
    if parameters.is_some_and(|raw| !raw.get().starts_with('{')) {
        return Err(invalid(path("parameters"), "must be a JSON Schema object."));
    }
    let mut extra = Extra::new();
    match inner {
        Some(inner) => lift(&mut extra, inner, unknown),
        None => extra = unknown,
    }
    let cache = cache(cache_control, at, &mut extra)?;
    let schema = parameters.map(Cow::Borrowed);
    Ok(Tool { name, description, schema, strict, vendor: None, cache, at, extra })
}

/// `tool_choice`
pub(super) fn choose<'a>(raw: &'a RawValue, request: &mut ChatRequest<'a>) -> Result<(), Fault> {
    const WORDS: &str = "must be auto, none, required, or an object that names a tool.";
    if raw.get().starts_with('"') {
        request.tool_choice = Some(match &*text(raw, "tool_choice")? {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            // `any` is not OpenAI's word, but that of several compatible servers.
            "required" | "any" => ToolChoice::Any,
            _ => return Err(invalid("tool_choice", WORDS)),
        });
        return Ok(());
    }
    let mut choice = members(raw, "tool_choice")?;
    let Some(kind) = take(&mut choice, "type") else {
        return Err(invalid("tool_choice.type", "is required, e.g. function."));
    };
    let kind = text(kind, "tool_choice.type")?;
    let inner = take(&mut choice, &kind);
    match (&*kind, inner) {
        ("function" | "custom", Some(inner)) => {
            let path = format!("tool_choice.{kind}");
            let mut named = members(inner, &path)?;
            let name = chosen_name(&mut named, &path)?;
            request.tool_choice = Some(ToolChoice::Named(name));
            lift(&mut request.extra, &path, named);
        }
        ("function" | "custom", None) => {
            return Err(invalid(format!("tool_choice.{kind}"), "is required: `{\"name\": …}`."));
        }
        ("allowed_tools", Some(inner)) => allow(inner, request)?,
        _ => {
            request.extra.push((Cow::Borrowed("tool_choice"), raw));
            return Ok(());
        }
    }
    lift(&mut request.extra, "tool_choice", choice);
    Ok(())
}

/// `allowed_tools`: the mode has a place in the IR, the narrower list stays in `extra`.
fn allow<'a>(raw: &'a RawValue, request: &mut ChatRequest<'a>) -> Result<(), Fault> {
    const PATH: &str = "tool_choice.allowed_tools";
    let mut allowed = members(raw, PATH)?;
    let mode = take(&mut allowed, "mode").map(|raw| text(raw, "tool_choice.allowed_tools.mode"));
    request.tool_choice = Some(match mode.transpose()?.as_deref() {
        Some("auto") | None => ToolChoice::Auto,
        Some("required") => ToolChoice::Any,
        Some(_) => {
            let what = "must be auto or required.";
            return Err(invalid("tool_choice.allowed_tools.mode", what));
        }
    });
    lift(&mut request.extra, PATH, allowed);
    Ok(())
}

/// Legacy `function_call`
pub(super) fn choose_function<'a>(
    raw: &'a RawValue,
    request: &mut ChatRequest<'a>,
) -> Result<(), Fault> {
    if raw.get().starts_with('"') {
        request.tool_choice = Some(match &*text(raw, "function_call")? {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            _ => {
                let what = "must be auto, none, or an object that names a function.";
                return Err(invalid("function_call", what));
            }
        });
        return Ok(());
    }
    let mut named = members(raw, "function_call")?;
    request.tool_choice = Some(ToolChoice::Named(chosen_name(&mut named, "function_call")?));
    lift(&mut request.extra, "function_call", named);
    Ok(())
}

fn chosen_name<'a>(named: &mut Extra<'a>, path: &str) -> Result<Cow<'a, str>, Fault> {
    let path = format!("{path}.name");
    match take(named, "name") {
        Some(raw) => text(raw, &path),
        None => Err(invalid(path, "is required: the tool to call.")),
    }
}
