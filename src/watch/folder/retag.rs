//! Giving packages the tags of their watch when these change.
//!
//! Only what is as this watch published it: where somebody changed the package since, or published it another way, its tags are
//! theirs. A watch without tags says nothing about tags, so it takes none away either. What became of a file is the log's word,
//! so that nothing is lost or done twice over a restart, and a change of `ods.toml` counts like one by the API.

use std::path::Path;

use ods_store::{
    Change, Condition, EventId, MetaPatch, PackagePath, Revision, StoreError, UnixMillis, WatchOutcome, WatchedFile,
};

use super::Folder;

/// Packages that get other tags in one pass.
const PASS_FILES: usize = 64;

/// How what a file was published as stands to what the watch says now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is published at its place.
    Good,
    /// So it is, by this watch, with other tags.
    OtherTags,
    /// It is published at another path: the watch published elsewhere before.
    Elsewhere,
}

impl Folder {
    /// How a file's revision stands. What can't be read is left as it is.
    pub(super) fn standing(&self, revision: &EventId, path: &PackagePath) -> Standing {
        match self.store.revision(revision) {
            Ok(Some((at, _))) if at != *path => Standing::Elsewhere,
            Ok(Some((_, revision))) if self.has_other_tags(&revision) => Standing::OtherTags,
            Ok(_) => Standing::Good,
            Err(error) => {
                tracing::error!(%revision, %error, "can't read where a watched file was published");
                Standing::Good
            }
        }
    }

    fn has_other_tags(&self, revision: &Revision) -> bool {
        let Change::Published { meta, .. } = &revision.change else { return false };
        let by_this_watch = revision.origin == self.store.node_id() && revision.by == self.author.as_str();
        by_this_watch && !self.rules.tags.is_empty() && meta.get("tags") != Some(&self.rules.tags.join(","))
    }

    /// Gives some of the packages that wait for it their tags; tells whether there are more.
    pub(super) fn retag(&mut self, wall: UnixMillis) -> bool {
        for _ in 0..PASS_FILES {
            let Some((file, revision)) = self.to_retag.pop_front() else { return false };
            match self.retag_one(&file, revision, wall) {
                // Somebody changed or removed it in between: then it is theirs. Or the node may not publish there any
                // more; that is told when a file changes.
                Ok(())
                | Err(
                    StoreError::PreconditionFailed { .. }
                    | StoreError::NoSuchPackage { .. }
                    | StoreError::NotAPublisher { .. },
                ) => {}
                Err(error) => {
                    tracing::error!(file = %self.name(&file).display(), %error, "can't give a package its tags now; it is tried again");
                    self.to_retag.push_front((file, revision));
                    return false;
                }
            }
        }
        !self.to_retag.is_empty()
    }

    fn retag_one(&self, file: &Path, revision: EventId, wall: UnixMillis) -> Result<(), StoreError> {
        let Some(row) = self.remembered(file) else { return Ok(()) };
        let Some((path, _)) = self.store.revision(&revision)? else { return Ok(()) };
        let in_conflict = self.store.package(&path)?.is_none_or(|package| package.conflict);
        if in_conflict || row.outcome != WatchOutcome::Published(revision) {
            return Ok(());
        }
        let tags = MetaPatch::from([("tags".to_owned(), Some(self.rules.tags.join(",")))]);
        let request = self.request(&path, tags, Condition::Matches(vec![revision]));
        let tagged = self.store.edit(&request, wall)?.package.revision;
        tracing::info!(file = %self.name(file).display(), package = %path, "given the tags of its watch");
        self.store.put_watched_file(&self.key(file), &WatchedFile { outcome: WatchOutcome::Published(tagged), ..row })
    }
}
