//! The peer surface by HTTP: proves who calls, then hands the question to the [`Callee`]. No mesh logic.
//!
//! The order of checks keeps strangers cheap: path, signature over the headers, nonce, membership, serial; only then is
//! the body read, up to the call's cap and within its time, and compared with its digest. Large bodies and answers have
//! places, some for each member, so that memory is bounded however many calls come. Answers that are values are signed,
//! refusals of verified callers too, so that nobody in between can speak for this node.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Request as HttpRequest, State};
use axum::response::Response;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::upgrade::OnUpgrade;
use ods_api::{BodyError, ClientAddress, FileSlices, RequestId, blob_body, whole_body};
use ods_store::{Happening, NodeId, UnixMillis};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::at_once::{AtOnce, Taken};
use super::callee::Callee;
use super::carrier::{
    CONTENT_DIGEST, CONTENT_TYPE, Called, LINK_PROTOCOL, NONCE, REPLAYED, SIGNATURE, SIGNATURE_INPUT, STALE_NONCE,
};
use super::client::Client;
use super::least_rate;
use super::limits::{
    LARGE_ANSWERS_PER_MEMBER_MAX, LARGE_BODIES_AT_ONCE, LARGE_BODIES_PER_MEMBER_MAX, LARGE_BODY_BYTES,
    STRANGER_BODY_BYTES_MAX, STRANGER_BODY_MS, STRANGERS_AT_ONCE, STRANGERS_PER_ADDRESS_MAX,
};
use super::moment::Moment;
use super::nonce::{NonceError, Nonces, Standing};
use super::offences::{Offences, Place};
use super::pacers::Outflow;
use super::protocol::{Answer, Request};
use super::serve::{BlobBytes, Refusal, Reply, may_call};
use super::signature::{
    CallParameters, RequestParts, SignatureBytes, SignatureFields, content_digest, sign_answer, verify_request,
};

/// What the handlers share.
pub(super) struct PeerSurface {
    callee: Callee,
    /// Takes the links that callers open.
    client: Arc<Client>,
    outflow: Outflow,
    clock: fn() -> UnixMillis,
    started: Instant,
    nonces: Mutex<Nonces>,
    offences: Mutex<Offences>,
    /// Strangers may bring a roster or an invite, a few at a time: what they send costs memory before it is judged.
    strangers: Arc<AtOnce>,
    /// So do large bodies of members, while they come ...
    bodies: Arc<AtOnce>,
    /// ... and more so while they are looked at;
    large: Semaphore,
    /// and large answers until they are sent.
    answers: Arc<AtOnce>,
}

/// What is said in one message, signed.
enum Said {
    /// The answer as it is sent. A large one has a place until it is.
    Answer(Vec<u8>, Option<Taken>),
    /// The connection is a link from now on.
    Link,
}

/// A call that doesn't get to the [`Callee`], or is refused there.
struct Failure {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

impl PeerSurface {
    /// The surface of this node, which gives the links that callers open to `client`; `clock` tells when pieces of a blob
    /// were verified.
    pub(super) fn new(callee: Callee, client: Arc<Client>, outflow: Outflow, clock: fn() -> UnixMillis) -> Self {
        let nonces = Mutex::new(Nonces::new(callee.node.store.random(), Moment::default()));
        Self {
            callee,
            client,
            outflow,
            clock,
            started: Instant::now(),
            nonces,
            offences: Mutex::default(),
            strangers: AtOnce::new(STRANGERS_AT_ONCE, STRANGERS_PER_ADDRESS_MAX),
            bodies: AtOnce::new(usize::MAX, LARGE_BODIES_PER_MEMBER_MAX),
            large: Semaphore::new(LARGE_BODIES_AT_ONCE),
            answers: AtOnce::new(usize::MAX, LARGE_ANSWERS_PER_MEMBER_MAX),
        }
    }

    /// Its routes.
    pub(super) fn router(self) -> Router {
        let mut router = Router::new();
        for path in ["pair", "ping", "roster", "states", "log", "goodbye"] {
            router = router.route(&format!("/peer/v1/{path}"), axum::routing::post(handle));
        }
        for path in ["", "/outline", "/pieces"] {
            router = router.route(&format!("/peer/v1/blobs/{{digest}}{path}"), axum::routing::get(handle));
        }
        router.route("/peer/v1/link", axum::routing::get(handle)).with_state(Arc::new(self))
    }

