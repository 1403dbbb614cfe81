//! Cohere Command R and R+: a message, a history, tools without ids.
//!
//! Tool calls carry no ids here, so each is known by its name and position (`weather-0`).

use serde_json::{Map, Value, json};

use super::plain::{check_numbers, prompt_text, text_of, texts, tokens, user_text};
use super::reader::{Node, Parsed, Voice};
use super::{Pieces, metrics};
use crate::words::{Answer, AnswerPart, Part, Prompt, Role, Stop, Tool, Turn};

const MEMBERS: [&str; 18] = [
    "chat_history",
    "documents",
    "force_single_step",
    "frequency_penalty",
    "k",
    "max_tokens",
    "message",
    "p",
    "preamble",
    "presence_penalty",
    "prompt_truncation",
    "raw_prompting",
    "return_prompt",
    "search_queries_only",
    "seed",
    "stop_sequences",
    "temperature",
    "tool_results",
];

pub(crate) fn parse(body: &Value) -> Result<Prompt, String> {
    let root = Node::root(body, Voice::Schema);
    let message = message(&root)?;
    let members: Vec<&str> = MEMBERS.into_iter().chain(["tools"]).collect();
    root.only(&members)?;
    check_numbers(&root, &[("temperature", 0.0, 1.0), ("p", 0.0, 1.0), ("k", 0.0, 500.0)])?;
    let preamble = root.get("preamble").map(|text| text.text()).transpose()?;
    let mut turns = history(&root)?;
    turns.extend((!message.is_empty()).then(|| user_text(message)));
    turns.extend(results(&root)?);
    turns.extend(documents(&root)?);
    Ok(Prompt {
        system: preamble.map(str::to_owned).into_iter().collect(),
        turns,
        tools: tools(&root)?,
        max_tokens: tokens(&root, "max_tokens")?,
        stop_sequences: texts(&root, "stop_sequences")?,
        ..Prompt::default()
    })
}

/// The message may be empty only when tool results are handed in.
fn message<'a>(root: &Node<'a>) -> Parsed<&'a str> {
    match root.get("tool_results") {
        Some(_) => root.need("message")?.text(),
        None => prompt_text(root, "message"),
    }
}

fn history(root: &Node<'_>) -> Parsed<Vec<Turn>> {
    match root.get("chat_history") {
        None => Ok(Vec::new()),
        Some(list) => list.items()?.iter().map(past).collect(),
    }
}

fn past(item: &Node<'_>) -> Parsed<Turn> {
    let role = match item.need("role")?.choice(&["CHATBOT", "SYSTEM", "TOOL", "USER"])? {
        "CHATBOT" => Role::Assistant,
        "SYSTEM" => Role::System,
        "TOOL" => return Ok(Turn { role: Role::User, parts: tool_results(item)? }),
        _ => Role::User,
    };
    let text = item.get("message").map(|text| text.text()).transpose()?;
    let mut parts: Vec<Part> = text.map(|text| Part::Text(text.to_owned())).into_iter().collect();
    if let Some(calls) = item.get("tool_calls") {
        for (position, call) in calls.items()?.iter().enumerate() {
            let (name, input) = tool_call(call)?;
            parts.push(Part::ToolUse { id: format!("{name}-{position}"), name, input });
        }
    }
    Ok(Turn { role, parts })
}

fn tool_call(call: &Node<'_>) -> Parsed<(String, Value)> {
    let parameters = call.need("parameters")?;
    parameters.object()?;
    Ok((call.need("name")?.text()?.to_owned(), parameters.value().clone()))
}

fn results(root: &Node<'_>) -> Parsed<Option<Turn>> {
    let parts = tool_results(root)?;
    Ok((!parts.is_empty()).then_some(Turn { role: Role::User, parts }))
}

fn tool_results(node: &Node<'_>) -> Parsed<Vec<Part>> {
    let Some(list) = node.get("tool_results") else {
        return Ok(Vec::new());
    };
    let mut parts = Vec::new();
    for (position, item) in list.items()?.iter().enumerate() {
        let (name, _) = tool_call(&item.need("call")?)?;
        let outputs = item.need("outputs")?;
        let outputs = outputs.items()?;
        let texts = outputs.iter().map(|output| Part::Text(output.value().to_string())).collect();
        parts.push(Part::ToolResult {
            id: format!("{name}-{position}"),
            parts: texts,
            is_error: false,
        });
    }
    Ok(parts)
}

/// Documents for grounding, as a turn of their own.
fn documents(root: &Node<'_>) -> Parsed<Option<Turn>> {
    let Some(list) = root.get("documents") else {
        return Ok(None);
    };
    let mut parts = Vec::new();
    for item in list.items()? {
        let name = item.get("title").map(|title| title.text()).transpose()?.unwrap_or_default();
        let bytes = item.object()?.values().filter_map(Value::as_str).map(str::len).sum();
        let format = "txt".to_owned();
        parts.push(Part::Media { kind: "document", format, name: name.to_owned(), bytes });
    }
    Ok((!parts.is_empty()).then_some(Turn { role: Role::User, parts }))
}

fn tools(root: &Node<'_>) -> Parsed<Vec<Tool>> {
    match root.get("tools") {
        None => Ok(Vec::new()),
        Some(list) => list.items()?.iter().map(tool).collect(),
    }
}

