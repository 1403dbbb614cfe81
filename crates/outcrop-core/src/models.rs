//! The model list, in one shape that OpenAI's and Anthropic's SDKs both parse.
//!
//! A model with a name of Anthropic's API stands there twice: agents know a model's family, and so
//! what it can do, by that name, and some keep only ids that begin with `claude` or `anthropic`.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use outcrop_model::catalog::{EffortStyle, ThinkingStyle};
use outcrop_model::{Card, Catalog, Charge, Fault, alias};
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

/// What is listed, and by whose word.
#[derive(Debug)]
pub struct Shelf {
    catalog: &'static Catalog,
    pricing: Arc<Pricing>,
    pub source: Source,
    entries: Vec<Entry>,
}

/// A model by a name of the operator's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Own {
    pub(crate) id: String,
    pub(crate) stands_for: String,
    pub(crate) owner: Option<String>,
}

/// By whose word models are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The account's own lists: what it can call.
    Account,
    /// The catalog: models worth a name.
    Catalog,
}

/// One id.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub id: String,
    pub name: String,
    /// A day or a time, as ISO 8601 has it; empty where it is not known.
    pub created: String,
    pub owner: String,
    /// The id that Bedrock is asked for.
    pub target: String,
    /// The id by which card and prices are found.
    pub model: String,
    pub charge: Charge,
}

// === impl Source ===

impl Source {
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Account => "account",
            Source::Catalog => "catalog",
        }
    }
}

// === impl Shelf ===

impl Shelf {
    /// What the catalog lists.
    pub fn of_catalog(catalog: &'static Catalog, pricing: Arc<Pricing>) -> Self {
        let entries = catalog.listed().iter().flat_map(|model| {
            let ids = [Some(&model.id), model.alias.as_ref()].into_iter().flatten();
            ids.map(|id| Entry {
                id: id.clone(),
                name: model.name.clone(),
                created: model.created.clone(),
                owner: model.owner.clone(),
                target: model.id.clone(),
                model: model.id.clone(),
                charge: Charge::Use,
            })
        });
        Self { catalog, pricing, source: Source::Catalog, entries: entries.collect() }
    }

    /// These too, before all others, unless they are listed by the same id.
    pub(crate) fn with(mut self, own: Vec<Own>) -> Self {
        let mut first: Vec<Entry> = Vec::new();
        for Own { id, stands_for, owner } in own {
            if first.iter().chain(&self.entries).any(|entry| entry.id == id) {
                continue;
            }
            let built_in = alias::resolve(&stands_for).id;
            let known = self.entries.iter().find(|entry| {
                entry.id == stands_for || self.catalog.foundation_id(&entry.id) == built_in
            });
            let created = known.map(|known| known.created.clone()).unwrap_or_default();
            let owner = owner.or_else(|| known.map(|known| known.owner.clone()));
            let (target, model) = (built_in.to_string(), built_in.to_string());
            first.push(Entry {
                name: id.clone(),
                id,
                created,
                owner: owner.unwrap_or_else(|| "outcrop".to_owned()),
                target,
                model,
                charge: Charge::Use,
            });
        }
        first.append(&mut self.entries);
        Self { entries: first, ..self }
    }

    /// What an account lists.
    pub(crate) fn of_account(
        catalog: &'static Catalog,
        pricing: Arc<Pricing>,
        entries: Vec<Entry>,
    ) -> Self {
        Self { catalog, pricing, source: Source::Account, entries }
    }

    /// Without what a caller may not ask for.
    pub(crate) fn granted(mut self, grant: &Grant) -> Self {
        self.entries.retain(|entry| grant.check_model(&entry.id, &entry.target).is_ok());
        self
    }

