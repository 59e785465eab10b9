//! The whole API through its router, on a real store in a temporary folder.

mod access;
mod accounts;
mod anchors;
mod care;
mod changes;
mod conditions;
mod contract;
mod cursors;
mod deliveries;
mod document;
mod examples;
mod hostile;
mod journal;
mod listed;
mod once;
mod packages;
mod roster;
mod schema;
mod shapes;
mod sign_in;
mod storage;
mod tus;
mod uploads;
mod watches;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use ods_store::{
    Author, Expected, LocalDisk, NewToken, PackagePath, PublishRequest, Scope, SpacePolicy, Store, StoreOptions,
    UnixMillis, WatchId, WatchMode, WatchSettings,
};
use serde_json::Value;
use tower::ServiceExt;

use super::{Surfaces, router};
use crate::auth::{ApiOptions, AppState};
use crate::mesh_handle::{MeshCommand, MeshHandle, PeerStatuses};
use crate::request::RequestId;
use crate::settings_handle::SettingSource;
use crate::watch_handle::{BadFolder, ConfiguredWatch, WatchHandle};

/// What the clock of these tests says.
const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

/// A node's API, with an admin's token.
struct Api {
    router: Router,
    store: Store,
    options: ApiOptions,
    mesh: tokio::sync::mpsc::Receiver<MeshCommand>,
    statuses: PeerStatuses,
    watches: WatchHandle,
    state: AppState,
    admin: String,
    folder: tempfile::TempDir,
}

/// What was answered.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Api {
    fn new() -> Self {
        Self::with_space(SpacePolicy::default())
    }

    fn with_space(space: SpacePolicy) -> Self {
        Self::with_options(ApiOptions { space, ..ApiOptions::default() })
    }

    fn with_options(options: ApiOptions) -> Self {
        Self::made_of(options, [7; 32])
    }

    /// Another node than the others are.
    fn with_seed(seed: [u8; 32]) -> Self {
        Self::made_of(ApiOptions::default(), seed)
    }

    fn made_of(options: ApiOptions, entropy: [u8; 32]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store_options = StoreOptions { cache_bytes: 8 << 20, entropy, name: "hq".to_owned() };
        let store = Store::open(Arc::new(LocalDisk::new()), folder.path(), &store_options).expect("a store");
        let (mesh_handle, mesh, statuses) = MeshHandle::new();
        let listen_urls = vec!["http://hq.example:8637".to_owned()];
        let options = ApiOptions { listen_urls, ..options };
        let watches = watches();
        let state = AppState::new(store.clone(), || NOW, options.clone(), mesh_handle, watches.clone());
        let router = router(state.clone(), Surfaces { downloads: false, admin: true });
        let router = router.layer(axum::middleware::from_fn(listed::hold));
        let admin = token(&store, Scope::Admin, &[]);
        Self { router, store, options, mesh, statuses, watches, state, admin, folder }
    }

    fn token(&self, scope: Scope, prefixes: &[&str]) -> String {
        token(&self.store, scope, prefixes)
    }

    /// Publishes past the API.
    fn publish(&self, path: &str, bytes: &[u8], meta: &[(&str, &str)]) -> ods_store::Package {
        let mut upload = self.store.begin_upload(None).expect("an upload");
        upload.write(bytes).expect("room");
        let request = PublishRequest {
            path: PackagePath::parse(path).expect("a valid path"),
            meta: meta.iter().map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned()))).collect(),
            condition: ods_store::Condition::None,
            author: Author::new("test"),
        };
        self.store.publish(upload.finish().expect("synced"), &request, NOW).expect("published").package
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Calls as the admin.
    async fn call(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        self.send(self.request(method, path).body(body.into()).expect("a request")).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, Body::empty()).await
    }

    async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = self.request(method, path).header("content-type", "application/json");
        self.send(request.body(body.to_string().into()).expect("a request")).await
    }

    /// A request with the admin's token, to be completed.
    fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        as_token(method, path, &self.admin)
    }

    /// Files left in `incoming/`.
    fn incoming(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("incoming")).expect("the folder").count()
    }

    /// Waits until dropped uploads have removed their files, which happens on a blocking thread.
    async fn nothing_incoming(&self) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while self.incoming() > 0 {
            assert!(std::time::Instant::now() < deadline, "{} files are left behind", self.incoming());
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

/// A node whose configuration watches `/srv/given`, and which may watch below `/srv/drop`.
fn watches() -> WatchHandle {
    let settings = WatchSettings {
        folder: "/srv/given".to_owned(),
        prefix: String::new(),
        tags: Vec::new(),
        mode: WatchMode::Keep,
        settle_s: 10,
        rescan_s: 60,
        enabled: true,
    };
    let (id, place) = (WatchId::of_folder("/srv/given"), "flag --watch".to_owned());
    let given = ConfiguredWatch { id, settings, source: SettingSource::Flag, place };
    WatchHandle::new(vec![given], |folder| match folder {
        "/srv/drop/none" => Err(BadFolder::Unusable { reason: "it is not there".to_owned() }),
        "/srv/drop/given" => Err(BadFolder::Taken { reason: "it is watched".to_owned() }),
        below if below.starts_with("/srv/drop/") => Ok(below.to_owned()),
        _ => Err(BadFolder::Outside { reason: "below none".to_owned() }),
    })
}

fn as_token(method: Method, path: &str, token: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
        .extension(RequestId("request-1".to_owned()))
}

fn token(store: &Store, scope: Scope, prefixes: &[&str]) -> String {
    let prefixes = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
    let new = NewToken { name: "ci".to_owned(), scope, prefixes, expires_at: None };
    store.create_token(&new, &Author::new("test"), NOW).expect("a token").1
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.body)))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// Checks that it is a problem with this status and code, and gives its body.
    #[track_caller]
    fn problem(&self, status: u16, code: &str) -> Value {
        let body = self.json();
        assert_eq!((self.status.as_u16(), body["code"].as_str()), (status, Some(code)), "{body}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!((&body["status"], &body["request_id"]), (&status.into(), &"request-1".into()), "{body}");
        body
    }

    /// Checks its status, and gives its body.
    #[track_caller]
    fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }
}
