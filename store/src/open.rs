//! Opening a data folder: the key, the database, the schema; and what can be wrong with each.
//!
//! Order: the folder is made and found writable → `ods.redb` is locked (so that nobody else is inside) → its schema is
//! checked → the key is read, or made if the store is new → the node in the store must be the key's. A store is new until
//! its first transaction, which writes everything that `meta` needs, is committed.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{DatabaseError, ReadTransaction, StorageBackend, TableHandle};

use crate::backup::RESTORING;
use crate::database::{Held, Live};
use crate::digest::NodeId;
use crate::disk::{Disk, DiskFile};
use crate::entropy::Entropy;
use crate::error::{Result, StoreError};
use crate::keys::NodeKey;
use crate::meta;
use crate::order;
use crate::schema;
use crate::set_sum::SetSum;
use crate::trouble::Troubles;

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Bytes of the database to keep in memory.
    pub cache_bytes: usize,
    /// Fresh random bytes from the operating system.
    pub entropy: [u8; 32],
    /// The node's name, if the store is new.
    pub name: String,
}

/// redb over the disk seam.
#[derive(Debug)]
pub(crate) struct DatabaseFile(pub(crate) Box<dyn DiskFile>);

impl StorageBackend for DatabaseFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.stat()?.bytes)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }
}

/// A folder that is open.
pub(crate) struct Opened {
    pub(crate) database: Held,
    pub(crate) key: NodeKey,
    pub(crate) entropy: Entropy,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({:?})", self.key)
    }
}

/// Opens or makes the store in `folder`.
pub(crate) fn open(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    options: &StoreOptions,
    troubles: &Arc<Troubles>,
) -> Result<Opened> {
    refuse_restoring(disk, folder)?;
    check_writable(disk, folder)?;
    // `incoming/` is made once the first transaction is durable: a database beside it was neither empty nor missing.
    let was_in_use = disk.list(&folder.join("incoming")).is_ok();
    if was_in_use && is_lost(disk, folder) {
        return Err(StoreError::DatabaseLost { folder: folder.to_owned() });
    }
    let path = folder.join("ods.redb");
    if matches!(disk.open(&path), Err(error) if error.kind() == io::ErrorKind::NotFound) {
        make_database(disk, folder, &path, options.cache_bytes, troubles)?;
    }
    let file = locked_file(disk, folder)?;
    // redb panics on some damage.
    let open = || Held::open(file, &path, options.cache_bytes, Arc::clone(troubles)).map_err(cannot_open(folder));
    let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(open));
    let database = opened.unwrap_or(Err(StoreError::Corrupt { what: "ods.redb" }))?;
    let entropy = Entropy::new(&options.entropy);
    let owner = check_schema(&database.read(&|_| Ok(()))?, folder)?;
    if owner.is_none() && was_in_use {
        return Err(StoreError::DatabaseLost { folder: folder.to_owned() });
    }
    let key = node_key(disk, &folder.join("node.key"), owner, &entropy)?;
    match owner {
        None => begin(&database, &key, &entropy, &options.name)?,
        Some(_) => {
            let live = database.for_writing()?;
            add_tables_in(&live)?;
        }
    }
    Ok(Opened { database, key, entropy })
}

/// Opens the store in `folder` for reading alone: nothing in there is changed, and it need not be writable.
pub(crate) fn open_to_read(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    options: &StoreOptions,
    troubles: &Arc<Troubles>,
) -> Result<Opened> {
    refuse_restoring(disk, folder)?;
    let database = database_to_read(disk, folder, options.cache_bytes, troubles)?;
    let owner = check_schema(&database.read(&|_| Ok(()))?, folder)?;
    if owner.is_none() {
        return Err(StoreError::DatabaseLost { folder: folder.to_owned() });
    }
    let entropy = Entropy::new(&options.entropy);
    let key = node_key(disk, &folder.join("node.key"), owner, &entropy)?;
    let live = database.for_showing();
    add_tables_in(&live)?;
    drop(live);
    Ok(Opened { database, key, entropy })
}

