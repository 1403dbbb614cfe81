//! Model ids in the path, in every encoding that clients use.

use http::Method;
use serde_json::json;

use crate::support::{CLAUDE, Stack};

#[tokio::test]
async fn ids_reach_bedrock_in_every_encoding() {
    let stack = Stack::start().await;
    let body = json!({"messages": [{"role": "user", "content": [{"text": "hi"}]}]});
    let encoded = CLAUDE.replace(':', "%3A");
    let arn = format!("arn:aws:bedrock:us-east-1:123456789012:inference-profile/{CLAUDE}");
    let forms = [
        encoded.clone(),
        CLAUDE.to_owned(),
        arn.replace(':', "%3A").replace('/', "%2F"),
        arn.replace('/', "%2F"),
        arn.clone(),
    ];
    for form in forms {
        let answer = stack.post(&format!("/model/{form}/converse"), &body).await;
        assert_eq!(answer.status, 200, "{form}: {}", answer.text());
    }
}

#[tokio::test]
async fn an_arn_in_the_body_reaches_bedrock() {
    let stack = Stack::start().await;
    let arn = format!("arn:aws:bedrock:us-east-1:123456789012:inference-profile/{CLAUDE}");
    let body = json!({"model": arn, "messages": [{"role": "user", "content": "hi"}]});
    let answer = stack.post("/v1/chat/completions", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["model"], arn, "the caller's own word");
    let requests = stack.emulator.requests();
    assert!(
        requests.last().unwrap().raw_path.ends_with("/invoke"),
        "the ARN's own model decides the dialect"
    );
}

#[tokio::test]
async fn wrong_turns_are_told_in_the_right_dialect() {
    let stack = Stack::start().await;
    let answer = stack.get("/v1/chat/completions").await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"));
    let answer = stack.send(Method::POST, "/v1/messages/drafts", &[], "{}").await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["type"].as_str().unwrap().to_owned()),
        (404, "error".to_owned())
    );
    let answer = stack.send(Method::POST, "/model/x/explode", &[], "{}").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("x-amzn-errortype")),
        (404, "UnknownOperationException")
    );
}

#[tokio::test]
async fn no_id_climbs_out_of_its_segment() {
    let mut stack = Stack::start().await;
    let converse = json!({"messages": [{"role": "user", "content": [{"text": "hi"}]}]});
    for id in ["..", ".", "%2e%2e", "..%2F..%2Fx", "a/../b", "%00", "x%0d%0aX-Evil:%201", "a%2F.."]
    {
        let answer = stack.post(&format!("/model/{id}/converse"), &converse).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-amzn-errortype")),
            (404, "ResourceNotFoundException"),
            "{id}"
        );
        assert_eq!(stack.receipt().await.attempts, 0);
    }
    for (path, code) in
        [("/v1/chat/completions", "model_not_found"), ("/v1/messages", "not_found_error")]
    {
        for id in ["..", "x/../y", "x\r\nX-Evil: 1", "x\0"] {
            let body = json!({"model": id, "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]});
            let answer = stack.post(path, &body).await;
            assert!(answer.status == 404 && answer.text().contains(code), "{}", answer.text());
        }
        let body = json!({"model": "m".repeat(100_000), "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]});
        let answer = stack.post(path, &body).await;
        assert!(answer.status == 400 && answer.text().contains("model: "), "{}", answer.text());
    }
    assert!(stack.emulator.requests().is_empty(), "nothing was sent");

    // What is merely strange is sent, as one segment.
    let body = json!({"model": "x?y#z/é %2e", "messages": [{"role": "user", "content": "hi"}]});
    stack.post("/v1/chat/completions", &body).await;
    let sent = stack.emulator.requests();
    assert_eq!(sent[0].raw_path, "/model/x%3Fy%23z%2F%C3%A9%20%252e/converse");
}
