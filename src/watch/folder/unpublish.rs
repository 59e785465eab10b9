//! Unpublishing what was deleted from a mirroring watch. What the guards let through is in `mirror.rs`.
//!
//! A deletion undoes only what this watch published, or found published already: heads of the path with just the bytes that
//! the file had. Whatever else somebody put there stays. A file put back is published again, since it was seen to go.
//!
//! It is undone where the file was published last: a watch that was told to publish elsewhere has published what was
//! there at the new place since, and lets go of the old one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use ods_api::{WatchPause, WatchState};
use ods_store::{
    Condition, Digest, Happening, PackagePath, StoreError, UnixMillis, WatchMode, WatchOutcome, WatchedFile,
};

use super::Folder;
use super::tell::{FILES_SHOWN_MAX, shown};
use crate::shell;
use crate::watch::mirror::{Decision, Question, Sighting, WINDOW, to_remove};
use crate::watch::names::{Kind, Meaning, meaning};
use crate::watch::reason::Reason;
use crate::watch::scan::{Look, Scan, look};

/// Files unpublished in one pass.
const PASS_FILES: usize = 64;
/// What a file that was unpublished is remembered by. Its time is when that was, so that the guards outlive a restart.
const UNPUBLISHED: &str = "unpublished";
/// The same where somebody had confirmed it.
const CONFIRMED: &str = "unpublished, confirmed";
/// What a folder is remembered by; its identity stands for the inode.
const FOLDER: &str = "folder";
/// What a file is remembered by that was gone when the mirror began.
const GONE_BEFORE: &str = "gone before the mirror began";

/// What is remembered of the files of a watch, set against a scan.
struct Census {
    missing: BTreeSet<PathBuf>,
    present: usize,
    lately: usize,
    /// What told each folder from another, when it was last there.
    folders: BTreeMap<PathBuf, u64>,
}

impl Folder {
    /// Decides what a scan's missing files mean.
    pub(super) fn look_for_deleted(&mut self, scan: &Scan, now: Instant, wall: UnixMillis) {
        if self.rules.mode != WatchMode::Mirror {
            return;
        }
        if let Err(error) = self.decide_on_missing(scan, now, wall) {
            self.cannot_mirror(&error);
        }
        if let Some(at) = self.mirror.next_at(self.rules.quiet) {
            let at = at.max(now + super::SCAN_PAUSE_MIN);
            self.next_scan = self.next_scan.map(|planned| planned.min(at));
        }
    }

    fn decide_on_missing(&mut self, scan: &Scan, now: Instant, wall: UnixMillis) -> Result<(), StoreError> {
        if self.mirror.begins() {
            self.let_go_of_what_is_gone(scan)?;
        }
        // Before anything is concluded, what the guards need after a restart is on disk.
        self.mirror.folder_found(scan.identity);
        let Census { missing, present, lately, folders } = self.census(scan, wall)?;
        let is_replaced = |folder: &Path| {
            folders.get(folder).zip(scan.folders.get(folder)).is_some_and(|(before, now)| before != now)
        };
        if missing.iter().any(|file| file.ancestors().any(is_replaced)) {
            self.mirror.folder_below_replaced();
        }
        let confirmed = self.store.watch_orders(self.id)?.confirmed;
        let asked_before = self.mirror.mark().is_some_and(|mark| mark.asks_since.is_some());
        let sighting = Sighting { missing: &missing, present, lately, confirmed, quiet: self.rules.quiet };
        let decision = self.mirror.decide(&sighting, now, wall);
        if !self.keep_mark()? {
            self.to_unpublish.clear();
            return Ok(());
        }
        self.remember_folders(scan, &folders)?;
        match decision {
            Decision::Unpublish(files) => self.to_unpublish = files.into(),
            Decision::Ask(question) => {
                self.to_unpublish.clear();
                let pause = paused(&self.rules.folder, question, &missing);
                let reason = pause.reason.clone();
                self.state = WatchState::Paused(pause);
                if !asked_before {
                    self.tell_pause(&reason, wall)?;
                }
            }
        }
        Ok(())
    }

    /// A mirror begins with what is there: what was deleted before, while the folder was watched in another way or not at all,
    /// stays published.
    fn let_go_of_what_is_gone(&self, scan: &Scan) -> Result<(), StoreError> {
        let (prefix, rows) = self.remembered_files()?;
        let is_there = |name: &str| scan.files.contains_key(Path::new(name.strip_prefix(&prefix).unwrap_or(name)));
        let gone = rows.into_iter().filter(|(_, row)| matches!(row.outcome, WatchOutcome::Published(_)));
        let gone = gone
            .filter(|(name, _)| !is_there(name))
            .map(|(name, row)| (name, WatchedFile { outcome: WatchOutcome::Refused(GONE_BEFORE.to_owned()), ..row }));
        self.store.put_watched_files(gone.collect())
    }

