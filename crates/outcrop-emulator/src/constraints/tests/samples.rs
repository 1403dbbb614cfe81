//! Requests made from the table itself: valid ones, and for each constraint one that breaks it alone.

use serde_json::{Map, Value, json};

use crate::constraints::table::{Kind, Operation, Shape, get};
use crate::constraints::text;

/// Sizes above this are not tried: the request would be tens of megabytes.
pub(super) const LARGEST_TRIED: f64 = 100_000.0;

/// Texts of which one fits each pattern of the table.
const TEXTS: [&str; 13] = [
    "a",
    "1",
    "123456789012",
    "anthropic.claude-v2",
    "s3://bucket/key",
    "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abcdefghijkl",
    "arn:aws:bedrock:us-east-1:123456789012:guardrail/abc",
    "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "ABCDEFGHIJ",
    "arn:aws:bedrock:us-east-1:123456789012:custom-model/a.bc/abcdefghijkl",
    "arn:aws:bedrock:us-east-1::foundation-model/a.b",
    "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/a",
];

pub(super) type Members = Vec<(&'static str, String)>;

/// A request that breaks one rule, at `path`.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) uri: Members,
    pub(super) body: Value,
    pub(super) path: String,
    pub(super) rule: String,
}

/// A value that breaks one rule of its shape, at `path` below it.
struct Bad {
    value: Value,
    path: String,
    rule: String,
}

/// The least request, and one with each optional member of the body in turn.
pub(super) fn valid(operation: &'static Operation) -> Vec<(Members, Value)> {
    let input = input(operation);
    let least = sample_structure(input);
    let bodies =
        body_members(operation).map(|(member, target)| with(&least, member, sample(target)));
    let mut bodies: Vec<Value> = bodies.collect();
    bodies.push(least.clone());
    bodies.into_iter().map(|body| (sample_uri(operation), body)).collect()
}

pub(super) fn violating(operation: &'static Operation) -> Vec<Case> {
    let least = sample_structure(input(operation));
    let mut cases = Vec::new();
    for (member, target) in body_members(operation) {
        for bad in broken(target, &mut Vec::new()) {
            let path = format!("{member}{}", bad.path);
            let body = with(&least, member, bad.value);
            cases.push(Case { uri: sample_uri(operation), body, path, rule: bad.rule });
        }
        if input(operation).required.iter().any(|name| name == member) {
            let body = without(&least, member);
            let (path, rule) = (member.to_owned(), text::NOT_NULL.to_owned());
            cases.push(Case { uri: sample_uri(operation), body, path, rule });
        }
    }
    cases.extend(violating_uri(operation, &least));
    cases
}

fn violating_uri(operation: &'static Operation, body: &Value) -> Vec<Case> {
    let mut cases = Vec::new();
    for binding in operation.bindings() {
        let member = binding.member;
        let others: Members =
            sample_uri(operation).into_iter().filter(|(name, _)| *name != member).collect();
        if input(operation).required.iter().any(|name| name == member) {
            let (path, rule) = (member.to_owned(), text::NOT_NULL.to_owned());
            cases.push(Case { uri: others.clone(), body: body.clone(), path, rule });
        }
        let target = &input(operation).members[member];
        let is_text = sample(target).is_string();
        let bad = broken(target, &mut Vec::new());
        for bad in bad.into_iter().filter(|bad| bad.value.is_string() || !is_text) {
            let text = bad.value.as_str().map_or_else(|| bad.value.to_string(), str::to_owned);
            let uri = others.iter().cloned().chain([(member, text)]).collect();
            let (path, body) = (member.to_owned(), body.clone());
            cases.push(Case { uri, body, path, rule: bad.rule });
        }
    }
    cases
}

fn input(operation: &Operation) -> &'static Shape {
    get().shape(&operation.input).unwrap()
}

fn body_members(
    operation: &'static Operation,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let outside: Vec<&str> = operation.bindings().iter().map(|binding| binding.member).collect();
    input(operation)
        .members
        .iter()
        .map(|(member, target)| (member.as_str(), target.as_str()))
        .filter(move |(member, _)| operation.payload.is_none() && !outside.contains(member))
}

