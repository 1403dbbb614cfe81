//! Each surface does its job: chat, stream, tools, thinking, media, through real signatures.

use http::Method;
use serde_json::json;

use crate::support::{CLAUDE, NOVA, ROUTES, Stack, chat};

#[tokio::test]
async fn every_surface_chats_with_every_kind_of_model() {
    let stack = Stack::start().await;
    for (dialect, model) in ROUTES {
        let (path, body) = chat(dialect, model, "hello there", false);
        let answer = stack.post(&path, &body).await;
        assert_eq!(answer.status, 200, "{dialect} {model}: {}", answer.text());
        assert!(answer.text().contains("hello there"), "{dialect} {model}: {}", answer.text());
        for header in ["x-request-id", "request-id", "x-amzn-requestid"] {
            assert!(!answer.header(header).is_empty(), "{header}");
        }
    }
}

#[tokio::test]
async fn every_surface_streams_from_every_kind_of_model() {
    let mut stack = Stack::start().await;
    for (dialect, model) in ROUTES {
        let (path, body) = chat(dialect, model, "hello there", true);
        let answer = stack.post(&path, &body).await;
        assert_eq!(answer.status, 200, "{dialect} {model}: {}", answer.text());
        let text = answer.text();
        let end = match dialect {
            "openai" => "data: [DONE]\n\n",
            "anthropic" => "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
            _ => "",
        };
        assert!(text.ends_with(end), "{dialect} {model}: {text}");
        let receipt = stack.receipt().await;
        assert_eq!(receipt.outcome.as_str(), "completed", "{dialect} {model}");
        assert!(receipt.usage.unwrap().output > 0, "{dialect} {model}: {receipt:?}");
        assert!(receipt.first_byte.is_some() && receipt.attempts == 1);
    }
}

#[tokio::test]
async fn usage_is_told_in_each_dialects_own_convention() {
    let stack = Stack::start().await;
    for model in [NOVA, CLAUDE] {
        let (path, body) = chat("openai", model, "count me", true);
        let answer = stack.post(&path, &body).await;
        let events = answer.events();
        let usage = &events.iter().rev().find(|e| e["usage"].is_object()).unwrap()["usage"];
        let (prompt, completion) = (
            usage["prompt_tokens"].as_u64().unwrap(),
            usage["completion_tokens"].as_u64().unwrap(),
        );
        assert!(prompt > 0 && completion > 0);
        assert_eq!(usage["total_tokens"], prompt + completion);

        let (path, body) = chat("anthropic", model, "count me", true);
        let answer = stack.post(&path, &body).await;
        let last =
            answer.events().into_iter().rev().find(|e| e["type"] == "message_delta").unwrap();
        assert_eq!(last["usage"]["output_tokens"], completion, "{model}");
    }
}

