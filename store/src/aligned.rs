//! Memory from which a disk can take what is written: it begins at a multiple of 4096 bytes.

use std::ops::{Deref, DerefMut};

use crate::disk::DIRECT_ALIGN_BYTES;

/// Bytes in memory from which a disk can take them as they are; by default none.
#[derive(Debug, Default)]
pub struct Aligned {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl Aligned {
    /// So many zeros.
    pub fn zeros(length: usize) -> Self {
        let memory = vec![0; length + DIRECT_ALIGN_BYTES];
        // Were there no such place, this wouldn't be aligned, and be written as anything else.
        let start = memory.as_ptr().align_offset(DIRECT_ALIGN_BYTES).min(DIRECT_ALIGN_BYTES);
        Self { memory, start, length }
    }

    /// A copy.
    pub(crate) fn copy(bytes: &[u8]) -> Self {
        let mut aligned = Self::zeros(bytes.len());
        aligned.copy_from_slice(bytes);
        aligned
    }
}

impl Deref for Aligned {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.length]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_any_number_begin_where_a_disk_can_take_them() {
        for length in [0, 1, DIRECT_ALIGN_BYTES - 1, DIRECT_ALIGN_BYTES, 1 << 20] {
            let bytes: Vec<u8> = (0..=255).cycle().take(length).collect();
            let aligned = Aligned::copy(&bytes);
            assert_eq!(aligned.as_ptr().align_offset(DIRECT_ALIGN_BYTES), 0);
            assert!(*aligned == *bytes);
        }
    }
}
