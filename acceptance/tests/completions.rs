//! `POST /v1/completions`: OpenAI's legacy text completions over a chat.

use outcrop_model::{Dialect, Fidelity};
use serde_json::{Value, json};

use crate::support::{CLAUDE, NOVA, Options, Stack};

const PATH: &str = "/v1/completions";

fn ask(model: &str, more: Value) -> Value {
    let mut body = json!({"model": model, "prompt": "say:one two three", "max_tokens": 50});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn a_whole_completion() {
    let mut stack = Stack::start().await;
    for model in [NOVA, CLAUDE] {
        for path in [PATH, "/openai/v1/completions"] {
            let answer = stack.post(path, &ask(model, json!({}))).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let body = answer.json();
            assert_eq!(
                (&body["object"], &body["model"]),
                (&json!("text_completion"), &json!(model))
            );
            assert!(body["id"].as_str().unwrap().starts_with("cmpl-"), "{body}");
            let choice = json!({"text": "one two three", "index": 0, "logprobs": null, "finish_reason": "stop"});
            assert_eq!(body["choices"], json!([choice]));
            let usage = &body["usage"];
            let sum = usage["prompt_tokens"].as_u64().unwrap()
                + usage["completion_tokens"].as_u64().unwrap();
            assert_eq!(usage["total_tokens"], sum);
            assert_eq!(answer.header("x-outcrop-loss"), "");
            let receipt = stack.receipt().await;
            assert_eq!((receipt.operation, receipt.dialect), ("completions", Dialect::OpenAiText));
            assert!(receipt.usage.unwrap().output > 0 && receipt.model == model);
        }
    }
}

#[tokio::test]
async fn a_streamed_completion() {
    let stack = Stack::start().await;
    for model in [NOVA, CLAUDE] {
        let more = json!({"stream": true, "stream_options": {"include_usage": true}});
        let answer = stack.post(PATH, &ask(model, more)).await;
        assert_eq!(answer.header("content-type"), "text/event-stream");
        assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
        let events = answer.events();
        assert!(events.len() > 3 && events.iter().all(|e| e["object"] == "text_completion"));
        let text: String = events.iter().filter_map(|e| e["choices"][0]["text"].as_str()).collect();
        assert_eq!(text, "one two three");
        let [.., stop, usage] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(stop["choices"][0]["finish_reason"], "stop");
        assert!(
            usage["usage"]["total_tokens"].as_u64().unwrap() > 0 && usage["choices"] == json!([])
        );
    }
}

#[tokio::test]
async fn the_limit_is_sixteen_unless_told_otherwise() {
    let stack = Stack::start().await;
    let body = json!({"model": NOVA, "prompt": "lorem:100"});
    let answer = stack.post(PATH, &body).await.json();
    assert_eq!(answer["choices"][0]["finish_reason"], "length", "{answer}");
    assert_eq!(answer["usage"]["completion_tokens"], 16);
}

#[tokio::test]
async fn what_chats_cannot_do_is_told() {
    let stack = Stack::start().await;
    let extras = json!({"echo": true, "best_of": 2, "logprobs": 3});
    let answer = stack.post(PATH, &ask(NOVA, extras.clone())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    for name in ["echo", "best_of", "logprobs"] {
        assert!(answer.header("x-outcrop-loss").contains(name), "{name}");
    }
    let thinking = ask(
        CLAUDE,
        json!({"reasoning_effort": "low", "max_tokens": 4000, "prompt": "think:hm say:yes"}),
    );
    let answer = stack.post(PATH, &thinking).await;
    assert_eq!(answer.json()["choices"][0]["text"], "yes", "{}", answer.text());
    assert!(
        answer.header("x-outcrop-loss").contains("thinking"),
        "{}",
        answer.header("x-outcrop-loss")
    );
    let strict = Stack::with(Options { fidelity: Fidelity::Strict, ..Options::default() }).await;
    assert_eq!(strict.post(PATH, &ask(NOVA, extras)).await.status, 400);
    assert_eq!(strict.post(PATH, &ask(NOVA, json!({}))).await.status, 200);
}

#[tokio::test]
async fn errors_are_openais_before_and_inside_the_stream() {
    let stack = Stack::start().await;
    stack.fault("error=ThrottlingException", 1);
    let answer = stack.post(PATH, &ask(NOVA, json!({}))).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.json()["error"]["code"], "rate_limit_exceeded");
    stack.fault("stream-error=throttlingException;after=3", 1);
    let text = stack.post(PATH, &ask(NOVA, json!({"stream": true}))).await.text();
    assert!(text.contains("\"error\"") && !text.contains("[DONE]"), "{text}");
}
