//! What limits count of a request: what was told, what was given up, and nothing of what never left.

use outcrop_model::{ErrorClass, Outcome, Receipt, Usage};

use super::Settlement;
use crate::limit::Spent;

impl Settlement {
    /// What limits are to count.
    pub(super) fn spent(&self, receipt: &Receipt, expected: &Usage) -> Spent {
        let told = receipt.usage.filter(|usage| usage.total() > 0);
        if self.has_given_up && may_be_more(told, expected) {
            return Spent::Unknown;
        }
        let is_begun = receipt.first_byte.is_some();
        let is_given_up = match &receipt.outcome {
            // Who asks and does not stay for the answer is charged by Bedrock all the same.
            Outcome::ClientLeft => true,
            Outcome::Failed(class) => is_open_ended(*class),
            Outcome::Completed(_) => false,
        };
        match (&receipt.outcome, told) {
            (Outcome::Completed(_), Some(usage)) => Spent::Told { usage, cost: receipt.cost },
            // What is charged by number.
            (Outcome::Completed(_), None) if receipt.cost.is_some() => {
                Spent::Told { usage: Usage::default(), cost: receipt.cost }
            }
            (Outcome::Completed(_), None) => Spent::Unknown,
            (Outcome::Failed(_) | Outcome::ClientLeft, _) if receipt.attempts == 0 => {
                Spent::Nothing
            }
            (Outcome::Failed(_) | Outcome::ClientLeft, told)
                if !is_begun && is_given_up && may_be_more(told, expected) =>
            {
                Spent::Unknown
            }
            (Outcome::Failed(_), None) if !is_begun => match self.wares.is_empty() {
                false => Spent::Told { usage: Usage::default(), cost: receipt.cost },
                true => Spent::Nothing,
            },
            (Outcome::Failed(_) | Outcome::ClientLeft, told) => {
                let usage = cut_off(told.unwrap_or_default(), self.streamed, expected);
                let receipt = Receipt { usage: Some(usage), ..receipt.clone() };
                Spent::Told { usage, cost: self.cost(&receipt) }
            }
        }
    }
}

/// Whether Bedrock may have gone on with what the gateway gave up: it is charged all the same, and nobody says
/// for how much.
pub(super) fn is_open_ended(class: ErrorClass) -> bool {
    class == ErrorClass::UpstreamTimeout
}

/// Whether more may have been used of what was given up than was told: only a part of it may have been answered.
pub(super) fn may_be_more(told: Option<Usage>, expected: &Usage) -> bool {
    told.is_none_or(|told| told.total() <= expected.total())
}

/// Of an answer that was broken off: what was told, and of what was not, the prompt as it was expected and
/// a token for each event.
fn cut_off(told: Usage, events: u64, expected: &Usage) -> Usage {
    let prompt = if told.prompt() > 0 { told } else { Usage { output: 0, ..*expected } };
    let output = told.output.max(events.min(expected.output));
    Usage { output, reasoning: told.reasoning, ..prompt }
}
