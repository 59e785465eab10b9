//! Resumable uploads: beginning one, sending its bytes in turns, publishing it, and forgetting it. The invariants are in
//! `resumable.rs`.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::ReadableTableMetadata;

use super::Store;
use crate::error::{Result, StoreError};
use crate::journal::Moment;
use crate::publish::{Author, Published};
use crate::resumable::files::{marks_name, whole_name};
use crate::resumable::receiving::{remove_files, take_up};
use crate::resumable::{
    self, EndedRow, LiveUpload, NewUpload, Phase, Receiving, UploadEnd, UploadError, UploadId, UploadRow, UploadStatus,
};
use crate::schema::{UPLOADS, UPLOADS_ENDED};
use crate::time::UnixMillis;
use crate::tx::Tx;

/// That bytes came is written down at most this often.
const TOUCH_EVERY_MS: u64 = 60_000;

/// The right to send an upload's next bytes, until somebody else takes the next turn.
pub struct UploadTurn {
    store: Store,
    live: Arc<LiveUpload>,
    number: u64,
}

impl Store {
    /// Begins a resumable upload: room for all its bytes is set aside, and what a publish would be refused for is refused now.
    pub fn create_upload(&self, new: &NewUpload, now: UnixMillis) -> Result<UploadStatus> {
        self.refuse_if_failing()?;
        self.check_publish(&new.request)?;
        let id = UploadId::new(now, self.random());
        let (row, author) = (UploadRow::new(new, now), new.request.author.clone());
        let receiving = Receiving::create(self.blobs(), id, new.bytes)?;
        let status = row.status(id, 0)?;
        if let Err(error) = self.write(move |tx| resumable::begin(tx, Moment::live(now), id, &row, &author)) {
            drop(receiving);
            if !error.leaves_doubt() {
                remove_files(self.blobs(), id)?;
            }
            return Err(error);
        }
        let live = LiveUpload::new(id, &UploadRow::new(new, now), Phase::Receiving(Box::new(receiving)));
        self.live_uploads().insert(id, Arc::new(live));
        Ok(status)
    }

    /// How an upload stands; `None` if there is none, or it ended too long ago.
    pub fn upload(&self, id: UploadId) -> Result<Option<UploadStatus>> {
        let read = self.read()?;
        if let Some(row) = resumable::get(&read.open_table(UPLOADS)?, id)? {
            return self.status(id, &row).map(Some);
        }
        resumable::get_ended(&read.open_table(UPLOADS_ENDED)?, id)?.map(|row| row.status(id)).transpose()
    }

    /// Up to `limit` uploads that go on, after an id, in the order in which they were begun.
    pub fn uploads(&self, after: Option<UploadId>, limit: usize) -> Result<Vec<UploadStatus>> {
        let rows: Vec<(UploadId, UploadRow)> = resumable::page(&self.read()?.open_table(UPLOADS)?, after, limit)?;
        rows.iter().map(|(id, row)| self.status(*id, row)).collect()
    }

    fn status(&self, id: UploadId, row: &UploadRow) -> Result<UploadStatus> {
        let live = self.live_uploads().get(&id).cloned();
        // Whoever is writing or publishing holds the phase, and knows best only afterwards.
        let came_at = came_at(live.as_deref(), row);
        let offset = live.and_then(|live| match &*live.phase.try_lock().ok()? {
            Phase::Receiving(receiving) => Some(receiving.settled_bytes()),
            Phase::Whole(hashes) => Some(hashes.size),
            Phase::Unknown | Phase::Over => None,
        });
        let has_bytes = row.has_bytes() || offset.is_some_and(|offset| offset > 0) || self.left_bytes(id)?;
        Ok(UploadStatus { has_bytes, touched_at: came_at, ..row.status(id, offset.unwrap_or(row.durable_bytes))? })
    }

    /// Whether an upload's files show bytes that nobody has written down.
    fn left_bytes(&self, id: UploadId) -> Result<bool> {
        let blobs = self.blobs();
        let has_marks = blobs.incoming_stat(&marks_name(id))?.is_some_and(|stat| stat.bytes > 0);
        Ok(has_marks || blobs.incoming_stat(&whole_name(id))?.is_some())
    }

