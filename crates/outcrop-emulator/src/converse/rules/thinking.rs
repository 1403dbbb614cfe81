//! Thinking: how it is asked for, what it excludes, and whether replayed thinking is genuine.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Asked, Placed, Verdict, from_model, unsupported};
use crate::engine::seal;
use crate::models::Thinking;

/// The smallest budget.
const LEAST_BUDGET: u64 = 1024;

pub(super) fn check(asked: &Asked<'_>) -> Verdict {
    if asked.is_claude() {
        request(asked)?;
    }
    for placed in asked.blocks() {
        if let Some(reasoning) = placed.get("reasoningContent") {
            replayed(asked, &placed, reasoning)?;
        }
    }
    Ok(())
}

/// `additionalModelRequestFields.thinking` of a Claude model.
fn request(asked: &Asked<'_>) -> Verdict {
    let thinking = &asked.extra()["thinking"];
    if thinking.is_null() {
        return Ok(());
    }
    let switch = asked.model.thinking;
    if switch == Thinking::None {
        return Err(from_model("thinking: Extra inputs are not permitted"));
    }
    match thinking["type"].as_str().unwrap_or_default() {
        "disabled" => return Ok(()),
        "enabled" if switch.takes_budget() => budget(asked, thinking)?,
        "adaptive" if switch.takes_adaptive() => {}
        "enabled" => {
            return Err(from_model(
                "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior.",
            ));
        }
        "adaptive" => {
            return Err(from_model("adaptive thinking is not supported on this model"));
        }
        other => {
            return Err(from_model(&format!(
                "thinking: Input tag '{other}' found using 'type' does not match any of the expected tags: 'adaptive', 'disabled', 'enabled'"
            )));
        }
    }
    excluded(asked)
}

fn budget(asked: &Asked<'_>, thinking: &Value) -> Verdict {
    let Some(budget) = thinking["budget_tokens"].as_u64() else {
        return Err(from_model("thinking.enabled.budget_tokens: Field required"));
    };
    if budget < LEAST_BUDGET {
        return Err(from_model(&format!(
            "thinking.enabled.budget_tokens: Input should be greater than or equal to {LEAST_BUDGET}"
        )));
    }
    let most = asked.body["inferenceConfig"]["maxTokens"].as_u64();
    if most.is_some_and(|most| most <= budget) {
        return Err(from_model(
            "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size",
        ));
    }
    thought_first(asked)
}

/// What may not be set while the model thinks.
fn excluded(asked: &Asked<'_>) -> Verdict {
    let choice = &asked.body["toolConfig"]["toolChoice"];
    if choice["any"].is_object() || choice["tool"].is_object() {
        return Err(from_model("Thinking may not be enabled when tool_choice forces tool use."));
    }
    let temperature = asked.body["inferenceConfig"]["temperature"].as_f64();
    if temperature.is_some_and(|temperature| temperature != 1.0) {
        return Err(from_model("`temperature` may only be set to 1 when thinking is enabled."));
    }
    if !asked.extra()["top_k"].is_null() {
        return Err(from_model("`top_k` must be unset when thinking is enabled."));
    }
    Ok(())
}

/// With a budget, an assistant turn whose call is being answered begins with its thinking.
fn thought_first(asked: &Asked<'_>) -> Verdict {
    let messages = asked.messages();
    let answers = messages.last().is_some_and(|last| {
        crate::converse::read::list(&last["content"])
            .iter()
            .any(|block| !block["toolResult"].is_null())
    });
    let Some(at) = messages.len().checked_sub(2).filter(|_| answers) else {
        return Ok(());
    };
    let first = &messages[at]["content"][0];
    if first["reasoningContent"].is_object() {
        return Ok(());
    }
    let found = if first["toolUse"].is_object() { "tool_use" } else { "text" };
    Err(from_model(&format!(
        "messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{found}`. When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). To avoid this requirement, disable `thinking`."
    )))
}

