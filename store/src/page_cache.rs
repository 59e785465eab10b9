//! What of a file is in the system's memory already, so that an async thread may touch it without waiting for the disk.
//!
//! Only Linux tells (`preadv2` with `RWF_NOWAIT`). Elsewhere, and on a file system that can't, nothing counts as being
//! there: the bytes are then read where waiting is allowed.

use std::fs::File;

/// A file is looked at once every so many bytes: what the kernel reads ahead at least, and so drops together.
#[cfg(target_os = "linux")]
const LOOK_EVERY_BYTES: u64 = 128 * 1024;

/// Fills `buffer` from `offset` without waiting for the disk; false if that can't be done.
#[cfg(target_os = "linux")]
pub(crate) fn read(file: &File, buffer: &mut [u8], offset: u64) -> bool {
    use std::io::IoSliceMut;

    use rustix::io::{Errno, ReadWriteFlags, preadv2};

    let mut filled = 0;
    while filled < buffer.len() {
        let rest = &mut [IoSliceMut::new(&mut buffer[filled..])];
        match preadv2(file, rest, offset + filled as u64, ReadWriteFlags::NOWAIT) {
            Ok(0) => return false,
            Ok(bytes) => filled += bytes,
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
    true
}

/// Elsewhere nobody can tell.
#[cfg(not(target_os = "linux"))]
pub(crate) fn read(_file: &File, _buffer: &mut [u8], _offset: u64) -> bool {
    false
}

/// Whether `bytes` from `offset` are there, by samples: some of them may have been dropped all the same.
#[cfg(target_os = "linux")]
pub(crate) fn has(file: &File, offset: u64, bytes: u64) -> bool {
    let Some(last) = (offset + bytes).checked_sub(1) else { return true };
    let step = usize::try_from(LOOK_EVERY_BYTES).expect("a small constant");
    (offset..last).step_by(step).skip(1).chain([last]).all(|at| read(file, &mut [0], at))
}

/// Elsewhere nobody can tell.
#[cfg(not(target_os = "linux"))]
pub(crate) fn has(_file: &File, _offset: u64, _bytes: u64) -> bool {
    false
}
