//! The counters, in memory.
//!
//! 1. A request takes from all of its counters or from none, in one step: what is granted is never more
//!    than a limit allows, whatever comes at the same time.
//! 2. A settlement changes the slot that was taken from; once that slot has left its window, it changes
//!    nothing.
//! 3. Where counters are shared, `seen` is what the shared store last told, and only the rest of it is
//!    given out here, in equal shares ([`counter`]).
//! 4. A request that is refused makes no counter. A limit that has one for each value that clients choose
//!    has at most [`MOST_OF_A_LIMIT`]; values beyond share one ([`Book::place`]). What was told of a counter is
//!    marked in it, and is forgotten with it alone.

mod counter;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::counter::{Counter, Marks, STILL_IN_FLIGHT, Seen, Slot};
use super::alert::Event;
use super::file::{Journal, Row};
use super::window::Span;

pub(super) use self::counter::{Standing, standing_of};

/// One counter that a request takes from.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) counter: Arc<str>,
    pub(super) span: Span,
    pub(super) most: u128,
    pub(super) take: u128,
    /// A store with numbers of 64 bits counts so many as one, and rounds up what is taken.
    pub(super) scale: u128,
}

/// The truth in the place of what was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Adjustment {
    pub(super) counter: Arc<str>,
    pub(super) span: Span,
    pub(super) taken: u128,
    pub(super) truth: u128,
    pub(super) scale: u128,
}

/// What a request asks for, in one step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) claims: &'a [Claim],
    /// Given back where the claims are granted, and the epoch in which it was taken.
    pub(super) back: Option<(&'a [Adjustment], u64)>,
    /// Among how many instances what is left is given out.
    pub(super) share: u128,
}

/// A change that was made, and what was there before.
struct Changed<'a> {
    change: &'a Adjustment,
    before: u128,
}

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Book {
    inner: Mutex<Inner>,
    journal: Option<Journal>,
}

#[derive(Debug, Default)]
struct Inner {
    counters: HashMap<Arc<str>, Counter>,
    /// How many each limit has that has one for each of something.
    families: HashMap<Box<str>, usize>,
    /// Limits that were told to have too many.
    full: HashSet<Box<str>>,
    /// How many counters there were after the last sweep, and when that was.
    swept: (usize, u64),
    /// How often what was counted here was handed over to the shared store.
    epoch: u64,
    /// Whether anything was counted here since.
    is_used: bool,
    /// Whether there is a file.
    is_kept: bool,
}

/// What is handed over to the shared store.
#[derive(Debug, Default)]
pub(super) struct HandedOver {
    pub(super) changes: Vec<Adjustment>,
    /// Counters of requests in flight, one for each.
    pub(super) in_flight: Vec<Arc<str>>,
}

/// Counters are swept when they have doubled since the last time, and are at least so many.
const WORTH_SWEEPING: usize = 1024;
/// Counters of one limit that clients can make more of: more tenants than one gateway has, in a few ten
/// megabytes.
const MOST_OF_A_LIMIT: usize = 100_000;
/// How often a limit that is full is looked through for what has ended, in milliseconds.
const LOOK_THROUGH: u64 = 10_000;

/// The limit of a counter that is one for each of something ([`super::rule`]).
fn family(counter: &str) -> Option<&str> {
    const HASH: usize = 32;
    counter.rsplit_once('/').filter(|(_, hash)| hash.len() == HASH).map(|(family, _)| family)
}

// === impl Adjustment ===

impl Adjustment {
    /// As if the claim had never been granted.
    pub(super) fn undo(claim: &Claim) -> Self {
        let Claim { counter, span, most: _, take, scale } = claim.clone();
        Self { counter, span, taken: take, truth: 0, scale }
    }

    /// One request more in flight.
    pub(super) fn in_flight(counter: &Arc<str>) -> Self {
        let (counter, span) = (Arc::clone(counter), Span::IN_FLIGHT);
        Self { counter, span, taken: 0, truth: 1, scale: 1 }
    }

    fn applied_to(&self, amount: u128) -> u128 {
        amount.saturating_sub(self.taken).saturating_add(self.truth)
    }
}

// === impl Book ===

