//! Bedrock's calls beside inference, relayed: control plane, guardrails, jobs, reranking.

use http::Method;
use outcrop_config::Timeouts;
use outcrop_model::Dialect;
use serde_json::{Value, json};

use crate::support::{NOVA, Options, Stack};

const RERANKER: &str = "arn:aws:bedrock:us-east-1::foundation-model/cohere.rerank-v3-5:0";

fn rerank() -> Value {
    let text = |text: &str| json!({"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}});
    json!({
        "queries": [{"type": "TEXT", "textQuery": {"text": "red stone"}}],
        "sources": [text("blue sky"), text("a red stone")],
        "rerankingConfiguration": {"type": "BEDROCK_RERANKING_MODEL", "bedrockRerankingConfiguration": {
            "modelConfiguration": {"modelArn": RERANKER}, "numberOfResults": 1}},
    })
}

fn job(token: Option<&str>) -> Value {
    let mut body = json!({"modelId": "amazon.nova-reel-v1:1", "modelInput": {"text": "a"},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://bucket/out"}}});
    if let Some(token) = token {
        body["clientRequestToken"] = json!(token);
    }
    body
}

fn guarded(text: &str) -> Value {
    json!({"source": "INPUT", "content": [{"text": {"text": text}}]})
}

#[tokio::test]
async fn the_control_plane_answers_through_the_gateway() {
    let mut stack = Stack::start().await;
    for (path, member, operation, model) in [
        ("/foundation-models?byProvider=Amazon", "modelSummaries", "list_foundation_models", ""),
        (
            "/foundation-models/amazon.nova-lite-v1%3A0",
            "modelDetails",
            "get_foundation_model",
            NOVA,
        ),
        (
            "/inference-profiles?type=SYSTEM_DEFINED",
            "inferenceProfileSummaries",
            "list_inference_profiles",
            "",
        ),
        (
            "/inference-profiles/us.amazon.nova-lite-v1:0",
            "inferenceProfileArn",
            "get_inference_profile",
            "",
        ),
    ] {
        let answer = stack.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(!answer.json()[member].is_null(), "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(!answer.header("x-amzn-requestid").is_empty());
        let sent = stack.emulator.requests().last().unwrap().clone();
        let query = path.split_once('?').map_or("", |(_, query)| query);
        assert_eq!(
            (sent.raw_path.as_str(), sent.raw_query.as_str()),
            (path.split('?').next().unwrap(), query)
        );
        let receipt = stack.receipt().await;
        assert_eq!((receipt.operation, receipt.model.as_str()), (operation, model));
        assert_eq!((receipt.status, receipt.attempts, receipt.dialect), (200, 1, Dialect::Native));
        assert_eq!((receipt.carrier, receipt.outcome.as_str()), (None, "completed"));
    }
}

#[tokio::test]
async fn guardrails_jobs_and_reranking_answer_through_the_gateway() {
    let mut stack = Stack::start().await;
    let path = "/guardrail/wordfilter/version/DRAFT/apply";
    let answer = stack.post(path, &guarded("a forbidden word")).await;
    assert_eq!(answer.json()["action"], "GUARDRAIL_INTERVENED", "{}", answer.text());
    let arn = "arn:aws:bedrock:us-east-1:123456789012:guardrail/wordfilter";
    let answer = stack.post(&format!("/guardrail/{arn}/version/1/apply"), &guarded("x")).await;
    assert_eq!(answer.json()["action"], "NONE", "{}", answer.text());
    let checks = json!({"messages": [{"role": "user", "content": [{"text": "hate"}]}],
        "checks": {"contentFilter": {"categories": [{"category": "HATE"}]}}});
    let answer = stack.post("/guardrail-checks/invoke", &checks).await;
    assert_eq!(answer.json()["results"]["contentFilter"]["results"][0]["severityScore"], 1.0);
    let answer = stack.post("/rerank", &rerank()).await;
    assert_eq!(answer.json()["results"], json!([{"index": 1, "relevanceScore": 1.0}]));
    let started = stack.post("/async-invoke", &job(Some("t"))).await.json();
    let arn = started["invocationArn"].as_str().unwrap();
    let encoded = arn.replace(':', "%3A").replace('/', "%2F");
    for form in [arn, &encoded] {
        let answer = stack.get(&format!("/async-invoke/{form}")).await;
        assert_eq!(answer.json()["invocationArn"], *arn, "{}", answer.text());
    }
    let answer = stack.get("/async-invoke?statusEquals=Completed&maxResults=5").await;
    assert_eq!(answer.json()["asyncInvokeSummaries"].as_array().unwrap().len(), 1);
    for (operation, model) in [
        ("apply_guardrail", ""),
        ("apply_guardrail", ""),
        ("invoke_guardrail_checks", ""),
        ("rerank", RERANKER),
        ("start_async_invoke", "amazon.nova-reel-v1:1"),
        ("get_async_invoke", ""),
        ("get_async_invoke", ""),
        ("list_async_invokes", ""),
    ] {
        let receipt = stack.receipt().await;
        assert_eq!((receipt.operation, receipt.model.as_str()), (operation, model));
    }
}

#[tokio::test]
async fn refusals_come_in_bedrocks_words() {
    let stack = Stack::start().await;
    let body = guarded("x");
    for (method, path, body, status, name) in [
        (
            Method::GET,
            "/foundation-models/amazon.nothing",
            &json!(null),
            404,
            "ResourceNotFoundException",
        ),
        (Method::POST, "/guardrail/other/version/1/apply", &body, 404, "ResourceNotFoundException"),
        (Method::POST, "/rerank", &json!({}), 400, "ValidationException"),
        (Method::POST, "/async-invoke", &json!("nope"), 400, "ValidationException"),
        (Method::DELETE, "/async-invoke", &json!(null), 405, "UnknownOperationException"),
        (Method::GET, "/guardrail/x/apply", &json!(null), 404, "UnknownOperationException"),
    ] {
        let answer = stack.send(method, path, &[], body.to_string()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-amzn-errortype")),
            (status, name),
            "{path}: {}",
            answer.text()
        );
        assert!(answer.json()["message"].is_string(), "{path}");
    }
}

#[tokio::test]
async fn the_gateways_own_standing_is_not_the_callers() {
    let mut stack = Stack::start().await;
    for (fault, class) in [
        ("error=AccessDeniedException", "access_denied"),
        ("error=UnrecognizedClientException", "bad_credentials"),
        ("error=UnknownOperationException", "wrong_endpoint"),
    ] {
        stack.fault(fault, 1);
        let answer = stack.get("/foundation-models").await;
        assert_eq!(answer.status, 502, "{fault}: {}", answer.text());
        assert!(!answer.text().contains("use this model"), "{}", answer.text());
        assert_eq!(stack.receipt().await.outcome.as_str(), class);
    }
    stack.fault("empty", 1);
    assert_eq!(stack.get("/inference-profiles").await.status, 424);
}

#[tokio::test]
async fn only_what_cannot_happen_twice_is_sent_again() {
    let options = Options { attempts: 3, timeouts: Timeouts::default(), ..Options::default() };
    let mut stack = Stack::with(options).await;
    for (body, status, attempts) in [(job(Some("t")), 200, 2), (job(None), 500, 1)] {
        stack.emulator.clear_faults();
        stack.fault("error=InternalServerException", 1);
        assert_eq!(stack.post("/async-invoke", &body).await.status, status, "{body}");
        assert_eq!(stack.receipt().await.attempts, attempts, "{body}");
    }
}
