//! How far other nodes' clocks are from this one's: measured from signed clocks and round trips, and judged. Pure.
//!
//! A call and its answer carry both sides' clocks. The peer read its own somewhere between sending and receiving, most
//! likely in the middle; it can be wrong by half the round trip at most. Nothing in the mesh depends on clocks; but what
//! people read does, and which of two concurrent revisions shows, so a wrong one is alarmed.

use std::collections::{BTreeMap, BTreeSet};

use ods_store::{NodeId, UnixMillis};

/// Clocks that differ by more than this are alarmed.
const ALARM_MS: u64 = 60_000;
/// ... until they differ by less than this again.
const CALM_MS: u64 = 30_000;
/// Samples with a longer round trip are passed over this often before one is taken all the same.
const PASSED_OVER_MAX: u32 = 4;

/// Whether a clock is so far off that people should know.
pub(super) const fn is_off(ahead_ms: i64) -> bool {
    ahead_ms.unsigned_abs() > CALM_MS
}

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClockSample {
    /// How far the peer's clock is ahead, in milliseconds.
    pub(super) ahead_ms: i64,
    /// The round trip.
    pub(super) rtt_ms: u32,
}

impl ClockSample {
    /// From a call that was sent at `sent` by this node's clock and took `rtt_ms`, and the clock in its answer.
    pub(super) fn new(sent: UnixMillis, rtt_ms: u64, theirs: UnixMillis) -> Self {
        let middle = sent.plus_ms(rtt_ms / 2);
        let ahead = i128::from(theirs.get()) - i128::from(middle.get());
        let ahead_ms = i64::try_from(ahead).unwrap_or(if ahead < 0 { i64::MIN } else { i64::MAX });
        Self { ahead_ms, rtt_ms: u32::try_from(rtt_ms).unwrap_or(u32::MAX) }
    }
}

/// What is wrong with clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// This node's clock is behind (or ahead of, if negative) the clocks of most of its peers by this.
    Own(i64),
    /// A peer's clock is ahead by this, and it isn't this node's fault.
    Peer(NodeId, i64),
}

#[derive(Debug, Clone, Copy)]
struct Tracked {
    sample: ClockSample,
    passed_over: u32,
}

/// The clocks of the peers.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    tracked: BTreeMap<NodeId, Tracked>,
    alarmed: BTreeSet<Option<NodeId>>,
}

impl Clocks {
    /// Takes a measurement; one with a much longer round trip than the last says less, so it is passed over for a while.
    pub(super) fn take(&mut self, node: NodeId, sample: ClockSample) {
        let tracked = self.tracked.entry(node).or_insert(Tracked { sample, passed_over: 0 });
        let worse = sample.rtt_ms > tracked.sample.rtt_ms.saturating_mul(2).saturating_add(20);
        let agrees = sample.ahead_ms.abs_diff(tracked.sample.ahead_ms) <= u64::from(sample.rtt_ms);
        if worse && agrees && tracked.passed_over < PASSED_OVER_MAX {
            tracked.passed_over += 1;
        } else {
            *tracked = Tracked { sample, passed_over: 0 };
        }
    }

    /// Whether a peer's clock is off, if it was measured yet.
    pub(super) fn is_off(&self, node: &NodeId) -> Option<bool> {
        self.of(node).map(|sample| is_off(sample.ahead_ms))
    }

    /// The last good measurement of a peer's clock.
    pub(super) fn of(&self, node: &NodeId) -> Option<ClockSample> {
        self.tracked.get(node).map(|tracked| tracked.sample)
    }

    /// Forgets the peers that are gone.
    pub(super) fn retain(&mut self, keep: impl Fn(&NodeId) -> bool) {
        self.tracked.retain(|node, _| keep(node));
        self.alarmed.retain(|node| node.as_ref().is_none_or(&keep));
    }

