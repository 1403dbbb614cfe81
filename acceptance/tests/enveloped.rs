//! InvokeModel with Anthropic's body for models that take none; `streams.rs` and `leaving.rs` try its
//! broken streams beside the others'.

use http::Method;
use outcrop_aws::eventstream::Decoder;
use outcrop_dialect::invoke::unwrap_chunk;
use outcrop_model::FrameKind;
use serde_json::{Value, json};

use crate::streams::without_labels;
use crate::support::{Answer, CLAUDE, NOVA, Stack, chat, invoke_path};

const LLAMA: &str = "us.meta.llama3-3-70b-instruct-v1:0";
const GPT_OSS: &str = "openai.gpt-oss-120b-1:0";
const NOVA_2: &str = "us.amazon.nova-2-lite-v1:0";

/// The events in the frames of a stream that ended well.
fn events(answer: &Answer) -> Vec<Value> {
    let mut decoder = Decoder::default();
    decoder.push(&answer.body);
    let (mut events, mut json) = (Vec::new(), Vec::new());
    while let Some(frame) = decoder.next().unwrap() {
        assert_eq!(frame.kind, FrameKind::Event("chunk"));
        unwrap_chunk(frame.payload, &mut json).unwrap();
        events.push(serde_json::from_slice(&json).unwrap());
    }
    decoder.finish().unwrap();
    events
}

fn body(messages: Value) -> Value {
    json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 500, "messages": messages})
}

#[tokio::test]
async fn a_whole_answer_has_invoke_models_headers() {
    let mut stack = Stack::start().await;
    for model in [NOVA, LLAMA, GPT_OSS] {
        let (path, body) = chat("invoke", model, "say:hello", false);
        let answer = stack.post(&path, &body).await;
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        let message = answer.json();
        assert_eq!((&message["type"], &message["model"]), (&json!("message"), &json!(model)));
        let usage = &message["usage"];
        for (header, count) in [("input", "input_tokens"), ("output", "output_tokens")] {
            let told = answer.header(&format!("x-amzn-bedrock-{header}-token-count"));
            assert_eq!(told, usage[count].to_string(), "{model}");
            assert_ne!(told, "0", "{model}");
        }
        assert_eq!(answer.header("content-type"), "application/json");
        let sent = stack.emulator.requests().last().unwrap().raw_path.clone();
        assert!(sent.ends_with("/converse"), "{sent}");
        let receipt = stack.receipt().await;
        assert_eq!((receipt.operation, receipt.outcome.as_str()), ("invoke", "completed"));
    }
}

#[tokio::test]
async fn a_stream_is_anthropics_events_in_chunks() {
    let stack = Stack::start().await;
    let (path, body) = chat("anthropic", NOVA, "hello there", true);
    let mut plain = stack.post(&path, &body).await.events();
    let (path, body) = chat("invoke", NOVA, "hello there", true);
    let answer = stack.post(&path, &body).await;
    assert_eq!(answer.header("content-type"), "application/vnd.amazon.eventstream");
    assert_eq!(answer.header("x-amzn-bedrock-content-type"), "application/json");
    let mut framed = events(&answer);
    let last = framed.last_mut().unwrap().as_object_mut().unwrap();
    let metrics = last.remove("amazon-bedrock-invocationMetrics").unwrap();
    for events in [&mut plain, &mut framed] {
        events[0]["message"]["id"].take();
    }
    assert_eq!(framed, plain, "but for the metrics");
    let usage = &plain[plain.len() - 2]["usage"];
    assert_eq!(metrics["inputTokenCount"], usage["input_tokens"]);
    assert_eq!(metrics["outputTokenCount"], usage["output_tokens"]);
}

#[tokio::test]
async fn any_split_is_the_same_stream() {
    let stack = Stack::start().await;
    let (path, body) = chat("invoke", NOVA, "hello there, ünïcode", true);
    let read = async || without_labels(&json!(events(&stack.post(&path, &body).await)).to_string());
    let plain = read().await;
    for fault in ["rechunk=1", "rechunk=7", "rechunk=64", "unknown-event;after=2", "padding=off"] {
        stack.fault(fault, 1);
        assert_eq!(read().await, plain, "{fault}");
    }
}

