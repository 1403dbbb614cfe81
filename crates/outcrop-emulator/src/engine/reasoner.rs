//! Reasoner: thinks aloud about the last user text, signed where the model signs.

use super::{last_user_text, seal};
use crate::models::Model;
use crate::words::{AnswerPart, Prompt};

/// Characters of the user's text that are thought about.
const SHOWN: usize = 200;

pub(super) fn part(prompt: &Prompt, model: &Model) -> AnswerPart {
    let text: String = last_user_text(prompt).chars().take(SHOWN).collect();
    thinking(&format!("The user said: {text}\nI will answer plainly."), model)
}

/// A thinking part with the signature the model would give it.
pub(super) fn thinking(text: &str, model: &Model) -> AnswerPart {
    let signature = if model.signed_thinking { seal::sign(text) } else { String::new() };
    AnswerPart::Thinking { text: text.to_owned(), signature }
}
