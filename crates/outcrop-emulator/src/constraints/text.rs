//! The sentences of AWS's validation layer.

use serde_json::Value;

use super::table::{Kind, Shape};
use super::{Violation, ViolationKind};

/// Longest value that is quoted in full.
const QUOTED_CHARS: usize = 100;

pub(super) const NOT_NULL: &str = "Member must not be null";

/// `Value '99' at 'messages.1.member.role' failed to satisfy constraint: …`.
pub(super) fn constraint(path: &str, value: &Value, shape: &Shape, rule: &str) -> Violation {
    Violation {
        path: path.to_owned(),
        message: format!(
            "{} at '{path}' failed to satisfy constraint: {rule}",
            quoted(value, shape.sensitive)
        ),
        kind: ViolationKind::Constraint,
    }
}

pub(super) fn missing(path: &str) -> Violation {
    Violation {
        path: path.to_owned(),
        message: format!("Value null at '{path}' failed to satisfy constraint: {NOT_NULL}"),
        kind: ViolationKind::Constraint,
    }
}

/// A value of another JSON type than the member's.
pub(super) fn wrong_type(path: &str, value: &Value, kind: Kind) -> Violation {
    let message = match (value, kind) {
        (Value::Array(_), _) => "Start of list found where not expected".to_owned(),
        (Value::Object(_), _) => "Start of structure or map found where not expected.".to_owned(),
        (_, Kind::List) => "Expected list or null".to_owned(),
        (_, Kind::Map | Kind::Structure) => "Expected map or null".to_owned(),
        (scalar, kind) => format!("{} can not be converted to {}", token(scalar), class(kind)),
    };
    Violation { path: path.to_owned(), message, kind: ViolationKind::Serialization }
}

pub(super) fn not_base64(path: &str) -> Violation {
    Violation {
        path: path.to_owned(),
        message: format!("Unable to decode the base64 value at '{path}'"),
        kind: ViolationKind::Serialization,
    }
}

/// The scalar's rules, all of them, as AWS lists them for members of lists and maps.
pub(super) fn rules(shape: &Shape) -> Vec<String> {
    let bounds = [shape.max.map(|max| most(shape, max)), shape.min.map(|min| least(shape, min))];
    let pattern = shape.pattern.as_ref().map(|pattern| expression(&pattern.source));
    let set = (!shape.values.is_empty()).then(|| value_set(&shape.values));
    bounds.into_iter().flatten().chain(pattern).chain(set).collect()
}

pub(super) fn most(shape: &Shape, max: f64) -> String {
    format!("Member must have {} less than or equal to {max}", measure(shape))
}

pub(super) fn least(shape: &Shape, min: f64) -> String {
    format!("Member must have {} greater than or equal to {min}", measure(shape))
}

fn measure(shape: &Shape) -> &'static str {
    match shape.kind {
        Kind::Integer | Kind::Float => "value",
        Kind::Structure
        | Kind::List
        | Kind::Map
        | Kind::String
        | Kind::Blob
        | Kind::Boolean
        | Kind::Timestamp => "length",
    }
}

pub(super) fn expression(pattern: &str) -> String {
    format!("Member must satisfy regular expression pattern: {pattern}")
}

pub(super) fn value_set(values: &[String]) -> String {
    format!("Member must satisfy enum value set: [{}]", values.join(", "))
}

pub(super) fn one_of(shape: &Shape) -> String {
    let members: Vec<&str> = shape.members.keys().map(String::as_str).collect();
    format!("Member must have exactly one non-null member of [{}]", members.join(", "))
}

fn quoted(value: &Value, sensitive: bool) -> String {
    if sensitive {
        return "Value".to_owned();
    }
    let text = match value {
        Value::Null => return "Value null".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(QUOTED_CHARS) {
        None => format!("Value '{text}'"),
        Some((end, _)) => format!("Value '{}...'", &text[..end]),
    }
}

fn token(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(number) if number.is_f64() => "DECIMAL_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "a String",
        Kind::Blob => "a Blob",
        Kind::Boolean => "a Boolean",
        Kind::Integer => "an Integer",
        Kind::Float => "a Float",
        Kind::Timestamp => "a Timestamp",
        Kind::List => "a List",
        Kind::Map => "a Map",
        Kind::Structure => "a Structure",
    }
}
