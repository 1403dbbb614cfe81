//! What is accepted, what is refused and in which words, and that streams say what responses say.

use serde_json::{Value, json};

use super::*;
use crate::words::{Answer, AnswerPart, Part, Role, Stop, ToolChoice, Usage};

const PNG: &str = "iVBORw0KGgo=";

fn body(changes: Value) -> Value {
    let mut body = json!({
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": "hi"}],
    });
    for (key, value) in changes.as_object().unwrap() {
        if value == "<absent>" {
            body.as_object_mut().unwrap().remove(key);
        } else {
            body[key] = value.clone();
        }
    }
    body
}

fn accepted(changes: Value) -> Prompt {
    parse(&body(changes)).unwrap_or_else(|refusal| panic!("refused: {refusal}"))
}

#[track_caller]
fn refused(changes: Value, expected: &str) {
    let refusal = parse(&body(changes)).expect_err("should be refused");
    assert!(refusal.contains(expected), "{refusal:?} does not contain {expected:?}");
}

fn weather() -> Value {
    json!([{"name": "weather", "description": "d", "input_schema": {"type": "object"}}])
}

fn tool_loop(results: Value) -> Value {
    json!([
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": [
            {"type": "text", "text": "let me see"},
            {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Bern"}},
            {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {}}]},
        {"role": "user", "content": results},
    ])
}

fn result(id: &str) -> Value {
    json!({"type": "tool_result", "tool_use_id": id, "content": "sunny"})
}

#[test]
fn a_minimal_body_is_a_prompt() {
    let prompt = accepted(json!({"system": "be brief", "stop_sequences": ["END"]}));
    assert_eq!(prompt.max_tokens, Some(4096));
    assert_eq!(prompt.system, ["be brief"]);
    assert_eq!(prompt.stop_sequences, ["END"]);
    assert_eq!(prompt.turns[0].role, Role::User);
    assert!(matches!(&prompt.turns[0].parts[0], Part::Text(text) if text == "hi"));
    assert!(!prompt.thinking);
}

#[test]
fn media_keep_format_name_and_length() {
    let prompt = accepted(json!({"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {"type": "document", "title": "Spec", "citations": {"enabled": true},
         "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "abc"}},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "four"}]}},
        {"type": "text", "text": "what is it?"}]}]}));
    let media: Vec<_> = prompt.turns[0]
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Media { kind, format, name, bytes } => {
                Some((*kind, format.as_str(), name.as_str(), *bytes))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        media,
        [
            ("image", "png", "", 8),
            ("document", "pdf", "Spec", 5),
            ("document", "txt", "", 3),
            ("document", "txt", "", 4)
        ]
    );
}

#[test]
fn a_tool_loop_is_read_in_full() {
    let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}});
    let prompt = accepted(json!({
        "tools": weather(),
        "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": true},
        "messages": tool_loop(json!([
            {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": true,
             "content": [{"type": "text", "text": "rain"}, image],
             "cache_control": {"type": "ephemeral"}},
            result("toolu_2"),
            {"type": "text", "text": "go on"}])),
    }));
    assert_eq!(prompt.tool_choice, ToolChoice::Named("weather".into()));
    assert_eq!(prompt.tools[0].name, "weather");
    assert!(matches!(&prompt.turns[1].parts[1], Part::ToolUse { id, input, .. }
        if id == "toolu_1" && input["city"] == "Bern"));
    assert!(matches!(&prompt.turns[2].parts[0], Part::ToolResult { id, parts, is_error: true }
        if id == "toolu_1" && parts.len() == 2));
    assert!(matches!(prompt.turns[2].parts[1], Part::CachePoint));
}

#[test]
fn what_real_clients_send_is_accepted() {
    let prompt = accepted(json!({
        "anthropic_beta": ["interleaved-thinking-2025-05-14", "tool-search-tool-2025-10-19",
            "context-management-2025-06-27", "mid-conversation-output-config-2026-05-01"],
        "thinking": {"type": "adaptive", "display": "omitted"},
        "output_config": {"effort": "xhigh"},
        "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
        "metadata": {"user_id": "u"},
        "system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "tools": [
            {"type": "custom", "name": "t", "defer_loading": true, "strict": true,
             "input_schema": {"type": "object", "additionalProperties": false}},
            {"type": "computer_20250124", "name": "computer", "display_width_px": 1, "display_height_px": 1},
            {"type": "bash_20250124", "name": "bash"},
            {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
            {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "q", "cache_control": {"type": "ephemeral"}},
                {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "x"}]}]},
            {"role": "system", "content": "mind the gap"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "cmVk"},
                {"type": "server_tool_use", "id": "srvtoolu_1", "name": "tool_search_tool_regex", "input": {}},
                {"type": "tool_search_tool_result", "tool_use_id": "srvtoolu_1", "content": {}},
                {"type": "tool_use", "id": "toolu_1", "name": "t", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1",
                "content": [{"type": "tool_reference", "tool_name": "t"}]}], "output_config": {"effort": "low"}}],
    }));
    assert!(prompt.thinking);
    assert_eq!(prompt.turns[1].role, Role::System);
    assert!(matches!(&prompt.turns[2].parts[1], Part::Redacted(bytes) if bytes == b"red"));
    assert_eq!(prompt.tools.len(), 5);
}

