//! Keeps credentials at hand that expire: fetches them ahead of time, one fetch at a time.
//!
//! 1. A request never waits while valid credentials are at hand; if there are none, all requests wait
//!    for the same fetch.
//! 2. Credentials are renewed in the background ahead of their expiry, at a moment that differs from
//!    process to process.
//! 3. While renewing fails, the last good credentials serve as long as they are valid.
//! 4. Credentials that AWS refused are fetched anew before the next use; if that fails and they have not
//!    expired, they serve on: the refusal may have had another reason.
//! 5. A client that leaves does not stop a fetch that others wait for.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use outcrop_model::{ErrorClass, Fault, Phase};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::retry::Backoff;

/// Credentials are renewed this long before they expire, or after half of their life if that is later.
/// botocore begins 15 minutes ahead; what STS gives lives for an hour.
const AHEAD: Duration = Duration::from_secs(15 * 60);
/// Credentials without an expiry are read again this often, since their file may have changed.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// The background wakes at least this often: a corrected clock or a laptop that slept moves the moment
/// to renew.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// And at the most this often.
const SHORTEST_SLEEP: Duration = Duration::from_millis(50);
/// Longest wait for one fetch, its own retries included.
const PATIENCE: Duration = Duration::from_secs(30);
/// A fetch that failed less than this ago is not repeated for one more request.
const RESPITE: Duration = Duration::from_secs(1);
/// The waits between failed fetches in the background.
const RETRY: Backoff =
    Backoff { attempts: u32::MAX, base: Duration::from_secs(1), cap: Duration::from_secs(60) };

/// A future of one fetch.
pub(crate) type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Fetched, Miss>> + Send + 'a>>;

/// Something that credentials can be had from.
pub(crate) trait Fetch: fmt::Debug + Send + Sync {
    fn fetch(&self) -> Fetching<'_>;
}

/// What a fetch brought.
#[derive(Debug, Clone)]
pub(crate) struct Fetched {
    pub(crate) credentials: Credentials,
    pub(crate) expires_at: Option<SystemTime>,
}

/// Why a fetch brought nothing. No text here holds a secret, an ARN or an account id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Miss {
    /// No source is configured; each with what was found there.
    Nothing(Vec<String>),
    /// A configured source failed.
    Failed { source: &'static str, reason: String },
}

/// A source with its last good credentials. Clones share them.
#[derive(Clone)]
pub struct Keeper(Arc<Shared>);

struct Shared {
    source: Box<dyn Fetch>,
    clock: Clock,
    state: Mutex<State>,
    /// Held by whoever fetches.
    flight: tokio::sync::Mutex<()>,
    background: OnceLock<AbortHandle>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// When the background fetches next; `None` before the first fetch.
    due: Option<SystemTime>,
    /// Fetches that have ended, well or not.
    ended: u64,
    failure: Option<Failure>,
}

struct Held {
    fetched: Fetched,
    /// AWS refused them.
    doubted: bool,
}

#[derive(Clone)]
struct Failure {
    miss: Miss,
    at: Instant,
    in_a_row: u32,
}

// === impl Keeper ===

impl Keeper {
    pub(crate) fn new(source: Box<dyn Fetch>, clock: Clock) -> Self {
        Self(Arc::new(Shared {
            source,
            clock,
            state: Mutex::default(),
            flight: tokio::sync::Mutex::new(()),
            background: OnceLock::new(),
        }))
    }

    /// The credentials to use now.
    pub(crate) async fn current(&self) -> Result<Credentials, Fault> {
        if let Some(credentials) = self.0.at_hand() {
            return Ok(credentials);
        }
        self.renew().await;
        self.0.last_resort().map_err(|miss| unavailable(&miss))
    }

    /// Fetches once, and tells why if there are no credentials.
    pub(crate) async fn begin(&self) -> Result<Credentials, Miss> {
        if self.0.at_hand().is_none() {
            self.renew().await;
        }
        self.0.last_resort()
    }

    /// Notes that AWS refused `used`.
    pub(crate) fn doubt(&self, used: &Credentials) {
        if let Some(held) = &mut self.0.state().held
            && held.fetched.credentials.is(used)
        {
            held.doubted = true;
        }
    }

    /// Waits for a fetch: the one under way, or a new one.
    async fn renew(&self) {
        self.0
            .background
            .get_or_init(|| tokio::spawn(keep(Arc::downgrade(&self.0))).abort_handle());
        let shared = Arc::clone(&self.0);
        let seen = shared.state().ended;
        let fetch = tokio::spawn(async move { shared.fetch_after(seen).await });
        // A fetch that panicked has left its mark in the log; what is at hand decides.
        let _ended = fetch.await;
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keeper({:?})", self.0.source)
    }
}

