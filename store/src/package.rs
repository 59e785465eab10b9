//! Packages and revisions as readers see them: rows of the catalog with what this node knows of their bytes.

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable};

use crate::catalog::{self, HeadsRow, PackageRow};
use crate::codec::from_row;
use crate::digest::{Digest, EventId, NodeId, Sha256};
use crate::error::{Result, StoreError};
use crate::event::{Body, Event, Meta};
use crate::limits::PACKAGE_PAGE_BYTES_MAX;
use crate::path::PackagePath;
use crate::roster::Roster;
use crate::schema::{BLOBS, COVERED, EVENTS, FETCHES, HEADS, HISTORY, Key32, LOG, PACKAGES, TRUE_SHA256, WANTS};
use crate::store::true_sha256;
use crate::time::UnixMillis;
use crate::tx::Tx;

/// Rows a page may examine before it comes back short, so that a filter that matches little can't hold a reader up.
pub(crate) const EXAMINED_MAX: usize = 20_000;

/// Where a package's bytes are, seen from this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PackageState {
    /// All here, verified.
    Stored,
    /// Some are here, the rest is coming.
    Fetching,
    /// They should be here; no fetch has begun.
    Wanted,
    /// This node's policy does not keep them.
    Remote,
}

/// A package: the current revision of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its path.
    pub path: PackagePath,
    /// The event that made this revision current.
    pub revision: EventId,
    /// Its bytes' name.
    pub blob: Digest,
    /// How many bytes.
    pub size: u64,
    /// Their SHA-256, as the author computed it.
    pub sha256: Sha256,
    /// `Last-Modified`, unix seconds.
    pub modified: u64,
    /// Title, version, tags and so on.
    pub meta: Meta,
    /// When it was published, by its author's clock.
    pub published_at: UnixMillis,
    /// The node it was published on.
    pub origin: NodeId,
    /// Who published it.
    pub by: String,
    /// Where its bytes are.
    pub state: PackageState,
    /// Concurrent revisions differ; this one was chosen.
    pub conflict: bool,
}

impl Package {
    /// Bytes that it takes in a listing, about.
    pub fn listed_bytes(&self) -> usize {
        PLAIN_BYTES + self.path.as_str().len() + meta_bytes(&self.meta)
    }

    /// Its tags.
    pub fn tags(&self) -> Vec<&str> {
        self.meta.get("tags").map(|tags| tags.split(',').collect()).unwrap_or_default()
    }
}

/// Bytes of what everything listed has.
const PLAIN_BYTES: usize = 512;

fn meta_bytes(meta: &Meta) -> usize {
    meta.iter().map(|(key, value)| key.len() + value.len()).sum()
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Its items.
    pub items: Vec<T>,
    /// What the next page comes after; `None` at the end. A page may be short and still have a next.
    pub next: Option<String>,
}

/// What an event did to a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It published bytes.
    Published {
        /// Their name.
        blob: Digest,
        /// How many.
        size: u64,
        /// Their SHA-256.
        sha256: Sha256,
        /// `Last-Modified`, unix seconds.
        modified: u64,
        /// Title, version, tags and so on.
        meta: Meta,
    },
    /// It removed the package.
    Removed,
}

/// An event about a path.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact by itself, and readers ask for one")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Its name.
    pub id: EventId,
    /// What it did.
    pub change: Change,
    /// The heads its author saw.
    pub replaces: Vec<EventId>,
    /// When, by its author's clock.
    pub published_at: UnixMillis,
    /// On which node.
    pub origin: NodeId,
    /// Who did it.
    pub by: String,
    /// It is the current revision.
    pub current: bool,
    /// No other that counts comes after it. More than one publishing head that differ are a conflict.
    pub head: bool,
    /// It counts: its author may publish there.
    pub effective: bool,
    /// Its bytes are on this node.
    pub bytes_held: bool,
}

impl Revision {
    /// Bytes that it takes in a listing, about.
    fn listed_bytes(&self) -> usize {
        match &self.change {
            Change::Published { meta, .. } => PLAIN_BYTES + meta_bytes(meta),
            Change::Removed => PLAIN_BYTES,
        }
    }
}

/// A page of a path's history, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionPage {
    /// Its revisions. It may be short and still have older ones behind it.
    pub items: Vec<Revision>,
    /// How many are older than these.
    pub older: usize,
    /// How many there are.
    pub total: usize,
}

