//! One counter: what it holds by slots, and how it stands towards a claim.
//!
//! 1. Slots out of the window do not count, neither those that have left it nor those far ahead.
//! 2. Of what the shared store told last, an instance gives out its share of what was left, beside what it
//!    has in flight there itself. Nobody tells when others' requests in flight end: they are taken for
//!    ended after a while.

use std::collections::VecDeque;

use super::Claim;
use crate::limit::alert::Event;
use crate::limit::window::Span;

/// How a counter stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::limit) struct Standing {
    /// In the window, without the request that asks.
    pub(in crate::limit) total: u128,
    pub(in crate::limit) most: u128,
    pub(in crate::limit) fits: bool,
    /// Whether less is left than was asked for, and not only less than this instance may give out.
    pub(in crate::limit) is_spent: bool,
    /// When as much as was asked for is free; `None` when that cannot be told.
    pub(in crate::limit) free_at: Option<u64>,
    /// When the window is empty, if nothing more comes.
    pub(in crate::limit) empty_at: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Counter {
    /// Oldest first.
    pub(super) slots: VecDeque<Slot>,
    pub(super) seen: Option<Seen>,
    /// How much of it this instance has in flight in the shared store.
    pub(super) leased: u128,
    /// When nothing of it counts any more; `None` for requests in flight, which end by themselves.
    pub(super) ends: Option<u64>,
    pub(super) marks: Marks,
    pub(super) scale: u128,
}

/// What was told of a budget, by the slot in which it was.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Marks {
    pub(super) soft: Option<u64>,
    pub(super) spent: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) number: u64,
    pub(super) amount: u128,
    /// When it counts no more; `None` for requests in flight.
    pub(super) ends: Option<u64>,
}

/// What the shared store told last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) slot: u64,
    /// In the window, of all instances.
    pub(super) total: u128,
    /// What of it this instance had in flight.
    pub(super) leased: u128,
    /// Until when it says something.
    pub(super) ends: u64,
}

/// How long others are taken to have in flight what they had when the shared store was last there: nobody
/// tells when they end.
pub(super) const STILL_IN_FLIGHT: u64 = 30_000;

// === impl Counter ===

impl Counter {
    /// Slots that have left the window are forgotten.
    pub(super) fn forget(&mut self, span: &Span) {
        let kept = span.kept();
        while self.slots.front().is_some_and(|slot| slot.number < kept) {
            self.slots.pop_front();
        }
    }

    /// Slots that count, and how much, oldest first.
    fn counted(&self, span: Span) -> impl DoubleEndedIterator<Item = (u64, u128)> + Clone {
        let slots = self.slots.iter().filter(move |slot| span.counts(slot.number));
        slots.map(|slot| (slot.number, slot.amount))
    }

    /// What was counted here.
    pub(super) fn own(&self, span: Span) -> u128 {
        self.counted(span).fold(0, |sum, (_, amount)| sum.saturating_add(amount))
    }

    /// What the shared store told.
    pub(super) fn seen(&self, span: Span) -> Option<Seen> {
        self.seen.filter(|seen| span.counts(seen.slot))
    }

    pub(super) fn add(&mut self, more: Slot) {
        match self.slots.iter_mut().find(|slot| slot.number == more.number) {
            Some(slot) => slot.amount = slot.amount.saturating_add(more.amount),
            None => {
                let after = self.slots.partition_point(|slot| slot.number < more.number);
                self.slots.insert(after, more);
            }
        }
    }

    /// Where an instance may give out a `share`th of what is left.
    pub(super) fn standing(&self, claim: &Claim, share: u128, now: u64) -> Standing {
        let seen = self.seen(claim.span).filter(|seen| now < seen.ends);
        let (seen, mine) = seen.map_or((0, 0), |seen| (seen.total, seen.leased));
        let own = self.own(claim.span).saturating_add(self.leased);
        let here = (claim.most.saturating_sub(seen) / share.max(1)).saturating_add(mine);
        let total = seen.saturating_sub(mine).saturating_add(own);
        let fits = own.saturating_add(claim.take) <= here;
        let mut standing = standing_of(claim, total, self.counted(claim.span));
        // What others have is not known by slot: what is here may come free, and theirs at the end.
        if seen > 0 || share > 1 {
            standing.free_at = (!fits).then(|| claim.span.gone(claim.span.slot)).flatten();
        }
        Standing { fits, ..standing }
    }
}

// === impl Marks ===

impl Marks {
    /// Marks that it is told now; `false` when it was told in this window already.
    pub(super) fn set(&mut self, event: Event, span: &Span) -> bool {
        let mark = match event {
            Event::Soft => &mut self.soft,
            Event::Spent => &mut self.spent,
        };
        let is_news = !mark.is_some_and(|slot| span.counts(slot));
        if is_news {
            *mark = Some(span.slot);
        }
        is_news
    }
}

/// How a window with these slots, oldest first, stands towards a claim.
pub(in crate::limit) fn standing_of(
    claim: &Claim,
    total: u128,
    slots: impl DoubleEndedIterator<Item = (u64, u128)> + Clone,
) -> Standing {
    let Claim { span, most, take, .. } = claim;
    let fits = total.saturating_add(*take) <= *most;
    let mut left = total;
    let mut free_at = None;
    for (slot, amount) in slots.clone() {
        if fits || take > most {
            break;
        }
        left = left.saturating_sub(amount);
        if left.saturating_add(*take) <= *most {
            free_at = span.gone(slot);
            break;
        }
    }
    let newest = slots.rev().find(|(_, amount)| *amount > 0);
    let empty_at = newest.and_then(|(slot, _)| span.gone(slot));
    Standing { total, most: *most, fits, is_spent: !fits, free_at, empty_at }
}