    /// What is remembered of the folder's files, and what their names begin with.
    fn remembered_files(&self) -> Result<(String, Vec<(String, WatchedFile)>), StoreError> {
        let folder = self.key(Path::new(""));
        let prefix = format!("{}{}", folder.trim_end_matches(std::path::MAIN_SEPARATOR), std::path::MAIN_SEPARATOR);
        let rows = self.store.watched_files(&prefix)?;
        Ok((prefix, rows))
    }

    /// The folder can't be looked at: a mirror that knows it asks, whatever is there when it is back.
    pub(super) fn mirror_went_away(&mut self, reason: &Reason, wall: UnixMillis) {
        self.to_unpublish.clear();
        let asked_before = self.mirror.mark().is_some_and(|mark| mark.asks_since.is_some());
        let Some(since) = self.mirror.folder_gone(wall) else { return };
        let reason = format!("paused: {reason}");
        let told = self
            .keep_mark()
            .and_then(|kept| if asked_before || !kept { Ok(()) } else { self.tell_pause(&reason, wall) });
        if let Err(error) = told {
            self.cannot_mirror(&error);
        }
        self.state =
            WatchState::Paused(WatchPause { reason, since, missing: 0, published: 0, files: Vec::new(), digest: None });
    }

    /// `false` if the watch was changed meanwhile: then this one decides nothing more.
    fn keep_mark(&mut self) -> Result<bool, StoreError> {
        let mark = self.mirror.mark();
        if let Some(mark) = mark.filter(|_| mark != self.mark_kept) {
            if !self.store.put_watch_mark(self.id, self.rules.version, mark)? {
                return Ok(false);
            }
            self.mark_kept = Some(mark);
        }
        Ok(true)
    }

    /// Counts the files that this watch published: those that are there, those whose packages still have their bytes though
    /// they are gone, and those that were unpublished lately.
    fn census(&self, scan: &Scan, wall: UnixMillis) -> Result<Census, StoreError> {
        let mut census = Census { missing: BTreeSet::new(), present: 0, lately: 0, folders: BTreeMap::new() };
        let (prefix, rows) = self.remembered_files()?;
        for (name, row) in rows {
            let file = PathBuf::from(name.strip_prefix(&prefix).unwrap_or(&name));
            match &row.outcome {
                WatchOutcome::Published(_) if scan.files.contains_key(&file) => census.present += 1,
                WatchOutcome::Published(_) if self.is_gone(&file, scan) => {
                    if !self.revisions_of(&file, &row)?.1.is_empty() {
                        census.missing.insert(file);
                    }
                }
                WatchOutcome::Refused(what) if what == UNPUBLISHED && is_lately(row.modified_ns, wall) => {
                    census.lately += 1;
                }
                WatchOutcome::Refused(what) if what == FOLDER => drop(census.folders.insert(file, row.inode)),
                WatchOutcome::Published(_) | WatchOutcome::Refused(_) | WatchOutcome::Superseded => {}
            }
        }
        Ok(census)
    }

    /// Remembers which folders are there, so that another one in the place of one is noticed, also after a restart.
    fn remember_folders(&self, scan: &Scan, known: &BTreeMap<PathBuf, u64>) -> Result<(), StoreError> {
        let new = scan.folders.iter().filter(|(folder, identity)| known.get(*folder) != Some(identity));
        let rows = new.map(|(folder, identity)| {
            let outcome = WatchOutcome::Refused(FOLDER.to_owned());
            let row = WatchedFile { bytes: 0, modified_ns: 0, inode: *identity, digest: None, outcome };
            (self.key(folder), row)
        });
        self.store.put_watched_files(rows.collect())
    }

