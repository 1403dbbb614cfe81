//! Schemas of tools, in the part of JSON Schema that the model takes.
//!
//! A tool whose schema is to be enforced (`strict`) is held to the grammar, or is no longer strict;
//! every other loses what its model refuses: references, look-around, unions at its root.

use std::borrow::Cow;

use outcrop_model::chat::Tool;
use outcrop_model::json::Json;
use outcrop_model::{Card, Ledger};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::grammar::{describe, enforceable};
use super::inline::{Holds, IN_PLACE, Inlined, below, holds, inline, nth};

const LOOKS_AROUND: [&str; 4] = ["(?=", "(?!", "(?<=", "(?<!"];

/// Brings a tool's schema into a form that the model takes; `member` is where it stands in the tool.
pub(crate) fn fit(tool: &mut Tool<'_>, card: &Card, member: &str, ledger: &mut Ledger) {
    let Some(schema) = tool.schema.as_ref() else { return };
    let at = tool.at.key(member);
    if tool.strict == Some(true) {
        match enforceable(&with_properties(schema.get()), &card.grammar) {
            Ok((_, changes)) if changes.is_empty() => return,
            Ok((enforced, changes)) => {
                changes
                    .into_iter()
                    .for_each(|(below, what)| ledger.approximated(at.clone() + &below, what));
                tool.schema = written(&enforced);
                return;
            }
            Err(why) => {
                ledger.approximated(
                    tool.at.key("strict"),
                    format!("the schema is not enforced: {why}"),
                );
                tool.strict = None;
            }
        }
    }
    if !suspicious(schema.get(), card) {
        return;
    }
    if let Some(changed) = changed(schema.get(), card, &at, ledger) {
        tool.schema = Some(changed);
    }
}

/// A tool without properties takes none: its input is no object of free keys.
fn with_properties(raw: &str) -> Cow<'_, str> {
    if raw.contains("\"properties\"") {
        return Cow::Borrowed(raw);
    }
    let Ok(Value::Object(mut root)) = serde_json::from_str::<Value>(raw) else {
        return Cow::Borrowed(raw);
    };
    if ["additionalProperties", "patternProperties", "$ref"]
        .iter()
        .all(|key| !root.contains_key(*key))
    {
        root.insert("properties".to_owned(), Value::Object(Map::new()));
    }
    Cow::Owned(Value::Object(root).to_string())
}

/// A cheap look at whether there may be something to change.
fn suspicious(schema: &str, card: &Card) -> bool {
    (!card.schema_refs && schema.contains("\"$ref\""))
        || (!card.schema_look_around && LOOKS_AROUND.iter().any(|group| schema.contains(group)))
        || card.schema_root_refuses.iter().any(|key| schema.contains(key.as_str()))
        || !(schema.starts_with(r#"{"type":"object""#)
            || schema.starts_with(r#"{"type": "object""#))
}

fn changed<'a>(raw: &str, card: &Card, at: &str, ledger: &mut Ledger) -> Option<Json<'a>> {
    // Too deep to be read here: the model's side says what is wrong with it.
    let original: Value = serde_json::from_str(raw).ok()?;
    let mut schema = match card.schema_refs {
        true => original.clone(),
        false => match inline(raw) {
            Ok(Inlined { schema, referred, opened }) => {
                if referred {
                    ledger.approximated(at, IN_PLACE);
                }
                opened
                    .into_iter()
                    .for_each(|(below, why)| ledger.approximated(format!("{at}{below}"), why));
                schema
            }
            Err(why) => {
                ledger.approximated(at, format!("left open: {why}"));
                serde_json::json!({"type": "object", "properties": {}})
            }
        },
    };
    if !card.schema_look_around {
        look_ahead_no_more(&mut schema, &mut at.to_owned(), ledger);
    }
    if let Value::Object(root) = &mut schema {
        fit_root(root, card, at, ledger);
    }
    (schema != original).then(|| written(&schema)).flatten()
}

/// The root is an object, and no union.
fn fit_root(root: &mut Map<String, Value>, card: &Card, at: &str, ledger: &mut Ledger) {
    for keyword in &card.schema_root_refuses {
        if let Some(value) = root.shift_remove(keyword) {
            describe(root, &format!("{keyword}: {value}"));
            let why = "moved into the description: the root of a tool's schema takes none";
            ledger.approximated(format!("{at}.{keyword}"), why);
        }
    }
    match root.get("type") {
        Some(Value::String(word)) if word == "object" => {}
        Some(word) => {
            ledger.approximated(
                format!("{at}.type"),
                format!("{word} sent as \"object\", which a tool's input is"),
            );
            root.insert("type".to_owned(), Value::from("object"));
        }
        // Written first by the encoder.
        None => {}
    }
}

/// Moves patterns that look around into the description of their place.
fn look_ahead_no_more(node: &mut Value, at: &mut String, ledger: &mut Ledger) {
    let Value::Object(members) = node else { return };
    let looks =
        |p: &Value| p.as_str().is_some_and(|p| LOOKS_AROUND.iter().any(|group| p.contains(group)));
    if members.get("pattern").is_some_and(looks)
        && let Some(pattern) = members.shift_remove("pattern")
    {
        describe(members, &format!("pattern: {pattern}"));
        let why = "moved into the description: this model takes no pattern that looks around";
        ledger.approximated(format!("{at}.pattern"), why);
    }
    for (keyword, value) in members {
        match (holds(keyword, value), &mut *value) {
            (Holds::Schema, value) => {
                below(at, keyword, |at| look_ahead_no_more(value, at, ledger))
            }
            (Holds::Schemas, Value::Array(list)) => below(at, keyword, |at| {
                for (i, one) in list.iter_mut().enumerate() {
                    nth(at, i, |at| look_ahead_no_more(one, at, ledger));
                }
            }),
            (Holds::Named, Value::Object(named)) => below(at, keyword, |at| {
                for (name, one) in named {
                    below(at, name, |at| look_ahead_no_more(one, at, ledger));
                }
            }),
            (Holds::Schemas | Holds::Named | Holds::Data, _) => {}
        }
    }
}

/// A schema as raw JSON.
pub(crate) fn written<'a>(schema: &Value) -> Option<Json<'a>> {
    RawValue::from_string(schema.to_string()).ok().map(Cow::Owned)
}
