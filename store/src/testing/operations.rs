//! The simulated disk behind the seam: each operation as [`crate::disk`] promises it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicBool, Ordering};

use super::contents::Contents;
use super::{Operation, SimDisk, State};
use crate::disk::{Disk, DiskFile, FileStat};

/// From here on a file is written in blocks: sooner than on a real disk, so that workloads of small files try it.
const DIRECT_FROM_BYTES: u64 = 1 << 20;

impl SimDisk {
    fn file(&self, inode: u64, path: &Path) -> Box<dyn DiskFile> {
        Box::new(SimFile { disk: self.clone(), inode, path: path.to_owned(), locked: AtomicBool::new(false) })
    }
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.change(Operation::Create, path)?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !path.parent().is_some_and(|folder| state.folders.contains(folder)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.next_inode += 1;
        let (inode, modified_ns) = (state.next_inode, state.clock);
        state.files.insert(inode, Contents::new(modified_ns));
        state.set_name(path, Some(inode));
        Ok(self.file(inode, path))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let inode = self.state().names.get(path).copied().ok_or(io::ErrorKind::NotFound)?;
        Ok(self.file(inode, path))
    }

    fn open_writable(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.open(path)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.change(Operation::Link, to)?;
        if state.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.names.get(from).copied().ok_or(io::ErrorKind::NotFound)?;
        if state.no_hard_links {
            state.set_name(from, None);
        }
        state.set_name(to, Some(inode));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.change(Operation::Rename, to)?;
        let inode = state.names.get(from).copied().ok_or(io::ErrorKind::NotFound)?;
        // Two names of one file: POSIX has both stay.
        if state.names.get(to) != Some(&inode) {
            state.set_name(from, None);
            state.set_name(to, Some(inode));
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.change(Operation::Remove, path)?;
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.set_name(path, None);
        Ok(())
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.change(Operation::MakeFolder, path)?;
        state.folders.extend(path.ancestors().map(Path::to_owned));
        Ok(())
    }

    /// Folders are durable at once here.
    fn make_top_folder(&self, path: &Path) -> io::Result<()> {
        self.make_folder(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.change(Operation::Remove, path)?;
        if state.names.keys().any(|name| name.parent() == Some(path)) {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        state.folders.remove(path).then_some(()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let (mut state, error) = self.begin(Operation::Sync, path)?;
        let names: Vec<PathBuf> = state.earlier.keys().filter(|name| name.parent() == Some(path)).cloned().collect();
        for name in names {
            // A sync that fails may have reached some names all the same.
            if error.is_none() || state.random.coin() {
                state.earlier.remove(&name);
            }
        }
        error.map_or(Ok(()), Err)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        if !state.folders.contains(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let all = state.names.keys().chain(&state.folders);
        let names = all.filter(|name| name.parent() == Some(folder)).filter_map(|name| name.file_name());
        Ok(names.map(|name| name.to_string_lossy().into_owned()).collect())
    }

    fn free_bytes(&self, _folder: &Path) -> io::Result<u64> {
        Ok(self.state().free())
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    inode: u64,
    path: PathBuf,
    locked: AtomicBool,
}

impl SimFile {
    /// Writes bytes, sets a length or takes room: `room` tells how much more that needs, and a full disk refuses.
    fn write(
        &self,
        mut state: MutexGuard<'_, State>,
        room: impl FnOnce(&Contents) -> u64,
        act: impl FnOnce(&mut Contents),
    ) -> io::Result<()> {
        let (clock, free, limited) = (state.clock, state.free(), state.capacity.is_some());
        let contents = state.files.get_mut(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        if limited && room(contents) > free {
            return Err(io::ErrorKind::StorageFull.into());
        }
        contents.modified_ns = clock;
        act(contents);
        Ok(())
    }
}

impl DiskFile for SimFile {
    fn stat(&self) -> io::Result<FileStat> {
        let state = self.disk.state();
        let contents = state.files.get(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        let bytes = contents.bytes().len() as u64;
        Ok(FileStat { bytes, modified_ns: contents.modified_ns, inode: self.inode })
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        if let Some(error) = state.faults.strike(Operation::Read, &self.path) {
            return Err(error);
        }
        let contents = state.files.get(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes = contents.bytes().get(start..start + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let (state, error) = self.disk.begin(Operation::Write, &self.path)?;
        let Some(error) = error else {
            return self.write(
                state,
                |contents| contents.room_for(start, bytes.len()),
                |contents| {
                    contents.write(bytes, start);
                },
            );
        };
        // A write that fails may have come half the way.
        self.write(state, |_| 0, |contents| contents.write(&bytes[..bytes.len() / 2], start))?;
        Err(error)
    }

    /// Nothing is durable sooner for it.
    fn begin_sync(&self, _offset: u64, _bytes: u64) {}

    /// Written is written here.
    fn begin_direct(&self, bytes: u64) -> bool {
        bytes >= DIRECT_FROM_BYTES
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let length = usize::try_from(bytes).map_err(io::Error::other)?;
        self.write(self.disk.change(Operation::Write, &self.path)?, |_| 0, |contents| contents.set_len(length))
    }

    fn reserve(&self, bytes: u64) -> io::Result<bool> {
        let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
        let state = self.disk.change(Operation::Write, &self.path)?;
        self.write(state, |contents| contents.room_for(0, bytes), |contents| contents.reserve(bytes))?;
        Ok(true)
    }

    fn sync(&self) -> io::Result<()> {
        let (mut state, error) = self.disk.begin(Operation::Sync, &self.path)?;
        let mut random = state.random.clone();
        let contents = state.files.get_mut(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        match error {
            None => contents.sync(),
            Some(_) => contents.fail_sync(&mut random),
        }
        state.random = random;
        error.map_or(Ok(()), Err)
    }

    fn forget_cached(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.files.get_mut(&self.inode).ok_or(io::ErrorKind::NotFound)?.forget_cached();
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