#[test]
fn members_are_checked_one_by_one() {
    let cases = [
        (json!({"anthropic_version": "<absent>"}), "anthropic_version: Field required"),
        (json!({"anthropic_version": "2023-06-01"}), "anthropic_version: Input should be"),
        (json!({"anthropic_beta": ["made-up-2025-01-01"]}), "invalid beta flag"),
        (json!({"max_tokens": "<absent>"}), "max_tokens: Field required"),
        (json!({"max_tokens": 0}), "max_tokens: Input should be greater than or equal to 1"),
        (json!({"max_tokens": "9"}), "max_tokens: Input should be a valid integer"),
        (json!({"model": "x"}), "model: Extra inputs are not permitted"),
        (json!({"stream": true}), "stream: Extra inputs are not permitted"),
        (json!({"context_management": {}}), "context_management: Extra inputs are not permitted"),
        (json!({"messages": "<absent>"}), "messages: Field required"),
        (json!({"messages": []}), "messages: at least one message is required"),
        (json!({"temperature": 1.5}), "temperature: Input should be less than or equal to 1"),
        (json!({"stop_sequences": [" "]}), "each stop sequence must contain non-whitespace"),
        (json!({"metadata": {"tenant": "x"}}), "metadata.tenant: Extra inputs"),
        (json!({"output_config": {"effort": "huge"}}), "output_config.effort: Input should be"),
        (
            json!({"system": [{"type": "text", "text": ""}]}),
            "system: text content blocks must be non-empty",
        ),
        (
            json!({"tool_choice": {"type": "any"}}),
            "tool_choice may only be specified while providing tools",
        ),
        (json!({"tools": [{"name": "a"}]}), "tools.0.custom.input_schema: Field required"),
        (
            json!({"tools": [{"name": "a b", "input_schema": {"type": "object"}}]}),
            "tools.0.custom.name: String should match",
        ),
        (
            json!({"tools": [{"type": "web_search_20250305", "name": "w"}]}),
            "tools.0: Input tag 'web_search_20250305'",
        ),
        (
            json!({"tools": weather(), "tool_choice": {"type": "tool", "name": "x"}}),
            "Tool 'x' not found",
        ),
        (
            json!({"tools": [{"name": "a", "input_schema": {"type": "object"}, "defer_loading": true}]}),
            "tools.0.custom.defer_loading: Extra inputs",
        ),
    ];
    for (changes, expected) in cases {
        refused(changes, expected);
    }
}

#[test]
fn blocks_are_checked_one_by_one() {
    let cases = [
        (json!([{"text": "x"}]), "messages.0.content.0.type: Field required"),
        (json!([{"type": "text"}]), "messages.0.content.0.text.text: Field required"),
        (json!([{"type": "text", "text": ""}]), "text content blocks must be non-empty"),
        (json!([{"type": "text", "text": " \n"}]), "must contain non-whitespace text"),
        (
            json!([{"type": "text", "text": "a", "future": 1}]),
            "messages.0.content.0.text.future: Extra inputs",
        ),
        (json!([{"type": "hologram"}]), "Input tag 'hologram' found using 'type'"),
        (
            json!([{"type": "tool_use", "id": "a", "name": "b", "input": {}}]),
            "`tool_use` blocks can only be in `assistant` messages",
        ),
        (
            json!([{"type": "image", "source": {"type": "url", "url": "u"}}]),
            "messages.0.content.0.image.source.type: Input should be 'base64'",
        ),
        (
            json!([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "?"}}]),
            "messages.0.content.0.image.source.base64.data: Invalid base64 data",
        ),
        (
            json!([{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "scope": "global"}}]),
            "messages.0.content.0.text.cache_control.ephemeral.scope: Extra inputs",
        ),
        (json!(""), "messages.0: all messages must have non-empty content"),
    ];
    for (content, expected) in cases {
        refused(json!({"messages": [{"role": "user", "content": content}]}), expected);
    }
}

