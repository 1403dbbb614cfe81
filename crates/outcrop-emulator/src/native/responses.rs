//! OpenAI's Responses body, as `/openai/v1/responses` takes it (protocol facts 4.2).
//!
//! 1. Nothing is kept: `previous_response_id` and references to items find nothing.
//! 2. Reasoning comes back as it was given out, or the request is refused.
//! 3. Every call is answered later in the input, and every output answers a call.

mod write;

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::media::from_data_url;
use super::plain::{check_numbers, tokens};
use super::reader::{Node, Parsed, Voice};
use crate::words::{Part, Prompt, Role, Tool, ToolChoice, Turn};

pub(crate) use write::{Names, events, response};

const MEMBERS: [&str; 27] = [
    "background",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
    "client_metadata",
];

/// What reasoning is sealed with here.
const SEAL: &str = "emulated.";

/// Reads a body; `tool_types` are those that the host takes.
pub(crate) fn parse(body: &Value, tool_types: &[&str]) -> Result<Prompt, String> {
    let root = Node::root(body, Voice::Schema);
    root.only(&MEMBERS)?;
    check_numbers(&root, &[("temperature", 0.0, 2.0), ("top_p", 0.0, 1.0)])?;
    if body["background"] == Value::Bool(true) {
        return Err("background is not supported.".to_owned());
    }
    if let Some(id) = root.get("previous_response_id") {
        let id = id.text()?;
        return Err(format!("Previous response with id '{id}' not found."));
    }
    let mut prompt = Prompt::default();
    if let Some(text) = root.get("instructions") {
        prompt.system.push(text.text()?.to_owned());
    }
    input(&root.need("input")?, &mut prompt)?;
    if let Some(list) = root.get("tools") {
        for item in list.items()? {
            tool(&item, tool_types, &mut prompt.tools)?;
        }
    }
    prompt.tool_choice = tool_choice(&root)?;
    prompt.max_tokens = tokens(&root, "max_output_tokens")?;
    prompt.format = format(&root)?;
    prompt.thinking = root
        .get("reasoning")
        .and_then(|reasoning| reasoning.get("effort"))
        .is_some_and(|effort| effort.value() != "none");
    Ok(prompt)
}

/// The schema that `text.format` sets.
fn format(root: &Node<'_>) -> Parsed<Option<Value>> {
    let Some(format) = root.get("text").and_then(|text| text.get("format")) else {
        return Ok(None);
    };
    match format.need("type")?.choice(&["text", "json_object", "json_schema"])? {
        "json_schema" => Ok(Some(format.need("schema")?.value().clone())),
        "json_object" => Ok(Some(json!({"type": "object"}))),
        _ => Ok(None),
    }
}

fn input(input: &Node<'_>, prompt: &mut Prompt) -> Parsed<()> {
    if let Some(text) = input.value().as_str() {
        prompt.turns.push(turn(Role::User, vec![Part::Text(text.to_owned())]));
        return Ok(());
    }
    let items = input.items()?;
    if items.is_empty() {
        return Err(input.fail("expected minimum item count: 1, found: 0"));
    }
    let mut open = HashSet::new();
    for item in items {
        let kind = item.get("type").map(|kind| kind.text()).transpose()?.unwrap_or("message");
        let read = match kind {
            "message" => message(&item)?,
            "function_call" | "custom_tool_call" => {
                let id = item.need("call_id")?.text()?.to_owned();
                open.insert(id.clone());
                turn(Role::Assistant, vec![call(&item, kind, id)?])
            }
            "function_call_output" | "custom_tool_call_output" => {
                let id = item.need("call_id")?.text()?.to_owned();
                if !open.remove(&id) {
                    return Err(format!(
                        "No tool call found for function call output with call_id {id}."
                    ));
                }
                let parts = content(&item.need("output")?)?;
                turn(Role::User, vec![Part::ToolResult { id, parts, is_error: false }])
            }
            "reasoning" => turn(Role::Assistant, vec![reasoning(&item)?]),
            "item_reference" => {
                let id = item.need("id")?.text()?;
                return Err(format!(
                    "Item with id '{id}' not found. Items are not persisted when `store` is set to false."
                ));
            }
            other => return Err(item.fail(&format!("{other} is not a valid enum value"))),
        };
        match read.role {
            Role::System if prompt.turns.is_empty() => {
                let texts = read.parts.into_iter().filter_map(|part| match part {
                    Part::Text(text) => Some(text),
                    _ => None,
                });
                prompt.system.extend(texts);
            }
            Role::System | Role::User | Role::Assistant => prompt.turns.push(read),
        }
    }
    match open.into_iter().next() {
        Some(id) => Err(format!("No tool output found for function call {id}.")),
        None => Ok(()),
    }
}

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, parts }
}

