//! When to open a link to a peer, so that it can call this node: a pure machine.
//!
//! The rule. A link is for a node that its peers can't call. A node learns that from facts: its own pings to a peer are
//! answered, and the peer doesn't call it, though peers ping each other when they meet, with every change, and each minute
//! at least. So where the policy is [`LinkPolicy::Auto`], a link is opened
//! - to a peer that answers and has not called at all [`LINK_AFTER_MS`] later,
//! - to a peer that called once, and is silent for [`LINK_SILENCE_MS`] though it answers,
//! - again, as soon as the peer answers, where one was needed before.
//!
//! That silence is as short as keeps links from flapping. A peer that has nothing to tell calls at the latest 75 s
//! after its last call was answered; if one call fails, by its longest way of failing (15 s), the next follows in half
//! a second. Two that fail in a row, and none before the silence is over, is a wire that lets nothing through. So a
//! node that moves behind a firewall has a link within 100 s of the last call that reached it. What would tell sooner
//! isn't known here: the peer's own word that its calls fail comes with this node's next ping, up to 75 s later, and so
//! hardly before.
//!
//! A link that was opened stays, needed or not: it costs a ping each quarter of a minute. `Always` opens one to every
//! peer that answers, `Never` none. What is heard through a link is no call: it doesn't show that the peer could do
//! without.
//!
//! Invariants: at most one link to a peer is open or being opened by this node. After one failed, or ended soon, none is
//! tried before the back-off is over.

use std::collections::BTreeMap;

use ods_store::NodeId;

use super::limits::{LINK_AFTER_MS, LINK_LASTED_MS, LINK_SILENCE_MS};
use super::moment::Moment;
use super::schedule::{Dice, back_off_ms};

/// Whether links are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LinkPolicy {
    /// To peers that don't call this node.
    #[default]
    Auto,
    /// To all peers.
    Always,
    /// To none.
    Never,
}

#[derive(Debug, Default)]
struct Peer {
    /// Since when it answers, without a break.
    answers_since: Option<Moment>,
    /// When it last called, other than through a link.
    called_at: Option<Moment>,
    /// A link is open, or being opened, since then.
    open_since: Option<Moment>,
    /// A link to it was open once.
    needed: bool,
    failures: u32,
    /// The end of the back-off.
    next_at: Moment,
}

impl Peer {
    fn due(&self, policy: LinkPolicy) -> Option<Moment> {
        let answers_since = self.answers_since.filter(|_| self.open_since.is_none())?;
        let wanted_at = match (policy, self.called_at) {
            (LinkPolicy::Never, _) => return None,
            (LinkPolicy::Always, _) => answers_since,
            (LinkPolicy::Auto, _) if self.needed => answers_since,
            (LinkPolicy::Auto, None) => answers_since.plus_ms(LINK_AFTER_MS),
            (LinkPolicy::Auto, Some(called_at)) => called_at.max(answers_since).plus_ms(LINK_SILENCE_MS),
        };
        Some(wanted_at.max(self.next_at))
    }
}

/// All peers.
#[derive(Debug)]
pub(super) struct Linking {
    policy: LinkPolicy,
    peers: BTreeMap<NodeId, Peer>,
    dice: Dice,
}

impl Linking {
    /// No peers yet.
    pub(super) fn new(policy: LinkPolicy, dice: Dice) -> Self {
        Self { policy, peers: BTreeMap::new(), dice }
    }

    /// Forgets peers that aren't linked any more.
    pub(super) fn keep(&mut self, usable: impl Fn(&NodeId) -> bool) {
        self.peers.retain(|node, _| usable(node));
    }

    /// A peer answered at one of its urls.
    pub(super) fn answered(&mut self, node: NodeId, now: Moment) {
        self.peers.entry(node).or_default().answers_since.get_or_insert(now);
    }

    /// A peer didn't answer.
    pub(super) fn silent(&mut self, node: &NodeId) {
        if let Some(peer) = self.peers.get_mut(node) {
            peer.answers_since = None;
        }
    }

    /// A peer called this node, other than through a link.
    pub(super) fn called(&mut self, node: NodeId, now: Moment) {
        self.peers.entry(node).or_default().called_at = Some(now);
    }

    /// A link is open.
    pub(super) fn opened(&mut self, node: &NodeId, now: Moment) {
        if let Some(peer) = self.peers.get_mut(node) {
            (peer.needed, peer.open_since) = (true, Some(now));
        }
    }

    /// A link ended, or could not be opened.
    pub(super) fn ended(&mut self, node: &NodeId, was_open: bool, now: Moment) {
        let Some(peer) = self.peers.get_mut(node) else { return };
        let lasted = peer.open_since.take().is_some_and(|since| now.ms_since(since) >= LINK_LASTED_MS);
        peer.failures = if was_open && lasted { 1 } else { peer.failures.saturating_add(1) };
        peer.next_at = now.plus_ms(back_off_ms(peer.failures, &mut self.dice));
    }

