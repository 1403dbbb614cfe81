//! The counters of the process, wherever they are kept.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use outcrop_config::OnStoreLoss;
use outcrop_model::{ErrorClass, Fault, Phase};
use tokio::time::Instant;

use super::Facts;
use super::alert::{Alert, Alerts, Event, Watch};
use super::book::{Adjustment, Book, Claim, Reserved, Standing, Wish};
use super::file::Journal;
use super::rule::Rule;
use super::shared::Shared;
use crate::store::FileError;

/// How long a request waits for the file: a disk that is well takes a tenth of it. What is not written
/// by then is counted in memory, and written after.
const WRITE: Duration = Duration::from_millis(250);
/// When to ask again while the shared store is away: it is tried about as often.
const STORE_AWAY: Duration = Duration::from_secs(2);
const UNCOUNTED: &str =
    "The gateway cannot count requests right now, and must not let them through uncounted.";

/// How often it is looked whether all is done, before the process ends.
pub(crate) const LOOK: Duration = Duration::from_millis(5);

/// Tells the time of windows; tests give their own. Where counters are shared, all instances go by the clock
/// of the store.
#[derive(Clone)]
pub struct Timepiece {
    own: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    /// Milliseconds by which the clock that it goes by is ahead of its own.
    ahead: Arc<AtomicI64>,
}

/// Where counters are to be kept.
#[derive(Clone, Copy)]
pub enum StoreWish<'a> {
    Memory,
    File(&'a Path),
    /// `url` may hold a password.
    Redis {
        url: &'a str,
        on_loss: OnStoreLoss,
    },
}

/// A place for counters that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    File(#[from] FileError),
    /// Without the address, which may hold a password.
    #[error(
        "it is no address of Redis, such as redis://localhost:6379 or rediss://cache.example:6380"
    )]
    Address,
}

/// Counters, by names of limits; they outlive configurations.
#[derive(Debug, Default)]
pub struct Counters {
    book: Arc<Book>,
    shared: Option<(Shared, OnStoreLoss)>,
    /// Requests that were refused for want of the shared store.
    refused: AtomicU64,
    alerts: Alerts,
    clock: Timepiece,
}

/// How the shared store stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreStanding {
    pub is_there: bool,
    /// How many requests were refused since the start because it was not.
    pub refused: u64,
}

/// Does something when a request is dropped while it waits.
pub(super) struct OnLeaving<F: FnOnce()>(pub(super) Option<F>);

/// Where something was reserved.
#[derive(Debug)]
pub(super) enum Mode {
    /// Here.
    Here { epoch: u64 },
    /// In the shared store.
    There { ticket: String },
}

/// What is given back in the step in which something else is taken.
#[derive(Debug)]
pub(super) struct Back<'r> {
    pub(super) mode: &'r Mode,
    pub(super) changes: Vec<Adjustment>,
    /// Whether that is done, or sure to be.
    pub(super) is_done: &'r mut bool,
}

/// What came of asking for a reservation.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) granted: Option<Mode>,
    /// How each counter stood before.
    pub(super) standings: Vec<Standing>,
}

// === impl Counters ===

impl Counters {
    /// Needs a running tokio where counters are shared; does not wait for a shared store.
    ///
    /// # Errors
    /// When the place cannot be used: a file that is none of ours, damaged or open elsewhere, or an
    /// address that is none.
    pub fn open(wish: StoreWish<'_>, alerts: Alerts, clock: Timepiece) -> Result<Self, StoreError> {
        let mut book = Arc::<Book>::default();
        let mut shared = None;
        match wish {
            StoreWish::Memory => {}
            StoreWish::File(path) => {
                let (journal, found) = Journal::open(path, clock.clone())?;
                book = Arc::new(Book::kept(journal, found));
            }
            StoreWish::Redis { url, on_loss } => {
                let store = Shared::begin(url, Arc::clone(&book), alerts.clone(), clock.clone());
                shared = Some((store.map_err(|_| StoreError::Address)?, on_loss));
            }
        }
        Ok(Self { book, shared, refused: AtomicU64::new(0), alerts, clock })
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.millis()
    }

    /// The counter of a rule that a request takes from.
    pub(super) fn place(&self, rule: &Rule, facts: &Facts<'_>) -> Arc<str> {
        let name = rule.counter(facts);
        if rule.is_by_clients() { self.book.place(name, self.now()) } else { name }
    }

    /// Takes from all counters or from none, and gives `back` if it takes.
    ///
    /// # Errors
    /// When the shared store is away and the operator wants refusals then.
    pub(super) async fn reserve(
        &self,
        claims: &[Claim],
        mut back: Option<Back<'_>>,
        now: u64,
    ) -> Result<Answer, Fault> {
        let mut share = 1;
        if let Some((shared, on_loss)) = &self.shared {
            self.give_back_elsewhere(shared.is_there(), &mut back);
            if let Some((ticket, standings)) = shared.reserve(claims, back.as_mut()).await {
                let granted = ticket.map(|ticket| Mode::There { ticket });
                return Ok(Answer { granted, standings });
            }
            if *on_loss == OnStoreLoss::Refuse {
                return Err(self.store_away(UNCOUNTED));
            }
            self.give_back_elsewhere(false, &mut back);
            share = shared.instances();
        }
        let held = back.as_ref().filter(|back| !*back.is_done).and_then(|back| match back.mode {
            Mode::Here { epoch } => Some((&*back.changes, *epoch)),
            Mode::There { .. } => None,
        });
        let wish = Wish { claims, back: held, share: share.into() };
        let Reserved { granted, standings, epoch, is_back_here, written } =
            self.book.reserve(wish, now);
        if let Some(back) = back.filter(|back| granted && !*back.is_done) {
            *back.is_done = true;
            if !is_back_here {
                self.charge(back.changes);
            }
        }
        if let Some(written) = written {
            // Who leaves while it is written has taken nothing.
            let taken = OnLeaving(Some(|| {
                let changes = claims.iter().map(Adjustment::undo).collect();
                self.settle(&Mode::Here { epoch }, changes, Vec::new());
            }));
            if tokio::time::timeout(WRITE, written).await.is_err() {
                tracing::warn!("the file of limits is slow: a request did not wait for it");
            }
            taken.stays();
        }
        Ok(Answer { granted: granted.then_some(Mode::Here { epoch }), standings })
    }

