//! What a look at a file tells, without reading it.

use std::fs::Metadata;
use std::time::{SystemTime, UNIX_EPOCH};

/// Size, time and identity of a file. Two equal sights of one name are taken to be the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Sight {
    /// Length in bytes.
    pub(super) bytes: u64,
    /// Modification time, nanoseconds since 1970; may lie before it.
    pub(super) mtime_ns: i64,
    /// The inode, so that a file moved over another is told from it; the creation time on Windows, else 0.
    pub(super) inode: u64,
}

impl Sight {
    /// The sight that `metadata` gives.
    pub(super) fn of(metadata: &Metadata) -> Self {
        let mtime_ns = metadata.modified().map_or(0, nanoseconds);
        Self { bytes: metadata.len(), mtime_ns, inode: identity(metadata) }
    }
}

fn nanoseconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}

/// What tells a file or folder from another one that later has its name.
#[cfg(unix)]
pub(super) fn identity(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

/// What tells a file or folder from another one that later has its name.
#[cfg(windows)]
pub(super) fn identity(metadata: &Metadata) -> u64 {
    std::os::windows::fs::MetadataExt::creation_time(metadata)
}

/// What tells a file or folder from another one that later has its name.
#[cfg(not(any(unix, windows)))]
pub(super) fn identity(_metadata: &Metadata) -> u64 {
    0
}

/// What tells a folder from another one in its place, one on another disk too.
pub(super) fn folder_identity(metadata: &Metadata) -> u64 {
    #[cfg(unix)]
    let disk = std::os::unix::fs::MetadataExt::dev(metadata);
    #[cfg(not(unix))]
    let disk = 0_u64;
    // Odd, so that no two disks are multiplied to one number.
    disk.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ identity(metadata)
}

/// Whether both tell of one file, as far as can be told.
#[cfg(not(unix))]
pub(super) fn is_same(one: &Metadata, other: &Metadata) -> bool {
    Sight::of(one) == Sight::of(other)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_sight_changes_with_length_time_and_identity() {
        let mut file = tempfile::tempfile().expect("a temporary file");
        let empty = Sight::of(&file.metadata().expect("metadata"));
        file.write_all(b"abc").expect("written");
        file.set_modified(UNIX_EPOCH + Duration::from_millis(1500)).expect("time set");
        let full = Sight::of(&file.metadata().expect("metadata"));
        assert_eq!((empty.bytes, full.bytes, full.mtime_ns), (0, 3, 1_500_000_000));
        assert_eq!(empty.inode, full.inode);
    }

    #[test]
    fn times_before_1970_and_far_ahead_are_kept_in_order() {
        assert_eq!(nanoseconds(UNIX_EPOCH - Duration::from_secs(1)), -1_000_000_000);
        assert_eq!(nanoseconds(UNIX_EPOCH + Duration::from_secs(20_000_000_000)), i64::MAX);
    }
}
