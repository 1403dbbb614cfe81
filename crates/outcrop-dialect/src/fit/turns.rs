//! Turns: where system text may stand, and who speaks when.

use std::borrow::Cow;

use outcrop_model::chat::{Block, Role, Turn};
use outcrop_model::{At, BlockKind, Card, ChatRequest, Ledger};

use super::Target;

/// Stands in for the user where Bedrock wants one to speak first.
const OPENING: &str = "(The conversation begins.)";
/// Stands in for the assistant where Bedrock wants one between tool results and the user's words.
const INTERLUDE: &str = "(Tool results received.)";

pub(super) fn fit(request: &mut ChatRequest<'_>, target: Target<'_>, ledger: &mut Ledger) {
    let card = target.card;
    drop_empty(&mut request.turns, ledger);
    lift_leading_system(request);
    place_system(request, card, ledger);
    merge_same_role(&mut request.turns);
    match card.mid_system {
        true => settle_mid_system(&mut request.turns, ledger),
        false => demote_mid_system(&mut request.turns, ledger),
    }
    merge_same_role(&mut request.turns);
    for turn in &mut request.turns {
        order_blocks(turn, ledger);
    }
    if !card.mixed_results {
        part_results(&mut request.turns, ledger);
    }
    fit_ends(request, card, ledger);
}

/// A turn that said nothing, or nothing that the model can be shown.
fn drop_empty(turns: &mut Vec<Turn<'_>>, ledger: &mut Ledger) {
    turns.retain(|turn| {
        if turn.blocks.is_empty() {
            ledger.dropped(turn.at.to_string(), "holds no content to send");
        }
        !turn.blocks.is_empty()
    });
}

/// System turns before anybody spoke are system text.
fn lift_leading_system(request: &mut ChatRequest<'_>) {
    let spoken = request.turns.iter().position(|turn| turn.role != Role::System);
    let leading = spoken.unwrap_or(request.turns.len());
    for turn in request.turns.drain(..leading) {
        request.system.extend(turn.blocks);
    }
}

/// Models without system text get it as the first words of the first user turn.
fn place_system(request: &mut ChatRequest<'_>, card: &Card, ledger: &mut Ledger) {
    if card.system || request.system.is_empty() {
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
        _ => request.turns.insert(0, user_turn(system)),
    }
}

