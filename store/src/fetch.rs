//! Fetches: a blob on its way from peers, piece by piece, in any order, over restarts.
//!
//! Invariants:
//! - Only verified pieces are written, and a piece is in the map in memory only after it was written.
//! - The map on disk (table `fetches`) claims a piece only after that piece was synced: [`Fetch::checkpoint`] syncs the
//!   data first. After a failed sync the pieces since the last good one are written again, or missing again.
//!   A map that was lost is rebuilt by verifying what is in the file.
//! - A fetch ends by [`Fetch::finish`] (sealed, committed, want met) or when its want is dropped.

mod latest;

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use latest::Latest;
use serde::{Deserialize, Serialize};

use crate::aligned::Aligned;
use crate::arrivals::{Arrival, Arrivals};
use crate::blobs::{Blobs, Claim, fetch_name};
use crate::custody;
use crate::digest::Digest;
use crate::disk::DiskFile;
use crate::error::{Result, StoreError};
use crate::limits::{ASKED_PIECES_MAX, BLOB_BYTES_MAX};
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
    /// Of a large blob.
    latest: Option<Latest>,
    outline: OnceLock<Vec<ChainingValue>>,
    is_new: bool,
    pieces: Mutex<Pieces>,
    /// Pieces that readers wait for, the latest last.
    asked: Mutex<VecDeque<u64>>,
    ended: AtomicBool,
    arrivals: Arc<Arrivals>,
    /// Keeps gc from taking the file for a left-over.
    _claim: Claim,
}

/// Where to look for pieces that no map claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Everywhere,
    WhereWritten,
}

struct Pieces {
    /// Written.
    have: PieceSet,
    /// Written, and not known to be on the disk.
    unsynced: PieceSet,
    /// A sync failed: a later good one proves nothing about those.
    is_suspect: bool,
    /// The file's name in `incoming/` is durable.
    is_named: bool,
}

impl Fetch {
    /// Begins a fetch, or takes up what an earlier run left of it.
    pub(crate) fn open(store: &Store, blob: Digest, size: u64, saved: Option<FetchRow>) -> Result<Self> {
        if size > BLOB_BYTES_MAX {
            return Err(StoreError::TooLarge { bytes: size, max: BLOB_BYTES_MAX });
        }
        let (blobs, name) = (store.blobs(), fetch_name(&blob));
        let claim = blobs.claim(&name);
        let (was_there, (path, file), known) = custody::open_fetch(store, &blob, || {
            let left_over = blobs.reopen_incoming(&name)?;
            let was_there = left_over.is_some();
            let opened = match left_over {
                Some(found) => found,
                None => {
                    blobs.check_space(size)?;
                    blobs.create_incoming(&name)?
                }
            };
            Ok((was_there, opened, blobs.outline(&blob, size)?))
        })?;
        let outline = known.map_or_else(OnceLock::new, OnceLock::from);
        let latest = file.begin_direct(size).then(Latest::default);
        let none = PieceSet::none(piece_count(size));
        let pieces = Mutex::new(Pieces { have: none.clone(), unsynced: none, is_suspect: false, is_named: false });
        let fetch = Self(Arc::new(Inner {
            store: store.downgrade(),
            blobs: Arc::clone(blobs),
            blob,
            size,
            path,
            file,
            latest,
            outline,
            is_new: !was_there,
            pieces,
            asked: Mutex::default(),
            ended: AtomicBool::new(false),
            arrivals: Arc::clone(store.arrivals()),
            _claim: claim,
        }));
        if was_there {
            fetch.recover(saved)?;
        } else if piece_count(size) > 1 {
            // One piece finds its room, or doesn't, when it is written.
            fetch.0.file.reserve(size).map_err(StoreError::io("reserve room for", &fetch.0.path))?;
            fetch.0.file.set_len(size).map_err(StoreError::io("size", &fetch.0.path))?;
        }
        Ok(fetch)
    }

    fn recover(&self, saved: Option<FetchRow>) -> Result<()> {
        let Inner { size, file, path, .. } = &*self.0;
        let length = file.stat().map_err(StoreError::io("read", path))?.bytes;
        if length != *size {
            file.set_len(*size).map_err(StoreError::io("size", path))?;
        }
        // Pieces that are only in the system's memory after a failed sync must not be taken for written.
        file.sync().and_then(|()| file.forget_cached()).map_err(StoreError::io("sync", path))?;
        let count = piece_count(*size);
        let saved = saved.filter(|row| row.size == *size && length == *size);
        let saved = saved.and_then(|row| PieceSet::from_bits(count, &row.pieces));
        let have = match (saved, self.0.outline.get()) {
            // What came after the last map is there as well, as a rule, and shall not be sent twice.
            (Some(pieces), Some(_)) => self.verify_file(pieces, Look::WhereWritten),
            (None, Some(_)) => self.verify_file(PieceSet::none(count), Look::Everywhere),
            // Without an outline nothing can be told; the pieces are fetched again.
            (_, None) => PieceSet::none(count),
        };
        self.pieces().have = have;
        Ok(())
    }

