//! Counters in Redis or Valkey, shared between instances.
//!
//! 1. Redis judges: one script takes from all counters or from none, so that instances together never
//!    grant more than a limit allows.
//! 2. Each reservation has a ticket: it is settled once, however often that is tried. A reservation whose
//!    answer got lost, or was not waited for, is taken back.
//! 3. A request waits for Redis at most [`ANSWER`]. Without it the link is down at once for all; one task
//!    tries to bring it up again, and meanwhile each instance goes on with its share of what was left
//!    when it last heard, or refuses.
//! 4. What was counted here meanwhile is handed over once the link is up, and settlements wait for it.
//!    None is given up. Where more than [`MOST_WAITING`] wait, the store does not keep up and is away
//!    until they are done: no more wait than that, and those of requests that were under way.
//!    At the end of the process [`Shared::undone`] tells what still waits.
//! 5. Requests in flight are leased: those of an instance that died are free after [`script::LEASE`]. Those
//!    that began without Redis, or that it has forgotten, are leased once it is back.

mod job;
mod script;
mod upkeep;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};
use tokio::sync::{Notify, mpsc};

use self::job::{How, Job};
use super::alert::{Alert, Alerts, Watch};
use super::book::{Adjustment, Book, Claim, HandedOver, Standing};
use super::counters::{Back, Mode, OnLeaving, Timepiece};

/// Redis is near and answers in less than a millisecond; what takes this long is no answer.
const ANSWER: Duration = Duration::from_millis(250);
/// For a new connection, with TLS.
const CONNECT: Duration = Duration::from_secs(2);
/// Settlements that may wait for the store: more than come while it answers at all, and a few
/// megabytes.
const MOST_WAITING: usize = 8192;

/// The shared store, as requests see it.
#[derive(Debug)]
pub(super) struct Shared {
    link: Arc<Link>,
    jobs: mpsc::UnboundedSender<Job>,
}

/// What the one task and requests share.
struct Link {
    client: Client,
    /// Names this instance.
    instance: String,
    /// `None` while there is none.
    connection: Mutex<Option<MultiplexedConnection>>,
    lost: Notify,
    /// The process is about to end.
    hurry: Notify,
    is_away_told: AtomicBool,
    /// Jobs that are not known to be done.
    waiting: AtomicUsize,
    /// How many instances lived at the last beat.
    instances: AtomicU32,
    /// Counters of requests in flight, by ticket.
    leases: Mutex<HashMap<String, Vec<Arc<str>>>>,
    /// Tickets of requests in flight that began without the store, by counter: any ends as well as another.
    handed_over: Mutex<HashMap<Arc<str>, Vec<String>>>,
    /// Makes tickets.
    next: AtomicU64,
    book: Arc<Book>,
    alerts: Alerts,
    now: Timepiece,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Shared ===

impl Shared {
    /// Begins to connect; does not wait for it. Needs a running tokio.
    ///
    /// # Errors
    /// When `url` is none of Redis's.
    pub(super) fn begin(
        url: &str,
        book: Arc<Book>,
        alerts: Alerts,
        now: Timepiece,
    ) -> RedisResult<Self> {
        let link = Arc::new(Link {
            client: Client::open(url)?,
            instance: format!("{:032x}", fastrand::u128(..)),
            connection: Mutex::default(),
            lost: Notify::new(),
            hurry: Notify::new(),
            is_away_told: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            instances: AtomicU32::new(1),
            leases: Mutex::default(),
            handed_over: Mutex::default(),
            next: AtomicU64::new(0),
            book,
            alerts,
            now,
        });
        let (jobs, todo) = mpsc::unbounded_channel();
        tokio::spawn(upkeep::keep_up(Arc::clone(&link), todo));
        Ok(Self { link, jobs })
    }

    /// Whether it is connected.
    pub(super) fn is_there(&self) -> bool {
        lock(&self.link.connection).is_some()
    }

    /// Asks Redis; `None` when it is away.
    pub(super) async fn reserve(
        &self,
        claims: &[Claim],
        mut back: Option<&mut Back<'_>>,
    ) -> Option<(Option<String>, Vec<Standing>)> {
        let mut connection = lock(&self.link.connection).clone()?;
        if self.link.waiting.load(Ordering::Relaxed) > MOST_WAITING {
            self.link.lose("settlements wait");
            return None;
        }
        let ticket = self.link.ticket();
        let now = self.link.now.millis();
        let held = back.as_deref().and_then(|back| match back.mode {
            Mode::There { ticket } => Some((ticket.clone(), back.changes.clone())),
            Mode::Here { .. } => None,
        });
        // It may be granted all the same when the answer is lost, or not waited for: whatever became of
        // it, neither ticket holds anything then.
        let undo = || {
            let changes = claims.iter().map(Adjustment::undo).collect();
            self.settle(ticket.clone(), changes, Vec::new());
            if let Some((earlier, changes)) = &held {
                self.settle(earlier.clone(), changes.clone(), Vec::new());
            }
        };
        let mut may_be_given = |is_given| {
            if let (Some(back), true) = (&mut back, held.is_some()) {
                *back.is_done = is_given;
            }
        };
        may_be_given(true);
        let taken = OnLeaving(Some(undo));
        let earlier = held.as_ref().map(|(ticket, changes)| (ticket.as_str(), &**changes));
        let ask = script::Ask { ticket: &ticket, claims, earlier };
        let answer = script::reserve(&mut connection, ask, now).await;
        taken.stays();
        match answer {
            Ok((granted, standings)) => {
                may_be_given(granted);
                if granted {
                    if let Some((earlier, _)) = &held {
                        self.link.release(earlier);
                    }
                    let flying = claims.iter().filter(|claim| claim.span.is_in_flight());
                    self.link.lease(&ticket, flying.map(|c| Arc::clone(&c.counter)).collect());
                }
                self.link.observe(claims, &standings, granted);
                Some((granted.then_some(ticket), standings))
            }
            Err(error) => {
                self.link.lose(error.category());
                undo();
                None
            }
        }
    }

