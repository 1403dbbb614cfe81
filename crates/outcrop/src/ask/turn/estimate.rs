//! What a request took whose answer broke off: as far as it was told, and for the rest an estimate.

use outcrop_dialect::anthropic::count::estimate::text;
use outcrop_model::Receipt;
use serde_json::Value;

use super::Spent;
use crate::ask::budget::prompt;
use crate::ask::rates::{Rates, tier};
use crate::engine::{Chat, Engine, Usage};

/// What was seen of an answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    told: Option<Usage>,
    /// Tokens of its words, roughly.
    made: u64,
}

impl Seen {
    pub fn of(chat: &Chat) -> Self {
        let calls = chat.tool_calls.iter().map(|call| text(&call.name) + text(&call.arguments));
        let made = text(&chat.text) + text(&chat.reasoning) + calls.sum::<u64>();
        Self { told: chat.usage, made }
    }
}

/// Bedrock charges what was made by then, whoever reads it; a request that never reached it costs nothing.
pub async fn cut_off(
    engine: &Engine,
    body: &Value,
    (receipt, seen): (Option<Receipt>, Seen),
) -> Spent {
    let step = Spent::once(receipt.as_ref(), Usage::default());
    if receipt.as_ref().is_some_and(|receipt| receipt.attempts == 0) {
        return step;
    }
    let told = seen.told.or_else(|| receipt.as_ref()?.usage.map(Usage::of)).unwrap_or_default();
    let output = told.output.max(seen.made);
    let usage = match told.prompt() {
        // What cannot be weighed was refused before it was sent.
        0 => Usage { input: prompt(body).unwrap_or(0), output, ..told },
        _ => Usage { output, ..told },
    };
    let model = body["model"].as_str().unwrap_or_default();
    // Nobody who interrupts waits for a gateway elsewhere.
    let rates = if engine.is_here() { Rates::of(engine, model).await.ok() } else { None };
    let cost = rates.and_then(|rates| rates.cost(tier(body), usage));
    Spent { usage, is_estimated: true, cost: cost.max(step.cost), ..step }
}
