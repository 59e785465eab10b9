//! Telling: the status that the API shows, and the journal.

use std::path::Path;

use ods_api::{RefusedFile, WatchStatus};
use ods_store::{Happening, UnixMillis, WatchOutcome};

use super::Folder;
use crate::config::WatchMode;
use crate::watch::memory::{refused_row, told_before};
use crate::watch::reason::Reason;
use crate::watch::refusals::News;

/// Refusals written to the journal in one pass.
const PASS_NEWS: usize = 50;
/// Superseded files that are shown.
const SUPERSEDED_SHOWN_MAX: usize = 1000;

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

    /// Shows how the folder is doing.
    pub(super) fn show(&mut self) {
        let status = self.status();
        self.status.update(|watches| match watches.iter_mut().find(|watch| watch.folder == status.folder) {
            Some(watch) if *watch == status => {}
            Some(watch) => *watch = status,
            None => watches.push(status),
        });
    }

    fn status(&self) -> WatchStatus {
        let refused = self.refusals.listed().iter();
        WatchStatus {
            folder: self.rules.folder.display().to_string(),
            mode: mode_name(self.rules.mode),
            prefix: self.rules.prefix.clone(),
            tags: self.rules.tags.clone(),
            state: self.state.clone(),
            refused: refused
                .map(|(file, reason)| RefusedFile { file: shown(file), reason: reason.to_string() })
                .collect(),
            superseded: self.superseded.keys().take(SUPERSEDED_SHOWN_MAX).map(|file| shown(file)).collect(),
        }
    }
}

const fn mode_name(mode: WatchMode) -> &'static str {
    match mode {
        WatchMode::Keep => "keep",
        WatchMode::Consume => "consume",
    }
}

/// The file as it is shown; the folder itself as `.`.
fn shown(file: &Path) -> String {
    if file.as_os_str().is_empty() { ".".to_owned() } else { file.display().to_string() }
}
