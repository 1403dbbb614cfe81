//! ApplyGuardrail and InvokeGuardrailChecks, decided by words: simulated, but the same every time.
//!
//! There is one guardrail, [`GUARDRAIL`], in the versions `DRAFT` and `1`; it blocks the whole words
//! [`BLOCKED`]. A check of a category scores 1 where the text names the category (`violence`,
//! `prompt injection`), else 0; of sensitive information only e-mail addresses are found.

use serde_json::{Value, json};

use crate::refusal::{Exception, Refusal};
use crate::reply::Reply;
use crate::service::Call;

/// The id of the one guardrail.
pub(crate) const GUARDRAIL: &str = "wordfilter";
const VERSIONS: [&str; 2] = ["DRAFT", "1"];
/// What it blocks, whatever the case.
const BLOCKED: [&str; 2] = ["forbidden", "classified"];
const INSTEAD: &str = "Sorry, the guardrail has blocked this.";
/// Characters of a text unit (AWS's pricing page).
const UNIT: usize = 1000;

pub(super) fn apply(call: &Call<'_>, body: &Value) -> Result<Reply, Refusal> {
    let id = call.routed.id.rsplit('/').next().unwrap_or_default();
    if id != GUARDRAIL || !VERSIONS.contains(&call.routed.version.as_str()) {
        return Err(Refusal::new(
            Exception::ResourceNotFound,
            "The guardrail identifier or version provided in the request does not exist.",
        ));
    }
    let texts: Vec<&str> =
        list(body, "content").filter_map(|b| b["text"]["text"].as_str()).collect();
    let images = list(body, "content").filter(|block| block["image"].is_object()).count();
    let found: Vec<&str> =
        BLOCKED.into_iter().filter(|word| texts.iter().any(|text| has_word(text, word))).collect();
    let full = body["outputScope"] == "FULL";
    let shown = BLOCKED.into_iter().filter(|word| full || found.contains(word));
    let words: Vec<Value> = shown.map(|word| custom_word(word, found.contains(&word))).collect();
    let assessments = match words.is_empty() {
        true => json!([]),
        false => json!([{"wordPolicy": {"customWords": words, "managedWordLists": []}}]),
    };
    let length: usize = texts.iter().map(|text| text.chars().count()).sum();
    let (action, outputs) = match found.is_empty() {
        true => ("NONE", json!([])),
        false => ("GUARDRAIL_INTERVENED", json!([{"text": INSTEAD}])),
    };
    Ok(Reply::json(json!({
        "usage": usage(length),
        "action": action,
        "actionReason": if found.is_empty() { "No action." } else { "Guardrail blocked." },
        "outputs": outputs,
        "assessments": assessments,
        "guardrailCoverage": {
            "textCharacters": {"guarded": length, "total": length},
            "images": {"guarded": 0, "total": images},
        },
    })))
}

fn custom_word(word: &str, detected: bool) -> Value {
    let action = if detected { "BLOCKED" } else { "NONE" };
    json!({"match": word, "action": action, "detected": detected})
}

fn usage(length: usize) -> Value {
    json!({
        "topicPolicyUnits": 0,
        "contentPolicyUnits": 0,
        "wordPolicyUnits": length.div_ceil(UNIT),
        "sensitiveInformationPolicyUnits": 0,
        "sensitiveInformationPolicyFreeUnits": 0,
        "contextualGroundingPolicyUnits": 0,
    })
}

pub(super) fn checks(body: &Value) -> Reply {
    let texts: Vec<(usize, usize, &str)> = list(body, "messages")
        .enumerate()
        .flat_map(|(m, message)| {
            let contents = list(message, "content").enumerate();
            contents.filter_map(move |(c, block)| Some((m, c, block["text"].as_str()?)))
        })
        .collect();
    let length: usize = texts.iter().map(|(_, _, text)| text.chars().count()).sum();
    let (mut results, mut usage) = (json!({}), json!({}));
    for check in ["contentFilter", "promptAttack"] {
        if let Some(categories) = body["checks"][check]["categories"].as_array() {
            let scores: Vec<Value> =
                categories.iter().map(|one| score(&one["category"], &texts)).collect();
            results[check] = json!({"results": scores});
            usage[check] = json!({"textUnits": length.div_ceil(UNIT)});
        }
    }
    if let Some(entities) = body["checks"]["sensitiveInformation"]["entities"].as_array() {
        let wanted = entities.iter().any(|entity| entity["type"] == "EMAIL");
        let found = if wanted { addresses(&texts) } else { Vec::new() };
        results["sensitiveInformation"] = json!({"results": found, "truncated": false});
        usage["sensitiveInformation"] = json!({"textUnits": length.div_ceil(UNIT)});
    }
    Reply::json(json!({"results": results, "usage": usage}))
}

fn score(category: &Value, texts: &[(usize, usize, &str)]) -> Value {
    let name = category.as_str().unwrap_or_default().to_lowercase().replace('_', " ");
    let named = texts.iter().any(|(_, _, text)| text.to_lowercase().contains(&name));
    json!({"category": category, "severityScore": if named { 1.0 } else { 0.0 }})
}

/// Words with an `@` between two other characters, with their places in characters.
fn addresses(texts: &[(usize, usize, &str)]) -> Vec<Value> {
    let mut found = Vec::new();
    for (message, content, text) in texts {
        let mut begin = 0;
        for word in text.split(' ') {
            let end = begin + word.chars().count();
            if word
                .split_once('@')
                .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
            {
                found.push(json!({
                    "type": "EMAIL", "confidenceScore": 1.0, "beginOffset": begin, "endOffset": end,
                    "messageIndex": message, "contentIndex": content,
                }));
            }
            begin = end + 1;
        }
    }
    found
}

fn list<'v>(value: &'v Value, member: &str) -> impl Iterator<Item = &'v Value> {
    value[member].as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|found| found.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_are_blocked() {
        assert!(has_word("It is FORBIDDEN!", "forbidden"));
        assert!(!has_word("unforbidden", "forbidden"));
    }

    #[test]
    fn addresses_are_found_where_they_stand() {
        let found = addresses(&[(0, 1, "über a@b.ch @ x")]);
        assert_eq!(found.len(), 1);
        assert_eq!((&found[0]["beginOffset"], &found[0]["endOffset"]), (&json!(5), &json!(11)));
    }
}