    /// Which pieces of the file are right: those that are known to be, and what a look at the others finds.
    fn verify_file(&self, known: PieceSet, look: Look) -> PieceSet {
        let Inner { blob, size, file, outline, .. } = &*self.0;
        let mut right = known;
        let Some(outline) = outline.get() else { return right };
        for index in right.complement().iter() {
            if look == Look::WhereWritten && !self.is_written(index) {
                continue;
            }
            let mut piece = vec![0; piece_bytes(*size, index)];
            let read = file.read_exact_at(&mut piece, index * PIECE_BYTES).is_ok();
            if read && piece_is_right(&piece, index, outline, blob, *size) {
                right.insert(index);
            }
        }
        right
    }

    /// Whether a piece of the file begins with anything but zeros, as room that was only reserved does.
    fn is_written(&self, index: u64) -> bool {
        let mut head = vec![0; piece_bytes(self.0.size, index).min(4096)];
        self.0.file.read_exact_at(&mut head, index * PIECE_BYTES).is_ok() && head.iter().any(|byte| *byte != 0)
    }

    /// The blob.
    pub fn digest(&self) -> Digest {
        self.0.blob
    }

    /// Its size, as its revision says.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// Whether what is here shows that the blob has just this size.
    pub(crate) fn size_is_proven(&self) -> bool {
        let last = piece_count(self.0.size) - 1;
        last > 0 && self.outline_known() && self.have().contains(last)
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
        self.0.arrivals.tell(blob);
        Ok(())
    }

    /// The pieces that are here.
    pub fn have(&self) -> PieceSet {
        self.pieces().have.clone()
    }

    fn pieces(&self) -> MutexGuard<'_, Pieces> {
        self.0.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that are not here.
    pub fn missing_bytes(&self) -> u64 {
        let missing = self.have().complement();
        missing.iter().map(|piece| piece_bytes(self.0.size, piece) as u64).sum()
    }

    /// Whether nothing was left of an earlier run.
    pub(crate) fn is_new(&self) -> bool {
        self.0.is_new
    }

    /// Verifies a piece and writes it. One that is here already is left alone.
    pub fn write_piece(&self, index: u64, piece: &[u8]) -> Result<()> {
        self.take_piece(index, Aligned::copy(piece)).map(drop)
    }

    /// The same with memory from which the disk can take it; gives back some as large, or none, to fill next.
    pub fn take_piece(&self, index: u64, piece: Aligned) -> Result<Aligned> {
        if !self.needs(index, &piece)? {
            return Ok(piece);
        }
        let Inner { file, path, .. } = &*self.0;
        file.write_all_at(&piece, index * PIECE_BYTES).map_err(StoreError::io("write", path))?;
        // Kept before it is said to be here: who then asks for it reads it from memory.
        let spare = match self.latest(&piece) {
            Some(latest) => latest.keep(index, piece).unwrap_or_default(),
            None => piece,
        };
        self.note(index);
        Ok(spare)
    }

    /// Whether a piece, if it is right, isn't here yet.
    fn needs(&self, index: u64, piece: &[u8]) -> Result<bool> {
        let Inner { blob, size, outline, .. } = &*self.0;
        let right = outline.get().is_some_and(|outline| piece_is_right(piece, index, outline, blob, *size));
        if right { Ok(!self.has(index)) } else { Err(StoreError::BadPiece { blob: *blob, piece: index }) }
    }

    /// Where a full piece of a large blob is kept as well.
    fn latest(&self, piece: &[u8]) -> Option<&Latest> {
        self.0.latest.as_ref().filter(|_| piece.len() as u64 == PIECE_BYTES)
    }

    /// A piece was written.
    fn note(&self, index: u64) {
        let mut pieces = self.pieces();
        pieces.have.insert(index);
        pieces.unsynced.insert(index);
        drop(pieces);
        self.0.arrivals.tell(&self.0.blob);
    }

    /// Waits for the next piece, or the end; see [`Arrival`].
    pub fn arrival(&self) -> Arrival {
        self.0.arrivals.wait(&self.0.blob)
    }

    /// Someone waits for a piece: it and those after it shall come before others.
    pub fn ask(&self, index: u64) {
        let mut asked = self.0.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if !asked.contains(&index) {
            asked.push_back(index);
            if asked.len() > ASKED_PIECES_MAX {
                asked.pop_front();
            }
        }
    }

    /// The pieces that were asked for and are not here, the latest last.
    pub fn asked(&self) -> Vec<u64> {
        let mut asked = self.0.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let pieces = self.pieces();
        asked.retain(|index| !pieces.have.contains(*index));
        asked.iter().copied().collect()
    }

