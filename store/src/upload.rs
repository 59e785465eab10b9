//! Uploads: bytes on their way in, hashed as they are written, whole and synced before they may be published.

mod block;

use std::path::PathBuf;
use std::sync::Arc;

pub use block::BLOCK_BYTES;
use block::Block;

use crate::blobs::{Blobs, Claim};
use crate::digest::{Digest, Sha256};
use crate::disk::DiskFile;
use crate::error::{Result, StoreError};
use crate::limits::BLOB_BYTES_MAX;
use crate::outline::{BlobHasher, BlobHashes, PIECE_BYTES};

/// So many bytes at a time are sent to the disk while the next ones come, so that the sync at the end is short.
const BEGIN_SYNC_EVERY_BYTES: u64 = 32 << 20;

/// A file in `incoming/` that goes away with its owner.
#[derive(Debug)]
struct IncomingFile {
    blobs: Arc<Blobs>,
    path: PathBuf,
    /// Given back after the file was removed.
    _claim: Claim,
}

impl Drop for IncomingFile {
    fn drop(&mut self) {
        // What can't be removed now is swept by gc, or at the next start.
        let _ = self.blobs.remove_incoming(&self.path);
    }
}

/// Bytes being received. Dropping it removes what was written.
pub struct Upload {
    file: UploadFile,
    /// Some kilobytes: too many to be moved about.
    hasher: Box<BlobHasher>,
}

/// Where they are written. Dropping it removes what was written.
pub struct UploadFile {
    // Declared before `incoming`, so that the handle is closed before the file is removed (Windows).
    file: Box<dyn DiskFile>,
    incoming: IncomingFile,
    bytes: u64,
    /// Room was to be set aside, so the file may be longer than what came.
    may_be_longer: bool,
    /// Room that was set aside; past that each write has to find its own.
    reserved_bytes: u64,
    /// Up to where the disk was asked to begin writing.
    sync_begun_bytes: u64,
    /// Of a large upload: the last bytes that came, not written yet.
    block: Option<Block>,
}

/// Bytes received whole, synced and hashed, not published yet. Dropping it removes them.
pub struct Received {
    incoming: IncomingFile,
    hashes: BlobHashes,
}

impl Upload {
    /// Begins one, with room reserved if the length is known.
    pub(crate) fn begin(blobs: Arc<Blobs>, name: &str, expected_bytes: Option<u64>) -> Result<Self> {
        let expected = expected_bytes.unwrap_or(0);
        if expected > BLOB_BYTES_MAX {
            return Err(StoreError::TooLarge { bytes: expected, max: BLOB_BYTES_MAX });
        }
        blobs.check_space(expected)?;
        let claim = blobs.claim(name);
        let (path, file) = blobs.create_incoming(name)?;
        let incoming = IncomingFile { blobs, path, _claim: claim };
        // Less is in memory at once, and finds its room, or doesn't, when it is written.
        let is_large = expected > PIECE_BYTES;
        let is_reserved = is_large
            && file.reserve(expected).map_err(|error| {
                match StoreError::io("reserve room for", &incoming.path)(error) {
                    StoreError::NoSpace { .. } => {
                        StoreError::NoSpace { needed: expected, free: incoming.blobs.free_bytes().unwrap_or(0) }
                    }
                    other => other,
                }
            })?;
        let reserved_bytes = if is_reserved { expected } else { 0 };
        let block = file.begin_direct(expected).then(Block::new);
        let file = UploadFile {
            file,
            incoming,
            bytes: 0,
            may_be_longer: is_large,
            reserved_bytes,
            sync_begun_bytes: 0,
            block,
        };
        Ok(Self { file, hasher: Box::new(BlobHasher::new()) })
    }

    /// Bytes received so far.
    pub fn bytes(&self) -> u64 {
        self.hasher.size()
    }

    /// Takes the next bytes. After an error the upload is of no use but to be dropped.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write(bytes)?;
        self.hasher.update(bytes);
        Ok(())
    }

    /// Its halves, for who writes and hashes the same bytes at the same time.
    pub fn into_parts(self) -> (UploadFile, Box<BlobHasher>) {
        (self.file, self.hasher)
    }

    /// Of halves that took the same bytes.
    pub fn from_parts(file: UploadFile, hasher: Box<BlobHasher>) -> Self {
        Self { file, hasher }
    }

    /// Ends it: cuts the file to what came, syncs it, forbids writing.
    pub fn finish(self) -> Result<Received> {
        let Self { file: mut writing, hasher } = self;
        writing.flush()?;
        let UploadFile { file, incoming, bytes, may_be_longer, .. } = writing;
        let hashes = hasher.finish();
        assert_eq!(bytes, hashes.size, "what was hashed was written");
        if may_be_longer {
            file.set_len(hashes.size).map_err(StoreError::io("cut", &incoming.path))?;
        }
        file.make_read_only().map_err(StoreError::io("protect", &incoming.path))?;
        file.sync().map_err(StoreError::io("sync", &incoming.path))?;
        drop(file);
        Ok(Received { incoming, hashes })
    }
}

impl UploadFile {
    /// Writes the next bytes. After an error it is of no use but to be dropped.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let end = self.bytes + bytes.len() as u64;
        if end > BLOB_BYTES_MAX {
            return Err(StoreError::TooLarge { bytes: end, max: BLOB_BYTES_MAX });
        }
        if end > self.reserved_bytes {
            self.incoming.blobs.check_space(bytes.len() as u64)?;
        }
        match &mut self.block {
            Some(block) => block.write(bytes, |block, at| self.file.write_all_at(block, at)),
            None => self.file.write_all_at(bytes, self.bytes),
        }
        .map_err(StoreError::io("write", &self.incoming.path))?;
        self.bytes = end;
        let unsynced = self.bytes - self.sync_begun_bytes;
        if self.block.is_none() && unsynced >= BEGIN_SYNC_EVERY_BYTES {
            self.file.begin_sync(self.sync_begun_bytes, unsynced);
            self.sync_begun_bytes = self.bytes;
        }
        Ok(())
    }

    /// Writes what is still in memory.
    fn flush(&mut self) -> Result<()> {
        let Some(block) = &mut self.block else { return Ok(()) };
        let flushed = block.flush(|block, at| self.file.write_all_at(block, at));
        flushed.map_err(StoreError::io("write", &self.incoming.path))
    }
}

impl Received {
    /// The bytes' name.
    pub fn digest(&self) -> Digest {
        self.hashes.digest
    }

    /// Their SHA-256.
    pub fn sha256(&self) -> Sha256 {
        self.hashes.sha256
    }

    /// How many there are.
    pub fn size(&self) -> u64 {
        self.hashes.size
    }

    pub(crate) fn hashes(&self) -> &BlobHashes {
        &self.hashes
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        &self.incoming.path
    }
}

impl std::fmt::Debug for UploadFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UploadFile").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Received")
            .field("digest", &self.hashes.digest)
            .field("size", &self.hashes.size)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}
