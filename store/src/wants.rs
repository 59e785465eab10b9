//! Wants: blobs that should be here and are not. Durable rows, so that no restart forgets one.
//!
//! A blob is wanted while it is not held and a Publish head of some path has it that the policy keeps, or somebody asked for
//! it (`policy.rs`). A want ends when the blob is held, or when no head has it any more.
//!
//! Revisions may say different sizes of one blob, and at most one of them is true. A want has the size of the revision
//! that came first, or, of those that came together, of the path that sorts first; a peer that has the blob says another,
//! and if a revision agrees it is wanted with that ([`resize`]), unless what came proves the first. So a lie costs time and
//! nobody the bytes.
//!
//! What the policy doesn't keep is wanted for those who ask within bounds, since anybody may ask: on an on-demand node as many
//! bytes at once as it keeps ([`check_asked`]; a larger blob comes alone), and only while somebody goes on asking or some of it
//! is here (`is_forsaken`), and for peers alone as long as no other has to wait for it too long (`relaying.rs`).

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use redb::{ReadableTable, ReadableTableMetadata};
use serde::{Deserialize, Serialize};

use crate::codec::{Added, from_row, to_row};
use crate::digest::Digest;
use crate::error::{Result, StoreError};
use crate::holding::Keeps;
use crate::journal::{self, Happening, Moment};
use crate::limits::{ASKED_FOR_MS, ASKED_WANTS_MAX};
use crate::meta;
use crate::node_state::StatePolicy;
use crate::policy::{self, LiveAt};
use crate::schema::{BLOBS, FETCHES, LIVE_BLOBS, OLD_WANTS, PACKAGES, RENOUNCED, USES, WANTS};
use crate::tables::Tables;
use crate::time::UnixMillis;
use crate::tx::Tx;

/// That a client asked is written down at most this often: once a minute.
const ASK_EVERY_MS: u64 = 60_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WantRow {
    pub(crate) size: u64,
    pub(crate) since: UnixMillis,
    /// When the newest revision with this blob was published.
    pub(crate) newest_at: UnixMillis,
    /// When a client last asked for it.
    pub(crate) asked_at: Option<UnixMillis>,
    pub(crate) reason: Added<WantReason>,
}

/// Why a blob is wanted, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum WantReason {
    /// It was published.
    #[default]
    Release,
    /// It was here and was lost.
    Repair,
    /// It was published before this node came.
    Backfill,
}

/// A sealed blob that is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BlobRow {
    pub(crate) size: u64,
    pub(crate) since: UnixMillis,
}

/// A blob that should be here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// The blob.
    pub blob: Digest,
    /// Its size, as its revision says.
    pub size: u64,
    /// Since when it is wanted.
    pub since: UnixMillis,
    /// When the newest revision with this blob was published, by its author's clock.
    pub newest_at: UnixMillis,
    /// When a client last asked for it.
    pub asked_at: Option<UnixMillis>,
    /// Why it is wanted.
    pub reason: WantReason,
}

impl WantRow {
    fn view(self, blob: Digest) -> Want {
        let Self { size, since, newest_at, asked_at, reason: Added(reason) } = self;
        Want { blob, size, since, newest_at, asked_at, reason }
    }
}

/// How much is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WantTotals {
    /// Blobs.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Wants a published blob unless it is held.
pub(crate) fn want(tx: &Tx<'_>, moment: Moment, blob: &Digest, size: u64, newest_at: UnixMillis) -> Result<()> {
    let reason = if moment.backfill { WantReason::Backfill } else { WantReason::Release };
    want_because(tx, moment, blob, size, newest_at, reason)
}

