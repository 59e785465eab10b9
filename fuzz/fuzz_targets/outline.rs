//! An outline and a piece from a peer: only the right ones are taken, whatever sizes and values come with them.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use ods_store::{BlobHasher, Digest, outline_is_right, piece_bytes, piece_count, piece_is_right};

#[derive(Debug, Arbitrary)]
struct Input {
    claimed_size: u64,
    claimed_index: u64,
    outline: Vec<[u8; 32]>,
    piece: Vec<u8>,
    /// Makes a blob of a few pieces.
    size: u32,
    flip: u32,
}

/// Blobs above this take too long to hash.
const SIZE_MAX: u32 = (3 << 20) + 2;

fuzz_target!(|input: Input| {
    let digest = Digest::of(&input.piece);
    // Nonsense from a peer: any answer but a panic; a right one only for the very bytes.
    outline_is_right(&input.outline, &digest, input.claimed_size);
    let taken = piece_is_right(&input.piece, input.claimed_index, &[], &digest, input.claimed_size);
    let fits = input.claimed_index < piece_count(input.claimed_size)
        && input.piece.len() == piece_bytes(input.claimed_size, input.claimed_index);
    assert_eq!(taken, fits, "without an outline, the digest and the length decide");
    piece_is_right(&input.piece, input.claimed_index, &input.outline, &digest, input.claimed_size);

    let size = input.size % SIZE_MAX;
    let bytes: Vec<u8> = (0..size).map(|at| (at >> 3) as u8 ^ at as u8).collect();
    let mut hasher = BlobHasher::new();
    for part in bytes.chunks(usize::try_from(input.flip % 100_000 + 1).expect("a chunk's length fits")) {
        hasher.update(part);
    }
    let hashes = hasher.finish();
    assert_eq!(hashes.digest, Digest::of(&bytes), "merged pieces give the plain digest");
    assert!(outline_is_right(&hashes.outline, &hashes.digest, hashes.size), "a blob's own outline is right");
    if let Some(value) = hashes.outline.get(input.flip as usize % hashes.outline.len().max(1)) {
        let mut bent = hashes.outline.clone();
        let at = input.flip as usize % bent.len();
        bent[at] = value.map(|byte| byte ^ 1);
        assert!(!outline_is_right(&bent, &hashes.digest, hashes.size), "a bent outline is refused");
    }
});