    fn moment(&self) -> Moment {
        Moment::new(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn nonces<T>(&self, act: impl FnOnce(&mut Nonces, Moment) -> T) -> T {
        act(&mut self.nonces.lock().unwrap_or_else(PoisonError::into_inner), self.moment())
    }

    /// Whom a call with a good signature is put down to. Keys cost nothing, so only a member's is one's own.
    fn place(&self, caller: NodeId, head: &http::request::Parts) -> Place {
        let is_member = self.callee.node.store.roster().is_member(&caller);
        if is_member { Place::Node(caller) } else { Place::address(address(head)) }
    }

    /// Counts what was refused, and raises an alarm if it is time to.
    async fn note(&self, place: Place, code: &'static str) {
        let told = {
            let mut offences = self.offences.lock().unwrap_or_else(PoisonError::into_inner);
            offences.note(place, code, self.moment())
        };
        let Some(detail) = told else { return };
        tracing::warn!(code, detail, "alarm");
        let (store, now) = (self.callee.node.store.clone(), (self.clock)());
        let alarm = Happening::Alarm { code: "bad_calls".to_owned(), detail };
        if let Some(Err(error)) = self.callee.offload.run(move || store.note(alarm, now)).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "an alarm could not be journalled");
        }
    }

    fn own(&self) -> NodeId {
        self.callee.node.store.node_id()
    }

    /// Checks that the call is for this node, fresh, allowed, and made once.
    fn admit(&self, called: &Called, parameters: &CallParameters) -> Result<Standing, Failure> {
        let CallParameters { caller, callee, nonce, serial } = parameters;
        if *callee != self.own() {
            let detail = format!("this is node {}", self.own());
            return Err(Failure::new(StatusCode::MISDIRECTED_REQUEST, "wrong_node", &detail));
        }
        self.nonces(|nonces, now| nonces.check(nonce, now))?;
        let standing = may_call(&self.callee.node.store, caller, called.call())?;
        if !called.call().changes() {
            return Ok(standing);
        }
        let serial =
            serial.ok_or_else(|| Failure::new(StatusCode::BAD_REQUEST, "malformed", "the call has no serial"))?;
        self.spend(nonce, *caller, serial, standing)?;
        Ok(standing)
    }

    fn spend(&self, nonce: &str, caller: NodeId, serial: u64, standing: Standing) -> Result<(), Failure> {
        Ok(self.nonces(|nonces, now| nonces.spend(nonce, caller, serial, standing, now))?)
    }

    async fn call(
        &self,
        called: Called,
        caller: NodeId,
        standing: Standing,
        head: &http::request::Parts,
        body: Body,
    ) -> Result<Reply, Failure> {
        let (bytes_max, patience) = match standing {
            Standing::Member => {
                let bytes_max = called.call().body_bytes_max();
                (bytes_max, least_rate::patience(bytes_max as u64))
            }
            Standing::Stranger => {
                let bytes_max = called.call().body_bytes_max().min(STRANGER_BODY_BYTES_MAX);
                (bytes_max, Duration::from_millis(STRANGER_BODY_MS))
            }
        };
        let address = address(head);
        let is_large = body.size_hint().upper().is_none_or(|bytes| bytes > LARGE_BODY_BYTES as u64);
        let _place = match standing {
            Standing::Member if !is_large => None,
            Standing::Member => Some(self.bodies.take(Place::Node(caller)).ok_or(NonceError::Busy)?),
            Standing::Stranger => Some(self.strangers.take(Place::address(address)).ok_or(NonceError::Busy)?),
        };
        let read = read_body(body, bytes_max, text(&head.headers, CONTENT_DIGEST));
        let body = timeout(patience, read).await.map_err(|_| Failure::too_slow())??;
        let turn = if is_large { Some(self.large.acquire().await) } else { None };
        let _turn = turn.transpose().map_err(|_| Failure::internal())?;
        let request = match called {
            Called::Get(request) => request,
            Called::Post(call) => Request::decode(call, &body)
                .map_err(|error| Failure::new(StatusCode::BAD_REQUEST, "malformed", &error.to_string()))?,
        };
        drop(body);
        Ok(self.callee.answer(caller, address, request).await.ok_or_else(Failure::internal)??)
    }

