//! Cache marks: where, how many, how long.

use outcrop_model::chat::CacheTtl;
use outcrop_model::{At, BlockKind, Card, ChatRequest, Ledger};

/// Most cache marks that Bedrock accepts in one request (AWS prompt caching guide, checked 2026-11-21).
pub(crate) const MAX_MARKS: usize = 4;

/// A mark, where it stands, and whether that is on a tool or a tool result.
struct Mark<'r> {
    cache: &'r mut Option<CacheTtl>,
    at: At,
    on_tool: bool,
}

pub(super) fn fit(request: &mut ChatRequest<'_>, card: &Card, ledger: &mut Ledger) {
    let mut marks = marks(request);
    marks.retain_mut(|mark| {
        let why = match mark.on_tool {
            _ if !card.cache => "this model has no prompt cache",
            true if !card.cache_tools => "this model caches neither tools nor tool results",
            true | false => return true,
        };
        ledger.dropped(mark.at.key("cache_control"), why);
        *mark.cache = None;
        false
    });
    let surplus = marks.len().saturating_sub(MAX_MARKS);
    for mark in marks.drain(..surplus) {
        let why = "only four cache marks are possible; the last four are kept";
        ledger.dropped(mark.at.key("cache_control"), why);
        *mark.cache = None;
    }
    let mut shorter_before = false;
    for mark in marks {
        if *mark.cache != Some(CacheTtl::OneHour) {
            shorter_before = true;
            continue;
        }
        let why = match (card.cache_one_hour, shorter_before) {
            (false, _) => "this model caches for five minutes only",
            (true, true) => "an hour cannot follow five minutes; sent with five minutes",
            (true, false) => continue,
        };
        ledger.approximated(mark.at.key("cache_control.ttl"), why);
        *mark.cache = Some(CacheTtl::Default);
    }
}

/// All marks in the order in which the prompt is cached: tools, system, turns.
fn marks<'r>(request: &'r mut ChatRequest<'_>) -> Vec<Mark<'r>> {
    let mut marks: Vec<Mark<'r>> = Vec::new();
    let tools = request.tools.iter_mut();
    marks.extend(tools.map(|t| Mark { cache: &mut t.cache, at: t.at, on_tool: true }));
    let turns = request.turns.iter_mut().flat_map(|turn| &mut turn.blocks);
    for block in request.system.iter_mut().chain(turns) {
        let on_tool = matches!(block.kind, BlockKind::ToolResult(_));
        marks.push(Mark { cache: &mut block.cache, at: block.at, on_tool });
    }
    marks.retain(|mark| mark.cache.is_some());
    marks
}
