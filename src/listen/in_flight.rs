//! One request from its head to the last byte of its answer, and the one log line about it.

use std::{net::IpAddr, sync::Arc};

use http::{Method, Request, StatusCode};
use tokio::time::Instant;

use super::{
    activity::Activity,
    counters::{CountedRequest, ListenCounters},
};

/// The status logged for a client that left before it got an answer (as nginx does).
const CLIENT_LEFT: u16 = 499;

/// Bytes of a path that the log line shows.
const PATH_SHOWN_BYTES_MAX: usize = 1024;

/// How a response's body ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing left the node yet.
    Open,
    /// It was sent to its end.
    Complete,
    /// The handler's stream failed, for this reason.
    Failed(String),
}

/// What the log line says about a request.
#[derive(Debug)]
pub(super) struct RequestFacts {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) client: IpAddr,
    pub(super) id: String,
    pub(super) began: Instant,
}

/// A request being served. Dropping it ends the request and writes the log line, whatever the reason.
#[derive(Debug)]
pub(super) struct InFlight {
    facts: RequestFacts,
    activity: Arc<Activity>,
    counters: Arc<ListenCounters>,
    counted: CountedRequest,
    status: Option<StatusCode>,
    sent_bytes: u64,
    ending: Ending,
}

impl RequestFacts {
    pub(super) fn new<B>(request: &Request<B>, client: IpAddr, id: String, began: Instant) -> Self {
        let path = request.uri().path();
        // Nothing but a request that is refused has a longer one.
        let shown = path.floor_char_boundary(PATH_SHOWN_BYTES_MAX.min(path.len()));
        Self { method: request.method().clone(), path: path[..shown].to_owned(), client, id, began }
    }
}

impl InFlight {
    pub(super) fn new(facts: RequestFacts, activity: Arc<Activity>, counters: Arc<ListenCounters>) -> Self {
        let counted = counters.began(&facts.path, facts.began);
        Self { facts, activity, counters, counted, status: None, sent_bytes: 0, ending: Ending::Open }
    }

    pub(super) fn activity(&self) -> &Activity {
        &self.activity
    }

    pub(super) fn facts(&self) -> &RequestFacts {
        &self.facts
    }

    /// The handler answered.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// A handler or its body panicked.
    pub(super) fn panicked(&self, message: &str) {
        self.counters.panicked();
        tracing::error!(
            request_id = self.facts.id,
            method = %self.facts.method,
            path = self.facts.path,
            panic = message,
            "a request handler panicked"
        );
    }

    /// Some of the body goes out.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent_bytes = self.sent_bytes.saturating_add(bytes as u64);
        self.counters.sent(self.counted, bytes as u64);
    }

    pub(super) fn sent_bytes(&self) -> u64 {
        self.sent_bytes
    }

    pub(super) fn end(&mut self, ending: Ending) {
        self.ending = ending;
    }

    /// How it ended, and why if it failed.
    fn outcome(&self) -> (&'static str, Option<&str>) {
        match &self.ending {
            Ending::Complete => ("complete", None),
            Ending::Failed(reason) => ("failed", Some(reason)),
            Ending::Open => ("cut", None),
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let now = Instant::now();
        self.activity.request_ended(now);
        let status = self.status.map_or(CLIENT_LEFT, |status| status.as_u16());
        self.counters.answered(self.counted, status, now);
        let duration_ms = u64::try_from((now - self.facts.began).as_millis()).unwrap_or(u64::MAX);
        let RequestFacts { method, path, client, id, .. } = &self.facts;
        let (bytes, (outcome, error)) = (self.sent_bytes, self.outcome());
        // A level is a constant of its callsite, hence each by itself.
        if error.is_some() {
            tracing::warn!(target: "ods::request", %method, path, status, bytes, duration_ms, %client, request_id = id, outcome, error, "request");
        } else if status >= 500 {
            tracing::error!(target: "ods::request", %method, path, status, bytes, duration_ms, %client, request_id = id, outcome, "request");
        } else {
            tracing::info!(target: "ods::request", %method, path, status, bytes, duration_ms, %client, request_id = id, outcome, "request");
        }
    }
}