fn sample_uri(operation: &'static Operation) -> Members {
    let value = |member: &str| sample(&input(operation).members[member]);
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    operation.bindings().iter().map(|b| (b.member, text(value(b.member)))).collect()
}

fn with(body: &Value, member: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[member] = value;
    body
}

fn without(body: &Value, member: &str) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().remove(member);
    body
}

// === valid values ===

fn sample(target: &str) -> Value {
    let shape = get().shape(target).unwrap();
    let least = shape.min.unwrap_or(0.0);
    match shape.kind {
        _ if shape.document => json!({"free": [1]}),
        Kind::Structure => sample_structure(shape),
        Kind::List => {
            let item = sample(shape.member.as_deref().unwrap());
            Value::Array(vec![item; least as usize])
        }
        Kind::Map => sample_map(shape, least.max(1.0) as usize),
        Kind::String => json!(sample_text(shape)),
        Kind::Blob => json!("YQ=="),
        Kind::Boolean => json!(true),
        Kind::Integer => json!(least.max(1.0) as i64),
        Kind::Float => json!(least),
        Kind::Timestamp => json!("2026-11-21T00:00:00Z"),
    }
}

/// Required members; for a union, its first.
fn sample_structure(shape: &Shape) -> Value {
    let chosen = |(position, name): (usize, &String)| match shape.union {
        true => position == 0,
        false => shape.required.contains(name) && !shape.is_outside_body(name),
    };
    let members = shape.members.iter().enumerate().filter(|(at, (name, _))| chosen((*at, name)));
    Value::Object(members.map(|(_, (name, target))| (name.clone(), sample(target))).collect())
}

fn sample_map(shape: &Shape, size: usize) -> Value {
    let value = sample(shape.value.as_deref().unwrap());
    Value::Object((0..size).map(|n| (format!("k{n}"), value.clone())).collect())
}

fn sample_text(shape: &Shape) -> String {
    if let Some(first) = shape.values.first() {
        return first.clone();
    }
    let fits = |text: &&&str| {
        let length = text.chars().count() as f64;
        shape.min.is_none_or(|min| length >= min)
            && shape.max.is_none_or(|max| length <= max)
            && shape.pattern.as_ref().is_none_or(|pattern| pattern.accepts(text))
    };
    let found = TEXTS.iter().find(fits);
    (*found.unwrap_or_else(|| panic!("no sample text for {shape:?}"))).to_owned()
}

// === broken values ===

fn broken(target: &'static str, above: &mut Vec<&'static str>) -> Vec<Bad> {
    let shape = get().shape(target).unwrap();
    if shape.document || above.contains(&target) {
        return Vec::new();
    }
    above.push(target);
    let mut bad = match shape.kind {
        Kind::Structure => broken_structure(shape, above),
        Kind::List => broken_list(shape, above),
        Kind::Map => broken_map(shape, above),
        Kind::String => broken_strings(shape),
        Kind::Blob => broken_blobs(shape),
        Kind::Integer | Kind::Float => broken_numbers(shape),
        Kind::Boolean | Kind::Timestamp => Vec::new(),
    };
    above.pop();
    bad.push(wrong_type(shape));
    bad
}

fn wrong_type(shape: &Shape) -> Bad {
    let value = match shape.kind {
        Kind::String | Kind::Blob | Kind::Timestamp => json!(5),
        Kind::Structure | Kind::List | Kind::Map | Kind::Boolean | Kind::Integer | Kind::Float => {
            json!("text")
        }
    };
    let rule = text::wrong_type("", &value, shape.kind).message;
    here(value, rule)
}

fn here(value: Value, rule: String) -> Bad {
    Bad { value, path: String::new(), rule }
}

fn broken_structure(shape: &'static Shape, above: &mut Vec<&'static str>) -> Vec<Bad> {
    let least = sample_structure(shape);
    let mut all = Vec::new();
    for (member, target) in &shape.members {
        let base = if shape.union { json!({}) } else { least.clone() };
        for bad in broken(target, above) {
            let path = format!(".{member}{}", bad.path);
            all.push(Bad { value: with(&base, member, bad.value), path, rule: bad.rule });
        }
    }
    for member in &shape.required {
        let (value, path) = (without(&least, member), format!(".{member}"));
        all.push(Bad { value, path, rule: text::NOT_NULL.to_owned() });
    }
    if shape.union {
        all.extend(broken_union(shape));
    }
    all
}

