//! What the store told: for each path what it may show now, and which bytes it said that it holds.

use std::collections::{BTreeMap, BTreeSet};

use ods_store::{Digest, EventId};

/// What a path may show: the blob of its current revision, or nothing.
pub(crate) type Shown = Option<Digest>;

/// Everything that was acknowledged. Clones are snapshots.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    /// For each path, what it may show; several while the outcome of a change isn't known.
    pub(crate) paths: BTreeMap<String, BTreeSet<Shown>>,
    /// Blobs whose bytes were acknowledged and are live.
    pub(crate) held: BTreeSet<Digest>,
    /// Revisions with bytes, for restores and withdrawals: path, id, blob.
    pub(crate) revisions: Vec<(String, EventId, Digest)>,
    /// All contents that were ever sent.
    pub(crate) contents: BTreeMap<Digest, Vec<u8>>,
    /// Pieces that a checkpoint of a fetch acknowledged.
    pub(crate) pieces: BTreeMap<Digest, BTreeSet<u64>>,
    /// Blobs that were damaged on purpose: their bytes may be gone.
    pub(crate) rotten: BTreeSet<Digest>,
}

impl Told {
    /// A change begins that may happen or not.
    pub(crate) fn begins(&mut self, path: &str, shown: Shown) {
        self.paths.entry(path.to_owned()).or_insert_with(|| BTreeSet::from([None])).insert(shown);
    }

    /// A change was acknowledged.
    pub(crate) fn happened(&mut self, path: &str, shown: Shown) {
        self.paths.insert(path.to_owned(), BTreeSet::from([shown]));
    }

    /// A change was refused for what it was: nothing happened.
    pub(crate) fn refused(&mut self, path: &str, before: Option<BTreeSet<Shown>>) {
        match before {
            Some(before) => drop(self.paths.insert(path.to_owned(), before)),
            None => drop(self.paths.remove(path)),
        }
    }

    /// Bytes were acknowledged.
    pub(crate) fn holds(&mut self, blob: Digest) {
        self.held.insert(blob);
        self.rotten.remove(&blob);
        self.pieces.remove(&blob);
    }

    /// Gc may take, or have taken, what is not surely live.
    pub(crate) fn collects(&mut self) {
        let live: BTreeSet<Digest> =
            self.paths.values().filter(|shown| shown.len() == 1).filter_map(|shown| *shown.first()?).collect();
        self.held.retain(|blob| live.contains(blob));
    }
}
