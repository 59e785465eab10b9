//! The real disk: `std::fs` behind the seam of [`crate::disk`]. The one home of durable writes.
//!
//! Unix: folders are synced, files are 0600 until sealed (0444). Windows: folders can't be synced and need not be
//! (metadata is journalled), renames over open files are retried, and files that somebody has open are renamed before they
//! are removed; see each function.

use std::fs::{self, File, OpenOptions};
use std::io;
#[cfg(target_os = "linux")]
use std::os::{
    fd::AsRawFd as _,
    unix::fs::{FileExt as _, OpenOptionsExt as _},
};
use std::path::Path;
#[cfg(target_os = "linux")]
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

use fs4::FileExt as _;

#[cfg(target_os = "linux")]
use crate::disk::DIRECT_ALIGN_BYTES;
use crate::disk::{Disk, DiskFile, FileStat, is_device_error};

/// The machine's own disk.
#[derive(Debug, Default)]
pub struct LocalDisk;

impl LocalDisk {
    /// The machine's own disk.
    pub const fn new() -> Self {
        Self
    }
}

impl Disk for LocalDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Box::new(LocalFile::new(options.open(path)?)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = File::open(path)?;
        // Linux opens folders as well.
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Box::new(LocalFile::new(file)))
    }

    fn open_writable(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let open = || OpenOptions::new().read(true).write(true).open(path);
        let opened = match open() {
            // A blob that was set aside is read-only; the owner may change that. (FAT refuses this mode, so it isn't
            // set first.)
            #[cfg(unix)]
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
                open()
            }
            other => other,
        };
        Ok(Box::new(LocalFile::new(opened?)))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        match fs::hard_link(from, to) {
            Err(error) if no_hard_links(&error) => {
                if to.try_exists()? {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                rename(from, to)
            }
            other => other,
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        remove(path)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    }

    fn make_top_folder(&self, path: &Path) -> io::Result<()> {
        let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let missing = path.ancestors().take_while(is_missing).count();
        self.make_folder(path)?;
        // Its own name always: who made it may have been cut off before it was durable.
        for folder in path.ancestors().take(missing.max(1)) {
            let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            // A parent that may not be read, or of a file system that knows no syncs, can't be made durable by anybody here.
            self.sync_folder(parent).or_else(|error| if is_device_error(&error) { Err(error) } else { Ok(()) })?;
        }
        Ok(())
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }

    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        fs4::available_space(folder)
    }
}

/// Some file systems (FAT, some network shares) have none.
fn no_hard_links(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied)
}

/// On Windows a rename over a file that someone has open fails for as long as they have it.
#[expect(clippy::disallowed_methods, reason = "this is the one home of renames")]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let mut tries_left = if cfg!(windows) { 10 } else { 1 };
    loop {
        tries_left -= 1;
        match fs::rename(from, to) {
            Err(error) if tries_left > 0 && error.kind() == io::ErrorKind::PermissionDenied => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            other => return other,
        }
    }
}

#[cfg(not(windows))]
#[expect(clippy::disallowed_methods, reason = "this is the one home of unlinking")]
fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Windows keeps the name of a removed file for as long as somebody has it open, and a new file of that name would vanish
/// with the old one. So the file first gets a name that nobody asks for; it goes with that one. After a crash in between it
/// stays, which costs its bytes only.
#[cfg(windows)]
#[expect(clippy::disallowed_methods, reason = "this is the one home of unlinking")]
fn remove(path: &Path) -> io::Result<()> {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    make_removable(path)?;
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{number}.gone", std::process::id()));
    let gone = path.with_file_name(name);
    match rename(path, &gone) {
        Ok(()) => fs::remove_file(gone),
        // Somebody has it open who doesn't even let it be renamed.
        Err(_) => fs::remove_file(path),
    }
}

#[cfg(windows)]
fn make_removable(path: &Path) -> io::Result<()> {
    let mut permissions = fs::metadata(path)?.permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "Windows only, where it means just that")]
    permissions.set_readonly(false);
    fs::set_permissions(path, permissions)
}

