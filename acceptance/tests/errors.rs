//! Errors as clients read them: advice, texts that they match on, and no secrets. What each failure becomes in
//! each dialect is in `faults.rs`.

use crate::support::{CLAUDE, NOVA, Options, Stack, chat};

#[tokio::test]
async fn advice_on_retrying_is_handed_on() {
    let stack = Stack::start().await;
    stack.fault("error=ThrottlingException;retry-after=7", 1);
    let (path, body) = chat("openai", NOVA, "hi", false);
    let answer = stack.post(&path, &body).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, "7"));
    stack.fault("error=ThrottlingException;message=Too many tokens per day, please wait before trying again.", 1);
    let answer = stack.post(&path, &body).await;
    assert_eq!(
        (answer.json()["error"]["code"].as_str().unwrap(), answer.header("x-should-retry")),
        ("insufficient_quota", "false")
    );
}

#[tokio::test]
async fn texts_that_clients_match_on_survive() {
    let stack = Stack::start().await;
    for text in ["prompt is too long: 210000 tokens > 200000 maximum", "Input is too long."] {
        for (dialect, model) in [("openai", NOVA), ("anthropic", CLAUDE), ("anthropic", NOVA)] {
            stack.fault(&format!("error=ValidationException;message={text}"), 1);
            let (path, body) = chat(dialect, model, "hi", true);
            let answer = stack.post(&path, &body).await;
            assert_eq!(answer.json()["error"]["message"], text, "{dialect}");
            if dialect == "openai" {
                assert_eq!(answer.json()["error"]["code"], "context_length_exceeded");
            }
        }
    }
}

#[tokio::test]
async fn nothing_of_the_operators_leaks() {
    let stack = Stack::start().await;
    let text = "User: arn:aws:sts::123456789012:assumed-role/secret-role/session is not authorized on arn:aws:bedrock:us-east-1:123456789012:inference-profile/x via bedrock-runtime.us-east-1.amazonaws.com";
    for exception in [
        "AccessDeniedException",
        "ValidationException",
        "ResourceNotFoundException",
        "InternalServerException",
    ] {
        for dialect in ["openai", "responses", "anthropic", "converse"] {
            stack.fault(&format!("error={exception};message={text}"), 1);
            let (path, body) = chat(dialect, NOVA, "hi", false);
            let answer = stack.post(&path, &body).await.text();
            for secret in ["arn:", "123456789012", "secret-role", "amazonaws"] {
                assert!(!answer.contains(secret), "{exception} {dialect}: {answer}");
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_secret_is_the_gateways_fault_not_the_callers() {
    let mut stack = Stack::with(Options { secret: "wrong", ..Options::default() }).await;
    for dialect in ["openai", "responses", "anthropic", "converse"] {
        let (path, body) = chat(dialect, NOVA, "hi", false);
        let answer = stack.post(&path, &body).await;
        assert_eq!(answer.status, 502, "{dialect}: {}", answer.text());
        let receipt = stack.receipt().await;
        assert_eq!(receipt.outcome.as_str(), "bad_signature");
        assert!(receipt.detail.is_some(), "the log knows more than the client");
    }
    assert_eq!(stack.get("/health").await.json()["upstream"], "credentials_refused");
}
