//! What a mirroring watch unpublishes, and when it would rather ask. Pure.
//!
//! In a mirror a file that is deleted is a package that is removed, everywhere. A disk that was not mounted, a share that
//! went away or a slip of the hand must not do that to all of them.
//!
//! # Invariants
//! - It begins with what is there: what was deleted before it first looked is none of its business.
//! - Only what is missing is unpublished, and, unless a person confirmed it, only when it was missing for as long as a
//!   new file must rest.
//! - If over half of the files are missing, nothing is unpublished, and it asks. What was unpublished within the last hour
//!   counts with them, so that a deletion that comes in slices is met as one; what somebody confirmed doesn't.
//! - If the folder itself was gone, or is another one than before, it asks about whatever is missing when it is back.
//!   So it does if files are missing from a folder in it that is another one: a share was mounted there.
//! - It goes on asking, also after a restart and however many files are added, until none is missing any more (they are back,
//!   or their packages were removed by hand), or a person confirmed just the set that is missing. A confirmation is good for
//!   one pause only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ods_store::{Change, Digest, EventId, Revision, UnixMillis, WatchMark};

use super::withdraw::heads;

/// For how long what was unpublished counts.
pub(super) const WINDOW: Duration = Duration::from_hours(1);

/// What a mirroring watch knows of files that are gone.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    gone_since: BTreeMap<PathBuf, Instant>,
    /// What a person wants unpublished, as long as it is missing.
    confirmed: BTreeSet<PathBuf>,
    asks_since: Option<UnixMillis>,
    folder_was_gone: bool,
    identity: Option<u64>,
}

/// What a scan found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sighting<'a> {
    /// Published files that are not there.
    pub(super) missing: &'a BTreeSet<PathBuf>,
    /// How many published files are there.
    pub(super) present: usize,
    /// How many were unpublished within the [`WINDOW`], unconfirmed.
    pub(super) lately: usize,
    /// What somebody confirmed last.
    pub(super) confirmed: Option<Digest>,
    /// How long a file must be gone.
    pub(super) quiet: Duration,
}

/// What is to be done about files that are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// These are unpublished now.
    Unpublish(Vec<PathBuf>),
    /// Nothing is: a person decides.
    Ask(Question),
}

/// What a mirror asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question {
    /// Since when.
    pub(super) since: UnixMillis,
    /// So many files are missing.
    pub(super) missing: usize,
    /// Of so many that were published.
    pub(super) published: usize,
    /// The folder itself had been gone.
    pub(super) folder_was_gone: bool,
    /// Names this set of missing files in this pause.
    pub(super) digest: Digest,
}

impl Mirror {
    /// As it was before a restart.
    pub(super) fn resumed(mark: Option<WatchMark>) -> Self {
        let Some(WatchMark { identity, asks_since, folder_was_gone }) = mark else { return Self::default() };
        Self { asks_since, folder_was_gone, identity: Some(identity), ..Self::default() }
    }

    /// Whether the folder was never read yet.
    pub(super) fn begins(&self) -> bool {
        self.identity.is_none()
    }

    /// What has to be remembered over a restart; nothing before the folder was read once.
    pub(super) fn mark(&self) -> Option<WatchMark> {
        let (asks_since, folder_was_gone) = (self.asks_since, self.folder_was_gone);
        self.identity.map(|identity| WatchMark { identity, asks_since, folder_was_gone })
    }

    /// The folder is gone, or can't be read; since when it asks. One that was never read has nothing to ask about.
    pub(super) fn folder_gone(&mut self, wall: UnixMillis) -> Option<UnixMillis> {
        self.gone_since.clear();
        self.confirmed.clear();
        self.identity?;
        self.folder_was_gone = true;
        Some(*self.asks_since.get_or_insert(wall))
    }

    /// The folder is there; it is another one if `identity` is.
    pub(super) fn folder_found(&mut self, identity: u64) {
        if self.identity.replace(identity).is_some_and(|before| before != identity) {
            self.folder_was_gone = true;
            self.gone_since.clear();
            self.confirmed.clear();
        }
    }

    /// Files are missing from a folder in it that is another one than before.
    pub(super) fn folder_below_replaced(&mut self) {
        self.folder_was_gone = true;
    }

    /// Decides after a scan.
    pub(super) fn decide(&mut self, sighting: &Sighting<'_>, now: Instant, wall: UnixMillis) -> Decision {
        let missing = sighting.missing;
        self.gone_since.retain(|file, _| missing.contains(file));
        self.confirmed.retain(|file| missing.contains(file));
        for file in missing {
            self.gone_since.entry(file.clone()).or_insert(now);
        }
        if let Some(since) = self.asks_since
            && sighting.confirmed == Some(name_of(missing, since))
        {
            self.confirmed.clone_from(missing);
        }
        let open = missing.len() - self.confirmed.len();
        if open == 0 {
            (self.asks_since, self.folder_was_gone) = (None, false);
            return Decision::Unpublish(self.confirmed.iter().cloned().collect());
        }
        let published = sighting.present + missing.len();
        let too_many = (open + sighting.lately) * 2 > sighting.present + open + sighting.lately;
        if self.asks_since.is_some() || self.folder_was_gone || too_many {
            let since = *self.asks_since.get_or_insert(wall);
            let (digest, folder_was_gone) = (name_of(missing, since), self.folder_was_gone);
            return Decision::Ask(Question { since, missing: missing.len(), published, folder_was_gone, digest });
        }
        let rested = |since: &Instant| now.saturating_duration_since(*since) >= sighting.quiet;
        let ready = |file: &PathBuf, since: &Instant| self.confirmed.contains(file) || rested(since);
        let ready = self.gone_since.iter().filter(|(file, since)| ready(file, since)).map(|(file, _)| file.clone());
        Decision::Unpublish(ready.collect())
    }

    /// A file was unpublished; whether a person had confirmed that.
    pub(super) fn unpublished(&mut self, file: &PathBuf) -> bool {
        self.gone_since.remove(file);
        self.confirmed.remove(file)
    }

    /// When the next file will have been gone for long enough.
    pub(super) fn next_at(&self, quiet: Duration) -> Option<Instant> {
        let first = self.gone_since.values().min().filter(|_| self.asks_since.is_none());
        first.map(|since| *since + quiet)
    }
}

/// A set of missing files in one pause.
fn name_of(missing: &BTreeSet<PathBuf>, since: UnixMillis) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("ods missing files of a mirror v1");
    hasher.update(&since.get().to_le_bytes());
    for file in missing {
        let name = file.as_os_str().as_encoded_bytes();
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name);
    }
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

/// The revisions that go when a file goes which was published, or found to be published already, as `known` with these
/// bytes: heads with just them. Others have been put there by somebody else, and stay; so does everything if the path doesn't
/// know that revision.
pub(super) fn to_remove(revisions: &[Revision], known: EventId, bytes: &Digest) -> Vec<EventId> {
    if !revisions.iter().any(|revision| revision.id == known) {
        return Vec::new();
    }
    let has_them = |revision: &&Revision| matches!(&revision.change, Change::Published { blob, .. } if blob == bytes);
    heads(revisions).into_iter().filter(has_them).map(|revision| revision.id).collect()
}

#[cfg(test)]
mod tests;
