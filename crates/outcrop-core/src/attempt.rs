//! Attempt: send, and send again while the table says so, until the commit point.
//!
//! The whole body is kept, so every attempt is a full replay. An attempt includes reading a whole
//! answer or the opening of a stream: a failure there is retried as well, since nothing was sent to
//! the client.

use std::future::Future;

use outcrop_aws::Backoff;
use outcrop_model::{Fault, Retry};

/// Runs `once` until it succeeds, may not be repeated, or the policy is used up.
pub async fn with_retries<T, F>(backoff: &Backoff, mut once: impl FnMut() -> F) -> Result<T, Fault>
where
    F: Future<Output = Result<T, Fault>>,
{
    let (mut made, mut refreshed) = (0, false);
    loop {
        let fault = match once().await {
            Ok(value) => return Ok(value),
            Err(fault) => fault,
        };
        made += 1;
        let again = match fault.retry() {
            Retry::Never => false,
            Retry::Backoff => backoff.allows_another(made),
            // The client has corrected what it could; a second refusal is final.
            Retry::RefreshOnce => !std::mem::replace(&mut refreshed, true),
        };
        if !again {
            return Err(fault);
        }
        tracing::debug!(attempt = made, class = fault.class.as_str(), "trying again");
        if fault.retry() == Retry::Backoff {
            tokio::time::sleep(backoff.delay(made, fault.retry_after, fastrand::f64())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_model::{ErrorClass, Phase};
    use std::cell::Cell;

    async fn count(class: ErrorClass) -> u32 {
        let calls = Cell::new(0);
        let outcome: Result<(), Fault> = with_retries(&Backoff::default(), || {
            calls.set(calls.get() + 1);
            async { Err(Fault::new(class, Phase::AwaitingHead, "no")) }
        })
        .await;
        assert_eq!(outcome.unwrap_err().class, class);
        calls.get()
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_decides_how_often() {
        assert_eq!(count(ErrorClass::Throttled).await, 3);
        assert_eq!(count(ErrorClass::ExpiredCredentials).await, 2);
        assert_eq!(count(ErrorClass::InvalidRequest).await, 1);
    }
}
