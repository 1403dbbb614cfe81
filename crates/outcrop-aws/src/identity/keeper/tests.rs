//! The guarantees of the keeper, with a source that a test directs and time that a test moves.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use tokio::time::{advance, pause};

use super::*;

const START: SystemTime = SystemTime::UNIX_EPOCH;
const STEP: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_secs(3600);

/// Gives `AKIDn` at the n-th fetch.
struct Script {
    fetches: AtomicUsize,
    /// Seconds that credentials live; 0 means for ever.
    life: AtomicU64,
    fails: std::sync::atomic::AtomicBool,
    /// A fetch needs one of these to end.
    permits: Semaphore,
    clock: Clock,
}

#[derive(Clone)]
struct Source(Arc<Script>);

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

impl Fetch for Source {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(async {
            let count = self.0.fetches.fetch_add(1, Ordering::SeqCst) + 1;
            self.0.permits.acquire().await.unwrap().forget();
            if self.0.fails.load(Ordering::SeqCst) {
                return Err(Miss::Failed { source: "script", reason: "no".to_owned() });
            }
            let life = Duration::from_secs(self.0.life.load(Ordering::SeqCst));
            Ok(Fetched {
                credentials: Credentials::keys(&format!("AKID{count}"), "s", None).unwrap(),
                expires_at: (!life.is_zero()).then(|| self.0.clock.now() + life),
            })
        })
    }
}

/// A keeper whose clock is tokio's, with as many free fetches as `permits`.
fn keeper(life: Duration, permits: usize) -> (Keeper, Source) {
    pause();
    let begun = Instant::now();
    let clock = Clock::new(move || START + begun.elapsed());
    let source = Source(Arc::new(Script {
        fetches: AtomicUsize::new(0),
        life: AtomicU64::new(life.as_secs()),
        fails: false.into(),
        permits: Semaphore::new(permits),
        clock: clock.clone(),
    }));
    (Keeper::new(Box::new(source.clone()), clock), source)
}

impl Source {
    fn fetches(&self) -> usize {
        self.0.fetches.load(Ordering::SeqCst)
    }

    fn fail(&self, fails: bool) {
        self.0.fails.store(fails, Ordering::SeqCst);
    }
}

fn nth(credentials: &Credentials, number: usize) -> bool {
    credentials.is(&Credentials::keys(&format!("AKID{number}"), "s", None).unwrap())
}

/// Moves time on in steps, so that every timer on the way is seen.
async fn pass(time: Duration) {
    for _ in 0..(time.as_secs() / STEP.as_secs()) {
        advance(STEP).await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn all_wait_for_one_fetch() {
    let (keeper, source) = keeper(HOUR, 0);
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let keeper = keeper.clone();
            tokio::spawn(async move { keeper.current().await.unwrap() })
        })
        .collect();
    while source.fetches() == 0 {
        tokio::task::yield_now().await;
    }
    source.0.permits.add_permits(1);
    for one in waiting {
        assert!(nth(&one.await.unwrap(), 1));
    }
    assert_eq!(source.fetches(), 1);
}

#[tokio::test]
async fn a_client_that_leaves_does_not_stop_the_fetch() {
    let (keeper, source) = keeper(HOUR, 0);
    let leaving = keeper.clone();
    let leaving = tokio::spawn(async move { leaving.current().await.is_ok() });
    while source.fetches() == 0 {
        tokio::task::yield_now().await;
    }
    leaving.abort();
    source.0.permits.add_permits(1);
    assert!(nth(&keeper.current().await.unwrap(), 1));
    assert_eq!(source.fetches(), 1);
}

