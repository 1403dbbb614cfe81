//! OpenAI's and Anthropic's own APIs, on `bedrock-runtime` and on `bedrock-mantle` (protocol facts 4.2).

use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::judge;
use crate::config::{EXAMPLE_ACCOUNT, EXAMPLE_REGION};
use crate::engine::Setting;
use crate::models::{Model, Target, Thinking};
use crate::native::{self, responses};
use crate::refusal::{Exception, Refusal};
use crate::reply::{Event, Reply};
use crate::service::{Call, State};
use crate::surface::Surface;
use crate::tokens;
use crate::words::{Answer, Prompt, Usage};

/// Members of Anthropic's API that are no part of the body that InvokeModel takes.
const DIRECT_MEMBERS: [&str; 3] = ["model", "stream", "service_tier"];
/// Betas that mantle takes beside those of InvokeModel (a public gateway's matrix, checked 2026-11-21).
const MANTLE_BETAS: [&str; 3] = ["claude-code", "structured-outputs", "web-search"];
/// Types of tools that Responses takes (a public gateway's findings, checked 2026-11-21).
const RUNTIME_TOOLS: [&str; 7] =
    ["function", "mcp", "custom", "apply_patch", "namespace", "tool_search", "computer"];
const MANTLE_TOOLS: [&str; 6] =
    ["function", "mcp", "custom", "namespace", "tool_search", "web_search"];
/// Anthropic's name for the version that InvokeModel calls `bedrock-2023-05-31`.
const OLDEST_VERSION: &str = "2023-06-01";

/// Anthropic's Messages.
pub(super) fn messages(state: &State, call: &Call<'_>, body: Value) -> Result<Reply, Refusal> {
    let model = model(state, call, "anthropic", &body)?;
    let wants_stream = is_true(&body, "stream");
    let body = invoke_body(call.headers, body)?;
    let prompt = judge::native_with(model, &body, betas(call))?;
    let answer = ask(state, call, model, &body, &prompt)?;
    let id = format!("msg_bdrk_01{}", &call.id.simple().to_string()[..22]);
    if !wants_stream {
        let whole = native::response("anthropic", &call.routed.id, &id, &prompt, &answer);
        return Ok(Reply::json(whole));
    }
    let pieces = |text: &str| tokens::groups(text, call.engine.chunk);
    let chunks = native::chunks("anthropic", &call.routed.id, &id, &prompt, &answer, &pieces);
    let events = chunks.into_iter().map(|chunk| {
        let chunk = without_metrics(chunk);
        let name = chunk["type"].as_str().unwrap_or_default().to_owned();
        Event { wait: call.engine.wait(), ..Event::sent(&name, chunk) }
    });
    Ok(Reply::sent(events.collect()))
}

/// Anthropic's count of tokens.
pub(super) fn count(state: &State, call: &Call<'_>, body: Value) -> Result<Reply, Refusal> {
    let model = model(state, call, "anthropic", &body)?;
    for extra in ["max_tokens", "stream"] {
        if !body[extra].is_null() {
            let message = format!("{extra}: Extra inputs are not permitted");
            return Err(Refusal::validation(message));
        }
    }
    let mut body = invoke_body(call.headers, body)?;
    // A count needs no bound of its own; the rules for it must not refuse one.
    body["max_tokens"] = json!(model.max_output);
    let prompt = judge::native_with(model, &body, betas(call))?;
    Ok(Reply::json(json!({"input_tokens": tokens::prompt(&prompt)})))
}

/// OpenAI's Chat Completions.
pub(super) fn chat(state: &State, call: &Call<'_>, body: Value) -> Result<Reply, Refusal> {
    let model = model(state, call, "openai-chat", &body)?;
    let prompt = judge::native(model, &body)?;
    let answer = ask(state, call, model, &body, &prompt)?;
    let (name, id) = (&call.routed.id, format!("chatcmpl-{}", call.id.simple()));
    if !is_true(&body, "stream") {
        return Ok(Reply::json(native::response(&model.native, name, &id, &prompt, &answer)));
    }
    let pieces = |text: &str| tokens::groups(text, call.engine.chunk);
    let mut chunks = native::chunks(&model.native, name, &id, &prompt, &answer, &pieces);
    let counted = chunks.last_mut().map(|last| {
        *last = without_metrics(last.take());
        last.as_object_mut().and_then(|members| members.remove("usage"))
    });
    if is_true(&body["stream_options"], "include_usage")
        && let (Some(usage), Some(last)) = (counted.flatten(), chunks.last())
    {
        let mut chunk = last.clone();
        chunk["choices"] = json!([]);
        chunk["usage"] = usage;
        chunks.push(chunk);
    }
    chunks.push(json!("[DONE]"));
    let event = |chunk| Event { wait: call.engine.wait(), ..Event::sent("", chunk) };
    Ok(Reply::sent(chunks.into_iter().map(event).collect()))
}

/// OpenAI's Responses.
pub(super) fn responses(state: &State, call: &Call<'_>, body: Value) -> Result<Reply, Refusal> {
    let model = model(state, call, "openai-chat", &body)?;
    if !model.openai_api {
        return Err(off_route(&call.routed.id));
    }
    let tool_types = match call.routed.surface {
        Surface::Runtime => &RUNTIME_TOOLS[..],
        Surface::Mantle => &MANTLE_TOOLS[..],
    };
    let mut prompt = responses::parse(&body, tool_types).map_err(Refusal::validation)?;
    prompt.thinking |= model.thinking == Thinking::Always;
    let answer = ask(state, call, model, &body, &prompt)?;
    let id = call.id.simple().to_string();
    let names = responses::Names { id: &id, model: &call.routed.id, body: &body };
    if !is_true(&body, "stream") {
        return Ok(Reply::json(responses::response(&names, &answer)));
    }
    let pieces = |text: &str| tokens::groups(text, call.engine.chunk);
    let events = responses::events(&names, &answer, &pieces).into_iter();
    let event = |(name, event): (String, Value)| Event {
        wait: call.engine.wait(),
        ..Event::sent(&name, event)
    };
    Ok(Reply::sent(events.map(event).collect()))
}

