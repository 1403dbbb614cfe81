//! A client that leaves: the upstream call stops, the receipt comes all the same.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{CLAUDE, NOVA, Stack, chat};

pub async fn leave(stack: &Stack, path: &str, body: &serde_json::Value, after_bytes: usize) {
    let body = body.to_string();
    let mut socket = TcpStream::connect(stack.address).await.unwrap();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut seen = vec![0; after_bytes];
    socket.read_exact(&mut seen).await.unwrap();
}

#[tokio::test]
async fn leaving_in_the_middle_of_a_stream_yields_a_receipt() {
    let mut stack = Stack::start().await;
    stack.emulator.set_engine("lorem;tokens=100000;chunk=1;rate=200".parse().unwrap());
    for (dialect, model) in [
        ("openai", NOVA),
        ("openai", CLAUDE),
        ("anthropic", CLAUDE),
        ("converse", NOVA),
        ("invoke", NOVA),
    ] {
        let (path, mut body) = chat(dialect, model, "x", true);
        if dialect != "converse" {
            body["max_tokens"] = json!(5000);
        }
        leave(&stack, &path, &body, 600).await;
        let receipt = stack.receipt().await;
        assert_eq!(
            (receipt.outcome.as_str(), receipt.status),
            ("client_left", 200),
            "{dialect} {model}"
        );
        assert!(receipt.stream && receipt.first_byte.is_some());
    }
}

#[tokio::test]
async fn leaving_before_the_answer_yields_a_receipt() {
    let mut stack = Stack::start().await;
    stack.fault("slow=60000", 1);
    let (path, body) = chat("openai", NOVA, "x", false);
    leave(&stack, &path, &body, 0).await;
    let receipt = stack.receipt().await;
    assert_eq!((receipt.outcome.as_str(), receipt.status), ("client_left", 499));
}
