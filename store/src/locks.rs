//! Locks by digest: who holds a blob's lock is the only one who links, unlinks or sets aside its files.
//!
//! There is one for each first byte of a digest, so two blobs may share one. (Fewer, and uploads that come at the same time
//! often wait for one another's commit instead of sharing it.) Nobody takes a second lock while holding one,
//! and the writer's thread takes none: so nobody waits in a circle. The kind of lock is a parameter, so that the model
//! checker (`custody/model.rs`) runs this very code with its own.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::digest::Digest;

const LOCKS: usize = 256;

/// A lock that one thread holds at a time.
pub(crate) trait Exclusive {
    /// What holds it until it is dropped.
    type Guard<'a>
    where
        Self: 'a;
    /// One that nobody holds.
    fn free() -> Self;
    /// Waits until nobody else holds it.
    fn hold(&self) -> Self::Guard<'_>;
}

impl Exclusive for Mutex<()> {
    type Guard<'a> = MutexGuard<'a, ()>;

    fn free() -> Self {
        Self::new(())
    }

    fn hold(&self) -> MutexGuard<'_, ()> {
        // It guards names on disk, which a panic elsewhere leaves as they are.
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The locks of all blobs.
#[derive(Debug)]
pub(crate) struct DigestLocks<L = Mutex<()>>(Vec<L>);

/// Holding it, nobody else links or unlinks this blob (nor some others that share the lock).
pub(crate) type BlobLock<'a> = <Mutex<()> as Exclusive>::Guard<'a>;

impl<L: Exclusive> DigestLocks<L> {
    /// As many as a store has.
    pub(crate) fn new() -> Self {
        Self::with_count(LOCKS)
    }

    fn with_count(count: usize) -> Self {
        Self(std::iter::repeat_with(L::free).take(count).collect())
    }

    /// Holds the lock of a blob.
    pub(crate) fn lock(&self, blob: &Digest) -> L::Guard<'_> {
        self.0[self.slot(blob)].hold()
    }

    /// Blobs with the same first byte share a lock.
    fn slot(&self, blob: &Digest) -> usize {
        usize::from(blob.as_bytes()[0]) % self.0.len()
    }
}

#[cfg(all(test, not(windows)))]
impl<L: Exclusive> DigestLocks<L> {
    /// Fewer, for the model.
    pub(crate) fn few() -> Self {
        Self::with_count(2)
    }
}
