//! Attempt: send, and send again while the table says so, until the commit point.
//!
//! The whole body is kept, so every attempt is a full replay. An attempt includes reading a whole
//! answer or the opening of a stream: a failure there is retried as well, since nothing was sent to
//! the client.

use std::time::{Duration, Instant};

use outcrop_aws::Backoff;
use outcrop_model::{ErrorClass, Fault, Phase, Retry};

use crate::resilience::RetryBudget;

/// Counts the attempts at one request and says whether there is another.
#[derive(Debug)]
pub struct Retries<'p> {
    policy: &'p Backoff,
    /// What retries are paid from; `None` for calls of the gateway's own.
    budget: Option<&'p RetryBudget>,
    /// Whether another target is there for what this one cannot do now.
    has_others: bool,
    /// Statuses of Bedrock's to retry beside those of the table.
    also_on: &'p [u16],
    /// The most attempts there may be, whatever they are for.
    most: Option<u32>,
    /// When there is no time left.
    until: Option<tokio::time::Instant>,
    made: u32,
    refreshed: bool,
}

impl<'p> Retries<'p> {
    pub fn new(policy: &'p Backoff) -> Self {
        let (budget, has_others, also_on, most, until) = (None, false, &[][..], None, None);
        Self { policy, budget, has_others, also_on, most, until, made: 0, refreshed: false }
    }

    /// Retries that are paid from this budget.
    pub(crate) fn within(self, budget: &'p RetryBudget) -> Self {
        Self { budget: Some(budget), ..self }
    }

    /// A target that is busy is not waited for: there are others.
    pub(crate) fn before_others(self) -> Self {
        Self { has_others: true, ..self }
    }

    /// Retries these statuses of Bedrock's too.
    pub(crate) fn also_on(self, also_on: &'p [u16]) -> Self {
        Self { also_on, ..self }
    }

    /// No more attempts than so many.
    pub(crate) fn at_most(self, most: Option<u32>) -> Self {
        Self { most, ..self }
    }

    /// No wait that ends later.
    pub(crate) fn until(self, until: Option<tokio::time::Instant>) -> Self {
        Self { until, ..self }
    }

    /// How many attempts have failed.
    pub(crate) fn failed(&self) -> u32 {
        self.made
    }

    /// What the table says, and the operator beside it.
    fn retry(&self, fault: &Fault) -> Retry {
        let is_wanted = fault.phase != Phase::Streaming
            && fault.status.is_some_and(|status| self.also_on.contains(&status));
        match fault.retry() {
            Retry::Never if is_wanted => Retry::Backoff,
            retry => retry,
        }
    }

    /// How long to wait before another attempt; `None` where there is to be none. Nobody is kept waiting for
    /// what cannot come of it: what the service asks for is longer than may be waited, or than there is time.
    fn pause(&self, fault: &Fault) -> Option<Duration> {
        use ErrorClass as C;
        let is_busy = matches!(fault.class, C::Throttled | C::Overloaded | C::ModelNotReady);
        if !self.policy.allows_another(self.made) || (self.has_others && is_busy) {
            return None;
        }
        let wait = self.policy.delay(self.made, fault.retry_after, fastrand::f64())?;
        let now = tokio::time::Instant::now();
        let is_in_time = self.until.is_none_or(|until| now + wait < until);
        let is_paid = || self.budget.is_none_or(|budget| budget.withdraw(Instant::now()));
        (is_in_time && is_paid()).then_some(wait)
    }

    /// Waits as long as `fault` demands before another attempt.
    ///
    /// # Errors
    /// The fault itself when there is to be no other attempt.
    pub async fn after(&mut self, fault: Fault) -> Result<(), Fault> {
        self.made += 1;
        if self.most.is_some_and(|most| self.made >= most) {
            return Err(fault);
        }
        let wait = match self.retry(&fault) {
            Retry::Backoff => self.pause(&fault),
            // The client has corrected what it could; a second refusal is final.
            Retry::RefreshOnce if !std::mem::replace(&mut self.refreshed, true) => {
                Some(Duration::ZERO)
            }
            Retry::Never | Retry::RefreshOnce => None,
        };
        let Some(wait) = wait else { return Err(fault) };
        tracing::debug!(attempt = self.made, class = fault.class.as_str(), "trying again");
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn attempts(class: ErrorClass) -> u32 {
        let policy = Backoff::default();
        let mut retries = Retries::new(&policy);
        let mut made = 1;
        while retries.after(Fault::new(class, Phase::AwaitingHead, "no")).await.is_ok() {
            made += 1;
        }
        made
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_decides_how_often() {
        assert_eq!(attempts(ErrorClass::Throttled).await, 3);
        assert_eq!(attempts(ErrorClass::ExpiredCredentials).await, 2);
        assert_eq!(attempts(ErrorClass::InvalidRequest).await, 1);
    }

    /// The caller can wait as well as the gateway, and knows how long.
    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_what_is_too_far() {
        let policy = Backoff { cap: Duration::from_secs(20), ..Backoff::default() };
        let began = tokio::time::Instant::now();
        let busy = |seconds| Fault {
            retry_after: Some(Duration::from_secs(seconds)),
            ..Fault::new(ErrorClass::Throttled, Phase::AwaitingHead, "no")
        };
        let mut retries = Retries::new(&policy);
        let fault = retries.after(busy(60)).await.unwrap_err();
        assert_eq!(fault.retry_after, Some(Duration::from_secs(60)));
        let mut retries = Retries::new(&policy).until(Some(began + Duration::from_secs(5)));
        assert!(retries.after(busy(6)).await.is_err());
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert!(retries.after(busy(4)).await.is_ok());
        assert_eq!(began.elapsed(), Duration::from_secs(4));
    }

    #[tokio::test(start_paused = true)]
    async fn the_operator_may_name_more_statuses() {
        let policy = Backoff::default();
        let mut retries = Retries::new(&policy).also_on(&[400]);
        let refused = |phase, status| Fault {
            status: Some(status),
            ..Fault::new(ErrorClass::InvalidRequest, phase, "no")
        };
        assert!(retries.after(refused(Phase::AwaitingHead, 400)).await.is_ok());
        assert!(retries.after(refused(Phase::AwaitingHead, 404)).await.is_err());
        assert!(retries.after(refused(Phase::Streaming, 400)).await.is_err());
    }
}
