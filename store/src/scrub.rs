//! Scrubbing: every blob that is held is read and verified, a little at a time, so that rot is found while a peer can still
//! mend it.
//!
//! A pass goes through the held blobs by digest, then through what lies set aside in `incoming/`. Each blob's pieces are
//! held against its outline, the whole against its digest, and its SHA-256 against the events that state it. What is found
//! wrong is settled at once: see `store/care.rs`.
//!
//! Invariants:
//! - Where a pass is, is a row of `meta`: after a restart it goes on from the last blob that was written down. That is at
//!   most [`SAVE_EVERY_MS`] old; verifying a blob twice does no harm.
//! - A step reads about as many bytes as it is told and holds no lock while it reads.
//! - A file that can't be opened is told of and left where it is; bytes that are wrong or lost take a blob out of service.

mod examine;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub(crate) use self::examine::{Examination, Place, Verdict};
use crate::blobs::fetch_name;
use crate::digest::Digest;
use crate::error::{Result, StoreError};
use crate::limits::SCRUB_STEP_BLOBS_MAX;
use crate::meta;
use crate::schema::{BLOBS, META};
use crate::store::{Damage, Store};
use crate::time::UnixMillis;
use crate::tx::Tx;
use crate::wants;

/// How often a pass writes down where it is.
const SAVE_EVERY_MS: u64 = 5000;

/// One pass over all blobs, and what it found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScrubPass {
    /// It is not over.
    pub running: bool,
    /// When it began.
    pub started_at: UnixMillis,
    /// When it ended or was stopped.
    pub finished_at: Option<UnixMillis>,
    /// It was stopped before its end.
    pub stopped: bool,
    /// Who started it.
    pub by: String,
    /// The last blob that is done.
    pub(crate) cursor: Option<Digest>,
    /// Blobs done.
    pub blobs_done: u64,
    /// Blobs there were when it began.
    pub blobs_total: u64,
    /// Bytes done.
    pub bytes_done: u64,
    /// Bytes there were when it began.
    pub bytes_total: u64,
    /// Blobs found wrong or missing; they were set aside and are wanted again.
    pub damaged: u64,
    /// Blobs whose file can't be read.
    pub unreadable: u64,
    /// Blobs that were found whole among what was set aside, and are held again.
    pub mended: u64,
    /// Outlines that were lost or wrong, and were made again.
    pub outlines_mended: u64,
    /// Blobs whose SHA-256 some event states wrongly.
    pub sha256_lies: u64,
}

/// What the scrub is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScrubState {
    /// Nothing.
    Idle,
    /// Reading.
    Running,
    /// It can't go on for now; it tries again by itself.
    Paused,
}

/// What the scrub is doing, and its last pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrubStatus {
    /// What it is doing.
    pub state: ScrubState,
    /// Why it is paused.
    pub problem: Option<String>,
    /// Bytes it has lately verified in a second.
    pub bytes_per_s: u64,
    /// The pass it is in, or the last one; none before the first.
    pub pass: Option<ScrubPass>,
}

/// What a step of a scrub did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScrubStep {
    /// No pass is running.
    Idle,
    /// It read this many bytes, and there is more to do.
    Read(u64),
    /// The pass is over.
    Finished,
}

/// Goes through a pass, step by step. There is one for a store.
#[derive(Debug)]
pub struct Scrubber {
    store: Store,
    pass: Option<ScrubPass>,
    saved_at: UnixMillis,
    current: Option<Examination>,
    /// What is set aside in `incoming/` and still to be looked at; listed once all blobs are done.
    set_aside: Option<Vec<Digest>>,
}

impl ScrubPass {
    /// Whether two are the same pass, seen at different times.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.running == other.running && self.started_at == other.started_at && self.by == other.by
    }
}

impl Scrubber {
    /// The scrubber of a store.
    pub fn new(store: Store) -> Self {
        Self { store, pass: None, saved_at: UnixMillis::default(), current: None, set_aside: None }
    }

