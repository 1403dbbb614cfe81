//! A value that a JSON schema accepts: invented arguments of tools, and structured answers.
//!
//! Bounds, lengths, counts and formats are kept; a pattern is not, nor what several keywords ask of one
//! value together.

use serde_json::{Map, Value, json};

/// Levels of nesting after which `null` is given: schemas may refer to themselves.
const DEEPEST: usize = 8;
const MOST_ITEMS: u64 = 8;
const LONGEST_TEXT: usize = 1000;
/// A text of each format.
const FORMATS: [(&str, &str); 10] = [
    ("date", "2026-01-31"),
    ("date-time", "2026-01-31T12:00:00Z"),
    ("duration", "P1D"),
    ("email", "someone@example.com"),
    ("hostname", "example.com"),
    ("ipv4", "192.0.2.1"),
    ("ipv6", "2001:db8::1"),
    ("time", "12:00:00Z"),
    ("uri", "https://example.com/"),
    ("uuid", "00000000-0000-4000-8000-000000000000"),
];

/// For the input of a tool, which is an object whatever the schema says.
pub(super) fn sample(schema: &Value) -> Value {
    match instance(schema) {
        Value::Object(members) => Value::Object(members),
        _ => Value::Object(Map::new()),
    }
}

/// For a whole answer.
pub(super) fn instance(schema: &Value) -> Value {
    of(schema, schema, 0)
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
        Some("string") => Value::from(text(schema)),
        Some("integer") => number(schema, 1.0, 1.0),
        Some("number") => number(schema, 1.5, 0.5),
        Some("boolean") => Value::from(true),
        Some("array") => {
            let least = schema["minItems"].as_u64().unwrap_or(1).clamp(1, MOST_ITEMS);
            let count = least.min(schema["maxItems"].as_u64().unwrap_or(least));
            (0..count).map(|_| of(&schema["items"], root, depth + 1)).collect()
        }
        Some("object") => object(schema, root, depth),
        _ if schema["properties"].is_object() => object(schema, root, depth),
        _ => Value::Null,
    }
}

fn text(schema: &Value) -> String {
    let formatted = schema["format"]
        .as_str()
        .and_then(|format| FORMATS.iter().find(|(name, _)| *name == format).map(|(_, text)| *text));
    if let Some(formatted) = formatted {
        return formatted.to_owned();
    }
    let size = |key: &str| schema[key].as_u64().and_then(|n| usize::try_from(n).ok());
    let least = size("minLength").unwrap_or_default().min(LONGEST_TEXT);
    let mut text = "text".to_owned();
    while text.len() < least {
        text.push('x');
    }
    text.truncate(size("maxLength").unwrap_or(usize::MAX));
    text
}

/// The usual value if it is within the bounds, else the one next to the bound.
fn number(schema: &Value, usual: f64, step: f64) -> Value {
    let bound = |key: &str| schema[key].as_f64();
    let least = bound("minimum").or(bound("exclusiveMinimum").map(|n| n + step));
    let most = bound("maximum").or(bound("exclusiveMaximum").map(|n| n - step));
    let within = usual.max(least.unwrap_or(usual)).min(most.unwrap_or(f64::MAX));
    let step = bound("multipleOf").filter(|of| *of > 0.0);
    let value = step.map_or(within, |of| (within / of).ceil() * of);
    match value.fract() == 0.0 && value.abs() < 1e15 {
        true => json!(value as i64),
        false => json!(value),
    }
}

fn object(schema: &Value, root: &Value, depth: usize) -> Value {
    let Some(properties) = schema["properties"].as_object() else {
        return match &schema["additionalProperties"] {
            any @ Value::Object(_) => json!({"key": of(any, root, depth + 1)}),
            _ => json!({}),
        };
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

    #[test]
    fn instances_keep_within_bounds() {
        for (schema, value) in [
            (json!({"type": "string", "minLength": 6}), json!("textxx")),
            (json!({"type": "string", "maxLength": 2}), json!("te")),
            (json!({"type": "string", "format": "date"}), json!("2026-01-31")),
            (json!({"type": "integer", "exclusiveMinimum": 4}), json!(5)),
            (json!({"type": "integer", "maximum": -2}), json!(-2)),
            (json!({"type": "number", "multipleOf": 0.25}), json!(1.5)),
            (
                json!({"type": "array", "items": {"type": "boolean"}, "minItems": 2}),
                json!([true, true]),
            ),
            (json!({"type": "array", "items": {}, "maxItems": 0}), json!([])),
            (json!({"type": "object", "additionalProperties": {"const": 1}}), json!({"key": 1})),
        ] {
            assert_eq!(instance(&schema), value, "{schema}");
        }
    }
}
