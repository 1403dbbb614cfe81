//! A.5: caching.

use outcrop_dialect::cache::CachePoints;
use outcrop_model::chat::CacheTtl;
use serde_json::{Value, json};

use crate::sent::*;

fn marked(text: &str, ttl: Option<&str>) -> Value {
    let mut mark = json!({"type": "ephemeral"});
    if let Some(ttl) = ttl {
        mark["ttl"] = ttl.into();
    }
    json!({"type": "text", "text": text, "cache_control": mark})
}

fn user(content: Value) -> Value {
    json!({"messages": [{"role": "user", "content": content}]})
}

fn points(sent: &Sent) -> usize {
    sent.body.to_string().matches("\"cachePoint\"").count()
}

#[test]
fn quirk_60_a_mark_becomes_a_point_behind_its_block() {
    for model in [NOVA, UNKNOWN] {
        let sent =
            anthropic(model, user(json!([marked("a", None), {"type": "text", "text": "b"}])));
        let expected = json!([{"text": "a"}, {"cachePoint": {"type": "default"}}, {"text": "b"}]);
        assert_eq!(sent.at("/messages/0/content"), expected, "{model}");
    }
}

#[test]
fn quirk_61_an_hour_only_where_it_is_taken() {
    let hour = user(json!([marked("a", Some("1h"))]));
    assert_eq!(anthropic(UNKNOWN, hour.clone()).at("/messages/0/content/1/cachePoint/ttl"), "1h");
    let nova = anthropic(NOVA, hour.clone());
    assert_eq!(nova.at("/messages/0/content/1/cachePoint"), json!({"type": "default"}));
    assert!(nova.losses.contains("approximated messages[0].content[0].cache_control.ttl"));
    let place = "/messages/0/content/0/cache_control";
    assert_eq!(anthropic(SONNET_4_5, hour.clone()).at(place)["ttl"], "1h");
    let older = anthropic("anthropic.claude-3-5-haiku-20241022-v1:0", hour);
    assert_eq!(older.at(place), json!({"type": "ephemeral"}));
    assert!(older.losses.contains("messages[0].content[0].cache_control.ttl"), "{}", older.losses);
}

#[test]
fn quirk_62_no_points_for_families_without_a_cache() {
    for model in [GPT, GPT_OSS, LLAMA] {
        let sent = anthropic(model, user(json!([marked("a", None)])));
        assert!(
            points(&sent) == 0
                && sent.losses.contains("dropped messages[0].content[0].cache_control")
        );
    }
}

#[test]
fn quirk_63_the_last_four_points_stay() {
    let many: Vec<Value> = (0..6).map(|i| marked(&i.to_string(), None)).collect();
    let sent = anthropic(NOVA, user(many.into()));
    assert_eq!(points(&sent), 4);
    assert!(sent.at("/messages/0/content/1").get("cachePoint").is_none());
    assert!(sent.losses.contains("dropped messages[0].content[1].cache_control"));
}

#[test]
fn quirk_64_the_operator_may_set_points_for_callers_that_cannot() {
    let (system, ttl) = (true, CacheTtl::Default);
    let points = CachePoints { system, tools: true, message: Some(0), min_tokens: 1024, ttl };
    let talk = |words: usize| json!({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "word ".repeat(words)}]});
    let sent = cached(NOVA, talk(5000), points);
    assert_eq!(self::points(&sent), 2);
    assert!(sent.losses.contains("added messages[1].content.cache_control"), "{}", sent.losses);
    for (model, words) in [(NOVA, 100), (LLAMA, 5000), (UNKNOWN, 5000)] {
        let sent = cached(model, talk(words), points);
        assert!(self::points(&sent) == 0 && sent.losses.is_empty(), "{model}: {}", sent.losses);
    }
}

#[test]
fn quirk_65_nova_caches_no_tool_results() {
    let sent = anthropic(
        NOVA,
        json!({
            "messages": [
                {"role": "user", "content": "Go"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
                {"role": "user", "content": [{
                    "type": "tool_result", "tool_use_id": "a", "content": "1", "cache_control": {"type": "ephemeral"},
                }]},
            ],
            "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        }),
    );
    assert_eq!(points(&sent), 0);
    assert!(sent.losses.contains("dropped messages[2].content[0].cache_control"));
}

#[test]
fn quirk_66_the_scope_of_a_mark_stays_behind() {
    let mut block = marked("a", None);
    block["cache_control"]["scope"] = "global".into();
    for model in [SONNET_4_5, NOVA] {
        let sent = anthropic(model, json!({"system": [block]}));
        assert!(!sent.body.to_string().contains("scope"), "{model}");
        assert!(sent.losses.contains("dropped system[0].cache_control.scope"), "{}", sent.losses);
    }
}

#[test]
fn quirk_67_automatic_caching_becomes_a_mark_on_the_last_block() {
    let mark = json!({"type": "ephemeral"});
    let plain = anthropic(SONNET_4_5, json!({"cache_control": mark}));
    let expected = json!([{"type": "text", "text": "Hi", "cache_control": mark}]);
    assert_eq!(plain.at("/messages/0/content"), expected);
    assert!(!plain.has("/cache_control") && plain.losses.contains("approximated cache_control"));
    let mut blocks =
        user(json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b", "x": 1}]));
    blocks["cache_control"] = json!({"type": "ephemeral", "ttl": "1h"});
    let sent = anthropic(SONNET_4_5, blocks.clone());
    let expected = json!({"type": "text", "text": "b", "x": 1, "cache_control": {"type": "ephemeral", "ttl": "1h"}});
    assert_eq!(sent.at("/messages/0/content/1"), expected);
    assert!(sent.at("/messages/0/content/0").get("cache_control").is_none());
    // An hour cannot follow five minutes.
    blocks["system"] = json!([{"type": "text", "text": "s", "cache_control": mark}]);
    let late = anthropic(SONNET_4_5, blocks);
    assert_eq!(late.at("/messages/0/content/1/cache_control"), mark);
    assert!(late.losses.contains("for five minutes"), "{}", late.losses);
    let nova = anthropic(NOVA, json!({"cache_control": mark}));
    assert_eq!(points(&nova), 1);
}
