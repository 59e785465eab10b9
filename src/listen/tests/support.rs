//! A listener to test, and clients of all manners.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use http_body::Frame;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    time::{Instant, timeout},
};

use super::super::{Bound, ListenLimits, Listeners, TrustedProxies, request_body::BodyStalled};
use crate::tls::Tls;

/// Longer than any test should take.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);
/// A limit under test.
pub(super) const SHORT: Duration = Duration::from_millis(150);
/// A limit that is not under test.
pub(super) const LONG: Duration = Duration::from_mins(10);

/// No limit is ever met.
pub(super) fn no_limits() -> ListenLimits {
    ListenLimits {
        connections_max: 1000,
        connections_per_client_max: 1000,
        tls_handshake_timeout: LONG,
        request_head_timeout: LONG,
        idle_timeout: LONG,
        crowded_idle_timeout: LONG,
        body_stall_timeout: LONG,
        crowded_head_timeout: LONG,
        // Others press as soon as they wait; what that ends has limits of its own.
        crowded_patience: Duration::ZERO,
        crowded_age: LONG,
        crowded_body_stall_timeout: LONG,
        body_rest_timeout: LONG,
        write_stall_timeout: LONG,
    }
}

/// Listeners with one address.
pub(super) struct Scene {
    pub(super) listeners: Listeners,
    pub(super) address: SocketAddr,
    pub(super) handlers: Handlers,
}

/// What the test's handlers share with the test.
#[derive(Clone, Default)]
pub(super) struct Handlers {
    /// The handler of `/wait` was reached.
    pub(super) reached: Arc<Notify>,
    /// Lets it answer.
    pub(super) release: Arc<Notify>,
    /// Endless bodies that were dropped.
    pub(super) dropped: Arc<AtomicUsize>,
    /// Bodies that `/upload` had whole; each request holds it.
    pub(super) whole_uploads: Arc<AtomicUsize>,
}

impl Scene {
    pub(super) fn new(limits: ListenLimits) -> Self {
        Self::with(limits, TrustedProxies::default(), None)
    }

    pub(super) fn with(limits: ListenLimits, proxies: TrustedProxies, tls: Option<Tls>) -> Self {
        let listeners = Listeners::new(limits, proxies);
        let handlers = Handlers::default();
        let bound: Bound = Bound::open((Ipv4Addr::LOCALHOST, 0).into(), tls).unwrap();
        let address = bound.address();
        listeners.serve(bound, router(handlers.clone()));
        Self { listeners, address, handlers }
    }

    pub(super) async fn connect(&self) -> Raw {
        Raw(TcpStream::connect(self.address).await.unwrap())
    }

    /// The answer to one request on a connection of its own.
    pub(super) async fn ask(&self, path: &str) -> String {
        let mut client = self.connect().await;
        client.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await;
        client.rest().await
    }
}

/// A client that writes and reads bytes as the test says.
pub(super) struct Raw(pub(super) TcpStream);

impl Raw {
    pub(super) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads an answer with a `content-length` to its end.
    pub(super) async fn answer(&mut self) -> String {
        let mut got = Vec::new();
        while !is_whole(&String::from_utf8_lossy(&got)) {
            let bytes = timeout(DEADLINE, self.0.read_buf(&mut got)).await.expect("an answer in time").unwrap();
            assert!(bytes > 0, "closed after {:?}", String::from_utf8_lossy(&got));
        }
        String::from_utf8(got).unwrap()
    }

    /// Reads up to the end of the connection, however it ends.
    pub(super) async fn rest(&mut self) -> String {
        let mut got = Vec::new();
        let _reset = timeout(DEADLINE, self.0.read_to_end(&mut got)).await.expect("the connection ends in time");
        String::from_utf8_lossy(&got).into_owned()
    }

