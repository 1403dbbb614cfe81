//! One client, every generation of Claude: what it says is fitted to the one that it asks.

use serde_json::{Value, json};

use crate::support::Stack;

const GENERATIONS: [&str; 4] = [
    "anthropic.claude-3-haiku-20240307-v1:0",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "us.anthropic.claude-opus-4-8",
];

/// As a coding agent of today speaks to the newest model.
fn newest(model: &str) -> Value {
    json!({
        "model": model,
        "max_tokens": 64000,
        "thinking": {"type": "adaptive", "display": "omitted"},
        "output_config": {"effort": "max"},
        "cache_control": {"type": "ephemeral", "ttl": "1h"},
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "scope": "global"}}],
        "messages": [
            {"role": "user", "content": "say:one"},
            {"role": "system", "content": "The user is in a hurry.", "output_config": {"effort": "low"}},
            {"role": "assistant", "content": [{"type": "text", "text": "one"}]},
            {"role": "user", "content": "say:two"},
        ],
        "tools": [
            {"name": "f", "description": "f", "input_schema": {"type": "object"}, "eager_input_streaming": true},
            {"type": "web_search_20250305", "name": "web_search"},
        ],
        "diagnostics": {}, "speed": "fast",
    })
}

/// As one of two years ago.
fn oldest(model: &str) -> Value {
    json!({
        "model": model,
        "max_tokens": 4000,
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "temperature": 1,
        "top_p": 0.99,
        "messages": [{"role": "user", "content": "say:two"}],
    })
}

#[tokio::test]
async fn every_generation_understands_every_client() {
    let stack = Stack::start().await;
    for model in GENERATIONS {
        for (body, is_changed) in [(newest(model), true), (oldest(model), false)] {
            let answer = stack.post("/v1/messages", &body).await;
            assert_eq!(answer.status, 200, "{model}: {}\n{body}", answer.text());
            assert!(answer.text().contains("two"), "{model}: {}", answer.text());
            assert!(!is_changed || !answer.header("x-outcrop-loss").is_empty(), "{model}");
        }
    }
}
