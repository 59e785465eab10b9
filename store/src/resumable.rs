//! Resumable uploads: bytes that come in over several requests, over restarts and power cuts, and become a package when
//! the last one is here.
//!
//! # Files and rows
//!
//! A row in `uploads` says what is being sent. `incoming/<id>.upload-data` has the bytes so far, `incoming/<id>.upload-marks`
//! a `PieceMark` for each full piece of them, so that hashing goes on after a restart, and what a crash left is told from
//! what was received. When the last byte is here the data is synced and renamed `incoming/<id>.upload-whole`; then it is
//! published like any upload, and the row moves to `uploads_ended`, in the transaction of the event.
//!
//! # Invariants
//!
//! - Bytes are taken in order, by one turn at a time: who takes the next turn ends the one before, whose bytes are refused
//!   from then on. So two senders never mix.
//! - After a restart a piece counts only if the row says that it was synced, or if its mark is that of the bytes in the
//!   file. Everything after the last such piece is sent again: at most a piece, and what was in flight, after a `kill -9`.
//! - The last piece never counts after a restart, so that an upload that has all its bytes is published or on its way.
//! - Bytes of a request with a checksum count once that was right, and only in their own turn: they have no mark before, no
//!   offset that is told has them, and the next turn begins by forgetting them.
//! - A file named `.upload-whole` is never written again: it may have its second name in `blobs/` already.
//! - An upload ends once: published, refused for good, or removed. While the disk fails it waits.
//! - To begin one costs its sender nothing, so they are bounded by sender (the fewer, the fewer places are left) and in all,
//!   and what holds room without a byte is bounded in all (`room.rs`) and in time: [`UPLOAD_EMPTY_MS`]. Only bytes renew an
//!   upload; asking about it, or sending none, doesn't.

mod error;
pub(crate) mod files;
pub(crate) mod receiving;
mod room;

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::HEXLOWER;
use redb::{ReadableTable, ReadableTableMetadata};
use serde::{Deserialize, Serialize};

use crate::audit::{self, Deed, Facts};
use crate::codec::{from_row, to_row};
use crate::digest::{Digest, EventId, NotHex32, Sha256};
use crate::error::{Result, StoreError};
use crate::journal::Moment;
use crate::limits::{
    BLOB_BYTES_MAX, PAGE_ROWS_MAX, UPLOAD_EMPTY_MS, UPLOADS_ENDED_MAX, UPLOADS_FIRST_MAX, UPLOADS_MAX,
    UPLOADS_PER_AUTHOR_MAX,
};
use crate::path::PackagePath;
use crate::publish::{Author, Condition, MetaPatch, PublishRequest, Published};
use crate::schema::{UPLOADS, UPLOADS_ENDED};
use crate::time::UnixMillis;
use crate::tx::Tx;

pub use self::error::UploadError;
pub(crate) use self::receiving::{Phase, Receiving};
pub(crate) use self::room::EmptyRoom;

/// Names a resumable upload: six bytes of the time it was begun, so that ids sort by that, and ten that nobody guesses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UploadId([u8; 16]);

impl UploadId {
    /// A new one.
    pub(crate) fn new(now: UnixMillis, random: [u8; 10]) -> Self {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&now.get().to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&random);
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UploadId({self})")
    }
}

impl FromStr for UploadId {
    type Err = NotHex32;

    fn from_str(text: &str) -> Result<Self, NotHex32> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        let kind = "an upload's id (32 digits)";
        bytes.map(Self).ok_or_else(|| NotHex32 { kind, text: text.chars().take(80).collect() })
    }
}

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpload {
    /// What it becomes.
    pub request: PublishRequest,
    /// How many bytes will come.
    pub bytes: u64,
    /// The SHA-256 they must have, if the sender knows it.
    pub sha256: Option<Sha256>,
    /// The BLAKE3 they must have, if the sender knows it.
    pub blake3: Option<Digest>,
    /// What the sender said, to be told again as it was said.
    pub told: String,
}

