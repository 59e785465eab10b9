//! `ods events --follow` of a journal whose next records are no longer kept: the rest of it is read page by page, and a
//! node that is busy meanwhile is asked again.

use axum::extract::Query;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use ods_api::EventQuery;

use super::*;

/// The journal: these are kept, and no others.
const FIRST: u64 = 1001;
const HEAD: u64 = 2200;
/// Up to there a filter let nothing through, as the stream behind them tells before it ends.
const PASSED: u64 = 2240;

fn event_stream(text: String) -> Response {
    ([(CONTENT_TYPE, "text/event-stream")], text).into_response()
}

#[derive(Clone, Default)]
struct Journal {
    streams: Arc<Mutex<Vec<u64>>>,
    pages: Arc<Mutex<Vec<(u64, usize)>>>,
}

impl Journal {
    /// Ends as soon as it was told to begin elsewhere, and refuses whoever goes on from the last place.
    fn stream(&self, headers: &HeaderMap) -> Response {
        let after = headers["last-event-id"].to_str().expect("text").parse().expect("a number");
        self.streams.lock().expect("no thread panics").push(after);
        if after >= HEAD {
            let place = format!("id: {PASSED}\n: following\n\n");
            let is_known = after == PASSED;
            return if is_known { StatusCode::FORBIDDEN.into_response() } else { event_stream(place) };
        }
        let reset = format!("id: {HEAD}\nevent: reset\ndata: {{\"head\":{HEAD}}}\n\n");
        event_stream(reset)
    }

    /// The third is refused.
    fn page(&self, query: &EventQuery) -> Response {
        let (after, limit) = (query.after.expect("a place"), query.limit.expect("a limit"));
        let mut pages = self.pages.lock().expect("no thread panics");
        pages.push((after, limit));
        if pages.len() == 3 {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        let first = FIRST.max(after + 1);
        let last = HEAD.min(first + limit as u64 - 1);
        let record =
            |lsn| json!({"lsn": lsn, "at": "2027-01-15T08:00:00Z", "type": "peer.up", "backfill": false, "data": {}});
        let items: Vec<Value> = (first..=last).map(record).collect();
        Json(json!({"items": items, "next": (last < HEAD).then(|| last.to_string()), "total": null})).into_response()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_still_kept_after_a_reset_come_page_by_page_and_once_each() {
    let journal = Journal::default();
    let (streams, pages) = (journal.clone(), journal.clone());
    let router = Router::new()
        .route("/api/v1/events/stream", get(|headers: HeaderMap| async move { streams.stream(&headers) }))
        .route("/api/v1/events", get(|Query(query): Query<EventQuery>| async move { pages.page(&query) }));
    let (server, _serving) = serve(router).await;

    let folder = tempfile::tempdir().expect("a folder");
    let typed = ["events", "--follow", "--after", "5", "--limit", "1", "--server", &server, "--json"];
    let (outcome, printed) = run(folder.path(), &typed, &[("ODS_TOKEN", "t")], "").await;
    assert_eq!(outcome.expect_err("it ends when it is refused").exit(), Exit::Refused);
    let lsn = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["lsn"].as_u64().expect("a number");
    assert_eq!(printed.lines().map(lsn).collect::<Vec<_>>(), (FIRST..=HEAD).collect::<Vec<_>>());
    assert_eq!(*journal.streams.lock().expect("no thread panics"), [1001, 1501, HEAD, PASSED]);
    let pages = journal.pages.lock().expect("no thread panics").clone();
    assert_eq!(
        pages,
        [(5, 1), (1001, 500), (1501, 500), (1501, 500), (2001, 500)],
        "a bound, and again after a refusal"
    );
}
