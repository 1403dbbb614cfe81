//! Citations: on whose words they may stand, and whose documents can be cited.

use outcrop_model::chat::{Block, Role};
use outcrop_model::citation::Place;
use outcrop_model::{BlockKind, Dialect, Ledger};

use super::Target;

const UNABLE: &str = "this model takes no citations";

pub(super) fn fit(block: &mut Block<'_>, role: Role, target: Target<'_>, ledger: &mut Ledger) {
    let is_unable = target.dialect == Dialect::Converse && !target.card.citations;
    if let BlockKind::Media(media) = &mut block.kind
        && media.citations == Some(true)
        && is_unable
    {
        ledger.dropped(block.at.key("citations"), UNABLE);
        media.citations = None;
    }
    if block.citations.is_empty() {
        return;
    }
    let is_blank = matches!(&block.kind, BlockKind::Text(text) if text.trim().is_empty());
    let why = match role {
        Role::User | Role::System => "only what the model said carries citations",
        Role::Assistant if target.dialect == Dialect::OpenAiChat => "OpenAI's chat takes none back",
        Role::Assistant if is_unable => UNABLE,
        Role::Assistant if is_blank => "there is no text that would rest on them",
        Role::Assistant if target.dialect == Dialect::Anthropic => {
            return drop_unproven(block, ledger);
        }
        Role::Assistant => return,
    };
    ledger.dropped(block.at.key("citations"), why);
    block.citations.clear();
}

/// Claude takes a citation of the web back only with the token that it gave along.
fn drop_unproven(block: &mut Block<'_>, ledger: &mut Ledger) {
    let mut index = 0;
    block.citations.retain(|citation| {
        let is_unproven = matches!(citation.place, Place::Web { token: None, .. });
        if is_unproven {
            let path = block.at.key(&format!("citations[{index}]"));
            ledger.dropped(path, "Claude takes back only citations of the web of its own");
        }
        index += 1;
        !is_unproven
    });
}
