//! Messages to a server that does not always take them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bytes::Bytes;
use outcrop_fetch::{Courier, Failure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const MESSAGE: &str = r#"{"event":"budget_soft"}"#;

/// A server with these answers, one for each connection, and what it was sent. An empty answer is none.
async fn far(answers: Vec<&'static str>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?team=a", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut heard = Vec::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(MESSAGE.as_bytes()) {
                assert!(socket.read_buf(&mut request).await.unwrap() > 0);
            }
            socket.write_all(answer.as_bytes()).await.unwrap();
            heard.push(String::from_utf8(request).unwrap());
        }
        heard
    });
    (url, serving)
}

async fn deliver(url: &str) -> Result<(), Failure> {
    Courier::waiting(Duration::from_millis(1))
        .post_json(url, Bytes::from_static(MESSAGE.as_bytes()))
        .await
}

#[tokio::test]
async fn a_message_is_told_again_until_it_is_taken() {
    let (url, serving) = far(vec![
        "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n",
        "",
        "HTTP/1.1 429 Slow\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 204 Taken\r\n\r\n",
    ])
    .await;
    assert_eq!(deliver(&url).await, Ok(()));
    let heard = serving.await.unwrap();
    assert_eq!(heard.len(), 4);
    assert!(heard[3].starts_with("POST /hook?team=a HTTP/1.1\r\n"), "{}", heard[3]);
    assert!(heard[3].contains("content-type: application/json\r\n"), "{}", heard[3]);
}

#[tokio::test]
async fn a_message_that_is_refused_is_given_up() {
    let (url, serving) = far(vec!["HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n"]).await;
    assert_eq!(deliver(&url).await, Err(Failure::Status(403)));
    serving.await.unwrap();
    assert_eq!(deliver(&url).await, Err(Failure::Unreachable), "nobody is there any more");
    assert!(matches!(deliver("hooks.example/x").await, Err(Failure::Malformed(_))));
}
