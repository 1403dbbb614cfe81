//! Each exception of AWS × each dialect × streaming or not: status, type, advice, and no secrets.

use serde_json::Value;

use crate::support::{Answer, CLAUDE, NOVA, Options, Stack, chat};

/// exception → (OpenAI status, code), (Anthropic status, type), Bedrock (status, type).
#[expect(clippy::type_complexity, reason = "a table, read row by row")]
const TABLE: [(&str, (u16, &str), (u16, &str), (u16, &str)); 12] = [
    (
        "ThrottlingException",
        (429, "rate_limit_exceeded"),
        (429, "rate_limit_error"),
        (429, "ThrottlingException"),
    ),
    (
        "ModelNotReadyException",
        (503, "model_not_ready"),
        (529, "overloaded_error"),
        (429, "ModelNotReadyException"),
    ),
    (
        "ServiceQuotaExceededException",
        (429, "insufficient_quota"),
        (429, "rate_limit_error"),
        (400, "ServiceQuotaExceededException"),
    ),
    (
        "ServiceUnavailableException",
        (503, "overloaded"),
        (529, "overloaded_error"),
        (503, "ServiceUnavailableException"),
    ),
    (
        "InternalServerException",
        (500, "internal_error"),
        (500, "api_error"),
        (500, "InternalServerException"),
    ),
    (
        "ModelTimeoutException",
        (504, "timeout"),
        (504, "timeout_error"),
        (408, "ModelTimeoutException"),
    ),
    ("ModelErrorException", (502, "model_error"), (502, "api_error"), (424, "ModelErrorException")),
    (
        "ValidationException",
        (400, "invalid_value"),
        (400, "invalid_request_error"),
        (400, "ValidationException"),
    ),
    (
        "ResourceNotFoundException",
        (404, "model_not_found"),
        (404, "not_found_error"),
        (404, "ResourceNotFoundException"),
    ),
    (
        "AccessDeniedException",
        (502, "upstream_access_denied"),
        (502, "api_error"),
        (502, "InternalServerException"),
    ),
    (
        "ExpiredTokenException",
        (502, "upstream_auth"),
        (502, "api_error"),
        (502, "InternalServerException"),
    ),
    (
        "UnrecognizedClientException",
        (502, "upstream_auth"),
        (502, "api_error"),
        (502, "InternalServerException"),
    ),
];

fn kind_of(dialect: &str, answer: &Answer) -> String {
    let body: Value = answer.json();
    match dialect {
        "openai" | "responses" => body["error"]["code"].as_str().unwrap().to_owned(),
        "anthropic" => {
            assert_eq!(body["type"], "error");
            assert_eq!(body["request_id"], answer.header("request-id"));
            body["error"]["type"].as_str().unwrap().to_owned()
        }
        _ => answer.header("x-amzn-errortype").to_owned(),
    }
}

#[tokio::test]
async fn each_exception_in_each_dialect() {
    let stack = Stack::start().await;
    for (exception, openai, anthropic, bedrock) in TABLE {
        for (dialect, expected) in [
            ("openai", openai),
            ("responses", openai),
            ("anthropic", anthropic),
            ("converse", bedrock),
        ] {
            for (model, stream) in [(NOVA, false), (NOVA, true), (CLAUDE, false), (CLAUDE, true)] {
                // Twice, since a stale-credentials error is tried once more.
                stack.emulator.clear_faults();
                stack.fault(&format!("error={exception}"), 2);
                let (path, body) = chat(dialect, model, "hi", stream);
                let answer = stack.post(&path, &body).await;
                let place =
                    format!("{exception} {dialect} {model} stream={stream}: {}", answer.text());
                assert_eq!(
                    (answer.status.as_u16(), &*kind_of(dialect, &answer)),
                    expected,
                    "{place}"
                );
                assert_eq!(answer.header("content-type"), "application/json", "{place}");
                assert!(!answer.header("x-request-id").is_empty(), "{place}");
            }
        }
    }
}

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

#[tokio::test]
async fn proxies_pages_and_empty_answers_are_errors() {
    let stack = Stack::start().await;
    for (fault, status) in [("html=502", 500..530), ("html=504", 500..530), ("empty", 502..503)] {
        for (dialect, model) in [("openai", NOVA), ("anthropic", CLAUDE), ("converse", NOVA)] {
            for stream in [false, true] {
                stack.fault(fault, 1);
                let (path, body) = chat(dialect, model, "hi", stream);
                let answer = stack.post(&path, &body).await;
                let found = answer.status.as_u16();
                assert!(
                    status.contains(&found) || found == 424,
                    "{fault} {dialect} {stream}: {found} {}",
                    answer.text()
                );
                assert!(!answer.text().contains("<html"), "{}", answer.text());
            }
        }
    }
}
