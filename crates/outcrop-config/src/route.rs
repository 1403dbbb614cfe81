//! Routes: which requests, to which targets, how.

use std::str::FromStr;

use crate::edit::{BodyEdits, HeaderEdits};
use crate::origin::Origin;
use crate::policy::Policy;

/// Requests that go the same way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Route {
    /// Unique; in receipts, metrics and limits.
    pub name: String,
    /// Names of listeners; empty: all.
    pub listeners: Vec<String>,
    /// Any of them; empty: every request.
    pub matches: Vec<Match>,
    pub surface: Surface,
    /// Never empty in a compiled configuration.
    pub targets: Vec<Target>,
    pub policy: Policy,
    /// Shown by `GET /v1/models` as the owner of the models that this route names.
    pub owned_by: Option<String>,
    pub origin: Origin,
}

/// Conditions that must all hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Match {
    /// Host names, exact, with a leading `*.` or with `.*` at the end; empty: any.
    pub hosts: Vec<String>,
    pub path: Option<PathMatch>,
    /// In upper case.
    pub method: Option<String>,
    pub headers: Vec<HeaderMatch>,
    pub query: Vec<HeaderMatch>,
    /// The model that the caller names, after the operator's own names are resolved.
    pub model: Option<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathMatch {
    Exact(String),
    /// Whole segments: `/bedrock` matches `/bedrock` and `/bedrock/x`, not `/bedrocks`.
    Prefix(String),
    /// A regular expression over the whole path.
    Regex(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderMatch {
    /// In lower case for headers.
    pub name: String,
    pub value: Pattern,
}

/// A pattern over a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    Exact(String),
    Prefix(String),
    Suffix(String),
    /// With `*` for any run of characters.
    Wildcard(String),
    /// Over the whole text.
    Regex(String),
    /// Present, whatever it is.
    Any,
}

/// What a path of the route means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Surface {
    /// By the gateway's own paths.
    #[default]
    ByPath,
    /// By the gateway's own paths after this prefix.
    Under(String),
    /// By the end of the path, the first that fits; a path that fits none is the last word's.
    BySuffix { suffixes: Vec<(String, SurfaceWord)>, otherwise: SurfaceWord },
    /// Always this one.
    Fixed(SurfaceWord),
}

/// The gateway's surfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SurfaceWord {
    ChatCompletions,
    Completions,
    Responses,
    Messages,
    CountMessages,
    Embeddings,
    Images,
    Rerank,
    Models,
    /// The chat of the Bedrock skill for Kong Gateway.
    KongChat,
    /// Bedrock's own paths.
    Bedrock,
}

/// One place to send to.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Name of a backend.
    pub backend: String,
    /// The model to ask for; `None`: the caller's.
    pub model: Option<String>,
    /// Whether `model` stands in only where the caller names none.
    pub model_is: ModelIs,
    /// Share among the targets of the same priority; 0 takes none.
    pub weight: u32,
    /// Lower comes first; higher ones are for when those fail.
    pub priority: u32,
    /// After the route's own.
    pub headers: HeaderEdits,
    pub body: BodyEdits,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ModelIs {
    /// In place of the caller's.
    #[default]
    Set,
    /// For callers that name none (or an empty one).
    Default,
}

// === impl Pattern ===

impl Pattern {
    /// `*` in `text` stands for any characters.
    pub fn with_stars(text: &str) -> Self {
        let stars = text.matches('*').count();
        match (text.strip_prefix('*'), text.strip_suffix('*')) {
            _ if stars == 0 => Self::Exact(text.to_owned()),
            (Some(""), _) => Self::Any,
            (Some(end), None) if stars == 1 => Self::Suffix(end.to_owned()),
            (None, Some(start)) if stars == 1 => Self::Prefix(start.to_owned()),
            (_, _) => Self::Wildcard(text.to_owned()),
        }
    }
}

// === impl SurfaceWord ===

impl SurfaceWord {
    /// Every surface with its word.
    pub const ALL: [(Self, &'static str); 11] = [
        (Self::ChatCompletions, "chat_completions"),
        (Self::Completions, "completions"),
        (Self::Responses, "responses"),
        (Self::Messages, "messages"),
        (Self::CountMessages, "count_messages"),
        (Self::Embeddings, "embeddings"),
        (Self::Images, "images"),
        (Self::Rerank, "rerank"),
        (Self::Models, "models"),
        (Self::KongChat, "kong_chat"),
        (Self::Bedrock, "bedrock"),
    ];

    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(surface, _)| *surface == self).map_or("", |(_, word)| word)
    }
}

impl FromStr for SurfaceWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(_, word)| *word == text);
        found.map(|(surface, _)| *surface).ok_or_else(|| {
            let words: Vec<&str> = Self::ALL.iter().map(|(_, word)| *word).collect();
            format!("no surface is called so; they are {}", words.join(", "))
        })
    }
}

// === impl Target ===

impl Target {
    /// The caller's model at `backend`, as the only one.
    pub fn new(backend: impl Into<String>) -> Self {
        Self {
            backend: backend.into(),
            model: None,
            model_is: ModelIs::Set,
            weight: 1,
            priority: 0,
            headers: HeaderEdits::default(),
            body: BodyEdits::default(),
        }
    }
}
