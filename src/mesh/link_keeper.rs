//! The links that this node holds open: performs what [`Linking`] decides.

use std::collections::BTreeMap;

use axum::Router;
use ods_store::NodeId;
use tokio_util::sync::CancellationToken;

use super::calls::Caller;
use super::endpoint::Endpoint;
use super::linking::Linking;
use super::moment::Moment;

/// Opens links, and lets go of those to peers that aren't linked any more.
pub(super) struct LinkKeeper {
    linking: Linking,
    /// What answers the calls that come through links.
    surface: Router,
    held: BTreeMap<NodeId, CancellationToken>,
}

impl LinkKeeper {
    /// Holds none yet.
    pub(super) fn new(linking: Linking, surface: Router) -> Self {
        Self { linking, surface, held: BTreeMap::new() }
    }

    /// Lets go of links to peers that aren't usable any more.
    pub(super) fn keep(&mut self, usable: impl Fn(&NodeId) -> bool) {
        self.linking.keep(&usable);
        self.held.retain(|node, cut| {
            let keep = usable(node);
            if !keep {
                cut.cancel();
            }
            keep
        });
    }

    /// A peer answered there.
    pub(super) fn answered(&mut self, at: &Endpoint, now: Moment) {
        if !at.way.is_link() {
            self.linking.answered(at.node, now);
        }
    }

    /// A peer didn't answer.
    pub(super) fn silent(&mut self, node: &NodeId) {
        self.linking.silent(node);
    }

    /// A peer called this node, other than through a link.
    pub(super) fn called(&mut self, node: NodeId, now: Moment) {
        self.linking.called(node, now);
    }

    /// A link is open.
    pub(super) fn opened(&mut self, node: &NodeId, now: Moment) {
        tracing::info!(peer = %node.short(), "a link is open: this peer calls through it");
        self.linking.opened(node, now);
    }

    /// A link ended, or was never opened.
    pub(super) fn ended(&mut self, node: &NodeId, result: &Result<(), String>, now: Moment) {
        match result {
            Ok(()) => tracing::info!(peer = %node.short(), "a link ended"),
            Err(reason) => tracing::debug!(peer = %node.short(), reason, "a link could not be opened"),
        }
        self.held.remove(node);
        self.linking.ended(node, result.is_ok(), now);
    }

    /// The peers to open a link to now.
    pub(super) fn due(&mut self, now: Moment) -> Vec<NodeId> {
        self.linking.due(now)
    }

    /// When the next one is due.
    pub(super) fn next_at(&self) -> Option<Moment> {
        self.linking.next_at()
    }

    /// Opens a link, tells when it is open, and answers what comes through it until it ends.
    pub(super) fn hold<F: FnOnce() + Send + 'static>(
        &mut self,
        caller: &Caller,
        to: Endpoint,
        opened: F,
    ) -> impl Future<Output = Result<(), String>> + Send + use<F> {
        let cut = CancellationToken::new();
        self.held.insert(to.node, cut.clone());
        let (wire, surface) = (caller.wire.clone(), self.surface.clone());
        async move { wire.hold_link(to, surface, cut, opened).await.map_err(|error| error.to_string()) }
    }
}
