//! Tools: which may be offered, and how far a choice can be forced.

use std::borrow::Cow;
use std::collections::BTreeSet;

use outcrop_model::catalog::{ForcedTools, ThinkingStyle};
use outcrop_model::chat::{Block, Thinking, Tool, ToolChoice};
use outcrop_model::json::Members;
use outcrop_model::{At, BlockKind, Card, ChatRequest, Dialect, Ledger};

use super::Target;
use crate::structured;

/// Why a forced tool is not.
pub(crate) const CANNOT_FORCE: &str = "this model cannot be made to call a tool; it may";

pub(super) fn fit(request: &mut ChatRequest<'_>, target: Target<'_>, ledger: &mut Ledger) {
    if !target.card.tools {
        return refuse_tools(request, ledger);
    }
    let schema = request.names.tool_schema;
    request.tools.retain_mut(|tool| keep(tool, target, schema, ledger));
    fit_choice(request, target, ledger);
    if request.parallel_tools == Some(true) || request.tools.is_empty() {
        request.parallel_tools = None;
    }
    if request.parallel_tools.is_some() && !target.card.parallel_control {
        ledger.dropped(
            request.names.parallel_tools,
            "this model decides itself how many tools it calls at once",
        );
        request.parallel_tools = None;
    }
    if request.tools.is_empty() {
        declare_used_tools(request, ledger);
    }
}

/// A model that does not stream when it has tools is asked for a whole answer, which the caller gets as
/// a stream of few pieces.
pub(super) fn fit_stream(request: &mut ChatRequest<'_>, card: &Card, ledger: &mut Ledger) {
    if request.stream && !card.streamed_tools && !request.tools.is_empty() {
        ledger.approximated(
            "stream",
            "this model does not stream with tools; its answer comes at once",
        );
        request.stream = false;
    }
}

/// Tools that the model would not see are refused, and so are the calls and results of earlier turns.
fn refuse_tools(request: &ChatRequest<'_>, ledger: &mut Ledger) {
    const WHY: &str = "this model takes no tools";
    if !request.tools.is_empty() {
        return ledger.refused("tools", WHY);
    }
    let mut blocks = request.turns.iter().flat_map(|t| &t.blocks);
    let of_tools =
        |b: &&Block<'_>| matches!(b.kind, BlockKind::ToolUse(_) | BlockKind::ToolResult(_));
    if let Some(block) = blocks.find(of_tools) {
        ledger.refused(block.at.to_string(), WHY);
    }
}

fn keep(
    tool: &mut Tool<'_>,
    target: Target<'_>,
    schema: &'static str,
    ledger: &mut Ledger,
) -> bool {
    let extra = std::mem::take(&mut tool.extra);
    ledger.extra(tool.at, &extra);
    if let Some((kind, raw)) = &tool.vendor {
        // Claude's own tools stand beside functions, with a name of their own.
        let named = || {
            serde_json::from_str::<Members<'_>>(raw.get()).is_ok_and(|m| m.get("name").is_some())
        };
        if target.dialect == Dialect::Anthropic && named() {
            return true;
        }
        ledger.dropped(
            tool.at.to_string(),
            format!("a tool of type `{kind}` cannot be offered to this model"),
        );
        return false;
    }
    if tool.strict == Some(true) && !target.card.strict_tools {
        ledger.dropped(tool.at.key("strict"), "this model does not enforce tool schemas");
    }
    if !target.card.strict_tools {
        tool.strict = None;
    }
    if tool.description.as_deref().is_some_and(|d| d.trim().is_empty()) {
        tool.description = None;
    }
    structured::tools::fit(tool, target.card, schema, ledger);
    true
}

fn fit_choice(request: &mut ChatRequest<'_>, target: Target<'_>, ledger: &mut Ledger) {
    if request.tools.is_empty() {
        if matches!(request.tool_choice, Some(ToolChoice::Any | ToolChoice::Named(_))) {
            ledger.dropped("tool_choice", "there is no tool to choose");
        }
        request.tool_choice = None;
        return;
    }
    let name = match &request.tool_choice {
        None => return,
        // What Converse does unasked; models that take no choice refuse even this one.
        Some(ToolChoice::Auto) if target.dialect == Dialect::Converse => {
            request.tool_choice = None;
            return;
        }
        Some(ToolChoice::Auto) => return,
        Some(ToolChoice::None) => return forbid_tools(request, target, ledger),
        Some(ToolChoice::Any) => None,
        Some(ToolChoice::Named(name)) => Some(name),
    };
    let offered = name.is_none_or(|name| request.tools.iter().any(|tool| tool.name == *name));
    let thinks =
        matches!(request.thinking, Some(Thinking::Budget { .. } | Thinking::Adaptive { .. }));
    let (choice, why) = match (target.card.forced_tools, name) {
        _ if !offered => (None, "the tool that it names is not offered"),
        _ if thinks && target.card.thinking != ThinkingStyle::ReasoningConfig => {
            (None, "a tool cannot be forced while the model thinks; it may call one")
        }
        (ForcedTools::None, _) => (None, CANNOT_FORCE),
        (ForcedTools::Any, Some(_)) if request.tools.len() == 1 => {
            request.tool_choice = Some(ToolChoice::Any);
            return;
        }
        (ForcedTools::Any, Some(_)) => {
            (Some(ToolChoice::Any), "this model can be made to call some tool, not a certain one")
        }
        (ForcedTools::Any, None) | (ForcedTools::Named, _) => return,
    };
    ledger.approximated("tool_choice", why);
    request.tool_choice = choice;
}

/// Converse has no word for "no tools": without calls in the history the tools are simply not offered.
fn forbid_tools(request: &mut ChatRequest<'_>, target: Target<'_>, ledger: &mut Ledger) {
    if target.dialect != Dialect::Converse {
        return;
    }
    request.tool_choice = None;
    if used_tools(request).is_empty() {
        request.tools.clear();
    } else {
        ledger.approximated(
            "tool_choice",
            "this model cannot be told to call no tool; the tools stay offered",
        );
    }
}

/// Bedrock refuses tool calls in the history when no tool is declared: declare those that were used.
fn declare_used_tools(request: &mut ChatRequest<'_>, ledger: &mut Ledger) {
    let used = used_tools(request);
    if used.is_empty() {
        return;
    }
    ledger.approximated("tools", "the tools called earlier were declared, as Bedrock requires");
    request.tools = used
        .into_iter()
        .map(|name| Tool {
            name: Cow::Owned(name),
            description: None,
            schema: None,
            strict: None,
            vendor: None,
            cache: None,
            at: At::Member("tools"),
            extra: Vec::new(),
        })
        .collect();
}

fn used_tools(request: &ChatRequest<'_>) -> BTreeSet<String> {
    let blocks = request.turns.iter().flat_map(|t| &t.blocks);
    blocks
        .filter_map(|b| match &b.kind {
            BlockKind::ToolUse(call) => Some(call.name.to_string()),
            BlockKind::Text(_)
            | BlockKind::Media(_)
            | BlockKind::ToolResult(_)
            | BlockKind::Thinking { .. }
            | BlockKind::Redacted(_)
            | BlockKind::Foreign { .. } => None,
        })
        .collect()
}
