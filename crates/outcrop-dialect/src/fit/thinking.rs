//! Thinking and effort: each generation of models takes another form and refuses the others.

use std::borrow::Cow;

use outcrop_model::catalog::{EffortStyle, ThinkingStyle};
use outcrop_model::chat::{EFFORTS, Role, Thinking};
use outcrop_model::{BlockKind, Card, ChatRequest, Ledger};

use super::Target;

/// Smallest thinking budget that Bedrock accepts, in tokens (AWS extended thinking guide).
const MIN_BUDGET: u64 = 1024;
/// Budget when the caller leaves the amount to the model but the model wants a number.
const MEDIUM_BUDGET: u64 = 2048;
/// Room for the answer beside the budget when the caller set no limit.
const ANSWER_ROOM: u64 = 4096;

/// Shows thinking as text, which the newest models leave out unless asked. Callers that ask by effort or
/// budget have always been shown it (rule 6 of docs/dev/quirks.md).
const SHOWN: &str = "summarized";

pub(crate) fn fit(request: &mut ChatRequest<'_>, target: Target<'_>, ledger: &mut Ledger) {
    let card = target.card;
    if request.effort.as_deref() == Some("none") && !card.efforts.iter().any(|e| e == "none") {
        request.effort = None;
        if request.thinking.is_none() {
            request.thinking = Some(Thinking::Disabled);
            request.names.thinking = request.names.effort;
        }
    }
    match card.thinking {
        ThinkingStyle::None => {
            let why = match card.effort {
                EffortStyle::None => "this model cannot be asked to think",
                _ => "this model takes an effort only",
            };
            drop_thinking(request, card, why, ledger);
        }
        ThinkingStyle::Always => drop_thinking(request, card, "this model always thinks", ledger),
        ThinkingStyle::Budget => to_budget(request, card, ledger),
        ThinkingStyle::Adaptive
            if card.budget_too && matches!(request.thinking, Some(Thinking::Budget { .. })) =>
        {
            to_budget(request, card, ledger)
        }
        ThinkingStyle::Adaptive => to_adaptive(request, card, ledger),
        ThinkingStyle::ReasoningConfig => to_reasoning_config(request, ledger),
    }
    fit_effort(request, card, ledger);
}

fn drop_thinking(
    request: &mut ChatRequest<'_>,
    card: &Card,
    why: &'static str,
    ledger: &mut Ledger,
) {
    let path = request.names.thinking;
    match request.thinking.take() {
        Some(Thinking::Budget { tokens, .. }) if takes_effort(card) => {
            ledger.approximated(path, "this model takes an effort, not a budget");
            request.effort.get_or_insert(Cow::Borrowed(budget_effort(tokens)));
        }
        Some(Thinking::Budget { .. } | Thinking::Adaptive { .. }) => ledger.dropped(path, why),
        Some(Thinking::Disabled)
            if card.thinking == ThinkingStyle::Always || takes_effort(card) =>
        {
            ledger.dropped(path, "this model's thinking cannot be switched off");
        }
        Some(Thinking::Disabled) | None => {}
    }
}

fn takes_effort(card: &Card) -> bool {
    card.effort != EffortStyle::None
}

/// Models that want a number of tokens; it must leave room under `max_tokens`.
fn to_budget(request: &mut ChatRequest<'_>, card: &Card, ledger: &mut Ledger) {
    // An effort of its own stands beside the budget; elsewhere it says how large the budget is.
    let effort = match card.effort {
        EffortStyle::OutputConfig => None,
        EffortStyle::None
        | EffortStyle::Budget
        | EffortStyle::ReasoningEffort
        | EffortStyle::Reasoning
        | EffortStyle::ReasoningConfig => request.effort.take(),
    };
    let mut path = request.names.thinking;
    let (wanted, display) = match request.thinking.take() {
        Some(Thinking::Budget { tokens, display }) => (tokens, display),
        Some(Thinking::Adaptive { display }) => {
            ledger.approximated(path, "this model thinks with a fixed budget");
            (effort.as_deref().map_or(MEDIUM_BUDGET, effort_budget), display)
        }
        Some(Thinking::Disabled) => {
            request.thinking = Some(Thinking::Disabled);
            return;
        }
        None => {
            let Some(effort) = effort.as_deref() else { return };
            path = request.names.effort;
            if !EFFORTS.contains(&effort) {
                return ledger.dropped(path, "not an effort that this model knows");
            }
            (effort_budget(effort), None)
        }
    };
    if let Some(why) = unthinkable(request) {
        return ledger.dropped(path, why);
    }
    let budget = wanted.max(MIN_BUDGET);
    let roomy = card.default_max_tokens.max(budget.saturating_add(ANSWER_ROOM));
    let max = *request.max_tokens.get_or_insert(roomy);
    if max <= MIN_BUDGET {
        let why = format!("thinking needs more than {MIN_BUDGET} tokens of answer");
        return ledger.dropped(path, why);
    }
    let tokens = budget.min(max - 1);
    if tokens != wanted {
        ledger.approximated(path, format!("budget set to {tokens} tokens"));
    }
    request.thinking = Some(Thinking::Budget { tokens, display });
}

