//! ConverseStream frames → IR events.
//!
//! The reader says what each frame means; order and completeness are the sequencer's matter.

use std::borrow::Cow;

use outcrop_model::json::{Object, next_str, skip};
use outcrop_model::read_as_object;
use outcrop_model::{Delta, ErrorClass, Event, Fault, Opening, Phase, StopReason};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::citation;
use super::response::WireUsage;

#[derive(Debug, Default)]
pub struct Reader {
    stopped: bool,
}

// === impl Reader ===

impl Reader {
    /// Reads one event frame: its `:event-type` and payload.
    pub fn read(&mut self, event_type: &str, payload: &[u8], emit: &mut dyn FnMut(Event<'_>)) {
        let frame: Frame<'_> = match serde_json::from_slice(payload) {
            Ok(frame) => frame,
            Err(error) => return emit(Event::Fault(garbled(event_type, &error))),
        };
        let index = frame.index.unwrap_or_default();
        match event_type {
            "messageStart" => emit(Event::Start { id: None, usage: None }),
            "contentBlockStart" => open(index, frame.start, emit),
            "contentBlockDelta" => delta(index, frame.delta, emit),
            "contentBlockStop" => emit(Event::Close { index }),
            "messageStop" => {
                self.stopped = true;
                let reason = frame.stop_reason.unwrap_or_default();
                emit(Event::Stop(StopReason::parse(&reason, None)));
            }
            "metadata" => {
                if let Some(usage) = frame.usage {
                    let (usage, extra) = usage.into_usage();
                    emit(Event::Usage(usage));
                    extra.into_iter().for_each(|(key, _)| emit(Event::Unknown(key)));
                }
                // `metadata` is the last frame of a complete stream.
                if self.stopped {
                    emit(Event::End);
                }
            }
            other => emit(Event::Unknown(Cow::Borrowed(other))),
        }
    }
}

fn garbled(event_type: &str, error: &serde_json::Error) -> Fault {
    Fault::new(ErrorClass::Garbled, Phase::Streaming, "The model's answer could not be read.")
        .with_detail(format!("{event_type}: {error}"))
}

fn open(index: u32, start: Union<'_>, emit: &mut dyn FnMut(Event<'_>)) {
    match start {
        Union { tool: Some(ToolStart { id, name, .. }), .. } => emit(Event::Open {
            index,
            block: Opening::ToolUse { id: id.unwrap_or_default(), name: name.unwrap_or_default() },
        }),
        Union { unknown: Some(word), .. } => emit(Event::Unknown(word)),
        // An empty `start` opens nothing: the block's first delta tells what it is.
        Union { .. } => {}
    }
}

fn delta(index: u32, delta: Union<'_>, emit: &mut dyn FnMut(Event<'_>)) {
    let Union { text, tool, reasoning, citation, unknown } = delta;
    let mut send = |delta| emit(Event::Delta { index, delta });
    if let Some(text) = text {
        send(Delta::Text(text));
    }
    if let Some(raw) = citation {
        let (citation, unknown) = citation::read(raw);
        send(Delta::Citation(Box::new(citation)));
        unknown.into_iter().for_each(|(key, _)| emit(Event::Unknown(key)));
    }
    let mut send = |delta| emit(Event::Delta { index, delta });
    if let Some(ToolStart { input: Some(input), .. }) = tool {
        send(Delta::ToolInput(input));
    }
    if let Some(Reasoning { text, signature, redacted, unknown }) = reasoning {
        text.into_iter().for_each(|t| send(Delta::Thinking(t)));
        signature.into_iter().for_each(|s| send(Delta::Signature(s)));
        redacted.into_iter().for_each(|r| send(Delta::Redacted(r)));
        unknown.into_iter().for_each(|word| emit(Event::Unknown(word)));
    }
    if let Some(word) = unknown {
        emit(Event::Unknown(word));
    }
}

/// The union of all event payloads: each event has its own few members.
#[derive(Default)]
struct Frame<'a> {
    index: Option<u32>,
    start: Union<'a>,
    delta: Union<'a>,
    stop_reason: Option<Cow<'a, str>>,
    usage: Option<WireUsage<'a>>,
}

