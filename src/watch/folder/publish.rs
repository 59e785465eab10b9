//! Taking settled files: reading them, deciding what their bytes mean, and doing that.

use std::path::{Path, PathBuf};
use std::time::Instant;

use ods_store::{
    Condition, Digest, EventId, MetaPatch, PackagePath, PublishRequest, Received, Revision, StoreError, UnixMillis,
    WatchMode, WatchOutcome,
};

use super::Folder;
use crate::watch::memory::{self, Verdict, may_be_known, recall, seen_to_change, verdict};
use crate::watch::reason::Reason;
use crate::watch::scan::{Look, Scan, look};
use crate::watch::settle::Action;
use crate::watch::sight::Sight;
use crate::watch::take::{Progress, Sink, TakeError, Taking, is_being_written};

/// Bytes of files read in one pass, about: a fraction of a second's work.
const PASS_BYTES: u64 = 64 << 20;
/// Files taken in one pass.
const PASS_FILES: usize = 64;
/// A file up to this size is read in one go, before large ones.
const SMALL_BYTES_MAX: u64 = 16 << 20;

/// A file on its way into the store.
pub(super) struct Job {
    pub(super) file: PathBuf,
    pub(super) sight: Sight,
    path: PackagePath,
    taking: Taking,
}

impl Folder {
    /// Takes what is due at `now`, within a pass's bounds; tells whether there is more.
    pub(super) fn take(&mut self, now: Instant, wall: UnixMillis) -> bool {
        let mut left_bytes = PASS_BYTES;
        let mut left_files = PASS_FILES;
        let mut more = false;
        for action in self.settling.actions(now) {
            if left_files == 0 {
                more = true;
                break;
            }
            match action {
                Action::RefuseEmpty(file, sight) => self.refuse_empty(&file, sight),
                Action::Take(file, sight) if sight.bytes <= SMALL_BYTES_MAX => {
                    if sight.bytes > left_bytes {
                        more = true;
                        break;
                    }
                    left_bytes -= sight.bytes;
                    let mut job = self.begin(&file, sight, now, wall);
                    while let Some(begun) = job {
                        job = self.advance(begun, u64::MAX, now, wall);
                    }
                }
                Action::Take(file, sight) => {
                    if self.large.is_none() {
                        self.large = self.begin(&file, sight, now, wall);
                    }
                }
            }
            left_files -= 1;
        }
        if let Some(job) = self.large.take() {
            self.large = self.advance(job, left_bytes.max(SMALL_BYTES_MAX), now, wall);
            more |= self.large.is_some() || !self.settling.actions(now).is_empty();
        }
        more
    }

    fn refuse_empty(&mut self, file: &Path, sight: Sight) {
        self.settling.forget(file);
        self.known.insert(file.to_owned(), sight);
        self.refusals.refuse(file, Reason::Empty);
    }

    /// Looks once more and begins to read, if there is need to.
    fn begin(&mut self, file: &Path, sight: Sight, now: Instant, wall: UnixMillis) -> Option<Job> {
        let path = match look(&self.rules.folder, &self.rules.prefix, file) {
            Look::File(found) if found.sight == sight => found.path,
            Look::File(found) => {
                self.saw(file, &found, now);
                return None;
            }
            Look::Refused(reason) => {
                self.refuse(file, reason);
                return None;
            }
            Look::Nothing | Look::Folder => {
                self.gone(file);
                return None;
            }
        };
        let begun = self.begin_at(file, sight, path, now, wall);
        self.or_trouble(file, begun, now)
    }

    fn begin_at(
        &mut self,
        file: &Path,
        sight: Sight,
        path: PackagePath,
        now: Instant,
        wall: UnixMillis,
    ) -> Result<Option<Job>, TakeError> {
        if self.finish_consuming(file, sight, now, wall)? {
            return Ok(None);
        }
        self.store.check_may_publish(&path)?;
        let known = may_be_known(sight.bytes, &self.revisions(&path)?);
        let sink = if known { Sink::hash() } else { self.upload(sight)? };
        let taking = Taking::open(&self.rules.place(), file, sight, sink)?;
        Ok(Some(Job { file: file.to_owned(), sight, path, taking }))
    }

    /// Removes a file that was published and remembered, but could not be removed then; tells whether it was one.
    fn finish_consuming(
        &mut self,
        file: &Path,
        sight: Sight,
        now: Instant,
        wall: UnixMillis,
    ) -> Result<bool, TakeError> {
        let row = self.remembered(file);
        let Some(row) = recall(row.as_ref(), sight) else { return Ok(false) };
        let (Some(digest), WatchOutcome::Published(_)) = (&row.digest, &row.outcome) else { return Ok(false) };
        if self.rules.mode != WatchMode::Consume || self.store.open_blob(digest, wall)?.is_none() {
            return Ok(false);
        }
        self.consume(file, sight, now);
        Ok(true)
    }

