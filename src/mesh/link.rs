//! The stream of a link, once the connection was turned round: HTTP/2, in which the side that was dialled is the client.
//! Calls are signed and answers proved on it as on any other connection; the link itself is trusted with nothing.
//!
//! Invariants: the streams of a link end with it. Both sides notice within half a minute that the other is gone, whatever
//! proxies lie between, and keep those from closing a link that rests.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2::SendRequest;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioTimer;
use hyper_util::service::TowerToHyperService;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::client::{CallError, Client};
use super::endpoint::Endpoint;
use super::limits::{CONNECT_MS, LINK_ALIVE_MS, LINK_STREAM_BYTES, LINK_STREAMS_MAX, LINK_WINDOW_BYTES};
use crate::stream_tasks::StreamTasks;

/// The dialled side: takes the stream of a link, tells how to send through it, and keeps it until it ends. Gives what
/// `opened` gave; `None` if it never came to that.
pub(super) async fn call_through<T>(
    stream: OnUpgrade,
    opened: impl FnOnce(SendRequest<Full<Bytes>>) -> T,
) -> Option<T> {
    let stream = timeout(Duration::from_millis(CONNECT_MS), stream).await.ok()?.ok()?;
    let cut = CancellationToken::new();
    let _cut_streams = cut.clone().drop_guard();
    let (sender, connection) = hyper::client::conn::http2::Builder::new(StreamTasks::new(TaskTracker::new(), cut))
        .timer(TokioTimer::new())
        .initial_stream_window_size(LINK_STREAM_BYTES)
        .initial_connection_window_size(LINK_WINDOW_BYTES)
        .keep_alive_interval(Duration::from_millis(LINK_ALIVE_MS))
        .keep_alive_timeout(Duration::from_millis(LINK_ALIVE_MS))
        .keep_alive_while_idle(true)
        .handshake(stream)
        .await
        .ok()?;
    let given = opened(sender);
    if let Err(error) = connection.await {
        tracing::debug!(error = &error as &dyn std::error::Error, "a peer's link broke");
    }
    Some(given)
}

/// The dialling side: opens a link to a peer and answers what comes through it, until it ends or is `cut`.
pub(super) async fn hold(
    client: Arc<Client>,
    to: Endpoint,
    surface: Router,
    cut: CancellationToken,
    opened: impl FnOnce(),
) -> Result<(), CallError> {
    let stream = client.link(&to).await?;
    opened();
    let served = cut.run_until_cancelled(answer_through(stream, surface)).await;
    if let Some(Err(error)) = served {
        tracing::debug!(peer = %to.node.short(), error = &error as &dyn std::error::Error, "a link broke");
    }
    Ok(())
}

async fn answer_through(stream: Upgraded, surface: Router) -> hyper::Result<()> {
    let cut = CancellationToken::new();
    let _cut_streams = cut.clone().drop_guard();
    hyper::server::conn::http2::Builder::new(StreamTasks::new(TaskTracker::new(), cut))
        .timer(TokioTimer::new())
        .max_concurrent_streams(LINK_STREAMS_MAX)
        .initial_stream_window_size(LINK_STREAM_BYTES)
        .initial_connection_window_size(LINK_WINDOW_BYTES)
        .keep_alive_interval(Duration::from_millis(LINK_ALIVE_MS))
        .keep_alive_timeout(Duration::from_millis(LINK_ALIVE_MS))
        .serve_connection(stream, TowerToHyperService::new(surface))
        .await
}