    /// The peers to open a link to now. Each counts as being opened until it is reported on.
    pub(super) fn due(&mut self, now: Moment) -> Vec<NodeId> {
        let policy = self.policy;
        let due = self.peers.iter_mut().filter(|(_, peer)| peer.due(policy).is_some_and(|due| due <= now));
        let taken = due.map(|(node, peer)| {
            peer.open_since = Some(now);
            *node
        });
        taken.collect()
    }

    /// When the next one is due, if nothing happens before.
    pub(super) fn next_at(&self) -> Option<Moment> {
        self.peers.values().filter_map(|peer| peer.due(self.policy)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::{BACK_OFF_MAX_MS, BACK_OFF_MIN_MS};
    use super::*;

    const NODE: NodeId = NodeId::from_bytes([1; 32]);

    fn at(ms: u64) -> Moment {
        Moment::new(ms)
    }

    fn linking(policy: LinkPolicy) -> Linking {
        Linking::new(policy, Dice::new(1))
    }

    #[test]
    fn a_peer_that_answers_and_never_calls_gets_a_link() {
        let mut linking = linking(LinkPolicy::Auto);
        linking.answered(NODE, at(100));
        assert_eq!(linking.due(at(100 + LINK_AFTER_MS - 1)), []);
        assert_eq!(linking.next_at(), Some(at(100 + LINK_AFTER_MS)));
        assert_eq!(linking.due(at(100 + LINK_AFTER_MS)), [NODE]);
        assert_eq!(linking.due(at(1_000_000)), [], "it is being opened");
        assert_eq!(linking.next_at(), None);
    }

    #[test]
    fn a_peer_that_calls_gets_none_while_it_does() {
        let mut linking = linking(LinkPolicy::Auto);
        linking.answered(NODE, at(0));
        for minute in 0..60 {
            linking.called(NODE, at(minute * 75_000));
            assert_eq!(linking.due(at(minute * 75_000 + 74_999)), []);
        }
        let last = 59 * 75_000;
        assert_eq!(linking.due(at(last + LINK_SILENCE_MS)), [NODE]);
    }

    #[test]
    fn a_peer_that_does_not_answer_gets_none() {
        let mut linking = linking(LinkPolicy::Auto);
        linking.answered(NODE, at(0));
        linking.silent(&NODE);
        assert_eq!(linking.due(at(1_000_000)), []);
    }

    #[test]
    fn a_link_that_broke_is_opened_again_soon_and_one_that_fails_more_and_more_seldom() {
        let mut linking = linking(LinkPolicy::Auto);
        linking.answered(NODE, at(0));
        assert_eq!(linking.due(at(LINK_AFTER_MS)), [NODE]);
        linking.opened(&NODE, at(LINK_AFTER_MS));
        let broke = LINK_AFTER_MS + LINK_LASTED_MS;
        linking.ended(&NODE, true, at(broke));
        let next = linking.next_at().unwrap();
        assert!(next <= at(broke + BACK_OFF_MIN_MS * 5 / 4), "{next:?}");
        let mut now = next;
        for _ in 0..20 {
            assert_eq!(linking.due(now), [NODE]);
            linking.ended(&NODE, false, now);
            now = linking.next_at().unwrap();
        }
        assert_eq!(linking.due(now), [NODE]);
        linking.ended(&NODE, false, now);
        assert!(linking.next_at().unwrap().ms_since(now) >= BACK_OFF_MAX_MS * 3 / 4);
    }

    #[test]
    fn where_one_was_needed_the_peers_return_is_enough() {
        let mut linking = linking(LinkPolicy::Auto);
        linking.answered(NODE, at(0));
        linking.due(at(LINK_AFTER_MS));
        linking.opened(&NODE, at(LINK_AFTER_MS));
        linking.silent(&NODE);
        linking.ended(&NODE, true, at(100_000));
        assert_eq!(linking.next_at(), None, "it doesn't answer");
        linking.answered(NODE, at(200_000));
        assert_eq!(linking.due(at(200_000)), [NODE]);
    }

    #[test]
    fn the_policy_decides_in_place_of_the_facts() {
        let mut always = linking(LinkPolicy::Always);
        always.answered(NODE, at(5));
        always.called(NODE, at(5));
        assert_eq!(always.due(at(5)), [NODE]);
        let mut never = linking(LinkPolicy::Never);
        never.answered(NODE, at(0));
        assert_eq!((never.due(at(1 << 40)), never.next_at()), (vec![], None));
        always.keep(|_| false);
        assert_eq!(always.next_at(), None);
    }
}
