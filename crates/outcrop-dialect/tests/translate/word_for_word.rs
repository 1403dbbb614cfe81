//! What must come back word for word: the model's own turns, pictures in tool results, cache marks; and
//! every byte of a relayed body.

use outcrop_dialect::answer::{Whole, whole};
use outcrop_dialect::carry::Destination;
use outcrop_dialect::plan::{Outgoing, Peeked};
use outcrop_dialect::responses::{Body, Recalled};
use outcrop_model::{Catalog, Dialect, Ledger};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::answers::label;

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
/// Taken to be able to do whatever Converse can say.
const ANYTHING: &str = "newvendor.model-1";
/// Not legal for Bedrock: it is spelt otherwise on the way and back.
const TOOL: &str = "weather.get";
const CLIENTS: [Dialect; 3] = [Dialect::OpenAiChat, Dialect::Responses, Dialect::Anthropic];

/// A block of what the model said.
#[derive(Debug, Clone, PartialEq)]
enum Said {
    Thinking(String, String),
    /// Base64 of any bytes.
    Redacted(String),
    Text(String),
    /// Id and input.
    Call(String, Value),
}

/// Thinking first, then text, then calls: the order that all dialects can say.
fn turn() -> impl Strategy<Value = Vec<Said>> {
    let thought = prop_oneof![
        ("\\PC{1,20}", "[a-zA-Z0-9+/]{8}").prop_map(|(text, sign)| Said::Thinking(text, sign)),
        prop::collection::vec(any::<u8>(), 1..20).prop_map(|bytes| Said::Redacted(base64(&bytes))),
    ];
    let input = prop::collection::btree_map("[a-z]{1,4}", any::<(i64, bool, String)>(), 0..3);
    let input = input.prop_map(|members| json!(members));
    (
        prop::collection::vec(thought, 0..4),
        prop::option::of("[!-~]\\PC{0,20}"),
        prop::collection::vec(input, 0..3),
    )
        .prop_map(|(thoughts, text, inputs)| {
            let calls = inputs.into_iter().enumerate();
            let calls = calls.map(|(n, input)| Said::Call(format!("tooluse_{n}"), input));
            let mut said: Vec<Said> = unlike(thoughts);
            said.extend(text.map(Said::Text));
            said.extend(calls);
            said
        })
        // A turn of thinking alone is none that a client would send back.
        .prop_filter("says something", |said| {
            said.iter().any(|said| matches!(said, Said::Text(_) | Said::Call(..)))
        })
}

