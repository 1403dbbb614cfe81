//! What was learned at the accounts of callers who lend credentials.
//!
//! 1. What one lender's account was refused says nothing of another's, and nothing of the gateway's own.
//! 2. The last so many lenders are known, by a digest of the key that they lend. Whoever comes again later learns
//!    anew: another attempt is all that it costs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use outcrop_aws::Credentials;

use crate::callee::Learned;

/// Lenders that are known: as many as ask at a time, and few enough that strangers cannot fill the memory.
const MOST: usize = 256;

/// See the module.
#[derive(Debug)]
pub(crate) struct Lenders {
    /// What each begins with.
    blank: Learned,
    /// The last to ask comes first.
    known: Mutex<VecDeque<(Vec<u8>, Arc<Learned>)>>,
}

// === impl Lenders ===

impl Lenders {
    /// For lenders at the place of the gateway's own `learned`.
    pub(crate) fn beside(learned: &Learned) -> Self {
        Self { blank: learned.blank(), known: Mutex::default() }
    }

    /// What was learned at the account of these credentials.
    pub(crate) fn learned(&self, lent: &Credentials) -> Arc<Learned> {
        let key = lent.digest();
        let mut known = self.lock();
        let at = known.iter().position(|(of, _)| *of == key);
        let entry = at.and_then(|at| known.remove(at));
        let entry = entry.unwrap_or_else(|| (key, Arc::new(self.blank.blank())));
        let learned = Arc::clone(&entry.1);
        known.push_front(entry);
        known.truncate(MOST);
        learned
    }

    /// Takes over what was learned at the same place.
    pub(crate) fn take_over(&mut self, before: &Self) {
        let theirs = before.lock();
        let taken = theirs.iter().map(|(key, learned)| {
            let mut own = self.blank.blank();
            own.take_lessons(learned);
            (key.clone(), Arc::new(own))
        });
        let taken = taken.collect();
        *self.known.get_mut().unwrap_or_else(PoisonError::into_inner) = taken;
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Vec<u8>, Arc<Learned>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