/// `start` or `delta`.
#[derive(Default)]
struct Union<'a> {
    text: Option<Cow<'a, str>>,
    tool: Option<ToolStart<'a>>,
    reasoning: Option<Reasoning<'a>>,
    citation: Option<&'a RawValue>,
    unknown: Option<Cow<'a, str>>,
}

#[derive(Default)]
struct ToolStart<'a> {
    id: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    input: Option<Cow<'a, str>>,
}

#[derive(Default)]
struct Reasoning<'a> {
    text: Option<Cow<'a, str>>,
    signature: Option<Cow<'a, str>>,
    redacted: Option<Cow<'a, str>>,
    unknown: Option<Cow<'a, str>>,
}

impl<'de> Object<'de> for Frame<'de> {
    const WHAT: &'static str = "an event";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "contentBlockIndex" => self.index = map.next_value()?,
            "start" => self.start = map.next_value::<Option<_>>()?.unwrap_or_default(),
            "delta" => self.delta = map.next_value::<Option<_>>()?.unwrap_or_default(),
            "stopReason" => self.stop_reason = next_str(map)?,
            "usage" => self.usage = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for Union<'de> {
    const WHAT: &'static str = "a block start or delta";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "text" => self.text = next_str(map)?,
            "toolUse" => self.tool = map.next_value()?,
            "reasoningContent" => self.reasoning = map.next_value()?,
            "citation" => self.citation = map.next_value()?,
            _ => {
                skip(map)?;
                self.unknown = Some(key);
            }
        }
        Ok(())
    }
}

impl<'de> Object<'de> for ToolStart<'de> {
    const WHAT: &'static str = "a tool use";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "toolUseId" => self.id = next_str(map)?,
            "name" => self.name = next_str(map)?,
            "input" => self.input = next_str(map)?,
            _ => skip(map)?,
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
            "text" => self.text = next_str(map)?,
            "signature" => self.signature = next_str(map)?,
            "redactedContent" => self.redacted = next_str(map)?,
            _ => {
                skip(map)?;
                self.unknown = Some(key);
            }
        }
        Ok(())
    }
}

read_as_object!(Frame<'de>, Union<'de>, ToolStart<'de>, Reasoning<'de>);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(frames: &[(&str, &str)]) -> Vec<String> {
        let mut reader = Reader::default();
        let mut out = Vec::new();
        for (event_type, payload) in frames {
            reader.read(event_type, payload.as_bytes(), &mut |e| out.push(format!("{e:?}")));
        }
        out
    }

    #[test]
    fn reads_text_tools_thinking_and_padding() {
        let out = read(&[
            ("messageStart", r#"{"role":"assistant","p":"abc"}"#),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm"}},"p":"a"}"#,
            ),
            ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":"a\nb"}}"#),
            (
                "contentBlockStart",
                r#"{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t1","name":"n"}}}"#,
            ),
            ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{}"}}}"#),
            ("contentBlockStop", r#"{"contentBlockIndex":2}"#),
            ("messageStop", r#"{"stopReason":"tool_use"}"#),
            (
                "metadata",
                r#"{"usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7,"cacheWriteInputTokens":5,"cacheDetails":[{"ttl":"1h","inputTokens":2}]},"metrics":{"latencyMs":1}}"#,
            ),
        ]);
        assert!(
            out[1].contains("Thinking(\"hm\")") && out[2].contains(r#"Text("a\nb")"#),
            "{out:?}"
        );
        assert!(out[7].contains("cache_write_5m: 3, cache_write_1h: 2"), "{out:?}");
        assert_eq!(out.last().unwrap(), "End");
    }

    #[test]
    fn what_is_unknown_is_named_not_fatal() {
        let out = read(&[
            ("somethingNew", "{}"),
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"image":{"source":{}}}}"#),
            ("contentBlockStart", r#"{"contentBlockIndex":0,"start":{"hologram":{}}}"#),
        ]);
        assert_eq!(
            out,
            [r#"Unknown("somethingNew")"#, r#"Unknown("image")"#, r#"Unknown("hologram")"#]
        );
    }

    #[test]
    fn a_payload_that_is_not_json_is_a_fault() {
        assert!(read(&[("contentBlockDelta", "{\"del")])[0].contains("Garbled"));
    }
}
