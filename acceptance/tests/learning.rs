//! Names, profiles, and what the gateway learns from Bedrock's refusals.

use std::time::Duration;

use outcrop_config::{Config, Target};
use outcrop_model::Fidelity;
use serde_json::{Value, json};

use crate::support::{
    Answer, CLAUDE, EXAMPLE_SECRET, NOVA, Options, ROUTES, Stack, backend, chat, route,
};

const BARE: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";

/// Makes Bedrock refuse the next request in these words.
fn refuse(stack: &Stack, words: &str) {
    let words = words.replace(';', "%3B").replace(' ', "%20");
    stack.fault(&format!("error=ValidationException;message={words}"), 1);
}

async fn ask(stack: &Stack, path: &str, body: &Value) -> Answer {
    let answer = stack.post(path, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

#[tokio::test]
async fn a_friendly_name_works_in_every_dialect_and_the_answer_says_what_was_called() {
    for stream in [false, true] {
        let mut stack = Stack::start().await;
        for (at, dialect) in ["openai", "responses", "anthropic"].into_iter().enumerate() {
            let (path, body) = chat(dialect, "claude-sonnet-4-5", "hi", stream);
            let answer = ask(&stack, &path, &body).await;
            assert_eq!(answer.header("x-outcrop-model"), CLAUDE, "{dialect}");
            let receipt = stack.receipt().await;
            assert_eq!(receipt.model, "claude-sonnet-4-5");
            assert_eq!(receipt.target.as_deref(), Some(CLAUDE));
            // The first request learns that a profile is needed; the others know.
            assert_eq!(receipt.attempts, if at == 0 { 2 } else { 1 }, "{dialect}");
        }
    }
}

#[tokio::test]
async fn a_bare_id_goes_through_the_profile_of_the_chosen_geography() {
    let chosen = "global".to_owned();
    let stack = Stack::with(Options { geography: chosen, ..Options::default() }).await;
    let (path, body) = chat("converse", BARE, "hi", false);
    let answer = ask(&stack, &path, &body).await;
    assert_eq!(answer.header("x-outcrop-model"), format!("global.{BARE}"));
    let (path, body) = chat("openai", CLAUDE, "hi", false);
    assert_eq!(ask(&stack, &path, &body).await.header("x-outcrop-model"), "");
    let embeddings = json!({"model": "twelvelabs.marengo-embed-2-7-v1:0", "input": "hi"});
    let answer = stack.post("/v1/embeddings", &embeddings).await;
    // There is no global profile of this model: what is told is that it needs one.
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("on-demand throughput"), "{}", answer.text());
}

/// A gateway that is told other settings goes on knowing what it knows of the account.
#[tokio::test]
async fn what_was_learned_outlives_a_change_of_other_settings() {
    let mut stack = Stack::start().await;
    let config = |geography: &str, connect: u64| {
        let mut own = backend(&stack.emulator, EXAMPLE_SECRET);
        own.geography = Some(geography.to_owned());
        own.timeouts.connect = Some(Duration::from_secs(connect));
        let routes = vec![route("all", vec![Target::new("own")])];
        Config { backends: [("own".to_owned(), own)].into(), routes, ..Config::default() }
    };
    let configs = [config("home", 7), config("home", 8), config("global", 8), config("global", 9)];
    let (path, body) = chat("openai", "claude-sonnet-4-5", "hi", false);
    // Profiles of another choice of geographies are learned anew.
    for (config, attempts) in configs.iter().zip([2, 1, 2, 1]) {
        stack.reload(config.clone()).await;
        ask(&stack, &path, &body).await;
        assert_eq!(stack.receipt().await.attempts, attempts);
    }
    let account = || stack.readiness.gateway().account().unwrap();
    account().refresh(None).await;
    stack.reload(configs[0].clone()).await;
    assert!(account().models().is_some());
}

#[tokio::test]
async fn embeddings_find_their_profile_too() {
    let mut stack = Stack::start().await;
    let body = json!({"model": "twelvelabs.marengo-embed-2-7-v1:0", "input": "hi"});
    let answer = ask(&stack, "/v1/embeddings", &body).await;
    assert_eq!(answer.header("x-outcrop-model"), "us.twelvelabs.marengo-embed-2-7-v1:0");
    assert_eq!(stack.receipt().await.attempts, 2);
}

#[tokio::test]
async fn no_profile_is_called_where_the_operator_wants_none() {
    let stack = Stack::with(Options { geography: "off".to_owned(), ..Options::default() }).await;
    for dialect in ["openai", "anthropic", "converse"] {
        let (path, body) = chat(dialect, BARE, "hi", false);
        let answer = stack.post(&path, &body).await;
        assert_eq!(answer.status, 400, "{dialect}: {}", answer.text());
        assert!(answer.text().contains("on-demand throughput"), "{dialect}: {}", answer.text());
    }
}

#[tokio::test]
async fn the_ending_of_a_name_becomes_a_beta() {
    let stack = Stack::start().await;
    for dialect in ["openai", "anthropic"] {
        let (path, body) = chat(dialect, "claude-sonnet-4-5[1m]", "hi", false);
        let answer = ask(&stack, &path, &body).await;
        assert_eq!(answer.header("x-outcrop-model"), CLAUDE, "{dialect}");
        assert_eq!(stack.upstream_body()["anthropic_beta"], json!(["context-1m-2025-08-07"]));
    }
    let (path, body) = chat("openai", &format!("{NOVA}[1m]"), "hi", false);
    let answer = ask(&stack, &path, &body).await;
    assert!(answer.header("x-outcrop-loss").contains("context-1m"), "{:?}", answer.headers);
}

#[tokio::test]
async fn a_member_that_bedrock_refuses_is_left_out_and_reported_from_then_on() {
    for stream in [false, true] {
        let mut stack = Stack::start().await;
        let (path, mut body) = chat("anthropic", CLAUDE, "hi", stream);
        body["messages"][0]["content"] = json!([{"type": "text", "text": "hi", "future": 1}]);
        body["novelty"] = json!({"on": true});
        for attempts in [3, 1] {
            let answer = ask(&stack, &path, &body).await;
            let losses = answer.header("x-outcrop-loss").to_owned();
            assert!(losses.contains("dropped novelty "), "{losses}");
            assert!(losses.contains("dropped messages[0].content[0].future "), "{losses}");
            assert_eq!(stack.receipt().await.attempts, attempts);
            assert_eq!(stack.upstream_body()["messages"][0]["content"][0]["text"], "hi");
        }
    }
}

#[tokio::test]
async fn a_strict_gateway_names_the_member_instead() {
    let stack = Stack::with(Options { fidelity: Fidelity::Strict, ..Options::default() }).await;
    let (path, mut body) = chat("anthropic", CLAUDE, "hi", false);
    body["novelty"] = json!(1);
    let answer = stack.post(&path, &body).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("novelty"), "{}", answer.text());
}

