//! Engines chosen by header, by call, by configuration and by the prompt's own words.

use std::sync::Arc;

use outcrop_emulator::{Config, Engine, EngineKind, Script};
use serde_json::{Value, json};

use crate::client::{Ask, HAIKU, NOVA, SONNET, admin, emulator, with};
use crate::converse::hello;

fn says(text: &str) -> Value {
    json!({"messages": [{"role": "user", "content": [{"text": text}]}]})
}

#[tokio::test]
async fn lorem_has_the_length_and_chunks_asked_for() {
    let emulator = emulator().await;
    let ask = Ask::post(NOVA, "converse-stream", &hello()).engine("lorem;tokens=10;chunk=4");
    let events = ask.send(&emulator).await.ok().events();
    let deltas = events.iter().filter(|(kind, _)| kind == "contentBlockDelta").count();
    assert_eq!(deltas, 3);
    assert_eq!(events.last().unwrap().1["usage"]["outputTokens"], 10);
    let whole = Ask::post(NOVA, "converse", &says("lorem:20")).send(&emulator).await.ok().json();
    assert_eq!(whole["usage"]["outputTokens"], 20);
}

#[tokio::test]
async fn the_default_engine_can_be_changed() {
    let emulator = emulator().await;
    let body = json!({"engine": "lorem;tokens=3"});
    admin(&emulator, "PUT", "engine", &body).await.ok();
    let answer = Ask::post(NOVA, "converse", &hello()).send(&emulator).await.ok().json();
    assert_eq!(answer["usage"]["outputTokens"], 3);
}

#[tokio::test]
async fn tools_are_called_when_forced_or_named() {
    let emulator = emulator().await;
    let with_tools = |text: &str, choice: Value| {
        let mut body = says(text);
        let schema =
            json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 7}}});
        body["toolConfig"] =
            json!({"tools": [{"toolSpec": {"name": "count", "inputSchema": {"json": schema}}}]});
        if !choice.is_null() {
            body["toolConfig"]["toolChoice"] = choice;
        }
        body
    };
    for body in
        [with_tools("anything", json!({"any": {}})), with_tools("please count", Value::Null)]
    {
        let answer = Ask::post(HAIKU, "converse", &body).send(&emulator).await.ok().json();
        let call = &answer["output"]["message"]["content"][0]["toolUse"];
        assert_eq!(call["input"], json!({"n": 7}));
        assert!(call["toolUseId"].as_str().unwrap().starts_with("tooluse_"));
    }
    let answer =
        Ask::post(HAIKU, "converse", &with_tools("hello", Value::Null)).send(&emulator).await.ok();
    assert_eq!(answer.json()["stopReason"], "end_turn");
}

#[tokio::test]
async fn redacted_thinking_comes_back_and_forth() {
    let emulator = emulator().await;
    let mut body = says("redact:secret say:done");
    let answer = Ask::post(SONNET, "converse", &body).send(&emulator).await.ok().json();
    let content = answer["output"]["message"]["content"].clone();
    assert!(content[0]["reasoningContent"]["redactedContent"].is_string());
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": content}));
    messages
        .push(json!({"role": "user", "content": [{"text": "stop:guardrail_intervened say:no"}]}));
    let answer = Ask::post(SONNET, "converse", &body).send(&emulator).await.ok().json();
    assert_eq!(answer["stopReason"], "guardrail_intervened");
}

#[tokio::test]
async fn a_script_answers_what_it_matches() {
    let script = Script::parse(
        r#"{"answers": [
            {"contains": "weather", "parts": [{"say": "Sunny."}, {"call": "x", "input": {"a": 1}}]},
            {"contains": "raw", "events": [{"messageStart": {"role": "assistant"}}, {"odd": {"x": 1}}]}
        ]}"#,
    );
    let engine = Engine::new(EngineKind::Script(Arc::new(script.unwrap())));
    let emulator = with(Config { engine, ..Config::default() }).await;
    let answer =
        Ask::post(HAIKU, "converse", &says("the weather")).send(&emulator).await.ok().json();
    assert_eq!(answer["output"]["message"]["content"][0]["text"], "Sunny.");
    assert_eq!(answer["stopReason"], "tool_use");
    let raw = Ask::post(HAIKU, "converse-stream", &says("raw")).send(&emulator).await.ok().events();
    assert_eq!(raw[1], ("odd".to_owned(), json!({"x": 1})));
    let other = Ask::post(HAIKU, "converse", &says("else")).send(&emulator).await.ok().json();
    assert_eq!(other["output"]["message"]["content"][0]["text"], "You said: else");
    assert!(Script::parse(r#"{"answers": [{"nope": 1}]}"#).is_err());
}

#[tokio::test]
async fn additional_response_fields_are_found_by_pointer() {
    let emulator = emulator().await;
    let mut body = hello();
    body["inferenceConfig"] = json!({"stopSequences": ["Hello"]});
    body["additionalModelResponseFieldPaths"] =
        json!(["/stop_sequence", "/usage/input_tokens", "/nothing"]);
    let answer = Ask::post(HAIKU, "converse", &body).send(&emulator).await.ok().json();
    assert_eq!(
        answer["additionalModelResponseFields"],
        json!({"stop_sequence": "Hello", "usage": {"input_tokens": 5}})
    );
}
