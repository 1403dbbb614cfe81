//! InvokeModel in several families, its stream, and CountTokens beside it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::{Ask, HAIKU, NOVA, SONNET, emulator};
use crate::converse::hello;

fn claude() -> Value {
    json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 2048, "messages": [{"role": "user", "content": "Hello there"}]})
}

#[tokio::test]
async fn claude_answers_with_a_message_and_token_headers() {
    let emulator = emulator().await;
    let answer = Ask::post(HAIKU, "invoke", &claude()).send(&emulator).await.ok();
    let body = answer.json();
    assert_eq!(body["type"], "message");
    assert_eq!(body["content"][0]["text"], "You said: Hello there");
    assert_eq!(answer.headers["x-amzn-bedrock-input-token-count"], "5");
    assert_eq!(answer.headers["x-amzn-bedrock-output-token-count"], "4");
    assert_eq!(body["usage"]["input_tokens"], 5);
}

#[tokio::test]
async fn claude_streams_its_own_events() {
    let emulator = emulator().await;
    let mut ask = Ask::post(SONNET, "invoke-with-response-stream", &claude());
    ask.signed.push(("x-amzn-bedrock-service-tier".into(), "priority".into()));
    let answer = ask.send(&emulator).await.ok();
    assert_eq!(answer.headers["x-amzn-bedrock-content-type"], "application/json");
    assert_eq!(answer.headers["x-amzn-bedrock-service-tier"], "priority");
    let chunks = answer.chunks();
    assert_eq!(chunks[0]["type"], "message_start");
    let last = chunks.last().unwrap();
    assert_eq!(last["type"], "message_stop");
    assert_eq!(last["amazon-bedrock-invocationMetrics"]["outputTokenCount"], 4);
}

#[tokio::test]
async fn other_families_answer_in_their_own_words() {
    let emulator = emulator().await;
    let cases = [
        (
            NOVA,
            json!({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}),
            "/output/message/content/0/text",
        ),
        ("amazon.titan-text-express-v1", json!({"inputText": "Hi"}), "/results/0/outputText"),
        ("meta.llama3-8b-instruct-v1%3A0", json!({"prompt": "Hi"}), "/generation"),
        ("mistral.mistral-7b-instruct-v0%3A2", json!({"prompt": "Hi"}), "/outputs/0/text"),
        ("cohere.command-r-v1%3A0", json!({"message": "Hi"}), "/text"),
        (
            "mistral.mistral-large-2407-v1%3A0",
            json!({"messages": [{"role": "user", "content": "Hi"}]}),
            "/choices/0/message/content",
        ),
        (
            "qwen.qwen3-32b-v1%3A0",
            json!({"messages": [{"role": "user", "content": "Hi"}]}),
            "/choices/0/message/content",
        ),
    ];
    for (model, body, pointer) in cases {
        let answer = Ask::post(model, "invoke", &body).send(&emulator).await.ok().json();
        let text = answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        assert!(text.contains("You said: Hi"), "{model}: {answer}");
        let stream =
            Ask::post(model, "invoke-with-response-stream", &body).send(&emulator).await.ok();
        let metrics = stream.chunks().last().unwrap()["amazon-bedrock-invocationMetrics"].clone();
        assert!(metrics["outputTokenCount"].as_u64().unwrap() > 0, "{model}");
    }
}

#[tokio::test]
async fn native_bodies_are_judged_by_family_and_model() {
    let emulator = emulator().await;
    let refusal = async |model: &str, body: Value| {
        Ask::post(model, "invoke", &body).send(&emulator).await.refusal().2
    };
    let mut newer = claude();
    newer["anthropic_version"] = json!("2026-10-21");
    assert!(refusal(HAIKU, newer.clone()).await.contains("anthropic_version"));
    let opus = "us.anthropic.claude-opus-4-8";
    Ask::post(opus, "invoke", &newer).send(&emulator).await.ok();
    let message = refusal(NOVA, json!({"messages": [], "max_tokens": 3})).await;
    assert!(message.contains("extraneous key [max_tokens] is not permitted"), "{message}");
}

#[tokio::test]
async fn thinking_is_signed_and_tampering_noticed() {
    let emulator = emulator().await;
    let mut body = claude();
    body["thinking"] = json!({"type": "enabled", "budget_tokens": 1024});
    let answer = Ask::post(SONNET, "invoke", &body).send(&emulator).await.ok().json();
    let content = answer["content"].clone();
    assert_eq!(content[0]["type"], "thinking");
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": content}));
    messages.push(json!({"role": "user", "content": "go on"}));
    Ask::post(SONNET, "invoke", &body).send(&emulator).await.ok();
    body["messages"][1]["content"][0]["thinking"] = json!("something else");
    let (status, _, message) = Ask::post(SONNET, "invoke", &body).send(&emulator).await.refusal();
    assert_eq!(status, 400);
    assert_eq!(message, "messages.1.content.0: Invalid `signature` in `thinking` block");
}

#[tokio::test]
async fn counted_tokens_are_those_of_usage() {
    let emulator = emulator().await;
    let invoke = json!({"input": {"invokeModel": {"body": STANDARD.encode(claude().to_string())}}});
    let counted = Ask::post(HAIKU, "count-tokens", &invoke).send(&emulator).await.ok().json();
    assert_eq!(counted, json!({"inputTokens": 5}));
    let converse = json!({"input": {"converse": hello()}});
    let counted = Ask::post(HAIKU, "count-tokens", &converse).send(&emulator).await.ok().json();
    assert_eq!(counted, json!({"inputTokens": 5}));
}

#[tokio::test]
async fn a_cached_prefix_is_written_then_read() {
    let emulator = emulator().await;
    let system = "word ".repeat(1500);
    let body = json!({
        "system": [{"text": system}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
    });
    let ask = Ask::post(SONNET, "converse", &body);
    let first = ask.send(&emulator).await.ok().json()["usage"].clone();
    let written = first["cacheWriteInputTokens"].as_u64().unwrap();
    assert!(written > 1024);
    assert_eq!(first["cacheReadInputTokens"], 0);
    assert_eq!(first["cacheDetails"], json!([{"ttl": "1h", "inputTokens": written}]));
    let second = ask.send(&emulator).await.ok().json()["usage"].clone();
    assert_eq!(second["cacheReadInputTokens"], written);
    assert_eq!(second["cacheWriteInputTokens"], 0);
    assert_eq!(second["totalTokens"], first["totalTokens"]);
}
