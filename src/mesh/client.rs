//! Calling peers by HTTP: signs the question, proves who answered, gives up on silence.
//!
//! Invariants: an answer that is a value is taken only with the callee's signature over this very call. Bytes of blobs
//! are not signed; whoever takes them verifies them. A peer that owes bytes and sends none for [`SILENCE_MS`] is given
//! up, and so is one that drips ([`super::least_rate`]). Nothing is read past its cap.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Incoming};
use hyper::upgrade::{OnUpgrade, Upgraded};
use ods_api::Asking;
use ods_store::{NodeId, NodeKey};
use tokio::time::{Instant, timeout, timeout_at};

use super::carrier::{
    CONTENT_DIGEST, CONTENT_TYPE, LINK_PROTOCOL, Location, NONCE, REPLAYED, SIGNATURE, SIGNATURE_INPUT, STALE_NONCE,
    parse_content_range,
};
use super::connections::{Connection, Connections, Sender};
use super::endpoint::{Endpoint, Way};
use super::inbox::Inbox;
use super::least_rate::{self, Trickle};
use super::limits::{REFUSAL_BYTES_MAX, SERIALS_MAX, SILENCE_MS};
use super::links::Place;
use super::pacers::{Direction, Outflow};
use super::protocol::{Answer, BytesRequest, Request};
use super::signature::{
    CallParameters, RequestParts, SignatureBytes, SignatureFields, content_digest, sign_request, verify_answer,
};

/// Why a call brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// No connection.
    #[error("can't connect to {url}: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        reason: String,
    },
    /// It broke off, or fell silent.
    #[error("{url} broke off or fell silent: {reason}")]
    Broken {
        /// Where.
        url: String,
        /// What happened.
        reason: String,
    },
    /// Somebody else answers there, or the answer proves nothing.
    #[error("what answers at {url} is not node {}", .node.short())]
    NotThatNode {
        /// Where.
        url: String,
        /// Who should have answered.
        node: NodeId,
    },
    /// The peer said no.
    #[error("the peer refused: {detail} ({code})")]
    Refused {
        /// The stable code.
        code: String,
        /// In words.
        detail: String,
    },
    /// The peer's answer makes no sense.
    #[error("the peer's answer can't be used: {0}")]
    Garbage(&'static str),
}

impl CallError {
    /// Whether the right node answered.
    pub(super) const fn is_answer(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Garbage(_))
    }

    /// Whether the peer refused with this code.
    pub(super) fn is_refusal(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }
}

/// The greatest serial; after it they begin again. (RFC 9651 §3.3.1 has no integers of more than fifteen digits.)
const SERIAL_MAX: u64 = 0x7fff_ffff_ffff;
/// So far on are serials that this node didn't use while it was ahead of what it was rolled back to: a callee takes fewer with
/// one nonce.
const SERIALS_JUMP: u64 = 1 << 20;
const _: () = assert!(SERIALS_JUMP > 2 * SERIALS_MAX as u64);

/// Calls peers.
#[derive(Debug)]
pub(super) struct Client {
    key: NodeKey,
    connections: Connections,
    /// The last nonce of each peer; of what is behind each of its links, that may be another machine with the same key.
    nonces: Mutex<BTreeMap<(NodeId, Option<Place>), String>>,
    serial: AtomicU64,
    outflow: Outflow,
}

/// A call whose answer's head has come.
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Incoming,
    sender: Sender,
    signature: SignatureBytes,
    upgrade: Option<OnUpgrade>,
}

impl Client {
    /// A client that calls with this key. Serials begin at a random number, so that those of an earlier run, which the
    /// peer may still remember, don't come again.
    pub(super) fn new(key: NodeKey, random: u64, inbox: Arc<Inbox>, outflow: Outflow) -> Self {
        let serial = AtomicU64::new(random & SERIAL_MAX);
        Self { key, connections: Connections::new(inbox), nonces: Mutex::default(), serial, outflow }
    }

    /// Asks a question whose answer is a value.
    pub(super) async fn call(&self, to: &Endpoint, request: &Request) -> Result<Answer, CallError> {
        let answered = self.send(to, request).await?;
        let Answered { status, headers, body, sender, signature, .. } = answered;
        let cap = if status == StatusCode::OK { request.call().answer_bytes_max() } else { REFUSAL_BYTES_MAX };
        let body = read_proven(to, status, &headers, body, cap, &signature).await?;
        self.connections.put(to, sender);
        if status != StatusCode::OK {
            return Err(refusal(&body));
        }
        Answer::decode(request.call(), &body).map_err(|error| CallError::Garbage(error.what))
    }

