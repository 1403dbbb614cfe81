//! Answers in the form that the prompt sets: by the caller's schema, or in words, which a model obeys.

use serde_json::{Value, json};

use super::{last_user_text, schema};
use crate::words::{AnswerPart, Prompt};

/// How a prompt says in words what it wants.
const WITH_SCHEMA: &str = "JSON Schema";
const ANY_OBJECT: &str = "one JSON object";

/// JSON that fits, when a form is set.
pub(super) fn part(prompt: &Prompt) -> Option<AnswerPart> {
    let wanted = match &prompt.format {
        Some(schema) => schema.clone(),
        None => told(prompt)?,
    };
    let answer = match wanted.get("properties").is_none() && wanted["type"] == "object" {
        true => json!({"said": last_user_text(prompt).lines().next().unwrap_or_default()}),
        false => schema::instance(&wanted),
    };
    Some(AnswerPart::Text(answer.to_string()))
}

/// The schema in the last system text or the last user text.
fn told(prompt: &Prompt) -> Option<Value> {
    let last = last_user_text(prompt);
    let texts = [prompt.system.last().map_or("", String::as_str), last.as_str()];
    texts.into_iter().find_map(|text| {
        let Some((_, after)) = text.split_once(WITH_SCHEMA) else {
            return text.contains(ANY_OBJECT).then(|| json!({"type": "object"}));
        };
        let json = &after[after.find('{')?..];
        serde_json::Deserializer::from_str(json).into_iter::<Value>().next()?.ok()
    })
}
