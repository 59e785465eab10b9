//! How much each member may have said of itself: a state may be large, and every word of a member goes along every link
//! and onto every disk of the mesh. So what a node takes of one member is bounded: [`STATE_BURST_BYTES`] at once,
//! [`STATE_BYTES_PER_MS`] on the average, which is more than an honest node ever says. What comes too soon counts as
//! not offered: the digests stay different, and it, or rather its successor, is offered again.
//!
//! In memory, an entry a member; a clock that went back forgives what was said before.

use std::collections::BTreeMap;

use crate::digest::{NodeId, StateId};
use crate::limits::{STATE_BURST_BYTES, STATE_BYTES_PER_MS};
use crate::time::UnixMillis;

/// What each member said lately.
#[derive(Debug, Default)]
pub(crate) struct StatesPace(BTreeMap<NodeId, Said>);

#[derive(Debug, Clone, Copy)]
struct Said {
    /// Bytes that were said and not forgiven yet,
    bytes: u64,
    /// ... at this time.
    at: UnixMillis,
    /// What was taken last: neighbours bring the same at once, and it counts once.
    last: Option<StateId>,
}

impl StatesPace {
    /// Whether so many bytes of a member, the state of this digest, may be taken now; if so, they count.
    pub(crate) fn take(&mut self, member: &NodeId, state: StateId, bytes: u64, now: UnixMillis) -> bool {
        let said = self.0.entry(*member).or_insert(Said { bytes: 0, at: now, last: None });
        if said.last == Some(state) {
            return true;
        }
        let forgiven = if now < said.at { u64::MAX } else { now.ms_since(said.at).saturating_mul(STATE_BYTES_PER_MS) };
        *said = Said { bytes: said.bytes.saturating_sub(forgiven), at: now, last: said.last };
        let fits = said.bytes.saturating_add(bytes) <= STATE_BURST_BYTES;
        if fits {
            (said.bytes, said.last) = (said.bytes + bytes, Some(state));
        }
        fits
    }

    /// Forgets whoever is no member.
    pub(crate) fn keep(&mut self, is_member: impl Fn(&NodeId) -> bool) {
        self.0.retain(|node, _| is_member(node));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::limits::STATE_FRAME_BYTES_MAX;

    const LOUD: NodeId = NodeId::from_bytes([1; 32]);
    const OTHER: NodeId = NodeId::from_bytes([2; 32]);

    fn id(number: u64) -> StateId {
        StateId::from_bytes(*blake3::hash(&number.to_le_bytes()).as_bytes())
    }

    /// Another state each time.
    fn take(pace: &mut StatesPace, member: &NodeId, bytes: u64, now: UnixMillis) -> bool {
        static STATES: AtomicU64 = AtomicU64::new(0);
        let state = id(STATES.fetch_add(1, Ordering::Relaxed));
        pace.take(member, state, bytes, now)
    }

    const fn at(ms: u64) -> UnixMillis {
        UnixMillis::new(1_000_000 + ms)
    }

    /// How many bytes of one who says the most, all the time, are taken in a minute.
    fn taken_in_a_minute(size: u64) -> u64 {
        let mut pace = StatesPace::default();
        (0..60_000).step_by(10).map(|ms| if take(&mut pace, &LOUD, size, at(ms)) { size } else { 0 }).sum()
    }

    #[test]
    fn who_says_too_much_is_heard_in_part_and_others_whole() {
        let most = STATE_BURST_BYTES + 60_000 * STATE_BYTES_PER_MS;
        for size in [1000, 60_000, STATE_FRAME_BYTES_MAX as u64] {
            let taken = taken_in_a_minute(size);
            assert!((most - 2 * size..=most).contains(&taken), "{size}: {taken} of {most}");
        }
        let mut pace = StatesPace::default();
        while take(&mut pace, &LOUD, 100_000, at(0)) {}
        assert!(take(&mut pace, &OTHER, 100_000, at(0)));
    }

    #[test]
    fn what_an_honest_node_says_is_always_taken() {
        let mut pace = StatesPace::default();
        let (wants, links) = (50_000, 50_000);
        assert!(
            (0..1000).all(|second| take(&mut pace, &OTHER, wants, at(800 * second))),
            "fetching a thousand packages"
        );
        assert!(
            (2000..3000).all(|second| take(&mut pace, &LOUD, wants + links, at(2000 * second))),
            "a hub of 1,000 links"
        );
    }

    #[test]
    fn the_same_from_many_neighbours_counts_once() {
        let (mut pace, state) = (StatesPace::default(), id(u64::MAX));
        assert!((0..100).all(|_| pace.take(&LOUD, state, STATE_BURST_BYTES, at(0))));
        assert!(!take(&mut pace, &LOUD, 1, at(0)));
    }

    #[test]
    fn a_clock_that_went_back_keeps_nobody_out() {
        let mut pace = StatesPace::default();
        while take(&mut pace, &LOUD, 100_000, at(5000)) {}
        assert!(take(&mut pace, &LOUD, 100_000, at(0)));
        pace.keep(|_| false);
        assert!(take(&mut pace, &LOUD, STATE_BURST_BYTES, at(0)));
    }
}
