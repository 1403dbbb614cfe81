//! Embeddings: every family through the gateway, in order, in bulk, and when a call fails.

use serde_json::{Value, json};

use crate::support::{CLAUDE, Options, Stack};

const TITAN: &str = "amazon.titan-embed-text-v2:0";
const COHERE: &str = "cohere.embed-english-v3";
const PATH: &str = "/v1/embeddings";
const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

/// Model, its default length, one that can be asked for.
const MODELS: [(&str, usize, Option<usize>); 9] = [
    ("amazon.titan-embed-text-v1", 1536, None),
    (TITAN, 1024, Some(256)),
    ("amazon.titan-embed-image-v1", 1024, Some(384)),
    ("amazon.nova-2-multimodal-embeddings-v1:0", 3072, Some(1024)),
    (COHERE, 1024, None),
    ("cohere.embed-multilingual-v3", 1024, None),
    ("us.cohere.embed-v4:0", 1536, Some(512)),
    ("us.twelvelabs.marengo-embed-2-7-v1:0", 1024, None),
    ("us.twelvelabs.marengo-embed-3-0-v1:0", 512, None),
];

fn vector(answer: &Value, index: usize) -> Vec<f64> {
    let item = &answer["data"][index];
    assert_eq!((&item["object"], &item["index"]), (&json!("embedding"), &json!(index)));
    item["embedding"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[tokio::test]
async fn every_family_gives_vectors_that_mean_something() {
    let mut stack = Stack::start().await;
    let input = ["the red fox sleeps", "a red fox sleeps here", "quarterly tax report"];
    for (model, default, other) in MODELS {
        for dimensions in [None, other] {
            let length = dimensions.unwrap_or(default);
            let body = json!({"model": model, "input": input, "dimensions": dimensions});
            let answer = stack.post(PATH, &body).await;
            assert_eq!(answer.status, 200, "{model}: {}", answer.text());
            assert_eq!(answer.header("x-outcrop-loss"), "", "{model}");
            let answer = answer.json();
            assert_eq!((&answer["object"], &answer["model"]), (&json!("list"), &json!(model)));
            let vectors: Vec<_> = (0..3).map(|index| vector(&answer, index)).collect();
            assert!(vectors.iter().all(|v| v.len() == length), "{model} {length}");
            let near = cosine(&vectors[0], &vectors[1]);
            assert!(near > 0.4 && near > cosine(&vectors[0], &vectors[2]), "{model}");
            let tokens = answer["usage"]["prompt_tokens"].as_u64().unwrap();
            assert!(tokens >= 11 && answer["usage"]["total_tokens"] == tokens, "{answer}");
            let receipt = stack.receipt().await;
            assert_eq!(receipt.outcome.as_str(), "completed");
            assert_eq!(receipt.usage.unwrap().input, tokens);
            assert_eq!(receipt.model, model);
        }
    }
}

#[tokio::test]
async fn pictures_become_vectors_where_the_model_sees() {
    let stack = Stack::start().await;
    for (model, _, _) in MODELS {
        let body = json!({"model": model, "input": ["a fox", PNG, {"type": "image_url", "image_url": {"url": PNG}}]});
        let answer = stack.post(PATH, &body).await;
        if model.contains("titan-embed-text") {
            assert_eq!(answer.status, 400, "{model}: {}", answer.text());
            assert_eq!(answer.json()["error"]["param"], "input[1]");
            continue;
        }
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        let answer = answer.json();
        assert_eq!(vector(&answer, 1), vector(&answer, 2), "{model}");
        assert_ne!(vector(&answer, 0), vector(&answer, 1), "{model}");
    }
}

#[tokio::test]
async fn long_lists_keep_their_order_and_are_one_receipt() {
    let mut stack = Stack::start().await;
    let input: Vec<String> = (0..200).map(|i| format!("text number {i}")).collect();
    for (model, calls) in [(TITAN, 200), (COHERE, 3)] {
        let answer = stack.post(PATH, &json!({"model": model, "input": input})).await.json();
        assert_eq!(answer["data"].as_array().unwrap().len(), 200, "{model}");
        let receipt = stack.receipt().await;
        assert_eq!(receipt.attempts, calls, "{model}");
        for index in [0, 95, 96, 199] {
            let body = json!({"model": model, "input": input[index]});
            let alone = stack.post(PATH, &body).await.json();
            assert_eq!(vector(&alone, 0), vector(&answer, index), "{model} {index}");
            assert_eq!(stack.receipt().await.attempts, 1);
        }
    }
}

#[tokio::test]
async fn a_call_that_is_throttled_is_tried_again_alone() {
    let mut stack = Stack::with(Options { attempts: 3, ..Options::default() }).await;
    let input: Vec<String> = (0..20).map(|i| format!("text {i}")).collect();
    let body = json!({"model": TITAN, "input": input});
    let calm = stack.post(PATH, &body).await.json();
    assert_eq!(stack.receipt().await.attempts, 20);
    for fault in ["error=ThrottlingException", "empty", "html=502", "cut=30"] {
        stack.fault(fault, 2);
        let answer = stack.post(PATH, &body).await;
        assert_eq!(answer.status, 200, "{fault}: {}", answer.text());
        assert_eq!(answer.json(), calm, "{fault}");
        assert_eq!(stack.receipt().await.attempts, 22, "{fault}");
    }
}

#[tokio::test]
async fn the_first_failure_is_the_answer_and_ends_the_rest() {
    let mut stack = Stack::start().await;
    let input: Vec<String> = (0..100).map(|i| format!("text {i}")).collect();
    for (fault, status, code) in [
        ("error=ThrottlingException", 429, "rate_limit_exceeded"),
        ("error=AccessDeniedException", 502, "upstream_access_denied"),
        ("error=ModelTimeoutException", 504, "timeout"),
        ("empty", 502, "upstream_broken"),
        ("cut=30", 502, "upstream_broken"),
    ] {
        stack.emulator.clear_requests();
        stack.fault(fault, 1);
        let answer = stack.post(PATH, &json!({"model": TITAN, "input": input})).await;
        assert_eq!(answer.status, status, "{fault}: {}", answer.text());
        assert_eq!(answer.json()["error"]["code"], code, "{fault}");
        let receipt = stack.receipt().await;
        assert!(receipt.attempts < 100, "{fault}: {}", receipt.attempts);
        assert_eq!(receipt.status, status, "{fault}");
    }
}

#[tokio::test]
async fn what_bedrock_refuses_comes_back_as_a_bad_request() {
    let stack = Stack::start().await;
    let long = "word ".repeat(9000);
    let answer = stack.post(PATH, &json!({"model": TITAN, "input": ["a", long]})).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.json()["error"]["code"], "context_length_exceeded", "{}", answer.text());
    let answer =
        stack.post(PATH, &json!({"model": "us.cohere.embed-english-v3", "input": "a"})).await;
    assert!(answer.status.is_client_error(), "{}", answer.text());
}

#[tokio::test]
async fn models_are_asked_for_what_they_do() {
    let stack = Stack::start().await;
    let answer = stack.post(PATH, &json!({"model": CLAUDE, "input": "a"})).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("/v1/chat/completions"), "{}", answer.text());
    let chat =
        json!({"model": TITAN, "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]});
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let answer = stack.post(path, &chat).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.text().contains(PATH), "{}", answer.text());
    }
    let answer = stack.post(PATH, &json!({"model": "text-embedding-3-small", "input": "a"})).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["error"]["code"], "model_not_found");
    assert!(stack.emulator.requests().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn the_alias_and_wrong_methods() {
    let stack = Stack::start().await;
    let body = json!({"model": TITAN, "input": "a", "user": "u"});
    let answer = stack.post("/openai/v1/embeddings", &body).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("x-outcrop-loss").starts_with("dropped user"), "{:?}", answer.headers);
    assert!(!answer.header("x-amzn-requestid").is_empty());
    assert_eq!(stack.get(PATH).await.status, 405);
}
