//! What is known of the way to Bedrock, for health reports.

use std::sync::atomic::{AtomicU8, Ordering};

use outcrop_model::{ErrorClass, Fault};

/// The last word on the upstream; starts as unknown.
#[derive(Debug, Default)]
pub struct UpstreamHealth(AtomicU8);

const WORDS: [&str; 5] = ["unknown", "ok", "interrupted", "unreachable", "credentials_refused"];
const OK: u8 = 1;
const INTERRUPTED: u8 = 2;
const UNREACHABLE: u8 = 3;
const CREDENTIALS_REFUSED: u8 = 4;

impl UpstreamHealth {
    pub fn note_answer(&self) {
        self.0.store(OK, Ordering::Relaxed);
    }

    /// The way is open. That answers do not break off is for their ends to say: they all begin well.
    pub(crate) fn note_beginning(&self) {
        let word = |word| (word != INTERRUPTED).then_some(OK);
        // What is interrupted stays so.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, word);
    }

    /// Only failures that say something of the way itself count. An error that AWS names and that is
    /// not about the way proves that it is open.
    pub fn note_fault(&self, fault: &Fault) {
        match fault.class {
            ErrorClass::Unreachable | ErrorClass::WrongEndpoint => {
                self.0.store(UNREACHABLE, Ordering::Relaxed);
            }
            ErrorClass::BadCredentials
            | ErrorClass::ExpiredCredentials
            | ErrorClass::BadSignature => {
                self.0.store(CREDENTIALS_REFUSED, Ordering::Relaxed);
            }
            // An answer that broke off, a stream that had begun too.
            ErrorClass::Truncated | ErrorClass::Garbled => {
                self.0.store(INTERRUPTED, Ordering::Relaxed);
            }
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
