//! Stream events as they stand in the JSON.

use std::borrow::Cow;

use outcrop_model::json::{Extra, Object, next_str, read_object};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess};
use serde_json::value::RawValue;

use super::error::WireError;
use super::part::Part;
use super::tagged::{Tagged, keep, next_raw, read_tagged};
use super::usage::{Counts, WireUsage};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum EventKind {
    #[default]
    Unknown,
    MessageStart,
    BlockStart,
    BlockDelta,
    BlockStop,
    MessageDelta,
    MessageStop,
    Ping,
    Error,
}

/// Members of every known event; which ones are read is decided by `kind`.
#[derive(Debug, Default)]
pub(super) struct WireEvent<'a> {
    pub kind: EventKind,
    /// The word in `type`.
    pub word: Option<Cow<'a, str>>,
    pub index: Option<u32>,
    pub message: Option<Start<'a>>,
    pub block: Option<Box<Part<'a>>>,
    pub delta: Option<BlockDelta<'a>>,
    pub stop: Option<Stop<'a>>,
    pub usage: Option<WireUsage<'a>>,
    pub metrics: Option<Metrics>,
    pub error: Option<WireError<'a>>,
    pub extra: Extra<'a>,
}

impl<'de> Deserialize<'de> for WireEvent<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_tagged(deserializer)
    }
}

impl<'de> Tagged<'de> for WireEvent<'de> {
    const WHAT: &'static str = "an event, which is an object with a `type`";

    fn tag(&mut self, tag: Cow<'de, str>) {
        use EventKind as K;
        self.kind = match tag.as_ref() {
            "message_start" => K::MessageStart,
            "content_block_start" => K::BlockStart,
            "content_block_delta" => K::BlockDelta,
            "content_block_stop" => K::BlockStop,
            "message_delta" => K::MessageDelta,
            "message_stop" => K::MessageStop,
            "ping" => K::Ping,
            "error" => K::Error,
            _ => K::Unknown,
        };
        self.word = Some(tag);
    }

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        use EventKind as K;
        match (self.kind, key.as_ref()) {
            (K::BlockStart | K::BlockDelta | K::BlockStop, "index") => {
                self.index = map.next_value()?;
            }
            (K::MessageStart, "message") => self.message = map.next_value()?,
            (K::BlockStart, "content_block") => self.block = map.next_value()?,
            (K::BlockDelta, "delta") => self.delta = map.next_value()?,
            (K::MessageDelta, "delta") => self.stop = map.next_value()?,
            (K::MessageDelta, "usage") => self.usage = map.next_value()?,
            (K::MessageStop, "amazon-bedrock-invocationMetrics") => {
                self.metrics = map.next_value()?;
            }
            (K::Error, "error") => self.error = map.next_value()?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

/// `message_start.message`
#[derive(Debug, Default)]
pub(super) struct Start<'a> {
    pub id: Option<Cow<'a, str>>,
    pub usage: Option<WireUsage<'a>>,
    pub extra: Extra<'a>,
}

impl<'de> Deserialize<'de> for Start<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for Start<'de> {
    const WHAT: &'static str = "a message, which is an object";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key.as_ref() {
            "id" => self.id = next_str(map)?,
            "usage" => self.usage = map.next_value()?,
            // Always the same at the start of an answer, or the gateway's to say.
            "type" | "role" | "model" | "content" | "stop_reason" | "stop_sequence" => {
                map.next_value::<IgnoredAny>()?;
            }
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum DeltaKind {
    #[default]
    Unknown,
    Text,
    Input,
    Thinking,
    Signature,
    Citation,
}

/// `content_block_delta.delta`
#[derive(Debug, Default)]
pub(super) struct BlockDelta<'a> {
    pub kind: DeltaKind,
    /// The word in `type`.
    pub word: Option<Cow<'a, str>>,
    /// The one member that the kind has, if that is text.
    pub piece: Option<Cow<'a, str>>,
    pub citation: Option<&'a RawValue>,
    pub extra: Extra<'a>,
}

impl<'de> Deserialize<'de> for BlockDelta<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_tagged(deserializer)
    }
}

impl<'de> Tagged<'de> for BlockDelta<'de> {
    const WHAT: &'static str = "a delta, which is an object with a `type`";

    fn tag(&mut self, tag: Cow<'de, str>) {
        self.kind = match tag.as_ref() {
            "text_delta" => DeltaKind::Text,
            "input_json_delta" => DeltaKind::Input,
            "thinking_delta" => DeltaKind::Thinking,
            "signature_delta" => DeltaKind::Signature,
            "citations_delta" => DeltaKind::Citation,
            _ => DeltaKind::Unknown,
        };
        self.word = Some(tag);
    }

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match (self.kind, key.as_ref()) {
            (DeltaKind::Text, "text")
            | (DeltaKind::Input, "partial_json")
            | (DeltaKind::Thinking, "thinking")
            | (DeltaKind::Signature, "signature") => self.piece = next_str(map)?,
            (DeltaKind::Citation, "citation") => self.citation = next_raw(map)?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

/// `message_delta.delta`
#[derive(Debug, Default)]
pub(super) struct Stop<'a> {
    pub reason: Option<Cow<'a, str>>,
    pub sequence: Option<Cow<'a, str>>,
    pub extra: Extra<'a>,
}

impl<'de> Deserialize<'de> for Stop<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for Stop<'de> {
    const WHAT: &'static str = "a delta, which is an object";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key.as_ref() {
            "stop_reason" => self.reason = next_str(map)?,
            "stop_sequence" => self.sequence = next_str(map)?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

/// `amazon-bedrock-invocationMetrics`, which Bedrock adds to the last event of a stream.
#[derive(Debug, Default)]
pub(super) struct Metrics(pub Counts);

impl<'de> Deserialize<'de> for Metrics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for Metrics {
    const WHAT: &'static str = "invocation metrics, which are an object";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key.as_ref() {
            "inputTokenCount" => self.0.input = map.next_value()?,
            "outputTokenCount" => self.0.output = map.next_value()?,
            "cacheReadInputTokenCount" => self.0.cache_read = map.next_value()?,
            "cacheWriteInputTokenCount" => self.0.cache_write = map.next_value()?,
            // Latencies, which the gateway measures itself.
            _ => {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}
