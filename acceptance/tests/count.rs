//! `POST /v1/messages/count_tokens`: Bedrock's own count, or an estimate that says that it is one.

use outcrop_core::Uncounted;
use outcrop_model::{Carrier, Fidelity};
use serde_json::{Value, json};

use crate::support::{CLAUDE, NOVA, Options, Stack};

const PATH: &str = "/v1/messages/count_tokens";
const CLAUDE_FOUNDATION: &str = "anthropic.claude-sonnet-4-5-20250929-v1%3A0";

fn ask(model: &str) -> Value {
    json!({"model": model, "system": "Be brief.", "messages": [{"role": "user", "content": "how many tokens are these?"}]})
}

#[tokio::test]
async fn the_count_is_what_the_chat_then_uses() {
    let mut stack = Stack::start().await;
    for (model, path) in [(CLAUDE, CLAUDE_FOUNDATION.to_owned()), (NOVA, NOVA.replace(':', "%3A"))]
    {
        let counted = stack.post(PATH, &ask(model)).await;
        assert_eq!(counted.status, 200, "{}", counted.text());
        let sent = stack.emulator.requests().last().unwrap().raw_path.clone();
        assert_eq!(sent, format!("/model/{path}/count-tokens"));
        assert_eq!(counted.header("x-outcrop-estimate"), "");
        let receipt = stack.receipt().await;
        assert_eq!(
            (receipt.operation, receipt.carrier),
            ("count_messages", Some(Carrier::CountTokens))
        );
        assert_eq!((receipt.model.as_str(), receipt.usage, receipt.attempts), (model, None, 1));
        assert_eq!(receipt.outcome.as_str(), "completed");
        let mut body = ask(model);
        body["max_tokens"] = json!(50);
        let chat = stack.post("/v1/messages", &body).await.json();
        assert_eq!(counted.json(), json!({"input_tokens": chat["usage"]["input_tokens"]}));
        stack.receipt().await;
    }
}

#[tokio::test]
async fn tools_thinking_and_profiles_are_counted_too() {
    let stack = Stack::start().await;
    let tool = json!({"name": "clock", "description": "d", "input_schema": {"type": "object"}});
    let arn = format!("arn:aws:bedrock:us-east-1:123456789012:inference-profile/{CLAUDE}");
    let opaque =
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6";
    for (model, more) in [
        (CLAUDE, json!({"tools": [tool], "thinking": {"type": "enabled", "budget_tokens": 2048}})),
        (CLAUDE, json!({"tools": [], "stream": true})),
        (NOVA, json!({"tools": [tool]})),
        (&*arn, json!({})),
        (opaque, json!({})),
    ] {
        let mut body = ask(model);
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        for path in [PATH, "/anthropic/v1/messages/count_tokens"] {
            let answer = stack.post(path, &body).await;
            assert_eq!(answer.status, 200, "{body}: {}", answer.text());
            assert!(answer.json()["input_tokens"].as_u64().unwrap() > 5, "{}", answer.text());
            assert_eq!(answer.header("x-outcrop-estimate"), "", "{body}");
        }
    }
}

const REFUSALS: [&str; 4] = [
    "error=ValidationException;message=The provided model doesn't support counting tokens.",
    "error=AccessDeniedException",
    "error=UnknownOperationException",
    "error=ResourceNotFoundException",
];

#[tokio::test]
async fn where_bedrock_does_not_count_the_estimate_is_marked() {
    let mut stack = Stack::start().await;
    for refusal in REFUSALS {
        stack.fault(refusal, 1);
        let answer = stack.post(PATH, &ask(CLAUDE)).await;
        assert_eq!(answer.status, 200, "{refusal}: {}", answer.text());
        assert_eq!(answer.header("x-outcrop-estimate"), "true", "{refusal}");
        assert!(answer.header("x-outcrop-loss").contains("input_tokens"), "{refusal}");
        assert!(answer.json()["input_tokens"].as_u64().unwrap() > 5, "{}", answer.text());
        let receipt = stack.receipt().await;
        assert_eq!((receipt.losses, receipt.outcome.as_str()), (1, "completed"), "{refusal}");
    }
    assert_eq!(stack.get("/health").await.json()["upstream"], "unknown");
}

