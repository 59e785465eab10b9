//! The database, held so that it outlives disk errors: reads go on from the last durable commit, writes wait, and a later
//! try goes on without a restart.
//!
//! redb refuses everything after one I/O error, reads as well. So it is opened again then, over a *stand-in*: a backend
//! that reads the file, shows the header as it was at the last good sync, and keeps writes in memory. redb never writes
//! over pages that its last durable commit uses, so header and length alone decide which commit is shown.
//!
//! Invariants:
//! - A backend that met an error, or was replaced, lets nothing through any more: neither its redb's last words reach the
//!   file nor does a reader see pages that a later commit wrote over.
//! - After a failed sync the system may count pages as written that never were, and a later good sync proves nothing about
//!   them. [`Held::mend`] therefore writes the last synced header again and cuts the file to its synced length: what the
//!   failed commit left is unused space, written again before it is used. Until then it is open whether the failed commit
//!   will be there after a power cut, so nothing may be done that counts on its absence.
//! - While a stand-in serves, nobody writes.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase, StorageBackend};

use crate::disk::DiskFile;
use crate::error::{Result, StoreError};
use crate::trouble::{DiskTrouble, Troubles};

/// redb's header is in the first page, which holds nothing else.
const HEADER_BYTES: usize = 4096;
/// What a stand-in keeps in memory is kept in blocks of this size.
const BLOCK_BYTES: u64 = 4096;

/// Takes over, from what a database shows that is about to be put in, what its user keeps in memory of it.
pub(crate) type Renew<'a> = &'a dyn Fn(&ReadTransaction) -> Result<()>;

/// A database that is open, whatever its disk does.
pub(crate) struct Held {
    file: Arc<OnDisk>,
    cache_bytes: usize,
    live: RwLock<Arc<Live>>,
    /// Held while another database is put in the place of this one.
    changing: Mutex<()>,
}

/// One opening of it.
pub(crate) struct Live {
    pub(crate) database: Database,
    gate: Arc<Gate>,
    is_stand_in: bool,
}

/// The file, and what of it is known to be on the disk.
#[derive(Debug)]
struct OnDisk {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    synced: Mutex<Synced>,
    troubles: Arc<Troubles>,
}

#[derive(Debug, Default)]
struct Synced {
    /// The header as written.
    header: Vec<u8>,
    /// The header and length of the last good sync.
    durable_header: Vec<u8>,
    durable_bytes: u64,
}

/// Lets one redb's operations through, until it is shut.
#[derive(Debug, Default)]
struct Gate(RwLock<bool>);

impl Gate {
    /// Runs `act` unless the gate is shut.
    fn pass<T>(&self, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let is_shut = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if *is_shut {
            return Err(io::Error::other("the database was closed after a disk error"));
        }
        act()
    }

    /// Waits for what is under way; nothing passes afterwards.
    fn shut(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = true;
    }

