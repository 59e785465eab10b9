//! Fetches: a blob on its way from peers, piece by piece, in any order, over restarts.
//!
//! Invariants:
//! - Only verified pieces are written, and a piece is in the map in memory only after it was written.
//! - The map on disk (table `fetches`) claims a piece only after that piece was synced: [`Fetch::checkpoint`] syncs the
//!   data first. A map that was lost is rebuilt by verifying what is in the file.
//! - A fetch ends by [`Fetch::finish`] (sealed, committed, want met) or when its want is dropped.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

use crate::blobs::{Blobs, Claim, fetch_name};
use crate::digest::Digest;
use crate::disk::DiskFile;
use crate::error::{Result, StoreError};
use crate::limits::BLOB_BYTES_MAX;
use crate::outline::{ChainingValue, PIECE_BYTES, outline_is_right, piece_bytes, piece_count, piece_is_right};
use crate::pieces::PieceSet;
use crate::store::{Store, WeakStore};
use crate::time::UnixMillis;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FetchRow {
    pub(crate) size: u64,
    /// The bits of a [`PieceSet`].
    pub(crate) pieces: Vec<u8>,
}

/// A blob being fetched. Clones are the same fetch.
#[derive(Clone)]
pub struct Fetch(Arc<Inner>);

struct Inner {
    /// Weak, since the store lists its fetches.
    store: WeakStore,
    blobs: Arc<Blobs>,
    blob: Digest,
    size: u64,
    path: PathBuf,
    file: Box<dyn DiskFile>,
    outline: OnceLock<Vec<ChainingValue>>,
    have: Mutex<PieceSet>,
    /// Keeps gc from taking the file for a left-over.
    _claim: Claim,
}

impl Fetch {
    /// Begins a fetch, or takes up what an earlier run left of it.
    pub(crate) fn open(
        store: WeakStore,
        blobs: &Arc<Blobs>,
        blob: Digest,
        size: u64,
        saved: Option<FetchRow>,
    ) -> Result<Self> {
        if size > BLOB_BYTES_MAX {
            return Err(StoreError::TooLarge { bytes: size, max: BLOB_BYTES_MAX });
        }
        let name = fetch_name(&blob);
        let claim = blobs.claim(&name);
        let left_over = blobs.reopen_incoming(&name)?;
        let was_there = left_over.is_some();
        let (path, file) = match left_over {
            Some(found) => found,
            None => {
                blobs.check_space(size)?;
                blobs.create_incoming(&name)?
            }
        };
        let outline = OnceLock::new();
        // Under the lock: a collector that took this blob a moment ago may not have taken its outline yet.
        let lock = blobs.lock(&blob);
        if let Some(known) = blobs.outline(&blob, size)? {
            outline.get_or_init(|| known);
        }
        drop(lock);
        let have = Mutex::new(PieceSet::none(piece_count(size)));
        let blobs = Arc::clone(blobs);
        let fetch = Self(Arc::new(Inner { store, blobs, blob, size, path, file, outline, have, _claim: claim }));
        if was_there {
            fetch.recover(saved)?;
        } else {
            fetch.0.file.reserve(size).map_err(StoreError::io("reserve room for", &fetch.0.path))?;
            fetch.0.file.set_len(size).map_err(StoreError::io("size", &fetch.0.path))?;
            // Before any map claims pieces, the file must be there to be found.
            fetch.0.blobs.sync_incoming()?;
        }
        Ok(fetch)
    }

    fn recover(&self, saved: Option<FetchRow>) -> Result<()> {
        let Inner { size, file, path, .. } = &*self.0;
        let length = file.stat().map_err(StoreError::io("read", path))?.bytes;
        if length != *size {
            file.set_len(*size).map_err(StoreError::io("size", path))?;
        }
        let count = piece_count(*size);
        let saved = saved.filter(|row| row.size == *size && length == *size);
        let saved = saved.and_then(|row| PieceSet::from_bits(count, &row.pieces));
        let have = match (saved, self.0.outline.get()) {
            (Some(pieces), Some(_)) => pieces,
            (None, Some(_)) => self.verify_file(),
            // Without an outline nothing can be told; the pieces are fetched again.
            (_, None) => PieceSet::none(count),
        };
        *self.0.have.lock().unwrap_or_else(PoisonError::into_inner) = have;
        Ok(())
    }

    /// Which pieces of the file are right.
    fn verify_file(&self) -> PieceSet {
        let Inner { blob, size, file, outline, .. } = &*self.0;
        let mut right = PieceSet::none(piece_count(*size));
        let Some(outline) = outline.get() else { return right };
        for index in 0..right.count() {
            let mut piece = vec![0; piece_bytes(*size, index)];
            let read = file.read_exact_at(&mut piece, index * PIECE_BYTES).is_ok();
            if read && piece_is_right(&piece, index, outline, blob, *size) {
                right.insert(index);
            }
        }
        right
    }

