//! Reading a price list; whatever is wrong is named with its line.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::{Quality, Rates, Row, Tier};
use crate::catalog::Catalog;
use crate::money::{PicoUsd, Units};

/// What is wrong with a price list, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misprint {
    /// From 1.
    pub line: usize,
    pub message: String,
}

/// The prices of the models that share them.
pub(super) struct Entry {
    pub(super) ids: Vec<String>,
    pub(super) rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    price: Vec<Spanned<RawEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    ids: Vec<Spanned<String>>,
    source: String,
    checked: String,
    rates: Vec<Spanned<RawRow>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRow {
    #[serde(default)]
    at: Vec<Spanned<String>>,
    #[serde(default)]
    tier: Tier,
    #[serde(default)]
    above: u64,
    quality: Option<Quality>,
    up_to_pixels: Option<u64>,
    input: Option<PerMillion>,
    output: Option<PerMillion>,
    cache_read: Option<PerMillion>,
    cache_write_5m: Option<PerMillion>,
    cache_write_1h: Option<PerMillion>,
    image: Option<PerOne>,
    image_input: Option<PerOne>,
    query: Option<PerOne>,
}

/// Dollars for a million.
struct PerMillion(PicoUsd);

/// Dollars for one.
struct PerOne(PicoUsd);

/// Reads a whole list.
pub(super) fn read(text: &str, catalog: &Catalog) -> Result<Vec<Entry>, Misprint> {
    let misprint = |span: Range<usize>, message: String| Misprint::at(text, span.start, message);
    let file: File = toml::from_str(text)
        .map_err(|e| misprint(e.span().unwrap_or(0..0), e.message().to_owned()))?;
    let mut seen = HashSet::new();
    let mut entries = Vec::with_capacity(file.price.len());
    for entry in file.price {
        let span = entry.span();
        let RawEntry { ids, source, checked, rates } = entry.into_inner();
        if source.is_empty() || checked.is_empty() || ids.is_empty() {
            let mend = "a price needs `ids`, a `source` and the day it was `checked`";
            return Err(misprint(span, mend.to_owned()));
        }
        for id in &ids {
            let word = id.as_ref();
            if catalog.foundation_id(word) != word {
                let mend = format!(
                    "`{word}` is not the model's own id: leave out what stands before it and say where in `at`"
                );
                return Err(misprint(id.span(), mend));
            }
            if !seen.insert(word.clone()) {
                return Err(misprint(id.span(), format!("`{word}` has prices already")));
            }
        }
        let ids = ids.into_iter().map(Spanned::into_inner).collect();
        let rows = rows(rates, catalog).map_err(|(span, message)| misprint(span, message))?;
        entries.push(Entry { ids, rows });
    }
    Ok(entries)
}

fn rows(
    rates: Vec<Spanned<RawRow>>,
    catalog: &Catalog,
) -> Result<Vec<Row>, (Range<usize>, String)> {
    let mut seen = HashSet::new();
    let mut rows = Vec::with_capacity(rates.len());
    for raw in rates {
        let span = raw.span();
        let RawRow { at, tier, above, quality, up_to_pixels, .. } = raw.as_ref();
        let everywhere = String::new();
        let words = at.iter().map(|word| word.as_ref());
        let words = words.chain(at.is_empty().then_some(&everywhere));
        for word in words {
            if !seen.insert((word.clone(), *tier, *above, *quality, *up_to_pixels)) {
                return Err((span, "the same place, tier and size has a price already".to_owned()));
            }
        }
        if let Some(word) = at.iter().find(|word| !is_place(word.as_ref(), catalog)) {
            let message = format!(
                "`{}` is no place: write region, geo, global, a geography such as eu, or a region such as eu-west-2",
                word.as_ref()
            );
            return Err((word.span(), message));
        }
        rows.push(row(raw.into_inner()));
    }
    Ok(rows)
}

fn row(raw: RawRow) -> Row {
    let RawRow {
        at,
        tier,
        above,
        quality,
        up_to_pixels,
        input,
        output,
        cache_read,
        cache_write_5m,
        cache_write_1h,
        image,
        image_input,
        query,
    } = raw;
    let (million, one) = (|price: PerMillion| price.0, |price: PerOne| price.0);
    let rates = Rates {
        input: input.map(million),
        output: output.map(million),
        cache_read: cache_read.map(million),
        cache_write_5m: cache_write_5m.map(million),
        cache_write_1h: cache_write_1h.map(million),
        image: image.map(one),
        image_input: image_input.map(one),
        query: query.map(one),
    };
    let at = at.into_iter().map(Spanned::into_inner).collect();
    Row { at, tier, above, quality, up_to_pixels, rates }
}

/// Regions and their beginnings hold a dash: `us-gov-`, `eu-west-2`.
fn is_place(word: &str, catalog: &Catalog) -> bool {
    let is_region = || {
        let beginning = word.trim_end_matches(|c: char| c.is_ascii_digit());
        beginning.ends_with('-') && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    matches!(word, "region" | "geo") || catalog.is_geography(word) || is_region()
}

// === impl Misprint ===

impl Misprint {
    fn at(text: &str, offset: usize, message: String) -> Self {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        Self { line, message }
    }
}

/// `12: what is wrong`, to stand behind the name of the file.
impl fmt::Display for Misprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.message)
    }
}

impl std::error::Error for Misprint {}

// === reading ===

impl<'de> Deserialize<'de> for PerMillion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        PicoUsd::per_unit(&text, Units::Million).map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for PerOne {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        PicoUsd::per_unit(&text, Units::One).map(Self).map_err(D::Error::custom)
    }
}