/// Bytes written at a time. Linux caches a file in blocks as long as the writes are. Where memory is full of small
/// ones, as that of a file server is, room for a long one is only found by moving others: writing 1 MiB at a time then
/// takes up to four times as long.
#[cfg(unix)]
const WRITE_BYTES: usize = 64 << 10;

/// Cuts bytes at the multiples of [`WRITE_BYTES`] in the file.
#[cfg(unix)]
fn parts(bytes: &[u8], offset: u64) -> impl Iterator<Item = &[u8]> {
    let past = usize::try_from(offset % WRITE_BYTES as u64).expect("less than 64 KiB");
    let (first, others) = bytes.split_at(bytes.len().min(WRITE_BYTES - past));
    std::iter::once(first).chain(others.chunks(WRITE_BYTES))
}

/// Files of at least so many bytes are written past the system's memory: they would push out of it what clients download now.
/// (And memory that a virtual machine uses for the first time in a while costs it more than the disk does.)
#[cfg(target_os = "linux")]
const DIRECT_FROM_BYTES: u64 = 256 << 20;

#[derive(Debug)]
struct LocalFile {
    file: File,
    /// The same file, opened so that writes go past the system's memory (`O_DIRECT`, open(2)).
    #[cfg(target_os = "linux")]
    direct: OnceLock<File>,
}

impl LocalFile {
    fn new(file: File) -> Self {
        Self {
            file,
            #[cfg(target_os = "linux")]
            direct: OnceLock::new(),
        }
    }
}

#[cfg(target_os = "linux")]
impl LocalFile {
    /// Tells whether writes can go past the system's memory from now on.
    fn open_direct(&self) -> bool {
        let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        let flags = i32::try_from(rustix::fs::OFlags::DIRECT.bits()).unwrap_or(0);
        let opened = OpenOptions::new().write(true).custom_flags(flags).open(path);
        opened.is_ok_and(|file| self.direct.set(file).is_ok())
    }

    /// Writes past the system's memory if that was asked for and can be done, which it tells.
    fn write_direct(&self, bytes: &[u8], offset: u64) -> io::Result<bool> {
        let align = DIRECT_ALIGN_BYTES;
        let is_aligned = bytes.as_ptr().align_offset(align) == 0
            && bytes.len().is_multiple_of(align)
            && offset.is_multiple_of(align as u64);
        let Some(direct) = self.direct.get().filter(|_| is_aligned) else { return Ok(false) };
        match direct.write_all_at(bytes, offset) {
            // The file system took the flag but not the write.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(false),
            other => other.map(|()| true),
        }
    }
}

impl DiskFile for LocalFile {
    fn stat(&self) -> io::Result<FileStat> {
        let metadata = self.file.metadata()?;
        let modified_ns = match metadata.modified()?.duration_since(UNIX_EPOCH) {
            Ok(after) => i128::try_from(after.as_nanos()).unwrap_or(i128::MAX),
            Err(before) => -i128::try_from(before.duration().as_nanos()).unwrap_or(i128::MAX),
        };
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Ok(FileStat { bytes: metadata.len(), modified_ns, inode })
    }

