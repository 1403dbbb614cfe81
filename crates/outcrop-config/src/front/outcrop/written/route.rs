//! Names for models, and routes, as they are written.

use schemars::JsonSchema;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, Serialize};

use super::{BodyStep, HeaderStep, Policy, is_default};
use crate::front::outcrop::short::{Brief, Many, Short, Table};
use crate::words;

/// What a name stands for. A text is the model.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// A model id, inference-profile id, ARN or built-in name. A `*` in it is what the name's `*` matched.
    pub model: String,
    /// Whether `GET /v1/models` lists the name. Without it: names without `*` are listed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub listed: Option<bool>,
    /// What the name is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub name_is: NameIs,
}

/// What a name is.
#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NameIs {
    /// A pattern: `*` stands for any characters.
    #[default]
    Pattern,
    /// A name in which `*` is a character as any.
    Exact,
    /// A regular expression over the whole name.
    Regex,
}

/// Requests that go the same way.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// In receipts, metrics and limits.
    pub name: String,
    /// Which requests: those that fit any of these. Without it: all.
    #[serde(default, skip_serializing_if = "is_default", rename = "match")]
    pub matches: Many<Match>,
    /// Only those of these listeners.
    #[serde(default, skip_serializing_if = "is_default")]
    pub listeners: Many<String>,
    /// What the paths of the requests mean.
    #[serde(default, skip_serializing_if = "is_default")]
    pub surface: Short<Surface>,
    /// Where to send them. Without it: to the only backend.
    #[serde(default, skip_serializing_if = "is_default")]
    pub targets: Many<Short<Target>>,
    /// How to treat them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub policy: Policy,
    /// The owner of the route's models in `GET /v1/models`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub owned_by: Option<String>,
}

/// Conditions that must all hold.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// The whole path.
    #[serde(skip_serializing_if = "is_default")]
    pub path: Option<String>,
    /// The beginning of the path, in whole segments.
    #[serde(skip_serializing_if = "is_default")]
    pub path_prefix: Option<String>,
    /// A regular expression over the whole path.
    #[serde(skip_serializing_if = "is_default")]
    pub path_regex: Option<String>,
    /// Names of hosts, `*.` and a domain, or a name's beginning and `.*`.
    #[serde(skip_serializing_if = "is_default")]
    pub host: Many<String>,
    /// `GET`, `POST`, …
    #[serde(skip_serializing_if = "is_default")]
    pub method: Option<String>,
    /// Headers by name.
    #[serde(skip_serializing_if = "is_default")]
    pub headers: Table<Short<Pattern>>,
    /// Parameters of the query by name.
    #[serde(skip_serializing_if = "is_default")]
    pub query: Table<Short<Pattern>>,
    /// The model that the caller names, after `models`.
    #[serde(skip_serializing_if = "is_default")]
    pub model: Option<Short<Pattern>>,
}

/// A pattern over a text. A text is one in which `*` stands for any characters; `*` alone asks that the
/// thing is there.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// This, in which `*` is a character as any.
    Exact(String),
    /// Begins with this.
    Prefix(String),
    /// Ends with this.
    Suffix(String),
    /// `*` stands for any characters.
    Wildcard(String),
    /// A regular expression over the whole.
    Regex(String),
    /// It is there; written `*`.
    #[serde(skip)]
    Any,
}

/// What the paths of a route mean. A text is `by_path`, or the surface that they always are.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// What they are by the gateway's own paths.
    #[default]
    ByPath,
    /// The same after this prefix.
    Under(String),
    /// What the end of the path says.
    BySuffix(BySuffix),
    /// Always this one.
    #[serde(skip)]
    Fixed(SurfaceWord),
}

/// What the end of the path says: the first that fits.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BySuffix {
    /// Ends of paths, and what they mean.
    pub suffixes: Table<SurfaceWord>,
    /// What paths that end in none of them are.
    pub otherwise: SurfaceWord,
}

/// The gateway's surfaces.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SurfaceWord {
    /// OpenAI's Chat Completions.
    ChatCompletions,
    /// OpenAI's legacy Completions.
    Completions,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Messages,
    /// Anthropic's counting of tokens.
    CountMessages,
    /// OpenAI's Embeddings.
    Embeddings,
    /// OpenAI's Images.
    Images,
    /// Cohere's Rerank.
    Rerank,
    /// The list of models.
    Models,
    /// The chat of the Bedrock skill for Kong Gateway.
    KongChat,
    /// Bedrock's own paths.
    Bedrock,
}

