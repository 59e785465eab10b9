//! What peers are told of the roster: which statements, and in what order, so that it can be told in pages.
//!
//! Invariants:
//! - Told are all statements held and the Expels that wait here ([`crate::expel_ahead`]), of one moment.
//! - Expels come first, then the rest. In either part signers take turns, those nearest to the root first: one statement of each,
//!   then another of each, small ones before large ones. How near an owner is doesn't depend on who expelled whom. So before the first
//!   Expel that an owner signed is at most one of each owner who isn't farther from the root, and before its n-th are at most n of each: however
//!   much a stolen key has signed, and whomever it has expelled. (Whom that key admitted are owners too, but farther away than it is.)
//! - Before a statement comes, once, by which Admits its signer is an owner. So whoever trusts the root and hears one page after
//!   another can take each when it comes.
//! - By which Admits a node is a member is shown in a part of a page, each of these with all that leads to it or not at all: a stolen key
//!   can make that as long as it likes, but others aren't behind it.
//! - In memory are a few words on each statement, and the frames of one page.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use redb::{ReadOnlyTable, ReadableTable};

use crate::digest::{NodeId, SetDigest, StatementId};
use crate::error::Result;
use crate::expel_ahead::Told;
use crate::roster::{self, Listed};
use crate::statement::{Role, SignedStatement, Statement, StatementBody};
use crate::trust::stored;

/// Admits of one node that are shown to who doesn't know it.
const ADMITTING_MAX: usize = 8;

type Table = ReadOnlyTable<&'static [u8; 32], &'static [u8]>;

/// What peers are told of the roster, at one moment.
pub struct ToldRoster {
    held: Table,
    waiting: BTreeMap<StatementId, SignedStatement>,
    root: NodeId,
    briefs: BTreeMap<StatementId, Brief>,
    listed: Listed,
    /// By which Admit each owner is one, but for the root.
    makers: BTreeMap<NodeId, Maker>,
}

#[derive(Clone, Copy)]
struct Maker {
    /// The last of the fewest that lead to it from the root, whether or not they count: who is an owner by these may sign what is taken.
    admit: StatementId,
    /// How many these are.
    depth: usize,
    /// What they take in a body.
    lineage_bytes: usize,
}

/// The little of a statement that its place depends on.
struct Brief {
    signer: NodeId,
    /// About how many it takes in a body.
    bytes: usize,
    says: Says,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Admit(NodeId, Role),
    Expel(NodeId),
    Unknown,
}

impl Brief {
    fn new(signed: &SignedStatement, statement: &Statement) -> Self {
        let says = match &statement.body {
            StatementBody::Admit(admit) => Says::Admit(admit.node, admit.role),
            StatementBody::Expel(expel) => Says::Expel(expel.node),
            StatementBody::Unknown { .. } => Says::Unknown,
        };
        Self { signer: statement.header.signer, bytes: bytes_of(signed), says }
    }

    fn subject(&self) -> Option<NodeId> {
        match self.says {
            Says::Admit(node, _) | Says::Expel(node) => Some(node),
            Says::Unknown => None,
        }
    }
}

impl ToldRoster {
    /// Of the statements held in a table and those that wait.
    pub(crate) fn new(held: Table, waiting: Vec<Told>, root: NodeId) -> Result<Self> {
        let (mut briefs, mut listed) = (BTreeMap::new(), Listed::default());
        for (signed, statement) in &waiting {
            briefs.insert(statement.id, Brief::new(signed, statement));
        }
        for entry in held.iter()? {
            let signed = stored(entry?.1.value())?;
            let statement = signed.decode()?;
            listed.add(&statement);
            briefs.insert(statement.id, Brief::new(&signed, &statement));
        }
        let makers = makers(root, &briefs);
        let waiting = waiting.into_iter().map(|(signed, statement)| (statement.id, signed)).collect();
        Ok(Self { held, waiting, root, briefs, listed, makers })
    }

    /// Names the set: equal on nodes that tell the same.
    pub fn digest(&self) -> SetDigest {
        roster::digest(self.briefs.keys().copied())
    }

