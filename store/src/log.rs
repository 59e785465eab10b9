//! The log: every event held, in the order it came, and its indexes; inserting, and serving it to peers.
//!
//! Invariants:
//! - `log`, `events` and `stream_events` name the same events; a stream's row says its last contiguous seq and the sum of
//!   the ids held.
//! - An event is inserted iff its seq is at most last + 1 and its id is new. One whose seq was held already is a twin: it
//!   is kept and alarmed. So a stream never has gaps, and equal vectors mean equal sets of events.
//! - An event of this node's own current stream that comes from outside means that this node was rolled back or cloned:
//!   it is taken, and a new epoch begins.

use std::collections::BTreeMap;

use redb::{ReadTransaction, ReadableTable};
use serde::{Deserialize, Serialize};

use crate::catalog::{self, News};
use crate::codec::{from_row, to_row};
use crate::digest::{EventId, NodeId};
use crate::error::{Result, StoreError};
use crate::event::{Body, Event, Header, SignedEvent, StreamId};
use crate::journal::{self, Moment};
use crate::limits::STREAMS_ALARM;
use crate::lsn::Lsn;
use crate::meta;
use crate::schema::{EVENTS, LOG, STREAM_EVENTS, STREAMS};
use crate::set_sum::SetSum;
use crate::tx::Tx;
use crate::vector::{StreamState, Vector};

#[derive(Debug, Default, Serialize, Deserialize)]
struct StreamRow {
    last: u64,
    sum: SetSum,
    /// The event at `last`: the `prev` of the next. With twins there, the one that came first.
    tail: Option<EventId>,
}

/// What became of an event that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Insertion {
    /// It is in the log now, here, and waits to be folded into the catalog.
    New(Lsn),
    /// It was there already.
    Held,
    /// Events of its stream before it are missing.
    Gap,
    /// No statement ever admitted its origin as one that publishes.
    UnknownOrigin,
}

/// Where an event came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Minted,
    Peer,
}

/// Inserts a verified event. Before the transaction ends whoever inserts it has [`catalog::arrive`] fold it into the catalog,
/// if its origin is expelled [`crate::trust::events_of_expelled_arrived`] look at that, and the news settled.
pub(crate) fn insert(
    tx: &Tx<'_>,
    moment: Moment,
    source: Source,
    signed: &SignedEvent,
    event: &Event,
) -> Result<Insertion> {
    let Header { stream, seq, .. } = event.header;
    if !tx.roster().may_have_published(&stream.origin) {
        return Ok(Insertion::UnknownOrigin);
    }
    let row = stream_row(&tx.read(STREAMS)?, &stream)?;
    if is_held(&row, &tx.read(EVENTS)?, event)? {
        return Ok(Insertion::Held);
    }
    if seq > row.last.saturating_add(1) {
        return Ok(Insertion::Gap);
    }
    let lsn = append(tx, signed, event)?;
    advance(tx, moment, event, row)?;
    if source == Source::Peer && stream.origin == tx.context.key.node_id() {
        meet_own(tx, moment, &stream)?;
    }
    tx.changed(|effects| effects.log_grew = true);
    Ok(Insertion::New(lsn))
}

