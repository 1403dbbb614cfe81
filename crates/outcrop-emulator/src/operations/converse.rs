//! Converse and ConverseStream.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::resolve;
use crate::converse::rules::{self, Asked, Mode};
use crate::converse::{read, write};
use crate::engine::{Outcome, Setting};
use crate::models::Model;
use crate::native;
use crate::refusal::Refusal;
use crate::reply::{Event, Reply};
use crate::service::{Call, State};
use crate::tokens;
use crate::words::{Answer, Prompt, Usage};

/// What ids of tool calls begin with on Converse.
const TOOL_ID_PREFIX: &str = "tooluse_";

pub(super) fn answer(state: &State, call: &Call<'_>, body: &Value) -> Result<Reply, Refusal> {
    let target = resolve(state, call)?;
    let model = target.model;
    let body = &*prompted(call, body)?;
    let mode = if call.routed.operation.streams() { Mode::Stream } else { Mode::Whole };
    rules::check(&Asked { body, model, mode }).map_err(Refusal::validation)?;
    let prompt = read::prompt(body, model);
    let outcome = outcome(state, call, model, body, &prompt)?;
    let mut extras = extras(body);
    extras.fields = response_fields(call, model, body, &prompt, &outcome.answer);
    if !call.routed.operation.streams() {
        extras.latency_ms = elapsed_ms(call);
        return Ok(Reply::json(write::response(&outcome.answer, &extras)));
    }
    Ok(Reply::events(stream(call, outcome, extras)))
}

/// A managed prompt brings the first text and its own settings (protocol facts 1.4). Every prompt here
/// says `say:{{what}}`.
fn prompted<'b>(call: &Call<'_>, body: &'b Value) -> Result<Cow<'b, Value>, Refusal> {
    const ITS_OWN: [&str; 4] =
        ["inferenceConfig", "system", "toolConfig", "additionalModelRequestFields"];
    if !call.routed.id.contains(":prompt/") {
        return Ok(Cow::Borrowed(body));
    }
    if let Some(member) = ITS_OWN.iter().find(|member| !body[**member].is_null()) {
        let message = format!("The {member} field must not be specified when you use a prompt.");
        return Err(Refusal::validation(message));
    }
    let what = body["promptVariables"]["what"]["text"].as_str().unwrap_or_default();
    let text = json!({"text": format!("say:{what}")});
    let mut body = body.clone();
    match body.pointer_mut("/messages/0/content").and_then(Value::as_array_mut) {
        Some(content) => content.insert(0, text),
        None => body["messages"] = json!([{"role": "user", "content": [text]}]),
    }
    Ok(Cow::Owned(body))
}

/// Asks the engine, after the prompt was found to fit the model.
fn outcome(
    state: &State,
    call: &Call<'_>,
    model: &Model,
    body: &Value,
    prompt: &Prompt,
) -> Result<Outcome, Refusal> {
    let input = tokens::prompt(prompt);
    if input > model.context {
        return Err(Refusal::validation("Input is too long for requested model."));
    }
    let setting = Setting { model, tool_id_prefix: TOOL_ID_PREFIX };
    let mut outcome = call.engine.answer(prompt, setting, input);
    let divided = state.cache.divide(model, body, input);
    outcome.answer.usage = Usage { output: outcome.answer.usage.output, ..divided };
    Ok(outcome)
}

fn stream(call: &Call<'_>, outcome: Outcome, mut extras: write::Extras) -> Vec<Event> {
    if let Some(events) = outcome.raw_events {
        return events.into_iter().map(|(name, payload)| Event::new(&name, payload)).collect();
    }
    let wait = call.engine.wait();
    let planned = wait.as_millis() as u64 * outcome.answer.usage.output / call.engine.chunk as u64;
    extras.latency_ms = elapsed_ms(call) + planned;
    let mut events = write::events(&outcome.answer, &extras, call.engine.chunk);
    for event in events.iter_mut().filter(|event| event.name == "contentBlockDelta") {
        event.wait = wait;
    }
    events
}

/// The members of the model's own response that `additionalModelResponseFieldPaths` points at.
fn response_fields(
    call: &Call<'_>,
    model: &Model,
    body: &Value,
    prompt: &Prompt,
    answer: &Answer,
) -> Option<Value> {
    let paths = read::list(&body["additionalModelResponseFieldPaths"]);
    if paths.is_empty() {
        return None;
    }
    let own = native::response(&model.native, &model.id, &call.id.to_string(), prompt, answer);
    let mut found = Map::new();
    for pointer in paths.iter().filter_map(Value::as_str) {
        if let Some(value) = own.pointer(pointer) {
            put(&mut found, pointer.trim_start_matches('/'), value);
        }
    }
    Some(Value::Object(found))
}

/// Puts a value at a path of member names, with the objects on the way.
fn put(members: &mut Map<String, Value>, path: &str, value: &Value) {
    match path.split_once('/') {
        None => {
            members.insert(path.to_owned(), value.clone());
        }
        Some((first, rest)) => {
            let inner = members.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn extras(body: &Value) -> write::Extras {
    let present = |name: &str| body.get(name).filter(|value| !value.is_null()).cloned();
    write::Extras {
        performance: present("performanceConfig"),
        service_tier: present("serviceTier"),
        ..write::Extras::default()
    }
}

fn elapsed_ms(call: &Call<'_>) -> u64 {
    u64::try_from(call.started.elapsed().as_millis()).unwrap_or(u64::MAX)
}
