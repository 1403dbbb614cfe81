//! Browsers: preflights and readable answers, for the pages that the operator names.

use http::Method;
use outcrop_server::{Cors, ServerConfig};
use tokio::io::AsyncReadExt;

use crate::support::{NOVA, Options, Stack, chat};

const PAGE: &str = "http://localhost:3000";
const PREFLIGHT: [(&str, &str); 4] = [
    ("origin", PAGE),
    ("access-control-request-method", "POST"),
    ("access-control-request-headers", "authorization,content-type,x-stainless-lang"),
    ("access-control-request-private-network", "true"),
];

async fn allowing(origins: &[&str]) -> Stack {
    let cors = Cors(origins.iter().map(|origin| origin.parse().unwrap()).collect());
    let server = ServerConfig { cors, ..ServerConfig::default() };
    Stack::with(Options { server, ..Options::default() }).await
}

#[tokio::test]
async fn a_named_page_may_ask_and_read() {
    for (allowed, told) in [(PAGE, PAGE), ("*", "*")] {
        let stack = allowing(&["https://other.example", allowed]).await;
        for path in ["/v1/chat/completions", "/v1/messages", "/v1/models", "/nowhere"] {
            let answer = stack.send(Method::OPTIONS, path, &PREFLIGHT, "").await;
            assert_eq!(answer.status, 204, "{path}: {}", answer.text());
            for (name, value) in [
                ("access-control-allow-origin", told),
                ("access-control-allow-methods", "GET, HEAD, POST, DELETE, OPTIONS"),
                ("access-control-allow-headers", PREFLIGHT[2].1),
                ("access-control-allow-private-network", "true"),
                ("access-control-max-age", "600"),
            ] {
                assert_eq!(answer.header(name), value, "{path}");
            }
            assert!(answer.header("vary").starts_with("origin"));
        }
        for (stream, fault) in
            [(false, None), (true, None), (false, Some("error=ThrottlingException"))]
        {
            if let Some(fault) = fault {
                stack.fault(fault, 1);
            }
            let (path, body) = chat("openai", NOVA, "hi", stream);
            let answer =
                stack.send(Method::POST, &path, &[("origin", PAGE)], body.to_string()).await;
            assert_eq!(answer.header("access-control-allow-origin"), told, "{}", answer.text());
            let exposed: Vec<&str> =
                answer.header("access-control-expose-headers").split(", ").collect();
            for name in answer.headers.keys().map(|name| name.as_str()) {
                let is_told =
                    ["x-", "anthropic-", "retry-after"].iter().any(|b| name.starts_with(b));
                assert!(!is_told || exposed.contains(&name), "{name}: {exposed:?}");
            }
            assert!(exposed.contains(&"x-ratelimit-limit-tokens"), "{exposed:?}");
            assert!(exposed.contains(&"anthropic-ratelimit-tokens-reset"), "{exposed:?}");
            assert_eq!(answer.header("vary"), "origin");
        }
    }
}

#[tokio::test]
async fn other_pages_and_gateways_without_the_setting_say_nothing() {
    for origins in [&["https://other.example"][..], &[]] {
        let stack = allowing(origins).await;
        let answer = stack.send(Method::OPTIONS, "/v1/chat/completions", &PREFLIGHT, "").await;
        assert_eq!(answer.status, 405, "{}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), "");
        let (path, body) = chat("openai", NOVA, "hi", false);
        let answer = stack.send(Method::POST, &path, &[("origin", PAGE)], body.to_string()).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), "");
        assert_eq!(answer.header("vary"), if origins.is_empty() { "" } else { "origin" });
    }
}

/// Whoever is on this machine needs no key, and so pages of elsewhere are kept out that a browser on it shows.
#[tokio::test]
async fn without_keys_no_page_of_elsewhere_is_served() {
    let stack = allowing(&["https://named.example"]).await;
    let (path, body) = chat("openai", NOVA, "hi", false);
    for (name, value, status) in [
        ("origin", "https://other.example", 403),
        ("origin", "null", 403),
        ("origin", "https://named.example", 200),
        ("origin", "http://localhost:5173", 200),
        ("origin", "vscode-webview://abc", 200),
        ("host", "rebound.example", 403),
        ("host", "named.example:8080", 200),
        ("host", "localhost:8080", 200),
        ("host", "host.docker.internal:8080", 200),
        ("host", "gateway", 200),
    ] {
        let given = [("content-type", "text/plain"), (name, value)];
        let answer = stack.send(Method::POST, &path, &given, body.to_string()).await;
        assert_eq!(answer.status, status, "{name}: {value}: {}", answer.text());
        let flag = format!("--cors-origin {}", if value == "null" { "'*'" } else { "https://" });
        assert_eq!(answer.text().contains(&flag), status == 403, "{}", answer.text());
        let models = stack.send(Method::GET, "/v1/models", &given, "").await;
        assert_eq!(models.status, status, "{name}: {value}: {}", models.text());
        let health = stack.send(Method::GET, "/health", &given, "").await;
        assert_eq!(health.status, 200);
    }
    let served = stack.emulator.requests().len();
    assert_eq!(served, 7, "what is refused costs nothing");
    // Without a name at all, as in HTTP/1.0.
    let mut old = stack.say(b"GET /v1/models HTTP/1.0\r\n\r\n").await;
    let mut answer = String::new();
    old.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(" 200 "), "{answer}");
}