/// A condition, as rows have it.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum ConditionRow {
    None,
    Matches(Vec<EventId>),
    Exists,
    IsNew,
}

/// A row of `uploads`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UploadRow {
    path: String,
    meta: MetaPatch,
    condition: ConditionRow,
    author: String,
    pub(crate) bytes: u64,
    sha256: Option<Sha256>,
    blake3: Option<Digest>,
    told: String,
    created_at: UnixMillis,
    /// When bytes came last, to the minute; `created_at` before the first.
    pub(crate) touched_at: UnixMillis,
    /// Bytes, of full pieces, that are synced with their marks.
    pub(crate) durable_bytes: u64,
}

/// A row of `uploads_ended`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct EndedRow {
    upload: UploadRow,
    pub(crate) ended_at: UnixMillis,
    end: UploadEnd,
}

impl EndedRow {
    /// What it was.
    pub(crate) fn into_upload(self) -> UploadRow {
        self.upload
    }
}

/// How an upload ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum UploadEnd {
    /// Its bytes are a package's current revision, or were when it ended.
    Published {
        /// The revision.
        revision: EventId,
        /// An event was minted; false if the package was that already.
        changed: bool,
        /// There was no package before.
        created: bool,
    },
    /// It was refused for good; its bytes are gone.
    Refused {
        /// Why.
        refusal: UploadRefusal,
        /// In words.
        detail: String,
    },
}

/// Why the bytes of an upload were not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UploadRefusal {
    /// The current revision is not as the sender expected.
    PreconditionFailed,
    /// This node may not publish there, or not any more.
    NotAPublisher,
    /// The bytes don't have an announced digest.
    DigestMismatch,
    /// The metadata can't be published.
    BadMeta,
}

/// How an upload stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadStatus {
    /// Its id.
    pub id: UploadId,
    /// The package's path.
    pub path: PackagePath,
    /// How many bytes there will be.
    pub bytes: u64,
    /// How many are here. Of one that wasn't touched since start: how many are here for certain.
    pub offset: u64,
    /// The announced BLAKE3.
    pub blake3: Option<Digest>,
    /// What the sender said when it began.
    pub told: String,
    /// It was begun with a condition, which whoever goes on with it gets as well.
    pub guarded: bool,
    /// Who began it.
    pub author: String,
    /// When it was begun.
    pub created_at: UnixMillis,
    /// When bytes came last, to the minute; when it was begun, if none did; or when it ended.
    pub touched_at: UnixMillis,
    /// Whether any byte ever came. One to which none did is kept for [`UPLOAD_EMPTY_MS`] only.
    pub has_bytes: bool,
    /// How it ended; `None` while it goes on.
    pub end: Option<UploadEnd>,
}

/// An upload that was touched since start.
pub(crate) struct LiveUpload {
    pub(crate) id: UploadId,
    /// Whose turn it is.
    pub(crate) turn: AtomicU64,
    /// When that bytes came was last written down, in ms; 0 if it never was.
    pub(crate) touched_ms: AtomicU64,
    /// When bytes came last, in ms; 0 if none did since the node was started.
    came_ms: AtomicU64,
    /// Requests that have, or had, a turn and haven't ended.
    turns: AtomicU64,
    pub(crate) phase: Mutex<Phase>,
}

impl LiveUpload {
    pub(crate) fn new(id: UploadId, row: &UploadRow, phase: Phase) -> Self {
        let touched_ms = if row.has_bytes() { row.touched_at.get() } else { 0 };
        let (touched_ms, phase) = (AtomicU64::new(touched_ms), Mutex::new(phase));
        Self {
            id,
            turn: AtomicU64::default(),
            touched_ms,
            came_ms: AtomicU64::default(),
            turns: AtomicU64::default(),
            phase,
        }
    }

