//! Wants without a job, best first: those that may be tried now, and those that wait for their time.
//!
//! Invariant: every want of its size class is in exactly one of: `ready`, `waiting`, a job. So none is forgotten, and finding
//! the next costs the same however many there are.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use ods_store::{Digest, UnixMillis, Want, WantReason};

use super::super::moment::Moment;

/// How much a blob matters now; less is more urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    /// A client waits for it.
    Asked,
    /// A release that was published while this node was there.
    Release,
    /// It was here and rotted.
    Repair,
    /// It was published before this node came.
    Backfill,
}

impl Urgency {
    /// Places beyond the usual ones, so that what is urgent never waits for a large transfer that is not.
    pub(super) const fn further_places(self) -> usize {
        match self {
            Self::Asked => 4,
            Self::Release => 2,
            Self::Repair => 1,
            Self::Backfill => 0,
        }
    }
}

/// Where a want stands among others: the more urgent first, then those that weren't tried in vain, then the newer.
pub(super) type Rank = (Urgency, bool, Reverse<UnixMillis>, Digest);

/// Where a want stands that wasn't tried yet.
pub(super) fn rank(want: &Want) -> Rank {
    let urgency = match (want.asked_at, want.reason) {
        (Some(_), _) => Urgency::Asked,
        (None, WantReason::Release) => Urgency::Release,
        (None, WantReason::Repair) => Urgency::Repair,
        (None, WantReason::Backfill) => Urgency::Backfill,
    };
    let at: UnixMillis = want.asked_at.unwrap_or(want.newest_at);
    (urgency, false, Reverse(at), want.blob)
}

/// The wants of one size class that have no job.
#[derive(Debug, Default)]
pub(super) struct Queue {
    ready: BTreeSet<Rank>,
    waiting: BTreeSet<(Moment, Rank)>,
}

impl Queue {
    /// Of these wants, each with the moment at which it may be tried.
    pub(super) fn of(wants: impl Iterator<Item = (Moment, Rank)>, now: Moment) -> Self {
        let (ready, waiting): (Vec<_>, Vec<_>) = wants.partition(|(try_at, _)| *try_at <= now);
        Self { ready: ready.into_iter().map(|(_, rank)| rank).collect(), waiting: waiting.into_iter().collect() }
    }

    /// Puts a want in, to be tried at this moment.
    pub(super) fn put(&mut self, try_at: Moment, rank: Rank) {
        self.waiting.insert((try_at, rank));
    }

    /// The best that may be tried now.
    pub(super) fn first(&mut self, now: Moment) -> Option<Rank> {
        while let Some(due) = self.waiting.first().filter(|(try_at, _)| *try_at <= now).copied() {
            self.waiting.remove(&due);
            self.ready.insert(due.1);
        }
        self.ready.first().copied()
    }

    /// Takes the best out: it becomes a job.
    pub(super) fn take(&mut self, rank: &Rank) {
        self.ready.remove(rank);
    }

    /// How many are in it.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.ready.len() + self.waiting.len()
    }

    /// Drops a want wherever it is.
    pub(super) fn drop(&mut self, try_at: Moment, rank: &Rank) {
        self.ready.remove(rank);
        self.waiting.remove(&(try_at, *rank));
    }

    /// Whether some may be tried, if only there were a place.
    pub(super) fn is_crowded(&self) -> bool {
        !self.ready.is_empty()
    }

    /// When the next may be tried.
    pub(super) fn next_at(&self) -> Option<Moment> {
        self.waiting.first().map(|(try_at, _)| *try_at)
    }
}
