//! Blobs on the local disk: sealed files named by digest, outlines beside them, and what is still coming in.
//!
//! Invariants:
//! - A file in `blobs/` was complete and synced before it got that name, and is never written again.
//! - The name is made durable (folder synced) before the row in `blobs` is committed; the row is gone before the name is.
//! - From link to commit the digest's lock is held ([`Blobs::lock`]), so that no collector can unlink in between.
//! - What is in `incoming/` is nobody's but its writer's; at start all of it goes that no fetch claims.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::digest::Digest;
use crate::disk::{Disk, DiskFile};
use crate::error::{Result, StoreError};
use crate::outline::{ChainingValue, outline_is_right, piece_count};

const LOCKS: usize = 64;

/// Bytes that blobs leave free on the disk, so that the database, which can't go on after a failed write, never meets a
/// full one.
const SPACE_RESERVE_BYTES: u64 = 16 << 20;

/// The blob folders of one data folder.
#[derive(Debug)]
pub(crate) struct Blobs {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    locks: [Mutex<()>; LOCKS],
}

/// Holding it, nobody else links or unlinks this blob (nor some others that share the lock).
pub(crate) type BlobLock<'a> = MutexGuard<'a, ()>;

impl Blobs {
    /// Makes the folders that are missing: `blobs/00` … `blobs/ff` and likewise `outlines/`, and `incoming/`.
    pub(crate) fn open(disk: Arc<dyn Disk>, folder: &Path) -> Result<Self> {
        let blobs = Self { disk, folder: folder.to_owned(), locks: [const { Mutex::new(()) }; LOCKS] };
        // The last one made tells that all are there: a start makes 512 folders once, not 512 look-ups each time.
        if blobs.disk.list(&blobs.folder.join("incoming")).is_err() {
            for kind in ["blobs", "outlines"] {
                (0..=255u8)
                    .try_for_each(|byte| blobs.make_folder(&blobs.folder.join(kind).join(format!("{byte:02x}"))))?;
                blobs.sync_folder(&blobs.folder.join(kind))?;
            }
            blobs.make_folder(&blobs.folder.join("incoming"))?;
            blobs.sync_folder(&blobs.folder)?;
        }
        Ok(blobs)
    }

