//! Bad requests: a clear error that names the place, and bounded memory.

use std::time::Duration;

use http::Method;
use outcrop_server::ServerConfig;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{CLAUDE, NOVA, Options, Stack};

#[tokio::test]
async fn the_place_is_named() {
    let stack = Stack::start().await;
    let long = json!({"model": NOVA, "messages": [{"role": "user", "content": "hi"}], "temperature": "hot"}).to_string();
    for (path, body, place) in [
        ("/v1/chat/completions", "{\"model\": ", "line 1"),
        ("/v1/chat/completions", "[]", "JSON"),
        ("/v1/chat/completions", "", "JSON"),
        ("/v1/chat/completions", r#"{"messages":[{"role":"user","content":"x"}]}"#, "model"),
        ("/v1/chat/completions", r#"{"model":"amazon.nova-lite-v1:0","messages":[]}"#, "messages"),
        (
            "/v1/chat/completions",
            r#"{"model":"m","messages":[{"role":"wizard","content":"x"}]}"#,
            "messages[0].role",
        ),
        (
            "/v1/chat/completions",
            r#"{"model":"m","messages":[{"role":"user","content":7}]}"#,
            "messages[0].content",
        ),
        ("/v1/chat/completions", &long, "temperature"),
        (
            "/v1/messages",
            r#"{"model":"amazon.nova-lite-v1:0","messages":[{"role":"user","content":"x"}]}"#,
            "max_tokens",
        ),
        (
            "/v1/messages",
            r#"{"model":"us.anthropic.claude-sonnet-4-5-20250929-v1:0","messages":[{"role":"user","content":"x"}]}"#,
            "max_tokens",
        ),
        (
            "/v1/messages",
            r#"{"model":"us.anthropic.claude-sonnet-4-5-20250929-v1:0","max_tokens":5,"messages":[]}"#,
            "messages",
        ),
        ("/v1/messages", r#"{"model":7,"max_tokens":5,"messages":[1]}"#, "model"),
        (
            "/v1/chat/completions",
            r#"{"model":"amazon.nova-lite-v1:0","messages":[{"role":"user","content":[{"type":"zzz","text":"x"}]}]}"#,
            "messages[0].content[0]",
        ),
        ("/v1/messages", "nope", "JSON"),
        ("/v1/completions", "nope", "JSON"),
        ("/v1/completions", r#"{"prompt":"x"}"#, "model"),
        ("/v1/completions", r#"{"model":"amazon.nova-lite-v1:0"}"#, "prompt"),
        ("/v1/completions", r#"{"model":"amazon.nova-lite-v1:0","prompt":[[1]]}"#, "prompt"),
        ("/v1/completions", r#"{"model":"m","prompt":"x","suffix":"y"}"#, "suffix"),
        ("/v1/messages/count_tokens", "nope", "JSON"),
        ("/v1/messages/count_tokens", r#"{"messages":[{"role":"user","content":"x"}]}"#, "model"),
        (
            "/v1/messages/count_tokens",
            r#"{"model":"amazon.nova-lite-v1:0","messages":[{"role":"wizard","content":"x"}]}"#,
            "messages[0].role",
        ),
        (
            "/v1/messages/count_tokens",
            r#"{"model":"us.anthropic.claude-sonnet-4-5-20250929-v1:0","messages":[]}"#,
            "messages",
        ),
        (
            "/v1/messages/count_tokens",
            r#"{"model":"us.anthropic.claude-sonnet-4-5-20250929-v1:0","thinking":7,"messages":[1]}"#,
            "thinking",
        ),
        (
            "/v1/chat/completions",
            r#"{"model":"amazon.nova-lite-v1:0","messages":[{"role":"user","content":"x"}],"response_format":{"type":"bogus"}}"#,
            "`response_format.type` must be text, json_object or json_schema",
        ),
        (
            "/v1/responses",
            r#"{"model":"amazon.nova-lite-v1:0","input":"x","text":{"format":{"type":"bogus"}}}"#,
            "`text.format.type` must be text, json_object or json_schema",
        ),
        (
            "/v1/messages",
            r#"{"model":"amazon.nova-lite-v1:0","max_tokens":5,"messages":[{"role":"user","content":"x"}],"output_config":{"format":{"type":"bogus"}}}"#,
            "output_config.format.type: must be `json_schema`",
        ),
        (
            "/v1/messages",
            r#"{"model":"amazon.nova-lite-v1:0","max_tokens":5,"messages":[{"role":"user","content":"x"}],"output_config":{"format":{}}}"#,
            "output_config.format.type: is missing",
        ),
    ] {
        let answer = stack
            .send(Method::POST, path, &[("content-type", "application/json")], body.to_owned())
            .await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(place), "{body}: {message}");
        assert!(stack.emulator.requests().is_empty(), "nothing was sent: {body}");
    }
}

#[tokio::test]
async fn an_unknown_model_is_not_found() {
    let stack = Stack::start().await;
    for (path, code) in
        [("/v1/chat/completions", "model_not_found"), ("/v1/messages", "not_found_error")]
    {
        let body = json!({"model": "no such model!", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]});
        let answer = stack.post(path, &body).await;
        assert_eq!(answer.status, 404, "{}", answer.text());
        assert!(answer.text().contains(code), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_announced_or_not() {
    let stack = Stack::start().await;
    let body = format!(
        r#"{{"model":"{NOVA}","messages":[{{"role":"user","content":"{}"}}]}}"#,
        "x".repeat(30_000_000)
    );
    for path in ["/v1/chat/completions", "/v1/messages", "/model/x/converse"] {
        let answer = stack.send(Method::POST, path, &[], body.clone()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-should-retry")),
            (413, "false"),
            "{path}"
        );
    }
    let mut socket = TcpStream::connect(stack.address).await.unwrap();
    socket
        .write_all(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n",
        )
        .await
        .unwrap();
    let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x10000], b"\r\n"].concat();
    let (mut read, mut write) = socket.split();
    let send = async {
        // The gateway stops reading at its limit; the write then fails or stalls, which ends this side.
        for _ in 0..600 {
            if write.write_all(&chunk).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let mut answer = vec![0; 12];
    tokio::select! {
        () = send => {}
        result = read.read_exact(&mut answer) => { result.unwrap(); }
    }
    assert_eq!(answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_body_that_never_ends_costs_a_timeout() {
    let server = ServerConfig { body_idle: Duration::from_millis(50), ..ServerConfig::default() };
    let stack = Stack::with(Options { server, ..Options::default() }).await;
    let mut socket = TcpStream::connect(stack.address).await.unwrap();
    socket
        .write_all(
            b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{\"model\"",
        )
        .await
        .unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("timeout_error"), "{answer}");
}

#[tokio::test]
async fn a_slow_reader_holds_back_the_model_not_the_memory() {
    let mut stack = Stack::start().await;
    let ask = json!({"model": CLAUDE, "stream": true, "max_tokens": 60000, "messages": [{"role": "user", "content": "x"}]}).to_string();
    stack.emulator.set_engine("lorem;tokens=60000;chunk=4".parse().unwrap());
    let mut socket = TcpStream::connect(stack.address).await.unwrap();
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{ask}",
        ask.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let (mut total, mut piece) = (0, vec![0; 1024]);
    let mut tail = Vec::new();
    loop {
        let read = socket.read(&mut piece).await.unwrap();
        if read == 0 {
            break;
        }
        total += read;
        tail.extend_from_slice(&piece[..read]);
        let surplus = tail.len().saturating_sub(400);
        tail.drain(..surplus);
        tokio::task::yield_now().await;
    }
    assert!(total > 500_000, "{total}");
    assert!(
        String::from_utf8_lossy(&tail).contains("message_stop"),
        "{}",
        String::from_utf8_lossy(&tail)
    );
    assert_eq!(stack.receipt().await.outcome.as_str(), "completed");
}
