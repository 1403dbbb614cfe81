//! Nothing is rewritten invisibly: over all requests of `fixtures/translate`, for many models.
//!
//! Changes that leave the meaning as it is need no entry: turns of one role become one, blank text goes,
//! names and ids are spelt reversibly, what happens anyway is not asked for, and an effort or a beta has
//! the model's own words. [`essence`] takes them off before and after.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use outcrop_dialect::anthropic::Envelope;
use outcrop_dialect::fit::{Target, fit};
use outcrop_dialect::{anthropic, converse, openai, responses};
use outcrop_model::chat::ToolChoice;
use outcrop_model::{Card, Catalog, ChatRequest, Dialect, Ledger};
use serde_json::{Value, json};

use crate::sent::*;

const MODELS: [&str; 12] = [
    SONNET_4_5,
    SONNET_4_6,
    OPUS_4_8,
    HAIKU_3,
    NOVA,
    NOVA_2,
    LLAMA,
    MISTRAL_7B,
    GPT_OSS,
    GPT,
    DEEPSEEK_R1,
    UNKNOWN,
];

#[test]
fn every_change_of_a_request_is_in_the_ledger() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/translate/requests");
    let mut invisible = Vec::new();
    let mut changed = 0;
    for case in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let body = fs::read(case.join("request.json")).unwrap();
        let dialect = fs::read_to_string(case.join("case.txt")).unwrap();
        for model in MODELS {
            let card = Catalog::built_in().card(model);
            let Some(mut request) = decode(&dialect, &body) else { continue };
            if request.tool_choice == Some(ToolChoice::None) {
                continue; // Its tools are left out where no word forbids them.
            }
            let before = encode(&request, card, &mut Ledger::default());
            let mut ledger = Ledger::default();
            let target = Target { card, dialect: spoken(card) };
            if fit(&mut request, target, &mut ledger).is_err() {
                continue;
            }
            let after = encode(&request, card, &mut ledger);
            let (before, after) = (essence(before), essence(after));
            changed += usize::from(before != after);
            if before != after && ledger.is_empty() {
                invisible.push(format!("{} for {model}:\n{before}\n{after}", case.display()));
            }
        }
    }
    assert!(changed > 100, "only {changed} requests were changed at all");
    assert!(invisible.is_empty(), "{}\n{}", invisible.len(), invisible.join("\n"));
}

/// The dialect in which the model is asked.
fn spoken(card: &Card) -> Dialect {
    card.carriers[0].speaks[0]
}

fn decode<'a>(case: &str, body: &'a [u8]) -> Option<ChatRequest<'a>> {
    let dialect = case.lines().find_map(|line| line.strip_prefix("dialect:"))?.trim();
    match dialect {
        "openai" => openai::decode(body).ok().map(|decoded| decoded.request),
        "text" => openai::text::decode(body).ok().map(|decoded| decoded.request),
        "anthropic" => anthropic::decode(body, &[]).ok(),
        "responses" => responses::decode_alone(body).ok().map(|decoded| decoded.request),
        // Its bodies are one of the others, edited before they are read.
        "kong" => None,
        other => panic!("no dialect is called {other}"),
    }
}

fn encode(request: &ChatRequest<'_>, card: &Card, ledger: &mut Ledger) -> Value {
    let mut out = Vec::new();
    match spoken(card) {
        Dialect::Anthropic => {
            anthropic::encode(request, card, Envelope::Invoke { version: "v" }, &mut out, ledger)
        }
        _ => converse::encode(request, card, &mut out, ledger),
    }
    serde_json::from_slice(&out).unwrap()
}

fn essence(mut body: Value) -> Value {
    let mut blocks = Vec::new();
    for key in ["system", "messages"] {
        let Some(Value::Array(list)) = body.get_mut(key).map(Value::take) else { continue };
        for item in list {
            match item.get("content") {
                Some(Value::Array(content)) => {
                    let role = item["role"].clone();
                    blocks.extend(content.iter().map(|block| json!([role, block])));
                }
                _ => blocks.push(json!(["system", item])),
            }
        }
    }
    blocks.retain(|block| !is_blank(&block[1]));
    body["messages"] = blocks.into();
    body["system"] = Value::Null;
    let fields = ["thinking", "output_config", "additionalModelRequestFields", "anthropic_beta"];
    fields.iter().for_each(|field| body[*field] = Value::Null);
    let mut numbers = BTreeMap::new();
    plain(&mut body, &mut numbers);
    body
}

fn is_blank(block: &Value) -> bool {
    block["text"].as_str().is_some_and(|text| text.trim().is_empty())
}

/// Takes off settings that say what happens anyway, and spells names and ids as numbers.
fn plain(value: &mut Value, numbers: &mut BTreeMap<String, usize>) {
    let Value::Object(members) = value else {
        if let Value::Array(list) = value {
            list.retain(|item| !is_blank(item));
            list.iter_mut().for_each(|item| plain(item, numbers));
        }
        return;
    };
    members.retain(|key, value| {
        plain(value, numbers);
        let is_usual = match key.as_str() {
            "max_tokens" | "maxTokens" => true,
            "temperature" | "topP" | "top_p" => *value == 1.0,
            "strict" => *value == false,
            "description" => value.as_str().is_some_and(|text| text.trim().is_empty()),
            "tool_choice" => *value == json!({"type": "auto"}),
            "toolChoice" => *value == json!({"auto": {}}),
            _ => false,
        };
        !is_usual && !value.is_null() && *value != json!({}) && *value != json!([])
    });
    for key in ["id", "name", "tool_use_id", "toolUseId"] {
        if let Some(Value::String(word)) = members.get(key) {
            let next = numbers.len();
            let number = *numbers.entry(word.clone()).or_insert(next);
            members.insert(key.to_owned(), number.into());
        }
    }
}