    /// Asks for bytes of a blob.
    pub(super) async fn bytes(self: &Arc<Self>, to: &Endpoint, request: BytesRequest) -> Result<ByteStream, CallError> {
        let Answered { status, headers, body, sender, signature, .. } = self.send(to, &Request::Blob(request)).await?;
        if status != StatusCode::PARTIAL_CONTENT {
            let body = read_proven(to, status, &headers, body, REFUSAL_BYTES_MAX, &signature).await?;
            self.connections.put(to, sender);
            return Err(refusal(&body));
        }
        let range = header_text(&headers, header::CONTENT_RANGE.as_str()).and_then(parse_content_range);
        let (first, last, size) = range.ok_or(CallError::Garbage("the range of bytes"))?;
        if first != request.first || last < first || request.last.is_some_and(|asked| last > asked) {
            return Err(CallError::Garbage("the range of bytes"));
        }
        let asking = self.outflow.board.asking(request.blob, to.node);
        let trickle = Trickle::new(Instant::now());
        Ok(ByteStream { client: Arc::clone(self), to: to.clone(), body, sender: Some(sender), size, asking, trickle })
    }

    /// Opens a link: from then on the peer asks its questions through this byte stream.
    pub(super) async fn link(&self, to: &Endpoint) -> Result<Upgraded, CallError> {
        let Answered { status, headers, body, signature, upgrade, .. } = self.send(to, &Request::Link).await?;
        if status != StatusCode::SWITCHING_PROTOCOLS {
            let body = read_proven(to, status, &headers, body, REFUSAL_BYTES_MAX, &signature).await?;
            return Err(refusal(&body));
        }
        prove(to, status, &headers, &[], &signature)?;
        let upgrade = upgrade.ok_or(CallError::Garbage("its switch of protocols"))?;
        match timeout(Duration::from_millis(SILENCE_MS), upgrade).await {
            Ok(stream) => stream.map_err(|error| broken(to, &error)),
            Err(_) => Err(silent(to)),
        }
    }

    /// Takes a link that a peer opened: this node's calls to it may go through it.
    pub(super) fn adopt(&self, node: NodeId, stream: OnUpgrade) {
        self.connections.adopt(node, stream);
    }

    /// Whether another link of this peer would be taken.
    pub(super) fn has_room_for_link(&self, node: &NodeId) -> bool {
        self.connections.links().has_room(node)
    }

    /// How many links a peer holds open to this node.
    pub(super) fn link_count(&self, node: &NodeId) -> usize {
        self.connections.links().count(node)
    }

    /// The links of a peer, in the order in which they are to be asked now.
    pub(super) fn links_in_turn(&self, node: &NodeId) -> Vec<Place> {
        self.connections.links().in_turn(node)
    }

    /// One of them is asked.
    pub(super) fn link_takes_turn(&self, node: &NodeId, place: Place) {
        self.connections.links().takes_turn(node, place);
    }

    /// Waits until a peer holds one.
    pub(super) async fn link_opened(&self, node: &NodeId) {
        self.connections.links().opened(node).await;
    }

    /// Lets go of the links of peers that aren't usable any more.
    pub(super) fn keep_links(&self, usable: impl Fn(&NodeId) -> bool) {
        self.connections.links().keep(usable);
    }

    /// Sends a question; once more if the nonce was stale, if an idle connection turned out to be closed, or if the serial was used.
    async fn send(&self, to: &Endpoint, request: &Request) -> Result<Answered, CallError> {
        let body = Bytes::from(request.encode());
        let (mut is_fresh, mut jumped) = (false, false);
        loop {
            let answered = self.attempt(to, request, &body).await?;
            if answered.status != StatusCode::UNAUTHORIZED {
                return Ok(answered);
            }
            let Answered { status, headers, body: refused, sender, signature, .. } = answered;
            let refused = read_whole(to, refused, REFUSAL_BYTES_MAX).await?;
            self.connections.put(to, sender);
            let error = refusal(&refused);
            // Whoever answers to a stale nonce must prove itself the second time.
            if !is_fresh && error.is_refusal(STALE_NONCE) {
                is_fresh = true;
                continue;
            }
            prove(to, status, &headers, &refused, &signature)?;
            if jumped || !error.is_refusal(REPLAYED) {
                return Err(error);
            }
            // This machine was rolled back while running: what it says was said before, in what it doesn't remember.
            self.serial.fetch_add(SERIALS_JUMP, Ordering::Relaxed);
            jumped = true;
        }
    }

