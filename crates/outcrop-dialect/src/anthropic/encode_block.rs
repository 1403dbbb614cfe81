//! Content blocks from the IR to Anthropic's JSON, for requests.

use outcrop_model::chat::{ToolResult, ToolUse};
use outcrop_model::{Block, BlockKind, Ledger};

use super::cache;
use super::citation;
use super::encode_media::write_media;
use crate::write::JsonWriter;

/// Writes a list of blocks.
pub(super) fn write_blocks(w: &mut JsonWriter<'_>, blocks: &[Block<'_>], ledger: &mut Ledger) {
    w.open_array();
    for block in blocks {
        write_block(w, block, ledger);
    }
    w.close_array();
}

/// Writes the blocks of an assistant turn that ends the conversation: Anthropic refuses such a turn
/// when its text ends in whitespace.
pub(super) fn write_last_words(w: &mut JsonWriter<'_>, blocks: &[Block<'_>], ledger: &mut Ledger) {
    w.open_array();
    if let Some((last, before)) = blocks.split_last() {
        for block in before {
            write_block(w, block, ledger);
        }
        match &last.kind {
            BlockKind::Text(text) if text.trim_end().len() < text.len() => {
                let why = "whitespace at the end of the last assistant text is trimmed";
                ledger.approximated(last.at.to_string(), why);
                ledger.extra(last.at, &last.extra);
                write_text(w, text.trim_end(), last, ledger);
            }
            BlockKind::Text(_)
            | BlockKind::Media(_)
            | BlockKind::ToolUse(_)
            | BlockKind::ToolResult(_)
            | BlockKind::Thinking { .. }
            | BlockKind::Redacted(_)
            | BlockKind::Foreign { .. } => write_block(w, last, ledger),
        }
    }
    w.close_array();
}

fn write_block(w: &mut JsonWriter<'_>, block: &Block<'_>, ledger: &mut Ledger) {
    ledger.extra(block.at, &block.extra);
    match &block.kind {
        BlockKind::Text(text) => write_text(w, text, block, ledger),
        BlockKind::Media(media) => write_media(w, media, block, ledger),
        BlockKind::ToolUse(tool_use) => write_tool_use(w, tool_use, block),
        BlockKind::ToolResult(result) => write_tool_result(w, result, block, ledger),
        BlockKind::Thinking { text, signature: Some(signature) } => {
            w.open_object();
            w.member_str("type", "thinking");
            w.member_str("thinking", text);
            w.member_str("signature", signature);
            w.close_object();
            uncached(block, ledger);
        }
        BlockKind::Thinking { text, signature: None } => unsigned(w, text, block, ledger),
        BlockKind::Redacted(data) => {
            w.open_object();
            w.member_str("type", "redacted_thinking");
            w.member_str("data", data);
            w.close_object();
            uncached(block, ledger);
        }
        BlockKind::Foreign { kind, raw: _ } => {
            ledger.refused(block.at.to_string(), format!("Claude has no block of type `{kind}`"));
        }
    }
}

fn write_text(w: &mut JsonWriter<'_>, text: &str, block: &Block<'_>, ledger: &mut Ledger) {
    w.open_object();
    w.member_str("type", "text");
    w.member_str("text", text);
    citation::write_all(w, &block.citations, block.at, ledger);
    cache::write(w, block.cache);
    w.close_object();
}

/// Claude takes back only thinking that it signed; other thinking is shown to it as text.
fn unsigned(w: &mut JsonWriter<'_>, text: &str, block: &Block<'_>, ledger: &mut Ledger) {
    let place = block.at.to_string();
    // Text that ends the conversation must not end in whitespace, so it is trimmed wherever it stands.
    let text = text.trim_end();
    if text.is_empty() {
        return ledger.dropped(place, "thinking without text or signature");
    }
    ledger.approximated(place, "thinking without a signature is sent as text");
    write_text(w, text, block, ledger);
}

/// Thinking cannot carry a cache mark.
fn uncached(block: &Block<'_>, ledger: &mut Ledger) {
    if block.cache.is_some() {
        ledger.dropped(block.at.key("cache_control"), "thinking cannot carry a cache mark");
    }
}

fn write_tool_use(w: &mut JsonWriter<'_>, tool_use: &ToolUse<'_>, block: &Block<'_>) {
    let ToolUse { id, name, input } = tool_use;
    w.open_object();
    w.member_str("type", "tool_use");
    w.member_str("id", id);
    w.member_str("name", name);
    w.member_raw("input", input);
    cache::write(w, block.cache);
    w.close_object();
}

fn write_tool_result(
    w: &mut JsonWriter<'_>,
    result: &ToolResult<'_>,
    block: &Block<'_>,
    ledger: &mut Ledger,
) {
    let ToolResult { id, content, is_error } = result;
    w.open_object();
    w.member_str("type", "tool_result");
    w.member_str("tool_use_id", id);
    if let Some(is_error) = is_error {
        w.member_bool("is_error", *is_error);
    }
    if !content.is_empty() {
        w.key("content");
        w.open_array();
        for part in content {
            write_result_part(w, part, ledger);
        }
        w.close_array();
    }
    cache::write(w, block.cache);
    w.close_object();
}

/// A tool result holds text and media; anything else in it cannot be shown to the model.
fn write_result_part(w: &mut JsonWriter<'_>, part: &Block<'_>, ledger: &mut Ledger) {
    match &part.kind {
        BlockKind::Text(_) | BlockKind::Media(_) => write_block(w, part, ledger),
        BlockKind::ToolUse(_)
        | BlockKind::ToolResult(_)
        | BlockKind::Thinking { .. }
        | BlockKind::Redacted(_)
        | BlockKind::Foreign { .. } => {
            ledger.refused(part.at.to_string(), "a tool result holds only text and media");
        }
    }
}
