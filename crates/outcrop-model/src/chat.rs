//! The intermediate representation of a chat: a superset of the dialects, made of blocks.
//!
//! 1. Whatever a decoder does not understand stays in the IR: members as `extra`, whole blocks as
//!    [`BlockKind::Foreign`].
//! 2. Every node that can be lost knows where it came from ([`At`]).
//! 3. Text, base64 and raw JSON borrow from the body they were read from.

use std::borrow::Cow;

use crate::at::At;
use crate::citation::Citation;
use crate::json::{Extra, Json};
use crate::stop::StopReason;
use crate::usage::Usage;

/// How much a model may think, from least to most.
pub const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// A chat request, whatever dialect it came in.
#[derive(Debug, Clone, Default)]
pub struct ChatRequest<'a> {
    pub model: Cow<'a, str>,
    /// System text before the conversation, in order.
    pub system: Vec<Block<'a>>,
    pub turns: Vec<Turn<'a>>,
    pub tools: Vec<Tool<'a>>,
    pub tool_choice: Option<ToolChoice<'a>>,
    /// Whether the model may call several tools in one turn; `None` leaves it to the model.
    pub parallel_tools: Option<bool>,
    /// Upper bound of the answer in tokens.
    pub max_tokens: Option<u64>,
    /// In the caller's own range (`temperature_max`), e.g. 0..=2 for OpenAI, 0..=1 for Anthropic.
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub stop_sequences: Vec<Cow<'a, str>>,
    pub thinking: Option<Thinking<'a>>,
    /// One of [`EFFORTS`], or a word that a model has beside them.
    pub effort: Option<Cow<'a, str>>,
    pub format: Option<OutputFormat<'a>>,
    pub service_tier: Option<Cow<'a, str>>,
    /// Bedrock's latency mode: `optimized` or `standard`.
    pub latency: Option<Cow<'a, str>>,
    /// An opaque id of the caller's end user.
    pub user: Option<Cow<'a, str>>,
    /// Key-value pairs for the operator's own accounting.
    pub metadata: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub stream: bool,
    /// Beta features that the caller switched on (`anthropic-beta`).
    pub betas: Vec<Cow<'a, str>>,
    /// JSON paths of members whose meaning has a place in the IR, keyed by what they are called here.
    pub names: Names,
    pub extra: Extra<'a>,
}

/// How the caller's dialect spells the IR's top-level members, so that losses name the caller's own path.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    pub turns: &'static str,
    pub max_tokens: &'static str,
    pub stop_sequences: &'static str,
    pub thinking: &'static str,
    pub effort: &'static str,
    pub format: &'static str,
    /// The JSON schema inside `format`.
    pub schema: &'static str,
    /// A tool's schema inside the tool.
    pub tool_schema: &'static str,
    pub user: &'static str,
    pub parallel_tools: &'static str,
    pub betas: &'static str,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            turns: "messages",
            max_tokens: "max_tokens",
            stop_sequences: "stop_sequences",
            thinking: "thinking",
            effort: "output_config.effort",
            format: "output_config.format",
            schema: "output_config.format.schema",
            tool_schema: "input_schema",
            user: "metadata.user_id",
            parallel_tools: "tool_choice.disable_parallel_tool_use",
            betas: "anthropic-beta",
        }
    }
}

/// One turn of the conversation.
#[derive(Debug, Clone, Default)]
pub struct Turn<'a> {
    pub role: Role,
    pub blocks: Vec<Block<'a>>,
    pub at: At,
    pub extra: Extra<'a>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Role {
    #[default]
    User,
    Assistant,
    /// A system or developer message in the middle of the conversation.
    System,
}

/// One block of content.
#[derive(Debug, Clone)]
pub struct Block<'a> {
    pub kind: BlockKind<'a>,
    /// What the text rests on; only text has any.
    pub citations: Vec<Citation<'a>>,
    /// Set when the prompt is to be cached up to and including this block.
    pub cache: Option<CacheTtl>,
    pub at: At,
    pub extra: Extra<'a>,
}

