//! Blobs of which peers say another size than they are wanted with: when to tell of it, and when to try the other size. Pure.
//!
//! At most one size is true, and only the bytes prove which. So what a peer claims is tried at once the first time;
//! after that each size gets longer and longer to be proved, so that two peers which go on contradicting each other,
//! one of them lying, don't keep the honest one from being heard out.
//!
//! Invariant: memory is bounded. Of what there is no room for nothing is told, and every claim is tried.

use std::collections::BTreeMap;

use ods_store::Digest;

use super::limits::{OTHER_SIZE_FORGET_MS, OTHER_SIZE_MS, OTHER_SIZES_MAX};
use super::moment::Moment;

/// Longer than this no size is given.
const DOUBLINGS_MAX: u32 = 8;

#[derive(Debug)]
struct Doubt {
    since: Moment,
    changes: u32,
    /// No other size is tried before this.
    settled_until: Moment,
}

/// What to do about a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Doubted {
    /// An admin is to be told.
    pub(super) is_news: bool,
    /// The other size may be tried.
    pub(super) may_change: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Doubts(BTreeMap<Digest, Doubt>);

impl Doubts {
    /// A peer claims another size of a blob.
    pub(super) fn note(&mut self, blob: &Digest, now: Moment) -> Doubted {
        let may_forget = self.0.len() >= OTHER_SIZES_MAX && !self.0.contains_key(blob);
        if may_forget {
            self.0.retain(|_, doubt| now.ms_since(doubt.since) < OTHER_SIZE_FORGET_MS);
        }
        if let Some(doubt) = self.0.get_mut(blob).filter(|doubt| now.ms_since(doubt.since) < OTHER_SIZE_FORGET_MS) {
            let may_change = doubt.settled_until <= now;
            if may_change {
                doubt.changes = (doubt.changes + 1).min(DOUBLINGS_MAX);
                doubt.settled_until = now.plus_ms(OTHER_SIZE_MS << doubt.changes);
            }
            return Doubted { is_news: false, may_change };
        }
        let is_news = self.0.len() < OTHER_SIZES_MAX || self.0.contains_key(blob);
        if is_news {
            let doubt = Doubt { since: now, changes: 0, settled_until: now.plus_ms(OTHER_SIZE_MS) };
            self.0.insert(*blob, doubt);
        }
        Doubted { is_news, may_change: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_claim_is_tried_and_told_and_later_ones_seldomer_and_seldomer() {
        let (mut doubts, blob) = (Doubts::default(), Digest::of(b"x"));
        let mut tried = Vec::new();
        for second in 0..600 {
            let doubted = doubts.note(&blob, Moment::new(second * 1000));
            assert_eq!(doubted.is_news, second == 0);
            tried.extend(doubted.may_change.then_some(second));
        }
        assert_eq!(tried, [0, 5, 15, 35, 75, 155, 315]);
        let later = doubts.note(&blob, Moment::new(OTHER_SIZE_FORGET_MS));
        assert_eq!(later, Doubted { is_news: true, may_change: true });
    }

    #[test]
    fn many_lies_cost_no_memory_and_keep_no_claim_from_being_tried() {
        let mut doubts = Doubts::default();
        let mut told = 0;
        for number in 0..OTHER_SIZES_MAX + 500 {
            let doubted = doubts.note(&Digest::of(&number.to_le_bytes()), Moment::new(1));
            assert!(doubted.may_change);
            told += usize::from(doubted.is_news);
        }
        assert_eq!((told, doubts.0.len()), (OTHER_SIZES_MAX, OTHER_SIZES_MAX));
        assert!(doubts.note(&Digest::of(b"x"), Moment::new(OTHER_SIZE_FORGET_MS + 1)).is_news);
    }
}
