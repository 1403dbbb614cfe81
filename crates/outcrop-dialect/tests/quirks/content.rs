//! A.4: messages and content.

use serde_json::{Value, json};

use crate::sent::*;

fn said(messages: Value) -> Value {
    json!({"messages": messages})
}

fn roles(sent: &Sent) -> Vec<String> {
    let turns = sent.at("/messages");
    turns.as_array().unwrap().iter().map(|t| t["role"].as_str().unwrap().to_owned()).collect()
}

fn results_and_words() -> Value {
    let call =
        |id| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    said(json!([
        {"role": "user", "content": "Go"},
        {"role": "assistant", "tool_calls": [call("a"), call("b")]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
        {"role": "user", "content": "And?"},
    ]))
}

#[test]
fn quirk_48_turns_alternate_and_parallel_results_share_one() {
    let sent = openai(NOVA, results_and_words());
    assert_eq!(roles(&sent), ["user", "assistant", "user"]);
    let last = sent.at("/messages/2/content");
    assert!(last[0].get("toolResult").is_some() && last[1].get("toolResult").is_some());
    assert_eq!(last[2], json!({"text": "And?"}));
}

#[test]
fn quirk_49_words_after_results_stand_apart_where_they_must() {
    let llama = openai(LLAMA, results_and_words());
    assert_eq!(roles(&llama), ["user", "assistant", "user", "assistant", "user"]);
    assert!(llama.losses.contains("approximated messages[4]"), "{}", llama.losses);
}

#[test]
fn quirk_50_the_user_begins_and_ends() {
    let first = openai(
        NOVA,
        said(json!([
            {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Hi"},
        ])),
    );
    assert_eq!(roles(&first), ["user", "assistant", "user"]);
    assert!(first.losses.contains("approximated messages[0]"));
    let prefill =
        said(json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "He"}]));
    assert_eq!(roles(&openai(SONNET_4_5, prefill.clone())), ["user", "assistant"]);
    let fault = try_openai(SONNET_4_6, prefill).err().unwrap();
    assert_eq!(fault.param.as_deref(), Some("messages[1]"));
}

#[test]
fn quirk_51_blank_text_is_not_sent() {
    let blank = json!([{"type": "text", "text": " \n"}, {"type": "text", "text": "Hi"}]);
    let sent = openai(NOVA, said(json!([{"role": "user", "content": blank}])));
    assert_eq!(sent.at("/messages/0/content"), json!([{"text": "Hi"}]));
}

#[test]
fn quirk_52_the_last_assistant_text_ends_in_no_white_space() {
    let prefill =
        said(json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "He \n"}]));
    let sent = openai(SONNET_4_5, prefill);
    assert_eq!(sent.at("/messages/1/content/0/text"), "He");
    assert!(sent.losses.contains("approximated messages[1]"));
}

#[test]
fn quirk_53_system_text_leads_or_is_the_operators_word_in_a_user_turn() {
    let messages = json!([
        {"role": "system", "content": "A"},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Ho"},
        {"role": "system", "content": "B"},
        {"role": "user", "content": "Well?"},
    ]);
    let nova = openai(NOVA, said(messages));
    assert_eq!(nova.at("/system"), json!([{"text": "A"}]));
    let expected = json!([{"text": "<system>\nB\n</system>"}, {"text": "Well?"}]);
    assert_eq!(nova.at("/messages/2/content"), expected);
    assert!(nova.losses.contains("approximated messages[3]"));
}

#[test]
fn quirk_54_a_document_has_text_beside_it() {
    let document = json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}});
    let sent = anthropic(NOVA, said(json!([{"role": "user", "content": [document]}])));
    assert_eq!(sent.at("/messages/0/content/0"), json!({"text": "(document)"}));
    assert!(sent.has("/messages/0/content/1/document") && sent.losses.contains("approximated"));
}

#[test]
fn quirk_55_system_text_is_folded_where_none_is_taken() {
    let messages = json!([{"role": "system", "content": "A"}, {"role": "user", "content": "Hi"}]);
    let sent = openai(MISTRAL_7B, said(messages));
    assert!(!sent.has("/system"));
    assert_eq!(sent.at("/messages/0/content"), json!([{"text": "A"}, {"text": "Hi"}]));
    assert!(sent.losses.contains("approximated messages[0]"));
}

#[test]
fn quirk_59_the_format_word_of_3gp_is_bedrocks() {
    let video = json!({"type": "video_url", "video_url": {"url": "data:video/3gpp;base64,AAAA"}});
    let sent = openai(NOVA, said(json!([{"role": "user", "content": [video]}])));
    assert_eq!(sent.at("/messages/0/content/0/video/format"), "three_gp");
}

#[test]
fn quirk_44_search_results_are_shown_as_text() {
    let found = json!({
        "type": "search_result", "source": "https://a.example", "title": "A",
        "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}],
    });
    let expected = json!({"text": "A\nhttps://a.example\nx\ny"});
    let sent = anthropic(NOVA, said(json!([{"role": "user", "content": [found]}])));
    assert_eq!(sent.at("/messages/0/content/0"), expected);
    assert!(sent.losses.contains("approximated messages[0].content[0]"));
    let result = json!({"type": "tool_result", "tool_use_id": "a", "content": [
        found, {"type": "tool_reference", "tool_name": "g"},
    ]});
    let sent = anthropic(
        NOVA,
        said(json!([
            {"role": "user", "content": "Go"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
            {"role": "user", "content": [result]},
        ])),
    );
    let content = sent.at("/messages/2/content/0/toolResult/content");
    assert_eq!(content, json!([expected, {"text": "Tool found: g"}]));
    assert!(sent.losses.contains("approximated messages[2].content[0].content[1]"));
}

#[test]
fn what_the_user_shows_is_never_left_out_in_silence() {
    let hologram = json!({"type": "hologram", "data": 1});
    let content = json!([{"type": "text", "text": "Hi"}, hologram]);
    let messages = json!([{"role": "user", "content": content}]);
    let fault = try_anthropic(NOVA, said(messages)).err().unwrap();
    assert_eq!(fault.param.as_deref(), Some("messages[0].content[1]"));
    let by_assistant = said(json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [{"type": "text", "text": "Ho"}, {"type": "server_tool_use", "id": "s", "name": "w", "input": {}}]},
        {"role": "user", "content": "Well?"},
    ]));
    let sent = anthropic(NOVA, by_assistant);
    assert!(sent.losses.contains("dropped messages[1].content[1]"));
}
