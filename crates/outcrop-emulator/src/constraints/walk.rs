//! The walk through a request, shape by shape.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::Violation;
use super::table::{self, Kind, Operation, Shape};
use super::text;

pub(super) fn request(operation: &Operation, uri: &[(&str, &str)], body: &Value) -> Vec<Violation> {
    let Some(input) = table::get().shape(&operation.input) else {
        return Vec::new();
    };
    let mut walk = Walk { found: Vec::new() };
    walk.outside(input, uri);
    if operation.payload.is_some() {
        return walk.found;
    }
    match body {
        Value::Null => walk.members(input, &Map::new(), ""),
        Value::Object(members) => walk.members(input, members, ""),
        other => walk.found.push(text::wrong_type("", other, Kind::Structure)),
    }
    walk.found
}

struct Walk {
    found: Vec<Violation>,
}

// === impl Walk ===

impl Walk {
    /// Members of path, headers and query, all of which arrive as text.
    fn outside(&mut self, input: &Shape, uri: &[(&str, &str)]) {
        for (member, target) in input.members.iter().filter(|(name, _)| input.is_outside_body(name))
        {
            let given = uri.iter().find(|(name, _)| name == member);
            match given {
                None if input.required.contains(member) => self.found.push(text::missing(member)),
                None => {}
                Some((_, raw)) => self.value(target, &from_text(target, raw), member),
            }
        }
    }

    fn members(&mut self, shape: &Shape, given: &Map<String, Value>, path: &str) {
        for (member, target) in
            shape.members.iter().filter(|(name, _)| !shape.is_outside_body(name))
        {
            let path = join(path, member);
            match given.get(member).filter(|value| !value.is_null()) {
                None if shape.required.contains(member) => self.found.push(text::missing(&path)),
                None => {}
                Some(value) => self.value(target, value, &path),
            }
        }
    }

    fn value(&mut self, target: &str, value: &Value, path: &str) {
        let Some(shape) = table::get().shape(target).filter(|shape| !shape.document) else {
            return;
        };
        match (shape.kind, value) {
            (Kind::Structure, Value::Object(given)) => self.structure(shape, value, given, path),
            (Kind::List, Value::Array(items)) => self.list(shape, value, items, path),
            (Kind::Map, Value::Object(entries)) => self.map(shape, value, entries, path),
            _ => match broken(shape, value, path) {
                Ok(rules) => {
                    let violation = |rule: &String| text::constraint(path, value, shape, rule);
                    self.found.extend(rules.iter().map(violation));
                }
                Err(unreadable) => self.found.push(unreadable),
            },
        }
    }

    fn structure(&mut self, shape: &Shape, value: &Value, given: &Map<String, Value>, path: &str) {
        if shape.union {
            let chosen =
                shape.members.keys().filter(|name| given.get(*name).is_some_and(|v| !v.is_null()));
            if chosen.count() != 1 {
                self.found.push(text::constraint(path, value, shape, &text::one_of(shape)));
            }
        }
        self.members(shape, given, path);
    }

