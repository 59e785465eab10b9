//! Bytes: coming in by upload or fetch, going out verified, and set aside when they rot.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use redb::ReadableTable;

use super::Store;
use super::care::Damage;
use crate::arrivals::Arrival;
use crate::blobs::SealedKind;
use crate::codec::{from_row, to_row};
use crate::custody::{self, Custody};
use crate::digest::Digest;
use crate::error::Result;
use crate::fetch::{Fetch, FetchRow};
use crate::journal::Moment;
use crate::locks::BlobLock;
use crate::node_state::StatePolicy;
use crate::outline::ChainingValue;
use crate::path::PackagePath;
use crate::reader::{BlobReader, OpenBlob, Readers};
use crate::recent::{Held, PackageWithBytes};
use crate::schema::{FETCHES, WANTS};
use crate::time::UnixMillis;
use crate::upload::Upload;
use crate::wants::{self, Want};

/// How often a blob is looked for that others collect and bring back all the time.
const OPEN_TRIES: usize = 3;

impl Store {
    /// Begins to receive bytes; room is reserved if the length is known.
    pub fn begin_upload(&self, expected_bytes: Option<u64>) -> Result<Upload> {
        self.refuse_if_failing()?;
        let name = data_encoding::HEXLOWER.encode(&self.random::<16>());
        Upload::begin(Arc::clone(self.blobs()), &format!("{name}.upload"), expected_bytes)
    }

    /// Opens a blob for reading; `None` if it is not held. One whose file is missing is wanted again. One whose outline
    /// was lost is hashed first: whoever asks meanwhile is told [`StoreError::OutlineLost`](crate::StoreError::OutlineLost).
    pub fn open_blob(&self, blob: &Digest, now: UnixMillis) -> Result<Option<BlobReader>> {
        Ok(self.open_held(blob, now)?.map(|open| BlobReader::new(self.clone(), open)))
    }

    /// A package with its bytes, if they are here: as [`Self::package`] and [`Self::open_blob`] find them.
    pub fn package_with_bytes(&self, path: &PackagePath, now: UnixMillis) -> Result<Option<PackageWithBytes>> {
        let era = self.recent().era();
        let Some(package) = self.package(path)?.map(Arc::new) else { return Ok(None) };
        let Some(blob) = self.open_held(&package.blob, now)? else {
            return Ok(Some(PackageWithBytes { package, bytes: None }));
        };
        self.recent().remember(era, path, Held { package: Arc::clone(&package), blob: Arc::clone(&blob) });
        Ok(Some(PackageWithBytes { package, bytes: Some(BlobReader::new(self.clone(), blob)) }))
    }

    /// The same from memory: what [`Self::package_with_bytes`] found since the last commit. Never waits.
    pub fn recent_package(&self, path: &PackagePath) -> Option<PackageWithBytes> {
        let Held { package, blob } = self.recent().get(path)?;
        Some(PackageWithBytes { package, bytes: Some(BlobReader::new(self.clone(), blob)) })
    }

    fn open_held(&self, blob: &Digest, now: UnixMillis) -> Result<Option<Arc<OpenBlob>>> {
        // One that was collected and brought back between these steps is looked for again.
        for _ in 0..OPEN_TRIES {
            let Some(size) = self.listed_size(blob)? else { return Ok(None) };
            let Some(file) = self.blobs().open_blob(blob)? else {
                self.set_aside(blob, Damage::Missing, now)?;
                continue;
            };
            let outline = match self.blobs().outline(blob, size)? {
                Some(outline) => Some(outline),
                None => self.remake_outline(blob, size, now)?,
            };
            if let Some(outline) = outline {
                let reading = Readers::enter(self.readers(), blob);
                return Ok(Some(Arc::new(OpenBlob { blob: *blob, size, file, outline, _reading: reading })));
            }
        }
        Ok(None)
    }

