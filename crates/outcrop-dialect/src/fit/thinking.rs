//! Thinking and effort: each generation of models takes another form and refuses the others.

use std::borrow::Cow;

use outcrop_model::catalog::{EffortStyle, ThinkingStyle};
use outcrop_model::chat::Thinking;
use outcrop_model::{Card, ChatRequest, Ledger};

use super::Target;

/// Smallest thinking budget that Bedrock accepts, in tokens (AWS extended thinking guide).
const MIN_BUDGET: u64 = 1024;
/// Budget when the caller leaves the amount to the model but the model wants a number.
const MEDIUM_BUDGET: u64 = 2048;
/// Room for the answer beside the budget when the caller set no limit.
const ANSWER_ROOM: u64 = 4096;

pub(super) fn fit(request: &mut ChatRequest<'_>, target: Target<'_>, ledger: &mut Ledger) {
    let card = target.card;
    if request.effort.as_deref() == Some("none") {
        request.effort = None;
        request.thinking.get_or_insert(Thinking::Disabled);
    }
    match card.thinking {
        ThinkingStyle::None => {
            drop_thinking(request, "this model cannot be asked to think", ledger)
        }
        ThinkingStyle::Always => drop_thinking(request, "this model always thinks", ledger),
        ThinkingStyle::Budget => to_budget(request, ledger),
        ThinkingStyle::Adaptive => to_adaptive(request, ledger),
        ThinkingStyle::ReasoningConfig => to_reasoning_config(request, ledger),
    }
    fit_effort(request, card, ledger);
}

fn drop_thinking(request: &mut ChatRequest<'_>, why: &'static str, ledger: &mut Ledger) {
    match request.thinking.take() {
        Some(Thinking::Budget { .. } | Thinking::Adaptive { .. }) => {
            ledger.dropped(request.names.thinking, why)
        }
        Some(Thinking::Disabled) | None => {}
    }
}

/// Models that want a number of tokens; it must leave room under `max_tokens`.
fn to_budget(request: &mut ChatRequest<'_>, ledger: &mut Ledger) {
    let (wanted, display) = match (request.thinking.take(), request.effort.as_deref()) {
        (Some(Thinking::Budget { tokens, display }), _) => (tokens, display),
        (Some(Thinking::Adaptive { display }), effort) => {
            ledger.approximated(request.names.thinking, "this model thinks with a fixed budget");
            (effort.map_or(MEDIUM_BUDGET, effort_budget), display)
        }
        (Some(Thinking::Disabled), _) => {
            request.thinking = Some(Thinking::Disabled);
            request.effort = None;
            return;
        }
        (None, Some(effort)) => (effort_budget(effort), None),
        (None, None) => return,
    };
    request.effort = None;
    let budget = wanted.max(MIN_BUDGET);
    let max = *request.max_tokens.get_or_insert(budget + ANSWER_ROOM);
    if max <= MIN_BUDGET {
        let why = format!("thinking needs more than {MIN_BUDGET} tokens of answer");
        return ledger.dropped(request.names.thinking, why);
    }
    let tokens = budget.min(max - 1);
    if tokens != wanted {
        ledger.approximated(request.names.thinking, format!("budget set to {tokens} tokens"));
    }
    request.thinking = Some(Thinking::Budget { tokens, display });
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

fn to_adaptive(request: &mut ChatRequest<'_>, ledger: &mut Ledger) {
    match request.thinking.take() {
        Some(Thinking::Budget { display, .. }) => {
            ledger.approximated(
                request.names.thinking,
                "this model decides itself how much it thinks",
            );
            request.thinking = Some(Thinking::Adaptive { display });
        }
        None if request.effort.is_some() => {
            request.thinking = Some(Thinking::Adaptive { display: None })
        }
        other => request.thinking = other,
    }
}

/// Nova 2 takes three words and no budget.
fn to_reasoning_config(request: &mut ChatRequest<'_>, ledger: &mut Ledger) {
    match request.thinking.take() {
        Some(Thinking::Budget { .. }) => {
            ledger.approximated(request.names.thinking, "this model takes an effort, not a budget");
            request.effort.get_or_insert(Cow::Borrowed("medium"));
        }
        Some(Thinking::Adaptive { .. }) => {
            request.effort.get_or_insert(Cow::Borrowed("medium"));
        }
        Some(Thinking::Disabled) => request.effort = None,
        None => {}
    }
    if request.effort.is_some() {
        request.thinking = Some(Thinking::Adaptive { display: None });
    }
}

fn fit_effort(request: &mut ChatRequest<'_>, card: &Card, ledger: &mut Ledger) {
    let Some(effort) = request.effort.take() else { return };
    let path = request.names.effort;
    let (words, why): (&[&str], _) = match card.effort {
        EffortStyle::None => return ledger.dropped(path, "this model takes no effort setting"),
        EffortStyle::Budget => return,
        EffortStyle::OutputConfig => {
            (&["low", "medium", "high", "xhigh", "max"], "not an effort of this model")
        }
        EffortStyle::ReasoningConfig => {
            (&["low", "medium", "high"], "this model knows low, medium and high")
        }
        EffortStyle::ReasoningEffort | EffortStyle::Reasoning => {
            (&["minimal", "low", "medium", "high", "xhigh", "max"], "not an effort of this model")
        }
    };
    let nearest = match &*effort {
        word if words.contains(&word) => effort,
        "minimal" => Cow::Borrowed("low"),
        "xhigh" | "max" => Cow::Borrowed("high"),
        _ => return ledger.dropped(path, why),
    };
    request.effort = Some(nearest);
}
