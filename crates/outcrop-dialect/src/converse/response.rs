//! Converse response body → IR.

use std::borrow::Cow;

use outcrop_model::chat::{Block, ToolUse};
use outcrop_model::json::{Object, Str, next_str, skip};
use outcrop_model::read_as_object;
use outcrop_model::{
    At, BlockKind, ChatResponse, ErrorClass, Extra, Fault, Phase, StopReason, Usage,
};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::citation;

/// Reads a whole answer. A body that is not a Converse answer is `Garbled`, an empty one too.
pub fn decode_response(body: &[u8]) -> Result<ChatResponse<'_>, Fault> {
    let wire: Response<'_> = serde_json::from_slice(body).map_err(|e| garbled(e.to_string()))?;
    let Response { output, stop_reason, usage, extra } = wire;
    let (Some(message), Some(stop)) = (output.message, stop_reason) else {
        return Err(garbled("no output.message or no stopReason".to_owned()));
    };
    let blocks = message.content.into_iter().enumerate().map(|(i, b)| b.into_block(i)).collect();
    let (usage, usage_extra) = usage.unwrap_or_default().into_usage();
    let mut all_extra = extra;
    below("output", output.extra, &mut all_extra);
    below("output.message", message.extra, &mut all_extra);
    below("usage", usage_extra, &mut all_extra);
    Ok(ChatResponse {
        id: None,
        blocks,
        stop: StopReason::parse(&stop, None),
        usage,
        extra: all_extra,
    })
}

/// Members found at `path`, under their whole path.
fn below<'a>(path: &str, extra: Extra<'a>, all: &mut Extra<'a>) {
    all.extend(extra.into_iter().map(|(key, raw)| (Cow::Owned(format!("{path}.{key}")), raw)));
}

/// Keeps a member that has no place here; JSON `null` is absence.
pub(super) fn keep<'de, A: MapAccess<'de>>(
    extra: &mut Extra<'de>,
    key: Cow<'de, str>,
    map: &mut A,
) -> Result<(), A::Error> {
    let raw: &RawValue = map.next_value()?;
    if raw.get() != "null" {
        extra.push((key, raw));
    }
    Ok(())
}

fn garbled(detail: String) -> Fault {
    Fault::new(ErrorClass::Garbled, Phase::BeforeCommit, "The model's answer could not be read.")
        .with_detail(detail)
}

#[derive(Default)]
struct Response<'a> {
    output: Output<'a>,
    stop_reason: Option<Cow<'a, str>>,
    usage: Option<WireUsage<'a>>,
    extra: Extra<'a>,
}

#[derive(Default)]
struct Output<'a> {
    message: Option<Message<'a>>,
    extra: Extra<'a>,
}

#[derive(Default)]
struct Message<'a> {
    content: Vec<WireBlock<'a>>,
    extra: Extra<'a>,
}

/// One content block: a union with one member, whichever it is.
#[derive(Default)]
struct WireBlock<'a> {
    text: Option<Cow<'a, str>>,
    tool_use: Option<WireToolUse<'a>>,
    reasoning: Option<Reasoning<'a>>,
    citations: Option<Citations<'a>>,
    extra: Extra<'a>,
}

#[derive(Default)]
struct WireToolUse<'a> {
    id: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    input: Option<&'a RawValue>,
    extra: Extra<'a>,
}

#[derive(Default)]
struct Reasoning<'a> {
    text: Option<ReasoningText<'a>>,
    redacted: Option<Cow<'a, str>>,
    extra: Extra<'a>,
}

#[derive(Default)]
struct ReasoningText<'a> {
    text: Cow<'a, str>,
    signature: Option<Cow<'a, str>>,
    extra: Extra<'a>,
}

/// Text and what it rests on.
#[derive(Default)]
struct Citations<'a> {
    content: Vec<WireBlock<'a>>,
    citations: Vec<&'a RawValue>,
    extra: Extra<'a>,
}

/// Token counts as Bedrock names them; shared with the stream's `metadata` event.
#[derive(Default)]
pub(super) struct WireUsage<'a> {
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write: u64,
    write_1h: u64,
    extra: Extra<'a>,
}

// === impl WireBlock ===

impl<'a> WireBlock<'a> {
    fn into_block(self, index: usize) -> Block<'a> {
        let at = At::Element("content", index as u32);
        let WireBlock { text, tool_use, reasoning, citations, mut extra } = self;
        let mut cited = Vec::new();
        let kind = if let Some(text) = text {
            BlockKind::Text(text)
        } else if let Some(WireToolUse { id, name, input, extra: inner }) = tool_use {
            extra.extend(inner);
            let input = input.map_or_else(|| Cow::Owned(empty_object()), Cow::Borrowed);
            BlockKind::ToolUse(ToolUse {
                id: id.unwrap_or_default(),
                name: name.unwrap_or_default(),
                input,
            })
        } else if let Some(Reasoning { text, redacted, extra: inner }) = reasoning {
            extra.extend(inner);
            match (text, redacted) {
                (Some(ReasoningText { text, signature, extra: inner }), _) => {
                    extra.extend(inner);
                    BlockKind::Thinking { text, signature }
                }
                (None, redacted) => BlockKind::Redacted(redacted.unwrap_or_default()),
            }
        } else if let Some(Citations { content, citations, extra: inner }) = citations {
            extra.extend(inner);
            for (i, raw) in citations.into_iter().enumerate() {
                let (citation, unknown) = citation::read(raw);
                cited.push(citation);
                below(&format!("citations[{i}]"), unknown, &mut extra);
            }
            BlockKind::Text(joined(content, &mut extra))
        } else {
            match extra.pop() {
                Some((kind, raw)) => BlockKind::Foreign { kind, raw: Cow::Borrowed(raw) },
                None => BlockKind::Text(Cow::Borrowed("")),
            }
        };
        Block { kind, citations: cited, cache: None, at, extra }
    }
}

