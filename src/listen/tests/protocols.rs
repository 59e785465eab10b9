//! HTTP/1.1, HTTP/2, TLS, upgrades.

use std::sync::{Arc, atomic::Ordering};

use axum::body::Body;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn::http2::SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::Instant,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::super::{Bound, ListenLimits, TrustedProxies};
use super::support::{SHORT, Scene, no_limits, until};
use crate::tls::{Tls, provider};

/// An HTTP/2 connection.
pub(super) struct Http2 {
    sender: SendRequest<Empty<bytes::Bytes>>,
    _connection: JoinSet<()>,
}

impl Http2 {
    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let _cut = connection.await;
        });
        Self { sender, _connection: tasks }
    }

    pub(super) async fn get(&mut self, path: &str) -> Response<Incoming> {
        let request = Request::get(format!("http://x{path}")).body(Empty::new()).unwrap();
        self.sender.send_request(request).await.unwrap()
    }

    pub(super) async fn text(&mut self, path: &str) -> String {
        let body = self.get(path).await.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }
}

pub(super) async fn http2(scene: &Scene) -> Http2 {
    Http2::over(scene.connect().await.0).await
}

#[tokio::test]
async fn one_connection_serves_several_requests() {
    let scene = Scene::new(no_limits());
    let mut client = scene.connect().await;
    for _ in 0..3 {
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(client.answer().await.ends_with("hello"));
    }
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert_eq!(client.rest().await.matches("hello").count(), 2, "pipelined requests are all answered");
}

#[tokio::test]
async fn http2_is_served_in_the_clear() {
    let scene = Scene::new(no_limits());
    let mut client = http2(&scene).await;
    assert_eq!(client.text("/").await, "hello");
    assert_eq!(client.text("/").await, "hello");
}

/// h2 and hyper take a stream that is reset with `NO_ERROR` for one that ended.
#[tokio::test]
async fn a_body_over_http2_that_is_broken_off_without_an_error_is_not_whole() {
    const CUTS: usize = 50;
    let scene = Scene::new(no_limits());
    let idle = Arc::strong_count(&scene.handlers.whole_uploads);
    let (mut client, connection) = h2::client::handshake(scene.connect().await.0).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { drop(connection.await) });
    let mut post = async |bytes: usize, ends: bool| {
        client = client.clone().ready().await.unwrap();
        let request = Request::post("http://x/upload").body(()).unwrap();
        let (answer, mut body) = client.send_request(request, false).unwrap();
        body.send_data(vec![0; bytes].into(), ends).unwrap();
        if ends {
            assert_eq!(answer.await.unwrap().status(), 200);
        } else {
            tokio::time::sleep(SHORT / 50).await;
            body.send_reset(h2::Reason::NO_ERROR);
        }
    };
    for bytes in 0..CUTS {
        post(bytes * 100, false).await;
        post(bytes * 100, true).await;
    }
    let whole = &scene.handlers.whole_uploads;
    until("the handlers are done", || Arc::strong_count(whole) == idle).await;
    assert_eq!(whole.load(Ordering::Relaxed), CUTS);
}

#[tokio::test]
async fn an_upgraded_connection_is_the_handlers() {
    let scene = Scene::new(no_limits());
    let mut client = scene.connect().await;
    client.send("GET /upgrade HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n").await;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        client.0.read_buf(&mut head).await.unwrap();
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    client.send("!").await;
    assert_eq!(client.rest().await, "!");
}

fn tls() -> (tempfile::TempDir, Tls) {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::self_signed(&folder.path().join("self-signed.pem"), vec!["node.example".to_owned()]).unwrap();
    (folder, tls)
}

async fn tls_client(scene: &Scene, folder: &tempfile::TempDir, alpn: &[&[u8]]) -> TlsStream<TcpStream> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.path().join("self-signed.pem")).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    let name = ServerName::try_from("node.example").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, scene.connect().await.0).await.unwrap()
}

#[tokio::test]
async fn both_protocols_are_served_over_tls() {
    let (folder, tls) = tls();
    let scene = Scene::with(no_limits(), TrustedProxies::default(), Some(tls));

    let stream = tls_client(&scene, &folder, &[b"h2", b"http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(Http2::over(stream).await.text("/").await, "hello");

    let mut stream = tls_client(&scene, &folder, &[b"http/1.1"]).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn a_tls_handshake_that_stops_is_not_waited_for() {
    let (_folder, tls) = tls();
    let limits = ListenLimits { tls_handshake_timeout: SHORT, ..no_limits() };
    let scene = Scene::with(limits, TrustedProxies::default(), Some(tls));
    let mut client = scene.connect().await;
    let (after, _) = client.closed_after(Instant::now()).await;
    assert!(after >= SHORT, "closed after {after:?}");
    assert!(scene.listeners.counters().prometheus().contains("ods_http_tls_handshakes_failed_total 1"));
}

#[tokio::test]
async fn plain_http_at_a_tls_listener_is_told_so() {
    let (_folder, tls) = tls();
    let scene = Scene::with(no_limits(), TrustedProxies::default(), Some(tls));
    let mut client = scene.connect().await;
    client.send("GET / HTTP/1.1\r\n").await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.ends_with("this address takes https:// only\n"), "{answer}");
}

#[tokio::test]
async fn each_listener_has_its_own_router() {
    let scene = Scene::new(no_limits());
    let other = Bound::open(([127, 0, 0, 1], 0).into(), None).unwrap();
    let address = other.address();
    let inside = axum::Router::new().route("/inside", axum::routing::get(|| async { Body::from("inside") }));
    scene.listeners.serve(other, inside);
    assert!(scene.ask("/inside").await.starts_with("HTTP/1.1 404 "));
    let mut client = super::support::Raw(TcpStream::connect(address).await.unwrap());
    client.send("GET /inside HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(client.rest().await.ends_with("inside"));
}
