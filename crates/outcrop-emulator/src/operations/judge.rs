//! What every request is judged by before its operation: JSON, the service model, native bodies.

use http::HeaderMap;
use serde_json::Value;

use crate::constraints::{self, Location, ViolationKind};
use crate::engine::seal;
use crate::models::{Model, Thinking};
use crate::native;
use crate::native::anthropic::{self, AnthropicRules};
use crate::refusal::{Exception, Refusal};
use crate::route::query_pairs;
use crate::service::Call;
use crate::words::{Part, Prompt};

/// The request body as JSON, whatever its content type says; `null` when it is empty and none is due.
pub(super) fn body(call: &Call<'_>) -> Result<Value, Refusal> {
    let operation = call.routed.operation;
    if call.body.is_empty() && !operation.is_invoke() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(call.body).map_err(|error| {
        if operation.is_invoke() {
            Refusal::validation(format!(
                "Malformed input request: {error}, please reformat your input and try again."
            ))
        } else {
            Refusal::new(Exception::Serialization, format!("The request body is not JSON: {error}"))
        }
    })
}

/// The constraints of the service model, for path, headers, query and body.
pub(super) fn constraints(call: &Call<'_>, body: &Value) -> Result<(), Refusal> {
    let name = call.routed.operation.name();
    let query = query_pairs(call.raw_query);
    let outside: Vec<(&str, &str)> = constraints::operation(name)
        .map(constraints::Operation::bindings)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|binding| {
            let value = match binding.location {
                Location::Uri if binding.member == "guardrailVersion" => {
                    Some(call.routed.version.as_str())
                }
                Location::Uri => Some(call.routed.id.as_str()),
                Location::Header => header(call.headers, binding.name),
                Location::QueryString => query
                    .iter()
                    .find(|(found, _)| found == binding.name)
                    .map(|(_, value)| value.as_str()),
            };
            Some((binding.member, value?))
        })
        .collect();
    let violations = constraints::check(name, &outside, body);
    if violations.is_empty() {
        return guardrail(call, body);
    }
    if violations.iter().any(|violation| violation.path == "modelId") {
        return Err(Refusal::validation("The provided model identifier is invalid."));
    }
    let unreadable =
        violations.iter().any(|violation| violation.kind == ViolationKind::Serialization);
    let exception = if unreadable { Exception::Serialization } else { Exception::Validation };
    Err(Refusal::new(exception, constraints::coral_message(&violations)))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// What the service model says of guardrails of InvokeModel in words only.
fn guardrail(call: &Call<'_>, body: &Value) -> Result<(), Refusal> {
    if !call.routed.operation.is_invoke() {
        return Ok(());
    }
    let identifier = header(call.headers, "x-amzn-bedrock-guardrailidentifier");
    let version = header(call.headers, "x-amzn-bedrock-guardrailversion");
    let configured = !body["amazon-bedrock-guardrailConfig"].is_null();
    if identifier.is_some() && version.is_none() {
        return Err(Refusal::validation(
            "The guardrail version is required when a guardrail identifier is given.",
        ));
    }
    if identifier.is_none() && configured {
        return Err(Refusal::validation(
            "A guardrail identifier is required when amazon-bedrock-guardrailConfig is given.",
        ));
    }
    Ok(())
}

/// A native body as a prompt, under the rules of its model.
pub(crate) fn native(model: &Model, body: &Value) -> Result<Prompt, Refusal> {
    native_with(model, body, &[])
}

/// The same where further betas are known beside those of InvokeModel.
pub(super) fn native_with(model: &Model, body: &Value, betas: &[&str]) -> Result<Prompt, Refusal> {
    let parsed = if model.native == "anthropic" {
        let mut rules = anthropic_rules(model);
        rules.betas.extend(betas.iter().map(|beta| (*beta).to_owned()));
        anthropic::parse_with(body, &rules)
    } else {
        native::parse(&model.native, body)
    };
    let mut prompt = parsed.map_err(Refusal::validation)?;
    prompt.thinking |= model.thinking == Thinking::Always;
    if model.signed_thinking {
        genuine_thinking(&prompt).map_err(Refusal::validation)?;
    }
    Ok(prompt)
}

fn anthropic_rules(model: &Model) -> AnthropicRules {
    let mut thinking = vec!["disabled".to_owned()];
    if model.thinking.takes_budget() {
        thinking.push("enabled".into());
    }
    if model.thinking.takes_adaptive() {
        thinking.push("adaptive".into());
    }
    AnthropicRules {
        versions: model.anthropic_versions.clone(),
        thinking,
        structured: model.structured,
        prefill: model.prefill,
        system_role: model.system_turns,
        sampling: model.sampling,
        temperature_with_top_p: model.temperature_with_top_p,
        ..AnthropicRules::default()
    }
}

/// Replayed thinking must be what this emulator issued.
fn genuine_thinking(prompt: &Prompt) -> Result<(), String> {
    for (at, turn) in prompt.turns.iter().enumerate() {
        for (index, part) in turn.parts.iter().enumerate() {
            let spoilt = match part {
                Part::Thinking { text, signature } => {
                    let signature = signature.as_deref().unwrap_or_default();
                    (!seal::is_genuine(text, signature)).then_some(("signature", "thinking"))
                }
                Part::Redacted(bytes) => {
                    (!seal::is_hidden_here(bytes)).then_some(("data", "redacted_thinking"))
                }
                _ => None,
            };
            if let Some((member, block)) = spoilt {
                return Err(format!(
                    "messages.{at}.content.{index}: Invalid `{member}` in `{block}` block"
                ));
            }
        }
    }
    Ok(())
}
