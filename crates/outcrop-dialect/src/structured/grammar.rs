//! A schema as the model's side compiles it to a grammar.
//!
//! 1. What the grammar refuses and can be said in words is moved into the `description` of its place;
//!    objects are closed, `oneOf` becomes `anyOf`. Each change is told.
//! 2. A schema that would come to mean something else (maps of free keys, `allOf`, references to
//!    itself) or that is too large for the grammar is not enforceable, and that is told.
//!
//! Expects a schema without references (`inline`). Which keywords are refused is the catalog's to say.

use outcrop_model::catalog::Grammar;
use serde_json::{Map, Value};

use super::inline::{Holds, IN_PLACE, Inlined, below, holds, inline, nth};

/// One change: the place below the schema's root, and what was done.
pub(crate) type Change = (String, String);

/// Members that say nothing about a value.
const SILENT: [&str; 5] = ["$schema", "$id", "$comment", "$anchor", "$vocabulary"];

/// The schema as it can be enforced, with what was changed; or why it cannot be.
pub(crate) fn enforceable(raw: &str, grammar: &Grammar) -> Result<(Value, Vec<Change>), String> {
    let Inlined { mut schema, referred, opened } = inline(raw)?;
    if let Some((at, why)) = opened.first() {
        return Err(format!("{} {why}", place(at)));
    }
    let mut walk = Walk { grammar, changes: Vec::new(), unions: 0, optionals: 0 };
    if referred {
        walk.note("", IN_PLACE);
    }
    walk.schema(&mut schema, &mut String::new())?;
    let Walk { changes, unions, optionals, .. } = walk;
    for (what, found, most) in
        [("unions", unions, grammar.unions), ("optional properties", optionals, grammar.optionals)]
    {
        if found > most {
            return Err(format!(
                "it has {found} {what}, more than the {most} that can be enforced"
            ));
        }
    }
    Ok((schema, changes))
}

struct Walk<'g> {
    grammar: &'g Grammar,
    changes: Vec<Change>,
    unions: usize,
    optionals: usize,
}

// === impl Walk ===

impl Walk<'_> {
    fn schema(&mut self, node: &mut Value, at: &mut String) -> Result<(), String> {
        let Value::Object(members) = node else {
            return Err(format!("{} takes anything or nothing", place(at)));
        };
        SILENT.iter().for_each(|key| drop(members.shift_remove(*key)));
        self.unite(members, at)?;
        self.describe_refused(members, at);
        let unclear = |what: &str| Err(format!("{} {what}", place(at)));
        if members.contains_key("allOf") {
            return unclear("combines several schemas (`allOf`)");
        }
        let values = members.get("enum").and_then(Value::as_array);
        if values.is_some_and(|list| list.iter().any(|one| one.is_object() || one.is_array())) {
            return unclear("lists objects or lists as its values (`enum`)");
        }
        if is_object(members) {
            match members.get("additionalProperties") {
                Some(Value::Bool(false)) => {}
                None | Some(Value::Bool(true)) if members.contains_key("properties") => {
                    self.note(at, "closed: no other properties can be enforced");
                    members.insert("additionalProperties".to_owned(), Value::Bool(false));
                }
                Some(_) | None => return unclear("is an object of free keys"),
            }
            self.optionals += optionals(members);
        }
        self.children(members, at)
    }

    fn children(
        &mut self,
        members: &mut Map<String, Value>,
        at: &mut String,
    ) -> Result<(), String> {
        for (keyword, value) in members {
            match (holds(keyword, value), &mut *value) {
                (Holds::Schema, value) => below(at, keyword, |at| self.schema(value, at))?,
                (Holds::Schemas, Value::Array(list)) => {
                    below(at, keyword, |at| {
                        let mut list = list.iter_mut().enumerate();
                        list.try_for_each(|(i, one)| nth(at, i, |at| self.schema(one, at)))
                    })?;
                }
                (Holds::Named, Value::Object(named)) => {
                    below(at, keyword, |at| {
                        let mut named = named.iter_mut();
                        named.try_for_each(|(name, one)| below(at, name, |at| self.schema(one, at)))
                    })?;
                }
                (Holds::Schemas | Holds::Named | Holds::Data, _) => {}
            }
        }
        Ok(())
    }

    fn unite(&mut self, members: &mut Map<String, Value>, at: &mut String) -> Result<(), String> {
        if let Some(shapes) = members.shift_remove("oneOf") {
            if members.contains_key("anyOf") {
                return Err(format!("{} has anyOf and oneOf", place(at)));
            }
            members.insert("anyOf".to_owned(), shapes);
            below(at, "oneOf", |at| self.note(at, "sent as anyOf"));
        }
        let types = members.get("type").and_then(Value::as_array).map_or(0, Vec::len);
        self.unions += usize::from(members.contains_key("anyOf") || types > 1);
        Ok(())
    }

    /// Says in words what the grammar refuses.
    fn describe_refused(&mut self, members: &mut Map<String, Value>, at: &mut String) {
        let refused: Vec<String> = members
            .iter()
            .filter(|(keyword, value)| self.refuses(keyword, value))
            .map(|(keyword, _)| keyword.clone())
            .collect();
        let mut words = Vec::new();
        for keyword in refused {
            let Some(value) = members.shift_remove(&keyword) else { continue };
            below(at, &keyword, |at| self.note(at, "moved into the description: not enforced"));
            words.push(format!("{keyword}: {value}"));
        }
        if words.is_empty() {
            return;
        }
        describe(members, &words.join(", "));
    }

    fn refuses(&self, keyword: &str, value: &Value) -> bool {
        match keyword {
            "format" => {
                !value.as_str().is_some_and(|f| self.grammar.formats.iter().any(|k| k == f))
            }
            "minItems" => value.as_u64().is_none_or(|n| n > self.grammar.min_items),
            _ => self.grammar.refuses.iter().any(|refused| refused == keyword),
        }
    }

    fn note(&mut self, at: &str, what: &str) {
        self.changes.push((at.to_owned(), what.to_owned()));
    }
}

