//! One file's bytes as the simulated disk sees them: what reads show, what a power cut leaves, and block by block what
//! still has to be written.
//!
//! A failed sync is the treacherous one (as Linux has it): each block that was to be written may have reached the disk,
//! may still be to be written, or may be *lost*: reads show it until it is evicted, no later sync writes it, and only
//! writing it again makes it good.

use super::random::Random;

/// What is written, torn and lost as one.
pub(super) const BLOCK: usize = 512;

/// How a block stands. Plain bytes, so that tests without optimisation copy them fast.
type Block = u8;
/// As on the disk.
const CLEAN: Block = 0;
/// Never written; takes no room.
const HOLE: Block = 1;
/// To be written by the next sync.
const DIRTY: Block = 2;
/// Counted as clean, and not on the disk.
const LOST: Block = 3;

/// `Vec::resize` with zeros, fast without optimisation too.
fn resize(bytes: &mut Vec<u8>, length: usize) {
    match length.checked_sub(bytes.len()) {
        Some(more) => bytes.extend_from_slice(&vec![0; more]),
        None => bytes.truncate(length),
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    written: Vec<u8>,
    durable: Vec<u8>,
    blocks: Vec<Block>,
    allocated: u64,
    /// Blocks that are set aside for good, written or not: as many as there were at the last good sync.
    kept: usize,
    pub(super) modified_ns: i128,
}

impl Contents {
    /// An empty file.
    pub(super) fn new(modified_ns: i128) -> Self {
        Self { modified_ns, ..Self::default() }
    }

    /// The same file with these bytes, all of it durable; and what of its room is kept.
    pub(super) fn durable(&self, bytes: Vec<u8>, kept: usize) -> Self {
        let blocks = vec![CLEAN; bytes.len().div_ceil(BLOCK).max(kept)];
        let (allocated, modified_ns) = (blocks.len() as u64, self.modified_ns);
        Self { durable: bytes.clone(), written: bytes, allocated, blocks, kept, modified_ns }
    }

    /// It as it is now, all of it durable.
    pub(super) fn copy(&self) -> Self {
        self.durable(self.written.clone(), self.blocks.len())
    }

    /// What is found of it after a power cut.
    pub(super) fn crash(&self, random: &mut Random) -> Self {
        self.durable(self.after_crash(random), self.kept)
    }

    /// What reads show.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.written
    }

    /// Bytes of disk it takes.
    pub(super) fn room(&self) -> u64 {
        self.allocated * BLOCK as u64
    }

    /// Bytes of disk that writing there would take in addition.
    pub(super) fn room_for(&self, start: usize, length: usize) -> u64 {
        let blocks = start / BLOCK..(start + length).div_ceil(BLOCK);
        let holes = blocks.filter(|index| self.blocks.get(*index).is_none_or(|block| *block == HOLE));
        (holes.count() * BLOCK) as u64
    }

    /// Takes disk space for the first `bytes`.
    pub(super) fn reserve(&mut self, bytes: usize) {
        for index in 0..bytes.div_ceil(BLOCK) {
            if index == self.blocks.len() {
                self.blocks.push(HOLE);
            }
            if self.blocks[index] == HOLE {
                self.blocks[index] = CLEAN;
                self.allocated += 1;
            }
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8], start: usize) {
        let end = start + bytes.len();
        if self.written.len() < end {
            self.set_len(end);
        }
        self.written[start..end].copy_from_slice(bytes);
        if !bytes.is_empty() {
            (start / BLOCK..end.div_ceil(BLOCK)).for_each(|index| self.dirty(index));
        }
    }

    pub(super) fn set_len(&mut self, length: usize) {
        let (before, blocks) = (self.written.len(), length.div_ceil(BLOCK));
        resize(&mut self.written, length);
        if length < before {
            let gone = self.blocks.drain(blocks.min(self.blocks.len())..).filter(|block| *block != HOLE);
            self.allocated -= gone.count() as u64;
            self.kept = self.kept.min(blocks);
            if !length.is_multiple_of(BLOCK) {
                self.dirty(blocks - 1);
            }
            return;
        }
        if self.blocks.len() < blocks {
            self.blocks.resize(blocks, HOLE);
        }
        // What was cut off before and not synced would show again.
        for index in before / BLOCK..blocks.min(self.durable.len().div_ceil(BLOCK)) {
            self.dirty(index);
        }
    }

    /// Makes all durable that still counts as to be written.
    pub(super) fn sync(&mut self) {
        self.kept = self.blocks.iter().rposition(|block| *block != HOLE).map_or(0, |last| last + 1);
        resize(&mut self.durable, self.written.len());
        for index in 0..self.blocks.len() {
            if self.blocks[index] == DIRTY {
                self.reach(index);
            }
        }
    }

    /// What a sync leaves that fails.
    pub(super) fn fail_sync(&mut self, random: &mut Random) {
        if random.coin() {
            resize(&mut self.durable, self.written.len());
        }
        for index in 0..self.blocks.len() {
            if self.blocks[index] != DIRTY {
                continue;
            }
            match random.below(4) {
                0 if index * BLOCK < self.durable.len() => self.reach(index),
                1 => self.blocks[index] = LOST,
                2 => self.evict(index),
                _ => {}
            }
        }
    }

    /// Lets reads show what is on the disk.
    pub(super) fn forget_cached(&mut self) {
        for index in 0..self.blocks.len() {
            if self.blocks[index] == LOST {
                self.evict(index);
            }
        }
    }

    fn after_crash(&self, random: &mut Random) -> Vec<u8> {
        let length = if random.coin() { self.written.len() } else { self.durable.len() };
        let mut bytes = self.durable.clone();
        resize(&mut bytes, length);
        for (index, block) in self.blocks.iter().enumerate() {
            let start = index * BLOCK;
            let end = (start + BLOCK).min(length).min(self.written.len());
            if *block == DIRTY && start < end && random.coin() {
                bytes[start..end].copy_from_slice(&self.written[start..end]);
            }
        }
        bytes
    }

    pub(super) fn flip_bit(&mut self, offset: usize) {
        for bytes in [&mut self.written, &mut self.durable] {
            if let Some(byte) = bytes.get_mut(offset) {
                *byte ^= 1;
            }
        }
    }

    fn dirty(&mut self, index: usize) {
        if let Some(block) = self.blocks.get_mut(index) {
            self.allocated += u64::from(*block == HOLE);
            *block = DIRTY;
        }
    }

    fn reach(&mut self, index: usize) {
        let start = index * BLOCK;
        let end = (start + BLOCK).min(self.written.len()).min(self.durable.len());
        if start < end {
            self.durable[start..end].copy_from_slice(&self.written[start..end]);
        }
        self.blocks[index] = CLEAN;
    }

    fn evict(&mut self, index: usize) {
        let start = index * BLOCK;
        let end = (start + BLOCK).min(self.written.len());
        for at in start..end {
            self.written[at] = self.durable.get(at).copied().unwrap_or(0);
        }
        self.blocks[index] = CLEAN;
    }
}