#[tokio::test]
async fn tools_are_called_in_parallel_and_their_results_come_back() {
    let stack = Stack::start().await;
    let clock = json!({"type": "function", "function": {"name": "clock", "description": "d", "parameters": {"type": "object", "properties": {}}}});
    let tool = |name: &str| json!({"type": "function", "function": {"name": name, "description": "d", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}});
    for model in [NOVA, CLAUDE] {
        let ask = json!({"role": "user", "content": "what is the weather, and what time is it?"});
        let body =
            json!({"model": model, "messages": [ask], "tools": [tool("weather.now"), clock]});
        stack.emulator.set_engine("tools".parse().unwrap());
        let answer = stack.post("/v1/chat/completions", &body).await.json();
        stack.emulator.set_engine("auto".parse().unwrap());
        let message = &answer["choices"][0]["message"];
        let calls = message["tool_calls"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let names: Vec<_> = calls.iter().map(|c| c["function"]["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["weather.now", "clock"], "the client's own spelling");
        assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
        assert!(calls[0]["function"]["arguments"].as_str().unwrap().contains("city"));
        assert_eq!(calls[1]["function"]["arguments"], "{}");

        let mut messages = vec![ask, message.clone()];
        for (i, call) in calls.iter().enumerate() {
            messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": format!("result {i}")}));
        }
        let body =
            json!({"model": model, "messages": messages, "tools": [tool("weather.now"), clock]});
        let answer = stack.post("/v1/chat/completions", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains("result 0"), "{}", answer.text());
    }
}

#[tokio::test]
async fn thinking_survives_a_turn_with_its_signature() {
    let stack = Stack::start().await;
    let ask = json!({"role": "user", "content": "think about it"});
    let body =
        json!({"model": CLAUDE, "max_tokens": 4000, "reasoning_effort": "low", "messages": [ask]});
    let answer = stack.post("/v1/chat/completions", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let message = answer.json()["choices"][0]["message"].clone();
    assert!(
        message["reasoning_content"].is_string()
            && message["thinking_blocks"][0]["signature"].is_string(),
        "{message}"
    );

    let again = json!({"model": CLAUDE, "max_tokens": 4000, "reasoning_effort": "low", "messages": [ask, message, {"role": "user", "content": "go on"}]});
    let answer = stack.post("/v1/chat/completions", &again).await;
    assert_eq!(answer.status, 200, "the emulator checks the signature it gave: {}", answer.text());
    let sent = stack.upstream_body();
    assert_eq!(sent["messages"][1]["content"][0]["type"], "thinking", "{sent}");

    let mut forged = again.clone();
    forged["messages"][1]["thinking_blocks"][0]["signature"] = json!("Zm9yZ2Vk");
    let answer = stack.post("/v1/chat/completions", &forged).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
}

#[tokio::test]
async fn pictures_and_documents_arrive() {
    let stack = Stack::start().await;
    let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let pdf = "JVBERi0xLjQKJSBhIHNtYWxsIGRvY3VtZW50Cg==";
    for model in [NOVA, CLAUDE] {
        let body = json!({"model": model, "messages": [{"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{png}")}},
            {"type": "file", "file": {"filename": "notes.pdf", "file_data": format!("data:application/pdf;base64,{pdf}")}},
        ]}]});
        let answer = stack.post("/v1/chat/completions", &body).await;
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        let text = answer.text();
        assert!(
            text.contains("png") && text.contains("pdf"),
            "{model}: the engine tells what it saw: {text}"
        );
    }
}

#[tokio::test]
async fn bedrocks_own_operations_are_relayed() {
    let stack = Stack::start().await;
    let body = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 50, "messages": [{"role": "user", "content": "native"}]});
    let path = format!("/model/{}/invoke", CLAUDE.replace(':', "%3A"));
    let answer = stack.post(&path, &body).await;
    assert!(answer.status == 200 && answer.text().contains("native"), "{}", answer.text());
    assert!(!answer.header("x-amzn-bedrock-input-token-count").is_empty());
    let path = format!("/model/{}/invoke-with-response-stream", CLAUDE.replace(':', "%3A"));
    let answer = stack.post(&path, &body).await;
    assert_eq!(answer.header("content-type"), "application/vnd.amazon.eventstream");
    let count = json!({"input": {"converse": {"messages": [{"role": "user", "content": [{"text": "how many"}]}]}}});
    let answer = stack.post("/model/amazon.nova-lite-v1%3A0/count-tokens", &count).await;
    assert!(answer.json()["inputTokens"].as_u64().unwrap() > 0, "{}", answer.text());
}

#[tokio::test]
async fn health_and_models_answer() {
    let stack = Stack::start().await;
    assert_eq!(stack.get("/health").await.json(), json!({"status": "ok", "upstream": "unknown"}));
    let (path, body) = chat("openai", NOVA, "hi", false);
    stack.post(&path, &body).await;
    assert_eq!(stack.get("/ready").await.json(), json!({"status": "ready", "upstream": "ok"}));
    assert_eq!(stack.send(Method::HEAD, "/", &[], "").await.status, 200);
    let list = stack.get("/v1/models?limit=1000").await.json();
    let id = list["data"][0]["id"].as_str().unwrap();
    assert_eq!(stack.get(&format!("/v1/models/{}", id.replace(':', "%3A"))).await.json()["id"], id);
    assert_eq!(stack.get("/v1/models/nope").await.json()["error"]["code"], "model_not_found");
    let page = stack.get("/v1/models?limit=2").await.json();
    assert_eq!((page["data"].as_array().unwrap().len(), &page["has_more"]), (2, &json!(true)));
    assert_eq!(stack.get("/v1/models/claude-sonnet-4-5").await.json()["id"], "claude-sonnet-4-5");
    let refused = stack.get("/v1/models?after_id=nope").await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["error"]["param"], "after_id");
}
