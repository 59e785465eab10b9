//! Care for the bytes that are held: what is done about a blob found wrong, and the steps of a scrub.
//!
//! | found | done |
//! |---|---|
//! | wrong bytes, a wrong length, no file | alarm; set aside and wanted again: a peer mends it, or who uploads it again |
//! | a file that can't be opened | alarm; left where it is, since nothing is known of its bytes |
//! | an outline lost or wrong, its blob right | alarm; the outline is made again |
//! | an event that states another SHA-256 | alarm; the true one is given from then on |
//! | right bytes among what was set aside, under whatever name | held again |

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::ReadableTable;

use super::Store;
use crate::audit::{self, Deed, Facts};
use crate::blobs::{fetch_name, fetched_blob};
use crate::catalog::HeadsRow;
use crate::codec::from_row;
use crate::custody;
use crate::digest::{Digest, Sha256};
use crate::disk::DiskFile;
use crate::error::{Result, StoreError};
use crate::event::Body;
use crate::journal::{self, Moment};
use crate::log;
use crate::meta;
use crate::outline::{BlobHashes, ChainingValue, PIECE_BYTES, piece_bytes, piece_is_right};
use crate::publish::Author;
use crate::schema::{BLOBS, EVENTS, FETCHES, HEADS, LIVE_BLOBS, LOG, META, TRUE_SHA256, WANTS};
use crate::scrub::{Examination, ScrubPass, ScrubState, ScrubStatus, Verdict, begin_pass};
use crate::time::UnixMillis;
use crate::tx::Tx;
use crate::upload::{Received, Upload};
use crate::wants::{self, BlobRow, WantRow};

/// Packages that an alarm names; of more it says how many.
const NAMED_PATHS_MAX: usize = 10;

/// What caring needs to remember while the store is open.
#[derive(Debug, Default)]
pub(super) struct Care {
    /// Blobs whose outline is being made again.
    outlines: Mutex<HashSet<Digest>>,
    /// Where the pass under way is, newer than its row.
    scrub: Mutex<LiveScrub>,
    /// A snapshot is there.
    snapshot: Arc<AtomicBool>,
}

/// What a pass under way tells before it is written down.
#[derive(Debug, Clone, Default)]
struct LiveScrub {
    pass: Option<ScrubPass>,
    bytes_per_s: u64,
    problem: Option<String>,
}

/// What is wrong with a blob's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    /// It isn't there.
    Missing,
    /// It isn't there in a restored folder.
    NotInBackup,
    /// It is too long or too short.
    Length {
        /// As it is.
        bytes: u64,
        /// As it should be.
        instead_of: u64,
    },
    /// This piece is wrong.
    Piece(u64),
    /// All of it is another blob, and the outline is lost.
    OtherBytes(Digest),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("its file is missing"),
            Self::NotInBackup => f.write_str("it is not in the backup"),
            Self::Length { bytes, instead_of } => write!(f, "its file has {bytes} bytes instead of {instead_of}"),
            Self::Piece(piece) => write!(f, "piece {piece} is damaged"),
            Self::OtherBytes(digest) => write!(f, "its outline is lost, and its file holds {digest}"),
        }
    }
}

