//! Reasoning that stands at the beginning of a text, between tags (gpt-oss on Bedrock; protocol facts 4.2).
//!
//! 1. However the text is split, what comes out is the same.
//! 2. Only what may still become a tag is held back.
//! 3. Tags anywhere but at the beginning are text.

use std::borrow::Cow;

use super::{TEXT, THINKING};

const OPEN: &str = "<reasoning>";
const CLOSE: &str = "</reasoning>";

#[derive(Debug, Default)]
pub(super) struct Tags {
    state: State,
    held: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Beginning,
    Inside,
    Outside,
}

type Say<'s> = &'s mut dyn FnMut(u32, &str);

/// The thinking and the text of a whole content.
pub(super) fn split(content: Cow<'_, str>) -> (Option<Cow<'_, str>>, Cow<'_, str>) {
    let inside = content.strip_prefix(OPEN);
    let Some((thinking, text)) = inside.and_then(|inside| inside.split_once(CLOSE)) else {
        return (None, content);
    };
    (Some(thinking.to_owned().into()), text.to_owned().into())
}

// === impl Tags ===

impl Tags {
    pub(super) fn push(&mut self, piece: &str, say: Say<'_>) {
        if self.state == State::Outside {
            return say(TEXT, piece);
        }
        self.held.push_str(piece);
        if self.state == State::Beginning {
            if self.held.starts_with(OPEN) {
                self.held.drain(..OPEN.len());
                self.state = State::Inside;
            } else if OPEN.starts_with(self.held.as_str()) {
                return;
            } else {
                self.state = State::Outside;
                return say(TEXT, &std::mem::take(&mut self.held));
            }
        }
        if let Some((thinking, text)) = self.held.split_once(CLOSE) {
            say(THINKING, thinking);
            say(TEXT, text);
            self.held.clear();
            self.state = State::Outside;
            return;
        }
        let kept = possible_tag(&self.held);
        let rest = self.held.split_off(self.held.len() - kept);
        say(THINKING, &self.held);
        self.held = rest;
    }

    /// Nothing more will come.
    pub(super) fn flush(&mut self, say: Say<'_>) {
        let index = if self.state == State::Inside { THINKING } else { TEXT };
        say(index, &std::mem::take(&mut self.held));
    }
}

/// How many bytes at the end may be the beginning of the closing tag.
fn possible_tag(text: &str) -> usize {
    let most = text.len().min(CLOSE.len() - 1);
    (1..=most).rev().find(|length| text.ends_with(&CLOSE[..*length])).unwrap_or(0)
}
