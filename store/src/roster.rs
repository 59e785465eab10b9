//! The roster: who may do what, as a function of the *set* of statements held, never of their order.
//!
//! - *Ever-owners* are the root and whoever an ever-owner admits as owner (a set that only grows).
//! - Every Expel signed by an ever-owner counts, also by one that is itself expelled.
//! - An Admit counts iff an ever-owner signed it and, if that one is expelled, every Expel of it lists the Admit.
//! - An event counts iff its origin may publish its path and, if the origin is expelled, every Expel of it covers the
//!   event: names it, or a later event of the stream that follows it by `prev`. (Which events are covered is kept in the
//!   table `covered`; see `trust.rs`.)
//! - Events of a node are held iff an ever-owner ever admitted it as more than a replica
//!   ([`Roster::may_have_published`]), whether or not that Admit still counts. Replicas run on the machines that are
//!   trusted least, and mint nothing; what is signed with such a key would have no effect, but fill every disk. That
//!   this is safe follows as it does for nodes that nobody ever admitted: (1) it is a function of the set of statements
//!   which only ever turns from no to yes, so two nodes with equal rosters hold to the same rule, and nothing held
//!   falls under it later; (2) rosters are swapped before events, so a node refuses what its peer holds only where the
//!   peer heard of a raise in between; (3) a pull stops before what is refused, the cursor does not pass it and the
//!   vector does not count it, so the next pull, which swaps rosters first, gets it. A node that is its own root may
//!   have minted before: it joins as a replica only if it has not.
//! - Two meshes that merged have two roots, each an owner on the other side by an Admit. Whoever expels its signer lists
//!   that Admit, if it has heard of the merge; if not, only nodes of the root's own side go on knowing it as an owner,
//!   until any other owner admits it again.
//! - Roles only rise: the greatest role of all Admits that count. Prefixes add up; an Admit without any means everywhere.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::digest::{EventId, NodeId, SetDigest, StatementId};
use crate::path::PackagePath;
use crate::statement::{Admit, Expel, Role, Statement, StatementBody};

/// What the statements say of one node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Its role; none if no Admit of it counts.
    pub role: Option<Role>,
    /// Where it may publish; `None`: everywhere its role lets it.
    pub prefixes: Option<BTreeSet<String>>,
    /// Whether an ever-owner ever admitted it as more than a replica.
    pub(crate) may_have_published: bool,
    /// The Expels of it; empty: not expelled.
    pub(crate) expels: Vec<Expelled>,
}

/// What an Expel says of a node's events.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Expelled {
    /// Who signed it.
    pub(crate) by: NodeId,
    /// The events that count, with what came before each.
    pub(crate) tips: Vec<EventId>,
}

impl Standing {
    /// Whether an Expel of it counts.
    pub fn is_expelled(&self) -> bool {
        !self.expels.is_empty()
    }

    fn may_publish(&self, path: &str) -> bool {
        let everywhere = |prefixes: &BTreeSet<String>| {
            PackagePath::parse(path).is_ok_and(|path| prefixes.iter().any(|prefix| path.is_under(prefix)))
        };
        match self.role {
            None | Some(Role::Replica) => false,
            Some(Role::Publisher | Role::Owner) => self.prefixes.as_ref().is_none_or(everywhere),
        }
    }
}

/// The roster as its statements make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    root: NodeId,
    ever_owners: BTreeSet<NodeId>,
    standings: BTreeMap<NodeId, Standing>,
    digest: SetDigest,
}

