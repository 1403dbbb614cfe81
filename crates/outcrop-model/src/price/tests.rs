//! The list itself, look-up by id and place, and what holds for any counts.

use proptest::prelude::*;

use super::*;

const REGION: &str = "us-east-1";

fn quote(model: &str, region: &str) -> Option<Quote<'static>> {
    Prices::built_in().quote(Catalog::built_in(), model, region)
}

fn misprint(text: &str) -> String {
    Prices::built_in().with(text).unwrap_err().to_string()
}

fn list(lines: &str) -> String {
    format!("[[price]]\nids = [\"a.b\"]\nsource = \"s\"\nchecked = \"c\"\nrates = [\n{lines}\n]\n")
}

fn usage() -> impl Strategy<Value = Usage> {
    let counts = prop_oneof![0..1_000_000_u64, any::<u64>()];
    proptest::array::uniform5(counts).prop_map(|[input, read, five, hour, output]| Usage {
        input,
        cache_read: read,
        cache_write_5m: five,
        cache_write_1h: hour,
        output,
        reasoning: None,
    })
}

fn plus(a: &Usage, b: &Usage) -> Option<Usage> {
    Some(Usage {
        input: a.input.checked_add(b.input)?,
        cache_read: a.cache_read.checked_add(b.cache_read)?,
        cache_write_5m: a.cache_write_5m.checked_add(b.cache_write_5m)?,
        cache_write_1h: a.cache_write_1h.checked_add(b.cache_write_1h)?,
        output: a.output.checked_add(b.output)?,
        reasoning: None,
    })
}

/// Every price of tokens in the list.
fn token_rates() -> Vec<Rates> {
    let rows = Prices::built_in().models.iter().flatten();
    rows.map(|row| row.rates).filter(|rates| rates.input.is_some()).collect()
}

#[test]
fn the_built_in_list_parses_and_knows_every_listed_model() {
    let catalog = Catalog::built_in();
    for listed in catalog.listed() {
        assert!(quote(&listed.id, REGION).is_some(), "{}", listed.id);
    }
    assert!(Prices::built_in().ids.len() > 100);
}

#[test]
fn the_closest_place_counts_and_no_other() {
    let input = |model: &str, region: &str| {
        let quote = quote(model, region)?;
        quote.rows().find(|row| row.tier == Tier::Standard)?.rates.input
    };
    let sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0";
    for (prefix, region, pico) in [
        ("", "us-east-1", Some(3_300_000)),
        ("us.", "us-east-1", Some(3_300_000)),
        ("jp.", "ap-northeast-1", Some(3_300_000)),
        ("global.", "eu-west-1", Some(3_000_000)),
        ("us-gov.", "us-gov-west-1", Some(3_600_000)),
        ("", "us-gov-east-1", Some(3_600_000)),
        ("arn:aws:bedrock:us-gov-west-1::foundation-model/", "us-east-1", Some(3_600_000)),
        ("arn:aws:bedrock:us-east-1:111122223333:inference-profile/global.", "x", Some(3_000_000)),
    ] {
        let id = format!("{prefix}{sonnet}");
        assert_eq!(input(&id, region).map(PicoUsd::get), pico, "{id} {region}");
    }
    assert_eq!(input("eu.amazon.nova-lite-v1:0", "eu-west-1").map(PicoUsd::get), Some(78_000));
    assert_eq!(input("amazon.nova-lite-v1:0", "eu-west-1"), None, "not known there");
    assert_eq!(input("us-gov.anthropic.claude-opus-4-7", "us-gov-west-1"), None, "nor there");
    assert!(quote("anthropic.claude-sonnet-4-5-20250929-v1:0:200k", REGION).is_none());
    assert!(quote("newvendor.model-1", REGION).is_none());
}

