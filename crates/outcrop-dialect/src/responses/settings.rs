//! What only the answer's shape depends on.

use super::tools::ToolShapes;

/// Settings of an answer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Members of the answer that repeat the request, without braces: `"instructions":…,"tools":…`.
    pub(super) echo: Vec<u8>,
    pub(super) shapes: ToolShapes,
    /// Whether people are to read the model's thinking.
    pub(super) summary: bool,
    /// What the model was told, as a JSON list of items, if the answer is to be kept.
    pub(super) conversation: Option<String>,
}

// === impl Settings ===

impl Settings {
    /// The items to keep with the answer; `None` if it is not to be kept.
    pub fn conversation(&self) -> Option<&str> {
        self.conversation.as_deref()
    }
}