#[test]
fn conversation_rules() {
    let assistant_first = json!([{"role": "assistant", "content": "a"}]);
    refused(json!({"messages": assistant_first}), "first message must use the \"user\" role");
    let role = json!([{"role": "tool", "content": "a"}]);
    refused(
        json!({"messages": role}),
        "messages.0.role: Input should be 'user', 'assistant' or 'system'",
    );
    let prefill = json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b "}]);
    refused(
        json!({"messages": prefill}),
        "final assistant content cannot end with trailing whitespace",
    );
    let twice = json!([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]);
    assert_eq!(accepted(json!({"messages": twice})).turns.len(), 2);
}

#[test]
fn tool_calls_and_results_are_paired() {
    let cases = [
        (
            json!([result("toolu_1")]),
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_2.",
        ),
        (
            json!([{"type": "text", "text": "first"}, result("toolu_1"), result("toolu_2")]),
            "immediately after: toolu_1, toolu_2.",
        ),
        (
            json!([result("toolu_1"), result("toolu_2"), result("toolu_3")]),
            "messages.2.content.2: unexpected `tool_use_id` found in `tool_result` blocks: toolu_3.",
        ),
        (
            json!([result("toolu_1"), result("toolu_2"), result("toolu_1")]),
            "Found multiple `tool_result` blocks with id: toolu_1",
        ),
    ];
    for (results, expected) in cases {
        refused(json!({"tools": weather(), "messages": tool_loop(results)}), expected);
    }
    let results = json!([result("toolu_1"), result("toolu_2")]);
    accepted(json!({"tools": weather(), "messages": tool_loop(results)}));
}

#[test]
fn thinking_rules() {
    let enabled = |budget: u32| json!({"type": "enabled", "budget_tokens": budget});
    let cases = [
        (
            json!({"thinking": enabled(100)}),
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        ),
        (
            json!({"thinking": enabled(4096)}),
            "`max_tokens` must be greater than `thinking.budget_tokens`",
        ),
        (json!({"thinking": {"type": "maybe"}}), "thinking.type: Input should be"),
        (
            json!({"thinking": enabled(2000), "temperature": 0.5}),
            "`temperature` may only be set to 1",
        ),
        (json!({"thinking": enabled(2000), "top_k": 5}), "`top_k` must be unset"),
        (
            json!({"thinking": enabled(2000), "tools": weather(), "tool_choice": {"type": "any"}}),
            "Thinking may not be enabled when tool_choice forces tool use.",
        ),
        (
            json!({"thinking": enabled(2000), "tools": weather(),
                   "messages": tool_loop(json!([result("toolu_1"), result("toolu_2")]))}),
            "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`.",
        ),
    ];
    for (changes, expected) in cases {
        refused(changes, expected);
    }
    assert!(accepted(json!({"thinking": enabled(2000), "temperature": 1})).thinking);
    assert!(!accepted(json!({"thinking": {"type": "disabled"}})).thinking);
}

#[test]
fn cache_points_are_counted_and_ordered() {
    let point = |ttl: &str| json!({"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": ttl}});
    let messages = |points: Vec<Value>| json!({"messages": [{"role": "user", "content": points}]});
    accepted(messages(vec![point("1h"), point("1h"), point("5m"), point("5m")]));
    refused(
        messages(vec![point("5m"); 5]),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    );
    refused(messages(vec![point("5m"), point("1h")]), "must not come after a ttl='5m'");
    refused(
        messages(vec![point("2h")]),
        "cache_control.ephemeral.ttl: Input should be '5m' or '1h'",
    );
}

#[test]
fn the_newer_version_is_stricter() {
    let newer = |mut changes: Value| {
        changes["anthropic_version"] = json!("2026-10-21");
        changes
    };
    accepted(newer(json!({})));
    refused(newer(json!({"temperature": 1})), "`temperature` is not supported");
    let document = json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}});
    let messages =
        json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": [document]}]);
    refused(
        newer(json!({"messages": messages})),
        "`document` blocks can only be in `user` messages",
    );
}

#[test]
fn rules_narrow_what_a_model_accepts() {
    let rules = AnthropicRules {
        versions: vec!["bedrock-2023-05-31".into()],
        prefill: false,
        system_role: false,
        sampling: false,
        thinking: vec!["enabled".into()],
        ..AnthropicRules::default()
    };
    let refusal = |changes| parse_with(&body(changes), &rules).unwrap_err();
    assert!(refusal(json!({"anthropic_version": "2026-10-21"})).contains("'bedrock-2023-05-31'"));
    assert!(refusal(json!({"top_p": 0.5})).contains("deprecated for this model"));
    assert!(
        refusal(json!({"thinking": {"type": "adaptive"}})).contains("Input should be 'enabled'")
    );
    let prefill = json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]);
    assert!(
        refusal(json!({"messages": prefill}))
            .contains("does not support assistant message prefill")
    );
    let system = json!([{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]);
    assert!(refusal(json!({"messages": system})).contains("messages.1.role: Input should be"));
}