    /// Whether it is told.
    pub fn contains(&self, id: &StatementId) -> bool {
        self.briefs.contains_key(id)
    }

    /// All that is told, in order.
    pub fn order(&self) -> Vec<StatementId> {
        self.ordered(self.briefs.keys().copied(), |_, brief| match brief.says {
            Says::Expel(_) => 0,
            Says::Admit(..) | Says::Unknown => 1,
        })
    }

    /// The statements that a node's standing follows from: all about it, all about whoever signed these, and so on. They give it
    /// the same standing as the whole roster does, and tell it nothing of others. Those by which it is expelled come first.
    pub fn bearing_on(&self, node: &NodeId) -> Vec<StatementId> {
        let mut about: BTreeMap<NodeId, Vec<StatementId>> = BTreeMap::new();
        for (id, brief) in &self.briefs {
            if let Some(subject) = brief.subject() {
                about.entry(subject).or_default().push(*id);
            }
        }
        let (mut bearing, mut next) = (Vec::new(), vec![*node]);
        while let Some(subject) = next.pop() {
            let ids = about.remove(&subject).unwrap_or_default();
            next.extend(ids.iter().filter_map(|id| Some(self.briefs.get(id)?.signer)));
            bearing.extend(ids);
        }
        self.ordered(bearing, |_, brief| match brief.says {
            Says::Expel(expelled) if expelled == *node => 0,
            Says::Admit(admitted, _) if admitted == *node => 1,
            Says::Admit(..) | Says::Expel(_) | Says::Unknown => 2,
        })
    }

    /// By which Admits a node is a member, the greatest role first: what one shows to somebody that doesn't know it. A few of them, for
    /// anybody with an owner's key can sign thousands, and those that fit into so many bytes with what makes their signers owners.
    pub fn admitting(&self, node: &NodeId, bytes_max: usize) -> Vec<StatementId> {
        let of_it = self.briefs.iter().filter(|(_, brief)| matches!(brief.says, Says::Admit(of, _) if of == *node));
        let in_turns = self.in_turns(of_it.map(|(id, _)| *id), |id, brief| match brief.says {
            Says::Admit(_, role) => (!self.listed.counts(&brief.signer, id), Some(Reverse(role))),
            Says::Expel(_) | Says::Unknown => (true, None),
        });
        let (mut shown, mut bytes_left) = (Vec::new(), bytes_max);
        for id in in_turns {
            let bytes = self.lineage_bytes(&id);
            if bytes <= bytes_left && shown.len() < ADMITTING_MAX {
                bytes_left -= bytes;
                shown.push(id);
            }
        }
        self.with_lineages(shown)
    }

    /// By which Admits these nodes are members, and then as much of the rest as fits into so many bytes.
    pub fn page_showing(&self, nodes: &[NodeId], bytes_max: usize) -> Result<Vec<SignedStatement>> {
        let of_these = nodes.iter().flat_map(|node| self.admitting(node, bytes_max / nodes.len()));
        self.page(of_these.chain(self.order()), bytes_max)
    }

    /// The first of these that fit into so many bytes; at least one.
    pub fn page(&self, ids: impl IntoIterator<Item = StatementId>, bytes_max: usize) -> Result<Vec<SignedStatement>> {
        let (mut page, mut bytes, mut taken) = (Vec::new(), 0, BTreeSet::new());
        for id in ids.into_iter().filter(|id| taken.insert(*id)) {
            let Some(signed) = self.signed(&id)? else { continue };
            bytes += bytes_of(&signed);
            if bytes > bytes_max && !page.is_empty() {
                break;
            }
            page.push(signed);
        }
        Ok(page)
    }

    fn signed(&self, id: &StatementId) -> Result<Option<SignedStatement>> {
        match self.waiting.get(id) {
            Some(signed) => Ok(Some(signed.clone())),
            None => self.held.get(id.as_bytes())?.map(|row| stored(row.value())).transpose(),
        }
    }

