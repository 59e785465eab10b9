//! Packages: publishing, editing, removing, restoring, and reading them.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use super::Store;
use crate::custody;
use crate::digest::{Digest, EventId};
use crate::error::{Result, StoreError};
use crate::journal::Moment;
use crate::limits::{ANCHOR_ROWS, ANCHORS_FOR_MS, PAGE_ROWS_MAX};
use crate::order::{self, Place, Sort, SortedPage};
use crate::outline::BlobHashes;
use crate::package::{self, Package, Page, Revision, RevisionPage};
use crate::path::PackagePath;
use crate::publish::{self, Author, Bytes, Condition, Content, PublishRequest, Published};
use crate::schema::{BLOBS, LIVE_BLOBS, PACKAGES};
use crate::time::UnixMillis;
use crate::tx::Tx;
use crate::upload::Received;
use crate::wants::{self, BlobRow};

impl Store {
    /// What a publish would be refused for before any byte is read: role, condition, metadata.
    pub fn check_publish(&self, request: &PublishRequest) -> Result<()> {
        publish::check_early(&self.read()?.open_table(PACKAGES)?, &self.roster(), self.node_id(), request)
    }

    /// Publishes received bytes; durable when it returns. See `blobs.rs` for the order of things.
    pub fn publish(&self, received: Received, request: &PublishRequest, now: UnixMillis) -> Result<Published> {
        let outcome = self.publish_file(received.path(), received.hashes(), request, now, |_, _| Ok(()));
        drop(received);
        outcome
    }

