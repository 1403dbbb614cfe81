//! Rerank: both models, both paths, documents handed back, faults.

use serde_json::{Value, json};

use crate::support::{NOVA, Options, Stack};

const MODELS: [&str; 2] = ["cohere.rerank-v3-5:0", "amazon.rerank-v1:0"];
const DOCUMENTS: [&str; 3] = ["taxes are due in spring", "the red fox sleeps", "a fox"];

fn ask(model: &str) -> Value {
    json!({"model": model, "query": "red fox", "documents": DOCUMENTS})
}

#[tokio::test]
async fn both_models_rank_on_both_paths() {
    let mut stack = Stack::start().await;
    for model in MODELS {
        for (path, version) in [("/v1/rerank", "1"), ("/v2/rerank", "2")] {
            let answer = stack.post(path, &ask(model)).await;
            assert_eq!(answer.status, 200, "{model}: {}", answer.text());
            assert_eq!(answer.header("x-outcrop-loss"), "");
            let answer = answer.json();
            let results = answer["results"].as_array().unwrap();
            let order: Vec<u64> = results.iter().map(|r| r["index"].as_u64().unwrap()).collect();
            assert_eq!(order, [1, 2, 0], "{model}");
            assert!(
                results.iter().all(|r| r["relevance_score"].is_f64() && r["document"].is_null())
            );
            assert_eq!(answer["meta"]["api_version"]["version"], version);
            assert!(answer["id"].is_string());
            let receipt = stack.receipt().await;
            assert_eq!((receipt.attempts, receipt.outcome.as_str()), (1, "completed"));
        }
    }
}

#[tokio::test]
async fn top_n_and_documents() {
    let stack = Stack::start().await;
    for model in MODELS {
        let mut body = ask(model);
        body["top_n"] = json!(2);
        body["return_documents"] = json!(true);
        body["documents"][2] = json!({"text": "a fox", "page": 3});
        body["max_tokens_per_doc"] = json!(100);
        let answer = stack.post("/v2/rerank", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.header("x-outcrop-loss").contains("max_tokens_per_doc"));
        let results = answer.json()["results"].clone();
        assert_eq!(results.as_array().unwrap().len(), 2);
        assert_eq!(results[0]["document"], json!({"text": DOCUMENTS[1]}));
        assert_eq!(results[1]["document"], json!({"text": "a fox", "page": 3}));
        body["top_n"] = json!(50);
        let answer = stack.post("/v2/rerank", &body).await.json();
        assert_eq!(answer["results"].as_array().unwrap().len(), 3, "all there are");
    }
}

#[tokio::test]
async fn failures_are_told_in_coheres_words() {
    let mut stack = Stack::with(Options { attempts: 2, ..Options::default() }).await;
    for (fault, times, status) in [
        ("error=ThrottlingException", 1, 200),
        ("empty", 1, 200),
        ("error=ThrottlingException", 2, 429),
        ("error=AccessDeniedException", 2, 502),
        ("cut=10", 2, 502),
    ] {
        stack.emulator.clear_faults();
        stack.fault(fault, times);
        let answer = stack.post("/v2/rerank", &ask(MODELS[0])).await;
        assert_eq!(answer.status, status, "{fault}: {}", answer.text());
        if status != 200 {
            assert!(answer.json()["message"].is_string(), "{}", answer.text());
        }
        stack.receipt().await;
    }
    stack.emulator.clear_faults();
    let answer =
        stack.post("/v1/rerank", &json!({"model": NOVA, "query": "q", "documents": ["a"]})).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("chat model"), "{}", answer.text());
    let answer = stack
        .post("/v1/rerank", &json!({"model": MODELS[0], "query": "q", "documents": [1]}))
        .await;
    assert_eq!(answer.status, 400);
    assert!(answer.json()["message"].as_str().unwrap().starts_with("documents[0]"));
    assert_eq!(stack.get("/v2/rerank").await.status, 405);
}
