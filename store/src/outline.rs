//! Pieces and outlines: how parts of a blob are verified alone.
//!
//! A piece is 1 MiB (1024 BLAKE3 chunks), so each is a complete subtree of BLAKE3's tree (BLAKE3 paper §2.1) and has a
//! chaining value. The outline is the list of them; merging them gives the digest, so an outline is verified before
//! any data, and each piece by the outline. A blob of at most one piece has no outline: its digest is that of the piece.
//!
//! Limit of the proof: an outline proves the size only together with the last piece (the digest of four pieces says
//! nothing about whether the last one is full), so the last piece is fetched and verified first.

use blake3::Hasher;
use blake3::hazmat::{HasherExt as _, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root};
use sha2::Digest as _;
use sha2::digest::common::hazmat::SerializableState as _;

use crate::digest::{Digest, Sha256};

/// Bytes in a piece; a blob's last one may be shorter.
pub const PIECE_BYTES: u64 = 1 << 20;

/// A piece's chaining value.
pub type ChainingValue = [u8; 32];

/// How many pieces a blob of `size` bytes has. The empty blob has one, of no bytes.
pub const fn piece_count(size: u64) -> u64 {
    if size == 0 { 1 } else { size.div_ceil(PIECE_BYTES) }
}

/// How many bytes piece `index` of a blob of `size` bytes has.
pub fn piece_bytes(size: u64, index: u64) -> usize {
    let bytes = size.saturating_sub(index.saturating_mul(PIECE_BYTES)).min(PIECE_BYTES);
    usize::try_from(bytes).expect("a piece is 1 MiB at most")
}

/// Whether `outline` is that of the blob `digest` of `size` bytes; for a blob of one piece, whether it is empty.
pub fn outline_is_right(outline: &[ChainingValue], digest: &Digest, size: u64) -> bool {
    let count = piece_count(size);
    if count == 1 {
        return outline.is_empty();
    }
    outline.len() as u64 == count && root(outline, size) == *digest
}

/// Whether `piece` is piece `index` of the blob with this digest, size and (right) outline.
pub fn piece_is_right(piece: &[u8], index: u64, outline: &[ChainingValue], digest: &Digest, size: u64) -> bool {
    if index >= piece_count(size) || piece.len() != piece_bytes(size, index) {
        return false;
    }
    if outline.is_empty() {
        return Digest::of(piece) == *digest;
    }
    if piece_count(size) == 1 {
        // There is no such outline; and a piece without bytes has no chaining value.
        return false;
    }
    let expected = usize::try_from(index).ok().and_then(|index| outline.get(index));
    expected == Some(&chaining_value(piece, index))
}

fn chaining_value(piece: &[u8], index: u64) -> ChainingValue {
    Hasher::new().set_input_offset(index * PIECE_BYTES).update(piece).finalize_non_root()
}

/// The digest of a blob of `size` bytes, more than one piece, from its outline.
fn root(outline: &[ChainingValue], size: u64) -> Digest {
    let (left, right) = halves(outline, size);
    Digest::from_bytes(*merge_subtrees_root(&left, &right, Mode::Hash).as_bytes())
}

fn subtree(outline: &[ChainingValue], size: u64) -> ChainingValue {
    if let [one] = outline {
        return *one;
    }
    let (left, right) = halves(outline, size);
    merge_subtrees_non_root(&left, &right, Mode::Hash)
}

fn halves(outline: &[ChainingValue], size: u64) -> (ChainingValue, ChainingValue) {
    let left_bytes = left_subtree_len(size);
    let pieces = usize::try_from(left_bytes / PIECE_BYTES).expect("an outline that fits memory has a usize of pieces");
    let (left, right) = outline.split_at(pieces);
    (subtree(left, left_bytes), subtree(right, size - left_bytes))
}

/// Digest, SHA-256 and outline of bytes that come in one pass.
#[derive(Debug, Clone)]
pub struct BlobHasher {
    sha256: sha2::Sha256,
    piece: Hasher,
    piece_filled: u64,
    outline: Vec<ChainingValue>,
}

