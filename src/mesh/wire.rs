//! What carries questions to peers and answers back: HTTP, or the simulated network of tests. Both carry the same typed
//! values, so that what is simulated is what runs.

use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use ods_store::NodeId;
use tokio_util::sync::CancellationToken;

use super::client::{self, CallError, Client};
use super::endpoint::Endpoint;
use super::link;
use super::links::Place;
use super::protocol::{Answer, BytesRequest, Request};

/// A carrier.
#[derive(Debug, Clone)]
pub(super) enum Wire {
    /// Signed calls by HTTP.
    Http(Arc<Client>),
    /// Calls over the simulated network.
    #[cfg(test)]
    Simulated(super::sim::Line),
}

impl Wire {
    /// Asks a question whose answer is a value.
    pub(super) async fn call(&self, to: &Endpoint, request: &Request) -> Result<Answer, CallError> {
        match self {
            Self::Http(client) => client.call(to, request).await,
            #[cfg(test)]
            Self::Simulated(line) => line.call(to, request).await,
        }
    }

    /// Whether a peer has a link to this node open, through which it can be called.
    pub(super) fn is_linked(&self, node: &NodeId) -> bool {
        self.link_count(node) > 0
    }

    /// How many links a peer has open.
    pub(super) fn link_count(&self, node: &NodeId) -> usize {
        match self {
            Self::Http(client) => client.link_count(node),
            #[cfg(test)]
            Self::Simulated(line) => line.link_count(node),
        }
    }

    /// The links that a peer has open, in the order in which they are to be asked.
    pub(super) fn links_in_turn(&self, node: &NodeId) -> Vec<Place> {
        match self {
            Self::Http(client) => client.links_in_turn(node),
            #[cfg(test)]
            Self::Simulated(line) => line.links_in_turn(node),
        }
    }

    /// One of them is asked.
    pub(super) fn link_takes_turn(&self, node: &NodeId, place: Place) {
        match self {
            Self::Http(client) => client.link_takes_turn(node, place),
            #[cfg(test)]
            Self::Simulated(line) => line.link_takes_turn(place),
        }
    }

    /// Waits until a peer opens a link.
    pub(super) async fn link_opened(&self, node: &NodeId) {
        match self {
            Self::Http(client) => client.link_opened(node).await,
            #[cfg(test)]
            Self::Simulated(line) => line.link_opened(node).await,
        }
    }

    /// Closes the links of peers that aren't usable.
    pub(super) fn keep_links(&self, usable: impl Fn(&NodeId) -> bool) {
        match self {
            Self::Http(client) => client.keep_links(usable),
            #[cfg(test)]
            Self::Simulated(line) => line.keep_links(usable),
        }
    }

    /// Opens a link, tells when it is open, and answers by `surface` what comes through it until it ends.
    pub(super) async fn hold_link(
        self,
        to: Endpoint,
        surface: Router,
        cut: CancellationToken,
        opened: impl FnOnce() + Send,
    ) -> Result<(), CallError> {
        match self {
            Self::Http(client) => link::hold(client, to, surface, cut, opened).await,
            #[cfg(test)]
            Self::Simulated(line) => line.hold_link(to, cut, opened).await,
        }
    }

    /// Asks for bytes of a blob.
    pub(super) async fn bytes(&self, to: &Endpoint, request: BytesRequest) -> Result<ByteStream, CallError> {
        match self {
            Self::Http(client) => client.bytes(to, request).await.map(ByteStream::Http),
            #[cfg(test)]
            Self::Simulated(line) => line.bytes(to, request).await.map(ByteStream::Simulated),
        }
    }
}

/// Bytes of a blob, as they come. None of them is verified yet.
#[derive(Debug)]
pub(super) enum ByteStream {
    /// By HTTP.
    Http(client::ByteStream),
    /// Over the simulated network.
    #[cfg(test)]
    Simulated(super::sim::ByteStream),
}

impl ByteStream {
    /// The blob's size, as the peer says.
    pub(super) const fn size(&self) -> u64 {
        match self {
            Self::Http(stream) => stream.size(),
            #[cfg(test)]
            Self::Simulated(stream) => stream.size(),
        }
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        match self {
            Self::Http(stream) => stream.next().await,
            #[cfg(test)]
            Self::Simulated(stream) => stream.next().await,
        }
    }
}
