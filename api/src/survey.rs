//! What the states of all nodes tell together: who is reached, how far clocks and logs are apart, who has what. Pure
//! functions from the store's facts to the wire's views.
//!
//! Invariant: nothing is guessed: what a state doesn't tell is null or `unknown`.

use std::collections::BTreeMap;

use ods_store::{
    Holder, Holding, Lacking, LinkBrief, LinkState, NodeId, NodeState, NotTold, Package, Reach, Role, Roster,
    StateHeader, StatePolicy, StreamBrief, Vector, reach,
};

use crate::convert::timestamp;
use crate::types::{
    Behind, HolderView, LinkView, LogView, MeshNodeView, MissingPackage, MissingView, Replicas, ReplicationView,
    StorageView,
};

/// What is known of every member.
pub(crate) struct Survey {
    own: NodeId,
    members: Vec<(NodeId, Role)>,
    states: BTreeMap<NodeId, (StateHeader, NodeState)>,
    reach: BTreeMap<NodeId, Reach>,
    vector: Vector,
}

impl Survey {
    pub(crate) fn new(
        own: NodeId,
        roster: &Roster,
        states: BTreeMap<NodeId, (StateHeader, NodeState)>,
        vector: Vector,
    ) -> Self {
        let members = roster.nodes().filter_map(|(node, _)| Some((*node, roster.role(node)?))).collect();
        let links = states.iter().map(|(node, (_, state))| (*node, state.links.as_slice())).collect();
        Self { own, members, reach: reach(own, &links), states, vector }
    }

    /// Every member, by id.
    pub(crate) fn nodes(&self) -> Vec<MeshNodeView> {
        self.members.iter().map(|(node, role)| self.node(node, *role)).collect()
    }

    fn node(&self, node: &NodeId, role: Role) -> MeshNodeView {
        let told = self.states.get(node);
        let state = told.map(|(_, state)| state);
        let reach = self.reach.get(node);
        MeshNodeView {
            id: node.to_string(),
            name: self.name(node),
            role: role.as_str().to_owned(),
            this: *node == self.own,
            state: reach.map_or("unknown", |reach| if reach.up { "up" } else { "down" }).to_owned(),
            as_of: told.map(|(header, _)| timestamp(header.at_ms)),
            started_at: state.map(|state| timestamp(state.started_at)),
            urls: state.map(|state| state.urls.clone()).unwrap_or_default(),
            version: state.map(|state| state.version.clone()),
            policy: state.map(|state| policy_name(&state.policy).to_owned()),
            log: state.map(|state| LogView { id: hex16(&state.log_id), head: state.head.get(), events: state.events }),
            catalog_digest: state.map(|state| state.catalog.to_string()),
            behind: Behind {
                events: state.and_then(|state| lacking_events(state, &self.vector)),
                bytes: state.map(|state| state.want_bytes),
            },
            wants: state.map(|state| state.want_count),
            rate_bytes_per_s: state.map(|state| state.rate),
            eta_s: state.and_then(|state| eta_s(state.want_bytes, state.rate)),
            storage: state.map(|state| StorageView {
                blobs: state.blobs,
                bytes: state.blob_bytes,
                free: state.free_bytes,
            }),
            clock_ahead_ms: reach.and_then(|reach| reach.clock_ahead_ms),
            links: state.map(|state| state.links.iter().map(|link| self.link(link)).collect()).unwrap_or_default(),
        }
    }

    fn link(&self, link: &LinkBrief) -> LinkView {
        let state = match link.link {
            LinkState::Up => "connected",
            LinkState::Connecting => "connecting",
            LinkState::Down => "unreachable",
            LinkState::Paused => "paused",
        };
        LinkView {
            node: link.node.to_string(),
            name: self.name(&link.node),
            state: state.to_owned(),
            rtt_ms: link.rtt_ms,
            clock_ahead_ms: link.clock_ahead_ms,
            behind_events: link.behind_events,
        }
    }

    fn name(&self, node: &NodeId) -> Option<String> {
        self.states.get(node).map(|(_, state)| state.name.clone())
    }

    /// Who has a package of `size` bytes.
    pub(crate) fn replication(&self, revision: String, size: u64, holders: &[Holder]) -> ReplicationView {
        let items: Vec<HolderView> = holders.iter().map(|holder| self.holder(holder, size)).collect();
        let complete = holders.iter().all(|holder| settled(&holder.holding));
        ReplicationView { revision, complete, items, next: None }
    }

    /// What a node lacks.
    pub(crate) fn missing(&self, node: NodeId, found: Lacking, next: Option<String>) -> MissingView {
        let Lacking { role, items, untold, .. } = found;
        let seen = self.node(&node, role);
        let items =
            items.iter().map(|(package, holding)| self.lacked(Holder { node, role, holding: *holding }, package));
        MissingView {
            node: seen.id,
            name: seen.name,
            state: seen.state,
            as_of: seen.as_of,
            complete: untold.is_none(),
            reason: untold.map(|why| not_told(why).to_owned()),
            items: items.collect(),
            next,
            total: None,
        }
    }

    fn lacked(&self, holder: Holder, package: &Package) -> MissingPackage {
        let HolderView { state, reason, bytes_missing, eta_s, .. } = self.holder(&holder, package.size);
        MissingPackage {
            path: package.path.to_string(),
            revision: package.revision.to_string(),
            size: package.size,
            version: package.meta.get("version").cloned(),
            published_at: timestamp(package.published_at),
            state,
            reason,
            bytes_missing,
            eta_s,
        }
    }