/// The text of cited content; parts that are none are left to `extra`.
fn joined<'a>(parts: Vec<WireBlock<'a>>, extra: &mut Extra<'a>) -> Cow<'a, str> {
    let mut texts = Vec::new();
    for part in parts {
        texts.extend(part.text);
        extra.extend(part.extra);
    }
    match texts.len() {
        1 => texts.remove(0),
        _ => Cow::Owned(texts.concat()),
    }
}

fn empty_object() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

impl<'a> WireUsage<'a> {
    /// The counts, and what stood beside them.
    pub(super) fn into_usage(self) -> (Usage, Extra<'a>) {
        let WireUsage { input, output, cache_read, cache_write, write_1h, extra } = self;
        let usage = Usage {
            input,
            cache_read,
            cache_write_5m: cache_write.saturating_sub(write_1h),
            cache_write_1h: write_1h,
            output,
            reasoning: None,
        };
        (usage, extra)
    }
}

// === reading ===

impl<'de> Object<'de> for Response<'de> {
    const WHAT: &'static str = "a Converse answer";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "output" => self.output = map.next_value::<Option<_>>()?.unwrap_or_default(),
            "stopReason" => self.stop_reason = next_str(map)?,
            "usage" => self.usage = map.next_value()?,
            // Latency and the operator's own settings come back; none of it is part of the answer.
            "metrics" | "performanceConfig" | "serviceTier" => skip(map)?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for Output<'de> {
    const WHAT: &'static str = "an output";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "message" => self.message = map.next_value()?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for Message<'de> {
    const WHAT: &'static str = "a message";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "content" => self.content = map.next_value::<Option<_>>()?.unwrap_or_default(),
            "role" => skip(map)?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for WireBlock<'de> {
    const WHAT: &'static str = "a content block";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "text" => self.text = next_str(map)?,
            "toolUse" => self.tool_use = map.next_value()?,
            "reasoningContent" => self.reasoning = map.next_value()?,
            "citationsContent" => self.citations = map.next_value()?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for WireToolUse<'de> {
    const WHAT: &'static str = "a tool use";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "toolUseId" => self.id = next_str(map)?,
            "name" => self.name = next_str(map)?,
            "input" => self.input = map.next_value()?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for Reasoning<'de> {
    const WHAT: &'static str = "reasoning content";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "reasoningText" => self.text = map.next_value()?,
            "redactedContent" => self.redacted = next_str(map)?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for ReasoningText<'de> {
    const WHAT: &'static str = "reasoning text";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "text" => self.text = map.next_value::<Str<'de>>()?.0,
            "signature" => self.signature = next_str(map)?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for Citations<'de> {
    const WHAT: &'static str = "cited content";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "content" => self.content = map.next_value::<Option<_>>()?.unwrap_or_default(),
            "citations" => self.citations = map.next_value::<Option<_>>()?.unwrap_or_default(),
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for WireUsage<'de> {
    const WHAT: &'static str = "a usage";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "inputTokens" => self.input = next_count(map)?,
            "outputTokens" => self.output = next_count(map)?,
            "cacheReadInputTokens" => self.cache_read = next_count(map)?,
            "cacheWriteInputTokens" => self.cache_write = next_count(map)?,
            "cacheDetails" => {
                let details: Option<Vec<CacheDetail>> = map.next_value()?;
                let hour = details.iter().flatten().filter(|d| d.one_hour);
                self.write_1h = hour.map(|d| d.tokens).sum();
            }
            // The sum of the others.
            "totalTokens" => skip(map)?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct CacheDetail {
    one_hour: bool,
    tokens: u64,
}

impl<'de> Object<'de> for CacheDetail {
    const WHAT: &'static str = "a cache detail";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "ttl" => self.one_hour = next_str(map)?.as_deref() == Some("1h"),
            "inputTokens" => self.tokens = next_count(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

fn next_count<'de, A: MapAccess<'de>>(map: &mut A) -> Result<u64, A::Error> {
    Ok(map.next_value::<Option<u64>>()?.unwrap_or_default())
}

read_as_object!(
    Response<'de>,
    Output<'de>,
    Message<'de>,
    WireBlock<'de>,
    WireToolUse<'de>,
    Reasoning<'de>,
    ReasoningText<'de>,
    Citations<'de>,
    WireUsage<'de>,
    CacheDetail,
);
