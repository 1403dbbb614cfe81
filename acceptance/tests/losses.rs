//! Nothing is lost in silence.

use outcrop_model::Fidelity;
use serde_json::json;

use crate::support::{CLAUDE, NOVA, Options, Stack};

fn with_seed(model: &str) -> serde_json::Value {
    json!({"model": model, "seed": 7, "messages": [{"role": "user", "content": "hi", "mood": "sunny"}]})
}

#[tokio::test]
async fn what_cannot_be_carried_is_listed() {
    let mut stack = Stack::start().await;
    for model in [NOVA, CLAUDE] {
        let answer = stack.post("/v1/chat/completions", &with_seed(model)).await;
        assert_eq!(answer.status, 200);
        let losses = answer.header("x-outcrop-loss");
        assert!(losses.contains("seed") && losses.contains("messages[0].mood"), "{losses}");
        assert_eq!(stack.receipt().await.losses, 2);
    }
}

#[tokio::test]
async fn strict_refuses_and_lenient_counts() {
    let strict = Stack::with(Options { fidelity: Fidelity::Strict, ..Options::default() }).await;
    let answer = strict.post("/v1/chat/completions", &with_seed(NOVA)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["error"]["param"].clone()),
        (400, json!("seed"))
    );
    assert!(strict.emulator.requests().is_empty(), "nothing was sent");

    let mut lenient =
        Stack::with(Options { fidelity: Fidelity::Lenient, ..Options::default() }).await;
    let answer = lenient.post("/v1/chat/completions", &with_seed(NOVA)).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-outcrop-loss")), (200, ""));
    assert_eq!(lenient.receipt().await.losses, 2);
}

#[tokio::test]
async fn a_picture_the_model_would_not_see_is_refused() {
    let stack = Stack::with(Options { fidelity: Fidelity::Lenient, ..Options::default() }).await;
    let body = json!({"model": "amazon.nova-micro-v1:0", "messages": [{"role": "user", "content": [
        {"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]}]});
    let answer = stack.post("/v1/chat/completions", &body).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["error"]["param"].clone()),
        (400, json!("messages[0].content[1]"))
    );
}

#[tokio::test]
async fn future_fields_of_an_answer_never_fail_it() {
    let stack = Stack::start().await;
    for (dialect, model) in crate::support::ROUTES {
        for stream in [false, true] {
            stack.fault("future-fields", 1);
            let (path, body) = crate::support::chat(dialect, model, "hello there", stream);
            let answer = stack.post(&path, &body).await;
            assert_eq!(answer.status, 200, "{dialect} {model} {stream}: {}", answer.text());
            assert!(
                dialect == "converse" || !answer.text().contains("\"error\":{"),
                "{dialect} {model}: {}",
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn a_relayed_request_keeps_its_bytes() {
    let stack = Stack::start().await;
    let body = r#"{"model":"us.anthropic.claude-sonnet-4-5-20250929-v1:0","max_tokens":10,"messages":[{"role":"user","content":[{"type":"text","text":"h\u00e9llo", "cache_control" : {"type":"ephemeral"}}]}],"temperature":0.50}"#;
    let answer = stack.send(http::Method::POST, "/v1/messages", &[], body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = String::from_utf8(stack.emulator.requests()[0].body.to_vec()).unwrap();
    let expected = body.replace(
        "\"model\":\"us.anthropic.claude-sonnet-4-5-20250929-v1:0\"",
        "\"anthropic_version\":\"bedrock-2023-05-31\"",
    );
    assert_eq!(sent, expected);
}
