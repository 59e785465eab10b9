//! `/events/stream`: the journal as it grows, as server-sent events (HTML Living Standard §9.2).
//!
//! A follower is a cursor: records are read from the store when the connection takes them, so one that is slow, or asleep,
//! costs no more memory than a batch of records, and loses nothing. What waits are the records, not the text that they
//! become, which is several times as long. It is woken by commits, and ends when the node stops, its token ends, or others need
//! its connection.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use ods_store::{Lsn, Record};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::auth::{MayEnd as _, Reader};
use crate::blocking::blocking;
use crate::convert;
use crate::error::{ApiError, Code};
use crate::extract::Params;
use crate::routes::happenings::{self, Wanted};
use crate::types::StreamQuery;

/// A comment is sent when nothing else was for so long, so that nobody in between takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often it is checked that the token still holds, and a follower told how far its filter passed over records.
const CHECK_EVERY: Duration = Duration::from_secs(15);
/// Records read at a time.
const BATCH_RECORDS: usize = 100;

/// Follow the journal: its records as server-sent events.
///
/// `id` is the LSN, `event` the type, `data` the same object as in the list. Without `Last-Event-ID` or `after` only new
/// records come, and the first thing sent is an `id` alone, the place to go on from; so is what follows now and then where a filter passes
/// over records. If the place asked for is not in the journal (pruned, or never there), the first event is
/// `reset` with `{"head": n}`, and records after that come; so is the next for a follower that slept until what it had yet to be
/// sent was pruned. A node restored from a backup goes on with greater LSNs than it ever gave out, so a place stays good. The stream ends when the node
/// stops, or has no connection left for others; go on with `Last-Event-ID` then.
#[utoipa::path(get, path = "/api/v1/events/stream", operation_id = "follow_events", tag = "events", params(StreamQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "Only records with a greater LSN; goes before `after`")),
    responses((status = 200, content_type = "text/event-stream", body = String)))]
pub(crate) async fn follow(
    reader: Reader,
    Params(query): Params<StreamQuery>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let wanted = Wanted::parse(query.kind.as_deref(), query.path.as_deref())?;
    let after = last_event_id(&headers)?.or(query.after);
    let follower = blocking(move || Follower::begin(reader, wanted, after)).await?;
    let events = futures_util::stream::unfold(follower, |mut follower| async {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive")))
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    let bad =
        || ApiError::new(Code::BadHeader, "Last-Event-ID is the number of a record").fact("header", "last-event-id");
    id.map(Some).ok_or_else(bad)
}

/// One who follows the journal.
struct Follower {
    reader: Reader,
    wanted: Wanted,
    cursor: Lsn,
    head: watch::Receiver<Lsn>,
    stopping: CancellationToken,
    /// Where the journal is, for one whose place wasn't there.
    reset: Option<Lsn>,
    /// The place that it was last told, and when: whoever named none is told one at once, though there was no record yet, and
    /// whose filter lets nothing through now and then, so that it doesn't come back with one that was pruned long ago.
    told: (Option<Lsn>, Instant),
    ready: VecDeque<Record>,
}

impl Follower {
    fn begin(reader: Reader, wanted: Wanted, after: Option<u64>) -> Result<Self, ApiError> {
        let (head, stopping) = (reader.head_changes(), reader.state().options.stopping.clone());
        let (cursor, reset, ready) = (reader.head(), None, VecDeque::new());
        let told = (after.map(Lsn::new), Instant::now());
        let mut follower = Self { reader, wanted, cursor, head, stopping, reset, told, ready };
        if let Some(after) = after.map(Lsn::new) {
            let page = follower.reader.records(after.into(), 1)?;
            if after <= page.head && after.next() >= page.first {
                follower.cursor = after;
            } else {
                (follower.cursor, follower.reset) = (page.head, Some(page.head));
            }
        }
        Ok(follower)
    }

    /// The next event, when there is one; `None` when the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.stopping.is_cancelled() {
                return None;
            }
            if let Some(head) = self.reset.take() {
                self.told = (Some(head), Instant::now());
                return Some(identified(head).event("reset").data(json!({"head": head.get()}).to_string()));
            }
            if let Some(record) = self.ready.pop_front() {
                self.told = (Some(record.lsn), Instant::now());
                return Some(event(&record));
            }
            if self.is_to_be_told() {
                self.told = (Some(self.cursor), Instant::now());
                return Some(identified(self.cursor).comment("following"));
            }
            if self.fill().await? {
                continue;
            }
            tokio::select! {
                changed = self.head.changed() => changed.ok()?,
                () = self.stopping.cancelled() => return None,
                () = tokio::time::sleep(CHECK_EVERY) => {}
            }
        }
    }

    /// Whether it knows no place, or only one from which it was led on long enough ago.
    fn is_to_be_told(&self) -> bool {
        let (place, at) = self.told;
        place.is_none_or(|place| place < self.cursor && at.elapsed() >= CHECK_EVERY)
    }

    /// Reads what comes next; whether there was anything. `None` if the stream must end.
    async fn fill(&mut self) -> Option<bool> {
        self.head.mark_unchanged();
        let (reader, wanted, cursor) = (self.reader.clone(), self.wanted.clone(), self.cursor);
        let read = blocking(move || {
            if reader.must_still_hold().is_err() {
                return Ok(None);
            }
            happenings::read(&reader, &wanted, cursor.into(), BATCH_RECORDS).map(Some)
        });
        let found = match read.await {
            Ok(found) => found?,
            Err(error) => {
                // The client reconnects and is told then, with an id of the request.
                tracing::warn!(?error, "a stream of events ends, since the journal can't be read");
                return None;
            }
        };
        if found.pruned {
            // It slept for as long as records are kept: rather than a gap that it doesn't see it gets a place to begin anew.
            self.cursor = self.reader.head();
            self.reset = Some(self.cursor);
            return Some(true);
        }
        self.cursor = found.examined;
        // As much room as there are: a page is read with room for more.
        self.ready = found.items.into_boxed_slice().into_vec().into();
        Some(found.more || !self.ready.is_empty())
    }
}

fn event(record: &Record) -> Event {
    let view = convert::record(record);
    let data = serde_json::to_string(&view).unwrap_or_default();
    identified(record.lsn).event(view.kind).data(data)
}

fn identified(place: Lsn) -> Event {
    Event::default().id(place.get().to_string())
}