fn want_because(
    tx: &Tx<'_>,
    moment: Moment,
    blob: &Digest,
    size: u64,
    newest_at: UnixMillis,
    reason: WantReason,
) -> Result<()> {
    if tx.read(BLOBS)?.get(blob.as_bytes())?.is_some() {
        return Ok(());
    }
    let mut table = tx.write(WANTS)?;
    let held = table.get(blob.as_bytes())?.map(|row| from_row::<WantRow>("a want", row.value())).transpose()?;
    let row = match &held {
        Some(row) => {
            let reason = Added(row.reason.0.min(reason));
            WantRow { newest_at: row.newest_at.max(newest_at), reason, ..row.clone() }
        }
        None => WantRow { size, since: moment.now, newest_at, asked_at: None, reason: Added(reason) },
    };
    if held.as_ref() != Some(&row) {
        table.insert(blob.as_bytes(), to_row(&row).as_slice())?;
    }
    drop(table);
    if moment.backfill && held.is_none() {
        tx.write(OLD_WANTS)?.insert(blob.as_bytes(), ())?;
    } else if !moment.backfill && tx.read(OLD_WANTS)?.get(blob.as_bytes())?.is_some() {
        tx.write(OLD_WANTS)?.remove(blob.as_bytes())?;
    }
    if held.is_none() {
        tx.count(&meta::WANT_BYTES, size, 0)?;
        tx.changed(|effects| effects.wants_changed = true);
    }
    Ok(())
}

/// Wants a blob with another size, if a live revision says that it has it.
pub(crate) fn resize(tx: &Tx<'_>, blob: &Digest, size: u64) -> Result<bool> {
    let row =
        tx.read(WANTS)?.get(blob.as_bytes())?.map(|row| from_row::<WantRow>("a want", row.value())).transpose()?;
    let Some(row) = row.filter(|row| row.size != size) else { return Ok(false) };
    if !policy::live_at(tx, blob)?.iter().any(|live| live.content.size == size) {
        return Ok(false);
    }
    tx.count(&meta::WANT_BYTES, size, row.size)?;
    tx.write(WANTS)?.insert(blob.as_bytes(), to_row(&WantRow { size, ..row }).as_slice())?;
    tx.write(FETCHES)?.remove(blob.as_bytes())?;
    tx.changed(|effects| effects.wants_changed = true);
    Ok(true)
}

impl Want {
    /// Its place among others, the most urgent least. Wants beyond what a node keeps in view are the greatest.
    fn rank(&self) -> (bool, WantReason, Reverse<UnixMillis>, Digest) {
        let since = self.asked_at.unwrap_or(self.newest_at);
        (self.asked_at.is_none(), self.reason, Reverse(since), self.blob)
    }

    /// Whether it is here only because somebody asked: what was lost may have been the only copy.
    fn is_for_askers(&self) -> bool {
        self.asked_at.is_some() && self.reason != WantReason::Repair
    }

    /// Whether nobody has asked for so long that it may end, if the policy doesn't keep it.
    pub(crate) fn is_forsaken(&self, now: UnixMillis) -> bool {
        let lately = |asked: UnixMillis| asked <= now && now.ms_since(asked) < ASKED_FOR_MS;
        self.is_for_askers() && !self.asked_at.is_some_and(lately)
    }
}

/// Errs if a client is not to have a further blob fetched now, because of what others wait for.
pub(crate) fn check_asked(tx: &Tx<'_>, blob: &Digest) -> Result<()> {
    let policy = policy::of(tx)?;
    let StatePolicy::OnDemand { bytes_max } = policy else { return Ok(()) };
    if tx.read(WANTS)?.get(blob.as_bytes())?.is_some() {
        return Ok(());
    }
    let Some(size) = policy::live_at(tx, blob)?.first().map(|live| live.content.size) else { return Ok(()) };
    let spare = spare_for_askers(tx, &policy)?;
    if spare.is_some_and(|spare| size <= spare) { Ok(()) } else { Err(StoreError::AskedTooMuch { bytes_max }) }
}

/// How large a further blob may be that is fetched only because somebody asks, by what this node keeps; `None` if there may
/// be none at all. Reads all wants of an on-demand node.
pub(crate) fn spare_for_askers(tables: &impl Tables, policy: &StatePolicy) -> Result<Option<u64>> {
    let StatePolicy::OnDemand { bytes_max } = *policy else { return Ok(Some(u64::MAX)) };
    let (mut count, mut bytes) = (0, 0u64);
    for entry in tables.table(WANTS)?.iter()? {
        let (key, row) = entry?;
        let row: WantRow = from_row("a want", row.value())?;
        let want = row.view(Digest::from_bytes(*key.value()));
        if want.is_for_askers() {
            (count, bytes) = (count + 1, bytes.saturating_add(want.size));
        }
        if count >= ASKED_WANTS_MAX {
            return Ok(None);
        }
    }
    Ok(if count == 0 { Some(u64::MAX) } else { bytes_max.checked_sub(bytes) })
}

