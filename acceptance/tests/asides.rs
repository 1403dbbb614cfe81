//! Bedrock's calls beside inference, relayed: control plane, guardrails, jobs, reranking.

use http::Method;
use outcrop_config::{
    AttemptTimeouts, BodyEdit, Budget, Config, Limit, Measure, Mode, Origin, Pattern, Selector,
    Target, Window,
};
use outcrop_model::{Dialect, PicoUsd};
use serde_json::{Value, json};

use crate::support::{CLAUDE, NOVA, Options, Stack, chat, route};

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
    let options =
        Options { attempts: 3, timeouts: AttemptTimeouts::default(), ..Options::default() };
    let mut stack = Stack::with(options).await;
    for (body, status, attempts) in [(job(Some("t")), 200, 2), (job(None), 500, 1)] {
        stack.emulator.clear_faults();
        stack.fault("error=InternalServerException", 1);
        assert_eq!(stack.post("/async-invoke", &body).await.status, status, "{body}");
        assert_eq!(stack.receipt().await.attempts, attempts, "{body}");
    }
}

fn of_text(model: &str) -> Value {
    let mut body = job(Some("t"));
    body["modelId"] = json!(model);
    body["modelInput"] = json!({"inputType": "text", "inputText": "a red stone"});
    body
}

const MARENGO: &str = "twelvelabs.marengo-embed-2-7-v1:0";

#[tokio::test]
async fn limits_hold_what_runs_a_model() {
    let of_rerank =
        Selector { models: vec![Pattern::Wildcard("*rerank*".to_owned())], ..Selector::default() };
    let limits = |measure, amount, selector| {
        let (name, origin) = ("few".to_owned(), Origin::default());
        vec![Limit { name, selector, measure, amount, window: Window::Day, origin }]
    };
    let few = limits(Measure::Requests, 1, of_rerank);
    let stack = Stack::with(Options { limits: few, ..Options::default() }).await;
    for (path, body, status) in [
        ("/async-invoke", job(None), 200),
        ("/rerank", rerank(), 200),
        ("/rerank", rerank(), 429),
        ("/async-invoke", job(None), 200),
    ] {
        assert_eq!(stack.post(path, &body).await.status, status, "{path}");
    }

    // A query of Cohere's costs 0.2 cents, a text of Marengo's 0.007.
    let cents = limits(Measure::Money(Budget::default()), 4_100_000_000, Selector::default());
    let mut stack = Stack::with(Options { limits: cents, ..Options::default() }).await;
    let mut many = rerank();
    let source = many["sources"][0].clone();
    many["sources"] = vec![source; 101].into();
    let mut video = of_text(MARENGO);
    video["modelInput"] =
        json!({"inputType": "video", "mediaSource": {"s3Location": {"uri": "s3://b/v.mp4"}}});
    for (path, body, status, cost) in [
        ("/rerank", &many, 200, Some(4_000_000_000)),
        ("/rerank", &rerank(), 429, None),
        ("/async-invoke", &of_text(MARENGO), 200, Some(70_000_000)),
        // Nobody knows what it will have cost.
        ("/async-invoke", &video, 400, None),
        ("/async-invoke", &job(None), 400, None),
        ("/async-invoke", &of_text(MARENGO), 429, None),
    ] {
        let answer = stack.post(path, body).await;
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text());
        let receipt = stack.receipt().await;
        assert_eq!(receipt.cost.map(PicoUsd::get), cost, "{path} {body}");
    }
}

#[tokio::test]
async fn a_routes_model_is_what_runs() {
    let stack = |model: &str| {
        let target = Target { model: Some(model.to_owned()), ..Target::new("bedrock") };
        let routes = vec![route("all", vec![target])];
        Stack::routing(Options::default(), Config { routes, ..Config::default() })
    };
    let jobs = stack(MARENGO).await;
    let answer = jobs.post("/async-invoke", &job(None)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(jobs.upstream_body()["modelId"], MARENGO);
    assert_eq!(jobs.get("/foundation-models/amazon.nova-lite-v1:0").await.status, 200);
    let mut stack = stack("amazon.rerank-v1:0").await;
    assert_eq!(stack.post("/rerank", &rerank()).await.status, 200);
    let arn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.rerank-v1:0";
    let sent = stack.upstream_body();
    let ranking = &sent["rerankingConfiguration"]["bedrockRerankingConfiguration"];
    assert_eq!(ranking["modelConfiguration"]["modelArn"], arn);
    assert_eq!(ranking["numberOfResults"], 1);
    let receipt = stack.receipt().await;
    assert_eq!(
        (receipt.model.as_str(), receipt.target.as_deref()),
        (RERANKER, Some("foundation-model/amazon.rerank-v1:0"))
    );
    assert_eq!(receipt.cost, Some(PicoUsd::new(1_000_000_000)));
}

/// Changes to bodies are for requests to models.
#[tokio::test]
async fn a_routes_body_is_not_theirs() {
    let mut all = route("all", vec![Target::new("bedrock")]);
    let (path, value) = ("max_tokens".to_owned(), "100".to_owned());
    all.policy.body = vec![BodyEdit::Set { path, value, mode: Mode::Default }];
    let stack =
        Stack::routing(Options::default(), Config { routes: vec![all], ..Config::default() }).await;
    let answer = stack.get("/foundation-models").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = stack.post("/guardrail/wordfilter/version/DRAFT/apply", &guarded("hi")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(stack.upstream_body(), guarded("hi"));
    let (path, mut body) = chat("anthropic", CLAUDE, "hi", false);
    body.as_object_mut().unwrap().remove("max_tokens");
    assert_eq!(stack.post(&path, &body).await.status, 200);
    assert_eq!(stack.upstream_body()["max_tokens"], 100);
}
