//! Automatic caching (`cache_control` of the whole body), for carriers that take marks on blocks only.

use outcrop_model::json::{Members, Str};
use outcrop_model::{Card, Ledger};
use serde_json::value::RawValue;

use super::{Body, elements_of, members_of, raw, word};
use crate::fit::MAX_MARKS;
use crate::write::JsonWriter;

const MEMBER: &str = "cache_control";
/// A mark for the usual five minutes.
const PLAIN: &[u8] = br#"{"type":"ephemeral"}"#;

/// Becomes a mark on the last block that can be cached, which is where it would have been. What cannot
/// be placed is left for the gate to report.
pub(super) fn fit(body: &mut Body<'_>, card: &Card, ledger: &mut Ledger) {
    let is_refused = card.gates.iter().any(|gate| gate.path == MEMBER);
    let Some(mark) = body.get(MEMBER).filter(|raw| is_refused && raw.get().starts_with('{')) else {
        return;
    };
    let marks = count(body, "\"cache_control\"");
    if !card.cache || marks >= MAX_MARKS {
        return;
    }
    // An hour cannot follow five minutes, and this mark follows all others.
    let is_late =
        word(&members_of(mark), "ttl").as_deref() == Some("1h") && count(body, "\"1h\"") < marks;
    let shorter = is_late.then(|| raw(PLAIN.to_vec())).flatten();
    let mark = shorter.as_deref().unwrap_or(mark);
    let Some(json) = body.get("messages").and_then(|raw| mark_messages(raw, mark)) else { return };
    body.set("messages", json);
    body.remove(MEMBER);
    let why = match is_late {
        true => "sent as a mark on the last block, for five minutes, as marks before it are",
        false => "sent as a mark on the last block that can be cached",
    };
    ledger.approximated(MEMBER, why);
}

/// How often a word stands beside the member itself; a text that looks like it counts, too.
fn count(body: &Body<'_>, word: &str) -> usize {
    let needle = memchr::memmem::Finder::new(word);
    let raws = body.0.iter().filter(|(key, _)| key != MEMBER);
    raws.map(|(_, raw)| needle.find_iter(raw.get().as_bytes()).count()).sum()
}

/// All messages as they were but one.
fn mark_messages(raw: &RawValue, mark: &RawValue) -> Option<Vec<u8>> {
    let messages = elements_of(raw);
    let (at, members, content) = messages.iter().enumerate().rev().find_map(|(i, message)| {
        let members = members_of(message);
        let content = mark_content(members.get("content")?, mark)?;
        Some((i, members, content))
    })?;
    let mut out = Vec::with_capacity(raw.get().len() + mark.get().len() + 64);
    let mut w = JsonWriter::new(&mut out);
    w.open_array();
    for (i, message) in messages.iter().enumerate() {
        if i != at {
            w.raw(message);
            continue;
        }
        w.open_object();
        for (key, value) in &members.0 {
            w.key_escaped(key);
            match key == "content" {
                true => w.raw_bytes(&content),
                false => w.raw(value),
            }
        }
        w.close_object();
    }
    w.close_array();
    Some(out)
}

/// Content with its last cacheable block marked, if it has one.
fn mark_content(raw: &RawValue, mark: &RawValue) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(raw.get().len() + mark.get().len() + 64);
    let mut w = JsonWriter::new(&mut out);
    if let Ok(Str(text)) = serde_json::from_str::<Str<'_>>(raw.get()) {
        if text.trim().is_empty() {
            return None;
        }
        w.open_array();
        w.open_object();
        w.member_str("type", "text");
        w.member_str("text", &text);
        w.member_raw(MEMBER, mark);
        w.close_object();
        w.close_array();
        return Some(out);
    }
    let blocks = elements_of(raw);
    let at = blocks.iter().rposition(|block| can_be_cached(&members_of(block)))?;
    w.open_array();
    for (i, block) in blocks.iter().enumerate() {
        match i == at {
            true => write_marked(&mut w, &members_of(block), mark),
            false => w.raw(block),
        }
    }
    w.close_array();
    Some(out)
}

/// The caller's own mark on the block counts.
fn write_marked(w: &mut JsonWriter<'_>, block: &Members<'_>, mark: &RawValue) {
    w.open_object();
    for (key, value) in block.0.iter().filter(|(key, _)| key != MEMBER) {
        w.key_escaped(key);
        w.raw(value);
    }
    w.member_raw(MEMBER, block.get(MEMBER).unwrap_or(mark));
    w.close_object();
}

fn can_be_cached(block: &Members<'_>) -> bool {
    match word(block, "type").as_deref() {
        Some("text") => word(block, "text").is_some_and(|text| !text.trim().is_empty()),
        Some("thinking" | "redacted_thinking") | None => false,
        Some(_) => true,
    }
}
