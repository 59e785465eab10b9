//! A folder of backups, and a node restored from one.
//!
//! ```text
//! <folder>/blobs/ab/<digest>           blobs of all backups, each once
//! <folder>/backups/<name>/ods.redb     a snapshot of the database
//!                         <files>      `node.key` and other small files of the data folder
//!                         blobs.list   digest 32, size u64 LE: each blob that this backup needs; then BLAKE3 32 of these rows
//!                         manifest     written last; a backup without it is none
//! <folder>/partial/…                   what is being written
//! <folder>/lock                        held by who writes here
//! ```
//!
//! Invariants:
//! - A name outside `partial/` is given to a file that is whole, synced, and, if it is a blob, hashed.
//! - The manifest comes last, when all that it tells of is durable; removing a backup begins with it. So one that was cut in
//!   the middle is no backup, and the next one finds the blobs that are there.
//! - What the manifest says is its writer's matter; here it is bytes.
//! - A restored database has a new log id and a new epoch before it gets its name, so it never goes on as what it was. It gives
//!   out no Lsn that the lost one may have given out since, so whoever followed that one misses nothing and gets nothing wrong.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::Database;

use crate::digest::Digest;
use crate::disk::{Disk, DiskFile, is_about_this_file};
use crate::entropy::Entropy;
use crate::error::{Result, StoreError};
use crate::meta;
use crate::open::DatabaseFile;
use crate::outline::{BlobHasher, BlobHashes};
use crate::schema::META;
use crate::snapshot::{self, HeldBlob};

/// Bytes copied at a time.
const CHUNK_BYTES: usize = 1 << 20;
/// Bytes in a small file at most.
const SMALL_BYTES_MAX: u64 = 1 << 20;
/// Bytes in a manifest or list at most: room for a hundred million blobs.
const LIST_BYTES_MAX: u64 = 4 << 30;
const ROW_BYTES: usize = 40;
const MANIFEST: &str = "manifest.json";
const LIST: &str = "blobs.list";
const DATABASE: &str = "ods.redb";
const PARTIAL: &str = "partial";
/// Lsns that a restored node leaves out at least, more than the lost one gave out since its backup; and up to as many again,
/// by chance, so that of two that are restored from one backup neither gives out those of the other.
const RESTORED_LSNS_LEFT_OUT: u64 = 1 << 32;
/// In a data folder that a restore is filling, until it is whole.
pub(crate) const RESTORING: &str = "restoring";

/// A folder of backups.
#[derive(Debug)]
pub struct BackupFolder {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

/// Nobody else writes to the folder of backups while it is held.
#[derive(Debug)]
pub struct BackupLock {
    _file: Box<dyn DiskFile>,
}

/// Which blobs of earlier backups are taken as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Those of the right length.
    Length,
    /// Only those that are right byte for byte; others are copied again.
    Bytes,
}

/// What became of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// It was copied.
    New,
    /// It was there.
    There,
    /// The data folder has no such file.
    Gone,
    /// The file is not what its name says, or can't be read.
    Damaged,
}

/// A database on its way into a backup.
#[derive(Debug)]
pub struct DatabaseCopy {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    bytes: u64,
}

/// What a file is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSum {
    /// Its length.
    pub bytes: u64,
    /// Its BLAKE3.
    pub blake3: Digest,
}

impl DatabaseCopy {
    /// Takes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all_at(bytes, self.bytes).map_err(StoreError::io("write", &self.path))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Ends it.
    pub fn finish(self) -> Result<()> {
        self.file.sync().map_err(StoreError::io("sync", &self.path))
    }
}

impl BackupFolder {
    /// A folder that is there.
    pub fn at(disk: Arc<dyn Disk>, folder: &Path) -> Self {
        Self { disk, folder: folder.to_owned() }
    }