/// What this node knows of a blob: where its bytes are, and their SHA-256, given the one that its event states.
type Rows<'a> = &'a dyn Fn(&Digest, Sha256) -> Result<(PackageState, Sha256)>;

fn view(path: &str, row: &[u8], known: Rows<'_>) -> Result<Package> {
    let row: PackageRow = from_row("a package", row)?;
    let (state, sha256) = known(&row.blob, row.sha256)?;
    let path = PackagePath::parse(path).map_err(|_| StoreError::Corrupt { what: "the path of a package" })?;
    Ok(Package {
        path,
        revision: row.revision,
        blob: row.blob,
        size: row.size,
        sha256,
        modified: row.modified,
        meta: row.meta,
        published_at: row.at_ms,
        origin: row.origin,
        by: row.by,
        state,
        conflict: row.conflict,
    })
}

fn state<T: ReadableTable<&'static [u8; 32], &'static [u8]>>(
    blobs: &T,
    fetches: &T,
    wants: &T,
    blob: &Digest,
) -> Result<PackageState> {
    Ok(if blobs.get(blob.as_bytes())?.is_some() {
        PackageState::Stored
    } else if fetches.get(blob.as_bytes())?.is_some() {
        PackageState::Fetching
    } else if wants.get(blob.as_bytes())?.is_some() {
        PackageState::Wanted
    } else {
        PackageState::Remote
    })
}

/// A package as a write transaction sees it.
pub(crate) fn in_tx(tx: &Tx<'_>, path: &PackagePath) -> Result<Option<Package>> {
    let (packages, blobs) = (tx.read(PACKAGES)?, tx.read(BLOBS)?);
    let (fetches, wants, sums) = (tx.read(FETCHES)?, tx.read(WANTS)?, tx.read(TRUE_SHA256)?);
    let row = packages.get(path.as_str())?;
    row.map(|row| {
        view(path.as_str(), row.value(), &|blob, stated| {
            Ok((state(&blobs, &fetches, &wants, blob)?, true_sha256(&sums, blob, stated)?))
        })
    })
    .transpose()
}

/// A package.
pub(crate) fn get(read: &ReadTransaction, path: &PackagePath) -> Result<Option<Package>> {
    Viewer::new(read)?.package(path.as_str())
}

type BytesTable<K> = ReadOnlyTable<K, &'static [u8]>;

/// The tables that a package is seen through, opened once for many.
pub(crate) struct Viewer {
    packages: BytesTable<&'static str>,
    blobs: BytesTable<Key32>,
    fetches: BytesTable<Key32>,
    wants: BytesTable<Key32>,
    sums: ReadOnlyTable<Key32, Key32>,
}

impl Viewer {
    pub(crate) fn new(read: &ReadTransaction) -> Result<Self> {
        Ok(Self {
            packages: read.open_table(PACKAGES)?,
            blobs: read.open_table(BLOBS)?,
            fetches: read.open_table(FETCHES)?,
            wants: read.open_table(WANTS)?,
            sums: read.open_table(TRUE_SHA256)?,
        })
    }

    /// A package.
    pub(crate) fn package(&self, path: &str) -> Result<Option<Package>> {
        self.packages.get(path)?.map(|row| self.of_row(path, row.value())).transpose()
    }

    /// The package of a row of `packages`.
    pub(crate) fn of_row(&self, path: &str, row: &[u8]) -> Result<Package> {
        view(path, row, &|blob, stated| {
            let state = state(&self.blobs, &self.fetches, &self.wants, blob)?;
            Ok((state, true_sha256(&self.sums, blob, stated)?))
        })
    }
}

/// Packages after a path, in the order of their paths, that `keep` keeps.
pub(crate) fn list(
    read: &ReadTransaction,
    after: Option<&str>,
    limit: usize,
    keep: &mut dyn FnMut(&Package) -> bool,
) -> Result<Page<Package>> {
    use std::ops::Bound::{Excluded, Unbounded};
    let (blobs, fetches, wants) = (read.open_table(BLOBS)?, read.open_table(FETCHES)?, read.open_table(WANTS)?);
    let sums = read.open_table(TRUE_SHA256)?;
    let packages = read.open_table(PACKAGES)?;
    let start = after.map_or(Unbounded, Excluded);
    let mut page = Page { items: Vec::new(), next: None };
    let mut last: Option<String> = None;
    for (examined, entry) in packages.range::<&str>((start, Unbounded))?.enumerate() {
        let (path, row) = entry?;
        if page.items.len() == limit || examined == EXAMINED_MAX {
            page.next = last;
            return Ok(page);
        }
        let package = view(path.value(), row.value(), &|blob, stated| {
            Ok((state(&blobs, &fetches, &wants, blob)?, true_sha256(&sums, blob, stated)?))
        })?;
        last = Some(path.value().to_owned());
        if keep(&package) {
            page.items.push(package);
        }
    }
    Ok(page)
}