#[tokio::test]
async fn what_is_said_is_never_left_out() {
    let mut stack = Stack::start().await;
    for words in [
        "messages: Extra inputs are not permitted",
        "messages.0.content.0.text.text: Extra inputs are not permitted",
        "#: extraneous key [system] is not permitted, please reformat your input and try again.",
    ] {
        refuse(&stack, words);
        let (path, mut body) = chat("anthropic", CLAUDE, "hi", false);
        body["system"] = json!("be kind");
        body["messages"][0]["content"] = json!([{"type": "text", "text": "hi"}]);
        let answer = stack.post(&path, &body).await;
        assert_eq!(answer.status, 400, "{words}: {}", answer.text());
        assert_eq!(stack.receipt().await.attempts, 1);
    }
}

#[tokio::test]
async fn a_beta_that_bedrock_refuses_is_left_out() {
    let stack = Stack::start().await;
    let headers = [("anthropic-beta", "context-1m-2025-08-07,interleaved-thinking-2025-05-14")];
    let (path, body) = chat("anthropic", CLAUDE, "hi", false);
    refuse(&stack, "invalid beta flag: context-1m-2025-08-07");
    for _ in 0..2 {
        let answer = stack.send(http::Method::POST, &path, &headers, body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.header("x-outcrop-loss").contains("context-1m"), "{:?}", answer.headers);
        let sent = stack.upstream_body();
        assert_eq!(sent["anthropic_beta"], json!(["interleaved-thinking-2025-05-14"]));
    }
    refuse(&stack, "invalid beta flag");
    let answer = stack.send(http::Method::POST, &path, &headers, body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(stack.upstream_body().get("anthropic_beta").is_none());
}

#[tokio::test]
async fn a_field_that_a_model_has_not_is_fitted_as_if_its_card_said_so() {
    for (dialect, model) in ROUTES.into_iter().filter(|(dialect, _)| *dialect == "openai") {
        let mut stack = Stack::start().await;
        let (path, mut body) = chat(dialect, model, "hi", false);
        body["stop"] = json!(["halt"]);
        refuse(
            &stack,
            "This model doesn't support the stopSequences field. Remove stopSequences and try again.",
        );
        for attempts in [2, 1] {
            let answer = ask(&stack, &path, &body).await;
            assert!(answer.header("x-outcrop-loss").contains("stop"), "{:?}", answer.headers);
            assert!(!stack.upstream_body().to_string().contains("halt"));
            assert_eq!(stack.receipt().await.attempts, attempts);
        }
    }
}

#[tokio::test]
async fn bedrocks_own_bodies_are_not_corrected() {
    let stack = Stack::start().await;
    let (path, body) = chat("converse", NOVA, "hi", false);
    for _ in 0..2 {
        refuse(
            &stack,
            "This model doesn't support the stopSequences field. Remove stopSequences and try again.",
        );
        let mut body = body.clone();
        body["inferenceConfig"] = json!({"stopSequences": ["halt"]});
        assert_eq!(stack.post(&path, &body).await.status, 400);
    }
}

#[tokio::test]
async fn the_limit_of_a_model_is_learned_from_its_refusal() {
    let stack = Stack::start().await;
    for attempts in [2, 1] {
        stack.emulator.clear_requests();
        let (path, mut body) = chat("anthropic", "qwen.qwen3-32b-v1:0", "hi", false);
        body["max_tokens"] = json!(128_000);
        ask(&stack, &path, &body).await;
        assert_eq!(stack.emulator.requests().len(), attempts);
    }
}

#[tokio::test]
async fn safeguards_that_bedrock_refuses_are_the_callers_to_leave_out() {
    let stack = Stack::start().await;
    refuse(&stack, "safeguards: Extra inputs are not permitted");
    let (path, mut body) = chat("anthropic", CLAUDE, "hi", false);
    body["safeguards"] = json!({});
    let answer = stack.post(&path, &body).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("safeguards"), "{}", answer.text());
}

