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
    let answer = stack.send(Method::POST, "/v1/messages/batches", &[], "{}").await;
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