    /// Up to `limit` blobs that should be here and are not, by digest; of more, the most urgent.
    pub fn wants(&self, limit: usize) -> Result<Vec<Want>> {
        wants::list(&self.read()?.open_table(WANTS)?, limit)
    }

    /// What is known of a blob that should be here and is not.
    pub fn want(&self, blob: &Digest) -> Result<Option<Want>> {
        wants::find(&self.read()?.open_table(WANTS)?, blob)
    }

    /// Whether a blob is wanted.
    pub fn is_wanted(&self, blob: &Digest) -> Result<bool> {
        Ok(self.read()?.open_table(WANTS)?.get(blob.as_bytes())?.is_some())
    }

    /// Notes that a client asked for a blob, and wants it if the policy doesn't keep it; tells whether it is wanted.
    /// Errs with [`StoreError::AskedTooMuch`](crate::StoreError::AskedTooMuch) while clients of an on-demand node wait
    /// for as many bytes as it keeps.
    pub fn want_now(&self, blob: &Digest, now: UnixMillis) -> Result<bool> {
        self.client_asks(blob, now);
        self.want_asked(blob, now)
    }

    /// The same for a peer.
    pub(super) fn want_asked(&self, blob: &Digest, now: UnixMillis) -> Result<bool> {
        let blob = *blob;
        self.write(move |tx| {
            wants::check_asked(tx, &blob)?;
            wants::ask(tx, &blob, now)
        })
    }

    /// Somebody who has a wanted blob says that it has `claimed` bytes. It is wanted with that size if a live revision says so
    /// too, unless pieces that came prove the size that it is wanted with: an outline proves it together with the last piece.
    /// Tells whether anything changed.
    pub fn doubt_size(&self, blob: &Digest, claimed: u64) -> Result<bool> {
        if self.fetch_in_progress(blob).is_some_and(|fetch| fetch.size_is_proven()) {
            return Ok(false);
        }
        let blob = *blob;
        self.write(move |tx| wants::resize(tx, &blob, claimed))
    }

    /// Ends wants that are there only because clients or peers asked, once no client has for [`crate::ASKED_FOR_MS`]
    /// and nothing of the blob is here; tells how many. Peers that go on asking have it wanted again, after others
    /// (`relaying.rs`). Reads all wants, unless the policy keeps all.
    pub fn drop_forsaken_wants(&self, now: UnixMillis) -> Result<usize> {
        if self.policy()? == StatePolicy::All {
            return Ok(0);
        }
        let mut forsaken = wants::list(&self.read()?.open_table(WANTS)?, usize::MAX)?;
        forsaken.retain(|want| want.is_forsaken(now));
        let forsaken = forsaken.into_iter().map(|want| want.blob).collect();
        self.end_wants_of_askers(forsaken, now, move |want| want.is_forsaken(now))
    }

    /// Ends wants of blobs of which nothing is here, that the policy doesn't keep and that are there only because
    /// somebody asked, if they `may` end still; tells how many.
    pub(super) fn end_wants_of_askers(
        &self,
        blobs: Vec<Digest>,
        now: UnixMillis,
        may: impl Fn(&Want) -> bool + Send + 'static,
    ) -> Result<usize> {
        let (wanted, saved) = (self.read()?.open_table(WANTS)?, self.read()?.open_table(FETCHES)?);
        let mut empty = Vec::new();
        for blob in blobs {
            let fetched = self.fetch_in_progress(&blob).is_some_and(|fetch| !fetch.have().is_empty());
            // What an earlier run left may be more than a fetch that has only begun knows of.
            if !fetched && saved.get(blob.as_bytes())?.is_none() && wanted.get(blob.as_bytes())?.is_some() {
                empty.push(blob);
            }
        }
        if empty.is_empty() {
            return Ok(0);
        }
        let ended = self.write(move |tx| {
            let mut ended = Vec::new();
            for blob in &empty {
                if wants::end_of_askers(tx, blob, &may)? {
                    ended.push(*blob);
                }
            }
            Ok(ended)
        })?;
        self.rest_relays(&ended, now);
        Ok(ended.len())
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
        let was_saved = saved.is_some();
        let fetch = Fetch::open(self, *blob, size, saved)?;
        if was_saved && fetch.is_new() {
            // The file that the map was of is gone; the map must not be taken for this one's.
            self.save_fetch(blob, &fetch.row())?;
        }
        let mut fetches = self.0.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = fetches.entry(*blob).or_insert_with(|| fetch.clone());
        if listed.size() != size {
            *listed = fetch;
        }
        let listed = listed.clone();
        drop(fetches);
        self.arrivals().tell(blob);
        Ok(listed)
    }