impl Roster {
    /// Folds a set of verified statements.
    pub fn fold(root: NodeId, statements: &[Statement]) -> Self {
        let owners = ever_owners(root, statements);
        let counting = counting_admits(&owners, statements);
        let mut standings: BTreeMap<NodeId, Standing> = BTreeMap::new();
        let root_standing = standings.entry(root).or_default();
        (root_standing.role, root_standing.prefixes, root_standing.may_have_published) =
            (Some(Role::Owner), None, true);
        for (statement, admit) in admits(statements).filter(|(statement, _)| owners.contains(&statement.header.signer))
        {
            let standing = standings.entry(admit.node).or_default();
            standing.may_have_published |= admit.role > Role::Replica;
            if counting.contains(&statement.id) {
                raise(standing, admit);
            }
        }
        for (by, expel) in counting_expels(&owners, statements) {
            standings.entry(expel.node).or_default().expels.push(Expelled { by, tips: expel.tips.clone() });
        }
        for standing in standings.values_mut() {
            standing.expels.sort();
        }
        let digest = digest(statements.iter().map(|statement| statement.id));
        Self { root, ever_owners: owners, standings, digest }
    }

    /// The mesh's first node.
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// Equal sets of statements, equal digests.
    pub fn digest(&self) -> SetDigest {
        self.digest
    }

    /// Who ever was an owner by it, to be gone on from with further statements.
    pub(crate) fn ever_owners(&self) -> Owners {
        Owners { ever: self.ever_owners.clone(), admitted_by: BTreeMap::new() }
    }

    /// Whether any statement that an ever-owner signed admits this node, or it is the root.
    pub fn is_known(&self, node: &NodeId) -> bool {
        self.standings.contains_key(node)
    }

    /// Whether it may have published: it is the root, or an ever-owner ever admitted it as more than a replica.
    pub fn may_have_published(&self, node: &NodeId) -> bool {
        self.standing(node).is_some_and(|standing| standing.may_have_published)
    }

    /// Whether it may take part: admitted and not expelled.
    pub fn is_member(&self, node: &NodeId) -> bool {
        self.standing(node).is_some_and(|standing| standing.role.is_some() && !standing.is_expelled())
    }

    /// A node's role, if it has one and is not expelled.
    pub fn role(&self, node: &NodeId) -> Option<Role> {
        self.standing(node).filter(|standing| !standing.is_expelled()).and_then(|standing| standing.role)
    }

    /// Whether an owner expelled it.
    pub fn is_expelled(&self, node: &NodeId) -> bool {
        self.standing(node).is_some_and(Standing::is_expelled)
    }

    /// The nodes that may admit and expel now.
    pub fn owners(&self) -> impl Iterator<Item = &NodeId> {
        self.standings.keys().filter(|node| self.role(node) == Some(Role::Owner))
    }

    /// What is said of a node.
    pub fn standing(&self, node: &NodeId) -> Option<&Standing> {
        self.standings.get(node)
    }

    /// All nodes that are known, by id.
    pub fn nodes(&self) -> impl Iterator<Item = (&NodeId, &Standing)> {
        self.standings.iter()
    }

    /// Whether a new event of this node about this path would take effect.
    pub fn may_publish(&self, node: &NodeId, path: &str) -> bool {
        self.standing(node).is_some_and(|standing| !standing.is_expelled() && standing.may_publish(path))
    }

    /// Whether an event takes effect. `covered` tells for an event of an expelled node whether every Expel covers it.
    pub(crate) fn takes_effect(&self, origin: &NodeId, path: &str, covered: impl FnOnce() -> bool) -> bool {
        self.standing(origin)
            .is_some_and(|standing| standing.may_publish(path) && (!standing.is_expelled() || covered()))
    }

    /// Whether `node` is the only one known.
    pub fn is_alone(&self, node: &NodeId) -> bool {
        self.standings.keys().all(|known| known == node)
    }
}

/// Who ever was an owner, as statements are added one by one in any order: the root, and whoever an ever-owner admits as owner.
pub(crate) struct Owners {
    ever: BTreeSet<NodeId>,
    /// Whom those admit as owner who aren't owners themselves so far.
    admitted_by: BTreeMap<NodeId, Vec<NodeId>>,
}