    /// A request begins; tells the number of its turn.
    pub(crate) fn begin_turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::SeqCst);
        self.turn.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// A request ended.
    pub(crate) fn end_turn(&self) {
        self.turns.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether a request sends to it: its bytes may be on their way here for long before there are enough to be written.
    pub(crate) fn is_sent_to(&self) -> bool {
        self.turns.load(Ordering::SeqCst) > 0
    }

    /// Bytes came.
    pub(crate) fn came(&self, now: UnixMillis) {
        self.came_ms.store(now.get(), Ordering::Relaxed);
    }

    /// When bytes came last since the node was started: that is written down only now and then.
    pub(crate) fn came_at(&self) -> UnixMillis {
        UnixMillis::new(self.came_ms.load(Ordering::Relaxed))
    }
}

impl UploadRow {
    pub(crate) fn new(new: &NewUpload, now: UnixMillis) -> Self {
        let condition = match &new.request.condition {
            Condition::None => ConditionRow::None,
            Condition::Matches(ids) => ConditionRow::Matches(ids.clone()),
            Condition::Exists => ConditionRow::Exists,
            Condition::IsNew => ConditionRow::IsNew,
        };
        Self {
            path: new.request.path.as_str().to_owned(),
            meta: new.request.meta.clone(),
            condition,
            author: new.request.author.as_str().to_owned(),
            bytes: new.bytes,
            sha256: new.sha256,
            blake3: new.blake3,
            told: new.told.clone(),
            created_at: now,
            touched_at: now,
            durable_bytes: 0,
        }
    }

    /// Whether it was written down that bytes came.
    pub(crate) fn has_bytes(&self) -> bool {
        self.touched_at > self.created_at || self.durable_bytes > 0
    }

    /// How long it is kept after it was touched, if uploads to which bytes came are kept for so long.
    pub(crate) fn kept_ms(has_bytes: bool, kept_ms: u64) -> u64 {
        if has_bytes { kept_ms } else { kept_ms.min(UPLOAD_EMPTY_MS) }
    }

    pub(crate) fn path(&self) -> Result<PackagePath> {
        PackagePath::parse(&self.path).map_err(|_| StoreError::Corrupt { what: "an upload" })
    }

    /// What `author`, who finishes it, publishes.
    pub(crate) fn request(&self, author: &Author) -> Result<PublishRequest> {
        let condition = match &self.condition {
            ConditionRow::None => Condition::None,
            ConditionRow::Matches(ids) => Condition::Matches(ids.clone()),
            ConditionRow::Exists => Condition::Exists,
            ConditionRow::IsNew => Condition::IsNew,
        };
        Ok(PublishRequest { path: self.path()?, meta: self.meta.clone(), condition, author: author.clone() })
    }

    /// Errs unless the bytes have the digests that were announced.
    pub(crate) fn check_digests(&self, sha256: Sha256, blake3: Digest) -> Result<()> {
        let mismatch = |algorithm, expected: &dyn fmt::Display, actual: &dyn fmt::Display| {
            Err(StoreError::Upload(UploadError::DigestMismatch {
                algorithm,
                expected: expected.to_string(),
                actual: actual.to_string(),
            }))
        };
        match (self.sha256, self.blake3) {
            (Some(expected), _) if expected != sha256 => mismatch("sha-256", &expected, &sha256),
            (_, Some(expected)) if expected != blake3 => mismatch("blake3", &expected, &blake3),
            _ => Ok(()),
        }
    }

    /// How it stands with `offset` bytes here.
    pub(crate) fn status(&self, id: UploadId, offset: u64) -> Result<UploadStatus> {
        Ok(UploadStatus {
            id,
            path: self.path()?,
            bytes: self.bytes,
            offset,
            blake3: self.blake3,
            told: self.told.clone(),
            guarded: !matches!(self.condition, ConditionRow::None),
            author: self.author.clone(),
            created_at: self.created_at,
            touched_at: self.touched_at,
            has_bytes: self.has_bytes(),
            end: None,
        })
    }
}

impl EndedRow {
    pub(crate) fn status(self, id: UploadId) -> Result<UploadStatus> {
        let offset = match self.end {
            UploadEnd::Published { .. } => self.upload.bytes,
            UploadEnd::Refused { .. } => 0,
        };
        let status = self.upload.status(id, offset)?;
        Ok(UploadStatus { touched_at: self.ended_at, end: Some(self.end), ..status })
    }
}