    fn upload(&self, sight: Sight) -> Result<Sink, StoreError> {
        Ok(Sink::Upload(Box::new(self.store.begin_upload(Some(sight.bytes))?)))
    }

    /// Reads on; the job, if it is not at its end.
    fn advance(&mut self, job: Job, step_bytes: u64, now: Instant, wall: UnixMillis) -> Option<Job> {
        let Job { file, sight, path, taking } = job;
        let outcome = match taking.step(step_bytes) {
            Ok(Progress::More(taking)) => return Some(Job { file, sight, path, taking }),
            Ok(Progress::Changed) => {
                self.look_again(&file, now);
                return None;
            }
            Ok(Progress::Hashed(digest)) => self.hashed(&file, sight, path, digest, now),
            Ok(Progress::Received(received)) => {
                self.received(&file, sight, &path, received, now, wall).map(|()| None).map_err(TakeError::from)
            }
            Err(error) => Err(error),
        };
        self.or_trouble(&file, outcome, now)
    }

    /// The file changed while it was read: it has to settle again.
    fn look_again(&mut self, file: &Path, now: Instant) {
        self.settling.forget(file);
        match look(&self.rules.folder, &self.rules.prefix, file) {
            Look::File(found) => self.saw(file, &found, now),
            Look::Refused(reason) => self.refuse(file, reason),
            Look::Nothing | Look::Folder => self.gone(file),
        }
    }

    /// The digest is known; the bytes are read into the store only if it needs them.
    fn hashed(
        &mut self,
        file: &Path,
        sight: Sight,
        path: PackagePath,
        digest: Digest,
        now: Instant,
    ) -> Result<Option<Job>, TakeError> {
        match self.verdict(file, &path, &digest)? {
            Verdict::Current { revision, held: true } => {
                self.conclude(file, sight, digest, WatchOutcome::Published(revision), now);
                Ok(None)
            }
            Verdict::Superseded => {
                self.conclude(file, sight, digest, WatchOutcome::Superseded, now);
                Ok(None)
            }
            Verdict::Publish | Verdict::Current { held: false, .. } => {
                let taking = Taking::open(&self.rules.place(), file, sight, self.upload(sight)?)?;
                Ok(Some(Job { file: file.to_owned(), sight, path, taking }))
            }
        }
    }

    fn received(
        &mut self,
        file: &Path,
        sight: Sight,
        path: &PackagePath,
        received: Received,
        now: Instant,
        wall: UnixMillis,
    ) -> Result<(), StoreError> {
        let digest = received.digest();
        let outcome = match self.verdict(file, path, &digest)? {
            Verdict::Publish => {
                let revision = self.publish(path, received, wall)?;
                tracing::info!(file = %self.name(file).display(), package = %path, %revision, "published");
                self.show_taken(file, path, revision, wall);
                WatchOutcome::Published(revision)
            }
            Verdict::Current { revision, held: false } => {
                self.hand_over(path, revision, received, wall)?;
                WatchOutcome::Published(revision)
            }
            Verdict::Current { revision, held: true } => WatchOutcome::Published(revision),
            Verdict::Superseded => WatchOutcome::Superseded,
        };
        self.conclude(file, sight, digest, outcome, now);
        Ok(())
    }

    fn publish(&self, path: &PackagePath, received: Received, wall: UnixMillis) -> Result<EventId, StoreError> {
        let mut meta = MetaPatch::new();
        if !self.rules.tags.is_empty() {
            meta.insert("tags".to_owned(), Some(self.rules.tags.join(",")));
        }
        let request = self.request(path, meta, Condition::None);
        Ok(self.store.publish(received, &request, wall)?.package.revision)
    }

    /// Gives the store the bytes of the current revision, which it lacks. Nothing else of the package changes; so not
    /// while it is in conflict, which publishing would end.
    fn hand_over(
        &self,
        path: &PackagePath,
        revision: EventId,
        received: Received,
        wall: UnixMillis,
    ) -> Result<(), StoreError> {
        if self.store.package(path)?.is_none_or(|package| package.conflict) {
            return Err(StoreError::PreconditionFailed { path: path.clone(), current: Some(revision) });
        }
        let request = self.request(path, MetaPatch::new(), Condition::Matches(vec![revision]));
        self.store.publish(received, &request, wall).map(drop)
    }

