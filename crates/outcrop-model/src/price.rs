//! What models cost, as data: `catalog/prices.toml`, and the operator's own file laid over it.
//!
//! 1. A price is for a model, a place, a service tier and, where it rises with the prompt, a band of
//!    lengths. The most specific place that the file names for the model counts, and it alone.
//! 2. What is not known has no cost: an unknown model or tier, a bucket without a price, tokens that
//!    nobody told. It never costs nothing.
//! 3. Arithmetic is exact (see [`PicoUsd`]), for any count of 64 bits.
//! 4. A model that the operator's file names takes all its prices from there.
//!
//! Deliberately not here: discounts, provisioned throughput, taxes and currencies.

mod file;

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::catalog::Catalog;
use crate::money::{PicoUsd, Units};
use crate::usage::Usage;

pub use self::file::Misprint;

const BUILT_IN: &str = include_str!("../../../catalog/prices.toml");

/// The price list.
#[derive(Debug, Clone, Default)]
pub struct Prices {
    /// By foundation id: the place in `models`.
    ids: HashMap<String, usize>,
    models: Vec<Vec<Row>>,
}

/// One line of a model's prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it holds; everywhere when empty. See [`Place::rank`].
    at: Vec<String>,
    pub tier: Tier,
    /// Holds for prompts of more tokens than this.
    pub above: u64,
    /// Of pictures, the quality that it is for; `None` is any.
    pub quality: Option<Quality>,
    /// Of pictures, the most pixels that it is for; `None` is any.
    pub up_to_pixels: Option<u64>,
    pub rates: Rates,
}

/// Prices of one unit each; `None` is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    pub input: Option<PicoUsd>,
    pub output: Option<PicoUsd>,
    pub cache_read: Option<PicoUsd>,
    pub cache_write_5m: Option<PicoUsd>,
    pub cache_write_1h: Option<PicoUsd>,
    /// One picture that the model draws.
    pub image: Option<PicoUsd>,
    /// One picture that an embedding model is given.
    pub image_input: Option<PicoUsd>,
    /// One query, or one text where texts are charged by number.
    pub query: Option<PicoUsd>,
}

/// How AWS serves a request, which it charges differently.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    #[default]
    Standard,
    Batch,
    Flex,
    Priority,
    /// Another one, whose price nobody knows.
    #[serde(skip)]
    Unknown,
}

/// Quality of a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    #[default]
    Standard,
    Premium,
}

/// What is charged by number and not by token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wares {
    /// Pictures that the model drew.
    pub images: u64,
    /// Pixels of each of them; 0 where it is not known.
    pub pixels: u64,
    pub quality: Quality,
    /// Pictures that an embedding model was given.
    pub image_inputs: u64,
    /// Texts that an embedding model was given, or queries of a rerank model.
    pub queries: u64,
}

impl Wares {
    /// The first so many of them; of an embedding model's, what is dearer comes first.
    #[must_use]
    pub fn first(self, count: u64) -> Self {
        let image_inputs = self.image_inputs.min(count);
        let queries = self.queries.min(count - image_inputs);
        Self { images: self.images.min(count), image_inputs, queries, ..self }
    }

    /// These and `more`, of the same request.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        Self {
            images: self.images + more.images,
            image_inputs: self.image_inputs + more.image_inputs,
            queries: self.queries + more.queries,
            ..more
        }
    }

    /// Nothing is charged by number.
    pub fn is_empty(&self) -> bool {
        let Self { images, pixels: _, quality: _, image_inputs, queries } = *self;
        [images, image_inputs, queries] == [0; 3]
    }
}

/// Where a request is served, as far as it bears on the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The geography of the profile that is called.
    geography: Option<&'a str>,
    region: &'a str,
}

/// The prices of one model in one place.
#[derive(Debug, Clone)]
pub struct Quote<'p> {
    rows: Vec<&'p Row>,
}

// === impl Prices ===

