//! A.6: Anthropic's own surface, relayed to Claude.

use serde_json::{Value, json};

use crate::sent::*;

#[test]
fn quirk_69_the_body_is_invokes() {
    let sent = anthropic(SONNET_4_5, json!({"stream": true, "anthropic_version": "2026-10-21"}));
    assert!(!sent.has("/model") && !sent.has("/stream"));
    assert_eq!(sent.at("/anthropic_version"), "bedrock-2023-05-31");
    assert_eq!(anthropic(OPUS_4_8, json!({})).at("/anthropic_version"), "2026-10-21");
    let fault = try_anthropic(SONNET_4_5, json!({"max_tokens": null})).err().unwrap();
    assert_eq!(fault.param.as_deref(), Some("max_tokens"));
}

#[test]
fn quirk_70_members_that_invoke_refuses_stay_behind_and_new_ones_pass() {
    let refused = [
        "container",
        "diagnostics",
        "inference_geo",
        "mcp_servers",
        "speed",
        "tags",
        "user_profile_id",
    ];
    let members = refused.iter().map(|key| ((*key).to_owned(), json!("x")));
    let mut members: serde_json::Map<String, Value> = members.collect();
    members.insert("safeguards".to_owned(), json!({"x": 1}));
    members.insert("invented_tomorrow".to_owned(), json!(1));
    let sent = anthropic(OPUS_4_8, members.into());
    for key in refused {
        assert!(!sent.has(&format!("/{key}")) && sent.losses.contains(&format!("dropped {key}")));
    }
    assert!(sent.has("/safeguards") && sent.has("/invented_tomorrow"));
}

#[test]
fn quirk_71_betas_move_into_the_body_and_unknown_ones_go() {
    let body = json!({"anthropic_beta": ["context-1m-2025-08-07"]});
    // A comma list, split before, of which some clients make a JSON array.
    let header = ["[\"compact-2026-01-12\"", "\"files-api-2025-04-14\"]", "context-1m-2025-08-07"];
    let sent = with_betas(SONNET_4_5, &header, body).unwrap();
    assert_eq!(sent.at("/anthropic_beta"), json!(["compact-2026-01-12", "context-1m-2025-08-07"]));
    assert!(sent.losses.contains("`files-api-2025-04-14`"));
    let sent = anthropic(OPUS_4_5, json!({"output_config": {"effort": "low"}}));
    assert_eq!(sent.at("/anthropic_beta"), json!(["effort-2025-11-24"]));
}

#[test]
fn quirk_72_the_betas_of_invoke_are_data() {
    let passes = [
        "compact-2026-01-12",
        "computer-use-2025-11-24",
        "context-1m-2025-08-07",
        "context-management-2025-06-27",
        "dangerous-tool-use-2026-09-03",
        "effort-2025-11-24",
        "fine-grained-tool-streaming-2025-05-14",
        "mid-conversation-output-config-2026-07-01",
        "mid-conversation-tool-changes-2026-07-01",
        "thinking-binding-controls-2026-08-01",
        "thinking-display-updates-2026-08-18",
        "tool-search-tool-2025-10-19",
    ];
    let sent = with_betas(OPUS_4_8, &passes, json!({})).unwrap();
    assert_eq!(sent.at("/anthropic_beta"), json!(passes));
    let alias = with_betas(OPUS_4_8, &["advanced-tool-use-2025-11-20"], json!({})).unwrap();
    assert_eq!(alias.at("/anthropic_beta"), json!(["tool-search-tool-2025-10-19"]));
    assert!(alias.losses.contains("approximated anthropic-beta"), "{}", alias.losses);
    let goes = [
        "advisor-tool-2026-03-01",
        "claude-code-20250219",
        "code-execution-2025-08-25",
        "fast-mode-2026-02-01",
        "files-api-2025-04-14",
        "mcp-client-2025-11-20",
        "per-turn-control-2026-07-01",
        "prompt-caching-scope-2026-01-05",
        "skills-2025-10-02",
        "structured-outputs-2025-11-13",
        "web-fetch-2025-09-10",
        "web-search-2025-03-05",
    ];
    let sent = with_betas(OPUS_4_8, &goes, json!({})).unwrap();
    assert!(!sent.has("/anthropic_beta"));
    assert!(goes.iter().all(|beta| sent.losses.contains(beta)), "{}", sent.losses);
}

#[test]
fn quirk_73_context_management_keeps_the_edits_that_invoke_takes() {
    let edits = json!([{"type": "clear_thinking_20251015"}, {"type": "clear_tool_uses_20250919"}, {"type": "compact_20260112"}]);
    let body = json!({"context_management": {"edits": edits}});
    let betas = ["context-management-2025-06-27", "compact-2026-01-12"];
    let sent = with_betas(OPUS_4_8, &betas, body.clone()).unwrap();
    let expected = json!([{"type": "clear_tool_uses_20250919"}, {"type": "compact_20260112"}]);
    assert_eq!(sent.at("/context_management/edits"), expected);
    assert!(sent.losses.contains("dropped context_management.edits[0]"));
    let without = anthropic(OPUS_4_8, body);
    assert!(!without.has("/context_management"));
}

