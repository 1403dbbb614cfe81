//! Whether a target is worth asking.
//!
//! 1. After some failures in a row a target is left alone, for longer each time; then one request may
//!    probe it, and others only once that has succeeded.
//! 2. A target that throttles is left alone for as long as it asks (within reason), or for a little longer
//!    each time; it is not ill, so no probe is needed.
//! 3. What is wrong with a request, or with a model at the target, says nothing about the target.
//! 4. A failure that is older than the last change of the state changes nothing.
//! 5. A stream that has begun shows that a target is back. That it is well is shown by the end of the stream only:
//!    streams that break off count as failures in a row, however well they began.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use outcrop_model::{ErrorClass, Fault, Phase};

/// Failures in a row until a target is left alone: fewer would judge it by one slow moment.
const PATIENCE: u32 = 5;
/// How long it is left alone at first, and at most (Envoy's outlier detection begins with 30 s too and
/// ends with 300 s, checked 2026-11-26).
const EJECTED: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(300));
/// How long a target that throttles is left alone: at first, and at most while it asks for no more.
/// Bedrock's quotas are for a minute.
const COOLING: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// A quota of a day that is spent: looked at again after this.
const SPENT: Duration = Duration::from_secs(600);
/// How long a target is left alone because it says so, at most: Bedrock's quotas are for a minute, and a word
/// of hours (of a proxy in between, say) is not to take a target away from everybody for so long.
const MOST_ASKED: Duration = Duration::from_secs(600);
/// A probe that has not come back after this is taken for lost, and another may go.
const PROBE: Duration = Duration::from_secs(60);

/// Whether to ask a target now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Well,
    /// It was left alone until now: who wants to ask it is to get leave for a probe.
    Due,
    /// Better left alone until then, as far as can be guessed.
    Guessed(Instant),
    /// It asked itself to be left alone until then.
    Asked(Instant),
}

/// Leave to look whether a target is back; whoever has it does so, or leaves it to the next by dropping it.
#[derive(Debug)]
pub struct Probe {
    health: Arc<Health>,
    since: Instant,
}

/// How a target fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    Well,
    /// It throttles, and is left alone for a moment.
    Cooling,
    /// It failed too often: a probe has to show that it is back.
    Ejected,
}

