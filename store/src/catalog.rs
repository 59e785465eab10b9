//! The catalog: for each path its heads and its current revision, folded from the log in the same transaction.
//!
//! Invariants (checked by `Store::check` in tests):
//! - `heads` of a path are the fold of `history` of that path under the roster; no row if there is none. (Rows written before
//!   `modified_max` left out what takes no effect may have a greater one until their path is next folded whole, which
//!   [`refold`] and [`fold_all`] do; it makes the next revision's `modified` later than it need be, and nothing else.)
//! - `packages` has a row iff the current head is a Publish; it says what that event says. Its indexes are `order.rs`.
//! - `live_blobs` has (blob, path) iff a Publish head of the path has that blob; a blob is in `wants` iff it is live and not
//!   in `blobs`, and the policy keeps it or a client asked for it (`policy.rs`).
//! - `catalog_sum` is the sum over the rows of `heads` of a digest of path and sorted heads.

use std::collections::{BTreeMap, BTreeSet};

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use crate::codec::{from_row, to_row};
use crate::digest::{Digest, EventId, NodeId, Sha256};
use crate::error::{Result, StoreError};
use crate::event::{Body, Event, Meta};
use crate::heads::{self, Graph, Head, HeadContent, Link};
use crate::journal::{self, Happening, Moment};
use crate::log;
use crate::lsn::Lsn;
use crate::order;
use crate::policy;
use crate::schema::{BLOBS, HEADS, HISTORY, LIVE_BLOBS, LOG, PACKAGES, REPLACERS};
use crate::time::UnixMillis;
use crate::trust;
use crate::tx::Tx;
use crate::wants;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct HeadsRow {
    pub(crate) heads: Vec<Head>,
    /// The greatest `modified` of all effective Publishes of this path, heads or not. (What takes no effect must have none
    /// here either: one that says the year 9999 would take `Last-Modified` from the path for ever.)
    pub(crate) modified_max: u64,
}

/// The current revision of a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackageRow {
    pub(crate) revision: EventId,
    pub(crate) blob: Digest,
    pub(crate) size: u64,
    pub(crate) sha256: Sha256,
    pub(crate) modified: u64,
    pub(crate) meta: Meta,
    pub(crate) at_ms: UnixMillis,
    pub(crate) origin: NodeId,
    pub(crate) by: String,
    pub(crate) conflict: bool,
}

/// The graph of one path as the tables tell it.
struct PathGraph<'a, 'tx> {
    tx: &'a Tx<'tx>,
    path: &'a str,
    /// Its heads so far.
    heads: &'a [Head],
}

impl Graph for PathGraph<'_, '_> {
    type Error = StoreError;

    fn link(&self, id: &EventId) -> Result<Option<Link>> {
        // A head is an effective event of the path, and nobody looks below one: most events replace just that.
        if self.heads.iter().any(|head| head.id == *id) {
            return Ok(Some(Link { replaces: Vec::new(), effective: true }));
        }
        if self.tx.read(HISTORY)?.get((self.path, id.as_bytes()))?.is_none() {
            return Ok(None);
        }
        let Some(event) = log::event(self.tx, id)? else { return Ok(None) };
        let effective = trust::is_effective(self.tx, &event)?;
        Ok(Some(Link { replaces: event.body.replaces().to_vec(), effective }))
    }

    fn replacers(&self, id: &EventId) -> Result<Vec<EventId>> {
        let table = self.tx.read(REPLACERS)?;
        let history = self.tx.read(HISTORY)?;
        let mut found = Vec::new();
        for entry in table.range((id.as_bytes(), &[0; 32])..=(id.as_bytes(), &[0xff; 32]))? {
            let replacer = EventId::from_bytes(*entry?.0.value().1);
            if history.get((self.path, replacer.as_bytes()))?.is_some() {
                found.push(replacer);
            }
        }
        Ok(found)
    }
}

/// Folds events that have just been appended, path by path, since the rows of paths that sort together lie together: in the
/// order of a long batch nearly every event would read and write pages that the cache has lost again. What follows from them is told
/// in the order in which they came.
pub(crate) fn arrive(tx: &Tx<'_>, moment: Moment, events: &[(&Event, Lsn)], news: &mut News) -> Result<()> {
    let mut by_path = events.to_vec();
    by_path.sort_by_key(|(event, lsn)| (event.body.path(), *lsn));
    let (told_before, mut all) = (news.told.len(), Vec::new());
    for (event, lsn) in by_path {
        arrive_one(tx, moment, event, lsn, news)?;
        all.extend(news.told.drain(told_before..).map(|what| (lsn, what)));
    }
    all.sort_by_key(|(lsn, _)| *lsn);
    news.told.extend(all.into_iter().map(|(_, what)| what));
    Ok(())
}

