//! The model list, in one shape that OpenAI's and Anthropic's SDKs both parse.
//!
//! A model with a name of Anthropic's API stands there twice: agents know a model's family, and so
//! what it can do, by that name, and some keep only ids that begin with `claude` or `anthropic`.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use outcrop_model::catalog::{EffortStyle, Listed, ThinkingStyle};
use outcrop_model::{Card, Catalog, Fault};
use serde_json::{Value, json};

use crate::admit::Grant;
use crate::model_id::percent_decode;
use crate::pricing::Pricing;

/// Which part of the list is asked for, as Anthropic's API words it; nothing for the whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    pub limit: Option<usize>,
    pub after_id: Option<String>,
    pub before_id: Option<String>,
}

impl Page {
    /// Other members of a query are none of ours.
    ///
    /// # Errors
    /// When the limit is no number above 0.
    pub fn of_query(query: &str) -> Result<Self, Fault> {
        let mut page = Self::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| *limit > 0);
                    page.limit = Some(limit.ok_or_else(|| {
                        Fault::invalid("limit", "must be a whole number of at least 1.")
                    })?);
                }
                "after_id" => page.after_id = Some(percent_decode(value)),
                "before_id" => page.before_id = Some(percent_decode(value)),
                _ => {}
            }
        }
        Ok(page)
    }
}

/// `GET /v1/models`
///
/// # Errors
/// When the page begins or ends at a model that is not listed.
pub fn list(
    catalog: &Catalog,
    pricing: &Pricing,
    grant: &Grant,
    page: &Page,
) -> Result<Value, Fault> {
    let all: Vec<(&str, &Listed)> = entries(catalog, grant).collect();
    let place = |id: &Option<String>, param: &'static str| match id {
        Some(id) => all.iter().position(|(one, _)| one == id).map(Some).ok_or_else(|| {
            Fault::invalid(param, "names no listed model. Take an id from an earlier page.")
        }),
        None => Ok(None),
    };
    let after = place(&page.after_id, "after_id")?.map_or(0, |at| at + 1);
    let before = place(&page.before_id, "before_id")?.unwrap_or(all.len());
    let whole = all.get(after..before).unwrap_or_default();
    let size = page.limit.unwrap_or(whole.len()).min(whole.len());
    // Before an id come the models next to it; elsewhere the first ones.
    let shown = match page.before_id {
        Some(_) => &whole[whole.len() - size..],
        None => &whole[..size],
    };
    let data: Vec<Value> =
        shown.iter().map(|(id, model)| item(catalog, pricing, id, model)).collect();
    Ok(json!({
        "object": "list",
        "data": data,
        "has_more": size < whole.len(),
        "first_id": shown.first().map(|(id, _)| id),
        "last_id": shown.last().map(|(id, _)| id),
    }))
}

/// `GET /v1/models/{id}`
pub fn one(catalog: &Catalog, pricing: &Pricing, grant: &Grant, id: &str) -> Option<Value> {
    let (id, model) = entries(catalog, grant).find(|(one, _)| *one == id)?;
    Some(item(catalog, pricing, id, model))
}

/// Every id that is listed and that the caller may ask for, with its model.
fn entries<'a>(
    catalog: &'a Catalog,
    grant: &'a Grant,
) -> impl Iterator<Item = (&'a str, &'a Listed)> {
    catalog.listed().iter().flat_map(|model| {
        [Some(model.id.as_str()), model.alias.as_deref()]
            .into_iter()
            .flatten()
            .filter(|id| grant.check_model(id, &model.id).is_ok())
            .map(move |id| (id, model))
    })
}

fn item(catalog: &Catalog, pricing: &Pricing, id: &str, model: &Listed) -> Value {
    let mut item = json!({
        "id": id,
        "object": "model",
        "type": "model",
        "created": unix_day(&model.created).unwrap_or_default(),
        "created_at": format!("{}T00:00:00Z", model.created),
        "owned_by": model.owner,
        "display_name": model.name,
    });
    // Models that do not chat have no card.
    if catalog.is_known(&model.id) {
        let card = catalog.card(&model.id);
        if card.max_input_tokens > 0 {
            item["max_input_tokens"] = card.max_input_tokens.into();
        }
        if card.max_output_tokens > 0 {
            item["max_tokens"] = card.max_output_tokens.into();
        }
        item["capabilities"] = capabilities(card);
    }
    if let Some(prices) = pricing.listed(&model.id) {
        item["prices"] = prices;
    }
    item
}

/// What a card says, under the names of Anthropic's Models API; `prompt_cache` and `tools` are ours.
fn capabilities(card: &Card) -> Value {
    let if_so = |supported: bool| json!({"supported": supported});
    let effort = |word: &str| if_so(card.efforts.iter().any(|effort| effort == word));
    let is_adaptive = card.thinking == ThinkingStyle::Adaptive;
    let has_budget = card.thinking == ThinkingStyle::Budget || card.budget_too;
    let lifetimes: &[&str] = match (card.cache, card.cache_one_hour) {
        (false, _) => &[],
        (true, false) => &["5m"],
        (true, true) => &["5m", "1h"],
    };
    json!({
        "batch": if_so(false),
        "code_execution": if_so(false),
        "image_input": if_so(card.images),
        "pdf_input": if_so(card.documents),
        "structured_outputs": if_so(card.json_schema),
        "thinking": {
            "supported": card.thinking != ThinkingStyle::None,
            "types": {"adaptive": if_so(is_adaptive), "enabled": if_so(has_budget)},
        },
        "effort": {
            "supported": card.effort != EffortStyle::None,
            "low": effort("low"),
            "medium": effort("medium"),
            "high": effort("high"),
            "xhigh": effort("xhigh"),
            "max": effort("max"),
        },
        "tools": if_so(card.tools),
        "prompt_cache": {
            "supported": card.cache,
            "min_tokens": card.cache_min_tokens,
            "ttls": lifetimes,
        },
    })
}