    /// The blob.
    pub fn digest(&self) -> Digest {
        self.0.blob
    }

    /// Its size, as its revision says.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// Whether pieces can be verified yet. Always so for a blob of one piece.
    pub fn outline_known(&self) -> bool {
        self.0.outline.get().is_some()
    }

    /// The chaining values, once known.
    pub fn outline(&self) -> Option<&[ChainingValue]> {
        self.0.outline.get().map(Vec::as_slice)
    }

    /// Takes an outline, if it is the blob's, and keeps it durably.
    pub fn set_outline(&self, outline: Vec<ChainingValue>) -> Result<()> {
        let Inner { blobs, blob, size, .. } = &*self.0;
        if !outline_is_right(&outline, blob, *size) {
            return Err(StoreError::BadOutline { blob: *blob, size: *size });
        }
        // An upload of the same bytes may be writing it as well.
        let lock = blobs.lock(blob);
        blobs.write_outline(blob, &outline)?;
        drop(lock);
        self.0.outline.get_or_init(|| outline);
        Ok(())
    }

    /// The pieces that are here.
    pub fn have(&self) -> PieceSet {
        self.0.have.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Verifies a piece and writes it. One that is here already is left alone.
    pub fn write_piece(&self, index: u64, piece: &[u8]) -> Result<()> {
        let Inner { blob, size, path, file, outline, have, .. } = &*self.0;
        let right = outline.get().is_some_and(|outline| piece_is_right(piece, index, outline, blob, *size));
        if !right {
            return Err(StoreError::BadPiece { blob: *blob, piece: index });
        }
        if self.has(index) {
            return Ok(());
        }
        file.write_all_at(piece, index * PIECE_BYTES).map_err(StoreError::io("write", path))?;
        have.lock().unwrap_or_else(PoisonError::into_inner).insert(index);
        Ok(())
    }

    /// Whether a piece is here.
    pub fn has(&self, index: u64) -> bool {
        self.0.have.lock().unwrap_or_else(PoisonError::into_inner).contains(index)
    }

    /// Reads bytes (at most [`PIECE_BYTES`]) of pieces that are here, verified; `None` if some are not.
    pub fn read(&self, offset: u64, bytes: usize) -> Result<Option<Vec<u8>>> {
        let Inner { blob, size, path, file, outline, .. } = &*self.0;
        let end = offset.saturating_add((bytes as u64).min(PIECE_BYTES)).min(*size);
        let mut out = Vec::new();
        let mut at = offset;
        while at < end {
            let index = at / PIECE_BYTES;
            if !self.has(index) {
                return Ok(None);
            }
            let mut piece = vec![0; piece_bytes(*size, index)];
            file.read_exact_at(&mut piece, index * PIECE_BYTES).map_err(StoreError::io("read", path))?;
            if !outline.get().is_some_and(|outline| piece_is_right(&piece, index, outline, blob, *size)) {
                self.0.have.lock().unwrap_or_else(PoisonError::into_inner).remove(index);
                return Ok(None);
            }
            let until = end.min((index + 1) * PIECE_BYTES);
            let part = |offset: u64| usize::try_from(offset - index * PIECE_BYTES).expect("within a piece");
            out.extend_from_slice(&piece[part(at)..part(until)]);
            at = until;
        }
        Ok(Some(out))
    }

    /// Makes what is here durable: the data first, then the map that claims it.
    pub fn checkpoint(&self) -> Result<()> {
        let Inner { blob, size, path, file, .. } = &*self.0;
        let have = self.have();
        file.sync().map_err(StoreError::io("sync", path))?;
        self.store()?.save_fetch(blob, &FetchRow { size: *size, pieces: have.bits().to_vec() })
    }

    fn store(&self) -> Result<Store> {
        self.0.store.upgrade().ok_or(StoreError::Closing)
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        &self.0.path
    }

    /// Seals the blob: durable, listed, want met; or, if the want was dropped meanwhile, removes it. Errs with [`StoreError::BytesNotHeld`] while pieces are missing.
    pub fn finish(&self, now: UnixMillis) -> Result<()> {
        let Inner { blob, size, path, file, outline, .. } = &*self.0;
        let outline = outline.get().filter(|_| self.have().is_full());
        let outline = outline.ok_or(StoreError::BytesNotHeld { blob: *blob })?;
        file.make_read_only().map_err(StoreError::io("protect", path))?;
        file.sync().map_err(StoreError::io("sync", path))?;
        self.store()?.seal_fetched(blob, *size, path, outline, now)
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fetch({:?}, {} of {} pieces)", self.0.blob, self.have().len(), piece_count(self.0.size))
    }
}
