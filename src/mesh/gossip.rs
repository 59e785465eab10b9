//! With whom to swap node states, and when: a pure machine. The driver tells it what happened and performs its actions.
//!
//! Every node holds the newest state of each member. Digests of what two nodes hold travel in pings and swaps; where they
//! differ the nodes swap, and only what differs. So an idle mesh swaps nothing.
//!
//! Invariants: at most one swap with a peer is under way. Swaps with a peer are [`apart_ms`] apart, more in a larger
//! mesh, further after failures, and as far as keeps a line below [`STATES_BYTES_PER_MS`], whatever members say and how
//! often. Two digests that a swap could not make equal (rosters differ for a moment), though it offered all that is
//! held, are not compared again before one of them changes or [`RETRY_MS`] have passed. Whatever is lost costs time
//! only: the digests stay different.

use std::collections::{BTreeMap, BTreeSet};

use ods_store::{NodeId, SetDigest};

use super::limits::{
    CLOCK_COMPARE_MS, STATES_APART_MAX_MS, STATES_APART_MIN_MS, STATES_APART_PER_MEMBER_MS, STATES_BYTES_PER_MS,
};
use super::moment::Moment;
use super::schedule::{Dice, back_off_ms};

/// Digests that a swap could not make equal are tried again after this.
const RETRY_MS: u64 = 60_000;

/// The least time between two swaps with one peer, and between two states that a node tells.
pub(super) fn apart_ms(members: usize) -> u64 {
    let members = u64::try_from(members).unwrap_or(u64::MAX);
    members.saturating_mul(STATES_APART_PER_MEMBER_MS).clamp(STATES_APART_MIN_MS, STATES_APART_MAX_MS)
}

/// What this node holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holds {
    /// Digest of its states.
    pub(super) digest: SetDigest,
    /// How many have come.
    pub(super) arrived: u64,
    /// Members of the mesh.
    pub(super) members: usize,
}

/// What the driver shall do: swap states with a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Swap {
    /// The peer.
    pub(super) node: NodeId,
    /// States that came since are probably new to it; `None`: nobody knows.
    pub(super) fresh_after: Option<u64>,
    /// The digests are equal: only the clocks are compared.
    pub(super) only_compare: bool,
}

/// How a swap ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Swapped {
    /// What this node held when it last said what it holds; `None`: it didn't, only digests were compared.
    pub(super) offered: Option<SetDigest>,
    /// What this node held then.
    pub(super) ours: SetDigest,
    /// ... and how many states had come.
    pub(super) arrived: u64,
    /// What the peer held then.
    pub(super) theirs: SetDigest,
    /// Bytes of states that it moved.
    pub(super) bytes: u64,
}

#[derive(Debug)]
struct Lane {
    theirs: Option<SetDigest>,
    /// How many states had come here when both held the same.
    agreed: Option<u64>,
    under_way: bool,
    /// No swap before this.
    next_at: Moment,
    failures: u32,
    /// A swap left these different.
    stuck: Option<(SetDigest, SetDigest, Moment)>,
    /// The clocks are compared then even if nothing differs.
    compare_at: Moment,
}

impl Lane {
    fn new(now: Moment) -> Self {
        Self { theirs: None, agreed: None, under_way: false, next_at: now, failures: 0, stuck: None, compare_at: now }
    }

    fn note(&mut self, theirs: SetDigest, own: &Holds) {
        self.theirs = Some(theirs);
        if theirs == own.digest {
            self.agreed = Some(own.arrived);
        }
    }

    fn due(&self, own: &Holds) -> Option<Moment> {
        if self.under_way {
            return None;
        }
        let differs = self.theirs != Some(own.digest);
        let wanted_at = match self.stuck {
            _ if !differs => self.compare_at,
            Some((ours, theirs, until)) if ours == own.digest && Some(theirs) == self.theirs => until,
            _ => self.next_at,
        };
        Some(wanted_at.max(self.next_at))
    }
}

/// All peers that answer.
#[derive(Debug)]
pub(super) struct Gossip {
    own: Holds,
    lanes: BTreeMap<NodeId, Lane>,
    dice: Dice,
}

