//! On what terms a model is asked: settings, cache marks, a budget.

use outcrop_model::Catalog;
use serde_json::{Map, Value, json};

use crate::ask::turn::Talk;
use crate::cli::{Cache, TermsArgs};
use crate::engine::Engine;
use crate::exit::{Exit, Failure};

/// What the flags say of the request's body, but for what is of this request alone.
pub fn settings(args: &TermsArgs) -> Map<String, Value> {
    let TermsArgs { service_tier, latency, top_k, seed, cache: _, metadata: _, max_budget_usd: _ } =
        args;
    let latency = latency.as_ref().map(|latency| json!({ "latency": latency }));
    let said = [
        ("service_tier", service_tier.as_deref().map(Value::from)),
        ("performanceConfig", latency),
        ("top_k", top_k.map(Value::from)),
        ("seed", seed.map(Value::from)),
    ];
    said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Puts the settings and marks into the request.
pub fn lay_down(args: &TermsArgs, talk: &mut Talk) {
    talk.settings.extend(settings(args));
    let marks: Map<_, _> =
        args.metadata.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    if !marks.is_empty() {
        talk.settings.insert("metadata".to_owned(), marks.into());
    }
    let mark = match args.cache {
        Cache::Off => return,
        Cache::Auto => json!({ "type": "ephemeral" }),
        Cache::FiveMinutes => json!({ "type": "ephemeral", "ttl": "5m" }),
        Cache::OneHour => json!({ "type": "ephemeral", "ttl": "1h" }),
    };
    let system = talk.messages.iter().position(|message| message["role"] == "system");
    let last = talk.messages.len().checked_sub(1);
    for at in system.into_iter().chain(last) {
        mark_last_part(&mut talk.messages[at], &mark);
    }
}

/// Takes away what is for this request alone, before the conversation is kept.
pub fn lift(args: &TermsArgs, talk: &mut Talk) {
    if !args.metadata.is_empty() {
        talk.settings.remove("metadata");
    }
    let parts = talk.messages.iter_mut().filter_map(|message| message["content"].as_array_mut());
    for part in parts.flatten().filter_map(Value::as_object_mut) {
        part.remove("cache_control");
    }
}

/// What stands before a mark is cached.
fn mark_last_part(message: &mut Value, mark: &Value) {
    if let Some(text) = message["content"].as_str() {
        message["content"] = json!([{ "type": "text", "text": text }]);
    }
    if let Some(part) = message["content"].as_array_mut().and_then(|parts| parts.last_mut()) {
        part["cache_control"] = mark.clone();
    }
}

/// # Errors
/// [`Exit::Budget`] where the request may cost more than `most` dollars, or nobody knows what it costs.
pub async fn keep_to_budget(engine: &Engine, talk: &Talk, most: f64) -> anyhow::Result<()> {
    let model = talk.settings.get("model").and_then(Value::as_str).unwrap_or_default();
    let known = engine.get(&format!("/v1/models/{}", encoded(model))).await?.json().await?;
    let unknown = || {
        Failure::new(
            Exit::Budget,
            format!("The price of {model} is not known, so no budget can be kept."),
        )
        .mend("Leave --max-budget-usd out, or choose another model.")
    };
    let tier = talk.settings.get("service_tier").and_then(Value::as_str).unwrap_or("default");
    let tier = if tier == "default" { "standard" } else { tier };
    let rates = known["prices"]["rates"].as_array();
    let rate = rates.into_iter().flatten().find(|rate| rate["tier"] == tier);
    let price = |kind: &str| rate?[kind].as_str()?.parse::<f64>().ok();
    let (Some(input), Some(output)) = (price("input"), price("output")) else {
        return Err(unknown().into());
    };
    let asked = talk.settings.get("max_completion_tokens").and_then(Value::as_f64);
    let longest = asked.or_else(|| longest(model, &known)).ok_or_else(unknown)?;
    let counted = engine.post("/v1/responses/input_tokens", &counted(talk)?).await?.json().await?;
    let tokens = counted["input_tokens"].as_f64().ok_or_else(unknown)?;
    let dollars = (tokens * input + longest * output) / 1e6;
    if dollars <= most {
        return Ok(());
    }
    let what = format!(
        "The request may cost ${dollars:.6}: {tokens} tokens in, and up to {longest} out. The budget is ${most}."
    );
    let mend = "A smaller --max-tokens makes it cheaper.";
    Err(Failure::new(Exit::Budget, what).mend(mend).into())
}

/// The most tokens of an answer for which nobody set a limit: those that are asked for in its place, else all that
/// the model has.
fn longest(model: &str, known: &Value) -> Option<f64> {
    let most = known["max_tokens"].as_f64();
    let usual = Catalog::built_in().card(model).default_max_tokens as f64;
    if usual > 0.0 { Some(most.map_or(usual, |most| usual.min(most))) } else { most }
}

/// The conversation as the API that counts has it.
fn counted(talk: &Talk) -> anyhow::Result<Value> {
    let mut input = Vec::new();
    for message in &talk.messages {
        let role = message["role"].as_str().unwrap_or_default();
        let kind = if role == "assistant" { "output_text" } else { "input_text" };
        let parts = match &message["content"] {
            Value::Array(parts) => {
                parts.iter().map(|part| counted_part(part, kind)).collect::<Result<Vec<_>, _>>()?
            }
            other => vec![json!({ "type": kind, "text": other.as_str().unwrap_or_default() })],
        };
        let role = if role == "tool" { "user" } else { role };
        input.push(json!({ "role": role, "content": parts }));
    }
    Ok(json!({ "model": talk.settings.get("model"), "input": input }))
}

fn counted_part(part: &Value, kind: &str) -> anyhow::Result<Value> {
    match part["type"].as_str() {
        Some("text") => Ok(json!({ "type": kind, "text": part["text"] })),
        Some("image_url") => {
            Ok(json!({ "type": "input_image", "image_url": part["image_url"]["url"] }))
        }
        Some("file") => {
            let mut file = part["file"].clone();
            file["type"] = "input_file".into();
            Ok(file)
        }
        Some(_) | None => {
            let what = "Sound and video cannot be counted, so no budget can be kept.";
            Err(Failure::new(Exit::Budget, what).mend("Leave --max-budget-usd out.").into())
        }
    }
}

/// A model's name as one segment of a path; those of ARNs have slashes.
fn encoded(model: &str) -> String {
    model
        .replace('%', "%25")
        .replace('/', "%2F")
        .replace('?', "%3F")
        .replace('#', "%23")
        .replace(' ', "%20")
}
