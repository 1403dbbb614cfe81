//! The envelope of InvokeModelWithResponseStream: `chunk` events whose payload is
//! `{"bytes": "<base64 of the model's own JSON>", "p": "<padding>"}`.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_model::json::{Object, next_str, skip};
use outcrop_model::{ErrorClass, Fault, Phase, Usage, read_as_object};
use serde::de::MapAccess;

/// The member that Bedrock adds to the last chunk of every invoke stream.
pub const METRICS: &str = "amazon-bedrock-invocationMetrics";

/// Unwraps one payload into `out` (cleared first), which then holds the model's JSON.
pub fn unwrap_chunk(payload: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    out.clear();
    let chunk: Chunk<'_> = serde_json::from_slice(payload).map_err(|e| garbled(e.to_string()))?;
    let bytes = chunk.bytes.ok_or_else(|| garbled("a chunk without bytes".to_owned()))?;
    STANDARD.decode_vec(bytes.as_bytes(), out).map_err(|e| garbled(e.to_string()))
}

/// Token counts from the last chunk, if this is it.
pub fn metrics(json: &[u8]) -> Option<Usage> {
    memchr::memmem::find(json, METRICS.as_bytes())?;
    let last: LastChunk = serde_json::from_slice(json).ok()?;
    let Metrics { input, output, cache_read, cache_write } = last.metrics;
    Some(Usage { input, output, cache_read, cache_write_5m: cache_write, ..Usage::default() })
}

/// Whether a chunk says no more than that an Anthropic answer begins, or that all is well. One that is
/// written in another way counts as more.
pub fn is_mere_start(json: &[u8]) -> bool {
    const STARTS: [&[u8]; 2] = [br#"{"type":"message_start""#, br#"{"type":"ping""#];
    STARTS.iter().any(|start| json.starts_with(start))
}

fn garbled(detail: String) -> Fault {
    Fault::new(ErrorClass::Garbled, Phase::Streaming, "The model's answer could not be read.")
        .with_detail(detail)
}

#[derive(Default)]
struct Chunk<'a> {
    bytes: Option<Cow<'a, str>>,
}

#[derive(Default)]
struct LastChunk {
    metrics: Metrics,
}

#[derive(Default)]
struct Metrics {
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write: u64,
}

impl<'de> Object<'de> for Chunk<'de> {
    const WHAT: &'static str = "a chunk";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "bytes" => self.bytes = next_str(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for LastChunk {
    const WHAT: &'static str = "a last chunk";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            METRICS => self.metrics = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for Metrics {
    const WHAT: &'static str = "invocation metrics";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let place = match &*key {
            "inputTokenCount" => &mut self.input,
            "outputTokenCount" => &mut self.output,
            "cacheReadInputTokenCount" => &mut self.cache_read,
            "cacheWriteInputTokenCount" => &mut self.cache_write,
            _ => return skip(map),
        };
        *place = map.next_value::<Option<u64>>()?.unwrap_or_default();
        Ok(())
    }
}

read_as_object!(Chunk<'de>, LastChunk, Metrics);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unwraps_and_ignores_padding() {
        let mut out = Vec::new();
        unwrap_chunk(br#"{"bytes":"eyJhIjoxfQ==","p":"abcdef"}"#, &mut out).unwrap();
        assert_eq!(out, br#"{"a":1}"#);
        assert!(unwrap_chunk(br#"{"bytes":"!!"}"#, &mut out).is_err());
        assert!(unwrap_chunk(br#"{"p":"abc"}"#, &mut out).is_err());
    }

    #[test]
    fn reads_the_last_chunks_metrics() {
        let json = br#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":3,"outputTokenCount":4,"invocationLatency":9}}"#;
        assert_eq!(metrics(json).map(|u| (u.input, u.output)), Some((3, 4)));
        assert_eq!(metrics(br#"{"type":"ping"}"#), None);
    }
}
