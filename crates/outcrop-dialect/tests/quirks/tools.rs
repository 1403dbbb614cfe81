//! A.3: tools.

use serde_json::{Value, json};

use crate::sent::*;

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}})
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

/// A conversation that called tools and was answered: `results` are (id, text).
fn looped(calls: Value, results: &[(&str, &str)]) -> Value {
    let mut messages = vec![
        json!({"role": "user", "content": "Go"}),
        json!({"role": "assistant", "tool_calls": calls}),
    ];
    let result =
        |(id, text): &(&str, &str)| json!({"role": "tool", "tool_call_id": id, "content": text});
    messages.extend(results.iter().map(result));
    json!({"messages": messages, "tools": [tool("f")]})
}

fn with_choice(choice: Value) -> Value {
    json!({"tools": [tool("f"), tool("g")], "tool_choice": choice})
}

const CHOICE: &str = "/toolConfig/toolChoice";

#[test]
fn quirk_27_no_tool_means_no_tools_offered() {
    let fresh = openai(NOVA, with_choice(json!("none")));
    assert!(!fresh.has("/toolConfig") && fresh.losses.is_empty());
    let mut used = looped(json!([call("a", "f", "{}")]), &[("a", "1")]);
    used["tool_choice"] = json!("none");
    let used = openai(NOVA, used);
    assert!(used.has("/toolConfig/tools/0") && !used.has(CHOICE));
    assert!(used.losses.contains("approximated tool_choice"));
}

#[test]
fn quirk_28_choices_are_what_the_family_obeys() {
    let named = json!({"type": "function", "function": {"name": "g"}});
    assert_eq!(openai(NOVA, with_choice(json!("required"))).at(CHOICE), json!({"any": {}}));
    assert_eq!(openai(NOVA, with_choice(named.clone())).at(CHOICE), json!({"tool": {"name": "g"}}));
    for choice in [json!("required"), named] {
        let llama = openai(LLAMA, with_choice(choice));
        assert!(!llama.has(CHOICE) && llama.losses.contains("approximated tool_choice"));
    }
}

#[test]
fn quirk_29_models_that_refuse_force_decide_themselves() {
    for model in [OPUS_5_5, "us.anthropic.claude-fable-5", "us.anthropic.claude-mythos-5-1"] {
        let sent = openai(model, with_choice(json!("required")));
        assert!(!sent.has("/tool_choice") && sent.losses.contains("approximated tool_choice"));
    }
}

#[test]
fn quirk_30_one_call_at_a_time_where_that_can_be_asked() {
    let single = json!({"tools": [tool("f")], "parallel_tool_calls": false});
    let claude = openai(SONNET_4_5, single.clone());
    let expected = json!({"type": "auto", "disable_parallel_tool_use": true});
    assert_eq!(claude.at("/tool_choice"), expected);
    let nova = openai(NOVA, single);
    assert!(!nova.has("/additionalModelRequestFields"));
    assert!(nova.losses.contains("dropped parallel_tool_calls"));
}

#[test]
fn quirk_31_strict_tools_only_where_they_are_enforced() {
    let strict = json!({"tools": [{"type": "function", "function": {
        "name": "f", "parameters": {"type": "object"}, "strict": true,
    }}]});
    assert_eq!(openai(SONNET_4_5, strict.clone()).at("/tools/0/strict"), true);
    for (model, place) in
        [(OPUS_4_8, "/tools/0/strict"), (NOVA, "/toolConfig/tools/0/toolSpec/strict")]
    {
        let sent = openai(model, strict.clone());
        assert!(!sent.has(place) && sent.losses.contains("dropped tools[0].strict"), "{model}");
    }
}

#[test]
fn quirk_34_an_empty_description_is_left_out() {
    let blank = json!({"tools": [{"type": "function", "function": {
        "name": "f", "description": " ", "parameters": {"type": "object"},
    }}]});
    assert!(!openai(NOVA, blank.clone()).has("/toolConfig/tools/0/toolSpec/description"));
    assert!(!openai(SONNET_4_5, blank).has("/tools/0/description"));
}

