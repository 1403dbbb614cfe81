//! Cache points in bodies that are relayed: a few bytes are put in, all others stay as they are.
//!
//! What cannot be read gets none: it is the model's side to refuse.

use outcrop_model::chat::CacheTtl;
use outcrop_model::json::Members;
use outcrop_model::{Card, Ledger};
use serde_json::value::RawValue;

use super::{CachePoints, WHY};
use crate::anthropic::count::estimate::prompt;
use crate::anthropic::{self, word_of};
use crate::plan::Estimate;

/// Bytes to be put in, and where.
struct Insertions<'b> {
    body: &'b [u8],
    made: Vec<(usize, String)>,
}

/// How a dialect spells a point.
#[derive(Clone, Copy)]
enum Spelling {
    /// A member of what it follows.
    Anthropic,
    /// An element after what it follows.
    Converse,
}

/// Anthropic Messages.
pub(crate) fn in_messages(
    body: &[u8],
    points: &CachePoints,
    card: &Card,
    ledger: &mut Ledger,
) -> Option<Vec<u8>> {
    written(body, Spelling::Anthropic, (points, card), ledger)
}

/// Bedrock's Converse.
pub(crate) fn in_converse(
    body: &[u8],
    points: &CachePoints,
    card: &Card,
    ledger: &mut Ledger,
) -> Option<Vec<u8>> {
    written(body, Spelling::Converse, (points, card), ledger)
}

/// The longest lifetime that a point of `body` may ask for, in whichever dialect; `None` where it has none.
/// For what it may cost: what only looks like a point, or like an hour, counts as one.
pub fn asked(body: &[u8]) -> Option<CacheTtl> {
    /// Names may be written with escapes, which letters never need: U+0040 to U+007F, and the digit 1.
    const LETTERS: [&str; 4] = [r"\u004", r"\u005", r"\u006", r"\u007"];
    const ONE: &str = r"\u0031";
    let has = |text: &str| memchr::memmem::find(body, text.as_bytes()).is_some();
    let is_escaped = LETTERS.into_iter().any(has);
    let spellings = [Spelling::Anthropic, Spelling::Converse];
    if !is_escaped && !spellings.iter().any(|spelling| has(spelling.member())) {
        return None;
    }
    let is_long = is_escaped || has("\"1h\"") || has(ONE);
    Some(if is_long { CacheTtl::OneHour } else { CacheTtl::FiveMinutes })
}

/// `None`: there is nothing to add.
fn written(
    body: &[u8],
    spelling: Spelling,
    (points, card): (&CachePoints, &Card),
    ledger: &mut Ledger,
) -> Option<Vec<u8>> {
    // A text that looks like a point counts as one.
    let is_marked = memchr::memmem::find(body, spelling.member().as_bytes()).is_some();
    if is_marked || !points.suits(card, || spelling.tokens(body)) {
        return None;
    }
    let members: Members<'_> = serde_json::from_slice(body).ok()?;
    let ttl = points.ttl(card);
    let mut insertions = Insertions { body, made: Vec::new() };
    let mut losses = Ledger::default();
    let (tools, path) = spelling.tools(&members);
    if points.tools
        && card.cache_tools
        && let Some(at) = tools.and_then(|tools| spelling.after(elements_of(tools).last()?))
    {
        insertions.put(at, spelling.point(ttl))?;
        losses.added(path, WHY);
    }
    if let Some(system) = members.get("system").filter(|_| points.system)
        && insertions.put_in_content(system, spelling, (ttl, card))
    {
        losses.added("system", WHY);
    }
    let messages = members.get("messages").map(elements_of).unwrap_or_default();
    if let Some(at) = points.message_of(messages.len())
        && let Some(content) = messages.get(at).and_then(|raw| members_of(raw).get("content"))
        && insertions.put_in_content(content, spelling, (ttl, card))
    {
        losses.added(format!("messages[{at}].content"), WHY);
    }
    let whole = insertions.done()?;
    ledger.append(losses);
    Some(whole)
}

// === impl Spelling ===

