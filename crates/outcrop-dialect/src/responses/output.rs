//! The items of an answer, and the answer around them.
//!
//! Whole answers and streams put items together in their own ways; what is written is the same.

use outcrop_model::json::{Members, Str, parse_raw};
use outcrop_model::{Fault, StopReason, Usage};

use super::envelope::Thought;
use super::recall::item_id;
use super::response::Answering;
use super::settings::Settings;
use super::tools::{INPUT, ToolShapes};
use crate::openai::{Annotation, length};
use crate::render::response_error;
use crate::write::JsonWriter;

#[derive(Debug)]
pub(super) struct Item {
    pub id: String,
    pub status: Status,
    pub body: ItemBody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    InProgress,
    Completed,
    /// Broken off.
    Incomplete,
}

#[derive(Debug)]
pub(super) enum ItemBody {
    Reasoning(Thought),
    Message {
        parts: Vec<Part>,
    },
    Call(Call),
    /// Base64.
    Image(String),
}

/// A piece of text and what it rests on.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    pub text: String,
    pub annotations: Vec<Annotation>,
}

/// A call of a function or of a free-text tool.
#[derive(Debug)]
pub(super) struct Call {
    pub call_id: String,
    pub name: String,
    pub namespace: Option<String>,
    pub custom: bool,
    /// JSON as the model wrote it.
    pub arguments: String,
}

/// How an answer stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum State<'s> {
    InProgress,
    Stopped(&'s StopReason),
    Failed(&'s Fault),
}

// === impl Status ===

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Status::InProgress => "in_progress",
            Status::Completed => "completed",
            Status::Incomplete => "incomplete",
        }
    }
}

// === impl Call ===

impl Call {
    /// A call in the caller's own terms.
    pub fn new(call_id: &str, alias: &str, shapes: &ToolShapes) -> Self {
        let shape = shapes.of(alias);
        Self {
            call_id: call_id.to_owned(),
            name: shape.map_or_else(|| alias.to_owned(), |shape| shape.name.clone()),
            namespace: shape.and_then(|shape| shape.namespace.clone()),
            custom: shape.is_some_and(|shape| shape.custom),
            arguments: String::new(),
        }
    }

    /// What a free-text tool was called with. A model that did not keep to the form is passed on as it is.
    pub fn input(&self) -> String {
        let members: Members<'_> = serde_json::from_str(&self.arguments).unwrap_or_default();
        let input = members.get(INPUT).filter(|_| members.0.len() == 1);
        match input.map(|raw| parse_raw::<Str<'_>>(raw, INPUT)) {
            Some(Ok(Str(text))) => text.into_owned(),
            Some(Err(_)) | None => self.arguments.clone(),
        }
    }

    /// Whether the model came to the end of the arguments.
    pub fn is_whole(&self) -> bool {
        serde_json::from_str::<serde::de::IgnoredAny>(&self.arguments).is_ok()
    }

    fn write(&self, id: &str, status: Status, w: &mut JsonWriter<'_>) {
        let Self { call_id, name, namespace, custom, arguments } = self;
        w.open_object();
        w.member_str("id", id);
        w.member_str("type", if *custom { "custom_tool_call" } else { "function_call" });
        w.member_str("status", status.as_str());
        w.member_str("call_id", call_id);
        w.member_str("name", name);
        if let Some(namespace) = namespace {
            w.member_str("namespace", namespace);
        }
        match custom {
            true => w.member_str(INPUT, &self.input()),
            false => w.member_str("arguments", arguments),
        }
        w.close_object();
    }
}

// === impl Item ===

impl Item {
    pub fn new(answer: &str, position: usize, status: Status, body: ItemBody) -> Self {
        let prefix = match &body {
            ItemBody::Reasoning(_) => "rs",
            ItemBody::Message { .. } => "msg",
            ItemBody::Call(Call { custom: true, .. }) => "ctc",
            ItemBody::Call(_) => "fc",
            ItemBody::Image(_) => "ig",
        };
        Self { id: item_id(prefix, answer, position), status, body }
    }

