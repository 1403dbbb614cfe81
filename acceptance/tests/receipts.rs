//! Exactly one receipt, with the truth and without the prompt.

use std::time::Duration;

use http::Method;
use outcrop_model::{Fidelity, Receipt};
use outcrop_server::ServerConfig;
use serde_json::json;

use crate::leaving::leave;
use crate::support::{CLAUDE, NOVA, Options, Stack, chat};

fn told(receipt: &Receipt) -> (&str, u16, u32) {
    (receipt.outcome.as_str(), receipt.status, receipt.attempts)
}

#[tokio::test]
async fn requests_refused_early_have_receipts() {
    let server = ServerConfig {
        max_body: 500,
        body_idle: Duration::from_millis(50),
        ..ServerConfig::default()
    };
    let options = Options { server, fidelity: Fidelity::Strict, ..Options::default() };
    let mut stack = Stack::with(options).await;
    for (path, body, expected, model) in [
        ("/v1/messages", "x".repeat(501), ("too_large", 413, 0), ""),
        ("/v1/messages", "{".to_owned(), ("invalid_request", 400, 0), ""),
        ("/v1/messages", json!({"model": CLAUDE}).to_string(), ("invalid_request", 400, 0), CLAUDE),
        (
            "/v1/chat/completions",
            json!({"model": NOVA, "seed": 1, "messages": [{"role": "user", "content": "x"}]})
                .to_string(),
            ("unsupported", 400, 0),
            NOVA,
        ),
    ] {
        stack.send(Method::POST, path, &[], body).await;
        let receipt = stack.receipt().await;
        assert_eq!((told(&receipt), receipt.model.as_str()), (expected, model));
        assert!(receipt.detail.is_some());
    }
    let waiting = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n";
    let _socket = stack.say(waiting).await;
    assert_eq!(told(&stack.receipt().await), ("client_timeout", 408, 0));
}

#[tokio::test]
async fn who_leaves_between_two_attempts_has_a_receipt() {
    let backoff_cap = Duration::from_secs(600);
    let mut stack = Stack::with(Options { attempts: 3, backoff_cap, ..Options::default() }).await;
    stack.fault("error=ThrottlingException;retry-after=600", 3);
    let (path, body) = chat("openai", NOVA, "x", false);
    let body = body.to_string();
    let request =
        format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let socket = stack.say(request.as_bytes()).await;
    while stack.emulator.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(socket);
    let receipt = stack.receipt().await;
    assert_eq!(told(&receipt), ("client_left", 499, 1));
    assert_eq!(stack.emulator.requests().len(), 1, "no further attempt");
}

#[tokio::test]
async fn no_receipt_holds_what_people_write() {
    const SECRET: &str = "my secret prompt";
    let mut stack = Stack::start().await;
    let user = json!({"role": "user", "content": "x"});
    for path in ["/v1/chat/completions", "/v1/messages"] {
        for (member, value) in [
            ("messages", json!(SECRET)),
            ("messages", json!([{"role": SECRET, "content": "x"}])),
            ("messages", json!([{"role": "user", "content": [{"type": SECRET, "text": SECRET}]}])),
            (
                "messages",
                json!([{"role": "user", "content": "x"}, {"role": "tool", "tool_call_id": "a", "content": 7}]),
            ),
            ("max_tokens", json!(SECRET)),
            ("stop", json!({"a": SECRET})),
            ("stop_sequences", json!(SECRET)),
            ("tool_choice", json!(SECRET)),
            ("tools", json!([SECRET])),
        ] {
            for model in [NOVA, CLAUDE] {
                let mut body = json!({"model": model, "max_tokens": 5, "messages": [user]});
                body[member] = value.clone();
                stack.post(path, &body).await;
                let receipt = stack.receipt().await;
                assert!(!format!("{receipt:?}").contains(SECRET), "{path} {member}: {receipt:?}");
            }
        }
    }
    // Bedrock quotes what it refuses.
    stack.fault(
        &format!("error=ValidationException;message=Value '{SECRET}' at 'messages.1' failed"),
        1,
    );
    let (path, body) = chat("openai", NOVA, "x", false);
    assert!(stack.post(&path, &body).await.text().contains(SECRET), "the caller may read it");
    let detail = stack.receipt().await.detail.unwrap();
    assert_eq!(detail, "Value '…' at '…' failed");
}

#[tokio::test]
async fn no_caller_can_fill_the_log() {
    let mut stack = Stack::start().await;
    let long = "x".repeat(300_000);
    for body in [
        json!({"model": long, "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}),
        json!({"model": CLAUDE, "max_tokens": 5, "messages": long}),
        json!({"model": NOVA, "max_tokens": {long.clone(): 1}, "messages": []}),
        json!({"model": NOVA, "max_tokens": 5, "messages": [{"role": long, "content": "x"}]}),
        json!({"model": CLAUDE, "max_tokens": 5, long.clone(): 5, "messages": [{"role": "user", "content": "x"}]}),
    ] {
        for path in ["/v1/chat/completions", "/v1/messages"] {
            stack.post(path, &body).await;
            let receipt = format!("{:?}", stack.receipt().await);
            assert!(receipt.len() < 2500, "{path}: {} bytes", receipt.len());
        }
    }
}

#[tokio::test]
async fn health_follows_what_was_learnt_last() {
    let mut stack = Stack::start().await;
    let (path, body) = chat("openai", NOVA, "x", false);
    for (fault, word) in [
        ("error=UnrecognizedClientException", "credentials_refused"),
        ("error=ThrottlingException", "ok"),
        ("error=UnknownOperationException", "unreachable"),
        ("error=ValidationException", "ok"),
        ("cut=30", "interrupted"),
    ] {
        stack.fault(fault, 1);
        stack.post(&path, &body).await;
        assert_eq!(stack.get("/health").await.json()["upstream"], word, "{fault}");
    }
    // However well a stream began.
    let (path, body) = chat("openai", NOVA, "one two three four five six seven", true);
    for (fault, word) in [
        ("drop;after=6", "interrupted"),
        ("stream-error=throttlingException;after=6", "ok"),
        ("truncate=7;after=6", "interrupted"),
        ("padding=on", "ok"),
    ] {
        stack.fault(fault, 1);
        assert_eq!(stack.post(&path, &body).await.status, 200, "{fault}");
        assert_eq!(stack.get("/health").await.json()["upstream"], word, "{fault}");
    }
    // Many begin while all break off.
    stack.fault("truncate=7;after=6", 1);
    stack.post(&path, &body).await;
    stack.emulator.set_engine("lorem;tokens=100000;chunk=1;rate=200".parse().unwrap());
    leave(&stack, &path, &body, 600).await;
    while stack.receipt().await.outcome.as_str() != "client_left" {}
    assert_eq!(stack.get("/health").await.json()["upstream"], "interrupted");
}