    /// Publishes a whole and synced file of `incoming/`, which stays there; `also` is done in the same transaction.
    pub(crate) fn publish_file(
        &self,
        file: &Path,
        hashes: &BlobHashes,
        request: &PublishRequest,
        now: UnixMillis,
        mut also: impl FnMut(&Tx<'_>, &Published) -> Result<()> + Send + 'static,
    ) -> Result<Published> {
        self.refuse_if_failing()?;
        let blobs = self.blobs();
        let content = Content { blob: hashes.digest, size: hashes.size, sha256: hashes.sha256 };
        let job = request.clone();
        let outcome = custody::publish(
            self,
            &content.blob,
            |lock| {
                // Under the lock: whether the blob is listed may be open since a moment ago.
                self.refuse_if_failing()?;
                let listed = self.listed_size(&content.blob)?;
                blobs.seal(lock, file, &content.blob, &hashes.outline, listed)
            },
            || {
                let published = self.write(move |tx| {
                    let published = publish::publish(tx, Moment::live(now), &job, Bytes::Sealed(content))?;
                    also(tx, &published).map(|()| published)
                })?;
                self.end_fetch(&content.blob);
                Ok(published)
            },
        );
        if outcome.as_ref().is_err_and(StoreError::leaves_doubt) {
            self.doubt(&content.blob);
        }
        outcome
    }

    /// Publishes the bytes of a revision, of this path or another, with the current metadata as changed by the request.
    pub fn publish_held(&self, source: EventId, request: &PublishRequest, now: UnixMillis) -> Result<Published> {
        self.publish_known(Bytes::Revision { id: source, with_meta: false }, request, now)
    }

    /// Makes an earlier revision current again, bytes and metadata.
    pub fn restore(&self, source: EventId, request: &PublishRequest, now: UnixMillis) -> Result<Published> {
        self.publish_known(Bytes::Revision { id: source, with_meta: true }, request, now)
    }

    /// Changes a package's metadata.
    pub fn edit(&self, request: &PublishRequest, now: UnixMillis) -> Result<Published> {
        self.publish_known(Bytes::Current, request, now)
    }

    fn publish_known(&self, bytes: Bytes, request: &PublishRequest, now: UnixMillis) -> Result<Published> {
        let request = request.clone();
        self.write(move |tx| publish::publish(tx, Moment::live(now), &request, bytes))
    }

    /// Removes a package; its history stays. Tells the Remove's id.
    pub fn remove(
        &self,
        path: &PackagePath,
        condition: &Condition,
        author: &Author,
        now: UnixMillis,
    ) -> Result<EventId> {
        let (path, condition, author) = (path.clone(), condition.clone(), author.clone());
        self.write_to_free_room(move |tx| publish::remove(tx, Moment::live(now), &path, &condition, &author))
    }

    /// Takes one revision back, leaving concurrent ones alone: a Remove that names only it.
    pub fn withdraw(&self, revision: EventId, author: &Author, now: UnixMillis) -> Result<EventId> {
        let author = author.clone();
        self.write_to_free_room(move |tx| publish::withdraw(tx, Moment::live(now), revision, &author))
    }

    /// A package.
    pub fn package(&self, path: &PackagePath) -> Result<Option<Package>> {
        package::get(&self.read()?, path)
    }

    /// Up to `limit` (at most [`PAGE_ROWS_MAX`]) packages after a path, by path, that `keep` keeps. A page examines a
    /// bounded number of rows, so it may be short and still have a `next`.
    pub fn packages(
        &self,
        after: Option<&str>,
        limit: usize,
        keep: &mut dyn FnMut(&Package) -> bool,
    ) -> Result<Page<Package>> {
        package::list(&self.read()?, after, limit.min(PAGE_ROWS_MAX), keep)
    }

    /// Up to `limit` (at most [`PAGE_ROWS_MAX`]) packages of an order behind a place, that `keep` keeps. A page examines a
    /// bounded number of rows, so it may be short and still have a `next`.
    pub fn packages_sorted(
        &self,
        sort: Sort,
        after: Option<&Place>,
        limit: usize,
        keep: &mut dyn FnMut(&Package) -> bool,
    ) -> Result<SortedPage> {
        order::page(&self.read()?, sort, after, limit.min(PAGE_ROWS_MAX), keep)
    }

    /// The places behind which the pages of [`ANCHOR_ROWS`] rows begin, all but the first. Counting takes a moment with
    /// many packages, so what was counted less than [`ANCHORS_FOR_MS`] ago is told again.
    pub fn package_anchors(&self, sort: Sort, now: UnixMillis) -> Result<Arc<Vec<Place>>> {
        let mut known = self.0.anchors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, places)) = known.get(&sort)
            && *at <= now
            && now.ms_since(*at) < ANCHORS_FOR_MS
        {
            return Ok(Arc::clone(places));
        }
        let places = Arc::new(order::anchors(&self.read()?, sort, ANCHOR_ROWS)?);
        known.insert(sort, (now, Arc::clone(&places)));
        Ok(places)
    }

    /// How many packages are listed.
    pub fn package_count(&self) -> Result<u64> {
        wants::count(&self.read()?.open_table(PACKAGES)?)
    }

    /// All revisions of a path, newest first. Errs if there never was one.
    pub fn revisions(&self, path: &PackagePath) -> Result<Vec<Revision>> {
        let revisions = package::revisions(&self.read()?, &self.roster(), path)?;
        if revisions.is_empty() { Err(StoreError::NoSuchPackage { path: path.clone() }) } else { Ok(revisions) }
    }

    /// Up to `limit` (at most [`PAGE_ROWS_MAX`]) revisions of a path, newest first, of the `older` oldest; all if it is
    /// `None`. Errs if there never was one.
    pub fn revision_page(&self, path: &PackagePath, older: Option<usize>, limit: usize) -> Result<RevisionPage> {
        let page = package::revision_page(&self.read()?, &self.roster(), path, older, limit.min(PAGE_ROWS_MAX))?;
        if page.total == 0 { Err(StoreError::NoSuchPackage { path: path.clone() }) } else { Ok(page) }
    }

    /// One revision and its path.
    pub fn revision(&self, id: &EventId) -> Result<Option<(PackagePath, Revision)>> {
        package::find(&self.read()?, &self.roster(), id)
    }

    /// The paths whose current (or, in a conflict, concurrent) revisions have this blob.
    pub fn live_paths(&self, blob: &Digest) -> Result<Vec<String>> {
        wants::live_paths(&self.read()?.open_table(LIVE_BLOBS)?, blob)
    }

    /// The size of a blob that is held.
    pub(crate) fn listed_size(&self, blob: &Digest) -> Result<Option<u64>> {
        let table = self.read()?.open_table(BLOBS)?;
        let row = table.get(blob.as_bytes())?;
        row.map(|row| crate::codec::from_row::<BlobRow>("a blob", row.value()).map(|row| row.size)).transpose()
    }
}