fn message(item: &Node<'_>) -> Parsed<Turn> {
    let role = match item.need("role")?.choice(&["assistant", "developer", "system", "user"])? {
        "assistant" => Role::Assistant,
        "user" => Role::User,
        _ => Role::System,
    };
    Ok(turn(role, content(&item.need("content")?)?))
}

fn content(node: &Node<'_>) -> Parsed<Vec<Part>> {
    if let Some(text) = node.value().as_str() {
        return Ok(vec![Part::Text(text.to_owned())]);
    }
    node.items()?.iter().map(part).collect()
}

fn part(item: &Node<'_>) -> Parsed<Part> {
    match item.need("type")?.choice(&[
        "input_file",
        "input_image",
        "input_text",
        "output_text",
        "refusal",
    ])? {
        "input_image" => {
            let url = item.need("image_url")?;
            let text = url.text()?;
            if !text.starts_with("data:") && !text.starts_with("s3://") {
                return Err(url.fail("only data URLs and s3 URIs are supported"));
            }
            match text.starts_with("data:") {
                true => from_data_url("image", &url),
                false => Ok(Part::Other("image".to_owned())),
            }
        }
        "input_file" => Ok(Part::Other("file".to_owned())),
        "refusal" => Ok(Part::Text(item.need("refusal")?.text()?.to_owned())),
        _ => Ok(Part::Text(item.need("text")?.text()?.to_owned())),
    }
}

fn call(item: &Node<'_>, kind: &str, id: String) -> Parsed<Part> {
    let name = item.need("name")?.text()?.to_owned();
    let input = if kind == "custom_tool_call" {
        json!({"input": item.need("input")?.text()?})
    } else {
        let arguments = item.need("arguments")?;
        serde_json::from_str(arguments.text()?).map_err(|_| arguments.fail("is not JSON"))?
    };
    Ok(Part::ToolUse { id, name, input })
}

fn reasoning(item: &Node<'_>) -> Parsed<Part> {
    let id = item.get("id").map(|id| id.text()).transpose()?.unwrap_or_default();
    let Some(sealed) = item.get("encrypted_content") else {
        return Err(format!(
            "Item '{id}' of type 'reasoning' was provided without its encrypted content."
        ));
    };
    let text = sealed.text()?.strip_prefix(SEAL).and_then(|text| STANDARD.decode(text).ok());
    let text = text.ok_or_else(|| "The encrypted content could not be verified.".to_owned())?;
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok(Part::Thinking { text, signature: None })
}

fn tool(item: &Node<'_>, types: &[&str], tools: &mut Vec<Tool>) -> Parsed<()> {
    let kind = item.need("type")?.choice(types)?;
    match kind {
        "namespace" => {
            for inner in item.need("tools")?.items()? {
                tool(&inner, types, tools)?;
            }
        }
        "function" | "custom" => {
            let name = item.need("name")?.text()?.to_owned();
            let description = item.get("description").map(|text| text.text()).transpose()?;
            let schema = match item.get("parameters") {
                None => json!({"type": "object", "properties": {"input": {"type": "string"}}}),
                Some(schema) => Value::Object(schema.object()?.clone()),
            };
            let description = description.unwrap_or_default().to_owned();
            tools.push(Tool { name, description, schema });
        }
        _ => {}
    }
    Ok(())
}

fn tool_choice(root: &Node<'_>) -> Parsed<ToolChoice> {
    let Some(choice) = root.get("tool_choice") else { return Ok(ToolChoice::Auto) };
    if choice.value().is_string() {
        return Ok(match choice.choice(&["auto", "none", "required"])? {
            "none" => ToolChoice::None,
            "required" => ToolChoice::Any,
            _ => ToolChoice::Auto,
        });
    }
    match choice.get("name") {
        Some(name) => Ok(ToolChoice::Named(name.text()?.to_owned())),
        None => Ok(ToolChoice::Auto),
    }
}
