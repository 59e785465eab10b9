//! Room set aside for uploads to which no byte has come yet: bounded, since it costs whoever asks for it nothing.
//!
//! Invariant: all of it together is never more than half of what was free when the last of it was taken. An upload for which
//! nothing is left of that half gets its room with its first byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct EmptyRoom(Arc<AtomicU64>);

/// One upload's, until it is dropped.
#[derive(Debug)]
pub(super) struct Ahead {
    all: Arc<AtomicU64>,
    bytes: u64,
}

impl EmptyRoom {
    /// Takes so many bytes of it, of so many free on the disk; `None` if they are too many.
    pub(super) fn take(&self, bytes: u64, free: u64) -> Option<Ahead> {
        let fits = |taken: u64| taken.checked_add(bytes).filter(|all| *all <= free / 2);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).ok()?;
        Some(Ahead { all: Arc::clone(&self.0), bytes })
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_is_at_most_half_of_what_is_free_and_comes_back() {
        let room = EmptyRoom::default();
        assert!(room.take(51, 100).is_none());
        let (one, two) = (room.take(30, 100).expect("a part"), room.take(20, 100).expect("the rest"));
        assert!(room.take(1, 100).is_none() && room.take(u64::MAX, u64::MAX).is_none());
        drop(one);
        assert!(room.take(31, 100).is_none() && room.take(30, 100).is_some());
        drop(two);
        assert!(room.take(50, 100).is_some());
    }
}