/// Ends the want of a blob that is here only because somebody asked, if it `may` end, unless the policy keeps it.
pub(crate) fn end_of_askers(tx: &Tx<'_>, blob: &Digest, may: impl Fn(&Want) -> bool) -> Result<bool> {
    let ends = find(&tx.read(WANTS)?, blob)?.is_some_and(|want| want.is_for_askers() && may(&want));
    if !ends || policy::keeps_blob(tx, &*tx.keeps()?, blob)? {
        return Ok(false);
    }
    end(tx, blob).map(|()| true)
}

/// Notes that a client asked for a blob that isn't here, and wants it if the policy doesn't keep it; tells whether it is
/// wanted now.
pub(crate) fn ask(tx: &Tx<'_>, blob: &Digest, now: UnixMillis) -> Result<bool> {
    let table = tx.read(WANTS)?;
    let Some(row) = table.get(blob.as_bytes())?.map(|row| from_row::<WantRow>("a want", row.value())).transpose()?
    else {
        drop(table);
        return want_unkept(tx, blob, now);
    };
    drop(table);
    // Clients ask again and again; that alone must not cost a commit each time.
    if row.asked_at.is_some_and(|asked| asked <= now && now.ms_since(asked) < ASK_EVERY_MS) {
        return Ok(true);
    }
    let row = WantRow { asked_at: Some(now), ..row };
    tx.write(WANTS)?.insert(blob.as_bytes(), to_row(&row).as_slice())?;
    tx.changed(|effects| effects.wants_changed = true);
    Ok(true)
}

/// Wants a live blob that the policy doesn't keep, for somebody who asked; false if it isn't live, or is held.
fn want_unkept(tx: &Tx<'_>, blob: &Digest, now: UnixMillis) -> Result<bool> {
    if tx.read(BLOBS)?.get(blob.as_bytes())?.is_some() {
        return Ok(false);
    }
    let newest = policy::live_at(tx, blob)?.into_iter().max_by_key(|live| live.at_ms);
    let Some(LiveAt { content, at_ms, .. }) = newest else { return Ok(false) };
    want_because(tx, Moment { now, backfill: true }, blob, content.size, at_ms, WantReason::Backfill)?;
    ask(tx, blob, now)
}

/// Puts back the want of somebody who asked for a blob that is live and not held.
pub(crate) fn put_back_asked(tx: &Tx<'_>, blob: &Digest, known: &WantRow) -> Result<()> {
    let Some(asked) = known.asked_at else { return Ok(()) };
    want_unkept(tx, blob, asked).map(drop)
}

/// Ends a want that no head has any more, or only ones that the policy doesn't keep and nobody asked for. Its partial file
/// is swept when the store opens or the fetch is abandoned.
pub(crate) fn drop_unless_needed(tx: &Tx<'_>, blob: &Digest) -> Result<()> {
    if !is_live(&tx.read(LIVE_BLOBS)?, blob)? {
        return end(tx, blob);
    }
    let keep = tx.keeps()?;
    if policy::keeps_blob(tx, &keep, blob)? {
        return Ok(());
    }
    // Who keeps on demand claims nothing.
    if matches!(*keep, Keeps::Selected(..)) {
        policy::renounce(tx, blob)?;
    }
    drop_unless_asked(tx, blob)
}

/// Ends a want that nobody asked for.
pub(crate) fn drop_unless_asked(tx: &Tx<'_>, blob: &Digest) -> Result<()> {
    let asked = find(&tx.read(WANTS)?, blob)?.is_some_and(|want| want.asked_at.is_some());
    if asked { Ok(()) } else { end(tx, blob) }
}

/// Ends a want that is not met.
fn end(tx: &Tx<'_>, blob: &Digest) -> Result<()> {
    if take_away(tx, blob)? {
        tx.changed(|effects| effects.wants_changed = true);
    }
    Ok(())
}

/// Takes a want away; false if there is none.
fn take_away(tx: &Tx<'_>, blob: &Digest) -> Result<bool> {
    let size = {
        let mut table = tx.write(WANTS)?;
        let removed = table.remove(blob.as_bytes())?;
        let Some(row) = removed else { return Ok(false) };
        from_row::<WantRow>("a want", row.value())?.size
    };
    tx.write(FETCHES)?.remove(blob.as_bytes())?;
    tx.write(OLD_WANTS)?.remove(blob.as_bytes())?;
    tx.count(&meta::WANT_BYTES, 0, size)?;
    Ok(true)
}