/// What a refusal that no waiting mends is; `None` for what may pass.
pub(crate) fn refusal_of(error: &StoreError) -> Option<UploadRefusal> {
    match error {
        StoreError::PreconditionFailed { .. } => Some(UploadRefusal::PreconditionFailed),
        StoreError::NotAPublisher { .. } => Some(UploadRefusal::NotAPublisher),
        StoreError::Upload(UploadError::DigestMismatch { .. }) => Some(UploadRefusal::DigestMismatch),
        StoreError::BadMeta { .. } => Some(UploadRefusal::BadMeta),
        _ => None,
    }
}

/// Lists a new upload.
pub(crate) fn begin(tx: &Tx<'_>, moment: Moment, id: UploadId, row: &UploadRow, author: &Author) -> Result<()> {
    let uploads = tx.read(UPLOADS)?.len()?;
    if uploads >= UPLOADS_MAX as u64 {
        return Err(StoreError::TooMany { what: "unfinished uploads", max: UPLOADS_MAX });
    }
    let share = share_of(uploads);
    if uploads >= share as u64 && begun_by(tx, &row.author)? >= share {
        let what = "unfinished uploads that the same user or token began";
        return Err(StoreError::TooMany { what, max: share });
    }
    if row.bytes > BLOB_BYTES_MAX {
        return Err(StoreError::TooLarge { bytes: row.bytes, max: BLOB_BYTES_MAX });
    }
    tx.write(UPLOADS)?.insert(id.as_bytes(), to_row(row).as_slice())?;
    audit::append(tx, moment, author, &Deed::made("upload.begun", id, facts(row))).map(drop)
}

/// Tells the audit that somebody removed one that was going on.
pub(crate) fn tell_removed(tx: &Tx<'_>, moment: Moment, id: UploadId, row: &UploadRow, author: &Author) -> Result<()> {
    audit::append(tx, moment, author, &Deed::ended("upload.removed", id, facts(row))).map(drop)
}

fn facts(row: &UploadRow) -> Facts {
    audit::facts([("path", row.path.clone()), ("bytes", row.bytes.to_string()), ("by", row.author.clone())])
}

/// How many somebody may have begun of so many in all: half as many as there are places left, [`UPLOADS_PER_AUTHOR_MAX`] at
/// most; and of the last [`UPLOADS_FIRST_MAX`] places one. So whoever comes late finds one, unless more than these came before.
fn share_of(uploads: u64) -> usize {
    let left = UPLOADS_MAX.saturating_sub(usize::try_from(uploads).unwrap_or(UPLOADS_MAX));
    (left.saturating_sub(UPLOADS_FIRST_MAX) / 2).clamp(1, UPLOADS_PER_AUTHOR_MAX)
}

/// How many of those that go on somebody began. There are [`UPLOADS_MAX`] to look through at most.
fn begun_by(tx: &Tx<'_>, author: &str) -> Result<usize> {
    let mut count = 0;
    for entry in tx.read(UPLOADS)?.iter()? {
        let row: UploadRow = from_row("an upload", entry?.1.value())?;
        count += usize::from(row.author == author);
    }
    Ok(count)
}

/// Writes down that bytes came, and how many of them are durable.
pub(crate) fn touch(tx: &Tx<'_>, id: UploadId, durable_bytes: u64, now: UnixMillis) -> Result<()> {
    let Some(row) = get(&tx.read(UPLOADS)?, id)? else { return Ok(()) };
    let durable_bytes = durable_bytes.max(row.durable_bytes);
    // Later than it was begun, whatever the clock did: that tells that bytes came.
    let touched_at = now.max(row.created_at.plus_ms(1));
    let row = UploadRow { touched_at, durable_bytes, ..row };
    tx.write(UPLOADS)?.insert(id.as_bytes(), to_row(&row).as_slice())?;
    Ok(())
}