impl fmt::Display for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.state().held {
            Some(held) => held.fetched.credentials.fmt(f),
            None => f.write_str("none yet"),
        }
    }
}

// === impl Shared ===

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Valid and not in doubt.
    fn at_hand(&self) -> Option<Credentials> {
        let state = self.state();
        let held = state.held.as_ref().filter(|held| !held.doubted && self.is_valid(held))?;
        Some(held.fetched.credentials.clone())
    }

    /// Valid, be they in doubt or not.
    fn last_resort(&self) -> Result<Credentials, Miss> {
        let state = self.state();
        match (state.held.as_ref().filter(|held| self.is_valid(held)), &state.failure) {
            (Some(held), _) => Ok(held.fetched.credentials.clone()),
            (None, Some(failure)) => Err(failure.miss.clone()),
            (None, None) => Err(Miss::Nothing(Vec::new())),
        }
    }

    fn is_valid(&self, held: &Held) -> bool {
        held.fetched.expires_at.is_none_or(|end| self.clock.now() < end)
    }

    /// Fetches, unless a fetch ended since `seen` or a failure is too fresh to be repeated.
    async fn fetch_after(&self, seen: u64) {
        let _flight = self.flight.lock().await;
        {
            let state = self.state();
            let fresh =
                state.failure.as_ref().is_some_and(|failure| failure.at.elapsed() < RESPITE);
            if state.ended != seen || fresh {
                return;
            }
        }
        let outcome = match timeout(PATIENCE, self.source.fetch()).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(Miss::Failed {
                source: "credentials",
                reason: format!("no answer within {PATIENCE:?}"),
            }),
        };
        self.settle(outcome);
    }

    fn settle(&self, outcome: Result<Fetched, Miss>) {
        let now = self.clock.now();
        let mut state = self.state();
        state.ended += 1;
        match outcome {
            Ok(mut fetched) => {
                if fetched.expires_at.is_some_and(|end| end <= now) {
                    // Rather our clock is wrong than that AWS gives what has expired; if it is not,
                    // Bedrock will say so.
                    tracing::warn!("new AWS credentials have expired by this machine's clock");
                    fetched.expires_at = None;
                }
                state.due = Some(now + until_due(fetched.expires_at, now, fastrand::f64()));
                state.failure = None;
                state.held = Some(Held { fetched, doubted: false });
            }
            Err(miss) => {
                let in_a_row = state.failure.as_ref().map_or(1, |before| before.in_a_row + 1);
                // Whoever begins tells of the first failure.
                if state.ended > 1 {
                    tracing::warn!(%miss, in_a_row, "cannot renew AWS credentials");
                }
                state.due =
                    Some(now + RETRY.delay(in_a_row, None, fastrand::f64()).unwrap_or(RETRY.cap));
                state.failure = Some(Failure { miss, at: Instant::now(), in_a_row });
                if let Some(held) = &mut state.held {
                    held.doubted = false;
                }
            }
        }
    }

    /// How long the background may sleep.
    fn nap(&self) -> Duration {
        let wait = self.state().due.and_then(|due| due.duration_since(self.clock.now()).ok());
        wait.unwrap_or_default()
    }

    fn is_due(&self) -> bool {
        self.state().due.is_some_and(|due| due <= self.clock.now())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(background) = self.background.get() {
            background.abort();
        }
    }
}

/// Renews ahead of time for as long as anybody has the keeper.
async fn keep(keeper: Weak<Shared>) {
    loop {
        let Some(nap) = keeper.upgrade().map(|shared| shared.nap()) else { return };
        sleep(nap.clamp(SHORTEST_SLEEP, LONGEST_SLEEP)).await;
        let Some(shared) = keeper.upgrade() else { return };
        if shared.is_due() {
            let seen = shared.state().ended;
            shared.fetch_after(seen).await;
        }
    }
}

// === impl Miss ===

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing(tried) => write!(f, "no AWS credentials. Tried: {}", tried.join(", ")),
            Self::Failed { source, reason } => write!(f, "{source}: {reason}"),
        }
    }
}

// === helpers ===

/// From now to the next fetch. `random` in 0..1 spreads processes over the last fifth of the time ahead.
fn until_due(expires_at: Option<SystemTime>, now: SystemTime, random: f64) -> Duration {
    let Some(end) = expires_at else { return LOOK_AGAIN };
    let left = end.duration_since(now).unwrap_or_default();
    let ahead = AHEAD.min(left / 2).mul_f64(1.0 - random.clamp(0.0, 1.0) / 5.0);
    left.saturating_sub(ahead)
}

fn unavailable(miss: &Miss) -> Fault {
    Fault::new(
        ErrorClass::BadCredentials,
        Phase::BeforeSend,
        "the gateway has no valid AWS credentials at the moment",
    )
    .with_detail(miss.to_string())
}

#[cfg(test)]
mod tests;
