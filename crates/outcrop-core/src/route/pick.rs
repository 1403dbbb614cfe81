//! In which order targets are tried: by priority, and by weighted lot within one.
//!
//! The lot is a weighted rendezvous: each target draws a number from the seed and its own name, and the
//! lowest comes first. With a random seed that is a fair draw by weight; with a seed made of a
//! conversation it is the same target each time, and a target that goes away moves only its own share.

use std::hash::{DefaultHasher, Hash, Hasher};

/// What is drawn for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lot<'t> {
    /// Tells targets apart, over reloads too.
    pub(crate) name: (&'t str, &'t str),
    pub(crate) weight: u32,
    pub(crate) priority: u32,
    /// Whether it takes part, or only stands in when no other is left.
    pub(crate) fit: bool,
}

/// The places of the targets in the order in which they are to be tried. Weight 0 takes none.
pub(crate) fn order(lots: &[Lot<'_>], seed: u64) -> Vec<usize> {
    let mut drawn: Vec<(bool, u32, f64, usize)> = lots
        .iter()
        .enumerate()
        .filter(|(_, lot)| lot.weight > 0)
        .map(|(at, lot)| (!lot.fit, lot.priority, draw(lot, seed), at))
        .collect();
    drawn.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)).then(a.3.cmp(&b.3)));
    drawn.into_iter().map(|(_, _, _, at)| at).collect()
}

/// Those that would come before the first that is fit, were they fit, in their order.
pub(crate) fn passed_over(lots: &[Lot<'_>], seed: u64) -> Vec<usize> {
    let all_fit: Vec<Lot<'_>> = lots.iter().map(|lot| Lot { fit: true, ..*lot }).collect();
    order(&all_fit, seed).into_iter().take_while(|at| !lots[*at].fit).collect()
}

/// Exponentially distributed with the weight as its rate: the lowest of several is a draw by weight.
fn draw(lot: &Lot<'_>, seed: u64) -> f64 {
    let mut hasher = DefaultHasher::new();
    (seed, lot.name).hash(&mut hasher);
    // 53 bits, away from 0.
    let unit = ((hasher.finish() >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    -unit.ln() / f64::from(lot.weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

    fn lot(at: usize, weight: u32, priority: u32) -> Lot<'static> {
        Lot { name: (NAMES[at], ""), weight, priority, fit: true }
    }

    #[test]
    fn shares_follow_weights() {
        let lots = [lot(0, 1, 0), lot(1, 3, 0), lot(2, 0, 0)];
        let seeds = 20_000;
        let second = (0..seeds).filter(|seed| order(&lots, *seed)[0] == 1).count();
        let share = second as f64 / seeds as f64;
        assert!((share - 0.75).abs() < 0.02, "{share}");
    }

    #[test]
    fn who_is_passed_over_is_not_forgotten_in_the_middle() {
        for (fit, expected) in [
            ([true, false, true], &[][..]),
            ([false, false, true], &[0, 1]),
            ([false, true, true], &[0]),
            ([false, false, false], &[0, 1, 2]),
        ] {
            let lots = [0, 1, 2].map(|at| Lot { fit: fit[at], ..lot(at, 1, at as u32) });
            assert_eq!(passed_over(&lots, 7), expected, "{fit:?}");
        }
    }

    proptest! {
        /// Every target that has a weight is tried once, lower priorities first, unfit ones last.
        #[test]
        fn order_is_by_fitness_and_priority(
            seed: u64, of in prop::collection::vec((0u32..4, 0u32..3, any::<bool>()), 0..6)
        ) {
            let lots: Vec<Lot<'_>> = of.iter().enumerate()
                .map(|(at, (weight, priority, fit))| Lot { fit: *fit, ..lot(at, *weight, *priority) })
                .collect();
            let order = order(&lots, seed);
            prop_assert_eq!(order.len(), lots.iter().filter(|lot| lot.weight > 0).count());
            let ranks: Vec<_> = order.iter().map(|at| (!lots[*at].fit, lots[*at].priority)).collect();
            prop_assert!(ranks.is_sorted());
        }

        /// A target that goes away does not move what others had.
        #[test]
        fn only_the_share_of_who_leaves_moves(seed: u64) {
            let all = [lot(0, 2, 0), lot(1, 1, 0), lot(2, 3, 0)];
            let mut without = all;
            without[0].fit = false;
            if order(&all, seed)[0] != 0 {
                prop_assert_eq!(order(&all, seed)[0], order(&without, seed)[0]);
            }
        }
    }
}