    pub(super) fn request(&self, path: &PackagePath, meta: MetaPatch, condition: Condition) -> PublishRequest {
        PublishRequest { path: path.clone(), meta, condition, author: self.author.clone() }
    }

    fn verdict(&self, file: &Path, path: &PackagePath, digest: &Digest) -> Result<Verdict, StoreError> {
        let away = self.changed_while_away.contains(file);
        let changed = seen_to_change(self.remembered(file).as_ref(), digest, away);
        Ok(verdict(digest, &self.revisions(path)?, changed))
    }

    pub(super) fn revisions(&self, path: &PackagePath) -> Result<Vec<Revision>, StoreError> {
        match self.store.revisions(path) {
            Err(StoreError::NoSuchPackage { .. }) => Ok(Vec::new()),
            other => other,
        }
    }

    /// Superseded bytes that became the current revision after all (somebody restored it) are published.
    pub(super) fn review_superseded(&mut self, scan: &Scan, now: Instant) -> Result<(), StoreError> {
        let head = self.store.head();
        if self.superseded_as_of == Some(head) {
            return Ok(());
        }
        for (file, digest) in self.superseded.clone() {
            let Some(found) = scan.files.get(&file) else { continue };
            let Some(package) = self.store.package(&found.path)?.filter(|package| package.blob == digest) else {
                continue;
            };
            let row = memory::row(found.sight, digest, WatchOutcome::Published(package.revision));
            self.store.put_watched_file(&self.key(&file), &row)?;
            self.superseded.remove(&file);
            self.known.remove(&file);
            self.saw(&file, found, now);
        }
        self.superseded_as_of = Some(head);
        Ok(())
    }

    /// Remembers what came of the file, and removes it if it is to be consumed.
    fn conclude(&mut self, file: &Path, sight: Sight, digest: Digest, outcome: WatchOutcome, now: Instant) {
        let consumed = self.rules.mode == WatchMode::Consume && matches!(outcome, WatchOutcome::Published(_));
        if outcome == WatchOutcome::Superseded {
            tracing::warn!(file = %self.name(file).display(), "left alone: its bytes are an older revision of its path");
            self.superseded.insert(file.to_owned(), digest);
        } else {
            self.superseded.remove(file);
        }
        self.changed_while_away.remove(file);
        self.refusals.clear(file);
        let row = memory::row(sight, digest, outcome);
        if let Err(error) = self.store.put_watched_file(&self.key(file), &row) {
            tracing::error!(file = %self.name(file).display(), %error, "can't remember a watched file; it is read again");
        }
        if consumed {
            self.consume(file, sight, now);
        } else {
            self.settling.forget(file);
            self.known.insert(file.to_owned(), sight);
        }
    }

    /// Removes a file whose bytes are durably in the store.
    fn consume(&mut self, file: &Path, sight: Sight, now: Instant) {
        match self.rules.place().remove(file, sight) {
            Ok(true) => self.gone(file),
            Ok(false) => self.look_again(file, now),
            Err(error) => {
                self.refusals.refuse(file, Reason::NotRemoved(error.to_string()));
                self.settling.postpone(file, now);
            }
        }
    }

    /// What was got, or, if it went wrong, nothing: then the reason is listed and the file is tried again later.
    fn or_trouble(&mut self, file: &Path, outcome: Result<Option<Job>, TakeError>, now: Instant) -> Option<Job> {
        let error = match outcome {
            Ok(job) => return job,
            Err(error) => error,
        };
        self.settling.postpone(file, now);
        if let Some(reason) = reason_of(&error) {
            self.refusals.refuse(file, reason);
        }
        None
    }
}

/// What is said of a file that could not be taken; nothing where trying again is all there is to it.
fn reason_of(error: &TakeError) -> Option<Reason> {
    let error = match error {
        TakeError::Read(error) if is_being_written(error) => return None,
        TakeError::Read(error) => return Some(Reason::unreadable(error)),
        TakeError::Store(error) => error,
    };
    match error {
        StoreError::NotAPublisher { .. } => Some(Reason::NotAPublisher),
        StoreError::BadPath(error) => Some(Reason::NameNotAPath(*error)),
        StoreError::NoSpace { needed, free } => Some(Reason::NoSpace { needed: *needed, free: *free }),
        StoreError::TooLarge { bytes, max } => Some(Reason::TooLarge { bytes: *bytes, max: *max }),
        StoreError::PreconditionFailed { .. } | StoreError::Closing | StoreError::DiskFailing { .. } => None,
        other => Some(Reason::NotTaken(in_full(other))),
    }
}

/// An error with what caused it.
fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
