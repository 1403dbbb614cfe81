//! Anthropic's token counts ⇄ the disjoint buckets.
//!
//! 1. `input_tokens` excludes what was read from and written to the cache, as the buckets do.
//! 2. Cache writes without a breakdown by lifetime count as five-minute writes, the default.
//! 3. Counts in a stream are cumulative; a later one replaces an earlier one, member by member.

use std::borrow::Cow;

use outcrop_model::Usage;
use outcrop_model::json::{Extra, Object, read_object};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess};

use super::tagged::keep;
use crate::write::JsonWriter;

/// The counts that an answer has told so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub input: Option<u64>,
    pub output: Option<u64>,
    pub cache_read: Option<u64>,
    pub cache_write: Option<u64>,
    pub cache_write_5m: Option<u64>,
    pub cache_write_1h: Option<u64>,
    pub reasoning: Option<u64>,
}

/// `usage` as it stands in the JSON.
#[derive(Debug, Default)]
pub(super) struct WireUsage<'a> {
    pub counts: Counts,
    pub extra: Extra<'a>,
}

/// `usage.cache_creation`
#[derive(Debug, Default)]
struct CacheCreation<'a> {
    five_minutes: Option<u64>,
    one_hour: Option<u64>,
    extra: Extra<'a>,
}

/// `usage.output_tokens_details`
#[derive(Debug, Default)]
struct OutputDetails<'a> {
    thinking: Option<u64>,
    extra: Extra<'a>,
}

impl<'de> Deserialize<'de> for WireUsage<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for WireUsage<'de> {
    const WHAT: &'static str = "token counts, which are an object";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let counts = &mut self.counts;
        match key.as_ref() {
            "input_tokens" => counts.input = map.next_value()?,
            "output_tokens" => counts.output = map.next_value()?,
            "cache_read_input_tokens" => counts.cache_read = map.next_value()?,
            "cache_creation_input_tokens" => counts.cache_write = map.next_value()?,
            "cache_creation" => {
                let read = map.next_value::<Option<CacheCreation<'de>>>()?.unwrap_or_default();
                let CacheCreation { five_minutes, one_hour, extra } = read;
                counts.cache_write_5m = five_minutes;
                counts.cache_write_1h = one_hour;
                self.extra.extend(extra);
            }
            "output_tokens_details" => {
                let read = map.next_value::<Option<OutputDetails<'de>>>()?.unwrap_or_default();
                let OutputDetails { thinking, extra } = read;
                counts.reasoning = thinking;
                self.extra.extend(extra);
            }
            // How the answer was served, not what it cost in tokens.
            "service_tier" | "inference_geo" => {
                map.next_value::<IgnoredAny>()?;
            }
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for CacheCreation<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for CacheCreation<'de> {
    const WHAT: &'static str = "cache writes by lifetime, which are an object";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key.as_ref() {
            "ephemeral_5m_input_tokens" => self.five_minutes = map.next_value()?,
            "ephemeral_1h_input_tokens" => self.one_hour = map.next_value()?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for OutputDetails<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for OutputDetails<'de> {
    const WHAT: &'static str = "details of the output tokens, which are an object";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key.as_ref() {
            "thinking_tokens" => self.thinking = map.next_value()?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

// === impl Counts ===

impl Counts {
    /// Takes over whatever `later` tells.
    pub fn update(&mut self, later: Counts) {
        let Counts {
            input,
            output,
            cache_read,
            cache_write,
            cache_write_5m,
            cache_write_1h,
            reasoning,
        } = later;
        self.input = input.or(self.input);
        self.output = output.or(self.output);
        self.cache_read = cache_read.or(self.cache_read);
        self.cache_write = cache_write.or(self.cache_write);
        self.cache_write_5m = cache_write_5m.or(self.cache_write_5m);
        self.cache_write_1h = cache_write_1h.or(self.cache_write_1h);
        self.reasoning = reasoning.or(self.reasoning);
    }

    pub fn usage(&self) -> Usage {
        let written_1h = self.cache_write_1h.unwrap_or(0);
        let told_5m = self.cache_write_5m.unwrap_or(0);
        let written = self.cache_write.unwrap_or(0);
        Usage {
            input: self.input.unwrap_or(0),
            cache_read: self.cache_read.unwrap_or(0),
            cache_write_5m: told_5m.max(written.saturating_sub(written_1h)),
            cache_write_1h: written_1h,
            output: self.output.unwrap_or(0),
            reasoning: self.reasoning,
        }
    }
}

/// Writes the value of a member `usage`.
pub(super) fn write_usage(w: &mut JsonWriter<'_>, usage: &Usage) {
    let Usage { input, cache_read, cache_write_5m, cache_write_1h, output, reasoning } = *usage;
    w.open_object();
    w.member_u64("input_tokens", input);
    w.member_u64("cache_creation_input_tokens", usage.cache_write());
    w.member_u64("cache_read_input_tokens", cache_read);
    w.key("cache_creation");
    w.open_object();
    w.member_u64("ephemeral_5m_input_tokens", cache_write_5m);
    w.member_u64("ephemeral_1h_input_tokens", cache_write_1h);
    w.close_object();
    w.member_u64("output_tokens", output);
    if let Some(reasoning) = reasoning {
        w.key("output_tokens_details");
        w.open_object();
        w.member_u64("thinking_tokens", reasoning);
        w.close_object();
    }
    w.close_object();
}
