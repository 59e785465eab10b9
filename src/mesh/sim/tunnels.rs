//! Links over the simulated network: ways that a machine which nobody can call opens to others, so that they call it.
//!
//! A link is there while both machines run, until whoever holds it lets go of it; a cut line shows at its next sign of life.

use std::cmp::Reverse;
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
    /// Which turn it had last; none yet: 0.
    turn: u64,
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
        self.all().push(Tunnel { place, at, by, node, ended: ended.clone(), turn: 0 });
        self.opened.send_replace(place);
        (place, ended)
    }

    /// The machine that opened a link to machine `at`, if it is still open.
    pub(super) fn behind(&self, at: usize, place: u64) -> Option<usize> {
        self.all().iter().find(|tunnel| tunnel.at == at && tunnel.place == place).map(|tunnel| tunnel.by)
    }

    /// How many a node has open to machine `at`.
    pub(super) fn count(&self, at: usize, node: &NodeId) -> usize {
        self.all().iter().filter(|tunnel| tunnel.at == at && tunnel.node == *node).count()
    }

    /// Those that a node has open to machine `at`, in the order in which they are to be asked.
    pub(super) fn in_turn(&self, at: usize, node: &NodeId) -> Vec<u64> {
        let all = self.all();
        let mut open: Vec<_> = all.iter().filter(|tunnel| tunnel.at == at && tunnel.node == *node).collect();
        open.sort_unstable_by_key(|tunnel| (tunnel.turn, Reverse(tunnel.place)));
        open.iter().map(|tunnel| tunnel.place).collect()
    }

    /// One is asked: others come before it next.
    pub(super) fn takes_turn(&self, at: usize, place: u64) {
        let mut all = self.all();
        let turn = all.iter().map(|tunnel| tunnel.turn).max().unwrap_or(0) + 1;
        if let Some(tunnel) = all.iter_mut().find(|tunnel| tunnel.at == at && tunnel.place == place) {
            tunnel.turn = turn;
        }
    }

    /// Waits until a node has one open to machine `at`.
    pub(super) async fn opened(&self, at: usize, node: &NodeId) {
        let mut opened = self.opened.subscribe();
        while self.count(at, node) == 0 {
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
