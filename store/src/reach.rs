//! Who is reached from this node, and how the clocks there compare, as the nodes' own states tell it along the links. Pure.
//!
//! Invariant: a node is up iff it is this one or a node that is up says that it reaches it. So a node far away needs no link
//! with this one to be known to be down.

use std::collections::{BTreeMap, VecDeque};

use crate::digest::NodeId;
use crate::node_state::{LinkBrief, LinkState};

/// Whether a node is reached, and how its clock compares, as told along the links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// It is.
    pub up: bool,
    /// How far its clock is ahead of this node's, milliseconds; `None` if a link on the way doesn't tell.
    pub clock_ahead_ms: Option<i64>,
}

/// Breadth first from `own`, along the links that are up: who is reached, and who is known not to be.
pub fn reach(own: NodeId, links: &BTreeMap<NodeId, &[LinkBrief]>) -> BTreeMap<NodeId, Reach> {
    let mut reached = BTreeMap::from([(own, Reach { up: true, clock_ahead_ms: Some(0) })]);
    let mut next = VecDeque::from([own]);
    let mut missed = Vec::new();
    while let Some(node) = next.pop_front() {
        let ahead = reached.get(&node).and_then(|reach| reach.clock_ahead_ms);
        for link in links.get(&node).copied().unwrap_or_default() {
            match link.link {
                LinkState::Up if !reached.contains_key(&link.node) => {
                    let clock_ahead_ms = ahead.zip(link.clock_ahead_ms).map(|(sum, more)| sum.saturating_add(more));
                    reached.insert(link.node, Reach { up: true, clock_ahead_ms });
                    next.push_back(link.node);
                }
                LinkState::Down => missed.push(link.node),
                LinkState::Up | LinkState::Connecting | LinkState::Paused => {}
            }
        }
    }
    for node in missed {
        reached.entry(node).or_insert(Reach { up: false, clock_ahead_ms: None });
    }
    // Whoever is linked only with nodes that are not reached is not reached either.
    for node in links.keys() {
        reached.entry(*node).or_insert(Reach { up: false, clock_ahead_ms: None });
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn node(number: u8) -> NodeId {
        NodeId::from_bytes([number; 32])
    }

    fn link(to: u8, link: LinkState, clock_ahead_ms: Option<i64>) -> LinkBrief {
        LinkBrief { node: node(to), link, rtt_ms: None, clock_ahead_ms, behind_events: 0 }
    }

    #[test]
    fn who_is_up_is_told_along_the_links_and_clocks_add_up() {
        let of_one = [link(2, LinkState::Up, Some(100)), link(5, LinkState::Down, None)];
        let of_two =
            [link(1, LinkState::Up, Some(-100)), link(3, LinkState::Up, Some(-30)), link(4, LinkState::Paused, None)];
        let of_three = [link(6, LinkState::Up, None)];
        let of_five = [link(7, LinkState::Up, Some(1))];
        let links = BTreeMap::from([
            (node(1), of_one.as_slice()),
            (node(2), of_two.as_slice()),
            (node(3), of_three.as_slice()),
            (node(5), of_five.as_slice()),
            (node(7), &[]),
        ]);
        let reach = reach(node(1), &links);
        let of = |number| reach.get(&node(number)).map(|reach| (reach.up, reach.clock_ahead_ms));
        assert_eq!(of(1), Some((true, Some(0))));
        assert_eq!(of(2), Some((true, Some(100))));
        assert_eq!(of(3), Some((true, Some(70))));
        assert_eq!(of(6), Some((true, None)));
        assert_eq!(of(5), Some((false, None)));
        assert_eq!(of(7), Some((false, None)), "only a node that is down reached it");
        assert_eq!(of(4), None, "nobody tried");
    }
}
