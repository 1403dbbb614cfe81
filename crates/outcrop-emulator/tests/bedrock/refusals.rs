//! What is refused, and in which order the checks come.

use outcrop_emulator::Config;
use serde_json::{Value, json};

use crate::client::{Answer, Ask, HAIKU, NOVA, SONNET, emulator, with};
use crate::converse::hello;

fn check(answer: &Answer, status: u16, name: &str, part: &str) {
    let (found_status, found, message) = answer.refusal();
    assert_eq!((found_status, found.as_str()), (status, name), "{message}");
    assert!(message.contains(part), "{message}");
}

#[tokio::test]
async fn unknown_operations_come_before_authentication() {
    let emulator = emulator().await;
    for (method, path) in
        [("POST", "/nothing"), ("GET", "/model/x/converse"), ("POST", "/model/a/b/converse")]
    {
        let mut ask = Ask::new(method, path);
        ask.key.1 = "wrong".into();
        check(&ask.send(&emulator).await, 404, "UnknownOperationException", "");
    }
}

#[tokio::test]
async fn models_resolve_or_say_why_not() {
    let config = Config { denied_models: vec!["amazon.nova-pro-v1:0".into()], ..Config::default() };
    let emulator = with(config).await;
    let cases = [
        ("nonsense", 400, "ValidationException", "The provided model identifier is invalid."),
        ("not%20an%20id", 400, "ValidationException", "The provided model identifier is invalid."),
        (
            "anthropic.claude-nope",
            404,
            "ResourceNotFoundException",
            "Could not resolve the foundation model",
        ),
        ("anthropic.claude-v2%3A1", 404, "ResourceNotFoundException", "end of its life"),
        ("amazon.nova-pro-v1%3A0", 403, "AccessDeniedException", "You don't have access"),
        (
            "anthropic.claude-sonnet-4-5-20250929-v1%3A0",
            400,
            "ValidationException",
            "with on-demand throughput isn\u{2019}t supported",
        ),
        (
            "eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0",
            400,
            "ValidationException",
            "identifier is invalid",
        ),
        ("amazon.titan-embed-text-v2%3A0", 400, "ValidationException", "text or chat model"),
    ];
    for (model, status, name, part) in cases {
        let answer = Ask::post(model, "converse", &hello()).send(&emulator).await;
        check(&answer, status, name, part);
    }
}

#[tokio::test]
async fn bodies_are_json_of_the_service_model() {
    let emulator = emulator().await;
    let mut ask = Ask::post(HAIKU, "converse", &hello());
    ask.body = b"{\"messages\": [".to_vec();
    check(&ask.send(&emulator).await, 400, "SerializationException", "not JSON");
    let role = json!({"messages": [{"role": "bogus", "content": [{"text": "x"}]}]});
    let answer = Ask::post(HAIKU, "converse", &role).send(&emulator).await;
    check(
        &answer,
        400,
        "ValidationException",
        "1 validation error detected: Value 'bogus' at 'messages.1.member.role' failed to satisfy constraint",
    );
    let hot = json!({"messages": [{"role": "user", "content": [{"text": "x"}]}], "inferenceConfig": {"temperature": 2}});
    let answer = Ask::post(HAIKU, "converse", &hot).send(&emulator).await;
    check(&answer, 400, "ValidationException", "inferenceConfig.temperature");
    let answer = Ask::post(HAIKU, "converse", &json!({"messages": "x"})).send(&emulator).await;
    check(&answer, 400, "SerializationException", "");
}

#[tokio::test]
async fn conversations_follow_the_rules() {
    let emulator = emulator().await;
    let assistant = json!({"messages": [{"role": "assistant", "content": [{"text": "x"}]}]});
    for verb in ["converse", "converse-stream"] {
        let answer = Ask::post(HAIKU, verb, &assistant).send(&emulator).await;
        check(
            &answer,
            400,
            "ValidationException",
            "A conversation must start with a user message.",
        );
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() {
    let emulator = emulator().await;
    let mut ask = Ask::post(HAIKU, "converse", &Value::Null);
    ask.body = vec![b' '; 25_000_001];
    let answer = ask.send(&emulator).await;
    assert_eq!(answer.status, 413);
    assert!(answer.headers.get("x-amzn-errortype").is_none());
}

#[tokio::test]
async fn a_prompt_that_is_too_long_is_told_as_the_api_tells_it() {
    let emulator = emulator().await;
    let text = "a ".repeat(200_001);
    let converse = json!({"messages": [{"role": "user", "content": [{"text": text}]}]});
    let answer = Ask::post(SONNET, "converse", &converse).send(&emulator).await;
    check(&answer, 400, "ValidationException", "Input is too long for requested model.");
    let invoke = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": text}]});
    let answer = Ask::post(SONNET, "invoke", &invoke).send(&emulator).await;
    check(&answer, 400, "ValidationException", "prompt is too long: 200");
    assert!(answer.refusal().2.ends_with("tokens > 200000 maximum"));
}

#[tokio::test]
async fn mistakes_in_our_own_headers_are_told() {
    let emulator = emulator().await;
    let ask = Ask::post(NOVA, "converse", &hello());
    check(
        &ask.clone().fault("explode").send(&emulator).await,
        400,
        "ValidationException",
        "unknown fault 'explode'",
    );
    check(
        &ask.engine("steam").send(&emulator).await,
        400,
        "ValidationException",
        "unknown engine 'steam'",
    );
}
