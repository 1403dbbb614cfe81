//! What a run may cost at the most, all its requests together.
//!
//! 1. Before a request what it may cost is held against what is left: its prompt with the definitions of tools,
//!    and the longest answer that it may get. One that may cost more is not sent.
//! 2. After it what it did cost is counted; where nobody tells that, what it might have cost.
//! 3. Where no price is known nothing is sent: a bound that cannot be kept is none.

use outcrop_dialect::anthropic::count::estimate;
use outcrop_dialect::openai;
use outcrop_model::PicoUsd;
use serde_json::Value;

use super::rates::{Rates, tier};
use super::turn::Spent;
use crate::engine::{Engine, Usage};
use crate::exit::{Exit, Failure};

/// What an estimate is held for until an answer has told how far off it is: it may be off by a quarter.
const MARGIN: Share = Share { told: 5, of: 4 };

/// A bound for the requests of one run.
#[derive(Debug)]
pub struct Budget {
    most: PicoUsd,
    spent: PicoUsd,
    /// For the request that is under way.
    held: Held,
    /// How many tokens were told for how many that were estimated.
    share: Share,
    /// Of the model that was asked last.
    rates: Option<(String, Rates)>,
}

#[derive(Debug, Clone, Default)]
struct Held {
    /// Tokens of its prompt.
    estimated: u64,
    tier: String,
    cost: PicoUsd,
}

#[derive(Debug, Clone, Copy)]
struct Share {
    told: u64,
    of: u64,
}

// === impl Budget ===

impl Budget {
    pub fn new(most: PicoUsd) -> Self {
        let (spent, held) = (PicoUsd::ZERO, Held::default());
        Self { most, spent, held, share: MARGIN, rates: None }
    }

    /// Holds what a request may cost.
    ///
    /// # Errors
    /// [`Exit::Budget`] where that is more than is left, or nobody knows what it is; [`Exit::UnknownModel`] where the
    /// model is in no list.
    pub async fn hold(&mut self, engine: &Engine, body: &Value) -> anyhow::Result<()> {
        let model = body["model"].as_str().unwrap_or_default();
        let rates = match self.rates.take() {
            Some((of, rates)) if of == model => rates,
            Some(_) | None => Rates::of(engine, model).await.map_err(unlisted)?,
        };
        let (_, rates) = self.rates.insert((model.to_owned(), rates));
        let unknown = || {
            let what = format!("The price of {model} is not known, so no budget can be kept.");
            Failure::new(Exit::Budget, what)
                .mend("Leave --max-budget-usd out, or choose another model.")
        };
        let estimated = prompt(body)?;
        let input = self.share.over(estimated);
        let output = rates.longest(body).ok_or_else(unknown)?;
        let tier = tier(body);
        let of = |usage| rates.cost(tier, usage);
        let plain = of(Usage { input, output, ..Usage::default() }).ok_or_else(unknown)?;
        // What a mark has written to the cache is dearer; models without a price for it write nothing.
        let written = of(Usage { cache_write: input, output, ..Usage::default() });
        let written = written.filter(|_| is_marked(body)).unwrap_or_default();
        let cost = plain.max(written);
        if self.spent + cost > self.most {
            return Err(self.too_dear(cost, (input, output)).into());
        }
        self.held = Held { estimated, tier: tier.to_owned(), cost };
        Ok(())
    }

    fn too_dear(&self, cost: PicoUsd, (input, output): (u64, u64)) -> Failure {
        let (most, spent) = (self.most, self.spent);
        let before = match spent {
            PicoUsd::ZERO => String::new(),
            spent => format!(", of which ${spent} is spent"),
        };
        let what = format!(
            "The request may cost ${cost}: about {input} tokens in, and up to {output} out. The budget is \
             ${most}{before}."
        );
        Failure::new(Exit::Budget, what).mend("A smaller --max-tokens makes it cheaper.")
    }

    /// Counts what the request took.
    pub fn count(&mut self, step: &Spent) {
        let Held { estimated, tier, cost } = std::mem::take(&mut self.held);
        let told = (!step.is_estimated).then_some(step.usage).filter(|usage| usage.total() > 0);
        if let Some(usage) = told
            && estimated > 0
        {
            self.share = Share { told: usage.prompt().max(estimated), of: estimated };
        }
        let by_rates = |usage| self.rates.as_ref()?.1.cost(&tier, usage);
        let is_free = step.usage == Usage::default() && !step.is_estimated;
        let spent = match (step.cost, told) {
            (Some(cost), _) => cost,
            (None, Some(usage)) => by_rates(usage).unwrap_or(cost),
            (None, None) if is_free => PicoUsd::ZERO,
            (None, None) => cost,
        };
        self.spent = self.spent + spent;
    }
}

/// A model that is in no list may be called all the same, but not with a budget.
fn unlisted(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Failure>() {
        Ok(failure) if failure.exit == Exit::UnknownModel => {
            failure.also("Without a price no budget can be kept.").into()
        }
        Ok(failure) => failure.into(),
        Err(error) => error,
    }
}

// === impl Share ===

impl Share {
    fn over(self, tokens: u64) -> u64 {
        tokens.saturating_mul(self.told).div_ceil(self.of)
    }
}

/// Roughly how many tokens of prompt a request has, tools and all.
///
/// # Errors
/// One that nobody could read, as the gateway would tell.
pub fn prompt(body: &Value) -> anyhow::Result<u64> {
    let bytes = body.to_string();
    let decoded = openai::decode(bytes.as_bytes()).map_err(|fault| {
        Failure::new(
            Exit::RequestFailed,
            format!("The request cannot be weighed: {}", fault.message),
        )
    })?;
    Ok(estimate::prompt(&decoded.request))
}

fn is_marked(body: &Value) -> bool {
    let messages = body["messages"].as_array().into_iter().flatten();
    let parts = messages.filter_map(|message| message["content"].as_array()).flatten();
    parts.into_iter().any(|part| part.get("cache_control").is_some())
}