    fn is_shut(&self) -> bool {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Opens the database in `file`, or makes it if the file is empty.
    pub(crate) fn open(
        file: Box<dyn DiskFile>,
        path: &Path,
        cache_bytes: usize,
        troubles: Arc<Troubles>,
    ) -> Result<Self, DatabaseError> {
        let file = Arc::new(OnDisk { file, path: path.to_owned(), synced: Mutex::default(), troubles });
        let live = Live::open(&file, cache_bytes)?;
        Ok(Self { file, cache_bytes, live: RwLock::new(Arc::new(live)), changing: Mutex::default() })
    }

    /// Opens the database in `file` for reading alone: over a stand-in, so that nothing is written whatever redb does.
    pub(crate) fn open_to_read(
        file: Box<dyn DiskFile>,
        path: &Path,
        cache_bytes: usize,
        troubles: Arc<Troubles>,
    ) -> Result<Self, DatabaseError> {
        let reason = "it was opened for reading only".to_owned();
        troubles.note_database(DiskTrouble { what: "write to", path: path.to_owned(), reason, is_full: false });
        let file = Arc::new(OnDisk { file, path: path.to_owned(), synced: Mutex::default(), troubles });
        file.look().map_err(redb::StorageError::from)?;
        let live = Live::stand_in(&file, cache_bytes)?;
        Ok(Self { file, cache_bytes, live: RwLock::new(Arc::new(live)), changing: Mutex::default() })
    }

    /// The database of [`Self::open_to_read`], for redb's own checks.
    pub(crate) fn into_database(self) -> Result<Database> {
        let live = self.live.into_inner().unwrap_or_else(PoisonError::into_inner);
        Arc::into_inner(live).map(|live| live.database).ok_or(StoreError::Closing)
    }

    /// The database, to be changed as it is shown; a stand-in keeps that in memory.
    pub(crate) fn for_showing(&self) -> Arc<Live> {
        self.live()
    }

    /// The database to write to. Refuses while the disk fails.
    pub(crate) fn for_writing(&self) -> Result<Arc<Live>> {
        let live = self.live();
        if live.is_stand_in || live.gate.is_shut() { Err(self.failing()) } else { Ok(live) }
    }

    /// Reads the last commit; or, after an error, the last durable one, whose state `renew` gets first.
    pub(crate) fn read(&self, renew: Renew<'_>) -> Result<ReadTransaction> {
        let live = self.live();
        if !live.gate.is_shut()
            && let Ok(read) = live.database.begin_read()
        {
            return Ok(read);
        }
        self.stand_in(renew)?;
        Ok(self.live().database.begin_read()?)
    }

    /// Whether writing is refused.
    pub(crate) fn is_failing(&self) -> bool {
        let live = self.live();
        live.is_stand_in || live.gate.is_shut()
    }

    /// That writing is refused, as an error.
    pub(crate) fn failing(&self) -> StoreError {
        let unknown = || DiskTrouble {
            what: "use",
            path: self.file.path.clone(),
            reason: "an earlier error".to_owned(),
            is_full: false,
        };
        StoreError::DiskFailing { trouble: self.file.troubles.database().unwrap_or_else(unknown) }
    }

    /// Puts a stand-in in the place of a database that met an error.
    fn stand_in(&self, renew: Renew<'_>) -> Result<()> {
        let _changing = self.changing();
        if !self.live().gate.is_shut() {
            return Ok(());
        }
        let fresh = Live::stand_in(&self.file, self.cache_bytes)?;
        renew(&fresh.database.begin_read()?)?;
        self.put(fresh);
        Ok(())
    }

    /// Tries the disk again: makes the last durable commit whole on it and opens that. Errs, and leaves all as it is,
    /// while the disk still fails.
    pub(crate) fn mend(&self, renew: Renew<'_>) -> Result<()> {
        let _changing = self.changing();
        let before = self.live();
        if !before.is_stand_in && !before.gate.is_shut() {
            return Ok(());
        }
        self.file.write_durable_again().map_err(StoreError::io("mend", &self.file.path))?;
        let fresh = Live::open(&self.file, self.cache_bytes)?;
        renew(&fresh.database.begin_read()?)?;
        before.gate.shut();
        self.put(fresh);
        Ok(())
    }

    fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, fresh: Live) {
        // The one before is closed outside the lock.
        let before = {
            let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *live, Arc::new(fresh))
        };
        drop(before);
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn open(file: &Arc<OnDisk>, cache_bytes: usize) -> Result<Self, DatabaseError> {
        file.take_stock().map_err(redb::StorageError::from)?;
        let gate = Arc::new(Gate::default());
        let backend = Direct { file: Arc::clone(file), gate: Arc::clone(&gate) };
        let database = Database::builder().set_cache_size(cache_bytes).create_with_backend(backend)?;
        Ok(Self { database, gate, is_stand_in: false })
    }

    fn stand_in(file: &Arc<OnDisk>, cache_bytes: usize) -> Result<Self, DatabaseError> {
        let gate = Arc::new(Gate::default());
        let memory = Mutex::new(Memory::of(&file.synced()));
        let backend = StandIn { file: Arc::clone(file), gate: Arc::clone(&gate), memory };
        let database = Database::builder().set_cache_size(cache_bytes).create_with_backend(backend)?;
        Ok(Self { database, gate, is_stand_in: true })
    }
}

impl OnDisk {
    fn synced(&self) -> MutexGuard<'_, Synced> {
        self.synced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns what is on the disk, before redb reads anything: all that is still to be written is synced, and what the
    /// system only believes to be there is forgotten.
    fn take_stock(&self) -> io::Result<()> {
        self.file.sync()?;
        self.file.forget_cached()?;
        self.look()
    }

    /// Takes what is there for what is on the disk.
    fn look(&self) -> io::Result<()> {
        let bytes = self.file.stat()?.bytes;
        let mut header = vec![0; usize::try_from(bytes).unwrap_or(HEADER_BYTES).min(HEADER_BYTES)];
        self.file.read_exact_at(&mut header, 0)?;
        *self.synced() = Synced { durable_header: header.clone(), header, durable_bytes: bytes };
        Ok(())
    }

    fn write_durable_again(&self) -> io::Result<()> {
        let synced = self.synced();
        if self.file.stat()?.bytes != synced.durable_bytes {
            self.file.set_len(synced.durable_bytes)?;
        }
        self.file.write_all_at(&synced.durable_header, 0)?;
        self.file.sync()
    }

    /// Notes an error, and shuts the gate behind it.
    fn noted<T>(&self, gate: &Gate, what: &'static str, outcome: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &outcome
            && !gate.is_shut()
        {
            self.troubles.note_database(DiskTrouble::new(what, &self.path, error));
            gate.shut();
        }
        outcome
    }
}

