//! Settings a model does not have: system text, bounds, sampling, stop sequences, formats.

use serde_json::Value;

use super::{Asked, Verdict, from_model, unsupported};
use crate::converse::read::list;
use crate::grammar;

/// Additional fields that Claude models take on Converse.
const CLAUDE_EXTRA: [&str; 14] = [
    "anthropic_beta",
    "context_management",
    "max_tokens",
    "metadata",
    "output_config",
    "stop_sequences",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
    "anthropic_version",
];
/// Additional fields that Nova models take.
const NOVA_EXTRA: [&str; 2] = ["inferenceConfig", "reasoningConfig"];

pub(super) fn check(asked: &Asked<'_>) -> Verdict {
    system(asked)?;
    bound(asked)?;
    sampling(asked)?;
    stop_sequences(asked)?;
    extra(asked)?;
    text_format(asked)
}

fn system(asked: &Asked<'_>) -> Verdict {
    let blocks = list(&asked.body["system"]);
    if !blocks.is_empty() && !asked.model.system {
        return Err("This model doesn't support system messages. Try again without a system message or use a model that supports system messages.".into());
    }
    let blank = |block: &Value| block["text"].as_str().is_some_and(|text| text.trim().is_empty());
    match blocks.iter().position(blank) {
        None => Ok(()),
        Some(at) => Err(format!(
            "The text field in the SystemContentBlock object at system.{at} is blank. Add text to the text field, and try again."
        )),
    }
}

fn bound(asked: &Asked<'_>) -> Verdict {
    let most = u64::from(asked.model.max_output);
    match asked.body["inferenceConfig"]["maxTokens"].as_u64() {
        Some(bound) if bound > most => Err(format!(
            "The maximum tokens you requested exceeds the model limit of {most}. Try again with a maximum tokens value that is lower than {most}."
        )),
        _ => Ok(()),
    }
}

fn sampling(asked: &Asked<'_>) -> Verdict {
    let config = &asked.body["inferenceConfig"];
    let given = |own: &str, extra: &str| !config[own].is_null() || !asked.extra()[extra].is_null();
    let temperature = given("temperature", "temperature");
    let top_p = given("topP", "top_p");
    let settings = [
        ("temperature", temperature),
        ("top_p", top_p),
        ("top_k", asked.is_claude() && !asked.extra()["top_k"].is_null()),
    ];
    if !asked.model.sampling {
        return match settings.iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((name, _)) => Err(from_model(&format!("`{name}` is deprecated for this model."))),
        };
    }
    if temperature && top_p && !asked.model.temperature_with_top_p {
        return Err(from_model(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        ));
    }
    Ok(())
}

fn stop_sequences(asked: &Asked<'_>) -> Verdict {
    let sequences = list(&asked.body["inferenceConfig"]["stopSequences"]);
    if !sequences.is_empty() && !asked.model.stop_sequences {
        return Err(unsupported("stopSequences"));
    }
    let blank = |one: &Value| one.as_str().is_some_and(|text| text.trim().is_empty());
    if asked.is_claude() && sequences.iter().any(blank) {
        return Err(from_model("stop_sequences: each stop sequence must contain non-whitespace"));
    }
    Ok(())
}

/// Claude and Nova refuse additional fields they do not know.
fn extra(asked: &Asked<'_>) -> Verdict {
    let known: &[&str] = match asked.model.native.as_str() {
        "anthropic" => &CLAUDE_EXTRA,
        "nova" => &NOVA_EXTRA,
        _ => return Ok(()),
    };
    let members = asked.extra().as_object();
    match members.and_then(|members| members.keys().find(|name| !known.contains(&name.as_str()))) {
        None => Ok(()),
        Some(name) if asked.is_claude() => {
            Err(from_model(&format!("{name}: Extra inputs are not permitted")))
        }
        Some(name) => Err(from_model(&format!(
            "Malformed input request: #: extraneous key [{name}] is not permitted, please reformat your input and try again."
        ))),
    }
}

/// The schema of structured output is JSON inside a string.
fn text_format(asked: &Asked<'_>) -> Verdict {
    let format = &asked.body["outputConfig"]["textFormat"];
    if !format.is_null() && !asked.model.structured {
        return Err(unsupported("outputConfig.textFormat"));
    }
    let Some(schema) = format["structure"]["jsonSchema"]["schema"].as_str() else {
        return Ok(());
    };
    match serde_json::from_str::<Value>(schema) {
        Ok(schema @ Value::Object(_)) => grammar::check(&schema)
            .map_err(|why| from_model(&format!("output_config.format.schema: {why}"))),
        Ok(_) | Err(_) => Err("The schema field at outputConfig.textFormat.structure.jsonSchema isn't a valid JSON schema. Correct the schema and try again.".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HAIKU, OPUS, SONNET, TITAN, accepted, refused};
    use serde_json::{Value, json};

    fn with(name: &str, value: Value) -> Value {
        let mut body = json!({"messages": [{"role": "user", "content": [{"text": "hi"}]}]});
        body[name] = value;
        body
    }

    #[test]
    fn settings_follow_the_model() {
        let system = with("system", json!([{"text": "be brief"}]));
        accepted(HAIKU, &system);
        refused(TITAN, &system, "doesn't support system messages");
        refused(HAIKU, &with("system", json!([{"text": " "}])), "system.0 is blank");
        let bound = with("inferenceConfig", json!({"maxTokens": 4097}));
        refused(HAIKU, &bound, "exceeds the model limit of 4096");
        let both = with("inferenceConfig", json!({"temperature": 0.5, "topP": 0.5}));
        accepted(HAIKU, &both);
        refused(SONNET, &both, "cannot both be specified");
        refused(OPUS, &both, "`temperature` is deprecated");
        let extra = with("additionalModelRequestFields", json!({"n": 2}));
        refused(HAIKU, &extra, "n: Extra inputs are not permitted");
    }

    #[test]
    fn a_schema_is_json_in_a_string() {
        let format = |schema: &str| {
            let structure = json!({"jsonSchema": {"schema": schema}});
            with(
                "outputConfig",
                json!({"textFormat": {"type": "json_schema", "structure": structure}}),
            )
        };
        accepted(SONNET, &format("{}"));
        refused(SONNET, &format("{"), "isn't a valid JSON schema");
        refused(HAIKU, &format("{}"), "doesn't support the outputConfig.textFormat field");
        let open = r#"{"type":"object"}"#;
        refused(SONNET, &format(open), "output_config.format.schema: For 'object' type");
    }
}
