//! The OpenAI chat-completions body: gpt-oss, Qwen, DeepSeek V3 and the other open-weight models.
//!
//! Reasoning comes inside the text as `<reasoning>…</reasoning>`, as gpt-oss does on Bedrock; it is not
//! known that every model of the family does so.

pub(crate) mod choices;
pub(crate) mod messages;
mod write;

use serde_json::Value;

use super::plain::{check_numbers, texts, tokens};
use super::reader::{Node, Parsed, Voice};
use crate::words::Prompt;

pub(crate) use write::{chunks, response};

const MEMBERS: [&str; 27] = [
    "frequency_penalty",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
];

pub(crate) fn parse(body: &Value) -> Result<Prompt, String> {
    let root = Node::root(body, Voice::Schema);
    let mut prompt = messages::read(&root.need("messages")?)?;
    root.only(&MEMBERS)?;
    check_numbers(&root, &[("temperature", 0.0, 2.0), ("top_p", 0.0, 1.0)])?;
    check_numbers(&root, &[("presence_penalty", -2.0, 2.0), ("frequency_penalty", -2.0, 2.0)])?;
    prompt.tools = choices::tools(&root)?;
    prompt.tool_choice = choices::tool_choice(&root, "required", &prompt.tools)?;
    let limit = tokens(&root, "max_tokens")?;
    prompt.max_tokens = tokens(&root, "max_completion_tokens")?.or(limit);
    prompt.stop_sequences = stops(&root)?;
    prompt.format = format(&root)?;
    prompt.thinking = match root.get("reasoning_effort") {
        None => false,
        Some(effort) => effort.text()? != "none",
    };
    Ok(prompt)
}

/// The schema that `response_format` sets.
fn format(root: &Node<'_>) -> Parsed<Option<Value>> {
    let Some(format) = root.get("response_format") else { return Ok(None) };
    match format.need("type")?.choice(&["text", "json_object", "json_schema"])? {
        "json_schema" => Ok(Some(format.need("json_schema")?.need("schema")?.value().clone())),
        "json_object" => Ok(Some(serde_json::json!({"type": "object"}))),
        _ => Ok(None),
    }
}

/// `stop` is one text or a list of them.
fn stops(root: &Node<'_>) -> Parsed<Vec<String>> {
    match root.get("stop").and_then(|stop| stop.value().as_str()) {
        Some(stop) => Ok(vec![stop.to_owned()]),
        None => texts(root, "stop"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::tests::{full_answer, letters, refusal};
    use crate::words::{Part, Role, ToolChoice};
    use serde_json::json;

    fn tool_loop() -> Value {
        json!([
            {"role": "developer", "content": "Be brief"},
            {"role": "user", "content": [
                {"type": "text", "text": "What?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "now", "arguments": "{\"a\":1}"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "noon"}])
    }

    #[test]
    fn a_body_is_a_prompt() {
        let prompt = parse(&json!({
            "model": "m", "messages": tool_loop(), "max_completion_tokens": 5, "stop": "x",
            "reasoning_effort": "high", "tool_choice": {"type": "function", "function": {"name": "now"}},
            "tools": [{"type": "function", "function": {"name": "now"}}]}))
        .unwrap();
        assert_eq!(prompt.system, ["Be brief"]);
        assert_eq!(prompt.max_tokens, Some(5));
        assert_eq!(prompt.stop_sequences, ["x"]);
        assert_eq!(prompt.tool_choice, ToolChoice::Named("now".into()));
        assert!(prompt.thinking);
        let image = &prompt.turns[0].parts[1];
        assert!(
            matches!(image, Part::Media { format, bytes: 8, .. } if format == "png"),
            "{image:?}"
        );
        assert!(
            matches!(&prompt.turns[1].parts[0], Part::ToolUse { input, .. } if input["a"] == 1)
        );
        assert_eq!(prompt.turns[2].role, Role::User);
        assert!(matches!(&prompt.turns[2].parts[0], Part::ToolResult { id, .. } if id == "call_1"));
    }

    #[test]
    fn refusals_name_the_key() {
        let body = |messages: Value| json!({"messages": messages});
        assert!(refusal(parse, json!({})).contains("required key [messages] not found"));
        assert!(refusal(parse, json!({"messages": [], "x": 1})).contains("#/messages"));
        let bias = json!({"messages": tool_loop(), "logit_bias": {}});
        assert!(refusal(parse, bias).contains("extraneous key [logit_bias]"));
        let role = body(json!([{"role": "robot", "content": "a"}]));
        assert!(
            refusal(parse, role).contains("#/messages/0/role: robot is not a valid enum value")
        );
        let alone = body(json!([{"role": "tool", "tool_call_id": "c", "content": "a"}]));
        assert!(refusal(parse, alone).contains("must be a response to a preceding message"));
        let mut unanswered = tool_loop();
        unanswered.as_array_mut().unwrap().pop();
        assert!(
            refusal(parse, body(unanswered)).contains("did not have response messages: call_1")
        );
        let url = json!([{"type": "image_url", "image_url": {"url": "file:x"}}]);
        let url = body(json!([{"role": "user", "content": url}]));
        assert!(refusal(parse, url).contains("#/messages/0/content/0/image_url/url"));
    }

    #[test]
    fn a_stream_says_what_the_response_says() {
        let whole = response("openai.gpt-oss-120b-1:0", "id-1", &full_answer());
        let message = &whole["choices"][0]["message"];
        let (mut content, mut calls) = (String::new(), Vec::<Value>::new());
        let chunks = chunks("openai.gpt-oss-120b-1:0", "id-1", &full_answer(), &letters);
        for chunk in &chunks {
            assert_eq!(chunk["object"], "chat.completion.chunk");
            let delta = &chunk["choices"][0]["delta"];
            content.push_str(delta["content"].as_str().unwrap_or_default());
            let Some(call) = delta.pointer("/tool_calls/0") else { continue };
            let index = call["index"].as_u64().unwrap() as usize;
            if index == calls.len() {
                let mut first = call.clone();
                first.as_object_mut().unwrap().remove("index");
                calls.push(first);
            } else {
                let more = call["function"]["arguments"].as_str().unwrap();
                let so_far = calls[index]["function"]["arguments"].as_str().unwrap().to_owned();
                calls[index]["function"]["arguments"] = json!(so_far + more);
            }
        }
        assert_eq!(json!(content), message["content"]);
        assert_eq!(json!(calls), message["tool_calls"]);
        let last = chunks.last().unwrap();
        assert_eq!(last["choices"][0]["finish_reason"], whole["choices"][0]["finish_reason"]);
        assert_eq!(last["usage"], whole["usage"]);
        assert!(content.starts_with("<reasoning>let me think</reasoning>Hello"));
    }
}
