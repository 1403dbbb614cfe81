//! A whole answer becomes a `text_completion`.

use outcrop_model::{At, Block, BlockKind, ChatResponse, Ledger};

use crate::openai::response::{Answering, finish_reason, write_usage};
use crate::write::JsonWriter;

/// Writes the body of the answer. Losses on the way go to `ledger`.
pub fn encode_response(
    response: &ChatResponse<'_>,
    answering: &Answering,
    ledger: &mut Ledger,
) -> Vec<u8> {
    let ChatResponse { id: _, blocks, stop, usage, extra } = response;
    let Answering { id, created, model, include_usage: _, calls } = answering;
    ledger.extra(At::Root, extra);
    let mut out = Vec::with_capacity(512);
    let mut w = JsonWriter::new(&mut out);
    w.open_object();
    w.member_str("id", id);
    w.member_str("object", "text_completion");
    w.member_u64("created", *created);
    w.member_str("model", model);
    w.key("choices");
    w.open_array();
    w.open_object();
    w.key("text");
    w.str_parts(&texts(blocks, ledger));
    w.member_u64("index", 0);
    w.member_null("logprobs");
    w.member_str("finish_reason", finish_reason(stop, *calls, Some(ledger)));
    w.close_object();
    w.close_array();
    w.key("usage");
    write_usage(&mut w, usage);
    w.close_object();
    out
}

fn texts<'r>(blocks: &'r [Block<'r>], ledger: &mut Ledger) -> Vec<&'r str> {
    let mut texts: Vec<&str> = Vec::new();
    for Block { kind, citations, cache: _, at, extra } in blocks {
        ledger.extra(*at, extra);
        match kind {
            BlockKind::Text(text) => {
                texts.push(text);
                if !citations.is_empty() {
                    let why = "a text completion has no place for citations";
                    ledger.dropped(at.key("citations"), why);
                }
            }
            BlockKind::Thinking { .. } | BlockKind::Redacted(_) => {
                ledger.dropped(at.to_string(), "a text completion has no place for thinking");
            }
            BlockKind::Media(_)
            | BlockKind::ToolUse(_)
            | BlockKind::ToolResult(_)
            | BlockKind::Foreign { .. } => {
                ledger.dropped(at.to_string(), "a text completion holds text only");
            }
        }
    }
    texts
}