#[test]
fn a_model_that_the_operator_names_takes_all_prices_from_there() {
    let text = "[[price]]\nids = [\"amazon.nova-pro-v1:0\", \"ab12cd34ef56\"]\nsource = \"contract\"\nchecked = \"2026-11-26\"\nrates = [{ input = \"0.5\", output = \"1\" }]\n";
    let prices = Prices::built_in().with(text).unwrap();
    let usage = Usage { input: 2_000_000, output: 1_000_000, ..Usage::default() };
    let cost = |model: &str, tier| {
        let quote = prices.quote(Catalog::built_in(), model, "eu-west-1")?;
        quote.cost(tier, Some(&usage), &Wares::default()).map(|cost| cost.to_string())
    };
    let arn = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/ab12cd34ef56";
    for model in ["amazon.nova-pro-v1:0", "eu.amazon.nova-pro-v1:0", arn] {
        assert_eq!(cost(model, Tier::Standard).as_deref(), Some("2"), "{model}");
        assert_eq!(cost(model, Tier::Flex), None, "the built-in list has one, but is not asked");
    }
    assert_eq!(cost("eu.amazon.nova-lite-v1:0", Tier::Standard).as_deref(), Some("0.468"));
}

#[test]
fn misprints_are_named_with_their_line() {
    for (text, expected) in [
        (list("{ input = 3 }"), "6: "),
        (list("{ input = \"3,5\" },"), "6: `3,5` is no price"),
        (list("{ output = \"1\" },\n{ input = \"0.0000001\" },"), "7: `0.0000001` has more than 6"),
        (list("{ at = [\"europe\"], input = \"1\" },"), "6: `europe` is no place"),
        (list("{ tier = \"cheap\", input = \"1\" },"), "6: unknown variant `cheap`"),
        (list("{ inputs = \"1\" },"), "6: unknown field `inputs`"),
        (list("{ input = \"1\" },\n{ input = \"2\" },"), "7: the same place"),
        (list("").replace("a.b", "eu.amazon.nova-pro-v1:0"), "2: `eu.amazon.nova-pro-v1:0` is not"),
        (list("") + &list(""), "9: `a.b` has prices already"),
        (list("").replace("\"s\"", "\"\""), "1: a price needs"),
        ("[[price]]\nids = [".to_owned(), "2: "),
    ] {
        let said = misprint(&text);
        assert!(said.starts_with(expected), "{said}\n{text}");
    }
}

#[test]
fn no_count_of_64_bits_overflows_at_the_highest_price() {
    let most = Some(PicoUsd::MOST_PER_UNIT);
    let rates = Rates {
        input: most,
        output: most,
        cache_read: most,
        cache_write_5m: most,
        cache_write_1h: most,
        image: most,
        image_input: most,
        query: most,
    };
    let all = u64::MAX;
    let usage = Usage {
        input: all,
        cache_read: all,
        cache_write_5m: all,
        cache_write_1h: all,
        output: all,
        reasoning: Some(all),
    };
    let wares = Wares { images: all, image_inputs: all, queries: all, ..Wares::default() };
    let exact = PicoUsd::MOST_PER_UNIT.get() * u128::from(all) * 7;
    assert_eq!(rates.cost(Some(&usage), &wares), Some(PicoUsd::new(exact)));
}

proptest! {
    #[test]
    fn cost_is_additive_and_never_falls(a in usage(), b in usage()) {
        let Some(both) = plus(&a, &b) else { return Ok(()) };
        for rates in token_rates() {
            let (Some(of_a), Some(of_b)) = (rates.tokens(&a), rates.tokens(&b)) else { continue };
            let of_both = rates.tokens(&both).unwrap();
            prop_assert_eq!(of_both, of_a + of_b);
            prop_assert!(of_both >= of_a);
        }
    }

    #[test]
    fn a_longer_prompt_never_costs_less(a in usage(), b in usage()) {
        let Some(both) = plus(&a, &b) else { return Ok(()) };
        for rows in &Prices::built_in().models {
            let places = rows.iter().flat_map(|row| &row.at);
            for place in places {
                let rows = rows.iter().filter(|row| row.at.contains(place)).collect();
                let quote = Quote { rows };
                let cost = |usage| quote.cost(Tier::Standard, Some(usage), &Wares::default());
                if let (Some(less), Some(more)) = (cost(&a), cost(&both)) {
                    prop_assert!(more >= less);
                }
            }
        }
    }

    #[test]
    fn any_text_is_a_list_or_has_a_line(text in ".{0,80}") {
        if let Err(misprint) = Prices::default().with(&text) {
            prop_assert!(misprint.line >= 1);
        }
    }
}
