//! Whether this node has caught up with its mesh since it started: watched folders wait for that.
//!
//! A node that was away, or was put back to an old copy, must not publish an old file over what happened meanwhile. A
//! node without peers (or with replication paused) has nobody to wait for.

use std::sync::{
    PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use ods_api::{PeerState, PeerStatuses};
use ods_store::Store;

/// The question, with the answer remembered once it is yes.
#[derive(Debug)]
pub(super) struct FirstPull {
    store: Store,
    statuses: PeerStatuses,
    caught_up: AtomicBool,
}

impl FirstPull {
    pub(super) fn new(store: Store, statuses: PeerStatuses) -> Self {
        Self { store, statuses, caught_up: AtomicBool::default() }
    }

    /// Whether nothing needs to be waited for.
    pub(super) fn is_done(&self) -> bool {
        if self.caught_up.load(Relaxed) || self.has_nobody_to_ask() {
            return true;
        }
        let statuses = self.statuses.read().unwrap_or_else(PoisonError::into_inner);
        let equal = statuses.values().any(|peer| peer.state == PeerState::Connected && peer.behind_events == Some(0));
        self.caught_up.store(equal, Relaxed);
        equal
    }

    fn has_nobody_to_ask(&self) -> bool {
        match self.store.peers() {
            Ok(peers) => peers.iter().all(|peer| peer.paused),
            Err(error) => {
                tracing::error!(%error, "the peers can't be read; watched folders wait");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ods_api::PeerStatus;
    use ods_store::{Author, LocalDisk, NodeId, PeerRow, StoreOptions, UnixMillis};

    use super::*;

    const PEER: NodeId = NodeId::from_bytes([5; 32]);

    struct Scene {
        _folder: tempfile::TempDir,
        pull: FirstPull,
    }

    fn scene() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [7; 32], name: "test".to_owned() };
        let store = Store::open(Arc::new(LocalDisk::new()), folder.path(), &options).unwrap();
        Scene { _folder: folder, pull: FirstPull::new(store, PeerStatuses::default()) }
    }

    impl Scene {
        fn link(&self, paused: bool) {
            let row = PeerRow {
                node: PEER,
                name: "peer".to_owned(),
                urls: Vec::new(),
                observed_url: None,
                tls_pin: None,
                paused,
                added_at: UnixMillis::new(0),
            };
            self.pull.store.put_peer(&row, &Author::new("test"), UnixMillis::new(0)).unwrap();
        }

        fn status(&self, state: PeerState, behind_events: Option<u64>) {
            let status = PeerStatus { state, last_seen: None, behind_events, behind_bytes: None, error: None };
            self.pull.statuses.write().unwrap().insert(PEER, status);
        }
    }

    #[test]
    fn a_node_alone_waits_for_nobody_until_it_joins() {
        let scene = scene();
        assert!(scene.pull.is_done());
        scene.link(false);
        assert!(!scene.pull.is_done());
    }

    #[test]
    fn a_paused_link_is_not_waited_for() {
        let scene = scene();
        scene.link(true);
        assert!(scene.pull.is_done());
    }

    #[test]
    fn one_peer_with_equal_logs_is_enough_and_counts_for_good() {
        let scene = scene();
        scene.link(false);
        for (state, behind) in [
            (PeerState::Connecting, None),
            (PeerState::Connected, None),
            (PeerState::Connected, Some(3)),
            (PeerState::Unreachable, Some(0)),
        ] {
            scene.status(state, behind);
            assert!(!scene.pull.is_done(), "{state:?} {behind:?}");
        }
        scene.status(PeerState::Connected, Some(0));
        assert!(scene.pull.is_done());
        scene.status(PeerState::Unreachable, None);
        assert!(scene.pull.is_done());
    }
}
