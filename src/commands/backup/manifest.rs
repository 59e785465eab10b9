//! What a backup says about itself.

use ods_store::FileSum;
use serde::{Deserialize, Serialize};

use crate::cli::{Exit, Failure};

/// The version of the layout.
pub(super) const FORMAT: u32 = 1;

/// `manifest.json`. Fields may be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The version of the layout.
    pub(super) format: u32,
    /// The node's id, in hex.
    pub(super) node: String,
    /// The node's name.
    pub(super) name: String,
    /// The program that made it.
    pub(super) version: String,
    /// When it was begun, RFC 3339 UTC.
    pub(super) at: String,
    /// The copy of the database.
    pub(super) database: File,
    /// Blobs in it.
    pub(super) blobs: u64,
    /// Their bytes.
    pub(super) blob_bytes: u64,
    /// Blobs that the database lists and that are not in it.
    pub(super) left_out: Vec<LeftOut>,
}

/// A file by its length and BLAKE3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) bytes: u64,
    pub(super) blake3: String,
}

/// A blob that is not in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LeftOut {
    /// Its digest.
    pub(super) blob: String,
    /// Whether a current revision has it.
    pub(super) live: bool,
    /// `gone` or `damaged`.
    pub(super) reason: String,
}

impl Manifest {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let bad = |reason: String| {
            Failure::new(Exit::Failed, "bad_manifest", format!("a backup's manifest.json can't be used: {reason}"))
                .hint("restore another backup; `ods backup ls` lists them")
        };
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
        if manifest.format > FORMAT {
            return Err(bad(format!("it has format {}; this version reads up to {FORMAT}", manifest.format)));
        }
        Ok(manifest)
    }

    /// What the copy of the database is known by.
    pub(super) fn sum(&self) -> Result<FileSum, Failure> {
        let blake3 = self.database.blake3.parse().map_err(|_| {
            Failure::new(Exit::Failed, "bad_manifest", "a backup's manifest.json has no digest of the database")
        })?;
        Ok(FileSum { bytes: self.database.bytes, blake3 })
    }
}
