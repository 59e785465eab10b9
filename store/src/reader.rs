//! Reading blobs, verified: no piece is handed out that was not checked since start, since its file changed, and within
//! the last 24 h, so that rot is found before it is sent. What was checked is remembered in memory only.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::digest::Digest;
use crate::disk::{DiskFile, FileStat};
use crate::error::{Result, StoreError};
use crate::limits::VERIFIED_FOR_MS;
use crate::outline::{ChainingValue, PIECE_BYTES, piece_bytes, piece_count, piece_is_right};
use crate::page_cache;
use crate::store::{Damage, Store};
use crate::time::UnixMillis;

/// Pieces remembered as verified, over all blobs: 16 MiB of memory.
const REMEMBERED_PIECES_MAX: u64 = 4 << 20;

/// When each piece of each blob was last verified.
#[derive(Debug, Default)]
pub(crate) struct Verified(Mutex<VerifiedMap>);

#[derive(Debug, Default)]
struct VerifiedMap {
    blobs: HashMap<Digest, VerifiedBlob>,
    pieces: u64,
}

#[derive(Debug)]
struct VerifiedBlob {
    stat: FileStat,
    /// Seconds since 1970 for each piece; 0: never.
    at_s: Vec<u32>,
}

impl Verified {
    /// Whether all of these pieces are.
    fn are_fresh(&self, blob: &Digest, stat: &FileStat, pieces: Range<u64>, now: UnixMillis) -> bool {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = map.blobs.get(blob).filter(|known| known.stat == *stat);
        let times = known.and_then(|known| known.at_s.get(small(pieces.start)..small(pieces.end)));
        times.is_some_and(|times| {
            times.iter().all(|at| {
                let at = UnixMillis::new(u64::from(*at) * 1000);
                at.get() != 0 && at <= now && now.ms_since(at) < VERIFIED_FOR_MS
            })
        })
    }

    fn remember(&self, blob: &Digest, stat: &FileStat, piece: usize, now: UnixMillis) {
        let pieces = piece_count(stat.bytes);
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !map.blobs.get(blob).is_some_and(|known| known.stat == *stat) {
            if map.pieces + pieces > REMEMBERED_PIECES_MAX {
                *map = VerifiedMap::default();
            }
            let fresh = VerifiedBlob { stat: *stat, at_s: vec![0; usize::try_from(pieces).unwrap_or(0)] };
            let before = map.blobs.insert(*blob, fresh).map_or(0, |before| before.at_s.len() as u64);
            map.pieces = (map.pieces + pieces).saturating_sub(before);
        }
        let slot = map.blobs.get_mut(blob).and_then(|known| known.at_s.get_mut(piece));
        if let Some(slot) = slot {
            *slot = u32::try_from(now.unix_seconds()).unwrap_or(u32::MAX);
        }
    }
}

/// A place in memory; what doesn't fit any address is beyond every slice.
fn small(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// How many have each blob open.
#[derive(Debug, Default)]
pub(crate) struct Readers(Mutex<HashMap<Digest, usize>>);

impl Readers {
    /// Somebody opens a blob, until what is returned goes.
    pub(crate) fn enter(readers: &Arc<Self>, blob: &Digest) -> Reading {
        *readers.all().entry(*blob).or_default() += 1;
        Reading { readers: Arc::clone(readers), blob: *blob }
    }

    /// Whether somebody has a blob open.
    pub(crate) fn has(&self, blob: &Digest) -> bool {
        self.all().contains_key(blob)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Digest, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A blob's being open.
#[derive(Debug)]
pub(crate) struct Reading {
    readers: Arc<Readers>,
    blob: Digest,
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut all = self.readers.all();
        if let Some(count) = all.get_mut(&self.blob) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.blob);
            }
        }
    }
}

/// A sealed blob, open for reading. It stays whole for this reader whatever is published or removed meanwhile.
#[derive(Clone)]
pub struct BlobReader(Arc<Inner>);

struct Inner {
    store: Store,
    open: Arc<OpenBlob>,
}

/// A sealed blob's open file, and what its bytes must be. Bytes leave it through a [`BlobReader`] only.
pub(crate) struct OpenBlob {
    pub(crate) blob: Digest,
    pub(crate) size: u64,
    pub(crate) file: Box<dyn DiskFile>,
    pub(crate) outline: Vec<ChainingValue>,
    pub(crate) _reading: Reading,
}

impl OpenBlob {
    /// Whether the file still has a name in its folder; false where that can't be told.
    pub(crate) fn has_name(&self) -> bool {
        let metadata = self.file.os_file().and_then(|file| file.metadata().ok());
        metadata.is_some_and(|metadata| names(&metadata) > 0)
    }
}

#[cfg(unix)]
fn names(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(metadata)
}

#[cfg(not(unix))]
const fn names(_: &std::fs::Metadata) -> u64 {
    0
}

impl BlobReader {
    pub(crate) fn new(store: Store, open: Arc<OpenBlob>) -> Self {
        Self(Arc::new(Inner { store, open }))
    }

    fn open(&self) -> &OpenBlob {
        &self.0.open
    }

    /// The blob's name.
    pub fn digest(&self) -> Digest {
        self.open().blob
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.open().size
    }

    /// The chaining values of its pieces; empty for a blob of one piece.
    pub fn outline(&self) -> &[ChainingValue] {
        &self.open().outline
    }

