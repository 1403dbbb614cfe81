//! Content parts. In each the payload's key is the word that `type` names.

use std::borrow::Cow;

use outcrop_model::Fault;
use outcrop_model::json::{Extra, Object, Str, next_str, parse_raw, read_object};
use serde::de::{Deserialize, Deserializer, MapAccess};
use serde_json::value::RawValue;

use super::keep;

#[derive(Debug, Default)]
pub(in crate::openai) struct Part<'a> {
    pub kind: Option<Cow<'a, str>>,
    pub payload: Option<Payload<'a>>,
    pub cache_control: Option<&'a RawValue>,
    pub extra: Extra<'a>,
}

/// The part types that have a meaning here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::openai) enum PayloadKind {
    Text,
    Refusal,
    Image,
    Video,
    Audio,
    File,
}

#[derive(Debug)]
pub(in crate::openai) enum Payload<'a> {
    Text(Cow<'a, str>),
    Refusal(Cow<'a, str>),
    Image(UrlPart<'a>),
    /// Not OpenAI's own, but what compatible servers agree on.
    Video(UrlPart<'a>),
    Audio(AudioPart<'a>),
    File(FilePart<'a>),
}

/// `image_url` and `video_url`.
#[derive(Debug, Default)]
pub(in crate::openai) struct UrlPart<'a> {
    pub url: Option<Cow<'a, str>>,
    pub extra: Extra<'a>,
}

/// `input_audio`
#[derive(Debug, Default)]
pub(in crate::openai) struct AudioPart<'a> {
    pub data: Option<Cow<'a, str>>,
    pub format: Option<Cow<'a, str>>,
    pub extra: Extra<'a>,
}

/// `file`
#[derive(Debug, Default)]
pub(in crate::openai) struct FilePart<'a> {
    pub file_data: Option<Cow<'a, str>>,
    pub file_id: Option<&'a RawValue>,
    pub filename: Option<Cow<'a, str>>,
    pub extra: Extra<'a>,
}

// === impl PayloadKind ===

impl PayloadKind {
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "text" => Self::Text,
            "refusal" => Self::Refusal,
            "image_url" => Self::Image,
            "video_url" => Self::Video,
            "input_audio" => Self::Audio,
            "file" => Self::File,
            _ => return None,
        })
    }

    fn next<'de, A: MapAccess<'de>>(self, map: &mut A) -> Result<Payload<'de>, A::Error> {
        Ok(match self {
            Self::Text => Payload::Text(map.next_value::<Str<'de>>()?.0),
            Self::Refusal => Payload::Refusal(map.next_value::<Str<'de>>()?.0),
            Self::Image => Payload::Image(map.next_value()?),
            Self::Video => Payload::Video(map.next_value()?),
            Self::Audio => Payload::Audio(map.next_value()?),
            Self::File => Payload::File(map.next_value()?),
        })
    }

    /// Reads a payload that came before its `type`.
    pub fn parse_late<'a>(self, raw: &'a RawValue, path: &str) -> Result<Payload<'a>, Fault> {
        Ok(match self {
            Self::Text => Payload::Text(parse_raw::<Str<'a>>(raw, path)?.0),
            Self::Refusal => Payload::Refusal(parse_raw::<Str<'a>>(raw, path)?.0),
            Self::Image => Payload::Image(parse_raw(raw, path)?),
            Self::Video => Payload::Video(parse_raw(raw, path)?),
            Self::Audio => Payload::Audio(parse_raw(raw, path)?),
            Self::File => Payload::File(parse_raw(raw, path)?),
        })
    }
}

// === impl Part ===

impl<'de> Deserialize<'de> for Part<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for Part<'de> {
    const WHAT: &'static str = "a content part object";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match (&*key, &self.kind) {
            ("type", _) => self.kind = next_str(map)?,
            ("cache_control", _) => self.cache_control = map.next_value()?,
            (word, Some(kind)) if word == kind => match PayloadKind::parse(word) {
                Some(known) => self.payload = Some(known.next(map)?),
                None => keep(&mut self.extra, key, map)?,
            },
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

// === impl UrlPart ===

impl<'de> Deserialize<'de> for UrlPart<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for UrlPart<'de> {
    const WHAT: &'static str = "an object with `url`";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "url" => self.url = next_str(map)?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

// === impl AudioPart ===

impl<'de> Deserialize<'de> for AudioPart<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for AudioPart<'de> {
    const WHAT: &'static str = "an object with `data` and `format`";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "data" => self.data = next_str(map)?,
            "format" => self.format = next_str(map)?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

// === impl FilePart ===

impl<'de> Deserialize<'de> for FilePart<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for FilePart<'de> {
    const WHAT: &'static str = "an object with `file_data` or `file_id`";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "file_data" => self.file_data = next_str(map)?,
            "file_id" => self.file_id = map.next_value()?,
            "filename" => self.filename = next_str(map)?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}