#[derive(Debug, Clone)]
pub enum BlockKind<'a> {
    Text(Cow<'a, str>),
    Media(Media<'a>),
    ToolUse(ToolUse<'a>),
    ToolResult(ToolResult<'a>),
    Thinking {
        text: Cow<'a, str>,
        signature: Option<Cow<'a, str>>,
    },
    /// Encrypted thinking, base64.
    Redacted(Cow<'a, str>),
    /// A block that this version does not know; `kind` is the word that named it.
    Foreign {
        kind: Cow<'a, str>,
        raw: Json<'a>,
    },
}

#[derive(Debug, Clone)]
pub struct Media<'a> {
    pub kind: MediaKind,
    /// MIME type as the caller gave it, e.g. `image/png`; empty when unknown.
    pub mime: Cow<'a, str>,
    pub source: MediaSource<'a>,
    /// File name or title.
    pub name: Option<Cow<'a, str>>,
    /// What the caller says about the document.
    pub context: Option<Cow<'a, str>>,
    /// Whether the answer is to cite the document.
    pub citations: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    Image,
    Document,
    Audio,
    Video,
}

#[derive(Debug, Clone)]
pub enum MediaSource<'a> {
    Base64(Cow<'a, str>),
    /// An address that the model's side would have to fetch.
    Url(Cow<'a, str>),
    /// A file uploaded elsewhere.
    FileId(Cow<'a, str>),
    /// Plain text as a document.
    Text(Cow<'a, str>),
    /// A document made of text blocks.
    Blocks(Vec<Cow<'a, str>>),
}

#[derive(Debug, Clone)]
pub struct ToolUse<'a> {
    pub id: Cow<'a, str>,
    pub name: Cow<'a, str>,
    /// A JSON object.
    pub input: Json<'a>,
}

#[derive(Debug, Clone)]
pub struct ToolResult<'a> {
    pub id: Cow<'a, str>,
    pub content: Vec<Block<'a>>,
    pub is_error: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheTtl {
    /// The model's default lifetime (five minutes), asked for without naming it.
    Default,
    FiveMinutes,
    OneHour,
}

#[derive(Debug, Clone)]
pub struct Tool<'a> {
    pub name: Cow<'a, str>,
    pub description: Option<Cow<'a, str>>,
    /// JSON Schema of the input; absent for tools that the vendor defines.
    pub schema: Option<Json<'a>>,
    pub strict: Option<bool>,
    /// The vendor's type word when the tool is not a plain function, e.g. `bash_20250124`; with the tool as written.
    pub vendor: Option<(Cow<'a, str>, Json<'a>)>,
    pub cache: Option<CacheTtl>,
    pub at: At,
    pub extra: Extra<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice<'a> {
    Auto,
    /// Some tool must be called.
    Any,
    None,
    Named(Cow<'a, str>),
}

/// What the caller says about thinking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thinking<'a> {
    /// Think with a budget of tokens.
    Budget {
        tokens: u64,
        display: Option<Cow<'a, str>>,
    },
    /// The model decides how much.
    Adaptive {
        display: Option<Cow<'a, str>>,
    },
    Disabled,
}

#[derive(Debug, Clone)]
pub enum OutputFormat<'a> {
    /// Any JSON object.
    JsonObject,
    JsonSchema {
        name: Option<Cow<'a, str>>,
        description: Option<Cow<'a, str>>,
        schema: Json<'a>,
        strict: Option<bool>,
    },
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct ChatResponse<'a> {
    /// The upstream's own message id.
    pub id: Option<Cow<'a, str>>,
    pub blocks: Vec<Block<'a>>,
    pub stop: StopReason,
    pub usage: Usage,
    pub extra: Extra<'a>,
}

// === impl Block ===

impl<'a> Block<'a> {
    pub fn new(kind: BlockKind<'a>, at: At) -> Self {
        Self { kind, citations: Vec::new(), cache: None, at, extra: Vec::new() }
    }

    pub fn text(text: impl Into<Cow<'a, str>>, at: At) -> Self {
        Self::new(BlockKind::Text(text.into()), at)
    }
}
