//! Mistral: the older models read one prompt text, the newer ones chat messages.

use serde_json::{Value, json};

use super::openai::{choices, messages};
use super::plain::{check_numbers, prompt_text, stop_or_length, text_of, texts, tokens};
use super::reader::{Node, Voice};
use super::{Pieces, metrics, template};
use crate::words::{Answer, AnswerPart, Prompt};

const INSTRUCT: [&str; 6] = ["max_tokens", "prompt", "stop", "temperature", "top_k", "top_p"];

const CHAT: [&str; 8] = [
    "max_tokens",
    "messages",
    "response_format",
    "stop",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
];

const RANGES: [(&str, f64, f64); 2] = [("temperature", 0.0, 1.0), ("top_p", 0.0, 1.0)];

pub(crate) fn parse_instruct(body: &Value) -> Result<Prompt, String> {
    let root = Node::root(body, Voice::Schema);
    let script = template::mistral(prompt_text(&root, "prompt")?);
    root.only(&INSTRUCT)?;
    check_numbers(&root, &RANGES)?;
    root.get("top_k").map(|top_k| top_k.at_least(0)).transpose()?;
    Ok(Prompt {
        turns: script.turns,
        max_tokens: tokens(&root, "max_tokens")?,
        stop_sequences: texts(&root, "stop")?,
        ..Prompt::default()
    })
}

pub(crate) fn instruct_response(answer: &Answer) -> Value {
    json!({"outputs": [{"text": text_of(answer), "stop_reason": stop_or_length(&answer.stop)}]})
}

pub(crate) fn instruct_chunks(answer: &Answer, pieces: Pieces<'_>) -> Vec<Value> {
    let chunk = |piece| json!({"outputs": [{"text": piece, "stop_reason": null}]});
    let mut chunks: Vec<Value> = pieces(&text_of(answer)).into_iter().map(chunk).collect();
    chunks.push(json!({
        "outputs": [{"text": "", "stop_reason": stop_or_length(&answer.stop)}],
        (metrics::KEY): metrics::of(&answer.usage),
    }));
    chunks
}

pub(crate) fn parse_chat(body: &Value) -> Result<Prompt, String> {
    let root = Node::root(body, Voice::Schema);
    let mut prompt = messages::read(&root.need("messages")?)?;
    root.only(&CHAT)?;
    check_numbers(&root, &RANGES)?;
    prompt.tools = choices::tools(&root)?;
    prompt.tool_choice = choices::tool_choice(&root, "any", &prompt.tools)?;
    prompt.max_tokens = tokens(&root, "max_tokens")?;
    prompt.stop_sequences = texts(&root, "stop")?;
    Ok(prompt)
}

pub(crate) fn chat_response(answer: &Answer) -> Value {
    let calls: Vec<Value> = answer.parts.iter().filter_map(call).collect();
    let mut message = json!({"role": "assistant", "content": text_of(answer)});
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    json!({"choices": [{
        "index": 0,
        "message": message,
        "stop_reason": choices::finish_reason(&answer.stop),
    }]})
}

/// Streams carry `message` too, not `delta`; a tool call comes whole.
pub(crate) fn chat_chunks(answer: &Answer, pieces: Pieces<'_>) -> Vec<Value> {
    let chunk = |message: Value, reason: Option<&str>| json!({"choices": [{"index": 0, "message": message, "stop_reason": reason}]});
    let text = |piece: String| chunk(json!({"role": "assistant", "content": piece}), None);
    let mut chunks: Vec<Value> = pieces(&text_of(answer)).into_iter().map(text).collect();
    let calls = answer.parts.iter().filter_map(call);
    chunks.extend(calls.map(|call| {
        chunk(json!({"role": "assistant", "content": "", "tool_calls": [call]}), None)
    }));
    let reason = choices::finish_reason(&answer.stop);
    let mut last = chunk(json!({"role": "assistant", "content": ""}), Some(reason));
    last[metrics::KEY] = metrics::of(&answer.usage);
    chunks.push(last);
    chunks
}

fn call(part: &AnswerPart) -> Option<Value> {
    match part {
        AnswerPart::ToolUse { id, name, input } => Some(json!({
            "id": id,
            "function": {"name": name, "arguments": input.to_string()},
        })),
        AnswerPart::Text(_) | AnswerPart::Thinking { .. } | AnswerPart::Redacted(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::tests::{full_answer, joined, letters, refusal, text_answer, told};
    use crate::words::ToolChoice;

    #[test]
    fn instruct_bodies() {
        let body =
            json!({"prompt": "<s>[INST] Hi [/INST]", "max_tokens": 3, "top_k": 5, "stop": ["a"]});
        let prompt = parse_instruct(&body).unwrap();
        assert_eq!(told(&prompt), ["Hi"]);
        assert_eq!(prompt.max_tokens, Some(3));
        assert!(refusal(parse_instruct, json!({})).contains("required key [prompt] not found"));
        let whole = instruct_response(&text_answer());
        let chunks = instruct_chunks(&text_answer(), &letters);
        assert_eq!(joined(&chunks, "/outputs/0/text"), whole["outputs"][0]["text"]);
        let last = chunks.last().unwrap();
        assert_eq!(last["outputs"][0]["stop_reason"], whole["outputs"][0]["stop_reason"]);
    }

    #[test]
    fn chat_bodies() {
        let body = json!({
            "messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}],
            "tools": [{"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}],
            "tool_choice": "any", "max_tokens": 3});
        let prompt = parse_chat(&body).unwrap();
        assert_eq!(prompt.system, ["Be brief"]);
        assert_eq!(prompt.tool_choice, ToolChoice::Any);
        assert_eq!(prompt.tools[0].name, "now");
        assert!(
            refusal(parse_chat, json!({"prompt": "a"}))
                .contains("required key [messages] not found")
        );
    }

    #[test]
    fn chat_streams_say_what_the_response_says() {
        let whole = chat_response(&full_answer());
        let chunks = chat_chunks(&full_answer(), &letters);
        let message = &whole["choices"][0]["message"];
        assert_eq!(joined(&chunks, "/choices/0/message/content"), message["content"]);
        let calls: Vec<&Value> =
            chunks.iter().filter_map(|c| c.pointer("/choices/0/message/tool_calls/0")).collect();
        assert_eq!(json!(calls), message["tool_calls"]);
        assert_eq!(message["tool_calls"].as_array().unwrap().len(), 2);
        let last = &chunks.last().unwrap()["choices"][0];
        assert_eq!(last["stop_reason"], whole["choices"][0]["stop_reason"]);
        assert_eq!(last["stop_reason"], "tool_calls");
    }
}
