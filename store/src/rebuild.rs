//! Rebuilding what is derived: every table that follows from the log and the roster, and the counters of the rest, in one
//! transaction. A process killed in the middle leaves everything as it was.
//!
//! Invariants:
//! - `log`, `statements` and `journal` are only read. A log that lacks or garbles an event is refused: what is lost there
//!   can't be derived from anything.
//! - Nothing is told in the journal, for nothing happened.
//! - Of wants, what isn't derived (since when, whether a client asked) is kept where it can be read.

use std::collections::BTreeMap;

use redb::{ReadableTable, TableDefinition};
use serde::de::DeserializeOwned;

use crate::catalog;
use crate::codec::{from_row, to_row};
use crate::digest::Digest;
use crate::error::Result;
use crate::fetch::FetchRow;
use crate::journal::Moment;
use crate::log;
use crate::lsn::Lsn;
use crate::meta;
use crate::schema::{
    AUDIT, BLOBS, BY_PUBLISHED, BY_SIZE, COVERED, EVENTS, FETCHES, HEADS, HISTORY, JOURNAL, Key32, LIVE_BLOBS,
    PACKAGES, REPLACERS, STREAM_EVENTS, STREAMS, WANTS,
};
use crate::set_sum::SetSum;
use crate::trust;
use crate::tx::Tx;
use crate::wants::{self, BlobRow, WantRow};

/// Makes every derived row anew.
pub(crate) fn rebuild(tx: &Tx<'_>, moment: Moment) -> Result<()> {
    let wants: BTreeMap<Digest, WantRow> = readable(tx, WANTS)?;
    let fetches: BTreeMap<Digest, FetchRow> = readable(tx, FETCHES)?;
    tx.clear(EVENTS)?;
    tx.clear(STREAMS)?;
    tx.clear(STREAM_EVENTS)?;
    tx.clear(COVERED)?;
    tx.clear(HISTORY)?;
    tx.clear(REPLACERS)?;
    tx.clear(HEADS)?;
    tx.clear(PACKAGES)?;
    tx.clear(BY_PUBLISHED)?;
    tx.clear(BY_SIZE)?;
    tx.clear(LIVE_BLOBS)?;
    tx.clear(WANTS)?;
    tx.clear(FETCHES)?;
    tx.set_catalog_sum(SetSum::default());
    tx.set_meta(&meta::WANT_BYTES, &0)?;
    count_blobs(tx)?;
    log::index_all(tx)?;
    if let Some(last) = tx.read(JOURNAL)?.last()? {
        tx.skip_to(Lsn::new(last.0.value()));
    }
    if let Some(last) = tx.read(AUDIT)?.last()? {
        tx.skip_to(Lsn::new(last.0.value()));
    }
    trust::cover_all(tx)?;
    catalog::fold_all(tx, moment)?;
    keep_wants(tx, wants, &fetches)?;
    tx.changed(|effects| effects.log_grew = true);
    Ok(())
}

/// The rows of a table that can be read.
fn readable<T: DeserializeOwned>(
    tx: &Tx<'_>,
    table: TableDefinition<Key32, &'static [u8]>,
) -> Result<BTreeMap<Digest, T>> {
    let mut rows = BTreeMap::new();
    for entry in tx.read(table)?.iter()? {
        let (key, row) = entry?;
        if let Ok(row) = from_row("a row", row.value()) {
            rows.insert(Digest::from_bytes(*key.value()), row);
        }
    }
    Ok(rows)
}

/// Drops rows of blobs that can't be read (their files are listed again later), and counts the others.
fn count_blobs(tx: &Tx<'_>) -> Result<()> {
    let mut bytes: u64 = 0;
    tx.write(BLOBS)?.retain(|_, row| {
        let row = from_row::<BlobRow>("a blob", row);
        bytes = bytes.saturating_add(row.as_ref().map_or(0, |row| row.size));
        row.is_ok()
    })?;
    tx.set_meta(&meta::BLOB_BYTES, &bytes)
}

fn keep_wants(tx: &Tx<'_>, known: BTreeMap<Digest, WantRow>, fetches: &BTreeMap<Digest, FetchRow>) -> Result<()> {
    for (blob, known) in known {
        let mut table = tx.write(WANTS)?;
        let row = table.get(blob.as_bytes())?.map(|row| from_row::<WantRow>("a want", row.value())).transpose()?;
        if let Some(row) = row {
            let row = WantRow { since: known.since, asked_at: known.asked_at, reason: known.reason, ..row };
            table.insert(blob.as_bytes(), to_row(&row).as_slice())?;
            if let Some(fetch) = fetches.get(&blob).filter(|fetch| fetch.size == row.size) {
                tx.write(FETCHES)?.insert(blob.as_bytes(), to_row(fetch).as_slice())?;
            }
        } else {
            drop(table);
            wants::put_back_asked(tx, &blob, &known)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
