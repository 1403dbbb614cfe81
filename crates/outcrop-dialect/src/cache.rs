//! Cache points that the operator wants where callers set none.
//!
//! 1. Where the caller has set any, none is added; else at most three, of the four that Bedrock accepts.
//! 2. Only for models that are known to have a prompt cache, and in prompts that are long enough for it.
//! 3. Each is in the ledger. It changes what a request costs and nothing of its answer, so that no
//!    fidelity refuses it.

mod written;

use outcrop_model::chat::{Block, CacheTtl, Turn};
use outcrop_model::{BlockKind, Card, ChatRequest, Ledger};

use crate::anthropic::count::estimate::prompt;

pub use self::written::asked;
pub(crate) use self::written::{in_converse, in_messages};

/// Where the operator wants cache points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CachePoints {
    /// After the system prompt.
    pub system: bool,
    /// After the tools.
    pub tools: bool,
    /// After the message that is so many before the last one, or after the first.
    pub message: Option<u32>,
    /// Only in prompts of so many tokens.
    pub min_tokens: u64,
    pub ttl: CacheTtl,
}

/// Why there is a point that no caller set.
const WHY: &str = "a cache point of the gateway's";

// === impl CachePoints ===

impl CachePoints {
    /// Whether a prompt of so many tokens gets any at this model.
    fn suits(&self, card: &Card, tokens: impl FnOnce() -> u64) -> bool {
        // Where the least is not known, neither is the cache.
        let is_known = card.cache && card.cache_min_tokens > 0;
        is_known && tokens() >= self.min_tokens.max(card.cache_min_tokens)
    }

    /// For how long this model can cache of what is wanted.
    fn ttl(&self, card: &Card) -> CacheTtl {
        match self.ttl {
            CacheTtl::OneHour if !card.cache_one_hour => CacheTtl::Default,
            ttl => ttl,
        }
    }

    /// Which of `messages` is to be cached up to its end.
    fn message_of(&self, messages: usize) -> Option<usize> {
        let before_last = usize::try_from(self.message?).unwrap_or(usize::MAX);
        let last = messages.checked_sub(1)?;
        // Nothing of what has been said before is there to be cached.
        (before_last == 0 || last > 0).then(|| last.saturating_sub(before_last))
    }
}

/// Marks a decoded request.
pub(crate) fn mark(
    request: &mut ChatRequest<'_>,
    points: &CachePoints,
    card: &Card,
    ledger: &mut Ledger,
) {
    if is_marked(request) || !points.suits(card, || prompt(request)) {
        return;
    }
    let ttl = points.ttl(card);
    if let Some(tool) = request.tools.last_mut().filter(|_| points.tools && card.cache_tools) {
        tool.cache = Some(ttl);
        ledger.added(tool.at.key("cache_control"), WHY);
    }
    let system = request.system.iter_mut().rev().find(|block| can_be_cached(block, card));
    if let Some(block) = system.filter(|_| points.system) {
        block.cache = Some(ttl);
        ledger.added(block.at.key("cache_control"), WHY);
    }
    let Some(at) = points.message_of(request.turns.len()) else { return };
    let Some(Turn { blocks, .. }) = request.turns.get_mut(at) else { return };
    if let Some(block) = blocks.iter_mut().rev().find(|block| can_be_cached(block, card)) {
        block.cache = Some(ttl);
        ledger.added(block.at.key("cache_control"), WHY);
    }
}

fn is_marked(request: &ChatRequest<'_>) -> bool {
    let of_block = |block: &Block<'_>| {
        let within = match &block.kind {
            BlockKind::ToolResult(result) => result.content.iter().any(|part| part.cache.is_some()),
            BlockKind::Text(_)
            | BlockKind::Media(_)
            | BlockKind::ToolUse(_)
            | BlockKind::Thinking { .. }
            | BlockKind::Redacted(_)
            | BlockKind::Foreign { .. } => false,
        };
        within || block.cache.is_some()
    };
    let turns = request.turns.iter().flat_map(|turn| &turn.blocks);
    request.tools.iter().any(|tool| tool.cache.is_some())
        || request.system.iter().chain(turns).any(of_block)
}

fn can_be_cached(block: &Block<'_>, card: &Card) -> bool {
    match &block.kind {
        BlockKind::Text(text) => !text.trim().is_empty(),
        BlockKind::Media(_) | BlockKind::ToolUse(_) => true,
        BlockKind::ToolResult(_) => card.cache_tools,
        BlockKind::Thinking { .. } | BlockKind::Redacted(_) | BlockKind::Foreign { .. } => false,
    }
}