    /// Reads and verifies about `bytes_max` bytes (a piece at least), if a pass is running.
    pub fn step(&mut self, bytes_max: u64, now: UnixMillis) -> Result<ScrubStep> {
        let row: Option<ScrubPass> = meta::get(&self.store.read()?.open_table(META)?, &meta::SCRUB)?;
        let Some(row) = row.filter(|row| row.running) else {
            self.forget();
            return Ok(ScrubStep::Idle);
        };
        if !self.pass.as_ref().is_some_and(|pass| pass.is_same(&row)) {
            // Another pass, or the first step since the store was opened.
            self.forget();
            self.pass = Some(row);
            self.saved_at = now;
        }
        let mut read = 0;
        for _ in 0..SCRUB_STEP_BLOBS_MAX {
            match self.go_on(bytes_max - read, now)? {
                Some(bytes) => read += bytes,
                None => {
                    self.finish(now)?;
                    return Ok(ScrubStep::Finished);
                }
            }
            if read >= bytes_max {
                break;
            }
        }
        self.save(now)?;
        Ok(ScrubStep::Read(read))
    }

    fn forget(&mut self) {
        (self.pass, self.current, self.set_aside) = (None, None, None);
        self.store.show_scrub(None);
    }

    /// Goes on with the file under way, or with the next. Bytes read; `None` at the end.
    fn go_on(&mut self, bytes_max: u64, now: UnixMillis) -> Result<Option<u64>> {
        let Some(examination) = &mut self.current else { return self.take_next(now) };
        let before = examination.bytes_read();
        let verdict = examination.step(bytes_max);
        let (place, read) = (examination.place, examination.bytes_read() - before);
        // What isn't read of a damaged blob is done as well.
        let done = if verdict.is_some() { examination.size - before } else { read };
        if place == Place::Blobs {
            self.count(|pass| pass.bytes_done += done);
        }
        if let Some(verdict) = verdict
            && let Some(examination) = self.current.take()
        {
            match place {
                Place::Blobs => self.settle(examination, verdict, now)?,
                Place::SetAside => self.settle_set_aside(&examination, verdict, now)?,
            }
        }
        Ok(Some(read))
    }

    fn settle(&mut self, examination: Examination, verdict: Verdict, now: UnixMillis) -> Result<()> {
        let (store, blob) = (self.store.clone(), examination.blob);
        let lost_outline = !examination.had_outline();
        if store.listed_size(&blob)? != Some(examination.size) {
            // It was replaced or collected meanwhile; what was read tells nothing any more.
            self.blob_done(blob);
            return Ok(());
        }
        let lie = match &verdict {
            Verdict::Right(hashes) => store.check_sha256(hashes, now)?,
            Verdict::WrongPiece(_) | Verdict::WrongLength(_) | Verdict::OtherBytes(_) => false,
        };
        let right = store.settle((examination, verdict), now)?.is_some();
        self.count(|pass| {
            pass.damaged += u64::from(!right);
            pass.outlines_mended += u64::from(right && lost_outline);
            pass.sha256_lies += u64::from(lie);
        });
        self.blob_done(blob);
        Ok(())
    }

    fn blob_done(&mut self, blob: Digest) {
        self.count(|pass| (pass.cursor, pass.blobs_done) = (Some(blob), pass.blobs_done + 1));
    }

    /// Opens the next blob; the bytes of one that is done at once.
    fn take_next(&mut self, now: UnixMillis) -> Result<Option<u64>> {
        let cursor = self.pass.as_ref().and_then(|pass| pass.cursor);
        let Some((blob, size)) = self.store.next_held(cursor)? else { return self.take_set_aside(now) };
        let blobs = self.store.blobs().clone();
        match blobs.open_blob(&blob) {
            Ok(Some(file)) => {
                let outline = blobs.outline(&blob, size)?;
                self.current = Some(Examination::of_held(blob, size, file, outline));
                return Ok(Some(0));
            }
            Ok(None) => {
                self.store.set_aside(&blob, Damage::Missing, now)?;
                self.count(|pass| pass.damaged += 1);
            }
            Err(StoreError::Unreadable { source, .. }) => {
                self.store.tell_unreadable(&blob, &source, now)?;
                self.count(|pass| pass.unreadable += 1);
            }
            Err(error) => return Err(error),
        }
        self.count(|pass| pass.bytes_done += size);
        self.blob_done(blob);
        Ok(Some(0))
    }

