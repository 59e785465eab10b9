//! Whether a node may look at its watched folders: at once if it has no peers, else once one of them has told it all it
//! knows. Otherwise a node that starts beside an old folder would publish what the mesh has long moved on from.

use std::sync::atomic::{AtomicBool, Ordering};

use ods_api::{MeshHandle, PeerState, PeerStatus};
use ods_store::{PeerRow, Store};

/// Waits for the first pull since start. It is waited for once: a peer added later stops no watch.
#[derive(Debug)]
pub struct FirstPull {
    store: Store,
    mesh: MeshHandle,
    done: AtomicBool,
}

impl FirstPull {
    /// The first pull of the node of `store` by the driver of `mesh`.
    pub fn new(store: Store, mesh: MeshHandle) -> Self {
        Self { store, mesh, done: AtomicBool::new(false) }
    }

    /// Whether it is done, or none is needed.
    pub fn is_done(&self) -> bool {
        if self.done.load(Ordering::Relaxed) {
            return true;
        }
        let done = match self.store.peers() {
            Ok(peers) => is_done(peers.iter().map(|peer| (peer, self.mesh.status(&peer.node)))),
            Err(error) => {
                tracing::error!(%error, "can't read the peers that watches wait for");
                false
            }
        };
        self.done.store(done, Ordering::Relaxed);
        done
    }
}

fn is_done<'a>(peers: impl Iterator<Item = (&'a PeerRow, Option<PeerStatus>)>) -> bool {
    let mut active = peers.filter(|(peer, _)| !peer.paused).peekable();
    active.peek().is_none() || active.any(|(_, status)| status.is_some_and(|status| has_told_all(&status)))
}

fn has_told_all(status: &PeerStatus) -> bool {
    status.state == PeerState::Connected && status.behind_events == Some(0)
}

#[cfg(test)]
mod tests {
    use ods_store::{NodeId, UnixMillis};

    use super::*;

    fn peer(paused: bool) -> PeerRow {
        PeerRow {
            node: NodeId::from_bytes([1; 32]),
            name: "hq".to_owned(),
            urls: Vec::new(),
            observed_url: None,
            tls_pin: None,
            paused,
            added_at: UnixMillis::new(1),
        }
    }

    fn status(state: PeerState, behind_events: Option<u64>) -> PeerStatus {
        PeerStatus { state, last_seen: None, behind_events, behind_bytes: None, error: None }
    }

    #[test]
    fn one_connected_peer_that_has_nothing_more_to_tell_is_enough() {
        let (active, paused) = (peer(false), peer(true));
        let caught_up = Some(status(PeerState::Connected, Some(0)));
        let cases = [
            ("no peers", vec![], true),
            ("only paused ones", vec![(&paused, Some(status(PeerState::Paused, None)))], true),
            ("not met yet", vec![(&active, None)], false),
            ("connecting", vec![(&active, Some(status(PeerState::Connecting, None)))], false),
            ("behind", vec![(&active, Some(status(PeerState::Connected, Some(3))))], false),
            ("gone while caught up", vec![(&active, Some(status(PeerState::Unreachable, Some(0))))], false),
            ("caught up", vec![(&active, caught_up.clone())], true),
            ("caught up with one of two", vec![(&active, None), (&active, caught_up.clone())], true),
            ("caught up with a paused one", vec![(&active, None), (&paused, caught_up)], false),
        ];
        for (name, peers, expected) in cases {
            assert_eq!(is_done(peers.into_iter()), expected, "{name}");
        }
    }
}