    /// The names of its backups, oldest first.
    pub fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for name in self.list(&self.folder.join("backups"))? {
            if self.list(&self.backup(&name))?.iter().any(|file| file == MANIFEST) {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// What a backup's manifest says.
    pub fn manifest(&self, name: &str) -> Result<Vec<u8>> {
        read_file(&*self.disk, &self.backup(name).join(MANIFEST), SMALL_BYTES_MAX * 64)
    }

    /// Makes the folder ready for a backup, and removes what one that was cut has left in `partial/`. Refuses a node's data
    /// folder, whose blobs would be taken for those of removed backups, and a folder that another backup is being written to.
    pub fn prepare(&self) -> Result<BackupLock> {
        let path = &self.folder;
        self.disk.make_top_folder(path).map_err(StoreError::io("make", path))?;
        if self.list(path)?.iter().any(|name| [DATABASE, "node.key", "incoming"].contains(&name.as_str())) {
            let reason = "is a node's data folder. Name another folder, best on another disk".to_owned();
            return Err(StoreError::BadPlace { path: path.clone(), reason });
        }
        let lock = self.lock()?;
        for folder in [PARTIAL, "blobs", "backups"] {
            let path = self.folder.join(folder);
            self.disk.make_folder(&path).map_err(StoreError::io("make", &path))?;
        }
        for name in self.list(&self.folder.join(PARTIAL))? {
            self.remove(&self.partial(&name))?;
        }
        self.sync_folder(&self.folder)?;
        Ok(lock)
    }

    fn lock(&self) -> Result<BackupLock> {
        let path = self.folder.join("lock");
        let file = match self.disk.open_writable(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => match self.disk.create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.disk.open_writable(&path),
                other => other,
            },
            other => other,
        };
        let file = file.map_err(StoreError::io("open", &path))?;
        let is_ours = file.try_lock().map_err(StoreError::io("lock", &path))?;
        if is_ours {
            Ok(BackupLock { _file: file })
        } else {
            Err(StoreError::UnderWay { what: "a backup into this folder" })
        }
    }

    /// Begins to take a copy of the database.
    pub fn begin_database(&self) -> Result<DatabaseCopy> {
        let path = self.partial(DATABASE);
        self.remove(&path)?;
        let file = self.disk.create(&path).map_err(StoreError::io("create", &path))?;
        Ok(DatabaseCopy { path, file, bytes: 0 })
    }

    /// The blobs that the copy of the database lists.
    pub fn held_blobs(&self) -> Result<Vec<HeldBlob>> {
        snapshot::held_blobs(&self.disk, &self.partial(DATABASE))
    }

    /// Copies a blob of the data folder `data`, unless it is there, and verifies it on the way.
    pub fn copy_blob(&self, data: &Path, held: &HeldBlob, trust: Trust) -> Result<Copied> {
        let target = sharded(&self.folder, "blobs", &held.blob);
        if self.is_there(&target, held, trust) {
            return Ok(Copied::There);
        }
        let source = match self.disk.open(&sharded(data, "blobs", &held.blob)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Copied::Gone),
            Err(error) if is_about_this_file(&error) => return Ok(Copied::Damaged),
            Err(error) => return Err(StoreError::io("open", &sharded(data, "blobs", &held.blob))(error)),
        };
        let partial = self.partial(&held.blob.to_string());
        let folder = target.parent().unwrap_or(&self.folder);
        self.disk.make_folder(folder).map_err(StoreError::io("make", folder))?;
        if copy_blob(&*self.disk, &*source, &partial, held)?.is_none() {
            self.remove(&partial)?;
            return Ok(Copied::Damaged);
        }
        self.disk.rename(&partial, &target).map_err(StoreError::io("rename", &target))?;
        self.sync_folder(folder)?;
        Ok(Copied::New)
    }

    fn is_there(&self, target: &Path, held: &HeldBlob, trust: Trust) -> bool {
        let Ok(file) = self.disk.open(target) else { return false };
        if !file.stat().is_ok_and(|stat| stat.bytes == held.size) {
            return false;
        }
        match trust {
            Trust::Length => true,
            Trust::Bytes => {
                let mut hasher = BlobHasher::new();
                let read = for_each_chunk(&*file, target, |_, chunk| {
                    hasher.update(chunk);
                    Ok(())
                });
                read.is_ok() && hasher.finish().digest == held.blob
            }
        }
    }

