//! Callers that are wrong, late, replayed or hostile, and peers that answer garbage.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request as HttpRequest;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use blake3::hazmat::HasherExt as _;
use data_encoding::BASE64;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use ods_store::{
    Digest, EVENT_CONTEXT, EventBatch, EventId, FORMAT, Happening, Header, Lsn, Meta, NodeKey, Publish, Role, Sha256,
    SignedEvent, StreamId,
};
use tower::ServiceExt as _;

use super::super::callee::Callee;
use super::super::carrier::{CONTENT_DIGEST, NONCE, SIGNATURE, SIGNATURE_INPUT};
use super::super::client::Client;
use super::super::exchange::ping;
use super::super::http_server::PeerSurface;
use super::super::limits::{LARGE_BODIES_PER_MEMBER_MAX, SERIALS_MAX, STRANGERS_PER_ADDRESS_MAX};
use super::super::offload::Offload;
use super::super::pacers::Outflow;
use super::super::protocol::{Answer, Call as ProtocolCall, PieceMap, Request, StatesRequest};
use super::super::signature::{CallParameters, RequestParts, content_digest, sign_answer, sign_request};
use super::live::{Live, noise, until};
use super::support::{NOW, TestNode};

/// A surface that is called by hand.
struct Surface {
    node: TestNode,
    member: TestNode,
    router: Router,
    nonce: String,
}

/// One call, as a caller may get it wrong.
#[derive(Clone)]
struct Call {
    path: &'static str,
    body: Vec<u8>,
    sent_body: Option<Vec<u8>>,
    sent_path: Option<&'static str>,
    parameters: CallParameters,
    key: NodeKey,
}

impl Surface {
    async fn new() -> Self {
        let (node, member) = (TestNode::new("hq"), TestNode::new("branch"));
        member.joins(&node, Role::Publisher);
        let outflow = Outflow::default();
        let client = Arc::new(Client::new(node.store().key().clone(), 0, Arc::default(), outflow.clone()));
        let callee = Callee {
            node: node.node.clone(),
            inbox: Arc::default(),
            states: Arc::default(),
            clock: Arc::new(|| NOW),
            offload: Offload::Threads,
        };
        let surface = PeerSurface::new(callee, client, outflow, || NOW);
        let router = surface.router();
        let request = HttpRequest::post("/peer/v1/ping").body(Body::empty()).unwrap();
        let first = router.clone().oneshot(request).await.unwrap();
        assert_eq!(first.status(), StatusCode::UNAUTHORIZED);
        let nonce = first.headers()[NONCE].to_str().unwrap().to_owned();
        Self { node, member, router, nonce }
    }

    /// What an admin was told.
    fn alarms(&self) -> Vec<String> {
        let page = self.node.store().records(Lsn::ZERO, 1000).unwrap();
        let alarms = page.items.into_iter().filter_map(|record| match record.what {
            Happening::Alarm { code, detail } => Some(format!("{code}: {detail}")),
            _ => None,
        });
        alarms.collect()
    }

    fn states(&self) -> Call {
        let parameters = CallParameters {
            caller: self.member.store().node_id(),
            callee: self.node.store().node_id(),
            nonce: self.nonce.clone(),
            serial: Some(1),
        };
        let digest = self.member.store().states_digest().unwrap();
        let states = StatesRequest { clock: self.member.now, digest, index: None, fresh: vec![] };
        let body = Request::States(states).encode();
        let key = self.member.store().key().clone();
        Call { path: "/peer/v1/states", body, sent_body: None, sent_path: None, parameters, key }
    }

    async fn send(&self, mut call: Call) -> (StatusCode, String) {
        let body = call.sent_body.take().unwrap_or_else(|| call.body.clone());
        self.send_body(call, Body::from(body)).await
    }

    async fn send_body(&self, call: Call, body: Body) -> (StatusCode, String) {
        let digest = content_digest(&call.body);
        let parts = RequestParts { method: "POST", path: call.path, query: "", content_digest: &digest };
        let (fields, _) = sign_request(&call.key, &parts, &call.parameters);
        let request = HttpRequest::post(call.sent_path.unwrap_or(call.path))
            .header(CONTENT_DIGEST, digest)
            .header(SIGNATURE_INPUT, fields.input)
            .header(SIGNATURE, fields.signature)
            .body(body)
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert!(response.headers().contains_key(NONCE));
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let code = serde_json::from_slice::<serde_json::Value>(&body).ok();
        (status, code.map(|problem| problem["code"].as_str().unwrap().to_owned()).unwrap_or_default())
    }