    async fn attempt(&self, to: &Endpoint, request: &Request, body: &Bytes) -> Result<Answered, CallError> {
        let connection = self.connections.get(to).await?;
        let used = connection.used;
        match self.exchange(to, connection, request, body).await {
            Err(CallError::Broken { .. }) if used => {
                let connection = self.connections.fresh(to).await?;
                self.exchange(to, connection, request, body).await
            }
            outcome => outcome,
        }
    }

    async fn exchange(
        &self,
        to: &Endpoint,
        mut connection: Connection,
        request: &Request,
        body: &Bytes,
    ) -> Result<Answered, CallError> {
        let (message, signature) = self.message(to, request, body)?;
        let patience = patience(request, body.len());
        let sent = async { connection.sender.send(message).await };
        let response = match timeout(patience, sent).await {
            Ok(response) => response.map_err(|error| broken(to, &error))?,
            Err(_) => return Err(silent(to)),
        };
        let (mut head, body) = response.into_parts();
        let upgrade = head.extensions.remove();
        if let Some(nonce) = header_text(&head.headers, NONCE) {
            self.note_nonce(to, nonce);
        }
        Ok(Answered { status: head.status, headers: head.headers, body, sender: connection.sender, signature, upgrade })
    }

    fn note_nonce(&self, to: &Endpoint, nonce: &str) {
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        if nonces.insert((to.node, to.way.link()), nonce.to_owned()).is_none() {
            let links = self.connections.links();
            nonces.retain(|(node, place), _| place.is_none_or(|place| links.get(node, place).is_some()));
        }
    }

    fn message(
        &self,
        to: &Endpoint,
        request: &Request,
        body: &Bytes,
    ) -> Result<(http::Request<Full<Bytes>>, SignatureBytes), CallError> {
        let Location { method, path, query, range } = Location::of(request);
        let digest = content_digest(body);
        let parts = RequestParts { method, path: &path, query: &query, content_digest: &digest };
        let nonce = self.nonces.lock().unwrap_or_else(PoisonError::into_inner).get(&(to.node, to.way.link())).cloned();
        let parameters = CallParameters {
            caller: self.key.node_id(),
            callee: to.node,
            nonce: nonce.unwrap_or_default(),
            serial: request.call().changes().then(|| self.serial.fetch_add(1, Ordering::Relaxed) & SERIAL_MAX),
        };
        let (SignatureFields { input, signature }, bytes) = sign_request(&self.key, &parts, &parameters);
        let target = if query.is_empty() { path } else { format!("{path}?{query}") };
        let mut message = http::Request::builder().method(if method == "POST" { Method::POST } else { Method::GET });
        message = match &to.way {
            Way::Url(url) => message.uri(target).header(header::HOST, url.authority()),
            // HTTP/2 wants an authority; through a link there is only one node to call.
            Way::Link(_) => message.uri(format!("http://{}{target}", to.node)),
        };
        message = message.header(CONTENT_DIGEST, digest).header(SIGNATURE_INPUT, input).header(SIGNATURE, signature);
        if *request == Request::Link {
            message = message.header(header::CONNECTION, "upgrade").header(header::UPGRADE, LINK_PROTOCOL);
        }
        if method == "POST" {
            message = message.header(header::CONTENT_TYPE, CONTENT_TYPE);
        }
        if let Some(range) = range {
            message = message.header(header::RANGE, range);
        }
        let message = message.body(Full::new(body.clone())).map_err(|_| CallError::Garbage("its nonce or url"))?;
        Ok((message, bytes))
    }
}

/// Bytes of a blob, as they come. None of them is verified yet.
#[derive(Debug)]
pub(super) struct ByteStream {
    client: Arc<Client>,
    to: Endpoint,
    body: Incoming,
    sender: Option<Sender>,
    size: u64,
    /// Lists the peer as a source meanwhile, and counts.
    asking: Asking,
    trickle: Trickle,
}

impl ByteStream {
    /// The blob's size, as the peer says.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        let due = self.trickle.due(Instant::now());
        let Some(data) = next_data(&self.to, &mut self.body, due).await? else {
            if let Some(sender) = self.sender.take() {
                self.client.connections.put(&self.to, sender);
            }
            return Ok(None);
        };
        self.asking.came(data.len());
        let came_at = Instant::now();
        self.trickle.came(data.len(), came_at);
        // What is not read is not sent, once the buffers in between are full.
        self.client.outflow.pacers.take(Direction::Down, &self.to.node, data.len()).await;
        self.trickle.rested(came_at.elapsed());
        Ok(Some(data))
    }
}

