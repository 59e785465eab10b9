//! When an invite whose inviter's answer was lost is redeemed again: pure.
//!
//! The inviter may have admitted this node, which doesn't know it. Redeeming again by the same node ends in the same state,
//! so that is done, with back-off, until the inviter answers; also after a restart, for the store has the invite.
//! Invariant: one redemption at a time is begun here.

use super::moment::Moment;
use super::schedule::{Dice, back_off_ms};

/// The state of it.
#[derive(Debug)]
pub(super) struct Rejoin {
    /// When to begin; none while one is under way, or nothing is to be done.
    begin_at: Option<Moment>,
    failures: u32,
    dice: Dice,
}

impl Rejoin {
    /// At start: it is looked at once whether an earlier process left something.
    pub(super) fn new(dice: Dice) -> Self {
        Self { begin_at: Some(Moment::new(0)), failures: 0, dice }
    }

    /// A redemption ended; the inviter's answer is still `waiting` to be had, or there is nothing to do.
    pub(super) fn ended(&mut self, waiting: bool, now: Moment) {
        self.failures = if waiting { self.failures.saturating_add(1) } else { 0 };
        self.begin_at = waiting.then(|| now.plus_ms(back_off_ms(self.failures, &mut self.dice)));
    }

    /// Whether to begin one now; then it is under way until it [`Self::ended`].
    pub(super) fn begins(&mut self, now: Moment) -> bool {
        self.begin_at.take_if(|at| *at <= now).is_some()
    }

    /// When to begin the next.
    pub(super) fn next_at(&self) -> Option<Moment> {
        self.begin_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_at_start_and_after_a_lost_answer_later_and_later_until_one_comes() {
        let mut rejoin = Rejoin::new(Dice::new(1));
        assert!(rejoin.begins(Moment::new(0)), "an earlier process may have left one");
        assert!(!rejoin.begins(Moment::new(1_000_000)) && rejoin.next_at().is_none(), "one at a time");
        let (mut now, mut waits) = (Moment::new(0), Vec::new());
        for _ in 0..8 {
            rejoin.ended(true, now);
            let next = rejoin.next_at().unwrap();
            assert!(!rejoin.begins(now) && rejoin.begins(next));
            waits.push(next.ms_since(now));
            now = next;
        }
        assert!(waits[7] > 8 * waits[0], "{waits:?}");
        rejoin.ended(false, now);
        assert_eq!(rejoin.next_at(), None);
    }
}