    /// Takes the next turn at an upload; the one before is over. Errs with [`UploadError::NoSuchUpload`] if it doesn't go on.
    pub fn take_upload(&self, id: UploadId) -> Result<UploadTurn> {
        let row = self.upload_row(id)?;
        let live = {
            let mut uploads = self.live_uploads();
            let new = || LiveUpload::new(id, &row, Phase::Unknown);
            Arc::clone(uploads.entry(id).or_insert_with(|| Arc::new(new())))
        };
        let number = live.begin_turn();
        Ok(UploadTurn { store: self.clone(), live, number })
    }

    /// Forgets an upload: what came of it goes, a package that it became stays. False if there is none.
    pub fn remove_upload(&self, id: UploadId, author: &Author, now: UnixMillis) -> Result<bool> {
        let by = author.clone();
        let tell = move |tx: &Tx<'_>, row: &UploadRow| resumable::tell_removed(tx, Moment::live(now), id, row, &by);
        let went = self.forget_upload(id, tell)?;
        if !went {
            author.told();
        }
        Ok(went)
    }

    /// Removes it with what came of it; `tell` tells of it.
    fn forget_upload(
        &self,
        id: UploadId,
        tell: impl Fn(&Tx<'_>, &UploadRow) -> Result<()> + Send + 'static,
    ) -> Result<bool> {
        let live = self.live_uploads().get(&id).cloned();
        // Until the row is gone nobody may take it up again, so the phase is held.
        let mut phase = live.as_ref().map(|live| lock(&live.phase));
        let went = self.write_to_free_room(move |tx| {
            let (ended, row) =
                (resumable::get_ended(&tx.read(UPLOADS_ENDED)?, id)?, resumable::get(&tx.read(UPLOADS)?, id)?);
            let Some(row) = row.or_else(|| ended.map(EndedRow::into_upload)) else { return Ok(false) };
            tell(tx, &row)?;
            tx.write(UPLOADS_ENDED)?.remove(id.as_bytes())?;
            resumable::remove(tx, id)?;
            Ok(true)
        })?;
        if let Some(phase) = &mut phase {
            **phase = Phase::Over;
        }
        self.live_uploads().remove(&id);
        remove_files(self.blobs(), id)?;
        Ok(went)
    }

    /// Forgets uploads to which no byte came for `idle_ms`, or ever within [`UPLOAD_EMPTY_MS`](crate::UPLOAD_EMPTY_MS), and
    /// those that ended `ended_ms` ago. Tells how many of the first two kinds went.
    pub fn reap_uploads(&self, idle_ms: u64, ended_ms: u64, now: UnixMillis) -> Result<u64> {
        let (mut reaped, mut after) = (0, None);
        loop {
            let rows: Vec<(UploadId, UploadRow)> =
                resumable::page(&self.read()?.open_table(UPLOADS)?, after, crate::limits::PAGE_ROWS_MAX)?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(*last);
            for (id, row) in &rows {
                if self.is_abandoned(*id, row, idle_ms, now)? && self.forget_upload(*id, |_, _| Ok(()))? {
                    reaped += 1;
                }
            }
        }
        let mut after = None;
        while self.read()?.open_table(UPLOADS_ENDED)?.len()? > 0 {
            let rows: Vec<(UploadId, EndedRow)> =
                resumable::page(&self.read()?.open_table(UPLOADS_ENDED)?, after, crate::limits::PAGE_ROWS_MAX)?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(*last);
            let old = |row: &EndedRow| now.ms_since(row.ended_at) >= ended_ms;
            let ids: Vec<UploadId> = rows.iter().filter(|(_, row)| old(row)).map(|(id, _)| *id).collect();
            if !ids.is_empty() {
                self.write(move |tx| {
                    let mut ended = tx.write(UPLOADS_ENDED)?;
                    ids.iter().try_for_each(|id| Ok(ended.remove(id.as_bytes()).map(drop)?))
                })?;
            }
        }
        Ok(reaped)
    }

    fn is_abandoned(&self, id: UploadId, row: &UploadRow, idle_ms: u64, now: UnixMillis) -> Result<bool> {
        let live = self.live_uploads().get(&id).cloned();
        if live.as_ref().is_some_and(|live| live.is_sent_to()) {
            return Ok(false);
        }
        let came_at = came_at(live.as_deref(), row);
        let idle = now.ms_since(came_at);
        if row.has_bytes() || idle < UploadRow::kept_ms(false, idle_ms) {
            return Ok(idle >= idle_ms);
        }
        Ok(idle >= UploadRow::kept_ms(self.status(id, row)?.has_bytes, idle_ms))
    }

    fn upload_row(&self, id: UploadId) -> Result<UploadRow> {
        resumable::get(&self.read()?.open_table(UPLOADS)?, id)?
            .ok_or(StoreError::Upload(UploadError::NoSuchUpload { id }))
    }

    /// Whether an upload goes on: its files are not left-overs.
    pub(crate) fn is_uploading(&self, id: UploadId) -> Result<bool> {
        Ok(self.read()?.open_table(UPLOADS)?.get(id.as_bytes())?.is_some())
    }
}

/// When bytes came last to an upload.
fn came_at(live: Option<&LiveUpload>, row: &UploadRow) -> UnixMillis {
    live.map_or(row.touched_at, |live| live.came_at().max(row.touched_at))
}

fn lock(phase: &Mutex<Phase>) -> MutexGuard<'_, Phase> {
    phase.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for UploadTurn {
    fn drop(&mut self) {
        self.live.end_turn();
    }
}

impl UploadTurn {
    /// The upload.
    pub fn id(&self) -> UploadId {
        self.live.id
    }