/// The database that is there, for reading alone, with nobody else inside.
pub(crate) fn database_to_read(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    cache_bytes: usize,
    troubles: &Arc<Troubles>,
) -> Result<Held> {
    if is_lost(disk, folder) {
        return Err(StoreError::DatabaseLost { folder: folder.to_owned() });
    }
    let path = folder.join("ods.redb");
    let file = disk.open(&path).map_err(StoreError::io("open", &path))?;
    // Some network shares lock no file that is open for reading; a node that runs has locked it then.
    if !file.try_lock().unwrap_or(true) {
        return Err(StoreError::AlreadyOpen { folder: folder.to_owned() });
    }
    // redb panics on some damage.
    let open = || Held::open_to_read(file, &path, cache_bytes, Arc::clone(troubles)).map_err(cannot_open(folder));
    let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(open));
    opened.unwrap_or(Err(StoreError::Corrupt { what: "ods.redb" }))
}

fn refuse_restoring(disk: &Arc<dyn Disk>, folder: &Path) -> Result<()> {
    if disk.open(&folder.join(RESTORING)).is_err() {
        return Ok(());
    }
    let reason = "holds a restore that was cut. Remove the folder, and restore again".to_owned();
    Err(StoreError::BadPlace { path: folder.to_owned(), reason })
}

/// Whether there is no database in the folder, or an empty file.
pub(crate) fn is_lost(disk: &Arc<dyn Disk>, folder: &Path) -> bool {
    match disk.open(&folder.join("ods.redb")).and_then(|file| file.stat()) {
        Ok(stat) => stat.bytes == 0,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// `ods.redb`, with nobody else inside.
fn locked_file(disk: &Arc<dyn Disk>, folder: &Path) -> Result<Box<dyn DiskFile>> {
    let path = folder.join("ods.redb");
    let file = disk.open_writable(&path).map_err(not_writable(folder))?;
    let is_ours = file.try_lock().map_err(StoreError::io("lock", &path))?;
    if is_ours { Ok(file) } else { Err(StoreError::AlreadyOpen { folder: folder.to_owned() }) }
}

fn cannot_open(folder: &Path) -> impl Fn(DatabaseError) -> StoreError {
    let folder = folder.to_owned();
    move |error| match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::AlreadyOpen { folder: folder.clone() },
        other => other.into(),
    }
}

/// Makes an empty database: whole under its name, or not there at all. redb takes several writes to begin one, and refuses
/// a file that is neither empty nor complete.
fn make_database(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    path: &Path,
    cache_bytes: usize,
    troubles: &Arc<Troubles>,
) -> Result<()> {
    let temporary = folder.join("ods.redb.new");
    remove_if_there(disk, &temporary)?;
    let file = disk.create(&temporary).map_err(not_writable(folder))?;
    drop(Held::open(file, &temporary, cache_bytes, Arc::clone(troubles))?);
    match disk.link(&temporary, path) {
        // Another process was quicker; its lock will tell.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => other.map_err(StoreError::io("link", path))?,
    }
    disk.sync_folder(folder).map_err(StoreError::io("sync", folder))?;
    remove_if_there(disk, &temporary)
}

fn remove_if_there(disk: &Arc<dyn Disk>, path: &Path) -> Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn not_writable(folder: &Path) -> impl Fn(io::Error) -> StoreError {
    let folder = folder.to_owned();
    move |source| StoreError::NotWritable { folder: folder.clone(), source }
}

fn check_writable(disk: &Arc<dyn Disk>, folder: &Path) -> Result<()> {
    disk.make_top_folder(folder).map_err(not_writable(folder))?;
    let probe = folder.join(".ods-write-probe");
    match disk.create(&probe) {
        Ok(file) => drop(file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        // A full disk stops writing, not serving.
        Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(()),
        Err(error) => return Err(not_writable(folder)(error)),
    }
    disk.remove(&probe).map_err(not_writable(folder))
}

/// The node this database belongs to; `None` if it is new. Refuses a newer schema.
fn check_schema(read: &ReadTransaction, folder: &Path) -> Result<Option<NodeId>> {
    if !read.list_tables()?.any(|table| table.name() == schema::META.name()) {
        return Ok(None);
    }
    let table = read.open_table(schema::META)?;
    let found = meta::need(&table, &meta::SCHEMA)?;
    let known = schema::SCHEMA_VERSION;
    if found > known {
        return Err(StoreError::NewerSchema { folder: folder.to_owned(), found, known });
    }
    meta::need(&table, &meta::NODE).map(Some)
}

/// Makes the tables that came after this data folder was made.
fn add_tables_in(live: &Live) -> Result<()> {
    let mut txn = live.database.begin_write()?;
    txn.set_quick_repair(true);
    let before = txn.list_tables()?.count();
    schema::make_tables(&txn)?;
    let same = txn.list_tables()?.count() == before;
    if !order::fill(&txn)? && same {
        txn.abort()?;
    } else {
        txn.commit()?;
    }
    Ok(())
}

/// Reads the key file, or makes it for a new store.
fn node_key(disk: &Arc<dyn Disk>, path: &Path, owner: Option<NodeId>, entropy: &Entropy) -> Result<NodeKey> {
    let file = match disk.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match owner {
                Some(expected) => Err(StoreError::NoKey { path: path.to_owned(), expected }),
                None => make_key(disk, path, entropy),
            };
        }
        Err(error) => return Err(StoreError::io("open", path)(error)),
    };
    let bytes = file.stat().map_err(StoreError::io("read", path))?.bytes;
    if bytes != 32 {
        return Err(StoreError::BadKeyFile { path: path.to_owned(), bytes });
    }
    let mut secret = [0; 32];
    file.read_exact_at(&mut secret, 0).map_err(StoreError::io("read", path))?;
    let key = NodeKey::from_secret(secret);
    match owner {
        Some(expected) if expected != key.node_id() => {
            Err(StoreError::WrongKey { path: path.to_owned(), found: key.node_id(), expected })
        }
        Some(_) | None => Ok(key),
    }
}