/// Bytes of a [`PieceMark`] in a file.
pub(crate) const MARK_BYTES: usize = 32 + SHA256_STATE_BYTES;
/// Bytes of SHA-256's state as its crate writes it.
const SHA256_STATE_BYTES: usize = 104;

/// Where hashing stood at the end of a full piece: enough to go on from there, and to tell whether a piece is the one that
/// was hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PieceMark {
    pub(crate) chaining: ChainingValue,
    sha256: [u8; SHA256_STATE_BYTES],
}

impl PieceMark {
    /// The chaining value, then SHA-256's state.
    pub(crate) fn to_bytes(&self) -> [u8; MARK_BYTES] {
        let mut bytes = [0; MARK_BYTES];
        bytes[..32].copy_from_slice(&self.chaining);
        bytes[32..].copy_from_slice(&self.sha256);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; MARK_BYTES]) -> Self {
        let (mut chaining, mut sha256) = ([0; 32], [0; SHA256_STATE_BYTES]);
        chaining.copy_from_slice(&bytes[..32]);
        sha256.copy_from_slice(&bytes[32..]);
        Self { chaining, sha256 }
    }

    /// Whether `piece` is the full piece `index` that this was taken after.
    pub(crate) fn is_of(&self, piece: &[u8], index: u64) -> bool {
        piece.len() as u64 == PIECE_BYTES && self.chaining == chaining_value(piece, index)
    }
}

/// What [`BlobHasher`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobHashes {
    /// The blob's name.
    pub digest: Digest,
    /// Its SHA-256.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
    /// Its outline; empty for at most one piece.
    pub outline: Vec<ChainingValue>,
}

impl Default for BlobHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl BlobHasher {
    /// Of no bytes yet.
    pub fn new() -> Self {
        Self { sha256: sha2::Sha256::new(), piece: Hasher::new(), piece_filled: 0, outline: Vec::new() }
    }

    /// Bytes taken so far.
    pub fn size(&self) -> u64 {
        self.outline.len() as u64 * PIECE_BYTES + self.piece_filled
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.sha256.update(bytes);
        while !bytes.is_empty() {
            if self.piece_filled == PIECE_BYTES {
                self.outline.push(self.piece.finalize_non_root());
                self.piece = Hasher::new();
                self.piece.set_input_offset(self.outline.len() as u64 * PIECE_BYTES);
                self.piece_filled = 0;
            }
            let room = usize::try_from(PIECE_BYTES - self.piece_filled).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.piece.update(now);
            self.piece_filled += now.len() as u64;
            bytes = later;
        }
    }

    /// Where it stands, if the last piece is full; `None` within a piece.
    pub(crate) fn mark(&self) -> Option<PieceMark> {
        let is_full = self.piece_filled == PIECE_BYTES;
        is_full.then(|| PieceMark { chaining: self.piece.finalize_non_root(), sha256: self.sha256.serialize().into() })
    }

    /// A hasher that took the full pieces of `marks`, of a blob that has more bytes than these; `None` if the last mark is
    /// none of SHA-256. (Of a blob that ends there the digest couldn't be told: one piece alone is hashed as the root.)
    pub(crate) fn resume(marks: &[PieceMark]) -> Option<Self> {
        let Some(last) = marks.last() else { return Some(Self::new()) };
        let sha256 = sha2::Sha256::deserialize(&last.sha256.into()).ok()?;
        let mut piece = Hasher::new();
        piece.set_input_offset(marks.len() as u64 * PIECE_BYTES);
        let outline = marks.iter().map(|mark| mark.chaining).collect();
        Some(Self { sha256, piece, piece_filled: 0, outline })
    }

