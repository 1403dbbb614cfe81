//! Connections to Bedrock: what an answer leaves of its own.

use std::sync::Arc;

use outcrop_config::{Config, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::support::{CLAUDE, EXAMPLE_SECRET, Stack, backend, chat, route};

/// The end of a body whose length was not told.
const END: &[u8] = b"0\r\n\r\n";

/// What the gateway does with a connection: its number, and the bytes that were read; none when it is closed.
type Seen = (usize, usize);

/// Hands on what comes, but keeps the end of each streamed answer back until `go_on`.
async fn relay(
    mut near: TcpStream,
    mut far: TcpStream,
    number: usize,
    (seen, go_on): (UnboundedSender<Seen>, Arc<Notify>),
) {
    let (mut asked, mut answer) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            read = near.read(&mut asked) => {
                let length = read.unwrap_or_default();
                seen.send((number, length)).unwrap_or_default();
                if length == 0 {
                    return;
                }
                far.write_all(&asked[..length]).await.unwrap();
            }
            read = far.read(&mut answer) => {
                let bytes = &answer[..read.unwrap()];
                let body = bytes.strip_suffix(END);
                near.write_all(body.unwrap_or(bytes)).await.unwrap();
                if body.is_some() {
                    go_on.notified().await;
                    // Who has closed the connection is read above.
                    near.write_all(END).await.unwrap_or_default();
                }
            }
        }
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_end_marker_and_its_connection_carries_the_next_request() {
    let stack = Arc::new(Stack::start().await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut own = backend(&stack.emulator, EXAMPLE_SECRET);
    own.endpoint = Some(format!("http://{}", listener.local_addr().unwrap()));
    let emulator = stack.emulator.base_url().strip_prefix("http://").unwrap().to_owned();
    let (sender, mut seen) = unbounded_channel();
    let go_on = Arc::new(Notify::new());
    let at_relay = (sender, Arc::clone(&go_on));
    tokio::spawn(async move {
        for number in 0.. {
            let (near, _) = listener.accept().await.unwrap();
            let far = TcpStream::connect(&emulator).await.unwrap();
            tokio::spawn(relay(near, far, number, at_relay.clone()));
        }
    });
    let (backends, routes) =
        ([("own".to_owned(), own)].into(), vec![route("all", vec![Target::new("own")])]);
    stack.reload(Config { backends, routes, ..Config::default() }).await;

    let (path, body) = chat("openai", CLAUDE, "hi", true);
    let answer = stack.post(&path, &body).await;
    assert!(answer.text().ends_with("[DONE]\n\n"), "{}", answer.text());
    while let Ok((number, length)) = seen.try_recv() {
        assert!(number == 0 && length > 0);
    }
    go_on.notify_one();
    let (path, body) = chat("openai", CLAUDE, "hi", false);
    // Ever more at once, until the pool has to give all connections that it has.
    let mut at_once = 1;
    loop {
        let mut asking = JoinSet::new();
        for _ in 0..at_once {
            let (stack, path, body) = (Arc::clone(&stack), path.clone(), body.clone());
            asking.spawn(async move { stack.post(&path, &body).await.status });
        }
        assert!(asking.join_all().await.iter().all(|status| *status == 200));
        while let Ok((number, length)) = seen.try_recv() {
            match number {
                0 if length == 0 => panic!("the connection was closed"),
                0 => return,
                _ => {}
            }
        }
        at_once *= 2;
    }
}