    /// Waits for what comes of a blob next; see [`Arrival`].
    pub fn arrival(&self, blob: &Digest) -> Arrival {
        self.arrivals().wait(blob)
    }

    /// All fetches that are going on, by blob.
    pub fn fetches_in_progress(&self) -> Vec<Fetch> {
        let fetches = self.0.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Fetch> = fetches.values().cloned().collect();
        all.sort_unstable_by_key(Fetch::digest);
        all
    }

    /// The fetch of a blob, if one is going on.
    pub fn fetch_in_progress(&self, blob: &Digest) -> Option<Fetch> {
        self.0.fetches.lock().unwrap_or_else(PoisonError::into_inner).get(blob).cloned()
    }

    /// Ends a fetch without its blob: its want was dropped. What was fetched is removed.
    pub fn abandon_fetch(&self, fetch: &Fetch) -> Result<()> {
        let blob = fetch.digest();
        custody::abandon(self, &blob, || self.discard_fetch(&blob, fetch.path()))
    }

    /// Ends a fetch whose blob came another way.
    pub(crate) fn end_fetch(&self, blob: &Digest) {
        if let Some(fetch) = self.fetch_in_progress(blob) {
            // What can't be removed now is swept at the next start.
            let _ = self.discard_fetch(blob, fetch.path());
        }
        self.arrivals().tell(blob);
    }

    fn discard_fetch(&self, blob: &Digest, incoming: &Path) -> Result<()> {
        let ended = self.0.fetches.lock().unwrap_or_else(PoisonError::into_inner).remove(blob);
        ended.iter().for_each(Fetch::end);
        self.arrivals().tell(blob);
        self.blobs().remove_incoming(incoming)
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
        let digest = *blob;
        custody::seal_fetched(
            self,
            blob,
            |lock| {
                // Under the lock: whether the blob is listed may be open since a moment ago.
                self.refuse_if_failing()?;
                self.blobs().seal(lock, incoming, blob, outline, self.listed_size(blob)?)
            },
            || self.write(move |tx| wants::hold(tx, Moment::live(now), &digest, size)),
            |lock| self.blobs().unseal(lock, blob, incoming),
            || {
                // What can't be removed now is swept at the next start.
                let _ = self.discard_fetch(blob, incoming);
                Ok(())
            },
        )
    }
}

impl Custody for Store {
    type Guard<'a> = BlobLock<'a>;

    fn lock(&self, blob: &Digest) -> BlobLock<'_> {
        self.blobs().lock(blob)
    }

    fn is_listed(&self, blob: &Digest) -> Result<bool> {
        // While it is open what the failed commit left, it is open whether a row lists it.
        self.refuse_if_failing()?;
        self.listed_size(blob).map(|size| size.is_some())
    }

    fn is_wanted(&self, blob: &Digest) -> Result<bool> {
        Self::is_wanted(self, blob)
    }

    fn unlink(&self, guard: &BlobLock<'_>, blob: &Digest) -> Result<()> {
        self.blobs().unlink(guard, SealedKind::Blob, blob)?;
        if Self::is_wanted(self, blob)? { Ok(()) } else { self.blobs().unlink(guard, SealedKind::Outline, blob) }
    }
}