    /// `GET /v1/models`
    ///
    /// # Errors
    /// When the page begins or ends at a model that is not listed.
    pub fn list(&self, page: &Page) -> Result<Value, Fault> {
        let all = &self.entries;
        let place = |id: &Option<String>, param: &'static str| match id {
            Some(id) => all.iter().position(|one| one.id == *id).map(Some).ok_or_else(|| {
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
        let data: Vec<Value> = shown.iter().map(|entry| self.item(entry)).collect();
        Ok(json!({
            "object": "list",
            "data": data,
            "has_more": size < whole.len(),
            "first_id": shown.first().map(|entry| &entry.id),
            "last_id": shown.last().map(|entry| &entry.id),
        }))
    }

    /// The ids of all, in order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.id.as_str())
    }

    /// `GET /v1/models/{id}`
    pub fn one(&self, id: &str) -> Option<Value> {
        Some(self.item(self.entries.iter().find(|entry| entry.id == id)?))
    }

    fn item(&self, entry: &Entry) -> Value {
        let Entry { id, name, created, owner, target: _, model, charge } = entry;
        let created = created.parse::<Timestamp>().ok().or_else(|| midnight(created));
        let created = created.unwrap_or_default();
        let mut item = json!({
            "id": id,
            "object": "model",
            "type": "model",
            "created": created.as_second(),
            "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "owned_by": owner,
            "display_name": name,
        });
        // Models that do not chat have no card.
        if self.catalog.is_known(model) {
            let card = self.catalog.card(model);
            if card.max_input_tokens > 0 {
                item["max_input_tokens"] = card.max_input_tokens.into();
            }
            if card.max_output_tokens > 0 {
                item["max_tokens"] = card.max_output_tokens.into();
            }
            item["capabilities"] = capabilities(card);
        }
        let prices = match charge {
            Charge::Use => self.pricing.listed(model),
            Charge::Other => None,
        };
        if let Some(prices) = prices {
            item["prices"] = prices;
        }
        item
    }
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

/// The beginning of a `YYYY-MM-DD` day, UTC.
fn midnight(day: &str) -> Option<Timestamp> {
    Some(day.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_model::{Prices, alias};

    fn pricing() -> Pricing {
        Pricing::new(Prices::built_in().clone(), Catalog::built_in(), "us-east-1")
    }

    fn list(page: &Page) -> Result<Value, Fault> {
        Shelf::of_catalog(Catalog::built_in(), Arc::new(pricing())).list(page)
    }

    fn one(id: &str) -> Option<Value> {
        Shelf::of_catalog(Catalog::built_in(), Arc::new(pricing())).one(id)
    }

    #[test]
    fn days_become_unix_time() {
        let second = |day: &str| midnight(day).map(Timestamp::as_second);
        assert_eq!(second("1970-01-01"), Some(0));
        assert_eq!(second("2024-03-07"), Some(1_709_769_600));
        assert_eq!(second(""), None);
    }

    #[test]
    fn the_list_serves_both_parsers() {
        let list = list(&Page::default()).unwrap();
        let first = &list["data"][0];
        for key in ["id", "object", "type", "created", "created_at", "owned_by", "display_name"] {
            assert!(!first[key].is_null(), "{key}");
        }
        assert!(one(list["last_id"].as_str().unwrap()).is_some());
        assert!(one("nope").is_none());
    }

    #[test]
    fn agents_find_claude_by_its_name() {
        for listed in Catalog::built_in().listed() {
            let Some(alias) = &listed.alias else { continue };
            let model = one(alias).unwrap();
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
        let whole = list(&Page::default()).unwrap();
        let mut ids = Vec::new();
        let mut page = Page { limit: Some(3), ..Page::default() };
        loop {
            let list = list(&page).unwrap();
            ids.extend(list["data"].as_array().unwrap().iter().map(|item| item["id"].clone()));
            if list["has_more"] == false {
                break;
            }
            page.after_id = list["last_id"].as_str().map(str::to_owned);
        }
        let all = whole["data"].as_array().unwrap();
        assert_eq!(ids, all.iter().map(|item| item["id"].clone()).collect::<Vec<_>>());
        let last = Page { limit: Some(1), before_id: page.after_id, after_id: None };
        assert_eq!(list(&last).unwrap()["has_more"], true);
        let lost = Page { after_id: Some("nope".to_owned()), ..Page::default() };
        let fault = list(&lost).unwrap_err();
        assert_eq!(fault.param.as_deref(), Some("after_id"));
    }

    #[test]
    fn a_chat_model_says_what_it_can_do() {
        let model = one("anthropic.claude-3-haiku-20240307-v1:0").unwrap();
        assert_eq!(
            (&model["max_tokens"], &model["max_input_tokens"]),
            (&json!(4096), &json!(200_000))
        );
        let can = &model["capabilities"];
        assert_eq!(
            (&can["image_input"]["supported"], &can["thinking"]["supported"]),
            (&json!(true), &json!(false))
        );
        let model = one("us.anthropic.claude-opus-4-8").unwrap();
        let can = &model["capabilities"];
        let cache = json!({"supported": true, "min_tokens": 1024, "ttls": ["5m", "1h"]});
        assert_eq!(can["prompt_cache"], cache);
        assert_eq!(can["thinking"]["types"]["adaptive"]["supported"], true);
        assert_eq!(can["effort"]["max"]["supported"], false);
        let embeds = one("amazon.titan-embed-text-v2:0").unwrap();
        assert!(embeds["capabilities"].is_null());
    }
}
