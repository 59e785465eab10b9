//! What a node holds, read from its log, and what DESIGN §3.3 and §3.4 make of that: a model written for clearness alone,
//! without a line of the store's own folding.

use std::collections::{BTreeMap, BTreeSet};

use ods_store::{Body, Event, EventId, Expel, Lsn, NodeId, Role, Statement, StatementBody, Store, StreamId};

/// All events and statements that a node holds.
#[derive(Debug)]
pub(super) struct History {
    pub(super) events: BTreeMap<EventId, Event>,
    statements: Vec<Statement>,
    root: NodeId,
}

impl History {
    /// What the store holds.
    pub(super) fn of(store: &Store) -> Self {
        let events = store.events_after(Lsn::ZERO, usize::MAX).expect("the log is readable");
        let events = events.iter().map(|signed| (signed.id(), Event::decode(&signed.frame).expect("it decodes")));
        let statements = store.roster_statements().expect("the roster is readable");
        let statements = statements.iter().map(|signed| signed.decode().expect("it decodes")).collect();
        Self { events: events.collect(), statements, root: store.roster().root() }
    }

    /// What these stores hold together, with the first one's root.
    pub(super) fn together<'a>(stores: impl Iterator<Item = &'a Store>) -> Self {
        let mut histories = stores.map(Self::of);
        let mut all = histories.next().expect("the first founder is always there");
        for history in histories {
            all.events.extend(history.events);
            all.statements.extend(history.statements);
        }
        all
    }

    /// The root, and whoever an ever-owner admits as owner.
    fn ever_owners(&self) -> BTreeSet<NodeId> {
        let mut owners = BTreeSet::from([self.root]);
        for _ in 0..=self.statements.len() {
            let admitted = self.statements.iter().filter(|told| owners.contains(&told.header.signer));
            let admitted: Vec<NodeId> = admitted
                .filter_map(|told| match &told.body {
                    StatementBody::Admit(admit) if admit.role == Role::Owner => Some(admit.node),
                    _ => None,
                })
                .collect();
            owners.extend(admitted);
        }
        owners
    }

    fn expels(&self) -> Vec<&Expel> {
        let owners = self.ever_owners();
        let counting = self.statements.iter().filter(|told| owners.contains(&told.header.signer));
        counting
            .filter_map(|told| match &told.body {
                StatementBody::Expel(expel) => Some(expel),
                StatementBody::Admit(_) | StatementBody::Unknown { .. } => None,
            })
            .collect()
    }

    /// Each node's role, if any Admit of it counts; and whether it was expelled.
    pub(super) fn standings(&self) -> BTreeMap<NodeId, (Option<Role>, bool)> {
        let (owners, expels) = (self.ever_owners(), self.expels());
        let mut standings = BTreeMap::from([(self.root, (Some(Role::Owner), false))]);
        for told in self.statements.iter().filter(|told| owners.contains(&told.header.signer)) {
            let StatementBody::Admit(admit) = &told.body else { continue };
            let standing = standings.entry(admit.node).or_default();
            if counts(told, &expels) {
                standing.0 = standing.0.max(Some(admit.role));
            }
        }
        for expel in expels {
            standings.entry(expel.node).or_default().1 = true;
        }
        standings
    }

    /// The members: admitted and not expelled.
    pub(super) fn members(&self) -> BTreeSet<NodeId> {
        let standings = self.standings().into_iter();
        standings.filter(|(_, (role, expelled))| role.is_some() && !expelled).map(|(node, _)| node).collect()
    }

    /// Whether a node that is a publisher may publish at a path.
    fn is_within(&self, node: &NodeId, path: &str) -> bool {
        let (owners, expels) = (self.ever_owners(), self.expels());
        let told = self.statements.iter().filter(|told| owners.contains(&told.header.signer) && counts(told, &expels));
        let mut admits = told.filter_map(|told| match &told.body {
            StatementBody::Admit(admit) if admit.node == *node && admit.role == Role::Publisher => Some(admit),
            _ => None,
        });
        // The simulation binds nobody to folders, only to paths.
        admits.any(|admit| admit.prefixes.is_empty() || admit.prefixes.iter().any(|prefix| prefix == path))
    }

    /// The events that count.
    fn effective(&self) -> BTreeSet<EventId> {
        let (standings, expels) = (self.standings(), self.expels());
        let covered: Vec<(NodeId, BTreeSet<EventId>)> =
            expels.iter().map(|expel| (expel.node, self.covered_by(expel))).collect();
        let counts = |event: &&Event| {
            let origin = event.header.stream.origin;
            let publishes = standings.get(&origin).is_some_and(|(role, _)| match role {
                Some(Role::Owner) => true,
                Some(Role::Publisher) => event.body.path().is_some_and(|path| self.is_within(&origin, path)),
                Some(Role::Replica) | None => false,
            });
            publishes && covered.iter().all(|(node, ids)| *node != origin || ids.contains(&event.id))
        };
        self.events.values().filter(counts).map(|event| event.id).collect()
    }

    /// An Expel's tips and what came before each in its stream.
    fn covered_by(&self, expel: &Expel) -> BTreeSet<EventId> {
        let mut covered = BTreeSet::new();
        let mut left = expel.tips.clone();
        while let Some(id) = left.pop() {
            let event = self.events.get(&id).filter(|event| event.header.stream.origin == expel.node);
            if let Some(event) = event.filter(|event| covered.insert(event.id)) {
                left.push(event.header.prev);
            }
        }
        covered
    }

    /// The current revision of each path that is listed.
    pub(super) fn current(&self) -> BTreeMap<String, EventId> {
        let effective = self.effective();
        let mut superseded: BTreeSet<EventId> = BTreeSet::new();
        for id in &effective {
            let path = self.events[id].body.path();
            let mut below: Vec<EventId> = self.events[id].body.replaces().to_vec();
            let mut seen = BTreeSet::new();
            while let Some(ancestor) = below.pop() {
                let event = self.events.get(&ancestor).filter(|event| event.body.path() == path);
                if let Some(event) = event.filter(|_| ancestor != *id && seen.insert(ancestor)) {
                    superseded.insert(ancestor);
                    below.extend(event.body.replaces());
                }
            }
        }
        let mut current: BTreeMap<String, &Event> = BTreeMap::new();
        let rank = |event: &Event| {
            (matches!(event.body, Body::Publish(_)), event.header.at_ms, event.header.stream.origin, event.id)
        };
        for event in effective.difference(&superseded).map(|id| &self.events[id]) {
            let Some(path) = event.body.path() else { continue };
            let best = current.entry(path.to_owned()).or_insert(event);
            if rank(event) > rank(best) {
                *best = event;
            }
        }
        let listed = current.into_iter().filter(|(_, event)| matches!(event.body, Body::Publish(_)));
        listed.map(|(path, event)| (path, event.id)).collect()
    }

    /// Numbers of a stream that two events have.
    pub(super) fn twins(&self) -> BTreeSet<(StreamId, u64)> {
        let mut seen = BTreeSet::new();
        let places = self.events.values().map(|event| (event.header.stream, event.header.seq));
        places.filter(|place| !seen.insert(*place)).collect()
    }
}

/// Whether a statement of an owner does: every Expel of that owner lists it.
fn counts(told: &Statement, expels: &[&Expel]) -> bool {
    expels.iter().filter(|expel| expel.node == told.header.signer).all(|expel| expel.statements.contains(&told.id))
}
