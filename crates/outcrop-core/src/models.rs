//! The model list, in one shape that OpenAI's and Anthropic's SDKs both parse.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use outcrop_model::catalog::{EffortStyle, Listed, ThinkingStyle};
use outcrop_model::{Card, Catalog};
use serde_json::{Value, json};

/// `GET /v1/models`
pub fn list(catalog: &Catalog) -> Value {
    let data: Vec<Value> = catalog.listed().iter().map(|model| item(catalog, model)).collect();
    let id = |model: Option<&Listed>| model.map(|m| m.id.clone());
    json!({
        "object": "list",
        "data": data,
        "has_more": false,
        "first_id": id(catalog.listed().first()),
        "last_id": id(catalog.listed().last()),
    })
}

/// `GET /v1/models/{id}`
pub fn one(catalog: &Catalog, id: &str) -> Option<Value> {
    catalog.listed().iter().find(|m| m.id == id).map(|model| item(catalog, model))
}

fn item(catalog: &Catalog, model: &Listed) -> Value {
    let mut item = json!({
        "id": model.id,
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
        if card.max_output_tokens > 0 {
            item["max_tokens"] = card.max_output_tokens.into();
        }
        item["capabilities"] = capabilities(card);
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

    #[test]
    fn days_become_unix_time() {
        assert_eq!(unix_day("1970-01-01"), Some(0));
        assert_eq!(unix_day("2024-03-07"), Some(1_709_769_600));
    }

    #[test]
    fn the_list_serves_both_parsers() {
        let list = list(Catalog::built_in());
        let first = &list["data"][0];
        for key in ["id", "object", "type", "created", "created_at", "owned_by", "display_name"] {
            assert!(!first[key].is_null(), "{key}");
        }
        assert!(one(Catalog::built_in(), list["last_id"].as_str().unwrap()).is_some());
        assert!(one(Catalog::built_in(), "nope").is_none());
    }

    #[test]
    fn a_chat_model_says_what_it_can_do() {
        let model = one(Catalog::built_in(), "anthropic.claude-3-haiku-20240307-v1:0").unwrap();
        assert_eq!(model["max_tokens"], 4096);
        let can = &model["capabilities"];
        assert_eq!(
            (&can["image_input"]["supported"], &can["thinking"]["supported"]),
            (&json!(true), &json!(false))
        );
        let model = one(Catalog::built_in(), "us.anthropic.claude-opus-4-8").unwrap();
        let can = &model["capabilities"];
        let cache = json!({"supported": true, "min_tokens": 1024, "ttls": ["5m", "1h"]});
        assert_eq!(can["prompt_cache"], cache);
        assert_eq!(can["thinking"]["types"]["adaptive"]["supported"], true);
        assert_eq!(can["effort"]["max"]["supported"], false);
        let embeds = one(Catalog::built_in(), "amazon.titan-embed-text-v2:0").unwrap();
        assert!(embeds["capabilities"].is_null());
    }
}
