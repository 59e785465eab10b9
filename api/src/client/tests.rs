//! The client against a node's API over real connections.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ods_store::{Author, Digest, LocalDisk, NewToken, Scope, Store, StoreOptions, UnixMillis};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::types::{
    Change, EventQuery, InviteRequest, NodePatch, PackagePatch, PackageQuery, PageQuery, PeerPatch, PublishQuery,
    RoleName, ScopeName, StreamQuery, TokenRequest,
};
use crate::{ApiOptions, AppState, MeshHandle, Surfaces, WatchHandle, router};

const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

/// A node that listens; it ends with this value.
struct Node {
    address: SocketAddr,
    token: String,
    store: Store,
    folder: tempfile::TempDir,
    stopping: tokio_util::sync::CancellationToken,
    _server: JoinSet<()>,
}

impl Node {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = StoreOptions { cache_bytes: 8 << 20, entropy: [7; 32], name: "hq".to_owned() };
        let store = Store::open(Arc::new(LocalDisk::new()), folder.path(), &options).expect("a store");
        let new = NewToken { name: "ci".to_owned(), scope: Scope::Admin, prefixes: vec![], expires_at: None };
        let (_, token) = store.create_token(&new, &Author::new("test"), NOW).expect("a token");
        let (mesh, ..) = MeshHandle::new();
        let options = ApiOptions::default();
        let stopping = options.stopping.clone();
        let state = AppState::new(store.clone(), || NOW, options, mesh, WatchHandle::default());
        let routes = router(state, Surfaces { downloads: true, admin: true });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, routes).await.expect("serves") });
        Self { address, token, store, folder, stopping, _server: server }
    }

    fn client(&self) -> Client {
        let server = format!("http://{}", self.address).parse().expect("a url");
        Client::new(server, Some(self.token.clone()), TlsTrust::System).expect("a client")
    }

    /// Sends raw bytes and reads what comes until the connection ends or the text has `until`.
    async fn talk(&self, request: &str, until: &str) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(self.address).await.expect("connected");
        stream.write_all(request.replace("TOKEN", &self.token).as_bytes()).await.expect("sent");
        let mut text = String::new();
        let mut buffer = [0; 4096];
        while !text.contains(until) {
            let bytes = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut buffer)).await;
            let bytes = bytes.expect("an answer in 20 s").expect("readable");
            if bytes == 0 {
                break;
            }
            text.push_str(&String::from_utf8_lossy(&buffer[..bytes]));
        }
        (stream, text)
    }

    async fn nothing_incoming(&self) {
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while std::fs::read_dir(self.folder.path().join("incoming")).expect("the folder").count() > 0 {
            assert!(std::time::Instant::now() < deadline, "an upload is left behind");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn path(text: &str) -> PackagePath {
    PackagePath::parse(text).expect("a valid path")
}

fn upload(bytes: Vec<u8>) -> Upload<std::io::Cursor<Vec<u8>>, impl FnMut(u64) + Send + 'static> {
    Upload { size: bytes.len() as u64, reader: std::io::Cursor::new(bytes), progress: |_| {} }
}

#[tokio::test]
async fn bytes_go_up_and_come_down_also_resumed() {
    let node = Node::start().await;
    let client = node.client();
    let bytes: Vec<u8> = (0..2_500_000_u32).map(|n| u8::try_from(n % 251).expect("small")).collect();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let progress = {
        let seen = Arc::clone(&seen);
        move |sent| seen.lock().expect("not poisoned").push(sent)
    };
    let query = PublishQuery {
        version: Some("1".to_owned()),
        tag: vec!["a".to_owned(), "b".to_owned()],
        ..PublishQuery::default()
    };
    let up = Upload { reader: std::io::Cursor::new(bytes.clone()), size: bytes.len() as u64, progress };
    let path = path("mac apps/ü+%.pkg");
    let made = client.publish(&path, &query, &Guard::OnlyIfNew, up).await.expect("published");
    assert_eq!((made.changed, &made.package.blob), (true, &Digest::of(&bytes).to_string()));
    assert_eq!(
        (made.package.tags, made.package.path),
        (vec!["a".to_owned(), "b".to_owned()], path.as_str().to_owned())
    );
    assert_eq!(seen.lock().expect("not poisoned").last(), Some(&(bytes.len() as u64)));

    let mut download = client.download(&path, None).await.expect("begun");
    assert_eq!((download.offset, download.size), (0, bytes.len() as u64));
    let mut got = download.chunk().await.expect("bytes").expect("some").to_vec();
    let resume = ResumeFrom { offset: got.len() as u64, etag: download.etag.clone() };
    drop(download);
    let mut download = client.download(&path, Some(&resume)).await.expect("resumed");
    assert_eq!(download.offset, resume.offset);
    while let Some(chunk) = download.chunk().await.expect("bytes") {
        got.extend_from_slice(&chunk);
    }
    assert!(got == bytes, "byte for byte");

    let stale = ResumeFrom { offset: 5, etag: "\"other\"".to_owned() };
    assert_eq!(client.download(&path, Some(&stale)).await.expect("whole").offset, 0);
    let error = client.publish(&path, &query, &Guard::OnlyIfNew, upload(vec![1])).await.expect_err("refused");
    assert_eq!(error.code(), Some("precondition_failed"));
}

#[tokio::test]
async fn every_operation_has_its_method() {
    let node = Node::start().await;
    let client = node.client();
    let a = path("a.pkg");
    let made =
        client.publish(&a, &PublishQuery::default(), &Guard::Always, upload(b"one".to_vec())).await.expect("published");
    let first = made.package.revision;
    let patch = PackagePatch { title: Change::Set("T".to_owned()), ..PackagePatch::default() };
    let edited = client.edit_package(&a, &patch, &Guard::OnlyIf(first.clone())).await.expect("edited");
    assert_eq!(edited.package.title.as_deref(), Some("T"));
    assert_eq!(client.package(&a).await.expect("shown"), edited.package);
    assert_eq!(
        client
            .packages(&PackageQuery { q: Some("a".to_owned()), ..PackageQuery::default() })
            .await
            .expect("listed")
            .items
            .len(),
        1
    );
    let copy = PublishQuery { from: Some(first.clone()), ..PublishQuery::default() };
    assert!(client.publish_held(&path("b.pkg"), &copy, &Guard::Always).await.expect("published").changed);
    client.remove_package(&a, &Guard::Always).await.expect("removed");
    assert_eq!(client.revisions(&a, &PageQuery::default()).await.expect("history").items.len(), 3);
    assert_eq!(client.restore(&a, &first).await.expect("restored").package.title, None);
    assert!(client.events(&EventQuery::default()).await.expect("journal").items.len() > 4);

    let renamed = client
        .edit_node(&NodePatch { name: Some("lab".to_owned()), ..NodePatch::default() }, &Guard::Always)
        .await
        .expect("renamed");
    assert_eq!(client.node().await.expect("shown").name, renamed.name);
    let request = TokenRequest { name: "x".to_owned(), scope: ScopeName::Read, prefixes: vec![], expires_at: None };
    let token = client.create_token(&request).await.expect("made");
    assert_eq!(client.tokens(&PageQuery::default()).await.expect("listed").total, Some(2));
    client.revoke_token(&token.row.id).await.expect("revoked");
    let invite = InviteRequest { role: RoleName::Replica, prefixes: vec![], expires_in_s: 60 };
    let invite = client.create_invite(&invite).await.expect("made");
    assert_eq!(client.invites().await.expect("listed").items, std::slice::from_ref(&invite));
    client.remove_invite(&invite.id).await.expect("removed");
    assert!(
        client.watches().await.expect("listed").items.is_empty()
            && client.peers().await.expect("listed").items.is_empty()
    );
    let nobody = "00".repeat(32);
    for outcome in [
        client.peer(&nobody).await.map(drop),
        client.edit_peer(&nobody, &PeerPatch::default(), &Guard::Always).await.map(drop),
        client.remove_peer(&nobody).await,
        client.sync_peer(&nobody).await.map(drop),
    ] {
        assert_eq!(outcome.expect_err("refused").code(), Some("no_such_peer"));
    }
    assert_eq!(client.join("x").await.expect_err("no mesh here").code(), Some("stopping"));
}

#[tokio::test]
async fn the_journal_is_followed_until_the_node_stops() {
    let node = Node::start().await;
    let client = node.client();
    let mut stream = client
        .follow(&StreamQuery { after: Some(0), kind: Some("package.published".to_owned()), path: None })
        .await
        .expect("followed");
    client
        .publish(&path("a.pkg"), &PublishQuery::default(), &Guard::Always, upload(b"one".to_vec()))
        .await
        .expect("published");
    let Some(Followed::Record(record)) = stream.next().await.expect("an event") else { panic!("no record") };
    assert_eq!(record.data["path"], "a.pkg");
    let mut lost =
        client.follow(&StreamQuery { after: Some(1_000_000), ..StreamQuery::default() }).await.expect("followed");
    assert_eq!(lost.next().await.expect("an event"), Some(Followed::Reset { head: node.store.head().get() }));
    node.stopping.cancel();
    assert_eq!(stream.next().await.expect("the end"), None);
}

#[tokio::test]
async fn what_is_not_a_node_is_told_from_a_node_that_refuses() {
    let node = Node::start().await;
    let server: Url = format!("http://{}", node.address).parse().expect("a url");
    let none = Client::new(server.clone(), None, TlsTrust::System).expect("a client");
    assert_eq!(none.node().await.expect_err("refused").code(), Some("credentials_missing"));
    let elsewhere = Client::new(server.join("/elsewhere").expect("a url"), None, TlsTrust::System).expect("a client");
    assert!(elsewhere.node().await.is_err());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let dead: Url = format!("http://{}", listener.local_addr().expect("an address")).parse().expect("a url");
    drop(listener);
    let error = Client::new(dead, None, TlsTrust::System).expect("a client").node().await.expect_err("nobody");
    assert!(matches!(error, ClientError::Connect { .. }), "{error:?}");
}

#[tokio::test]
async fn the_first_byte_is_asked_for_only_when_the_upload_may_succeed() {
    let node = Node::start().await;
    let head = |path: &str, more: &str| {
        format!(
            "PUT /api/v1/packages/{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer TOKEN\r\nexpect: 100-continue\r\n{more}\r\n"
        )
    };
    let (mut stream, text) = node.talk(&head("a.pkg", "content-length: 3\r\n"), "\r\n\r\n").await;
    assert!(text.starts_with("HTTP/1.1 100 "), "{text}");
    stream.write_all(b"one").await.expect("sent");
    let mut buffer = [0; 12];
    stream.read_exact(&mut buffer).await.expect("an answer");
    assert_eq!(&buffer, b"HTTP/1.1 201");
    for (path, more, status) in [
        ("a.pkg", "content-length: 3\r\nif-none-match: *\r\n", "412"),
        ("a.pkg", "content-length: 900000000000\r\n", "507"),
        ("..", "content-length: 3\r\n", "400"),
    ] {
        let (_, text) = node.talk(&head(path, more), "\r\n\r\n").await;
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {more}: {text}");
    }
    node.nothing_incoming().await;
}

#[tokio::test]
async fn a_connection_that_is_cut_leaves_nothing() {
    let node = Node::start().await;
    let request = "PUT /api/v1/packages/a.pkg HTTP/1.1\r\nhost: x\r\nauthorization: Bearer TOKEN\r\nexpect: 100-continue\r\ncontent-length: 1000000\r\n\r\n";
    let (mut stream, _) = node.talk(request, "100 Continue").await;
    stream.write_all(&vec![1; 700_000]).await.expect("sent");
    drop(stream);
    node.nothing_incoming().await;
    assert_eq!(node.client().package(&path("a.pkg")).await.expect_err("none").code(), Some("no_such_package"));
}

fn client(server: &str) -> Client {
    Client::new(server.parse().expect("a url"), None, TlsTrust::System).expect("a client")
}

#[test]
fn paths_are_encoded_by_segment() {
    let path = PackagePath::parse("mac apps/a+b%20\"ü\".pkg").expect("a valid path");
    assert_eq!(encode_path(&path), "mac%20apps/a%2Bb%2520%22%C3%BC%22.pkg");
    let url = client("http://[::1]:8637/").url(&format!("/Packages/{}", encode_path(&path)));
    assert_eq!(url.as_str(), "http://[::1]:8637/Packages/mac%20apps/a%2Bb%2520%22%C3%BC%22.pkg");
}

#[test]
fn a_path_in_front_of_the_api_is_kept() {
    assert_eq!(client("https://x.example/ods/").url("/api/v1/node").as_str(), "https://x.example/ods/api/v1/node");
}

#[test]
fn only_http_servers_are_taken() {
    let refused = Client::new("ftp://x".parse().expect("a url"), None, TlsTrust::System);
    assert!(matches!(refused, Err(ClientError::BadServer { .. })));
}

#[test]
fn the_own_machine_is_never_reached_through_a_proxy() {
    for (server, expected) in [("http://localhost:1", true), ("http://[::1]:1", true), ("http://127.0.0.2", true)] {
        assert_eq!(is_loopback(&server.parse().expect("a url")), expected, "{server}");
    }
    assert!(!is_loopback(&"http://ods.example".parse().expect("a url")));
}
