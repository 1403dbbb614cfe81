//! OpenAI's bodies in the envelope of `/openai/v1` and of `bedrock-mantle`.
//!
//! 1. The model is the target's; members that the carrier is known to refuse go ([`gate`]).
//! 2. All others keep their bytes and order.

use std::borrow::Cow;

use outcrop_model::Ledger;
use outcrop_model::json::Members;

use super::Toward;
use crate::write::JsonWriter;
use crate::{gate, latency};

const NO_BETAS: &[&str] = &[];

/// A member that is written anew, or left out.
pub(crate) struct Change {
    pub key: &'static str,
    pub json: Option<Vec<u8>>,
}

/// Writes the body.
pub(crate) fn body(
    members: &Members<'_>,
    model: &str,
    changes: Vec<Change>,
    to: Toward<'_>,
    ledger: &mut Ledger,
) -> Vec<u8> {
    let size: usize = members.0.iter().map(|(k, v)| k.len() + v.get().len() + 4).sum();
    let mut out = Vec::with_capacity(size + 128);
    let mut w = JsonWriter::new(&mut out);
    w.open_object();
    for (key, value) in &members.0 {
        if key == "model" {
            w.member_str("model", model);
            continue;
        }
        if changes.iter().any(|change| change.key == key) {
            continue;
        }
        if key == latency::MEMBER {
            if !latency::is_standard(value) {
                ledger.dropped(latency::PATH, "OpenAI's API has no such setting");
            }
            continue;
        }
        let mut value = Cow::Borrowed(*value);
        let closed = to.lane.gates.iter().filter(|gate| !gate.is_open(NO_BETAS));
        if gate::pass(key, &mut value, closed, ledger) {
            w.key_escaped(key);
            w.raw(&value);
        }
    }
    for Change { key, json } in changes {
        if let Some(json) = json {
            w.key(key);
            w.raw_bytes(&json);
        }
    }
    w.close_object();
    out
}

/// `stream_options` that ask for token counts, which the gateway needs whether the caller wants them
/// or not; beside it whether the caller does.
pub(crate) fn counted(members: &Members<'_>) -> (Change, bool) {
    const WISH: &str = "include_usage";
    let options = members.get("stream_options").map(|raw| serde_json::from_str(raw.get()));
    let options: Members<'_> = options.and_then(Result::ok).unwrap_or_default();
    let wanted = options.get(WISH).is_some_and(|raw| raw.get() == "true");
    let mut json = Vec::new();
    let mut w = JsonWriter::new(&mut json);
    w.open_object();
    w.member_bool(WISH, true);
    for (key, value) in options.0.iter().filter(|(key, _)| key != WISH) {
        w.key_escaped(key);
        w.raw(value);
    }
    w.close_object();
    (Change { key: "stream_options", json: Some(json) }, wanted)
}

/// The limit by the name that reasoning models demand; both names mean the same.
pub(crate) fn limit(members: &Members<'_>) -> Vec<Change> {
    const OLD: &str = "max_tokens";
    const NEW: &str = "max_completion_tokens";
    match (members.get(OLD), members.get(NEW)) {
        (Some(limit), None) => vec![
            Change { key: OLD, json: None },
            Change { key: NEW, json: Some(limit.get().as_bytes().to_vec()) },
        ],
        (_, Some(_)) | (None, None) => Vec::new(),
    }
}

/// Whether a chunk holds nothing but token counts.
pub(crate) fn is_count(json: &[u8]) -> bool {
    if memchr::memmem::find(json, b"\"usage\"").is_none() {
        return false;
    }
    let chunk: Members<'_> = serde_json::from_slice(json).unwrap_or_default();
    let is_there = |key| chunk.get(key).is_some_and(|raw| raw.get() != "null");
    let inner = chunk.get("choices").and_then(|raw| raw.get().strip_prefix('['));
    is_there("usage") && inner.is_some_and(|inner| inner.trim_start().starts_with(']'))
}
