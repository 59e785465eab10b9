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
    /// Keeps one; gives back the memory of the one that goes for it, if nobody reads that just now.
    pub(super) fn keep(&self, index: u64, piece: Aligned) -> Option<Aligned> {
        let mut pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = if pieces.len() == PIECES_MAX { pieces.pop_front() } else { None };
        pieces.push_back((index, Arc::new(piece)));
        gone.and_then(|(_, piece)| Arc::into_inner(piece))
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
        let spare: Vec<bool> =
            (0..20).map(|index: u64| latest.keep(index, Aligned::copy(&index.to_le_bytes())).is_some()).collect();
        assert_eq!(spare, [[false; 8].as_slice(), &[true; 12]].concat(), "what goes is filled again");
        let kept: Vec<u64> = (0..20).filter(|index| latest.get(*index).is_some()).collect();
        assert_eq!(kept, (12..20).collect::<Vec<_>>());
        let read = latest.get(15).expect("kept");
        for index in 20..40 {
            latest.keep(index, Aligned::zeros(8));
        }
        assert!(**read == 15u64.to_le_bytes(), "what somebody reads is left alone");
    }
}
