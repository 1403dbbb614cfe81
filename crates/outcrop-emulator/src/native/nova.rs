//! Amazon Nova: Converse-like messages, with the inference settings spelt Nova's way.

mod blocks;
mod write;

use serde_json::{Value, json};

use super::plain::{check_numbers, texts, tokens};
use super::reader::{Node, Parsed, Voice};
use crate::words::{Part, Prompt, Role, Tool, ToolChoice, Turn};

pub(crate) use write::{chunks, response};

const MEMBERS: [&str; 6] =
    ["inferenceConfig", "messages", "reasoningConfig", "schemaVersion", "system", "toolConfig"];

/// `max_new_tokens` and `top_p`, `top_k` are the names of the first release, still read.
const INFERENCE: [&str; 8] = [
    "maxTokens",
    "max_new_tokens",
    "stopSequences",
    "temperature",
    "topK",
    "topP",
    "top_k",
    "top_p",
];

pub(crate) fn parse(body: &Value) -> Result<Prompt, String> {
    let root = Node::root(body, Voice::Schema);
    let messages = root.need("messages")?;
    root.only(&MEMBERS)?;
    if let Some(version) = root.get("schemaVersion") {
        version.choice(&["messages-v1"])?;
    }
    let mut prompt =
        Prompt { system: system(&root)?, turns: turns(&messages)?, ..Prompt::default() };
    if let Some(config) = root.get("inferenceConfig") {
        inference(&config, &mut prompt)?;
    }
    if let Some(config) = root.get("toolConfig") {
        prompt.tools = tools(&config)?;
        prompt.tool_choice = tool_choice(&config, &prompt.tools)?;
    }
    prompt.thinking = thinking(&root)?;
    check_tool_config(&prompt)?;
    Ok(prompt)
}

fn system(root: &Node<'_>) -> Parsed<Vec<String>> {
    let Some(list) = root.get("system") else {
        return Ok(Vec::new());
    };
    let mut texts = Vec::new();
    for item in list.items()? {
        item.only(&["text", "cachePoint"])?;
        if let Some(text) = item.get("text") {
            texts.push(text.text()?.to_owned());
        }
    }
    Ok(texts)
}

fn turns(messages: &Node<'_>) -> Parsed<Vec<Turn>> {
    let items = messages.items()?;
    if items.is_empty() {
        return Err(messages.fail("expected minimum item count: 1, found: 0"));
    }
    let turns: Vec<Turn> = items.iter().map(turn).collect::<Parsed<_>>()?;
    let alternates = |pair: &[Turn]| matches!(pair, [a, b] if a.role != b.role);
    if turns.first().is_some_and(|turn| turn.role != Role::User) {
        return Err("A conversation must start with a user message. \
                    Try again with a conversation that starts with a user message."
            .to_owned());
    }
    if !turns.windows(2).all(alternates) {
        return Err("A conversation must alternate between user and assistant roles. \
                    Make sure the conversation alternates between user and assistant roles and try again."
            .to_owned());
    }
    Ok(turns)
}

fn turn(item: &Node<'_>) -> Parsed<Turn> {
    item.only(&["role", "content"])?;
    let role = match item.need("role")?.choice(&["assistant", "user"])? {
        "assistant" => Role::Assistant,
        _ => Role::User,
    };
    Ok(Turn { role, parts: blocks::read(&item.need("content")?)? })
}

fn inference(config: &Node<'_>, prompt: &mut Prompt) -> Parsed<()> {
    config.only(&INFERENCE)?;
    let unit = [("temperature", 0.0, 1.0), ("topP", 0.0, 1.0), ("top_p", 0.0, 1.0)];
    check_numbers(config, &unit)?;
    check_numbers(config, &[("topK", 0.0, 128.0), ("top_k", 0.0, 128.0)])?;
    let older = tokens(config, "max_new_tokens")?;
    prompt.max_tokens = tokens(config, "maxTokens")?.or(older);
    prompt.stop_sequences = texts(config, "stopSequences")?;
    Ok(())
}

fn tools(config: &Node<'_>) -> Parsed<Vec<Tool>> {
    config.only(&["tools", "toolChoice"])?;
    let mut tools = Vec::new();
    for item in config.need("tools")?.items()? {
        item.only(&["toolSpec", "systemTool", "cachePoint"])?;
        if let Some(spec) = item.get("toolSpec") {
            tools.push(tool(&spec)?);
        }
    }
    Ok(tools)
}

fn tool(spec: &Node<'_>) -> Parsed<Tool> {
    let description = spec.get("description").map(|text| text.text()).transpose()?;
    let schema = spec.need("inputSchema")?.need("json")?;
    // Nova's own examples give the schema both as an object and as its JSON text.
    let schema = match schema.value() {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| json!({})),
        _ => Value::Object(schema.object()?.clone()),
    };
    Ok(Tool {
        name: spec.need("name")?.text()?.to_owned(),
        description: description.unwrap_or_default().to_owned(),
        schema,
    })
}

fn tool_choice(config: &Node<'_>, tools: &[Tool]) -> Parsed<ToolChoice> {
    let Some(choice) = config.get("toolChoice") else {
        return Ok(ToolChoice::Auto);
    };
    choice.only(&["auto", "any", "tool"])?;
    if choice.get("any").is_some() {
        return Ok(ToolChoice::Any);
    }
    let Some(tool) = choice.get("tool") else {
        return Ok(ToolChoice::Auto);
    };
    let name = tool.need("name")?;
    if tools.iter().any(|tool| Ok(tool.name.as_str()) == name.text()) {
        return Ok(ToolChoice::Named(name.text()?.to_owned()));
    }
    Err(name.fail("names no tool of the request"))
}