    /// The results.
    pub fn finish(mut self) -> BlobHashes {
        let size = self.size();
        let digest = if self.outline.is_empty() {
            Digest::from_bytes(*self.piece.finalize().as_bytes())
        } else {
            self.outline.push(self.piece.finalize_non_root());
            root(&self.outline, size)
        };
        BlobHashes { digest, sha256: Sha256::from_bytes(self.sha256.finalize().into()), size, outline: self.outline }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(size: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(size).expect("test sizes fit")];
        blake3::Hasher::new().update(&size.to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    }

    fn check(size: u64, step: usize) {
        let data = bytes(size);
        let mut hasher = BlobHasher::new();
        data.chunks(step).for_each(|chunk| hasher.update(chunk));
        let hashes = hasher.finish();
        assert_eq!(hashes.digest, Digest::of(&data), "digest of {size} bytes");
        assert_eq!(hashes.size, size);
        assert!(outline_is_right(&hashes.outline, &hashes.digest, size), "outline of {size} bytes");
        assert!(!outline_is_right(&hashes.outline, &Digest::of(b"other"), size) || hashes.outline.is_empty());
        for index in 0..piece_count(size) {
            let start = usize::try_from(index * PIECE_BYTES).expect("fits");
            let piece = &data[start..start + piece_bytes(size, index)];
            assert!(piece_is_right(piece, index, &hashes.outline, &hashes.digest, size), "piece {index} of {size}");
            assert!(!piece_is_right(piece, index + 1, &hashes.outline, &hashes.digest, size));
            if let Some(middle) = piece.len().checked_sub(1) {
                let mut bent = piece.to_vec();
                bent[middle / 2] ^= 1;
                assert!(!piece_is_right(&bent, index, &hashes.outline, &hashes.digest, size));
            }
        }
    }

    #[test]
    fn outlines_agree_with_blake3_around_every_edge() {
        for size in [0, 1, 63, 64, 65, 1023, 1024, 1025, 2047, 2048, 2049, PIECE_BYTES / 2] {
            check(size, 1000);
        }
        for pieces in 1..=9 {
            for delta in [-1025, -1024, -1, 0, 1, 64, 1024, 1025] {
                check((pieces * PIECE_BYTES).saturating_add_signed(delta), 300_000);
            }
        }
    }

    #[test]
    fn a_size_that_lies_is_found_with_the_last_piece() {
        let size = 4 * PIECE_BYTES;
        let data = bytes(size);
        let mut hasher = BlobHasher::new();
        hasher.update(&data);
        let hashes = hasher.finish();
        let lie = size - 1;
        assert!(outline_is_right(&hashes.outline, &hashes.digest, lie), "the outline alone can't tell");
        let last = &data[3 << 20..(4 << 20) - 1];
        assert!(!piece_is_right(last, 3, &hashes.outline, &hashes.digest, lie));
        assert!(!outline_is_right(&hashes.outline, &hashes.digest, size + 1));
    }

    #[test]
    fn a_blob_of_one_piece_has_no_outline() {
        for piece in [&b""[..], b"x"] {
            let size = piece.len() as u64;
            assert!(piece_is_right(piece, 0, &[], &Digest::of(piece), size));
            assert!(!piece_is_right(piece, 0, &[[0; 32]], &Digest::of(piece), size));
        }
    }

    #[test]
    fn hashing_goes_on_from_any_mark() {
        let size = 3 * PIECE_BYTES + 5;
        let data = bytes(size);
        let (mut hasher, mut marks) = (BlobHasher::new(), Vec::new());
        for piece in data.chunks(usize::try_from(PIECE_BYTES).expect("fits")) {
            hasher.update(piece);
            marks.extend(hasher.mark());
        }
        assert_eq!(marks.len(), 3, "the last piece isn't full");
        let whole = hasher.finish();
        for pieces in 0..=3 {
            let start = pieces << 20;
            let marks: Vec<PieceMark> =
                marks[..pieces].iter().map(|mark| PieceMark::from_bytes(&mark.to_bytes())).collect();
            assert!(marks.iter().zip(data.chunks(1 << 20)).zip(0..).all(|((mark, piece), at)| mark.is_of(piece, at)));
            let mut hasher = BlobHasher::resume(&marks).expect("right marks");
            assert_eq!(hasher.size(), start as u64);
            hasher.update(&data[start..]);
            assert_eq!(hasher.finish(), whole, "from piece {pieces}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn outlines_agree_with_blake3(size in 0..(20 * PIECE_BYTES), step in 1usize..3_000_000) {
            check(size, step.max(1000));
        }
    }
}
