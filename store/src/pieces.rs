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
        let mut set = Self::none(count);
        (0..count).for_each(|index| set.insert(index));
        set
    }

    /// A set from its bits, if they fit `count`; bits past the end are dropped.
    pub fn from_bits(count: u64, bits: &[u8]) -> Option<Self> {
        if bits.len() != bytes_for(count) {
            return None;
        }
        let mut set = Self::none(count);
        let given = Self { count, bits: bits.to_vec() };
        given.iter().for_each(|index| set.insert(index));
        Some(set)
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
        (0..self.count).filter(|index| self.contains(*index))
    }

    /// Those not in the set.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut set = Self::none(self.count);
        (0..self.count).filter(|index| !self.contains(*index)).for_each(|index| set.insert(index));
        set
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
