//! What the guide says of errors is what clients get.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use outcrop_dialect::render::{Rendered, render};
use outcrop_model::{Dialect, ErrorClass, Fault, Phase, Retry};
use serde_json::Value;

/// A row of `docs/guide/errors.md` up to the words that say what it means.
fn row(class: ErrorClass) -> String {
    let fault = Fault::new(class, Phase::AwaitingHead, "x");
    let told = |dialect, pointer: &str| {
        let Rendered { status, body, error_type, .. } = render(&fault, dialect, "r");
        let body: Value = serde_json::from_slice(&body).unwrap();
        let word = body.pointer(pointer).and_then(Value::as_str).or(error_type).unwrap_or_default();
        format!("{status} `{word}`")
    };
    let again = match fault.retry() {
        Retry::Backoff => "yes",
        Retry::RefreshOnce => "once",
        Retry::Never => "",
    };
    let advice = match render(&fault, Dialect::OpenAiChat, "r").should_retry {
        Some(false) => "no",
        Some(true) => "yes",
        None => "",
    };
    let [openai, anthropic, bedrock] = [
        told(Dialect::OpenAiChat, "/error/code"),
        told(Dialect::Anthropic, "/error/type"),
        told(Dialect::Converse, "/none"),
    ];
    let class = class.as_str();
    format!("| `{class}` | {openai} | {anthropic} | {bedrock} | {again} | {advice} |")
}

#[test]
fn the_guide_has_the_table_of_errors() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/errors.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let rows = guide
        .lines()
        .filter(|line| line.matches(" |").count() == 7 && line.starts_with("| `"))
        .count();
    let missing: Vec<String> =
        ErrorClass::ALL.into_iter().map(row).filter(|row| !guide.contains(row)).collect();
    assert!(missing.is_empty(), "not in docs/guide/errors.md:\n{}", missing.join("\n"));
    assert_eq!(rows, ErrorClass::ALL.len(), "each class has one row, and nothing else has");
}
