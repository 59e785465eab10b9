//! Buffers for bytes that do pass through this program: kept for the next read, since fresh memory costs more than what
//! is done with it.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::body::CHUNK_BYTES;

/// Idle buffers kept: 8 MiB.
const IDLE_MAX: usize = 32;

static IDLE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// A buffer for one chunk. It goes back when it, or the bytes made of it, are dropped.
pub(super) struct Buffer {
    memory: Vec<u8>,
    bytes: usize,
}

impl Buffer {
    /// One of so many bytes, at most a chunk's; what they are is left over from before.
    pub(super) fn of(bytes: usize) -> Self {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let memory = idle.unwrap_or_else(|| vec![0; usize::try_from(CHUNK_BYTES).expect("a small constant")]);
        Self { bytes: bytes.min(memory.len()), memory }
    }

    /// To read into.
    pub(super) fn as_mut(&mut self) -> &mut [u8] {
        &mut self.memory[..self.bytes]
    }

    /// What was read.
    pub(super) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.memory[..self.bytes]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(std::mem::take(&mut self.memory));
        }
    }
}
