//! Makes tool names and tool-use ids legal for Bedrock, and names legible again for the client.
//!
//! 1. Names become `[a-zA-Z0-9_-]{1,64}` (Converse `toolSpec.name`); a changed name ends in a hash of
//!    the original, so two names never meet, and the same name always maps to the same legal one
//!    (prompt caches stay warm).
//! 2. The way back is a table that lives as long as the request, not a global one.
//! 3. Ids only travel towards the model, on both sides of a call; their mapping needs no way back.

use std::borrow::Cow;

use outcrop_model::chat::{Block, Tool, ToolChoice};
use outcrop_model::{At, BlockKind, ChatRequest, ChatResponse, Event, Opening, hash};

/// Longest name and id that Bedrock accepts.
const MAX_LEN: usize = 64;

/// How the caller calls the tools: the names that had to change, and the form of a call.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ToolNames {
    /// (legal, original)
    renamed: Vec<(String, String)>,
    form: CallForm,
}

/// In what form an OpenAI client wants to read a call.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum CallForm {
    #[default]
    ToolCalls,
    /// `function_call`, for who sent `functions`.
    FunctionCall,
}

// === impl ToolNames ===

impl ToolNames {
    /// Rewrites every tool name and tool-use id of a request to its legal form.
    pub fn legalise(request: &mut ChatRequest<'_>) -> Self {
        let is_legacy = |tool: &Tool<'_>| matches!(tool.at, At::Element("functions", _));
        let form = match !request.tools.is_empty() && request.tools.iter().all(is_legacy) {
            true => CallForm::FunctionCall,
            false => CallForm::ToolCalls,
        };
        let mut names = Self { renamed: Vec::new(), form };
        for tool in &mut request.tools {
            names.rename(&mut tool.name);
        }
        if let Some(ToolChoice::Named(name)) = &mut request.tool_choice {
            names.rename(name);
        }
        for turn in &mut request.turns {
            for block in &mut turn.blocks {
                names.legalise_block(block);
            }
        }
        names
    }

    fn legalise_block(&mut self, block: &mut Block<'_>) {
        match &mut block.kind {
            BlockKind::ToolUse(call) => {
                self.rename(&mut call.name);
                legal_id(&mut call.id);
            }
            BlockKind::ToolResult(result) => legal_id(&mut result.id),
            BlockKind::Text(_)
            | BlockKind::Media(_)
            | BlockKind::Thinking { .. }
            | BlockKind::Redacted(_)
            | BlockKind::Foreign { .. } => {}
        }
    }

    fn rename(&mut self, name: &mut Cow<'_, str>) {
        if is_legal(name) {
            return;
        }
        let legal = legal_form(name);
        if !self.renamed.iter().any(|(l, _)| *l == legal) {
            self.renamed.push((legal.clone(), name.to_string()));
        }
        *name = Cow::Owned(legal);
    }

    /// The client's own spelling of a name that the model used.
    pub fn restore<'n>(&'n self, name: &'n str) -> &'n str {
        self.renamed.iter().find(|(legal, _)| legal == name).map_or(name, |(_, original)| original)
    }

    pub fn call_form(&self) -> CallForm {
        self.form
    }

    /// Whether no name had to change.
    pub fn is_empty(&self) -> bool {
        self.renamed.is_empty()
    }

    pub fn restore_response(&self, response: &mut ChatResponse<'_>) {
        for block in &mut response.blocks {
            if let BlockKind::ToolUse(call) = &mut block.kind {
                let original = self.restore(&call.name);
                if original != call.name {
                    call.name = Cow::Owned(original.to_owned());
                }
            }
        }
    }

    /// Hands on `event` with the client's own tool name in it.
    pub fn restore_event<R>(&self, event: &Event<'_>, next: impl FnOnce(&Event<'_>) -> R) -> R {
        match event {
            Event::Open { index, block: Opening::ToolUse { id, name } } if !self.is_empty() => {
                let block = Opening::ToolUse {
                    id: Cow::Borrowed(id),
                    name: Cow::Borrowed(self.restore(name)),
                };
                next(&Event::Open { index: *index, block })
            }
            other => next(other),
        }
    }
}

fn legal_id(id: &mut Cow<'_, str>) {
    if !is_legal(id) {
        *id = Cow::Owned(legal_form(id));
    }
}

/// `word` if Bedrock takes it as a tool's name, else the name that stands in for it.
pub fn legal(word: &str) -> Cow<'_, str> {
    match is_legal(word) {
        true => Cow::Borrowed(word),
        false => Cow::Owned(legal_form(word)),
    }
}

fn is_legal(word: &str) -> bool {
    (1..=MAX_LEN).contains(&word.len()) && word.bytes().all(is_legal_byte)
}

fn is_legal_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn legal_form(word: &str) -> String {
    const HASH: usize = 13; // `_` and twelve hex digits
    let mut legal: String = word
        .chars()
        .map(|c| if c.is_ascii() && is_legal_byte(c as u8) { c } else { '_' })
        .collect();
    legal.truncate(MAX_LEN - HASH);
    legal.push('_');
    legal.push_str(&hash::long(word));
    legal
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn legal_words_stay() {
        for word in ["get_weather", "a", "call_AbC-123"] {
            assert!(is_legal(word));
        }
        for word in ["", "a.b", "tool name", "größe", &"x".repeat(65)] {
            assert!(!is_legal(word) && is_legal(&legal_form(word)), "{word}");
        }
    }

    proptest! {
        #[test]
        fn quirk_37_tool_names_are_bijective(name in "\\PC{1,100}") {
            let mut names = ToolNames::default();
            let mut legal = Cow::Owned(name.clone());
            names.rename(&mut legal);
            prop_assert!(is_legal(&legal));
            prop_assert_eq!(names.restore(&legal), name);
        }

        #[test]
        fn different_names_stay_different(a in "[a-z./ ]{1,90}", b in "[a-z./ ]{1,90}") {
            prop_assume!(a != b);
            let (mut x, mut y) = (Cow::Owned(a), Cow::Owned(b));
            let mut names = ToolNames::default();
            names.rename(&mut x);
            names.rename(&mut y);
            prop_assert_ne!(x, y);
        }
    }
}