/// Whether an event is held, by the tables of streams and events.
pub(crate) fn holds(
    streams: &impl ReadableTable<(&'static [u8; 32], u64), &'static [u8]>,
    events: &impl ReadableTable<&'static [u8; 32], u64>,
    event: &Event,
) -> Result<bool> {
    is_held(&stream_row(streams, &event.header.stream)?, events, event)
}

/// No event after the last of its stream is, so nearly all that come are known to be new without a look at the index, whose
/// pages are many and in the order of ids.
fn is_held(row: &StreamRow, events: &impl ReadableTable<&'static [u8; 32], u64>, event: &Event) -> Result<bool> {
    Ok(event.header.seq <= row.last && events.get(event.id.as_bytes())?.is_some())
}

fn append(tx: &Tx<'_>, signed: &SignedEvent, event: &Event) -> Result<Lsn> {
    let lsn = tx.next_lsn();
    tx.write(LOG)?.insert(lsn.get(), signed.stored_bytes().as_slice())?;
    index(tx, event, lsn)?;
    Ok(lsn)
}

fn index(tx: &Tx<'_>, event: &Event, lsn: Lsn) -> Result<()> {
    let Header { stream: StreamId { origin, epoch }, seq, .. } = &event.header;
    tx.write(EVENTS)?.insert(event.id.as_bytes(), lsn.get())?;
    tx.write(STREAM_EVENTS)?.insert((origin.as_bytes(), *epoch, *seq, event.id.as_bytes()), lsn.get())?;
    Ok(())
}

fn advance(tx: &Tx<'_>, moment: Moment, event: &Event, mut row: StreamRow) -> Result<()> {
    let Header { stream, seq, .. } = event.header;
    row.sum.add(event.id.as_bytes());
    if row.last == 0 && seq == 1 {
        note_stream(tx, moment, &stream.origin)?;
    }
    if seq == row.last + 1 {
        (row.last, row.tail) = (seq, Some(event.id));
    } else {
        let detail = format!(
            "node {} has minted two events numbered {seq} in one stream: its data folder was rolled back or copied",
            stream.origin
        );
        journal::alarm(tx, moment, "twin", detail)?;
    }
    tx.write(STREAMS)?.insert((stream.origin.as_bytes(), stream.epoch), to_row(&row).as_slice())?;
    Ok(())
}

/// A stream of this node begins. What no honest node does is taken, since what is held must not depend on anything but the
/// statements held, and told of: a node begins a new stream only after it was rolled back or restored.
fn note_stream(tx: &Tx<'_>, moment: Moment, origin: &NodeId) -> Result<()> {
    let before = {
        let table = tx.read(STREAMS)?;
        let range = table.range((origin.as_bytes(), 0)..=(origin.as_bytes(), u64::MAX))?;
        range.take(STREAMS_ALARM + 1).count()
    };
    if before + 1 == STREAMS_ALARM {
        let detail = format!(
            "node {origin} has begun {STREAMS_ALARM} streams of events: it was rolled back or restored that often, or somebody \
             floods the mesh with its key. If so expel it"
        );
        journal::alarm(tx, moment, "many_streams", detail)?;
    }
    Ok(())
}

/// Fills the indexes of the log, which are empty, in the order in which its events came.
pub(crate) fn index_all(tx: &Tx<'_>) -> Result<()> {
    let log = tx.read(LOG)?;
    let mut streams: BTreeMap<StreamId, StreamRow> = BTreeMap::new();
    for entry in log.iter()? {
        let lsn = entry?.0.value();
        let (_, event) = at(&log, lsn)?;
        let Header { stream, seq, .. } = event.header;
        let row = streams.entry(stream).or_default();
        if seq > row.last.saturating_add(1) {
            return Err(StoreError::Corrupt { what: "the log, which lacks events," });
        }
        row.sum.add(event.id.as_bytes());
        if seq == row.last + 1 {
            (row.last, row.tail) = (seq, Some(event.id));
        }
        index(tx, &event, Lsn::new(lsn))?;
        catalog::index(tx, &event, Lsn::new(lsn))?;
    }
    for (stream, row) in streams {
        tx.write(STREAMS)?.insert((stream.origin.as_bytes(), stream.epoch), to_row(&row).as_slice())?;
    }
    if let Some(last) = log.last()?.map(|entry| Lsn::new(entry.0.value())) {
        tx.skip_to(last);
    }
    Ok(())
}

/// This node met an event of its own that it did not know.
fn meet_own(tx: &Tx<'_>, moment: Moment, stream: &StreamId) -> Result<()> {
    if tx.meta(&meta::EPOCH)? != stream.epoch {
        return Ok(());
    }
    tx.set_meta(&meta::EPOCH, &u64::from_le_bytes(tx.context.entropy.bytes()))?;
    let detail = "a peer holds events of this node that this node did not know: its data folder was rolled back or \
                  copied. They were taken back, and a new epoch begins";
    journal::alarm(tx, moment, "rolled_back", detail.to_owned()).map(drop)
}

fn stream_row(
    table: &impl ReadableTable<(&'static [u8; 32], u64), &'static [u8]>,
    stream: &StreamId,
) -> Result<StreamRow> {
    let row = table.get((stream.origin.as_bytes(), stream.epoch))?;
    row.map_or_else(|| Ok(StreamRow::default()), |row| from_row("a stream", row.value()))
}

/// Mints an event about a path as the next of this node's current stream, and inserts it.
pub(crate) fn mint(tx: &Tx<'_>, moment: Moment, by: &str, body: &Body) -> Result<EventId> {
    let stream = StreamId { origin: tx.context.key.node_id(), epoch: tx.meta(&meta::EPOCH)? };
    let row = stream_row(&tx.read(STREAMS)?, &stream)?;
    let header = Header {
        stream,
        seq: row.last + 1,
        prev: row.tail.unwrap_or(EventId::ZERO),
        at_ms: moment.now,
        by: by.to_owned(),
    };
    let signed = Event::mint(&tx.context.key, &header, body);
    let event = Event::decode(&signed.frame)?;
    match insert(tx, moment, Source::Minted, &signed, &event)? {
        Insertion::New(lsn) => {
            let mut news = News::default();
            catalog::arrive(tx, moment, &[(&event, lsn)], &mut news)?;
            news.settle(tx)?;
            Ok(event.id)
        }
        Insertion::Held | Insertion::Gap | Insertion::UnknownOrigin => {
            Err(StoreError::Corrupt { what: "this node's own stream" })
        }
    }
}

/// An event that is held.
pub(crate) fn event(tx: &Tx<'_>, id: &EventId) -> Result<Option<Event>> {
    find(&tx.read(EVENTS)?, &tx.read(LOG)?, id)
}

/// An event that is held, by the two tables that know it.
pub(crate) fn find(
    events: &impl ReadableTable<&'static [u8; 32], u64>,
    log: &impl ReadableTable<u64, &'static [u8]>,
    id: &EventId,
) -> Result<Option<Event>> {
    let Some(lsn) = events.get(id.as_bytes())?.map(|lsn| lsn.value()) else { return Ok(None) };
    at(log, lsn).map(|found| Some(found.1))
}

/// The event at an Lsn that an index names.
pub(crate) fn at(log: &impl ReadableTable<u64, &'static [u8]>, lsn: u64) -> Result<(SignedEvent, Event)> {
    read(log.get(lsn)?.ok_or(StoreError::Corrupt { what: "the log" })?.value())
}

/// The event in a row of the log.
pub(crate) fn read(row: &[u8]) -> Result<(SignedEvent, Event)> {
    let signed = SignedEvent::from_stored(row).ok_or(StoreError::Corrupt { what: "an event" })?;
    let event = Event::decode(&signed.frame).map_err(|_| StoreError::Corrupt { what: "an event" })?;
    Ok((signed, event))
}

/// Ids and Lsns of all events of a node.
pub(crate) fn events_of(tx: &Tx<'_>, node: &NodeId) -> Result<Vec<(EventId, Lsn)>> {
    let table = tx.read(STREAM_EVENTS)?;
    let first = (node.as_bytes(), 0, 0, &[0; 32]);
    let rows = table.range(first..=(node.as_bytes(), u64::MAX, u64::MAX, &[0xff; 32]))?.map(|entry| {
        let (key, lsn) = entry?;
        Ok((EventId::from_bytes(*key.value().3), Lsn::new(lsn.value())))
    });
    rows.collect()
}

/// The vector of what is held.
pub(crate) fn vector(table: &impl ReadableTable<(&'static [u8; 32], u64), &'static [u8]>) -> Result<Vector> {
    let mut vector = Vector::default();
    for entry in table.iter()? {
        let (key, row) = entry?;
        let (origin, epoch) = key.value();
        let row: StreamRow = from_row("a stream", row.value())?;
        let stream = StreamId { origin: NodeId::from_bytes(*origin), epoch };
        vector.entries.insert(stream, StreamState { last: row.last, sum: row.sum });
    }
    Ok(vector)
}

/// How many events are held.
pub(crate) fn len(read: &ReadTransaction) -> Result<u64> {
    Ok(redb::ReadableTableMetadata::len(&read.open_table(LOG)?)?)
}
