//! A content block as it stands in the JSON, in requests, answers and stream events alike.
//!
//! A block whose `type` is not known here keeps all its members raw and becomes foreign.

use std::borrow::Cow;

use outcrop_model::json::{Content, Extra, next_str};
use serde::de::{Deserialize, Deserializer, MapAccess};
use serde_json::value::RawValue;

use super::source::Source;
use super::tagged::{Tagged, keep, next_raw, read_tagged};

/// The block types that the IR has a place for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Unknown,
    Text,
    Image,
    Document,
    ToolUse,
    ToolResult,
    Thinking,
    Redacted,
}

/// Members of every known block type; which ones are read is decided by `kind`.
#[derive(Debug, Default)]
pub(super) struct Part<'a> {
    pub kind: Kind,
    /// The word in `type`.
    pub word: Option<Cow<'a, str>>,
    /// `text`, `thinking` or `data`, whichever the kind has.
    pub text: Option<Cow<'a, str>>,
    pub signature: Option<Cow<'a, str>>,
    /// `id` or `tool_use_id`.
    pub id: Option<Cow<'a, str>>,
    pub name: Option<Cow<'a, str>>,
    pub input: Option<&'a RawValue>,
    pub content: Content<'a, Part<'a>>,
    pub is_error: Option<bool>,
    pub source: Option<Source<'a>>,
    pub title: Option<Cow<'a, str>>,
    pub context: Option<Cow<'a, str>>,
    pub citations: Option<&'a RawValue>,
    pub cache: Option<&'a RawValue>,
    pub extra: Extra<'a>,
}

impl<'de> Deserialize<'de> for Part<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_tagged(deserializer)
    }
}

impl<'de> Tagged<'de> for Part<'de> {
    const WHAT: &'static str = "a content block, which is an object with a `type`";

    fn tag(&mut self, tag: Cow<'de, str>) {
        self.kind = Kind::parse(&tag);
        self.word = Some(tag);
    }

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        use Kind as K;
        match (self.kind, key.as_ref()) {
            (K::Unknown, _) => keep(&mut self.extra, key, map)?,
            (_, "cache_control") => self.cache = next_raw(map)?,
            (K::Text, "text") | (K::Thinking, "thinking") | (K::Redacted, "data") => {
                self.text = next_str(map)?;
            }
            (K::Thinking, "signature") => self.signature = next_str(map)?,
            (K::ToolUse, "id") | (K::ToolResult, "tool_use_id") => self.id = next_str(map)?,
            (K::ToolUse, "name") => self.name = next_str(map)?,
            (K::ToolUse, "input") => self.input = next_raw(map)?,
            (K::ToolResult, "content") => self.content = map.next_value()?,
            (K::ToolResult, "is_error") => self.is_error = map.next_value()?,
            (K::Image | K::Document, "source") => self.source = map.next_value()?,
            (K::Document, "title") => self.title = next_str(map)?,
            (K::Document, "context") => self.context = next_str(map)?,
            (K::Document | K::Text, "citations") => self.citations = next_raw(map)?,
            (
                K::Text
                | K::Image
                | K::Document
                | K::ToolUse
                | K::ToolResult
                | K::Thinking
                | K::Redacted,
                _,
            ) => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

impl Kind {
    fn parse(word: &str) -> Self {
        match word {
            "text" => Kind::Text,
            "image" => Kind::Image,
            "document" => Kind::Document,
            "tool_use" => Kind::ToolUse,
            "tool_result" => Kind::ToolResult,
            "thinking" => Kind::Thinking,
            "redacted_thinking" => Kind::Redacted,
            _ => Kind::Unknown,
        }
    }
}
