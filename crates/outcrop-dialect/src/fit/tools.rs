//! Tools: which may be offered, and how far a choice can be forced.

use std::borrow::Cow;
use std::collections::BTreeSet;

use outcrop_model::chat::{Thinking, Tool, ToolChoice};
use outcrop_model::{At, BlockKind, ChatRequest, Dialect, Ledger};

use super::Target;

pub(super) fn fit(request: &mut ChatRequest<'_>, target: Target<'_>, ledger: &mut Ledger) {
    if !target.card.tools && !request.tools.is_empty() {
        return ledger.refused("tools", "this model takes no tools");
    }
    request.tools.retain_mut(|tool| keep(tool, target, ledger));
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

fn keep(tool: &mut Tool<'_>, target: Target<'_>, ledger: &mut Ledger) -> bool {
    let extra = std::mem::take(&mut tool.extra);
    ledger.extra(tool.at, &extra);
    if let Some((kind, _)) = &tool.vendor {
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
    match &request.tool_choice {
        None | Some(ToolChoice::Auto) => {}
        Some(ToolChoice::None) => forbid_tools(request, target, ledger),
        Some(ToolChoice::Any | ToolChoice::Named(_)) => {
            let thinks = matches!(
                request.thinking,
                Some(Thinking::Budget { .. } | Thinking::Adaptive { .. })
            );
            let why = match (target.card.forced_tools, thinks) {
                (false, _) => "this model cannot be made to call a tool; it may",
                (true, true) => "a tool cannot be forced while the model thinks; it may call one",
                (true, false) => return,
            };
            ledger.approximated("tool_choice", why);
            request.tool_choice = Some(ToolChoice::Auto);
        }
    }
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