fn thinking(root: &Node<'_>) -> Parsed<bool> {
    let Some(config) = root.get("reasoningConfig") else {
        return Ok(false);
    };
    config.only(&["type", "maxReasoningEffort"])?;
    if let Some(effort) = config.get("maxReasoningEffort") {
        effort.choice(&["low", "medium", "high"])?;
    }
    Ok(config.need("type")?.choice(&["enabled", "disabled"])? == "enabled")
}

fn check_tool_config(prompt: &Prompt) -> Parsed<()> {
    let is_tool = |part: &Part| matches!(part, Part::ToolUse { .. } | Part::ToolResult { .. });
    let uses_tools = prompt.turns.iter().any(|turn| turn.parts.iter().any(is_tool));
    if uses_tools && prompt.tools.is_empty() {
        return Err("The toolConfig field must be defined when using toolUse and toolResult content blocks."
            .to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::tests::{full_answer, letters, refusal, told};

    fn tool_loop() -> Value {
        json!([
            {"role": "user", "content": [{"text": "Hi"}, {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}]},
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "now", "input": {"a": 1}}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "status": "error",
                "content": [{"json": {"t": 1}}, {"text": "x"}]}}, {"cachePoint": {"type": "default"}}]}])
    }

    #[test]
    fn a_body_is_a_prompt() {
        let prompt = parse(&json!({
            "schemaVersion": "messages-v1", "messages": tool_loop(), "system": [{"text": "Be brief"}],
            "inferenceConfig": {"maxTokens": 4, "topK": 5, "stopSequences": ["x"]},
            "reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"},
            "toolConfig": {"tools": [{"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object"}}}}],
                "toolChoice": {"tool": {"name": "now"}}}}))
        .unwrap();
        assert_eq!(told(&prompt), ["Hi"]);
        assert_eq!((prompt.system[0].as_str(), prompt.max_tokens), ("Be brief", Some(4)));
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
        let result = &prompt.turns[2].parts[0];
        assert!(
            matches!(result, Part::ToolResult { parts, is_error: true, .. } if parts.len() == 2)
        );
        assert!(matches!(prompt.turns[2].parts[1], Part::CachePoint));
    }

    #[test]
    fn refusals_name_the_key() {
        let body = |messages: Value| json!({"messages": messages});
        assert!(refusal(parse, json!({})).contains("#: required key [messages] not found"));
        assert!(
            refusal(parse, json!({"messages": [], "max_tokens": 1}))
                .contains("extraneous key [max_tokens]")
        );
        assert!(refusal(parse, body(tool_loop())).contains("toolConfig field must be defined"));
        let two = json!([{"role": "user", "content": [{"text": "a"}]}, {"role": "user", "content": [{"text": "b"}]}]);
        assert!(refusal(parse, body(two)).contains("must alternate"));
        let unknown = json!([{"role": "user", "content": [{"hologram": {}}]}]);
        assert!(
            refusal(parse, body(unknown))
                .contains("#/messages/0/content/0: extraneous key [hologram]")
        );
        let hot = json!({"messages": [{"role": "user", "content": [{"text": "a"}]}], "inferenceConfig": {"temperature": 1.5}});
        assert!(
            refusal(parse, hot)
                .contains("#/inferenceConfig/temperature: 1.5 is not less or equal to 1")
        );
    }

    #[test]
    fn a_stream_says_what_the_response_says() {
        let whole = response(&full_answer());
        let (mut content, mut message) = (Vec::<Value>::new(), json!({}));
        for chunk in chunks(&full_answer(), &letters) {
            if let Some(start) = chunk.pointer("/contentBlockStart/start/toolUse") {
                content.push(json!({"toolUse": start, "raw": ""}));
            } else if let Some(delta) = chunk.pointer("/contentBlockDelta") {
                let index = delta["contentBlockIndex"].as_u64().unwrap() as usize;
                content.resize(content.len().max(index + 1), json!({"raw": ""}));
                let delta = &delta["delta"];
                for (kind, path) in [
                    ("text", "/text"),
                    ("thinking", "/reasoningContent/reasoningText/text"),
                    ("tool", "/toolUse/input"),
                ] {
                    if let Some(piece) = delta.pointer(path).and_then(Value::as_str) {
                        let so_far = content[index]["raw"].as_str().unwrap().to_owned();
                        content[index]["raw"] = json!(so_far + piece);
                        content[index]["kind"] = json!(kind);
                    }
                }
            } else if let Some(stop) = chunk.get("messageStop") {
                message["stopReason"] = stop["stopReason"].clone();
            } else if let Some(metadata) = chunk.get("metadata") {
                message["usage"] = metadata["usage"].clone();
            }
        }
        let finished: Vec<Value> = content
            .into_iter()
            .map(|block| match block["kind"].as_str() {
                Some("text") => json!({"text": block["raw"]}),
                Some("thinking") => {
                    json!({"reasoningContent": {"reasoningText": {"text": block["raw"]}}})
                }
                _ => {
                    let mut call = block["toolUse"].clone();
                    call["input"] = serde_json::from_str(block["raw"].as_str().unwrap()).unwrap();
                    json!({"toolUse": call})
                }
            })
            .collect();
        assert_eq!(json!(finished), whole["output"]["message"]["content"]);
        assert_eq!(message["stopReason"], whole["stopReason"]);
        assert_eq!(message["usage"], whole["usage"]);
    }
}
