//! Tool calls and their results, one to one: Bedrock refuses an id that is used twice.
//!
//! Some models number their calls anew in each answer, and some clients send a call or a result twice.

use std::borrow::Cow;
use std::collections::BTreeMap;

use outcrop_model::chat::{Block, Role, ToolResult, ToolUse, Turn};
use outcrop_model::{BlockKind, ChatRequest, Ledger};

pub(super) fn fit(request: &mut ChatRequest<'_>, ledger: &mut Ledger) {
    let mut turns = request.turns.iter_mut().peekable();
    while let Some(turn) = turns.next() {
        if turn.role != Role::Assistant {
            continue;
        }
        let renamed = tell_calls_apart(turn, ledger);
        if let Some(results) = turns.peek_mut().filter(|next| next.role == Role::User) {
            tell_results_apart(results, &renamed);
            join_results(results, ledger);
        }
    }
}

fn call_of<'b, 'a>(block: &'b mut Block<'a>) -> Option<&'b mut ToolUse<'a>> {
    match &mut block.kind {
        BlockKind::ToolUse(call) => Some(call),
        BlockKind::Text(_)
        | BlockKind::Media(_)
        | BlockKind::ToolResult(_)
        | BlockKind::Thinking { .. }
        | BlockKind::Redacted(_)
        | BlockKind::Foreign { .. } => None,
    }
}

fn result_of<'b, 'a>(block: &'b mut Block<'a>) -> Option<&'b mut ToolResult<'a>> {
    match &mut block.kind {
        BlockKind::ToolResult(result) => Some(result),
        BlockKind::Text(_)
        | BlockKind::Media(_)
        | BlockKind::ToolUse(_)
        | BlockKind::Thinking { .. }
        | BlockKind::Redacted(_)
        | BlockKind::Foreign { .. } => None,
    }
}

/// A call that says what an earlier one said goes; another under the same id gets an id of its own.
/// Returns the ids that several calls shared, each with those given to the later ones.
fn tell_calls_apart(turn: &mut Turn<'_>, ledger: &mut Ledger) -> BTreeMap<String, Vec<String>> {
    let mut seen: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut renamed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    turn.blocks.retain_mut(|block| {
        let at = block.at;
        let Some(call) = call_of(block) else { return true };
        let said = (call.name.to_string(), call.input.get().to_owned());
        let same_id = seen.entry(call.id.to_string()).or_default();
        if same_id.contains(&said) {
            ledger.dropped(at.to_string(), "the same call under the same id was sent before it");
            return false;
        }
        same_id.push(said);
        if same_id.len() > 1 {
            let id = format!("{}-{}", call.id, same_id.len());
            ledger
                .approximated(at.to_string(), "its id is that of another call; sent with its own");
            renamed.entry(call.id.to_string()).or_default().push(id.clone());
            call.id = Cow::Owned(id);
        }
        true
    });
    renamed
}

/// The second result under a shared id answers the second call, and so on.
fn tell_results_apart(turn: &mut Turn<'_>, renamed: &BTreeMap<String, Vec<String>>) {
    let mut met: BTreeMap<String, usize> = BTreeMap::new();
    for result in turn.blocks.iter_mut().filter_map(result_of) {
        let Some(ids) = renamed.get(&*result.id) else { continue };
        let met = met.entry(result.id.to_string()).or_default();
        if let Some(id) = met.checked_sub(1).and_then(|before| ids.get(before)) {
            result.id = Cow::Owned(id.clone());
        }
        *met += 1;
    }
}

/// Several results for one call are one result with the content of all.
fn join_results(turn: &mut Turn<'_>, ledger: &mut Ledger) {
    let mut kept: Vec<Block<'_>> = Vec::with_capacity(turn.blocks.len());
    for mut block in std::mem::take(&mut turn.blocks) {
        let (at, cache) = (block.at, block.cache);
        let Some(result) = result_of(&mut block) else {
            kept.push(block);
            continue;
        };
        let same =
            |k: &&mut Block<'_>| matches!(&k.kind, BlockKind::ToolResult(r) if r.id == result.id);
        let Some(first) = kept.iter_mut().find(same) else {
            kept.push(block);
            continue;
        };
        first.cache = cache.or(first.cache);
        if let Some(first) = result_of(first) {
            first.content.append(&mut result.content);
            first.is_error = first.is_error.max(result.is_error);
            ledger
                .approximated(at.to_string(), "joined with the result before it for the same call");
        }
    }
    turn.blocks = kept;
}
