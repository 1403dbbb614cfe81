//! Leaving in good order.

use std::time::Duration;

use outcrop_server::ServerConfig;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::support::{CLAUDE, NOVA, Options, Stack, chat};

/// A streamed answer of which the first bytes have been read.
async fn running(stack: &Stack) -> TcpStream {
    let (path, mut body) = chat("anthropic", CLAUDE, "x", true);
    body["max_tokens"] = json!(100_000);
    let body = body.to_string();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut socket = stack.say(head.as_bytes()).await;
    socket.read_exact(&mut [0; 600]).await.unwrap();
    socket
}

#[tokio::test]
async fn ready_turns_before_the_door_closes() {
    let stack = Stack::start().await;
    assert_eq!(stack.get("/ready").await.status, 200);
    stack.readiness.withdraw();
    // The kept connection of this client, and a new one.
    let answer = stack.get("/ready").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (503, &"draining".into()));
    let (path, body) = chat("openai", NOVA, "hi", false);
    assert_eq!(stack.post(&path, &body).await.status, 200, "what still comes is answered");
    let mut socket =
        stack.say(b"GET /ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
}

#[tokio::test]
async fn running_requests_finish_and_new_ones_are_refused() {
    let mut stack = Stack::start().await;
    stack.emulator.set_engine("lorem;tokens=200;chunk=1;rate=400".parse().unwrap());
    let mut socket = running(&stack).await;
    let idle = stack.say(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let serving = stack.stop();
    let mut rest = String::new();
    socket.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("message_stop"), "{rest}");
    assert!(serving.await.unwrap(), "all could finish");
    assert!(TcpStream::connect(stack.address).await.is_err());
    assert_eq!(stack.receipt().await.outcome.as_str(), "completed");
    drop(idle);
}

#[tokio::test]
async fn who_does_not_finish_in_time_is_cut_and_accounted_for() {
    let server = ServerConfig { drain: Duration::from_millis(50), ..ServerConfig::default() };
    let mut stack = Stack::with(Options { server, ..Options::default() }).await;
    stack.emulator.set_engine("lorem;tokens=60000;chunk=1;rate=100".parse().unwrap());
    let mut socket = running(&stack).await;
    assert!(!stack.stop().await.unwrap(), "not all could finish");
    let mut rest = String::new();
    // A reset is an end, too.
    socket.read_to_string(&mut rest).await.unwrap_or_default();
    assert!(!rest.contains("message_stop"), "{rest}");
    assert_eq!(stack.receipt().await.outcome.as_str(), "client_left");
}
