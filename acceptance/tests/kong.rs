//! `POST /v1/chat`, as the Bedrock skill for Kong Gateway describes it.

use http::Method;
use outcrop_config::{BodyEdit, Config, Mode, Target};
use outcrop_model::Dialect;
use serde_json::{Value, json};

use crate::support::{CLAUDE, NOVA, Options, Stack, route};

const PATH: &str = "/v1/chat";

fn ask(model: &str, text: &str) -> Value {
    json!({"model": model, "system": "Be a geologist.", "messages": [{"role": "user", "content": text}]})
}

#[tokio::test]
async fn the_documents_own_example_works() {
    let mut stack = Stack::start().await;
    let body =
        json!({"messages": [{"role": "user", "content": "Hello!"}], "model": "claude-3-sonnet"});
    let answer = stack.post(PATH, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let message = answer.json();
    assert_eq!((&message["type"], &message["role"]), (&json!("message"), &json!("assistant")));
    assert_eq!(message["content"], json!([{"type": "text", "text": "You said: Hello!"}]));
    assert!(message["usage"]["input_tokens"].as_u64().unwrap() > 0);
    let sent = stack.upstream_body();
    assert_eq!(
        (&sent["max_tokens"], &sent["anthropic_version"]),
        (&json!(4096), &json!("bedrock-2023-05-31"))
    );
    let receipt = stack.receipt().await;
    assert_eq!((receipt.operation, receipt.dialect), ("chat", Dialect::KongChat));
    assert_eq!(receipt.model, "anthropic.claude-3-sonnet-20240229-v1:0");
}

#[tokio::test]
async fn both_styles_reach_every_model_with_their_system_text() {
    let stack = Stack::start().await;
    for model in [CLAUDE, NOVA] {
        let mut openai = ask(model, "hi there");
        let part = json!([{"type": "text", "text": "hi there"}]);
        openai["messages"] =
            json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": part}]);
        for body in [ask(model, "hi there"), openai] {
            for stream in [false, true] {
                let mut body = body.clone();
                body["stream"] = json!(stream);
                let answer = stack.post(PATH, &body).await;
                assert_eq!(answer.status, 200, "{body}: {}", answer.text());
                match stream {
                    false => assert_eq!(answer.json()["content"][0]["text"], "You said: hi there"),
                    true => {
                        assert!(answer.text().contains("event: message_stop"), "{}", answer.text())
                    }
                }
                assert_eq!(answer.header("x-outcrop-loss"), "", "{body}");
                let system = stack.upstream_body()["system"].to_string();
                assert!(system.contains("Be a geologist."), "{system}");
                assert_eq!(system.contains("Be brief."), body["messages"][1].is_object());
            }
        }
    }
}

#[tokio::test]
async fn errors_follow_the_documents_table() {
    let stack = Stack::start().await;
    for (fault, status, body) in [
        ("error=ThrottlingException", 429, json!({"error": "Rate limited", "retry_after": 5})),
        (
            "error=ThrottlingException;retry-after=7",
            429,
            json!({"error": "Rate limited", "retry_after": 7}),
        ),
        ("error=AccessDeniedException", 503, json!({"error": "Service unavailable"})),
        ("error=UnrecognizedClientException", 503, json!({"error": "Service unavailable"})),
        ("error=InternalServerException", 502, json!({"error": "Upstream error"})),
        ("error=ServiceUnavailableException", 502, json!({"error": "Upstream error"})),
        ("html=502", 502, json!({"error": "Upstream error"})),
    ] {
        for model in [CLAUDE, NOVA] {
            stack.fault(fault, 1);
            let answer = stack.post(PATH, &ask(model, "hi")).await;
            assert_eq!((answer.status.as_u16(), answer.json()), (status, body.clone()), "{fault}");
        }
    }
    stack.fault("error=ValidationException;message=roles must alternate", 1);
    let answer = stack.post(PATH, &ask(NOVA, "hi")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (400, json!({"error": "roles must alternate"}))
    );
}

/// As `max_tokens` of bedrock-proxy is.
#[tokio::test]
async fn a_default_limit_gives_way_to_the_callers_by_either_name() {
    let limit = BodyEdit::Set {
        path: "max_tokens".to_owned(),
        value: "4096".to_owned(),
        mode: Mode::Default,
    };
    let target =
        Target { model: Some(NOVA.to_owned()), body: vec![limit], ..Target::new("bedrock") };
    let config = Config { routes: vec![route("chat", vec![target])], ..Config::default() };
    let stack = Stack::routing(Options::default(), config).await;
    let names = [(Some("max_tokens"), 500), (Some("max_completion_tokens"), 500), (None, 4096)];
    for (name, most) in names {
        let mut body = ask(NOVA, "hi");
        if let Some(name) = name {
            body[name] = json!(most);
        }
        let answer = stack.post(PATH, &body).await;
        assert_eq!(answer.status, 200, "{name:?}: {}", answer.text());
        assert_eq!(answer.header("x-outcrop-loss"), "", "{name:?}");
        assert_eq!(stack.upstream_body()["inferenceConfig"]["maxTokens"], most, "{name:?}");
    }
}

#[tokio::test]
async fn bad_bodies_are_400_and_name_the_place() {
    let stack = Stack::start().await;
    for (body, place) in [
        ("", "Request body required"),
        ("nope", "JSON"),
        (r#"{"messages":[]}"#, "model"),
        (r#"{"model":"claude-3-haiku"}"#, "messages"),
        (r#"{"model":"claude-3-haiku","messages":7}"#, "messages"),
        (
            r#"{"model":"amazon.nova-lite-v1:0","messages":[{"role":"wizard","content":"x"}]}"#,
            "role",
        ),
        (
            r#"{"model":"amazon.nova-lite-v1:0","system":7,"stop":["x"],"messages":[{"role":"user","content":"x"}]}"#,
            "system",
        ),
    ] {
        let answer = stack.send(Method::POST, PATH, &[], body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        assert!(answer.json()["error"].as_str().unwrap().contains(place), "{}", answer.text());
    }
    let answer = stack.get(PATH).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"));
    assert!(stack.emulator.requests().is_empty());
}