impl Prices {
    /// The list that comes with the binary. A test proves that it parses.
    pub fn built_in() -> &'static Prices {
        static PRICES: OnceLock<Prices> = OnceLock::new();
        #[expect(clippy::expect_used, reason = "compiled in and parsed by a test")]
        PRICES.get_or_init(|| Prices::default().with(BUILT_IN).expect("the built-in prices parse"))
    }

    /// This list with another laid over it.
    ///
    /// # Errors
    /// Names the line of whatever is wrong.
    pub fn with(&self, text: &str) -> Result<Self, Misprint> {
        let mut prices = self.clone();
        for file::Entry { ids, rows } in file::read(text, Catalog::built_in())? {
            let index = prices.models.len();
            prices.models.push(rows);
            prices.ids.extend(ids.into_iter().map(|id| (id, index)));
        }
        Ok(prices)
    }

    /// The foundation id by which the list knows a model, if it does.
    pub fn known<'m>(&self, catalog: &Catalog, model: &'m str) -> Option<&'m str> {
        Some(catalog.foundation_id(model)).filter(|id| self.ids.contains_key(*id))
    }

    /// The prices of a model, by any id that is called, for a gateway in `region`.
    pub fn quote(&self, catalog: &Catalog, model: &str, region: &str) -> Option<Quote<'_>> {
        let foundation = catalog.foundation_id(model);
        let rows = &self.models[*self.ids.get(foundation)?];
        let place = Place::of(model, foundation, region);
        let ranked = rows.iter().filter_map(|row| Some((place.rank(&row.at)?, row)));
        let best = ranked.clone().map(|(rank, _)| rank).max()?;
        Some(Quote { rows: ranked.filter(|(rank, _)| *rank == best).map(|(_, row)| row).collect() })
    }
}

// === impl Quote ===

impl Quote<'_> {
    /// The lines, in the order of the file.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().copied()
    }

    /// What the answer to one request costs; `None` when that is not known.
    pub fn cost(&self, tier: Tier, usage: Option<&Usage>, wares: &Wares) -> Option<PicoUsd> {
        let prompt = usage.map_or(0, Usage::prompt);
        // The band is the model's: a tier without a line for it has no price there.
        let bands = self.rows.iter().map(|row| row.above).filter(|above| *above < prompt);
        let band = bands.max().unwrap_or(0);
        let fits = |row: &&&Row| {
            row.tier == tier
                && row.above == band
                && row.quality.is_none_or(|quality| quality == wares.quality)
                && row.up_to_pixels.is_none_or(|most| (1..=most).contains(&wares.pixels))
        };
        let row = self.rows.iter().filter(fits).max_by_key(|row| row.strictness())?;
        row.rates.cost(usage, wares)
    }
}

// === impl Row ===

impl Row {
    /// Of the lines that fit, the strictest counts: for one quality, for the smallest pictures.
    fn strictness(&self) -> (bool, u64) {
        let pixels = self.up_to_pixels.map_or(0, |most| u64::MAX - most);
        (self.quality.is_some(), pixels)
    }
}

// === impl Rates ===

