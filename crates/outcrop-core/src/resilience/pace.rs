//! Whether a backend has become slow: even the quickest of its last answers began late.
//!
//! 1. Streams of a model are taken ten at a time, and of these only the one that began first counts. Prompts,
//!    caches and queues of others make any one of them late; all ten are late where requests wait for each
//!    other.
//! 2. What is usual is learned: soon from quicker tens, slowly from slower ones, so that a change for good
//!    becomes usual too.
//! 3. So many models are known at most; of others nothing is said.

use std::collections::HashMap;
use std::time::Duration;

/// So many streams of a model make a round.
const ROUND: u32 = 10;
/// What a round's quickest start weighs in what is usual, where it is quicker.
const QUICKER: f64 = 0.25;
/// The same where it is slower: after about twenty such rounds half of the difference is usual.
const SLOWER: f64 = 1.0 / 32.0;
/// A gateway has few models; ids that clients make up are never answered.
const MODELS: usize = 256;

/// How soon a backend's streams begin, by model.
#[derive(Debug, Default)]
pub(super) struct Pace(HashMap<Box<str>, Model>);

#[derive(Debug, Default)]
struct Model {
    /// Seconds until the first event, in rounds before.
    usual: Option<f64>,
    /// The least of this round.
    quickest: Option<f64>,
    seen: u32,
}

impl Pace {
    /// A stream of `model` began after `wait`. Whether that ends a round in which none began within
    /// `slowdown` times of what is usual.
    pub(super) fn began(&mut self, model: &str, wait: Duration, slowdown: f64) -> bool {
        if self.0.len() < MODELS && !self.0.contains_key(model) {
            self.0.insert(model.into(), Model::default());
        }
        let Some(known) = self.0.get_mut(model) else { return false };
        known.began(wait.as_secs_f64()).is_some_and(|slower| slower > slowdown)
    }
}

impl Model {
    /// How many times slower than usual a round was that ends now.
    fn began(&mut self, wait: f64) -> Option<f64> {
        let quickest = self.quickest.map_or(wait, |quickest| quickest.min(wait));
        self.quickest = Some(quickest);
        self.seen += 1;
        if self.seen < ROUND {
            return None;
        }
        (self.quickest, self.seen) = (None, 0);
        let usual = *self.usual.get_or_insert(quickest);
        let weight = if quickest < usual { QUICKER } else { SLOWER };
        self.usual = Some(usual + (quickest - usual) * weight);
        (usual > 0.0).then(|| quickest / usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOWDOWN: f64 = 3.0;

    /// A round of streams: whether it was slow.
    fn round(pace: &mut Pace, model: &str, waits: impl IntoIterator<Item = u64>) -> bool {
        let mut waits: Vec<u64> = waits.into_iter().collect();
        let last = waits.pop().unwrap();
        for wait in waits {
            assert!(!pace.began(model, Duration::from_millis(wait), SLOWDOWN));
        }
        pace.began(model, Duration::from_millis(last), SLOWDOWN)
    }

    #[test]
    fn rule_1_long_prompts_among_short_ones_are_no_sign() {
        let mut pace = Pace::default();
        assert!(!round(&mut pace, "a", [500; 10]));
        assert!(!round(
            &mut pace,
            "a",
            [600, 60_000, 9_000, 9_000, 9_000, 9_000, 9_000, 9_000, 9_000, 9_000]
        ));
        assert!(round(&mut pace, "a", [2_000; 10]));
        assert!(!round(&mut pace, "b", [30_000; 10]), "another model has its own pace");
    }

    #[test]
    fn rule_2_what_stays_becomes_usual() {
        let mut pace = Pace::default();
        round(&mut pace, "a", [500; 10]);
        let slow = (0..200).filter(|_| round(&mut pace, "a", [2_000; 10])).count();
        assert!((1..20).contains(&slow), "{slow} rounds were told as slow");
        let _quick = (0..20).filter(|_| round(&mut pace, "a", [500; 10])).count();
        assert!(round(&mut pace, "a", [2_000; 10]), "it is known to be quicker again");
    }

    #[test]
    fn rule_3_nothing_is_said_of_further_models() {
        let mut pace = Pace::default();
        for at in 0..MODELS {
            round(&mut pace, &at.to_string(), [500; 10]);
        }
        round(&mut pace, "more", [500; 10]);
        assert!(!round(&mut pace, "more", [60_000; 10]));
        assert!(round(&mut pace, "0", [60_000; 10]));
    }
}
