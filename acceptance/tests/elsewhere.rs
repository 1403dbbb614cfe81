//! What Bedrock has nothing for: 501 in the caller's dialect, with the advice not to retry.

use http::Method;
use serde_json::json;

use crate::support::Stack;

const ANTHROPIC: &[(&str, &str)] = &[("anthropic-version", "2023-06-01")];

#[tokio::test]
async fn apis_without_a_bedrock_behind_them_are_not_supported() {
    let stack = Stack::start().await;
    for (method, path, headers, anthropic) in [
        (Method::POST, "/v1/messages/batches", &[][..], true),
        (Method::GET, "/v1/messages/batches/b1/results?beta=true", &[], true),
        (Method::POST, "/anthropic/v1/messages/batches", &[], true),
        (Method::GET, "/v1/skills", &[], true),
        (Method::POST, "/v1/files", ANTHROPIC, true),
        (Method::POST, "/v1/files", &[], false),
        (Method::DELETE, "/v1/files/f1", &[], false),
        (Method::POST, "/openai/v1/files", &[], false),
        (Method::POST, "/v1/batches", &[], false),
        (Method::POST, "/v1/audio/transcriptions", &[], false),
        (Method::GET, "/v1/realtime?model=m", &[], false),
        (Method::POST, "/v1/fine_tuning/jobs", &[], false),
        (Method::POST, "/v1/moderations", &[], false),
        (Method::POST, "/v1/assistants", &[], false),
        (Method::POST, "/v1/threads/t1/runs", &[], false),
        (Method::GET, "/v1/vector_stores", &[], false),
        (Method::POST, "/v1/uploads", &[], false),
        (Method::POST, "/v1/videos", &[], false),
    ] {
        let body = if method == Method::POST { "{}" } else { "" };
        let answer = stack.send(method, path, headers, body).await;
        let advice = (answer.status.as_u16(), answer.header("x-should-retry"));
        assert_eq!(advice, (501, "false"), "{path}: {}", answer.text());
        let error = &answer.json()["error"];
        match anthropic {
            true => assert_eq!(
                (&answer.json()["type"], &error["type"]),
                (&json!("error"), &json!("api_error"))
            ),
            false => assert_eq!(error["code"], "not_supported", "{path}"),
        }
        assert!(error["message"].as_str().unwrap().contains("not supported"), "{error}");
        assert!(!answer.header("x-request-id").is_empty());
    }
    assert!(stack.emulator.requests().is_empty());
}

#[tokio::test]
async fn paths_that_nobody_has_are_still_not_found() {
    let stack = Stack::start().await;
    for path in ["/v1/filesystem", "/openai/v1/skills", "/v1/messages/batch", "/v1/nothing"] {
        assert_eq!(stack.get(path).await.status, 404, "{path}");
    }
}