    /// What is wrong and was not told yet. Each is told once until it is well again.
    pub(super) fn judge(&mut self) -> Vec<Finding> {
        let own = self.own_error();
        let mut findings: Vec<(Option<NodeId>, i64)> = vec![(None, own)];
        findings.extend(self.tracked.iter().map(|(node, of)| (Some(*node), of.sample.ahead_ms.saturating_sub(own))));
        let mut told = Vec::new();
        for (node, error) in findings {
            if error.unsigned_abs() < CALM_MS {
                self.alarmed.remove(&node);
            } else if error.unsigned_abs() > ALARM_MS && self.alarmed.insert(node) {
                told.push(node.map_or(Finding::Own(error), |node| Finding::Peer(node, error)));
            }
        }
        told
    }

    /// How far this node's clock is behind the median of all, its own included. With one peer nobody can say whose clock
    /// is wrong; it counts as the peer's.
    fn own_error(&self) -> i64 {
        let mut all: Vec<i64> = self.tracked.values().map(|of| of.sample.ahead_ms).chain([0]).collect();
        all.sort_unstable();
        let (low, high) = (all[(all.len() - 1) / 2], all[all.len() / 2]);
        if low.unsigned_abs() < high.unsigned_abs() { low } else { high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn node(number: u8) -> NodeId {
        NodeId::from_bytes([number; 32])
    }

    fn clocks(aheads: &[i64]) -> Clocks {
        let mut clocks = Clocks::default();
        for (number, ahead_ms) in aheads.iter().enumerate() {
            clocks.take(node(u8::try_from(number).unwrap()), ClockSample { ahead_ms: *ahead_ms, rtt_ms: 10 });
        }
        clocks
    }

    #[test]
    fn a_clock_is_read_in_the_middle_of_the_round_trip() {
        let at = UnixMillis::new;
        assert_eq!(ClockSample::new(at(1000), 40, at(1020)), ClockSample { ahead_ms: 0, rtt_ms: 40 });
        assert_eq!(ClockSample::new(at(1000), 40, at(20)).ahead_ms, -1000);
        assert_eq!(ClockSample::new(at(0), 0, at(u64::MAX)).ahead_ms, i64::MAX);
    }

    #[test]
    fn whose_clock_is_wrong_is_what_most_say() {
        assert_eq!(clocks(&[5, -20, 7]).judge(), []);
        assert_eq!(clocks(&[0, 90_000, 3]).judge(), [Finding::Peer(node(1), 90_000)]);
        assert_eq!(clocks(&[-100_000, -100_000, -100_000]).judge(), [Finding::Own(-100_000)]);
        assert_eq!(clocks(&[3_600_000]).judge(), [Finding::Peer(node(0), 3_600_000)], "one against one");
    }

    #[test]
    fn each_is_told_once_until_it_is_well_again() {
        let mut clocks = clocks(&[0, 90_000, 3]);
        assert_eq!(clocks.judge().len(), 1);
        assert_eq!(clocks.judge(), []);
        clocks.take(node(1), ClockSample { ahead_ms: 40_000, rtt_ms: 10 });
        assert_eq!(clocks.judge(), []);
        clocks.take(node(1), ClockSample { ahead_ms: 90_000, rtt_ms: 10 });
        assert_eq!(clocks.judge(), [], "not well in between");
        clocks.take(node(1), ClockSample { ahead_ms: 100, rtt_ms: 10 });
        assert_eq!(clocks.judge(), []);
        clocks.take(node(1), ClockSample { ahead_ms: 90_000, rtt_ms: 10 });
        assert_eq!(clocks.judge().len(), 1);
    }

    #[test]
    fn a_slow_call_says_less_about_a_clock_but_not_for_ever() {
        let mut clocks = clocks(&[5]);
        let slow = ClockSample { ahead_ms: 900, rtt_ms: 2000 };
        for _ in 0..PASSED_OVER_MAX {
            clocks.take(node(0), slow);
            assert_eq!(clocks.of(&node(0)).unwrap().ahead_ms, 5);
        }
        clocks.take(node(0), slow);
        assert_eq!(clocks.of(&node(0)), Some(slow));
        let mut moved = self::clocks(&[5]);
        let far = ClockSample { ahead_ms: 3_600_000, rtt_ms: 2000 };
        moved.take(node(0), far);
        assert_eq!(moved.of(&node(0)), Some(far), "further off than the call can explain");
    }
}