fn user_turn(blocks: Vec<Block<'_>>) -> Turn<'_> {
    Turn { role: Role::User, blocks, at: At::Root, extra: Vec::new() }
}

fn demote_mid_system(turns: &mut [Turn<'_>], ledger: &mut Ledger) {
    turns.iter_mut().filter(|t| t.role == Role::System).for_each(|turn| demote(turn, ledger));
}

/// Why system text arrives as the user's.
pub(crate) const OPERATORS_WORD: &str =
    "no system text can stand here; sent as user text, marked as the operator's";

/// System text where only the user may speak.
pub(crate) fn operators_word(text: &str) -> String {
    format!("<system>\n{text}\n</system>")
}

fn demote(turn: &mut Turn<'_>, ledger: &mut Ledger) {
    ledger.approximated(turn.at.to_string(), OPERATORS_WORD);
    turn.role = Role::User;
    for block in &mut turn.blocks {
        if let BlockKind::Text(text) = &mut block.kind {
            *text = Cow::Owned(operators_word(text));
        }
    }
}

/// Where system turns are allowed, each follows a user turn, and nothing stands between a tool call
/// and its results: such a turn goes behind what the user says next.
fn settle_mid_system(turns: &mut [Turn<'_>], ledger: &mut Ledger) {
    for i in 0..turns.len() {
        if turns[i].role != Role::System {
            continue;
        }
        let follows_user = i > 0 && turns[i - 1].role == Role::User;
        let next = turns.get(i + 1).filter(|turn| turn.role == Role::User);
        let before_results = next.is_some_and(|turn| turn.blocks.iter().any(is_result));
        match next {
            Some(_) if !follows_user || before_results => {
                let why = "moved behind the next user turn, as this model wants it";
                ledger.approximated(turns[i].at.to_string(), why);
                turns.swap(i, i + 1);
            }
            None if !follows_user => demote(&mut turns[i], ledger),
            Some(_) | None => {}
        }
    }
}

fn is_result(block: &Block<'_>) -> bool {
    matches!(block.kind, BlockKind::ToolResult(_))
}

/// Bedrock wants alternating turns; neighbours of one role are one turn in several pieces.
fn merge_same_role(turns: &mut Vec<Turn<'_>>) {
    turns.dedup_by(|turn, last| {
        let same = turn.role == last.role;
        if same {
            last.blocks.append(&mut turn.blocks);
        }
        same
    });
}

/// Tool results first for the user, tool calls last for the assistant. A turn with thinking keeps its
/// order: thinking is signed in its place.
fn order_blocks(turn: &mut Turn<'_>, ledger: &mut Ledger) {
    let is_call = |b: &Block<'_>| matches!(b.kind, BlockKind::ToolUse(_));
    let is_thinking =
        |b: &Block<'_>| matches!(b.kind, BlockKind::Thinking { .. } | BlockKind::Redacted(_));
    let goes_last: &dyn Fn(&Block<'_>) -> bool = match turn.role {
        Role::User => &|b| !is_result(b),
        Role::Assistant if turn.blocks.iter().any(is_thinking) => return,
        Role::Assistant => &is_call,
        Role::System => return,
    };
    let moves = |pair: &&[Block<'_>]| goes_last(&pair[0]) && !goes_last(&pair[1]);
    if let Some(pair) = turn.blocks.windows(2).find(moves) {
        let why = match turn.role {
            Role::User => "moved before the rest of its turn, as Bedrock wants tool results",
            Role::Assistant | Role::System => "moved before the turn's tool calls",
        };
        ledger.approximated(pair[1].at.to_string(), why);
        turn.blocks.sort_by_key(goes_last);
    }
}

/// Models that take tool results only in a turn of their own.
fn part_results(turns: &mut Vec<Turn<'_>>, ledger: &mut Ledger) {
    let mut i = 0;
    while i < turns.len() {
        let results = turns[i].blocks.iter().take_while(|b| is_result(b)).count();
        let is_user = turns[i].role == Role::User;
        if is_user && results > 0 && results < turns[i].blocks.len() {
            let talk = turns[i].blocks.split_off(results);
            let at = talk[0].at;
            let why = "parted from the tool results by an assistant turn, as this model wants it";
            ledger.approximated(at.to_string(), why);
            let interlude = Turn {
                role: Role::Assistant,
                blocks: vec![Block::text(INTERLUDE, at)],
                at,
                extra: Vec::new(),
            };
            turns.splice(i + 1..i + 1, [interlude, user_turn(talk)]);
        }
        i += 1;
    }
}

/// The user speaks first; the assistant speaks last only where the model goes on from there.
fn fit_ends(request: &mut ChatRequest<'_>, card: &Card, ledger: &mut Ledger) {
    let first = request.turns.first();
    let at = match first {
        Some(turn) if turn.role != Role::User => Some(turn.at),
        Some(_) => None,
        // System text alone asks for an answer, too.
        None => request.system.first().map(|block| block.at),
    };
    if let Some(at) = at {
        let why =
            format!("the user text {OPENING:?} was added, as Bedrock wants the user to begin");
        ledger.approximated(at.to_string(), why);
        request.turns.insert(0, user_turn(vec![Block::text(OPENING, at)]));
    }
    fit_last(&request.turns, card, ledger);
}

fn fit_last(turns: &[Turn<'_>], card: &Card, ledger: &mut Ledger) {
    if let Some(last) = turns.last().filter(|t| t.role == Role::Assistant && !card.prefill) {
        let why = "this model does not go on from an assistant's words; end with a user message";
        ledger.refused(last.at.to_string(), why);
    }
}
