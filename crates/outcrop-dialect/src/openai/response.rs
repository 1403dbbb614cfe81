//! A whole answer becomes a `chat.completion`.
//!
//! 1. Token counts follow OpenAI's convention: `prompt_tokens` holds cached tokens too.
//! 2. What the dialect cannot say is in the ledger, under its path in the answer.

use outcrop_model::chat::{Media, MediaKind, MediaSource, ToolUse};
use outcrop_model::{At, Block, BlockKind, ChatResponse, Citation, Ledger, StopReason, Usage};

use super::annotation::{Annotation, NO_PLACE, POINTS_ONLY, length};
use crate::names::CallForm;
use crate::write::JsonWriter;

/// What an answer says about itself rather than by the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answering {
    /// `chatcmpl-…`
    pub id: String,
    /// Unix time in seconds.
    pub created: u64,
    /// As the caller wrote it.
    pub model: String,
    /// Whether a stream ends with a chunk of token counts.
    pub include_usage: bool,
    pub calls: CallForm,
}

/// The answer's blocks, sorted by where OpenAI's message holds them.
#[derive(Default)]
struct Sorted<'r> {
    texts: Vec<&'r str>,
    annotations: Vec<(Annotation, (u64, u64))>,
    thinking: Vec<Thought<'r>>,
    calls: Vec<&'r ToolUse<'r>>,
    images: Vec<(&'r str, &'r str)>,
}

pub(super) enum Thought<'r> {
    Plain { text: &'r str, signature: Option<&'r str> },
    Redacted(&'r str),
}

/// Writes the body of the answer. Losses on the way go to `ledger`.
pub fn encode_response(
    response: &ChatResponse<'_>,
    answering: &Answering,
    ledger: &mut Ledger,
) -> Vec<u8> {
    let ChatResponse { id: _, blocks, stop, usage, extra } = response;
    let Answering { id, created, model, include_usage: _, calls } = answering;
    ledger.extra(At::Root, extra);
    let sorted = Sorted::sort(blocks, ledger);
    let mut out = Vec::with_capacity(1024);
    let mut w = JsonWriter::new(&mut out);
    w.open_object();
    w.member_str("id", id);
    w.member_str("object", "chat.completion");
    w.member_u64("created", *created);
    w.member_str("model", model);
    w.key("choices");
    w.open_array();
    w.open_object();
    w.member_u64("index", 0);
    w.key("message");
    sorted.write(&mut w, *calls, ledger);
    w.member_null("logprobs");
    w.member_str("finish_reason", finish_reason(stop, *calls, Some(ledger)));
    w.close_object();
    w.close_array();
    w.key("usage");
    write_usage(&mut w, usage);
    w.close_object();
    out
}

/// OpenAI's word for why the model stopped; a word that says less than the reason is a loss.
pub(in crate::openai) fn finish_reason(
    stop: &StopReason,
    calls: CallForm,
    ledger: Option<&mut Ledger>,
) -> &'static str {
    let (word, exact) = match stop {
        StopReason::EndTurn | StopReason::StopSequence(_) => ("stop", true),
        StopReason::ToolUse => match calls {
            CallForm::ToolCalls => ("tool_calls", true),
            CallForm::FunctionCall => ("function_call", true),
        },
        StopReason::MaxTokens | StopReason::ContextWindowExceeded => ("length", true),
        StopReason::Guardrail | StopReason::ContentFiltered | StopReason::Refusal => {
            ("content_filter", true)
        }
        StopReason::PauseTurn
        | StopReason::MalformedOutput
        | StopReason::MalformedToolUse
        | StopReason::Other(_) => ("stop", false),
    };
    if let (false, Some(ledger)) = (exact, ledger) {
        let why = format!("the model stopped with `{}`", stop.as_str());
        ledger.approximated("choices[0].finish_reason", why);
    }
    word
}

/// `usage`, in OpenAI's convention.
pub(in crate::openai) fn write_usage(w: &mut JsonWriter<'_>, usage: &Usage) {
    w.open_object();
    w.member_u64("prompt_tokens", usage.prompt());
    w.member_u64("completion_tokens", usage.output);
    w.member_u64("total_tokens", usage.total());
    w.key("prompt_tokens_details");
    w.open_object();
    w.member_u64("cached_tokens", usage.cache_read);
    w.member_u64("cache_write_tokens", usage.cache_write());
    w.close_object();
    // A count that the model did not tell is left out, not made up as 0.
    if let Some(reasoning) = usage.reasoning {
        w.key("completion_tokens_details");
        w.open_object();
        w.member_u64("reasoning_tokens", reasoning);
        w.close_object();
    }
    w.close_object();
}

// === impl Sorted ===

