//! The links that peers hold open to this node.
//!
//! Invariants: a peer has at most [`LINKS_PER_PEER_MAX`]; a further one takes the place of its oldest, so that a peer whose
//! links broke without anybody noticing can come back at once. All peers together have at most [`LINKS_MAX`].

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2::SendRequest;
use ods_store::NodeId;
use tokio::sync::watch;

use super::limits::{LINKS_MAX, LINKS_PER_PEER_MAX};

/// Names a link among all that there ever were.
pub(super) type Place = u64;

type Link = (Place, SendRequest<Full<Bytes>>);

#[derive(Debug, Default)]
struct All {
    links: BTreeMap<NodeId, VecDeque<Link>>,
    last_place: Place,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Links {
    all: Mutex<All>,
    /// Counts those that were opened.
    opened: watch::Sender<Place>,
}

impl Default for Links {
    fn default() -> Self {
        Self { all: Mutex::default(), opened: watch::Sender::new(0) }
    }
}

impl Links {
    /// Whether another link of this peer would be taken.
    pub(super) fn has_room(&self, node: &NodeId) -> bool {
        let all = self.all();
        all.links.contains_key(node) || all.links.values().map(VecDeque::len).sum::<usize>() < LINKS_MAX
    }

    /// Keeps a link. The oldest ends if there are too many: nobody sends through it any more.
    pub(super) fn add(&self, node: NodeId, sender: SendRequest<Full<Bytes>>) -> Place {
        let mut all = self.all();
        all.last_place += 1;
        let place = all.last_place;
        let links = all.links.entry(node).or_default();
        links.push_back((place, sender));
        if links.len() > LINKS_PER_PEER_MAX {
            links.pop_front();
        }
        drop(all);
        self.opened.send_replace(place);
        place
    }

    /// Forgets a link that ended.
    pub(super) fn remove(&self, node: &NodeId, place: Place) {
        let mut all = self.all();
        let Some(links) = all.links.get_mut(node) else { return };
        links.retain(|(other, _)| *other != place);
        if links.is_empty() {
            all.links.remove(node);
        }
    }

    /// Lets go of the links of peers that aren't usable any more; they end with the last answer that is under way.
    pub(super) fn keep(&self, usable: impl Fn(&NodeId) -> bool) {
        self.all().links.retain(|node, _| usable(node));
    }

    /// What sends through a peer's newest link.
    pub(super) fn get(&self, node: &NodeId) -> Option<SendRequest<Full<Bytes>>> {
        let all = self.all();
        let (_, sender) = all.links.get(node)?.iter().rfind(|(_, sender)| !sender.is_closed())?;
        Some(sender.clone())
    }

    /// Waits until there is a link of this peer.
    pub(super) async fn opened(&self, node: &NodeId) {
        let mut opened = self.opened.subscribe();
        while self.get(node).is_none() {
            if opened.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use hyper_util::rt::{TokioExecutor, TokioIo};

    use super::*;

    async fn sender() -> SendRequest<Full<Bytes>> {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        std::mem::forget(theirs);
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(ours)).await.expect("a handshake");
        std::mem::forget(connection);
        sender
    }

    const fn node(number: u8) -> NodeId {
        NodeId::from_bytes([number; 32])
    }

    #[tokio::test]
    async fn a_peer_that_opens_a_thousand_links_holds_a_few_and_the_newest_is_used() {
        let links = Links::default();
        let mut places = Vec::new();
        for _ in 0..1000 {
            places.push(links.add(node(1), sender().await));
        }
        let held: Vec<Place> = links.all().links[&node(1)].iter().map(|(place, _)| *place).collect();
        assert_eq!(held, places[1000 - LINKS_PER_PEER_MAX..]);
        assert!(links.has_room(&node(2)) && links.get(&node(2)).is_none());
        for place in places {
            links.remove(&node(1), place);
        }
        assert!(links.get(&node(1)).is_none() && links.all().links.is_empty());
    }

    #[tokio::test]
    async fn who_waits_for_a_link_hears_of_it() {
        let links = Links::default();
        let (sender, peer) = (sender().await, node(1));
        tokio::join!(links.opened(&peer), async {
            tokio::task::yield_now().await;
            links.add(peer, sender);
        });
        links.keep(|_| false);
        assert!(links.get(&node(1)).is_none());
    }
}
