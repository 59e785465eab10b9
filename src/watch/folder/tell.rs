//! Telling: the status that the API shows, and the journal.

use std::path::Path;

use ods_api::{RefusedFile, SettlingFile, TakenFile, WatchState, WatchStatus};
use ods_store::{EventId, Happening, PackagePath, UnixMillis, WatchOutcome};

use super::Folder;
use crate::watch::memory::{refused_row, told_before};
use crate::watch::reason::Reason;
use crate::watch::refusals::News;

/// Refusals written to the journal in one pass.
const PASS_NEWS: usize = 50;
/// Files that are shown of a kind.
pub(super) const FILES_SHOWN_MAX: usize = 1000;
/// Files that are shown of those that were published.
const TAKEN_SHOWN_MAX: usize = 100;

impl Folder {
    /// Journals what is new about refusals, a bounded number; tells whether there is more.
    pub(super) fn tell(&mut self, wall: UnixMillis) -> bool {
        for _ in 0..PASS_NEWS {
            let told = match self.refusals.next_news() {
                Some(News::Refused(file, reason)) => self.tell_refused(&file, &reason, wall),
                Some(News::Cleared(file)) => self.forget_refused(&file),
                None => return false,
            };
            if let Err(error) = told {
                let folder = self.rules.folder.display();
                tracing::error!(%folder, %error, "can't journal what a watch refused");
            }
        }
        self.refusals.has_news()
    }

    fn tell_refused(&self, file: &Path, reason: &Reason, wall: UnixMillis) -> Result<(), ods_store::StoreError> {
        let (key, row) = (self.key(file), self.remembered(file));
        if told_before(row.as_ref(), reason.code()) {
            return Ok(());
        }
        tracing::warn!(file = %key, %reason, code = reason.code(), "not published");
        self.store.note(Happening::WatchRefused { file: key.clone(), reason: reason.to_string() }, wall)?;
        match refused_row(row.as_ref(), reason.code()) {
            Some(row) => self.store.put_watched_file(&key, &row),
            None => Ok(()),
        }
    }

    fn forget_refused(&self, file: &Path) -> Result<(), ods_store::StoreError> {
        match self.remembered(file).map(|row| row.outcome) {
            Some(WatchOutcome::Refused(_)) => self.store.remove_watched_file(&self.key(file)),
            Some(WatchOutcome::Published(_) | WatchOutcome::Superseded) | None => Ok(()),
        }
    }

    /// Lists a file among those that were published lately.
    pub(super) fn show_taken(&mut self, file: &Path, path: &PackagePath, revision: EventId, at: UnixMillis) {
        self.taken.truncate(TAKEN_SHOWN_MAX - 1);
        self.taken.push_front(TakenFile { file: shown(file), path: path.clone(), revision, at });
    }

    /// Shows how the folder is doing.
    pub(super) fn show(&self) {
        self.status.show(self.id, self.status());
    }

    fn status(&self) -> WatchStatus {
        let refused = self.refusals.listed().iter();
        let settling = self.settling.lengths().take(FILES_SHOWN_MAX);
        WatchStatus {
            state: self.state.clone(),
            last_scan_at: self.last_scan_at,
            files: self.files_found as u64,
            settling: settling.map(|(file, bytes)| SettlingFile { file: shown(file), bytes }).collect(),
            taken: self.taken.iter().cloned().collect(),
            refused: refused
                .map(|(file, reason)| RefusedFile {
                    file: shown(file),
                    code: reason.code(),
                    reason: reason.to_string(),
                })
                .collect(),
            superseded: self.superseded.keys().take(FILES_SHOWN_MAX).map(|file| shown(file)).collect(),
        }
    }
}

/// How a watch is doing that does nothing.
pub(in crate::watch) fn idle() -> WatchStatus {
    WatchStatus {
        state: WatchState::Waiting,
        last_scan_at: None,
        files: 0,
        settling: Vec::new(),
        taken: Vec::new(),
        refused: Vec::new(),
        superseded: Vec::new(),
    }
}

/// The file as it is shown; the folder itself as `.`.
pub(super) fn shown(file: &Path) -> String {
    if file.as_os_str().is_empty() { ".".to_owned() } else { file.display().to_string() }
}
