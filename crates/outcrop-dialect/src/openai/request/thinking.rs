//! Thinking of earlier turns, as the answer handed it out.
//!
//! `thinking_blocks` win, for they hold the signatures; `reasoning_content` alone is unsigned thinking.

use std::borrow::Cow;

use outcrop_model::chat::Turn;
use outcrop_model::json::parse_raw;
use outcrop_model::{At, Block, BlockKind, Fault};
use serde_json::value::RawValue;

use super::content::cache;
use crate::openai::wire::{ThinkingBlock, text};

pub(super) fn read<'a>(
    blocks: Vec<&'a RawValue>,
    reasoning_content: Option<&'a RawValue>,
    m: u32,
    turn: &mut Turn<'a>,
) -> Result<(), Fault> {
    let has_blocks = !blocks.is_empty();
    for (i, raw) in (0..).zip(blocks) {
        turn.blocks.push(read_block(raw, At::Item(m, "thinking_blocks", i))?);
    }
    let Some(raw) = reasoning_content else { return Ok(()) };
    let at = At::InMessage(m, "reasoning_content");
    let text = text(raw, &at.to_string())?;
    match has_blocks {
        false if text.is_empty() => {}
        false => turn.blocks.push(Block::new(BlockKind::Thinking { text, signature: None }, at)),
        true if says_the_same(&text, &turn.blocks) => {}
        true => turn.extra.push((Cow::Borrowed("reasoning_content"), raw)),
    }
    Ok(())
}

fn read_block<'a>(raw: &'a RawValue, at: At) -> Result<Block<'a>, Fault> {
    let ThinkingBlock { kind, thinking, signature, data, cache_control, mut extra } =
        parse_raw(raw, &at.to_string())?;
    let present = |text: Option<Cow<'a, str>>| text.filter(|t| !t.is_empty());
    let (signature, data) = (present(signature), present(data));
    let kind = match (kind.as_deref(), thinking, signature, data) {
        (Some("thinking"), Some(text), signature, None) => BlockKind::Thinking { text, signature },
        (Some("redacted_thinking"), None, None, Some(data)) => BlockKind::Redacted(data),
        _ => {
            let kind = kind.unwrap_or(Cow::Borrowed("thinking_block"));
            let kind = BlockKind::Foreign { kind, raw: Cow::Borrowed(raw) };
            return Ok(Block::new(kind, at));
        }
    };
    let cache = cache(cache_control, at, &mut extra)?;
    Ok(Block { cache, extra, ..Block::new(kind, at) })
}

/// Whether `text` is the blocks' thinking, one after the other.
fn says_the_same(text: &str, blocks: &[Block<'_>]) -> bool {
    let mut rest = text;
    for block in blocks {
        if let BlockKind::Thinking { text, .. } = &block.kind {
            let Some(after) = rest.strip_prefix(&**text) else { return false };
            rest = after;
        }
    }
    rest.is_empty()
}
