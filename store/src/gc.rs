//! Collecting blobs that nothing needs any more: the rules. (`gc/run.rs` is a run, `gc/files.rs` its look at the files.)
//!
//! A sealed blob is **kept** iff one of these holds, looked at in this order:
//! - *live*: a Publish head of some path has it (`live_blobs`);
//! - *retained*: retention keeps a revision that has it (`retention.rs`), of a package that the policy keeps or that this
//!   node published. One of an expelled node that doesn't count as far as can be told, but may once the events are here that its
//!   expulsion names, is judged as if it counted, whatever the policy; and if it is the newest of its path it is retained whatever
//!   retention says, but for what is to be forgotten: these may be the only bytes of a package that is listed again;
//! - *young*: it came less than the grace ago (`BlobRow::since`). What is to be forgotten of removed packages
//!   ([`Retention::forgetting_removed`]) has no grace;
//! - somebody holds it now: an upload, fetch or restore between the link and its commit (`custody.rs`).
//!
//! How it stays right:
//! - A run first walks all paths and notes what retention keeps, as 8 bytes of each digest: 8 MB for a million. Two blobs that
//!   share them are kept for one another's sake, which never loses anything. Then it walks `blobs` by digest. Both walks are
//!   steps of bounded work, each with a read transaction of its own, so that neither the writer nor the file grows for it.
//! - Between the walk and the end of a row things happen. So it is decided again under the digest's lock, inside the write
//!   transaction: the row is still that old, no head has the blob, and no event that came since the walk publishes it
//!   (those are read from the log). If the roster changed since, or an event of an expelled node came, other revisions
//!   may count now, and the walk begins again.
//! - Row gone, commit, file gone. A crash in between leaves a file without a row. These are found by looking through one
//!   of the 2 × 256 folders at a time, as part of a run and never at start-up. One goes iff, under its lock, it has
//!   no row, no want, and is older than the grace.
//! - A reader that has the file open reads on to its end. A new one finds no row.
//! - Files in `incoming/` go when nobody claims them, no want does, and they are older than the grace.
//! - What was removed is counted in the transaction that removes it, and told by the run's one journal record; after a
//!   crash, by the next run's.
//!
//! The default grace is a day: long enough that whoever removes a package by mistake can undo it the next morning whatever
//! retention says, and far longer than any transfer holds a left-over file; short enough that a full disk gets its room back.

mod files;
mod run;

pub use run::{GcRun, GcStep};

use std::error::Error;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, EventId};
use crate::disk::FileStat;
use crate::error::StoreError;
use crate::retention::Retention;
use crate::time::UnixMillis;
use crate::wants::BlobRow;

/// What a node keeps.
#[derive(Debug, Clone)]
pub struct SpacePolicy {
    /// How long what has just arrived is kept in any case, in milliseconds.
    pub grace_ms: u64,
    /// Which earlier revisions keep their bytes.
    pub retention: Retention,
}

impl Default for SpacePolicy {
    /// A day of grace, and [`Retention`]'s defaults.
    fn default() -> Self {
        Self { grace_ms: 24 * 60 * 60 * 1000, retention: Retention::default() }
    }
}

/// Whether a run changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GcMode {
    /// It only tells what would go.
    DryRun,
    /// What it tells is gone.
    Collect,
}

/// Some blobs or files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Tally {
    /// One more.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }

    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// What is kept, by the first reason that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeptTallies {
    /// Heads have them.
    pub live: Tally,
    /// Retention keeps a revision that has them.
    pub retained: Tally,
    /// They came less than the grace ago.
    pub young: Tally,
}

impl KeptTallies {
    /// How many blobs stay.
    pub(crate) fn count(&self) -> u64 {
        self.live.count + self.retained.count + self.young.count
    }
}

/// Why nothing needs a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoneReason {
    /// Later revisions of its path took its place.
    Superseded,
    /// Its package was removed.
    Removed,
    /// No revision has it.
    Unreferenced,
}

/// A blob that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcItem {
    /// The blob.
    pub blob: Digest,
    /// Its bytes.
    pub size: u64,
    /// The newest revision that has it, and its path.
    pub revision: Option<(String, EventId)>,
    /// How many revisions have it.
    pub revisions: u64,
    /// Why it goes.
    pub reason: GoneReason,
}

/// What a run's look at the files couldn't read or take away. It goes on without it, and the next run tries again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GcFailures {
    /// How many files, or folders of them.
    pub count: u64,
    /// What went wrong with the first, and why.
    pub first: Option<String>,
}

impl GcFailures {
    /// One more.
    fn add(&mut self, error: &StoreError) {
        self.count += 1;
        self.first.get_or_insert_with(|| match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        });
    }
}

/// What a run found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcReport {
    /// Whether anything was changed.
    pub mode: GcMode,
    /// Blobs that went, or would.
    pub blobs: Tally,
    /// Files without a row, and left-overs of uploads and fetches, that went, or would.
    pub orphans: Tally,
    /// What stays.
    pub kept: KeptTallies,
    /// Those that went, or would; the first [`crate::GC_ITEMS_MAX`].
    pub items: Vec<GcItem>,
    /// What it couldn't look at or take away.
    pub failed: GcFailures,
}

impl GcReport {
    /// Whether there were more than `items` names.
    pub fn is_truncated(&self) -> bool {
        (self.items.len() as u64) < self.blobs.count
    }
}

/// What the last run that changed anything, or could have, did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastGc {
    /// When it began.
    pub at: UnixMillis,
    /// Blobs it removed.
    pub blobs: Tally,
    /// Files without a row that it removed.
    pub orphans: Tally,
}

/// Why a blob stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Live,
    Retained,
    Young,
}

/// Why a blob stays; `None` if nothing needs it.
fn verdict(is_live: bool, is_retained: bool, row: &BlobRow, grace_ms: u64, now: UnixMillis) -> Option<Kept> {
    if is_live {
        Some(Kept::Live)
    } else if is_retained {
        Some(Kept::Retained)
    } else if now.ms_since(row.since) < grace_ms {
        Some(Kept::Young)
    } else {
        None
    }
}

/// Whether a file was last written at least the grace ago.
fn is_old(stat: &FileStat, grace_ms: u64, now: UnixMillis) -> bool {
    i128::from(now.get()) - stat.modified_ns.div_euclid(1_000_000) >= i128::from(grace_ms)
}

/// What stands for a digest in a run's memory.
fn short(blob: &Digest) -> u64 {
    let (first, _) = blob.as_bytes().split_first_chunk::<8>().expect("a digest has 32 bytes");
    u64::from_le_bytes(*first)
}