impl Book {
    /// Counters that are written to a file, with what was in it.
    pub(super) fn kept(journal: Journal, found: Vec<Row>) -> Self {
        let mut inner = Inner { is_kept: true, ..Inner::default() };
        for row in found {
            let counter = inner.counter(&row.counter.into());
            let ends = Some(row.ends);
            counter.add(Slot { number: row.slot, amount: row.amount, ends });
            counter.ends = counter.ends.max(ends);
            let told = |is_told: bool| is_told.then_some(row.slot);
            let Marks { soft, spent } = &mut counter.marks;
            *soft = (*soft).max(told(row.soft_told));
            *spent = (*spent).max(told(row.spent_told));
        }
        Self { inner: Mutex::new(inner), journal: Some(journal) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes from all counters, or from none if one of them has not enough.
    pub(super) fn reserve(&self, wish: Wish<'_>, now: u64) -> Reserved {
        let Wish { claims, back, share } = wish;
        let mut inner = self.lock();
        inner.sweep(now, self.journal.as_ref());
        let is_back_here = back.is_none_or(|(_, epoch)| epoch == inner.epoch);
        let changed = back.map_or_else(Vec::new, |(changes, epoch)| inner.change(changes, epoch));
        let mut standings = Vec::with_capacity(claims.len());
        for claim in claims {
            standings.push(match inner.counters.get_mut(&claim.counter) {
                Some(counter) => {
                    counter.forget(&claim.span);
                    counter.standing(claim, share, now)
                }
                None => Counter::default().standing(claim, share, now),
            });
        }
        let granted = standings.iter().all(|standing| standing.fits);
        let mut rows = Vec::new();
        inner.is_used |= granted;
        if granted {
            for claim in claims {
                let counter = inner.counter(&claim.counter);
                let (number, ends) = (claim.span.slot, claim.span.gone(claim.span.slot));
                counter.add(Slot { number, amount: claim.take, ends });
                counter.ends = counter.ends.max(ends);
                counter.scale = claim.scale;
            }
            rows.extend(changed.iter().filter_map(|changed| inner.row_of(changed.change)));
            rows.extend(claims.iter().filter_map(|c| inner.row(&c.counter, &c.span)));
        } else {
            inner.restore(&changed);
        }
        // Within the lock, so that it follows its own changes.
        let written = match (&self.journal, rows.is_empty()) {
            (Some(journal), false) => {
                journal.put(rows);
                journal.written()
            }
            (Some(_), true) | (None, _) => None,
        };
        Reserved { granted, standings, epoch: inner.epoch, is_back_here, written }
    }

    /// The counter itself, or the one that all share for which its limit has no room at `now`.
    pub(super) fn place(&self, name: Arc<str>, now: u64) -> Arc<str> {
        let Some(family) = family(&name) else { return name };
        let mut inner = self.lock();
        if inner.counters.contains_key(&name) || inner.has_room(family) {
            return name;
        }
        if now.abs_diff(inner.swept.1) >= LOOK_THROUGH {
            inner.look_through(now, self.journal.as_ref());
            if inner.has_room(family) {
                return name;
            }
        }
        if inner.full.insert(family.into()) {
            tracing::warn!(
                counter = family,
                counters = MOST_OF_A_LIMIT,
                "a limit has as many counters as it may: all further values share one"
            );
        }
        format!("{family}/other").into()
    }

    /// Changes what was taken, if it is still here: `false` when it was handed over since `epoch`.
    pub(super) fn adjust(&self, changes: &[Adjustment], epoch: u64) -> bool {
        let mut inner = self.lock();
        let changed = inner.change(changes, epoch);
        let rows = changed.iter().filter_map(|changed| inner.row_of(changed.change));
        self.write(rows.collect());
        inner.epoch == epoch
    }

    /// What a counter holds in a window.
    pub(super) fn total(&self, name: &str, span: Span) -> u128 {
        let inner = self.lock();
        let counter = inner.counters.get(name);
        counter.map_or(0, |counter| {
            let seen = counter.seen(span).map_or(0, |seen| seen.total);
            seen.saturating_add(counter.own(span))
        })
    }

    /// Whether it is to be told now: once for each window.
    pub(super) fn tell_once(&self, name: &Arc<str>, span: &Span, event: Event) -> bool {
        let mut inner = self.lock();
        let counter = inner.counter(name);
        let is_news = counter.marks.set(event, span);
        counter.ends = counter.ends.max(span.gone(span.slot));
        if is_news {
            self.write(inner.row(name, span).into_iter().collect());
        }
        is_news
    }

    /// Notes what the shared store holds of a claim's counter: what was there before, and what was taken where
    /// it was granted.
    pub(super) fn observe(&self, claim: &Claim, (before, taken): (u128, Option<u128>), now: u64) {
        let Claim { counter: name, span, .. } = claim;
        let mut inner = self.lock();
        inner.sweep(now, self.journal.as_ref());
        if taken.is_none() && before == 0 && !inner.counters.contains_key(name) {
            return;
        }
        let total = before.saturating_add(taken.unwrap_or(0));
        let counter = inner.counter(name);
        let (slot, leased) = (span.slot, counter.leased);
        let ends = span.gone(slot).unwrap_or(now.saturating_add(STILL_IN_FLIGHT));
        counter.seen = Some(Seen { slot, total, leased, ends });
        counter.ends = counter.ends.max(span.gone(slot));
    }

    /// This instance has a request in flight in the shared store.
    pub(super) fn lease(&self, counters: &[Arc<str>]) {
        let mut inner = self.lock();
        for name in counters {
            inner.counter(name).leased += 1;
        }
    }

    /// It has ended.
    pub(super) fn release(&self, counters: &[Arc<str>]) {
        let mut inner = self.lock();
        for name in counters {
            if let Some(counter) = inner.counters.get_mut(name) {
                counter.leased = counter.leased.saturating_sub(1);
            }
        }
    }

    /// Hands over what was counted here and still counts, for the shared store. What is in flight is
    /// leased there from now on.
    pub(super) fn hand_over(&self, now: u64) -> HandedOver {
        let mut inner = self.lock();
        let mut over = HandedOver::default();
        if !std::mem::take(&mut inner.is_used) {
            return over;
        }
        inner.epoch += 1;
        for (name, counter) in &mut inner.counters {
            let scale = counter.scale;
            for Slot { number, amount, ends } in counter.slots.drain(..) {
                match ends {
                    Some(ends) if amount > 0 && ends > now => {
                        let (counter, span) = (Arc::clone(name), Span::past(number, ends));
                        let taken = 0;
                        over.changes.push(Adjustment {
                            counter,
                            span,
                            taken,
                            truth: amount,
                            scale,
                        });
                    }
                    Some(_) => {}
                    None => {
                        counter.leased += amount;
                        over.in_flight.extend((0..amount).map(|_| Arc::clone(name)));
                    }
                }
            }
        }
        over
    }

    /// Whether anything was counted here that was not handed over.
    pub(super) fn is_used(&self) -> bool {
        self.lock().is_used
    }

    fn write(&self, rows: Vec<Row>) {
        if let Some(journal) = self.journal.as_ref().filter(|_| !rows.is_empty()) {
            journal.put(rows);
        }
    }
}

/// What came of asking.
#[derive(Debug)]
pub(super) struct Reserved {
    pub(super) granted: bool,
    pub(super) standings: Vec<Standing>,
    pub(super) epoch: u64,
    /// Whether what is given back was still here.
    pub(super) is_back_here: bool,
    /// Done once what was taken is in the file.
    pub(super) written: Option<tokio::sync::oneshot::Receiver<()>>,
}

// === impl Inner ===

impl Inner {
    fn counter(&mut self, name: &Arc<str>) -> &mut Counter {
        self.counters.entry(Arc::clone(name)).or_insert_with(|| {
            if let Some(family) = family(name) {
                *self.families.entry(family.into()).or_default() += 1;
            }
            Counter::default()
        })
    }

    fn has_room(&self, family: &str) -> bool {
        self.families.get(family).is_none_or(|count| *count < MOST_OF_A_LIMIT)
    }

    /// Changes what was taken, unless it was handed over since `epoch`.
    fn change<'c>(&mut self, changes: &'c [Adjustment], epoch: u64) -> Vec<Changed<'c>> {
        let mut changed = Vec::with_capacity(changes.len());
        let here = if self.epoch == epoch { changes } else { &[] };
        for change in here {
            if let Some(amount) = self.amount(change) {
                changed.push(Changed { change, before: *amount });
                *amount = change.applied_to(*amount);
            }
        }
        changed
    }

