//! A whole answer: Anthropic's Message object ⇄ the IR.

use std::borrow::Cow;

use outcrop_model::chat::ToolUse;
use outcrop_model::json::{Extra, Object, next_str, read_object};
use outcrop_model::{At, Block, BlockKind, ChatResponse, Fault, Ledger, Phase, StopReason};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess};

use super::block::block;
use super::citation;
use super::error::{WireError, garbled};
use super::part::Part;
use super::stop::write_stop;
use super::tagged::keep;
use super::usage::{WireUsage, write_usage};
use crate::write::JsonWriter;

/// Who answers, in the client's eyes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answering {
    /// `msg_…`
    pub id: String,
    /// The model as the client named it.
    pub model: String,
}

#[derive(Debug, Default)]
struct Body<'a> {
    kind: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
    content: Option<Vec<Part<'a>>>,
    stop_reason: Option<Cow<'a, str>>,
    stop_sequence: Option<Cow<'a, str>>,
    usage: Option<WireUsage<'a>>,
    error: Option<WireError<'a>>,
    extra: Extra<'a>,
}

impl<'de> Deserialize<'de> for Body<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_object(deserializer)
    }
}

impl<'de> Object<'de> for Body<'de> {
    const WHAT: &'static str = "a message, which is an object";

    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key.as_ref() {
            "type" => self.kind = next_str(map)?,
            "id" => self.id = next_str(map)?,
            "content" => self.content = map.next_value()?,
            "stop_reason" => self.stop_reason = next_str(map)?,
            "stop_sequence" => self.stop_sequence = next_str(map)?,
            "usage" => self.usage = map.next_value()?,
            "error" => self.error = map.next_value()?,
            // The client is told the model that it asked for; the role is always the assistant's.
            "model" | "role" => {
                map.next_value::<IgnoredAny>()?;
            }
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

/// Reads a Message, or the fault in an error body.
pub fn decode_response(body: &[u8], phase: Phase) -> Result<ChatResponse<'_>, Fault> {
    let body: Body<'_> =
        serde_json::from_slice(body).map_err(|error| garbled(phase, error.to_string()))?;
    let Body { kind, id, content, stop_reason, stop_sequence, usage, error, mut extra } = body;
    if let Some(error) = error.filter(|_| kind.as_deref() == Some("error")) {
        return Err(error.into_fault(phase));
    }
    let Some(content) = content else {
        return Err(garbled(phase, "the message has no content"));
    };
    let Some(reason) = stop_reason else {
        return Err(garbled(phase, "the message has no stop reason"));
    };
    let blocks = content
        .into_iter()
        .zip(0..)
        .map(|(part, i)| block(part, At::Element("content", i)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|fault| garbled(phase, fault.to_string()))?;
    let WireUsage { counts, extra: usage_extra } = usage.unwrap_or_default();
    extra.extend(usage_extra.into_iter().map(|(k, raw)| (Cow::Owned(format!("usage.{k}")), raw)));
    let stop = StopReason::parse(&reason, stop_sequence.as_deref());
    Ok(ChatResponse { id, blocks, stop, usage: counts.usage(), extra })
}

/// Writes a Message for the client.
pub fn encode_response(
    response: &ChatResponse<'_>,
    answering: &Answering,
    ledger: &mut Ledger,
) -> Vec<u8> {
    // The client sees the gateway's id; the upstream's is for the log.
    let ChatResponse { id: _, blocks, stop, usage, extra } = response;
    ledger.extra(At::Root, extra);
    note_stop(stop, ledger);
    let mut out = Vec::with_capacity(1024);
    let mut w = JsonWriter::new(&mut out);
    w.open_object();
    w.member_str("id", &answering.id);
    w.member_str("type", "message");
    w.member_str("role", "assistant");
    w.member_str("model", &answering.model);
    w.key("content");
    w.open_array();
    for block in blocks {
        write_block(&mut w, block, ledger);
    }
    w.close_array();
    write_stop(&mut w, Some(stop));
    w.key("usage");
    write_usage(&mut w, usage);
    w.close_object();
    out
}

/// Anthropic has no word for output that cannot be parsed, so the client would not learn of it.
fn note_stop(stop: &StopReason, ledger: &mut Ledger) {
    match stop {
        StopReason::MalformedOutput => {
            ledger.approximated("stop_reason", "the model produced output that cannot be parsed");
        }
        StopReason::MalformedToolUse => {
            ledger.approximated(
                "stop_reason",
                "the model produced a tool call that cannot be parsed",
            );
        }
        StopReason::EndTurn
        | StopReason::StopSequence(_)
        | StopReason::ToolUse
        | StopReason::MaxTokens
        | StopReason::ContextWindowExceeded
        | StopReason::Guardrail
        | StopReason::ContentFiltered
        | StopReason::Refusal
        | StopReason::PauseTurn
        | StopReason::Other(_) => {}
    }
}

fn write_block(w: &mut JsonWriter<'_>, block: &Block<'_>, ledger: &mut Ledger) {
    let Block { kind, citations, cache: _, at, extra } = block;
    ledger.extra(*at, extra);
    let lost = match kind {
        BlockKind::Text(text) => {
            w.open_object();
            w.member_str("type", "text");
            w.member_str("text", text);
            citation::write_all(w, citations, *at, ledger);
            return w.close_object();
        }
        BlockKind::Thinking { text, signature } => {
            let signature = signature.as_deref().unwrap_or_default();
            return write_object(w, "thinking", &[("thinking", text), ("signature", signature)]);
        }
        BlockKind::Redacted(data) => {
            return write_object(w, "redacted_thinking", &[("data", data)]);
        }
        BlockKind::ToolUse(ToolUse { id, name, input }) => {
            w.open_object();
            w.member_str("type", "tool_use");
            w.member_str("id", id);
            w.member_str("name", name);
            w.member_raw("input", input);
            return w.close_object();
        }
        BlockKind::Media(_) => "media",
        BlockKind::ToolResult(_) => "a tool result",
        BlockKind::Foreign { kind, raw: _ } => kind.as_ref(),
    };
    ledger.dropped(at.to_string(), format!("an Anthropic answer has no place for `{lost}`"));
}

fn write_object(w: &mut JsonWriter<'_>, kind: &str, members: &[(&'static str, &str)]) {
    w.open_object();
    w.member_str("type", kind);
    for (key, value) in members {
        w.member_str(key, value);
    }
    w.close_object();
}