    /// Whether nothing is at `file`, for sure: not where a folder can't be read, is a link now, or holds too much to see all.
    fn is_gone(&self, file: &Path, scan: &Scan) -> bool {
        let seen_whole = !matches!(scan.refused.get(Path::new("")), Some(Reason::TooMany(_)));
        let above: Vec<&Path> = file.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()).collect();
        if !seen_whole || above.iter().any(|above| scan.blind.contains(*above)) {
            return false;
        }
        for above in above.into_iter().rev() {
            match look(&self.rules.folder, &self.rules.prefix, above) {
                Look::Folder => {}
                Look::Nothing | Look::File(_) => return true,
                Look::Refused(_) => return false,
            }
        }
        matches!(look(&self.rules.folder, &self.rules.prefix, file), Look::Nothing | Look::Folder)
    }

    /// The package of a file, and the revisions of it that go with the file.
    fn revisions_of(
        &self,
        file: &Path,
        row: &WatchedFile,
    ) -> Result<(Option<PackagePath>, Vec<ods_store::EventId>), StoreError> {
        let path = match meaning(&self.rules.prefix, file, Kind::File) {
            Meaning::Package(path) => path,
            Meaning::PassedOver | Meaning::Refused(_) | Meaning::Folder => return Ok((None, Vec::new())),
        };
        let (WatchOutcome::Published(known), Some(bytes)) = (&row.outcome, &row.digest) else {
            return Ok((Some(path), Vec::new()));
        };
        // Where it was published, if that was before the watch was told to publish elsewhere.
        let path = self.store.revision(known)?.map_or(path, |(at, _)| at);
        let revisions = to_remove(&self.revisions(&path)?, *known, bytes);
        Ok((Some(path), revisions))
    }

    /// Unpublishes what is due, a bounded number; tells whether there is more.
    pub(super) fn unpublish(&mut self, wall: UnixMillis) -> bool {
        for _ in 0..PASS_FILES {
            let Some(file) = self.to_unpublish.pop_front() else { return false };
            match self.unpublish_one(&file, wall) {
                // One that changed in between is for the next scan.
                Ok(()) | Err(StoreError::PreconditionFailed { .. }) => {}
                Err(StoreError::NotAPublisher { .. }) => self.refusals.refuse(&file, Reason::NotAPublisher),
                Err(error) => {
                    self.to_unpublish.clear();
                    self.cannot_mirror(&error);
                }
            }
        }
        !self.to_unpublish.is_empty()
    }

    fn unpublish_one(&mut self, file: &Path, wall: UnixMillis) -> Result<(), StoreError> {
        let Some(row) = self.remembered(file) else { return Ok(()) };
        // The last look: it may have come back since the scan, the whole folder may be away, or this no
        // mirror any more.
        let is_unchanged = self.store.watch_version(self.id)? == self.rules.version;
        let folder_is_there = self.rules.folder.is_dir() && self.leads_elsewhere().is_none();
        if !is_unchanged || !folder_is_there || !self.is_gone(file, &Scan::default()) {
            return Ok(());
        }
        let (Some(path), revisions) = self.revisions_of(file, &row)? else { return Ok(()) };
        let in_conflict = self.store.package(&path)?.is_some_and(|package| package.conflict);
        for revision in revisions {
            if in_conflict {
                self.store.withdraw(revision, &self.author, wall)?;
            } else {
                self.store.remove(&path, &Condition::Matches(vec![revision]), &self.author, wall)?;
            }
            tracing::info!(file = %self.name(file).display(), %path, %revision, "deleted from a mirror: unpublished");
        }
        let confirmed = self.mirror.unpublished(&file.to_owned());
        let outcome = WatchOutcome::Refused(if confirmed { CONFIRMED } else { UNPUBLISHED }.to_owned());
        // Other bytes than it had: put back, it was seen to change.
        let row = WatchedFile { digest: Some(Digest::of(b"")), outcome, modified_ns: nanoseconds(wall), ..row };
        self.store.put_watched_file(&self.key(file), &row)
    }

    /// Tells of a pause.
    fn tell_pause(&self, reason: &str, wall: UnixMillis) -> Result<(), StoreError> {
        let detail = format!("the mirror of {} is {reason}", self.rules.folder.display());
        tracing::warn!(detail, "a mirror is paused");
        self.store.note(Happening::Alarm { code: "watch_paused".to_owned(), detail }, wall).map(drop)
    }

    fn cannot_mirror(&self, error: &StoreError) {
        let folder = self.rules.folder.display();
        tracing::error!(%folder, %error, "can't mirror deletions now; it is tried again");
    }
}

fn paused(folder: &Path, question: Question, missing: &BTreeSet<PathBuf>) -> WatchPause {
    let Question { since, missing: count, published, folder_was_gone, digest } = question;
    let why = if folder_was_gone { "the folder, or one in it, had been gone or is another one, and " } else { "" };
    let reason = format!(
        "paused: {why}{count} of {published} files are missing. Nothing is unpublished. Put them back; or, if they are really \
         to be unpublished, confirm that (`ods watch confirm {} --missing {}`)",
        shell::quoted(&folder.display().to_string()),
        question.digest
    );
    WatchPause {
        reason,
        since,
        missing: count as u64,
        published: published as u64,
        files: missing.iter().take(FILES_SHOWN_MAX).map(|file| shown(file)).collect(),
        digest: Some(digest),
    }
}

fn nanoseconds(wall: UnixMillis) -> i64 {
    i64::try_from(wall.get()).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}

/// Whether that was within the window. What lies ahead counts too: a clock may have been turned back.
fn is_lately(at_ns: i64, wall: UnixMillis) -> bool {
    let window_ns = i64::try_from(WINDOW.as_nanos()).unwrap_or(i64::MAX);
    at_ns > nanoseconds(wall).saturating_sub(window_ns)
}
