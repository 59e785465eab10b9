//! Links over the simulated network: ways that a machine which nobody can call opens to others, so that they call it.
//!
//! A link is there while both machines run, until whoever holds it lets go of it; a cut line shows at its next sign of life.

use std::sync::Mutex;

use ods_store::NodeId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
struct Tunnel {
    place: u64,
    /// The machine that calls through it.
    at: usize,
    /// The machine that opened it, and its node.
    by: usize,
    node: NodeId,
    ended: CancellationToken,
}

/// All that are open.
#[derive(Debug)]
pub(super) struct Tunnels {
    open: Mutex<Vec<Tunnel>>,
    /// Counts those that were opened.
    opened: watch::Sender<u64>,
}

impl Default for Tunnels {
    fn default() -> Self {
        Self { open: Mutex::default(), opened: watch::Sender::new(0) }
    }
}

impl Tunnels {
    /// One is opened: its name, and what says that it ended.
    pub(super) fn open(&self, at: usize, by: usize, node: NodeId) -> (u64, CancellationToken) {
        let (ended, place) = (CancellationToken::new(), *self.opened.borrow() + 1);
        self.all().push(Tunnel { place, at, by, node, ended: ended.clone() });
        self.opened.send_replace(place);
        (place, ended)
    }

    /// The machine that a node is called on through its newest link, if it has one open to machine `at`.
    pub(super) fn behind(&self, at: usize, node: &NodeId) -> Option<usize> {
        let all = self.all();
        all.iter().rfind(|tunnel| tunnel.at == at && tunnel.node == *node).map(|tunnel| tunnel.by)
    }

    /// Waits until a node has one open to machine `at`.
    pub(super) async fn opened(&self, at: usize, node: &NodeId) {
        let mut opened = self.opened.subscribe();
        while self.behind(at, node).is_none() {
            if opened.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// One ends.
    pub(super) fn end(&self, place: u64) {
        self.end_where(|tunnel| tunnel.place == place);
    }

    /// All of a machine end.
    pub(super) fn end_all_of(&self, machine: usize) {
        self.end_where(|tunnel| tunnel.at == machine || tunnel.by == machine);
    }

    /// Those to machine `at` end whose node isn't usable.
    pub(super) fn keep(&self, at: usize, usable: impl Fn(&NodeId) -> bool) {
        self.end_where(|tunnel| tunnel.at == at && !usable(&tunnel.node));
    }

    fn end_where(&self, ends: impl Fn(&Tunnel) -> bool) {
        self.all().extract_if(.., |tunnel| ends(tunnel)).for_each(|tunnel| tunnel.ended.cancel());
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Tunnel>> {
        self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
