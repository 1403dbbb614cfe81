//! A.1: reasoning and thinking.

use serde_json::{Value, json};

use crate::sent::*;

const FIELDS: &str = "/additionalModelRequestFields";

fn effort(model: &str, word: &str) -> Sent {
    openai(model, json!({"reasoning_effort": word}))
}

/// A conversation of OpenAI's dialect whose last assistant turn called a tool.
fn tool_loop(thinking: Value) -> Value {
    json!({
        "reasoning_effort": "high",
        "messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "thinking_blocks": thinking, "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_call_id": "a", "content": "Rain"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    })
}

#[test]
fn quirk_1_open_weights_take_openais_effort_name() {
    for model in [GPT_OSS, DEEPSEEK_V3] {
        assert_eq!(effort(model, "low").at(FIELDS), json!({"reasoning_effort": "low"}), "{model}");
    }
    // A member that nobody vouches for refuses the whole request, so it is not tried.
    let unknown = effort(UNKNOWN, "low");
    assert!(!unknown.has(FIELDS) && unknown.losses.contains("dropped reasoning_effort"));
}

#[test]
fn quirk_2_gpt_takes_a_nested_effort() {
    assert_eq!(effort(GPT, "xhigh").at(FIELDS), json!({"reasoning": {"effort": "xhigh"}}));
}

#[test]
fn quirk_3_nova_2_takes_three_efforts() {
    for (word, sent) in [("minimal", "low"), ("medium", "medium"), ("max", "high")] {
        let expected = json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": sent}});
        assert_eq!(effort(NOVA_2, word).at(FIELDS), expected, "{word}");
    }
}

#[test]
fn quirk_4_deepseek_r1_takes_no_effort() {
    let sent = effort(DEEPSEEK_R1, "high");
    assert!(!sent.has(FIELDS) && sent.losses.contains("dropped reasoning_effort"));
}

#[test]
fn quirk_5_efforts_become_budgets() {
    let budgets =
        [("minimal", 1024), ("low", 1024), ("medium", 2048), ("high", 4096), ("xhigh", 8192)];
    for (word, tokens) in budgets.into_iter().chain([("max", 16384)]) {
        let expected = json!({"type": "enabled", "budget_tokens": tokens});
        assert_eq!(effort(SONNET_3_7, word).at("/thinking"), expected, "{word}");
    }
    let thinking = json!({"type": "enabled", "budget_tokens": 10});
    let raised = openai(SONNET_3_7, json!({"thinking": thinking}));
    assert_eq!(raised.at("/thinking/budget_tokens"), 1024);
    assert!(raised.losses.contains("approximated thinking"));
}

#[test]
fn quirk_6_newer_claude_takes_adaptive_thinking_and_an_effort() {
    let ceilings =
        [(SONNET_4_6, "xhigh", "high"), (OPUS_4_8, "max", "xhigh"), (OPUS_5_5, "max", "max")];
    for (model, word, sent) in ceilings {
        let sent_body = effort(model, word);
        let expected = json!({"type": "adaptive", "display": "summarized"});
        assert_eq!(sent_body.at("/thinking"), expected, "{model}");
        assert_eq!(sent_body.at("/output_config/effort"), sent, "{model}");
        assert_eq!(sent_body.losses.contains("approximated"), word != sent, "{model}");
    }
}

#[test]
fn quirk_7_each_generation_gets_its_own_form_of_thinking() {
    let budget = json!({"thinking": {"type": "enabled", "budget_tokens": 2000}});
    let newer = openai(OPUS_4_8, budget);
    assert_eq!(newer.at("/thinking/type"), "adaptive");
    assert!(newer.losses.contains("approximated thinking"));
    let adaptive = json!({"thinking": {"type": "adaptive"}, "max_tokens": 1500});
    let older = openai(SONNET_4_5, adaptive);
    assert_eq!(older.at("/thinking"), json!({"type": "enabled", "budget_tokens": 1499}));
    assert!(older.losses.contains("approximated thinking"));
}

#[test]
fn quirk_8_thinking_that_cannot_be_switched_off_is_not() {
    let off = json!({"thinking": {"type": "disabled"}});
    let always = openai(OPUS_5_5, off.clone());
    assert!(!always.has("/thinking") && always.losses.contains("dropped thinking"));
    assert_eq!(openai(OPUS_4_8, off).at("/thinking/type"), "disabled");
}

#[test]
fn quirk_9_opus_4_5_takes_an_effort_with_its_beta() {
    let sent = effort(OPUS_4_5, "xhigh");
    assert_eq!(sent.at("/output_config/effort"), "high");
    assert_eq!(sent.at("/anthropic_beta"), json!(["effort-2025-11-24"]));
    assert!(!effort(OPUS_4_8, "high").has("/anthropic_beta"));
}

#[test]
fn quirk_10_no_effort_is_no_effort_field() {
    for model in [GPT_OSS, NOVA_2, DEEPSEEK_R1, GROK] {
        assert!(!effort(model, "none").has(FIELDS), "{model}");
    }
    let claude = effort(OPUS_4_8, "none");
    assert!(!claude.has("/output_config") && claude.at("/thinking/type") == "disabled");
}

#[test]
fn quirk_11_the_limit_leaves_room_beside_the_budget() {
    let thinking = json!({"type": "enabled", "budget_tokens": 60_000});
    let sent = openai(SONNET_3_7, json!({"thinking": thinking}));
    assert_eq!(sent.at("/max_tokens"), 64_096);
}

#[test]
fn quirk_12_no_tool_is_forced_while_thinking() {
    let sent = openai(
        SONNET_4_5,
        json!({
            "reasoning_effort": "low",
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
            "tool_choice": "required",
        }),
    );
    assert!(sent.has("/thinking") && !sent.has("/tool_choice"));
    assert!(sent.losses.contains("approximated tool_choice"));
}

#[test]
fn quirk_14_no_thinking_after_a_tool_call_without_thinking() {
    let without = openai(SONNET_4_5, tool_loop(json!([])));
    assert!(!without.has("/thinking") && without.losses.contains("dropped reasoning_effort"));
    let signed = json!([{"type": "thinking", "thinking": "Hm", "signature": "c2ln"}]);
    assert!(openai(SONNET_4_5, tool_loop(signed)).has("/thinking"));
}

#[test]
fn quirk_15_thinking_goes_only_where_it_can_be_read() {
    let signed = json!([{"type": "thinking", "thinking": "Hm", "signature": "c2ln"}]);
    let nova = openai(NOVA, tool_loop(signed));
    assert!(!nova.body.to_string().contains("Hm"));
    assert!(nova.losses.contains("dropped messages[1].thinking_blocks[0]"));
    let unsigned = openai(SONNET_4_5, tool_loop(json!([{"type": "thinking", "thinking": "Hm"}])));
    assert!(!unsigned.body.to_string().contains("Hm"));
    assert!(unsigned.losses.contains("dropped messages[1].thinking_blocks[0]"));
}

#[test]
fn quirk_16_encrypted_thinking_goes_to_claude_once_and_first() {
    let twice = json!([
        {"type": "thinking", "thinking": "Hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "AAAA"},
        {"type": "thinking", "thinking": "Hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "AAAA"},
    ]);
    let claude = openai(SONNET_4_5, tool_loop(twice.clone()));
    let kinds: Vec<Value> = claude
        .at("/messages/1/content")
        .as_array()
        .unwrap()
        .iter()
        .map(|b| b["type"].clone())
        .collect();
    assert_eq!(kinds, ["thinking", "redacted_thinking", "tool_use"]);
    assert!(claude.losses.contains("dropped messages[1].thinking_blocks[2] (said before)"));
    let nova = openai(NOVA, tool_loop(twice));
    assert!(!nova.body.to_string().contains("AAAA"));
    assert!(nova.losses.contains("dropped messages[1].thinking_blocks[1]"));
}

#[test]
fn quirk_17_some_models_want_sixteen_tokens() {
    for model in [GPT, GROK, KIMI_K3] {
        let sent = openai(model, json!({"max_tokens": 1}));
        assert_eq!(sent.at("/inferenceConfig/maxTokens"), 16, "{model}");
        assert!(sent.losses.contains("approximated max_tokens"));
    }
}

#[test]
fn claude_over_converse_thinks_as_it_was_asked_to() {
    let asked = json!({"reasoning_effort": "high", "temperature": 0.5});
    let sent = over_converse(SONNET_4_6, asked);
    assert_eq!(sent.at("/outputConfig"), json!({"effort": "high"}));
    assert_eq!(sent.at("/additionalModelRequestFields/thinking/type"), "adaptive");
    assert!(
        !sent.has("/inferenceConfig/temperature") && sent.losses.contains("dropped temperature")
    );
}
