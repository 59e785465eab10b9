//! The last bytes of a large upload, gathered into blocks that the disk can take from where they are: a block's memory, its
//! place in the file and its length are multiples of [`crate::disk::DIRECT_ALIGN_BYTES`], but for the length of the last one.

use std::io;

use crate::aligned::Aligned;
use crate::disk::DIRECT_ALIGN_BYTES;

/// Bytes of a block: a write that a disk takes at full speed.
pub const BLOCK_BYTES: usize = 1 << 20;

/// The block that is being filled.
#[derive(Debug)]
pub(super) struct Block {
    memory: Aligned,
    filled: usize,
    /// Where it begins in the file.
    offset: u64,
}

impl Block {
    /// The first of a file.
    pub(super) fn new() -> Self {
        Self { memory: Aligned::zeros(BLOCK_BYTES), filled: 0, offset: 0 }
    }

    /// Takes the next bytes; hands each block that they fill to `write`, with its place in the file.
    pub(super) fn write(
        &mut self,
        mut bytes: &[u8],
        mut write: impl FnMut(&[u8], u64) -> io::Result<()>,
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            // What could be a block is one.
            if self.filled == 0 && bytes.len() >= BLOCK_BYTES && is_aligned(bytes) {
                let (now, later) = bytes.split_at(BLOCK_BYTES);
                write(now, self.offset)?;
                self.offset += now.len() as u64;
                bytes = later;
                continue;
            }
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.filled));
            self.memory[self.filled..self.filled + now.len()].copy_from_slice(now);
            self.filled += now.len();
            bytes = later;
            if self.filled == BLOCK_BYTES {
                self.flush(&mut write)?;
            }
        }
        Ok(())
    }

    /// Hands on what is here, however little it is, and begins the next.
    pub(super) fn flush(&mut self, mut write: impl FnMut(&[u8], u64) -> io::Result<()>) -> io::Result<()> {
        if self.filled > 0 {
            write(&self.memory[..self.filled], self.offset)?;
            self.offset += self.filled as u64;
            self.filled = 0;
        }
        Ok(())
    }
}

fn is_aligned(bytes: &[u8]) -> bool {
    bytes.as_ptr().align_offset(DIRECT_ALIGN_BYTES) == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is written when chunks of these lengths come, all of them different bytes: checks each write on the way.
    fn written(lengths: &[usize]) -> (Vec<u8>, Vec<u8>) {
        let (mut came, mut written) = (Vec::new(), Vec::new());
        let mut block = Block::new();
        let mut next = |bytes: &[u8], offset: u64| {
            assert_eq!(offset, written.len() as u64);
            assert_eq!(bytes.as_ptr().align_offset(DIRECT_ALIGN_BYTES), 0);
            assert!(offset.is_multiple_of(DIRECT_ALIGN_BYTES as u64), "only the last block is short");
            written.extend_from_slice(bytes);
            Ok(())
        };
        for (index, length) in lengths.iter().enumerate() {
            let chunk: Vec<u8> = (0..*length).map(|at| ((at * 7 + at / 251 + index) % 251).to_le_bytes()[0]).collect();
            let chunk = Aligned::copy(&chunk);
            came.extend_from_slice(&chunk);
            block.write(&chunk, &mut next).expect("nothing fails");
        }
        block.flush(&mut next).expect("nothing fails");
        (came, written)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_comes_is_written_in_order_from_aligned_memory(
            lengths in proptest::collection::vec(prop_oneof![0usize..5000, 0usize..(3 << 20), Just(1 << 20)], 0..8)
        ) {
            let (came, written) = written(&lengths);
            prop_assert!(came == written);
        }
    }
}