    /// Bytes that are here. After a restart this looks through what was left.
    pub fn offset(&self) -> Result<u64> {
        let phase = self.phase()?;
        match &*phase {
            Phase::Receiving(receiving) => Ok(receiving.offset()),
            Phase::Whole(hashes) => Ok(hashes.size),
            Phase::Unknown | Phase::Over => Err(StoreError::Upload(UploadError::NoSuchUpload { id: self.live.id })),
        }
    }

    /// Whether all bytes are here.
    pub fn is_whole(&self) -> Result<bool> {
        let phase = self.phase()?;
        Ok(match &*phase {
            Phase::Receiving(receiving) => receiving.missing() == 0,
            Phase::Whole(_) => true,
            Phase::Unknown | Phase::Over => false,
        })
    }

    /// Takes the next bytes, if there are any. That they came is written down, but seldom, and not of the last ones, which
    /// are published next.
    pub fn write(&self, bytes: &[u8], now: UnixMillis) -> Result<()> {
        let (durable, missing, counts) = self.receiving(|receiving| {
            receiving.write(bytes)?;
            Ok((receiving.checkpoint()?, receiving.missing(), !receiving.is_checked() && !bytes.is_empty()))
        })?;
        self.note(durable, missing, counts, now)
    }

    /// Writes down what is durable, and, if bytes came that count, that they did.
    fn note(&self, durable: Option<u64>, missing: u64, counts: bool, now: UnixMillis) -> Result<()> {
        let id = self.live.id;
        if counts {
            self.live.came(now);
        }
        let touched = UnixMillis::new(self.live.touched_ms.load(Ordering::Relaxed));
        let is_due = counts && missing > 0 && now.ms_since(touched) >= TOUCH_EVERY_MS;
        if durable.is_some() || is_due {
            self.store.write(move |tx| resumable::touch(tx, id, durable.unwrap_or(0), now))?;
            self.live.touched_ms.store(now.get(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// What is written from here on counts only after [`Self::accept`], in this turn.
    pub fn begin_checked(&self) -> Result<()> {
        self.receiving(|receiving| {
            receiving.begin_checked(self.number);
            Ok(())
        })
    }

    /// What was written since [`Self::begin_checked`] is right.
    pub fn accept(&self, now: UnixMillis) -> Result<()> {
        let (durable, missing, counts) = self.receiving(|receiving| {
            let counts = receiving.accept()?;
            Ok((receiving.checkpoint()?, receiving.missing(), counts))
        })?;
        self.note(durable, missing, counts, now)
    }

    /// What was written since [`Self::begin_checked`] is wrong, or broke off; it is forgotten.
    pub fn reject(&self) -> Result<()> {
        self.receiving(|receiving| {
            receiving.reject();
            Ok(())
        })
    }

    /// Publishes what is here whole, in the name of `author`: who finishes it answers for it, whoever began it. A refusal that
    /// no waiting mends ends the upload; anything else leaves it whole, to be published later.
    pub fn publish(&self, author: &Author, now: UnixMillis) -> Result<Published> {
        let id = self.live.id;
        let row = self.store.upload_row(id)?;
        let mut phase = self.phase()?;
        if let Phase::Receiving(receiving) = &*phase {
            if receiving.missing() > 0 {
                return Err(StoreError::Upload(UploadError::Incomplete { id, missing: receiving.missing() }));
            }
            let Phase::Receiving(receiving) = std::mem::replace(&mut *phase, Phase::Unknown) else {
                return Err(StoreError::Upload(UploadError::NoSuchUpload { id }));
            };
            *phase = Phase::Whole(receiving.finish()?);
        }
        let Phase::Whole(hashes) = &*phase else { return Err(StoreError::Upload(UploadError::NoSuchUpload { id })) };
        let request = row.request(author)?;
        let file = self.store.blobs().incoming(&resumable::files::whole_name(id));
        let outcome = row.check_digests(hashes.sha256, hashes.digest).and_then(|()| {
            self.store.publish_file(&file, hashes, &request, now, move |tx, published| {
                resumable::published(tx, id, published, now)
            })
        });
        if let Err(error) = &outcome {
            let Some(refusal) = resumable::refusal_of(error) else { return outcome };
            let end = UploadEnd::Refused { refusal, detail: error.to_string() };
            self.store.write(move |tx| resumable::end(tx, id, end.clone(), now))?;
        }
        *phase = Phase::Over;
        drop(phase);
        self.store.live_uploads().remove(&id);
        // What can't be removed now is swept by gc, or at the next start.
        let _ = remove_files(self.store.blobs(), id);
        outcome
    }

    /// The phase, taken up if need be, while it is this turn. What earlier turns left unchecked is gone by then.
    fn phase(&self) -> Result<MutexGuard<'_, Phase>> {
        let mut phase = lock(&self.live.phase);
        if self.live.turn.load(Ordering::SeqCst) != self.number {
            return Err(StoreError::Upload(UploadError::Taken { id: self.live.id }));
        }
        if matches!(*phase, Phase::Unknown) {
            *phase = self.take_up()?;
        }
        if let Phase::Receiving(receiving) = &mut *phase {
            receiving.begin_turn(self.number);
        }
        Ok(phase)
    }

    fn take_up(&self) -> Result<Phase> {
        let (store, id) = (&self.store, self.live.id);
        store.refuse_if_failing()?;
        let row = store.upload_row(id)?;
        let found = take_up(store.blobs(), id, &row)?;
        let here = match &found {
            Some(Phase::Receiving(receiving)) => receiving.offset(),
            Some(_) => row.bytes,
            None => 0,
        };
        // Before a byte is written over what the row claims to be durable, it must not claim that any more.
        if here < row.durable_bytes {
            store.write(move |tx| resumable::lower(tx, id, here))?;
        }
        match found {
            Some(phase) => Ok(phase),
            None => Receiving::create(store.blobs(), id, row.bytes).map(Box::new).map(Phase::Receiving),
        }
    }

    /// Does something to the bytes coming in. After an error of the disk they are taken up anew from what it has.
    fn receiving<T>(&self, work: impl FnOnce(&mut Receiving) -> Result<T>) -> Result<T> {
        let mut phase = self.phase()?;
        let Phase::Receiving(receiving) = &mut *phase else {
            return Err(StoreError::Upload(UploadError::TooLong {
                id: self.live.id,
                bytes: self.store.upload_row(self.live.id)?.bytes,
            }));
        };
        let outcome = work(receiving);
        if outcome.as_ref().is_err_and(|error| !matches!(error, StoreError::Upload(UploadError::TooLong { .. }))) {
            *phase = Phase::Unknown;
        }
        outcome
    }
}

impl std::fmt::Debug for UploadTurn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UploadTurn").field("id", &self.live.id).field("number", &self.number).finish_non_exhaustive()
    }
}
