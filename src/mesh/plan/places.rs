//! Size classes of blobs, and how many of each are fetched at once.

use ods_store::piece_count;

use super::queue::Urgency;
use crate::mesh::limits::{SMALL_BLOB_BYTES, SMALL_BYTES_AT_ONCE};

/// Places of one size class.
pub(super) struct Places {
    /// How many are taken.
    pub(super) taken: usize,
    /// Bytes of the blobs that took them.
    pub(super) bytes: u64,
    /// How many there are.
    pub(super) limit: usize,
}

impl Places {
    /// Takes one, if this may have it. The bytes at once are bounded, since small blobs are held in memory.
    pub(super) fn take(&mut self, urgency: Urgency, bytes: u64) -> bool {
        let room = self.bytes == 0 || urgency == Urgency::Asked || self.bytes + bytes <= SMALL_BYTES_AT_ONCE;
        let free = self.taken < self.limit + urgency.further_places() && room;
        if free {
            (self.taken, self.bytes) = (self.taken + 1, self.bytes + bytes);
        }
        free
    }
}

/// Whether a blob never waits behind big ones.
pub(super) fn is_small(size: u64) -> bool {
    size <= SMALL_BLOB_BYTES
}

/// Whether a blob is asked for whole, without outline.
pub(super) fn is_one_piece(size: u64) -> bool {
    piece_count(size) == 1
}
