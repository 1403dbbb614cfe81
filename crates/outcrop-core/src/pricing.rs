//! What a receipt costs: the price list, and where the gateway stands.

use outcrop_model::price::{Quote, Row};
use outcrop_model::{Behind, Catalog, Charge, PicoUsd, Prices, Receipt, Tier, Wares};
use serde_json::{Map, Value, json};

/// A price list in use.
#[derive(Debug)]
pub struct Pricing {
    prices: Prices,
    catalog: &'static Catalog,
    /// The gateway's own, for ids that name none.
    region: String,
}

// === impl Pricing ===

impl Pricing {
    pub fn new(prices: Prices, catalog: &'static Catalog, region: &str) -> Self {
        Self { prices, catalog, region: region.to_owned() }
    }

    /// The prices of a model, by the id that is called.
    pub fn quote(&self, model: &str) -> Option<Quote<'_>> {
        self.prices.quote(self.catalog, model, &self.region)
    }

    /// What the request cost as far as its receipt tells; `None` when that is not known.
    pub fn cost(&self, receipt: &Receipt, wares: &Wares) -> Option<PicoUsd> {
        let model = match &receipt.behind {
            Some(Behind { model, charge: Charge::Use }) => model,
            Some(Behind { charge: Charge::Other, .. }) => return None,
            None => receipt.target.as_deref().unwrap_or(&receipt.model),
        };
        let tier = receipt.tier.unwrap_or(Tier::Standard);
        self.quote(model)?.cost(tier, receipt.usage.as_ref(), wares)
    }

    /// What a model costs, for the list of models: dollars as decimal texts, for a million tokens, one
    /// picture or one query.
    pub fn listed(&self, model: &str) -> Option<Value> {
        let rates: Vec<Value> = self.quote(model)?.rows().map(listed_row).collect();
        Some(json!({"currency": "USD", "rates": rates}))
    }
}

fn listed_row(row: &Row) -> Value {
    let mut item = Map::new();
    item.insert("tier".to_owned(), row.tier.as_str().into());
    if row.above > 0 {
        item.insert("above_prompt_tokens".to_owned(), row.above.into());
    }
    if let Some(quality) = row.quality {
        item.insert("quality".to_owned(), quality.as_str().into());
    }
    if let Some(most) = row.up_to_pixels {
        item.insert("up_to_pixels".to_owned(), most.into());
    }
    for (name, units, price) in row.rates.named() {
        item.insert(name.to_owned(), units.dollars(price).into());
    }
    Value::Object(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_says_what_it_costs_here() {
        let pricing = Pricing::new(Prices::built_in().clone(), Catalog::built_in(), "us-east-1");
        let opus = json!({"currency": "USD", "rates": [{
            "tier": "standard", "input": "5.5", "output": "27.5", "cache_read": "0.55",
            "cache_write_5m": "6.875", "cache_write_1h": "11",
        }]});
        assert_eq!(pricing.listed("us.anthropic.claude-opus-4-8"), Some(opus));
        let canvas = pricing.listed("amazon.nova-canvas-v1:0").unwrap();
        let premium = json!({
            "tier": "standard", "quality": "premium", "up_to_pixels": 1_048_576, "image": "0.06",
        });
        assert_eq!(canvas["rates"][1], premium);
        let sonnet = pricing.listed("global.anthropic.claude-sonnet-4-5-20250929-v1:0").unwrap();
        assert_eq!(sonnet["rates"][1]["above_prompt_tokens"], 200_000);
        assert_eq!(pricing.listed("newvendor.model-1"), None);
    }
}