    fn restore(&mut self, changed: &[Changed<'_>]) {
        for Changed { change, before } in changed {
            if let Some(amount) = self.amount(change) {
                *amount = *before;
            }
        }
    }

    fn amount(&mut self, change: &Adjustment) -> Option<&mut u128> {
        let counter = self.counters.get_mut(&change.counter)?;
        let slot = counter.slots.iter_mut().find(|slot| slot.number == change.span.slot);
        slot.map(|slot| &mut slot.amount)
    }

    /// What the file is to hold after the change. Of counters that a limit has many of, one of requests in
    /// flight goes with the last.
    fn row_of(&mut self, change: &Adjustment) -> Option<Row> {
        let Adjustment { counter, span, .. } = change;
        let is_nothing = |held: &Counter| {
            held.slots.iter().all(|slot| slot.amount == 0)
                && held.leased == 0
                && held.seen.is_none()
        };
        if span.is_in_flight()
            && let Some(family) = family(counter)
            && self.counters.get(counter).is_some_and(is_nothing)
        {
            self.counters.remove(counter);
            if let Some(count) = self.families.get_mut(family) {
                *count = count.saturating_sub(1);
            }
        }
        self.row(counter, span)
    }

    /// What the file is to hold of a slot; `None` where it is to hold nothing.
    fn row(&self, name: &Arc<str>, span: &Span) -> Option<Row> {
        if !self.is_kept || !span.is_kept() {
            return None;
        }
        let counter = self.counters.get(name)?;
        let slot = counter.slots.iter().find(|slot| slot.number == span.slot);
        Some(Row {
            counter: name.to_string(),
            slot: span.slot,
            amount: slot.map_or(0, |slot| slot.amount),
            ends: span.useless(span.slot).unwrap_or(u64::MAX),
            soft_told: counter.marks.soft == Some(span.slot),
            spent_told: counter.marks.spent == Some(span.slot),
        })
    }

    /// Forgets counters of which nothing counts any more, now and then.
    fn sweep(&mut self, now: u64, journal: Option<&Journal>) {
        if self.counters.len() >= (self.swept.0 * 2).max(WORTH_SWEEPING) {
            self.look_through(now, journal);
        }
    }

    fn look_through(&mut self, now: u64, journal: Option<&Journal>) {
        self.counters.retain(|_, counter| match counter.ends {
            Some(ends) => ends > now,
            None => counter.own(Span::IN_FLIGHT) > 0 || counter.leased > 0,
        });
        self.swept = (self.counters.len(), now);
        self.families.clear();
        for family in self.counters.keys().filter_map(|name| family(name)) {
            match self.families.get_mut(family) {
                Some(count) => *count += 1,
                None => {
                    self.families.insert(family.into(), 1);
                }
            }
        }
        if let Some(journal) = journal {
            journal.sweep(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use outcrop_config::Window;

    use super::*;

    fn ask(book: &Book, counter: &Arc<str>, (take, now): (u128, u64)) -> bool {
        let span = Span::at(Window::Rolling(Duration::from_secs(60)), now);
        let claims = [Claim { counter: Arc::clone(counter), span, most: 1, take, scale: 1 }];
        book.reserve(Wish { claims: &claims, back: None, share: 1 }, now).granted
    }

    #[test]
    fn rule_4_clients_cannot_make_counters_without_end() {
        let (book, other) = (Book::default(), Arc::<str>::from("l/other"));
        let each = |value: usize| Arc::<str>::from(format!("l/{value:032x}"));
        assert!(!ask(&book, &each(0), (2, 0)));
        assert!(book.lock().counters.is_empty(), "it is refused");
        // What is told of one is marked in it.
        let span = Span::at(Window::Rolling(Duration::from_secs(60)), 0);
        let tell = |event| book.tell_once(&each(0), &span, event);
        assert!(tell(Event::Spent) && tell(Event::Soft));
        for value in 0..MOST_OF_A_LIMIT {
            let place = book.place(each(value), 0);
            assert_eq!(place, each(value));
            assert!(ask(&book, &place, (1, 0)));
        }
        assert!(!tell(Event::Spent) && !tell(Event::Soft));
        assert_eq!(book.place(each(0), 0), each(0), "it has one");
        assert_eq!(book.place(each(MOST_OF_A_LIMIT), 10_000), other);
        assert_eq!(book.place(Arc::from("m/00000000000000000000000000000000"), 0).len(), 34);
        let after = 10 * 60 * 1000;
        assert_eq!(book.place(each(MOST_OF_A_LIMIT), after), each(MOST_OF_A_LIMIT));
        assert!(book.lock().counters.is_empty(), "all have ended");
    }
}
