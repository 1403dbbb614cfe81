//! What is known of the way to Bedrock, for health reports.

use std::sync::atomic::{AtomicU8, Ordering};

use outcrop_model::ErrorClass;

/// The last word on the upstream; starts as unknown.
#[derive(Debug, Default)]
pub struct UpstreamHealth(AtomicU8);

const WORDS: [&str; 4] = ["unknown", "ok", "unreachable", "credentials_refused"];

impl UpstreamHealth {
    pub fn note_answer(&self) {
        self.0.store(1, Ordering::Relaxed);
    }

    /// Only failures that say something of the way itself count.
    pub fn note_fault(&self, class: ErrorClass) {
        match class {
            ErrorClass::Unreachable | ErrorClass::WrongEndpoint => {
                self.0.store(2, Ordering::Relaxed)
            }
            ErrorClass::BadCredentials
            | ErrorClass::ExpiredCredentials
            | ErrorClass::BadSignature => {
                self.0.store(3, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    pub fn as_str(&self) -> &'static str {
        WORDS.get(usize::from(self.0.load(Ordering::Relaxed))).copied().unwrap_or("unknown")
    }
}
