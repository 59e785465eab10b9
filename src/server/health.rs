//! `/healthz`, `/readyz` and `/metrics`, on every listener: for load balancers, service managers and Prometheus.
//!
//! They say nothing secret and need no token.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderValue, StatusCode, header::CACHE_CONTROL, header::CONTENT_TYPE};
use ods_api::PeerStatuses;
use ods_store::{Overview, Store, StoreError, UnixMillis};
use tokio_util::sync::CancellationToken;

use super::care_metrics::CareCounters;
use super::disk_watch::reason;
use super::metrics;
use crate::listen::ListenCounters;

/// What the answers are made of.
#[derive(Clone)]
pub(super) struct Health {
    pub(super) store: Store,
    pub(super) counters: Arc<ListenCounters>,
    pub(super) peers: PeerStatuses,
    pub(super) care: Arc<CareCounters>,
    pub(super) stopping: CancellationToken,
    pub(super) started: UnixMillis,
}

/// The three routes.
pub(super) fn health_router(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(async || uncached("ok\n")))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health)
}

async fn ready(State(health): State<Health>) -> Response {
    let mut reasons = Vec::new();
    if health.stopping.is_cancelled() {
        reasons.push("the node is stopping".to_owned());
    }
    let store = health.store.clone();
    if let Ok(troubles) = tokio::task::spawn_blocking(move || store.disk_troubles()).await {
        reasons.extend(troubles.iter().map(reason));
        reasons.dedup();
    }
    if let Err(error) = overview(health.store).await {
        tracing::error!(error, "the store can't be read");
        reasons.push("the store can't be read; the log says why".to_owned());
    }
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, uncached(Json(serde_json::json!({ "ready": reasons.is_empty(), "reasons": reasons })))).into_response()
}

async fn metrics(State(health): State<Health>) -> Response {
    let (store, counters) = (health.store.clone(), Arc::clone(&health.care));
    let care = reading(move || counters.read(&store)).await;
    let text = match (overview(health.store).await, care) {
        (Ok(overview), Ok(care)) => {
            let text = metrics::text(&health.counters, &overview, &health.peers, &care, health.started);
            text.map_err(|error| error.to_string())
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    };
    match text {
        Ok(text) => {
            let mut response = uncached(text).into_response();
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::MEDIA_TYPE));
            response
        }
        Err(error) => {
            tracing::error!(error, "the metrics can't be told");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// The store at a glance.
async fn overview(store: Store) -> Result<Overview, String> {
    reading(move || store.overview()).await
}

/// What a look at the store gives; its error as text with its causes.
async fn reading<T: Send + 'static>(
    look: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, String> {
    match tokio::task::spawn_blocking(look).await {
        Ok(found) => found.map_err(|error: StoreError| format!("{:#}", anyhow::Error::from(error))),
        Err(error) => Err(error.to_string()),
    }
}

fn uncached(body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::Request;
    use ods_store::{Author, DiskError, DiskFault, LocalDisk, SimDisk, StoreOptions, UnixMillis};
    use tower::ServiceExt;

    use super::*;

    fn health(folder: &std::path::Path) -> Health {
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [7; 32], name: "test".to_owned() };
        let store = Store::open(Arc::new(LocalDisk::new()), folder, &options).unwrap();
        of(store)
    }

    fn of(store: Store) -> Health {
        Health {
            store,
            counters: Arc::default(),
            peers: PeerStatuses::default(),
            care: Arc::default(),
            stopping: CancellationToken::new(),
            started: UnixMillis::new(0),
        }
    }

    async fn ask(health: &Health, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = health_router(health.clone()).oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_node_that_serves_is_healthy_and_ready() {
        let folder = tempfile::tempdir().unwrap();
        let health = health(folder.path());
        assert_eq!(ask(&health, "/healthz").await, (StatusCode::OK, "ok\n".to_owned()));
        assert_eq!(ask(&health, "/readyz").await, (StatusCode::OK, r#"{"ready":true,"reasons":[]}"#.to_owned()));
    }

    #[tokio::test]
    async fn a_node_that_stops_is_no_longer_ready() {
        let folder = tempfile::tempdir().unwrap();
        let health = health(folder.path());
        health.stopping.cancel();
        let (status, body) = ask(&health, "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body, r#"{"ready":false,"reasons":["the node is stopping"]}"#);
        assert_eq!(ask(&health, "/healthz").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn a_node_whose_disk_fails_says_so_and_stays_alive() {
        let disk = SimDisk::new();
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [7; 32], name: "test".to_owned() };
        let store = Store::open(Arc::new(disk.clone()), std::path::Path::new("/data"), &options).unwrap();
        let health = of(store);
        disk.fail(DiskFault::new(DiskError::Full).within("ods.redb").times(1000));
        let (author, now) = (Author::new("test"), UnixMillis::new(1));
        health.store.set_name("x", &author, now).unwrap_err();
        let (status, body) = ask(&health, "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("the disk is full"), "{body}");
        assert_eq!(ask(&health, "/healthz").await.0, StatusCode::OK);
        assert_eq!(ask(&health, "/metrics").await.0, StatusCode::OK);
        disk.mend();
        health.store.mend(now, now).unwrap();
        assert_eq!(ask(&health, "/readyz").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn metrics_have_the_listeners_and_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let (status, text) = ask(&health(folder.path()), "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        for expected in ["\nods_packages 0\n", "ods_http_connections_open 0\n", "ods_build_info{version=\""] {
            assert!(text.contains(expected), "{expected} is missing in\n{text}");
        }
    }
}
