//! Room: how much of the disk who may use, and the part of it set aside so that a full disk can be emptied.
//!
//! | who | leaves free, beside the reserve |
//! |---|---|
//! | bytes of blobs | [`SPACE_RESERVE_BYTES`], so that the database has room for long when they have none |
//! | a commit | [`COMMIT_RESERVE_BYTES`]: one that meets the end of the disk stops all writing until it is mended |
//! | a commit that frees room | [`FREEING_BYTES`], and it may use up the reserve |
//!
//! Invariants:
//! - The reserve is a file, `reserve` in the data folder, that takes [`RESERVE_BYTES`] of the disk and holds nothing.
//!   It has its name once it has its room. Nothing depends on whether it is there; a crash may bring it back or not.
//! - It is removed by the first commit that frees room (a removal, gc) and finds too little, and made again once it fits.
//! - A disk is full when no commit fits. Whoever may upload can set aside all that blobs may use, without sending a byte; the
//!   4 MiB from there to full are the database's, so that it can grow meanwhile and nobody is told that the disk is full.
//! - While it isn't there, everybody else leaves its bytes free as well: what it was given up for, they never use up.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::blobs::Blobs;
use crate::disk::DiskFile;
use crate::error::{Result, StoreError};

/// Bytes that blobs leave free.
const SPACE_RESERVE_BYTES: u64 = 8 << 20;
/// Bytes that a commit leaves free.
const COMMIT_RESERVE_BYTES: u64 = 4 << 20;
/// Bytes that a commit needs which frees room: it writes a few pages, and mostly over free ones.
const FREEING_BYTES: u64 = 1 << 20;
/// Bytes of the reserve.
const RESERVE_BYTES: u64 = 8 << 20;
/// Its name in the data folder.
const RESERVE: &str = "reserve";
/// Its name in `incoming/` until it has its room.
const RESERVE_NEW: &str = "reserve.new";
/// Zeros written at a time, where the file system can't just set room aside.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// What a commit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Anything.
    Any,
    /// It frees room, or is a step to that: a package is removed, blobs are collected.
    FreeRoom,
}

/// Whether the reserve is there.
#[derive(Debug, Default)]
pub(crate) struct Reserve(AtomicBool);

impl Blobs {
    /// Bytes free on the disk.
    pub(crate) fn free_bytes(&self) -> Result<u64> {
        self.disk().free_bytes(self.folder()).map_err(StoreError::io("ask for free space in", self.folder()))
    }

    /// Errs unless `bytes` more of blobs fit.
    pub(crate) fn check_space(&self, bytes: u64) -> Result<()> {
        let free = self.beside_reserve(self.free_bytes()?).saturating_sub(SPACE_RESERVE_BYTES);
        if bytes > free { Err(StoreError::NoSpace { needed: bytes, free }) } else { Ok(()) }
    }

    /// Errs unless a commit fits: else the disk is full.
    pub(crate) fn check_commit_space(&self) -> Result<()> {
        // A disk that can't tell may still write.
        let Ok(free) = self.free_bytes() else { return Ok(()) };
        let (needed, free) = (COMMIT_RESERVE_BYTES, self.beside_reserve(free));
        if free < needed { Err(StoreError::NoSpace { needed, free }) } else { Ok(()) }
    }

    /// Errs unless a commit fits for which the reserve may be given up.
    pub(crate) fn make_commit_space(&self) -> Result<()> {
        let Ok(free) = self.free_bytes() else { return Ok(()) };
        if free >= COMMIT_RESERVE_BYTES {
            return Ok(());
        }
        self.give_up_reserve()?;
        let (needed, free) = (FREEING_BYTES, self.free_bytes()?);
        if free < needed { Err(StoreError::NoSpace { needed, free }) } else { Ok(()) }
    }

    /// Takes the reserve that is there, or makes it if there is room for it.
    pub(crate) fn keep_reserve(&self) -> Result<()> {
        if self.reserve().is_there() {
            return Ok(());
        }
        if self.disk().open(&self.reserve_path()).is_ok() {
            self.reserve().set(true);
        } else if self.free_bytes()? >= RESERVE_BYTES + COMMIT_RESERVE_BYTES {
            self.make_reserve()?;
        }
        Ok(())
    }

    /// Of so many bytes free, those that aren't the reserve's.
    fn beside_reserve(&self, free: u64) -> u64 {
        if self.reserve().is_there() { free } else { free.saturating_sub(RESERVE_BYTES) }
    }

    fn give_up_reserve(&self) -> Result<()> {
        let path = self.reserve_path();
        // First: nobody else may take for free what becomes free.
        self.reserve().set(false);
        self.remove_incoming(&path)
    }

    fn make_reserve(&self) -> Result<()> {
        let _claim = self.claim(RESERVE_NEW);
        self.remove_incoming(&self.incoming(RESERVE_NEW))?;
        let (new, file) = self.create_incoming(RESERVE_NEW)?;
        let made = take_room(&*file).map_err(StoreError::io("set room aside in", &new)).and_then(|()| {
            drop(file);
            let path = self.reserve_path();
            self.disk().rename(&new, &path).map_err(StoreError::io("rename", &path))?;
            self.disk().sync_folder(self.folder()).map_err(StoreError::io("sync", self.folder()))
        });
        if made.is_err() {
            self.remove_incoming(&new)?;
        }
        made?;
        self.reserve().set(true);
        Ok(())
    }

    fn reserve_path(&self) -> PathBuf {
        self.folder().join(RESERVE)
    }
}

impl Reserve {
    fn is_there(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn set(&self, is_there: bool) {
        self.0.store(is_there, Ordering::Release);
    }
}

fn take_room(file: &dyn DiskFile) -> io::Result<()> {
    if !file.reserve(RESERVE_BYTES)? {
        for offset in (0..RESERVE_BYTES).step_by(ZEROS.len()) {
            file.write_all_at(&ZEROS, offset)?;
        }
    }
    file.sync()
}