/// Lists a sealed blob as held, ends its want, and tells of the packages whose bytes are here now.
pub(crate) fn hold(tx: &Tx<'_>, moment: Moment, blob: &Digest, size: u64) -> Result<()> {
    if hold_to_publish(tx, moment, blob, size)? { renounce_unless_kept(tx, blob) } else { Ok(()) }
}

/// Renounces what came though the policy doesn't keep it: it may have been here before and been claimed, and what was noted then went
/// with it.
pub(crate) fn renounce_unless_kept(tx: &Tx<'_>, blob: &Digest) -> Result<()> {
    let keep = tx.keeps()?;
    if matches!(*keep, Keeps::Selected(..)) && !policy::keeps_blob(tx, &keep, blob)? {
        policy::renounce(tx, blob)?;
    }
    Ok(())
}

/// The first half of [`hold`], before a blob is published: whether the policy keeps it can be told after that. Tells whether it wasn't
/// held; then [`renounce_unless_kept`] follows in the same transaction.
pub(crate) fn hold_to_publish(tx: &Tx<'_>, moment: Moment, blob: &Digest, size: u64) -> Result<bool> {
    let old = tx.read(OLD_WANTS)?.get(blob.as_bytes())?.is_some();
    let told = Moment { backfill: moment.backfill || old, ..moment };
    if take_away(tx, blob)? {
        tx.changed(|effects| effects.wants_met = true);
    }
    if tx.read(BLOBS)?.get(blob.as_bytes())?.is_some() {
        return Ok(false);
    }
    tx.write(BLOBS)?.insert(blob.as_bytes(), to_row(&BlobRow { size, since: moment.now }).as_slice())?;
    tx.count(&meta::BLOB_BYTES, size, 0)?;
    for path in live_paths(&tx.read(LIVE_BLOBS)?, blob)? {
        let current = tx
            .read(PACKAGES)?
            .get(path.as_str())?
            .map(|row| from_row::<crate::catalog::PackageRow>("a package", row.value()))
            .transpose()?;
        if let Some(row) = current.filter(|row| row.blob == *blob) {
            journal::append(tx, told, Happening::PackageStored { path, event: row.revision })?;
        }
    }
    Ok(true)
}

/// Lists a blob as not held any more, and wants it again if a head has it: also if the policy doesn't keep it, for this may
/// have been the only copy, and letting go is only for `evict.rs` to decide.
pub(crate) fn lose(tx: &Tx<'_>, moment: Moment, blob: &Digest) -> Result<()> {
    let Some(size) = let_go(tx, blob)? else { return Ok(()) };
    if !is_live(&tx.read(LIVE_BLOBS)?, blob)? {
        return Ok(());
    }
    want_because(tx, moment, blob, size, moment.now, WantReason::Repair)?;
    if !policy::keeps_blob(tx, &*tx.keeps()?, blob)? {
        ask(tx, blob, moment.now)?;
    }
    Ok(())
}

/// Lists a blob as not held any more; tells its size if it was.
pub(crate) fn let_go(tx: &Tx<'_>, blob: &Digest) -> Result<Option<u64>> {
    let size = {
        let mut table = tx.write(BLOBS)?;
        let removed = table.remove(blob.as_bytes())?;
        let Some(row) = removed else { return Ok(None) };
        from_row::<BlobRow>("a blob", row.value())?.size
    };
    tx.count(&meta::BLOB_BYTES, 0, size)?;
    for table in [USES, RENOUNCED] {
        if tx.read(table)?.get(blob.as_bytes())?.is_some() {
            tx.write(table)?.remove(blob.as_bytes())?;
        }
    }
    Ok(Some(size))
}

/// The paths a blob is live at.
pub(crate) fn live_paths(
    table: &impl ReadableTable<(&'static [u8; 32], &'static str), ()>,
    blob: &Digest,
) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for entry in table.range((blob.as_bytes(), "")..)? {
        let key = entry?.0;
        let (digest, path) = key.value();
        if digest != blob.as_bytes() {
            break;
        }
        paths.push(path.to_owned());
    }
    Ok(paths)
}