/// How long the head of an answer may take, from when the call is made.
fn patience(request: &Request, body_bytes: usize) -> Duration {
    let waiting_ms = match request {
        Request::Pieces(pieces) => u64::from(pieces.wait_ms),
        _ => 0,
    };
    least_rate::patience(body_bytes as u64) + Duration::from_millis(waiting_ms)
}

/// Checks that the right node gave this answer to this call.
fn prove(
    to: &Endpoint,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    request: &SignatureBytes,
) -> Result<(), CallError> {
    let digest = content_digest(body);
    let (Some(input), Some(signature)) = (header_text(headers, SIGNATURE_INPUT), header_text(headers, SIGNATURE))
    else {
        return Err(not_that_node(to));
    };
    let fields = SignatureFields { input: input.to_owned(), signature: signature.to_owned() };
    verify_answer(&to.node, status.as_u16(), &digest, request, &fields).map_err(|_| not_that_node(to))
}

fn not_that_node(to: &Endpoint) -> CallError {
    CallError::NotThatNode { url: to.way.to_string(), node: to.node }
}

fn refusal(body: &[u8]) -> CallError {
    #[derive(serde::Deserialize)]
    struct Problem {
        code: String,
        #[serde(default)]
        detail: String,
    }
    let shown = |text: String| text.chars().filter(|character| !character.is_control()).take(300).collect();
    match serde_json::from_slice(body) {
        Ok(Problem { code, detail }) => CallError::Refused { code: shown(code), detail: shown(detail) },
        Err(_) => CallError::Garbage("its refusal"),
    }
}

/// Reads an answer that proves who gave it. Until then it says nothing about the node that was called: another service
/// may have its address by now.
async fn read_proven(
    to: &Endpoint,
    status: StatusCode,
    headers: &HeaderMap,
    body: Incoming,
    bytes_max: usize,
    request: &SignatureBytes,
) -> Result<Vec<u8>, CallError> {
    let body = read_whole(to, body, bytes_max).await?;
    prove(to, status, headers, &body, request)?;
    Ok(body)
}

async fn read_whole<B>(to: &Endpoint, mut body: B, bytes_max: usize) -> Result<Vec<u8>, CallError>
where
    B: Body<Data = Bytes, Error: Display> + Unpin,
{
    let by = Instant::now() + least_rate::patience(bytes_max as u64);
    let mut whole = Vec::new();
    loop {
        let due = by.min(Instant::now() + Duration::from_millis(SILENCE_MS));
        let Some(data) = next_data(to, &mut body, due).await? else { return Ok(whole) };
        if whole.len() + data.len() > bytes_max {
            return Err(not_that_node(to));
        }
        whole.extend_from_slice(&data);
    }
}

async fn next_data<B>(to: &Endpoint, body: &mut B, due: Instant) -> Result<Option<Bytes>, CallError>
where
    B: Body<Data = Bytes, Error: Display> + Unpin,
{
    loop {
        match timeout_at(due, body.frame()).await {
            Err(_) => return Err(silent(to)),
            Ok(None) => return Ok(None),
            Ok(Some(Err(error))) => return Err(broken(to, &error)),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) if !data.is_empty() => return Ok(Some(data)),
                Ok(_) | Err(_) => {}
            },
        }
    }
}

fn broken(to: &Endpoint, error: &impl Display) -> CallError {
    CallError::Broken { url: to.way.to_string(), reason: error.to_string() }
}

fn silent(to: &Endpoint) -> CallError {
    let reason = format!("nothing came for {} s, or far too little", SILENCE_MS / 1000);
    CallError::Broken { url: to.way.to_string(), reason }
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, stream};
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    /// A byte every nine seconds, for ever.
    fn dripping() -> impl Body<Data = Bytes, Error = std::io::Error> + Unpin {
        StreamBody::new(
            stream::repeat(())
                .then(|()| tokio::time::sleep(Duration::from_secs(9)))
                .map(|()| Ok(Frame::data(Bytes::from_static(b"x"))))
                .boxed(),
        )
    }

    fn somewhere() -> Endpoint {
        Endpoint { node: NodeId::from_bytes([1; 32]), way: Way::Link(1), tls_pin: None }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_drips_is_given_up_in_the_time_that_the_slowest_line_needs_for_it() {
        let began = Instant::now();
        let read = read_whole(&somewhere(), dripping(), 256 * 1024).await;
        assert!(matches!(read, Err(CallError::Broken { .. })), "{read:?}");
        assert_eq!(began.elapsed().as_secs(), 10 + 256 * 1024 / 8000);
    }
}