impl Owners {
    /// Only the root.
    pub(crate) fn new(root: NodeId) -> Self {
        Self { ever: BTreeSet::from([root]), admitted_by: BTreeMap::new() }
    }

    /// Whether it is one by what was added.
    pub(crate) fn contains(&self, node: &NodeId) -> bool {
        self.ever.contains(node)
    }

    /// With these added.
    pub(crate) fn with<'a>(mut self, statements: impl IntoIterator<Item = &'a Statement>) -> Self {
        for statement in statements {
            self.add(statement);
        }
        self
    }

    /// Adds a statement; gives those who became owners by it.
    pub(crate) fn add(&mut self, statement: &Statement) -> Vec<NodeId> {
        let mut fresh = Vec::new();
        let StatementBody::Admit(Admit { node, role: Role::Owner, .. }) = &statement.body else { return fresh };
        if !self.ever.contains(&statement.header.signer) {
            self.admitted_by.entry(statement.header.signer).or_default().push(*node);
            return fresh;
        }
        let mut next = vec![*node];
        while let Some(node) = next.pop() {
            if self.ever.insert(node) {
                fresh.push(node);
                next.extend(self.admitted_by.remove(&node).unwrap_or_default());
            }
        }
        fresh
    }
}

/// The root, and whoever an ever-owner admits as owner.
pub(crate) fn ever_owners<'a>(root: NodeId, statements: impl IntoIterator<Item = &'a Statement>) -> BTreeSet<NodeId> {
    Owners::new(root).with(statements).ever
}

/// For each expelled node the statements that every Expel of it lists.
#[derive(Default)]
pub(crate) struct Listed(BTreeMap<NodeId, BTreeSet<StatementId>>);

impl Listed {
    /// Adds a statement, if it is an Expel.
    pub(crate) fn add(&mut self, statement: &Statement) {
        if let StatementBody::Expel(expel) = &statement.body {
            self.expel(expel);
        }
    }

    fn expel(&mut self, expel: &Expel) {
        let list: BTreeSet<StatementId> = expel.statements.iter().copied().collect();
        match self.0.entry(expel.node) {
            Entry::Vacant(first) => drop(first.insert(list)),
            Entry::Occupied(mut all) => all.get_mut().retain(|id| list.contains(id)),
        }
    }

    /// Whether a statement counts as far as Expels of its signer go.
    pub(crate) fn counts(&self, signer: &NodeId, id: &StatementId) -> bool {
        self.0.get(signer).is_none_or(|list| list.contains(id))
    }
}

fn admits(statements: &[Statement]) -> impl Iterator<Item = (&Statement, &Admit)> {
    statements.iter().filter_map(|statement| match &statement.body {
        StatementBody::Admit(admit) => Some((statement, admit)),
        StatementBody::Expel(_) | StatementBody::Unknown { .. } => None,
    })
}

fn counting_expels<'a>(owners: &BTreeSet<NodeId>, statements: &'a [Statement]) -> Vec<(NodeId, &'a Expel)> {
    let expels = statements.iter().filter_map(|statement| match &statement.body {
        StatementBody::Expel(expel) if owners.contains(&statement.header.signer) => {
            Some((statement.header.signer, expel))
        }
        StatementBody::Expel(_) | StatementBody::Admit(_) | StatementBody::Unknown { .. } => None,
    });
    expels.collect()
}

/// The Admits that count: those of ever-owners which every Expel of their signer lists, or whose signer nobody expelled.
pub(crate) fn counting_admits(owners: &BTreeSet<NodeId>, statements: &[Statement]) -> BTreeSet<StatementId> {
    let mut listed = Listed::default();
    for (_, expel) in counting_expels(owners, statements) {
        listed.expel(expel);
    }
    let counts = |statement: &&Statement| {
        let Statement { id, header, .. } = statement;
        owners.contains(&header.signer) && listed.counts(&header.signer, id)
    };
    admits(statements).map(|(statement, _)| statement).filter(counts).map(|statement| statement.id).collect()
}

