//! A value that a JSON schema would accept, for the arguments of invented tool calls.

use serde_json::{Map, Value, json};

/// Levels of nesting after which `null` is given: schemas may refer to themselves.
const DEEPEST: usize = 8;

pub(super) fn sample(schema: &Value) -> Value {
    match of(schema, schema, 0) {
        Value::Object(members) => Value::Object(members),
        _ => Value::Object(Map::new()),
    }
}

fn of(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth > DEEPEST {
        return Value::Null;
    }
    if let Some(target) = schema["$ref"].as_str() {
        let found = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return found.map_or(Value::Null, |found| of(found, root, depth + 1));
    }
    for fixed in [&schema["const"], &schema["default"], &schema["enum"][0], &schema["examples"][0]]
    {
        if !fixed.is_null() {
            return fixed.clone();
        }
    }
    for union in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema[union].get(0) {
            return of(first, root, depth + 1);
        }
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("string") => Value::from("text"),
        Some("integer") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("number") => schema.get("minimum").cloned().unwrap_or(json!(1.5)),
        Some("boolean") => Value::from(true),
        Some("array") => json!([of(&schema["items"], root, depth + 1)]),
        Some("object") => object(schema, root, depth),
        _ if schema["properties"].is_object() => object(schema, root, depth),
        _ => Value::Null,
    }
}

fn object(schema: &Value, root: &Value, depth: usize) -> Value {
    let Some(properties) = schema["properties"].as_object() else {
        return json!({});
    };
    let members: Map<String, Value> = properties
        .iter()
        .map(|(name, property)| (name.clone(), of(property, root, depth + 1)))
        .collect();
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_follow_types_enums_and_references() {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"enum": ["c", "f"]},
                "days": {"type": ["integer", "null"], "minimum": 3},
                "where": {"$ref": "#/$defs/place"},
            },
            "$defs": {"place": {"type": "object", "properties": {"up": {"$ref": "#/$defs/place"}}}},
        });
        let sample = sample(&schema);
        assert_eq!(sample["city"], "text");
        assert_eq!(sample["unit"], "c");
        assert_eq!(sample["days"], 3);
        assert!(sample["where"]["up"].is_object());
        assert_eq!(super::sample(&json!({"type": "object"})), json!({}));
    }
}