/// A model that thinks with a budget refuses a conversation whose last assistant turn does not begin
/// with its own thinking, if that turn called a tool or is to be continued (AWS extended thinking
/// guide, checked 2026-11-21). Most clients of other dialects do not send thinking back.
fn unthinkable(request: &ChatRequest<'_>) -> Option<&'static str> {
    let at = request.turns.iter().rposition(|turn| turn.role == Role::Assistant)?;
    if at + 1 == request.turns.len() {
        return Some("the model cannot think before it goes on from an assistant's words");
    }
    let blocks = &request.turns[at].blocks;
    let calls = blocks.iter().any(|b| matches!(b.kind, BlockKind::ToolUse(_)));
    let thought = matches!(
        blocks.first().map(|b| &b.kind),
        Some(BlockKind::Thinking { .. } | BlockKind::Redacted(_))
    );
    (calls && !thought).then_some(
        "the last tool call came back without its signed thinking (`thinking_blocks`), so the model cannot think on",
    )
}

/// Budget for an OpenAI effort word (the scale that Bedrock gateways share, checked 2026-11-21).
fn effort_budget(effort: &str) -> u64 {
    match effort {
        "minimal" | "low" => 1024,
        "medium" => 2048,
        "high" => 4096,
        "xhigh" => 8192,
        "max" => 16384,
        _ => MEDIUM_BUDGET,
    }
}

/// The effort whose budget comes nearest to a number of tokens, the other way round.
fn budget_effort(tokens: u64) -> &'static str {
    match tokens {
        0..2048 => "low",
        2048..4096 => "medium",
        4096.. => "high",
    }
}

fn to_adaptive(request: &mut ChatRequest<'_>, card: &Card, ledger: &mut Ledger) {
    let path = request.names.thinking;
    let shown = || Some(Cow::Borrowed(SHOWN));
    match request.thinking.take() {
        Some(Thinking::Budget { display, .. }) => {
            ledger.approximated(path, "this model decides itself how much it thinks");
            request.thinking = Some(Thinking::Adaptive { display: display.or_else(shown) });
        }
        Some(Thinking::Disabled) if !card.thinking_off => {
            ledger.dropped(path, "this model's thinking cannot be switched off");
        }
        None if request.effort.is_some() => {
            request.thinking = Some(Thinking::Adaptive { display: shown() })
        }
        other => request.thinking = other,
    }
}

/// Nova 2 takes three words and no budget.
fn to_reasoning_config(request: &mut ChatRequest<'_>, ledger: &mut Ledger) {
    let path = request.names.thinking;
    match request.thinking.take() {
        Some(Thinking::Budget { tokens, .. }) => {
            ledger.approximated(path, "this model takes an effort, not a budget");
            request.effort.get_or_insert(Cow::Borrowed(budget_effort(tokens)));
        }
        Some(Thinking::Adaptive { .. }) if request.effort.is_some() => {}
        Some(Thinking::Adaptive { .. }) => {
            ledger.approximated(path, "this model wants an effort; sent as medium");
            request.effort = Some(Cow::Borrowed("medium"));
        }
        Some(Thinking::Disabled) => request.effort = None,
        None => {}
    }
}

/// The nearest word that the model takes.
fn fit_effort(request: &mut ChatRequest<'_>, card: &Card, ledger: &mut Ledger) {
    let Some(effort) = request.effort.take() else { return };
    let path = request.names.effort;
    if !takes_effort(card) {
        return ledger.dropped(path, "this model takes no effort setting");
    }
    let rank = |word: &str| EFFORTS.iter().position(|s| *s == word);
    let Some(wanted) = rank(&effort) else {
        return ledger.dropped(path, "not an effort that this model knows");
    };
    let distance = |word: &&String| rank(word).map_or(usize::MAX, |r| r.abs_diff(wanted));
    let Some(nearest) =
        card.efforts.iter().filter(|w| *w != "none" || wanted == 0).min_by_key(distance)
    else {
        return;
    };
    if *nearest != *effort {
        ledger.approximated(path, format!("sent as {nearest}, the nearest that this model takes"));
    }
    if card.thinking == ThinkingStyle::ReasoningConfig {
        request.thinking = Some(Thinking::Adaptive { display: None });
    }
    request.effort = Some(Cow::Owned(nearest.clone()));
}
