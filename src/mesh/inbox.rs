//! What comes to the mesh's workers from outside their own tasks, until their next tick: commits of this node's store,
//! pings of peers, outcomes of tasks. Every part is bounded: flags, one entry a member, one outcome a task.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ods_store::{Committed, NodeId, SetDigest};
use tokio::sync::Notify;

use super::endpoint::Endpoint;
use super::protocol::Summary;

/// A ping that came in: what the caller said, and what it was told.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    /// How it stands at the caller.
    pub(super) theirs: Summary,
    /// How it stood here.
    pub(super) told: Summary,
    /// Where it called from.
    pub(super) address: Option<IpAddr>,
}

/// For the driver of pings and pulls.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    heard: Mutex<BTreeMap<NodeId, Heard>>,
    lost: Mutex<BTreeSet<NodeId>>,
    linked: Mutex<BTreeSet<NodeId>>,
    left: Mutex<BTreeSet<NodeId>>,
    own_changed: AtomicBool,
    links_changed: AtomicBool,
    wake: Arc<Notify>,
}

impl Inbox {
    /// Wakes the driver.
    pub(super) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// A member pinged; only its last ping counts.
    pub(super) fn heard(&self, caller: NodeId, heard: Heard) {
        lock(&self.heard).insert(caller, heard);
        self.wake.notify_one();
    }

    /// A connection to a peer ended.
    pub(super) fn lost(&self, node: NodeId) {
        lock(&self.lost).insert(node);
        self.wake.notify_one();
    }

    /// A peer opened a link to this node.
    pub(super) fn linked(&self, node: NodeId) {
        lock(&self.linked).insert(node);
        self.wake.notify_one();
    }

    /// Takes the peers that opened a link since the last time.
    pub(super) fn take_linked(&self) -> BTreeSet<NodeId> {
        std::mem::take(&mut *lock(&self.linked))
    }

    /// A member stops.
    pub(super) fn left(&self, node: NodeId) {
        lock(&self.left).insert(node);
        self.wake.notify_one();
    }

    /// Takes the members that said that they stop since the last time.
    pub(super) fn take_left(&self) -> BTreeSet<NodeId> {
        std::mem::take(&mut *lock(&self.left))
    }

    /// Takes the peers to which a connection ended since the last time.
    pub(super) fn take_lost(&self) -> BTreeSet<NodeId> {
        std::mem::take(&mut *lock(&self.lost))
    }

    /// Something was committed here.
    pub(super) fn committed(&self, commit: &Committed) {
        // Who was expelled is not spoken with any more.
        if commit.peers_changed || commit.roster_changed {
            self.links_changed.store(true, Ordering::Release);
        }
        let stands = stands_otherwise(commit);
        if stands {
            self.own_changed.store(true, Ordering::Release);
        }
        if stands || commit.peers_changed {
            self.wake.notify_one();
        }
    }

    /// Takes what was heard since the last time.
    pub(super) fn take_heard(&self) -> BTreeMap<NodeId, Heard> {
        std::mem::take(&mut *lock(&self.heard))
    }

    /// Whether this node changed since the last time.
    pub(super) fn take_own_changed(&self) -> bool {
        self.own_changed.swap(false, Ordering::AcqRel)
    }

    /// Makes the next look at this node's own state and links a fresh one.
    pub(super) fn look_again(&self) {
        self.own_changed.store(true, Ordering::Release);
        self.links_changed.store(true, Ordering::Release);
    }

    /// Whether links changed since the last time.
    pub(super) fn take_links_changed(&self) -> bool {
        self.links_changed.swap(false, Ordering::AcqRel)
    }
}

/// For the driver of node states.
#[derive(Debug, Default)]
pub(super) struct StateInbox {
    heard: Mutex<BTreeMap<NodeId, SetDigest>>,
    changed: AtomicBool,
    wake: Arc<Notify>,
}

impl StateInbox {
    /// Wakes the driver.
    pub(super) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Something was committed here.
    pub(super) fn committed(&self, commit: &Committed) {
        if stands_otherwise(commit) || commit.states_changed || commit.policy_changed || commit.node_changed {
            self.look_again();
        }
    }

    /// Something is not as this node said last.
    pub(super) fn look_again(&self) {
        self.changed.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// A peer told which states it holds.
    pub(super) fn heard(&self, node: NodeId, theirs: SetDigest) {
        lock(&self.heard).insert(node, theirs);
        self.wake.notify_one();
    }

    /// Takes what was heard since the last time.
    pub(super) fn take_heard(&self) -> BTreeMap<NodeId, SetDigest> {
        std::mem::take(&mut *lock(&self.heard))
    }

    /// Whether something changed since the last time.
    pub(super) fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::AcqRel)
    }
}

/// What the driver of fetches doesn't know of the wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Staleness {
    /// Nothing.
    None,
    /// Some were met: mostly it knows, having brought the bytes.
    Met,
    /// Some were added, changed, or dropped.
    Changed,
}

/// For the driver of fetches.
#[derive(Debug, Default)]
pub(super) struct FetchInbox {
    sources: Mutex<BTreeMap<NodeId, Endpoint>>,
    lively: Mutex<BTreeSet<NodeId>>,
    wants_changed: AtomicBool,
    wants_met: AtomicBool,
    wake: Arc<Notify>,
}

impl FetchInbox {
    /// Wakes the driver.
    pub(super) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Something was committed here.
    pub(super) fn committed(&self, commit: &Committed) {
        self.wants_changed.fetch_or(commit.wants_changed, Ordering::AcqRel);
        self.wants_met.fetch_or(commit.wants_met, Ordering::AcqRel);
        if commit.wants_changed || commit.wants_met {
            self.wake.notify_one();
        }
    }

    /// A peer answers here, or nowhere.
    pub(super) fn set_source(&self, node: NodeId, endpoint: Option<Endpoint>) {
        let changed = match endpoint {
            Some(endpoint) => lock(&self.sources).insert(node, endpoint.clone()).as_ref() != Some(&endpoint),
            None => lock(&self.sources).remove(&node).is_some(),
        };
        if changed {
            self.wake.notify_one();
        }
    }

    /// A peer has news, so it may have bytes that it hadn't.
    pub(super) fn lively(&self, node: NodeId) {
        lock(&self.lively).insert(node);
        self.wake.notify_one();
    }

    /// The peers that answer, and where.
    pub(super) fn sources(&self) -> BTreeMap<NodeId, Endpoint> {
        lock(&self.sources).clone()
    }

    /// Takes the peers that had news since the last time.
    pub(super) fn take_lively(&self) -> BTreeSet<NodeId> {
        std::mem::take(&mut *lock(&self.lively))
    }

    /// What became of the wants since the last time.
    pub(super) fn take_wants(&self) -> Staleness {
        let met = self.wants_met.swap(false, Ordering::AcqRel);
        match self.wants_changed.swap(false, Ordering::AcqRel) {
            true => Staleness::Changed,
            false if met => Staleness::Met,
            false => Staleness::None,
        }
    }
}

/// Whether what this node says of itself to peers may be another thing now.
const fn stands_otherwise(commit: &Committed) -> bool {
    commit.log_grew || commit.roster_changed || commit.wants_changed || commit.wants_met
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
