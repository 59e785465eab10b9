//! Sums modulo 2²⁵⁶: digests of sets that can be kept up to date by adding and taking away members.
//!
//! Not collision-resistant against whoever chooses members at will; used to notice that two sets differ among nodes
//! that sign what they say, never to prove that two are equal to a stranger.

use serde::{Deserialize, Serialize};

/// A sum of 32-byte little-endian numbers modulo 2²⁵⁶.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SetSum([u8; 32]);

impl SetSum {
    /// The sum with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, little-endian.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Adds a member.
    pub fn add(&mut self, member: &[u8; 32]) {
        let mut carry = 0u16;
        for (byte, other) in self.0.iter_mut().zip(member) {
            let sum = u16::from(*byte) + u16::from(*other) + carry;
            [*byte, _] = sum.to_le_bytes();
            carry = sum >> 8;
        }
    }

    /// Takes a member away.
    pub fn subtract(&mut self, member: &[u8; 32]) {
        let mut borrow = false;
        for (byte, other) in self.0.iter_mut().zip(member) {
            let (less, first) = byte.overflowing_sub(*other);
            let (less, second) = less.overflowing_sub(u8::from(borrow));
            *byte = less;
            borrow = first || second;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn order_does_not_matter_and_taking_away_undoes_adding(a: [u8; 32], b: [u8; 32], c: [u8; 32]) {
            let sum = |members: &[&[u8; 32]]| {
                let mut sum = SetSum::default();
                for member in members {
                    sum.add(member);
                }
                sum
            };
            prop_assert_eq!(sum(&[&a, &b, &c]), sum(&[&c, &a, &b]));
            let mut all = sum(&[&a, &b, &c]);
            all.subtract(&b);
            prop_assert_eq!(all, sum(&[&a, &c]));
        }
    }

    #[test]
    fn carries_run_through() {
        let mut sum = SetSum::from_bytes([0xff; 32]);
        let mut one = [0; 32];
        one[0] = 1;
        sum.add(&one);
        assert_eq!(sum, SetSum::default());
        sum.subtract(&one);
        assert_eq!(sum, SetSum::from_bytes([0xff; 32]));
    }
}
