//! Tools whose type Bedrock calls by another name or whose settings stand in another place, and calls that
//! cannot be forced.

use outcrop_model::catalog::ForcedTools;
use outcrop_model::json::Members;
use outcrop_model::{Card, Ledger};

use super::{Body, elements_of, holds, members_of, word};
use crate::fit::CANNOT_FORCE;
use crate::write::JsonWriter;

/// Where some clients keep `defer_loading`, which Bedrock looks for beside the name.
const NESTED: &str = "custom";

pub(super) fn fit(body: &mut Body<'_>, card: &Card, ledger: &mut Ledger) {
    unforce(body, card, ledger);
    let Some(raw) = body.get("tools") else { return };
    let is_renamed = card.tool_types.keys().any(|old| holds(raw, &format!("\"{old}")));
    if !is_renamed && !holds(raw, "\"custom\"") {
        return;
    }
    let mut out = Vec::with_capacity(raw.get().len());
    let mut w = JsonWriter::new(&mut out);
    let mut changed = false;
    w.open_array();
    for (i, tool) in elements_of(raw).into_iter().enumerate() {
        let members = members_of(tool);
        let kind = word(&members, "type");
        let renamed = kind.as_deref().and_then(|kind| card.tool_type(kind));
        let nested = members.get(NESTED).filter(|raw| raw.get().starts_with('{'));
        if renamed.is_none() && nested.is_none() {
            w.raw(tool);
            continue;
        }
        changed = true;
        if let Some(name) = renamed {
            ledger.approximated(format!("tools[{i}].type"), format!("Bedrock calls it `{name}`"));
        }
        if nested.is_some() {
            let why = "its members were put beside it, where Bedrock looks for them";
            ledger.approximated(format!("tools[{i}].{NESTED}"), why);
        }
        write_tool(&mut w, &members, renamed, &nested.map(members_of).unwrap_or_default());
    }
    w.close_array();
    if changed {
        body.set("tools", out);
    }
}

/// A model that cannot be made to call a tool decides itself.
fn unforce(body: &mut Body<'_>, card: &Card, ledger: &mut Ledger) {
    let Some(raw) = body.get("tool_choice").filter(|_| card.forced_tools == ForcedTools::None)
    else {
        return;
    };
    let choice = members_of(raw);
    if !matches!(word(&choice, "type").as_deref(), Some("any" | "tool")) {
        return;
    }
    let mut out = Vec::new();
    let mut w = JsonWriter::new(&mut out);
    w.open_object();
    w.member_str("type", "auto");
    for (key, value) in choice.0.iter().filter(|(key, _)| key != "type" && key != "name") {
        w.key_escaped(key);
        w.raw(value);
    }
    w.close_object();
    body.set("tool_choice", out);
    ledger.approximated("tool_choice", CANNOT_FORCE);
}

fn write_tool(w: &mut JsonWriter<'_>, tool: &Members<'_>, kind: Option<&str>, inner: &Members<'_>) {
    w.open_object();
    for (key, value) in &tool.0 {
        match (&**key, kind) {
            ("type", Some(kind)) => w.member_str("type", kind),
            (NESTED, _) if value.get().starts_with('{') => {}
            _ => {
                w.key_escaped(key);
                w.raw(value);
            }
        }
    }
    for (key, value) in inner.0.iter().filter(|(key, _)| tool.get(key).is_none()) {
        w.key_escaped(key);
        w.raw(value);
    }
    w.close_object();
}