/// Whether a blob is live at any path.
pub(crate) fn is_live(
    table: &impl ReadableTable<(&'static [u8; 32], &'static str), ()>,
    blob: &Digest,
) -> Result<bool> {
    let first = table.range((blob.as_bytes(), "")..)?.next().transpose()?;
    Ok(first.is_some_and(|(key, _)| key.value().0 == blob.as_bytes()))
}

/// Up to `limit` wants, the most urgent of all: those that clients wait for, then by reason, then the newest. By digest.
pub(crate) fn list(table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>, limit: usize) -> Result<Vec<Want>> {
    let rows = table.iter()?.map(|entry| -> Result<Want> {
        let (key, row) = entry?;
        let row: WantRow = from_row("a want", row.value())?;
        Ok(row.view(Digest::from_bytes(*key.value())))
    });
    // Most often all fit, and none has to be compared with any.
    let mut best: BinaryHeap<Ranked> = BinaryHeap::new();
    let mut listed = Vec::new();
    for want in rows {
        let want = want?;
        if best.is_empty() && listed.len() < limit {
            listed.push(want);
            continue;
        }
        if best.is_empty() {
            best = listed.drain(..).map(Ranked).collect();
        }
        if best.peek().is_some_and(|worst| want.rank() < worst.0.rank()) {
            best.pop();
            best.push(Ranked(want));
        }
    }
    listed.extend(best.into_iter().map(|ranked| ranked.0));
    listed.sort_unstable_by_key(|want| want.blob);
    Ok(listed)
}

/// Wants by their rank; the greatest is the least urgent.
#[derive(Debug, PartialEq, Eq)]
struct Ranked(Want);

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.rank().cmp(&other.0.rank())
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// One want.
pub(crate) fn find(
    table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
    blob: &Digest,
) -> Result<Option<Want>> {
    let row = table.get(blob.as_bytes())?.map(|row| from_row::<WantRow>("a want", row.value())).transpose()?;
    Ok(row.map(|row| row.view(*blob)))
}

/// How many rows a table has.
pub(crate) fn count(table: &impl ReadableTableMetadata) -> Result<u64> {
    Ok(table.len()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_from_before_there_were_reasons_is_a_release() {
        let old = (7u64, UnixMillis::new(1), UnixMillis::new(2), Some(UnixMillis::new(3)));
        let row: WantRow = from_row("a want", &to_row(&old)).unwrap();
        assert_eq!((row.size, row.asked_at, row.reason.0), (7, Some(UnixMillis::new(3)), WantReason::Release));
        let new = WantRow { reason: Added(WantReason::Backfill), ..row };
        assert_eq!(from_row::<WantRow>("a want", &to_row(&new)).unwrap(), new);
    }

    #[test]
    fn of_too_many_the_most_urgent_are_listed() {
        let want = |number: u8, asked: bool, reason: WantReason, newest_at: u64| {
            let asked_at = asked.then(|| UnixMillis::new(u64::from(number)));
            let row = WantRow {
                size: 1,
                since: UnixMillis::new(0),
                newest_at: UnixMillis::new(newest_at),
                asked_at,
                reason: Added(reason),
            };
            (Digest::from_bytes([number; 32]), row)
        };
        let rows = [
            want(1, false, WantReason::Backfill, 99),
            want(2, false, WantReason::Release, 10),
            want(3, false, WantReason::Repair, 99),
            want(4, false, WantReason::Release, 20),
            want(5, true, WantReason::Backfill, 1),
            want(6, false, WantReason::Backfill, 98),
        ];
        let database = redb::Database::builder().create_with_backend(redb::backends::InMemoryBackend::new()).unwrap();
        let write = database.begin_write().unwrap();
        let mut table = write.open_table(WANTS).unwrap();
        for (blob, row) in &rows {
            table.insert(blob.as_bytes(), to_row(row).as_slice()).unwrap();
        }
        let listed = |limit: usize| -> Vec<u8> {
            list(&table, limit).unwrap().into_iter().map(|want| want.blob.as_bytes()[0]).collect()
        };
        assert_eq!((listed(0), listed(1), listed(2)), (vec![], vec![5], vec![4, 5]));
        assert_eq!((listed(4), listed(5)), (vec![2, 3, 4, 5], vec![1, 2, 3, 4, 5]));
        assert_eq!((listed(6), listed(7)), (vec![1, 2, 3, 4, 5, 6], vec![1, 2, 3, 4, 5, 6]));
    }
}
