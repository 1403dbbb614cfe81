//! Where an image or document has its bytes, as it stands in the JSON.

use std::borrow::Cow;

use outcrop_model::chat::MediaSource;
use outcrop_model::json::{Content, Extra, Json, next_str};
use serde::de::{Deserialize, Deserializer, MapAccess};
use serde_json::value::RawValue;

use super::part::{Kind, Part};
use super::tagged::{Tagged, keep, next_raw, read_tagged};
use crate::write::JsonWriter;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum SourceKind {
    #[default]
    Unknown,
    Base64,
    Url,
    File,
    Text,
    Content,
}

#[derive(Debug, Default)]
pub(super) struct Source<'a> {
    pub kind: SourceKind,
    pub word: Option<Cow<'a, str>>,
    pub mime: Option<Cow<'a, str>>,
    /// `data`, `url` or `file_id`, whichever the kind has.
    pub data: Option<Cow<'a, str>>,
    pub content: Option<&'a RawValue>,
    pub extra: Extra<'a>,
}

/// What a source turned out to be.
pub(super) enum Found<'a> {
    Known(MediaSource<'a>),
    /// The named member is not there.
    Missing(&'static str),
    /// Nothing the IR has a place for.
    Foreign,
}

impl<'de> Deserialize<'de> for Source<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_tagged(deserializer)
    }
}

impl<'de> Tagged<'de> for Source<'de> {
    const WHAT: &'static str = "a source, which is an object with a `type`";

    fn tag(&mut self, tag: Cow<'de, str>) {
        self.kind = match tag.as_ref() {
            "base64" => SourceKind::Base64,
            "url" => SourceKind::Url,
            "file" => SourceKind::File,
            "text" => SourceKind::Text,
            "content" => SourceKind::Content,
            _ => SourceKind::Unknown,
        };
        self.word = Some(tag);
    }

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        use SourceKind as K;
        match (self.kind, key.as_ref()) {
            (K::Base64 | K::Text, "media_type") => self.mime = next_str(map)?,
            (K::Base64 | K::Text, "data") | (K::Url, "url") | (K::File, "file_id") => {
                self.data = next_str(map)?;
            }
            (K::Content, "content") => self.content = next_raw(map)?,
            (K::Unknown | K::Base64 | K::Url | K::File | K::Text | K::Content, _) => {
                keep(&mut self.extra, key, map)?;
            }
        }
        Ok(())
    }
}

// === impl Source ===

impl<'a> Source<'a> {
    /// The bytes' place in the IR.
    pub fn find(&self) -> Found<'a> {
        let data = |member: &'static str, make: fn(Cow<'a, str>) -> MediaSource<'a>| {
            self.data.clone().map_or(Found::Missing(member), |data| Found::Known(make(data)))
        };
        match self.kind {
            SourceKind::Base64 => data("data", MediaSource::Base64),
            SourceKind::Text => data("data", MediaSource::Text),
            SourceKind::Url => data("url", MediaSource::Url),
            SourceKind::File => data("file_id", MediaSource::FileId),
            SourceKind::Content => match self.content {
                None => Found::Missing("content"),
                Some(raw) => plain_texts(raw)
                    .map_or(Found::Foreign, |texts| Found::Known(MediaSource::Blocks(texts))),
            },
            SourceKind::Unknown if self.word.is_none() => Found::Missing("type"),
            SourceKind::Unknown => Found::Foreign,
        }
    }

    /// Writes the source as it came, up to the order of its members.
    pub fn write(&self, w: &mut JsonWriter<'_>) {
        let Source { kind, word, mime, data, content, extra } = self;
        w.open_object();
        if let Some(word) = word {
            w.member_str("type", word);
        }
        if let Some(mime) = mime {
            w.member_str("media_type", mime);
        }
        if let Some(data) = data {
            match kind {
                SourceKind::Url => w.member_str("url", data),
                SourceKind::File => w.member_str("file_id", data),
                SourceKind::Base64
                | SourceKind::Text
                | SourceKind::Content
                | SourceKind::Unknown => w.member_str("data", data),
            }
        }
        if let Some(content) = content {
            w.member_raw("content", content);
        }
        write_extra(w, extra);
        w.close_object();
    }
}

/// The texts of a content source, if it holds nothing but plain text.
fn plain_texts(raw: &RawValue) -> Option<Vec<Cow<'_, str>>> {
    // A content that cannot be read is no loss: the block then stays foreign, with this raw inside.
    match serde_json::from_str::<Content<'_, Part<'_>>>(raw.get()).ok()? {
        Content::Absent => None,
        Content::Text(text) => Some(vec![text]),
        Content::Parts(parts) => parts
            .into_iter()
            .map(|part| match part {
                Part {
                    kind: Kind::Text,
                    text: Some(text),
                    cache: None,
                    citations: None,
                    extra,
                    ..
                } if extra.is_empty() => Some(text),
                _ => None,
            })
            .collect(),
    }
}

pub(super) fn write_extra(w: &mut JsonWriter<'_>, extra: &Extra<'_>) {
    for (key, raw) in extra {
        w.key_escaped(key);
        w.raw(raw);
    }
}

/// Bytes that this crate has just written as JSON, as a raw value.
pub(super) fn written(bytes: Vec<u8>) -> Json<'static> {
    let text = String::from_utf8(bytes).unwrap_or_default();
    match serde_json::value::RawValue::from_string(text) {
        Ok(raw) => Cow::Owned(raw),
        Err(_) => Cow::Borrowed(RawValue::NULL),
    }
}
