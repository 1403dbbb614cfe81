//! InvokeModel and InvokeModelWithResponseStream.

use serde_json::Value;

use super::{judge, resolve};
use crate::engine::Setting;
use crate::models::Model;
use crate::native::{self, embed, image, rerank};
use crate::refusal::Refusal;
use crate::reply::{Event, Reply};
use crate::service::{Call, State};
use crate::tokens;
use crate::words::{Answer, Prompt, Usage};

/// Where the last chunk of a stream carries its figures.
const METRICS: &str = "amazon-bedrock-invocationMetrics";

pub(super) fn answer(state: &State, call: &Call<'_>, body: &Value) -> Result<Reply, Refusal> {
    let target = resolve(state, call)?;
    let model = target.model;
    let family = model.native.as_str();
    if let Some(limits) = &model.embedding {
        return vectors(call, model, limits, body);
    }
    if let Some(outcome) = rerank::answer(family, body) {
        return ranking(call, outcome);
    }
    if let Some(outcome) = image::answer(family, body, u64::from(call.id.as_fields().0)) {
        return pictures(call, outcome);
    }
    let prompt = judge::native(model, body)?;
    let input = tokens::prompt(&prompt);
    if input > model.context {
        return Err(Refusal::validation(too_long(family, input, model.context)));
    }
    let setting = Setting { model, tool_id_prefix: tool_id_prefix(family) };
    let mut outcome = call.engine.answer(&prompt, setting, input);
    let divided = state.cache.divide(model, body, input);
    outcome.answer.usage = Usage { output: outcome.answer.usage.output, ..divided };
    let names = Names {
        family,
        model: bare_name(&model.id),
        message: format!("msg_bdrk_01{}", &call.id.simple().to_string()[..22]),
    };
    if call.routed.operation.streams() {
        let events = match outcome.raw_events {
            Some(events) => events.into_iter().map(|(_, chunk)| Event::chunk(chunk)).collect(),
            None => stream(call, &names, &prompt, &outcome.answer),
        };
        let reply =
            Reply::events(events).with_header("X-Amzn-Bedrock-Content-Type", "application/json");
        return Ok(echoed(reply, call));
    }
    let whole = native::response(family, names.model, &names.message, &prompt, &outcome.answer);
    Ok(echoed(counted(Reply::json(whole), &outcome.answer.usage, call), call))
}

/// The answer of an embedding model.
fn vectors(
    call: &Call<'_>,
    model: &Model,
    limits: &embed::Limits,
    body: &Value,
) -> Result<Reply, Refusal> {
    no_stream(call)?;
    let Some(outcome) = embed::answer(&model.native, limits, body) else {
        let family = &model.native;
        return Err(Refusal::validation(format!("Nothing is known of the family {family}.")));
    };
    let embed::Embedded { body, tokens } = outcome.map_err(Refusal::validation)?;
    if tokens > model.context {
        let most = model.context;
        return Err(Refusal::validation(format!(
            "400 Bad Request: Too many input tokens. Max input tokens: {most}, request input token count: {tokens} "
        )));
    }
    Ok(whole(call, body, tokens))
}

/// The answer of a rerank model.
fn ranking(call: &Call<'_>, outcome: Result<(Value, u64), String>) -> Result<Reply, Refusal> {
    no_stream(call)?;
    let (body, tokens) = outcome.map_err(Refusal::validation)?;
    Ok(whole(call, body, tokens))
}

/// The answer of an image model, which counts no tokens.
fn pictures(call: &Call<'_>, outcome: Result<Value, String>) -> Result<Reply, Refusal> {
    no_stream(call)?;
    let reply = Reply::json(outcome.map_err(Refusal::validation)?)
        .with_header("X-Amzn-Bedrock-Invocation-Latency", elapsed_ms(call));
    Ok(echoed(reply, call))
}

fn no_stream(call: &Call<'_>) -> Result<(), Refusal> {
    match call.routed.operation.streams() {
        true => Err(Refusal::validation("The model is unsupported for streaming.")),
        false => Ok(()),
    }
}

