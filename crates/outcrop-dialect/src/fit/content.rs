//! Blocks: what the model can see, and what it can be shown again.

use std::collections::BTreeSet;

use outcrop_model::chat::{Block, CacheTtl, Media, MediaKind, MediaSource, Role, ToolResult, Turn};
use outcrop_model::{At, BlockKind, Card, ChatRequest, Dialect, Ledger};

use super::{Target, citations, foreign};
use crate::blob::is_base64;

pub(super) fn fit(request: &mut ChatRequest<'_>, target: Target<'_>, ledger: &mut Ledger) {
    for block in &mut request.system {
        let extra = std::mem::take(&mut block.extra);
        ledger.extra(block.at, &extra);
        citations::fit(block, Role::System, target, ledger);
        let kind = match &block.kind {
            BlockKind::Text(_) => continue,
            BlockKind::Foreign { kind, .. } => kind,
            BlockKind::Media(_)
            | BlockKind::ToolUse(_)
            | BlockKind::ToolResult(_)
            | BlockKind::Thinking { .. }
            | BlockKind::Redacted(_) => "something other than text",
        };
        let why = format!("system content must be text here, not `{kind}`");
        ledger.refused(block.at.to_string(), why);
    }
    drop_blank(&mut request.system, ledger);
    for turn in &mut request.turns {
        fit_turn(turn, target, ledger);
    }
}

fn fit_turn(turn: &mut Turn<'_>, target: Target<'_>, ledger: &mut Ledger) {
    let card = target.card;
    let extra = std::mem::take(&mut turn.extra);
    ledger.extra(turn.at, &extra);
    let (mut moved, role) = (Vec::new(), turn.role);
    turn.blocks.retain_mut(|block| {
        let extra = std::mem::take(&mut block.extra);
        ledger.extra(block.at, &extra);
        if let BlockKind::ToolResult(result) = &mut block.kind {
            for part in &mut result.content {
                citations::fit(part, role, target, ledger);
            }
            let cache = fit_parts(&mut result.content, card, &mut moved, ledger);
            block.cache = block.cache.or(cache);
            fit_result(result, block.at, target, ledger);
        }
        citations::fit(block, role, target, ledger);
        foreign::show_as_text(block, ledger);
        keep(block, role, target, ledger)
    });
    turn.blocks.extend(moved);
    drop_repeated_thinking(&mut turn.blocks, ledger);
    drop_blank(&mut turn.blocks, ledger);
}

/// Clients that keep an answer in two forms send its thinking twice, which Claude refuses.
fn drop_repeated_thinking(blocks: &mut Vec<Block<'_>>, ledger: &mut Ledger) {
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    blocks.retain(|block| {
        let (text, seal) = match &block.kind {
            BlockKind::Thinking { text, signature: Some(seal) } => (&**text, seal),
            BlockKind::Redacted(seal) => ("", seal),
            BlockKind::Thinking { signature: None, .. }
            | BlockKind::Text(_)
            | BlockKind::Media(_)
            | BlockKind::ToolUse(_)
            | BlockKind::ToolResult(_)
            | BlockKind::Foreign { .. } => return true,
        };
        let fresh = seen.insert((text.to_owned(), seal.to_string()));
        if !fresh {
            ledger.dropped(block.at.to_string(), "said before");
        }
        fresh
    });
}

/// A result that says nothing, or that it is an error, to models that want it told otherwise.
fn fit_result(result: &mut ToolResult<'_>, at: At, target: Target<'_>, ledger: &mut Ledger) {
    if result.content.is_empty() && target.dialect == Dialect::Converse {
        let why = "the text \"(empty)\" was sent, as Bedrock wants content in a tool result";
        ledger.approximated(at.to_string(), why);
        result.content.push(Block::text("(empty)", at));
    }
    if result.is_error == Some(true) && !target.card.tool_result_status {
        let why = "this model takes no error mark; the result's text was sent";
        ledger.dropped(at.key("is_error"), why);
        result.is_error = None;
    }
}

/// Decides whether the model can be given this block.
fn keep(block: &Block<'_>, role: Role, target: Target<'_>, ledger: &mut Ledger) -> bool {
    let card = target.card;
    match &block.kind {
        BlockKind::Text(_) | BlockKind::ToolUse(_) | BlockKind::ToolResult(_) => true,
        BlockKind::Media(media) => {
            check_media(media, block.at, card, ledger);
            true
        }
        BlockKind::Thinking { signature, .. } if signature.as_deref().is_none_or(str::is_empty) => {
            ledger.dropped(block.at.to_string(), "thinking without a signature cannot be replayed");
            false
        }
        BlockKind::Thinking { .. } if !card.replay_thinking => {
            ledger.dropped(block.at.to_string(), "this model takes no thinking of earlier turns");
            false
        }
        BlockKind::Redacted(_) if !card.replay_redacted => {
            ledger.dropped(
                block.at.to_string(),
                "this model takes no encrypted thinking of earlier turns",
            );
            false
        }
        BlockKind::Redacted(data) if target.dialect == Dialect::Converse && !is_base64(data) => {
            ledger.dropped(block.at.to_string(), "encrypted thinking is base64; this is not");
            false
        }
        BlockKind::Thinking { .. } | BlockKind::Redacted(_) => true,
        BlockKind::Foreign { kind, .. } => {
            foreign::account_for(kind, role, block.at, ledger);
            false
        }
    }
}

