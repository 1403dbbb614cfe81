//! What a model's tokens cost, as whoever answers lists it.

use outcrop_model::{Catalog, PicoUsd, Prices, Units, alias, price};
use serde_json::Value;

use crate::engine::{Engine, Usage};
use crate::exit::{Exit, exit_of};

/// The prices of a model, and how long its answers may be.
#[derive(Debug)]
pub struct Rates {
    rows: Vec<Row>,
    /// Most tokens of an answer, and those that are asked for where nobody set a limit; `None` where the first is
    /// not known.
    most: Option<u64>,
    usual: Option<u64>,
}

/// Of one token each, in one tier.
#[derive(Debug)]
struct Row {
    tier: String,
    /// For prompts of more tokens than these.
    above: u64,
    input: Option<PicoUsd>,
    output: Option<PicoUsd>,
    cache_read: Option<PicoUsd>,
    /// The dearer of the two: what is written for how long is told by no answer of OpenAI's.
    cache_write: Option<PicoUsd>,
}

/// What prices of a request are listed under. That of a latency mode is a price of its own, which no list has.
pub fn tier(body: &Value) -> &str {
    match (body["performanceConfig"]["latency"].as_str(), body["service_tier"].as_str()) {
        (Some(mode), _) if mode != "standard" => mode,
        (_, None | Some("default")) => "standard",
        (_, Some(tier)) => tier,
    }
}

// === impl Rates ===

impl Rates {
    /// Of a model by any name.
    ///
    /// # Errors
    /// Where nobody answers, or the model is in no list.
    pub async fn of(engine: &Engine, model: &str) -> anyhow::Result<Self> {
        match engine.model(model).await {
            Ok(listed) => Ok(Self::read(model, &listed)),
            // Models that are called by profiles alone are listed by those.
            Err(error) if exit_of(&error) == Exit::UnknownModel => {
                Self::built_in(engine, model).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// As the price list of the program has it: the dearer of the model itself and its profile in one geography.
    fn built_in(engine: &Engine, model: &str) -> Option<Self> {
        let (catalog, id) = (Catalog::built_in(), alias::resolve(model).id);
        let region = engine.region.as_deref().unwrap_or_default();
        let quote = |id: &str| Prices::built_in().quote(catalog, id, region);
        let quotes = [quote(&id), quote(&format!("us.{id}"))];
        let rows = quotes.iter().flatten().map(|quote| quote.rows().map(Row::of).collect());
        let rows = rows.max_by_key(|rows: &Vec<Row>| rows.first().and_then(|row| row.input))?;
        let card = catalog.card(&id);
        let some = |tokens: u64| Some(tokens).filter(|tokens| *tokens > 0);
        Some(Self {
            rows,
            most: some(card.max_output_tokens),
            usual: some(card.default_max_tokens),
        })
    }

    fn read(model: &str, listed: &Value) -> Self {
        let rows = listed["prices"]["rates"].as_array().into_iter().flatten().map(Row::read);
        let usual = Catalog::built_in().card(&alias::resolve(model).id).default_max_tokens;
        let usual = Some(usual).filter(|usual| *usual > 0);
        Self { rows: rows.collect(), most: listed["max_tokens"].as_u64(), usual }
    }

    /// The most tokens that the answer to this request may have.
    pub fn longest(&self, body: &Value) -> Option<u64> {
        let asked = body["max_completion_tokens"].as_u64().or_else(|| body["max_tokens"].as_u64());
        // Room for thinking is made where nobody sets a limit; how much, the model's rules say.
        let thinks = !body["thinking"].is_null() || !body["reasoning_effort"].is_null();
        let unset = if thinks { self.most } else { self.usual.or(self.most) };
        match (asked.or(unset), self.most) {
            (Some(tokens), Some(most)) => Some(tokens.min(most)),
            (tokens, _) => tokens,
        }
    }

    /// What these tokens cost in a tier of [`tier`]; `None` where one of their prices is not known.
    pub fn cost(&self, tier: &str, usage: Usage) -> Option<PicoUsd> {
        let prompt = usage.prompt();
        let bands = self.rows.iter().map(|row| row.above).filter(|above| *above < prompt);
        let band = bands.max().unwrap_or(0);
        let row = self.rows.iter().find(|row| row.tier == tier && row.above == band)?;
        row.cost(usage)
    }
}

// === impl Row ===

impl Row {
    fn of(row: &price::Row) -> Self {
        let rates = &row.rates;
        Self {
            tier: row.tier.as_str().to_owned(),
            above: row.above,
            input: rates.input,
            output: rates.output,
            cache_read: rates.cache_read,
            cache_write: rates.cache_write_1h.max(rates.cache_write_5m),
        }
    }

    fn read(row: &Value) -> Self {
        let price = |kind: &str| PicoUsd::per_unit(row[kind].as_str()?, Units::Million).ok();
        Self {
            tier: row["tier"].as_str().unwrap_or_default().to_owned(),
            above: row["above_prompt_tokens"].as_u64().unwrap_or(0),
            input: price("input"),
            output: price("output"),
            cache_read: price("cache_read"),
            cache_write: price("cache_write_1h").max(price("cache_write_5m")),
        }
    }

    fn cost(&self, usage: Usage) -> Option<PicoUsd> {
        let Usage { input, output, cache_read, cache_write, reasoning: _ } = usage;
        let counted = [
            (input, self.input),
            (output, self.output),
            (cache_read, self.cache_read),
            (cache_write, self.cache_write),
        ];
        counted.into_iter().try_fold(PicoUsd::ZERO, |sum, (count, price)| match (count, price) {
            (0, _) => Some(sum),
            (count, price) => Some(sum + price? * count),
        })
    }
}
