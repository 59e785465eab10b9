//! A simulated disk: it knows durable bytes and names from written ones, can crash, and can give errors.
//!
//! What it models: bytes written since a file's last sync survive a crash or not, in blocks of 512 bytes each on its own
//! (so writes tear and reorder); a name changed since its folder's last sync is after a crash what it was at any moment
//! since, each name on its own. What was synced always survives. Crashes come from outside ([`SimDisk::crash`]) or at the
//! n-th operation from now ([`SimDisk::fail_after`]): from there on every operation fails, as the program's last moments
//! look to it. Errors come as planned ([`SimDisk::fail`]), at random ([`SimDisk::fail_at_random`]) or because the disk is
//! full ([`SimDisk::set_capacity`]); what a failed sync leaves is in `testing/contents.rs`.

mod contents;
mod faults;
mod fill;
mod operations;
mod random;
mod sign;

pub use faults::{DiskError, DiskFault, Operation};
pub use fill::{fill, fill_history, filled_path};
pub use sign::sign_event;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contents::Contents;
use faults::Faults;
use random::Random;

/// A disk in memory that can crash. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Debug, Clone, Default)]
struct State {
    files: BTreeMap<u64, Contents>,
    names: BTreeMap<PathBuf, u64>,
    /// What each name was, from its folder's last sync on, that is not what is durable now.
    earlier: BTreeMap<PathBuf, Vec<Option<u64>>>,
    folders: BTreeSet<PathBuf>,
    locked: BTreeSet<u64>,
    next_inode: u64,
    clock: i128,
    operations: u64,
    fails_at: Option<u64>,
    crashed_at: Option<Operation>,
    faults: Faults,
    random: Random,
    capacity: Option<u64>,
    no_hard_links: bool,
}

impl State {
    /// Changes what a name stands for, and remembers what it was until its folder is synced.
    fn set_name(&mut self, name: &Path, inode: Option<u64>) {
        let before = match inode {
            Some(inode) => self.names.insert(name.to_owned(), inode),
            None => self.names.remove(name),
        };
        self.earlier.entry(name.to_owned()).or_default().push(before);
    }

    /// Bytes that may still be written.
    fn free(&self) -> u64 {
        let Some(capacity) = self.capacity else { return 1 << 40 };
        let named: BTreeSet<u64> = self.names.values().copied().collect();
        let used = named.iter().filter_map(|inode| self.files.get(inode)).map(Contents::room).sum();
        capacity.saturating_sub(used)
    }
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty disk whose file system has no hard links.
    pub fn without_hard_links() -> Self {
        Self(Arc::new(Mutex::new(State { no_hard_links: true, ..State::default() })))
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

    /// The operation that [`SimDisk::fail_after`] struck first, if one was tried at or after its moment.
    pub fn crashed_at(&self) -> Option<Operation> {
        self.state().crashed_at
    }

    /// Plans an error.
    pub fn fail(&self, fault: DiskFault) {
        self.state().faults.plan(fault);
    }

    /// From now on one operation in `one_in` that changes something fails, as `seed` decides.
    pub fn fail_at_random(&self, seed: u64, one_in: u64) {
        self.state().faults.at_random(seed, one_in);
    }

    /// Ends all errors but that of a full disk.
    pub fn mend(&self) {
        self.state().faults.end();
    }

    /// How many errors were given.
    pub fn errors(&self) -> u64 {
        self.state().faults.struck()
    }

    /// The disk holds this many bytes; `None`: any.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// What a machine finds on this disk after losing power now: all that was synced, and of the rest what `seed` decides.
    #[must_use]
    pub fn crash(&self, seed: u64) -> Self {
        let state = self.state();
        let mut random = Random::new(seed);
        let mut names = state.names.clone();
        for (name, states) in &state.earlier {
            let now = state.names.get(name).copied();
            let chosen = usize::try_from(random.below(states.len() as u64 + 1)).unwrap_or(0);
            match states.get(chosen).copied().unwrap_or(now) {
                Some(inode) => drop(names.insert(name.clone(), inode)),
                None => drop(names.remove(name)),
            }
        }
        let named: BTreeSet<u64> = names.values().copied().collect();
        let files = named.iter().filter_map(|inode| {
            let contents = state.files.get(inode)?;
            Some((*inode, contents.crash(&mut random)))
        });
        let files = files.collect();
        Self(Arc::new(Mutex::new(State { files, names, random, earlier: BTreeMap::new(), ..state.restarted() })))
    }

    /// The same disk for the next process, the machine still running: nothing is lost, errors and locks are over.
    #[must_use]
    pub fn restart(&self) -> Self {
        Self(Arc::new(Mutex::new(self.state().restarted())))
    }

    /// A copy of this disk as it is now, all of it durable: a backup taken while nothing runs.
    #[must_use]
    pub fn copy(&self) -> Self {
        let mut state = self.state().restarted();
        state.earlier.clear();
        for contents in state.files.values_mut() {
            *contents = contents.copy();
        }
        Self(Arc::new(Mutex::new(state)))
    }

    /// Flips one bit of a file, as a failing disk does: length, time and inode stay.
    pub fn flip_bit(&self, path: &Path, offset: usize) {
        let mut state = self.state();
        let Some(inode) = state.names.get(path).copied() else { return };
        if let Some(contents) = state.files.get_mut(&inode) {
            contents.flip_bit(offset);
        }
    }

    /// What reads of a file show; `None` if no file has this name.
    pub fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state();
        state.names.get(path).and_then(|inode| state.files.get(inode)).map(|contents| contents.bytes().to_vec())
    }

    /// The names of all files.
    pub fn file_names(&self) -> Vec<PathBuf> {
        self.state().names.keys().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, for an operation that changes something, and the error that it is to meet.
    fn begin(&self, operation: Operation, path: &Path) -> io::Result<(MutexGuard<'_, State>, Option<io::Error>)> {
        let mut state = self.state();
        if state.fails_at.is_some_and(|at| state.operations >= at) {
            state.crashed_at.get_or_insert(operation);
            return Err(io::Error::other("simulated crash"));
        }
        state.operations += 1;
        state.clock += 1;
        let error = state.faults.strike(operation, path);
        Ok((state, error))
    }

    /// The state, for an operation that changes something or, meeting an error, nothing.
    fn change(&self, operation: Operation, path: &Path) -> io::Result<MutexGuard<'_, State>> {
        match self.begin(operation, path)? {
            (state, None) => Ok(state),
            (_, Some(error)) => Err(error),
        }
    }
}

impl State {
    fn restarted(&self) -> Self {
        Self { locked: BTreeSet::new(), fails_at: None, crashed_at: None, faults: Faults::default(), ..self.clone() }
    }
}
