//! A budget for retries: what is sent again is a share of what is sent, whatever happens.
//!
//! Without it an outage is multiplied: every request that fails comes back two or three times. Requests pay
//! in, retries take out; a reserve lets a quiet gateway retry too.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Retries for each request: one in five (linkerd's and finagle's default, checked 2026-11-26).
const RATIO: f64 = 0.2;
/// Retries that a quiet gateway gets back for each second.
const RESERVE_PER_SECOND: f64 = 1.0;
/// Most retries that can be saved up.
const MOST: f64 = 100.0;
/// Retries that there are at the beginning.
const BEGINNING: f64 = 10.0;

/// The retries that one backend still has.
#[derive(Debug)]
pub struct RetryBudget(Mutex<Balance>);

#[derive(Debug)]
struct Balance {
    retries: f64,
    at: Instant,
}

impl RetryBudget {
    pub fn new(now: Instant) -> Self {
        Self(Mutex::new(Balance { retries: BEGINNING, at: now }))
    }

    /// A request was sent for the first time.
    pub fn deposit(&self) {
        let mut balance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        balance.retries = (balance.retries + RATIO).min(MOST);
    }

    /// Takes one retry out. Whether there was one.
    pub fn withdraw(&self, now: Instant) -> bool {
        let mut balance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = now.saturating_duration_since(balance.at).as_secs_f64();
        balance.at = balance.at.max(now);
        let saved =
            balance.retries.max((balance.retries + seconds * RESERVE_PER_SECOND).min(BEGINNING));
        let enough = saved >= 1.0;
        balance.retries = if enough { saved - 1.0 } else { saved };
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn retries(budget: &RetryBudget, now: Instant) -> usize {
        (0..1000).take_while(|_| budget.withdraw(now)).count()
    }

    #[test]
    fn an_outage_is_not_multiplied() {
        let now = Instant::now();
        let budget = RetryBudget::new(now);
        let sent = 1000;
        let mut again = 0;
        for _ in 0..sent {
            budget.deposit();
            // Each of them fails and would like to be sent twice more.
            again += usize::from(budget.withdraw(now)) + usize::from(budget.withdraw(now));
        }
        assert!((200..=211).contains(&again), "{again} of {sent}");
    }

    #[test]
    fn a_quiet_gateway_may_retry_and_saves_up_only_so_much() {
        let now = Instant::now();
        let budget = RetryBudget::new(now);
        assert_eq!(retries(&budget, now), 10);
        assert_eq!(retries(&budget, now + Duration::from_secs(3)), 3);
        assert_eq!(retries(&budget, now + Duration::from_secs(3600)), 10);
        for _ in 0..10_000 {
            budget.deposit();
        }
        assert_eq!(retries(&budget, now + Duration::from_secs(3600)), 100);
    }
}