fn arrive_one(tx: &Tx<'_>, moment: Moment, event: &Event, lsn: Lsn, news: &mut News) -> Result<()> {
    let Some(path) = event.body.path() else { return Ok(()) };
    index(tx, event, lsn)?;
    let before = heads_row(tx, path)?;
    let effective = trust::is_effective(tx, event)?;
    let link = Link { replaces: event.body.replaces().to_vec(), effective };
    let arrival = heads::arrive(&PathGraph { tx, path, heads: &before.heads }, event.id, &link)?;
    let mut after = before.clone();
    after.heads.retain(|head| !arrival.superseded.contains(&head.id));
    if arrival.is_head {
        after.heads.push(head_of(event));
    }
    if let (Body::Publish(publish), true) = (&event.body, effective) {
        after.modified_max = after.modified_max.max(publish.modified);
    }
    settle(tx, moment, path, (&before, after), Some(event), news)
}

/// Notes an event in the history of its path.
pub(crate) fn index(tx: &Tx<'_>, event: &Event, lsn: Lsn) -> Result<()> {
    let Some(path) = event.body.path() else { return Ok(()) };
    tx.write(HISTORY)?.insert((path, event.id.as_bytes()), lsn.get())?;
    for replaced in event.body.replaces() {
        tx.write(REPLACERS)?.insert((replaced.as_bytes(), event.id.as_bytes()), ())?;
    }
    Ok(())
}

/// Fills the rows of the catalog, which are empty, from the histories of all paths. Nothing is told: nothing happened.
pub(crate) fn fold_all(tx: &Tx<'_>, moment: Moment) -> Result<()> {
    let mut paths = BTreeSet::new();
    for entry in tx.read(HISTORY)?.iter()? {
        paths.insert(entry?.0.value().0.to_owned());
    }
    let mut news = News::default();
    for path in paths {
        let (before, mut after) = (HeadsRow::default(), fold(tx, &path)?);
        after.heads.sort_by_key(|head| head.id);
        if before != after {
            write_rows(tx, moment, &path, (&before, &after), None, &mut news)?;
        }
    }
    news.settle(tx)
}

/// Folds all of a path's history anew.
pub(crate) fn refold(tx: &Tx<'_>, moment: Moment, path: &str, news: &mut News) -> Result<()> {
    let before = heads_row(tx, path)?;
    let after = fold(tx, path)?;
    settle(tx, moment, path, (&before, after), None, news)
}

/// What the row of a path should be, from all its history.
pub(crate) fn fold(tx: &Tx<'_>, path: &str) -> Result<HeadsRow> {
    let mut links = BTreeMap::new();
    let mut events = BTreeMap::new();
    let mut row = HeadsRow::default();
    for (_, event) in history(&tx.read(HISTORY)?, &tx.read(LOG)?, path)? {
        let effective = trust::is_effective(tx, &event)?;
        let link = Link { replaces: event.body.replaces().to_vec(), effective };
        if let (Body::Publish(publish), true) = (&event.body, effective) {
            row.modified_max = row.modified_max.max(publish.modified);
        }
        links.insert(event.id, link);
        events.insert(event.id, event);
    }
    row.heads = heads::fold(&links).iter().filter_map(|id| events.get(id)).map(head_of).collect();
    Ok(row)
}

/// All events about a path, by Lsn.
pub(crate) fn history(
    table: &impl ReadableTable<(&'static str, &'static [u8; 32]), u64>,
    log: &impl ReadableTable<u64, &'static [u8]>,
    path: &str,
) -> Result<Vec<(Lsn, Event)>> {
    history_places(table, path)?.into_iter().map(|lsn| Ok((Lsn::new(lsn), log::at(log, lsn)?.1))).collect()
}