#[test]
fn quirk_36_a_tool_without_a_name_is_refused_and_a_hosted_one_dropped() {
    let unnamed = json!({"tools": [{"type": "function", "function": {"name": ""}}]});
    let fault = try_openai(NOVA, unnamed).err().unwrap();
    assert_eq!(fault.param.as_deref(), Some("tools[0].function.name"));
    let unnamed = json!({"tools": [{"name": "", "input_schema": {}}]});
    let fault = try_anthropic(NOVA, unnamed).err().unwrap();
    assert_eq!(fault.param.as_deref(), Some("tools[0].name"));
    let hosted = json!({"tools": [tool("f"), {"type": "web_search"}]});
    for model in [NOVA, SONNET_4_5] {
        assert!(openai(model, hosted.clone()).losses.contains("dropped tools[1]"), "{model}");
    }
}

#[test]
fn quirk_38_ids_fit_bedrock_on_both_sides() {
    for id in ["call.1:2", "größe", &"x".repeat(80)] {
        let sent = openai(NOVA, looped(json!([call(id, "f", "{}")]), &[(id, "1")]));
        let called = sent.at("/messages/1/content/0/toolUse/toolUseId");
        let answered = sent.at("/messages/2/content/0/toolResult/toolUseId");
        let legal = called.as_str().unwrap();
        assert!(legal.len() <= 64 && legal.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        assert_eq!(called, answered);
    }
}

#[test]
fn quirk_39_no_id_is_used_twice() {
    // The same call twice, answered once.
    let same = json!([call("a", "f", "{}"), call("a", "f", "{}")]);
    let sent = openai(NOVA, looped(same, &[("a", "1")]));
    assert_eq!(sent.at("/messages/1/content").as_array().unwrap().len(), 1);
    assert!(sent.losses.contains("dropped messages[1].tool_calls[1]"), "{}", sent.losses);
    // Two calls under one id, each with its answer: told apart in their order.
    let two = json!([call("a", "f", "{\"x\":1}"), call("a", "f", "{\"x\":2}")]);
    let sent = openai(NOVA, looped(two, &[("a", "1"), ("a", "2")]));
    let id = |turn: u8, block: u8, kind: &str| {
        sent.at(&format!("/messages/{turn}/content/{block}/{kind}/toolUseId"))
    };
    assert_ne!(id(1, 0, "toolUse"), id(1, 1, "toolUse"));
    for block in [0, 1] {
        assert_eq!(id(1, block, "toolUse"), id(2, block, "toolResult"));
    }
    assert!(sent.losses.contains("approximated messages[1].tool_calls[1]"), "{}", sent.losses);
    // Two answers to one call: one answer with the content of both.
    let sent = openai(NOVA, looped(json!([call("a", "f", "{}")]), &[("a", "1"), ("a", "2")]));
    let results = sent.at("/messages/2/content");
    assert_eq!(results.as_array().unwrap().len(), 1);
    assert_eq!(results[0]["toolResult"]["content"], json!([{"text": "1"}, {"text": "2"}]));
    assert!(sent.losses.contains("approximated messages[3]"), "{}", sent.losses);
}

#[test]
fn quirk_40_arguments_are_one_object() {
    for empty in ["", " ", "null"] {
        let sent = openai(NOVA, looped(json!([call("a", "f", empty)]), &[("a", "1")]));
        assert_eq!(sent.at("/messages/1/content/0/toolUse/input"), json!({}), "{empty:?}");
    }
    for wrong in ["{}{}", "[1]", "{\"a\":"] {
        let fault =
            try_openai(NOVA, looped(json!([call("a", "f", wrong)]), &[("a", "1")])).err().unwrap();
        let place = "messages[1].tool_calls[0].function.arguments";
        assert_eq!(fault.param.as_deref(), Some(place), "{wrong}");
    }
}

#[test]
fn quirk_42_tools_used_before_are_declared() {
    let mut members = looped(json!([call("a", "f", "{}")]), &[("a", "1")]);
    members["tools"] = json!([]);
    let sent = openai(NOVA, members);
    assert_eq!(sent.at("/toolConfig/tools/0/toolSpec/name"), "f");
    assert!(sent.losses.contains("approximated tools"));
}

#[test]
fn quirk_43_pictures_move_beside_results_that_hold_none() {
    let image =
        json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}});
    let members = |content: Value| {
        let mut members = looped(json!([call("a", "f", "{}")]), &[]);
        let result = json!({"role": "tool", "tool_call_id": "a", "content": content});
        members["messages"].as_array_mut().unwrap().push(result);
        members
    };
    let content = json!([{"type": "text", "text": "seen"}, image]);
    let nova = openai(NOVA, members(content.clone()));
    assert!(nova.has("/messages/2/content/0/toolResult/content/1/image"));
    let gpt = openai(GPT, members(content));
    assert!(!gpt.has("/messages/2/content/0/toolResult/content/1"));
    assert!(gpt.has("/messages/2/content/1/image"));
    assert!(gpt.losses.contains("approximated messages[2].content[1]"), "{}", gpt.losses);
}

