//! An upload's bytes as they come: written, hashed, marked; and taken up again after a restart.

use std::path::Path;
use std::sync::Arc;

use super::files::{data_name, marks_name, whole_name};
use super::room::Ahead;
use super::{UploadError, UploadId, UploadRow};
use crate::blobs::{Blobs, Claim};
use crate::disk::DiskFile;
use crate::error::{Result, StoreError};
use crate::outline::{BlobHasher, BlobHashes, MARK_BYTES, PIECE_BYTES, PieceMark};

/// So many bytes at a time are sent to the disk while the next ones come, so that a sync is short.
const BEGIN_SYNC_EVERY_BYTES: u64 = 32 << 20;

/// So many bytes may come before they are made durable with their marks, so that a restart has little to verify.
const CHECKPOINT_BYTES: u64 = 64 << 20;

/// Where an upload is.
pub(crate) enum Phase {
    /// Not taken up since start, or given up after an error of the disk: what is in its files says how far it is.
    Unknown,
    /// Bytes are missing.
    Receiving(Box<Receiving>),
    /// All are here, synced, in the file that is never written again.
    Whole(BlobHashes),
    /// It ended, or was removed.
    Over,
}

/// Whether the disk has room set aside for all bytes.
enum Room {
    /// It has, ahead of the first byte.
    Ahead(#[expect(dead_code, reason = "dropping it gives it back")] Ahead),
    /// Not before the first byte.
    WithFirstByte,
    /// It has.
    Taken,
}

/// Bytes of a request whose checksum isn't known to be right yet.
struct Unchecked {
    /// The request's turn.
    turn: u64,
    /// Where hashing stood before them.
    before: BlobHasher,
    /// Their marks, with their places.
    marks: Vec<(u64, PieceMark)>,
}

/// Bytes coming in.
pub(crate) struct Receiving {
    blobs: Arc<Blobs>,
    id: UploadId,
    total_bytes: u64,
    data: Box<dyn DiskFile>,
    marks: Box<dyn DiskFile>,
    hasher: BlobHasher,
    unchecked: Option<Unchecked>,
    durable_bytes: u64,
    sync_begun_bytes: u64,
    room: Room,
    /// Keep gc from taking the files for left-overs.
    _claims: [Claim; 3],
}

impl Receiving {
    /// Makes the files of a new upload, with room for all its bytes, or, if uploads without a byte have much of it already,
    /// without.
    pub(crate) fn create(blobs: &Arc<Blobs>, id: UploadId, total_bytes: u64) -> Result<Self> {
        blobs.check_space(total_bytes)?;
        let room = blobs.empty_room().take(total_bytes, blobs.free_bytes()?).map_or(Room::WithFirstByte, Room::Ahead);
        let claims = claims(blobs, id);
        let (path, data) = blobs.create_incoming(&data_name(id))?;
        let made = || -> Result<Box<dyn DiskFile>> {
            if matches!(room, Room::Ahead(_)) {
                data.reserve(total_bytes).map_err(StoreError::io("reserve room for", &path))?;
            }
            let (_, marks) = blobs.create_incoming(&marks_name(id))?;
            blobs.sync_incoming()?;
            Ok(marks)
        };
        match made() {
            Ok(marks) => {
                Ok(Self { room, ..Self::new(blobs, id, total_bytes, [data, marks], BlobHasher::new(), claims) })
            }
            Err(error) => {
                drop(data);
                remove_files(blobs, id)?;
                Err(match error {
                    StoreError::NoSpace { .. } => {
                        StoreError::NoSpace { needed: total_bytes, free: blobs.free_bytes().unwrap_or(0) }
                    }
                    other => other,
                })
            }
        }
    }

    fn new(
        blobs: &Arc<Blobs>,
        id: UploadId,
        total_bytes: u64,
        files: [Box<dyn DiskFile>; 2],
        hasher: BlobHasher,
        claims: [Claim; 3],
    ) -> Self {
        let [data, marks] = files;
        let here = hasher.size();
        Self {
            blobs: Arc::clone(blobs),
            id,
            total_bytes,
            data,
            marks,
            hasher,
            unchecked: None,
            durable_bytes: here,
            sync_begun_bytes: here,
            room: if here == 0 { Room::WithFirstByte } else { Room::Taken },
            _claims: claims,
        }
    }

