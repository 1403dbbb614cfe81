//! A rough count of a prompt's tokens, for want of the model's own.
//!
//! Not a tokeniser, and no promise of precision: a rule of thumb by bytes, the same for every model,
//! which leans towards too many, so that a client that compacts its conversation by it does so early
//! rather than late. Expect it to be off by a quarter either way, for code and tables by more.
//!
//! | what | tokens |
//! |---|---|
//! | text, JSON | two for every seven ASCII bytes, one for every other character |
//! | a turn | 4 beside its blocks |
//! | tools, if any | 340 for the model's instructions on them, beside names, descriptions, schemas |
//! | an image | 1600, the most that Claude counts for one |
//! | other media | one for every 30 bytes: a PDF page of text is some 50 kB and 1500 tokens |
//! | encrypted thinking | one for every 4 bytes |
//!
//! Source of the two constants for Claude: Anthropic's pages on vision and tool use (checked 2026-11-21).

use outcrop_model::chat::{Media, MediaKind, MediaSource, OutputFormat, Tool, ToolUse};
use outcrop_model::{Block, BlockKind, ChatRequest, Turn};

const TURN: u64 = 4;
const TOOLS: u64 = 340;
pub(crate) const IMAGE: u64 = 1600;
const MEDIA_BYTES_PER_TOKEN: u64 = 30;
const ENCRYPTED_BYTES_PER_TOKEN: u64 = 4;

/// Tokens of everything that the model would read.
pub fn prompt(request: &ChatRequest<'_>) -> u64 {
    let system: u64 = request.system.iter().map(block).sum();
    let turns: u64 = request.turns.iter().map(turn).sum();
    let tools: u64 = request.tools.iter().map(tool).sum();
    let instructions = if request.tools.is_empty() { 0 } else { TOOLS };
    let format = match &request.format {
        Some(OutputFormat::JsonSchema { schema, .. }) => text(schema.get()),
        Some(OutputFormat::JsonObject) | None => 0,
    };
    system + turns + tools + instructions + format
}

fn turn(turn: &Turn<'_>) -> u64 {
    TURN + turn.blocks.iter().map(block).sum::<u64>()
}

fn block(block: &Block<'_>) -> u64 {
    match &block.kind {
        BlockKind::Text(words) => text(words),
        BlockKind::Media(what) => media(what),
        BlockKind::ToolUse(ToolUse { id, name, input }) => {
            text(id) + text(name) + text(input.get())
        }
        BlockKind::ToolResult(result) => {
            text(&result.id) + result.content.iter().map(self::block).sum::<u64>()
        }
        BlockKind::Thinking { text: words, signature: _ } => text(words),
        BlockKind::Redacted(data) => bytes_of(data).div_ceil(ENCRYPTED_BYTES_PER_TOKEN),
        BlockKind::Foreign { kind: _, raw } => text(raw.get()),
    }
}

fn media(media: &Media<'_>) -> u64 {
    let named = media.name.as_deref().map_or(0, text) + media.context.as_deref().map_or(0, text);
    let content = match (&media.source, media.kind) {
        (MediaSource::Text(words), _) => text(words),
        (MediaSource::Blocks(blocks), _) => blocks.iter().map(|words| text(words)).sum(),
        (_, MediaKind::Image) => IMAGE,
        (MediaSource::Base64(data), _) => in_media(bytes_of(data)),
        // What stands behind an address or an id is not known here.
        (MediaSource::Url(address) | MediaSource::FileId(address), _) => text(address),
    };
    named + content
}

fn tool(tool: &Tool<'_>) -> u64 {
    let schema = tool.schema.as_ref().map_or(0, |schema| text(schema.get()));
    let vendor = tool.vendor.as_ref().map_or(0, |(_, raw)| text(raw.get()));
    text(&tool.name) + tool.description.as_deref().map_or(0, text) + schema + vendor
}

/// Of a document or another medium that is not an image.
pub(crate) fn in_media(bytes: u64) -> u64 {
    bytes.div_ceil(MEDIA_BYTES_PER_TOKEN)
}

pub fn text(words: &str) -> u64 {
    let ascii = words.bytes().filter(u8::is_ascii).count() as u64;
    let others = words.chars().count() as u64 - ascii;
    (ascii * 2).div_ceil(7) + others
}

/// Bytes behind a base64 text.
pub(crate) fn bytes_of(base64: &str) -> u64 {
    base64.len() as u64 * 3 / 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_model::At;

    fn ask(blocks: Vec<Block<'static>>) -> u64 {
        let turn = Turn { blocks, ..Turn::default() };
        prompt(&ChatRequest { turns: vec![turn], ..ChatRequest::default() })
    }

    fn said(words: &'static str) -> u64 {
        ask(vec![Block::text(words, At::Root)])
    }

    #[test]
    fn each_kind_of_content_counts_by_its_rule() {
        assert_eq!(said(""), TURN);
        assert_eq!(said("seven b"), TURN + 2);
        assert_eq!(said("übergroß"), TURN + 2 + 2);
        assert_eq!(said("日本語"), TURN + 3);
        let media = |kind, data: String| {
            let source = MediaSource::Base64(data.into());
            let mime = "".into();
            let media = Media { kind, mime, source, name: None, context: None, citations: None };
            ask(vec![Block::new(BlockKind::Media(media), At::Root)])
        };
        assert_eq!(media(MediaKind::Image, "A".repeat(400_000)), TURN + IMAGE);
        assert_eq!(media(MediaKind::Document, "A".repeat(40_000)), TURN + 1000);
    }

    #[test]
    fn english_prose_comes_out_near_and_above_its_true_count() {
        // 44 characters, 9 to 10 tokens in the tokenisers that are public.
        let count = said("The quick brown fox jumps over the lazy dog.") - TURN;
        assert!((10..=14).contains(&count), "{count}");
    }
}
