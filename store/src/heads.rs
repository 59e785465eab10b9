//! Heads: which revisions of a path are not superseded, and which one is current. Pure.
//!
//! Among the events held about a path, F *descends from* E when a chain of `replaces` leads from F to E through events
//! of that path that are held, effective or not. The **heads** are the effective events that no other effective event
//! descends from. The **current** revision is the head that is a Publish before a Remove, then the greatest
//! (`at_ms`, origin, id): clocks choose only among heads, which are truly concurrent.
//!
//! [`fold`] says it in full from the set; [`arrive`] keeps it up to date event by event, in any order of arrival, and is
//! property-tested against [`fold`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, EventId, NodeId};
use crate::event::Meta;
use crate::time::UnixMillis;

/// What the choice among heads needs to know of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) id: EventId,
    pub(crate) origin: NodeId,
    pub(crate) at_ms: UnixMillis,
    /// The bytes and metadata it publishes; none for a Remove.
    pub(crate) content: Option<HeadContent>,
}

/// What a Publish head publishes, for conflicts and wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeadContent {
    pub(crate) blob: Digest,
    pub(crate) size: u64,
    pub(crate) meta: Meta,
}

/// The current one of some heads.
pub(crate) fn current(heads: &[Head]) -> Option<&Head> {
    heads.iter().max_by_key(|head| (head.content.is_some(), head.at_ms, head.origin, head.id))
}

/// Whether Publish heads differ in bytes or metadata.
pub(crate) fn in_conflict(heads: &[Head]) -> bool {
    let mut contents =
        heads.iter().filter_map(|head| head.content.as_ref()).map(|content| (&content.blob, &content.meta));
    let first = contents.next();
    contents.any(|content| Some(content) != first)
}

/// What the graph knows of one event of the path.
pub(crate) struct Link {
    pub(crate) replaces: Vec<EventId>,
    pub(crate) effective: bool,
}

/// The part of the graph that is held, as the store's tables or a test's map tell it.
pub(crate) trait Graph {
    /// Why a look-up failed.
    type Error;
    /// An event of this path, if it is held.
    fn link(&self, id: &EventId) -> Result<Option<Link>, Self::Error>;
    /// Events of this path that are held and name `id` in `replaces`.
    fn replacers(&self, id: &EventId) -> Result<Vec<EventId>, Self::Error>;
}

/// What the arrival of an event changes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// The event is a head now.
    pub(crate) is_head: bool,
    /// Events that are no heads any more, if they were.
    pub(crate) superseded: BTreeSet<EventId>,
}

/// What the arrival of `id` (already in `graph`) changes.
///
/// Invariant kept: every ancestor of an effective event that can be reached through events held is not a head. So the
/// walk down stops at effective events, whose ancestors were dealt with when they came, and goes on through others.
pub(crate) fn arrive<G: Graph>(graph: &G, id: EventId, link: &Link) -> Result<Arrival, G::Error> {
    let superseded_already = has_effective_descendant(graph, id)?;
    let mut superseded = BTreeSet::new();
    if link.effective || superseded_already {
        let mut below = link.replaces.clone();
        while let Some(ancestor) = below.pop() {
            if ancestor == id || !superseded.insert(ancestor) {
                continue;
            }
            if let Some(found) = graph.link(&ancestor)?.filter(|found| !found.effective) {
                below.extend(found.replaces);
            }
        }
    }
    Ok(Arrival { is_head: link.effective && !superseded_already, superseded })
}

fn has_effective_descendant<G: Graph>(graph: &G, id: EventId) -> Result<bool, G::Error> {
    let mut seen = BTreeSet::from([id]);
    let mut above = graph.replacers(&id)?;
    while let Some(descendant) = above.pop() {
        if !seen.insert(descendant) {
            continue;
        }
        if graph.link(&descendant)?.is_some_and(|link| link.effective) {
            return Ok(true);
        }
        above.extend(graph.replacers(&descendant)?);
    }
    Ok(false)
}

/// The heads of a whole set of events of one path.
pub(crate) fn fold(events: &BTreeMap<EventId, Link>) -> BTreeSet<EventId> {
    let mut heads: BTreeSet<EventId> = events.iter().filter(|(_, link)| link.effective).map(|(id, _)| *id).collect();
    let mut seen = BTreeSet::new();
    let mut below: Vec<EventId> =
        events.values().filter(|link| link.effective).flat_map(|link| link.replaces.iter().copied()).collect();
    while let Some(ancestor) = below.pop() {
        if seen.insert(ancestor) {
            heads.remove(&ancestor);
            below.extend(events.get(&ancestor).into_iter().flat_map(|link| link.replaces.iter().copied()));
        }
    }
    heads
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    impl Graph for BTreeMap<EventId, Link> {
        type Error = Infallible;

        fn link(&self, id: &EventId) -> Result<Option<Link>, Infallible> {
            Ok(self.get(id).map(|link| Link { replaces: link.replaces.clone(), effective: link.effective }))
        }

        fn replacers(&self, id: &EventId) -> Result<Vec<EventId>, Infallible> {
            Ok(self.iter().filter(|(_, link)| link.replaces.contains(id)).map(|(id, _)| *id).collect())
        }
    }

    fn id(number: usize) -> EventId {
        EventId::from_bytes([u8::try_from(number).expect("small"); 32])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        /// A random acyclic graph arrives in a random order; after each arrival the incremental heads are the folded ones.
        #[test]
        fn event_by_event_equals_all_at_once(
            spec in prop::collection::vec((prop::collection::vec(0usize..14, 0..3), prop::bool::weighted(0.7)), 1..14),
            order in any::<prop::sample::Index>(),
            keys in prop::collection::vec(any::<u32>(), 14),
        ) {
            let mut arrivals: Vec<usize> = (0..spec.len()).collect();
            arrivals.sort_by_key(|number| keys[*number].wrapping_add(u32::try_from(order.index(1000)).expect("small")));
            let mut held: BTreeMap<EventId, Link> = BTreeMap::new();
            let mut heads = BTreeSet::new();
            for number in arrivals {
                let (replaces, effective) = &spec[number];
                let replaces = replaces.iter().filter(|other| **other < number).map(|other| id(*other)).collect();
                let link = Link { replaces, effective: *effective };
                let again = Link { replaces: link.replaces.clone(), effective: link.effective };
                held.insert(id(number), link);
                let Ok(arrival) = arrive(&held, id(number), &again);
                heads.retain(|head| !arrival.superseded.contains(head));
                if arrival.is_head {
                    heads.insert(id(number));
                }
                prop_assert_eq!(&heads, &fold(&held));
            }
        }
    }
}
