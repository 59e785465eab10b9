//! Randomness as an argument: one 32-byte seed from the operating system, given at open, stretched with BLAKE3.

use std::sync::Mutex;

/// Random bytes stretched from a seed. The seed must be fresh for every opening of a store.
#[derive(Debug)]
pub(crate) struct Entropy(Mutex<blake3::OutputReader>);

impl Entropy {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        Self(Mutex::new(blake3::Hasher::new_derive_key("ods entropy v1").update(seed).finalize_xof()))
    }

    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill(&mut bytes);
        bytes
    }
}