/// Makes the key: whole under its name, or not there at all.
fn make_key(disk: &Arc<dyn Disk>, path: &Path, entropy: &Entropy) -> Result<NodeKey> {
    let key = NodeKey::from_secret(entropy.bytes());
    let temporary: PathBuf = path.with_extension("key.new");
    remove_if_there(disk, &temporary)?;
    let file = disk.create(&temporary).map_err(StoreError::io("create", &temporary))?;
    file.write_all_at(&key.secret(), 0).map_err(StoreError::io("write", &temporary))?;
    file.sync().map_err(StoreError::io("sync", &temporary))?;
    drop(file);
    disk.rename(&temporary, path).map_err(StoreError::io("rename", path))?;
    let folder = path.parent().unwrap_or(path);
    disk.sync_folder(folder).map_err(StoreError::io("sync", folder))?;
    Ok(key)
}

/// The first transaction of a new store: every table, every value of `meta`.
fn begin(database: &Held, key: &NodeKey, entropy: &Entropy, name: &str) -> Result<()> {
    let live = database.for_writing()?;
    let mut txn = live.database.begin_write()?;
    txn.set_quick_repair(true);
    schema::make_tables(&txn)?;
    {
        let mut table = txn.open_table(schema::META)?;
        meta::put(&mut table, &meta::SCHEMA, &schema::SCHEMA_VERSION)?;
        meta::put(&mut table, &meta::NODE, &key.node_id())?;
        meta::put(&mut table, &meta::ROOT, &key.node_id())?;
        meta::put(&mut table, &meta::LOG_ID, &entropy.bytes())?;
        meta::put(&mut table, &meta::EPOCH, &u64::from_le_bytes(entropy.bytes()))?;
        meta::put(&mut table, &meta::HEAD, &0)?;
        meta::put(&mut table, &meta::NAME, &name.to_owned())?;
        meta::put(&mut table, &meta::URLS, &Vec::new())?;
        meta::put(&mut table, &meta::CATALOG_SUM, &SetSum::default())?;
        meta::put(&mut table, &meta::BLOB_BYTES, &0)?;
        meta::put(&mut table, &meta::WANT_BYTES, &0)?;
        meta::put(&mut table, &meta::JOURNAL_PRUNED, &0)?;
    }
    txn.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::testing::SimDisk;

    fn options() -> StoreOptions {
        StoreOptions { cache_bytes: 1 << 20, entropy: [1; 32], name: "n".to_owned() }
    }

    #[test]
    fn a_newer_schema_is_refused_and_left_alone() {
        let disk = SimDisk::new();
        let open = || Store::open(Arc::new(disk.clone()), Path::new("/data"), &options());
        let store = open().expect("a new store");
        store.write(|tx| tx.set_meta(&meta::SCHEMA, &(schema::SCHEMA_VERSION + 1))).expect("a newer version's mark");
        drop(store);
        let before = disk.operations();
        let error = open().expect_err("it is newer");
        assert!(matches!(error, StoreError::NewerSchema { found: 2, known: 1, .. }), "{error:?}");
        assert!(error.to_string().contains("Use a newer ods"), "{error}");
        assert!(disk.operations() - before < 20, "nothing but opening happened");
    }
}