    /// Begins with the next file that is set aside.
    fn take_set_aside(&mut self, now: UnixMillis) -> Result<Option<u64>> {
        if self.set_aside.is_none() {
            self.set_aside = Some(self.store.set_aside_files()?);
        }
        let Some(blob) = self.set_aside.as_mut().and_then(Vec::pop) else { return Ok(None) };
        if self.store.fetch_in_progress(&blob).is_none()
            && let Some(file) = self.store.blobs().open_incoming(&fetch_name(&blob))?
        {
            let bytes = file.stat().map_err(StoreError::io("read", Path::new(&fetch_name(&blob))))?.bytes;
            self.current = Some(Examination::of_set_aside(blob, bytes, file));
        }
        self.save(now)?;
        Ok(Some(0))
    }

    /// A file that was set aside holds these bytes: if they are wanted, under whatever name, they are held again.
    fn settle_set_aside(&mut self, examination: &Examination, verdict: Verdict, now: UnixMillis) -> Result<()> {
        let (store, name) = (self.store.clone(), examination.blob);
        let (Verdict::Right(hashes) | Verdict::OtherBytes(hashes)) = verdict else { return Ok(()) };
        if store.wanted_size(&hashes.digest)? == Some(hashes.size) {
            store.adopt(&name, &hashes, now)?;
            self.count(|pass| pass.mended += 1);
        } else if let Some(size) = store.wanted_size(&name)?.filter(|size| *size < examination.size)
            && let Some(file) = store.blobs().open_incoming(&fetch_name(&name))?
        {
            // It may have grown: what it should be may still be its beginning.
            self.current = Some(Examination::of_set_aside(name, size, file));
        }
        Ok(())
    }

    fn count(&mut self, change: impl FnOnce(&mut ScrubPass)) {
        let Some(pass) = &mut self.pass else { return };
        change(pass);
        self.store.show_scrub(Some(pass.clone()));
    }

    fn finish(&mut self, now: UnixMillis) -> Result<()> {
        let Some(pass) = self.pass.clone() else { return Ok(()) };
        let over = ScrubPass { running: false, finished_at: Some(now), ..pass.clone() };
        write_pass(&self.store, pass, over, Some(now))?;
        self.forget();
        Ok(())
    }

    fn save(&mut self, now: UnixMillis) -> Result<()> {
        let Some(pass) = self.pass.clone() else { return Ok(()) };
        if now >= self.saved_at && now.ms_since(self.saved_at) < SAVE_EVERY_MS {
            return Ok(());
        }
        self.saved_at = now;
        // A blob under way is begun anew after a restart, so its bytes don't count yet.
        let under_way = self.current.as_ref().filter(|current| current.place == Place::Blobs);
        let under_way = under_way.map_or(0, Examination::bytes_read);
        let row = ScrubPass { bytes_done: pass.bytes_done.saturating_sub(under_way), ..pass.clone() };
        write_pass(&self.store, pass, row, None)
    }
}

/// Starts a pass, unless one is running.
pub(crate) fn begin_pass(tx: &Tx<'_>, by: &str, now: UnixMillis) -> Result<bool> {
    let row: Option<ScrubPass> = meta::get(&tx.read(META)?, &meta::SCRUB)?;
    if row.is_some_and(|row| row.running) {
        return Ok(false);
    }
    let pass = ScrubPass {
        running: true,
        started_at: now,
        by: by.to_owned(),
        blobs_total: wants::count(&tx.read(BLOBS)?)?,
        bytes_total: tx.meta(&meta::BLOB_BYTES)?,
        ..ScrubPass::default()
    };
    tx.set_meta(&meta::SCRUB, &pass)?;
    tx.set_meta(&meta::SCRUB_SINCE, &now)?;
    tx.changed(|effects| effects.scrub_changed = true);
    Ok(true)
}

/// Writes where a pass is, unless it was stopped meanwhile.
fn write_pass(store: &Store, of: ScrubPass, row: ScrubPass, since: Option<UnixMillis>) -> Result<()> {
    store.write(move |tx| {
        let there: Option<ScrubPass> = meta::get(&tx.read(META)?, &meta::SCRUB)?;
        if !there.is_some_and(|there| there.is_same(&of)) {
            return Ok(());
        }
        tx.set_meta(&meta::SCRUB, &row)?;
        since.map_or(Ok(()), |since| tx.set_meta(&meta::SCRUB_SINCE, &since))
    })
}
