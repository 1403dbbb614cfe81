//! Everything of the body beside the conversation: version, betas, system, tools, thinking, sampling.

use serde_json::Value;

use super::blocks::{check_word, system_text};
use super::{AnthropicRules, Reading};
use crate::grammar;
use crate::native::reader::{Node, Parsed};
use crate::words::{Tool, ToolChoice};

/// Least `budget_tokens` of extended thinking.
const LEAST_BUDGET: i64 = 1024;

/// Least `top_p` that may accompany thinking.
const LEAST_TOP_P_WITH_THINKING: f64 = 0.95;

const CUSTOM_TOOL_MEMBERS: [&str; 10] = [
    "allowed_callers",
    "cache_control",
    "defer_loading",
    "description",
    "eager_input_streaming",
    "input_examples",
    "input_schema",
    "name",
    "strict",
    "type",
];

/// Whether and how the model was asked to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinking {
    Off,
    /// With a token budget; replayed tool turns must start with their thinking.
    Budgeted,
    /// The model decides.
    Free,
}

impl Thinking {
    pub(super) fn is_on(self) -> bool {
        match self {
            Self::Off => false,
            Self::Budgeted | Self::Free => true,
        }
    }
}

pub(super) fn version(root: &Node<'_>, rules: &AnthropicRules) -> Parsed<String> {
    let accepted: Vec<&str> = rules.versions.iter().map(String::as_str).collect();
    root.need("anthropic_version")?.choice(&accepted).map(str::to_owned)
}

pub(super) fn betas(root: &Node<'_>, rules: &AnthropicRules) -> Parsed<Vec<String>> {
    let betas = root.get("anthropic_beta").map(|list| list.texts()).transpose()?;
    let betas = betas.unwrap_or_default();
    if betas.iter().all(|beta| rules.accepts_beta(beta)) {
        return Ok(betas);
    }
    Err("invalid beta flag".to_owned())
}

pub(super) fn system(root: &Node<'_>, reading: &Reading<'_>) -> Parsed<Vec<String>> {
    let Some(system) = root.get("system") else {
        return Ok(Vec::new());
    };
    match system.value() {
        Value::String(text) if text.is_empty() => Ok(Vec::new()),
        Value::String(text) => Ok(vec![text.clone()]),
        _ => system.items()?.iter().map(|item| system_text(item, reading)).collect(),
    }
}

pub(super) fn tools(root: &Node<'_>, reading: &Reading<'_>) -> Parsed<Vec<Tool>> {
    let Some(list) = root.get("tools") else {
        return Ok(Vec::new());
    };
    let mut tools: Vec<Tool> = Vec::new();
    for item in list.items()? {
        let tool = tool(&item, reading)?;
        if tools.iter().any(|earlier| earlier.name == tool.name) {
            return Err("tools: Tool names must be unique.".to_owned());
        }
        tools.push(tool);
    }
    Ok(tools)
}

fn tool(item: &Node<'_>, reading: &Reading<'_>) -> Parsed<Tool> {
    item.object()?;
    let kind = item.get("type").map(|kind| kind.text()).transpose()?.unwrap_or("custom");
    if !reading.rules.accepts_tool_type(kind) {
        return Err(item.fail(&unknown_tool(kind, reading.rules)));
    }
    let tool = item.tagged(kind);
    reading.gate(&tool, "tools.")?;
    reading.cache_control(&tool)?;
    if kind == "custom" {
        return custom_tool(&tool, reading.rules);
    }
    let name = tool.need("name")?.text()?.to_owned();
    Ok(Tool { name, description: format!("server tool {kind}"), schema: Value::Null })
}

fn unknown_tool(kind: &str, rules: &AnthropicRules) -> String {
    let expected: Vec<String> = rules.tool_types.iter().map(|tag| format!("'{tag}'")).collect();
    format!(
        "Input tag '{kind}' found using 'type' does not match any of the expected tags: {}",
        expected.join(", ")
    )
}

fn custom_tool(tool: &Node<'_>, rules: &AnthropicRules) -> Parsed<Tool> {
    tool.only(&CUSTOM_TOOL_MEMBERS)?;
    let name = tool.need("name")?;
    check_word(&name, 128, "^[a-zA-Z0-9_-]{1,128}$")?;
    let schema = tool.need("input_schema")?;
    schema.need("type")?.choice(&["object"])?;
    if tool.get("strict").is_some_and(|strict| strict.value() == true) {
        if !rules.structured {
            return Err(tool.extra("strict"));
        }
        grammar::check(schema.value()).map_err(|why| tool.fail(&why))?;
    }
    let description = tool.get("description").map(|text| text.text()).transpose()?;
    Ok(Tool {
        name: name.text()?.to_owned(),
        description: description.unwrap_or_default().to_owned(),
        schema: schema.value().clone(),
    })
}

pub(super) fn tool_choice(root: &Node<'_>, tools: &[Tool]) -> Parsed<ToolChoice> {
    let Some(choice) = root.get("tool_choice") else {
        return Ok(ToolChoice::Auto);
    };
    let kind = choice.need("type")?.choice(&["auto", "any", "tool", "none"])?;
    let choice = choice.tagged(kind);
    choice.only(match kind {
        "tool" => &["type", "name", "disable_parallel_tool_use"],
        "none" => &["type"],
        _ => &["type", "disable_parallel_tool_use"],
    })?;
    if tools.is_empty() && kind != "none" {
        return Err(
            "tool_choice: tool_choice may only be specified while providing tools".to_owned()
        );
    }
    match kind {
        "auto" => Ok(ToolChoice::Auto),
        "any" => Ok(ToolChoice::Any),
        "none" => Ok(ToolChoice::None),
        _ => {
            let name = choice.need("name")?.text()?;
            if tools.iter().any(|tool| tool.name == name) {
                return Ok(ToolChoice::Named(name.to_owned()));
            }
            Err(format!("tool_choice: Tool '{name}' not found in provided tools"))
        }
    }
}