    async fn refused(&self, change: impl FnOnce(&mut Call)) -> (u16, String) {
        let mut call = self.states();
        change(&mut call);
        let (status, code) = self.send(call).await;
        (status.as_u16(), code)
    }
}

#[tokio::test]
async fn a_right_call_is_answered_once() {
    let surface = Surface::new().await;
    assert_eq!(surface.send(surface.states()).await.0, StatusCode::OK);
    assert_eq!(surface.send(surface.states()).await, (StatusCode::UNAUTHORIZED, "replayed".to_owned()));
}

#[tokio::test]
async fn a_link_without_its_upgrade_is_refused_and_says_what_a_proxy_must_do() {
    let surface = Surface::new().await;
    let digest = content_digest(b"");
    let parts = RequestParts { method: "GET", path: "/peer/v1/link", query: "", content_digest: &digest };
    let Call { parameters, key, .. } = surface.states();
    let (fields, _) = sign_request(&key, &parts, &parameters);
    let request = HttpRequest::get("/peer/v1/link")
        .header(CONTENT_DIGEST, &digest)
        .header(SIGNATURE_INPUT, fields.input)
        .header(SIGNATURE, fields.signature)
        .body(Body::empty())
        .unwrap();
    let response = surface.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("upgrade_required"), "{body:?}");
}

#[tokio::test]
async fn wrong_calls_are_refused_with_a_code() {
    let surface = Surface::new().await;
    let stranger = NodeKey::from_secret([9; 32]);
    let (thief, stranger_id) = (stranger.clone(), stranger.node_id());
    let stale = |call: &mut Call| call.parameters.nonce = "c3RhbGU".to_owned();
    assert_eq!(surface.refused(stale).await, (401, "stale_nonce".to_owned()));
    let for_another = |call: &mut Call| call.parameters.callee = stranger_id;
    assert_eq!(surface.refused(for_another).await, (421, "wrong_node".to_owned()));
    let other_path = |call: &mut Call| call.sent_path = Some("/peer/v1/roster");
    assert_eq!(surface.refused(other_path).await, (401, "bad_signature".to_owned()));
    let other_body = |call: &mut Call| call.sent_body = Some(vec![1]);
    assert_eq!(surface.refused(other_body).await, (400, "digest_mismatch".to_owned()));
    let wrong_key = move |call: &mut Call| call.key = thief;
    assert_eq!(surface.refused(wrong_key).await, (401, "bad_signature".to_owned()));
    let no_serial = |call: &mut Call| call.parameters.serial = None;
    assert_eq!(surface.refused(no_serial).await, (400, "malformed".to_owned()));
    let not_a_member = move |call: &mut Call| {
        call.parameters.caller = stranger.node_id();
        call.key = stranger;
    };
    assert_eq!(surface.refused(not_a_member).await, (403, "not_a_member".to_owned()));
    let garbage = |call: &mut Call| {
        call.body = vec![0xff; 100];
        call.parameters.serial = Some(3);
    };
    assert_eq!(surface.refused(garbage).await, (400, "malformed".to_owned()));
    let huge = |call: &mut Call| {
        call.path = "/peer/v1/ping";
        call.body = vec![0; 1 << 20];
        call.parameters.serial = Some(2);
    };
    assert_eq!(surface.refused(huge).await, (413, "body_too_large".to_owned()));
}

