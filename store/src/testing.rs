//! A simulated disk: it knows durable bytes and names from written ones, and can crash.
//!
//! What it models: bytes written since a file's last sync survive a crash or not, in blocks of 512 bytes each on its own
//! (so writes tear and reorder); names made or taken away since their folder's last sync survive or not, each on its own.
//! What was synced always survives. Crashes come from outside ([`SimDisk::crash`]) or at the n-th operation from now
//! ([`SimDisk::fail_after`]): from there on every operation fails, as the program's last moments look to it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Disk, DiskFile, FileStat};

const BLOCK: usize = 512;

/// A disk in memory that can crash. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Debug, Clone, Default)]
struct State {
    files: BTreeMap<u64, Contents>,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    folders: BTreeSet<PathBuf>,
    locked: BTreeSet<u64>,
    next_inode: u64,
    clock: i128,
    operations: u64,
    fails_at: Option<u64>,
}

#[derive(Debug, Clone, Default)]
struct Contents {
    written: Vec<u8>,
    durable: Vec<u8>,
    modified_ns: i128,
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Operations that change something, so far.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Lets every operation fail after `operations` more that change something.
    pub fn fail_after(&self, operations: u64) {
        let mut state = self.state();
        state.fails_at = Some(state.operations + operations);
    }

    /// What a machine finds on this disk after losing power now: all that was synced, and of the rest what `seed` decides.
    #[must_use]
    pub fn crash(&self, seed: u64) -> Self {
        let state = self.state();
        let mut random = blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof();
        let mut coin = move || {
            let mut byte = [0];
            random.fill(&mut byte);
            byte[0] & 1 == 1
        };
        let mut after = State { folders: state.folders.clone(), next_inode: state.next_inode, ..State::default() };
        for (inode, contents) in &state.files {
            let bytes = contents.after_crash(&mut coin);
            let contents = Contents { written: bytes.clone(), durable: bytes, modified_ns: contents.modified_ns };
            after.files.insert(*inode, contents);
        }
        let every: BTreeSet<&PathBuf> = state.names.keys().chain(state.durable_names.keys()).collect();
        for name in every {
            let (now, synced) = (state.names.get(name), state.durable_names.get(name));
            let found = if now == synced || coin() { now } else { synced };
            if let Some(inode) = found {
                after.names.insert(name.clone(), *inode);
            }
        }
        after.durable_names.clone_from(&after.names);
        Self(Arc::new(Mutex::new(after)))
    }

    /// A copy of this disk as it is now, all of it durable: a backup taken while nothing runs.
    #[must_use]
    pub fn copy(&self) -> Self {
        let mut state = self.state().clone();
        state.locked.clear();
        state.durable_names.clone_from(&state.names);
        for contents in state.files.values_mut() {
            contents.durable.clone_from(&contents.written);
        }
        Self(Arc::new(Mutex::new(state)))
    }

    /// Flips one bit of a file, as a failing disk does: length, time and inode stay.
    pub fn flip_bit(&self, path: &Path, offset: usize) {
        let mut state = self.state();
        let Some(inode) = state.names.get(path).copied() else { return };
        if let Some(byte) = state.files.get_mut(&inode).and_then(|contents| contents.written.get_mut(offset)) {
            *byte ^= 1;
        }
    }

    /// The names of all files.
    pub fn file_names(&self) -> Vec<PathBuf> {
        self.state().names.keys().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, for an operation that changes something.
    fn change(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if state.fails_at.is_some_and(|at| state.operations >= at) {
            return Err(io::Error::other("simulated crash"));
        }
        state.operations += 1;
        state.clock += 1;
        Ok(state)
    }

    fn file(&self, inode: u64) -> Box<dyn DiskFile> {
        Box::new(SimFile { disk: self.clone(), inode, locked: AtomicBool::new(false) })
    }
}

impl Contents {
    fn after_crash(&self, coin: &mut impl FnMut() -> bool) -> Vec<u8> {
        if self.written == self.durable {
            return self.durable.clone();
        }
        let length = if coin() { self.written.len() } else { self.durable.len() };
        let mut bytes = self.durable.clone();
        bytes.resize(length, 0);
        for (index, block) in bytes.chunks_mut(BLOCK).enumerate() {
            let start = index * BLOCK;
            let end = (start + block.len()).min(self.written.len());
            let Some(fresh) = self.written.get(start..end) else { continue };
            if block[..fresh.len()] != *fresh && coin() {
                block[..fresh.len()].copy_from_slice(fresh);
            }
        }
        bytes
    }
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.change()?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !path.parent().is_some_and(|folder| state.folders.contains(folder)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.next_inode += 1;
        let inode = state.next_inode;
        let modified_ns = state.clock;
        state.files.insert(inode, Contents { modified_ns, ..Contents::default() });
        state.names.insert(path.to_owned(), inode);
        Ok(self.file(inode))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let inode = self.state().names.get(path).copied().ok_or(io::ErrorKind::NotFound)?;
        Ok(self.file(inode))
    }

    fn open_writable(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.open(path)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.change()?;
        if state.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.names.get(from).copied().ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), inode);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.change()?;
        let inode = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), inode);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change()?.names.remove(path).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.change()?;
        state.folders.extend(path.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.change()?;
        let inside = |name: &PathBuf| name.parent() == Some(path);
        let now: Vec<(PathBuf, u64)> =
            state.names.iter().filter(|(name, _)| inside(name)).map(|(name, inode)| (name.clone(), *inode)).collect();
        state.durable_names.retain(|name, _| !inside(name));
        state.durable_names.extend(now);
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        if !state.folders.contains(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let names = state.names.keys().filter(|name| name.parent() == Some(folder)).filter_map(|name| name.file_name());
        Ok(names.map(|name| name.to_string_lossy().into_owned()).collect())
    }

    fn free_bytes(&self, _folder: &Path) -> io::Result<u64> {
        Ok(1 << 40)
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    inode: u64,
    locked: AtomicBool,
}

impl SimFile {
    fn change<T>(&self, act: impl FnOnce(&mut Contents) -> T) -> io::Result<T> {
        let mut state = self.disk.change()?;
        let clock = state.clock;
        let contents = state.files.get_mut(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        contents.modified_ns = clock;
        Ok(act(contents))
    }
}

impl DiskFile for SimFile {
    fn stat(&self) -> io::Result<FileStat> {
        let state = self.disk.state();
        let contents = state.files.get(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        let bytes = contents.written.len() as u64;
        Ok(FileStat { bytes, modified_ns: contents.modified_ns, inode: self.inode })
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.disk.state();
        let contents = state.files.get(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes = contents.written.get(start..start + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        self.change(|contents| {
            if contents.written.len() < start + bytes.len() {
                contents.written.resize(start + bytes.len(), 0);
            }
            contents.written[start..start + bytes.len()].copy_from_slice(bytes);
        })
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let length = usize::try_from(bytes).map_err(io::Error::other)?;
        self.change(|contents| contents.written.resize(length, 0))
    }

    fn reserve(&self, _bytes: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.change()?;
        let contents = state.files.get_mut(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        contents.durable.clone_from(&contents.written);
        Ok(())
    }

    fn make_read_only(&self) -> io::Result<()> {
        Ok(())
    }

    fn try_lock(&self) -> io::Result<bool> {
        let locked = self.disk.state().locked.insert(self.inode);
        self.locked.fetch_or(locked, Ordering::Relaxed);
        Ok(locked)
    }

    fn os_file(&self) -> Option<&std::fs::File> {
        None
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        if self.locked.load(Ordering::Relaxed) {
            self.disk.state().locked.remove(&self.inode);
        }
    }
}
