//! The vendors' own APIs, on the runtime and on mantle.

use serde_json::{Value, json};

use crate::client::{Answer, Ask, emulator};

const SONNET: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const BARE: &str = "anthropic.claude-sonnet-4-5-20250929";

fn ask(service: &str, path: &str, body: &Value) -> Ask {
    let mut ask = Ask::new("POST", path);
    ask.service = service.into();
    ask.body = body.to_string().into_bytes();
    ask.header("anthropic-version", "2023-06-01")
}

fn hello(model: &str) -> Value {
    json!({"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "one two"}]})
}

/// The data of each event.
fn events(answer: &Answer) -> Vec<String> {
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
}

fn error(answer: &Answer) -> (u16, Value) {
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    (answer.status.as_u16(), body["error"].clone())
}

#[tokio::test]
async fn messages_are_answered_on_both_hosts() {
    let emulator = emulator().await;
    for (service, path, model) in [
        ("bedrock", "/anthropic/v1/messages", SONNET),
        ("bedrock-mantle", "/anthropic/v1/messages", BARE),
        ("bedrock-mantle", "/mantle/anthropic/v1/messages", BARE),
    ] {
        let answer = ask(service, path, &hello(model)).send(&emulator).await.ok().json();
        assert_eq!(answer["content"][0]["text"], "You said: one two", "{path}");
        assert!(answer["usage"]["output_tokens"].as_u64().unwrap() > 0);
        let mut body = hello(model);
        body["stream"] = json!(true);
        let answer = ask(service, path, &body).send(&emulator).await.ok();
        assert_eq!(answer.headers["content-type"], "text/event-stream");
        let events = events(&answer);
        assert!(events[0].contains("message_start"), "{events:?}");
        assert_eq!(events.last().unwrap(), r#"{"type":"message_stop"}"#);
    }
}

#[tokio::test]
async fn chats_are_answered_by_the_models_own_prefix() {
    let emulator = emulator().await;
    let gpt = "openai.gpt-5.6-sol";
    for (service, path, model, fits) in [
        ("bedrock", "/openai/v1/chat/completions", "openai.gpt-oss-120b-1:0", true),
        ("bedrock", "/openai/v1/chat/completions", "us.openai.gpt-5.6-sol", true),
        ("bedrock", "/openai/v1/chat/completions", SONNET, false),
        ("bedrock-mantle", "/v1/chat/completions", "openai.gpt-oss-120b", true),
        ("bedrock-mantle", "/openai/v1/chat/completions", "openai.gpt-oss-120b", false),
        ("bedrock-mantle", "/openai/v1/chat/completions", gpt, true),
        ("bedrock-mantle", "/v1/chat/completions", gpt, false),
    ] {
        let answer = ask(service, path, &hello(model)).send(&emulator).await;
        if fits {
            let answer = answer.ok().json();
            assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{path} {model}");
        } else {
            let (status, error) = error(&answer);
            assert_eq!(status, 400, "{path} {model}");
            let message = error["message"].as_str().unwrap();
            assert!(message.ends_with("isn't supported on this route"), "{message}");
        }
    }
}

#[tokio::test]
async fn a_streamed_chat_ends_with_usage_if_asked_and_done() {
    let emulator = emulator().await;
    let mut body = hello("openai.gpt-oss-120b-1:0");
    body["stream"] = json!(true);
    let path = "/openai/v1/chat/completions";
    let plain = events(&ask("bedrock", path, &body).send(&emulator).await.ok());
    assert_eq!(plain.last().unwrap(), "[DONE]");
    assert!(!plain.concat().contains("usage") && !plain.concat().contains("amazon-bedrock"));
    body["stream_options"] = json!({"include_usage": true});
    let counted = events(&ask("bedrock", path, &body).send(&emulator).await.ok());
    assert_eq!(counted.len(), plain.len() + 1);
    let usage: Value = serde_json::from_str(&counted[counted.len() - 2]).unwrap();
    assert!(usage["choices"] == json!([]) && usage["usage"]["total_tokens"].is_u64(), "{usage}");
}

#[tokio::test]
async fn ids_and_members_of_the_other_host_are_refused() {
    let emulator = emulator().await;
    let path = "/anthropic/v1/messages";
    for model in [SONNET, "anthropic.claude-nope"] {
        let (status, error) =
            error(&ask("bedrock-mantle", path, &hello(model)).send(&emulator).await);
        assert_eq!((status, error["type"].as_str()), (404, Some("not_found_error")), "{model}");
    }
    let mut body = hello(SONNET);
    body["anthropic_version"] = json!("bedrock-2023-05-31");
    let (status, found) = error(&ask("bedrock", path, &body).send(&emulator).await);
    assert_eq!(status, 400);
    assert!(found["message"].as_str().unwrap().starts_with("anthropic_version: Extra inputs"));
    let claude_code =
        ask("bedrock", path, &hello(SONNET)).header("anthropic-beta", "claude-code-20250219");
    assert_eq!(error(&claude_code.send(&emulator).await).1["message"], "invalid beta flag");
}

#[tokio::test]
async fn mantle_counts_and_lists() {
    let emulator = emulator().await;
    let path = "/anthropic/v1/messages/count_tokens";
    let mut body = hello(BARE);
    let refused = ask("bedrock-mantle", path, &body).send(&emulator).await;
    assert!(error(&refused).1["message"].as_str().unwrap().starts_with("max_tokens: Extra"));
    body.as_object_mut().unwrap().remove("max_tokens");
    let count = ask("bedrock-mantle", path, &body).send(&emulator).await.ok().json();
    assert!(count["input_tokens"].as_u64().unwrap() >= 2, "{count}");
    let mut list = Ask::get("/mantle/v1/models", "");
    list.service = "bedrock-mantle".into();
    let list = list.send(&emulator).await.ok().json();
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|m| &m["id"]).collect();
    assert!(ids.contains(&&json!("openai.gpt-oss-120b")) && ids.contains(&&json!(BARE)), "{ids:?}");
}

#[tokio::test]
async fn signatures_name_the_host_that_is_asked() {
    let emulator = emulator().await;
    let wrong = ask("bedrock", "/mantle/v1/chat/completions", &hello("openai.gpt-oss-120b"));
    let answer = wrong.send(&emulator).await;
    assert_eq!(answer.refusal().1, "InvalidSignatureException");
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(text.contains("scoped to correct service: 'bedrock-mantle'"), "{text}");
}

#[tokio::test]
async fn faults_are_written_as_the_vendor_writes_them() {
    let emulator = emulator().await;
    let mut body = hello(SONNET);
    body["stream"] = json!(true);
    let path = "/anthropic/v1/messages";
    let whole = ask("bedrock", path, &body).fault("error=ThrottlingException;retry-after=3");
    let answer = whole.send(&emulator).await;
    assert_eq!(error(&answer).1["type"], "rate_limit_error");
    assert_eq!(answer.headers["retry-after"], "3");
    let broken =
        ask("bedrock", path, &body).fault("stream-error=serviceUnavailableException;after=2");
    let events = events(&broken.send(&emulator).await.ok());
    assert_eq!(events.len(), 3);
    assert!(events[2].contains(r#""type":"overloaded_error""#), "{events:?}");
    let mut body = hello("openai.gpt-oss-120b-1:0");
    body["stream"] = json!(true);
    let broken = ask("bedrock", "/openai/v1/chat/completions", &body)
        .fault("stream-error=throttlingException;after=1");
    let events = self::events(&broken.send(&emulator).await.ok());
    assert!(events[1].starts_with(r#"{"error":{"#), "{events:?}");
}
