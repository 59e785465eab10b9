//! Which pieces to ask a source for next.
//!
//! While nobody else is hungry, pieces are taken from the front: good for the disk, and for a client that reads along.
//! While other nodes get the same blob, the rarest come first: those that the fewest sources have. Among equally rare ones
//! every hungry node begins in a part of its own, and when that is done it takes what is left of the others' from behind,
//! the part before its own first. The next pieces of a part are left to its node for a while: by all appearances they are on
//! their way to it, and soon to be had from there. So a source that has everything sends almost nothing twice, without a word
//! between them.

use ods_store::PieceSet;

use super::super::limits::LEFT_TO_OTHERS_PIECES;
use super::{Has, Run};

/// In which order pieces are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// From this piece on.
    From(u64),
    /// The rarest first; the part of this many that is ours begins at `first`.
    Rarest {
        /// Where our part begins.
        first: u64,
        /// How many nodes share the blob.
        hungry: u64,
    },
}

/// How many sources have each piece, not counting those that have all.
#[derive(Debug, Clone, Default)]
pub(super) struct Availability(Vec<u16>);

impl Availability {
    /// Of so many pieces, which nobody has.
    pub(super) fn none(count: u64) -> Self {
        Self(vec![0; usize::try_from(count).unwrap_or(0)])
    }

    fn of(&self, piece: u64) -> u16 {
        usize::try_from(piece).ok().and_then(|piece| self.0.get(piece)).copied().unwrap_or(0)
    }

    /// A source that had `before` has `after` now.
    pub(super) fn change(&mut self, before: Option<&Has>, after: Option<&Has>) {
        let none = PieceSet::default();
        let set = |has: Option<&Has>| match has {
            Some(Has::Some(pieces)) => pieces.clone(),
            Some(Has::All) | None => none.clone(),
        };
        let (before, after) = (set(before), set(after));
        for piece in after.minus(&before).iter() {
            if let Some(count) = usize::try_from(piece).ok().and_then(|piece| self.0.get_mut(piece)) {
                *count = count.saturating_add(1);
            }
        }
        for piece in before.minus(&after).iter() {
            if let Some(count) = usize::try_from(piece).ok().and_then(|piece| self.0.get_mut(piece)) {
                *count = count.saturating_sub(1);
            }
        }
    }
}

impl Has {
    pub(super) fn contains(&self, piece: u64) -> bool {
        match self {
            Self::All => true,
            Self::Some(pieces) => pieces.contains(piece),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Some(pieces) if pieces.is_empty())
    }

    /// Whether it has any of these.
    pub(super) fn offers(&self, missing: &PieceSet) -> bool {
        match self {
            Self::All => !missing.is_empty(),
            Self::Some(pieces) => !missing.intersection(pieces).is_empty(),
        }
    }
}

/// The next pieces to ask of a source that has `has`, of those that are `free`: adjacent ones, `pieces_max` at most.
pub(super) fn next_run(
    free: &PieceSet,
    has: &Has,
    availability: &Availability,
    order: Order,
    pieces_max: u64,
) -> Option<Run> {
    let offered = match has {
        Has::All => free.clone(),
        Has::Some(pieces) => free.intersection(pieces),
    };
    let first = match order {
        Order::From(start) => offered.first_from(start).or_else(|| offered.first_from(0))?,
        Order::Rarest { first, hungry } => offered
            .iter()
            .min_by_key(|piece| (availability.of(*piece), distance(*piece, first, hungry, free.count())))?,
    };
    let alike = |piece: u64| match order {
        Order::From(_) => true,
        Order::Rarest { .. } => availability.of(piece) == availability.of(first),
    };
    let run = (first..free.count()).take_while(|piece| offered.contains(*piece) && alike(*piece));
    Some(Run { first, count: run.take(usize::try_from(pieces_max).unwrap_or(usize::MAX)).count() as u64 })
}

/// The next pieces of each of these parts, of as many as `hungry` nodes share: free ones that no source has but such that have
/// all.
pub(super) fn on_their_way(
    free: &PieceSet,
    availability: &Availability,
    parts: impl Iterator<Item = u64>,
    hungry: u64,
) -> PieceSet {
    let mut all = PieceSet::none(free.count());
    for part in parts {
        let pieces = begin(part, hungry, free.count())..begin(part + 1, hungry, free.count());
        let next = pieces.filter(|piece| free.contains(*piece) && availability.of(*piece) == 0);
        next.take(LEFT_TO_OTHERS_PIECES).for_each(|piece| all.insert(piece));
    }
    all
}

