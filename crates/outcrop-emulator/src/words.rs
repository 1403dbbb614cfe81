//! The emulator's own plain words for a prompt and its answer.
//!
//! Every request body (Converse, and each model family's native body) is read into a [`Prompt`];
//! an engine turns a `Prompt` into an [`Answer`]; every response body and stream is written from
//! an `Answer`. Nothing here knows JSON field names of a dialect, and nothing is shared with the gateway.

use serde_json::Value;

/// What the caller asked, whatever body it came in.
#[derive(Debug, Clone, Default)]
pub struct Prompt {
    pub system: Vec<String>,
    pub turns: Vec<Turn>,
    pub tools: Vec<Tool>,
    pub tool_choice: ToolChoice,
    /// Upper bound of the answer in emulated tokens; `None` when the caller set none.
    pub max_tokens: Option<u32>,
    pub stop_sequences: Vec<String>,
    /// Whether the caller asked the model to think before it answers.
    pub thinking: bool,
    /// The schema that the answer is made to fit.
    pub format: Option<Value>,
    /// The first source that the caller wants cited.
    pub citable: Option<Citation>,
}

/// A place in a source, and the words that stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    pub unit: Unit,
    /// Which source of its kind, counted from 0 over the whole conversation.
    pub index: usize,
    pub title: Option<String>,
    pub start: usize,
    pub end: usize,
    pub text: String,
}

/// What the start and the end of a citation are counted in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    Chars,
    Pages,
    Parts,
    /// Parts of a search result that came from this source.
    Result(String),
}

#[derive(Debug, Clone)]
pub struct Turn {
    pub role: Role,
    pub parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    User,
    Assistant,
    System,
}

/// One piece of a turn, reduced to what engines and the token count need.
#[derive(Debug, Clone)]
pub enum Part {
    Text(String),
    /// Image, document, video or audio: `kind` is that word, `bytes` the decoded length.
    Media {
        kind: &'static str,
        format: String,
        name: String,
        bytes: usize,
    },
    ToolUse {
        id: String,
        name: String,
        input: Value,
    },
    ToolResult {
        id: String,
        parts: Vec<Part>,
        is_error: bool,
    },
    Thinking {
        text: String,
        signature: Option<String>,
    },
    Redacted(Vec<u8>),
    CachePoint,
    /// A part with no meaning for an engine; the word names it.
    Other(String),
}

#[derive(Debug, Clone)]
pub struct Tool {
    pub name: String,
    pub description: String,
    pub schema: Value,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ToolChoice {
    #[default]
    Auto,
    Any,
    None,
    Named(String),
}

/// What an engine answers.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub parts: Vec<AnswerPart>,
    pub stop: Stop,
    pub usage: Usage,
    /// What the first text rests on.
    pub citation: Option<Citation>,
}

#[derive(Debug, Clone)]
pub enum AnswerPart {
    Text(String),
    Thinking { text: String, signature: String },
    Redacted(Vec<u8>),
    ToolUse { id: String, name: String, input: Value },
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Stop {
    #[default]
    EndTurn,
    ToolUse,
    MaxTokens,
    /// The stop sequence that was met.
    StopSequence(String),
    /// Any other stop reason, spelt as Bedrock spells it in `stopReason`.
    Other(String),
}

// === impl Citation ===

impl Citation {
    /// The beginning of a text.
    pub(crate) fn of_text(index: usize, title: Option<String>, text: &str) -> Self {
        let text: String = text.chars().take(CITED_CHARS).collect();
        Self { unit: Unit::Chars, index, title, start: 0, end: text.chars().count(), text }
    }

    /// The first page of a document; pages are counted from 1.
    pub(crate) fn of_pages(index: usize, title: Option<String>) -> Self {
        Self { unit: Unit::Pages, index, title, start: 1, end: 2, text: "(page 1)".into() }
    }

    /// The first part of a source that came in parts.
    pub(crate) fn of_parts(unit: Unit, index: usize, title: Option<String>, text: &str) -> Self {
        Self { unit, index, title, start: 0, end: 1, text: text.to_owned() }
    }
}

// === impl Answer ===

impl Answer {
    /// What the part at `index` rests on.
    pub(crate) fn citation_of(&self, index: usize) -> Option<&Citation> {
        let first = self.parts.iter().position(|part| matches!(part, AnswerPart::Text(_)));
        self.citation.as_ref().filter(|_| first == Some(index))
    }
}

/// Most characters of a text that are cited.
const CITED_CHARS: usize = 40;

/// Disjoint token buckets: `input` counts neither cache reads nor cache writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write_5m: u64,
    pub cache_write_1h: u64,
}