/// The models that mantle serves.
pub(super) fn models(state: &State) -> Reply {
    let entry = |model: &Model| {
        let id = model.mantle_id()?;
        let owner = id.split('.').next().unwrap_or_default();
        Some(json!({"id": id, "object": "model", "created": 1_767_225_600, "owned_by": owner}))
    };
    let data: Vec<Value> = state.catalog.models().iter().filter_map(entry).collect();
    Reply::json(json!({"object": "list", "data": data}))
}

/// The model that the body names, if it speaks `family`'s language here.
fn model<'s>(
    state: &'s State,
    call: &Call<'_>,
    family: &str,
    body: &Value,
) -> Result<&'s Model, Refusal> {
    let id = call.routed.id.as_str();
    if id.is_empty() {
        return Err(Refusal::validation("model: Field required"));
    }
    let model = match call.routed.surface {
        Surface::Runtime => {
            let Target { model, .. } = state.catalog.resolve(id, call.caller.region.as_deref())?;
            (model.native == family && (family == "anthropic" || model.openai_api)).then_some(model)
        }
        Surface::Mantle => {
            let known = |model: &&Model| model.mantle_id() == Some(id);
            let model = state.catalog.models().iter().find(known).ok_or_else(|| {
                let message =
                    format!("The model '{id}' does not exist or you do not have access to it.");
                Refusal::new(Exception::ResourceNotFound, message)
            })?;
            let prefix = model.mantle.as_deref();
            (model.native == family && prefix == Some(call.routed.prefix)).then_some(model)
        }
    };
    let model = model.ok_or_else(|| off_route(id))?;
    if state.config.denied_models.contains(&model.id) {
        return Err(Refusal::plain(Exception::AccessDenied));
    }
    let region = call.caller.region.as_deref().unwrap_or(EXAMPLE_REGION);
    let resource = match call.routed.surface {
        Surface::Runtime => super::foundation_model(region, &model.id),
        Surface::Mantle => {
            format!("arn:aws:bedrock-mantle:{region}:{EXAMPLE_ACCOUNT}:project/default")
        }
    };
    call.caller.check(&super::action(call, body), Some((&model.id, &resource)))?;
    Ok(model)
}

fn off_route(id: &str) -> Refusal {
    Refusal::validation(format!("model `{id}` isn't supported on this route"))
}

/// Betas known beside those of InvokeModel.
fn betas(call: &Call<'_>) -> &'static [&'static str] {
    match call.routed.surface {
        Surface::Runtime => &[],
        Surface::Mantle => &MANTLE_BETAS,
    }
}

/// Lets the engine answer.
fn ask(
    state: &State,
    call: &Call<'_>,
    model: &Model,
    body: &Value,
    prompt: &Prompt,
) -> Result<Answer, Refusal> {
    let input = tokens::prompt(prompt);
    if input > model.context {
        let most = model.context;
        let message = format!("prompt is too long: {input} tokens > {most} maximum");
        return Err(Refusal::validation(message));
    }
    let tool_id_prefix = if model.native == "anthropic" { "toolu_bdrk_01" } else { "call_" };
    let outcome = call.engine.answer(prompt, Setting { model, tool_id_prefix }, input);
    let mut answer = outcome.answer;
    let divided = state.cache.divide(model, body, input);
    answer.usage = Usage { output: answer.usage.output, ..divided };
    Ok(answer)
}

/// The body that InvokeModel would be sent for one of Anthropic's API.
fn invoke_body(headers: &HeaderMap, body: Value) -> Result<Value, Refusal> {
    let Value::Object(members) = body else {
        return Err(Refusal::validation("Input should be an object"));
    };
    for foreign in ["anthropic_version", "anthropic_beta"] {
        if members.contains_key(foreign) {
            return Err(Refusal::validation(format!("{foreign}: Extra inputs are not permitted")));
        }
    }
    let header = |name: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).map(|word| word.trim().to_owned())
    };
    let version = header("anthropic-version")
        .next()
        .ok_or_else(|| Refusal::validation("anthropic-version: header is required"))?;
    let version = if version == OLDEST_VERSION { "bedrock-2023-05-31".into() } else { version };
    let betas: Vec<String> = header("anthropic-beta").collect();
    let mut invoke: Map<String, Value> =
        members.into_iter().filter(|(key, _)| !DIRECT_MEMBERS.contains(&key.as_str())).collect();
    invoke.insert("anthropic_version".into(), version.into());
    if !betas.is_empty() {
        invoke.insert("anthropic_beta".into(), betas.into());
    }
    Ok(Value::Object(invoke))
}

/// InvokeModel's own figures are no part of the vendors' streams.
fn without_metrics(mut chunk: Value) -> Value {
    if let Some(members) = chunk.as_object_mut() {
        members.retain(|key, _| !key.starts_with("amazon-bedrock-"));
    }
    chunk
}

fn is_true(body: &Value, key: &str) -> bool {
    body[key] == Value::Bool(true)
}
