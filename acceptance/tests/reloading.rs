//! Reloads under load: no request fails, and none sees half of a configuration.

use std::sync::{Arc, Mutex};

use outcrop_config::{Config, Match, PathMatch, Surface, Target};
use outcrop_emulator::{EXAMPLE_SECRET_ACCESS_KEY, Emulator, Tls};
use outcrop_server::{Admin, Operator};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::support::{NOVA, Stack, backend, chat, route};

const CLIENTS: usize = 8;
/// Of each client.
const REQUESTS: usize = 250;
const RELOADS: usize = 200;

/// One route, named like its only backend.
fn config(stack: &Stack, name: &str) -> Config {
    let mut settings = backend(&stack.emulator, EXAMPLE_SECRET_ACCESS_KEY);
    settings.geography = Some("home".to_owned());
    Config {
        backends: [(name.to_owned(), settings)].into(),
        routes: vec![route(name, vec![Target::new(name)])],
        ..Config::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_under_load_fail_no_request() {
    let stack = Arc::new(Stack::start().await);
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let stack = Arc::clone(&stack);
        clients.push(tokio::spawn(async move {
            let (path, body) = chat("openai", NOVA, "hi", client % 2 == 0);
            for _ in 0..REQUESTS {
                let answer = stack.post(&path, &body).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                assert!(client % 2 == 1 || answer.text().ends_with("[DONE]\n\n"));
            }
        }));
    }
    let configs = [config(&stack, "one"), config(&stack, "two")];
    let mut reloads = 0;
    while reloads < RELOADS || !clients.iter().all(JoinHandle::is_finished) {
        stack.reload(configs[reloads % 2].clone()).await;
        reloads += 1;
    }
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(stack.readiness.gateway().generation(), 1 + u64::try_from(reloads).unwrap());
    let mut stack = Arc::into_inner(stack).unwrap();
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for _ in 0..CLIENTS * REQUESTS {
        let receipt = stack.receipt().await;
        let (route, backend) = (receipt.route.unwrap(), receipt.backend.unwrap());
        // The configuration at the start names them differently.
        assert!(route == backend || (route, backend.as_str()) == ("all".to_owned(), "bedrock"));
        *seen.entry(backend).or_default() += 1;
    }
    assert!(seen.contains_key("one") && seen.contains_key("two"), "{seen:?}");
}

/// A body may take its time: its request is answered by what was configured when it began.
#[tokio::test]
async fn a_request_that_began_before_a_reload_ends_as_it_began() {
    let mut stack = Stack::start().await;
    let mut before = config(&stack, "before");
    before.routes[0]
        .matches
        .push(Match { path: Some(PathMatch::Prefix("/before".to_owned())), ..Match::default() });
    before.routes[0].surface = Surface::Under("/before".to_owned());
    stack.reload(before).await;
    let (path, body) = chat("openai", NOVA, "hi", false);
    let body = body.to_string();
    let head = format!(
        "POST /before{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut socket = stack.say(head.as_bytes()).await;
    let mut go_on = [0; 25];
    socket.read_exact(&mut go_on).await.unwrap();
    stack.reload(config(&stack, "after")).await;
    socket.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(stack.receipt().await.route.as_deref(), Some("before"));
}

/// The path of the file stays; what it holds is renewed, made bad, and forgotten.
#[tokio::test]
async fn renewed_roots_of_a_backend_need_no_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (theirs, roots) = (folder.path().join("theirs.pem"), folder.path().join("roots.pem"));
    let tls = Some(Tls { ca_file: theirs.clone() });
    let settings = outcrop_emulator::Config { tls, ..outcrop_emulator::Config::default() };
    let emulator = Emulator::bind("127.0.0.1:0", settings).await.unwrap();
    let stack = Stack::start().await;
    let mut config = config(&stack, "tls");
    let settings = config.backends.get_mut("tls").unwrap();
    settings.endpoints = backend(&emulator, EXAMPLE_SECRET_ACCESS_KEY).endpoints;
    settings.ca_bundle = Some(roots.clone());
    let (path, body) = chat("openai", NOVA, "hi", false);
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&roots, other.cert.pem()).unwrap();
    stack.reload(config.clone()).await;
    assert_eq!(stack.post(&path, &body).await.status, 502);
    std::fs::copy(&theirs, &roots).unwrap();
    stack.reload(config.clone()).await;
    assert_eq!(stack.post(&path, &body).await.status, 200);
    std::fs::write(&roots, "nothing").unwrap();
    let told = stack.readiness.gateway().reload(&config).await.unwrap_err();
    assert!(told[0].what.contains("roots.pem"), "{told:?}");
    assert_eq!(stack.post(&path, &body).await.status, 200);
    std::fs::write(&roots, other.cert.pem()).unwrap();
    stack.reload(config).await;
    assert_eq!(stack.post(&path, &body).await.status, 502);
}

/// An operator who takes their time to load.
struct Slow {
    begun: Notify,
    go_on: Notify,
    done: Mutex<Option<oneshot::Sender<()>>>,
}

impl Operator for Slow {
    fn config(&self) -> Value {
        Value::Null
    }

    fn metrics(&self) -> String {
        String::new()
    }

    async fn reload(self: Arc<Self>) -> Result<Value, Value> {
        // Dropped if this is.
        let done = self.done.lock().unwrap().take().unwrap();
        self.begun.notify_one();
        self.go_on.notified().await;
        done.send(()).unwrap();
        Ok(Value::Null)
    }
}

#[tokio::test]
async fn loading_comes_to_its_end_when_whoever_asked_has_left() {
    let admin = Admin::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = admin.local_addr().unwrap();
    let (send, done) = oneshot::channel();
    let (begun, go_on, send) = (Notify::new(), Notify::new(), Mutex::new(Some(send)));
    let slow = Arc::new(Slow { begun, go_on, done: send });
    tokio::spawn(admin.serve(Arc::clone(&slow)));
    let ask = |request: &'static str| async move {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        socket
    };
    let leaving = ask("POST /admin/reload HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    slow.begun.notified().await;
    drop(leaving);
    // Who comes later is answered: by then it is known that the other has left.
    let mut answer = String::new();
    let later = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    ask(later).await.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    slow.go_on.notify_one();
    done.await.unwrap();
}
