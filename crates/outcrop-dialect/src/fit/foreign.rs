//! Blocks of types that the IR does not hold.
//!
//! 1. What is text in substance becomes text: search results, and the names of tools that were found.
//! 2. Anything else that the user says would be missing without the model knowing, so it is refused at
//!    every fidelity. What the assistant said of it is left out and reported.

use std::borrow::Cow;

use outcrop_model::chat::{Block, Role};
use outcrop_model::json::{Members, Str};
use outcrop_model::{At, BlockKind, Ledger};
use serde_json::value::RawValue;

pub(super) fn show_as_text(block: &mut Block<'_>, ledger: &mut Ledger) {
    let BlockKind::Foreign { kind, raw } = &block.kind else { return };
    let members = serde_json::from_str::<Members<'_>>(raw.get()).unwrap_or_default();
    let text = match &**kind {
        "search_result" => search_result(&members),
        "tool_reference" => word(&members, "tool_name").map(|name| format!("Tool found: {name}")),
        _ => None,
    };
    let Some(text) = text else { return };
    ledger.approximated(block.at.to_string(), format!("`{kind}` is sent as text"));
    if members.get("citations").is_some_and(|raw| raw.get().contains("true")) {
        ledger.dropped(block.at.key("citations"), "text is cited by no place in it");
    }
    block.kind = BlockKind::Text(Cow::Owned(text));
}

fn search_result(members: &Members<'_>) -> Option<String> {
    let content: Vec<&RawValue> = serde_json::from_str(members.get("content")?.get()).ok()?;
    let mut lines: Vec<String> = ["title", "source"]
        .iter()
        .filter_map(|key| word(members, key))
        .map(Cow::into_owned)
        .collect();
    for part in content {
        // A part that is not text keeps the whole result from being shown as text.
        let part = serde_json::from_str::<Members<'_>>(part.get()).ok()?;
        lines.push(word(&part, "text")?.into_owned());
    }
    Some(lines.join("\n"))
}

fn word<'m>(members: &Members<'m>, key: &str) -> Option<Cow<'m, str>> {
    // Not a string is a legitimate answer here: the block then stays what it is.
    serde_json::from_str::<Str<'m>>(members.get(key)?.get()).ok().map(|word| word.0)
}

pub(super) fn account_for(kind: &str, role: Role, at: At, ledger: &mut Ledger) {
    let why = format!("content of type `{kind}` has no equivalent");
    match role {
        Role::User | Role::System => {
            ledger.refused(at.to_string(), format!("{why} that the model could be shown"));
        }
        Role::Assistant => ledger.dropped(at.to_string(), why),
    }
}