/// Adds what one Admit gives. A raise to a greater role forgets the prefixes of the lesser one.
pub(crate) fn raise(standing: &mut Standing, admit: &Admit) {
    let prefixes = (!admit.prefixes.is_empty()).then(|| admit.prefixes.iter().cloned().collect::<BTreeSet<_>>());
    match standing.role.cmp(&Some(admit.role)) {
        std::cmp::Ordering::Less => (standing.role, standing.prefixes) = (Some(admit.role), prefixes),
        std::cmp::Ordering::Equal => {
            let both = standing.prefixes.take().zip(prefixes);
            standing.prefixes = both.map(|(mut all, more)| {
                all.extend(more);
                all
            });
        }
        std::cmp::Ordering::Greater => {}
    }
}

pub(crate) fn digest(ids: impl Iterator<Item = StatementId>) -> SetDigest {
    let sorted: BTreeSet<StatementId> = ids.collect();
    let mut hasher = blake3::Hasher::new_derive_key("ods roster v1");
    for id in sorted {
        hasher.update(id.as_bytes());
    }
    SetDigest::from_bytes(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::NodeKey;
    use crate::statement::{SignedStatement, StatementHeader};
    use crate::time::UnixMillis;

    fn key(number: u8) -> NodeKey {
        NodeKey::from_secret([number; 32])
    }

    fn id(number: u8) -> NodeId {
        key(number).node_id()
    }

    fn statement(signer: u8, body: &StatementBody) -> Statement {
        let header = StatementHeader { signer: id(signer), at_ms: UnixMillis::new(1), by: String::new() };
        SignedStatement::mint(&key(signer), &header, body).verify().expect("fresh statements verify")
    }

    fn admit(signer: u8, node: u8, role: Role, prefixes: &[&str]) -> Statement {
        let prefixes = prefixes.iter().map(|&prefix| prefix.to_owned()).collect();
        statement(signer, &StatementBody::Admit(Admit { node: id(node), role, prefixes }))
    }

    fn expel(signer: u8, node: u8, statements: &[&Statement]) -> Statement {
        let statements = statements.iter().map(|statement| statement.id).collect();
        statement(signer, &StatementBody::Expel(Expel { node: id(node), tips: vec![], statements }))
    }

    #[test]
    fn the_root_owns_and_strangers_have_no_say() {
        let roster = Roster::fold(id(1), &[admit(9, 8, Role::Owner, &[])]);
        assert_eq!(roster.role(&id(1)), Some(Role::Owner));
        assert!(!roster.is_known(&id(8)) && !roster.is_known(&id(9)) && roster.is_alone(&id(1)));
    }

    #[test]
    fn publishers_keep_to_their_prefixes_and_replicas_publish_nothing() {
        let roster = Roster::fold(
            id(1),
            &[
                admit(1, 2, Role::Publisher, &["mac"]),
                admit(1, 2, Role::Publisher, &["win/"]),
                admit(1, 3, Role::Replica, &[]),
            ],
        );
        assert!(roster.may_publish(&id(2), "mac/x.pkg") && roster.may_publish(&id(2), "win/y.msi"));
        assert!(!roster.may_publish(&id(2), "machine/x.pkg") && !roster.may_publish(&id(3), "mac/x.pkg"));
        assert!(roster.is_member(&id(3)));
    }

    #[test]
    fn mutual_expulsion_expels_both_and_keeps_only_what_each_listed() {
        let second = admit(1, 2, Role::Owner, &[]);
        let third = admit(2, 3, Role::Publisher, &[]);
        let late = admit(2, 4, Role::Publisher, &[]);
        let roster = Roster::fold(
            id(1),
            &[expel(2, 1, &[&second]), expel(1, 2, &[&third]), late, third.clone(), second.clone()],
        );
        assert!(!roster.is_member(&id(1)) && !roster.is_member(&id(2)));
        assert!(roster.is_member(&id(3)), "listed by the Expel of its signer");
        assert!(
            !roster.is_member(&id(4)) && roster.is_known(&id(4)),
            "known, so its events are stored, without effect"
        );
    }

    /// The rules of [`super::ever_owners`], word by word.
    fn ever_owners_by_rule(root: NodeId, statements: &[Statement]) -> BTreeSet<NodeId> {
        let mut owners = BTreeSet::from([root]);
        loop {
            let before = owners.len();
            for (statement, admit) in admits(statements) {
                if admit.role == Role::Owner && owners.contains(&statement.header.signer) {
                    owners.insert(admit.node);
                }
            }
            if owners.len() == before {
                return owners;
            }
        }
    }

    /// The rules of [`super::counting_admits`], word by word.
    fn counting_admits_by_rule(owners: &BTreeSet<NodeId>, statements: &[Statement]) -> BTreeSet<StatementId> {
        let expels = counting_expels(owners, statements);
        let counts = |statement: &&Statement| {
            let signer = statement.header.signer;
            let mut of_signer = expels.iter().filter(|(_, expel)| expel.node == signer);
            owners.contains(&signer) && of_signer.all(|(_, expel)| expel.statements.contains(&statement.id))
        };
        admits(statements).map(|(statement, _)| statement).filter(counts).map(|statement| statement.id).collect()
    }

    fn statements_of(seed: &[(u8, u8, u8)]) -> Vec<Statement> {
        let mut statements: Vec<Statement> = Vec::new();
        for &(signer, node, what) in seed {
            let next = match what {
                0 => admit(signer, node, Role::Owner, &[]),
                1 => admit(signer, node, Role::Publisher, &["a"]),
                2 => admit(signer, node, Role::Replica, &[]),
                3 => expel(signer, node, &statements.iter().collect::<Vec<_>>()),
                _ => expel(signer, node, &statements.iter().step_by(2).collect::<Vec<_>>()),
            };
            statements.push(next);
        }
        statements
    }

    /// Each is an owner by the one before, and all are told the other way round: the worst order to go through again and again.
    #[test]
    fn a_long_line_of_owners_is_found_at_once() {
        let node = |number: u16| NodeId::from_bytes(std::array::from_fn(|at| number.to_le_bytes()[at % 2]));
        let header = |signer| StatementHeader { signer, at_ms: UnixMillis::new(1), by: String::new() };
        let said = |number: u16| Statement {
            id: StatementId::from_bytes(*node(number).as_bytes()),
            header: header(node(number)),
            body: StatementBody::Admit(Admit { node: node(number + 1), role: Role::Owner, prefixes: vec![] }),
        };
        let line: Vec<Statement> = (0..10_000).rev().map(said).collect();
        assert_eq!(ever_owners(node(0), &line).len(), 10_001);
    }

    proptest! {
        #[test]
        fn who_owns_and_what_counts_is_what_the_rules_say(
            seed in prop::collection::vec((1u8..7, 1u8..7, 0u8..5), 0..24),
        ) {
            let mut statements = statements_of(&seed);
            for _ in 0..2 {
                let owners = ever_owners_by_rule(id(1), &statements);
                prop_assert_eq!(&ever_owners(id(1), &statements), &owners);
                prop_assert_eq!(counting_admits(&owners, &statements), counting_admits_by_rule(&owners, &statements));
                statements.reverse();
            }
        }

        #[test]
        fn order_never_matters(seed in prop::collection::vec((1u8..5, 1u8..6, 0u8..4), 0..12), turn in 0usize..12) {
            let mut statements = statements_of(&seed);
            let straight = Roster::fold(id(1), &statements);
            statements.reverse();
            let middle = turn.min(statements.len());
            statements.rotate_left(middle);
            prop_assert_eq!(straight, Roster::fold(id(1), &statements));
        }
    }
}
