//! Models that do not stream when they have tools: the caller gets a stream all the same.

use serde_json::{Value, json};

use crate::support::{Options, Stack};

const LLAMA: &str = "us.meta.llama3-3-70b-instruct-v1:0";

fn body(dialect: &str) -> (&'static str, Value) {
    let schema = json!({"type": "object", "properties": {"at": {"type": "string"}}});
    let ask = "call:look {\"at\": \"sky\"}";
    match dialect {
        "openai" => (
            "/v1/chat/completions",
            json!({"model": LLAMA, "stream": true, "stream_options": {"include_usage": true},
                "messages": [{"role": "user", "content": ask}],
                "tools": [{"type": "function", "function": {"name": "look", "parameters": schema}}]}),
        ),
        "anthropic" => (
            "/v1/messages",
            json!({"model": LLAMA, "stream": true, "max_tokens": 500,
                "messages": [{"role": "user", "content": ask}],
                "tools": [{"name": "look", "input_schema": schema}]}),
        ),
        _ => (
            "/v1/responses",
            json!({"model": LLAMA, "stream": true, "input": ask,
                "tools": [{"type": "function", "name": "look", "parameters": schema, "strict": false}]}),
        ),
    }
}

#[tokio::test]
async fn a_tool_call_comes_as_a_stream_in_every_dialect() {
    let mut stack = Stack::start().await;
    for (dialect, first, last) in [
        ("openai", "chat.completion.chunk", "[DONE]"),
        ("anthropic", "message_start", "message_stop"),
        ("responses", "response.created", "response.completed"),
    ] {
        let (path, body) = body(dialect);
        let answer = stack.post(path, &body).await;
        assert_eq!(answer.status, 200, "{dialect}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "text/event-stream");
        let text = answer.text();
        assert!(text.contains(first) && text.contains(last), "{dialect}: {text}");
        assert!(text.contains("look") && text.contains("sky"), "{dialect}: {text}");
        assert!(answer.header("x-outcrop-loss").contains("approximated stream"));
        let sent = stack.emulator.requests().last().unwrap().raw_path.clone();
        assert!(sent.ends_with("/converse"), "{sent}");
        let receipt = stack.receipt().await;
        assert!(receipt.stream && receipt.usage.is_some_and(|usage| usage.output > 0));
        assert_eq!(receipt.outcome.as_str(), "completed");
    }
}

#[tokio::test]
async fn a_replayed_response_is_kept_like_any_other() {
    let stack = Stack::start().await;
    let (path, mut body) = body("responses");
    let answer = stack.post(path, &body).await;
    let whole = answer.events().pop().unwrap()["response"].clone();
    let kept = stack.get(&format!("/v1/responses/{}", whole["id"].as_str().unwrap())).await;
    assert_eq!(kept.json(), whole);
    body["previous_response_id"] = whole["id"].clone();
    body["input"] = json!([{"type": "function_call_output", "call_id": whole["output"][0]["call_id"], "output": "blue"}]);
    let answer = stack.post(path, &body).await;
    assert!(answer.text().contains("response.completed"), "{}", answer.text());
}

#[tokio::test]
async fn without_tools_the_model_streams_and_a_failure_is_a_status() {
    let mut stack = Stack::with(Options::default()).await;
    let (path, mut body) = body("openai");
    stack.fault("error=InternalServerException", 1);
    assert_eq!(stack.post(path, &body).await.status, 500);
    stack.receipt().await;
    stack.fault("empty", 1);
    let answer = stack.post(path, &body).await;
    assert!(answer.status.is_server_error(), "{} {}", answer.status, answer.text());
    body.as_object_mut().unwrap().remove("tools");
    let answer = stack.post(path, &body).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-outcrop-loss")), (200, ""));
    let sent = stack.emulator.requests().last().unwrap().raw_path.clone();
    assert!(sent.ends_with("/converse-stream"), "{sent}");
}