    /// Among how many instances what is left is to be shared.
    pub(super) fn instances(&self) -> u32 {
        self.link.instances.load(Ordering::Relaxed).max(1)
    }

    pub(super) fn settle(&self, ticket: String, changes: Vec<Adjustment>, watches: Vec<Watch>) {
        self.link.release(&ticket);
        self.todo(Job { how: How::Settle, ticket, changes, watches });
    }

    /// Changes what was taken here and has been handed over since.
    pub(super) fn change_handed_over(&self, changes: Vec<Adjustment>) {
        let (flying, changes): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|change| change.span.is_in_flight());
        for change in flying {
            let ticket = lock(&self.link.handed_over).get_mut(&change.counter).and_then(Vec::pop);
            if let Some(ticket) = ticket {
                self.settle(ticket, vec![change], Vec::new());
            }
        }
        if !changes.is_empty() {
            let ticket = self.link.ticket();
            self.todo(Job { how: How::Charge, ticket, changes, watches: Vec::new() });
        }
    }

    /// Tells of it unless some instance has. Where the store cannot say, twice is better than never.
    pub(super) fn tell_first(&self, name: String, alert: Alert, spent: u128) {
        let link = Arc::clone(&self.link);
        let connection = lock(&link.connection).clone();
        tokio::spawn(async move {
            let life = alert.life(link.now.millis());
            let is_first = match connection {
                Some(mut connection) => script::first_to_tell(&mut connection, &name, life).await,
                None => Ok(true),
            };
            if is_first.unwrap_or(true) {
                link.alerts.tell(alert, spent);
            }
        });
    }

    /// Has all that is to be done tried at once, however long the store has been away.
    pub(super) fn hurry(&self) {
        self.link.hurry.notify_one();
    }

    /// How much is not known to be done: settlements, and what was counted here instead.
    pub(super) fn undone(&self) -> usize {
        // In this order: what is handed over waits before it is no longer here.
        let is_used = self.link.book.is_used();
        self.link.waiting.load(Ordering::Relaxed) + usize::from(is_used)
    }

    fn todo(&self, job: Job) {
        self.link.waiting.fetch_add(1, Ordering::Relaxed);
        if self.jobs.send(job).is_err() {
            tracing::error!("the store of limits is closed: a request counts as reserved");
        }
    }
}

// === impl Link ===

impl Link {
    fn ticket(&self) -> String {
        format!("{}-{}", self.instance, self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// A request is in flight in the store.
    fn lease(&self, ticket: &str, counters: Vec<Arc<str>>) {
        if !counters.is_empty() {
            self.book.lease(&counters);
            lock(&self.leases).insert(ticket.to_owned(), counters);
        }
    }

    fn release(&self, ticket: &str) {
        let counters = lock(&self.leases).remove(ticket);
        if let Some(counters) = counters {
            self.book.release(&counters);
        }
    }

    /// What was counted here while there was no store, to be counted there.
    fn hand_over(&self) -> Vec<Job> {
        // Held over both: a request that ends finds its ticket once it is handed over.
        let mut tickets = lock(&self.handed_over);
        // It waits before it is gone from there, so that at no moment it is in neither place.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let HandedOver { changes, in_flight } = self.book.hand_over(self.now.millis());
        let mut jobs = Vec::new();
        let mut charge = |ticket, changes| {
            jobs.push(Job { how: How::Charge, ticket, changes, watches: Vec::new() });
        };
        if !changes.is_empty() {
            charge(self.ticket(), changes);
        }
        for counter in in_flight {
            let ticket = self.ticket();
            charge(ticket.clone(), vec![Adjustment::in_flight(&counter)]);
            lock(&self.leases).insert(ticket.clone(), vec![Arc::clone(&counter)]);
            tickets.entry(counter).or_default().push(ticket);
        }
        tickets.retain(|_, tickets| !tickets.is_empty());
        self.waiting.fetch_add(jobs.len(), Ordering::Relaxed);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        jobs
    }

    /// No request asks any more, until there is another connection.
    fn lose(&self, why: &str) {
        if lock(&self.connection).take().is_some() {
            self.lost.notify_one();
        }
        self.tell_away(why);
    }

    /// Requests ask from now on.
    fn come_up(&self, connection: &MultiplexedConnection) {
        *lock(&self.connection) = Some(connection.clone());
        self.is_away_told.store(false, Ordering::Relaxed);
        tracing::info!("the store of limits is there");
    }

    /// Tells once that there is no store. The text of an error may hold the address; `kind` does not.
    fn tell_away(&self, kind: &str) {
        match self.is_away_told.swap(true, Ordering::Relaxed) {
            true => tracing::debug!(%kind, "the store of limits is still away"),
            false => tracing::error!(%kind, "the store of limits is away, or takes no changes"),
        }
    }

    /// Remembers what Redis told, for when it is away.
    fn observe(&self, claims: &[Claim], standings: &[Standing], granted: bool) {
        for (claim, standing) in claims.iter().zip(standings) {
            let taken = granted.then_some(claim.take);
            self.book.observe(claim, (standing.total, taken), self.now.millis());
        }
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER));
        self.client.get_multiplexed_async_connection_with_config(&config).await
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The client knows the password.
        f.debug_struct("Link").field("instance", &self.instance).finish_non_exhaustive()
    }
}