    /// Ends a backup whose database and blobs are here: `files` of the data folder that are there, the list of its blobs, and
    /// then the manifest that `manifest` makes, given what the database is known by.
    pub fn commit(
        &self,
        name: &str,
        data: &Path,
        files: &[&str],
        blobs: &[HeldBlob],
        manifest: impl FnOnce(FileSum) -> Vec<u8>,
    ) -> Result<()> {
        let backup = self.backup(name);
        self.disk.make_folder(&backup).map_err(StoreError::io("make", &backup))?;
        let sum = sum_of(&*self.disk, &self.partial(DATABASE))?;
        let database = backup.join(DATABASE);
        self.disk.rename(&self.partial(DATABASE), &database).map_err(StoreError::io("rename", &database))?;
        for file in files {
            if let Some(bytes) = self.read_if_there(&data.join(file))? {
                self.write_small(&backup.join(file), &bytes)?;
            }
        }
        let mut list = Vec::with_capacity(blobs.len() * ROW_BYTES);
        for held in blobs {
            list.extend_from_slice(held.blob.as_bytes());
            list.extend_from_slice(&held.size.to_le_bytes());
        }
        let list_sum = blake3::hash(&list);
        list.extend_from_slice(list_sum.as_bytes());
        self.write_small(&backup.join(LIST), &list)?;
        // Blobs that were there already may have been named by a backup that was cut before it synced their folder.
        let blobs = self.folder.join("blobs");
        for shard in self.list(&blobs)? {
            self.sync_folder(&blobs.join(shard))?;
        }
        for folder in [blobs, self.folder.join("backups"), backup.clone()] {
            self.sync_folder(&folder)?;
        }
        self.write_small(&backup.join(MANIFEST), &manifest(sum))?;
        self.sync_folder(&backup)
    }

    /// Removes all backups but the newest `keep`, what earlier removals left, and the blobs that no backup needs. How many
    /// backups and blobs.
    pub fn prune(&self, keep: usize) -> Result<(usize, u64)> {
        let names = self.names()?;
        let (old, kept) = names.split_at(names.len().saturating_sub(keep));
        let mut needed = BTreeSet::new();
        for name in kept {
            needed.extend(self.blobs_of(name)?.into_iter().map(|held| held.blob));
        }
        for name in self.list(&self.folder.join("backups"))? {
            if !kept.contains(&name) {
                self.remove_backup(&name)?;
            }
        }
        let mut removed = 0;
        for shard in self.list(&self.folder.join("blobs"))? {
            let folder = self.folder.join("blobs").join(&shard);
            for name in self.list(&folder)? {
                if !name.parse::<Digest>().is_ok_and(|blob| needed.contains(&blob)) {
                    self.remove(&folder.join(&name))?;
                    removed += 1;
                }
            }
        }
        Ok((old.len(), removed))
    }

    fn remove_backup(&self, name: &str) -> Result<()> {
        let folder = self.backup(name);
        // Without its manifest it is no backup any more, wherever this is cut.
        self.remove(&folder.join(MANIFEST))?;
        self.sync_folder(&folder)?;
        for file in self.list(&folder)? {
            self.remove(&folder.join(file))?;
        }
        self.disk.remove_folder(&folder).map_err(StoreError::io("remove", &folder))
    }

    /// The blobs that a backup needs. Errs if the list isn't what was written: blobs go, and a restored node lacks some, by it.
    pub fn blobs_of(&self, name: &str) -> Result<Vec<HeldBlob>> {
        let path = self.backup(name).join(LIST);
        let list = read_file(&*self.disk, &path, LIST_BYTES_MAX)?;
        let Some((rows, _)) = list.split_last_chunk::<32>().filter(|(rows, sum)| blake3::hash(rows) == **sum) else {
            let reason = "is damaged: it doesn't have the sum that it ends with. Nothing was changed. Copy the backup's folder from \
                          another place, or remove it and back up again";
            return Err(StoreError::BadPlace { path, reason: reason.to_owned() });
        };
        let (rows, _) = rows.as_chunks::<ROW_BYTES>();
        let row = |row: &[u8; ROW_BYTES]| {
            let (blob, size) = row.split_first_chunk::<32>().unwrap_or((&[0; 32], &[]));
            let size = size.first_chunk::<8>().map_or(0, |size| u64::from_le_bytes(*size));
            HeldBlob { blob: Digest::from_bytes(*blob), size, live: false }
        };
        Ok(rows.iter().map(row).collect())
    }

