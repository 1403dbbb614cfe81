//! Converse and the calls around it.

use serde_json::json;

use crate::client::{Ask, HAIKU, SONNET, emulator};

pub fn hello() -> serde_json::Value {
    json!({"messages": [{"role": "user", "content": [{"text": "Hello there"}]}]})
}

#[tokio::test]
async fn a_chat_is_echoed_with_usage_and_headers() {
    let emulator = emulator().await;
    let answer = Ask::post(HAIKU, "converse", &hello()).send(&emulator).await.ok();
    let body = answer.json();
    assert_eq!(body["output"]["message"]["content"], json!([{"text": "You said: Hello there"}]));
    assert_eq!(body["stopReason"], "end_turn");
    assert_eq!(body["usage"], json!({"inputTokens": 5, "outputTokens": 4, "totalTokens": 9}));
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.headers["x-amzn-requestid"].len(), 36);
    let date = answer.headers["date"].to_str().unwrap();
    httpdate::parse_http_date(date).unwrap();
}

#[tokio::test]
async fn max_tokens_and_stop_sequences_are_honoured() {
    let emulator = emulator().await;
    let mut body = hello();
    body["inferenceConfig"] = json!({"maxTokens": 2});
    let answer = Ask::post(HAIKU, "converse", &body).send(&emulator).await.ok().json();
    assert_eq!(answer["output"]["message"]["content"][0]["text"], "You said:");
    assert_eq!(answer["stopReason"], "max_tokens");
    body["inferenceConfig"] = json!({"stopSequences": ["Hello"]});
    let answer = Ask::post(HAIKU, "converse", &body).send(&emulator).await.ok().json();
    assert_eq!(answer["output"]["message"]["content"][0]["text"], "You said: ");
    assert_eq!(answer["stopReason"], "stop_sequence");
}

#[tokio::test]
async fn media_and_tool_results_are_told() {
    let emulator = emulator().await;
    let tool = json!({"toolSpec": {"name": "get_weather", "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}}}}});
    let mut body = json!({
        "messages": [{"role": "user", "content": [
            {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}},
            {"text": "call:get_weather {\"city\": \"Oslo\"} call:#1"}
        ]}],
        "toolConfig": {"tools": [tool]}
    });
    let answer = Ask::post(SONNET, "converse", &body).send(&emulator).await.ok().json();
    let content = answer["output"]["message"]["content"].clone();
    assert_eq!(content[0]["toolUse"]["input"], json!({"city": "Oslo"}));
    assert_eq!(content[1]["toolUse"]["input"], json!({"city": "text"}));
    assert_ne!(content[0]["toolUse"]["toolUseId"], content[1]["toolUse"]["toolUseId"]);
    assert_eq!(answer["stopReason"], "tool_use");

    let results: Vec<_> = [0, 1]
        .map(|at| json!({"toolResult": {"toolUseId": content[at]["toolUse"]["toolUseId"], "content": [{"json": {"sun": at}}]}}))
        .into();
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": content}));
    messages.push(json!({"role": "user", "content": results}));
    let answer = Ask::post(SONNET, "converse", &body).send(&emulator).await.ok().json();
    assert_eq!(
        answer["output"]["message"]["content"][0]["text"],
        "The tool get_weather said: {\"sun\":0}\nThe tool get_weather said: {\"sun\":1}"
    );
}

#[tokio::test]
async fn the_journal_shows_requests_without_secrets() {
    let emulator = emulator().await;
    Ask::post(HAIKU, "converse", &hello()).send(&emulator).await.ok();
    let requests = emulator.requests();
    assert_eq!(requests[0].raw_path, format!("/model/{HAIKU}/converse"));
    assert_eq!(requests[0].json().unwrap(), hello());
    assert!(requests[0].header("authorization").unwrap().ends_with("Signature=***"));
}