    /// How long the node keeps the connection from `since` on, and what it sent till then.
    pub(super) async fn closed_after(&mut self, since: Instant) -> (Duration, String) {
        let rest = self.rest().await;
        (since.elapsed(), rest)
    }
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

/// Waits until `condition` holds.
pub(super) async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn router(handlers: Handlers) -> Router {
    let (endless, uploads) = (handlers.clone(), Arc::clone(&handlers.whole_uploads));
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/who", get(who))
        .route("/panic", get(|| async { panics() }))
        .route("/panic-in-body", get(|| async { Body::new(PanickingBody { begun: false }) }))
        .route("/announced", get(|| async { ([("content-length", "6")], Body::new(FirstThenNothing(Some("length")))) }))
        .route(
            "/upload",
            post(async move |body| {
                let answer = upload(body).await;
                uploads.fetch_add(usize::from(answer.status().is_success()), Ordering::Relaxed);
                answer
            }),
        )
        .route("/refuse", post(|| async { (http::StatusCode::UNAUTHORIZED, "no") }))
        .route("/endless", get(async move || Body::new(EndlessBody { handlers: endless })))
        .route(
            "/events",
            get(|| async {
                ([("content-type", "text/event-stream")], Body::new(FirstThenNothing(Some("data: 1\n\n"))))
            }),
        )
        .route("/ticks", get(|| async { ([("content-type", "text/event-stream")], Body::from_stream(ticks())) }))
        .route("/upgrade", get(upgrade))
        .route(
            "/wait",
            get(async move || {
                handlers.reached.notify_one();
                handlers.release.notified().await;
                "done"
            }),
        )
}

/// A stream that has no end, and says something now and then.
fn ticks() -> impl futures_util::Stream<Item = Result<&'static str, Infallible>> {
    futures_util::stream::unfold((), async |()| {
        tokio::time::sleep(SHORT / 10).await;
        Some((Ok("data: 1\n\n"), ()))
    })
}

async fn who(request: axum::extract::Request) -> String {
    let address: IpAddr = request.extensions().get::<ods_api::ClientAddress>().unwrap().0;
    let id = &request.extensions().get::<ods_api::RequestId>().unwrap().0;
    format!("{address} {id}")
}

fn panics() -> &'static str {
    panic!("the handler broke");
}

/// Answers with the number of bytes, or 408 if they stopped coming.
async fn upload(body: Body) -> Response {
    match axum::body::to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes.len().to_string().into_response(),
        Err(error) => {
            let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
            let mut stalled = false;
            while let Some(error) = source {
                let kind = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
                stalled |= kind.and_then(|inner| inner.downcast_ref::<BodyStalled>()).is_some();
                source = error.source();
            }
            let status = if stalled { http::StatusCode::REQUEST_TIMEOUT } else { http::StatusCode::BAD_REQUEST };
            status.into_response()
        }
    }
}

async fn upgrade(request: axum::extract::Request) -> Response {
    let upgrade = hyper::upgrade::on(request);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let mut io = hyper_util::rt::TokioIo::new(upgrade.await.unwrap());
        let mut byte = [0];
        io.read_exact(&mut byte).await.unwrap();
        io.write_all(&byte).await.unwrap();
        io.shutdown().await.unwrap();
    });
    tasks.detach_all();
    (http::StatusCode::SWITCHING_PROTOCOLS, [("upgrade", "echo"), ("connection", "upgrade")]).into_response()
}

/// Bytes without end, as fast as they are taken.
struct EndlessBody {
    handlers: Handlers,
}

impl http_body::Body for EndlessBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16 * 1024])))))
    }
}

impl Drop for EndlessBody {
    fn drop(&mut self) {
        self.handlers.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// One piece, and then no end and no further piece.
struct FirstThenNothing(Option<&'static str>);

impl http_body::Body for FirstThenNothing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .take()
            .map_or(Poll::Pending, |text| Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(text.as_bytes()))))))
    }
}

struct PanickingBody {
    begun: bool,
}

impl http_body::Body for PanickingBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        assert!(!self.begun, "the body broke");
        self.begun = true;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"begun")))))
    }
}