impl Spelling {
    /// The word that every point has.
    fn member(self) -> &'static str {
        match self {
            Spelling::Anthropic => "\"cache_control\"",
            Spelling::Converse => "\"cachePoint\"",
        }
    }

    /// The tools, and their path.
    fn tools<'r>(self, members: &Members<'r>) -> (Option<&'r RawValue>, &'static str) {
        match self {
            Spelling::Anthropic => (members.get("tools"), "tools"),
            Spelling::Converse => {
                let config = members.get("toolConfig").map(members_of);
                (config.and_then(|config| config.get("tools")), "toolConfig.tools")
            }
        }
    }

    /// Of the prompt, as limits estimate them.
    fn tokens(self, body: &[u8]) -> u64 {
        let weigh = || Estimate::of_body(body).input;
        match self {
            Spelling::Anthropic => {
                anthropic::decode(body, &[]).map_or_else(|_| weigh(), |r| prompt(&r))
            }
            Spelling::Converse => weigh(),
        }
    }

    /// With the comma before it.
    fn point(self, ttl: CacheTtl) -> String {
        let (lead, kind, end) = match self {
            Spelling::Anthropic => (r#","cache_control":{"#, "ephemeral", "}"),
            Spelling::Converse => (r#",{"cachePoint":{"#, "default", "}}"),
        };
        let ttl = match ttl {
            CacheTtl::Default => "",
            CacheTtl::FiveMinutes => r#","ttl":"5m""#,
            CacheTtl::OneHour => r#","ttl":"1h""#,
        };
        format!(r#"{lead}"type":"{kind}"{ttl}{end}"#)
    }

    /// Where the point of `element` goes: before its end, or behind it.
    fn after(self, element: &RawValue) -> Option<&str> {
        let text = element.get();
        match self {
            // An object without members is none that could be cached.
            Spelling::Anthropic => {
                let inner = text.strip_prefix('{')?.strip_suffix('}')?;
                (!inner.trim().is_empty()).then(|| &text[text.len() - 1..])
            }
            Spelling::Converse => Some(&text[text.len()..]),
        }
    }

    fn can_be_cached(self, element: &RawValue, card: &Card) -> bool {
        let members = members_of(element);
        match self {
            Spelling::Anthropic => match members.get("type").and_then(word_of).as_deref() {
                Some("text") => members.get("text").is_some_and(says_something),
                Some("tool_result") => card.cache_tools,
                Some("thinking" | "redacted_thinking") | None => false,
                Some(_) => true,
            },
            Spelling::Converse => {
                let has = |key| members.get(key).is_some();
                !has("reasoningContent") && (card.cache_tools || !has("toolResult"))
            }
        }
    }
}

// === impl Insertions ===

impl Insertions<'_> {
    /// `at` is a part of the body; its place is the distance between the two.
    fn put(&mut self, at: &str, text: String) -> Option<()> {
        let place = at.as_ptr().addr().checked_sub(self.body.as_ptr().addr())?;
        self.made.push((place, text));
        Some(())
    }

    /// After the last block that can be cached. Whether there is one.
    fn put_in_content(
        &mut self,
        content: &RawValue,
        spelling: Spelling,
        (ttl, card): (CacheTtl, &Card),
    ) -> bool {
        let text = content.get();
        let point = spelling.point(ttl);
        if text.starts_with('"') {
            // Converse has no content that is a text.
            return matches!(spelling, Spelling::Anthropic)
                && says_something(content)
                && self.put(text, r#"[{"type":"text","text":"#.to_owned()).is_some()
                && self.put(&text[text.len()..], format!("{point}}}]")).is_some();
        }
        let blocks = elements_of(content);
        let last = blocks.into_iter().rev().find(|block| spelling.can_be_cached(block, card));
        let at = last.and_then(|block| spelling.after(block));
        at.is_some_and(|at| self.put(at, point).is_some())
    }

    /// `None` if there is nothing to put in.
    fn done(mut self) -> Option<Vec<u8>> {
        if self.made.is_empty() {
            return None;
        }
        self.made.sort_by_key(|(at, _)| *at);
        let more: usize = self.made.iter().map(|(_, text)| text.len()).sum();
        let mut whole = Vec::with_capacity(self.body.len() + more);
        let mut from = 0;
        for (at, text) in &self.made {
            whole.extend_from_slice(self.body.get(from..*at)?);
            whole.extend_from_slice(text.as_bytes());
            from = *at;
        }
        whole.extend_from_slice(self.body.get(from..)?);
        Some(whole)
    }
}

// === helpers ===

fn members_of(raw: &RawValue) -> Members<'_> {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

fn elements_of(raw: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

fn says_something(raw: &RawValue) -> bool {
    word_of(raw).is_some_and(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use outcrop_model::Catalog;
    use serde_json::Value;

    use super::*;

    #[test]
    fn points_are_found_however_they_are_written() {
        let (short, long) = (Some(CacheTtl::FiveMinutes), Some(CacheTtl::OneHour));
        for (body, expected) in [
            (r#"[{"cachePoint":{"type":"default"}}]"#, short),
            (r#"[{"cachePoint":{"type":"default","ttl":"1h"}}]"#, long),
            (r#"{"cache_control": {"type": "ephemeral", "ttl": "5m"}}"#, short),
            (r#"{"cache_control":{"ttl":"\u0031h"}}"#, long),
            (r#"{"cache\u005fcontrol":{"ttl":"1h"}}"#, long),
            (r#"{"text":"a \"cache_control\" \u003cof\u003e 1h for \u00e9t\u00e9"}"#, None),
            ("", None),
        ] {
            assert_eq!(asked(body.as_bytes()), expected, "{body}");
        }
    }

    /// What Bedrock is to refuse it refuses for what it is, never for what was made of it.
    #[test]
    fn odd_bodies_stay_json() {
        let card = Catalog::built_in().card("anthropic.claude-sonnet-4-5-20250929-v1:0");
        let ttl = CacheTtl::OneHour;
        let points =
            CachePoints { system: true, tools: true, message: Some(0), min_tokens: 0, ttl };
        let long = "words of all kinds ".repeat(1000);
        let parts = [
            "null",
            "[]",
            "{}",
            "[{}]",
            "[null]",
            "[[]]",
            "[1, \"x\"]",
            "\"\"",
            "\"a\"",
            "[{\"text\":\"\\u0061]}\"}]",
            "[ { \"type\" : \"text\" , \"text\" : \"a\" } ]",
            "{\"tools\":[{\"x\":1}]}",
            "[{\"content\":\"a\"}]",
            "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"thinking\"}]}]",
        ];
        let mut changed = 0;
        for one in parts {
            for other in parts {
                let body = format!(
                    r#"{{"x":"{long}","system":{one},"tools":{other},"toolConfig":{one},"messages":{other}}}"#
                );
                let sent: Value = serde_json::from_str(&body).unwrap();
                for write in [in_messages, in_converse] {
                    let mut ledger = Ledger::default();
                    let written = write(body.as_bytes(), &points, card, &mut ledger);
                    assert_eq!(written.is_some(), !ledger.is_empty());
                    let Some(written) = written else { continue };
                    let now: Value = serde_json::from_slice(&written).unwrap();
                    assert!(now != sent && now["x"] == sent["x"], "{body}");
                    changed += 1;
                }
            }
        }
        assert!(changed > 50, "{changed}");
    }
}