impl Rates {
    /// Prices by name, those that are known.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, Units, PicoUsd)> {
        let Self {
            input,
            output,
            cache_read,
            cache_write_5m,
            cache_write_1h,
            image,
            image_input,
            query,
        } = *self;
        [
            ("input", Units::Million, input),
            ("output", Units::Million, output),
            ("cache_read", Units::Million, cache_read),
            ("cache_write_5m", Units::Million, cache_write_5m),
            ("cache_write_1h", Units::Million, cache_write_1h),
            ("image", Units::One, image),
            ("image_input", Units::One, image_input),
            ("query", Units::One, query),
        ]
        .into_iter()
        .filter_map(|(name, units, price)| Some((name, units, price?)))
    }

    fn cost(&self, usage: Option<&Usage>, wares: &Wares) -> Option<PicoUsd> {
        let charges_tokens = self.input.is_some() || self.output.is_some();
        // No answer is made of no tokens: none were told.
        let usage = usage.filter(|usage| usage.total() > 0 || wares.image_inputs > 0);
        let tokens = match (usage, charges_tokens) {
            (Some(usage), true) => self.tokens(usage)?,
            (None, true) => return None,
            (_, false) => PicoUsd::ZERO,
        };
        // Where texts are charged by token, they are not charged by number too.
        let queries = if charges_tokens { 0 } else { wares.queries };
        let counted = [
            (wares.images, self.image),
            (wares.image_inputs, self.image_input),
            (queries, self.query),
        ];
        if !charges_tokens && counted.iter().all(|(count, _)| *count == 0) {
            // Nothing was told that this price is for.
            return None;
        }
        Some(tokens + sum(counted)?)
    }

    fn tokens(&self, usage: &Usage) -> Option<PicoUsd> {
        // Reasoning is a part of the output.
        let Usage { input, cache_read, cache_write_5m, cache_write_1h, output, reasoning: _ } =
            *usage;
        sum([
            (input, self.input),
            (cache_read, self.cache_read),
            (cache_write_5m, self.cache_write_5m),
            (cache_write_1h, self.cache_write_1h),
            (output, self.output),
        ])
    }
}

/// `None` when something that was used has no price.
fn sum<const N: usize>(counted: [(u64, Option<PicoUsd>); N]) -> Option<PicoUsd> {
    counted.into_iter().try_fold(PicoUsd::ZERO, |sum, (count, price)| match (count, price) {
        (0, _) => Some(sum),
        (count, price) => Some(sum + price? * count),
    })
}

// === impl Tier ===

impl Tier {
    /// The tier behind Bedrock's word for it.
    pub fn named(word: &str) -> Self {
        match word {
            "default" | "standard" => Tier::Standard,
            "batch" => Tier::Batch,
            "flex" => Tier::Flex,
            "priority" => Tier::Priority,
            _ => Tier::Unknown,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Standard => "standard",
            Tier::Batch => "batch",
            Tier::Flex => "flex",
            Tier::Priority => "priority",
            Tier::Unknown => "unknown",
        }
    }
}

// === impl Quality ===

impl Quality {
    pub fn as_str(self) -> &'static str {
        match self {
            Quality::Standard => "standard",
            Quality::Premium => "premium",
        }
    }
}

// === impl Place ===

impl<'a> Place<'a> {
    /// Where `model` is served: its profile's geography, else the ARN's region, else the gateway's.
    fn of(model: &'a str, foundation: &str, region: &'a str) -> Self {
        let before = &model[..model.len() - foundation.len()];
        let profile = before.rsplit('/').next().and_then(|prefix| prefix.strip_suffix('.'));
        let told = model.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2));
        Self {
            geography: profile.filter(|word| !word.is_empty()),
            region: told.filter(|region| !region.is_empty()).unwrap_or(region),
        }
    }

    /// How closely a list of places describes this one; `None` when not at all.
    ///
    /// `region` is on demand in any region, `geo` a profile of any geography, `global` the global
    /// profile; a geography (`eu`) or the beginning of a region (`us-gov-`, `eu-west-2`) is closer.
    fn rank(self, at: &[String]) -> Option<usize> {
        const ANYWHERE: usize = 0;
        const CLASS: usize = 1;
        if at.is_empty() {
            return Some(ANYWHERE);
        }
        let rank = |word: &String| match (self.geography, word.as_str()) {
            (Some(geography), word) if geography == word => Some(CLASS + 1),
            (Some(geography), "geo") if geography != "global" => Some(CLASS),
            (Some(_), _) => None,
            (None, "region") => Some(CLASS),
            (None, word) => {
                let is_region = word.contains('-') && self.region.starts_with(word);
                is_region.then_some(CLASS + word.len())
            }
        };
        at.iter().filter_map(rank).max()
    }
}

#[cfg(test)]
mod tests;
