//! The catalog's prices and the arithmetic, against receipts that were worked out by hand
//! (`receipts.txt`).

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use outcrop_model::{Catalog, Prices, Quality, Tier, Usage, Wares};

const TABLE: &str = include_str!("receipts.txt");
/// Decimals of a dollar that the test calculates with.
const DECIMALS: usize = 18;

struct Receipt<'t> {
    line: &'t str,
    model: &'t str,
    region: &'t str,
    tier: Tier,
    usage: Option<Usage>,
    wares: Wares,
    /// `None` when it is not known.
    cost: Option<&'t str>,
    arithmetic: &'t str,
}

fn receipts() -> Vec<Receipt<'static>> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(receipt).collect()
}

fn receipt(line: &str) -> Receipt<'_> {
    let columns: Vec<&str> = line.split('|').map(str::trim).collect();
    let [model, region, tier, used, cost, arithmetic] = columns[..] else { panic!("{line}") };
    let tier = Tier::named(tier);
    let (mut usage, mut wares) = (None, Wares::default());
    for item in used.split(", ").filter(|item| !item.is_empty()) {
        take(item, &mut usage, &mut wares);
    }
    let cost = Some(cost).filter(|cost| *cost != "-");
    Receipt { line, model, region, tier, usage, wares, cost, arithmetic }
}

fn take(item: &str, usage: &mut Option<Usage>, wares: &mut Wares) {
    let (word, count) = item.split_once(' ').unwrap_or((item, "0"));
    let count: u64 = count.parse().unwrap();
    let mut tokens = usage.unwrap_or_default();
    match word {
        "premium" => wares.quality = Quality::Premium,
        "images" => wares.images = count,
        "pixels" => wares.pixels = count,
        "image_inputs" => wares.image_inputs = count,
        "queries" => wares.queries = count,
        "input" => tokens.input = count,
        "cache_read" => tokens.cache_read = count,
        "cache_write_5m" => tokens.cache_write_5m = count,
        "cache_write_1h" => tokens.cache_write_1h = count,
        "output" => tokens.output = count,
        "reasoning" => tokens.reasoning = Some(count),
        _ => panic!("{item}"),
    }
    let of_tokens = ["input", "output", "reasoning"].contains(&word) || word.starts_with("cache");
    *usage = if of_tokens { Some(tokens) } else { *usage };
}

/// A decimal as a whole number of the smallest part that the test calculates with.
fn parts(decimal: &str) -> u128 {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    format!("{whole}{fraction:0<DECIMALS$}").parse().unwrap()
}

/// `count*price`, or `count*price/M`.
fn product(term: &str) -> u128 {
    let (count, price) = term.split_once('*').unwrap();
    let (price, divisor) = price.strip_suffix("/M").map_or((price, 1), |price| (price, 1_000_000));
    let price = parts(price);
    assert_eq!(price % divisor, 0, "{term}");
    count.parse::<u128>().unwrap() * (price / divisor)
}

#[test]
fn every_receipt_costs_what_was_worked_out_by_hand() {
    for Receipt { line, model, region, tier, usage, wares, cost, .. } in receipts() {
        let quote = Prices::built_in().quote(Catalog::built_in(), model, region);
        let ours = quote.and_then(|quote| quote.cost(tier, usage.as_ref(), &wares));
        assert_eq!(ours.map(|cost| cost.to_string()).as_deref(), cost, "{line}");
    }
}

#[test]
fn the_arithmetic_beside_each_receipt_gives_its_cost() {
    let (mut known, mut unknown) = (0, 0);
    for Receipt { line, cost, arithmetic, .. } in receipts() {
        match cost {
            None => {
                assert!(arithmetic.starts_with("unknown: "), "{line}");
                unknown += 1;
            }
            Some(cost) => {
                let sum: u128 = arithmetic.split(" + ").map(product).sum();
                assert_eq!(sum, parts(cost), "{line}");
                known += 1;
            }
        }
    }
    assert!(known >= 40 && unknown >= 10, "{known} and {unknown}");
}