#[tokio::test]
async fn words_that_agents_look_for_arrive_whole() {
    let stack = Stack::start().await;
    for words in ["prompt is too long: 210000 tokens > 200000 maximum", "Input is too long."] {
        for model in [CLAUDE, NOVA] {
            refuse(&stack, words);
            let (path, body) = chat("anthropic", model, "hi", true);
            let answer = stack.post(&path, &body).await;
            assert_eq!(answer.status, 400, "{}", answer.text());
            let error = &answer.json()["error"];
            assert_eq!(error["type"], "invalid_request_error");
            assert_eq!(error["message"], words);
        }
    }
}

#[tokio::test]
async fn a_model_that_is_not_there_is_named_with_the_mend() {
    let stack = Stack::start().await;
    for dialect in ["openai", "responses"] {
        let (path, body) = chat(dialect, "nope", "hi", false);
        let answer = stack.post(&path, &body).await;
        assert_eq!(answer.status, 404, "{}", answer.text());
        let error = &answer.json()["error"];
        assert_eq!(error["param"], "model", "{error}");
        assert!(error["message"].as_str().unwrap().contains("GET /v1/models"), "{error}");
    }
}

#[tokio::test]
async fn a_strict_gateway_tells_what_an_answer_lost() {
    let stack = Stack::with(Options { fidelity: Fidelity::Strict, ..Options::default() }).await;
    let body = json!({"model": "openai.gpt-oss-120b-1:0", "prompt": "think:hm say:hi"});
    let answer = ask(&stack, "/v1/completions", &body).await;
    assert!(answer.header("x-outcrop-loss").contains("thinking"), "{:?}", answer.headers);
}
