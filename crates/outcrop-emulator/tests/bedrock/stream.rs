//! ConverseStream and its frames.

use serde_json::{Value, json};

use crate::client::{Ask, HAIKU, SONNET, emulator};
use crate::converse::hello;

#[tokio::test]
async fn a_stream_has_real_frames_in_the_right_order() {
    let emulator = emulator().await;
    let answer = Ask::post(HAIKU, "converse-stream", &hello()).send(&emulator).await.ok();
    assert_eq!(answer.headers["content-type"], "application/vnd.amazon.eventstream");
    let messages = answer.messages();
    assert!(
        messages
            .iter()
            .all(|message| message.crc_fits && message.header(":message-type") == "event")
    );
    let padded: Value = serde_json::from_slice(&messages[1].payload).unwrap();
    assert!(padded["p"].as_str().unwrap().starts_with('a'));
    let events = answer.events();
    let kinds: Vec<&str> = events.iter().map(|(kind, _)| kind.as_str()).collect();
    let mut expected = vec!["messageStart"];
    expected.extend(["contentBlockDelta"; 4]);
    expected.extend(["contentBlockStop", "messageStop", "metadata"]);
    assert_eq!(kinds, expected);
    assert_eq!(events[0].1, json!({"role": "assistant"}));
    assert_eq!(events[1].1, json!({"contentBlockIndex": 0, "delta": {"text": "You"}}));
    assert_eq!(events[6].1, json!({"stopReason": "end_turn"}));
    assert_eq!(events[7].1["usage"]["totalTokens"], 9);
}

#[tokio::test]
async fn thinking_and_tools_stream_in_order() {
    let emulator = emulator().await;
    let body = json!({
        "messages": [{"role": "user", "content": [{"text": "say:one call:now {} say:two"}]}],
        "toolConfig": {"tools": [{"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object"}}}}]},
        "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        "inferenceConfig": {"maxTokens": 4096}
    });
    let answer = Ask::post(SONNET, "converse-stream", &body).send(&emulator).await.ok();
    let events = answer.events();
    let starts: Vec<&Value> = events
        .iter()
        .filter(|(kind, _)| kind == "contentBlockStart")
        .map(|(_, payload)| payload)
        .collect();
    assert_eq!(starts.len(), 1, "only tools have a start");
    assert_eq!(starts[0]["contentBlockIndex"], 2);
    assert_eq!(starts[0]["start"]["toolUse"]["name"], "now");
    let signature = events
        .iter()
        .find_map(|(_, payload)| payload["delta"]["reasoningContent"].get("signature"));
    assert!(signature.is_some());
}
