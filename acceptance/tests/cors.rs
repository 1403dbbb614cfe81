//! Browsers: preflights and readable answers, for the pages that the operator names.

use http::Method;
use outcrop_server::{Cors, ServerConfig};

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
            assert!(answer.header("access-control-expose-headers").contains("x-request-id"));
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
