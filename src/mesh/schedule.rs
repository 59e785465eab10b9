//! When to try again: back-off and jitter, as pure functions.

use super::limits::{BACK_OFF_MAX_MS, BACK_OFF_MIN_MS, COMPARE_MS};

/// A small deterministic source of jitter (splitmix64). Nothing secret may come out of it.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// The same seed throws the same numbers.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    #[cfg(test)]
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.throw() % bound
    }

    /// `ms`, give or take a quarter, so that nodes don't march in step.
    pub(super) fn jitter(&mut self, ms: u64) -> u64 {
        let quarter = ms / 4;
        ms - quarter + self.throw() % (2 * quarter + 1)
    }
}

/// How long to wait after this many failures in a row (at least one): doubling, capped, jittered.
pub(super) fn back_off_ms(failures: u32, dice: &mut Dice) -> u64 {
    let doublings = failures.saturating_sub(1).min(16);
    dice.jitter((BACK_OFF_MIN_MS << doublings).min(BACK_OFF_MAX_MS))
}

/// How long until digests are compared again although there was no news.
pub(super) fn compare_ms(dice: &mut Dice) -> u64 {
    dice.jitter(COMPARE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_stay_within_a_quarter() {
        let mut dice = Dice::new(1);
        for failures in 1..100 {
            let nominal = (BACK_OFF_MIN_MS << (failures - 1).min(16)).min(BACK_OFF_MAX_MS);
            let wait = back_off_ms(failures, &mut dice);
            assert!(wait.abs_diff(nominal) <= nominal / 4, "{failures}: {wait}");
        }
    }

    #[test]
    fn jitter_differs_and_repeats_by_seed() {
        let throws = |seed| {
            let mut dice = Dice::new(seed);
            (0..10).map(|_| compare_ms(&mut dice)).collect::<Vec<_>>()
        };
        assert_eq!(throws(7), throws(7));
        assert_ne!(throws(7), throws(8));
    }

    #[test]
    fn no_wait_is_no_jitter() {
        assert_eq!(Dice::new(3).jitter(0), 0);
    }
}