/// Unix time of a `YYYY-MM-DD` day at midnight UTC.
fn unix_day(day: &str) -> Option<i64> {
    let midnight = day.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(midnight.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_model::{Prices, alias};

    fn pricing() -> Pricing {
        Pricing::new(Prices::built_in().clone(), Catalog::built_in(), "us-east-1")
    }

    fn anyone() -> Grant {
        Grant::default()
    }

    #[test]
    fn days_become_unix_time() {
        assert_eq!(unix_day("1970-01-01"), Some(0));
        assert_eq!(unix_day("2024-03-07"), Some(1_709_769_600));
    }

    #[test]
    fn the_list_serves_both_parsers() {
        let list = list(Catalog::built_in(), &pricing(), &anyone(), &Page::default()).unwrap();
        let first = &list["data"][0];
        for key in ["id", "object", "type", "created", "created_at", "owned_by", "display_name"] {
            assert!(!first[key].is_null(), "{key}");
        }
        assert!(
            one(Catalog::built_in(), &pricing(), &anyone(), list["last_id"].as_str().unwrap())
                .is_some()
        );
        assert!(one(Catalog::built_in(), &pricing(), &anyone(), "nope").is_none());
    }

    #[test]
    fn agents_find_claude_by_its_name() {
        for listed in Catalog::built_in().listed() {
            let Some(alias) = &listed.alias else { continue };
            let model = one(Catalog::built_in(), &pricing(), &anyone(), alias).unwrap();
            assert_eq!(model["id"], *alias);
            let behind = alias::resolve(alias).id;
            assert!(listed.id.ends_with(&*behind), "{alias} is {behind}, not {}", listed.id);
        }
    }

    #[test]
    fn a_query_names_a_page() {
        let page = Page::of_query("limit=1000&after_id=a%3A0&x=y").unwrap();
        let expected =
            Page { limit: Some(1000), after_id: Some("a:0".to_owned()), before_id: None };
        assert_eq!(page, expected);
        assert_eq!(Page::of_query("").unwrap(), Page::default());
        assert!(Page::of_query("limit=0").is_err() && Page::of_query("limit=x").is_err());
    }

    #[test]
    fn pages_follow_each_other() {
        let whole = list(Catalog::built_in(), &pricing(), &anyone(), &Page::default()).unwrap();
        let mut ids = Vec::new();
        let mut page = Page { limit: Some(3), ..Page::default() };
        loop {
            let list = list(Catalog::built_in(), &pricing(), &anyone(), &page).unwrap();
            ids.extend(list["data"].as_array().unwrap().iter().map(|item| item["id"].clone()));
            if list["has_more"] == false {
                break;
            }
            page.after_id = list["last_id"].as_str().map(str::to_owned);
        }
        let all = whole["data"].as_array().unwrap();
        assert_eq!(ids, all.iter().map(|item| item["id"].clone()).collect::<Vec<_>>());
        let last = Page { limit: Some(1), before_id: page.after_id, after_id: None };
        assert_eq!(
            list(Catalog::built_in(), &pricing(), &anyone(), &last).unwrap()["has_more"],
            true
        );
        let lost = Page { after_id: Some("nope".to_owned()), ..Page::default() };
        let fault = list(Catalog::built_in(), &pricing(), &anyone(), &lost).unwrap_err();
        assert_eq!(fault.param.as_deref(), Some("after_id"));
    }

    #[test]
    fn a_chat_model_says_what_it_can_do() {
        let model = one(
            Catalog::built_in(),
            &pricing(),
            &anyone(),
            "anthropic.claude-3-haiku-20240307-v1:0",
        )
        .unwrap();
        assert_eq!(
            (&model["max_tokens"], &model["max_input_tokens"]),
            (&json!(4096), &json!(200_000))
        );
        let can = &model["capabilities"];
        assert_eq!(
            (&can["image_input"]["supported"], &can["thinking"]["supported"]),
            (&json!(true), &json!(false))
        );
        let model = one(Catalog::built_in(), &pricing(), &anyone(), "us.anthropic.claude-opus-4-8")
            .unwrap();
        let can = &model["capabilities"];
        let cache = json!({"supported": true, "min_tokens": 1024, "ttls": ["5m", "1h"]});
        assert_eq!(can["prompt_cache"], cache);
        assert_eq!(can["thinking"]["types"]["adaptive"]["supported"], true);
        assert_eq!(can["effort"]["max"]["supported"], false);
        let embeds =
            one(Catalog::built_in(), &pricing(), &anyone(), "amazon.titan-embed-text-v2:0")
                .unwrap();
        assert!(embeds["capabilities"].is_null());
    }
}
