//! A run's look at the files: those without a row, and what uploads and fetches left in `incoming/`. One folder a step.

use super::{GcFailures, GcMode, Tally, is_old};
use crate::blobs::{SealedKind, fetched_blob};
use crate::custody;
use crate::digest::Digest;
use crate::error::Result;
use crate::resumable::files::upload_of;
use crate::schema::{BLOBS, WANTS};
use crate::store::Store;
use crate::time::UnixMillis;

/// How far the look is.
#[derive(Debug, Default)]
pub(super) struct FileWalk {
    /// Folders that were looked through: first `blobs/00` to `ff`, then `outlines/`, then `incoming/`.
    folders: u16,
    found: Tally,
    /// What could not be removed. The others are, all the same.
    failed: GcFailures,
}

/// What a step came to.
pub(super) enum FileStep {
    More,
    /// What went, or would; and what went wrong.
    Done(Tally, GcFailures),
}

/// What a file is judged by.
#[derive(Clone, Copy)]
struct Rules {
    mode: GcMode,
    grace_ms: u64,
    now: UnixMillis,
}

impl FileWalk {
    /// Looks through the next folder.
    pub(super) fn step(&mut self, store: &Store, mode: GcMode, grace_ms: u64, now: UnixMillis) -> Result<FileStep> {
        let rules = Rules { mode, grace_ms, now };
        let (kind, folder) = (self.folders / 256, u8::try_from(self.folders % 256).unwrap_or(u8::MAX));
        self.folders += 1;
        match kind {
            0 => self.sealed(store, rules, SealedKind::Blob, folder)?,
            1 => self.sealed(store, rules, SealedKind::Outline, folder)?,
            _ => {
                self.incoming(store, rules);
                return Ok(FileStep::Done(self.found, std::mem::take(&mut self.failed)));
            }
        }
        Ok(FileStep::More)
    }

    fn sealed(&mut self, store: &Store, rules: Rules, kind: SealedKind, folder: u8) -> Result<()> {
        let mut strays = match store.blobs().sealed_in(kind, folder) {
            Ok(strays) => strays,
            Err(error) => {
                self.failed.add(&error);
                return Ok(());
            }
        };
        {
            // Most have a row, so these are passed over without their locks.
            let read = store.read()?;
            let (blobs, wants) = (read.open_table(BLOBS)?, read.open_table(WANTS)?);
            let mut failed = None;
            strays.retain(|blob| {
                let known = blobs
                    .get(blob.as_bytes())
                    .and_then(|row| Ok(row.is_some() || wants.get(blob.as_bytes())?.is_some()));
                known.map_or_else(
                    |error| {
                        failed = Some(error);
                        false
                    },
                    |known| !known,
                )
            });
            failed.map_or(Ok(()), Err)?;
        }
        for blob in strays {
            let outcome = sweep(store, rules, kind, &blob);
            self.note(outcome);
        }
        Ok(())
    }

    fn incoming(&mut self, store: &Store, rules: Rules) {
        match store.blobs().incoming_names() {
            Ok(names) => names.iter().for_each(|name| self.note(reap(store, rules, name))),
            Err(error) => self.failed.add(&error),
        }
    }

    fn note(&mut self, outcome: Result<Option<u64>>) {
        match outcome {
            Ok(Some(bytes)) => self.found.add(bytes),
            Ok(None) => {}
            Err(error) => self.failed.add(&error),
        }
    }
}

/// Takes a sealed file away that had no row a moment ago; tells its bytes if it went, or would.
fn sweep(store: &Store, rules: Rules, kind: SealedKind, blob: &Digest) -> Result<Option<u64>> {
    let stat = store.blobs().sealed_stat(kind, blob)?;
    let Some(stat) = stat.filter(|stat| is_old(stat, rules.grace_ms, rules.now)) else { return Ok(None) };
    let went = custody::sweep(store, blob, |lock| match rules.mode {
        GcMode::DryRun => Ok(()),
        GcMode::Collect => store.blobs().unlink(lock, kind, blob),
    })?;
    Ok(went.then_some(stat.bytes))
}

/// Removes a file of `incoming/` that nobody has any more; tells its bytes if it went, or would.
fn reap(store: &Store, rules: Rules, name: &str) -> Result<Option<u64>> {
    let blobs = store.blobs();
    let stat = blobs.incoming_stat(name)?;
    let Some(stat) = stat.filter(|stat| is_old(stat, rules.grace_ms, rules.now)) else { return Ok(None) };
    let remove = || match rules.mode {
        GcMode::DryRun => Ok(!blobs.is_claimed(name)),
        GcMode::Collect => blobs.remove_unclaimed(name),
    };
    // The lock, so that no blob is set aside between the look at its want and the removal.
    let went = match fetched_blob(name) {
        Some(blob) => {
            let _lock = blobs.lock(&blob);
            !store.is_wanted(&blob)? && remove()?
        }
        None if upload_of(name).map(|id| store.is_uploading(id)).transpose()? == Some(true) => false,
        None => remove()?,
    };
    Ok(went.then_some(stat.bytes))
}
