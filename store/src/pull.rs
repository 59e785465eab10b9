//! Pulling: what a peer asks of the log, and what it gets. Read-only.
//!
//! A cursor that still fits this log makes a pull cost O(new). One that does not (another log id after a restore; an
//! event that is not where the cursor says, after a roll-back) is put aside, and the vector decides: serving then begins
//! at the first event the asker lacks. `cursor` in the answer is the last place *examined*, so that events the asker has
//! from elsewhere are passed over once.

use redb::{ReadTransaction, ReadableTable};
use serde::{Deserialize, Serialize};

use crate::digest::EventId;
use crate::error::Result;
use crate::event::SignedEvent;
use crate::limits::{LOG_PAGE_BYTES_MAX, LOG_PAGE_EXAMINED_MAX};
use crate::log;
use crate::lsn::Lsn;
use crate::meta;
use crate::schema::{LOG, META, STREAM_EVENTS, STREAMS};
use crate::vector::Vector;

/// A place in some node's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogCursor {
    /// Which log: random, new after a restore.
    pub log_id: [u8; 16],
    /// The last place examined.
    pub lsn: Lsn,
    /// The last event at or before it; [`EventId::ZERO`] if there is none. Tells whether the log is still the same.
    pub event: EventId,
}

/// What a peer asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogQuery {
    /// Where it stopped last; none to go by the vector.
    pub cursor: Option<LogCursor>,
    /// What it holds.
    pub vector: Vector,
}

/// What it gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// Events it lacks, each with its place, in order.
    pub items: Vec<(Lsn, SignedEvent)>,
    /// Where to go on.
    pub cursor: LogCursor,
    /// There is more after that.
    pub more: bool,
}

/// Serves one page of the log.
pub(crate) fn page(read: &ReadTransaction, query: &LogQuery) -> Result<LogPage> {
    let log = read.open_table(LOG)?;
    let log_id = meta::need(&read.open_table(META)?, &meta::LOG_ID)?;
    let mine = log::vector(&read.open_table(STREAMS)?)?;
    let start = match query.cursor.filter(|cursor| cursor.log_id == log_id) {
        Some(cursor) if last_event(&log, cursor.lsn)? == cursor.event => cursor.lsn,
        _ => before_first_lacking(read, &mine, &query.vector)?,
    };
    let mut page =
        LogPage { items: vec![], cursor: LogCursor { log_id, lsn: start, event: EventId::ZERO }, more: false };
    let mut bytes = 0;
    for (examined, entry) in log.range(start.next().get()..)?.enumerate() {
        let (lsn, row) = entry?;
        let lsn = Lsn::new(lsn.value());
        if examined == LOG_PAGE_EXAMINED_MAX || bytes >= LOG_PAGE_BYTES_MAX {
            page.more = true;
            break;
        }
        let (signed, event) = log::read(row.value())?;
        let stream = event.header.stream;
        if query.vector.lacks(&stream, event.header.seq, &mine.stream(&stream)) {
            bytes += signed.frame.len() + signed.signature.len();
            page.items.push((lsn, signed));
        }
        page.cursor.lsn = lsn;
    }
    page.cursor.event = last_event(&log, page.cursor.lsn)?;
    Ok(page)
}

/// The last event at or before `lsn`.
fn last_event(log: &impl ReadableTable<u64, &'static [u8]>, lsn: Lsn) -> Result<EventId> {
    let Some(entry) = log.range(..=lsn.get())?.next_back() else { return Ok(EventId::ZERO) };
    let (at, _) = entry?;
    Ok(log::at(log, at.value())?.1.id)
}

/// The place before the first event that a node with vector `theirs` lacks; the end of the log if it lacks none.
fn before_first_lacking(read: &ReadTransaction, mine: &Vector, theirs: &Vector) -> Result<Lsn> {
    let index = read.open_table(STREAM_EVENTS)?;
    let mut first = None;
    for (stream, state) in &mine.entries {
        let from = if theirs.lacks(stream, 1, state) { 1 } else { theirs.stream(stream).last.saturating_add(1) };
        let start = (stream.origin.as_bytes(), stream.epoch, from, &[0; 32]);
        let end = (stream.origin.as_bytes(), stream.epoch, u64::MAX, &[0xff; 32]);
        // Twins come late: the first by seq need not be the first by Lsn, so all that are lacked are looked at.
        for entry in index.range(start..=end)? {
            let lsn = entry?.1.value();
            first = Some(first.map_or(lsn, |least: u64| least.min(lsn)));
        }
    }
    let end = meta::get(&read.open_table(META)?, &meta::HEAD)?.unwrap_or_default();
    Ok(Lsn::new(first.map_or(end, |lsn| lsn - 1)))
}
