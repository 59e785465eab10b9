//! Connections to peers: HTTP/1.1 ones, kept open for a while, and the links that peers opened to this node.
//!
//! Invariant: every connection's task is in one set, which ends them all when it goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use ods_store::NodeId;
use tokio::task::JoinSet;

use super::client::CallError;
use super::dial::Dialer;
use super::endpoint::{Endpoint, Way};
use super::inbox::Inbox;
use super::limits::{IDLE_CONNECTIONS_MAX, IDLE_MS};
use super::link;
use super::links::Links;

/// What sends requests.
#[derive(Debug)]
pub(super) enum Sender {
    /// One at a time.
    Http1(http1::SendRequest<Full<Bytes>>),
    /// Many at once, through a link.
    Link(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    /// Sends a request, once the connection can take it, and waits for the head of the answer.
    pub(super) async fn send(&mut self, message: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(message).await
            }
            Self::Link(sender) => {
                sender.ready().await?;
                sender.send_request(message).await
            }
        }
    }
}

/// A connection that can take a request.
pub(super) struct Connection {
    pub(super) sender: Sender,
    /// It served a request before, so the other side may be closing it just now.
    pub(super) used: bool,
}

/// A connection that waits for its next request, and since when.
type Idle = (http1::SendRequest<Full<Bytes>>, Instant);

/// All connections to peers.
#[derive(Debug)]
pub(super) struct Connections {
    dialer: Dialer,
    inbox: Arc<Inbox>,
    idle: Mutex<BTreeMap<Endpoint, Vec<Idle>>>,
    links: Arc<Links>,
    tasks: Mutex<JoinSet<()>>,
}

impl Connections {
    /// None yet; `inbox` hears of those that end, and of links.
    pub(super) fn new(inbox: Arc<Inbox>) -> Self {
        let (dialer, links) = (Dialer::new(), Arc::new(Links::default()));
        Self { dialer, inbox, idle: Mutex::default(), links, tasks: Mutex::default() }
    }

    /// The links that peers hold open.
    pub(super) fn links(&self) -> &Links {
        &self.links
    }

    /// An idle connection, or a new one.
    pub(super) async fn get(&self, to: &Endpoint) -> Result<Connection, CallError> {
        match self.take_idle(to) {
            Some(sender) => Ok(Connection { sender: Sender::Http1(sender), used: true }),
            None => self.fresh(to).await,
        }
    }

    /// A new connection; or the peer's link, if that is the way.
    pub(super) async fn fresh(&self, to: &Endpoint) -> Result<Connection, CallError> {
        let unreachable = |reason: String| CallError::Unreachable { url: to.way.to_string(), reason };
        if let Way::Link(place) = to.way {
            let sender = self.links.get(&to.node, place).ok_or_else(|| unreachable("it is gone".to_owned()))?;
            return Ok(Connection { sender: Sender::Link(sender), used: false });
        }
        let stream = self.dialer.dial(to).await.map_err(|error| unreachable(error.to_string()))?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| unreachable(error.to_string()))?;
        let (inbox, node) = (Arc::clone(&self.inbox), to.node);
        self.start(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(error = &error as &dyn std::error::Error, "a connection to a peer broke");
            }
            inbox.lost(node);
        });
        Ok(Connection { sender: Sender::Http1(sender), used: false })
    }

    /// Takes a link that `node` opened, as soon as its connection is turned round.
    pub(super) fn adopt(&self, node: NodeId, stream: OnUpgrade) {
        let (links, inbox) = (Arc::clone(&self.links), Arc::clone(&self.inbox));
        self.start(async move {
            let opened = |sender| {
                let place = links.add(node, sender);
                tracing::info!(peer = %node.short(), "a peer opened a link");
                inbox.linked(node);
                place
            };
            if let Some(place) = link::call_through(stream, opened).await {
                links.remove(&node, place);
                tracing::info!(peer = %node.short(), "a peer's link ended");
                inbox.lost(node);
            }
        });
    }

    fn start(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Gives back a connection whose answer was read to its end.
    pub(super) fn put(&self, to: &Endpoint, sender: Sender) {
        let Sender::Http1(sender) = sender else { return };
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

    fn take_idle(&self, to: &Endpoint) -> Option<http1::SendRequest<Full<Bytes>>> {
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