// === answers ===

fn answer() -> Answer {
    Answer {
        parts: vec![
            AnswerPart::Thinking { text: "let me think".into(), signature: "c2ln".into() },
            AnswerPart::Redacted(b"red".to_vec()),
            AnswerPart::Text("Hello, wörld".into()),
            AnswerPart::ToolUse {
                id: "toolu_1".into(),
                name: "weather".into(),
                input: json!({"city": "Bern"}),
            },
            AnswerPart::ToolUse { id: "toolu_2".into(), name: "now".into(), input: json!({}) },
        ],
        stop: Stop::ToolUse,
        usage: Usage { input: 10, output: 20, cache_read: 3, cache_write_5m: 4, cache_write_1h: 5 },
        citation: None,
    }
}

fn letters(text: &str) -> Vec<String> {
    text.chars().map(String::from).collect()
}

/// Puts a message together from its events, as a client would.
fn assembled(events: &[Value]) -> Value {
    let mut message = events[0]["message"].clone();
    let mut json_text = String::new();
    for event in &events[1..] {
        let index = event["index"].as_u64().unwrap_or_default() as usize;
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                message["content"].as_array_mut().unwrap().push(event["content_block"].clone());
                json_text.clear();
            }
            "content_block_delta" => {
                let delta = event["delta"].as_object().unwrap();
                let (key, piece) = delta.iter().find(|(key, _)| *key != "type").unwrap();
                let piece = piece.as_str().unwrap();
                if key == "partial_json" {
                    json_text.push_str(piece);
                } else {
                    let so_far = message["content"][index][key].as_str().unwrap().to_owned();
                    message["content"][index][key] = json!(so_far + piece);
                }
            }
            "content_block_stop" if !json_text.is_empty() => {
                message["content"][index]["input"] = serde_json::from_str(&json_text).unwrap();
                json_text.clear();
            }
            "message_delta" => {
                message["stop_reason"] = event["delta"]["stop_reason"].clone();
                message["stop_sequence"] = event["delta"]["stop_sequence"].clone();
                message["usage"] = event["usage"].clone();
            }
            _ => {}
        }
    }
    message
}

#[test]
fn a_stream_says_what_the_response_says() {
    let model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
    let whole = response(model, "msg_1", &answer());
    let events = chunks(model, "msg_1", &answer(), &letters);
    assert_eq!(assembled(&events), whole);
    assert_eq!(whole["model"], "claude-sonnet-4-5-20250929");
    assert_eq!(whole["usage"]["cache_creation_input_tokens"], 9);
    let last = events.last().unwrap();
    assert_eq!(last["type"], "message_stop");
    assert_eq!(last["amazon-bedrock-invocationMetrics"]["outputTokenCount"], 20);
    assert_eq!(last["amazon-bedrock-invocationMetrics"]["cacheWriteInputTokenCount"], 9);
}

#[test]
fn a_call_without_arguments_streams_one_empty_delta() {
    let only = Answer { parts: vec![answer().parts.remove(4)], ..answer() };
    let events = chunks("anthropic.claude-opus-4-8", "msg_1", &only, &letters);
    let deltas: Vec<_> = events.iter().filter(|e| e["type"] == "content_block_delta").collect();
    assert_eq!(deltas.len(), 1);
    assert_eq!(deltas[0]["delta"]["partial_json"], "");
}

#[test]
fn stop_reasons_in_anthropic_words() {
    let reason = |stop: Stop| {
        let message = response("m", "id", &Answer { stop, ..Answer::default() });
        (message["stop_reason"].clone(), message["stop_sequence"].clone())
    };
    assert_eq!(reason(Stop::StopSequence("END".into())), (json!("stop_sequence"), json!("END")));
    assert_eq!(reason(Stop::MaxTokens).0, "max_tokens");
    assert_eq!(reason(Stop::Other("guardrail_intervened".into())).0, "refusal");
    assert_eq!(reason(Stop::Other("pause_turn".into())).0, "pause_turn");
}

#[test]
fn an_answer_can_be_sent_back() {
    let content = response("m", "id", &answer())["content"].clone();
    let results = json!([result("toolu_1"), result("toolu_2")]);
    let messages = json!([{"role": "user", "content": "q"}, {"role": "assistant", "content": content},
        {"role": "user", "content": results}]);
    let prompt = accepted(
        json!({"messages": messages, "thinking": {"type": "enabled", "budget_tokens": 1024}}),
    );
    assert!(
        matches!(&prompt.turns[1].parts[0], Part::Thinking { signature: Some(s), .. } if s == "c2ln")
    );
}