pub(super) fn thinking(
    root: &Node<'_>,
    reading: &Reading<'_>,
    max_tokens: u32,
) -> Parsed<Thinking> {
    let Some(node) = root.get("thinking") else {
        return Ok(Thinking::Off);
    };
    let accepted: Vec<&str> = reading.rules.thinking.iter().map(String::as_str).collect();
    let kind = node.need("type")?.choice(&accepted)?;
    let node = node.tagged(kind);
    let mode = match kind {
        "disabled" => {
            node.only(&["type"])?;
            return Ok(Thinking::Off);
        }
        "enabled" => {
            node.only(&["type", "budget_tokens", "display"])?;
            budget(&node.need("budget_tokens")?, root, reading, max_tokens)?;
            Thinking::Budgeted
        }
        _ => {
            node.only(&["type", "display"])?;
            Thinking::Free
        }
    };
    node.get("display").map(|display| display.text()).transpose()?;
    forced_choice(root)?;
    Ok(mode)
}

/// Interleaved thinking spans several tool turns, so its budget may exceed one answer.
fn budget(
    budget: &Node<'_>,
    root: &Node<'_>,
    reading: &Reading<'_>,
    max_tokens: u32,
) -> Parsed<()> {
    let tokens = budget.at_least(LEAST_BUDGET)?;
    let interleaved = reading.has_beta("interleaved-thinking") && root.get("tools").is_some();
    if tokens >= i64::from(max_tokens) && !interleaved {
        return Err("`max_tokens` must be greater than `thinking.budget_tokens`.".to_owned());
    }
    Ok(())
}

fn forced_choice(root: &Node<'_>) -> Parsed<()> {
    let kind = root.get("tool_choice").and_then(|choice| choice.get("type"));
    match kind.map(|kind| kind.text()).transpose()? {
        Some("any" | "tool") => {
            Err("Thinking may not be enabled when tool_choice forces tool use.".to_owned())
        }
        Some(_) | None => Ok(()),
    }
}

pub(super) fn sampling(root: &Node<'_>, reading: &Reading<'_>, thinking: Thinking) -> Parsed<()> {
    let given = ["temperature", "top_p", "top_k"].iter().find(|key| root.get(key).is_some());
    match given {
        None => return Ok(()),
        Some(key) if reading.is_2026_10_21() => {
            return Err(format!(
                "`{key}` is not supported with anthropic_version {}",
                reading.version
            ));
        }
        Some(key) if !reading.rules.sampling => {
            return Err(format!("`{key}` is deprecated for this model."));
        }
        Some(_) => {}
    }
    let temperature = root.get("temperature").map(|node| node.within(0.0, 1.0)).transpose()?;
    let top_p = root.get("top_p").map(|node| node.within(0.0, 1.0)).transpose()?;
    let top_k = root.get("top_k").map(|node| node.at_least(0)).transpose()?;
    if temperature.is_some() && top_p.is_some() && !reading.rules.temperature_with_top_p {
        return Err("`temperature` and `top_p` cannot both be specified for this model. Please use only one.".to_owned());
    }
    if thinking.is_on() { with_thinking(temperature, top_p, top_k) } else { Ok(()) }
}

fn with_thinking(temperature: Option<f64>, top_p: Option<f64>, top_k: Option<i64>) -> Parsed<()> {
    let refusal = if temperature.is_some_and(|value| value != 1.0) {
        "`temperature` may only be set to 1 when thinking is enabled."
    } else if top_p.is_some_and(|value| value < LEAST_TOP_P_WITH_THINKING) {
        "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled."
    } else if top_k.is_some() {
        "`top_k` must be unset when thinking is enabled."
    } else {
        return Ok(());
    };
    Err(refusal.to_owned())
}

pub(super) fn stop_sequences(root: &Node<'_>) -> Parsed<Vec<String>> {
    let stops = root.get("stop_sequences").map(|list| list.texts()).transpose()?;
    let stops = stops.unwrap_or_default();
    if stops.iter().any(|stop| stop.trim().is_empty()) {
        return Err("stop_sequences: each stop sequence must contain non-whitespace".to_owned());
    }
    Ok(stops)
}

/// `metadata`, `context_management` and `output_config`, of which the schema of the answer is kept.
pub(super) fn outputs(root: &Node<'_>, rules: &AnthropicRules) -> Parsed<Option<Value>> {
    if let Some(metadata) = root.get("metadata") {
        metadata.only(&["user_id"])?;
        metadata.get("user_id").map(|id| id.text()).transpose()?;
    }
    if let Some(management) = root.get("context_management") {
        management.get("edits").map(|edits| edits.items()).transpose()?;
    }
    let Some(config) = root.get("output_config") else { return Ok(None) };
    output_config(&config)?;
    let Some(format) = config.get("format") else { return Ok(None) };
    if !rules.structured {
        return Err(config.extra("format"));
    }
    let schema = format.need("schema")?;
    grammar::check(schema.value()).map_err(|why| schema.fail(&why))?;
    Ok(Some(schema.value().clone()))
}

/// Also read on single messages, where newer clients set it.
pub(super) fn output_config(config: &Node<'_>) -> Parsed<()> {
    config.only(&["effort", "format", "task_budget"])?;
    if let Some(effort) = config.get("effort") {
        effort.choice(&["low", "medium", "high", "xhigh", "max"])?;
    }
    if let Some(format) = config.get("format") {
        format.need("type")?.choice(&["json_schema"])?;
        format.need("schema")?.object()?;
    }
    Ok(())
}
