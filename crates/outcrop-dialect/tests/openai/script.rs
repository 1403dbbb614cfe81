//! Answers written down as JSON, for want of an upstream.

use std::borrow::Cow;

use outcrop_dialect::names::CallForm;
use outcrop_dialect::openai::Answering;
use outcrop_model::chat::{Media, MediaKind, MediaSource, ToolResult, ToolUse};
use outcrop_model::json::Json;
use outcrop_model::{
    At, Block, BlockKind, ChatResponse, Delta, ErrorClass, Event, Fault, Opening, Phase,
    StopReason, Usage,
};
use serde_json::Value;

pub fn answering(include_usage: bool) -> Answering {
    Answering {
        id: "chatcmpl-1".to_owned(),
        created: 1_700_000_000,
        model: "a \"model\"".to_owned(),
        include_usage,
        calls: CallForm::default(),
    }
}

pub fn response(script: &Value) -> ChatResponse<'_> {
    let blocks = script["blocks"].as_array().unwrap();
    let at = |i: usize| At::Element("content", u32::try_from(i).unwrap());
    ChatResponse {
        id: Some(Cow::Borrowed("msg_upstream")),
        blocks: blocks.iter().enumerate().map(|(i, b)| Block::new(block(b), at(i))).collect(),
        stop: stop(&script["stop"]),
        usage: usage(&script["usage"]),
        extra: Vec::new(),
    }
}

/// `["word", argument…]`
pub fn event(line: &Value) -> Event<'_> {
    let word = text(line, 0);
    let index = || u32::try_from(line[1].as_u64().unwrap()).unwrap();
    let delta = |delta| Event::Delta { index: index(), delta };
    match &*word {
        "start" => Event::Start { id: Some(Cow::Borrowed("msg_upstream")), usage: None },
        "open" => Event::Open { index: index(), block: opening(line) },
        "text" => delta(Delta::Text(text(line, 2))),
        "input" => delta(Delta::ToolInput(text(line, 2))),
        "think" => delta(Delta::Thinking(text(line, 2))),
        "sign" => delta(Delta::Signature(text(line, 2))),
        "redact" => delta(Delta::Redacted(text(line, 2))),
        "close" => Event::Close { index: index() },
        "usage" => Event::Usage(usage(&line[1])),
        "stop" => Event::Stop(stop(&line[1])),
        "end" => Event::End,
        "unknown" => Event::Unknown(text(line, 1)),
        "fault" => {
            let message = text(line, 1).into_owned();
            Event::Fault(Fault::new(ErrorClass::Overloaded, Phase::Streaming, message))
        }
        other => panic!("no event is called {other}"),
    }
}

fn opening(line: &Value) -> Opening<'_> {
    match line[2].as_str().unwrap() {
        "text" => Opening::Text,
        "thinking" => Opening::Thinking,
        "redacted" => Opening::Redacted(text(line, 3)),
        "tool" => Opening::ToolUse { id: text(line, 3), name: text(line, 4) },
        other => panic!("no block is called {other}"),
    }
}

/// `["word", argument…]`
fn block(script: &Value) -> BlockKind<'_> {
    match script[0].as_str().unwrap() {
        "text" => BlockKind::Text(text(script, 1)),
        "thinking" => {
            let signature = script[2].as_str().map(Cow::Borrowed);
            BlockKind::Thinking { text: text(script, 1), signature }
        }
        "redacted" => BlockKind::Redacted(text(script, 1)),
        "tool" => BlockKind::ToolUse(ToolUse {
            id: text(script, 1),
            name: text(script, 2),
            input: json(&script[3]),
        }),
        "result" => BlockKind::ToolResult(ToolResult {
            id: text(script, 1),
            content: Vec::new(),
            is_error: None,
        }),
        "image" => media(MediaKind::Image, script),
        "document" => media(MediaKind::Document, script),
        "foreign" => BlockKind::Foreign { kind: text(script, 1), raw: json(&script[2]) },
        other => panic!("no block is called {other}"),
    }
}

fn media(kind: MediaKind, script: &Value) -> BlockKind<'_> {
    BlockKind::Media(Media {
        kind,
        mime: text(script, 1),
        source: MediaSource::Base64(text(script, 2)),
        name: None,
        context: None,
        citations: None,
    })
}

fn text(script: &Value, i: usize) -> Cow<'_, str> {
    Cow::Borrowed(script[i].as_str().unwrap())
}

fn json(value: &Value) -> Json<'_> {
    Cow::Owned(serde_json::value::to_raw_value(value).unwrap())
}

fn stop(script: &Value) -> StopReason {
    StopReason::parse(script.as_str().unwrap(), Some("END"))
}

fn usage(script: &Value) -> Usage {
    let count = |key: &str| script[key].as_u64();
    Usage {
        input: count("input").unwrap_or_default(),
        cache_read: count("cache_read").unwrap_or_default(),
        cache_write_5m: count("cache_write_5m").unwrap_or_default(),
        cache_write_1h: count("cache_write_1h").unwrap_or_default(),
        output: count("output").unwrap_or_default(),
        reasoning: count("reasoning"),
    }
}