fn broken_union(shape: &Shape) -> Vec<Bad> {
    let two: Map<String, Value> =
        shape.members.iter().take(2).map(|(name, target)| (name.clone(), sample(target))).collect();
    let mut all = vec![json!({}), json!({"neverHeardOf": {}})];
    all.extend((two.len() == 2).then_some(Value::Object(two)));
    all.into_iter().map(|value| here(value, text::one_of(shape))).collect()
}

fn broken_list(shape: &'static Shape, above: &mut Vec<&'static str>) -> Vec<Bad> {
    let target = shape.member.as_deref().unwrap();
    let size = shape.min.unwrap_or(1.0).max(1.0) as usize;
    let scalar = get().shape(target).unwrap().is_scalar();
    let mut all = Vec::new();
    for bad in broken(target, above) {
        let mut items = vec![sample(target); size - 1];
        items.push(bad.value);
        let path = if scalar { String::new() } else { format!(".{size}.member{}", bad.path) };
        all.push(Bad { value: Value::Array(items), path, rule: bad.rule });
    }
    let sized = |size: f64| Value::Array(vec![sample(target); size as usize]);
    all.extend(broken_sizes(shape, &sized));
    all
}

fn broken_map(shape: &'static Shape, above: &mut Vec<&'static str>) -> Vec<Bad> {
    let (key, target) = (shape.key.as_deref().unwrap(), shape.value.as_deref().unwrap());
    let scalar = get().shape(target).unwrap().is_scalar();
    let mut all = Vec::new();
    for bad in broken(target, above) {
        let path = if scalar { String::new() } else { format!(".k.member{}", bad.path) };
        all.push(Bad { value: json!({"k": bad.value}), path, rule: bad.rule });
    }
    for bad in broken(key, above) {
        let Some(name) = bad.value.as_str() else { continue };
        let value = Value::Object([(name.to_owned(), sample(target))].into_iter().collect());
        all.push(here(value, bad.rule));
    }
    all.extend(broken_sizes(shape, &|size| match size as usize {
        0 => json!({}),
        size => sample_map(shape, size),
    }));
    all
}

fn broken_strings(shape: &Shape) -> Vec<Bad> {
    let mut all = broken_sizes(shape, &|size| json!("a".repeat(size as usize)));
    if let Some(pattern) = &shape.pattern {
        let length = shape.min.unwrap_or(1.0).max(1.0) as usize;
        let unfit = ["é", " "].map(|text| text.repeat(length));
        let unfit = unfit.iter().find(|text| !pattern.accepts(text)).unwrap();
        all.push(here(json!(unfit), text::expression(&pattern.source)));
    }
    if !shape.values.is_empty() {
        all.push(here(json!("never heard of"), text::value_set(&shape.values)));
    }
    all
}

fn broken_blobs(shape: &Shape) -> Vec<Bad> {
    let mut all = broken_sizes(shape, &|size| json!("YWFh".repeat((size as usize).div_ceil(3))));
    all.push(here(json!("not base64!"), "Unable to decode the base64 value".to_owned()));
    all
}

fn broken_numbers(shape: &Shape) -> Vec<Bad> {
    let number = |number: f64| match shape.kind {
        Kind::Integer => json!(number as i64),
        _ => json!(number),
    };
    let above = shape.max.map(|max| here(number(max + 1.0), text::most(shape, max)));
    let below = shape.min.map(|min| here(number(min - 1.0), text::least(shape, min)));
    above.into_iter().chain(below).collect()
}

/// One value above the greatest size and one below the least.
fn broken_sizes(shape: &Shape, sized: &dyn Fn(f64) -> Value) -> Vec<Bad> {
    let max = shape.max.filter(|max| *max <= LARGEST_TRIED);
    let above = max.map(|max| here(sized(max + 1.0), text::most(shape, max)));
    let min = shape.min.filter(|min| *min >= 1.0);
    let below = min.map(|min| here(sized(min - 1.0), text::least(shape, min)));
    above.into_iter().chain(below).collect()
}