impl Gossip {
    /// No peers yet.
    pub(super) const fn new(own: Holds, dice: Dice) -> Self {
        Self { own, lanes: BTreeMap::new(), dice }
    }

    /// What this node holds now.
    pub(super) fn set_own(&mut self, own: Holds) {
        self.own = own;
        for lane in self.lanes.values_mut() {
            if lane.theirs == Some(own.digest) {
                lane.agreed = Some(own.arrived);
            }
        }
    }

    /// The peers that answer.
    pub(super) fn set_peers(&mut self, peers: &BTreeSet<NodeId>, now: Moment) {
        self.lanes.retain(|node, _| peers.contains(node));
        for node in peers {
            self.lanes.entry(*node).or_insert_with(|| Lane::new(now));
        }
    }

    /// What a peer holds, as a ping or a swap of its own told.
    pub(super) fn heard(&mut self, node: &NodeId, theirs: SetDigest) {
        let own = self.own;
        if let Some(lane) = self.lanes.get_mut(node) {
            lane.note(theirs, &own);
        }
    }

    /// A swap ended.
    pub(super) fn swapped(&mut self, node: &NodeId, end: Swapped, now: Moment) {
        let (own, apart_ms) = (self.own, apart_ms(self.own.members));
        let Some(lane) = self.lanes.get_mut(node) else { return };
        (lane.under_way, lane.failures) = (false, 0);
        lane.next_at = now.plus_ms(self.dice.jitter(apart_ms).max(end.bytes / STATES_BYTES_PER_MS));
        lane.compare_at = now.plus_ms(self.dice.jitter(CLOCK_COMPARE_MS));
        lane.note(end.theirs, &own);
        if end.ours == end.theirs {
            // What both held a moment ago is held, even if more has come here since.
            (lane.agreed, lane.stuck) = (Some(end.arrived), None);
        } else {
            // What came here meanwhile the swap didn't offer: that is for the next one.
            let could_not = end.offered == Some(end.ours);
            lane.stuck = could_not.then(|| (end.ours, end.theirs, now.plus_ms(RETRY_MS)));
        }
    }

    /// A swap failed.
    pub(super) fn failed(&mut self, node: &NodeId, now: Moment) {
        if let Some(lane) = self.lanes.get_mut(node) {
            lane.under_way = false;
            lane.failures = lane.failures.saturating_add(1);
            lane.next_at = now.plus_ms(back_off_ms(lane.failures, &mut self.dice));
        }
    }

    /// The swaps that are due now. Each counts as under way until it is reported on.
    pub(super) fn actions(&mut self, now: Moment) -> Vec<Swap> {
        let mut actions = Vec::new();
        for (node, lane) in &mut self.lanes {
            if lane.due(&self.own).is_some_and(|due| due <= now) {
                lane.under_way = true;
                let only_compare = lane.theirs == Some(self.own.digest);
                actions.push(Swap { node: *node, fresh_after: lane.agreed, only_compare });
            }
        }
        actions
    }