/// Where in the log they are.
pub(crate) fn history_places(
    table: &impl ReadableTable<(&'static str, &'static [u8; 32]), u64>,
    path: &str,
) -> Result<Vec<u64>> {
    let mut lsns = Vec::new();
    for entry in table.range((path, &[0; 32])..=(path, &[0xff; 32]))? {
        lsns.push(entry?.1.value());
    }
    lsns.sort_unstable();
    Ok(lsns)
}

/// A path's heads.
pub(crate) fn heads_row(tx: &Tx<'_>, path: &str) -> Result<HeadsRow> {
    let table = tx.read(HEADS)?;
    let row = table.get(path)?;
    row.map_or_else(|| Ok(HeadsRow::default()), |row| from_row("the heads of a package", row.value()))
}

fn head_of(event: &Event) -> Head {
    let content = match &event.body {
        Body::Publish(publish) => {
            Some(HeadContent { blob: publish.blob, size: publish.size, meta: publish.meta.clone() })
        }
        Body::Remove(_) | Body::Unknown { .. } => None,
    };
    Head { id: event.id, origin: event.header.stream.origin, at_ms: event.header.at_ms, content }
}

/// Writes what follows from a path's new heads: rows, digest, live blobs, wants, records. `event` is the one that came, if it
/// is at hand.
fn settle(
    tx: &Tx<'_>,
    moment: Moment,
    path: &str,
    (before, mut after): (&HeadsRow, HeadsRow),
    event: Option<&Event>,
    news: &mut News,
) -> Result<()> {
    after.heads.sort_by_key(|head| head.id);
    if *before == after {
        return Ok(());
    }
    write_rows(tx, moment, path, (before, &after), event, news)?;
    let mut told = Vec::new();
    tell(tx, path, before, &after, &mut told)?;
    news.told.extend(told.into_iter().map(|what| (moment, what)));
    Ok(())
}

fn write_rows(
    tx: &Tx<'_>,
    moment: Moment,
    path: &str,
    (before, after): (&HeadsRow, &HeadsRow),
    event: Option<&Event>,
    news: &mut News,
) -> Result<()> {
    write_heads(tx, path, before, after)?;
    settle_live_blobs(tx, moment, path, (before, after), &mut news.let_go)?;
    settle_package(tx, path, after, event)
}

fn write_heads(tx: &Tx<'_>, path: &str, before: &HeadsRow, after: &HeadsRow) -> Result<()> {
    let mut table = tx.write(HEADS)?;
    if after.heads.is_empty() && after.modified_max == 0 {
        table.remove(path)?;
    } else {
        table.insert(path, to_row(after).as_slice())?;
    }
    let mut sum = tx.catalog_sum()?;
    sum.subtract(&catalog_term(path, &before.heads));
    sum.add(&catalog_term(path, &after.heads));
    tx.set_catalog_sum(sum);
    Ok(())
}

