//! Choices by seed (splitmix64).

use std::sync::{Arc, Mutex, PoisonError};

/// A stream of choices; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Random(Arc<Mutex<u64>>);

impl Random {
    /// The same seed, the same choices.
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed)))
    }

    /// Any number.
    pub(super) fn any(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&self, end: u64) -> u64 {
        self.any() % end
    }

    /// An index below `end`, which is not 0.
    pub(super) fn index(&self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).expect("it is below a usize")
    }

    /// True so many times out of a thousand.
    pub(super) fn chance(&self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}