/// A place below the root, in words.
fn place(at: &str) -> String {
    match at.strip_prefix('.') {
        Some(path) => format!("`{path}`"),
        None => "its root".to_owned(),
    }
}

/// Adds words to a schema's description.
pub(super) fn describe(members: &mut Map<String, Value>, words: &str) {
    let described = match members.get("description").and_then(Value::as_str) {
        Some(text) if !text.trim().is_empty() => format!("{text} ({words})"),
        Some(_) | None => words.to_owned(),
    };
    members.insert("description".to_owned(), Value::String(described));
}

pub(super) fn is_object(members: &Map<String, Value>) -> bool {
    match members.get("type") {
        Some(Value::String(word)) => word == "object",
        Some(Value::Array(words)) => words.iter().any(|word| word == "object"),
        Some(_) | None => members.contains_key("properties"),
    }
}

fn optionals(members: &Map<String, Value>) -> usize {
    let required = members.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let properties = members.get("properties").and_then(Value::as_object);
    properties
        .map_or(0, |all| all.keys().filter(|name| !required.iter().any(|r| r == *name)).count())
}

#[cfg(test)]
mod tests {
    use outcrop_model::Catalog;
    use serde_json::json;

    use super::*;

    fn enforced(schema: Value) -> Result<(Value, Vec<String>), String> {
        let card = Catalog::built_in().card("anthropic.claude-sonnet-4-5-20250929-v1:0");
        let (schema, changes) = enforceable(&schema.to_string(), &card.grammar)?;
        Ok((schema, changes.into_iter().map(|(at, _)| at).collect()))
    }

    #[test]
    fn what_the_grammar_refuses_is_said_in_words() {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": {
                "age": {"type": "integer", "minimum": 0, "maximum": 9, "description": "In years"},
                "mail": {"type": "string", "format": "email", "pattern": "@"},
                "tags": {"type": "array", "items": {"type": "string", "format": "color"}, "minItems": 1},
                "pet": {"oneOf": [{"type": "string"}, {"type": "null"}]},
            },
            "required": ["age", "mail", "tags", "pet"],
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "age": {"type": "integer", "description": "In years (minimum: 0, maximum: 9)"},
                "mail": {"type": "string", "format": "email", "description": "pattern: \"@\""},
                "tags": {"type": "array", "items": {"type": "string", "description": "format: \"color\""}, "minItems": 1},
                "pet": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            },
            "required": ["age", "mail", "tags", "pet"],
            "additionalProperties": false,
        });
        let (schema, changes) = enforced(schema).unwrap();
        assert_eq!(schema, expected);
        assert_eq!(
            changes,
            [
                "",
                ".properties.age.minimum",
                ".properties.age.maximum",
                ".properties.mail.pattern",
                ".properties.tags.items.format",
                ".properties.pet.oneOf"
            ]
        );
    }

    #[test]
    fn a_schema_that_would_mean_something_else_is_not_enforceable() {
        for (schema, why) in [
            (json!({"type": "object", "additionalProperties": {"type": "string"}}), "free keys"),
            (json!({"type": "object"}), "free keys"),
            (json!({"allOf": [{"type": "string"}, {"enum": ["a"]}]}), "allOf"),
            (json!({"enum": [{"a": 1}]}), "enum"),
            (json!({"type": "array", "items": true}), "items"),
            (json!({"type": "object", "properties": {"next": {"$ref": "#"}}}), "refers to itself"),
        ] {
            let said = enforced(schema.clone()).map(|_| schema).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn unions_and_optional_properties_are_counted() {
        let with = |n: usize, one: Value, required: bool| {
            let names: Vec<String> = (0..n).map(|i| format!("p{i}")).collect();
            let properties: Map<String, Value> =
                names.iter().map(|p| (p.clone(), one.clone())).collect();
            let required = if required { names } else { Vec::new() };
            enforced(json!({"type": "object", "properties": properties, "required": required}))
        };
        assert!(with(24, json!({"type": "string"}), false).is_ok());
        assert!(with(25, json!({"type": "string"}), false).unwrap_err().contains("25 optional"));
        let union = json!({"type": ["string", "null"]});
        assert!(with(16, union.clone(), true).is_ok());
        assert!(with(17, union, true).unwrap_err().contains("17 unions"));
    }
}
