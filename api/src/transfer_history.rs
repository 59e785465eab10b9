//! What moved lately: transfers that ended, as the board hears of their parts.
//!
//! A blob is asked for in many parts. Those of one blob, one way, with one other side are one transfer, as long as the next begins
//! at most [`LULL`] after the last one ended; so it is listed while it still goes on, too, with what went so far.
//!
//! Invariants: at most [`KEPT_MAX`] are kept, those that ended last; each moved something. They are of this run of the node: what
//! arrived before is in the journal.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ods_store::Digest;

use crate::transfer_board::Receiver;

/// How many are kept.
pub(crate) const KEPT_MAX: usize = 500;

/// After so long another part begins another transfer.
const LULL: Duration = Duration::from_mins(1);

/// Which way bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To this node.
    In,
    /// From it.
    Out,
}

/// Bytes of one blob that went one way, from or to one other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) way: Way,
    pub(crate) with: Receiver,
    pub(crate) blob: Digest,
    pub(crate) bytes: u64,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
}

impl Moved {
    /// In bytes a second, over all the time from its first part to the end of its last; `None` if that was no time.
    pub(crate) fn rate(&self) -> Option<u64> {
        let elapsed_ms = u64::try_from(self.ended.duration_since(self.began).as_millis()).unwrap_or(u64::MAX);
        self.bytes.saturating_mul(1000).checked_div(elapsed_ms)
    }
}

/// What moved, in the order in which it ended.
#[derive(Debug, Default)]
pub(crate) struct History(VecDeque<Moved>);

impl History {
    /// A part ended.
    pub(crate) fn note(&mut self, part: Moved) {
        if part.bytes == 0 {
            return;
        }
        let same = |moved: &Moved| (moved.way, moved.with, moved.blob) == (part.way, part.with, part.blob);
        let goes_on = self.0.iter().rposition(|moved| same(moved) && part.began <= moved.ended + LULL);
        let whole = match goes_on.and_then(|at| self.0.remove(at)) {
            None => part,
            Some(before) => Moved {
                bytes: before.bytes + part.bytes,
                began: before.began.min(part.began),
                ended: before.ended.max(part.ended),
                ..part
            },
        };
        self.0.push_back(whole);
        if self.0.len() > KEPT_MAX {
            self.0.pop_front();
        }
    }

    /// All of it, what ended last first.
    pub(crate) fn newest_first(&self) -> Vec<Moved> {
        self.0.iter().rev().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use ods_store::NodeId;

    use super::*;

    fn part(start: Instant, with: u8, began_s: u64, ended_s: u64, bytes: u64) -> Moved {
        let with = Receiver::Peer(NodeId::from_bytes([with; 32]));
        let at = |seconds| start + Duration::from_secs(seconds);
        Moved { way: Way::In, with, blob: Digest::of(b"x"), bytes, began: at(began_s), ended: at(ended_s) }
    }

    #[test]
    fn parts_of_a_transfer_are_one_until_nothing_came_for_a_while() {
        let (start, mut history) = (Instant::now(), History::default());
        for moved in [part(start, 1, 0, 4, 400), part(start, 1, 2, 3, 100), part(start, 2, 3, 5, 7)] {
            history.note(moved);
        }
        history.note(part(start, 1, 64, 70, 200));
        history.note(part(start, 1, 131, 132, 1));
        history.note(part(start, 3, 131, 132, 0));
        let expected = [part(start, 1, 131, 132, 1), part(start, 1, 0, 70, 700), part(start, 2, 3, 5, 7)];
        assert_eq!(history.newest_first(), expected);
        assert_eq!(expected.map(|moved| moved.rate()), [Some(1), Some(10), Some(3)]);
        assert_eq!(part(start, 1, 5, 5, 9).rate(), None);
        let out = Moved { way: Way::Out, ..part(start, 1, 132, 133, 1) };
        history.note(out);
        assert_eq!(history.newest_first().first(), Some(&out));
    }

    #[test]
    fn only_so_many_are_kept() {
        let (start, mut history) = (Instant::now(), History::default());
        for index in 0..=KEPT_MAX as u64 {
            history.note(part(start, 1, index * 100, index * 100 + 1, index + 1));
        }
        let kept = history.newest_first();
        assert_eq!((kept.len(), kept.last().map(|moved| moved.bytes)), (KEPT_MAX, Some(2)));
    }
}
