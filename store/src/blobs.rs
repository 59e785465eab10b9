//! Blobs on the local disk: sealed files named by digest, outlines beside them, and what is still coming in.
//!
//! Invariants:
//! - A file in `blobs/` was complete and synced before it got that name, and is never written again.
//! - The name is made durable (folder synced) before the row in `blobs` is committed; the row is gone before the name is.
//! - From link to commit the digest's lock is held ([`Blobs::lock`]), so that no collector can unlink in between. The order
//!   of lock, files and commits is `custody.rs`.
//! - What is in `incoming/` is nobody's but its writer's, who has a [`Claim`] on the name; at start all of it goes that no
//!   fetch claims, and gc takes what nobody claims any more.
//! - A sealed file is renamed into `incoming/` before it is removed: on Windows the name of a file that someone reads
//!   would otherwise stay taken until they are done.

mod closing;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use closing::Closing;

use crate::digest::Digest;
use crate::disk::{Disk, DiskFile, FileStat, is_about_this_file};
use crate::error::{Result, StoreError};
use crate::locks::{BlobLock, DigestLocks};
use crate::outline::{ChainingValue, outline_is_right, piece_count};
use crate::reserve::Reserve;
use crate::resumable::EmptyRoom;

/// A file of so many bytes takes a while to go.
const LARGE_BYTES: u64 = 64 << 20;

/// The blob folders of one data folder.
#[derive(Debug)]
pub(crate) struct Blobs {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    locks: DigestLocks,
    claims: Arc<Claims>,
    /// Numbers the names of files on their way out or in.
    gone: AtomicU64,
    reserve: Reserve,
    empty_room: EmptyRoom,
    closing: Closing,
}

/// Names in `incoming/` that someone writes or reads, and how many do.
#[derive(Debug, Default)]
struct Claims(Mutex<HashMap<String, usize>>);

/// Holding it, nobody else takes this name in `incoming/` away for being left over.
#[derive(Debug)]
pub(crate) struct Claim {
    claims: Arc<Claims>,
    name: String,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claims = self.claims.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = claims.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                claims.remove(&self.name);
            }
        }
    }
}

/// The two kinds of files that are named by digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SealedKind {
    /// `blobs/`
    Blob,
    /// `outlines/`
    Outline,
}

impl SealedKind {
    const fn folder(self) -> &'static str {
        match self {
            Self::Blob => "blobs",
            Self::Outline => "outlines",
        }
    }
}

impl Blobs {
    /// Those that are there.
    pub(crate) fn at(disk: Arc<dyn Disk>, folder: &Path) -> Self {
        let (locks, claims, gone) = (DigestLocks::new(), Arc::default(), AtomicU64::new(0));
        let (reserve, empty_room, closing) = (Reserve::default(), EmptyRoom::default(), Closing::default());
        Self { disk, folder: folder.to_owned(), locks, claims, gone, reserve, empty_room, closing }
    }

    /// Makes the folders that are missing: `blobs/00` … `blobs/ff` and likewise `outlines/`, and `incoming/`.
    pub(crate) fn open(disk: Arc<dyn Disk>, folder: &Path) -> Result<Self> {
        let blobs = Self::at(disk, folder);
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
        self.locks.lock(blob)
    }

