//! A model's Chat Completions answer, whole or streamed, becomes the IR's.
//!
//! 1. `[DONE]` is the end, and nothing else is: a stream without it is cut short.
//! 2. Token counts are made disjoint: OpenAI's `prompt_tokens` holds the cached ones too.
//! 3. Reasoning is thinking, whether it has a member of its own (`reasoning_content`, `reasoning`) or
//!    stands in the text between tags ([`Tags`]).
//! 4. What has no meaning here is kept as extra or named by an [`Event::Unknown`]; further choices too.

mod tags;
mod wire;

use std::borrow::Cow;

use outcrop_model::chat::ToolUse;
use outcrop_model::{
    At, Block, BlockKind, ChatResponse, Delta, ErrorClass, Event, Fault, Opening, Phase,
    StopReason, Usage,
};
use serde_json::value::RawValue;

use self::tags::Tags;
use self::wire::{Answer, Call, Counted, Piece};

/// Where the one choice of an answer stands.
const CHOICE: At = At::Element("choices", 0);
/// Blocks by kind; calls follow.
const THINKING: u32 = 0;
const TEXT: u32 = 1;
const FIRST_CALL: u32 = 2;
/// The data of the event that ends a stream.
const DONE: &[u8] = b"[DONE]";

/// Reads the events of one stream, in order.
#[derive(Debug, Default)]
pub struct Reader {
    tags: Tags,
    started: bool,
    /// Thinking or text that has not been closed.
    open: Option<u32>,
    calls: Vec<u32>,
}

type Emit<'e> = &'e mut dyn FnMut(Event<'_>);

/// Reads a whole answer.
///
/// # Errors
/// [`ErrorClass::Garbled`] for what is no answer, [`ErrorClass::ModelFailed`] for a call that is no JSON.
pub fn decode_response(body: &[u8]) -> Result<ChatResponse<'_>, Fault> {
    let answer: Answer<'_> =
        serde_json::from_slice(body).map_err(|error| garbled(error.to_string()))?;
    let Answer { id, choice, usage, extra } = answer;
    let choice = choice.ok_or_else(|| garbled("no choices"))?;
    let Piece { content, refusal, thinking, calls, extra: piece_extra, .. } = choice.piece;
    let mut blocks = Vec::new();
    let mut add = |kind| blocks.push(Block::new(kind, CHOICE));
    if let Some(text) = thinking.filter(|text| !text.is_empty()) {
        add(BlockKind::Thinking { text, signature: None });
    }
    if let Some(content) = content {
        let (thought, text) = tags::split(content);
        if let Some(text) = thought.filter(|text| !text.is_empty()) {
            add(BlockKind::Thinking { text, signature: None });
        }
        if !text.is_empty() {
            add(BlockKind::Text(text));
        }
    }
    if let Some(refusal) = refusal.filter(|text| !text.is_empty()) {
        add(BlockKind::Text(refusal));
    }
    for call in calls {
        add(BlockKind::ToolUse(whole_call(call)?));
    }
    let mut all = extra;
    all.extend(piece_extra);
    let stop = stop_reason(choice.finish_reason.as_deref().unwrap_or("stop"));
    Ok(ChatResponse { id, blocks, stop, usage: usage.unwrap_or_default().0, extra: all })
}

/// Token counts in the words of either of OpenAI's APIs.
pub(crate) fn usage(raw: &RawValue) -> Option<Usage> {
    let counted: Option<Counted> = serde_json::from_str(raw.get()).ok()?;
    counted.map(|counted| counted.0)
}