/// All events about a path, newest first.
pub(crate) fn revisions(read: &ReadTransaction, roster: &Roster, path: &PackagePath) -> Result<Vec<Revision>> {
    let history = catalog::history(&read.open_table(HISTORY)?, &read.open_table(LOG)?, path.as_str())?;
    history.into_iter().rev().filter_map(|(_, event)| revision(read, roster, event).transpose()).collect()
}

/// Up to `limit` revisions of a path, newest first, of the `older` oldest; all if it is `None`.
pub(crate) fn revision_page(
    read: &ReadTransaction,
    roster: &Roster,
    path: &PackagePath,
    older: Option<usize>,
    limit: usize,
) -> Result<RevisionPage> {
    let places = catalog::history_places(&read.open_table(HISTORY)?, path.as_str())?;
    let total = places.len();
    let left = older.unwrap_or(total).min(total);
    let mut page = RevisionPage { items: Vec::new(), older: left, total };
    let log = read.open_table(LOG)?;
    let mut bytes = 0;
    for (index, lsn) in places.into_iter().enumerate().take(left).rev() {
        if page.items.len() == limit || bytes >= PACKAGE_PAGE_BYTES_MAX {
            break;
        }
        let revision = revision(read, roster, crate::log::at(&log, lsn)?.1)?;
        bytes += revision.as_ref().map_or(0, Revision::listed_bytes);
        page.items.extend(revision);
        page.older = index;
    }
    Ok(page)
}

/// One event about a path, and the path.
pub(crate) fn find(read: &ReadTransaction, roster: &Roster, id: &EventId) -> Result<Option<(PackagePath, Revision)>> {
    let Some(event) = crate::log::find(&read.open_table(EVENTS)?, &read.open_table(LOG)?, id)? else {
        return Ok(None);
    };
    let Some(Ok(path)) = event.body.path().map(PackagePath::parse) else { return Ok(None) };
    Ok(revision(read, roster, event)?.map(|revision| (path, revision)))
}

fn revision(read: &ReadTransaction, roster: &Roster, event: Event) -> Result<Option<Revision>> {
    let Some(path) = event.body.path() else { return Ok(None) };
    let origin = event.header.stream.origin;
    let covered = read.open_table(COVERED)?.get(event.id.as_bytes())?.is_some();
    let effective = roster.takes_effect(&origin, path, || covered);
    let current = read
        .open_table(PACKAGES)?
        .get(path)?
        .map(|row| from_row::<PackageRow>("a package", row.value()))
        .transpose()?
        .is_some_and(|row| row.revision == event.id);
    let heads =
        read.open_table(HEADS)?.get(path)?.map(|row| from_row::<HeadsRow>("the heads of a package", row.value()));
    let head = heads.transpose()?.is_some_and(|row| row.heads.iter().any(|head| head.id == event.id));
    let (change, replaces, bytes_held) = match event.body {
        Body::Publish(publish) => {
            let held = read.open_table(BLOBS)?.get(publish.blob.as_bytes())?.is_some();
            let crate::event::Publish { blob, size, sha256, modified, meta, replaces, path: _ } = publish;
            let sha256 = true_sha256(&read.open_table(TRUE_SHA256)?, &blob, sha256)?;
            (Change::Published { blob, size, sha256, modified, meta }, replaces, held)
        }
        Body::Remove(remove) => (Change::Removed, remove.replaces, true),
        Body::Unknown { .. } => return Ok(None),
    };
    let crate::event::Header { at_ms: published_at, by, .. } = event.header;
    Ok(Some(Revision {
        id: event.id,
        change,
        replaces,
        published_at,
        origin,
        by,
        current,
        head,
        effective,
        bytes_held,
    }))
}