    /// When the next swap is due, if nothing happens before.
    pub(super) fn next_at(&self) -> Option<Moment> {
        self.lanes.values().filter_map(|lane| lane.due(&self.own)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: NodeId = NodeId::from_bytes([1; 32]);

    const fn digest(number: u8) -> SetDigest {
        SetDigest::from_bytes([number; 32])
    }

    const fn holds(number: u8, arrived: u64) -> Holds {
        Holds { digest: digest(number), arrived, members: 3 }
    }

    const fn at(ms: u64) -> Moment {
        Moment::new(ms)
    }

    /// A swap that offered all that is held.
    const fn ended(ours: u8, arrived: u64, theirs: u8) -> Swapped {
        Swapped { offered: Some(digest(ours)), ours: digest(ours), arrived, theirs: digest(theirs), bytes: 0 }
    }

    fn with_peer() -> Gossip {
        let mut gossip = Gossip::new(holds(1, 5), Dice::new(3));
        gossip.set_peers(&BTreeSet::from([PEER]), at(0));
        gossip
    }

    /// A machine that has just agreed with its peer.
    fn agreed() -> Gossip {
        let mut gossip = with_peer();
        assert_eq!(gossip.actions(at(0)), [Swap { node: PEER, fresh_after: None, only_compare: false }]);
        gossip.swapped(&PEER, ended(1, 5, 1), at(10));
        gossip
    }

    #[test]
    fn a_new_peer_is_asked_once_and_then_left_alone() {
        let mut gossip = agreed();
        let quiet_until = CLOCK_COMPARE_MS * 3 / 4;
        assert_eq!(gossip.actions(at(quiet_until - 1)), []);
        assert!(gossip.next_at().is_some_and(|next| next >= at(quiet_until)));
    }

    #[test]
    fn clocks_are_compared_now_and_then() {
        let mut gossip = agreed();
        let due = gossip.actions(at(10 + CLOCK_COMPARE_MS * 2));
        assert_eq!(due, [Swap { node: PEER, fresh_after: Some(5), only_compare: true }]);
    }

    #[test]
    fn what_came_here_is_told_with_what_the_peer_lacks() {
        let mut gossip = agreed();
        gossip.set_own(holds(2, 7));
        let soon = at(10 + 2 * STATES_APART_MAX_MS);
        assert_eq!(gossip.actions(soon), [Swap { node: PEER, fresh_after: Some(5), only_compare: false }]);
        assert_eq!(gossip.actions(soon), [], "one at a time");
        gossip.swapped(&PEER, ended(2, 7, 2), soon);
        assert_eq!(gossip.actions(soon), []);
    }

    #[test]
    fn a_peer_that_says_that_it_differs_is_asked() {
        let mut gossip = agreed();
        gossip.heard(&PEER, digest(9));
        assert_eq!(gossip.actions(at(10 + 2 * STATES_APART_MAX_MS)).len(), 1);
    }

    #[test]
    fn a_difference_that_stays_is_not_asked_about_again_and_again() {
        let mut gossip = agreed();
        gossip.heard(&PEER, digest(9));
        let first = at(10_000);
        assert_eq!(gossip.actions(first).len(), 1);
        gossip.swapped(&PEER, ended(1, 5, 9), first);
        assert_eq!(gossip.actions(first.plus_ms(RETRY_MS - 1)), []);
        gossip.set_own(holds(2, 6));
        assert_eq!(gossip.actions(first.plus_ms(RETRY_MS - 1)).len(), 1, "something changed");
        gossip.swapped(&PEER, ended(2, 6, 9), first);
        assert_eq!(gossip.actions(first.plus_ms(RETRY_MS)).len(), 1);
    }

    #[test]
    fn what_came_during_a_swap_or_was_only_compared_is_swapped_soon() {
        for offered in [Some(digest(1)), None] {
            let mut gossip = agreed();
            gossip.heard(&PEER, digest(9));
            assert_eq!(gossip.actions(at(10_000)).len(), 1);
            gossip.set_own(holds(2, 6));
            gossip.swapped(&PEER, Swapped { offered, ..ended(2, 6, 9) }, at(10_000));
            assert_eq!(gossip.actions(at(10_000 + 2 * STATES_APART_MAX_MS)).len(), 1, "offered: {offered:?}");
        }
    }

    #[test]
    fn swaps_of_large_states_are_further_apart() {
        let mut gossip = agreed();
        gossip.heard(&PEER, digest(9));
        assert_eq!(gossip.actions(at(10_000)).len(), 1);
        gossip.swapped(&PEER, Swapped { bytes: 3 << 20, ..ended(1, 5, 1) }, at(10_000));
        gossip.heard(&PEER, digest(10));
        let apart = (3 << 20) / STATES_BYTES_PER_MS;
        assert_eq!(gossip.next_at(), Some(at(10_000 + apart)));
    }

    #[test]
    fn failures_wait_longer_and_longer() {
        let mut gossip = with_peer();
        let (mut now, mut waits) = (at(0), Vec::new());
        for _ in 0..5 {
            assert_eq!(gossip.actions(now).len(), 1);
            gossip.failed(&PEER, now);
            let next = gossip.next_at().unwrap();
            waits.push(next.ms_since(now));
            now = next;
        }
        assert!(waits[4] > 4 * waits[0], "{waits:?}");
    }
}
