//! Bytes: coming in by upload or fetch, going out verified, and set aside when they rot.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use redb::ReadableTable;

use super::Store;
use crate::codec::{from_row, to_row};
use crate::digest::Digest;
use crate::error::Result;
use crate::fetch::{Fetch, FetchRow};
use crate::journal::{self, Moment};
use crate::outline::ChainingValue;
use crate::reader::BlobReader;
use crate::schema::{FETCHES, WANTS};
use crate::time::UnixMillis;
use crate::upload::Upload;
use crate::wants::{self, Want};

impl Store {
    /// Begins to receive bytes; room is reserved if the length is known.
    pub fn begin_upload(&self, expected_bytes: Option<u64>) -> Result<Upload> {
        let name = data_encoding::HEXLOWER.encode(&self.random::<16>());
        Upload::begin(Arc::clone(self.blobs()), &format!("{name}.upload"), expected_bytes)
    }

    /// Opens a blob for reading; `None` if it is not held. One whose file is missing is wanted again.
    pub fn open_blob(&self, blob: &Digest, now: UnixMillis) -> Result<Option<BlobReader>> {
        let Some(size) = self.listed_size(blob)? else { return Ok(None) };
        let outline = self.blobs().outline(blob, size)?;
        match (self.blobs().open_blob(blob)?, outline) {
            (Some(file), Some(outline)) => Ok(Some(BlobReader::new(self.clone(), *blob, size, file, outline))),
            (None, _) | (_, None) => {
                self.set_aside(blob, 0, now)?;
                Ok(None)
            }
        }
    }

    /// Takes a damaged blob out of service: not listed any more, wanted again, its file left where a fetch mends it.
    pub(crate) fn set_aside(&self, blob: &Digest, piece: u64, now: UnixMillis) -> Result<()> {
        let lock = self.blobs().lock(blob);
        if self.listed_size(blob)?.is_none() {
            return Ok(());
        }
        let digest = *blob;
        self.write(move |tx| {
            let detail = format!("blob {digest} is damaged on disk at piece {piece}, or its file is missing");
            journal::alarm(tx, Moment::live(now), "rot", detail)?;
            wants::lose(tx, Moment::live(now), &digest)
        })?;
        self.blobs().set_aside(&lock, blob)
    }

    /// Up to `limit` blobs that should be here and are not, by digest.
    pub fn wants(&self, limit: usize) -> Result<Vec<Want>> {
        wants::list(&self.read()?.open_table(WANTS)?, limit)
    }

    /// Whether a blob is wanted.
    pub fn is_wanted(&self, blob: &Digest) -> Result<bool> {
        Ok(self.read()?.open_table(WANTS)?.get(blob.as_bytes())?.is_some())
    }

    /// Notes that a client asked for a blob that is wanted; tells whether it is.
    pub fn want_now(&self, blob: &Digest, now: UnixMillis) -> Result<bool> {
        let blob = *blob;
        self.write(move |tx| wants::ask(tx, &blob, now))
    }

    /// Begins to fetch a wanted blob, or goes on with it; one fetch a blob.
    pub fn begin_fetch(&self, blob: &Digest, size: u64) -> Result<Fetch> {
        if let Some(fetch) = self.fetch_in_progress(blob).filter(|fetch| fetch.size() == size) {
            return Ok(fetch);
        }
        let saved: Option<FetchRow> = {
            let table = self.read()?.open_table(FETCHES)?;
            table.get(blob.as_bytes())?.map(|row| from_row("a fetch", row.value())).transpose()?
        };
        // Verifying what is there can take minutes, so others are not kept out meanwhile; the first one in stays.
        let fetch = Fetch::open(self.downgrade(), self.blobs(), *blob, size, saved)?;
        let mut fetches = self.0.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = fetches.entry(*blob).or_insert_with(|| fetch.clone());
        if listed.size() != size {
            *listed = fetch;
        }
        Ok(listed.clone())
    }

    /// The fetch of a blob, if one is going on.
    pub fn fetch_in_progress(&self, blob: &Digest) -> Option<Fetch> {
        self.0.fetches.lock().unwrap_or_else(PoisonError::into_inner).get(blob).cloned()
    }

    /// Ends a fetch without its blob: its want was dropped. What was fetched is removed.
    pub fn abandon_fetch(&self, fetch: &Fetch) -> Result<()> {
        let blob = fetch.digest();
        let _lock = self.blobs().lock(&blob);
        if self.is_wanted(&blob)? {
            return Ok(());
        }
        self.forget_fetch(&blob);
        self.blobs().remove_incoming(fetch.path())
    }

    /// Ends a fetch whose blob came another way.
    pub(crate) fn end_fetch(&self, blob: &Digest) -> Result<()> {
        let Some(fetch) = self.fetch_in_progress(blob) else { return Ok(()) };
        self.forget_fetch(blob);
        self.blobs().remove_incoming(fetch.path())
    }

    pub(crate) fn forget_fetch(&self, blob: &Digest) {
        self.0.fetches.lock().unwrap_or_else(PoisonError::into_inner).remove(blob);
    }

    /// Writes the map of a fetch whose pieces are synced, while its blob is wanted.
    pub(crate) fn save_fetch(&self, blob: &Digest, row: &FetchRow) -> Result<()> {
        let (blob, row) = (*blob, to_row(row));
        self.write(move |tx| {
            if tx.read(WANTS)?.get(blob.as_bytes())?.is_some() {
                tx.write(FETCHES)?.insert(blob.as_bytes(), row.as_slice())?;
            }
            Ok(())
        })
    }

    /// Seals a fetched blob whose pieces are all verified and synced.
    pub(crate) fn seal_fetched(
        &self,
        blob: &Digest,
        size: u64,
        incoming: &Path,
        outline: &[ChainingValue],
        now: UnixMillis,
    ) -> Result<()> {
        let lock = self.blobs().lock(blob);
        if !self.is_wanted(blob)? {
            // Superseded, or it came another way: nobody needs these bytes any more.
            self.forget_fetch(blob);
            return self.blobs().remove_incoming(incoming);
        }
        self.blobs().seal(&lock, incoming, blob, outline, self.listed_size(blob)?)?;
        let digest = *blob;
        self.write(move |tx| wants::hold(tx, Moment::live(now), &digest, size))?;
        self.forget_fetch(blob);
        self.blobs().remove_incoming(incoming)
    }
}