    /// Takes the caller's connection as a link once the answer is out.
    fn switch(&self, caller: NodeId, head: &mut http::request::Parts) -> Result<(), Failure> {
        let asked = text(&head.headers, header::UPGRADE.as_str()).is_some_and(|what| what == LINK_PROTOCOL);
        let Some(stream) = head.extensions.remove::<OnUpgrade>().filter(|_| asked) else {
            let detail =
                format!("a link begins with `Upgrade: {LINK_PROTOCOL}` (HTTP/1.1); a proxy on the way must pass it on");
            return Err(Failure::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", &detail));
        };
        if !self.client.has_room_for_link(&caller) {
            let detail = "as many links are open here as may be";
            return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_links", detail));
        }
        self.client.adopt(caller, stream);
        Ok(())
    }

    fn respond(
        &self,
        outcome: Result<Said, Failure>,
        request: Option<&SignatureBytes>,
        id: Option<RequestId>,
    ) -> Response {
        let (status, body, content_type, held) = match outcome {
            Ok(Said::Answer(body, held)) => (StatusCode::OK, body, CONTENT_TYPE, held),
            Ok(Said::Link) => (StatusCode::SWITCHING_PROTOCOLS, Vec::new(), CONTENT_TYPE, None),
            Err(failure) => {
                let (status, body, content_type) = failure.into_parts(id);
                (status, body, content_type, None)
            }
        };
        let digest = content_digest(&body);
        let mut response = Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, content_type)
            .header(header::CONTENT_LENGTH, body.len())
            .header(header::CACHE_CONTROL, "no-store")
            .header(CONTENT_DIGEST, &digest);
        if status == StatusCode::SWITCHING_PROTOCOLS {
            response = response.header(header::CONNECTION, "upgrade").header(header::UPGRADE, LINK_PROTOCOL);
        }
        if let Some(request) = request {
            let fields = sign_answer(self.callee.node.store.key(), status.as_u16(), &digest, request);
            response = response.header(SIGNATURE_INPUT, fields.input).header(SIGNATURE, fields.signature);
        }
        self.with_nonce(response.body(held_until_sent(body, held)).unwrap_or_default())
    }

    /// What is said with an answer.
    fn said(&self, place: Place, answer: &Answer) -> Result<Said, Failure> {
        let body = answer.encode();
        if body.len() <= LARGE_BODY_BYTES {
            return Ok(Said::Answer(body, None));
        }
        let held = self.answers.take(place).ok_or(NonceError::Busy)?;
        Ok(Said::Answer(body, Some(held)))
    }

    fn with_nonce(&self, mut response: Response) -> Response {
        let nonce = self.nonces(|nonces, now| HeaderValue::from_str(nonces.current(now)));
        if let Ok(nonce) = nonce {
            response.headers_mut().insert(NONCE, nonce);
        }
        response
    }
}

async fn handle(State(surface): State<Arc<PeerSurface>>, request: HttpRequest) -> Response {
    let (mut head, body) = request.into_parts();
    let id = RequestId::of(&head.extensions);
    let (called, parameters, signature) = match verify(&head) {
        Ok(verified) => verified,
        Err(failure) => {
            surface.note(Place::address(address(&head)), failure.code).await;
            return surface.respond(Err(failure), None, id);
        }
    };
    let caller = parameters.caller;
    let place = surface.place(caller, &head);
    let reply = match surface.admit(&called, &parameters) {
        Ok(standing) => surface.call(called, parameters.caller, standing, &head, body).await,
        Err(failure) => Err(failure),
    };
    let outcome = match reply {
        Ok(Reply::Bytes(bytes)) => {
            let (blob, total) = (bytes.blob(), bytes.end() - bytes.first());
            let slices = head.extensions.get().filter(|_| surface.outflow.may_be_whole(&caller)).cloned();
            match stream_bytes(bytes, slices, surface.clock).await {
                Ok(response) => {
                    let response = response.map(|body| surface.outflow.body(body, caller, blob, total));
                    return surface.with_nonce(response);
                }
                Err(failure) => Err(failure),
            }
        }
        Ok(Reply::Answer(answer)) => surface.said(place, &answer),
        Ok(Reply::Despite(answer, code)) => {
            surface.note(place, code).await;
            surface.said(place, &answer)
        }
        Ok(Reply::Link) => {
            surface.note(place, "links").await;
            surface.switch(caller, &mut head).map(|()| Said::Link)
        }
        Ok(Reply::Wait) => Err(Failure::internal()),
        Err(failure) => Err(failure),
    };
    if let Err(failure) = &outcome {
        surface.note(place, failure.code).await;
    }
    surface.respond(outcome, Some(&signature), id)
}

/// A body that keeps its place until it is sent, or nobody reads it any more.
fn held_until_sent(body: Vec<u8>, held: Option<Taken>) -> Body {
    let whole = Full::new(Bytes::from(body));
    let Some(held) = held else { return Body::new(whole) };
    Body::new(whole.map_frame(move |frame| {
        let _until_sent = &held;
        frame
    }))
}

/// Checks what the headers say; the caller's signature is good after this.
fn verify(request: &http::request::Parts) -> Result<(Called, CallParameters, SignatureBytes), Failure> {
    let path = request.uri.path();
    let query = request.uri.query().unwrap_or_default();
    let method = request.method.as_str();
    let (Some(content_digest), Some(input), Some(signature)) = (
        text(&request.headers, CONTENT_DIGEST),
        text(&request.headers, SIGNATURE_INPUT),
        text(&request.headers, SIGNATURE),
    ) else {
        return Err(Failure::new(StatusCode::UNAUTHORIZED, "unsigned", "the call is not signed"));
    };
    let called = Called::parse(method, path, query, text(&request.headers, header::RANGE.as_str()))
        .ok_or_else(|| Failure::new(StatusCode::BAD_REQUEST, "malformed", "the call makes no sense"))?;
    let fields = SignatureFields { input: input.to_owned(), signature: signature.to_owned() };
    let parts = RequestParts { method, path, query, content_digest };
    let (parameters, signature) = verify_request(&parts, &fields)
        .map_err(|error| Failure::new(StatusCode::UNAUTHORIZED, "bad_signature", &error.to_string()))?;
    Ok((called, parameters, signature))
}

async fn read_body(body: Body, bytes_max: usize, digest: Option<&str>) -> Result<Vec<u8>, Failure> {
    let body = whole_body(body, bytes_max).await.map_err(|error| match error {
        BodyError::TooLong => Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the body is too large"),
        // A bad line is nobody's offence.
        BodyError::Broken(_) => Failure::new(StatusCode::BAD_REQUEST, "body_cut", "the body broke off before its end"),
    })?;
    if digest == Some(content_digest(&body).as_str()) {
        Ok(body)
    } else {
        Err(Failure::new(StatusCode::BAD_REQUEST, "digest_mismatch", "the body is not the one that was signed"))
    }
}

/// Streams bytes piece by piece; each is read off the async threads when the caller has taken the one before.
async fn stream_bytes(
    bytes: BlobBytes,
    slices: Option<FileSlices>,
    clock: fn() -> UnixMillis,
) -> Result<Response, Failure> {
    let (first, end, size) = (bytes.first(), bytes.end(), bytes.size());
    let body = match bytes.whole() {
        Some(reader) => blob_body(reader.clone(), first..end, slices, clock).await.map_err(|error| {
            tracing::warn!(error, blob = %reader.digest(), "a peer gets no bytes: they can't be read");
            Failure::internal()
        })?,
        None => stream_arrived(bytes, clock),
    };
    let response = Response::builder()
        .status(StatusCode::PARTIAL_CONTENT)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, end - first)
        .header(header::CONTENT_RANGE, format!("bytes {first}-{}/{size}", end - 1))
        .body(body);
    Ok(response.unwrap_or_default())
}

