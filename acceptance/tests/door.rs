//! The door against clients that are slow, silent, or not quite HTTP.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use outcrop_server::{Patience, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{CLAUDE, NOVA, Options, Stack, chat};

const SHORT: Duration = Duration::from_millis(60);
/// Longer than any test.
const LONG: Duration = Duration::from_secs(600);
const PATIENT: Patience = Patience { first_head: LONG, next_head: LONG, unread: LONG };

async fn stack(server: ServerConfig) -> Stack {
    Stack::with(Options { server, ..Options::default() }).await
}

async fn with_patience(patience: Patience) -> Stack {
    stack(ServerConfig { patience, ..ServerConfig::default() }).await
}

/// All that comes until the gateway closes the connection, whichever way.
async fn to_the_end(mut socket: TcpStream) -> String {
    let mut all = Vec::new();
    // A reset is an end, too.
    socket.read_to_end(&mut all).await.unwrap_or_default();
    String::from_utf8_lossy(&all).into_owned()
}

fn post(path: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_connection_that_asks_for_nothing_is_closed() {
    let stack = with_patience(Patience { first_head: SHORT, ..PATIENT }).await;
    for said in [
        "",
        "P",
        "PRI * HT",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /hea",
        "GET / HTTP/1.1\r\nx: ",
    ] {
        let socket = stack.say(said.as_bytes()).await;
        assert!(!to_the_end(socket).await.contains("200 OK"), "{said}");
    }
    // Dripping bytes is no request either.
    let (mut read, mut write) = stack.say(b"GET / HTTP/1.1\r\n").await.into_split();
    tokio::spawn(async move {
        while write.write_all(b"x: y\r\n").await.is_ok() {
            tokio::time::sleep(SHORT / 10).await;
        }
    });
    let mut all = Vec::new();
    read.read_to_end(&mut all).await.unwrap_or_default();
    assert!(!String::from_utf8_lossy(&all).contains("200 OK"));
}

#[tokio::test]
async fn a_connection_with_no_next_request_is_closed() {
    let stack = with_patience(Patience { first_head: SHORT, next_head: SHORT, ..PATIENT }).await;
    let socket = stack.say(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(to_the_end(socket).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_request_in_work_is_not_cut_by_silence() {
    let patience = Patience { first_head: SHORT, next_head: SHORT, unread: SHORT };
    let stack = with_patience(patience).await;
    for (dialect, model) in [("openai", NOVA), ("anthropic", CLAUDE)] {
        for stream in [false, true] {
            stack.fault("slow=400", 1);
            let (path, body) = chat(dialect, model, "hi", stream);
            let answer = stack.post(&path, &body).await;
            assert_eq!(answer.status, 200, "{dialect} {stream}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    let mut stack = with_patience(Patience { unread: SHORT, ..PATIENT }).await;
    stack.emulator.set_engine("lorem;tokens=60000;chunk=1".parse().unwrap());
    let (path, mut body) = chat("openai", CLAUDE, "x", true);
    body["max_tokens"] = 60000.into();
    let socket = stack.say(post(&path, "", &body.to_string()).as_bytes()).await;
    assert_eq!(stack.receipt().await.outcome.as_str(), "client_left");
    drop(socket);
}

/// In HTTP/2 the socket takes all that is written: what does not move is the answer's own window.
#[tokio::test]
async fn an_answer_whose_window_stays_shut_is_given_up() {
    let mut stack = with_patience(Patience { unread: SHORT, ..PATIENT }).await;
    stack.emulator.set_engine("lorem;tokens=60000;chunk=1".parse().unwrap());
    let mut builder = Client::builder(TokioExecutor::new());
    let client: Client<_, Full<Bytes>> =
        builder.http2_only(true).http2_initial_stream_window_size(10).build_http();
    let (path, mut body) = chat("openai", CLAUDE, "x", true);
    body["max_tokens"] = 60000.into();
    let uri = format!("http://{}{path}", stack.address);
    let request = Request::post(uri).header("content-type", "application/json");
    let request = request.body(Full::new(Bytes::from(body.to_string()))).unwrap();
    let response = client.request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    // The call behind it has ended though the connection is there.
    assert_eq!(stack.receipt().await.outcome.as_str(), "client_left");
    // Whoever reads after all is not told that this was the whole.
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn bodies_have_so_much_room_together() {
    let config = ServerConfig { max_body: 20_000, max_bodies: 40_000, ..ServerConfig::default() };
    let mut stack = stack(config).await;
    stack.fault("slow=60000", 2);
    let large = |path: &str| {
        let (_, mut body) = chat("openai", NOVA, &"x".repeat(15_000), false);
        body["max_tokens"] = 10.into();
        post(path, "connection: close\r\n", &body.to_string())
    };
    let (path, _) = chat("openai", NOVA, "", false);
    let first = stack.say(large(&path).as_bytes()).await;
    let second = stack.say(large(&path).as_bytes()).await;
    while stack.emulator.requests().len() < 2 {
        tokio::task::yield_now().await;
    }
    let answer = to_the_end(stack.say(large(&path).as_bytes()).await).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.to_lowercase().contains("\nretry-after: 1\r"), "{answer}");
    assert_eq!(stack.receipt().await.outcome.as_str(), "overloaded");
    // Room comes back with the answers, or with those who leave.
    drop((first, second));
    for _ in 0..2 {
        assert_eq!(stack.receipt().await.outcome.as_str(), "client_left");
    }
    let answer = to_the_end(stack.say(large(&path).as_bytes()).await).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_body_that_drips_is_not_waited_for() {
    let mut stack = stack(ServerConfig { body_total: SHORT, ..ServerConfig::default() }).await;
    let head = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n";
    let (mut read, mut write) = stack.say(head).await.into_split();
    tokio::spawn(async move {
        while write.write_all(b" ").await.is_ok() {
            tokio::time::sleep(SHORT / 10).await;
        }
    });
    let mut answer = [0; 12];
    read.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    let receipt = stack.receipt().await;
    assert_eq!(
        (receipt.outcome.as_str(), receipt.status, receipt.attempts),
        ("client_timeout", 408, 0)
    );
}

/// Many clients send all before they read anything.
#[tokio::test]
async fn who_sends_too_much_comes_to_read_why() {
    let mut stack = stack(ServerConfig { max_body: 1000, ..ServerConfig::default() }).await;
    let large = "x".repeat(20_000_000);
    for (path, status) in [("/nothing/here", 404), ("/health", 405), ("/v1/messages", 413)] {
        let mut socket = stack.say(post(path, "", &large).as_bytes()).await;
        socket
            .write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let answers = to_the_end(socket).await;
        assert!(answers.starts_with(&format!("HTTP/1.1 {status}")), "{answers}");
        assert!(answers.contains("HTTP/1.1 200"), "the connection serves on: {answers}");
    }
    let receipt = stack.receipt().await;
    assert_eq!((receipt.outcome.as_str(), receipt.status), ("too_large", 413));

    let client: Client<_, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let uri = format!("http://{}/v1/messages", stack.address);
    let request = Request::post(uri).body(Full::new(Bytes::from(large))).unwrap();
    let response = client.request(request).await.unwrap();
    assert_eq!(response.status(), 413);
    assert!(!response.into_body().collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn who_asks_before_sending_too_much_is_answered_at_once() {
    let stack = stack(ServerConfig { max_body: 1000, ..ServerConfig::default() }).await;
    let head = "POST /v1/messages HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2000\r\n\r\n";
    let answer = to_the_end(stack.say(head.as_bytes()).await).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn an_encoded_body_is_refused_in_words() {
    let mut stack = Stack::start().await;
    for (dialect, model) in [("openai", NOVA), ("anthropic", CLAUDE), ("converse", NOVA)] {
        let (path, body) = chat(dialect, model, "hi", false);
        let send = async |encoding| {
            let headers = [("content-encoding", encoding)];
            stack.send(Method::POST, &path, &headers, body.to_string()).await
        };
        assert_eq!(send("identity").await.status, 200);
        let answer = send("gzip").await;
        assert_eq!(answer.status, 400, "{dialect}");
        assert!(answer.text().contains("content-encoding"), "{}", answer.text());
        assert_eq!(stack.receipt().await.outcome.as_str(), "completed");
        assert_eq!(stack.receipt().await.outcome.as_str(), "invalid_request");
    }
}

#[tokio::test]
async fn malformed_chunks_are_the_clients_fault_and_a_break_is_its_leaving() {
    let mut stack = Stack::start().await;
    let head = "POST /v1/messages HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = to_the_end(stack.say(format!("{head}zz\r\n").as_bytes()).await).await;
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("invalid_request_error"),
        "{answer}"
    );
    assert_eq!(stack.receipt().await.outcome.as_str(), "invalid_request");

    drop(stack.say(format!("{head}5\r\nab").as_bytes()).await);
    let receipt = stack.receipt().await;
    assert_eq!((receipt.outcome.as_str(), receipt.status), ("client_left", 499));
}

#[tokio::test]
async fn a_slash_too_many_is_explained() {
    let stack = Stack::start().await;
    let answer = stack.send(Method::POST, "//v1/messages", &[], "{}").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (404, &"error".into()));
    assert!(answer.text().contains("Did you mean `/v1/messages`?"), "{}", answer.text());
    let long = format!("/{}", "y".repeat(20_000));
    assert!(stack.get(&long).await.text().len() < 600);
}
