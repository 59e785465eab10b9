//! From a parsed request to the router and back: the client's address, the request's id, panics, the log line.

use std::{
    convert::Infallible,
    net::IpAddr,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{Router, body::Body};
use futures_util::FutureExt;
use http::{
    HeaderValue, Request, Response, StatusCode, Version,
    header::{CONNECTION, EXPECT, HOST, TRANSFER_ENCODING},
};
use hyper::body::Incoming;
use ods_api::{ApiError, ClientAddress, Code, Encrypted, FileSlices, RequestId};
use tokio::time::Instant;
use tower::ServiceExt;
use tracing::Instrument;

use super::{
    Shared,
    activity::Activity,
    client::X_REQUEST_ID,
    in_flight::{InFlight, RequestFacts},
    limits::TARGET_BYTES_MAX,
    request_body::{Left, Patience, RequestBody, Rest, read_rest},
    response_body::ResponseBody,
};
use crate::worker::panic_text;

/// Serves the requests of one connection.
#[derive(Clone)]
pub(super) struct ConnectionService {
    pub(super) router: Router,
    pub(super) shared: Arc<Shared>,
    pub(super) activity: Arc<Activity>,
    pub(super) peer: IpAddr,
    /// Whether this connection is encrypted.
    pub(super) encrypted: bool,
    /// Where answers over HTTP/1 may queue parts of files.
    pub(super) slices: Option<FileSlices>,
}

impl hyper::service::Service<Request<Incoming>> for ConnectionService {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        // Before the future is first polled: from here on the connection is not idle.
        let in_flight = self.begin(&request);
        let this = self.clone();
        Box::pin(async move { Ok(this.serve(request, in_flight).await) })
    }
}

impl ConnectionService {
    fn begin(&self, request: &Request<Incoming>) -> InFlight {
        let now = Instant::now();
        self.activity.request_began(request.version() == Version::HTTP_2, now);
        let proxies = &self.shared.proxies;
        let client = proxies.client(self.peer, request.headers());
        let id = proxies.request_id(self.peer, request.headers()).map_or_else(fresh_id, ToOwned::to_owned);
        let facts = RequestFacts::new(request, client, id, now);
        InFlight::new(facts, self.activity.clone(), self.shared.counters.clone())
    }

    async fn route(&self, request: Request<Body>, in_flight: &InFlight, id: &str) -> Response<Body> {
        // What is told of a request names it anyway; the span is for those who look at every step.
        let span = tracing::debug_span!("request", id);
        let answer = self.router.clone().oneshot(request).instrument(span);
        match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(Ok(response)) => response,
            Err(panic) => {
                in_flight.panicked(panic_text(panic.as_ref()));
                panicked().answer(id)
            }
        }
    }

    /// What nobody read of a body is read now, or its client is told that the connection ends (RFC 9112 section 9.6).
    async fn end_body(&self, rest: Rest<Incoming>, expects: bool, response: &mut Response<Body>) {
        // One who expects a 100 hasn't begun to send it.
        if !expects && read_rest(rest, self.shared.limits.body_rest_timeout).await {
            self.activity.body_was_read();
        } else {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }

    async fn serve(self, request: Request<Incoming>, in_flight: InFlight) -> Response<ResponseBody> {
        let id = in_flight.facts().id.clone();
        let (is_http1, expects) = (request.version() < Version::HTTP_2, request.headers().contains_key(EXPECT));
        let mut left = Left::default();
        let mut request = request.map(|body| {
            let body =
                RequestBody::new(body, Patience::of(&self.shared), self.activity.clone()).with_end_told(!is_http1);
            left = body.left();
            Body::new(body.counted(self.shared.counters.request_bytes()))
        });
        request.extensions_mut().insert(ClientAddress(in_flight.facts().client));
        let encrypted = self.encrypted || self.shared.proxies.encrypted(self.peer, request.headers());
        request.extensions_mut().insert(Encrypted(encrypted));
        request.extensions_mut().insert(RequestId(id.clone()));
        // HTTP/2 cuts bodies into frames, and would copy what stands for a part of a file.
        if let Some(slices) = self.slices.clone().filter(|_| request.version() < Version::HTTP_2) {
            request.extensions_mut().insert(slices);
        }
        let mut response = match refusal(&request) {
            Some(refused) => refused.answer(&id),
            None => self.route(request, &in_flight, &id).await,
        };
        // On HTTP/2 a request's end is that of its stream alone.
        if let Some(rest) = left.take().filter(|_| is_http1) {
            self.end_body(rest, expects, &mut response).await;
        }
        let crowd = self.shared.caps.crowd_now();
        // One that goes on as something else (101) isn't asked to make room.
        let answers = is_http1 && response.status() != StatusCode::SWITCHING_PROTOCOLS;
        if answers && self.activity.ends_with_answer(&self.shared.limits, crowd, Instant::now()) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(X_REQUEST_ID, value);
        }
        ResponseBody::wrap(response, in_flight, &self.shared)
    }
}

/// The answer when a handler panicked: nothing about the inside; the id leads to the log.
fn panicked() -> ApiError {
    let detail = "the node failed to handle this request; its log has the reason under the request_id";
    ApiError::new(Code::Internal, detail)
}

/// What no route would answer: HTTP/1.1 without its one `Host` (RFC 9112 section 3.2), bodies that would have to be decoded, and
/// addresses past all bounds.
fn refusal(request: &Request<Body>) -> Option<ApiError> {
    let hosts = request.headers().get_all(HOST).iter().count();
    if (request.version() == Version::HTTP_11 && hosts != 1) || hosts > 1 {
        let detail = "an HTTP/1.1 request has exactly one Host header (RFC 9112 section 3.2)";
        return Some(ApiError::new(Code::Malformed, detail));
    }
    // Two lines are one list, `chunked, chunked`, which somebody on the way may read as another body.
    let codings: Vec<_> = request.headers().get_all(TRANSFER_ENCODING).iter().collect();
    if codings.len() > 1 || codings.iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        let detail =
            "send the bytes as they are: no Transfer-Encoding but chunked, once, is taken (RFC 9112 section 6.1)";
        return Some(ApiError::new(Code::Malformed, detail));
    }
    let target_bytes = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    (target_bytes > TARGET_BYTES_MAX)
        .then(|| ApiError::new(Code::AddressTooLong, "the request's address is too long: shorten it"))
}

/// A name that no other request has, from a random start that is asked for once.
pub(super) fn fresh_id() -> String {
    static KEY: OnceLock<[u8; 32]> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let key = KEY.get_or_init(|| {
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("the system has randomness once it has started");
        key
    });
    let hash = blake3::keyed_hash(key, &NEXT.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    data_encoding::BASE32HEX_NOPAD.encode(&hash.as_bytes()[..10]).to_ascii_lowercase()
}
