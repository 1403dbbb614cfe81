//! The model list, in one shape that OpenAI's and Anthropic's SDKs both parse.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use outcrop_model::Catalog;
use outcrop_model::catalog::Listed;
use serde_json::{Value, json};

/// `GET /v1/models`
pub fn list(catalog: &Catalog) -> Value {
    let data: Vec<Value> = catalog.listed().iter().map(item).collect();
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
    catalog.listed().iter().find(|m| m.id == id).map(item)
}

fn item(model: &Listed) -> Value {
    json!({
        "id": model.id,
        "object": "model",
        "type": "model",
        "created": unix_day(&model.created).unwrap_or_default(),
        "created_at": format!("{}T00:00:00Z", model.created),
        "owned_by": model.owner,
        "display_name": model.name,
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
}