    fn ordered<R: Ord + Copy>(
        &self,
        ids: impl IntoIterator<Item = StatementId>,
        rank: impl Fn(&StatementId, &Brief) -> R,
    ) -> Vec<StatementId> {
        self.with_lineages(self.in_turns(ids, rank))
    }

    /// By rank; where that is the same, signers take turns.
    fn in_turns<R: Ord + Copy>(
        &self,
        ids: impl IntoIterator<Item = StatementId>,
        rank: impl Fn(&StatementId, &Brief) -> R,
    ) -> Vec<StatementId> {
        let known = ids.into_iter().filter_map(|id| Some((id, self.briefs.get(&id)?)));
        let mut sorted: Vec<_> = known.map(|(id, brief)| (rank(&id, brief), brief.signer, brief.bytes, id)).collect();
        sorted.sort();
        let of_one = sorted.chunk_by(|one, next| (one.0, one.1) == (next.0, next.1));
        let mut turns: Vec<_> = of_one
            .flat_map(|of_one| of_one.iter().enumerate())
            .map(|(turn, (rank, signer, bytes, id))| (*rank, turn, self.depth(signer), *bytes, *id))
            .collect();
        turns.sort();
        turns.into_iter().map(|(.., id)| id).collect()
    }

    /// These, each once, and before each by which its signer is an owner.
    fn with_lineages(&self, ids: Vec<StatementId>) -> Vec<StatementId> {
        let (mut order, mut placed) = (Vec::with_capacity(ids.len()), BTreeSet::new());
        for id in ids {
            for id in self.lineage(id, &placed).into_iter().rev() {
                placed.insert(id);
                order.push(id);
            }
        }
        order
    }

    /// How many Admits away from the root an owner is; nobody else is nearer.
    fn depth(&self, node: &NodeId) -> usize {
        if *node == self.root { 0 } else { self.makers.get(node).map_or(usize::MAX, |maker| maker.depth) }
    }

    /// What a statement's whole lineage takes in a body.
    fn lineage_bytes(&self, id: &StatementId) -> usize {
        let before = |signer| self.makers.get(signer).map_or(0, |maker| maker.lineage_bytes);
        self.briefs.get(id).map_or(0, |brief| brief.bytes + before(&brief.signer))
    }

    /// A statement, and before it by which its signer is an owner, up to the root: but for what is placed.
    fn lineage(&self, mut id: StatementId, placed: &BTreeSet<StatementId>) -> Vec<StatementId> {
        let mut lineage = Vec::new();
        while !placed.contains(&id) {
            lineage.push(id);
            let Some(brief) = self.briefs.get(&id).filter(|brief| brief.signer != self.root) else { break };
            match self.makers.get(&brief.signer) {
                Some(maker) => id = maker.admit,
                None => break,
            }
        }
        lineage
    }
}

/// By which Admit each owner is one. None leads back to itself, since each is found from one found before.
fn makers(root: NodeId, briefs: &BTreeMap<StatementId, Brief>) -> BTreeMap<NodeId, Maker> {
    let mut by: BTreeMap<NodeId, Vec<(StatementId, NodeId, usize)>> = BTreeMap::new();
    for (id, brief) in briefs {
        if let Says::Admit(node, Role::Owner) = brief.says {
            by.entry(brief.signer).or_default().push((*id, node, brief.bytes));
        }
    }
    let (mut makers, mut next) = (BTreeMap::new(), VecDeque::from([(root, 0, 0)]));
    while let Some((signer, depth, bytes)) = next.pop_front() {
        for (admit, node, more_bytes) in by.remove(&signer).unwrap_or_default() {
            if node != root && !makers.contains_key(&node) {
                let maker = Maker { admit, depth: depth + 1, lineage_bytes: bytes + more_bytes };
                makers.insert(node, maker);
                next.push_back((node, maker.depth, maker.lineage_bytes));
            }
        }
    }
    makers
}

/// About how many bytes a statement takes in a body.
fn bytes_of(signed: &SignedStatement) -> usize {
    signed.frame.len() + signed.signature.len() + 8
}

#[cfg(test)]
mod tests;