/// An answer of a model that writes no tokens.
fn whole(call: &Call<'_>, body: Value, tokens: u64) -> Reply {
    let reply = Reply::json(body)
        .with_header("X-Amzn-Bedrock-Input-Token-Count", tokens)
        .with_header("X-Amzn-Bedrock-Invocation-Latency", elapsed_ms(call));
    echoed(reply, call)
}

/// The names a native response mentions.
struct Names<'a> {
    family: &'a str,
    model: &'a str,
    message: String,
}

fn stream(call: &Call<'_>, names: &Names<'_>, prompt: &Prompt, answer: &Answer) -> Vec<Event> {
    let size = call.engine.chunk;
    let pieces = |text: &str| tokens::groups(text, size);
    let mut chunks =
        native::chunks(names.family, names.model, &names.message, prompt, answer, &pieces);
    let wait = call.engine.wait();
    let elapsed = elapsed_ms(call);
    let planned = wait.as_millis() as u64 * answer.usage.output / size as u64;
    if let Some(metrics) = chunks.last_mut().and_then(|last| last.get_mut(METRICS)) {
        metrics["invocationLatency"] = Value::from(elapsed + planned);
        metrics["firstByteLatency"] = Value::from(elapsed);
    }
    chunks.into_iter().map(|chunk| Event { wait, ..Event::chunk(chunk) }).collect()
}

/// What ids of tool calls begin with in each family's language.
fn tool_id_prefix(family: &str) -> &'static str {
    match family {
        "anthropic" => "toolu_bdrk_01",
        "nova" => "tooluse_",
        _ => "call_",
    }
}

fn counted(reply: Reply, usage: &Usage, call: &Call<'_>) -> Reply {
    let written = usage.cache_write_5m + usage.cache_write_1h;
    let reply = reply
        .with_header("X-Amzn-Bedrock-Input-Token-Count", usage.input)
        .with_header("X-Amzn-Bedrock-Output-Token-Count", usage.output)
        .with_header("X-Amzn-Bedrock-Invocation-Latency", elapsed_ms(call));
    if usage.cache_read + written == 0 {
        return reply;
    }
    reply
        .with_header("X-Amzn-Bedrock-Cache-Read-Input-Token-Count", usage.cache_read)
        .with_header("X-Amzn-Bedrock-Cache-Write-Input-Token-Count", written)
}

/// Latency mode and service tier are sent back as they were asked for.
fn echoed(mut reply: Reply, call: &Call<'_>) -> Reply {
    for name in ["X-Amzn-Bedrock-PerformanceConfig-Latency", "X-Amzn-Bedrock-Service-Tier"] {
        if let Some(value) = call.headers.get(name).and_then(|value| value.to_str().ok()) {
            reply = reply.with_header(name, value);
        }
    }
    reply
}

/// Claude's own text names both numbers; clients match on it.
fn too_long(family: &str, tokens: u64, most: u64) -> String {
    if family == "anthropic" {
        format!("prompt is too long: {tokens} tokens > {most} maximum")
    } else {
        "Input is too long for requested model.".to_owned()
    }
}

/// `claude-3-haiku-20240307` for `anthropic.claude-3-haiku-20240307-v1:0`: how a model names itself.
fn bare_name(id: &str) -> &str {
    let name = id.split_once('.').map_or(id, |(_, name)| name);
    let name = name.split(':').next().unwrap_or(name);
    match name.rsplit_once("-v") {
        Some((bare, version)) if version.bytes().all(|byte| byte.is_ascii_digit()) => bare,
        _ => name,
    }
}

fn elapsed_ms(call: &Call<'_>) -> u64 {
    u64::try_from(call.started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_name_themselves_without_version() {
        assert_eq!(bare_name("anthropic.claude-3-haiku-20240307-v1:0"), "claude-3-haiku-20240307");
        assert_eq!(bare_name("anthropic.claude-opus-4-8"), "claude-opus-4-8");
    }
}
