//! Media by address, in every dialect: fetched from a server on loopback that the gateway may reach.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use outcrop_config::{BodyEdit, Mode, Policy};
use outcrop_fetch::{Limits, Reach};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::failover::pair_with;
use crate::support::{Answer, CLAUDE, NOVA, Options, Stack, invoke_path};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const PNG64: &str = "iVBORw0KGgoAAAANSUhEUg==";
const PDF: &[u8] = b"%PDF-1.4\n";
const PDF64: &str = "JVBERi0xLjQK";
/// A model that takes text only.
const MICRO: &str = "amazon.nova-micro-v1:0";

/// A file server; keeps the paths that it was asked for.
struct Files {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Files {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(socket, Arc::clone(&kept)));
            }
        });
        Self { address, asked }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// The paths since the last time.
    fn asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.sort();
        asked
    }
}

async fn answer(mut socket: TcpStream, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split([' ', '/', '?']).nth(2).unwrap().to_owned();
    asked.lock().unwrap().push(path.clone());
    let (status, extra, body): (&str, &str, &[u8]) = match path.as_str() {
        "dot.png" | "other.png" => ("200 OK", "content-type: text/html\r\n", PNG),
        "Q3_report.pdf" => ("200 OK", "", PDF),
        "page.png" => ("200 OK", "content-type: image/png\r\n", b"<html>sign in</html>"),
        "large.png" => ("200 OK", "", &[0x89; 300]),
        "inner.png" => ("302 Found", "location: http://10.0.0.7/secret.png\r\n", b""),
        "broken.png" => ("503 No", "", b"a secret trace"),
        "silent.png" => {
            // Until the client gives up.
            drop(socket.read_u8().await);
            return;
        }
        _ => ("404 Not Found", "", b"a secret page"),
    };
    let head = format!("HTTP/1.1 {status}\r\n{extra}content-length: {}\r\n\r\n", body.len());
    // A client that is gone needs no answer.
    drop(socket.write_all(&[head.as_bytes(), body].concat()).await);
}

fn limits() -> Limits {
    Limits {
        allowed: vec!["127.0.0.0/8".parse().unwrap()],
        plain_http: true,
        max_item: 256,
        max_count: 3,
        ..Limits::default()
    }
}

async fn stack(media: Limits) -> Stack {
    Stack::with(Options { media, attempts: 2, ..Options::default() }).await
}

const DIALECTS: [&str; 4] = ["openai", "responses", "anthropic", "kong"];