#[test]
fn quirk_46_computer_use_comes_with_the_beta_of_its_generation() {
    let tools = json!([{
        "type": "computer_20250124", "name": "computer", "display_width_px": 9, "display_height_px": 9,
    }]);
    let translated = openai(SONNET_4_5, json!({"tools": tools}));
    let relayed = anthropic(SONNET_4_5, json!({"tools": tools}));
    for sent in [translated, relayed] {
        assert_eq!(sent.at("/tools/0/type"), "computer_20250124");
        assert_eq!(sent.at("/anthropic_beta"), json!(["computer-use-2025-01-24"]));
    }
    let nova = openai(NOVA, json!({"tools": [tool("f"), tools[0]]}));
    assert!(nova.losses.contains("dropped tools[1]"));
}

#[test]
fn quirk_47_tool_search_is_bedrocks_own_variant() {
    let tools = json!([
        {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
        {"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"},
        {"type": "custom", "name": "f", "input_schema": {}, "custom": {"defer_loading": true}},
        {"name": "g", "input_schema": {}, "defer_loading": true, "eager_input_streaming": true},
    ]);
    let sent = anthropic(SONNET_4_5, json!({"tools": tools}));
    let expected = json!([
        {"type": "tool_search_tool_regex", "name": "tool_search_tool_regex"},
        {"type": "custom", "name": "f", "input_schema": {}, "defer_loading": true},
        {"name": "g", "input_schema": {}, "defer_loading": true},
    ]);
    assert_eq!(sent.at("/tools"), expected);
    assert_eq!(sent.at("/anthropic_beta"), json!(["tool-search-tool-2025-10-19"]));
    for place in ["tools[0].type", "tools[1]", "tools[2].custom", "tools[3].eager_input_streaming"]
    {
        assert!(sent.losses.contains(place), "{place}: {}", sent.losses);
    }
    let nova = anthropic(NOVA, json!({"tools": [tools[0], tools[3]]}));
    assert_eq!(nova.at("/toolConfig/tools").as_array().unwrap().len(), 1);
    assert!(nova.losses.contains("dropped tools[0]"), "{}", nova.losses);
}

#[test]
fn quirk_45_web_search_is_not_offered() {
    let search = json!({"type": "web_search_20250305", "name": "web_search"});
    for model in [SONNET_4_5, NOVA] {
        let f = json!({"name": "f", "input_schema": {"type": "object"}});
        let sent = anthropic(model, json!({"tools": [f, search]}));
        assert!(!sent.body.to_string().contains("web_search"), "{model}");
        assert!(sent.losses.contains("dropped tools[1]"), "{model}");
        let asked = openai(model, json!({"web_search_options": {}}));
        assert!(asked.losses.contains("dropped web_search_options"), "{model}");
    }
}