fn whole_call(call: Call<'_>) -> Result<ToolUse<'_>, Fault> {
    let Call { index: _, id, name, arguments } = call;
    let arguments = arguments.filter(|text| !text.trim().is_empty());
    let text = arguments.map_or_else(|| "{}".to_owned(), Cow::into_owned);
    let input = RawValue::from_string(text).map_err(|error| {
        let what = "The model produced a tool call that cannot be parsed.";
        Fault::new(ErrorClass::ModelFailed, Phase::BeforeCommit, what)
            .with_detail(error.to_string())
    })?;
    let (id, name) = (id.unwrap_or_default(), name.unwrap_or_default());
    Ok(ToolUse { id, name, input: Cow::Owned(input) })
}

fn stop_reason(word: &str) -> StopReason {
    match word {
        "stop" => StopReason::EndTurn,
        "length" => StopReason::MaxTokens,
        "tool_calls" | "function_call" => StopReason::ToolUse,
        "content_filter" => StopReason::ContentFiltered,
        other => StopReason::Other(other.to_owned()),
    }
}

fn garbled(detail: impl Into<String>) -> Fault {
    Fault::new(ErrorClass::Garbled, Phase::BeforeCommit, "The model's answer could not be read.")
        .with_detail(detail)
}

// === impl Reader ===

impl Reader {
    /// Reads the data of one event.
    pub fn read(&mut self, data: &[u8], emit: &mut dyn FnMut(Event<'_>)) {
        if data.trim_ascii() == DONE {
            self.flush(emit);
            return emit(Event::End);
        }
        let answer: Answer<'_> = match serde_json::from_slice(data) {
            Ok(answer) => answer,
            Err(error) => {
                return emit(Event::Fault(garbled(error.to_string()).at_phase(Phase::Streaming)));
            }
        };
        let Answer { id, choice, usage, extra } = answer;
        if !std::mem::replace(&mut self.started, true) {
            emit(Event::Start { id, usage: None });
        }
        extra.into_iter().for_each(|(key, _)| emit(Event::Unknown(key)));
        if let Some(choice) = choice {
            self.piece(choice.piece, emit);
            if let Some(word) = choice.finish_reason {
                self.flush(emit);
                emit(Event::Stop(stop_reason(&word)));
            }
        }
        if let Some(usage) = usage {
            emit(Event::Usage(usage.0));
        }
    }

    fn piece(&mut self, piece: Piece<'_>, emit: Emit<'_>) {
        let Piece { content, refusal, thinking, calls, extra } = piece;
        if let Some(text) = thinking {
            self.say(THINKING, text, emit);
        }
        if let Some(text) = content {
            let mut tags = std::mem::take(&mut self.tags);
            tags.push(&text, &mut |index, text| self.say(index, text.into(), emit));
            self.tags = tags;
        }
        if let Some(text) = refusal {
            self.say(TEXT, text, emit);
        }
        for (position, call) in (0..).zip(calls) {
            self.call(position, call, emit);
        }
        extra.into_iter().for_each(|(key, _)| emit(Event::Unknown(key)));
    }

    /// A piece of thinking or text; what was open before it is closed.
    fn say(&mut self, index: u32, text: Cow<'_, str>, emit: Emit<'_>) {
        if text.is_empty() {
            return;
        }
        if self.open != Some(index) {
            self.close(emit);
            self.open = Some(index);
        }
        let delta = if index == THINKING { Delta::Thinking(text) } else { Delta::Text(text) };
        emit(Event::Delta { index, delta });
    }

    fn call(&mut self, position: u32, call: Call<'_>, emit: Emit<'_>) {
        let Call { index, id, name, arguments } = call;
        let index = FIRST_CALL.saturating_add(index.unwrap_or(position));
        if !self.calls.contains(&index) {
            self.flush(emit);
            self.calls.push(index);
            let (id, name) = (id.unwrap_or_default(), name.unwrap_or_default());
            emit(Event::Open { index, block: Opening::ToolUse { id, name } });
        }
        if let Some(piece) = arguments.filter(|piece| !piece.is_empty()) {
            emit(Event::Delta { index, delta: Delta::ToolInput(piece) });
        }
    }

    /// Says what the tags held back, and closes what is open.
    fn flush(&mut self, emit: Emit<'_>) {
        let mut tags = std::mem::take(&mut self.tags);
        tags.flush(&mut |index, text| self.say(index, text.into(), emit));
        self.tags = tags;
        self.close(emit);
    }

    fn close(&mut self, emit: Emit<'_>) {
        if let Some(index) = self.open.take() {
            emit(Event::Close { index });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &[&str]) -> Vec<String> {
        let mut reader = Reader::default();
        let mut out = Vec::new();
        for data in data {
            reader.read(data.as_bytes(), &mut |event| out.push(format!("{event:?}")));
        }
        out
    }

    fn delta(members: &str) -> String {
        format!(
            r#"{{"id":"c","choices":[{{"index":0,"delta":{{{members}}},"finish_reason":null}}]}}"#
        )
    }

    #[test]
    fn a_stream_is_events() {
        let out = read(&[
            &delta(r#""role":"assistant","content":"""#),
            &delta(r#""reasoning_content":"hm""#),
            &delta(r#""content":"a\nb""#),
            &delta(
                r#""tool_calls":[{"index":0,"id":"t","type":"function","function":{"name":"n","arguments":""}}]"#,
            ),
            &delta(r#""tool_calls":[{"index":0,"function":{"arguments":"{}"}}]"#),
            r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":3},"completion_tokens_details":{"reasoning_tokens":1}}}"#,
            "[DONE]",
        ]);
        assert_eq!(out[0], r#"Start { id: Some("c"), usage: None }"#);
        assert!(out[1].contains(r#"Thinking("hm")"#) && out[2] == "Close { index: 0 }", "{out:?}");
        assert!(out[3].contains(r#"Text("a\nb")"#) && out[4] == "Close { index: 1 }", "{out:?}");
        assert!(out[5].contains(r#"ToolUse { id: "t", name: "n" }"#), "{out:?}");
        assert!(out[6].contains("ToolInput") && out[7] == "Stop(ToolUse)", "{out:?}");
        assert!(
            out[8].contains("input: 4, cache_read: 3") && out[8].contains("reasoning: Some(1)")
        );
        assert_eq!(out[9], "End");
    }

    #[test]
    fn quirk_18_tagged_reasoning_is_thinking_however_it_is_split() {
        let text = "<reasoning>let me <see></reasoning>Hello < world";
        for size in 1..text.len() {
            let chunks: Vec<String> = text
                .as_bytes()
                .chunks(size)
                .map(|piece| {
                    delta(&format!(r#""content":"{}""#, std::str::from_utf8(piece).unwrap()))
                })
                .collect();
            let mut data: Vec<&str> = chunks.iter().map(String::as_str).collect();
            data.push(r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#);
            let (mut thinking, mut said) = (String::new(), String::new());
            let mut reader = Reader::default();
            for data in data {
                reader.read(data.as_bytes(), &mut |event| match event {
                    Event::Delta { delta: Delta::Thinking(t), .. } => thinking.push_str(&t),
                    Event::Delta { delta: Delta::Text(t), .. } => said.push_str(&t),
                    _ => {}
                });
            }
            assert_eq!((&*thinking, &*said), ("let me <see>", "Hello < world"), "by {size}");
        }
    }

    #[test]
    fn a_whole_answer_is_blocks() {
        let body = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","future":1,
            "choices":[{"index":0,"finish_reason":"length","message":{"role":"assistant",
            "content":"<reasoning>hm</reasoning>hi","tool_calls":[{"id":"t","type":"function",
            "function":{"name":"n","arguments":"{\"a\": 1}"}}]}},{"index":1}],
            "usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
        let answer = decode_response(body.as_bytes()).unwrap();
        let kinds = format!("{:?}", answer.blocks.iter().map(|b| &b.kind).collect::<Vec<_>>());
        assert!(kinds.contains(r#"Thinking { text: "hm""#) && kinds.contains(r#"Text("hi")"#));
        assert_eq!(answer.stop, StopReason::MaxTokens);
        let extra: Vec<_> = answer.extra.iter().map(|(key, _)| &**key).collect();
        assert_eq!(extra, ["future", "choices[1]"]);
    }

    #[test]
    fn what_is_no_answer_is_garbled() {
        for body in ["", "{}", "[]", r#"{"choices":[]}"#] {
            let fault = decode_response(body.as_bytes()).unwrap_err();
            assert_eq!(fault.class, ErrorClass::Garbled, "{body}");
        }
        assert!(read(&["{\"cho"])[0].contains("Garbled"));
    }
}
