//! Blocks: what the model can see, and what it can be shown again.

use outcrop_model::chat::{Block, CacheTtl, Media, MediaKind, MediaSource, Turn};
use outcrop_model::{At, BlockKind, Card, ChatRequest, Ledger};

use super::Target;

/// Most cache marks that Bedrock accepts in one request (AWS prompt caching guide, checked 2026-11-21).
const MAX_CACHE_MARKS: usize = 4;

pub(super) fn fit(request: &mut ChatRequest<'_>, target: Target<'_>, ledger: &mut Ledger) {
    for block in &mut request.system {
        let extra = std::mem::take(&mut block.extra);
        ledger.extra(block.at, &extra);
        if let BlockKind::Foreign { kind, .. } = &block.kind {
            ledger.refused(
                block.at.to_string(),
                format!("system content of type `{kind}` is not known"),
            );
        }
    }
    drop_blank(&mut request.system);
    for turn in &mut request.turns {
        fit_turn(turn, target.card, ledger);
    }
    fit_cache(request, target.card, ledger);
}

fn fit_turn(turn: &mut Turn<'_>, card: &Card, ledger: &mut Ledger) {
    let extra = std::mem::take(&mut turn.extra);
    ledger.extra(turn.at, &extra);
    let mut moved = Vec::new();
    turn.blocks.retain_mut(|block| {
        let extra = std::mem::take(&mut block.extra);
        ledger.extra(block.at, &extra);
        if let BlockKind::ToolResult(result) = &mut block.kind {
            fit_tool_result(&mut result.content, card, &mut moved, ledger);
        }
        keep(block, card, ledger)
    });
    turn.blocks.extend(moved);
    drop_blank(&mut turn.blocks);
}

/// Decides whether the model can be given this block.
fn keep(block: &Block<'_>, card: &Card, ledger: &mut Ledger) -> bool {
    match &block.kind {
        BlockKind::Text(_) | BlockKind::ToolUse(_) | BlockKind::ToolResult(_) => true,
        BlockKind::Media(media) => {
            check_media(media, block.at, card, ledger);
            true
        }
        BlockKind::Thinking { signature: None, .. } => {
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
        BlockKind::Thinking { .. } | BlockKind::Redacted(_) => true,
        BlockKind::Foreign { kind, .. } => {
            ledger.dropped(
                block.at.to_string(),
                format!("content of type `{kind}` has no equivalent"),
            );
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
        MediaKind::Image | MediaKind::Document | MediaKind::Audio | MediaKind::Video => {
            match media.source {
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

/// Parts of a tool result; pictures that the model cannot take there move beside it.
fn fit_tool_result<'a>(
    content: &mut Vec<Block<'a>>,
    card: &Card,
    moved: &mut Vec<Block<'a>>,
    ledger: &mut Ledger,
) {
    let mut kept = Vec::with_capacity(content.len());
    for mut part in std::mem::take(content) {
        let extra = std::mem::take(&mut part.extra);
        ledger.extra(part.at, &extra);
        match &part.kind {
            BlockKind::Foreign { kind, .. } => {
                ledger.refused(
                    part.at.to_string(),
                    format!("a tool result of type `{kind}` cannot be shown to this model"),
                );
            }
            BlockKind::Media(media) => {
                check_media(media, part.at, card, ledger);
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
    drop_blank(&mut kept);
    *content = kept;
}

/// Blank text says nothing and Bedrock refuses it; a cache mark on it moves to the block before.
fn drop_blank(blocks: &mut Vec<Block<'_>>) {
    let is_blank = |b: &Block<'_>| matches!(&b.kind, BlockKind::Text(t) if t.trim().is_empty());
    if !blocks.iter().any(is_blank) {
        return;
    }
    let mut kept: Vec<Block<'_>> = Vec::with_capacity(blocks.len());
    for block in std::mem::take(blocks) {
        if !is_blank(&block) {
            kept.push(block);
        } else if let (Some(ttl), Some(last)) = (block.cache, kept.last_mut()) {
            last.cache.get_or_insert(ttl);
        }
    }
    *blocks = kept;
}

fn fit_cache(request: &mut ChatRequest<'_>, card: &Card, ledger: &mut Ledger) {
    let mut marks: Vec<(&mut Option<CacheTtl>, At)> = Vec::new();
    marks.extend(request.tools.iter_mut().map(|t| (&mut t.cache, t.at)));
    marks.extend(request.system.iter_mut().map(|b| (&mut b.cache, b.at)));
    for turn in &mut request.turns {
        marks.extend(turn.blocks.iter_mut().map(|b| (&mut b.cache, b.at)));
    }
    marks.retain(|(cache, _)| cache.is_some());
    let surplus = marks.len().saturating_sub(MAX_CACHE_MARKS);
    for (i, (cache, at)) in marks.into_iter().enumerate() {
        let path = at.key("cache_control");
        if !card.cache {
            ledger.dropped(path, "this model has no prompt cache");
            *cache = None;
        } else if i < surplus {
            ledger.dropped(path, "only four cache marks are possible; the last four are kept");
            *cache = None;
        } else if *cache == Some(CacheTtl::OneHour) && !card.cache_one_hour {
            ledger.approximated(path, "this model caches for five minutes only");
            *cache = Some(CacheTtl::Default);
        }
    }
}