    /// Reads `bytes` (at most [`PIECE_BYTES`], cut at the end of the blob) from `offset`, verified. Damage is
    /// [`StoreError::Rot`]; the blob has been set aside and is wanted again by then.
    pub fn read(&self, offset: u64, bytes: usize, now: UnixMillis) -> Result<Vec<u8>> {
        let end = offset.saturating_add((bytes as u64).min(PIECE_BYTES)).min(self.open().size);
        let mut out = vec![0; small(end.saturating_sub(offset))];
        self.read_into(offset, &mut out, now)?;
        Ok(out)
    }

    /// Fills `buffer` from `offset`, verified as with [`Self::read`]. Errs if the blob ends before.
    pub fn read_into(&self, offset: u64, buffer: &mut [u8], now: UnixMillis) -> Result<()> {
        if offset.checked_add(buffer.len() as u64).is_none_or(|end| end > self.open().size) {
            return Err(self.unreadable(offset / PIECE_BYTES, std::io::ErrorKind::UnexpectedEof.into()));
        }
        let (mut at, mut rest) = (offset, buffer);
        while !rest.is_empty() {
            let piece = at / PIECE_BYTES;
            let bytes = rest.len().min(small((piece + 1) * PIECE_BYTES - at));
            let (part, later) = rest.split_at_mut(bytes);
            self.read_of_piece(piece, at - piece * PIECE_BYTES, part, now)?;
            (at, rest) = (at + bytes as u64, later);
        }
        Ok(())
    }

    /// As [`Self::read_into`], but only from memory: false, and nothing promised of the buffer, if some of the bytes have
    /// to be verified or come from the disk first. Never waits.
    pub fn read_now(&self, offset: u64, buffer: &mut [u8], now: UnixMillis) -> bool {
        let bytes = buffer.len() as u64;
        let file = self.open().file.os_file().filter(|_| self.is_fresh(offset, bytes, now));
        file.is_some_and(|file| page_cache::read(file, buffer, offset))
    }

    /// Whether these bytes may be sent from [`Self::os_file`] at this moment: verified, and in memory (by samples), so
    /// that it waits for nothing.
    pub fn is_ready(&self, offset: u64, bytes: u64, now: UnixMillis) -> bool {
        let file = self.open().file.os_file().filter(|_| self.is_fresh(offset, bytes, now));
        file.is_some_and(|file| page_cache::has(file, offset, bytes))
    }

    /// Verifies these bytes' pieces if need be, and brings the bytes into memory. Damage is as with [`Self::read`].
    pub fn make_ready(&self, offset: u64, bytes: u64, now: UnixMillis) -> Result<()> {
        let mut buffer = vec![0; small(bytes.min(PIECE_BYTES))];
        let end = offset.saturating_add(bytes);
        let mut at = offset;
        while at < end {
            let part = small((end - at).min(buffer.len() as u64));
            self.read_into(at, &mut buffer[..part], now)?;
            at += part as u64;
        }
        Ok(())
    }

    /// The operating system's file, where there is one. Only bytes for which [`Self::is_ready`] or [`Self::make_ready`]
    /// has just said yes may leave it.
    pub fn os_file(&self) -> Option<&std::fs::File> {
        self.open().file.os_file()
    }

    fn is_fresh(&self, offset: u64, bytes: u64, now: UnixMillis) -> bool {
        let Inner { store, open } = &*self.0;
        let OpenBlob { blob, size, file, .. } = &**open;
        let Some(last) = offset.checked_add(bytes).filter(|end| end <= size) else { return false };
        let Ok(stat) = file.stat() else { return false };
        let pieces = offset / PIECE_BYTES..last.max(1).div_ceil(PIECE_BYTES);
        stat.bytes == *size && store.verified().are_fresh(blob, &stat, pieces, now)
    }

    fn read_of_piece(&self, piece: u64, skip: u64, out: &mut [u8], now: UnixMillis) -> Result<()> {
        let Inner { store, open } = &*self.0;
        let OpenBlob { blob, size, file, outline, .. } = &**open;
        let stat = file.stat().map_err(|error| self.unreadable(piece, error))?;
        if stat.bytes == *size && store.verified().are_fresh(blob, &stat, piece..piece + 1, now) {
            let read = file.read_exact_at(out, piece * PIECE_BYTES + skip);
            return read.map_err(|error| self.unreadable(piece, error));
        }
        let mut whole = vec![0; piece_bytes(*size, piece)];
        let read = file.read_exact_at(&mut whole, piece * PIECE_BYTES);
        if read.is_err() || stat.bytes != *size || !piece_is_right(&whole, piece, outline, blob, *size) {
            store.set_aside(blob, Damage::Piece(piece), now)?;
            return Err(StoreError::Rot { blob: *blob, piece });
        }
        store.verified().remember(blob, &stat, small(piece), now);
        let part = whole.get(small(skip)..small(skip) + out.len());
        out.copy_from_slice(part.ok_or_else(|| self.unreadable(piece, std::io::ErrorKind::UnexpectedEof.into()))?);
        Ok(())
    }

    fn unreadable(&self, piece: u64, source: std::io::Error) -> StoreError {
        let path = std::path::PathBuf::from(format!("blob {} (piece {piece})", self.open().blob));
        StoreError::Io { what: "read", path, source }
    }
}

impl fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobReader({:?}, {} bytes)", self.open().blob, self.open().size)
    }
}
