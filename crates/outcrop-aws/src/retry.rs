//! How long to wait between attempts: a pure function of what is known.
//!
//! 1. The wait never exceeds the cap, and never falls below the time that the service named: where the two
//!    cannot both be, there is no wait to speak of.
//! 2. Jitter is the caller's random number, so that a test can choose it.
//!
//! Whether to try again at all is [`outcrop_model::fault::retry`]'s to say; the loop lives elsewhere.

use std::time::Duration;

/// Attempts in all: AWS SDKs in standard mode make three (checked 2026-11-21).
pub const DEFAULT_ATTEMPTS: u32 = 3;
/// The first wait, before jitter: long enough that a per-second limit has moved on, short enough that
/// a person does not notice.
pub const DEFAULT_BASE: Duration = Duration::from_millis(200);
/// The longest wait: AWS SDKs in standard mode wait 20 s at most.
pub const DEFAULT_CAP: Duration = Duration::from_secs(20);
/// Doublings after which the wait stops growing; keeps the arithmetic far from overflow.
const MAX_DOUBLINGS: u32 = 16;

/// When and how often to try again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// Attempts in all, the first included; 1 means no retry.
    pub attempts: u32,
    /// The first wait before jitter; it doubles with each attempt.
    pub base: Duration,
    /// No wait is longer.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { attempts: DEFAULT_ATTEMPTS, base: DEFAULT_BASE, cap: DEFAULT_CAP }
    }
}

impl Backoff {
    /// Whether one more attempt is allowed after `made` of them.
    pub fn allows_another(&self, made: u32) -> bool {
        made < self.attempts
    }

    /// The wait after attempt number `attempt` (the first is 1). `random` in 0..1 spreads callers over
    /// the upper half of the growing wait; `retry_after` is what the service asked for. `None` where that is
    /// longer than the cap: to ask again earlier would be in vain.
    pub fn delay(
        &self,
        attempt: u32,
        retry_after: Option<Duration>,
        random: f64,
    ) -> Option<Duration> {
        let doublings = attempt.saturating_sub(1).min(MAX_DOUBLINGS);
        let grown = self.base.saturating_mul(1 << doublings).min(self.cap);
        let spread = if random.is_finite() { random.clamp(0.0, 1.0) } else { 1.0 };
        let jittered = grown.mul_f64(0.5 + spread / 2.0);
        let wait = jittered.min(self.cap).max(retry_after.unwrap_or_default());
        (wait <= self.cap).then_some(wait)
    }
}