/// Pieces of a blob that is still arriving here.
fn stream_arrived(bytes: BlobBytes, clock: fn() -> UnixMillis) -> Body {
    Body::from_stream(stream::try_unfold(bytes, move |mut bytes| async move {
        let now = clock();
        let (part, bytes) =
            spawn_blocking(move || (bytes.read_next(now), bytes)).await.map_err(std::io::Error::other)?;
        let part = part.map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>((!part.is_empty()).then(|| (Bytes::from(part), bytes)))
    }))
}

/// Where a call comes from.
fn address(head: &http::request::Parts) -> Option<IpAddr> {
    head.extensions.get::<ClientAddress>().map(|ClientAddress(ip)| *ip)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

impl Failure {
    fn new(status: StatusCode, code: &'static str, detail: &str) -> Self {
        Self { status, code, detail: detail.to_owned() }
    }

    fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "the body came far too slowly")
    }

    fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the node failed to answer; its log says why")
    }

    fn into_parts(self, id: Option<RequestId>) -> (StatusCode, Vec<u8>, &'static str) {
        let problem = serde_json::json!({
            "type": format!("urn:ods:problem:{}", self.code),
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
            "request_id": id.map(|RequestId(id)| id),
        });
        (self.status, problem.to_string().into_bytes(), "application/problem+json")
    }
}

impl From<NonceError> for Failure {
    fn from(error: NonceError) -> Self {
        let (status, code) = match error {
            NonceError::Stale => (StatusCode::UNAUTHORIZED, STALE_NONCE),
            NonceError::Replayed => (StatusCode::UNAUTHORIZED, REPLAYED),
            NonceError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        };
        Self::new(status, code, &error.to_string())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let status = match &refusal {
            Refusal::NotAMember | Refusal::Expelled | Refusal::NotAnOwner => StatusCode::FORBIDDEN,
            Refusal::InviteUnknown | Refusal::BlobAbsent | Refusal::BytesAbsent => StatusCode::NOT_FOUND,
            Refusal::InviteUsed
            | Refusal::ReplicaHasEvents
            | Refusal::MergeNeedsOwner
            | Refusal::StillJoining
            | Refusal::OwnInvite
            | Refusal::NotAPeer => StatusCode::CONFLICT,
            Refusal::InviteExpired => StatusCode::GONE,
            Refusal::BadRange { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Refusal::Malformed { .. } => StatusCode::BAD_REQUEST,
            Refusal::Store(error) => {
                tracing::error!(error = error as &dyn std::error::Error, "a peer's call failed in the store");
                return Self::internal();
            }
        };
        Self::new(status, refusal.code(), &refusal.to_string())
    }
}
