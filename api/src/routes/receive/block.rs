//! The memory of an upload on its way to the disk: a few blocks that are filled, read by all who need their bytes, and filled
//! again.

use std::ops::Deref;

use ods_store::{Aligned, BLOCK_BYTES};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Blocks of an upload. Two are written and hashed, two are filled meanwhile: either side may be late for a moment without the
/// other noticing.
const BLOCKS: usize = 4;

/// A filled, or half-filled, block. Dropping it gives its memory back to its [`Blocks`].
pub(super) struct Block {
    memory: Aligned,
    filled: usize,
    home: UnboundedSender<Aligned>,
}

impl Block {
    /// Takes as many of `bytes` as there is room for; returns the rest.
    pub(super) fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (now, later) = bytes.split_at(bytes.len().min(self.memory.len() - self.filled));
        self.memory[self.filled..self.filled + now.len()].copy_from_slice(now);
        self.filled += now.len();
        later
    }

    /// Whether there is no more room.
    pub(super) fn is_full(&self) -> bool {
        self.filled == self.memory.len()
    }
}

impl Deref for Block {
    type Target = [u8];

    /// What it was filled with.
    fn deref(&self) -> &[u8] {
        &self.memory[..self.filled]
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // When its upload is over nobody takes it back.
        let _ = self.home.send(std::mem::take(&mut self.memory));
    }
}

/// The blocks of an upload.
pub(super) struct Blocks {
    bytes: usize,
    made: usize,
    home: UnboundedSender<Aligned>,
    free: UnboundedReceiver<Aligned>,
}

impl Blocks {
    /// For a body of so many bytes, if that is known.
    pub(super) fn new(body_bytes: Option<u64>) -> Self {
        let most = body_bytes.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let (home, free) = unbounded_channel();
        Self { bytes: most.clamp(1, BLOCK_BYTES), made: 0, home, free }
    }

    /// An empty one; waits until there is one.
    pub(super) async fn take(&mut self) -> Block {
        let memory = match self.free.try_recv() {
            Ok(memory) => memory,
            Err(_) if self.made < BLOCKS => {
                self.made += 1;
                Aligned::zeros(self.bytes)
            }
            Err(_) => self.free.recv().await.unwrap_or_else(|| Aligned::zeros(self.bytes)),
        };
        Block { memory, filled: 0, home: self.home.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn blocks_are_as_large_as_the_body_needs_and_filled_again() {
        let mut blocks = Blocks::new(Some(10));
        let mut block = blocks.take().await;
        assert_eq!(block.fill(b"0123456"), b"");
        assert!(!block.is_full());
        assert_eq!(block.fill(b"789abc"), b"abc");
        assert!(block.is_full() && *block == *b"0123456789");
        let first = block.as_ptr();
        drop(block);
        let again = blocks.take().await;
        assert!(again.is_empty() && again.memory.as_ptr() == first, "the same memory");
    }

    #[tokio::test]
    async fn there_are_only_so_many() {
        let mut blocks = Blocks::new(None);
        let mut taken = Vec::new();
        for _ in 0..BLOCKS {
            taken.push(blocks.take().await);
        }
        let wait = Duration::from_millis(50);
        assert!(tokio::time::timeout(wait, blocks.take()).await.is_err(), "all are in use");
        drop(taken.pop());
        assert!(tokio::time::timeout(wait, blocks.take()).await.is_ok());
    }
}