    #[cfg(unix)]
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buffer, offset)
    }

    #[cfg(windows)]
    fn read_exact_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            let read = std::os::windows::fs::FileExt::seek_read(&self.file, buffer, offset)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            buffer = &mut buffer[read..];
            offset += read as u64;
        }
        Ok(())
    }

    #[cfg(unix)]
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if self.write_direct(bytes, offset)? {
            return Ok(());
        }
        let mut at = offset;
        parts(bytes, offset).try_for_each(|part| {
            std::os::unix::fs::FileExt::write_all_at(&self.file, part, at)?;
            at += part.len() as u64;
            Ok(())
        })
    }

    #[cfg(windows)]
    fn write_all_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = std::os::windows::fs::FileExt::seek_write(&self.file, bytes, offset)?;
            bytes = &bytes[written..];
            offset += written as u64;
        }
        Ok(())
    }

    /// Linux begins to write what it is told that nobody needs; what is being written stays in memory.
    #[cfg(target_os = "linux")]
    fn begin_sync(&self, offset: u64, bytes: u64) {
        let bytes = std::num::NonZeroU64::new(bytes);
        // A hint that is not taken costs time alone.
        let _ = rustix::fs::fadvise(&self.file, offset, bytes, rustix::fs::Advice::DontNeed);
    }

    #[cfg(not(target_os = "linux"))]
    fn begin_sync(&self, _offset: u64, _bytes: u64) {}

    #[cfg(target_os = "linux")]
    fn begin_direct(&self, bytes: u64) -> bool {
        bytes >= DIRECT_FROM_BYTES && self.open_direct()
    }

    #[cfg(not(target_os = "linux"))]
    fn begin_direct(&self, _bytes: u64) -> bool {
        false
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }

    fn reserve(&self, bytes: u64) -> io::Result<bool> {
        match self.file.allocate(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(false),
            // Windows gives back what lies behind the length when the file is closed.
            other => other.map(|()| cfg!(unix)),
        }
    }

    /// Times and modes may stay behind (fdatasync(2)): for them a file system with a journal would commit that each time.
    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    #[cfg(target_os = "linux")]
    fn forget_cached(&self) -> io::Result<()> {
        // Clean pages go, those still to be written stay (posix_fadvise(2)).
        Ok(rustix::fs::fadvise(&self.file, 0, None, rustix::fs::Advice::DontNeed)?)
    }

    #[cfg(not(target_os = "linux"))]
    fn forget_cached(&self) -> io::Result<()> {
        Ok(())
    }

    fn make_read_only(&self) -> io::Result<()> {
        #[cfg(unix)]
        match self.file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o444)) {
            // FAT knows no such mode. It is but a guard against slips; what is read is verified.
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
            Ok(()) | Err(_) => {}
        }
        Ok(())
    }

    fn try_lock(&self) -> io::Result<bool> {
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(fs::TryLockError::WouldBlock) => Ok(false),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn os_file(&self) -> Option<&File> {
        Some(&self.file)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Bytes that begin at a place in memory that a disk can take them from, with room before them.
    fn aligned(memory: &[u8]) -> &[u8] {
        let start = memory.as_ptr().align_offset(DIRECT_ALIGN_BYTES);
        &memory[start..start + 2 * DIRECT_ALIGN_BYTES]
    }

    #[test]
    fn what_goes_past_the_systems_memory_and_what_does_not_make_one_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        let memory: Vec<u8> = (0..=255).cycle().take(4 * DIRECT_ALIGN_BYTES).collect();
        let bytes = aligned(&memory);
        let disk = LocalDisk::new();
        assert!(!disk.create(&path).expect("made").begin_direct(DIRECT_FROM_BYTES - 1), "small files stay in memory");
        disk.remove(&path).expect("removed");

        let options = OpenOptions::new().write(true).read(true).create_new(true).open(&path).expect("made");
        let file = LocalFile::new(options);
        assert!(file.reserve(1 << 20).expect("there is room"));
        if !file.open_direct() {
            println!("left out: direct writes: this file system has none");
            return;
        }
        let parts: [(&[u8], bool); 4] = [(bytes, true), (bytes, true), (&bytes[1..100], false), (bytes, false)];
        let (mut offset, mut expected) = (0, Vec::new());
        for (part, is_direct) in parts {
            assert_eq!(file.write_direct(part, offset).expect("no error"), is_direct);
            file.write_all_at(part, offset).expect("it is written");
            let mut now = vec![0; part.len()];
            file.read_exact_at(&mut now, offset).expect("it is there");
            assert!(now == part, "what is read is what was written last, either way");
            offset += part.len() as u64;
            expected.extend_from_slice(part);
        }
        file.set_len(offset).expect("cut");
        file.sync().expect("synced");
        assert!(fs::read(&path).expect("readable") == expected);
    }

    #[test]
    fn a_top_folder_is_made_with_its_parents_and_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let top = folder.path().join("a/b/c");
        for _ in 0..2 {
            LocalDisk::new().make_top_folder(&top).expect("made, or there");
            assert!(top.is_dir());
        }
        drop(LocalDisk::new().create(&folder.path().join("file")).expect("made"));
        let error = LocalDisk::new().make_top_folder(&folder.path().join("file/below")).expect_err("no folder");
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
    }
}