    /// Makes the data folder `data`, which must be empty or missing, of a backup whose database is known by `sum`; `on_blob`
    /// is told the bytes of each blob that is copied. The blobs that the backup lacks or that are damaged in it.
    pub fn restore(
        &self,
        name: &str,
        sum: FileSum,
        data: &Path,
        entropy: [u8; 32],
        on_blob: &mut dyn FnMut(u64),
    ) -> Result<Vec<Digest>> {
        self.must_be_empty(data)?;
        let source = self.backup(name).join(DATABASE);
        if sum_of(&*self.disk, &source)? != sum {
            let reason =
                "is damaged: it isn't the database that the manifest tells of. Restore another backup".to_owned();
            return Err(StoreError::BadPlace { path: source, reason });
        }
        let blobs = self.blobs_of(name)?;
        // A folder that is not whole must not be taken for a new node's.
        self.disk.make_top_folder(data).map_err(StoreError::io("make", data))?;
        self.write_small(&data.join(RESTORING), b"")?;
        self.sync_folder(data)?;
        let mut lost = Vec::new();
        for kind in ["blobs", "outlines"] {
            for byte in 0..=u8::MAX {
                let folder = data.join(kind).join(format!("{byte:02x}"));
                self.disk.make_folder(&folder).map_err(StoreError::io("make", &folder))?;
            }
        }
        for held in blobs {
            if !self.restore_blob(data, &held)? {
                lost.push(held.blob);
            }
            on_blob(held.size);
        }
        self.sync_shards(data)?;
        self.restore_database(&source, data, entropy)?;
        for file in self.list(&self.backup(name))? {
            if ![DATABASE, LIST, MANIFEST].contains(&file.as_str()) {
                let bytes = read_file(&*self.disk, &self.backup(name).join(&file), SMALL_BYTES_MAX)?;
                self.write_small(&data.join(&file), &bytes)?;
            }
        }
        self.sync_folder(data)?;
        self.remove(&data.join(RESTORING))?;
        self.sync_folder(data)?;
        Ok(lost)
    }

    fn restore_blob(&self, data: &Path, held: &HeldBlob) -> Result<bool> {
        let source = match self.disk.open(&sharded(&self.folder, "blobs", &held.blob)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound || is_about_this_file(&error) => return Ok(false),
            Err(error) => return Err(StoreError::io("open", &sharded(&self.folder, "blobs", &held.blob))(error)),
        };
        let target = sharded(data, "blobs", &held.blob);
        let Some(hashes) = copy_blob(&*self.disk, &*source, &target, held)? else {
            self.remove(&target)?;
            return Ok(false);
        };
        if !hashes.outline.is_empty() {
            self.write_small(&sharded(data, "outlines", &held.blob), hashes.outline.as_flattened())?;
        }
        Ok(true)
    }

    /// Copies the database, and makes it a new log in a new epoch before it gets its name.
    fn restore_database(&self, source: &Path, data: &Path, entropy: [u8; 32]) -> Result<()> {
        let (partial, target) = (data.join("ods.redb.restoring"), data.join(DATABASE));
        let from = self.disk.open(source).map_err(StoreError::io("open", source))?;
        let to = self.disk.create(&partial).map_err(StoreError::io("create", &partial))?;
        for_each_chunk(&*from, source, |offset, chunk| {
            to.write_all_at(chunk, offset).map_err(StoreError::io("write", &partial))
        })?;
        let database = Database::builder().create_with_backend(DatabaseFile(to))?;
        let entropy = Entropy::new(&entropy);
        let txn = database.begin_write()?;
        {
            let mut table = txn.open_table(META)?;
            meta::put(&mut table, &meta::LOG_ID, &entropy.bytes())?;
            meta::put(&mut table, &meta::EPOCH, &u64::from_le_bytes(entropy.bytes()))?;
            let head: u64 = meta::need(&table, &meta::HEAD)?;
            let head = head.saturating_add(RESTORED_LSNS_LEFT_OUT + u64::from(u32::from_le_bytes(entropy.bytes())));
            meta::put(&mut table, &meta::HEAD, &head)?;
        }
        txn.commit()?;
        drop(database);
        self.disk.rename(&partial, &target).map_err(StoreError::io("rename", &target))?;
        self.sync_folder(data)
    }

    fn sync_shards(&self, data: &Path) -> Result<()> {
        for kind in ["blobs", "outlines"] {
            for byte in 0..=u8::MAX {
                self.sync_folder(&data.join(kind).join(format!("{byte:02x}")))?;
            }
            self.sync_folder(&data.join(kind))?;
        }
        Ok(())
    }

