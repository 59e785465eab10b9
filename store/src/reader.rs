//! Reading blobs, verified: no piece is handed out that was not checked since start, since its file changed, and within
//! the last 24 h, so that rot is found before it is sent. What was checked is remembered in memory only.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::digest::Digest;
use crate::disk::{DiskFile, FileStat};
use crate::error::{Result, StoreError};
use crate::limits::VERIFIED_FOR_MS;
use crate::outline::{ChainingValue, PIECE_BYTES, piece_bytes, piece_count, piece_is_right};
use crate::store::Store;
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
    fn is_fresh(&self, blob: &Digest, stat: &FileStat, piece: usize, now: UnixMillis) -> bool {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.blobs.get(blob).filter(|known| known.stat == *stat).and_then(|known| known.at_s.get(piece)).is_some_and(
            |at| {
                let at = UnixMillis::new(u64::from(*at) * 1000);
                at.get() != 0 && at <= now && now.ms_since(at) < VERIFIED_FOR_MS
            },
        )
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

/// A sealed blob, open for reading. It stays whole for this reader whatever is published or removed meanwhile.
#[derive(Clone)]
pub struct BlobReader(Arc<Inner>);

struct Inner {
    store: Store,
    blob: Digest,
    size: u64,
    file: Box<dyn DiskFile>,
    outline: Vec<ChainingValue>,
}

impl BlobReader {
    pub(crate) fn new(
        store: Store,
        blob: Digest,
        size: u64,
        file: Box<dyn DiskFile>,
        outline: Vec<ChainingValue>,
    ) -> Self {
        Self(Arc::new(Inner { store, blob, size, file, outline }))
    }

    /// The blob's name.
    pub fn digest(&self) -> Digest {
        self.0.blob
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// The chaining values of its pieces; empty for a blob of one piece.
    pub fn outline(&self) -> &[ChainingValue] {
        &self.0.outline
    }

    /// Reads `bytes` (at most [`PIECE_BYTES`], cut at the end of the blob) from `offset`, verified. Damage is
    /// [`StoreError::Rot`]; the blob has been set aside and is wanted again by then.
    pub fn read(&self, offset: u64, bytes: usize, now: UnixMillis) -> Result<Vec<u8>> {
        let Inner { size, .. } = &*self.0;
        let end = offset.saturating_add((bytes as u64).min(PIECE_BYTES)).min(*size);
        let mut out = Vec::with_capacity(usize::try_from(end.saturating_sub(offset)).unwrap_or(0));
        let mut at = offset;
        while at < end {
            let piece = at / PIECE_BYTES;
            let until = end.min((piece + 1) * PIECE_BYTES);
            self.read_of_piece(piece, at - piece * PIECE_BYTES, until - at, now, &mut out)?;
            at = until;
        }
        Ok(out)
    }

    fn read_of_piece(&self, piece: u64, skip: u64, bytes: u64, now: UnixMillis, out: &mut Vec<u8>) -> Result<()> {
        let Inner { store, blob, size, file, outline } = &*self.0;
        let index = usize::try_from(piece).unwrap_or(usize::MAX);
        let stat = file.stat().map_err(|error| self.unreadable(piece, error))?;
        let small = |value: u64| usize::try_from(value).expect("parts of a piece are 1 MiB at most");
        if stat.bytes == *size && store.verified().is_fresh(blob, &stat, index, now) {
            let start = out.len();
            out.resize(start + small(bytes), 0);
            return file
                .read_exact_at(&mut out[start..], piece * PIECE_BYTES + skip)
                .map_err(|error| self.unreadable(piece, error));
        }
        let mut whole = vec![0; piece_bytes(*size, piece)];
        let read = file.read_exact_at(&mut whole, piece * PIECE_BYTES);
        if read.is_err() || stat.bytes != *size || !piece_is_right(&whole, piece, outline, blob, *size) {
            store.set_aside(blob, piece, now)?;
            return Err(StoreError::Rot { blob: *blob, piece });
        }
        store.verified().remember(blob, &stat, index, now);
        out.extend_from_slice(&whole[small(skip)..small(skip + bytes)]);
        Ok(())
    }

    fn unreadable(&self, piece: u64, source: std::io::Error) -> StoreError {
        let path = std::path::PathBuf::from(format!("blob {} (piece {piece})", self.0.blob));
        StoreError::Io { what: "read", path, source }
    }
}

impl fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobReader({:?}, {} bytes)", self.0.blob, self.0.size)
    }
}