impl<'r> Sorted<'r> {
    fn sort(blocks: &'r [Block<'r>], ledger: &mut Ledger) -> Self {
        let mut sorted = Self::default();
        for Block { kind, citations, cache: _, at, extra } in blocks {
            ledger.extra(*at, extra);
            match kind {
                BlockKind::Text(text) => {
                    sorted.annotate(text, citations, *at, ledger);
                    sorted.texts.push(text);
                }
                BlockKind::ToolUse(call) => sorted.calls.push(call),
                BlockKind::Thinking { text, signature } => {
                    let signature = signature.as_deref();
                    sorted.thinking.push(Thought::Plain { text, signature });
                }
                BlockKind::Redacted(data) => sorted.thinking.push(Thought::Redacted(data)),
                BlockKind::Media(media) => match image_of(media) {
                    Some(image) => sorted.images.push(image),
                    None => ledger.dropped(at.to_string(), "an answer here holds text and images"),
                },
                BlockKind::ToolResult(_) => {
                    ledger.dropped(at.to_string(), "an answer here holds no tool results");
                }
                BlockKind::Foreign { kind, raw: _ } => {
                    let why = format!("content of type `{kind}` has no equivalent");
                    ledger.dropped(at.to_string(), why);
                }
            }
        }
        sorted
    }

    /// Notes what rests on what, of the text that comes next.
    fn annotate(&mut self, text: &str, citations: &[Citation<'_>], at: At, ledger: &mut Ledger) {
        if citations.is_empty() {
            return;
        }
        let start: u64 = self.texts.iter().map(|text| length(text)).sum();
        let span = (start, start + length(text));
        for (i, citation) in citations.iter().enumerate() {
            let path = at.key(&format!("citations[{i}]"));
            match Annotation::in_chat(citation) {
                Some(annotation) => {
                    ledger.approximated(path, POINTS_ONLY);
                    self.annotations.push((annotation, span));
                }
                None => ledger.dropped(path, NO_PLACE),
            }
        }
    }

    fn write(&self, w: &mut JsonWriter<'_>, form: CallForm, ledger: &mut Ledger) {
        let Self { texts, annotations, thinking, calls, images } = self;
        w.open_object();
        w.member_str("role", "assistant");
        w.key("content");
        match texts.is_empty() && !calls.is_empty() {
            true => w.null(),
            false => w.str_parts(texts),
        }
        w.member_null("refusal");
        if !annotations.is_empty() {
            write_annotations(annotations, w);
        }
        write_reasoning(w, thinking);
        match (form, &**calls) {
            (_, []) => {}
            (CallForm::ToolCalls, calls) => {
                w.key("tool_calls");
                w.open_array();
                calls.iter().for_each(|call| write_call(w, call));
                w.close_array();
            }
            (CallForm::FunctionCall, [first, others @ ..]) => {
                w.key("function_call");
                write_function(w, first);
                for call in others {
                    let why =
                        format!("`function_call` holds one call, not that of `{}` too", call.name);
                    ledger.dropped("choices[0].message.function_call", why);
                }
            }
        }
        if !images.is_empty() {
            w.key("images");
            w.open_array();
            images.iter().for_each(|(mime, data)| write_image(w, mime, data));
            w.close_array();
        }
        w.close_object();
    }
}

/// `annotations`, each with where it stands in the message.
pub(super) fn write_annotations(annotations: &[(Annotation, (u64, u64))], w: &mut JsonWriter<'_>) {
    w.key("annotations");
    w.open_array();
    annotations.iter().for_each(|(annotation, span)| annotation.write_in_chat(*span, w));
    w.close_array();
}

fn write_reasoning(w: &mut JsonWriter<'_>, thinking: &[Thought<'_>]) {
    let texts: Vec<&str> = thinking.iter().filter_map(Thought::text).collect();
    if texts.iter().any(|text| !text.is_empty()) {
        w.key("reasoning_content");
        w.str_parts(&texts);
    }
    // Unsigned thinking alone is all in `reasoning_content`.
    if thinking.iter().any(|t| !matches!(t, Thought::Plain { signature: None, .. })) {
        w.key("thinking_blocks");
        w.open_array();
        thinking.iter().for_each(|thought| thought.write(w));
        w.close_array();
    }
}

pub(super) fn write_call(w: &mut JsonWriter<'_>, call: &ToolUse<'_>) {
    w.open_object();
    w.member_str("id", &call.id);
    w.member_str("type", "function");
    w.key("function");
    write_function(w, call);
    w.close_object();
}

fn write_function(w: &mut JsonWriter<'_>, call: &ToolUse<'_>) {
    let ToolUse { id: _, name, input } = call;
    w.open_object();
    w.member_str("name", name);
    w.member_str("arguments", input.get());
    w.close_object();
}

/// The shape in which OpenAI-compatible servers hand out images made by chat models.
fn write_image(w: &mut JsonWriter<'_>, mime: &str, data: &str) {
    w.open_object();
    w.member_str("type", "image_url");
    w.key("image_url");
    w.open_object();
    w.key("url");
    w.str_parts(&["data:", mime, ";base64,", data]);
    w.close_object();
    w.close_object();
}

fn image_of<'r>(media: &'r Media<'r>) -> Option<(&'r str, &'r str)> {
    match (media.kind, &media.source) {
        (MediaKind::Image, MediaSource::Base64(data)) => Some((&media.mime, data)),
        _ => None,
    }
}

// === impl Thought ===

impl<'r> Thought<'r> {
    fn text(&self) -> Option<&'r str> {
        match self {
            Thought::Plain { text, signature: _ } => Some(text),
            Thought::Redacted(_) => None,
        }
    }

    /// An element of `thinking_blocks`.
    pub(super) fn write(&self, w: &mut JsonWriter<'_>) {
        w.open_object();
        match self {
            Thought::Plain { text, signature } => {
                w.member_str("type", "thinking");
                w.member_str("thinking", text);
                if let Some(signature) = signature {
                    w.member_str("signature", signature);
                }
            }
            Thought::Redacted(data) => {
                w.member_str("type", "redacted_thinking");
                w.member_str("data", data);
            }
        }
        w.close_object();
    }
}