    fn list(&mut self, shape: &Shape, value: &Value, items: &[Value], path: &str) {
        self.size(shape, value, items.len(), path);
        let Some(target) = shape.member.as_deref() else {
            return;
        };
        if table::get().shape(target).is_some_and(Shape::is_scalar) {
            return self.scalars(shape, value, (target, items.iter()), (path, "Member"));
        }
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}.{}.member", index + 1);
            match item {
                Value::Null => self.found.push(text::missing(&path)),
                item => self.value(target, item, &path),
            }
        }
    }

    fn map(&mut self, shape: &Shape, value: &Value, entries: &Map<String, Value>, path: &str) {
        self.size(shape, value, entries.len(), path);
        if let Some(target) = shape.key.as_deref() {
            let keys: Vec<Value> = entries.keys().map(|key| Value::String(key.clone())).collect();
            self.scalars(shape, value, (target, keys.iter()), (path, "Map keys"));
        }
        let Some(target) = shape.value.as_deref() else {
            return;
        };
        if table::get().shape(target).is_some_and(Shape::is_scalar) {
            return self.scalars(shape, value, (target, entries.values()), (path, "Map value"));
        }
        for (key, entry) in entries {
            self.value(target, entry, &format!("{path}.{key}.member"));
        }
    }

    /// Single values inside a list or map: one violation for all, told at the container.
    fn scalars<'v>(
        &mut self,
        container: &Shape,
        whole: &Value,
        (target, values): (&str, impl Iterator<Item = &'v Value>),
        (path, subject): (&str, &str),
    ) {
        let Some(shape) = table::get().shape(target) else {
            return;
        };
        let mut any_broken = false;
        for value in values {
            match broken(shape, value, path) {
                Ok(rules) => any_broken |= !rules.is_empty(),
                Err(unreadable) => return self.found.push(unreadable),
            }
        }
        if any_broken {
            let rules = text::rules(shape).join(", ");
            let rule = format!("{subject} must satisfy constraint: [{rules}]");
            self.found.push(text::constraint(path, whole, container, &rule));
        }
    }

    fn size(&mut self, shape: &Shape, value: &Value, size: usize, path: &str) {
        let rules = out_of_bounds(shape, size as f64);
        self.found.extend(rules.iter().map(|rule| text::constraint(path, value, shape, rule)));
    }
}

fn join(path: &str, member: &str) -> String {
    if path.is_empty() { member.to_owned() } else { format!("{path}.{member}") }
}

/// A header or query text as the JSON it stands for; text that stands for none stays text and is
/// found to be of the wrong type.
fn from_text(target: &str, raw: &str) -> Value {
    let kind = table::get().shape(target).map(|shape| shape.kind);
    match kind {
        Some(Kind::Integer | Kind::Float | Kind::Boolean) => {
            serde_json::from_str(raw).unwrap_or_else(|_| Value::String(raw.to_owned()))
        }
        _ => Value::String(raw.to_owned()),
    }
}

/// The rules that a single value breaks, or the reason why it cannot be read at all.
fn broken(shape: &Shape, value: &Value, path: &str) -> Result<Vec<String>, Violation> {
    let wrong_type = || text::wrong_type(path, value, shape.kind);
    match (shape.kind, value) {
        (Kind::String, Value::String(string)) => Ok(broken_by_string(shape, string)),
        (Kind::Blob, Value::String(encoded)) => {
            let bytes = STANDARD.decode(encoded).map_err(|_| text::not_base64(path))?;
            Ok(out_of_bounds(shape, bytes.len() as f64))
        }
        (Kind::Boolean, Value::Bool(_)) => Ok(Vec::new()),
        (Kind::Integer | Kind::Float, Value::Number(number)) => {
            let number = number.as_f64().ok_or_else(wrong_type)?;
            if shape.kind == Kind::Integer && number.fract() != 0.0 {
                return Err(wrong_type());
            }
            Ok(out_of_bounds(shape, number))
        }
        (Kind::Timestamp, Value::String(moment)) => match moment.parse::<jiff::Timestamp>() {
            Ok(_) => Ok(Vec::new()),
            Err(_) => Err(wrong_type()),
        },
        _ => Err(wrong_type()),
    }
}

fn broken_by_string(shape: &Shape, string: &str) -> Vec<String> {
    let mut rules = out_of_bounds(shape, string.chars().count() as f64);
    if let Some(pattern) = shape.pattern.as_ref().filter(|pattern| !pattern.accepts(string)) {
        rules.push(text::expression(&pattern.source));
    }
    if !shape.values.is_empty() && !shape.values.iter().any(|known| known == string) {
        rules.push(text::value_set(&shape.values));
    }
    rules
}

fn out_of_bounds(shape: &Shape, size: f64) -> Vec<String> {
    let above = shape.max.filter(|max| size > *max).map(|max| text::most(shape, max));
    let below = shape.min.filter(|min| size < *min).map(|min| text::least(shape, min));
    above.into_iter().chain(below).collect()
}