    /// Puts the truth in the place of what was reserved; never waits.
    pub(super) fn settle(&self, mode: &Mode, changes: Vec<Adjustment>, watches: Vec<Watch>) {
        match (mode, &self.shared) {
            (Mode::There { ticket }, Some((shared, _))) => {
                shared.settle(ticket.clone(), changes, watches);
            }
            (Mode::Here { epoch }, _) => {
                let is_here = self.book.adjust(&changes, *epoch);
                for watch in watches {
                    let spent = self.book.total(&watch.counter, watch.span);
                    if watch.is_reached(spent)
                        && self.book.tell_once(&watch.counter, &watch.span, Event::Soft)
                        && let Some(alert) = watch.alert()
                    {
                        self.alerts.tell(alert, spent);
                    }
                }
                if !is_here {
                    self.charge(changes);
                }
            }
            // A reservation is settled by the counters that granted it.
            (Mode::There { .. }, None) => {}
        }
    }

    /// Refuses a request for want of the shared store.
    pub(super) fn store_away(&self, what: &str) -> Fault {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let what = format!("{what} Try again in {} s.", STORE_AWAY.as_secs());
        let mut fault = Fault::new(ErrorClass::Overloaded, Phase::BeforeSend, what);
        fault.retry_after = Some(STORE_AWAY);
        fault
    }

    /// `None` where counters are not shared.
    pub(crate) fn store(&self) -> Option<StoreStanding> {
        let (shared, _) = self.shared.as_ref()?;
        let refused = self.refused.load(Ordering::Relaxed);
        Some(StoreStanding { is_there: shared.is_there(), refused })
    }

    /// Waits until the shared store knows all that was counted, but no longer than until `end`. Returns how
    /// many settlements it does not know then.
    pub async fn close(&self, end: Instant) -> usize {
        let Some((shared, _)) = &self.shared else { return 0 };
        shared.hurry();
        while shared.undone() > 0 && Instant::now() < end {
            tokio::time::sleep(LOOK).await;
        }
        shared.undone()
    }

    /// What is held in another place than where it is now asked cannot be given back in the same step:
    /// it is given back before, so that some other request may find that room.
    fn give_back_elsewhere(&self, is_there: bool, back: &mut Option<Back<'_>>) {
        let is_elsewhere = |back: &Back<'_>| match back.mode {
            Mode::Here { .. } => is_there,
            Mode::There { .. } => !is_there,
        };
        if let Some(back) = back.take_if(|back| !*back.is_done && is_elsewhere(back)) {
            *back.is_done = true;
            self.settle(back.mode, back.changes, Vec::new());
        }
    }

    /// What was reserved here has been handed over to the shared store since.
    fn charge(&self, changes: Vec<Adjustment>) {
        if let Some((shared, _)) = &self.shared {
            shared.change_handed_over(changes);
        }
    }

    /// Tells of a budget that is spent, once for each window.
    pub(super) fn tell_spent(&self, rule: &Rule, claim: &Claim, standing: &Standing) {
        let Some(budget) = rule.budget() else { return };
        let Claim { counter, span, .. } = claim;
        if !self.book.tell_once(counter, span, Event::Spent) {
            return;
        }
        let alert = Alert::of(rule, budget, span, Event::Spent);
        match &self.shared {
            Some((shared, _)) => {
                shared.tell_first(Event::Spent.mark(counter, span), alert, standing.total);
            }
            None => self.alerts.tell(alert, standing.total),
        }
    }
}

// === impl OnLeaving ===

impl<F: FnOnce()> OnLeaving<F> {
    /// The request is still there.
    pub(super) fn stays(mut self) {
        self.0 = None;
    }
}

impl<F: FnOnce()> Drop for OnLeaving<F> {
    fn drop(&mut self) {
        if let Some(undo) = self.0.take() {
            undo();
        }
    }
}

// === impl Timepiece ===

impl Timepiece {
    pub fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { own: Arc::new(now), ahead: Arc::default() }
    }

    /// Milliseconds since 1970.
    pub(super) fn millis(&self) -> u64 {
        self.own_millis().saturating_add_signed(self.ahead.load(Ordering::Relaxed))
    }

    /// By its own clock.
    pub(super) fn own_millis(&self) -> u64 {
        let since = (self.own)().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Goes by another clock from now on, which told this time after it was asked at `asked` of the own.
    pub(super) fn go_by(&self, time: u64, asked: u64) {
        let own = asked.midpoint(self.own_millis());
        self.ahead.store(time.wrapping_sub(own).cast_signed(), Ordering::Relaxed);
    }
}

impl Default for Timepiece {
    fn default() -> Self {
        Self::new(SystemTime::now)
    }
}

impl std::fmt::Debug for Timepiece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Timepiece")
    }
}