    /// Takes up what an earlier run left; `None` if its files are gone.
    fn recover(blobs: &Arc<Blobs>, id: UploadId, row: &UploadRow) -> Result<Option<Self>> {
        let claims = claims(blobs, id);
        let found = (blobs.reopen_incoming(&data_name(id))?, blobs.reopen_incoming(&marks_name(id))?);
        let (Some((data_path, data)), Some((marks_path, marks))) = found else { return Ok(None) };
        // What only memory holds after a failed sync must not be taken for written.
        for (file, path) in [(&data, &data_path), (&marks, &marks_path)] {
            file.sync().and_then(|()| file.forget_cached()).map_err(StoreError::io("sync", path))?;
        }
        let marks_bytes = marks.stat().map_err(StoreError::io("read", &marks_path))?.bytes;
        // The last piece is sent again, full or not.
        let pieces = (marks_bytes / MARK_BYTES as u64).min(row.bytes.saturating_sub(1) / PIECE_BYTES);
        let mut right = Vec::new();
        for index in 0..pieces {
            let mut bytes = [0; MARK_BYTES];
            marks.read_exact_at(&mut bytes, index * MARK_BYTES as u64).map_err(StoreError::io("read", &marks_path))?;
            let mark = PieceMark::from_bytes(&bytes);
            if (index + 1) * PIECE_BYTES > row.durable_bytes && !is_in(&*data, &mark, index) {
                break;
            }
            right.push(mark);
        }
        let Some(hasher) = BlobHasher::resume(&right) else { return Ok(None) };
        if hasher.size() == 0 {
            // Its room is taken again with the first byte.
            data.set_len(0).map_err(StoreError::io("cut", &data_path))?;
        }
        Ok(Some(Self::new(blobs, id, row.bytes, [data, marks], hasher, claims)))
    }

    /// Bytes that are here.
    pub(crate) fn offset(&self) -> u64 {
        self.hasher.size()
    }

    /// Bytes that are here for good: without those of a request whose checksum isn't known to be right yet.
    pub(crate) fn settled_bytes(&self) -> u64 {
        self.unchecked.as_ref().map_or(&self.hasher, |unchecked| &unchecked.before).size()
    }

    /// Bytes to come.
    pub(crate) fn missing(&self) -> u64 {
        self.total_bytes - self.hasher.size()
    }

    /// What comes from here on, in this turn, counts only once [`Self::accept`] says so.
    pub(crate) fn begin_checked(&mut self, turn: u64) {
        self.unchecked = Some(Unchecked { turn, before: self.hasher.clone(), marks: Vec::new() });
    }

    /// Whether what comes counts only after [`Self::accept`].
    pub(crate) fn is_checked(&self) -> bool {
        self.unchecked.is_some()
    }

    /// What came since [`Self::begin_checked`] counts; whether anything did.
    pub(crate) fn accept(&mut self) -> Result<bool> {
        let before = self.settled_bytes();
        let Some(Unchecked { marks, .. }) = self.unchecked.take() else { return Ok(false) };
        marks.iter().try_for_each(|(index, mark)| self.write_mark(*index, mark))?;
        Ok(self.settled_bytes() > before)
    }

    /// What came since [`Self::begin_checked`] is forgotten.
    pub(crate) fn reject(&mut self) {
        if let Some(Unchecked { before, .. }) = self.unchecked.take() {
            self.hasher = before;
        }
    }

    /// Forgets what an earlier turn left unchecked: nobody will judge it any more.
    pub(crate) fn begin_turn(&mut self, turn: u64) {
        if self.unchecked.as_ref().is_some_and(|unchecked| unchecked.turn != turn) {
            self.reject();
        }
    }

