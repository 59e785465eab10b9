//! Who may make a blob's files and take them away, and when: the order of lock, files and commits, in one place.
//!
//! Invariants (model-checked in `custody/model.rs`: these very functions, with the real choice of locks):
//! - A row in `blobs` has its file, at every moment: a row is committed after its file has its name, and a file goes only
//!   after its row's end was committed. From the one to the other the digest's lock is held.
//! - What was decided before the lock was taken is decided again under it or inside the transaction: collecting decides
//!   again in its own write transaction, setting aside looks at the file again, sweeping looks for the row again.
//! - A file is taken away only when it is certain that no row lists it. After a commit that failed that is not certain, so
//!   the file stays; a later run collects it.
//! - A fetch opens its file under the lock, so that it never makes one that a blob being set aside then replaces.
//!
//! Not here: what is collected (`gc.rs`), how files are moved (`blobs.rs`), what a commit writes (its caller says).

// It tells about the order of things, which is the same on every system; its library's stacks of its own can't unwind under
// Windows.
#[cfg(all(test, not(windows)))]
mod model;

use crate::digest::Digest;
use crate::error::{Result, StoreError};

/// The rows and files that the protocol orders: the store's, or the model's.
pub(crate) trait Custody {
    /// A held lock of a digest.
    type Guard<'a>
    where
        Self: 'a;
    /// Holds the lock of a blob.
    fn lock(&self, blob: &Digest) -> Self::Guard<'_>;
    /// Whether a row in `blobs` lists it, as of the last commit.
    fn is_listed(&self, blob: &Digest) -> Result<bool>;
    /// Whether a row in `wants` lists it, as of the last commit.
    fn is_wanted(&self, blob: &Digest) -> Result<bool>;
    /// Takes its file in `blobs/` away, and its outline unless a fetch may need that.
    fn unlink(&self, guard: &Self::Guard<'_>, blob: &Digest) -> Result<()>;
}

/// Gives received bytes their name with `seal` (which tells whether it made one) and lists them with `commit`. If that
/// refuses and nobody lists them, the name goes again.
pub(crate) fn publish<'c, C: Custody, T>(
    custody: &'c C,
    blob: &Digest,
    seal: impl FnOnce(&C::Guard<'c>) -> Result<bool>,
    commit: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let guard = custody.lock(blob);
    let made = seal(&guard)?;
    let outcome = commit();
    if outcome.as_ref().is_err_and(was_refused) && made && !custody.is_listed(blob)? {
        custody.unlink(&guard, blob)?;
    }
    drop(guard);
    outcome
}

/// Opens a fetch's file with `open`, or makes it, and looks for the outline. A blob that is being set aside is wanted before
/// its file is where the fetch looks, and one that a collector took a moment ago may still have its outline.
pub(crate) fn open_fetch<C: Custody, T>(custody: &C, blob: &Digest, open: impl FnOnce() -> Result<T>) -> Result<T> {
    let guard = custody.lock(blob);
    let outcome = open();
    drop(guard);
    outcome
}

/// Seals a fetched blob if it is still wanted, then forgets the fetch with `discard`. If the commit refuses, `unseal` leaves
/// the fetch what it had.
pub(crate) fn seal_fetched<'c, C: Custody>(
    custody: &'c C,
    blob: &Digest,
    seal: impl FnOnce(&C::Guard<'c>) -> Result<bool>,
    commit: impl FnOnce() -> Result<()>,
    unseal: impl FnOnce(&C::Guard<'c>) -> Result<()>,
    discard: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let guard = custody.lock(blob);
    // Not wanted: superseded, or it came another way. Nobody needs these bytes any more.
    if custody.is_wanted(blob)? {
        let made = seal(&guard)?;
        let outcome = commit();
        if outcome.as_ref().is_err_and(was_refused) && made && !custody.is_listed(blob)? {
            unseal(&guard)?;
        }
        outcome?;
    }
    let outcome = discard();
    drop(guard);
    outcome
}

/// Ends a fetch with `discard` unless its blob is wanted.
pub(crate) fn abandon<C: Custody>(custody: &C, blob: &Digest, discard: impl FnOnce() -> Result<()>) -> Result<()> {
    let guard = custody.lock(blob);
    let outcome = if custody.is_wanted(blob)? { Ok(()) } else { discard() };
    drop(guard);
    outcome
}

/// Takes a damaged blob out of service: `commit` ends its row, `aside` moves its file to where a fetch mends it. Tells
/// whether it did: not if the blob was collected, or collected and brought back whole, since it was found damaged.
pub(crate) fn set_aside<'c, C: Custody>(
    custody: &'c C,
    blob: &Digest,
    is_damaged: impl FnOnce() -> Result<bool>,
    commit: impl FnOnce() -> Result<()>,
    aside: impl FnOnce(&C::Guard<'c>) -> Result<()>,
) -> Result<bool> {
    let guard = custody.lock(blob);
    if !custody.is_listed(blob)? || !is_damaged()? {
        return Ok(false);
    }
    commit()?;
    aside(&guard)?;
    drop(guard);
    Ok(true)
}

/// Collects blobs that share a lock: `commit` decides again which of them go, ends their rows and names them; then their
/// files go.
pub(crate) fn collect<C: Custody>(
    custody: &C,
    one_of_them: &Digest,
    commit: impl FnOnce() -> Result<Vec<Digest>>,
) -> Result<Vec<Digest>> {
    let guard = custody.lock(one_of_them);
    let gone = commit()?;
    gone.iter().try_for_each(|blob| custody.unlink(&guard, blob))?;
    drop(guard);
    Ok(gone)
}

/// Takes a file away with `unlink` that was seen without a row, if it still has none and nobody fetches it. Tells whether.
pub(crate) fn sweep<'c, C: Custody>(
    custody: &'c C,
    blob: &Digest,
    unlink: impl FnOnce(&C::Guard<'c>) -> Result<()>,
) -> Result<bool> {
    let guard = custody.lock(blob);
    if custody.is_listed(blob)? || custody.is_wanted(blob)? {
        return Ok(false);
    }
    unlink(&guard)?;
    drop(guard);
    Ok(true)
}

/// Whether the job itself said no, so that it is certain that nothing of it was or will be committed.
fn was_refused(error: &StoreError) -> bool {
    !error.leaves_doubt()
}