/// What is known of one target.
#[derive(Debug, Default)]
pub struct Health(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    failures: u32,
    /// How often it was left alone since it was last well.
    ejections: u32,
    ejected: Option<Instant>,
    probing: Option<Instant>,
    throttles: u32,
    cooling: Option<Cooling>,
    changed: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Cooling {
    until: Instant,
    /// Whether the target named the time itself.
    was_asked: bool,
}

/// What a failure says of its target.
enum Meaning {
    Ill,
    Busy,
    Spent,
    Nothing,
}

impl Health {
    /// Whether a failure of this class says anything of a target.
    pub fn is_told_by(class: ErrorClass) -> bool {
        !matches!(meaning(class), Meaning::Nothing)
    }

    /// Whether to ask it; to look changes nothing.
    pub fn verdict(&self, now: Instant) -> Verdict {
        let inner = self.lock();
        match (inner.cooling, inner.ejected) {
            (Some(Cooling { until, was_asked: true }), _) if until > now => Verdict::Asked(until),
            (Some(Cooling { until, was_asked: false }), _) if until > now => {
                Verdict::Guessed(until)
            }
            (_, None) => Verdict::Well,
            (_, Some(until)) => match inner.probing.map(|since| since + PROBE) {
                Some(lost) if lost > now => Verdict::Guessed(lost),
                _ if until > now => Verdict::Guessed(until),
                Some(_) | None => Verdict::Due,
            },
        }
    }

    /// Leave to look whether it is back, where that is due and nobody else does.
    pub fn probe(self: &Arc<Self>, now: Instant) -> Option<Probe> {
        if self.verdict(now) != Verdict::Due {
            return None;
        }
        let mut inner = self.lock();
        // Somebody may have been quicker.
        let is_free = inner.probing.is_none_or(|since| since + PROBE <= now);
        is_free.then(|| {
            inner.probing = Some(now);
            Probe { health: Arc::clone(self), since: now }
        })
    }

    /// The same in a word for the operator.
    pub fn condition(&self, now: Instant) -> Condition {
        let inner = self.lock();
        match (inner.ejected, inner.cooling) {
            (Some(_), _) => Condition::Ejected,
            (None, Some(cooling)) if cooling.until > now => Condition::Cooling,
            (None, _) => Condition::Well,
        }
    }

    /// A request that was sent at `sent` was answered.
    pub fn answered(&self, sent: Instant, now: Instant) {
        let mut inner = self.lock();
        if inner.changed.is_some_and(|changed| sent < changed) {
            return;
        }
        let was_ill = inner.ejected.is_some();
        *inner = Inner { changed: inner.changed, ..Inner::default() };
        if was_ill {
            inner.changed = Some(now);
        }
    }

    /// A stream that was asked for at `sent` has begun. How it ends is told later, as of a request that was
    /// sent at `now`.
    pub fn began(&self, sent: Instant, now: Instant) {
        let mut inner = self.lock();
        if inner.changed.is_some_and(|changed| sent < changed) {
            return;
        }
        let Inner { failures, ejections, ejected, changed, .. } = *inner;
        let changed = if ejected.is_some() { Some(now) } else { changed };
        *inner = Inner { failures, ejections, changed, ..Inner::default() };
    }

    /// A request that was sent at `sent` failed. Whether the target is left alone from now on.
    pub fn failed(&self, fault: &Fault, sent: Instant, now: Instant) -> bool {
        let mut inner = self.lock();
        if inner.changed.is_some_and(|changed| sent < changed) {
            return false;
        }
        match meaning(fault.class) {
            Meaning::Nothing => {
                // It answered, which is all that a probe has to show.
                inner.failures = 0;
                if inner.ejected.is_some() && fault.phase != Phase::BeforeSend {
                    *inner = Inner { changed: Some(now), ..Inner::default() };
                }
                false
            }
            Meaning::Spent => inner.cool(fault.retry_after, SPENT, now),
            Meaning::Busy => {
                let (first, most) = COOLING;
                let grown = first.saturating_mul(1 << inner.throttles.min(8)).min(most);
                inner.throttles = inner.throttles.saturating_add(1);
                inner.cool(fault.retry_after, grown, now)
            }
            Meaning::Ill => {
                inner.failures = inner.failures.saturating_add(1);
                let probed = inner.ejected.is_some();
                if inner.failures < PATIENCE && !probed {
                    return false;
                }
                let (first, most) = EJECTED;
                let grown = first.saturating_mul(1 << inner.ejections.min(8)).min(most);
                inner.ejections = inner.ejections.saturating_add(1);
                inner.ejected = Some(now + grown);
                inner.probing = None;
                inner.failures = 0;
                inner.changed = Some(now);
                true
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn cool(&mut self, asked: Option<Duration>, guessed: Duration, now: Instant) -> bool {
        let until = now + asked.unwrap_or(guessed).min(MOST_ASKED);
        if self.cooling.is_none_or(|known| known.until < until) {
            self.cooling = Some(Cooling { until, was_asked: asked.is_some() });
        }
        self.changed = Some(now);
        true
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let mut inner = self.health.lock();
        // What came of it is known, or it was never sent.
        if inner.probing == Some(self.since) {
            inner.probing = None;
        }
    }
}

fn meaning(class: ErrorClass) -> Meaning {
    use ErrorClass as C;
    match class {
        C::Throttled => Meaning::Busy,
        C::QuotaSpent | C::QuotaExceeded => Meaning::Spent,
        C::Overloaded
        | C::Internal
        | C::BadCredentials
        | C::ExpiredCredentials
        | C::BadSignature
        | C::WrongEndpoint
        | C::Unreachable
        | C::UpstreamTimeout
        | C::Truncated
        | C::Garbled => Meaning::Ill,
        // These are about the request, or about one model.
        C::InvalidRequest
        | C::Unsupported
        | C::ContextOverflow
        | C::ContentFiltered
        | C::TooLarge
        | C::UnknownModel
        | C::ProfileNeeded
        | C::UnknownResponse
        | C::UnknownPrevious
        | C::UnknownPath
        | C::MethodNotAllowed
        | C::NotSupported
        | C::ModelNotReady
        | C::ModelTimeout
        | C::ModelFailed
        | C::ModelRejected
        | C::AccessDenied
        | C::Conflict
        | C::ClientLeft
        | C::ClientTimeout
        | C::Unauthenticated
        | C::CallerSignature
        | C::OutOfScope => Meaning::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn fault(class: ErrorClass) -> Fault {
        Fault::new(class, Phase::AwaitingHead, "no")
    }

    /// A target that has just been left alone, and when.
    fn ejected() -> (Arc<Health>, Instant) {
        let (health, now) = (Arc::new(Health::default()), Instant::now());
        for _ in 1..PATIENCE {
            assert!(!health.failed(&fault(ErrorClass::Unreachable), now, now));
        }
        assert!(health.failed(&fault(ErrorClass::Unreachable), now, now));
        (health, now)
    }

    #[test]
    fn rule_1_one_probe_decides() {
        let (health, now) = ejected();
        let back = now + EJECTED.0;
        assert_eq!(health.verdict(now + SECOND), Verdict::Guessed(back));
        assert!(health.probe(now + SECOND).is_none());
        let probe = health.probe(back).unwrap();
        assert!(health.probe(back).is_none());
        assert_eq!(health.verdict(back), Verdict::Guessed(back + PROBE));
        assert!(health.failed(&fault(ErrorClass::Unreachable), back, back + SECOND));
        drop(probe);
        let longer = back + SECOND + EJECTED.0 * 2;
        assert_eq!(health.verdict(back + SECOND), Verdict::Guessed(longer));
        let _probe = health.probe(longer).unwrap();
        health.answered(longer, longer);
        assert_eq!(health.verdict(longer), Verdict::Well);
        assert_eq!(health.condition(longer), Condition::Well);
    }

    #[test]
    fn rule_1_a_probe_that_is_lost_or_not_sent_locks_no_door() {
        let (health, now) = ejected();
        let back = now + EJECTED.0;
        drop(health.probe(back).unwrap());
        let lost = health.probe(back).unwrap();
        let later = health.probe(back + PROBE).unwrap();
        drop(lost);
        assert!(health.probe(back + PROBE).is_none(), "the later one is on its way");
        drop(later);
        assert_eq!(health.verdict(back + PROBE), Verdict::Due);
    }

    #[test]
    fn rule_2_a_busy_target_is_well_again_by_itself() {
        let (health, now) = (Health::default(), Instant::now());
        let mut throttled = fault(ErrorClass::Throttled);
        assert!(health.failed(&throttled, now, now));
        assert_eq!(health.verdict(now), Verdict::Guessed(now + COOLING.0));
        let later = now + COOLING.0;
        assert_eq!(health.verdict(later), Verdict::Well);
        assert!(health.failed(&throttled, later, later));
        assert_eq!(health.verdict(later), Verdict::Guessed(later + COOLING.0 * 2));
        throttled.retry_after = Some(SECOND * 90);
        let again = later + SECOND * 2;
        health.failed(&throttled, again, again);
        assert_eq!(health.verdict(again), Verdict::Asked(again + SECOND * 90));
        throttled.retry_after = Some(SECOND * 86_400);
        let at_last = again + SECOND * 100;
        health.failed(&throttled, at_last, at_last);
        assert_eq!(health.verdict(at_last), Verdict::Asked(at_last + MOST_ASKED));
    }

    #[test]
    fn rule_3_a_callers_mistakes_are_its_own() {
        let (health, now) = (Health::default(), Instant::now());
        for _ in 0..100 {
            assert!(!health.failed(&fault(ErrorClass::InvalidRequest), now, now));
            assert!(!health.failed(&fault(ErrorClass::AccessDenied), now, now));
        }
        assert_eq!(health.verdict(now), Verdict::Well);
    }

    #[test]
    fn rule_5_streams_that_break_off_count_however_well_they_began() {
        let (health, now) = (Arc::new(Health::default()), Instant::now());
        let broken = fault(ErrorClass::Truncated);
        let stream = |at: Instant| {
            health.began(at, at + SECOND);
            health.failed(&broken, at + SECOND, at + SECOND * 2)
        };
        let until_ejected = |since: Instant| {
            (1..=PATIENCE).map(|n| since + SECOND * 10 * n).find(|at| stream(*at)).unwrap()
        };
        let at = until_ejected(now) + SECOND * 2;
        let back = at + EJECTED.0;
        assert_eq!(health.verdict(at), Verdict::Guessed(back));
        let _probe = health.probe(back).unwrap();
        assert!(!stream(back));
        assert_eq!(health.verdict(back + SECOND * 2), Verdict::Well);
        // It was never well, so it is left alone for longer.
        let at = (2..=PATIENCE).map(|n| back + SECOND * 10 * n).find(|at| stream(*at)).unwrap();
        let at = at + SECOND * 2;
        assert_eq!(health.verdict(at), Verdict::Guessed(at + EJECTED.0 * 2));
    }

    #[test]
    fn rule_4_what_was_sent_before_changes_nothing_after() {
        let (health, now) = ejected();
        let back = now + EJECTED.0;
        let before = now.checked_sub(SECOND).unwrap_or(now);
        assert!(!health.failed(&fault(ErrorClass::Internal), before, now + SECOND));
        health.answered(before, now + SECOND);
        assert_eq!(health.verdict(now + SECOND), Verdict::Guessed(back));
    }
}
