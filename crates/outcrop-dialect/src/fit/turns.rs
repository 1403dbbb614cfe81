//! Turns: where system text may stand, and who speaks when.

use std::borrow::Cow;

use outcrop_model::chat::{Block, MediaKind, Role, Turn};
use outcrop_model::{At, BlockKind, ChatRequest, Ledger};

use super::Target;

pub(super) fn fit(request: &mut ChatRequest<'_>, target: Target<'_>, ledger: &mut Ledger) {
    place_system(request, target, ledger);
    if !target.card.mid_system {
        demote_mid_system(&mut request.turns, ledger);
    }
    request.turns.retain(|turn| !turn.blocks.is_empty());
    merge_same_role(&mut request.turns);
    for turn in &mut request.turns {
        order_blocks(turn);
    }
}

/// Models without system text get it as the first words of the first user turn.
fn place_system(request: &mut ChatRequest<'_>, target: Target<'_>, ledger: &mut Ledger) {
    if target.card.system || request.system.is_empty() {
        return;
    }
    let system = std::mem::take(&mut request.system);
    ledger.approximated(
        system[0].at.to_string(),
        "this model takes no system text; sent as the first user text",
    );
    match request.turns.first_mut() {
        Some(turn) if turn.role == Role::User => {
            turn.blocks.splice(0..0, system);
        }
        _ => request
            .turns
            .insert(0, Turn { role: Role::User, blocks: system, at: At::Root, extra: Vec::new() }),
    }
}

fn demote_mid_system(turns: &mut [Turn<'_>], ledger: &mut Ledger) {
    for turn in turns.iter_mut().filter(|t| t.role == Role::System) {
        ledger.approximated(turn.at.to_string(), "this model takes no system text between turns; sent as user text, marked as the operator's");
        turn.role = Role::User;
        for block in &mut turn.blocks {
            if let BlockKind::Text(text) = &mut block.kind {
                *text = Cow::Owned(format!("<system>\n{text}\n</system>"));
            }
        }
    }
}

/// Bedrock wants alternating turns; neighbours of one role are one turn in several pieces.
fn merge_same_role(turns: &mut Vec<Turn<'_>>) {
    if !turns.windows(2).any(|pair| pair[0].role == pair[1].role) {
        return;
    }
    let mut merged: Vec<Turn<'_>> = Vec::with_capacity(turns.len());
    for turn in std::mem::take(turns) {
        match merged.last_mut() {
            Some(last) if last.role == turn.role && turn.role != Role::System => {
                last.blocks.extend(turn.blocks)
            }
            _ => merged.push(turn),
        }
    }
    *turns = merged;
}

/// Tool results first for the user; thinking, text, tool calls for the assistant (Bedrock's order).
fn order_blocks(turn: &mut Turn<'_>) {
    let rank = |block: &Block<'_>| match (&block.kind, turn.role) {
        (BlockKind::ToolResult(_), Role::User) => 0,
        (BlockKind::Thinking { .. } | BlockKind::Redacted(_), Role::Assistant) => 0,
        (BlockKind::ToolUse(_), Role::Assistant) => 2,
        (BlockKind::Media(media), _) if media.kind == MediaKind::Document => 1,
        _ => 1,
    };
    if !turn.blocks.is_sorted_by_key(rank) {
        turn.blocks.sort_by_key(rank);
    }
}