/// What a path adds to the catalog's sum; zeros without heads.
pub(crate) fn catalog_term(path: &str, heads: &[Head]) -> [u8; 32] {
    if heads.is_empty() {
        return [0; 32];
    }
    let mut hasher = blake3::Hasher::new_derive_key("ods catalog v1");
    hasher.update(path.as_bytes()).update(&[0]);
    let sorted: BTreeSet<&EventId> = heads.iter().map(|head| &head.id).collect();
    for id in sorted {
        hasher.update(id.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// What the folding of paths leaves to be done once all of them are folded.
#[derive(Debug, Default)]
#[must_use = "wants end, and what happened is told, only when it is settled"]
pub(crate) struct News {
    /// What happened, and when.
    told: Vec<(Moment, Happening)>,
    /// Blobs that some path has no more, or is kept for no more. That another path has one must not depend on which of them is
    /// folded first: a want that ends loses what was fetched for it, and who asked.
    let_go: BTreeSet<Digest>,
}

impl News {
    /// Does it: the last that a transaction has to do with the catalog.
    pub(crate) fn settle(self, tx: &Tx<'_>) -> Result<()> {
        self.let_go.iter().try_for_each(|blob| wants::drop_unless_needed(tx, blob))?;
        self.told.into_iter().try_for_each(|(moment, what)| journal::append(tx, moment, what).map(drop))
    }
}

fn settle_live_blobs(
    tx: &Tx<'_>,
    moment: Moment,
    path: &str,
    (before, after): (&HeadsRow, &HeadsRow),
    let_go: &mut BTreeSet<Digest>,
) -> Result<()> {
    let keep = tx.keeps()?;
    let blobs = |row: &HeadsRow| {
        let mut blobs: BTreeMap<Digest, LiveBlob> = BTreeMap::new();
        for head in &row.heads {
            let Some(content) = &head.content else { continue };
            let entry = blobs.entry(content.blob).or_insert(LiveBlob { size: content.size, ..LiveBlob::default() });
            entry.newest_at = entry.newest_at.max(head.at_ms);
            entry.kept |= policy::keeps(&keep, path, &content.meta);
        }
        blobs
    };
    let (before, after) = (blobs(before), blobs(after));
    for blob in before.keys().filter(|blob| !after.contains_key(blob)) {
        tx.write(LIVE_BLOBS)?.remove((blob.as_bytes(), path))?;
        let_go.insert(*blob);
    }
    for (blob, LiveBlob { size, newest_at, kept }) in &after {
        tx.write(LIVE_BLOBS)?.insert((blob.as_bytes(), path), ())?;
        if *kept {
            wants::want(tx, moment, blob, *size, *newest_at)?;
        } else {
            // Its tags may have selected it until now; or it may have been kept before it was live nowhere, and gc hasn't taken it yet.
            let_go.insert(*blob);
        }
    }
    Ok(())
}

/// A blob as the heads of one path have it.
#[derive(Debug, Default)]
struct LiveBlob {
    size: u64,
    newest_at: UnixMillis,
    /// The policy keeps it for one of them.
    kept: bool,
}

fn settle_package(tx: &Tx<'_>, path: &str, after: &HeadsRow, at_hand: Option<&Event>) -> Result<()> {
    let current = heads::current(&after.heads).filter(|head| head.content.is_some());
    let mut table = tx.write(PACKAGES)?;
    let Some(current) = current else {
        let before = table.remove(path)?.map(|row| from_row("a package", row.value())).transpose()?;
        return order::settle(tx, path, before.as_ref(), None);
    };
    let event = match at_hand.filter(|event| event.id == current.id) {
        Some(event) => event.clone(),
        None => log::event(tx, &current.id)?.ok_or(StoreError::Corrupt { what: "the index of events" })?,
    };
    let Body::Publish(publish) = event.body else { return Err(StoreError::Corrupt { what: "the heads of a package" }) };
    let row = PackageRow {
        revision: event.id,
        blob: publish.blob,
        size: publish.size,
        sha256: publish.sha256,
        modified: publish.modified,
        meta: publish.meta,
        at_ms: event.header.at_ms,
        origin: event.header.stream.origin,
        by: event.header.by,
        conflict: heads::in_conflict(&after.heads),
    };
    let before =
        table.insert(path, to_row(&row).as_slice())?.map(|row| from_row("a package", row.value())).transpose()?;
    order::settle(tx, path, before.as_ref(), Some(&row))
}

/// One record for a path whose current revision changed, one for a conflict that began.
fn tell(tx: &Tx<'_>, path: &str, before: &HeadsRow, after: &HeadsRow, told: &mut Vec<Happening>) -> Result<()> {
    let listed = |row: &HeadsRow| heads::current(&row.heads).filter(|head| head.content.is_some()).map(|head| head.id);
    let path = path.to_owned();
    match (listed(before), listed(after)) {
        (None, Some(event)) => {
            told.push(Happening::PackagePublished { path: path.clone(), event });
        }
        (Some(previous), Some(event)) if previous != event => {
            told.push(Happening::PackageReplaced { path: path.clone(), event, previous });
        }
        (Some(previous), None) => {
            let event = heads::current(&after.heads).map(|head| head.id);
            told.push(Happening::PackageRemoved { path: path.clone(), event, previous });
        }
        (None, None) | (Some(_), Some(_)) => {}
    }
    if heads::in_conflict(&after.heads) && !heads::in_conflict(&before.heads) {
        let heads = after.heads.iter().filter(|head| head.content.is_some()).map(|head| head.id).collect();
        told.push(Happening::PackageConflict { path: path.clone(), heads });
    }
    match heads::current(&after.heads) {
        Some(Head { id, content: Some(content), .. })
            if listed(before) != Some(*id) && tx.read(BLOBS)?.get(content.blob.as_bytes())?.is_some() =>
        {
            told.push(Happening::PackageStored { path, event: *id });
        }
        _ => {}
    }
    Ok(())
}