/// Without blocks that are there twice, which are taken for a client's mistake.
fn unlike(thoughts: Vec<Said>) -> Vec<Said> {
    let mut once: Vec<Said> = Vec::new();
    for thought in thoughts {
        if !once.contains(&thought) {
            once.push(thought);
        }
    }
    once
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Bedrock's whole answer; `tool` is the name that the model was told.
fn answer(upstream: Dialect, said: &[Said], tool: &str) -> Vec<u8> {
    let is_converse = upstream == Dialect::Converse;
    let block = |said: &Said| match (said, is_converse) {
        (Said::Thinking(text, signature), true) => {
            json!({"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}})
        }
        (Said::Thinking(text, signature), false) => {
            json!({"type": "thinking", "thinking": text, "signature": signature})
        }
        (Said::Redacted(data), true) => json!({"reasoningContent": {"redactedContent": data}}),
        (Said::Redacted(data), false) => json!({"type": "redacted_thinking", "data": data}),
        (Said::Text(text), true) => json!({"text": text}),
        (Said::Text(text), false) => json!({"type": "text", "text": text}),
        (Said::Call(id, input), true) => {
            json!({"toolUse": {"toolUseId": id, "name": tool, "input": input}})
        }
        (Said::Call(id, input), false) => {
            json!({"type": "tool_use", "id": id, "name": tool, "input": input})
        }
    };
    let blocks: Vec<Value> = said.iter().map(block).collect();
    let answer = match is_converse {
        true => {
            json!({"output": {"message": {"role": "assistant", "content": blocks}}, "stopReason": "end_turn",
            "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}})
        }
        false => {
            json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": blocks,
            "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}})
        }
    };
    answer.to_string().into_bytes()
}

/// The client's request: at first, and again with the answer in its own form.
fn request(client: Dialect, answer: Option<&Value>, said: &[Said]) -> Vec<u8> {
    let calls = || {
        said.iter().filter_map(|s| match s {
            Said::Call(id, _) => Some(id.as_str()),
            Said::Thinking(..) | Said::Redacted(_) | Said::Text(_) => None,
        })
    };
    let schema = json!({"type": "object"});
    let mut turns = vec![json!({"role": "user", "content": "go"})];
    match client {
        Dialect::OpenAiChat => {
            turns.extend(answer.map(|answer| answer["choices"][0]["message"].clone()));
            turns.extend(calls().map(|id| json!({"role": "tool", "tool_call_id": id, "content": "r"})));
            turns.extend(answer.map(|_| json!({"role": "user", "content": "on"})));
            json!({"model": "m", "max_tokens": 4096, "messages": turns, "thinking": {"type": "enabled", "budget_tokens": 1024},
                "tools": [{"type": "function", "function": {"name": TOOL, "parameters": schema}}]})
        }
        Dialect::Responses => {
            turns.extend(answer.into_iter().flat_map(|a| a["output"].as_array().unwrap().clone()));
            turns.extend(calls().map(|id| json!({"type": "function_call_output", "call_id": id, "output": "r"})));
            turns.extend(answer.map(|_| json!({"role": "user", "content": "on"})));
            json!({"model": "m", "max_output_tokens": 4096, "input": turns, "reasoning": {"effort": "low"},
                "tools": [{"type": "function", "name": TOOL, "parameters": schema}]})
        }
        _ => {
            turns.extend(answer.map(|a| json!({"role": "assistant", "content": a["content"]})));
            let results = calls().map(|id| json!({"type": "tool_result", "tool_use_id": id, "content": "r"}));
            let results = results.chain([json!({"type": "text", "text": "on"})]).collect::<Vec<_>>();
            turns.extend(answer.map(|_| json!({"role": "user", "content": results})));
            json!({"model": "m", "max_tokens": 4096, "messages": turns, "thinking": {"type": "enabled", "budget_tokens": 1024},
                "tools": [{"name": TOOL, "input_schema": schema}]})
        }
    }
    .to_string()
    .into_bytes()
}

fn plan(client: Dialect, body: &[u8], model: &str) -> Outgoing {
    let recalled = Recalled::default();
    let peeked = match client {
        Dialect::OpenAiChat => Peeked::openai(body),
        Dialect::Responses => {
            Body::read(body).and_then(|read| Peeked::responses(read, &recalled, body.len()))
        }
        _ => Peeked::anthropic(body, Vec::new()),
    };
    let to = Destination::of(Catalog::built_in(), model);
    peeked.unwrap().plan(to, &mut Ledger::default()).unwrap()
}

/// The model's turn in what is sent, in either of Bedrock's dialects.
fn returned(sent: &Value) -> Vec<Said> {
    let messages = sent["messages"].as_array().unwrap();
    let turn = messages.iter().find(|m| m["role"] == "assistant").expect("the model's turn");
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let block = |block: &Value| {
        let reasoning = &block["reasoningContent"];
        match block["type"].as_str() {
            Some("thinking") => Said::Thinking(word(&block["thinking"]), word(&block["signature"])),
            Some("redacted_thinking") => Said::Redacted(word(&block["data"])),
            Some("tool_use") => Said::Call(word(&block["id"]), block["input"].clone()),
            Some(_) => Said::Text(word(&block["text"])),
            None if reasoning["reasoningText"].is_object() => {
                let text = &reasoning["reasoningText"];
                Said::Thinking(word(&text["text"]), word(&text["signature"]))
            }
            None if reasoning.is_object() => Said::Redacted(word(&reasoning["redactedContent"])),
            None if block["toolUse"].is_object() => {
                Said::Call(word(&block["toolUse"]["toolUseId"]), block["toolUse"]["input"].clone())
            }
            None => Said::Text(word(&block["text"])),
        }
    };
    turn["content"].as_array().unwrap().iter().map(block).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whoever keeps the conversation, the model hears itself as it was.
    #[test]
    fn the_models_turn_comes_back_to_it(said in turn()) {
        for (model, upstream) in [(CLAUDE, Dialect::Anthropic), (ANYTHING, Dialect::Converse)] {
            for client in CLIENTS {
                let first = plan(client, &request(client, None, &[]), model);
                let sent: Value = serde_json::from_slice(&first.body).unwrap();
                let tool = [&sent["tools"][0]["name"], &sent["toolConfig"]["tools"][0]["toolSpec"]["name"]];
                let tool = tool.into_iter().find_map(Value::as_str).expect("the tool's name");
                let body = answer(upstream, &said, tool);
                let mut ledger = Ledger::default();
                let Whole { body: written, .. } = whole(&first.way, &body, &label(), &mut ledger).unwrap();
                prop_assert!(ledger.is_empty(), "{:?}", ledger);
                let written: Value = serde_json::from_slice(&written.unwrap_or(body)).unwrap();
                let second = plan(client, &request(client, Some(&written), &said), model);
                let sent: Value = serde_json::from_slice(&second.body).unwrap();
                prop_assert_eq!(returned(&sent), said.clone(), "{:?} {}", client, model);
            }
        }
    }

    /// Pictures in tool results, and cache marks with their lifetimes.
    #[test]
    fn pictures_and_marks_arrive(bytes in prop::collection::vec(any::<u8>(), 1..40), hour in any::<bool>()) {
        let (data, ttl) = (base64(&bytes), if hour { "1h" } else { "5m" });
        let mark = json!({"type": "ephemeral", "ttl": ttl});
        let chat = json!({"model": "m", "messages": [
            {"role": "user", "content": [{"type": "text", "text": "go", "cache_control": mark}]},
            {"role": "assistant", "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "t", "content": [
                {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{data}")}}]},
        ], "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]});
        let messages = json!({"model": "m", "max_tokens": 9, "messages": [
            {"role": "user", "content": [{"type": "text", "text": "go", "cache_control": mark}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}]}]},
        ], "tools": [{"name": "f", "input_schema": {"type": "object"}}]});
        for (client, body) in [(Dialect::OpenAiChat, chat), (Dialect::Anthropic, messages)] {
            let body = body.to_string();
            let sent = plan(client, body.as_bytes(), CLAUDE).body;
            let sent: Value = serde_json::from_slice(&sent).unwrap();
            prop_assert_eq!(&sent["messages"][0]["content"][0]["cache_control"], &mark);
            let result = &sent["messages"][2]["content"][0];
            prop_assert_eq!(&result["content"][0]["source"]["data"], &json!(data));

            let sent = plan(client, body.as_bytes(), ANYTHING).body;
            let sent: Value = serde_json::from_slice(&sent).unwrap();
            let point = json!({"cachePoint": {"type": "default", "ttl": ttl}});
            prop_assert_eq!(&sent["messages"][0]["content"][1], &point);
            let result = &sent["messages"][2]["content"][0]["toolResult"];
            prop_assert_eq!(&result["content"][0]["image"]["source"]["bytes"], &json!(data));
        }
    }

    /// A relay edits the envelope and nothing else: not even white space or the spelling of numbers.
    #[test]
    fn a_relayed_body_keeps_its_bytes(
        members in prop::collection::vec(("[a-z]{1,6}_x", any::<(f32, String)>(), any::<bool>()), 0..5),
        place in any::<prop::sample::Index>(),
    ) {
        let mut texts: Vec<String> = members.iter().map(|(key, value, pretty)| {
            let value = json!({"a": [value, 1]});
            let value = if *pretty { format!("{value:#}") } else { value.to_string().replace(":[", ": [ 1.50e+1,") };
            format!("\"{key}\":{value}")
        }).collect();
        texts.push(r#""messages":[ {"role" :"user","content":"gr\u00fc\u00df"} ]"#.to_owned());
        texts.push(r#""max_tokens":10"#.to_owned());
        let expected = format!(r#"{{"anthropic_version":"bedrock-2023-05-31",{}}}"#, texts.join(","));
        texts.insert(place.index(texts.len() + 1), r#""model":"m","stream":false"#.to_owned());
        let body = format!("{{{}}}", texts.join(",\n  "));
        let sent = plan(Dialect::Anthropic, body.as_bytes(), CLAUDE).body;
        prop_assert_eq!(std::str::from_utf8(&sent).unwrap(), expected);
    }
}