    /// Whether nothing comes any more: the blob is sealed, or nobody wants it.
    pub fn has_ended(&self) -> bool {
        self.0.ended.load(Ordering::Acquire)
    }

    pub(crate) fn end(&self) {
        self.0.ended.store(true, Ordering::Release);
    }

    /// Whether a piece is here.
    pub fn has(&self, index: u64) -> bool {
        self.pieces().have.contains(index)
    }

    /// Reads bytes (at most [`PIECE_BYTES`]) of pieces that are here, verified; `None` if some are not.
    pub fn read(&self, offset: u64, bytes: usize) -> Result<Option<Vec<u8>>> {
        let size = self.0.size;
        let end = offset.saturating_add((bytes as u64).min(PIECE_BYTES)).min(size);
        let mut out = Vec::new();
        let mut at = offset;
        while at < end {
            let index = at / PIECE_BYTES;
            if !self.has(index) {
                return Ok(None);
            }
            let until = end.min((index + 1) * PIECE_BYTES);
            let part = |offset: u64| usize::try_from(offset - index * PIECE_BYTES).expect("within a piece");
            let range = part(at)..part(until);
            if let Some(piece) = self.0.latest.as_ref().and_then(|latest| latest.get(index)) {
                out.extend_from_slice(&piece[range]);
            } else if let Some(piece) = self.read_piece(index)? {
                out.extend_from_slice(&piece[range]);
            } else {
                self.pieces().have.remove(index);
                return Ok(None);
            }
            at = until;
        }
        Ok(Some(out))
    }

    /// A piece from the file, if it is right there.
    fn read_piece(&self, index: u64) -> Result<Option<Vec<u8>>> {
        let Inner { blob, size, path, file, outline, .. } = &*self.0;
        let mut piece = vec![0; piece_bytes(*size, index)];
        file.read_exact_at(&mut piece, index * PIECE_BYTES).map_err(StoreError::io("read", path))?;
        let is_right = outline.get().is_some_and(|outline| piece_is_right(&piece, index, outline, blob, *size));
        Ok(is_right.then_some(piece))
    }

    /// Makes what is here durable: the data and the file's name first, then the map that claims it.
    pub fn checkpoint(&self) -> Result<()> {
        let have = self.sync()?;
        // The file must be there to be found. (A blob of one piece is whole before any map, and never comes here.)
        if !self.pieces().is_named {
            self.0.blobs.sync_incoming()?;
            self.pieces().is_named = true;
        }
        self.store()?.save_fetch(&self.0.blob, &self.row_of(&have))
    }

    /// The map as it is now.
    pub(crate) fn row(&self) -> FetchRow {
        self.row_of(&self.have())
    }

    fn row_of(&self, have: &PieceSet) -> FetchRow {
        FetchRow { size: self.0.size, pieces: have.bits().to_vec() }
    }

    /// Makes the pieces durable that are here; tells which.
    fn sync(&self) -> Result<PieceSet> {
        if self.pieces().is_suspect {
            self.write_unsynced_again()?;
        }
        let have = self.have();
        let outcome = self.0.file.sync().map_err(StoreError::io("sync", &self.0.path));
        let mut pieces = self.pieces();
        pieces.is_suspect = outcome.is_err();
        outcome?;
        have.iter().for_each(|index| pieces.unsynced.remove(index));
        Ok(have)
    }

    /// After a failed sync the system counts pieces as written that may never reach the disk, unless they are written again.
    fn write_unsynced_again(&self) -> Result<()> {
        let Inner { path, file, .. } = &*self.0;
        let unsynced = self.pieces().unsynced.clone();
        for index in unsynced.iter() {
            match self.read_piece(index)? {
                Some(piece) => {
                    file.write_all_at(&piece, index * PIECE_BYTES).map_err(StoreError::io("write", path))?;
                }
                None => self.pieces().have.remove(index),
            }
        }
        Ok(())
    }

    fn store(&self) -> Result<Store> {
        self.0.store.upgrade().ok_or(StoreError::Closing)
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        &self.0.path
    }

    /// Seals the blob: durable, listed, want met; or, if the want was dropped meanwhile, removes it. Errs with
    /// [`StoreError::BytesNotHeld`] while pieces are missing.
    pub fn finish(&self, now: UnixMillis) -> Result<()> {
        let Inner { blob, size, path, file, outline, .. } = &*self.0;
        let missing = || StoreError::BytesNotHeld { blob: *blob };
        let outline = outline.get().filter(|_| self.have().is_full()).ok_or_else(missing)?;
        file.make_read_only().map_err(StoreError::io("protect", path))?;
        // Pieces that a failed sync lost are missing again.
        if !self.sync()?.is_full() {
            return Err(missing());
        }
        self.store()?.seal_fetched(blob, *size, path, outline, now)
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fetch({:?}, {} of {} pieces)", self.0.blob, self.have().len(), piece_count(self.0.size))
    }
}
