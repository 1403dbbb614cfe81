//! Changes that are to be made some time soon, and surely; many of them in one call.
//!
//! 1. Each has a ticket, by which the store makes it once, however often it is asked for.
//! 2. In a batch, changes of the same slot are one slot to the store: what it does grows with tickets
//!    and slots, not with both together.

use std::collections::HashMap;

use super::script::difference;
use crate::limit::alert::Watch;
use crate::limit::book::Adjustment;

/// Whether a ticket is to be there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// It was made by a reservation, and is used up.
    Settle,
    /// It is new: what it stands for was counted elsewhere.
    Charge,
}

/// The changes of one ticket.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) how: How,
    pub(super) ticket: String,
    pub(super) changes: Vec<Adjustment>,
    pub(super) watches: Vec<Watch>,
}

/// Jobs, and what they change.
#[derive(Debug)]
pub(super) struct Batch<'j> {
    pub(super) jobs: &'j [Job],
    pub(super) slots: Vec<Slot<'j>>,
    /// Of all jobs, in their order: which slot, and by how much.
    changes: Vec<(usize, i64)>,
    /// Where the changes of each job end.
    ends: Vec<usize>,
}

/// A slot of a counter that changes.
#[derive(Debug)]
pub(super) struct Slot<'j> {
    /// The first change of it.
    pub(super) change: &'j Adjustment,
    pub(super) watch: Option<&'j Watch>,
}

// === impl Batch ===

impl<'j> Batch<'j> {
    pub(super) fn of(jobs: &'j [Job]) -> Self {
        let mut batch = Self { jobs, slots: Vec::new(), changes: Vec::new(), ends: Vec::new() };
        let mut places = HashMap::<(&str, u64), usize>::new();
        for job in jobs {
            for (index, change) in job.changes.iter().enumerate() {
                let watch = job.watches.iter().find(|watch| watch.index == index);
                let difference = difference(change);
                if difference == 0 && watch.is_none() && !change.span.is_in_flight() {
                    continue;
                }
                let slots = &mut batch.slots;
                let place =
                    *places.entry((&change.counter, change.span.slot)).or_insert_with(|| {
                        slots.push(Slot { change, watch });
                        slots.len() - 1
                    });
                if let Some(slot) = slots.get_mut(place) {
                    slot.watch = slot.watch.or(watch);
                }
                batch.changes.push((place, difference));
            }
            batch.ends.push(batch.changes.len());
        }
        batch
    }

    /// Each job with its changes: which slot, and by how much.
    pub(super) fn by_job(&self) -> impl Iterator<Item = (&Job, &[(usize, i64)])> {
        let mut start = 0;
        self.jobs
            .iter()
            .zip(&self.ends)
            .map(move |(job, end)| (job, &self.changes[std::mem::replace(&mut start, *end)..*end]))
    }

    /// What is watched, in the order of slots.
    pub(super) fn watched(&self) -> impl Iterator<Item = (&Watch, u128)> {
        self.slots.iter().filter_map(|slot| Some((slot.watch?, slot.change.scale)))
    }
}