/// Where a node's part begins.
pub(super) fn begin(rank: u64, hungry: u64, count: u64) -> u64 {
    rank * count / hungry.max(1)
}

/// How far a piece is from being our turn: first our own part, ascending, then all before it, descending.
fn distance(piece: u64, first: u64, hungry: u64, count: u64) -> u64 {
    let ours = count.div_ceil(hungry.max(1));
    let ahead = (piece + count - first) % count.max(1);
    if ahead < ours { ahead } else { count + (count - ahead) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(count: u64, pieces: impl IntoIterator<Item = u64>) -> PieceSet {
        let mut set = PieceSet::none(count);
        pieces.into_iter().for_each(|piece| set.insert(piece));
        set
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is compared with what may be none")]
    fn run(first: u64, count: u64) -> Option<Run> {
        Some(Run { first, count })
    }

    #[test]
    fn from_the_front_runs_are_adjacent_and_wrap() {
        let (free, nobody) = (set(20, [3, 4, 5, 9, 10]), Availability::none(20));
        assert_eq!(next_run(&free, &Has::All, &nobody, Order::From(0), 8), run(3, 3));
        assert_eq!(next_run(&free, &Has::All, &nobody, Order::From(0), 2), run(3, 2));
        assert_eq!(next_run(&free, &Has::All, &nobody, Order::From(6), 8), run(9, 2));
        assert_eq!(next_run(&free, &Has::All, &nobody, Order::From(11), 8), run(3, 3));
        assert_eq!(next_run(&free, &Has::Some(set(20, [4, 10])), &nobody, Order::From(0), 8), run(4, 1));
        assert_eq!(next_run(&free, &Has::Some(set(20, [1])), &nobody, Order::From(0), 8), None);
    }

    #[test]
    fn the_rarest_come_first_whoever_is_asked() {
        let mut availability = Availability::none(10);
        availability.change(None, Some(&Has::Some(set(10, [0, 1, 2, 3]))));
        availability.change(None, Some(&Has::Some(set(10, [2, 3, 4]))));
        let order = Order::Rarest { first: 0, hungry: 1 };
        assert_eq!(next_run(&set(10, 0..5), &Has::All, &availability, order, 1), run(0, 1));
        assert_eq!(next_run(&set(10, 2..5), &Has::All, &availability, order, 1), run(4, 1));
        assert_eq!(next_run(&set(10, 0..10), &Has::All, &availability, order, 8), run(5, 5));
        availability.change(Some(&Has::Some(set(10, [0, 1, 2, 3]))), Some(&Has::All));
        assert_eq!(next_run(&set(10, 2..4), &Has::All, &availability, order, 8), run(2, 2));
    }

    #[test]
    fn hungry_nodes_take_their_own_part_and_then_the_others_from_behind() {
        let (mut free, nobody) = (set(12, 0..12), Availability::none(12));
        let order = Order::Rarest { first: 4, hungry: 3 };
        let mut taken = vec![];
        while let Some(run) = next_run(&free, &Has::All, &nobody, order, 1) {
            taken.push(run.first);
            free.remove(run.first);
        }
        assert_eq!(taken, [4, 5, 6, 7, 3, 2, 1, 0, 11, 10, 9, 8]);
    }

    #[test]
    fn the_next_pieces_of_a_part_seem_to_be_on_their_way() {
        let mut availability = Availability::none(12);
        availability.change(None, Some(&Has::Some(set(12, [0, 1]))));
        let next = |free: PieceSet, parts: [u64; 2]| {
            on_their_way(&free, &availability, parts.into_iter(), 3).iter().collect::<Vec<_>>()
        };
        assert_eq!(next(set(12, 0..12), [0, 2]), [2, 3, 8, 9]);
        assert_eq!(
            next(set(12, [1, 3, 4, 11]), [0, 2]),
            [3, 11],
            "what is here, asked for or to be had elsewhere doesn't count"
        );
    }
}
