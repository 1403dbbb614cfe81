//! What is known of the way to Bedrock, for health reports.

use std::sync::atomic::{AtomicU8, Ordering};

use outcrop_model::{ErrorClass, Fault};

/// The last word on the upstream; starts as unknown.
#[derive(Debug, Default)]
pub struct UpstreamHealth(AtomicU8);

const WORDS: [&str; 5] = ["unknown", "ok", "interrupted", "unreachable", "credentials_refused"];

impl UpstreamHealth {
    pub fn note_answer(&self) {
        self.0.store(1, Ordering::Relaxed);
    }

    /// Only failures that say something of the way itself count. An error that AWS names and that is
    /// not about the way proves that it is open.
    pub fn note_fault(&self, fault: &Fault) {
        match fault.class {
            ErrorClass::Unreachable | ErrorClass::WrongEndpoint => {
                self.0.store(3, Ordering::Relaxed)
            }
            ErrorClass::BadCredentials
            | ErrorClass::ExpiredCredentials
            | ErrorClass::BadSignature => {
                self.0.store(4, Ordering::Relaxed);
            }
            // An answer that broke off, a stream that had begun too.
            ErrorClass::Truncated | ErrorClass::Garbled => self.0.store(2, Ordering::Relaxed),
            _ if fault.code.is_some() => self.note_answer(),
            _ => {}
        }
    }
}

/// The best that any can say: `ok`, else what is wrong, else that nothing is known.
pub(crate) fn best<'u>(all: impl Iterator<Item = &'u UpstreamHealth>) -> &'static str {
    let heard = all.map(|upstream| upstream.0.load(Ordering::Relaxed)).filter(|word| *word > 0);
    WORDS.get(usize::from(heard.min().unwrap_or(0))).copied().unwrap_or("unknown")
}