/// A question about an image at each of `urls`, and the path of the last address.
fn ask(dialect: &str, model: &str, urls: &[String]) -> (&'static str, Value, String) {
    let images = |make: &dyn Fn(&String) -> Value, text: Value| {
        let mut parts: Vec<Value> = urls.iter().map(make).collect();
        parts.insert(0, text);
        parts
    };
    let last = urls.len();
    let chat = |parts| json!({"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": parts}]});
    match dialect {
        "openai" => {
            let part = |url: &String| json!({"type": "image_url", "image_url": {"url": url}});
            let body = chat(images(&part, json!({"type": "text", "text": "what?"})));
            ("/v1/chat/completions", body, format!("messages[0].content[{last}].image_url.url"))
        }
        "responses" => {
            let part = |url: &String| json!({"type": "input_image", "image_url": url});
            let parts = images(&part, json!({"type": "input_text", "text": "what?"}));
            let body = json!({"model": model, "input": [{"role": "user", "content": parts}]});
            ("/v1/responses", body, format!("input[0].content[{last}].image_url"))
        }
        "anthropic" | "kong" => {
            let part =
                |url: &String| json!({"type": "image", "source": {"type": "url", "url": url}});
            let body = chat(images(&part, json!({"type": "text", "text": "what?"})));
            let path = if dialect == "kong" { "/v1/chat" } else { "/v1/messages" };
            (path, body, format!("messages[0].content[{last}].source.url"))
        }
        other => panic!("no dialect {other}"),
    }
}

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[tokio::test]
async fn images_arrive_as_bytes_in_every_dialect() {
    let files = Files::start().await;
    let stack = stack(limits()).await;
    let urls = [files.url("dot.png"), files.url("other.png"), files.url("dot.png")];
    for dialect in DIALECTS {
        for (model, bytes) in [
            (CLAUDE, r#""media_type":"image/png","data":"#),
            (NOVA, r#"{"format":"png","source":{"bytes":"#),
        ] {
            let (path, body, _) = ask(dialect, model, &urls);
            let answer = stack.post(path, &body).await;
            assert_eq!(answer.status, 200, "{dialect} {model}: {}", answer.text());
            assert_eq!(answer.header("x-outcrop-loss"), "", "{dialect} {model}");
            let sent = stack.emulator.requests().last().unwrap().body.clone();
            let sent = String::from_utf8(sent.to_vec()).unwrap();
            assert_eq!(count(&sent, &format!("{bytes}\"{PNG64}\"")), 3, "{sent}");
            assert_eq!(files.asked(), ["dot.png", "other.png"], "{dialect} {model}: once each");
        }
    }
}

/// Anthropic's body for InvokeModel, translated: its media are fetched as any other's.
#[tokio::test]
async fn images_of_an_enveloped_body_arrive_too() {
    let files = Files::start().await;
    let stack = stack(limits()).await;
    let (_, mut body, _) = ask("anthropic", NOVA, &[files.url("dot.png")]);
    body.as_object_mut().unwrap().remove("model");
    body["anthropic_version"] = json!("bedrock-2023-05-31");
    let answer = stack.post(&invoke_path(NOVA, false), &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let image = &stack.upstream_body()["messages"][0]["content"][1]["image"];
    assert_eq!(*image, json!({"format": "png", "source": {"bytes": PNG64}}));
}

#[tokio::test]
async fn a_relayed_body_changes_nowhere_else() {
    let files = Files::start().await;
    let stack = stack(limits()).await;
    let source = format!(r#"{{"type":"url","url":"{}"}}"#, files.url("dot.png"));
    let messages = format!(
        r#"[{{"role":"user","content":[ {{"type":"image", "source":{source}}},{{"type":"text","text":"caf\u00e9 1.50"}}]}},
        {{"role":"assistant","content":[{{"type":"tool_use","id":"t","name":"look","input":{{"url":"{}"}}}}]}},
        {{"role":"user","content":[{{"type":"tool_result","tool_use_id":"t","content":[{{"type":"image","source":{source}}}]}}]}}]"#,
        files.url("dot.png")
    );
    let tools = r#"[{"name":"look","input_schema":{"type":"object"}}]"#;
    let body =
        format!(r#"{{"model":"{CLAUDE}","max_tokens":9,"tools":{tools},"messages":{messages}}}"#);
    for path in ["/v1/messages", "/v1/messages/count_tokens"] {
        let answer = stack.send(http::Method::POST, path, &[], body.clone()).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(files.asked(), ["dot.png"]);
    }
    let bytes = format!(r#"{{"type":"base64","media_type":"image/png","data":"{PNG64}"}}"#);
    let expected = format!(
        r#"{{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"tools":{tools},"messages":{}}}"#,
        messages.replace(&source, &bytes)
    );
    let sent = &stack.emulator.requests()[0].body;
    assert_eq!(String::from_utf8_lossy(sent), expected);
}

#[tokio::test]
async fn documents_have_a_name_from_their_address() {
    let files = Files::start().await;
    let stack = stack(limits()).await;
    let url = files.url("Q3_report.pdf?version=1");
    let text = json!({"type": "text", "text": "what?"});
    let chat = |model: &str, part: Value| json!({"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": [text, part]}]});
    for (path, part, name) in [
        ("/v1/chat/completions", json!({"type": "file", "file": {"file_data": url}}), "Q3-report"),
        ("/v1/chat/completions", json!({"type": "file", "file": {"file_id": url}}), "Q3-report"),
        (
            "/v1/chat/completions",
            json!({"type": "file", "file": {"file_data": url, "filename": "mine.pdf"}}),
            "mine",
        ),
        (
            "/v1/messages",
            json!({"type": "document", "source": {"type": "url", "url": url}}),
            "document",
        ),
    ] {
        let answer = stack.post(path, &chat(NOVA, part.clone())).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent = &stack.upstream_body()["messages"][0]["content"][1]["document"];
        let expected = json!({"format": "pdf", "name": name, "source": {"bytes": PDF64}});
        assert_eq!(sent, &expected, "{part}");
        let answer = stack.post(path, &chat(CLAUDE, part)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent = &stack.upstream_body()["messages"][0]["content"][1]["source"];
        assert_eq!(
            sent,
            &json!({"type": "base64", "media_type": "application/pdf", "data": PDF64})
        );
    }
    let part = json!({"type": "input_file", "file_url": url});
    let body = json!({"model": NOVA, "input": [{"role": "user", "content": [part, {"type": "input_text", "text": "what?"}]}]});
    let answer = stack.post("/v1/responses", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = &stack.upstream_body()["messages"][0]["content"][0]["document"];
    assert_eq!(sent["name"], "Q3-report");
}

#[tokio::test]
async fn bytes_are_kept_for_later_attempts_and_later_turns() {
    let files = Files::start().await;
    let stack = stack(limits()).await;
    let (path, body, _) = ask("responses", NOVA, &[files.url("dot.png")]);
    stack.fault("error=ThrottlingException", 1);
    let answer = stack.post(path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(files.asked(), ["dot.png"]);
    let id = answer.json()["id"].clone();
    let next = json!({"model": NOVA, "previous_response_id": id, "input": "and now?"});
    let answer = stack.post(path, &next).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(files.asked().is_empty());
    assert!(stack.upstream_body().to_string().contains(PNG64));
}

/// An address may answer once only.
#[tokio::test]
async fn another_target_gets_what_was_fetched_for_the_first() {
    let files = Files::start().await;
    let options = Options { media: limits(), ..Options::default() };
    let (stack, second, _) = pair_with(options, Policy::default()).await;
    for dialect in DIALECTS {
        stack.fault("error=InternalServerException", 1);
        let urls = [files.url("other.png"), files.url("dot.png")];
        let (path, body, _) = ask(dialect, NOVA, &urls);
        let answer = stack.post(path, &body).await;
        assert_eq!(answer.status, 200, "{dialect}: {}", answer.text());
        assert_eq!(files.asked(), ["dot.png", "other.png"], "{dialect}: once each");
        let sent = second.requests().last().unwrap().body.clone();
        assert_eq!(count(&String::from_utf8_lossy(&sent), PNG64), 2, "{dialect}");
    }
    assert_eq!(second.requests().len(), DIALECTS.len());
}

/// What is fetched for one target counts for the next.
#[tokio::test]
async fn the_bytes_and_addresses_of_a_request_are_those_of_all_its_targets() {
    let files = Files::start().await;
    let most = |max_total, max_count| Limits { max_total, max_count, ..limits() };
    for (limits, words) in [
        (most(2 * PNG.len() - 1, 9), Some("left of 31 bytes")),
        (most(99, 1), Some("one address too many")),
        (most(2 * PNG.len(), 2), None),
    ] {
        let options = Options { media: limits, ..Options::default() };
        let (stack, second, mut config) = pair_with(options, Policy::default()).await;
        let (path, body, _) = ask("openai", NOVA, &[files.url("dot.png")]);
        let (_, other, _) = ask("openai", NOVA, &[files.url("other.png?longer")]);
        let value = other["messages"].to_string();
        let edit = BodyEdit::Set { path: "messages".to_owned(), value, mode: Mode::Override };
        config.routes[0].targets[1].body.push(edit);
        stack.reload(config).await;
        stack.fault("error=InternalServerException", 1);
        let answer = stack.post(path, &body).await;
        match words {
            Some(words) => {
                assert!(answer.status.is_client_error(), "{}", answer.text());
                assert!(answer.text().contains(words), "{words}: {}", answer.text());
                assert!(second.requests().is_empty(), "{words}");
            }
            None => assert_eq!(answer.status, 200, "{}", answer.text()),
        }
    }
}

#[tokio::test]
async fn nothing_is_fetched_for_a_model_that_sees_nothing() {
    let files = Files::start().await;
    let stack = stack(limits()).await;
    for dialect in DIALECTS {
        for (model, words) in [
            (MICRO, "takes no images"),
            ("bedrock/amazon.nova-micro-v1:0", "takes no images"),
            ("amazon.titan-embed-text-v2:0", "embedding"),
            ("../model", "No model has such an id"),
            ("", "model"),
        ] {
            let (path, body, _) = ask(dialect, model, &[files.url("dot.png")]);
            let answer = stack.post(path, &body).await;
            assert!(answer.status.is_client_error(), "{}", answer.text());
            assert!(answer.text().contains(words), "{dialect} {model}: {}", answer.text());
        }
    }
    assert!(files.asked().is_empty());
}

/// An error of the dialect, which names the path and what to do, and gives nothing away.
fn check_error(dialect: &str, answer: &Answer, status: u16, path: &str, words: &str) {
    let text = answer.text();
    assert_eq!(answer.status, status, "{dialect}: {text}");
    let error = &answer.json()["error"];
    match dialect {
        "openai" | "responses" => assert_eq!(error["param"], path, "{text}"),
        "anthropic" => assert!(answer.json()["type"] == "error", "{text}"),
        _ => assert!(error.is_string(), "{text}"),
    }
    // That surface has one fixed text for whatever goes wrong behind it.
    let is_told = dialect != "kong" || status < 500;
    assert!(!is_told || text.contains(path) && text.contains(words), "{dialect}: {text}");
    for hidden in ["10.0.0.7", "secret", "127.0.0.1", "trace"] {
        assert!(!text.contains(hidden), "{dialect}: {text}");
    }
}

#[tokio::test]
async fn failures_are_told_in_every_dialect_before_anything_is_sent() {
    let files = Files::start().await;
    let stack = stack(limits()).await;
    for (file, status, words) in [
        ("missing.png", 400, "status 404"),
        ("page.png", 400, "leads to text/html"),
        ("inner.png", 400, "--fetch-allow"),
        ("large.png", 413, "more than 256 bytes"),
        ("broken.png", 502, "status 503"),
    ] {
        for dialect in DIALECTS {
            let (path, body, place) =
                ask(dialect, CLAUDE, &[files.url("dot.png"), files.url(file)]);
            let answer = stack.post(path, &body).await;
            check_error(dialect, &answer, status, &place, words);
        }
    }
    let urls: Vec<String> = (0..4).map(|i| files.url(&format!("{i}.png"))).collect();
    for dialect in DIALECTS {
        files.asked();
        let (path, body, place) = ask(dialect, NOVA, &urls);
        check_error(dialect, &stack.post(path, &body).await, 400, &place, "at most 3");
        assert!(files.asked().is_empty());
    }
    assert!(stack.emulator.requests().is_empty());
}

#[tokio::test]
async fn a_slow_server_is_no_longer_waited_for() {
    let files = Files::start().await;
    let mut stack = stack(Limits { timeout: Duration::from_millis(50), ..limits() }).await;
    for dialect in ["openai", "responses", "anthropic"] {
        let (path, body, place) = ask(dialect, NOVA, &[files.url("silent.png")]);
        check_error(dialect, &stack.post(path, &body).await, 504, &place, "in time");
        let receipt = stack.receipt().await;
        assert_eq!((receipt.model.as_str(), receipt.status, receipt.attempts), (NOVA, 504, 0));
        let detail = receipt.detail.unwrap();
        assert!(detail.contains("media by address") && !detail.contains("127."), "{detail}");
    }
    assert!(stack.emulator.requests().is_empty());
}

#[tokio::test]
async fn what_the_operator_does_not_allow_is_refused() {
    let files = Files::start().await;
    let default = stack(Limits::default()).await;
    let no_private = stack(Limits { allowed: Vec::new(), ..limits() }).await;
    let off = stack(Limits { reach: Reach::Off, ..limits() }).await;
    let port = files.address.port();
    for dialect in DIALECTS {
        for (stack, url, words) in [
            (&default, files.url("dot.png"), "--fetch-http"),
            (&default, format!("https://localhost:{port}/dot.png"), "--fetch-allow"),
            (&no_private, format!("http://[::1]:{port}/dot.png"), "--fetch-allow"),
            (&no_private, format!("http://2130706433:{port}/dot.png"), "--fetch-allow"),
            (&no_private, "http://169.254.169.254/latest/meta-data/".into(), "--fetch-allow"),
            (&no_private, format!("http://u:p@localhost:{port}/dot.png"), "user name"),
            (&off, files.url("dot.png"), "--fetch-media"),
        ] {
            let (path, body, place) = ask(dialect, CLAUDE, &[url]);
            check_error(dialect, &stack.post(path, &body).await, 400, &place, words);
            assert!(stack.emulator.requests().is_empty());
        }
    }
    assert!(files.asked().is_empty());
}

#[tokio::test]
async fn s3_is_for_bedrock_to_read() {
    let stack = stack(limits()).await;
    let url = "s3://bucket/dot.png";
    for dialect in ["openai", "responses", "anthropic"] {
        let (path, body, _) = ask(dialect, NOVA, &[url.to_owned()]);
        let answer = stack.post(path, &body).await;
        assert_eq!(answer.status, 200, "{dialect}: {}", answer.text());
        let sent = &stack.upstream_body()["messages"][0]["content"][1]["image"];
        let expected = json!({"format": "png", "source": {"s3Location": {"uri": url}}});
        assert_eq!(sent, &expected, "{dialect}");
    }
    let (path, body, _) = ask("openai", CLAUDE, &[url.to_owned()]);
    let answer = stack.post(path, &body).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("reads no addresses"), "{}", answer.text());
}