#[tokio::test]
async fn events_with_a_wrong_signature_are_not_taken_and_told_of_and_do_no_harm() {
    let surface = Surface::new().await;
    surface.member.publish("x.pkg", b"x");
    let mut sent = ping(surface.member.store(), Some(Lsn::ZERO)).unwrap();
    sent.events[0].signature[0] ^= 1;
    let body = Request::Ping(sent).encode();
    let mut call = surface.states();
    (call.path, call.body) = ("/peer/v1/ping", body);
    assert_eq!(surface.send(call).await.0, StatusCode::OK);
    assert_eq!(surface.node.store().overview().unwrap().log_events, 0);
    let told = surface.alarms();
    let member = surface.member.store().node_id();
    assert!(
        matches!(told.as_slice(), [one] if one.contains(&format!("node {member}")) && one.contains("(bad_event)")),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_member_that_floods_is_told_to_wait_and_others_are_served() {
    let surface = Surface::new().await;
    let mut busy = None;
    for serial in 10.. {
        let mut call = surface.states();
        // Refused for its body, and counted all the same.
        call.body = vec![0xff; 10];
        call.parameters.serial = Some(serial);
        let (status, code) = surface.send(call).await;
        if status != StatusCode::BAD_REQUEST {
            busy = Some((serial - 10, status.as_u16(), code));
            break;
        }
    }
    let (calls, status, code) = busy.expect("it ends");
    assert_eq!((status, code.as_str()), (503, "busy"));
    assert_eq!(calls, SERIALS_MAX as u64);
    let other = TestNode::new("other");
    other.joins(&surface.node, Role::Publisher);
    let mut call = surface.states();
    (call.parameters.caller, call.key) = (other.store().node_id(), other.store().key().clone());
    let digest = other.store().states_digest().unwrap();
    call.body = Request::States(StatesRequest { clock: other.now, digest, index: None, fresh: vec![] }).encode();
    assert_eq!(surface.send(call).await.0, StatusCode::OK);
}

/// A body of which nothing ever comes.
fn pending() -> Body {
    Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>())
}

/// So many calls whose bodies never come, and one more beside them: what they are answered.
async fn beside_held(surface: &Surface, call: &Call, held: u64) -> ((StatusCode, String), Vec<(StatusCode, String)>) {
    let with_serial = |serial: u64| {
        let mut call = call.clone();
        call.parameters.serial = Some(1_000 + serial);
        call
    };
    let all = futures_util::future::join_all((0..held).map(|serial| surface.send_body(with_serial(serial), pending())));
    // All of them are polled, in this order, before any time passes.
    let (held, beside) = tokio::join!(all, surface.send_body(with_serial(held), pending()));
    (beside, held)
}

#[tokio::test(start_paused = true)]
async fn strangers_whose_bodies_do_not_come_keep_the_door_for_seconds_and_who_comes_then_is_not_blamed() {
    let surface = Surface::new().await;
    let stranger = TestNode::new("stranger");
    let mut call = surface.states();
    (call.path, call.key) = ("/peer/v1/pair", stranger.store().key().clone());
    call.parameters.caller = stranger.store().node_id();
    let began = tokio::time::Instant::now();
    let (beside, held) = beside_held(&surface, &call, STRANGERS_PER_ADDRESS_MAX as u64).await;
    assert_eq!(beside, (StatusCode::SERVICE_UNAVAILABLE, "busy".to_owned()));
    let slow = (StatusCode::REQUEST_TIMEOUT, "body_too_slow".to_owned());
    assert_eq!(held, vec![slow; STRANGERS_PER_ADDRESS_MAX]);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    assert_eq!(surface.alarms(), [""; 0]);
    call.parameters.serial = Some(1);
    assert_eq!(surface.send(call).await.1, "malformed", "the door is open again");
}

#[tokio::test(start_paused = true)]
async fn a_member_has_few_large_bodies_under_way_and_small_ones_beside_them() {
    let surface = Surface::new().await;
    let (beside, held) = beside_held(&surface, &surface.states(), LARGE_BODIES_PER_MEMBER_MAX as u64).await;
    assert_eq!(beside, (StatusCode::SERVICE_UNAVAILABLE, "busy".to_owned()));
    assert_eq!(held.len(), LARGE_BODIES_PER_MEMBER_MAX);
    let (small, large) = tokio::join!(surface.send(surface.states()), async {
        let mut call = surface.states();
        call.parameters.serial = Some(2);
        surface.send_body(call, pending()).await
    });
    assert_eq!((small.0, large.0), (StatusCode::OK, StatusCode::REQUEST_TIMEOUT));
}

#[tokio::test]
async fn an_admin_is_told_once_of_each_kind_of_wrong_calls() {
    let surface = Surface::new().await;
    let stranger = TestNode::new("stranger");
    for _ in 0..20 {
        let mut forged = surface.states();
        forged.key = stranger.store().key().clone();
        assert_eq!(surface.send(forged).await.1, "bad_signature");
    }
    let mut once = surface.states();
    once.parameters.serial = Some(77);
    surface.send(once.clone()).await;
    for _ in 0..20 {
        assert_eq!(surface.send(once.clone()).await.1, "replayed");
    }
    let told = surface.alarms();
    assert_eq!(told.len(), 2, "{told:?}");
    // Who didn't sign it is not accused.
    assert!(told[0].starts_with("bad_calls: somebody makes calls whose signature is wrong"), "{told:?}");
    let member = surface.member.store().node_id();
    assert!(told[1].contains(&format!("node {member} makes calls that were made before")), "{told:?}");
}

/// What an evil node does with requests for bytes.
type Evil = fn(&Bytes) -> Body;

/// A surface whose answers with bytes of blobs go through `evil`; counts them.
fn bend(evil: Evil, count: Arc<AtomicU64>) -> impl FnOnce(Router) -> Router {
    move |router| {
        router.layer(from_fn(move |request: HttpRequest, next: Next| {
            let count = Arc::clone(&count);
            async move {
                let is_bytes = request.headers().contains_key(header::RANGE);
                let response = next.run(request).await;
                if !is_bytes || response.status() != StatusCode::PARTIAL_CONTENT {
                    return response;
                }
                count.fetch_add(1, Ordering::SeqCst);
                let (head, body) = response.into_parts();
                let bytes = body.collect().await.unwrap().to_bytes();
                Response::from_parts(head, evil(&bytes))
            }
        }))
    }
}

fn flipped(bytes: &Bytes) -> Body {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    Body::from(bytes)
}

fn cut_in_the_middle(bytes: &Bytes) -> Body {
    let half = bytes.slice(..bytes.len() / 2);
    Body::from_stream(futures_util::stream::iter([Ok(half), Err(std::io::Error::other("cut"))]))
}

/// `c` gets a package that a good and an evil node have.
async fn fetched_beside(evil: Evil, size: usize) -> (Live, u64) {
    let count = Arc::new(AtomicU64::new(0));
    let good = Live::start("good").await;
    let bad = Live::run(TestNode::new("bad"), None, bend(evil, Arc::clone(&count))).await;
    let victim = Live::start("victim").await;
    bad.joins(&good, Role::Owner).await;
    good.node.publish("x.pkg", &noise(1, size));
    until("the bad node has it", || bad.has("x.pkg", &noise(1, size))).await;
    let address = good.address;
    let away = good.stop().await;
    // The victim first knows the bad node only.
    victim.joins(&bad, Role::Publisher).await;
    until("the bad node was asked", || count.load(Ordering::SeqCst) > 0).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!victim.has("x.pkg", &noise(1, size)), "the bad node can't have given it");
    let good = Live::run(away, Some(address), |router| router).await;
    until("the good node is known", || {
        let (_, line) = good.node.invite(Role::Publisher);
        victim.node.join(&good.node, line).is_ok()
    })
    .await;
    until("it came from the good node", || victim.has("x.pkg", &noise(1, size))).await;
    good.stop().await;
    bad.stop().await;
    (victim, count.load(Ordering::SeqCst))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_piece_is_alarmed_and_its_source_is_not_asked_again() {
    let (victim, asked) = fetched_beside(flipped, 5 << 20).await;
    assert!(victim.happened(|what| matches!(what, Happening::Alarm { code, .. } if code == "bad_piece")));
    assert_eq!(asked, 1);
    victim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_small_blob_is_alarmed_and_its_source_is_not_asked_again() {
    let (victim, asked) = fetched_beside(flipped, 1000).await;
    assert!(victim.happened(|what| matches!(what, Happening::Alarm { code, .. } if code == "bad_piece")));
    assert_eq!(asked, 1);
    victim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_stops_in_the_middle_of_a_piece_is_left_for_another() {
    let (victim, _) = fetched_beside(cut_in_the_middle, 5 << 20).await;
    assert!(!victim.happened(|what| matches!(what, Happening::Alarm { .. })));
    victim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_answers_garbage_is_unreachable_and_hurts_nobody() {
    let bend = |_: Router| Router::new().fallback(|| async { "garbage" });
    let good = Live::start("good").await;
    let other = Live::start("other").await;
    other.joins(&good, Role::Publisher).await;
    let address = good.address;
    let away = good.stop().await;
    let garbage = Live::run(away, Some(address), bend).await;
    let id = garbage.node.store().node_id();
    until("unreachable", || {
        other.mesh.status(&id).is_some_and(|status| status.error.is_some_and(|error| error.contains("is not node")))
    })
    .await;
    garbage.stop().await;
    other.stop().await;
}

/// A surface whose log has a wrong signature at each event.
fn forged_log(key: NodeKey) -> impl FnOnce(Router) -> Router {
    move |router| {
        router.layer(from_fn(move |request: HttpRequest, next: Next| {
            let key = key.clone();
            async move {
                let (is_log, asked) = (request.uri().path() == "/peer/v1/log", request.headers().clone());
                let response = next.run(request).await;
                if !is_log || response.status() != StatusCode::OK {
                    return response;
                }
                let body = response.into_body().collect().await.unwrap().to_bytes();
                let Ok(Answer::Log(mut page)) = Answer::decode(ProtocolCall::Log, &body) else { panic!("no page") };
                page.items.iter_mut().for_each(|(_, event)| event.signature[0] ^= 1);
                signed(&key, &asked, &Answer::Log(page))
            }
        }))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_with_a_wrong_signature_is_not_taken_and_told_of_once() {
    let evil = TestNode::new("evil");
    let key = evil.store().key().clone();
    evil.publish("x.pkg", b"x");
    let id = evil.store().node_id();
    let evil = Live::run(evil, None, forged_log(key)).await;
    let victim = Live::start("victim").await;
    victim.joins(&evil, Role::Publisher).await;
    let is_told = |what: &Happening| matches!(what, Happening::Alarm { detail, .. } if detail.contains(&format!("node {id}")) && detail.contains("(bad_event)"));
    until("an admin is told", || victim.happened(is_told)).await;
    until("it is said of the peer", || {
        victim.mesh.status(&id).is_some_and(|status| status.error.is_some_and(|error| error.contains("signature")))
    })
    .await;
    assert!(!victim.lists("x.pkg"));
    evil.stop().await;
    victim.stop().await;
}

/// The first event of a member, which says of bytes that they have another size than they have.
fn lie_about_size(liar: &TestNode, blob: Digest, size: u64) -> SignedEvent {
    let stream = StreamId { origin: liar.store().node_id(), epoch: 1 };
    let header = Header { stream, seq: 1, prev: EventId::ZERO, at_ms: NOW, by: "liar".to_owned() };
    let publish = Publish {
        path: "lie.pkg".to_owned(),
        blob,
        size,
        sha256: Sha256::from_bytes([7; 32]),
        modified: 1,
        meta: Meta::new(),
        replaces: vec![],
    };
    let body = postcard::to_allocvec(&publish).unwrap();
    let mut frame = vec![FORMAT, 1];
    frame.extend(postcard::to_allocvec(&header).unwrap());
    frame.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
    frame.extend(body);
    let id = blake3::Hasher::new_derive_key(EVENT_CONTEXT).update(&frame).finalize();
    let signature = liar.store().key().sign(id.as_bytes()).to_vec();
    SignedEvent { frame, signature }
}

/// A mesh in which somebody has lied about a blob's size before anybody had the bytes: who has them, and who heard the lie.
async fn after_a_lie(bytes: &[u8], size: u64) -> (Live, Live) {
    let (good, victim, liar) = (Live::start("good").await, Live::start("victim").await, TestNode::new("liar"));
    liar.joins(&good.node, Role::Publisher);
    victim.joins(&good, Role::Publisher).await;
    let lie = lie_about_size(&liar, Digest::of(bytes), size);
    until("the liar is known", || {
        let batch = EventBatch { events: vec![lie.clone()], pull: None, backfill: false };
        victim.node.store().insert_events(batch, NOW).unwrap().refused.is_none()
    })
    .await;
    (good, victim)
}

/// Of as many pieces as there are, so that the outline would merge.
#[tokio::test(flavor = "multi_thread")]
async fn a_revision_with_a_wrong_size_is_alarmed_and_keeps_nobody_from_an_honest_one() {
    for pieces in [0, 3] {
        let bytes = noise(3, (pieces << 20) + 500);
        let (good, victim) = after_a_lie(&bytes, bytes.len() as u64 + 1).await;
        assert!(victim.lists("lie.pkg") && !victim.has("lie.pkg", &bytes));
        // Who has the bytes says how many they are, and so does its revision.
        good.node.publish("true.pkg", &bytes);
        until("the honest revision has its bytes", || victim.has("true.pkg", &bytes)).await;
        assert!(victim.happened(|what| matches!(what, Happening::Alarm { code, .. } if code == "wrong_size")));
        good.stop().await;
        victim.stop().await;
    }
}

/// Two halves of two pieces each have chaining values too, which merge to the digest like those of two pieces. Only the last
/// piece shows that these aren't any.
#[tokio::test(flavor = "multi_thread")]
async fn an_outline_that_merges_under_a_wrong_size_proves_nothing() {
    let bytes = noise(4, 4 << 20);
    let blob = Digest::of(&bytes);
    let (good, victim) = after_a_lie(&bytes, 2 << 20).await;
    let halves: Vec<[u8; 32]> = bytes.chunks(2 << 20).enumerate().map(|(half, part)| subtree(part, half)).collect();
    let asked = Arc::new(AtomicU64::new(0));
    let evil = TestNode::new("evil");
    let bend = evil_halves(evil.store().key().clone(), blob, halves, &bytes[3 << 20..], Arc::clone(&asked));
    let evil = Live::run(evil, None, bend).await;
    evil.joins(&good, Role::Owner).await;
    victim.joins(&evil, Role::Publisher).await;
    until("its last piece is refused", || {
        victim.happened(|what| matches!(what, Happening::Alarm { code, .. } if code == "bad_piece"))
    })
    .await;
    assert!(asked.load(Ordering::SeqCst) > 0, "the outline was taken");
    assert!(!victim.has("lie.pkg", &bytes) && !victim.has("lie.pkg", &bytes[..2 << 20]));
    good.node.publish("true.pkg", &bytes);
    until("the honest revision has its bytes", || victim.has("true.pkg", &bytes)).await;
    for live in [good, evil, victim] {
        live.stop().await;
    }
}

/// The chaining value of a half of four pieces, which is no piece.
fn subtree(part: &[u8], half: usize) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(half as u64 * (2 << 20));
    hasher.update(part).finalize_non_root()
}

/// A surface that says of a blob that it has two pieces, gives the outline that merges, and as its last piece any bytes.
fn evil_halves(
    key: NodeKey,
    blob: Digest,
    halves: Vec<[u8; 32]>,
    last: &[u8],
    asked: Arc<AtomicU64>,
) -> impl FnOnce(Router) -> Router {
    const SIZE: u64 = 2 << 20;
    let last = Bytes::copy_from_slice(last);
    move |router| {
        router.layer(from_fn(move |request: HttpRequest, next: Next| {
            let (key, halves, last, asked) = (key.clone(), halves.clone(), last.clone(), Arc::clone(&asked));
            async move {
                let path = request.uri().path().to_owned();
                match path.strip_prefix(&format!("/peer/v1/blobs/{blob}")) {
                    Some("/pieces") => signed(&key, request.headers(), &Answer::Pieces(PieceMap::All { size: SIZE })),
                    Some("/outline") => {
                        asked.fetch_add(1, Ordering::SeqCst);
                        signed(&key, request.headers(), &Answer::Outline(halves))
                    }
                    Some(_) => {
                        let range = format!("bytes {}-{}/{SIZE}", SIZE / 2, SIZE - 1);
                        let answer = Response::builder().status(StatusCode::PARTIAL_CONTENT);
                        answer.header(header::CONTENT_RANGE, range).body(Body::from(last)).unwrap()
                    }
                    None => next.run(request).await,
                }
            }
        }))
    }
}

/// An answer as its node gives it.
pub(super) fn signed(key: &NodeKey, request: &HeaderMap, answer: &Answer) -> Response {
    let signature = request[SIGNATURE].to_str().unwrap().split(':').nth(1).unwrap();
    let signature = BASE64.decode(signature.as_bytes()).unwrap().try_into().unwrap();
    let body = answer.encode();
    let digest = content_digest(&body);
    let fields = sign_answer(key, 200, &digest, &signature);
    let response = Response::builder().header(CONTENT_DIGEST, digest);
    let response = response.header(SIGNATURE_INPUT, fields.input).header(SIGNATURE, fields.signature);
    response.body(Body::from(body)).unwrap()
}