#[tokio::test]
async fn an_operator_who_wants_exact_counts_gets_no_other() {
    let options = Options { uncounted: Uncounted::Refuse, ..Options::default() };
    let mut stack = Stack::with(options).await;
    for refusal in REFUSALS {
        stack.fault(refusal, 1);
        let answer = stack.post(PATH, &ask(CLAUDE)).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-should-retry")), (501, "false"));
        assert_eq!(answer.json()["type"], "error", "{}", answer.text());
        assert_eq!(stack.receipt().await.outcome.as_str(), "not_supported");
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_request_is_no_reason_to_estimate() {
    let stack = Stack::start().await;
    for (fault, status) in [
        ("error=ValidationException;message=messages: roles must alternate", 400),
        ("error=ThrottlingException", 429),
        ("error=InternalServerException", 500),
        ("error=UnrecognizedClientException", 502),
        ("empty", 502),
    ] {
        stack.fault(fault, 1);
        let answer = stack.post(PATH, &ask(CLAUDE)).await;
        assert_eq!(answer.status, status, "{fault}: {}", answer.text());
        assert_eq!(answer.json()["type"], "error", "{fault}");
    }
    let answer = stack.post(PATH, &ask("anthropic.claude-nonsense-9")).await;
    assert_eq!(answer.status, 404, "{}", answer.text());
}

#[tokio::test]
async fn losses_are_told_and_strict_refuses_them() {
    let mut body = ask(CLAUDE);
    body["anthropic_beta"] = json!(["files-api-2025-04-14"]);
    let stack = Stack::start().await;
    let answer = stack.post(PATH, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.header("x-outcrop-loss").contains("files-api-2025-04-14"));
    let strict = Stack::with(Options { fidelity: Fidelity::Strict, ..Options::default() }).await;
    assert_eq!(strict.post(PATH, &body).await.status, 400);
}

#[tokio::test]
async fn responses_are_counted_with_what_they_go_on_from() {
    let mut stack = Stack::start().await;
    for model in [CLAUDE, NOVA] {
        let first = stack.post("/v1/responses", &json!({"model": model, "input": "hello"})).await;
        let first = first.json();
        stack.receipt().await;
        let ask = json!({"model": model, "instructions": "Be brief.", "input": "how many tokens?", "previous_response_id": first["id"]});
        let counted = stack.post("/openai/v1/responses/input_tokens", &ask).await;
        assert_eq!(counted.status, 200, "{}", counted.text());
        let receipt = stack.receipt().await;
        assert_eq!(
            (receipt.operation, receipt.carrier),
            ("count_responses", Some(Carrier::CountTokens))
        );
        let answer = stack.post("/v1/responses", &ask).await.json();
        let expected = json!({"object": "response.input_tokens", "input_tokens": answer["usage"]["input_tokens"]});
        assert_eq!(counted.json(), expected, "{model}");
        stack.receipt().await;
    }
    let wrong = stack.post("/v1/responses/input_tokens", &json!({"model": NOVA})).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["error"]["param"]), (400, &json!("input")));
}

#[tokio::test]
async fn responses_that_bedrock_does_not_count_are_estimated() {
    let stack = Stack::start().await;
    stack.fault("error=AccessDeniedException", 1);
    let ask = json!({"model": NOVA, "input": "how many tokens are these?"});
    let counted = stack.post("/v1/responses/input_tokens", &ask).await;
    assert_eq!(counted.header("x-outcrop-estimate"), "true", "{}", counted.text());
    assert!(counted.json()["input_tokens"].as_u64().unwrap() > 5);
}

#[tokio::test]
async fn what_carries_the_chat_does_not_decide_whether_it_is_counted() {
    let stack = Stack::start().await;
    let ask = json!({"model": "openai.gpt-oss-120b-1:0", "input": "how many tokens are these?"});
    let counted = stack.post("/v1/responses/input_tokens", &ask).await;
    assert_eq!((counted.status.as_u16(), counted.header("x-outcrop-estimate")), (200, ""));
}

#[tokio::test]
async fn what_does_not_chat_is_not_counted() {
    let stack = Stack::start().await;
    let counted = stack.post(PATH, &ask("amazon.titan-embed-text-v2:0")).await;
    assert_eq!(counted.status, 400, "{}", counted.text());
    assert!(counted.text().contains("/v1/embeddings"), "{}", counted.text());
}
