//! The form of the answer: Anthropic's clients first put it at `output_format`, where Bedrock refuses it.

use outcrop_model::Ledger;
use outcrop_model::json::Members;
use serde_json::value::RawValue;

use super::{Body, members_of};
use crate::write::JsonWriter;

const PLACE: &str = "output_config";
const OLDER_PLACE: &str = "output_format";

/// Whether the caller sets the form of the answer.
pub(crate) fn sets_format(members: &Members<'_>) -> bool {
    let config = members.get(PLACE).map(members_of).unwrap_or_default();
    [config.get("format"), members.get(OLDER_PLACE)].into_iter().flatten().any(is_set)
}

fn is_set(raw: &RawValue) -> bool {
    raw.get() != "null"
}

/// Moves a form from its older place to its newer one, which counts if both are filled.
pub(super) fn fit(body: &mut Body<'_>, ledger: &mut Ledger) {
    let Some(older) = body.get(OLDER_PLACE).filter(|raw| is_set(raw)) else { return };
    let config = body.get(PLACE).map(members_of).unwrap_or_default();
    if config.get("format").is_some_and(is_set) {
        ledger.dropped(OLDER_PLACE, "`output_config.format` is set, too, and counts");
        return body.remove(OLDER_PLACE);
    }
    let mut out = Vec::new();
    let mut w = JsonWriter::new(&mut out);
    w.open_object();
    for (key, value) in config.0.iter().filter(|(key, _)| key != "format") {
        w.key_escaped(key);
        w.raw(value);
    }
    w.member_raw("format", older);
    w.close_object();
    ledger.approximated(OLDER_PLACE, "sent as `output_config.format`, its newer place");
    body.remove(OLDER_PLACE);
    body.set(PLACE, out);
}
