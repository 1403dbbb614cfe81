//! Thinking, effort and sampling: each generation of Claude takes another form and refuses the others.

use outcrop_model::catalog::{EffortStyle, SamplingRule, ThinkingStyle};
use outcrop_model::chat::Thinking;
use outcrop_model::json::{Members, parse_raw};
use outcrop_model::{Card, ChatRequest, Dialect, Fault, Ledger};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Body, members_of, word};
use crate::anthropic;
use crate::fit::{Target, fit_sampling, fit_thinking, lower_limit};
use crate::write::JsonWriter;

pub(super) fn fit<'a>(
    body: &mut Body<'a>,
    members: &'a Members<'a>,
    card: &Card,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    let mut asked = read(members)?;
    let before = asked.clone();
    limit(&mut asked, body, card, ledger);
    let target = Target { card, dialect: Dialect::Anthropic };
    // A form of thinking that is newer than this is left to the model's side.
    if asked.thinking.is_some() || present(members, "thinking").is_none() {
        think(&mut asked, members, target, ledger)?;
    }
    let translated = asked.thinking != before.thinking;
    if translated {
        write_thinking(body, &asked);
    }
    if asked.effort != before.effort {
        write_effort(body, asked.effort.as_deref());
    }
    if card.sampling == SamplingRule::All && !translated {
        return Ok(());
    }
    if !translated {
        asked.thinking = None;
    }
    fit_sampling(&mut asked, target, ledger);
    let left = [
        ("temperature", asked.temperature.is_some()),
        ("top_p", asked.top_p.is_some()),
        ("top_k", asked.top_k.is_some()),
    ];
    left.iter().filter(|(_, left)| !left).for_each(|(key, _)| body.remove(key));
    Ok(())
}

/// A limit above the model's is lowered, and a budget for thinking with it.
fn limit(asked: &mut ChatRequest<'_>, body: &mut Body<'_>, card: &Card, ledger: &mut Ledger) {
    let before = asked.max_tokens;
    lower_limit(asked, card, ledger);
    let Some(max) = asked.max_tokens.filter(|_| asked.max_tokens != before) else { return };
    body.set("max_tokens", max.to_string().into_bytes());
    match &mut asked.thinking {
        Some(Thinking::Budget { tokens, .. }) if *tokens >= max => {
            *tokens = max - 1;
            ledger.approximated(asked.names.thinking, format!("budget set to {tokens} tokens"));
        }
        Some(Thinking::Budget { .. } | Thinking::Adaptive { .. } | Thinking::Disabled) | None => {}
    }
}

fn read<'a>(members: &'a Members<'a>) -> Result<ChatRequest<'a>, Fault> {
    let mut asked = ChatRequest::default();
    if let Some(raw) = present(members, "thinking") {
        anthropic::read_thinking(raw, &mut asked)?;
    }
    let config = members.get("output_config").map(members_of).unwrap_or_default();
    asked.effort = word(&config, "effort");
    asked.max_tokens = number(members, "max_tokens")?;
    asked.temperature = number(members, "temperature")?;
    asked.top_p = number(members, "top_p")?;
    asked.top_k = number(members, "top_k")?;
    Ok(asked)
}

fn present<'a>(members: &Members<'a>, key: &str) -> Option<&'a RawValue> {
    members.get(key).filter(|raw| raw.get() != "null")
}

fn number<'a, T: Deserialize<'a>>(members: &Members<'a>, key: &str) -> Result<Option<T>, Fault> {
    present(members, key).map(|raw| parse_raw(raw, key)).transpose()
}

/// Thinking and effort as the model takes them; what it takes already is left alone.
fn think<'a>(
    asked: &mut ChatRequest<'a>,
    members: &Members<'a>,
    target: Target<'_>,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    let card = target.card;
    let wanted = asked.thinking.clone();
    let is_adaptive = matches!(wanted, Some(Thinking::Adaptive { .. }));
    let is_taken_budget = matches!(wanted, Some(Thinking::Budget { .. }))
        && (card.thinking == ThinkingStyle::Budget || card.budget_too);
    if card.effort != EffortStyle::OutputConfig && !is_adaptive && asked.effort.is_some() {
        ledger.dropped(asked.names.effort, "this model takes no effort setting");
        asked.effort = None;
    }
    if is_taken_budget {
        asked.thinking = None;
    }
    if is_adaptive && card.thinking == ThinkingStyle::Budget {
        // Whether a budget is possible depends on what was said.
        asked.turns = anthropic::read_turns(members.get("messages"))?;
    }
    fit_thinking(asked, target, ledger);
    asked.turns.clear();
    // In this dialect an effort alone asks for no thinking.
    if wanted.is_none() || is_taken_budget {
        asked.thinking = wanted;
    }
    Ok(())
}

fn write_thinking(body: &mut Body<'_>, asked: &ChatRequest<'_>) {
    let Some(thinking) = &asked.thinking else { return body.remove("thinking") };
    let mut out = Vec::new();
    anthropic::write_thinking_setting(&mut JsonWriter::new(&mut out), thinking);
    body.set("thinking", out);
}

fn write_effort(body: &mut Body<'_>, effort: Option<&str>) {
    let config = body.get("output_config").map(members_of).unwrap_or_default();
    let mut out = Vec::new();
    let mut w = JsonWriter::new(&mut out);
    let mut is_empty = effort.is_none();
    w.open_object();
    for (key, value) in config.0.iter().filter(|(key, _)| key != "effort") {
        w.key_escaped(key);
        w.raw(value);
        is_empty = false;
    }
    effort.iter().for_each(|effort| w.member_str("effort", effort));
    w.close_object();
    match is_empty {
        true => body.remove("output_config"),
        false => body.set("output_config", out),
    }
}
