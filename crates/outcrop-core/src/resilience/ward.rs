//! How the models of one backend fare, and calls beside inference by themselves.
//!
//! 1. To look at a model changes nothing: only what came of asking it is kept, and nothing of models that
//!    no answer tells anything of, such as names that are none.
//! 2. There is a bound. Past it models that are well make room; where none is, nothing more is kept, so
//!    that a further model is taken to be well.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use outcrop_model::Fault;

use super::health::{Condition, Health, Probe, Verdict};

/// What health at a target is kept by: the id that is called, and which call it is where that is not inference.
/// Counts and jobs have quotas and outages of their own.
pub(crate) fn ward_key(called: &str, beside: Option<&str>) -> String {
    match beside {
        None => called.to_owned(),
        Some(call) => format!("{call} {called}"),
    }
}

/// Models whose health is kept: more than an account has.
const MOST_MODELS: usize = 1000;

/// See the module.
#[derive(Debug, Default)]
pub struct Ward(Mutex<HashMap<String, Arc<Health>>>);

// === impl Ward ===

impl Ward {
    /// Whether to ask the model now.
    pub fn verdict(&self, model: &str, now: Instant) -> Verdict {
        self.known(model).map_or(Verdict::Well, |health| health.verdict(now))
    }

    /// Leave to look whether the model is back, where that is due.
    pub fn probe(&self, model: &str, now: Instant) -> Option<Probe> {
        self.known(model)?.probe(now)
    }

    /// A request that was sent to it at `sent` was answered.
    pub fn answered(&self, model: &str, (sent, now): (Instant, Instant)) {
        if let Some(health) = self.admit(model, now) {
            health.answered(sent, now);
        }
    }

    /// A stream that it was asked for at `sent` has begun.
    pub fn began(&self, model: &str, (sent, now): (Instant, Instant)) {
        if let Some(health) = self.admit(model, now) {
            health.began(sent, now);
        }
    }

    /// A request that was sent to it at `sent` failed. Whether it is left alone from now on.
    pub fn failed(&self, model: &str, fault: &Fault, (sent, now): (Instant, Instant)) -> bool {
        let health = match Health::is_told_by(fault.class) {
            true => self.admit(model, now),
            false => self.known(model),
        };
        health.is_some_and(|health| health.failed(fault, sent, now))
    }

    /// Of each model that is known.
    pub fn conditions(&self, now: Instant) -> Vec<Condition> {
        self.lock().values().map(|health| health.condition(now)).collect()
    }

    fn known(&self, model: &str) -> Option<Arc<Health>> {
        self.lock().get(model).cloned()
    }

    fn admit(&self, model: &str, now: Instant) -> Option<Arc<Health>> {
        let mut all = self.lock();
        if let Some(known) = all.get(model) {
            return Some(Arc::clone(known));
        }
        if all.len() >= MOST_MODELS {
            all.retain(|_, health| health.condition(now) != Condition::Well);
        }
        let has_room = all.len() < MOST_MODELS;
        has_room.then(|| Arc::clone(all.entry(model.to_owned()).or_default()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Health>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_model::{ErrorClass, Phase};

    fn fail(ward: &Ward, model: &str, class: ErrorClass, now: Instant) -> bool {
        ward.failed(model, &Fault::new(class, Phase::AwaitingHead, "no"), (now, now))
    }

    #[test]
    fn rule_1_names_that_are_none_leave_nothing() {
        let (ward, now) = (Ward::default(), Instant::now());
        for name in (0..2 * MOST_MODELS).map(|n| format!("nonsense-{n}")) {
            assert_eq!(ward.verdict(&name, now), Verdict::Well);
            fail(&ward, &name, ErrorClass::UnknownModel, now);
        }
        assert_eq!(ward.conditions(now), []);
    }

    #[test]
    fn rule_2_the_well_make_room_and_the_ill_stay() {
        let (ward, now) = (Ward::default(), Instant::now());
        assert!(fail(&ward, "ill", ErrorClass::Throttled, now));
        for name in (0..2 * MOST_MODELS).map(|n| format!("well-{n}")) {
            ward.answered(&name, (now, now));
        }
        assert!(ward.conditions(now).len() <= MOST_MODELS);
        assert_ne!(ward.verdict("ill", now), Verdict::Well);
        for name in (0..MOST_MODELS).map(|n| format!("ill-{n}")) {
            fail(&ward, &name, ErrorClass::Throttled, now);
        }
        assert!(!fail(&ward, "another", ErrorClass::Throttled, now));
        assert_eq!(ward.verdict("another", now), Verdict::Well);
        assert_ne!(ward.verdict("ill", now), Verdict::Well);
        assert_eq!(ward.conditions(now).len(), MOST_MODELS);
    }
}