    pub fn write(&self, settings: &Settings, w: &mut JsonWriter<'_>) {
        let Self { id, status, body } = self;
        match body {
            ItemBody::Call(call) => return call.write(id, *status, w),
            ItemBody::Reasoning(_) | ItemBody::Message { .. } | ItemBody::Image(_) => {}
        }
        w.open_object();
        w.member_str("id", id);
        match body {
            ItemBody::Reasoning(thought) => {
                w.member_str("type", "reasoning");
                w.key("summary");
                w.open_array();
                if settings.summary && !thought.text().is_empty() {
                    write_summary(thought.text(), w);
                }
                w.close_array();
                // Thinking that was broken off is unsigned: no model takes it back.
                if *status == Status::Completed {
                    w.member_str("encrypted_content", &thought.seal());
                }
            }
            ItemBody::Message { parts } => {
                w.member_str("type", "message");
                w.member_str("status", status.as_str());
                w.member_str("role", "assistant");
                w.key("content");
                w.open_array();
                parts.iter().for_each(|part| write_part(part, w));
                w.close_array();
            }
            ItemBody::Image(data) => {
                w.member_str("type", "image_generation_call");
                w.member_str("status", status.as_str());
                w.member_str("result", data);
            }
            ItemBody::Call(_) => {}
        }
        w.close_object();
    }
}

pub(super) fn write_summary(text: &str, w: &mut JsonWriter<'_>) {
    w.open_object();
    w.member_str("type", "summary_text");
    w.member_str("text", text);
    w.close_object();
}

pub(super) fn write_part(part: &Part, w: &mut JsonWriter<'_>) {
    let Part { text, annotations } = part;
    w.open_object();
    w.member_str("type", "output_text");
    w.member_str("text", text);
    w.key("annotations");
    w.open_array();
    if !annotations.is_empty() {
        let length = length(text);
        annotations.iter().for_each(|annotation| annotation.write(length, w));
    }
    w.close_array();
    w.key("logprobs");
    w.raw_bytes(b"[]");
    w.close_object();
}

/// Writes the answer.
pub(super) fn write_response(
    answering: &Answering,
    state: State<'_>,
    items: &[Item],
    usage: Option<&Usage>,
    w: &mut JsonWriter<'_>,
) {
    let Answering { id, created, model, settings } = answering;
    w.open_object();
    w.key("id");
    w.str_parts(&["resp_", id]);
    w.member_str("object", "response");
    w.member_u64("created_at", *created);
    let (status, incomplete) = status(state);
    w.member_str("status", status);
    w.key("error");
    match state {
        State::Failed(fault) => response_error(fault, w),
        State::InProgress | State::Stopped(_) => w.null(),
    }
    w.key("incomplete_details");
    match incomplete {
        Some(reason) => {
            w.open_object();
            w.member_str("reason", reason);
            w.close_object();
        }
        None => w.null(),
    }
    w.member_str("model", model);
    w.key("output");
    w.open_array();
    items.iter().for_each(|item| item.write(settings, w));
    w.close_array();
    if !settings.echo.is_empty() {
        w.raw_bytes(&settings.echo);
    }
    w.key("usage");
    match usage {
        Some(usage) => write_usage(usage, w),
        None => w.null(),
    }
    w.close_object();
}

/// OpenAI's word for how the answer stands, and why it is not complete.
pub(super) fn status(state: State<'_>) -> (&'static str, Option<&'static str>) {
    let stop = match state {
        State::InProgress => return ("in_progress", None),
        State::Failed(_) => return ("failed", None),
        State::Stopped(stop) => stop,
    };
    match stop {
        StopReason::MaxTokens | StopReason::ContextWindowExceeded => {
            ("incomplete", Some("max_output_tokens"))
        }
        StopReason::Guardrail | StopReason::ContentFiltered | StopReason::Refusal => {
            ("incomplete", Some("content_filter"))
        }
        StopReason::EndTurn
        | StopReason::StopSequence(_)
        | StopReason::ToolUse
        | StopReason::PauseTurn
        | StopReason::MalformedOutput
        | StopReason::MalformedToolUse
        | StopReason::Other(_) => ("completed", None),
    }
}

/// OpenAI's convention: `input_tokens` holds cached tokens too. The dialect requires the count of
/// reasoning tokens, so one that the model did not tell is 0.
fn write_usage(usage: &Usage, w: &mut JsonWriter<'_>) {
    w.open_object();
    w.member_u64("input_tokens", usage.prompt());
    w.key("input_tokens_details");
    w.open_object();
    w.member_u64("cached_tokens", usage.cache_read);
    w.member_u64("cache_write_tokens", usage.cache_write());
    w.close_object();
    w.member_u64("output_tokens", usage.output);
    w.key("output_tokens_details");
    w.open_object();
    w.member_u64("reasoning_tokens", usage.reasoning.unwrap_or_default());
    w.close_object();
    w.member_u64("total_tokens", usage.total());
    w.close_object();
}