/// redb over the file.
#[derive(Debug)]
struct Direct {
    file: Arc<OnDisk>,
    gate: Arc<Gate>,
}

impl StorageBackend for Direct {
    fn len(&self) -> io::Result<u64> {
        let outcome = self.gate.pass(|| Ok(self.file.file.stat()?.bytes));
        self.file.noted(&self.gate, "read", outcome)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let outcome = self.gate.pass(|| self.file.file.read_exact_at(out, offset));
        self.file.noted(&self.gate, "read", outcome)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let outcome = self.gate.pass(|| self.file.file.set_len(len));
        self.file.noted(&self.gate, "set the length of", outcome)
    }

    fn sync_data(&self) -> io::Result<()> {
        let outcome = self.gate.pass(|| {
            let bytes = self.file.file.stat()?.bytes;
            self.file.file.sync()?;
            let mut synced = self.file.synced();
            let header = synced.header.clone();
            synced.durable_header = header;
            synced.durable_bytes = bytes;
            Ok(())
        });
        self.file.noted(&self.gate, "sync", outcome)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let outcome = self.gate.pass(|| {
            if let Some(start) = usize::try_from(offset).ok().filter(|start| *start < HEADER_BYTES) {
                let end = (start + data.len()).min(HEADER_BYTES);
                let mut synced = self.file.synced();
                if synced.header.len() < end {
                    synced.header.resize(end, 0);
                }
                synced.header[start..end].copy_from_slice(&data[..end - start]);
            }
            self.file.file.write_all_at(data, offset)
        });
        self.file.noted(&self.gate, "write", outcome)
    }
}

/// redb over the last durable commit, with what it writes kept in memory: the few pages that opening takes.
#[derive(Debug)]
struct StandIn {
    file: Arc<OnDisk>,
    gate: Arc<Gate>,
    memory: Mutex<Memory>,
}

#[derive(Debug)]
struct Memory {
    bytes: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Memory {
    fn of(synced: &Synced) -> Self {
        let mut header = synced.durable_header.clone();
        header.resize(HEADER_BYTES, 0);
        Self { bytes: synced.durable_bytes, blocks: BTreeMap::from([(0, header)]) }
    }
}

impl StandIn {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block as redb left it, or as the file has it.
    fn block(&self, memory: &Memory, index: u64) -> io::Result<Vec<u8>> {
        if let Some(block) = memory.blocks.get(&index) {
            return Ok(block.clone());
        }
        let mut block = vec![0; HEADER_BYTES];
        let start = index * BLOCK_BYTES;
        let there = self.file.file.stat()?.bytes.min(memory.bytes).saturating_sub(start).min(BLOCK_BYTES);
        let there = usize::try_from(there).unwrap_or(HEADER_BYTES);
        self.file.file.read_exact_at(&mut block[..there], start)?;
        Ok(block)
    }

    /// Calls `act` with each block that `length` bytes from `offset` touch: its index, the place in it, the place in the
    /// whole, and how many bytes.
    fn each(
        offset: u64,
        length: usize,
        mut act: impl FnMut(u64, usize, usize, usize) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut done = 0;
        while done < length {
            let at = offset + done as u64;
            let within = usize::try_from(at % BLOCK_BYTES).map_err(io::Error::other)?;
            let bytes = (HEADER_BYTES - within).min(length - done);
            act(at / BLOCK_BYTES, within, done, bytes)?;
            done += bytes;
        }
        Ok(())
    }
}

impl StorageBackend for StandIn {
    fn len(&self) -> io::Result<u64> {
        self.gate.pass(|| Ok(self.memory().bytes))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let outcome = self.gate.pass(|| {
            let memory = self.memory();
            if offset + out.len() as u64 > memory.bytes {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Self::each(offset, out.len(), |index, within, at, bytes| {
                out[at..at + bytes].copy_from_slice(&self.block(&memory, index)?[within..within + bytes]);
                Ok(())
            })
        });
        self.file.noted(&self.gate, "read", outcome)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.gate.pass(|| {
            let mut memory = self.memory();
            memory.bytes = len;
            memory.blocks.retain(|index, _| index * BLOCK_BYTES < len);
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.gate.pass(|| Ok(()))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let outcome = self.gate.pass(|| {
            let mut memory = self.memory();
            Self::each(offset, data.len(), |index, within, at, bytes| {
                let mut block = self.block(&memory, index)?;
                block[within..within + bytes].copy_from_slice(&data[at..at + bytes]);
                memory.blocks.insert(index, block);
                Ok(())
            })?;
            memory.bytes = memory.bytes.max(offset + data.len() as u64);
            Ok(())
        });
        self.file.noted(&self.gate, "read", outcome)
    }
}
