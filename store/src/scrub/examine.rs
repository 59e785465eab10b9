//! Examining one file: its bytes against the digest that they should have, piece by piece.

use crate::digest::Digest;
use crate::disk::DiskFile;
use crate::outline::{BlobHasher, BlobHashes, ChainingValue, PIECE_BYTES, piece_bytes, piece_count, piece_is_right};

/// What examining a file found.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The bytes are right.
    Right(BlobHashes),
    /// This piece is wrong, or can't be read.
    WrongPiece(u64),
    /// The file has another length.
    WrongLength(u64),
    /// All of it was read, and it is other bytes.
    OtherBytes(BlobHashes),
}

/// A file being verified against a digest, in steps.
#[derive(Debug)]
pub(crate) struct Examination {
    pub(crate) blob: Digest,
    /// Bytes to read.
    pub(crate) size: u64,
    pub(crate) place: Place,
    file: Box<dyn DiskFile>,
    /// None if it is lost; then only the whole tells.
    outline: Option<Vec<ChainingValue>>,
    hasher: BlobHasher,
    next_piece: u64,
}

/// Where a file that is examined lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In `blobs/`; it must have the blob's length.
    Blobs,
    /// In `incoming/`, set aside; it may be longer than what is read of it.
    SetAside,
}

impl Examination {
    pub(crate) fn of_held(
        blob: Digest,
        size: u64,
        file: Box<dyn DiskFile>,
        outline: Option<Vec<ChainingValue>>,
    ) -> Self {
        Self { blob, size, place: Place::Blobs, file, outline, hasher: BlobHasher::new(), next_piece: 0 }
    }

    /// Of the first `size` bytes of a file that was set aside as `blob`.
    pub(crate) fn of_set_aside(blob: Digest, size: u64, file: Box<dyn DiskFile>) -> Self {
        Self { place: Place::SetAside, ..Self::of_held(blob, size, file, None) }
    }

    /// Whether an outline was there to begin with.
    pub(crate) fn had_outline(&self) -> bool {
        self.outline.is_some()
    }

    /// Bytes read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.next_piece.saturating_mul(PIECE_BYTES).min(self.size)
    }

    /// Reads about `bytes_max` more; a verdict ends it.
    pub(crate) fn step(&mut self, bytes_max: u64) -> Option<Verdict> {
        let enough = self.bytes_read().saturating_add(bytes_max);
        while self.next_piece < piece_count(self.size) {
            if let Err(verdict) = self.read_piece() {
                return Some(verdict);
            }
            if self.bytes_read() >= enough {
                break;
            }
        }
        (self.next_piece == piece_count(self.size)).then(|| self.whole())
    }

    /// All of it at once.
    pub(crate) fn run(mut self) -> (Self, Verdict) {
        loop {
            if let Some(verdict) = self.step(u64::MAX) {
                return (self, verdict);
            }
        }
    }

    fn read_piece(&mut self) -> Result<(), Verdict> {
        let index = self.next_piece;
        // A sector that the disk can't read is as lost as one with other bytes in it.
        let lost = |_| Verdict::WrongPiece(index);
        let bytes = self.file.stat().map_err(lost)?.bytes;
        if bytes < self.size || (self.place == Place::Blobs && bytes != self.size) {
            return Err(Verdict::WrongLength(bytes));
        }
        let mut piece = vec![0; piece_bytes(self.size, index)];
        self.file.read_exact_at(&mut piece, index * PIECE_BYTES).map_err(lost)?;
        if let Some(outline) = &self.outline
            && !piece_is_right(&piece, index, outline, &self.blob, self.size)
        {
            return Err(Verdict::WrongPiece(index));
        }
        self.hasher.update(&piece);
        self.next_piece += 1;
        Ok(())
    }

    fn whole(&mut self) -> Verdict {
        let hashes = std::mem::take(&mut self.hasher).finish();
        if hashes.digest == self.blob { Verdict::Right(hashes) } else { Verdict::OtherBytes(hashes) }
    }
}
