//! Leaves out members of a relayed body that Bedrock is known to refuse.
//!
//! 1. Only the members that a gate names go; everything else keeps its bytes.
//! 2. Each member that goes is in the ledger under its own path.
//! 3. A body without such a member is never taken apart.

use std::borrow::Cow;

use outcrop_model::Ledger;
use outcrop_model::catalog::Gate;
use outcrop_model::json::{Json, Members, Str};
use serde_json::value::RawValue;

use crate::write::JsonWriter;

const WHY: &str = "Bedrock does not take it for this model";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step<'g> {
    Key(&'g str),
    /// Every element.
    Each,
    /// Elements whose `type` begins with the word.
    Kind(&'g str),
}

/// Leaves of the top-level member `key` what closed gates let through; says whether that is anything.
pub(crate) fn pass<'g>(
    key: &str,
    left: &mut Json<'_>,
    closed: impl Iterator<Item = &'g Gate>,
    ledger: &mut Ledger,
) -> bool {
    for gate in closed {
        let Some(below) = gate.path.strip_prefix(key) else { continue };
        if below.is_empty() {
            ledger.dropped(key, WHY);
            return false;
        }
        if below.starts_with(['.', '[']) {
            let steps = steps(below);
            if may_hold(left, &steps) {
                let (mut out, before) =
                    (Vec::with_capacity(left.get().len()), ledger.losses().len());
                strip(left, &steps, key, &mut JsonWriter::new(&mut out), ledger);
                // The word may have stood elsewhere: then even the white space stays.
                if ledger.losses().len() > before
                    && let Some(raw) = rebuilt(out)
                {
                    *left = Cow::Owned(raw);
                }
            }
        }
    }
    true
}

/// Whether there is something at a gate's path in the top-level member `key`.
pub(crate) fn holds(key: &str, raw: &RawValue, path: &str) -> bool {
    let gate = Gate { path: path.to_owned(), betas: Vec::new() };
    let mut found = Ledger::default();
    pass(key, &mut Cow::Borrowed(raw), [&gate].into_iter(), &mut found);
    !found.is_empty()
}

fn rebuilt(json: Vec<u8>) -> Option<Box<RawValue>> {
    RawValue::from_string(String::from_utf8(json).ok()?).ok()
}

/// The steps below a top-level member: `[].content[]`, `.edits[word]`.
fn steps(below: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    for part in below.split('.') {
        let mut pieces = part.split('[');
        steps.extend(pieces.next().filter(|key| !key.is_empty()).map(Step::Key));
        steps.extend(pieces.map(|piece| match piece.trim_end_matches(']') {
            "" => Step::Each,
            word => Step::Kind(word),
        }));
    }
    steps
}

/// A cheap look for the last word of the path, as it stands in JSON outside of texts.
fn may_hold(raw: &RawValue, steps: &[Step<'_>]) -> bool {
    let word = match steps.last() {
        Some(Step::Key(key)) => format!("\"{key}\""),
        Some(Step::Kind(kind)) => format!("\"{kind}"),
        Some(Step::Each) | None => return false,
    };
    memchr::memmem::find(raw.get().as_bytes(), word.as_bytes()).is_some()
}

/// Writes `raw` without what `steps` lead to; `path` is where it stands.
fn strip(
    raw: &RawValue,
    steps: &[Step<'_>],
    path: &str,
    w: &mut JsonWriter<'_>,
    ledger: &mut Ledger,
) {
    match steps.split_first() {
        Some((Step::Key(key), rest)) => match serde_json::from_str::<Members<'_>>(raw.get()) {
            Ok(members) => strip_member(members, key, rest, path, w, ledger),
            Err(_) => w.raw(raw),
        },
        Some((step @ (Step::Each | Step::Kind(_)), rest)) => {
            match serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
                Ok(list) => strip_elements(&list, *step, rest, path, w, ledger),
                Err(_) => w.raw(raw),
            }
        }
        None => w.raw(raw),
    }
}

fn strip_member(
    members: Members<'_>,
    key: &str,
    rest: &[Step<'_>],
    path: &str,
    w: &mut JsonWriter<'_>,
    ledger: &mut Ledger,
) {
    w.open_object();
    for (name, value) in members.0 {
        let here = || format!("{path}.{name}");
        match (name == key, rest.is_empty()) {
            (true, true) => ledger.dropped(here(), WHY),
            (true, false) => {
                w.key_escaped(&name);
                strip(value, rest, &here(), w, ledger);
            }
            (false, _) => {
                w.key_escaped(&name);
                w.raw(value);
            }
        }
    }
    w.close_object();
}

fn strip_elements(
    list: &[&RawValue],
    step: Step<'_>,
    rest: &[Step<'_>],
    path: &str,
    w: &mut JsonWriter<'_>,
    ledger: &mut Ledger,
) {
    w.open_array();
    for (i, value) in list.iter().enumerate() {
        let here = || format!("{path}[{i}]");
        match step {
            Step::Kind(word) if is_of_kind(value, word) => ledger.dropped(here(), WHY),
            Step::Kind(_) | Step::Key(_) => w.raw(value),
            Step::Each => strip(value, rest, &here(), w, ledger),
        }
    }
    w.close_array();
}

fn is_of_kind(raw: &RawValue, word: &str) -> bool {
    let members = serde_json::from_str::<Members<'_>>(raw.get()).unwrap_or_default();
    let kind = members.get("type").and_then(|raw| serde_json::from_str::<Str<'_>>(raw.get()).ok());
    kind.is_some_and(|kind| kind.0.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(key: &str, json: &str, path: &str) -> (Option<String>, String) {
        let gate = Gate { path: path.to_owned(), betas: Vec::new() };
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        let mut ledger = Ledger::default();
        let mut left = Cow::Borrowed(raw);
        let is_left = pass(key, &mut left, [&gate].into_iter(), &mut ledger);
        let paths: Vec<_> = ledger.losses().iter().map(|l| l.path.clone()).collect();
        (is_left.then(|| left.get().to_owned()), paths.join(" "))
    }

    #[test]
    fn only_the_named_member_goes() {
        let tools = r#"[{"name":"a","x":{"x": 1}},{"x":2,"n":2.50}]"#;
        let (left, lost) = passed("tools", tools, "tools[].x");
        assert_eq!(left.unwrap(), r#"[{"name":"a"},{"n":2.50}]"#);
        assert_eq!(lost, "tools[0].x tools[1].x");
        assert_eq!(passed("tools", tools, "tools").0, None);
    }

    #[test]
    fn elements_go_by_their_type() {
        let management = r#"{"edits":[{"type":"clear_thinking_1"},{"type":"compact_1"}],"k":1}"#;
        let (left, lost) = passed("m", management, "m.edits[clear_thinking_]");
        assert_eq!(left.unwrap(), r#"{"edits":[{"type":"compact_1"}],"k":1}"#);
        assert_eq!(lost, "m.edits[0]");
    }

    #[test]
    fn what_has_another_shape_stays_as_it_is() {
        for json in [r#""x""#, "[1, \"x\"]", r#"{ "x" : [ ] }"#, r#"[{"y":{"x":1}}]"#] {
            let (left, lost) = passed("tools", json, "tools[].x");
            assert_eq!((&*left.unwrap(), lost), (json, String::new()));
        }
    }
}