impl Store {
    /// Takes a damaged blob out of service: not listed any more, wanted again, its file left where a fetch mends it. Tells
    /// whether it did; a file that is whole by now, since it was replaced, stays.
    pub(crate) fn set_aside(&self, blob: &Digest, damage: Damage, now: UnixMillis) -> Result<bool> {
        let digest = *blob;
        let detail = format!(
            "blob {blob} of {} is damaged on disk: {damage} ({}). It was set aside and is wanted again: a peer that has it \
             mends it, or an upload of the same bytes",
            self.packages_with(blob)?,
            self.blobs().place(blob)
        );
        let commit = move |tx: &Tx<'_>| {
            journal::alarm(tx, Moment::live(now), "rot", detail.clone())?;
            wants::lose(tx, Moment::live(now), &digest)
        };
        custody::set_aside(
            self,
            blob,
            || self.is_still(damage, blob),
            || self.write(commit),
            |lock| self.blobs().set_aside(lock, blob),
        )
    }

    /// Whether a listed blob has this damage as it is on disk now.
    fn is_still(&self, damage: Damage, blob: &Digest) -> Result<bool> {
        let Some(size) = self.listed_size(blob)? else { return Ok(false) };
        let Some(file) = self.blobs().open_blob(blob)? else { return Ok(true) };
        let length_is_right = file.stat().is_ok_and(|stat| stat.bytes == size);
        match damage {
            Damage::Missing | Damage::NotInBackup => Ok(false),
            Damage::Length { .. } => Ok(!length_is_right),
            // One that was replaced meanwhile has its outline.
            Damage::OtherBytes(_) => Ok(!length_is_right || self.blobs().outline(blob, size)?.is_none()),
            Damage::Piece(piece) => {
                let Some(outline) = self.blobs().outline(blob, size)? else { return Ok(true) };
                let mut bytes = vec![0; piece_bytes(size, piece)];
                let read = file.read_exact_at(&mut bytes, piece * PIECE_BYTES);
                Ok(read.is_err() || !length_is_right || !piece_is_right(&bytes, piece, &outline, blob, size))
            }
        }
    }

    /// The packages that have this blob, in words.
    pub(crate) fn packages_with(&self, blob: &Digest) -> Result<String> {
        let paths = self.live_paths(blob)?;
        let named = paths.iter().take(NAMED_PATHS_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
        Ok(match paths.len() {
            0 => "no current package".to_owned(),
            count if count > NAMED_PATHS_MAX => format!("{named} and {} more packages", count - NAMED_PATHS_MAX),
            _ => named,
        })
    }

    /// Makes a lost outline again by hashing the blob; `None` if the blob turned out wrong and was set aside.
    pub(crate) fn remake_outline(
        &self,
        blob: &Digest,
        size: u64,
        now: UnixMillis,
    ) -> Result<Option<Vec<ChainingValue>>> {
        let being_made = || self.0.care.outlines.lock().unwrap_or_else(PoisonError::into_inner);
        if !being_made().insert(*blob) {
            return Err(StoreError::OutlineLost { blob: *blob });
        }
        let outcome = match self.blobs().open_blob(blob) {
            Ok(Some(file)) => self.settle(Examination::of_held(*blob, size, file, None).run(), now),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        being_made().remove(blob);
        outcome
    }

    /// Does what a verdict about a held blob asks for. Its outline if it is right.
    pub(crate) fn settle(
        &self,
        examined: (Examination, Verdict),
        now: UnixMillis,
    ) -> Result<Option<Vec<ChainingValue>>> {
        let (examination, verdict) = examined;
        let blob = examination.blob;
        match verdict {
            Verdict::Right(hashes) => {
                if !examination.had_outline() {
                    self.keep_outline(&blob, &hashes.outline, now)?;
                }
                return Ok(Some(hashes.outline));
            }
            Verdict::WrongPiece(piece) => self.set_aside(&blob, Damage::Piece(piece), now)?,
            Verdict::WrongLength(bytes) => {
                self.set_aside(&blob, Damage::Length { bytes, instead_of: examination.size }, now)?
            }
            Verdict::OtherBytes(hashes) => self.set_aside(&blob, Damage::OtherBytes(hashes.digest), now)?,
        };
        Ok(None)
    }

    fn keep_outline(&self, blob: &Digest, outline: &[ChainingValue], now: UnixMillis) -> Result<()> {
        let lock = self.blobs().lock(blob);
        self.blobs().write_outline(blob, outline)?;
        drop(lock);
        let detail = format!("the outline of blob {blob} was lost or damaged; it was made again from the blob's bytes");
        self.write(move |tx| journal::alarm(tx, Moment::live(now), "outline", detail.clone()).map(drop))
    }

    /// Holds a blob's SHA-256 against what the events of current revisions state; tells whether one lies.
    pub(crate) fn check_sha256(&self, hashes: &BlobHashes, now: UnixMillis) -> Result<bool> {
        let (blob, sha256) = (hashes.digest, hashes.sha256);
        let lies = self.stated_otherwise(&blob, &sha256)?;
        if lies.is_empty() {
            return Ok(false);
        }
        self.write(move |tx| {
            if tx.write(TRUE_SHA256)?.insert(blob.as_bytes(), sha256.as_bytes())?.is_some() {
                return Ok(());
            }
            let detail = format!(
                "{} with a wrong SHA-256; the bytes were verified by their BLAKE3 {blob}, and their true SHA-256, {sha256}, \
                 is given from now on",
                lies.join(" and ")
            );
            journal::alarm(tx, Moment::live(now), "sha256", detail).map(drop)
        })?;
        Ok(true)
    }

    /// The events of current revisions that state another SHA-256 for a blob, in words.
    pub(crate) fn stated_otherwise(&self, blob: &Digest, sha256: &Sha256) -> Result<Vec<String>> {
        let read = self.read()?;
        let (heads, events, log) = (read.open_table(HEADS)?, read.open_table(EVENTS)?, read.open_table(LOG)?);
        let mut lies = Vec::new();
        for path in wants::live_paths(&read.open_table(LIVE_BLOBS)?, blob)? {
            let row = heads.get(path.as_str())?;
            let row = row.map(|row| from_row::<HeadsRow>("the heads of a package", row.value())).transpose()?;
            for head in row.unwrap_or_default().heads {
                let Some(event) = log::find(&events, &log, &head.id)? else { continue };
                if let Body::Publish(publish) = event.body
                    && publish.blob == *blob
                    && publish.sha256 != *sha256
                {
                    lies.push(format!("node {} published {path} ({})", event.header.stream.origin, head.id));
                }
            }
        }
        Ok(lies)
    }

    /// What the scrub is doing, and its last pass.
    pub fn scrub_status(&self) -> Result<ScrubStatus> {
        let live = self.live_scrub().clone();
        let row = meta::get(&self.read()?.open_table(META)?, &meta::SCRUB)?;
        let is_of = |live: &ScrubPass| row.as_ref().is_some_and(|row: &ScrubPass| live.is_same(row));
        let pass = live.pass.filter(is_of).or(row);
        let state = match (pass.as_ref().is_some_and(|pass| pass.running), live.problem.is_some()) {
            (false, _) => ScrubState::Idle,
            (true, false) => ScrubState::Running,
            (true, true) => ScrubState::Paused,
        };
        let bytes_per_s = if state == ScrubState::Running { live.bytes_per_s } else { 0 };
        Ok(ScrubStatus { state, problem: live.problem.filter(|_| state == ScrubState::Paused), bytes_per_s, pass })
    }

    /// Starts a pass, unless one is running.
    pub fn start_scrub(&self, author: &Author, now: UnixMillis) -> Result<()> {
        let author = author.clone();
        self.write(move |tx| {
            if !begin_pass(tx, author.as_str(), now)? {
                author.told();
                return Ok(());
            }
            let deed = Deed::made("scrub.started", "storage", Facts::new());
            audit::append(tx, Moment::live(now), &author, &deed).map(drop)
        })
    }

    /// Stops the pass that is running; what it found stays. False if none is.
    pub fn stop_scrub(&self, author: &Author, now: UnixMillis) -> Result<bool> {
        let author = author.clone();
        self.write(move |tx| {
            let row: Option<ScrubPass> = meta::get(&tx.read(META)?, &meta::SCRUB)?;
            let Some(row) = row.filter(|row| row.running) else {
                author.told();
                return Ok(false);
            };
            tx.set_meta(&meta::SCRUB, &ScrubPass { running: false, stopped: true, finished_at: Some(now), ..row })?;
            tx.set_meta(&meta::SCRUB_SINCE, &now)?;
            tx.changed(|effects| effects.scrub_changed = true);
            let deed = Deed::made("scrub.stopped", "storage", Facts::new());
            audit::append(tx, Moment::live(now), &author, &deed)?;
            Ok(true)
        })
    }

    /// Starts a pass if the last one, or the first time this was asked, is `every_ms` ago.
    pub fn scrub_if_due(&self, every_ms: u64, now: UnixMillis) -> Result<()> {
        let since: Option<UnixMillis> = meta::get(&self.read()?.open_table(META)?, &meta::SCRUB_SINCE)?;
        match since {
            // A clock that was set back must not put the next pass off for ever.
            Some(since) if since <= now && now.ms_since(since) < every_ms => Ok(()),
            Some(_) => self.write(move |tx| begin_pass(tx, "schedule", now).map(drop)),
            None => self.write(move |tx| tx.set_meta(&meta::SCRUB_SINCE, &now)),
        }
    }

    /// Whether a snapshot is there.
    pub(crate) fn snapshot_under_way(&self) -> Arc<AtomicBool> {
        self.0.care.snapshot.clone()
    }

    /// Takes blobs that a restored node should have and hasn't out of its list; they are wanted again.
    pub fn disown(&self, blobs: &[Digest], now: UnixMillis) -> Result<()> {
        blobs.iter().try_for_each(|blob| self.set_aside(blob, Damage::NotInBackup, now).map(drop))
    }

    /// Shows where the pass under way is.
    pub(crate) fn show_scrub(&self, pass: Option<ScrubPass>) {
        self.live_scrub().pass = pass;
    }

    /// Says how fast the pass under way is, or why it can't go on for now.
    pub fn note_scrub(&self, progress: Result<u64, String>) {
        let mut live = self.live_scrub();
        (live.bytes_per_s, live.problem) = match progress {
            Ok(bytes_per_s) => (bytes_per_s, None),
            Err(problem) => (0, Some(problem)),
        };
    }

    fn live_scrub(&self) -> MutexGuard<'_, LiveScrub> {
        self.0.care.scrub.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first held blob after one, and its size.
    pub(crate) fn next_held(&self, after: Option<Digest>) -> Result<Option<(Digest, u64)>> {
        use std::ops::Bound::{Excluded, Unbounded};
        let table = self.read()?.open_table(BLOBS)?;
        let start = after.as_ref().map_or(Unbounded, |blob| Excluded(blob.as_bytes()));
        let Some(entry) = table.range::<&[u8; 32]>((start, Unbounded))?.next() else { return Ok(None) };
        let (blob, row) = entry?;
        Ok(Some((Digest::from_bytes(*blob.value()), from_row::<BlobRow>("a blob", row.value())?.size)))
    }

    pub(crate) fn tell_unreadable(&self, blob: &Digest, source: &std::io::Error, now: UnixMillis) -> Result<()> {
        let detail = format!(
            "blob {blob} of {} can't be read: {source} ({}). Mend its owner, its permissions or its disk; it stays listed",
            self.packages_with(blob)?,
            self.blobs().place(blob)
        );
        self.write(move |tx| journal::alarm(tx, Moment::live(now), "unreadable", detail.clone()).map(drop))
    }

    /// Blobs whose file lies set aside, and not as a fetch that knows what it has.
    pub(crate) fn set_aside_files(&self) -> Result<Vec<Digest>> {
        let table = self.read()?.open_table(FETCHES)?;
        let mut found = Vec::new();
        for blob in self.blobs().incoming_names()?.iter().filter_map(|name| fetched_blob(name)) {
            if table.get(blob.as_bytes())?.is_none() {
                found.push(blob);
            }
        }
        Ok(found)
    }

    /// Holds the wanted blob that was found in the file set aside as `name`.
    pub(crate) fn adopt(&self, name: &Digest, hashes: &BlobHashes, now: UnixMillis) -> Result<()> {
        let BlobHashes { digest, size, .. } = *hashes;
        let Some((path, file)) = self.blobs().reopen_incoming(&fetch_name(name))? else { return Ok(()) };
        if *name != digest {
            // A fetch of the other blob may write into this file at any time, so its bytes are copied.
            let mut upload = self.begin_upload(Some(size))?;
            copy(&*file, &mut upload).map_err(StoreError::io("read", &path))??;
            return self.hold_received(&upload.finish()?, now);
        }
        file.set_len(size).map_err(StoreError::io("cut", &path))?;
        file.make_read_only().map_err(StoreError::io("protect", &path))?;
        file.sync().map_err(StoreError::io("sync", &path))?;
        drop(file);
        self.seal_fetched(&digest, size, &path, &hashes.outline, now)
    }

    /// Lists received bytes as held, if they are wanted, without publishing anything.
    pub(crate) fn hold_received(&self, received: &Received, now: UnixMillis) -> Result<()> {
        let (blob, size) = (received.digest(), received.size());
        custody::publish(
            self,
            &blob,
            |lock| {
                self.refuse_if_failing()?;
                let listed = self.listed_size(&blob)?;
                self.blobs().seal(lock, received.path(), &blob, &received.hashes().outline, listed)
            },
            || {
                self.write(move |tx| wants::hold(tx, Moment::live(now), &blob, size))?;
                self.end_fetch(&blob);
                Ok(())
            },
        )
    }

    pub(crate) fn wanted_size(&self, blob: &Digest) -> Result<Option<u64>> {
        let table = self.read()?.open_table(WANTS)?;
        let row = table.get(blob.as_bytes())?;
        row.map(|row| from_row::<WantRow>("a want", row.value()).map(|row| row.size)).transpose()
    }
}

/// Copies a file into an upload; the outer error is the reader's, the inner the writer's.
fn copy(file: &dyn DiskFile, upload: &mut Upload) -> std::io::Result<Result<()>> {
    let bytes = file.stat()?.bytes;
    let mut buffer = vec![0; 1 << 20];
    while upload.bytes() < bytes {
        let left = usize::try_from(bytes - upload.bytes()).map_or(buffer.len(), |left| left.min(buffer.len()));
        file.read_exact_at(&mut buffer[..left], upload.bytes())?;
        if let Err(error) = upload.write(&buffer[..left]) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}

/// The SHA-256 to give for a blob: the true one, where a scrub found that an event lies.
pub(crate) fn true_sha256(
    table: &impl ReadableTable<&'static [u8; 32], &'static [u8; 32]>,
    blob: &Digest,
    stated: Sha256,
) -> Result<Sha256> {
    Ok(table.get(blob.as_bytes())?.map_or(stated, |row| Sha256::from_bytes(*row.value())))
}

#[cfg(test)]
mod tests;
