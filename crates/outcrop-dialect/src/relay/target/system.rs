//! Turns of the role `system`, for models that take none between the others.

use outcrop_model::json::{Members, Str};
use outcrop_model::{Card, Ledger};
use serde_json::value::RawValue;

use super::{Body, elements_of, holds, members_of, word};
use crate::fit::{OPERATORS_WORD, operators_word};
use crate::write::JsonWriter;

struct Message<'m> {
    raw: &'m RawValue,
    members: Members<'m>,
    role: Role,
    index: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    System,
    Assistant,
    Other,
}

/// They become user turns that are marked as the operator's. Anthropic's side joins turns of one role,
/// so one that would part a tool call from its results goes behind them.
pub(in crate::relay) fn fit(body: &mut Body<'_>, card: &Card, ledger: &mut Ledger) {
    let Some(raw) = body.get("messages") else { return };
    if card.mid_system || !holds(raw, "\"system\"") {
        return;
    }
    let elements = elements_of(raw).into_iter().enumerate();
    let mut messages: Vec<Message<'_>> = elements.map(|(i, raw)| Message::read(i, raw)).collect();
    if !messages.iter().any(|message| message.role == Role::System) {
        return;
    }
    for i in 1..messages.len().saturating_sub(1) {
        if let [Role::Assistant, Role::System, Role::Other] = roles(&messages[i - 1..=i + 1]) {
            messages.swap(i, i + 1);
        }
    }
    let mut out = Vec::with_capacity(raw.get().len() + 64);
    let mut w = JsonWriter::new(&mut out);
    w.open_array();
    for message in &messages {
        match message.role {
            Role::System => {
                ledger.approximated(format!("messages[{}]", message.index), OPERATORS_WORD);
                write_as_user(&mut w, &message.members);
            }
            Role::Assistant | Role::Other => w.raw(message.raw),
        }
    }
    w.close_array();
    body.set("messages", out);
}

fn roles(three: &[Message<'_>]) -> [Role; 3] {
    [three[0].role, three[1].role, three[2].role]
}

fn write_as_user(w: &mut JsonWriter<'_>, message: &Members<'_>) {
    w.open_object();
    w.member_str("role", "user");
    for (key, value) in message.0.iter().filter(|(key, _)| key != "role") {
        w.key_escaped(key);
        match key == "content" {
            true => write_content(w, value),
            false => w.raw(value),
        }
    }
    w.close_object();
}

fn write_content(w: &mut JsonWriter<'_>, content: &RawValue) {
    if let Ok(Str(text)) = serde_json::from_str::<Str<'_>>(content.get()) {
        return w.str(&operators_word(&text));
    }
    w.open_array();
    for block in elements_of(content) {
        let members = members_of(block);
        let is_text = word(&members, "type").as_deref() == Some("text");
        let Some(text) = word(&members, "text").filter(|_| is_text) else {
            w.raw(block);
            continue;
        };
        w.open_object();
        for (key, value) in &members.0 {
            w.key_escaped(key);
            match key == "text" {
                true => w.str(&operators_word(&text)),
                false => w.raw(value),
            }
        }
        w.close_object();
    }
    w.close_array();
}

// === impl Message ===

impl<'m> Message<'m> {
    fn read(index: usize, raw: &'m RawValue) -> Self {
        let members = members_of(raw);
        let role = match word(&members, "role").as_deref() {
            Some("system") => Role::System,
            Some("assistant") => Role::Assistant,
            Some(_) | None => Role::Other,
        };
        Self { raw, members, role, index }
    }
}
