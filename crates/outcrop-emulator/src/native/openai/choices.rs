//! Tools, the choice among them, and the reasons for which a choice ends.

use serde_json::{Value, json};

use crate::native::reader::{Node, Parsed};
use crate::words::{Stop, Tool, ToolChoice};

pub(crate) fn tools(root: &Node<'_>) -> Parsed<Vec<Tool>> {
    match root.get("tools") {
        None => Ok(Vec::new()),
        Some(list) => list.items()?.iter().map(tool).collect(),
    }
}

fn tool(item: &Node<'_>) -> Parsed<Tool> {
    item.need("type")?.choice(&["function"])?;
    let function = item.need("function")?;
    let name = function.need("name")?.text()?.to_owned();
    let description = function.get("description").map(|text| text.text()).transpose()?;
    let schema = match function.get("parameters") {
        None => json!({}),
        Some(schema) => Value::Object(schema.object()?.clone()),
    };
    Ok(Tool { name, description: description.unwrap_or_default().to_owned(), schema })
}

/// `forced` is the family's word for "some tool": `required` or `any`.
pub(crate) fn tool_choice(root: &Node<'_>, forced: &str, tools: &[Tool]) -> Parsed<ToolChoice> {
    let Some(choice) = root.get("tool_choice") else {
        return Ok(ToolChoice::Auto);
    };
    if choice.value().is_string() {
        let word = choice.choice(&["none", "auto", forced])?;
        return Ok(match word {
            "none" => ToolChoice::None,
            "auto" => ToolChoice::Auto,
            _ => ToolChoice::Any,
        });
    }
    let name = choice.need("function")?.need("name")?;
    if tools.iter().any(|tool| Ok(tool.name.as_str()) == name.text()) {
        return Ok(ToolChoice::Named(name.text()?.to_owned()));
    }
    Err(name.fail("names no tool of the request"))
}

pub(crate) fn finish_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::EndTurn | Stop::StopSequence(_) => "stop",
        Stop::ToolUse => "tool_calls",
        Stop::MaxTokens => "length",
        Stop::Other(reason) if reason == "model_context_window_exceeded" => "length",
        Stop::Other(_) => "content_filter",
    }
}