/// Models that do not stream tool calls are among them.
#[tokio::test]
async fn tools_go_round() {
    let stack = Stack::start().await;
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    for model in [NOVA, GPT_OSS, LLAMA] {
        let ask = json!({"role": "user", "content": "say:well call:look {\"city\": \"Oslo\"}"});
        let mut body = body(json!([ask]));
        body["tools"] = json!([{"name": "look", "input_schema": schema}]);
        let whole = stack.post(&invoke_path(model, false), &body).await.json();
        let call = whole["content"].as_array().unwrap().last().unwrap();
        assert_eq!((&call["name"], &call["input"]["city"]), (&json!("look"), &json!("Oslo")));
        let streamed = stack.post(&invoke_path(model, true), &body).await;
        assert_eq!(
            streamed.header("content-type"),
            "application/vnd.amazon.eventstream",
            "{model}"
        );
        let told = json!(events(&streamed)).to_string();
        assert!(told.contains("\"look\"") && told.contains("tool_use"), "{model}: {told}");
        assert!(told.contains("amazon-bedrock-invocationMetrics"), "{model}: {told}");
        let result = json!({"type": "tool_result", "tool_use_id": call["id"], "content": "mild"});
        body["messages"] = json!([
            ask,
            {"role": "assistant", "content": whole["content"]},
            {"role": "user", "content": [result]},
        ]);
        for stream in [false, true] {
            let answer = stack.post(&invoke_path(model, stream), &body).await;
            assert_eq!(answer.status, 200, "{model}: {}", answer.text());
            assert!(stack.upstream_body().to_string().contains("mild"), "{model}");
        }
    }
}

#[tokio::test]
async fn thinking_is_asked_for_and_told() {
    let stack = Stack::start().await;
    let mut body = body(json!([{"role": "user", "content": "think:hm say:hello"}]));
    body["thinking"] = json!({"type": "enabled", "budget_tokens": 1024});
    body["max_tokens"] = json!(4000);
    let whole = stack.post(&invoke_path(NOVA_2, false), &body).await;
    assert_eq!(whole.status, 200, "{}", whole.text());
    assert_eq!(whole.json()["content"][0]["type"], "thinking", "{}", whole.text());
    let told = json!(events(&stack.post(&invoke_path(NOVA_2, true), &body).await)).to_string();
    assert!(told.contains("thinking_delta"), "{told}");
}

#[tokio::test]
async fn refusals_are_bedrocks() {
    let stack = Stack::start().await;
    for stream in [false, true] {
        let path = invoke_path(NOVA, stream);
        stack.fault("error=ThrottlingException", 1);
        let throttled = stack.post(&path, &chat("invoke", NOVA, "x", stream).1).await;
        assert_eq!(throttled.status, 429, "{}", throttled.text());
        assert_eq!(throttled.header("x-amzn-errortype"), "ThrottlingException");
        let mut spoilt = body(json!([{"role": "narrator", "content": "x"}]));
        let refused = stack.post(&path, &spoilt).await;
        assert_eq!(refused.header("x-amzn-errortype"), "ValidationException");
        let message = refused.json()["message"].clone();
        assert!(message.as_str().unwrap().starts_with("messages[0].role"), "{message}");
        spoilt = body(json!([{"role": "user", "content": "x"}]));
        spoilt.as_object_mut().unwrap().remove("max_tokens");
        assert_eq!(stack.post(&path, &spoilt).await.status, 400);
        let guarded = [("x-amzn-bedrock-guardrailidentifier", "g1")];
        let (_, body) = chat("invoke", NOVA, "x", stream);
        let refused = stack.send(Method::POST, &path, &guarded, body.to_string()).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert!(refused.text().contains("guardrail"), "{}", refused.text());
    }
}

#[tokio::test]
async fn what_is_lost_is_told_and_what_travels_travels() {
    let stack = Stack::start().await;
    let (path, mut body) = chat("invoke", NOVA, "x", false);
    body["anthropic_beta"] = json!(["interleaved-thinking-2025-05-14"]);
    body["container"] = json!("c");
    let headers = [
        ("x-amzn-bedrock-service-tier", "flex"),
        ("x-amzn-bedrock-request-metadata", r#"{"team":"a"}"#),
        ("x-amzn-bedrock-trace", "ENABLED"),
    ];
    let answer = stack.send(Method::POST, &path, &headers, body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let losses = answer.header("x-outcrop-loss");
    for lost in ["interleaved-thinking", "container", "x-amzn-bedrock-trace"] {
        assert!(losses.contains(lost), "{losses}");
    }
    assert!(!losses.contains("anthropic_version"), "{losses}");
    let sent = stack.upstream_body();
    assert_eq!(sent["serviceTier"], json!({"type": "flex"}));
    assert_eq!(sent["requestMetadata"], json!({"team": "a"}));
}

/// Every other body is the model's own, and its bytes too.
#[tokio::test]
async fn other_bodies_are_relayed() {
    let stack = Stack::start().await;
    let messages = json!([{"role": "user", "content": [{"text": "hello"}]}]);
    let native = json!({"schemaVersion": "messages-v1", "messages": messages}).to_string();
    let anthropic = body(json!([{"role": "user", "content": "hello"}])).to_string();
    let arn = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fa1b2c3d4e5f6";
    for (model, body) in [(NOVA, &native), (CLAUDE, &anthropic), (arn, &anthropic)] {
        for stream in [false, true] {
            let path = invoke_path(model, stream);
            let answer = stack.send(Method::POST, &path, &[], body.clone()).await;
            assert_eq!(answer.status, 200, "{model}: {}", answer.text());
            let requests = stack.emulator.requests();
            let sent = requests.last().unwrap();
            assert_eq!((&*sent.raw_path, &*sent.body), (&*path, body.as_bytes()));
        }
    }
}
