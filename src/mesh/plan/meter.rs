//! How fast bytes come, measured while there was something to come.

use std::collections::BTreeMap;

use ods_store::NodeId;

use super::super::limits::{BIG_RUNS_PER_PEER_MAX, METER_MS, SMALL_RUNS_PER_PEER_MAX, STALLED_MS};
use super::super::moment::Moment;

/// Bytes over the time in which some were owed; the last few seconds of that count.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meter {
    owing: usize,
    bytes: u64,
    busy_ms: u64,
    counted_to: Moment,
    heard_at: Moment,
}

impl Meter {
    fn count_to(&mut self, now: Moment) {
        if self.owing > 0 {
            self.busy_ms += now.ms_since(self.counted_to);
        }
        self.counted_to = now;
    }

    /// A request for bytes began.
    pub(super) fn begin(&mut self, now: Moment) {
        self.count_to(now);
        if self.owing == 0 {
            self.heard_at = now;
        }
        self.owing += 1;
    }

    /// It ended.
    pub(super) fn end(&mut self, now: Moment) {
        self.count_to(now);
        self.owing = self.owing.saturating_sub(1);
    }

    /// Bytes came.
    pub(super) fn came(&mut self, bytes: u64, now: Moment) {
        self.count_to(now);
        self.bytes += bytes;
        self.heard_at = now;
        if self.busy_ms > METER_MS {
            (self.bytes, self.busy_ms) = (self.bytes / 2, self.busy_ms / 2);
        }
    }

    /// Whether anything ever came.
    pub(super) const fn has_brought(&self) -> bool {
        self.bytes > 0
    }

    /// Requests under way.
    pub(super) const fn owing(&self) -> usize {
        self.owing
    }

    /// For how long nothing came although something was owed.
    pub(super) fn silent_ms(&self, now: Moment) -> u64 {
        if self.owing == 0 { 0 } else { now.ms_since(self.heard_at) }
    }

    /// Bytes a second; 0 as long as none came, or if none came lately.
    pub(super) fn rate(&self, now: Moment) -> u64 {
        if self.silent_ms(now) > STALLED_MS {
            return 0;
        }
        self.bytes * 1000 / self.busy_ms.max(1)
    }

    /// How long one of its requests needs for so many bytes; `None` if nothing is known, or nothing comes.
    pub(super) fn eta_ms(&self, bytes: u64, requests: usize, now: Moment) -> Option<u64> {
        let rate = self.rate(now);
        (rate > 0).then(|| bytes.saturating_mul(1000 * requests.max(1) as u64) / rate)
    }
}

/// The line to each peer: requests under way, and how fast it is, over all blobs.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: BTreeMap<NodeId, Line>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Line {
    meter: Meter,
    small: usize,
    big: usize,
}

impl Lines {
    fn line(&self, node: &NodeId) -> Line {
        self.lines.get(node).copied().unwrap_or_default()
    }

    /// Requests under way for bytes of small, or of big blobs.
    pub(super) fn load(&self, node: &NodeId, small: bool) -> usize {
        let line = self.line(node);
        if small { line.small } else { line.big }
    }

    pub(super) fn has_room(&self, node: &NodeId, small: bool) -> bool {
        self.load(node, small) < if small { SMALL_RUNS_PER_PEER_MAX } else { BIG_RUNS_PER_PEER_MAX }
    }

    pub(super) fn begin(&mut self, node: &NodeId, small: bool, now: Moment) {
        let line = self.lines.entry(*node).or_default();
        line.meter.begin(now);
        *if small { &mut line.small } else { &mut line.big } += 1;
    }

    pub(super) fn end(&mut self, node: &NodeId, small: bool, now: Moment) {
        let Some(line) = self.lines.get_mut(node) else { return };
        line.meter.end(now);
        let load = if small { &mut line.small } else { &mut line.big };
        *load = load.saturating_sub(1);
    }

    pub(super) fn came(&mut self, node: &NodeId, bytes: u64, now: Moment) {
        self.lines.entry(*node).or_default().meter.came(bytes, now);
    }

    /// What is known of a line that is up; of others nothing is kept once they owe nothing.
    pub(super) fn keep(&mut self, up: impl Fn(&NodeId) -> bool) {
        self.lines.retain(|node, line| up(node) || line.meter.owing() > 0);
    }

    pub(super) fn meter(&self, node: &NodeId) -> Meter {
        self.line(node).meter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::new(ms)
    }

    #[test]
    fn only_the_time_in_which_bytes_are_owed_counts() {
        let mut meter = Meter::default();
        meter.begin(at(1000));
        meter.came(500_000, at(1500));
        meter.end(at(2000));
        meter.begin(at(60_000));
        meter.came(500_000, at(61_000));
        assert_eq!(meter.rate(at(61_000)), 500_000);
    }

    #[test]
    fn a_line_that_got_slower_is_known_soon_and_a_silent_one_at_once() {
        let mut meter = Meter::default();
        meter.begin(at(0));
        for second in 1..=10 {
            meter.came(10_000_000, at(second * 1000));
        }
        assert!(meter.rate(at(10_000)).abs_diff(10_000_000) < 2_000_000);
        for second in 11..=30 {
            meter.came(100_000, at(second * 1000));
        }
        assert!(meter.rate(at(30_000)) < 200_000, "{}", meter.rate(at(30_000)));
        assert_eq!(meter.rate(at(30_001 + STALLED_MS)), 0);
    }
}
