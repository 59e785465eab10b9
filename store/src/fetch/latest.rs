//! The pieces of a large blob that came last, in memory: its file is written past the system's memory, and a peer that keeps up
//! with this node asks for just these.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::aligned::Aligned;

/// Pieces kept of a fetch.
const PIECES_MAX: usize = 8;

/// Verified pieces by their index, the latest last.
#[derive(Debug, Default)]
pub(super) struct Latest(Mutex<VecDeque<(u64, Arc<Aligned>)>>);

impl Latest {
    pub(super) fn keep(&self, index: u64, piece: Aligned) {
        let mut pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pieces.len() == PIECES_MAX {
            pieces.pop_front();
        }
        pieces.push_back((index, Arc::new(piece)));
    }

    pub(super) fn get(&self, index: u64) -> Option<Arc<Aligned>> {
        let pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.iter().find(|(kept, _)| *kept == index).map(|(_, piece)| Arc::clone(piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_are_kept() {
        let latest = Latest::default();
        for index in 0..20 {
            latest.keep(index, Aligned::copy(&index.to_le_bytes()));
        }
        let kept: Vec<u64> = (0..20).filter(|index| latest.get(*index).is_some()).collect();
        assert_eq!(kept, (12..20).collect::<Vec<_>>());
        assert!(**latest.get(15).expect("kept") == 15u64.to_le_bytes());
    }
}
