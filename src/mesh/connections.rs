//! HTTP/1.1 connections to peers, kept open for a while.
//!
//! Invariant: every connection's task is in one set, which ends them all when it goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;

use super::client::CallError;
use super::dial::Dialer;
use super::endpoint::Endpoint;
use super::inbox::Inbox;
use super::limits::{IDLE_CONNECTIONS_MAX, IDLE_MS};

/// A connection that can take one request at a time.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    /// It served a request before, so the other side may be closing it just now.
    pub(super) used: bool,
}

/// A connection that waits for its next request, and since when.
type Idle = (SendRequest<Full<Bytes>>, Instant);

/// All connections to peers.
#[derive(Debug)]
pub(super) struct Connections {
    dialer: Dialer,
    inbox: Arc<Inbox>,
    idle: Mutex<BTreeMap<Endpoint, Vec<Idle>>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Connections {
    /// None yet; `inbox` hears of those that end.
    pub(super) fn new(inbox: Arc<Inbox>) -> Self {
        Self { dialer: Dialer::new(), inbox, idle: Mutex::default(), tasks: Mutex::default() }
    }

    /// An idle connection, or a new one.
    pub(super) async fn get(&self, to: &Endpoint) -> Result<Connection, CallError> {
        match self.take_idle(to) {
            Some(sender) => Ok(Connection { sender, used: true }),
            None => self.fresh(to).await,
        }
    }

    /// A new connection.
    pub(super) async fn fresh(&self, to: &Endpoint) -> Result<Connection, CallError> {
        let unreachable = |reason: String| CallError::Unreachable { url: to.url.to_string(), reason };
        let stream = self.dialer.dial(to).await.map_err(|error| unreachable(error.to_string()))?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| unreachable(error.to_string()))?;
        let (inbox, node) = (Arc::clone(&self.inbox), to.node);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = &error as &dyn std::error::Error, "a connection to a peer broke");
            }
            inbox.lost(node);
        });
        Ok(Connection { sender, used: false })
    }

    /// Gives back a connection whose answer was read to its end.
    pub(super) fn put(&self, to: &Endpoint, sender: SendRequest<Full<Bytes>>) {
        if sender.is_closed() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = idle.entry(to.clone()).or_default();
        idle.retain(|(sender, since)| !sender.is_closed() && since.elapsed() < Duration::from_millis(IDLE_MS));
        if idle.len() < IDLE_CONNECTIONS_MAX {
            idle.push((sender, Instant::now()));
        }
    }

    fn take_idle(&self, to: &Endpoint) -> Option<SendRequest<Full<Bytes>>> {
        let mut all = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = all.get_mut(to)?;
        let young = |since: &Instant| since.elapsed() < Duration::from_millis(IDLE_MS);
        let taken = std::iter::from_fn(|| idle.pop()).find(|(sender, since)| !sender.is_closed() && young(since));
        if idle.is_empty() {
            all.remove(to);
        }
        taken.map(|(sender, _)| sender)
    }
}
