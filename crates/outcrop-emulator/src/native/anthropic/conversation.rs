//! Messages, and the rules that bind them: who speaks first, who answers which tool call, how it ends.
//!
//! 1. Consecutive messages of one role count as one turn, as the service merges them.
//! 2. `system` messages inside the conversation stand outside the alternation.

use super::blocks::{self, Place};
use super::options::{Thinking, output_config};
use super::{AnthropicRules, Reading};
use crate::native::reader::{Node, Parsed};
use crate::words::{Part, Role, Turn};

const ROLES: [&str; 3] = ["user", "assistant", "system"];

/// Messages of one role in a row: the index of the first, and all parts.
struct Run<'a> {
    index: usize,
    role: Role,
    parts: Vec<&'a Part>,
}

pub(super) fn read(messages: &Node<'_>, reading: &Reading<'_>) -> Parsed<Vec<Turn>> {
    let items = messages.items()?;
    if items.is_empty() {
        return Err("messages: at least one message is required".to_owned());
    }
    items.iter().map(|item| message(item, reading)).collect()
}

fn message(item: &Node<'_>, reading: &Reading<'_>) -> Parsed<Turn> {
    let role = role(&item.need("role")?, reading.rules)?;
    item.only(&["role", "content", "output_config"])?;
    reading.gate(item, "messages.")?;
    item.get("output_config").map_or(Ok(()), |config| output_config(&config))?;
    let parts = blocks::content(&item.need("content")?, Place::Turn(role), reading)?;
    Ok(Turn { role, parts })
}

fn role(node: &Node<'_>, rules: &AnthropicRules) -> Parsed<Role> {
    let accepted = if rules.system_role { &ROLES[..] } else { &ROLES[..2] };
    Ok(match node.choice(accepted)? {
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => Role::User,
    })
}

pub(super) fn check(turns: &[Turn], rules: &AnthropicRules, thinking: Thinking) -> Parsed<()> {
    if turns.first().is_some_and(|turn| turn.role != Role::User) {
        return Err("messages: first message must use the \"user\" role".to_owned());
    }
    non_empty(turns)?;
    let runs = runs(turns);
    unique_ids(&runs)?;
    for (position, run) in runs.iter().enumerate() {
        let before = position.checked_sub(1).and_then(|earlier| runs.get(earlier));
        match run.role {
            Role::Assistant => answered(run, runs.get(position + 1))?,
            Role::User => expected(run, before)?,
            Role::System => {}
        }
    }
    if thinking == Thinking::Budgeted {
        thought_first(&runs)?;
    }
    ending(&runs, rules, thinking)
}

fn non_empty(turns: &[Turn]) -> Parsed<()> {
    let last = turns.len().saturating_sub(1);
    let empty = |(index, turn): &(usize, &Turn)| {
        turn.parts.is_empty() && !(*index == last && turn.role == Role::Assistant)
    };
    match turns.iter().enumerate().find(empty) {
        None => Ok(()),
        Some((index, _)) => Err(format!(
            "messages.{index}: all messages must have non-empty content except for the optional final assistant message"
        )),
    }
}

fn runs(turns: &[Turn]) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    for (index, turn) in turns.iter().enumerate() {
        if turn.role == Role::System {
            continue;
        }
        match runs.last_mut().filter(|run| run.role == turn.role) {
            Some(run) => run.parts.extend(&turn.parts),
            None => runs.push(Run { index, role: turn.role, parts: turn.parts.iter().collect() }),
        }
    }
    runs
}

// === impl Run ===