/// A picture or document that the model would silently not see refuses the request.
fn check_media(media: &Media<'_>, at: At, card: &Card, ledger: &mut Ledger) {
    let path = at.to_string();
    match media.kind {
        MediaKind::Image if !card.images => ledger.refused(path, "this model takes no images"),
        MediaKind::Document if !card.documents => {
            ledger.refused(path, "this model takes no documents")
        }
        MediaKind::Audio if !card.audio => ledger.refused(path, "this model takes no audio"),
        MediaKind::Video if !card.video => ledger.refused(path, "this model takes no video"),
        MediaKind::Image | MediaKind::Document | MediaKind::Audio | MediaKind::Video => {
            match &media.source {
                // The encoder knows whether its dialect has a place for it.
                MediaSource::Url(url) if url.starts_with("s3://") => {}
                MediaSource::Url(_) => {
                    ledger.refused(
                        path,
                        "Bedrock fetches no addresses; send the bytes as base64 (a data URL)",
                    );
                }
                MediaSource::FileId(_) => {
                    ledger.refused(
                        path,
                        "uploaded files are not available here; send the bytes as base64",
                    );
                }
                MediaSource::Base64(_) | MediaSource::Text(_) | MediaSource::Blocks(_) => {}
            }
        }
    }
}

/// Parts of a tool result; pictures that the model cannot take there move beside it. Returns the
/// last part's cache mark: what is cached up to a part is cached up to the result's end.
fn fit_parts<'a>(
    content: &mut Vec<Block<'a>>,
    card: &Card,
    moved: &mut Vec<Block<'a>>,
    ledger: &mut Ledger,
) -> Option<CacheTtl> {
    let mut cache = None;
    let last = content.len().saturating_sub(1);
    let mut kept = Vec::with_capacity(content.len());
    for (i, mut part) in std::mem::take(content).into_iter().enumerate() {
        if let Some(ttl) = part.cache.take() {
            cache = Some(ttl);
            if i < last {
                let why = "moved to the end of the tool result";
                ledger.approximated(part.at.key("cache_control"), why);
            }
        }
        let extra = std::mem::take(&mut part.extra);
        ledger.extra(part.at, &extra);
        foreign::show_as_text(&mut part, ledger);
        match &part.kind {
            BlockKind::Foreign { kind, .. } => {
                ledger.refused(
                    part.at.to_string(),
                    format!("a tool result of type `{kind}` cannot be shown to this model"),
                );
            }
            BlockKind::Media(media) => {
                check_media(media, part.at, card, ledger);
                if media.kind == MediaKind::Audio && card.audio {
                    ledger.refused(part.at.to_string(), "a tool result holds no audio");
                }
                if media.kind == MediaKind::Image && card.images && !card.tool_result_images {
                    ledger.approximated(part.at.to_string(), "moved beside the tool result");
                    moved.push(part);
                    continue;
                }
            }
            BlockKind::Text(_)
            | BlockKind::ToolUse(_)
            | BlockKind::ToolResult(_)
            | BlockKind::Thinking { .. }
            | BlockKind::Redacted(_) => {}
        }
        kept.push(part);
    }
    drop_blank(&mut kept, ledger);
    *content = kept;
    cache
}

/// Blank text says nothing and Bedrock refuses it; a cache mark on it moves to the block before.
fn drop_blank(blocks: &mut Vec<Block<'_>>, ledger: &mut Ledger) {
    let is_blank = |b: &Block<'_>| matches!(&b.kind, BlockKind::Text(t) if t.trim().is_empty());
    if !blocks.iter().any(is_blank) {
        return;
    }
    let mut kept: Vec<Block<'_>> = Vec::with_capacity(blocks.len());
    for block in std::mem::take(blocks) {
        if !is_blank(&block) {
            kept.push(block);
            continue;
        }
        match (block.cache, kept.last_mut()) {
            (Some(ttl), Some(last)) => {
                last.cache.get_or_insert(ttl);
            }
            (Some(_), None) => {
                let why = "stands on blank text, before which there is nothing to cache";
                ledger.dropped(block.at.key("cache_control"), why);
            }
            (None, _) => {}
        }
    }
    *blocks = kept;
}
