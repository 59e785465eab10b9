//! The node's listeners: our own accept loop over hyper's HTTP/1.1 and HTTP/2, each with its own router.
//!
//! Invariants:
//! - Everything a client can make us wait for has a time: the TLS handshake, a request's head, the next request, the
//!   next byte of a body, the next byte it takes from us. Everything it can make us hold has a cap: connections in all and
//!   of one client, streams of a connection, bytes of a head, bytes in flight. All of them are in [`limits`].
//! - A request is served under an id, which the log, the answer's `x-request-id` and error bodies share, and leaves
//!   exactly one log line when its answer ended or was cut. A panic in its handler is its own 500 and nobody else's.
//! - The client's address and the id are in the request's extensions before the router sees it. What a proxy says about
//!   them counts only if the proxy is trusted.
//! - Tasks (accept loops, connections, HTTP/2 streams) belong to one tracker; [`Listeners::drain`] waits for them all.
//!
//! Not here: what is served (the routers), and when the node stops (`server.rs`).

mod accept;
mod activity;
mod bind;
mod caps;
mod client;
mod connection;
mod counters;
mod crowd;
mod in_flight;
mod limits;
mod pulse;
mod request_body;
mod response_body;
mod service;
#[cfg(target_os = "linux")]
mod slicing;
mod stream;
mod unreadable;

#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, time::timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{accept::accept_loop, caps::ConnectionCaps, connection::Surroundings};
use crate::tls::Tls;

pub(crate) use bind::ListenError;
pub(crate) use client::TrustedProxies;
pub(crate) use counters::ListenCounters;
pub(crate) use limits::ListenLimits;
pub(crate) use pulse::Pulse;

/// The listeners of a node, with their shared caps.
pub(crate) struct Listeners {
    shared: Arc<Shared>,
    pulse: Pulse,
}

/// A socket that is open, but not yet served: clients wait.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
}

/// What all connections of all listeners share.
struct Shared {
    limits: ListenLimits,
    proxies: TrustedProxies,
    counters: Arc<ListenCounters>,
    caps: Arc<ConnectionCaps>,
    tasks: TaskTracker,
    /// No new connections and requests; those under way go on.
    drain: CancellationToken,
    /// No connection goes on.
    cut: CancellationToken,
}

impl Bound {
    /// Opens a socket. Clients that connect now are served once it is given to [`Listeners::serve`].
    pub(crate) fn open(address: SocketAddr, tls: Option<Tls>) -> Result<Self, ListenError> {
        let listener = bind::bind(address)?;
        let address = listener.local_addr().map_err(|source: io::Error| ListenError::Other { address, source })?;
        Ok(Self { listener, address, tls })
    }

    /// The address, with the port that the system chose if 0 was asked for.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The encryption, if any.
    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }
}

impl Listeners {
    /// Listeners within `limits` that take the word of `proxies`.
    pub(crate) fn new(limits: ListenLimits, proxies: TrustedProxies) -> Self {
        let shared = Shared {
            limits,
            proxies,
            counters: Arc::default(),
            caps: ConnectionCaps::new(limits),
            tasks: TaskTracker::new(),
            drain: CancellationToken::new(),
            cut: CancellationToken::new(),
        };
        Self { pulse: Pulse::new(shared.drain.clone()), shared: Arc::new(shared) }
    }

    /// Serves `router` there until the drain.
    pub(crate) fn serve(&self, bound: Bound, router: Router) {
        let tls = bound.tls.as_ref().map(|tls| TlsAcceptor::from(tls.server_config()));
        let around = Surroundings { router, tls, shared: self.shared.clone() };
        self.shared.tasks.spawn(accept_loop(bound.listener, around, self.pulse.point()));
    }

    /// What was served so far.
    pub(crate) fn counters(&self) -> Arc<ListenCounters> {
        self.shared.counters.clone()
    }

    /// What tells whether they still accept.
    pub(crate) fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Takes no more connections and requests, lets those under way end for `grace`, and cuts the rest. Streams of
    /// events end at once. The number of connections cut.
    pub(crate) async fn drain(self, grace: Duration) -> usize {
        self.shared.drain.cancel();
        self.shared.tasks.close();
        if timeout(grace, self.shared.tasks.wait()).await.is_ok() {
            return 0;
        }
        let open = self.shared.counters.open_connections();
        self.shared.cut.cancel();
        self.shared.tasks.wait().await;
        usize::try_from(open).unwrap_or(0)
    }
}