    /// The lock of a digest.
    pub(crate) fn lock(&self, blob: &Digest) -> BlobLock<'_> {
        self.locks[usize::from(blob.as_bytes()[0]) % LOCKS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn free_bytes(&self) -> Result<u64> {
        self.disk.free_bytes(&self.folder).map_err(StoreError::io("ask for free space in", &self.folder))
    }

    /// Errs unless `bytes` more fit.
    pub(crate) fn check_space(&self, bytes: u64) -> Result<()> {
        let free = self.free_bytes()?.saturating_sub(SPACE_RESERVE_BYTES);
        if bytes > free { Err(StoreError::NoSpace { needed: bytes, free }) } else { Ok(()) }
    }

    /// A new file in `incoming/`.
    pub(crate) fn create_incoming(&self, name: &str) -> Result<(PathBuf, Box<dyn DiskFile>)> {
        let path = self.incoming(name);
        let file = self.disk.create(&path).map_err(StoreError::io("create", &path))?;
        Ok((path, file))
    }

    /// Makes the names in `incoming/` durable.
    pub(crate) fn sync_incoming(&self) -> Result<()> {
        self.sync_folder(&self.folder.join("incoming"))
    }

    /// A file in `incoming/` that an earlier run left, if it is there.
    pub(crate) fn reopen_incoming(&self, name: &str) -> Result<Option<(PathBuf, Box<dyn DiskFile>)>> {
        let path = self.incoming(name);
        match self.disk.open_writable(&path) {
            Ok(file) => Ok(Some((path, file))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("open", &path)(error)),
        }
    }

    /// Removes a file of `incoming/`, if it is there.
    pub(crate) fn remove_incoming(&self, path: &Path) -> Result<()> {
        ignore_missing(self.disk.remove(path)).map_err(StoreError::io("remove", path))
    }

    /// Removes everything in `incoming/` that `keep` does not claim.
    pub(crate) fn sweep_incoming(&self, keep: impl Fn(&str) -> bool) -> Result<()> {
        let folder = self.folder.join("incoming");
        let names = self.disk.list(&folder).map_err(StoreError::io("list", &folder))?;
        names.iter().filter(|name| !keep(name)).try_for_each(|name| self.remove_incoming(&folder.join(name)))
    }

    /// Gives a complete and synced file its name in `blobs/`, durably, with its outline. The lock is held by the caller.
    /// A file that is there already is taken if the row says so and its size is right, else replaced: it may be a left-over.
    /// Tells whether a name was made.
    pub(crate) fn seal(
        &self,
        _lock: &BlobLock<'_>,
        incoming: &Path,
        blob: &Digest,
        outline: &[ChainingValue],
        listed_size: Option<u64>,
    ) -> Result<bool> {
        let target = self.blob_path(blob);
        let there = self.disk.open(&target).and_then(|file| file.stat()).map(|stat| stat.bytes).ok();
        if there.is_some() && there == listed_size {
            return Ok(false);
        }
        self.write_outline(blob, outline)?;
        if there.is_some() {
            self.disk.remove(&target).map_err(StoreError::io("remove", &target))?;
        }
        self.disk.link(incoming, &target).map_err(StoreError::io("link", &target))?;
        self.sync_folder_of(&target)?;
        Ok(true)
    }

    /// Takes a blob's name away. The lock is held by the caller, and no row lists it.
    pub(crate) fn unlink(&self, _lock: &BlobLock<'_>, blob: &Digest) -> Result<()> {
        let (path, outline) = (self.blob_path(blob), self.outline_path(blob));
        ignore_missing(self.disk.remove(&path)).map_err(StoreError::io("remove", &path))?;
        ignore_missing(self.disk.remove(&outline)).map_err(StoreError::io("remove", &outline))
    }

    /// Moves a damaged blob to where a fetch mends it. The lock is held by the caller.
    pub(crate) fn set_aside(&self, _lock: &BlobLock<'_>, blob: &Digest) -> Result<()> {
        let (from, to) = (self.blob_path(blob), self.incoming(&fetch_name(blob)));
        ignore_missing(self.disk.rename(&from, &to)).map_err(StoreError::io("set aside", &from))?;
        self.sync_folder_of(&from)?;
        self.sync_folder_of(&to)
    }

    /// Opens a sealed blob; `None` if its file is missing.
    pub(crate) fn open_blob(&self, blob: &Digest) -> Result<Option<Box<dyn DiskFile>>> {
        let path = self.blob_path(blob);
        match self.disk.open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("open", &path)(error)),
        }
    }

    /// Reads and checks an outline; `None` if it is missing or wrong. Empty for a blob of one piece.
    pub(crate) fn outline(&self, blob: &Digest, size: u64) -> Result<Option<Vec<ChainingValue>>> {
        if piece_count(size) == 1 {
            return Ok(Some(Vec::new()));
        }
        let path = self.outline_path(blob);
        let file = match self.disk.open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("open", &path)(error)),
        };
        let stat = file.stat().map_err(StoreError::io("read", &path))?;
        if stat.bytes != piece_count(size) * 32 {
            return Ok(None);
        }
        let mut bytes = vec![0; usize::try_from(stat.bytes).map_err(|_| StoreError::Corrupt { what: "an outline" })?];
        file.read_exact_at(&mut bytes, 0).map_err(StoreError::io("read", &path))?;
        let (values, _) = bytes.as_chunks::<32>();
        Ok(outline_is_right(values, blob, size).then(|| values.to_vec()))
    }

    /// Writes a checked outline durably, replacing what is there.
    pub(crate) fn write_outline(&self, blob: &Digest, outline: &[ChainingValue]) -> Result<()> {
        if outline.is_empty() {
            return Ok(());
        }
        let path = self.outline_path(blob);
        let temporary = self.incoming(&format!("{blob}.outline"));
        self.remove_incoming(&temporary)?;
        let file = self.disk.create(&temporary).map_err(StoreError::io("create", &temporary))?;
        file.write_all_at(outline.as_flattened(), 0).map_err(StoreError::io("write", &temporary))?;
        file.sync().map_err(StoreError::io("sync", &temporary))?;
        drop(file);
        self.disk.rename(&temporary, &path).map_err(StoreError::io("rename", &path))?;
        self.sync_folder_of(&path)
    }

    fn blob_path(&self, blob: &Digest) -> PathBuf {
        self.sharded("blobs", blob)
    }

    fn outline_path(&self, blob: &Digest) -> PathBuf {
        self.sharded("outlines", blob)
    }

    fn sharded(&self, kind: &str, blob: &Digest) -> PathBuf {
        let name = blob.to_string();
        self.folder.join(kind).join(&name[..2]).join(name)
    }

    fn incoming(&self, name: &str) -> PathBuf {
        self.folder.join("incoming").join(name)
    }

    fn make_folder(&self, path: &Path) -> Result<()> {
        self.disk.make_folder(path).map_err(StoreError::io("make", path))
    }

    fn sync_folder(&self, path: &Path) -> Result<()> {
        self.disk.sync_folder(path).map_err(StoreError::io("sync", path))
    }

    fn sync_folder_of(&self, path: &Path) -> Result<()> {
        path.parent().map_or(Ok(()), |folder| self.sync_folder(folder))
    }
}

/// The name in `incoming/` of a blob that is being fetched.
pub(crate) fn fetch_name(blob: &Digest) -> String {
    format!("{blob}.part")
}

/// The blob that a name in `incoming/` belongs to, if a fetch made it.
pub(crate) fn fetched_blob(name: &str) -> Option<Digest> {
    name.strip_suffix(".part")?.parse().ok()
}

fn ignore_missing(outcome: std::io::Result<()>) -> std::io::Result<()> {
    match outcome {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
