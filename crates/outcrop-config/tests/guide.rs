//! The tables of `docs/guide/configuration.md` are those of the schema; `OUTCROP_BLESS=1` rewrites them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says no by panicking")]

use std::collections::VecDeque;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use outcrop_config::front::outcrop::schema;
use serde_json::Value;

/// After this line the guide is generated.
const MARK: &str = "\n## Every key\n";

#[test]
fn the_guide_has_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/configuration.md");
    let text = fs::read_to_string(&path).unwrap();
    let (written, _) = text.split_once(MARK).unwrap();
    let current = format!("{written}{MARK}{}", tables(&schema()));
    if std::env::var_os("OUTCROP_BLESS").is_some() {
        fs::write(&path, &current).unwrap();
    } else {
        assert!(text == current, "the tables are not those of the schema: cargo xtask bless");
    }
}

/// A table of the document's keys, and one of each type in the order in which they are met.
fn tables(root: &Value) -> String {
    let mut out = String::new();
    table(root, &mut out);
    let mut waiting = VecDeque::from([root]);
    let mut seen: Vec<String> = Vec::new();
    while let Some(schema) = waiting.pop_front() {
        for name in references(schema) {
            if !seen.contains(&name) {
                let own = &root["definitions"][&name];
                write!(out, "\n### {name}\n\n{}\n", words(own)).unwrap();
                table(own, &mut out);
                waiting.push_back(own);
                seen.push(name);
            }
        }
    }
    out
}

fn table(schema: &Value, out: &mut String) {
    let mut rows = Vec::new();
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (key, own) in schema["properties"].as_object().into_iter().flatten() {
        let needed = if required.contains(&key.as_str().into()) { ", needed" } else { "" };
        rows.push((key.clone(), kind(own) + needed, words(own)));
    }
    let variants = schema["oneOf"].as_array().into_iter().flatten();
    for variant in variants.filter(|variant| !is_variable(variant)) {
        match variant["properties"].as_object().and_then(|members| members.iter().next()) {
            Some((key, own)) => rows.push((format!("{key}: …"), kind(own), words(variant))),
            None => {
                let word = variant["const"].as_str().unwrap();
                rows.push((word.to_owned(), "a word".to_owned(), words(variant)));
            }
        }
    }
    if !rows.is_empty() {
        out.push_str("\n| key | value | meaning |\n|---|---|---|\n");
    }
    for (key, kind, words) in rows {
        writeln!(out, "| `{key}` | {kind} | {words} |").unwrap();
    }
}

fn words(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|")
}

/// What a value is, in words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some([only]) = schema["allOf"].as_array().map(Vec::as_slice) {
        return kind(only);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let mut kinds: Vec<String> = Vec::new();
        for choice in choices.iter().filter(|choice| !is_variable(choice)) {
            let kind = kind(choice);
            let many = kinds.iter().any(|one| kind == format!("list of {one}"));
            if many {
                kinds = vec![format!("{}, or a {kind}", kinds.join(" or "))];
            } else if !kind.is_empty() && !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        return kinds.join(" or ");
    }
    let types = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return "anything".to_owned(),
    };
    match types[0] {
        "object" => match kind(&schema["additionalProperties"]) {
            of if of == "anything" => "mapping to anything".to_owned(),
            of => format!("mapping to {of}"),
        },
        "array" => format!("list of {}", kind(&schema["items"])),
        "integer" | "number" => "number".to_owned(),
        "boolean" => "`true` or `false`".to_owned(),
        "null" => String::new(),
        "string" => "text".to_owned(),
        other => panic!("{other} in the schema"),
    }
}

/// What stands beside numbers and words, so that variables may.
fn is_variable(schema: &Value) -> bool {
    schema["pattern"].as_str().is_some_and(|pattern| pattern.ends_with("\\$"))
}

/// Names of the types that `schema` mentions, in order.
fn references(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(members) => members
            .iter()
            .filter(|(key, _)| *key != "definitions")
            .flat_map(|(key, value)| match (key.as_str(), value.as_str()) {
                ("$ref", Some(path)) => {
                    path.rsplit('/').next().map(str::to_owned).into_iter().collect()
                }
                (_, _) => references(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}
