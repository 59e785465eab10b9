//! The disk seam: the few file operations the store needs, so that a simulated disk can stand in for the real one and
//! crash at any of them. The real one is `fs.rs`, the simulated one `testing.rs`.
//!
//! What each promises, and what it does not: written bytes are durable only after [`DiskFile::sync`]; a name made by
//! `create`, `link` or `rename`, and one taken away by `remove`, only after [`Disk::sync_folder`] of its folder.

use std::fmt;
use std::io;
use std::path::Path;

/// A write whose memory, place in the file and length are multiples of this, a disk can take from that very memory
/// (they ask for 512 or 4096).
pub(crate) const DIRECT_ALIGN_BYTES: usize = 4096;

/// What tells that a file changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileStat {
    /// Length in bytes.
    pub bytes: u64,
    /// Modification time, nanoseconds since 1970.
    pub modified_ns: i128,
    /// Inode number; 0 where there is none.
    pub inode: u64,
}

/// Whether an error is of this file alone: it may not be read, is a folder, or the disk can't give it. Too many open
/// files, say, is nothing that a file can help.
pub(crate) fn is_about_this_file(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory) || is_device_error(error)
}

/// The error number of a device that can't read or write, on Linux, macOS and the BSDs.
#[cfg(unix)]
pub(crate) const EIO: i32 = 5;

/// Whether a device failed.
#[cfg(unix)]
pub(crate) fn is_device_error(error: &io::Error) -> bool {
    error.raw_os_error() == Some(EIO)
}

/// Whether a device failed: not told apart here.
#[cfg(not(unix))]
pub(crate) fn is_device_error(_error: &io::Error) -> bool {
    false
}

/// Files and folders below a data folder.
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// Makes a new file, readable and writable by this user only. Errs with `AlreadyExists`.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file for reading.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file for reading and writing.
    fn open_writable(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Gives a file a second name, or its new name where the file system has no hard links. Errs with `AlreadyExists`.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Renames, replacing what is at `to`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Takes a name away.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes a folder and its parents, if they are missing.
    fn make_folder(&self, path: &Path) -> io::Result<()>;
    /// The same for a folder that everything else will be in, durably: its name, and those of the parents that were missing.
    fn make_top_folder(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// The names in a folder, in no order.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// Bytes that may still be written.
    fn free_bytes(&self, folder: &Path) -> io::Result<u64>;
}

/// An open file. Positions are explicit, so that one handle serves many readers.
pub trait DiskFile: fmt::Debug + Send + Sync {
    /// Length, time and inode.
    fn stat(&self) -> io::Result<FileStat>;
    /// Fills `buffer` from `offset`; `UnexpectedEof` if the file ends before.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes all of `bytes` at `offset`, growing the file if need be.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Says that these bytes, written already, may go to the disk now, so that [`Self::sync`] has less to wait for. A
    /// hint: it makes nothing durable.
    fn begin_sync(&self, offset: u64, bytes: u64);
    /// Says that the file will have `bytes`, mostly written in long writes at multiples of 4096 bytes, of
    /// memory and length as of place. Tells whether it is worth the trouble: those then go to the disk past the
    /// system's memory, others as ever. Reads show either. It makes nothing durable.
    fn begin_direct(&self, bytes: u64) -> bool;
    /// Cuts or grows (with zeros) the file.
    fn set_len(&self, bytes: u64) -> io::Result<()>;
    /// Sets disk space aside for the first `bytes`, for as long as the file is there; the length may grow to that. False if the
    /// file system can't.
    fn reserve(&self, bytes: u64) -> io::Result<bool>;
    /// Makes bytes and length durable.
    fn sync(&self) -> io::Result<()>;
    /// Lets the next reads come from the disk, where the system can: after a failed sync its memory may show what is not
    /// there and won't be. Nothing that is still to be written is lost.
    fn forget_cached(&self) -> io::Result<()>;
    /// Forbids writing by name, where the system can. Handles that are open stay writable.
    fn make_read_only(&self) -> io::Result<()>;
    /// Takes the file for this process alone; false if another one has it.
    fn try_lock(&self) -> io::Result<bool>;
    /// The operating system's file, where there is one (for `sendfile`).
    fn os_file(&self) -> Option<&std::fs::File>;
}
