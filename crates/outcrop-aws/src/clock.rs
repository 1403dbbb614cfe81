//! The time that signatures carry: a clock given from outside, corrected by what AWS says.
//!
//! 1. The correction changes only after AWS refused a signature and its `date` disagrees by more than
//!    a response can be late.
//! 2. Clones share the correction: whoever judges an expiry judges it by AWS's time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;

/// A smaller disagreement than this is the age of the response, not a wrong clock. AWS allows five
/// minutes, so nothing is lost by waiting for a clear case.
const SMALLEST_SKEW: Duration = Duration::from_secs(60);

/// Tells the time; tests give their own.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    raw: Box<dyn Fn() -> SystemTime + Send + Sync>,
    /// Seconds to add.
    offset: AtomicI64,
}

// === impl Clock ===

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::new(SystemTime::now)
    }

    pub fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { raw: Box::new(now), offset: AtomicI64::new(0) }))
    }

    /// The seconds that are added at present.
    pub(crate) fn correction(&self) -> i64 {
        self.0.offset.load(Ordering::Relaxed)
    }

    /// The corrected time.
    pub(crate) fn now(&self) -> SystemTime {
        let offset = self.correction();
        let step = Duration::from_secs(offset.unsigned_abs());
        let now = (self.0.raw)();
        let corrected = if offset < 0 { now.checked_sub(step) } else { now.checked_add(step) };
        corrected.unwrap_or(now)
    }

    /// Takes `theirs`, the `date` of a refusal, as the truth. Returns the new correction in seconds if
    /// there is one.
    pub(crate) fn correct(&self, theirs: SystemTime) -> Option<i64> {
        let ours = self.now();
        let apart = theirs
            .duration_since(ours)
            .or_else(|_| ours.duration_since(theirs))
            .unwrap_or_default();
        if apart < SMALLEST_SKEW {
            return None;
        }
        let raw = (self.0.raw)();
        let offset = match theirs.duration_since(raw) {
            Ok(ahead) => i64::try_from(ahead.as_secs()).ok()?,
            Err(behind) => -i64::try_from(behind.duration().as_secs()).ok()?,
        };
        self.0.offset.store(offset, Ordering::Relaxed);
        Some(offset)
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        Self::now(self)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
