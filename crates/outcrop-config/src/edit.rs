//! Changes to requests that the operator asks for.

/// Changes to the headers that are sent to Bedrock, in order.
pub type HeaderEdits = Vec<HeaderEdit>;
/// Changes to the caller's body, in order, before it is read.
pub type BodyEdits = Vec<BodyEdit>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderEdit {
    Set { name: String, value: String },
    Add { name: String, value: String },
    Remove { name: String },
}

/// A change to one member of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyEdit {
    Set {
        /// A member's name, or names joined by dots.
        path: String,
        /// JSON.
        value: String,
        mode: Mode,
    },
    Remove {
        path: String,
    },
    /// JSON messages put before and after the caller's.
    Prompt {
        prepend: Vec<Message>,
        append: Vec<Message>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Whatever the caller set.
    Override,
    /// Where the caller set nothing.
    Default,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub role: String,
    pub content: String,
}
