//! What keeps a conversation at one target: its session's name, or a hash of how it begins.
//!
//! Prompt caches belong to an account and a region; a turn that goes elsewhere pays for the whole
//! prompt again.

use std::hash::{DefaultHasher, Hash, Hasher};

use http::HeaderMap;
use outcrop_model::json::{Members, Str};
use serde_json::value::RawValue;

/// Headers by which known clients name a session: Claude Code, opencode, Codex (their own requests,
/// checked 2026-11-21).
const SESSION_HEADERS: [&str; 3] = ["x-claude-code-session-id", "x-session-affinity", "session-id"];

/// The seed of the conversation; `None` where the request shows none.
pub(crate) fn seed(headers: &HeaderMap, session_header: Option<&str>, body: &[u8]) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    let named =
        session_header.into_iter().chain(SESSION_HEADERS).find_map(|name| headers.get(name));
    if let Some(session) = named {
        session.as_bytes().hash(&mut hasher);
        return Some(hasher.finish());
    }
    let members: Members<'_> = serde_json::from_slice(body).ok()?;
    if let Some(key) = members.get("prompt_cache_key") {
        key.get().hash(&mut hasher);
        return Some(hasher.finish());
    }
    for name in ["system", "instructions", "tools", "toolConfig"] {
        members.get(name).map(RawValue::get).hash(&mut hasher);
    }
    let turns = members.get("messages").or_else(|| members.get("input"))?;
    match serde_json::from_str::<Vec<&RawValue>>(turns.get()) {
        Ok(turns) => beginning(&turns).for_each(|turn| turn.get().hash(&mut hasher)),
        Err(_one_text) => turns.get().hash(&mut hasher),
    }
    Some(hasher.finish())
}

/// Up to the first turn of the user.
fn beginning<'t>(turns: &'t [&'t RawValue]) -> impl Iterator<Item = &'t RawValue> {
    let is_users = |turn: &&RawValue| {
        let members: Option<Members<'_>> = serde_json::from_str(turn.get()).ok();
        let role = members.and_then(|members| members.get("role"));
        role.and_then(|role| serde_json::from_str::<Str<'_>>(role.get()).ok())
            .is_none_or(|Str(role)| role == "user")
    };
    let first = turns.iter().position(is_users).map_or(turns.len(), |at| at + 1);
    turns[..first].iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> Option<u64> {
        seed(&HeaderMap::new(), None, body.as_bytes())
    }

    #[test]
    fn later_turns_change_nothing_and_the_beginning_does() {
        let first = r#"{"system":"s","messages":[{"role":"user","content":"a"}]}"#;
        let later = r#"{"max_tokens":9,"system":"s","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]}"#;
        let other = r#"{"system":"s","messages":[{"role":"user","content":"x"}]}"#;
        assert!(of(first).is_some());
        assert_eq!(of(first), of(later));
        assert_ne!(of(first), of(other));
        assert_eq!(of("no json"), None);
    }

    #[test]
    fn a_session_counts_more_than_what_is_said() {
        let mut headers = HeaderMap::new();
        headers.insert("x-my", http::HeaderValue::from_static("1"));
        let seed = |body: &[u8]| super::seed(&headers, Some("x-my"), body);
        assert_eq!(seed(b"{}"), seed(br#"{"messages":[]}"#));
    }
}