impl<'a> Run<'a> {
    fn tool_uses(&self) -> Vec<&'a str> {
        let id = |part: &&'a Part| match part {
            Part::ToolUse { id, .. } => Some(id.as_str()),
            _ => None,
        };
        self.parts.iter().filter_map(id).collect()
    }

    /// Every tool result, with its position among the parts that are blocks.
    fn tool_results(&self) -> Vec<(usize, &'a str)> {
        let id = |(position, part): (usize, &&'a Part)| match part {
            Part::ToolResult { id, .. } => Some((position, id.as_str())),
            _ => None,
        };
        self.blocks().enumerate().filter_map(id).collect()
    }

    /// Tool results at the head of the turn, the only ones that answer.
    fn leading_results(&self) -> Vec<&'a str> {
        let id = |part: &&'a Part| match part {
            Part::ToolResult { id, .. } => Some(id.as_str()),
            _ => None,
        };
        self.blocks().map_while(id).collect()
    }

    fn blocks(&self) -> impl Iterator<Item = &&'a Part> {
        self.parts.iter().filter(|part| !matches!(part, Part::CachePoint))
    }

    fn starts_with_thinking(&self) -> bool {
        matches!(self.parts.first(), Some(Part::Thinking { .. } | Part::Redacted(_)))
    }
}

fn unique_ids(runs: &[Run<'_>]) -> Parsed<()> {
    let mut seen = std::collections::HashSet::new();
    let repeated = |id: &&str| !seen.insert((*id).to_owned());
    match runs.iter().flat_map(Run::tool_uses).find(repeated) {
        None => Ok(()),
        Some(_) => Err("messages: `tool_use` ids must be unique".to_owned()),
    }
}

/// Every tool call of an assistant turn is answered at the head of the next turn.
fn answered(run: &Run<'_>, next: Option<&Run<'_>>) -> Parsed<()> {
    let results = next.map(Run::leading_results).unwrap_or_default();
    let uses = run.tool_uses();
    let missing: Vec<&str> = uses.into_iter().filter(|id| !results.contains(id)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. \
         Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
        run.index,
        missing.join(", ")
    ))
}

/// Every tool result answers a call of the assistant turn before it, once.
fn expected(run: &Run<'_>, before: Option<&Run<'_>>) -> Parsed<()> {
    let uses = before.map(Run::tool_uses).unwrap_or_default();
    let mut seen: Vec<&str> = Vec::new();
    for (position, id) in run.tool_results() {
        let place = format!("messages.{}.content.{position}", run.index);
        if !uses.contains(&id) {
            return Err(format!(
                "{place}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. \
                 Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
            ));
        }
        if seen.contains(&id) {
            return Err(format!(
                "{place}: each tool_use must have a single result. Found multiple `tool_result` blocks with id: {id}"
            ));
        }
        seen.push(id);
    }
    Ok(())
}

/// With a thinking budget, the tool loop in progress must have kept its thinking.
fn thought_first(runs: &[Run<'_>]) -> Parsed<()> {
    let [.., assistant, user] = runs else {
        return Ok(());
    };
    let in_loop = assistant.role == Role::Assistant && !user.tool_results().is_empty();
    if !in_loop || assistant.starts_with_thinking() {
        return Ok(());
    }
    let found = match assistant.parts.first() {
        Some(Part::Text(_)) => "text",
        _ => "tool_use",
    };
    Err(format!(
        "messages.{}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{found}`. \
         When `thinking` is enabled, a final `assistant` message must start with a thinking block \
         (preceeding the lastmost set of `tool_use` and `tool_result` blocks).",
        assistant.index
    ))
}

fn ending(runs: &[Run<'_>], rules: &AnthropicRules, thinking: Thinking) -> Parsed<()> {
    let Some(last) = runs.last().filter(|run| run.role == Role::Assistant) else {
        return Ok(());
    };
    if !rules.prefill || thinking.is_on() {
        return Err("This model does not support assistant message prefill. \
                    The conversation must end with a user message."
            .to_owned());
    }
    match last.blocks().last() {
        Some(Part::Text(text)) if text.trim_end() != text => {
            Err("messages: final assistant content cannot end with trailing whitespace".to_owned())
        }
        _ => Ok(()),
    }
}
