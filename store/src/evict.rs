//! Letting go of bytes that the node's policy doesn't keep, those used longest ago first: the rules. (`evict/run.rs` is a
//! run.)
//!
//! A live blob that the policy doesn't keep **goes** iff all of these hold, looked at again inside the transaction that ends
//! its row, under the digest's lock:
//! - nobody reads it at this moment, no peer is waiting for it, nothing of it is being fetched, and no upload, fetch or
//!   restore holds it (`custody.rs`);
//! - it is surplus ([`surplus`]): on an on-demand node, the longest unused beyond the byte limit; on a selective one, what no
//!   client used for [`EVICT_UNUSED_MS`];
//! - the signed state of **another node that may publish** says that it has it as the bytes of a revision that is current
//!   here (`holding.rs`), and that state's counter is greater than this node's [floor](crate::policy::floor) for the blob;
//! - that node isn't about to be expelled here (`expel_ahead.rs`);
//! - that node is **reached** now, as the states tell it along the links (`reach.rs`), and said so *after* this node
//!   found that it wants to let go of something: it then speaks once more, nodes that keep more than it answer that
//!   (`states.rs`), and only a state that came after it spoke, with a counter that passes its own, counts. What a
//!   machine said that has died since, or was set back to an older copy, is no reason.
//!
//! Why the last copy never goes this way, whoever is cut off from whom: let nodes 1 … n each let go of a blob relying on a
//! state of the next, and the last on one of the first. Each relied on a state that passes its own floor; the next node's
//! floor, when it let go, was no less than the counter of any state in which it claimed the blob, this one among them. So
//! the floors would rise all the way round, back to the first: that can't be. It needs no clock and no word in time; what
//! it needs is that a node's counters rise, and that states described before something was renounced aren't signed after it.
//! That such a state comes at all is the state driver's part: a node that hears of another's new policy speaks again, and
//! its counter passes all that it has heard.
//!
//! What is *not* live is gc's. On a node that doesn't keep a package, retention keeps none of its earlier revisions either,
//! except those that this node published (`gc/run.rs`).
//!
//! Invariants: row gone, commit, file gone, as gc does it. When a blob was last used is remembered in memory and written down
//! about once a minute: a crash forgets minutes of it, which costs a wrong order and nothing else.

mod run;

pub use run::{EvictRun, EvictStep};

use crate::digest::Digest;
use crate::gc::Tally;
use crate::limits::EVICT_UNUSED_MS;
use crate::node_state::StatePolicy;
use crate::time::UnixMillis;

/// A live blob that the policy doesn't keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unkept {
    /// When a client last used it, or, on an on-demand node, when it came, if that was later.
    pub(crate) used_at: UnixMillis,
    pub(crate) blob: Digest,
    pub(crate) size: u64,
}

/// How the last run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EvictReport {
    /// Blobs here that the policy doesn't keep, before the run.
    pub unkept: Tally,
    /// Those that went.
    pub gone: Tally,
    /// Those that may not go, whether or not they should: no other node that may publish is reached and known to have them, or
    /// somebody reads them.
    pub held_back: Tally,
    /// Some of those would go, and wait for the word of others.
    pub awaits_word: bool,
}

/// Which of these go, of `total` bytes that the policy doesn't keep (these and younger ones): in the order in which they
/// were last used, as long as there is too much.
pub(crate) fn surplus(policy: &StatePolicy, mut oldest: Vec<Unkept>, total: u64, now: UnixMillis) -> Vec<Unkept> {
    oldest.sort_unstable();
    let mut left = total;
    oldest.retain(|unkept| {
        let goes = match policy {
            StatePolicy::All => false,
            StatePolicy::Selected { .. } => now.ms_since(unkept.used_at) >= EVICT_UNUSED_MS,
            StatePolicy::OnDemand { bytes_max } => left > *bytes_max,
        };
        left = left.saturating_sub(if goes { unkept.size } else { 0 });
        goes
    });
    oldest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unkept(number: u8, used_at: u64, size: u64) -> Unkept {
        Unkept { used_at: UnixMillis::new(used_at), blob: Digest::of(&[number]), size }
    }

    fn selected() -> StatePolicy {
        StatePolicy::Selected { paths: vec!["x".to_owned()], tags: vec![] }
    }

    #[test]
    fn the_longest_unused_go_until_the_rest_fits() {
        let all = vec![unkept(1, 30, 10), unkept(2, 10, 10), unkept(3, 20, 10)];
        let goes = |bytes_max| {
            let policy = StatePolicy::OnDemand { bytes_max };
            surplus(&policy, all.clone(), 30, UnixMillis::new(40)).iter().map(|it| it.used_at.get()).collect::<Vec<_>>()
        };
        assert_eq!((goes(30), goes(29), goes(20)), (vec![], vec![10], vec![10]));
        assert_eq!((goes(19), goes(0)), (vec![10, 20], vec![10, 20, 30]));
    }

    #[test]
    fn a_selective_node_lets_go_of_what_nobody_uses() {
        let now = UnixMillis::new(EVICT_UNUSED_MS + 100);
        let all = vec![unkept(1, 0, 1), unkept(2, 100, 1), unkept(3, 101, 1)];
        let went = surplus(&selected(), all.clone(), 3, now);
        assert_eq!(went, all[..2]);
        assert_eq!(surplus(&StatePolicy::All, all, 3, now), []);
    }

    proptest! {
        #[test]
        fn as_few_go_as_need_be_and_never_one_used_after_one_that_stays(
            all in prop::collection::vec((0_u64..50, 0_u64..100), 0..40), bytes_max in 0_u64..2000,
        ) {
            let all: Vec<Unkept> =
                (0..).zip(&all).map(|(number, (used_at, size))| unkept(number, *used_at, *size)).collect();
            let total = all.iter().map(|it| it.size).sum();
            let policy = StatePolicy::OnDemand { bytes_max };
            let gone = surplus(&policy, all.clone(), total, UnixMillis::new(99));
            let left: u64 = total - gone.iter().map(|it| it.size).sum::<u64>();
            prop_assert!(left <= bytes_max);
            let stays = all.iter().filter(|it| !gone.contains(it));
            if let Some(last) = gone.iter().max() {
                prop_assert!(left + last.size > bytes_max, "the last one that went had to");
                prop_assert!(stays.into_iter().all(|it| it > last));
            }
        }
    }
}
