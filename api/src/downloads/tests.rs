//! Downloads through their router, on a real store.

mod access;
mod concurrency;
mod folders;
mod missing;
mod names;
#[cfg(target_os = "linux")]
mod slices;
mod table;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::middleware::from_fn;
use axum::{Router, http};
use http_body_util::BodyExt;
use ods_store::{
    Admit, Author, Condition, EventBatch, Expected, LocalDisk, LogQuery, MetaPatch, NewToken, Package, PackagePath,
    PublishRequest, Role, Scope, StatePolicy, Store, StoreOptions, UnixMillis,
};
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt;

use super::downloads_router;
use crate::auth::{ApiOptions, AppState, DownloadMode};
use crate::error::render;
use crate::mesh_handle::MeshHandle;
use crate::watch_handle::WatchHandle;

/// Sun, 06 Nov 1994 08:49:37 GMT: when packages are published.
const PUBLISHED: UnixMillis = UnixMillis::new(784_111_777_000);

/// What the node's clock says: an hour later.
fn clock() -> UnixMillis {
    PUBLISHED.plus_ms(3_600_000)
}

/// A node's downloads.
struct Bench {
    folder: TempDir,
    store: Store,
    state: AppState,
    router: Router,
}

/// An answer, read to its end.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    /// As many bytes as came, and whether they ended well.
    body: Result<Bytes, Bytes>,
}

impl Bench {
    fn new() -> Self {
        Self::with_mode(DownloadMode::Open)
    }

    fn with_mode(download_mode: DownloadMode) -> Self {
        Self::of_entropy([7; 32], download_mode)
    }

    fn of_entropy(entropy: [u8; 32], download_mode: DownloadMode) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = StoreOptions { cache_bytes: 1 << 20, entropy, name: "bench".to_owned() };
        let store = Store::open(Arc::new(LocalDisk::new()), folder.path(), &options).expect("a new store");
        let roots = vec!["Packages".to_owned(), "repo".to_owned()];
        let options = ApiOptions { roots, download_mode, ..ApiOptions::default() };
        let (mesh, _, _) = MeshHandle::new();
        let state = AppState::new(store.clone(), clock, options, mesh, WatchHandle::default());
        let router = downloads_router().layer(from_fn(render)).with_state(state.clone());
        Self { folder, store, state, router }
    }

    /// A replica that keeps `bytes_max` on demand, and what another node has published: its bytes are there alone.
    fn on_demand(bytes_max: u64, packages: &[(&str, &[u8])]) -> (Self, Vec<Package>) {
        let (hq, branch) = (Self::new(), Self::of_entropy([8; 32], DownloadMode::Open));
        let author = Author::new("test");
        let admit = Admit { node: branch.store.node_id(), role: Role::Replica, prefixes: vec![] };
        hq.store.admit(&admit, &author, PUBLISHED).expect("admitted");
        let packages = packages.iter().map(|(path, bytes)| hq.publish(path, bytes)).collect();
        let policy = StatePolicy::OnDemand { bytes_max };
        branch.store.set_policy(&policy, &author, PUBLISHED).expect("a policy");
        while branch.store.follow_policy(PUBLISHED).expect("a step") {}
        branch.store.take_root(hq.store.node_id(), PUBLISHED).expect("alone");
        branch.store.insert_statements(hq.store.roster_statements().expect("read"), PUBLISHED).expect("taken");
        let vector = branch.store.vector().expect("read");
        let page = hq.store.log_page(&LogQuery { cursor: None, vector }).expect("read");
        let events = page.items.into_iter().map(|(_, event)| event).collect();
        branch.store.insert_events(EventBatch { events, pull: None, backfill: false }, PUBLISHED).expect("taken");
        (branch, packages)
    }

    fn publish(&self, path: &str, bytes: &[u8]) -> Package {
        self.publish_at(path, bytes, PUBLISHED)
    }

    fn publish_at(&self, path: &str, bytes: &[u8], now: UnixMillis) -> Package {
        let mut upload = self.store.begin_upload(Some(bytes.len() as u64)).expect("room");
        upload.write(bytes).expect("written");
        let received = upload.finish().expect("received");
        self.store.publish(received, &request(path), now).expect("published").package
    }

    fn remove(&self, path: &str) {
        let request = request(path);
        self.store.remove(&request.path, &Condition::None, &request.author, PUBLISHED).expect("removed");
    }

    fn token(&self, scope: Scope, prefixes: &[&str]) -> String {
        let prefixes = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
        let token = NewToken { name: "t".to_owned(), scope, prefixes, expires_at: None };
        self.store.create_token(&token, &Author::new("test"), PUBLISHED).expect("a token").1
    }

    fn revoke(&self, token: &str) {
        let row = self.store.authenticate(token).expect("readable").expect("made here");
        assert!(self.store.revoke_token(row.id, &Expected::Any, &Author::new("test"), clock()).expect("revoked"));
    }

    async fn get(&self, target: &str) -> Reply {
        self.ask(&Method::GET, target, &[]).await
    }

    async fn ask(&self, method: &Method, target: &str, fields: &[(&str, &str)]) -> Reply {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        Reply::read(self.begin(request.body(Body::empty()).expect("a request")).await).await
    }

    /// Sends a request and returns before its content is read.
    async fn begin(&self, request: Request<Body>) -> http::Response<Body> {
        let Ok(response) = self.router.clone().oneshot(request).await;
        response
    }
}

impl Reply {
    async fn read(response: http::Response<Body>) -> Self {
        let (parts, mut body) = response.into_parts();
        let mut content = Vec::new();
        let mut is_whole = true;
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => content.extend_from_slice(&frame.into_data().unwrap_or_default()),
                Err(_) => is_whole = false,
            }
        }
        let content = Bytes::from(content);
        let body = if is_whole { Ok(content) } else { Err(content) };
        Self { status: parts.status, headers: parts.headers, body }
    }

    /// The value of a field; empty if it is absent.
    fn field(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a visible value"))
    }

    fn bytes(&self) -> &Bytes {
        self.body.as_ref().expect("a whole body")
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// The stable code of an error.
    fn code(&self) -> String {
        let problem: serde_json::Value = serde_json::from_slice(self.bytes()).unwrap_or_default();
        assert_eq!(self.field("content-type"), "application/problem+json", "{}", self.status);
        problem["code"].as_str().expect("a code").to_owned()
    }
}

fn request(path: &str) -> PublishRequest {
    let path = PackagePath::parse(path).expect("a valid path");
    PublishRequest { path, meta: MetaPatch::new(), condition: Condition::None, author: Author::new("test") }
}