const BY_PATH: &str = "by_path";

/// What a surface can be in a word: the words of [`SurfaceWord`], and one more.
const SURFACES: [&str; 12] = [
    BY_PATH,
    "chat_completions",
    "completions",
    "responses",
    "messages",
    "count_messages",
    "embeddings",
    "images",
    "rerank",
    "models",
    "kong_chat",
    "bedrock",
];

/// A place to send to. A text is the backend.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Name of a backend.
    pub backend: String,
    /// The model to ask for, whatever the caller named.
    #[serde(default, skip_serializing_if = "is_default")]
    pub model: Option<String>,
    /// The model to ask for where the caller names none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub default_model: Option<String>,
    /// Share among the targets of the same priority; 0 takes none. Without it: 1.
    #[serde(default, skip_serializing_if = "is_default")]
    pub weight: Option<u32>,
    /// Lower comes first, higher ones are for when those fail. Without it: 0.
    #[serde(default, skip_serializing_if = "is_default")]
    pub priority: u32,
    /// Changes to headers, after the route's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub headers: Many<HeaderStep>,
    /// Changes to the body, after the route's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub body: Many<BodyStep>,
}

impl Brief for Model {
    const TEXT: &'static str = "The model.";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self { model: text.to_owned(), listed: None, name_is: NameIs::Pattern })
    }

    fn as_text(&self) -> Option<String> {
        let Self { model, listed, name_is } = self;
        (listed.is_none() && *name_is == NameIs::Pattern).then(|| model.clone())
    }
}

impl Brief for Surface {
    const TEXT: &'static str = "`by_path`, or the surface that all paths are.";
    const WORDS: &'static [&'static str] = &SURFACES;

    fn from_text(text: &str) -> Result<Self, String> {
        if text == BY_PATH {
            return Ok(Self::ByPath);
        }
        let word: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
        SurfaceWord::deserialize(word).map(Self::Fixed).map_err(|_| {
            let instead = words::instead(text, SURFACES).unwrap_or_default();
            format!("`{text}` is no surface: {instead}")
        })
    }

    fn as_text(&self) -> Option<String> {
        match self {
            Self::ByPath => Some(BY_PATH.to_owned()),
            Self::Fixed(word) => serde_json::to_value(word).ok()?.as_str().map(str::to_owned),
            Self::Under(_) | Self::BySuffix(_) => None,
        }
    }
}

impl Brief for Pattern {
    const TEXT: &'static str =
        "A text in which `*` stands for any characters; `*` alone: it is there.";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok((&crate::route::Pattern::with_stars(text)).into())
    }

    fn as_text(&self) -> Option<String> {
        let text = match self {
            Self::Exact(text) | Self::Wildcard(text) => text.clone(),
            Self::Prefix(start) => format!("{start}*"),
            Self::Suffix(end) => format!("*{end}"),
            Self::Any => "*".to_owned(),
            Self::Regex(_) => return None,
        };
        (Self::from_text(&text).as_ref() == Ok(self)).then_some(text)
    }
}

impl Brief for Target {
    const TEXT: &'static str = "The backend.";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self {
            backend: text.to_owned(),
            model: None,
            default_model: None,
            weight: None,
            priority: 0,
            headers: Many::default(),
            body: Many::default(),
        })
    }

    fn as_text(&self) -> Option<String> {
        let plain = Self::from_text(&self.backend).ok()?;
        (*self == plain).then(|| self.backend.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_surface_has_its_word() {
        for word in SURFACES {
            let surface = Surface::from_text(word);
            assert_eq!(surface.ok().and_then(|surface| surface.as_text()).as_deref(), Some(word));
        }
        let none: StrDeserializer<'_, serde::de::value::Error> = "none".into_deserializer();
        let error = SurfaceWord::deserialize(none).err().map(|error| error.to_string());
        let all =
            SURFACES[1..].iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        assert_eq!(error, Some(format!("unknown variant `none`, expected one of {all}")));
    }
}
