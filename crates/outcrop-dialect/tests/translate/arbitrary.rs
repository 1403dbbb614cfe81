//! Any JSON as a request: a plan or a refusal that points into the body, never the end of the process.

use outcrop_dialect::carry::Destination;
use outcrop_dialect::plan::{Outgoing, Peeked, Way};
use outcrop_model::{Catalog, Fault, Ledger};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Words that mean something to the decoders, so that random bodies get past their first member.
const WORDS: [&str; 44] = [
    "model",
    "messages",
    "role",
    "content",
    "type",
    "text",
    "user",
    "assistant",
    "system",
    "tool",
    "tools",
    "tool_calls",
    "tool_call_id",
    "function",
    "name",
    "arguments",
    "parameters",
    "id",
    "input",
    "tool_use",
    "tool_result",
    "tool_use_id",
    "image",
    "image_url",
    "url",
    "source",
    "data",
    "media_type",
    "base64",
    "document",
    "thinking",
    "signature",
    "redacted_thinking",
    "cache_control",
    "ephemeral",
    "ttl",
    "tool_choice",
    "max_tokens",
    "stop",
    "temperature",
    "stream",
    "response_format",
    "thinking_blocks",
    "reasoning_effort",
];

const MODELS: [&str; 6] = [
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us.anthropic.claude-opus-4-8",
    "us.amazon.nova-2-lite-v1:0",
    "us.meta.llama3-3-70b-instruct-v1:0",
    "mistral.mistral-7b-instruct-v0:2",
    "newvendor.model-1",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => proptest::sample::select(WORDS.to_vec()).prop_map(str::to_owned),
        1 => "[a-zäß_ \"-]{1,6}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e3..1e3_f64).prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            object(inner),
        ]
    })
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::vec((word(), inner), 0..6)
        .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
}

/// A conversation that is nearly right: blocks of known types with one member that may be anything.
fn nearly() -> impl Strategy<Value = Value> {
    let blocks = prop_oneof![
        Just(json!({"type": "text", "text": "Hi"})),
        Just(json!({"type": "text", "text": " "})),
        Just(json!({"type": "thinking", "thinking": "Hm", "signature": "cw=="})),
        Just(json!({"type": "redacted_thinking", "data": "ZA=="})),
        Just(json!({"type": "tool_use", "id": "t 1", "name": "a.b", "input": {}})),
        Just(json!({"type": "tool_result", "tool_use_id": "t 1", "content": "ok"})),
        Just(json!({"type": "tool_result", "tool_use_id": "t 1"})),
        Just(
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}})
        ),
        Just(json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}})),
        value(),
    ];
    let role = prop_oneof![Just("user"), Just("assistant"), Just("system"), Just("tool")];
    let message =
        (role, prop::collection::vec(blocks, 0..4), prop::option::weighted(0.2, (word(), value())));
    let messages = prop::collection::vec(message, 0..5);
    (messages, prop::option::weighted(0.5, (word(), value()))).prop_map(|(messages, extra)| {
        let messages: Vec<Value> = messages
            .into_iter()
            .map(|(role, content, extra)| with(json!({"role": role, "content": content}), extra))
            .collect();
        with(json!({"model": "m", "max_tokens": 2000, "messages": messages}), extra)
    })
}

fn with(mut object: Value, member: Option<(String, Value)>) -> Value {
    if let (Some((key, value)), Some(members)) = (member, object.as_object_mut()) {
        members.insert(key, value);
    }
    object
}

fn plans(body: &[u8], model: &str) -> [Result<(Outgoing, Ledger), Fault>; 2] {
    let to = Destination::of(Catalog::built_in(), model);
    let plan = |peeked: Result<Peeked<'_>, Fault>| {
        let mut ledger = Ledger::default();
        peeked.and_then(|p| p.plan(to, &mut ledger)).map(|outgoing| (outgoing, ledger))
    };
    [plan(Peeked::openai(body)), plan(Peeked::anthropic(body, Vec::new()))]
}

/// Follows a path as far as it goes; says how many steps were left, and whether the last was an index.
fn missing(body: &Value, path: &str) -> usize {
    let mut steps: Vec<String> = Vec::new();
    for part in path.split('.') {
        let mut pieces = part.split('[');
        steps.extend(pieces.next().filter(|key| !key.is_empty()).map(str::to_owned));
        steps.extend(pieces.map(|index| index.trim_end_matches(']').to_owned()));
    }
    let mut at = Some(body);
    let mut left = 0;
    for step in steps {
        at = at.and_then(|value| match value {
            Value::Array(list) => step.parse::<usize>().ok().and_then(|i| list.get(i)),
            Value::Object(members) => members.get(&step),
            _ => None,
        });
        left += usize::from(at.is_none());
    }
    left
}

/// What Bedrock asks of every conversation, whatever the client sent.
fn well_formed(sent: &Value) -> Result<(), TestCaseError> {
    let mut before = "";
    for message in sent["messages"].as_array().expect("a list") {
        let role = message["role"].as_str().expect("a role");
        prop_assert!(!before.is_empty() || role == "user", "{} begins", role);
        prop_assert_ne!(role, before);
        before = role;
        let blocks = message["content"].as_array().expect("a list");
        prop_assert!(!blocks.is_empty(), "an empty turn");
        let is_result = |b: &&Value| !b["toolResult"].is_null() || b["type"] == "tool_result";
        let is_mark = |b: &&Value| !b["cachePoint"].is_null();
        let results = blocks.iter().filter(is_result).count();
        let leading = blocks.iter().filter(|b| !is_mark(b)).take_while(is_result).count();
        prop_assert!(role == "assistant" || results == leading, "results stand first");
        for text in blocks.iter().filter_map(|b| b["text"].as_str()) {
            prop_assert!(!text.trim().is_empty(), "blank text");
        }
    }
    Ok(())
}

fn check(body: &Value, model: &str) -> Result<(), TestCaseError> {
    let bytes = serde_json::to_vec(body).unwrap();
    for plan in plans(&bytes, model) {
        match plan {
            Ok((outgoing, ledger)) => {
                let sent: Value = serde_json::from_slice(&outgoing.body).expect("JSON is sent");
                prop_assert!(sent["messages"].as_array().is_some_and(|m| !m.is_empty()));
                if matches!(outgoing.way, Way::Translate { .. }) {
                    well_formed(&sent)?;
                }
                for loss in ledger.losses() {
                    prop_assert!(!loss.path.is_empty() && !loss.why.is_empty(), "{:?}", loss);
                }
            }
            Err(fault) => {
                let param = fault.param.as_deref().unwrap_or_default();
                // A member may be missing, and what would be in it; but not more than that.
                prop_assert!(missing(body, param) <= 2, "{param} is nowhere in {body}");
                prop_assert!(!fault.message.is_empty());
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_json_is_planned_or_refused(body in value(), model in proptest::sample::select(MODELS.to_vec())) {
        check(&body, model)?;
    }

    #[test]
    fn nearly_right_bodies_are_planned_or_refused(body in nearly(), model in proptest::sample::select(MODELS.to_vec())) {
        check(&body, model)?;
    }

    #[test]
    fn any_bytes_are_refused_or_planned(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = plans(&body, MODELS[0]);
    }
}
