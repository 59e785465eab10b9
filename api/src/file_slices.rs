//! Parts of blobs on their way to a client that the kernel sends from the file itself (`sendfile`), so that they are
//! never copied into this program.
//!
//! The HTTP library between body and socket carries bytes only. So the body hands it a *placeholder*: bytes of the right
//! length from one region that holds nothing ([`PLACEHOLDER`]), and queues the part of the file it stands for. The library
//! passes long bytes on as they are, at the same address; the connection's stream knows the region by its address and
//! sends the file's bytes instead.
//!
//! Invariants:
//! - A placeholder is never sent as content. One that isn't exactly where and as long as the front of the queue says is an
//!   error, which ends the connection.
//! - Only a connection whose stream looks out for placeholders has a [`FileSlices`], and only requests on it see one:
//!   plain HTTP/1, where nothing comes between the library and the socket.
//! - What a slice names was verified, and was in memory, when it was queued.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use ods_store::BlobReader;

/// The most bytes a placeholder stands for.
pub(crate) const SLICE_BYTES_MAX: usize = 1 << 20;

/// What no file has in it, so that a test would find it on the wire.
const POISON: u8 = 0xA7;

/// Stands for bytes of a file. Only its address and length mean anything.
static PLACEHOLDER: [u8; SLICE_BYTES_MAX] = [POISON; SLICE_BYTES_MAX];

/// The slices that are on their way through one connection, in their order.
#[derive(Debug, Clone, Default)]
pub struct FileSlices(Arc<Mutex<VecDeque<FileSlice>>>);

/// A part of a blob's file, verified.
#[derive(Debug)]
pub(crate) struct FileSlice {
    reader: BlobReader,
    offset: u64,
    bytes: usize,
    sent: usize,
}

/// Bytes that are to be sent are no part of what is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a placeholder for a part of a file doesn't fit the queue; the connection is cut")]
pub struct Misplaced;

impl FileSlice {
    /// Of at most [`SLICE_BYTES_MAX`] bytes of a file that is the system's; else `None`.
    pub(crate) fn new(reader: BlobReader, offset: u64, bytes: usize) -> Option<Self> {
        let fits = (1..=SLICE_BYTES_MAX).contains(&bytes) && reader.os_file().is_some();
        fits.then_some(Self { reader, offset, bytes, sent: 0 })
    }

    /// Its length.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn file(&self) -> Option<&File> {
        self.reader.os_file()
    }
}

impl FileSlices {
    /// None on their way.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a slice at the end. The bytes given must be the next that the connection is handed.
    pub(crate) fn push(&self, slice: FileSlice) -> Bytes {
        let placeholder = Bytes::from_static(&PLACEHOLDER[..slice.bytes]);
        self.queue().push_back(slice);
        placeholder
    }

    /// Whether these bytes, about to be sent, stand for a part of a file.
    pub fn is_placeholder(bytes: &[u8]) -> bool {
        place(bytes).is_some()
    }

    /// Sends some of what a placeholder stands for by `send` (file, offset, bytes), which says how much of it went.
    /// An error of its own, or of the placeholder, is the connection's.
    pub fn send<E: From<Misplaced>>(
        &self,
        placeholder: &[u8],
        send: impl FnOnce(&File, u64, usize) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let mut queue = self.queue();
        let slice = queue.front_mut().ok_or(Misplaced)?;
        let left = slice.bytes - slice.sent;
        if place(placeholder) != Some(slice.sent) || placeholder.len() != left {
            return Err(Misplaced.into());
        }
        let file = slice.file().ok_or(Misplaced)?;
        let sent = send(file, slice.offset + slice.sent as u64, left)?;
        slice.sent += sent.min(left);
        if slice.sent == slice.bytes {
            queue.pop_front();
        }
        Ok(sent)
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<FileSlice>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where in the placeholder's region these bytes begin, if they are there.
fn place(bytes: &[u8]) -> Option<usize> {
    let at = bytes.as_ptr().addr().checked_sub(PLACEHOLDER.as_ptr().addr())?;
    (!bytes.is_empty() && at < SLICE_BYTES_MAX).then_some(at)
}