/// Writes down that fewer bytes are durable than it said.
pub(crate) fn lower(tx: &Tx<'_>, id: UploadId, durable_bytes: u64) -> Result<()> {
    let Some(row) = get(&tx.read(UPLOADS)?, id)? else { return Ok(()) };
    tx.write(UPLOADS)?.insert(id.as_bytes(), to_row(&UploadRow { durable_bytes, ..row }).as_slice())?;
    Ok(())
}

/// Ends an upload that was published, in the transaction that does it.
pub(crate) fn published(tx: &Tx<'_>, id: UploadId, published: &Published, now: UnixMillis) -> Result<()> {
    let Published { package, changed, created } = published;
    end(tx, id, UploadEnd::Published { revision: package.revision, changed: *changed, created: *created }, now)
}

/// Ends an upload.
pub(crate) fn end(tx: &Tx<'_>, id: UploadId, end: UploadEnd, now: UnixMillis) -> Result<()> {
    let Some(upload) = get(&tx.read(UPLOADS)?, id)? else {
        return Err(StoreError::Upload(UploadError::NoSuchUpload { id }));
    };
    tx.write(UPLOADS)?.remove(id.as_bytes())?;
    let mut ended = tx.write(UPLOADS_ENDED)?;
    ended.insert(id.as_bytes(), to_row(&EndedRow { upload, ended_at: now, end }).as_slice())?;
    if ended.len()? > UPLOADS_ENDED_MAX {
        // Ids sort by when uploads were begun, so this is the one that was asked for longest ago, about.
        ended.pop_first()?;
    }
    Ok(())
}

/// Removes an upload that goes on; false if there is none.
pub(crate) fn remove(tx: &Tx<'_>, id: UploadId) -> Result<bool> {
    if get(&tx.read(UPLOADS)?, id)?.is_none() {
        return Ok(false);
    }
    Ok(tx.write(UPLOADS)?.remove(id.as_bytes())?.is_some())
}

pub(crate) fn get(
    table: &impl ReadableTable<&'static [u8; 16], &'static [u8]>,
    id: UploadId,
) -> Result<Option<UploadRow>> {
    table.get(id.as_bytes())?.map(|row| from_row("an upload", row.value())).transpose()
}

pub(crate) fn get_ended(
    table: &impl ReadableTable<&'static [u8; 16], &'static [u8]>,
    id: UploadId,
) -> Result<Option<EndedRow>> {
    table.get(id.as_bytes())?.map(|row| from_row("an ended upload", row.value())).transpose()
}

/// Up to `limit` (at most [`PAGE_ROWS_MAX`]) rows after an id.
pub(crate) fn page<T: serde::de::DeserializeOwned>(
    table: &impl ReadableTable<&'static [u8; 16], &'static [u8]>,
    after: Option<UploadId>,
    limit: usize,
) -> Result<Vec<(UploadId, T)>> {
    let after = after.unwrap_or(UploadId([0; 16]));
    let mut rows = Vec::new();
    for entry in table.range::<&[u8; 16]>(after.as_bytes()..)?.take(limit.min(PAGE_ROWS_MAX) + 1) {
        let (id, row) = entry?;
        let id = UploadId::from_bytes(*id.value());
        if id > after {
            rows.push((id, from_row("an upload", row.value())?));
        }
    }
    rows.truncate(limit);
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_take_all_they_may_the_next_one_finds_a_place() {
        let (mut held, mut uploads) = (Vec::new(), 0);
        for sender in 0..200 {
            let mut own = 0;
            while own < share_of(uploads) && uploads < UPLOADS_MAX as u64 {
                (own, uploads) = (own + 1, uploads + 1);
            }
            assert!(own > 0, "sender {sender} finds none of {UPLOADS_MAX}");
            held.push(own);
        }
        assert_eq!(held[0], UPLOADS_PER_AUTHOR_MAX, "alone one has all that one may");
        assert!(uploads < UPLOADS_MAX as u64, "{uploads} are taken");
    }
}