    fn holder(&self, holder: &Holder, size: u64) -> HolderView {
        let Holder { node, holding, .. } = holder;
        let up = self.reach.get(node).is_none_or(|reach| reach.up);
        let (state, mut reason, bytes_missing, eta_s) = match holding {
            Holding::Has => ("stored", "it has all bytes, verified".to_owned(), Some(0), Some(0)),
            Holding::NotKept => ("remote", "its policy doesn't keep this package".to_owned(), Some(size), None),
            Holding::Behind if up => ("behind", "the news of this revision is on its way".to_owned(), Some(size), None),
            Holding::Wants { missing, rate } if up => self.wants(node, *missing, *rate, size),
            Holding::Behind => ("unreachable", "it has not got the news of this revision".to_owned(), Some(size), None),
            Holding::Wants { missing, .. } => {
                ("unreachable", format!("it lacks {missing} bytes of it"), Some(*missing), None)
            }
            Holding::Unknown(why) => ("unknown", not_told(*why).to_owned(), None, None),
        };
        if !up && *node != self.own {
            reason.push_str("; no node reaches it at present");
        }
        let name = self.name(node);
        HolderView { node: node.to_string(), name, state: state.to_owned(), reason, bytes_missing, eta_s }
    }

    fn wants(
        &self,
        node: &NodeId,
        missing: u64,
        rate: u64,
        size: u64,
    ) -> (&'static str, String, Option<u64>, Option<u64>) {
        if missing < size || rate > 0 {
            return ("fetching", "its bytes are coming".to_owned(), Some(missing), eta_s(missing, rate));
        }
        let state = self.states.get(node).map(|(_, state)| state);
        let others = state.map_or(0, |state| state.want_count.saturating_sub(1));
        let reason = match others {
            0 => "it wants the bytes; no whole piece of them has come yet".to_owned(),
            others => format!("it wants the bytes, and those of {others} other packages"),
        };
        // By the time everything that it wants is there, this is.
        let eta_s = state.and_then(|state| eta_s(state.want_bytes, state.rate));
        ("wanted", reason, Some(missing), eta_s)
    }
}

/// On how many nodes a package is, of those that are to have it.
pub(crate) fn replicas(holders: &[Holder]) -> Replicas {
    let elsewhere = |holding: &Holding| matches!(holding, Holding::NotKept | Holding::Unknown(NotTold::OnDemand));
    let asked: Vec<_> = holders.iter().filter(|holder| !elsewhere(&holder.holding)).collect();
    let have = asked.iter().filter(|holder| holder.holding == Holding::Has).count();
    Replicas { have: have as u64, of: asked.len() as u64 }
}

/// Whether nothing is to be waited for: the node has the bytes, or doesn't keep them by itself.
fn settled(holding: &Holding) -> bool {
    matches!(holding, Holding::Has | Holding::NotKept | Holding::Unknown(NotTold::OnDemand))
}

fn not_told(why: NotTold) -> &'static str {
    match why {
        NotTold::NoState => "it has not said anything of itself yet that came here",
        NotTold::LaterVersion => "what it says of itself is of a later version; upgrade this node",
        NotTold::OtherRoster => "its roster and this node's differ at the moment",
        NotTold::OtherEvents => "its log and this node's differ at the moment",
        NotTold::ManyStreams => "its log has too many streams to be told in full, and differs from this node's",
        NotTold::ManyWants => "it lacks so many packages that it names only the newest",
        NotTold::OnDemand => "it keeps what is asked for there, and doesn't tell which",
    }
}

/// Seconds until `bytes` have come; `None` if none come.
fn eta_s(bytes: u64, rate: u64) -> Option<u64> {
    if bytes == 0 { Some(0) } else { (rate > 0).then(|| bytes.div_ceil(rate)) }
}

fn policy_name(policy: &StatePolicy) -> &'static str {
    match policy {
        StatePolicy::All => "all",
        StatePolicy::Selected { .. } => "selected",
        StatePolicy::OnDemand { .. } => "on-demand",
    }
}

fn hex16(bytes: &[u8; 16]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// Events of `vector` that a node lacks; `None` if its state doesn't list all streams.
fn lacking_events(state: &NodeState, vector: &Vector) -> Option<u64> {
    if state.vector == vector.digest() {
        return Some(0);
    }
    let lasts: BTreeMap<[u8; 8], u64> = state.streams.iter().map(|brief| (brief.tag, brief.last)).collect();
    let lacking = vector
        .entries
        .iter()
        .map(|(stream, held)| held.last.saturating_sub(lasts.get(&StreamBrief::tag_of(stream)).copied().unwrap_or(0)));
    state.streams_complete.then(|| lacking.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn node(number: u8) -> NodeId {
        NodeId::from_bytes([number; 32])
    }

    #[test]
    fn replicas_are_counted_among_those_that_are_to_have_the_bytes() {
        let holder = |number, holding| Holder { node: node(number), role: Role::Publisher, holding };
        let holders = [
            holder(1, Holding::Has),
            holder(2, Holding::Wants { missing: 1, rate: 0 }),
            holder(3, Holding::Behind),
            holder(4, Holding::Unknown(NotTold::NoState)),
            holder(5, Holding::NotKept),
            holder(6, Holding::Unknown(NotTold::OnDemand)),
        ];
        assert_eq!(replicas(&holders), Replicas { have: 1, of: 4 });
        assert_eq!(replicas(&holders[4..]), Replicas { have: 0, of: 0 });
    }

    #[test]
    fn an_eta_needs_a_rate() {
        assert_eq!(eta_s(0, 0), Some(0));
        assert_eq!(eta_s(5, 0), None);
        assert_eq!(eta_s(1001, 1000), Some(2));
    }
}
