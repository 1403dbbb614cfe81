//! How requests of one route are treated: its policy, with the defaults where it says nothing.

use std::time::Duration;

use outcrop_aws::Backoff;
use outcrop_config::{Policy, RetryPolicy};
use outcrop_model::{Carrier, Fidelity};

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Treatment {
    pub(crate) fidelity: Fidelity,
    /// The one carrier to use, where the route says so.
    pub(crate) carrier: Option<Carrier>,
    /// Attempts at one target, and the waits between them.
    pub(crate) backoff: Backoff,
    /// Whether whole answers tell what they cost.
    pub(crate) cost_header: bool,
}

// === impl Treatment ===

impl Treatment {
    pub(crate) fn of(policy: &Policy, defaults: &Policy) -> Self {
        Self {
            fidelity: policy.fidelity.or(defaults.fidelity).unwrap_or_default(),
            carrier: policy.carrier.or(defaults.carrier),
            backoff: backoff(&policy.retry, &defaults.retry),
            cost_header: policy.cost_header.or(defaults.cost_header).unwrap_or(false),
        }
    }
}

fn backoff(retry: &RetryPolicy, defaults: &RetryPolicy) -> Backoff {
    let built_in = Backoff::default();
    let wait =
        |own: Option<Duration>, default: Option<Duration>, last| own.or(default).unwrap_or(last);
    Backoff {
        attempts: retry.attempts.or(defaults.attempts).unwrap_or(built_in.attempts).max(1),
        base: wait(retry.base, defaults.base, built_in.base),
        cap: wait(retry.cap, defaults.cap, built_in.cap),
    }
}
