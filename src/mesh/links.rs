//! The links that peers hold open to this node.
//!
//! Invariants: a peer has at most [`LINKS_PER_PEER_MAX`]; a further one takes the place of its oldest, so that a peer whose
//! links broke without anybody noticing can come back at once. All peers together have at most [`LINKS_MAX`].
//!
//! Links of one node may be of two machines (a disk was copied) that nobody can call, and each has what the other lacks. So
//! pings take them in turn, those first that none went through, and what follows from a ping's answer goes where it came from.

use std::cmp::Reverse;
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

#[derive(Debug)]
struct Link {
    place: Place,
    sender: SendRequest<Full<Bytes>>,
    /// Which turn it had last; none yet: 0.
    turn: u64,
}

impl Link {
    fn is_live(&self) -> bool {
        !self.sender.is_closed()
    }
}

#[derive(Debug, Default)]
struct All {
    links: BTreeMap<NodeId, VecDeque<Link>>,
    last_place: Place,
    last_turn: u64,
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
        links.push_back(Link { place, sender, turn: 0 });
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
        links.retain(|link| link.place != place);
        if links.is_empty() {
            all.links.remove(node);
        }
    }

    /// Lets go of the links of peers that aren't usable any more; they end with the last answer that is under way.
    pub(super) fn keep(&self, usable: impl Fn(&NodeId) -> bool) {
        self.all().links.retain(|node, _| usable(node));
    }

    /// What sends through a link of this peer.
    pub(super) fn get(&self, node: &NodeId, place: Place) -> Option<SendRequest<Full<Bytes>>> {
        let all = self.all();
        let link = all.links.get(node)?.iter().find(|link| link.place == place && link.is_live())?;
        Some(link.sender.clone())
    }

    /// Whether this peer has a link open.
    pub(super) fn has(&self, node: &NodeId) -> bool {
        self.count(node) > 0
    }

    /// How many this peer has open.
    pub(super) fn count(&self, node: &NodeId) -> usize {
        self.all().links.get(node).map_or(0, |links| links.iter().filter(|link| link.is_live()).count())
    }

    /// The links of a peer, in the order in which they are to be asked.
    pub(super) fn in_turn(&self, node: &NodeId) -> Vec<Place> {
        let all = self.all();
        let links = all.links.get(node).into_iter().flatten();
        let mut live: Vec<&Link> = links.filter(|link| link.is_live()).collect();
        live.sort_unstable_by_key(|link| (link.turn, Reverse(link.place)));
        live.iter().map(|link| link.place).collect()
    }

    /// One is asked: others come before it next.
    pub(super) fn takes_turn(&self, node: &NodeId, place: Place) {
        let All { links, last_turn, .. } = &mut *self.all();
        let asked = links.get_mut(node).and_then(|links| links.iter_mut().find(|link| link.place == place));
        if let Some(link) = asked {
            *last_turn += 1;
            link.turn = *last_turn;
        }
    }

    /// Waits until there is a link of this peer.
    pub(super) async fn opened(&self, node: &NodeId) {
        let mut opened = self.opened.subscribe();
        while !self.has(node) {
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

    /// The links of a peer in their order, of which the first is asked.
    fn turn(links: &Links, number: u8) -> Vec<Place> {
        let order = links.in_turn(&node(number));
        order.first().into_iter().for_each(|first| links.takes_turn(&node(number), *first));
        order
    }

    const fn node(number: u8) -> NodeId {
        NodeId::from_bytes([number; 32])
    }

    #[tokio::test]
    async fn a_link_that_is_not_asked_keeps_its_turn() {
        let links = Links::default();
        let (one, two) = (links.add(node(1), sender().await), links.add(node(1), sender().await));
        assert_eq!(turn(&links, 1), [two, one]);
        // Something else answered.
        assert_eq!(links.in_turn(&node(1)), [one, two]);
        assert_eq!(turn(&links, 1), [one, two]);
        assert_eq!(turn(&links, 1), [two, one]);
    }

    #[tokio::test]
    async fn a_peer_that_opens_a_thousand_links_holds_a_few_and_the_newest_is_asked_first() {
        let links = Links::default();
        let mut places = Vec::new();
        for _ in 0..1000 {
            places.push(links.add(node(1), sender().await));
        }
        let held: Vec<Place> = links.all().links[&node(1)].iter().map(|link| link.place).collect();
        assert_eq!(held, places[1000 - LINKS_PER_PEER_MAX..]);
        assert!(links.has_room(&node(2)) && !links.has(&node(2)));
        assert_eq!(turn(&links, 1).first(), places.last());
        for place in places {
            links.remove(&node(1), place);
        }
        assert!(!links.has(&node(1)) && links.all().links.is_empty());
    }

    #[tokio::test]
    async fn links_of_one_node_are_asked_in_turn_and_a_new_one_first() {
        let links = Links::default();
        let (one, two) = (links.add(node(1), sender().await), links.add(node(1), sender().await));
        assert_eq!(turn(&links, 1), [two, one]);
        assert_eq!(turn(&links, 1), [one, two]);
        assert_eq!(turn(&links, 1), [two, one]);
        let three = links.add(node(1), sender().await);
        assert_eq!(turn(&links, 1), [three, one, two]);
        assert_eq!(turn(&links, 1), [one, two, three]);
        links.remove(&node(1), two);
        assert_eq!(turn(&links, 1), [three, one]);
        assert!(links.get(&node(1), two).is_none() && links.get(&node(1), one).is_some());
        assert_eq!(turn(&links, 2), [0; 0]);
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
        assert!(!links.has(&node(1)));
    }
}