    /// The data folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    pub(crate) fn reserve(&self) -> &Reserve {
        &self.reserve
    }

    /// What uploads without a byte hold of the disk.
    pub(crate) fn empty_room(&self) -> &EmptyRoom {
        &self.empty_room
    }

    /// Bytes of the database.
    pub(crate) fn database_bytes(&self) -> Result<u64> {
        let path = self.folder.join("ods.redb");
        let stat = self.disk.open(&path).and_then(|file| file.stat());
        stat.map(|stat| stat.bytes).map_err(StoreError::io("read", &path))
    }

    /// Tries whether files can be made, written, synced and removed.
    pub(crate) fn probe(&self) -> Result<()> {
        let path = self.incoming("probe");
        self.remove_incoming(&path)?;
        let file = self.disk.create(&path).map_err(StoreError::io("create", &path))?;
        file.write_all_at(&[0; 4096], 0).map_err(StoreError::io("write", &path))?;
        file.sync().map_err(StoreError::io("sync", &path))?;
        drop(file);
        self.remove_incoming(&path)?;
        self.sync_incoming()
    }

    /// Claims a name in `incoming/`, before the file is made or opened.
    pub(crate) fn claim(&self, name: &str) -> Claim {
        let mut claims = self.claims.0.lock().unwrap_or_else(PoisonError::into_inner);
        *claims.entry(name.to_owned()).or_default() += 1;
        Claim { claims: Arc::clone(&self.claims), name: name.to_owned() }
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

    /// Renames a file within `incoming/`; durable after [`Self::sync_incoming`].
    pub(crate) fn rename_incoming(&self, from: &Path, to: &Path) -> Result<()> {
        self.disk.rename(from, to).map_err(StoreError::io("rename", from))
    }

    /// Removes a file, mostly one of `incoming/`, if it is there.
    pub(crate) fn remove_incoming(&self, path: &Path) -> Result<()> {
        ignore_missing(self.disk.remove(path)).map_err(StoreError::io("remove", path))
    }

    /// Removes everything in `incoming/` that `keep` does not claim. What can't be removed stays, and is no reason not to
    /// start: gc meets it again, and tells of it.
    pub(crate) fn sweep_incoming(&self, keep: impl Fn(&str) -> bool) -> Result<()> {
        for name in self.incoming_names()?.iter().filter(|name| !keep(name)) {
            let _ = self.remove_incoming(&self.incoming(name));
        }
        Ok(())
    }

    /// Gives a complete and synced file its name in `blobs/`, durably, with its outline. The lock is held by the caller.
    /// A file that is there already is replaced, also if a row lists it: that one may have rotted unnoticed, this one was
    /// hashed just now. Tells whether the name is this file's.
    pub(crate) fn seal(
        &self,
        _lock: &BlobLock<'_>,
        incoming: &Path,
        blob: &Digest,
        outline: &[ChainingValue],
        listed_size: Option<u64>,
    ) -> Result<bool> {
        let target = self.blob_path(blob);
        self.write_outline(blob, outline)?;
        let is_new = match self.in_its_folder(&target, || self.disk.link(incoming, &target)) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                self.replace(incoming, &target, listed_size.is_some())?
            }
            other => other.map(|()| true).map_err(StoreError::io("link", &target))?,
        };
        self.sync_folder_of(&target)?;
        Ok(is_new)
    }

    /// Puts `incoming` in the place of `target`, which is there at every moment. On Windows that can't be done while
    /// someone has `target` open: one that a row lists then stays, another one is moved out of the way first.
    fn replace(&self, incoming: &Path, target: &Path, is_listed: bool) -> Result<bool> {
        let name = self.aside();
        let (aside, claim) = (self.incoming(&name), self.claim(&name));
        self.disk.link(incoming, &aside).map_err(StoreError::io("link", &aside))?;
        let replaced = self.keep_open(target);
        let outcome = match self.disk.rename(&aside, target) {
            Err(error) if !is_listed && error.kind() == std::io::ErrorKind::PermissionDenied => {
                self.discard(target)?;
                self.disk.rename(&aside, target)
            }
            other => other,
        };
        // Left over after a failure, and if both are names of one file, where a rename does nothing.
        self.remove_incoming(&aside)?;
        drop(claim);
        if let Some(file) = replaced {
            self.closing.close(file);
        }
        match outcome {
            Err(error) if is_listed && error.kind() == std::io::ErrorKind::PermissionDenied => Ok(false),
            other => other.map(|()| true).map_err(StoreError::io("replace", target)),
        }
    }

    /// Keeps a large file from going with its name, so that it is closed beside. (On Windows nobody may have open what a rename
    /// replaces.)
    fn keep_open(&self, path: &Path) -> Option<Box<dyn DiskFile>> {
        let file = self.disk.open(path).ok().filter(|_| cfg!(unix))?;
        file.stat().is_ok_and(|stat| stat.bytes >= LARGE_BYTES).then_some(file)
    }

    /// A name in `incoming/` that was not used since start.
    fn aside(&self) -> String {
        let number = self.gone.fetch_add(1, Ordering::Relaxed);
        format!("{number}.gone")
    }

    /// Takes a blob's file, or its outline, away. The lock is held by the caller, and no row lists it.
    pub(crate) fn unlink(&self, _lock: &BlobLock<'_>, kind: SealedKind, blob: &Digest) -> Result<()> {
        self.discard(&self.sealed_path(kind, blob))
    }

    /// Renames a file out of the way, if it is there, and removes it.
    fn discard(&self, path: &Path) -> Result<()> {
        let aside = self.incoming(&self.aside());
        match self.disk.rename(path, &aside) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            // A name may take room, too, where there is none left.
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return self.remove_incoming(path),
            other => other.map_err(StoreError::io("move away", path))?,
        }
        self.remove_incoming(&aside)
    }

    /// The digests that files in one of the 256 folders are named by, `folder` being their first byte. Other names are
    /// nobody's business here.
    pub(crate) fn sealed_in(&self, kind: SealedKind, folder: u8) -> Result<Vec<Digest>> {
        let path = self.folder.join(kind.folder()).join(format!("{folder:02x}"));
        let names = match self.disk.list(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            other => other.map_err(StoreError::io("list", &path))?,
        };
        let digests = names.iter().filter_map(|name| name.parse::<Digest>().ok());
        Ok(digests.filter(|digest| digest.as_bytes()[0] == folder).collect())
    }

    /// Length and time of a sealed file or outline; `None` if it is missing.
    pub(crate) fn sealed_stat(&self, kind: SealedKind, blob: &Digest) -> Result<Option<FileStat>> {
        self.stat(&self.sealed_path(kind, blob))
    }

    /// The names in `incoming/`.
    pub(crate) fn incoming_names(&self) -> Result<Vec<String>> {
        let folder = self.folder.join("incoming");
        self.disk.list(&folder).map_err(StoreError::io("list", &folder))
    }

    /// Length and time of a file in `incoming/`; `None` if it is missing.
    pub(crate) fn incoming_stat(&self, name: &str) -> Result<Option<FileStat>> {
        self.stat(&self.incoming(name))
    }

    /// Whether somebody claims a name in `incoming/`.
    pub(crate) fn is_claimed(&self, name: &str) -> bool {
        self.claims.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(name)
    }

    /// Removes a file of `incoming/` that nobody claims; tells whether it did.
    pub(crate) fn remove_unclaimed(&self, name: &str) -> Result<bool> {
        // Held until the name is gone: who claims it after that makes a new file.
        let claims = self.claims.0.lock().unwrap_or_else(PoisonError::into_inner);
        if claims.contains_key(name) {
            return Ok(false);
        }
        let outcome = self.discard(&self.incoming(name));
        drop(claims);
        outcome.map(|()| true)
    }

    fn stat(&self, path: &Path) -> Result<Option<FileStat>> {
        match self.disk.open(path).and_then(|file| file.stat()) {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", path)(error)),
        }
    }

    /// Moves a damaged blob to where a fetch mends it. The lock is held by the caller.
    pub(crate) fn set_aside(&self, _lock: &BlobLock<'_>, blob: &Digest) -> Result<()> {
        let (from, to) = (self.blob_path(blob), self.incoming(&fetch_name(blob)));
        match self.disk.rename(&from, &to) {
            // Its whole folder may be missing.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(StoreError::io("set aside", &from))?,
        }
        self.sync_folder_of(&from)?;
        self.sync_folder_of(&to)
    }

    /// Takes back what [`Self::seal`] did, where that moved the file instead of linking it: the fetch finds it again.
    pub(crate) fn unseal(&self, _lock: &BlobLock<'_>, blob: &Digest, incoming: &Path) -> Result<()> {
        match self.disk.open(incoming) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let path = self.blob_path(blob);
                self.disk.rename(&path, incoming).map_err(StoreError::io("move back", &path))
            }
            // What has a second name in `blobs/` is collected there.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Where a blob's file is, as seen from the data folder: for people.
    pub(crate) fn place(&self, blob: &Digest) -> String {
        let path = self.blob_path(blob);
        path.strip_prefix(&self.folder).unwrap_or(&path).display().to_string()
    }

    /// The names in the folder of blobs whose digest begins with `byte`; `None` if that is missing.
    pub(crate) fn names_in(&self, byte: u8) -> Result<Option<Vec<String>>> {
        let folder = self.folder.join("blobs").join(format!("{byte:02x}"));
        found(self.disk.list(&folder)).map_err(StoreError::io("list", &folder))
    }

    /// Opens a file of `incoming/` for reading; `None` if it is missing.
    pub(crate) fn open_incoming(&self, name: &str) -> Result<Option<Box<dyn DiskFile>>> {
        let path = self.incoming(name);
        found(self.disk.open(&path)).map_err(StoreError::io("open", &path))
    }

    /// Opens a sealed blob; `None` if its file is missing.
    pub(crate) fn open_blob(&self, blob: &Digest) -> Result<Option<Box<dyn DiskFile>>> {
        let path = self.blob_path(blob);
        found(self.disk.open(&path)).map_err(|source| {
            if is_about_this_file(&source) {
                StoreError::Unreadable { blob: *blob, path, source }
            } else {
                StoreError::io("open", &path)(source)
            }
        })
    }

    /// Reads and checks an outline; `None` if it is missing, wrong or can't be read: it is made anew of the bytes then.
    /// Empty for a blob of one piece.
    pub(crate) fn outline(&self, blob: &Digest, size: u64) -> Result<Option<Vec<ChainingValue>>> {
        if piece_count(size) == 1 {
            return Ok(Some(Vec::new()));
        }
        let path = self.outline_path(blob);
        let file = match self.disk.open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound || is_about_this_file(&error) => {
                return Ok(None);
            }
            Err(error) => return Err(StoreError::io("open", &path)(error)),
        };
        let stat = file.stat().map_err(StoreError::io("read", &path))?;
        if stat.bytes != piece_count(size) * 32 {
            return Ok(None);
        }
        let mut bytes = vec![0; usize::try_from(stat.bytes).map_err(|_| StoreError::Corrupt { what: "an outline" })?];
        match file.read_exact_at(&mut bytes, 0) {
            Err(error) if is_about_this_file(&error) => return Ok(None),
            read => read.map_err(StoreError::io("read", &path))?,
        }
        let (values, _) = bytes.as_chunks::<32>();
        Ok(outline_is_right(values, blob, size).then(|| values.to_vec()))
    }

    /// Writes a checked outline durably, replacing what is there.
    pub(crate) fn write_outline(&self, blob: &Digest, outline: &[ChainingValue]) -> Result<()> {
        if outline.is_empty() {
            return Ok(());
        }
        let path = self.outline_path(blob);
        let name = format!("{blob}.outline");
        let claim = self.claim(&name);
        let temporary = self.incoming(&name);
        self.remove_incoming(&temporary)?;
        let file = self.disk.create(&temporary).map_err(StoreError::io("create", &temporary))?;
        file.write_all_at(outline.as_flattened(), 0).map_err(StoreError::io("write", &temporary))?;
        file.sync().map_err(StoreError::io("sync", &temporary))?;
        drop(file);
        let renamed = self.in_its_folder(&path, || self.disk.rename(&temporary, &path));
        renamed.map_err(StoreError::io("rename", &path))?;
        drop(claim);
        self.sync_folder_of(&path)
    }

    fn blob_path(&self, blob: &Digest) -> PathBuf {
        self.sealed_path(SealedKind::Blob, blob)
    }

    fn outline_path(&self, blob: &Digest) -> PathBuf {
        self.sealed_path(SealedKind::Outline, blob)
    }

    fn sealed_path(&self, kind: SealedKind, blob: &Digest) -> PathBuf {
        let name = blob.to_string();
        self.folder.join(kind.folder()).join(&name[..2]).join(name)
    }

    pub(crate) fn incoming(&self, name: &str) -> PathBuf {
        self.folder.join("incoming").join(name)
    }

    /// Gives a file its name with `act`; again with its folder made anew, if that one of the 512 was lost.
    fn in_its_folder(&self, path: &Path, act: impl Fn() -> std::io::Result<()>) -> std::io::Result<()> {
        let outcome = act();
        let Some(folder) = path.parent() else { return outcome };
        match outcome {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.disk.list(folder).is_err() => {
                self.disk.make_folder(folder)?;
                self.disk.sync_folder(folder.parent().unwrap_or(folder))?;
                self.disk.sync_folder(&self.folder)?;
                act()
            }
            outcome => outcome,
        }
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

fn found<T>(outcome: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn ignore_missing(outcome: std::io::Result<()>) -> std::io::Result<()> {
    match outcome {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
