//! `headerMutation` and `bodyMutation`: changes to requests.
//!
//! Envoy AI Gateway changes the translated body, this gateway the caller's; where that cannot be the same, it
//! is told.

use crate::document::Node;
use crate::edit::{BodyEdit, BodyEdits, HeaderEdit, HeaderEdits, Mode};
use crate::front::Reading;
use crate::origin::Diagnostic;

/// Members of Converse's body that callers of no other API have (Bedrock's service model, checked
/// 2026-11-26).
const CONVERSES: [&str; 9] = [
    "inferenceConfig",
    "toolConfig",
    "guardrailConfig",
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "promptVariables",
    "requestMetadata",
    "serviceTier",
    "outputConfig",
];

/// `headerMutation` and `bodyMutation`, of a backend of this schema; what is taken out goes first.
pub(super) fn edits(
    node: &Node,
    schema: Option<&str>,
    reading: &mut Reading<'_>,
) -> (HeaderEdits, BodyEdits) {
    let removed = reading.list(node, "headerMutation.remove").iter().filter_map(Node::text);
    let mut headers: HeaderEdits =
        removed.map(|name| HeaderEdit::Remove { name: name.to_lowercase() }).collect();
    for set in reading.list(node, "headerMutation.set") {
        if let (Some(name), Some(value)) =
            (reading.need_str(set, "name"), reading.need_str(set, "value"))
        {
            headers.push(HeaderEdit::Set { name: name.to_lowercase(), value: value.to_owned() });
        }
    }
    let mut body = BodyEdits::new();
    for removed in reading.list(node, "bodyMutation.remove") {
        let Some(path) = removed.text() else { continue };
        tell_of_converse(path, schema, (removed, reading));
        body.push(BodyEdit::Remove { path: path.to_owned() });
    }
    for set in reading.list(node, "bodyMutation.set") {
        if let (Some(path), Some(value)) =
            (reading.need_str(set, "path"), reading.need_str(set, "value"))
        {
            tell_of_converse(path, schema, (set, reading));
            let (path, value) = (path.to_owned(), json(value));
            body.push(BodyEdit::Set { path, value, mode: Mode::Override });
        }
    }
    (headers, body)
}

/// Says that a member of Converse's body is one of the caller's only where the caller speaks Converse: Envoy
/// AI Gateway changes the translated body, this gateway the caller's.
fn tell_of_converse(path: &str, schema: Option<&str>, (node, reading): (&Node, &mut Reading<'_>)) {
    let member = path.split('.').next().unwrap_or(path);
    if schema == Some("AWSBedrock") && CONVERSES.contains(&member) {
        let what = format!(
            "`{member}` is changed in the caller's body, before it is translated: only callers of Converse have it"
        );
        let hint = "for others, change what they call it, such as `max_tokens`";
        reading.say(Diagnostic::warning(node.origin(), what).hint(hint));
    }
}

/// A value as JSON: what does not look like it is a text.
fn json(value: &str) -> String {
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(value).is_ok();
    match is_json || value.trim_start().starts_with(['{', '[', '"']) {
        true => value.to_owned(),
        false => serde_json::Value::from(value).to_string(),
    }
}