    /// Takes the next bytes. After an error it is of no use but to be recovered.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() as u64 > self.missing() {
            return Err(StoreError::Upload(UploadError::TooLong { id: self.id, bytes: self.total_bytes }));
        }
        let path = self.blobs.incoming(&data_name(self.id));
        if !bytes.is_empty() && !matches!(self.room, Room::Taken) {
            self.take_room(&path)?;
        }
        self.data.write_all_at(bytes, self.offset()).map_err(StoreError::io("write", &path))?;
        let mut left = bytes;
        while !left.is_empty() {
            let to_edge = PIECE_BYTES - self.offset() % PIECE_BYTES;
            let (now, later) = left.split_at(usize::try_from(to_edge).unwrap_or(usize::MAX).min(left.len()));
            self.hasher.update(now);
            left = later;
            if let Some(mark) = self.hasher.mark() {
                self.take_mark(mark)?;
            }
        }
        let unsynced = self.offset() - self.sync_begun_bytes.min(self.offset());
        if unsynced >= BEGIN_SYNC_EVERY_BYTES {
            self.data.begin_sync(self.sync_begun_bytes, unsynced);
            self.sync_begun_bytes = self.offset();
        }
        Ok(())
    }

    fn take_room(&mut self, path: &Path) -> Result<()> {
        if matches!(self.room, Room::WithFirstByte) {
            self.blobs.check_space(self.total_bytes)?;
            self.data.reserve(self.total_bytes).map_err(StoreError::io("reserve room for", path))?;
        }
        self.room = Room::Taken;
        Ok(())
    }

    fn take_mark(&mut self, mark: PieceMark) -> Result<()> {
        let index = self.offset() / PIECE_BYTES - 1;
        if let Some(unchecked) = &mut self.unchecked {
            unchecked.marks.push((index, mark));
            return Ok(());
        }
        self.write_mark(index, &mark)
    }

    fn write_mark(&self, index: u64, mark: &PieceMark) -> Result<()> {
        let path = self.blobs.incoming(&marks_name(self.id));
        let place = index * MARK_BYTES as u64;
        self.marks.write_all_at(&mark.to_bytes(), place).map_err(StoreError::io("write", &path))
    }

    /// Makes full pieces durable, if enough came since that was last done; tells how many bytes they have.
    pub(crate) fn checkpoint(&mut self) -> Result<Option<u64>> {
        let full = self.offset() - self.offset() % PIECE_BYTES;
        if self.unchecked.is_some() || full < self.durable_bytes + CHECKPOINT_BYTES {
            return Ok(None);
        }
        let (data_path, marks_path) =
            (self.blobs.incoming(&data_name(self.id)), self.blobs.incoming(&marks_name(self.id)));
        self.data.sync().map_err(StoreError::io("sync", &data_path))?;
        self.marks.sync().map_err(StoreError::io("sync", &marks_path))?;
        self.durable_bytes = full;
        Ok(Some(full))
    }

    /// Ends it, all bytes being here: synced, under the name that is never written again.
    pub(crate) fn finish(self) -> Result<BlobHashes> {
        let Self { blobs, id, data, hasher, _claims: claims, .. } = self;
        let (from, to) = (blobs.incoming(&data_name(id)), blobs.incoming(&whole_name(id)));
        let hashes = hasher.finish();
        data.set_len(hashes.size).map_err(StoreError::io("cut", &from))?;
        data.sync().map_err(StoreError::io("sync", &from))?;
        data.make_read_only().map_err(StoreError::io("protect", &from))?;
        drop(data);
        blobs.rename_incoming(&from, &to)?;
        // Before its bytes get a name in `blobs/` no power cut may bring back the name under which they could be written.
        blobs.sync_incoming()?;
        drop(claims);
        Ok(hashes)
    }
}

/// Whether `data` has the piece that the mark was taken after.
fn is_in(data: &dyn DiskFile, mark: &PieceMark, index: u64) -> bool {
    let mut piece = vec![0; usize::try_from(PIECE_BYTES).expect("a piece is 1 MiB")];
    data.read_exact_at(&mut piece, index * PIECE_BYTES).is_ok() && mark.is_of(&piece, index)
}

fn claims(blobs: &Arc<Blobs>, id: UploadId) -> [Claim; 3] {
    [blobs.claim(&data_name(id)), blobs.claim(&marks_name(id)), blobs.claim(&whole_name(id))]
}

/// Takes up an upload where its files say that it is; `None` if they are of no use, and then they are gone.
pub(crate) fn take_up(blobs: &Arc<Blobs>, id: UploadId, row: &UploadRow) -> Result<Option<Phase>> {
    if let Some(hashes) = whole(blobs, id)?.filter(|hashes| hashes.size == row.bytes) {
        return Ok(Some(Phase::Whole(hashes)));
    }
    if let Some(receiving) = Receiving::recover(blobs, id, row)? {
        return Ok(Some(Phase::Receiving(Box::new(receiving))));
    }
    remove_files(blobs, id)?;
    Ok(None)
}

/// The hashes of a file that has all bytes; `None` if there is none yet.
fn whole(blobs: &Arc<Blobs>, id: UploadId) -> Result<Option<BlobHashes>> {
    let (name, path) = (whole_name(id), blobs.incoming(&whole_name(id)));
    let Some(file) = blobs.open_incoming(&name)? else { return Ok(None) };
    file.forget_cached().map_err(StoreError::io("read", &path))?;
    let bytes = file.stat().map_err(StoreError::io("read", &path))?.bytes;
    let mut hasher = BlobHasher::new();
    let mut buffer = vec![0; usize::try_from(PIECE_BYTES).expect("a piece is 1 MiB")];
    while hasher.size() < bytes {
        let now = usize::try_from(bytes - hasher.size()).unwrap_or(usize::MAX).min(buffer.len());
        file.read_exact_at(&mut buffer[..now], hasher.size()).map_err(StoreError::io("read", &path))?;
        hasher.update(&buffer[..now]);
    }
    Ok(Some(hasher.finish()))
}

/// Removes what an upload has in `incoming/`.
pub(crate) fn remove_files(blobs: &Blobs, id: UploadId) -> Result<()> {
    [data_name(id), marks_name(id), whole_name(id)]
        .iter()
        .try_for_each(|name| blobs.remove_incoming(&blobs.incoming(name)))
}
