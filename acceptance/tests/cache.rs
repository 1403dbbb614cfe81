//! Cache points that the operator sets where callers set none.

use outcrop_config::{CacheRule, Config, Policy, Target};
use outcrop_model::Fidelity;
use outcrop_model::chat::CacheTtl;
use serde_json::{Value, json};

use crate::support::{CLAUDE, NOVA, Options, Stack, chat, route};

const ADDED: &str = "added";

async fn caching(rule: CacheRule) -> Stack {
    let mut all = route("all", vec![Target::new("bedrock")]);
    all.policy = Policy { cache: Some(rule), ..Policy::default() };
    // What the operator adds is no loss.
    let options = Options { fidelity: Fidelity::Strict, ..Options::default() };
    Stack::routing(options, Config { routes: vec![all], ..Config::default() }).await
}

fn everywhere() -> CacheRule {
    CacheRule {
        system: true,
        messages: true,
        tools: true,
        message_offset: 0,
        min_tokens: 1024,
        ttl: CacheTtl::Default,
    }
}

/// How many points Bedrock was sent, in whichever dialect.
fn points(stack: &Stack) -> usize {
    let sent = stack.upstream_body().to_string();
    sent.matches("\"cachePoint\"").count() + sent.matches("\"cache_control\"").count()
}

#[tokio::test]
async fn a_long_prompt_is_read_from_the_cache_the_second_time() {
    for (dialect, model) in [
        ("openai", NOVA),
        ("openai", CLAUDE),
        ("responses", CLAUDE),
        ("anthropic", NOVA),
        ("anthropic", CLAUDE),
        ("converse", NOVA),
        ("converse", CLAUDE),
        ("invoke", NOVA),
    ] {
        let mut stack = caching(everywhere()).await;
        let (path, body) = chat(dialect, model, &"all that is known. ".repeat(2000), false);
        for is_first in [true, false] {
            let answer = stack.post(&path, &body).await;
            let place = format!("{dialect} {model}: {}", answer.text());
            assert_eq!((answer.status.as_u16(), points(&stack)), (200, 1), "{place}");
            assert!(answer.header("x-outcrop-loss").starts_with(ADDED), "{place}");
            let usage = stack.receipt().await.usage.unwrap();
            assert_eq!(usage.cache_write() > 0, is_first, "{place}");
            assert_eq!(usage.cache_read > 0, !is_first, "{place}");
        }
    }
}

#[tokio::test]
async fn points_stand_where_they_are_wanted() {
    let rule = CacheRule { message_offset: 1, ttl: CacheTtl::OneHour, ..everywhere() };
    let stack = caching(rule).await;
    let text = json!([{"text": "all that is known. ".repeat(2000)}]);
    let turns = |texts: &[&str]| -> Value {
        let turn = |(at, text): (usize, &&str)| json!({"role": if at % 2 == 0 { "user" } else { "assistant" }, "content": [{"text": text}]});
        texts.iter().enumerate().map(turn).collect()
    };
    let tools = json!({"tools": [{"toolSpec": {"name": "t", "inputSchema": {"json": {"type": "object"}}}}]});
    let body =
        json!({"system": text, "messages": turns(&["one", "two", "three"]), "toolConfig": tools});
    let (path, _) = chat("converse", CLAUDE, "", false);
    let answer = stack.post(&path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let point = json!({"cachePoint": {"type": "default", "ttl": "1h"}});
    let mut expected = body.clone();
    expected["system"].as_array_mut().unwrap().push(point.clone());
    expected["toolConfig"]["tools"].as_array_mut().unwrap().push(point.clone());
    expected["messages"][1]["content"].as_array_mut().unwrap().push(point);
    assert_eq!(stack.upstream_body(), expected);

    // There is nothing before the only message, and Nova caches neither tools nor for an hour.
    let (path, _) = chat("converse", NOVA, "", false);
    let alone = json!({"system": text, "messages": turns(&["one"]), "toolConfig": tools});
    assert_eq!(stack.post(&path, &alone).await.status, 200);
    let mut expected = alone.clone();
    let point = json!({"cachePoint": {"type": "default"}});
    expected["system"].as_array_mut().unwrap().push(point);
    assert_eq!(stack.upstream_body(), expected);
}

#[tokio::test]
async fn short_prompts_and_callers_with_points_of_their_own_get_none() {
    let stack = caching(everywhere()).await;
    for (dialect, model) in [("openai", CLAUDE), ("anthropic", CLAUDE), ("converse", NOVA)] {
        let (path, body) = chat(dialect, model, "hi", false);
        let answer = stack.post(&path, &body).await;
        assert_eq!((points(&stack), answer.header("x-outcrop-loss")), (0, ""), "{dialect}");
    }
    let mark = json!({"type": "ephemeral"});
    let long = "all that is known. ".repeat(2000);
    let system = json!([{"type": "text", "text": long, "cache_control": mark}]);
    let (path, mut body) = chat("anthropic", CLAUDE, &long, false);
    body["system"] = system;
    for model in [CLAUDE, NOVA] {
        body["model"] = json!(model);
        let answer = stack.post(&path, &body).await;
        assert_eq!((answer.status.as_u16(), points(&stack)), (200, 1), "{}", answer.text());
        assert!(!answer.header("x-outcrop-loss").contains(ADDED));
    }
    // A model that has no prompt cache.
    let (path, body) = chat("openai", "mistral.mistral-large-2407-v1:0", &long, false);
    assert_eq!((stack.post(&path, &body).await.status.as_u16(), points(&stack)), (200, 0));
}
