//! A set of pieces of one blob: which are here, or missing, or claimed.

use serde::{Deserialize, Serialize};

/// A set of piece indices below a count: one bit each, the lowest bit of the first byte is piece 0.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PieceSet {
    count: u64,
    bits: Vec<u8>,
}

impl PieceSet {
    /// None of `count` pieces.
    pub fn none(count: u64) -> Self {
        Self { count, bits: vec![0; bytes_for(count)] }
    }

    /// All of `count` pieces.
    pub fn all(count: u64) -> Self {
        let mut set = Self { count, bits: vec![0xff; bytes_for(count)] };
        set.drop_beyond();
        set
    }

    /// A set from its bits, if they fit `count`; bits past the end are dropped.
    pub fn from_bits(count: u64, bits: &[u8]) -> Option<Self> {
        if bits.len() != bytes_for(count) {
            return None;
        }
        let mut set = Self { count, bits: bits.to_vec() };
        set.drop_beyond();
        Some(set)
    }

    /// Clears the bits past the count, so that equal sets have equal bits.
    fn drop_beyond(&mut self) {
        let (used, last) = (self.count % 8, self.bits.last_mut());
        if let Some(last) = last.filter(|_| used != 0) {
            *last &= (1 << used) - 1;
        }
    }

    /// The bits, for disk and wire.
    pub fn bits(&self) -> &[u8] {
        &self.bits
    }

    /// How many pieces the blob has.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether piece `index` is in the set.
    pub fn contains(&self, index: u64) -> bool {
        index < self.count && self.bits.get(byte_of(index)).is_some_and(|byte| byte & (1 << (index % 8)) != 0)
    }

    /// Puts piece `index` in; one past the count is ignored.
    pub fn insert(&mut self, index: u64) {
        if index < self.count {
            self.bits[byte_of(index)] |= 1 << (index % 8);
        }
    }

    /// Takes piece `index` out.
    pub fn remove(&mut self, index: u64) {
        if index < self.count {
            self.bits[byte_of(index)] &= !(1 << (index % 8));
        }
    }

    /// How many are in the set.
    pub fn len(&self) -> u64 {
        self.bits.iter().map(|byte| u64::from(byte.count_ones())).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|byte| *byte == 0)
    }

    /// Whether all are.
    pub fn is_full(&self) -> bool {
        self.len() == self.count
    }

    /// Those in the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        // Whole bytes without any are passed over: sets of large blobs are mostly empty or mostly full.
        let bytes = self.bits.iter().zip(0u64..).filter(|(byte, _)| **byte != 0);
        let pieces =
            bytes.flat_map(|(byte, at)| (0..8).filter(move |bit| byte & (1 << bit) != 0).map(move |bit| at * 8 + bit));
        pieces.filter(|index| *index < self.count)
    }

    /// The first in the set that is `start` or later.
    pub fn first_from(&self, start: u64) -> Option<u64> {
        let (byte, within) = (byte_of(start.min(self.count)), start % 8);
        let near = (start..start - within + 8).find(|index| self.contains(*index));
        let far = || {
            let (at, byte) = self.bits.iter().enumerate().skip(byte + 1).find(|(_, byte)| **byte != 0)?;
            Some(at as u64 * 8 + u64::from(byte.trailing_zeros()))
        };
        near.or_else(far).filter(|index| *index < self.count)
    }

    /// Those not in the set.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self::all(self.count).minus(self)
    }

    /// Those that are not in `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let of_other = other.bits.iter().copied().chain(std::iter::repeat(0));
        Self { count: self.count, bits: self.bits.iter().zip(of_other).map(|(own, theirs)| own & !theirs).collect() }
    }

    /// Those that are in `other` as well.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let of_other = other.bits.iter().copied().chain(std::iter::repeat(0));
        Self { count: self.count, bits: self.bits.iter().zip(of_other).map(|(own, theirs)| own & theirs).collect() }
    }
}

fn bytes_for(count: u64) -> usize {
    usize::try_from(count.div_ceil(8)).expect("a blob's cap keeps its piece count in memory")
}

fn byte_of(index: u64) -> usize {
    usize::try_from(index / 8).expect("checked against the count")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_compare_with_one_another_piece_by_piece() {
        let of = |count, step| {
            let mut set = PieceSet::none(count);
            (0..count).step_by(step).for_each(|index| set.insert(index));
            set
        };
        for count in [1, 8, 9, 31, 100] {
            let (two, three) = (of(count, 2), of(count, 3));
            let by_hand = |keep: &dyn Fn(u64) -> bool| (0..count).filter(|index| keep(*index)).collect::<Vec<_>>();
            assert_eq!(two.minus(&three).iter().collect::<Vec<_>>(), by_hand(&|at| at % 2 == 0 && at % 3 != 0));
            assert_eq!(two.intersection(&three).iter().collect::<Vec<_>>(), by_hand(&|at| at % 6 == 0));
            assert_eq!(two.complement().iter().collect::<Vec<_>>(), by_hand(&|at| at % 2 != 0));
            for start in 0..count + 20 {
                let expected = (start..count).find(|at| at % 3 == 0);
                assert_eq!(three.first_from(start), expected, "{count} pieces from {start}");
            }
            assert_eq!(two.minus(&PieceSet::default()), two);
        }
    }

    #[test]
    fn sets_hold_what_is_put_in() {
        for count in [1, 7, 8, 9, 1000] {
            let mut set = PieceSet::none(count);
            assert!(set.is_empty() && !set.contains(0));
            set.insert(count - 1);
            set.insert(count);
            assert_eq!(set.iter().collect::<Vec<_>>(), [count - 1]);
            assert_eq!(set.complement().len(), count - 1);
            set.remove(count - 1);
            assert!(set.is_empty());
            assert!(PieceSet::all(count).is_full());
            assert_eq!(PieceSet::from_bits(count, PieceSet::all(count).bits()), Some(PieceSet::all(count)));
            assert_eq!(PieceSet::from_bits(count + 8, PieceSet::all(count).bits()), None);
            assert_eq!(PieceSet::from_bits(count, &vec![0xff; bytes_for(count)]), Some(PieceSet::all(count)));
        }
    }
}
