//! A whole answer becomes a `response`. What the dialect cannot say is in the ledger.

use std::sync::Arc;

use outcrop_model::chat::{MediaKind, MediaSource};
use outcrop_model::{At, Block, BlockKind, ChatResponse, Citation, Ledger, StopReason};

use super::envelope::Thought;
use super::output::{Call, Item, ItemBody, Part, State, Status, write_response};
use super::settings::Settings;
use crate::openai::{Annotation, NO_PLACE, POINTS_ONLY};
use crate::write::JsonWriter;

/// What an answer says about itself rather than by the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answering {
    /// Without prefix; the answer is `resp_…`, its items hold it too.
    pub id: String,
    /// Unix time in seconds.
    pub created: u64,
    /// As the caller wrote it.
    pub model: String,
    pub settings: Arc<Settings>,
}

/// Writes the body of the answer. Losses on the way go to `ledger`.
pub fn encode_response(
    response: &ChatResponse<'_>,
    answering: &Answering,
    ledger: &mut Ledger,
) -> Vec<u8> {
    let ChatResponse { id: _, blocks, stop, usage, extra } = response;
    ledger.extra(At::Root, extra);
    let items = items(blocks, answering, ledger);
    note_stop(stop, ledger);
    let mut out = Vec::with_capacity(1024 + answering.settings.echo.len());
    let mut w = JsonWriter::new(&mut out);
    write_response(answering, State::Stopped(stop), &items, Some(usage), &mut w);
    out
}

fn items(blocks: &[Block<'_>], answering: &Answering, ledger: &mut Ledger) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for Block { kind, citations, cache: _, at, extra } in blocks {
        ledger.extra(*at, extra);
        if let BlockKind::Text(text) = kind {
            let annotations = annotations(citations, *at, ledger);
            let part = Part { text: text.to_string(), annotations };
            match items.last_mut().map(|item| &mut item.body) {
                Some(ItemBody::Message { parts }) => parts.push(part),
                Some(ItemBody::Reasoning(_) | ItemBody::Call(_) | ItemBody::Image(_)) | None => {
                    let body = ItemBody::Message { parts: vec![part] };
                    items.push(Item::new(&answering.id, items.len(), Status::Completed, body));
                }
            }
            continue;
        }
        if let Some(body) = body(kind, *at, answering, ledger) {
            items.push(Item::new(&answering.id, items.len(), Status::Completed, body));
        }
    }
    items
}

fn annotations(citations: &[Citation<'_>], at: At, ledger: &mut Ledger) -> Vec<Annotation> {
    let mut found = Vec::new();
    for (i, citation) in citations.iter().enumerate() {
        let path = at.key(&format!("citations[{i}]"));
        match Annotation::of(citation) {
            Some(annotation) => {
                ledger.approximated(path, POINTS_ONLY);
                found.push(annotation);
            }
            None => ledger.dropped(path, NO_PLACE),
        }
    }
    found
}

fn body(
    kind: &BlockKind<'_>,
    at: At,
    answering: &Answering,
    ledger: &mut Ledger,
) -> Option<ItemBody> {
    match kind {
        BlockKind::Text(text) => {
            let part = Part { text: text.to_string(), annotations: Vec::new() };
            Some(ItemBody::Message { parts: vec![part] })
        }
        BlockKind::Thinking { text, signature } => {
            let signature = signature.as_deref().unwrap_or_default().to_owned();
            Some(ItemBody::Reasoning(Thought::Plain { text: text.to_string(), signature }))
        }
        BlockKind::Redacted(data) => Some(ItemBody::Reasoning(Thought::Redacted(data.to_string()))),
        BlockKind::ToolUse(call) => {
            let mut known = Call::new(&call.id, &call.name, &answering.settings.shapes);
            known.arguments = call.input.get().to_owned();
            Some(ItemBody::Call(known))
        }
        BlockKind::Media(media) => match (media.kind, &media.source) {
            (MediaKind::Image, MediaSource::Base64(data)) => {
                Some(ItemBody::Image(data.to_string()))
            }
            _ => {
                ledger.dropped(at.to_string(), "an answer here holds text and images");
                None
            }
        },
        BlockKind::ToolResult(_) => {
            ledger.dropped(at.to_string(), "an answer here holds no tool results");
            None
        }
        BlockKind::Foreign { kind, raw: _ } => {
            let why = format!("content of type `{kind}` has no equivalent");
            ledger.dropped(at.to_string(), why);
            None
        }
    }
}

/// A status that says less than the reason is a loss.
fn note_stop(stop: &StopReason, ledger: &mut Ledger) {
    match stop {
        StopReason::PauseTurn
        | StopReason::MalformedOutput
        | StopReason::MalformedToolUse
        | StopReason::Other(_) => {
            ledger.approximated("status", format!("the model stopped with `{}`", stop.as_str()));
        }
        StopReason::EndTurn
        | StopReason::StopSequence(_)
        | StopReason::ToolUse
        | StopReason::MaxTokens
        | StopReason::ContextWindowExceeded
        | StopReason::Guardrail
        | StopReason::ContentFiltered
        | StopReason::Refusal => {}
    }
}

/// The answer of `POST /v1/responses/input_tokens`.
pub fn encode_count(tokens: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let mut w = JsonWriter::new(&mut out);
    w.open_object();
    w.member_str("object", "response.input_tokens");
    w.member_u64("input_tokens", tokens);
    w.close_object();
    out
}