/// Thinking the model is told it had.
fn replayed(asked: &Asked<'_>, placed: &Placed<'_>, reasoning: &Value) -> Verdict {
    if asked.model.thinking == Thinking::None {
        return Err(unsupported("reasoningContent"));
    }
    let path = placed.path();
    if let Some(redacted) = reasoning["redactedContent"].as_str() {
        if !asked.model.redacted_thinking {
            return Err(unsupported("redactedContent"));
        }
        let bytes = STANDARD.decode(redacted).unwrap_or_default();
        return genuine(seal::is_hidden_here(&bytes), &path, "data", "redacted_thinking");
    }
    if !asked.model.signed_thinking {
        return Ok(());
    }
    let text = reasoning["reasoningText"]["text"].as_str().unwrap_or_default();
    match reasoning["reasoningText"]["signature"].as_str() {
        None => Err(from_model(&format!("{path}.thinking.signature: Field required"))),
        Some(signature) => {
            genuine(seal::is_genuine(text, signature), &path, "signature", "thinking")
        }
    }
}

fn genuine(is_genuine: bool, path: &str, member: &str, block: &str) -> Verdict {
    if is_genuine {
        return Ok(());
    }
    Err(from_model(&format!("{path}: Invalid `{member}` in `{block}` block")))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HAIKU, NOVA, OPUS, SONNET, accepted, refused};
    use super::*;
    use serde_json::json;

    fn asks(thinking: Value) -> Value {
        json!({
            "messages": [{"role": "user", "content": [{"text": "hi"}]}],
            "inferenceConfig": {"maxTokens": 2048},
            "additionalModelRequestFields": {"thinking": thinking},
        })
    }

    fn replays(reasoning: Value) -> Value {
        json!({"messages": [
            {"role": "user", "content": [{"text": "hi"}]},
            {"role": "assistant", "content": [{"reasoningContent": reasoning}, {"text": "yes"}]},
            {"role": "user", "content": [{"text": "go on"}]},
        ]})
    }

    #[test]
    fn each_generation_has_its_own_form() {
        let enabled = asks(json!({"type": "enabled", "budget_tokens": 1024}));
        accepted(SONNET, &enabled);
        refused(OPUS, &enabled, "is not supported for this model");
        refused(HAIKU, &enabled, "thinking: Extra inputs");
        let adaptive = asks(json!({"type": "adaptive"}));
        accepted(OPUS, &adaptive);
        refused(SONNET, &adaptive, "adaptive thinking is not supported");
        let small = asks(json!({"type": "enabled", "budget_tokens": 1000}));
        refused(SONNET, &small, "greater than or equal to 1024");
        let large = asks(json!({"type": "enabled", "budget_tokens": 2048}));
        refused(SONNET, &large, "`max_tokens` must be greater");
    }

    #[test]
    fn thinking_excludes_forced_tools_and_sampling() {
        let mut body = asks(json!({"type": "enabled", "budget_tokens": 1024}));
        body["inferenceConfig"]["temperature"] = json!(0.5);
        refused(SONNET, &body, "may only be set to 1");
        body["toolConfig"] = json!({"tools": [{"toolSpec": {"name": "n", "inputSchema": {"json": {}}}}], "toolChoice": {"any": {}}});
        refused(SONNET, &body, "Thinking may not be enabled when tool_choice forces tool use.");
    }

    #[test]
    fn replayed_thinking_must_be_genuine() {
        let signed =
            |text: &str| json!({"reasoningText": {"text": text, "signature": seal::sign("a")}});
        accepted(SONNET, &replays(signed("a")));
        refused(
            SONNET,
            &replays(signed("b")),
            "messages.1.content.0: Invalid `signature` in `thinking` block",
        );
        refused(
            SONNET,
            &replays(json!({"reasoningText": {"text": "a"}})),
            "signature: Field required",
        );
        let hidden = STANDARD.encode(seal::hide("a"));
        accepted(SONNET, &replays(json!({"redactedContent": hidden})));
        refused(SONNET, &replays(json!({"redactedContent": "AAAA"})), "Invalid `data`");
        refused(NOVA, &replays(signed("a")), "doesn't support the reasoningContent field");
    }
}