fn tool(item: &Node<'_>) -> Parsed<Tool> {
    let description = item.need("description")?.text()?.to_owned();
    let mut properties = Map::new();
    let mut required = Vec::new();
    if let Some(definitions) = item.get("parameter_definitions") {
        for name in definitions.object()?.keys() {
            let definition = definitions.need(name)?;
            definition.need("type")?.text()?;
            properties.insert(name.clone(), definition.value().clone());
            if definition.get("required").map(|flag| flag.flag()).transpose()? == Some(true) {
                required.push(name.clone());
            }
        }
    }
    let schema = json!({"type": "object", "properties": properties, "required": required});
    Ok(Tool { name: item.need("name")?.text()?.to_owned(), description, schema })
}

pub(crate) fn response(message_id: &str, prompt: &Prompt, answer: &Answer) -> Value {
    let mut history: Vec<Value> = prompt.turns.iter().map(remembered).collect();
    history.push(json!({"role": "CHATBOT", "message": text_of(answer)}));
    let mut body = json!({
        "response_id": message_id,
        "generation_id": format!("{message_id}-generation"),
        "text": text_of(answer),
        "chat_history": history,
        "finish_reason": reason(&answer.stop),
    });
    let calls = calls(answer);
    if !calls.is_empty() {
        body["tool_calls"] = Value::Array(calls);
    }
    body
}

pub(crate) fn chunks(
    message_id: &str,
    prompt: &Prompt,
    answer: &Answer,
    pieces: Pieces<'_>,
) -> Vec<Value> {
    let text =
        |piece| json!({"event_type": "text-generation", "text": piece, "is_finished": false});
    let mut chunks: Vec<Value> = pieces(&text_of(answer)).into_iter().map(text).collect();
    let calls = calls(answer);
    if !calls.is_empty() {
        let event = "tool-calls-generation";
        chunks.push(json!({"event_type": event, "tool_calls": calls, "is_finished": false}));
    }
    chunks.push(json!({
        "event_type": "stream-end",
        "is_finished": true,
        "finish_reason": reason(&answer.stop),
        "response": response(message_id, prompt, answer),
        (metrics::KEY): metrics::of(&answer.usage),
    }));
    chunks
}

fn remembered(turn: &Turn) -> Value {
    let role = match turn.role {
        Role::User => "USER",
        Role::Assistant => "CHATBOT",
        Role::System => "SYSTEM",
    };
    let text = |part: &Part| if let Part::Text(text) = part { text.clone() } else { String::new() };
    json!({"role": role, "message": turn.parts.iter().map(text).collect::<String>()})
}

fn calls(answer: &Answer) -> Vec<Value> {
    let call = |part: &AnswerPart| match part {
        AnswerPart::ToolUse { name, input, .. } => Some(json!({"name": name, "parameters": input})),
        AnswerPart::Text(_) | AnswerPart::Thinking { .. } | AnswerPart::Redacted(_) => None,
    };
    answer.parts.iter().filter_map(call).collect()
}

fn reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::EndTurn | Stop::ToolUse | Stop::StopSequence(_) => "COMPLETE",
        Stop::MaxTokens => "MAX_TOKENS",
        Stop::Other(reason) if reason == "model_context_window_exceeded" => "ERROR_LIMIT",
        Stop::Other(_) => "ERROR_TOXIC",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::tests::{full_answer, joined, letters, refusal, told};

    #[test]
    fn a_body_is_a_prompt() {
        let prompt = parse(&json!({
            "message": "Now?", "preamble": "Be brief", "max_tokens": 4, "temperature": 0.3, "k": 5,
            "chat_history": [{"role": "USER", "message": "Hi"}, {"role": "CHATBOT", "message": "Hello"}],
            "documents": [{"title": "T", "snippet": "abc"}],
            "tools": [{"name": "now", "description": "d",
                "parameter_definitions": {"zone": {"type": "str", "required": true}}}],
            "tool_results": [{"call": {"name": "now", "parameters": {}}, "outputs": [{"t": 1}]}]}))
        .unwrap();
        assert_eq!(told(&prompt), ["Hi", "Hello", "Now?"]);
        assert_eq!(prompt.system, ["Be brief"]);
        assert_eq!(prompt.tools[0].schema["required"], json!(["zone"]));
        assert!(matches!(&prompt.turns[3].parts[0], Part::ToolResult { id, .. } if id == "now-0"));
        assert!(
            matches!(&prompt.turns[4].parts[0], Part::Media { name, bytes: 4, .. } if name == "T")
        );
    }

    #[test]
    fn refusals_name_the_key() {
        assert!(refusal(parse, json!({})).contains("required key [message] not found"));
        assert!(
            refusal(parse, json!({"message": "a", "messages": []}))
                .contains("extraneous key [messages]")
        );
        let role = json!({"message": "a", "chat_history": [{"role": "user", "message": "b"}]});
        assert!(
            refusal(parse, role).contains("#/chat_history/0/role: user is not a valid enum value")
        );
    }

    #[test]
    fn a_stream_says_what_the_response_says() {
        let prompt = parse(&json!({"message": "Hi"})).unwrap();
        let whole = response("id", &prompt, &full_answer());
        let chunks = chunks("id", &prompt, &full_answer(), &letters);
        let last = chunks.last().unwrap();
        assert_eq!(last["response"], whole);
        assert_eq!(joined(&chunks, "/text"), whole["text"]);
        let calls = chunks.iter().find(|c| c["event_type"] == "tool-calls-generation").unwrap();
        assert_eq!(calls["tool_calls"], whole["tool_calls"]);
        assert_eq!(whole["chat_history"][0], json!({"role": "USER", "message": "Hi"}));
    }
}
