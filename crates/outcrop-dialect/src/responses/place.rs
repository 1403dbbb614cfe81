//! Where an item stands in the caller's own body.

use outcrop_model::At;

/// An item's place; items that came with an earlier answer stand for the member that recalled them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `input[i]`
    Input(u32),
    /// Part of the conversation that `previous_response_id` names.
    Recalled,
}

const PREVIOUS: &str = "previous_response_id";

// === impl Place ===

impl Place {
    pub fn at(self) -> At {
        match self {
            Place::Input(i) => At::Element("input", i),
            Place::Recalled => At::Member(PREVIOUS),
        }
    }

    /// The whole of a member.
    pub fn inside(self, member: &'static str) -> At {
        match self {
            Place::Input(i) => At::InInput(i, member),
            Place::Recalled => At::Member(PREVIOUS),
        }
    }

    /// An element of a list in the item.
    pub fn part(self, list: &'static str, j: u32) -> At {
        match self {
            Place::Input(i) => At::InputPart(i, list, j),
            Place::Recalled => At::Member(PREVIOUS),
        }
    }

    pub fn key(self, member: &str) -> String {
        self.at().key(member)
    }
}
