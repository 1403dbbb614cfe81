//! Tool caller: calls tools that were offered, with arguments made from their schemas.

use serde_json::Value;

use super::{Setting, last_user_text, schema};
use crate::auth::sha256_hex;
use crate::words::{AnswerPart, Prompt, Tool, ToolChoice};

/// Characters of an id after its prefix.
const ID_LENGTH: usize = 22;

/// A call of every offered tool, or of the one the choice names.
pub(super) fn every(prompt: &Prompt, setting: Setting<'_>) -> Vec<AnswerPart> {
    let chosen = prompt.tools.iter().filter(|tool| match &prompt.tool_choice {
        ToolChoice::Named(name) => *name == tool.name,
        ToolChoice::Auto | ToolChoice::Any | ToolChoice::None => true,
    });
    chosen.enumerate().map(|(index, tool)| part(prompt, setting, tool, None, index)).collect()
}

/// The calls the last user text asks for by name; the first tool when a call is forced.
pub(super) fn wanted(prompt: &Prompt, setting: Setting<'_>) -> Vec<AnswerPart> {
    if matches!(prompt.tool_choice, ToolChoice::Named(_)) {
        return every(prompt, setting);
    }
    let text = last_user_text(prompt);
    let mut tools: Vec<&Tool> =
        prompt.tools.iter().filter(|tool| text.contains(&tool.name)).collect();
    if tools.is_empty() {
        tools.extend(prompt.tools.first());
    }
    tools
        .into_iter()
        .enumerate()
        .map(|(index, tool)| part(prompt, setting, tool, None, index))
        .collect()
}

pub(super) fn names_a_tool(prompt: &Prompt) -> bool {
    let text = last_user_text(prompt);
    let asks = text.to_lowercase().contains("use the tool");
    asks || prompt.tools.iter().any(|tool| text.contains(&tool.name))
}

/// A call asked for by a directive: by name, or by place as `#1`. A tool that is not offered is
/// named in a text instead, since a model calls only what it is offered.
pub(super) fn call(
    prompt: &Prompt,
    setting: Setting<'_>,
    wanted: &str,
    input: Option<&Value>,
    index: usize,
) -> AnswerPart {
    let by_place = wanted
        .strip_prefix('#')
        .and_then(|place| place.parse::<usize>().ok())
        .and_then(|place| prompt.tools.get(place.checked_sub(1)?));
    let by_name = || prompt.tools.iter().find(|tool| tool.name == wanted);
    match by_place.or_else(by_name) {
        Some(tool) => part(prompt, setting, tool, input, index),
        None => AnswerPart::Text(format!("No tool {wanted} is offered.")),
    }
}

fn part(
    prompt: &Prompt,
    setting: Setting<'_>,
    tool: &Tool,
    input: Option<&Value>,
    index: usize,
) -> AnswerPart {
    AnswerPart::ToolUse {
        id: id(prompt, setting.tool_id_prefix, &tool.name, index),
        name: tool.name.clone(),
        input: input.cloned().unwrap_or_else(|| schema::sample(&tool.schema)),
    }
}

/// An id that differs from turn to turn and from call to call, but not from run to run.
pub(super) fn id(prompt: &Prompt, prefix: &str, name: &str, index: usize) -> String {
    let seed = format!("{}/{index}/{name}/{}", prompt.turns.len(), last_user_text(prompt));
    format!("{prefix}{}", &sha256_hex(seed.as_bytes())[..ID_LENGTH])
}