    fn must_be_empty(&self, data: &Path) -> Result<()> {
        match self.disk.list(data) {
            Ok(names) if names.is_empty() => Ok(()),
            Ok(names) if names.iter().any(|name| name == RESTORING) => {
                let reason = "holds a restore that was cut. Remove the folder, and restore again".to_owned();
                Err(StoreError::BadPlace { path: data.to_owned(), reason })
            }
            Ok(_) => {
                let reason = "is not empty; a node is restored into a new or an empty folder only".to_owned();
                Err(StoreError::BadPlace { path: data.to_owned(), reason })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(StoreError::io("list", data)(error)),
        }
    }

    /// Writes a small file: whole under its name, or not there.
    fn write_small(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let partial = path.with_extension("partial");
        self.remove(&partial)?;
        let file = self.disk.create(&partial).map_err(StoreError::io("create", &partial))?;
        file.write_all_at(bytes, 0).map_err(StoreError::io("write", &partial))?;
        file.sync().map_err(StoreError::io("sync", &partial))?;
        drop(file);
        self.disk.rename(&partial, path).map_err(StoreError::io("rename", path))
    }

    fn read_if_there(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        match self.disk.open(path) {
            Ok(_) => read_file(&*self.disk, path, SMALL_BYTES_MAX).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("open", path)(error)),
        }
    }

    /// The names in a folder; none if it is missing.
    fn list(&self, folder: &Path) -> Result<Vec<String>> {
        match self.disk.list(folder) {
            Ok(names) => Ok(names),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(Vec::new())
            }
            Err(error) => Err(StoreError::io("list", folder)(error)),
        }
    }

    fn remove(&self, path: &Path) -> Result<()> {
        match self.disk.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path)(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn sync_folder(&self, path: &Path) -> Result<()> {
        self.disk.sync_folder(path).map_err(StoreError::io("sync", path))
    }

    fn backup(&self, name: &str) -> PathBuf {
        self.folder.join("backups").join(name)
    }

    fn partial(&self, name: &str) -> PathBuf {
        self.folder.join(PARTIAL).join(name)
    }
}

fn sharded(folder: &Path, kind: &str, blob: &Digest) -> PathBuf {
    let name = blob.to_string();
    folder.join(kind).join(&name[..2]).join(name)
}

/// Copies a blob and syncs the copy; `None` if the source isn't what it should be.
fn copy_blob(disk: &dyn Disk, source: &dyn DiskFile, target: &Path, held: &HeldBlob) -> Result<Option<BlobHashes>> {
    let file = disk.create(target).map_err(StoreError::io("create", target))?;
    let mut hasher = BlobHasher::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    while hasher.size() < held.size {
        let bytes = usize::try_from(held.size - hasher.size()).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        if source.read_exact_at(&mut chunk[..bytes], hasher.size()).is_err() {
            return Ok(None);
        }
        file.write_all_at(&chunk[..bytes], hasher.size()).map_err(StoreError::io("write", target))?;
        hasher.update(&chunk[..bytes]);
    }
    let hashes = hasher.finish();
    if hashes.digest != held.blob {
        return Ok(None);
    }
    file.make_read_only().map_err(StoreError::io("protect", target))?;
    file.sync().map_err(StoreError::io("sync", target))?;
    Ok(Some(hashes))
}

fn for_each_chunk(file: &dyn DiskFile, path: &Path, mut take: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<u64> {
    let bytes = file.stat().map_err(StoreError::io("read", path))?.bytes;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    while offset < bytes {
        let length = usize::try_from(bytes - offset).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        file.read_exact_at(&mut chunk[..length], offset).map_err(StoreError::io("read", path))?;
        take(offset, &chunk[..length])?;
        offset += length as u64;
    }
    Ok(bytes)
}

fn sum_of(disk: &dyn Disk, path: &Path) -> Result<FileSum> {
    let file = disk.open(path).map_err(StoreError::io("open", path))?;
    let mut hasher = blake3::Hasher::new();
    let bytes = for_each_chunk(&*file, path, |_, chunk| {
        hasher.update(chunk);
        Ok(())
    })?;
    Ok(FileSum { bytes, blake3: Digest::from_bytes(*hasher.finalize().as_bytes()) })
}

fn read_file(disk: &dyn Disk, path: &Path, bytes_max: u64) -> Result<Vec<u8>> {
    let file = disk.open(path).map_err(StoreError::io("open", path))?;
    let bytes = file.stat().map_err(StoreError::io("read", path))?.bytes;
    if bytes > bytes_max {
        let reason = format!("has {bytes} bytes, more than the {bytes_max} that it may have");
        return Err(StoreError::BadPlace { path: path.to_owned(), reason });
    }
    let mut all = vec![0; usize::try_from(bytes).unwrap_or(0)];
    file.read_exact_at(&mut all, 0).map_err(StoreError::io("read", path))?;
    Ok(all)
}
