//! Which of this watch's own revisions are withdrawn after joining a mesh. Pure.
//!
//! A node that published an old folder while it was alone and then joins a mesh brings revisions that are concurrent
//! with everything there. Where the mesh had the very same bytes once and has moved on from them, ours say nothing new
//! and would only make a conflict, or worse, win it. Such a revision is withdrawn: a Remove that names it alone.
//!
//! Exactly: a head of ours whose bytes are also those of an effective revision that it does not descend from, and that
//! is no head itself. A revision published in knowledge of the older one descends from it, so a deliberate return to
//! old bytes stays.

use std::collections::{BTreeMap, BTreeSet};

use ods_store::{Change, Digest, EventId, NodeId, Revision};

/// The revisions of one path that the watch which writes as `by` on the node `origin` withdraws.
pub(super) fn to_withdraw(revisions: &[Revision], origin: &NodeId, by: &str) -> Vec<EventId> {
    let graph: BTreeMap<EventId, &Revision> = revisions.iter().map(|revision| (revision.id, revision)).collect();
    let effective: Vec<&Revision> = revisions.iter().filter(|revision| revision.effective).collect();
    let superseded = below(&graph, effective.iter().copied());
    let withdrawn = |mine: &&&Revision| {
        let ancestors = below(&graph, [**mine]);
        effective.iter().any(|other| {
            other.id != mine.id
                && blob_of(other).is_some_and(|blob| blob_of(mine) == Some(blob))
                && superseded.contains(&other.id)
                && !ancestors.contains(&other.id)
        })
    };
    effective
        .iter()
        .filter(|revision| revision.origin == *origin && revision.by == by && !superseded.contains(&revision.id))
        .filter(withdrawn)
        .map(|revision| revision.id)
        .collect()
}

/// The effective revisions of a path that none of the others replaces.
pub(super) fn heads(revisions: &[Revision]) -> Vec<&Revision> {
    let graph: BTreeMap<EventId, &Revision> = revisions.iter().map(|revision| (revision.id, revision)).collect();
    let effective: Vec<&Revision> = revisions.iter().filter(|revision| revision.effective).collect();
    let superseded = below(&graph, effective.iter().copied());
    effective.into_iter().filter(|revision| !superseded.contains(&revision.id)).collect()
}

/// All that `from` descend from, as far as it is held.
fn below<'a>(graph: &BTreeMap<EventId, &Revision>, from: impl IntoIterator<Item = &'a Revision>) -> BTreeSet<EventId> {
    let mut open: Vec<EventId> = from.into_iter().flat_map(|revision| revision.replaces.iter().copied()).collect();
    let mut ancestors = BTreeSet::new();
    while let Some(id) = open.pop() {
        if ancestors.insert(id) {
            open.extend(graph.get(&id).into_iter().flat_map(|revision| revision.replaces.iter().copied()));
        }
    }
    ancestors
}

fn blob_of(revision: &Revision) -> Option<&Digest> {
    match &revision.change {
        Change::Published { blob, .. } => Some(blob),
        Change::Removed => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{id, published, removed};
    use super::*;

    const BY: &str = "watch /srv/drop";

    fn here() -> NodeId {
        NodeId::from_bytes([9; 32])
    }

    fn mine(n: u8, bytes: &[u8], replaces: &[u8]) -> Revision {
        Revision { origin: here(), by: BY.to_owned(), ..after(published(n, bytes), replaces) }
    }

    fn after(revision: Revision, replaces: &[u8]) -> Revision {
        Revision { replaces: replaces.iter().map(|n| id(*n)).collect(), ..revision }
    }

    #[test]
    fn only_what_the_mesh_has_moved_on_from_is_withdrawn() {
        let v1 = published(1, b"v1");
        let v2 = after(published(2, b"v2"), &[1]);
        let gone = after(removed(2), &[1]);
        let cases: [(&str, Vec<Revision>, Vec<EventId>); 9] = [
            ("an older revision there", vec![v1.clone(), v2.clone(), mine(9, b"v1", &[])], vec![id(9)]),
            ("removed there", vec![v1.clone(), gone, mine(9, b"v1", &[])], vec![id(9)]),
            ("the current revision there", vec![v1.clone(), v2.clone(), mine(9, b"v2", &[])], vec![]),
            ("bytes the mesh never had", vec![v1.clone(), v2.clone(), mine(9, b"v3", &[])], vec![]),
            ("a deliberate return", vec![v1.clone(), v2.clone(), mine(9, b"v1", &[2])], vec![]),
            ("superseded already", vec![v1.clone(), mine(9, b"v1", &[]), after(v2.clone(), &[1, 9])], vec![]),
            ("somebody else's", vec![v1.clone(), v2.clone(), after(published(9, b"v1"), &[])], vec![]),
            (
                "pushed here by hand",
                vec![v1.clone(), v2.clone(), Revision { by: "token ci".to_owned(), ..mine(9, b"v1", &[]) }],
                vec![],
            ),
            (
                "moved on by a node that may not",
                vec![v1, Revision { effective: false, ..v2 }, mine(9, b"v1", &[])],
                vec![],
            ),
        ];
        for (name, revisions, expected) in cases {
            assert_eq!(to_withdraw(&revisions, &here(), BY), expected, "{name}");
        }
    }

    #[test]
    fn history_of_its_own_does_not_matter() {
        let revisions =
            [published(1, b"v1"), after(published(2, b"v2"), &[1]), mine(8, b"v0", &[]), mine(9, b"v1", &[8])];
        assert_eq!(to_withdraw(&revisions, &here(), BY), [id(9)]);
    }
}
