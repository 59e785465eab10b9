//! What is wrong with the disk: noted where it is met, until a try shows that it is over.
//!
//! [`NotingDisk`] stands between the store and its disk and notes every error of an operation that changes something; the
//! database's backend notes its own. What an operation *says* is its caller's: this only remembers, for `/readyz`, log
//! and journal. Room that is refused before anything is tried is no trouble.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Disk, DiskFile, FileStat};
use crate::error::is_lack_of_handles;

/// Something that the disk would not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskTrouble {
    /// What was tried: `write`, `sync`, `read`, …
    pub what: &'static str,
    /// On which file or folder.
    pub path: PathBuf,
    /// What the operating system said.
    pub reason: String,
    /// The disk is full.
    pub is_full: bool,
}

impl DiskTrouble {
    pub(crate) fn new(what: &'static str, path: &Path, error: &io::Error) -> Self {
        let is_full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        Self { what, path: path.to_owned(), reason: error.to_string(), is_full }
    }
}

impl fmt::Display for DiskTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't {} {} ({})", self.what, self.path.display(), self.reason)
    }
}

/// What is noted now.
#[derive(Debug, Default)]
pub(crate) struct Troubles(Mutex<Noted>);

#[derive(Debug, Clone, Default)]
pub(crate) struct Noted {
    database: Option<DiskTrouble>,
    files: Option<DiskTrouble>,
}

impl Noted {
    pub(crate) fn all(&self) -> Vec<DiskTrouble> {
        self.database.iter().chain(&self.files).cloned().collect()
    }
}

impl Troubles {
    /// Notes one of the database; the first stays, the others follow from it.
    pub(crate) fn note_database(&self, trouble: DiskTrouble) {
        self.noted().database.get_or_insert(trouble);
    }

    fn note_files(&self, trouble: DiskTrouble) {
        self.noted().files.get_or_insert(trouble);
    }

    /// Takes those that a try has shown to be over.
    pub(crate) fn take(&self) -> Noted {
        std::mem::take(&mut *self.noted())
    }

    /// Notes again what was not over after all.
    pub(crate) fn put_back(&self, before: Noted) {
        *self.noted() = before;
    }

    pub(crate) fn database(&self) -> Option<DiskTrouble> {
        self.noted().database.clone()
    }

    pub(crate) fn all(&self) -> Vec<DiskTrouble> {
        self.noted().all()
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A disk whose errors are noted.
#[derive(Debug)]
pub(crate) struct NotingDisk {
    disk: Arc<dyn Disk>,
    troubles: Arc<Troubles>,
}

impl NotingDisk {
    pub(crate) fn new(disk: Arc<dyn Disk>, troubles: Arc<Troubles>) -> Self {
        Self { disk, troubles }
    }

    fn file(&self, path: &Path, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(NotingFile { file, path: path.to_owned(), troubles: Arc::clone(&self.troubles) })
    }
}

fn note<T>(troubles: &Troubles, what: &'static str, path: &Path, outcome: io::Result<T>) -> io::Result<T> {
    if let Err(error) = &outcome
        && !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists)
        && !is_lack_of_handles(error)
    {
        troubles.note_files(DiskTrouble::new(what, path, error));
    }
    outcome
}

impl Disk for NotingDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        note(&self.troubles, "create", path, self.disk.create(path)).map(|file| self.file(path, file))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.disk.open(path)
    }

    fn open_writable(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.disk.open_writable(path).map(|file| self.file(path, file))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        note(&self.troubles, "link", to, self.disk.link(from, to))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        // One of the two is a throw-away name; people know the other.
        let of_files = |path: &Path| path.parent().is_none_or(|folder| !folder.ends_with("incoming"));
        let path = if of_files(to) { to } else { from };
        note(&self.troubles, "rename", path, self.disk.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        note(&self.troubles, "remove", path, self.disk.remove(path))
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        note(&self.troubles, "make", path, self.disk.make_folder(path))
    }

    fn make_top_folder(&self, path: &Path) -> io::Result<()> {
        note(&self.troubles, "make", path, self.disk.make_top_folder(path))
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        note(&self.troubles, "remove", path, self.disk.remove_folder(path))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        note(&self.troubles, "sync", path, self.disk.sync_folder(path))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        self.disk.free_bytes(folder)
    }
}

#[derive(Debug)]
struct NotingFile {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    troubles: Arc<Troubles>,
}

impl NotingFile {
    fn note(&self, what: &'static str, outcome: io::Result<()>) -> io::Result<()> {
        note(&self.troubles, what, &self.path, outcome)
    }
}

impl DiskFile for NotingFile {
    fn stat(&self) -> io::Result<FileStat> {
        self.file.stat()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.note("write", self.file.write_all_at(bytes, offset))
    }

    fn begin_sync(&self, offset: u64, bytes: u64) {
        self.file.begin_sync(offset, bytes);
    }

    fn begin_direct(&self, bytes: u64) -> bool {
        self.file.begin_direct(bytes)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.note("set the length of", self.file.set_len(bytes))
    }

    fn reserve(&self, bytes: u64) -> io::Result<bool> {
        // Too little room is an answer here, not an accident.
        match self.file.reserve(bytes) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => Err(error),
            other => note(&self.troubles, "reserve room for", &self.path, other),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.note("sync", self.file.sync())
    }

    fn forget_cached(&self) -> io::Result<()> {
        self.file.forget_cached()
    }

    fn make_read_only(&self) -> io::Result<()> {
        self.note("protect", self.file.make_read_only())
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.file.try_lock()
    }

    fn os_file(&self) -> Option<&std::fs::File> {
        self.file.os_file()
    }
}