#[test]
fn quirk_74_settings_are_those_of_the_models_generation() {
    let config = json!({"output_config": {"effort": "max"}});
    let opus = anthropic(OPUS_4_8, config.clone());
    assert_eq!(opus.at("/output_config"), json!({"effort": "xhigh"}));
    assert!(opus.losses.contains("approximated output_config.effort"));
    let sonnet = anthropic(SONNET_4_5, config);
    assert!(!sonnet.has("/output_config") && !sonnet.has("/thinking"));
    assert!(sonnet.losses.contains("dropped output_config.effort"));
    let tools = json!([{"name": "f", "input_schema": {}, "input_examples": [{}]}]);
    let sent = anthropic(OPUS_4_8, json!({"tools": tools}));
    assert!(
        !sent.has("/tools/0/input_examples") && sent.losses.contains("tools[0].input_examples")
    );
}

#[test]
fn relayed_thinking_has_the_form_of_the_models_generation() {
    let adaptive = json!({"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "high"}, "temperature": 0.5});
    let older = anthropic(SONNET_4_5, adaptive.clone());
    assert_eq!(
        older.at("/thinking"),
        json!({"type": "enabled", "budget_tokens": 4096, "display": "omitted"})
    );
    assert!(!older.has("/output_config") && !older.has("/temperature"));
    let oldest = anthropic(HAIKU_3, adaptive.clone());
    assert!(!oldest.has("/thinking") && !oldest.has("/output_config"));
    assert!(
        oldest.losses.contains("dropped thinking")
            && oldest.losses.contains("dropped output_config.effort")
    );
    assert_eq!(oldest.at("/temperature"), 0.5);
    let newer = anthropic(OPUS_4_8, adaptive.clone());
    assert_eq!(newer.at("/thinking"), adaptive["thinking"]);
    let budget = json!({"thinking": {"type": "enabled", "budget_tokens": 2000}});
    assert_eq!(anthropic(SONNET_4_5, budget.clone()).at("/thinking"), budget["thinking"]);
    assert_eq!(anthropic(SONNET_4_6, budget.clone()).at("/thinking"), budget["thinking"]);
    assert_eq!(anthropic(OPUS_5_5, budget).at("/thinking/type"), "adaptive");
    let newest = json!({"thinking": {"type": "between-tools", "x": 1}});
    let sent = anthropic(SONNET_4_5, newest.clone());
    assert!(sent.at("/thinking") == newest["thinking"] && sent.losses.is_empty());
}

#[test]
fn relayed_system_turns_become_the_operators_word_where_none_are_taken() {
    let text = |text: &str| json!({"type": "text", "text": text});
    let messages = json!([
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
        {"role": "system", "content": "A", "output_config": {"effort": "low"}},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "1"}]},
        {"role": "system", "content": [text("B")]},
    ]);
    let kept = anthropic(OPUS_4_8, json!({"messages": messages}));
    assert_eq!(kept.at("/messages/2/role"), "system");
    let sent = anthropic(SONNET_4_5, json!({"messages": messages}));
    let expected = json!([
        messages[0],
        messages[1],
        messages[3],
        {"role": "user", "content": "<system>\nA\n</system>"},
        {"role": "user", "content": [text("<system>\nB\n</system>")]},
    ]);
    assert_eq!(sent.at("/messages"), expected);
    for place in [
        "approximated messages[2] ",
        "approximated messages[4] ",
        "dropped messages[2].output_config",
    ] {
        assert!(sent.losses.contains(place), "{place}: {}", sent.losses);
    }
}

#[test]
fn relayed_marks_are_those_that_the_model_takes() {
    let system =
        json!([{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]);
    let sent =
        anthropic(HAIKU_3, json!({"system": system, "cache_control": {"type": "ephemeral"}}));
    assert_eq!(sent.at("/system"), json!([{"type": "text", "text": "a"}]));
    assert!(!sent.body.to_string().contains("cache_control"));
    assert!(
        sent.losses.contains("dropped system[0].cache_control")
            && sent.losses.contains("dropped cache_control")
    );
}

#[test]
fn safeguards_are_never_left_out_in_silence() {
    let fault = try_anthropic(NOVA, json!({"safeguards": {"x": 1}})).err().unwrap();
    assert_eq!(fault.param.as_deref(), Some("safeguards"));
    assert!(fault.message.contains("`safeguards`"));
}

#[test]
fn unknown_members_and_blocks_are_relayed() {
    let content =
        json!([{"type": "hologram", "data": [1]}, {"type": "text", "text": "a", "glow": true}]);
    let body = json!({"messages": [{"role": "user", "content": content, "mood": "calm"}], "future": {"a": 1}});
    let sent = anthropic(OPUS_4_8, body.clone());
    assert_eq!(sent.at("/messages"), body["messages"]);
    assert!(sent.has("/future/a") && sent.losses.is_empty());
}

#[test]
fn relayed_tools_are_neither_forced_nor_strict_where_that_is_refused() {
    let tools = json!([{"name": "f", "input_schema": {"type": "object"}, "strict": true}]);
    let choice = json!({"type": "tool", "name": "f", "disable_parallel_tool_use": true});
    let body = json!({"tools": tools, "tool_choice": choice});
    let sent = anthropic(OPUS_5_5, body.clone());
    let expected = json!({"type": "auto", "disable_parallel_tool_use": true});
    assert_eq!(sent.at("/tool_choice"), expected);
    assert!(!sent.has("/tools/0/strict"));
    for loss in ["approximated tool_choice", "dropped tools[0].strict"] {
        assert!(sent.losses.contains(loss), "{}", sent.losses);
    }
    let sent = anthropic(SONNET_4_5, body.clone());
    assert!(
        sent.at("/tool_choice") == choice && sent.at("/tools") == tools && sent.losses.is_empty()
    );
}
