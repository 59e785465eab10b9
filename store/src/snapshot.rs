//! Snapshots: a consistent copy of the database, made while the node goes on.
//!
//! One read transaction sees one moment; every row of every table is copied into a fresh database in `incoming/`, which is
//! removed with its handle, and at the next start if the program ended before.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{Database, Key, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, Value, WriteTransaction};

use crate::blobs::{Blobs, Claim};
use crate::codec::from_row;
use crate::digest::Digest;
use crate::disk::{Disk, DiskFile};
use crate::error::{Result, StoreError};
use crate::open::DatabaseFile;
use crate::schema::{BLOBS, InSnapshots, LIVE_BLOBS, TableVisitor, each_table};
use crate::store::Store;
use crate::wants::{self, BlobRow};

/// Memory for a copy's cache.
const CACHE_BYTES: usize = 64 << 20;

/// A copy of the database as it was at one moment.
#[derive(Debug)]
pub struct Snapshot {
    file: Box<dyn DiskFile>,
    bytes: u64,
    place: Place,
}

/// The file's place, and leave to make one; both go with it.
#[derive(Debug)]
struct Place {
    blobs: Arc<Blobs>,
    path: PathBuf,
    under_way: Arc<AtomicBool>,
    /// Keeps gc from taking the file for a left-over.
    _claim: Claim,
}

impl Drop for Place {
    fn drop(&mut self) {
        // What can't be removed now is swept at the next start.
        let _ = self.blobs.remove_incoming(&self.path);
        self.under_way.store(false, Ordering::SeqCst);
    }
}

impl Snapshot {
    /// Its length.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads at most `bytes_max` bytes from `offset`; none at the end.
    pub fn read(&self, offset: u64, bytes_max: usize) -> Result<Vec<u8>> {
        let bytes = usize::try_from(self.bytes.saturating_sub(offset)).map_or(bytes_max, |left| left.min(bytes_max));
        let mut buffer = vec![0; bytes];
        self.file.read_exact_at(&mut buffer, offset).map_err(StoreError::io("read", &self.place.path))?;
        Ok(buffer)
    }
}

impl Store {
    /// Copies the database as it is at this moment; one copy at a time.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let under_way = self.snapshot_under_way();
        if under_way.swap(true, Ordering::SeqCst) {
            return Err(StoreError::UnderWay { what: "a snapshot" });
        }
        let name = format!("{}.snapshot", data_encoding::HEXLOWER.encode(&self.random::<16>()));
        let claim = self.blobs().claim(&name);
        let place = Place { blobs: self.blobs().clone(), path: self.blobs().incoming(&name), under_way, _claim: claim };
        let read = self.read()?;
        self.blobs().check_space(self.blobs().database_bytes()?)?;
        let (path, file) = self.blobs().create_incoming(&name)?;
        let database = Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(DatabaseFile(file))?;
        let write = database.begin_write()?;
        each_table(&mut Copying { from: &read, to: &write })?;
        write.commit()?;
        drop(database);
        let missing = || StoreError::Corrupt { what: "the snapshot" };
        let file = self.blobs().open_incoming(&name)?.ok_or_else(missing)?;
        let bytes = file.stat().map_err(StoreError::io("read", &path))?.bytes;
        Ok(Snapshot { file, bytes, place })
    }
}

/// Copies the tables of one transaction into another.
struct Copying<'txn> {
    from: &'txn ReadTransaction,
    to: &'txn WriteTransaction,
}

impl TableVisitor for Copying<'_> {
    fn visit<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
        in_snapshots: InSnapshots,
    ) -> Result<()> {
        let mut target = self.to.open_table(table)?;
        if in_snapshots == InSnapshots::Copied {
            for entry in self.from.open_table(table)?.iter()? {
                let (key, value) = entry?;
                target.insert(key.value(), value.value())?;
            }
        }
        Ok(())
    }
}

/// A blob that a copy of the database lists as held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldBlob {
    /// The blob.
    pub blob: Digest,
    /// Its size.
    pub size: u64,
    /// A current revision has it.
    pub live: bool,
}

/// The blobs that the database in `path` lists as held. Opening it writes to the file.
pub(crate) fn held_blobs(disk: &Arc<dyn Disk>, path: &Path) -> Result<Vec<HeldBlob>> {
    let file = disk.open_writable(path).map_err(StoreError::io("open", path))?;
    let database = Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(DatabaseFile(file))?;
    let read = database.begin_read()?;
    let live = read.open_table(LIVE_BLOBS)?;
    let mut held = Vec::new();
    for entry in read.open_table(BLOBS)?.iter()? {
        let (blob, row) = entry?;
        let blob = Digest::from_bytes(*blob.value());
        let size = from_row::<BlobRow>("a blob", row.value())?.size;
        held.push(HeldBlob { blob, size, live: !wants::live_paths(&live, &blob)?.is_empty() });
    }
    Ok(held)
}