#[tokio::test]
async fn renewal_is_ahead_of_time_and_nobody_waits_for_it() {
    let (keeper, source) = keeper(HOUR, 1);
    keeper.current().await.unwrap();
    pass(Duration::from_secs(44 * 60)).await;
    assert_eq!(source.fetches(), 1, "not before 15 minutes ahead");
    let mut waited = Duration::ZERO;
    while source.fetches() == 1 {
        pass(STEP).await;
        waited += STEP;
    }
    assert!(waited <= Duration::from_secs(5 * 60), "a fifth of that time spreads the renewals");
    // The fetch is under way and does not end; what is at hand serves.
    assert!(nth(&keeper.current().await.unwrap(), 1));
    source.0.permits.add_permits(1);
    while nth(&keeper.current().await.unwrap(), 1) {
        tokio::task::yield_now().await;
    }
    assert!(nth(&keeper.current().await.unwrap(), 2));
}

#[tokio::test]
async fn while_renewal_fails_the_last_good_credentials_serve_until_they_expire() {
    let (keeper, source) = keeper(HOUR, 10_000);
    keeper.current().await.unwrap();
    source.fail(true);
    pass(Duration::from_secs(59 * 60)).await;
    assert!(source.fetches() > 5, "it goes on trying");
    assert!(nth(&keeper.current().await.unwrap(), 1));
    pass(Duration::from_secs(60)).await;
    let fault = keeper.current().await.unwrap_err();
    assert_eq!((fault.class, fault.phase), (ErrorClass::BadCredentials, Phase::BeforeSend));
    // Requests do not make it ask more often.
    let before = source.fetches();
    for _ in 0..50 {
        assert!(keeper.current().await.is_err());
    }
    assert!(source.fetches() <= before + 1);
    source.fail(false);
    pass(Duration::from_secs(90)).await;
    assert!(keeper.current().await.is_ok());
}

#[tokio::test]
async fn what_was_refused_is_fetched_anew_once() {
    let (keeper, source) = keeper(HOUR, 10_000);
    let first = keeper.current().await.unwrap();
    keeper.doubt(&first);
    let second = keeper.current().await.unwrap();
    assert!(nth(&second, 2));
    // A late refusal of the first says nothing of the second.
    keeper.doubt(&first);
    assert!(nth(&keeper.current().await.unwrap(), 2));
    // What cannot be renewed serves on while it is valid.
    source.fail(true);
    keeper.doubt(&second);
    assert!(nth(&keeper.current().await.unwrap(), 2));
    assert_eq!(source.fetches(), 3);
}

#[tokio::test]
async fn credentials_without_an_expiry_are_read_again_every_minute() {
    let (keeper, source) = keeper(Duration::ZERO, 10_000);
    keeper.current().await.unwrap();
    pass(Duration::from_secs(10 * 60)).await;
    assert!((6..=11).contains(&source.fetches()), "{}", source.fetches());
}

#[tokio::test]
async fn a_fast_clock_does_not_make_new_credentials_useless() {
    pause();
    let (ahead, aws) = (Clock::new(|| START + 2 * HOUR), Clock::new(|| START));
    let source = Source(Arc::new(Script {
        fetches: AtomicUsize::new(0),
        life: AtomicU64::new(HOUR.as_secs()),
        fails: false.into(),
        permits: Semaphore::new(9),
        clock: aws,
    }));
    let keeper = Keeper::new(Box::new(source.clone()), ahead.clone());
    assert!(keeper.current().await.is_ok() && keeper.current().await.is_ok());
    assert_eq!(source.fetches(), 1);
}

#[tokio::test]
async fn nothing_is_fetched_once_nobody_has_the_keeper() {
    let (keeper, source) = keeper(HOUR, 10_000);
    keeper.current().await.unwrap();
    drop(keeper);
    pass(2 * HOUR).await;
    assert_eq!(source.fetches(), 1);
}

#[test]
fn the_moment_to_renew_differs_between_processes() {
    let due = |life: u64, random| {
        until_due(Some(START + Duration::from_secs(life)), START, random).as_secs()
    };
    assert_eq!((due(3600, 0.0), due(3600, 1.0)), (45 * 60, 48 * 60));
    assert_eq!((due(900, 0.0), due(900, 1.0)), (450, 540), "half of a short life");
    assert_eq!(due(0, 0.5), 0);
}
