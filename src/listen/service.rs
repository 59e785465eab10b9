//! From a parsed request to the router and back: the client's address, the request's id, panics, the log line.

use std::{convert::Infallible, net::IpAddr, panic::AssertUnwindSafe, pin::Pin, sync::Arc};

use axum::{Router, body::Body};
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response, StatusCode, Version, header::CONTENT_TYPE};
use hyper::body::Incoming;
use ods_api::{ClientAddress, RequestId};
use tokio::time::Instant;
use tower::ServiceExt;
use tracing::Instrument;

use super::{
    Shared,
    activity::Activity,
    client::X_REQUEST_ID,
    in_flight::{InFlight, RequestFacts},
    request_body::RequestBody,
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
        self.activity.request_began(request.version() == Version::HTTP_2);
        let proxies = &self.shared.proxies;
        let client = proxies.client(self.peer, request.headers());
        let id = proxies.request_id(self.peer, request.headers()).map_or_else(fresh_id, ToOwned::to_owned);
        let facts = RequestFacts::new(request, client, id, Instant::now());
        InFlight::new(facts, self.activity.clone(), self.shared.counters.clone())
    }

    async fn serve(self, request: Request<Incoming>, in_flight: InFlight) -> Response<ResponseBody> {
        let id = in_flight.facts().id.clone();
        let mut request = request.map(|body| {
            Body::new(RequestBody::new(body, self.shared.limits.body_stall_timeout, self.activity.clone()))
        });
        request.extensions_mut().insert(ClientAddress(in_flight.facts().client));
        request.extensions_mut().insert(RequestId(id.clone()));
        let span = tracing::info_span!("request", id);
        let answer = self.router.oneshot(request).instrument(span);
        let mut response = match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(Ok(response)) => response,
            Err(panic) => {
                in_flight.panicked(panic_text(panic.as_ref()));
                internal_error(&id)
            }
        };
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(X_REQUEST_ID, value);
        }
        ResponseBody::wrap(response, in_flight, &self.shared.drain)
    }
}

/// The answer when a handler panicked: nothing about the inside, and the id that leads to the log.
fn internal_error(id: &str) -> Response<Body> {
    let problem = serde_json::json!({
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "code": "internal",
        "detail": "the node failed to handle this request; its log has the reason under the request_id",
        "request_id": id,
    });
    let mut response = Response::new(Body::from(problem.to_string()));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

fn fresh_id() -> String {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).expect("the system has randomness once it has started");
    data_encoding::BASE32HEX_NOPAD.encode(&bytes).to_ascii_lowercase()
}
