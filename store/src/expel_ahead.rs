//! Expels that come ahead of the events they name.
//!
//! An Expel covers the events that it names and what came before those; what came before an event that isn't held, nobody can
//! tell. So who takes an Expel ahead of its tips lets go of packages that it lists again a moment later, or never if the
//! tips are lost. The meaning of a set of statements and events doesn't change for that: a stolen key's events must not count
//! by what is lacking. What can be chosen is when a statement comes into the set.
//!
//! - An Expel told by a peer **waits** here iff an event counts now that it doesn't cover as far as can be told
//!   ([`trust::is_ahead`]); it isn't one of this node, which has to stop minting; and it was first told less than
//!   [`EXPEL_WAIT_MS`] ago. A node that holds nothing of the expelled one thus takes it at once, and never shows anything of
//!   a stolen key. All other statements are taken meanwhile: what is held is then the set of a node that didn't hear of this
//!   Expel yet, and means what it means there.
//! - It is taken in the transaction that brings the last of its tips and of what came before these, before the events of that batch are
//!   folded, so that none of them counts for a moment which it doesn't cover; when its time is over, whatever is lacking: `node.alarm` then says
//!   what doesn't count; or when somebody expels that node here.
//! - Meanwhile it is told on: peers are told a digest of the statements held and of those that wait, so that all who don't know of
//!   it ask. And its node is **put out** here: nothing is taken from it any more, but for one page that brings
//!   all that is still lacking of some such Expel. What it offers in more pages than one comes from others, or not at all.
//! - In memory, and bounded: beyond [`EXPELS_AHEAD_MAX`] nothing waits. As with the roster, a transaction has its own view of them, which
//!   is everybody's once that is committed: so who is told of the commit sees what peers are told, and if it fails nothing changed.
//!   What was forgotten (this node stopped) is told again, for the digests of what is told differ. A clock that went back by more than that time ends the
//!   waiting. None begins to wait that couldn't be taken now, since its signer is no owner by what is held and told with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::digest::{NodeId, StatementId};
use crate::error::Result;
use crate::limits::{EXPEL_WAIT_MS, EXPELS_AHEAD_MAX};
use crate::statement::{Expel, Role, SignedStatement, Statement, StatementBody};
use crate::time::UnixMillis;
use crate::trust;
use crate::tx::Tx;

/// A verified statement.
pub(crate) type Told = (SignedStatement, Statement);

/// The Expels that wait.
#[derive(Debug, Default, Clone)]
pub(crate) struct ExpelsAhead(BTreeMap<StatementId, Waiting>);

#[derive(Debug, Clone)]
struct Waiting {
    told: Told,
    since: UnixMillis,
}

impl Waiting {
    fn expels(&self, node: &NodeId) -> bool {
        matches!(&self.told.1.body, StatementBody::Expel(expel) if expel.node == *node)
    }

    /// Whether all events are here that it names, and all that came before these.
    fn is_complete(&self, tx: &Tx<'_>) -> Result<bool> {
        match &self.told.1.body {
            StatementBody::Expel(Expel { node, tips, .. }) => trust::leaves_nothing_open(tx, node, tips),
            StatementBody::Admit(_) | StatementBody::Unknown { .. } => Ok(true),
        }
    }

    /// How long it still waits. Who asks may have looked at the clock before it came, a while ago if the disk is slow.
    fn left_ms(&self, now: UnixMillis) -> u64 {
        let left_ms = self.since.plus_ms(EXPEL_WAIT_MS).ms_since(now);
        if left_ms > 2 * EXPEL_WAIT_MS { 0 } else { left_ms }
    }
}

impl ExpelsAhead {
    /// How long one that is known still waits.
    fn left_ms(&self, id: &StatementId, now: UnixMillis) -> Option<u64> {
        self.0.get(id).map(|known| known.left_ms(now))
    }

    fn has_room(&self) -> bool {
        self.0.len() < EXPELS_AHEAD_MAX
    }

    /// The ids of those that wait.
    pub(crate) fn ids(&self) -> Vec<StatementId> {
        self.0.keys().copied().collect()
    }

    /// In how many milliseconds the next has waited long enough, if any waits.
    pub(crate) fn next_in_ms(&self, now: UnixMillis) -> Option<u64> {
        self.0.values().map(|waiting| waiting.left_ms(now)).min()
    }

    /// Those that wait.
    pub(crate) fn told(&self) -> Vec<Told> {
        self.0.values().map(|waiting| waiting.told.clone()).collect()
    }

    /// Whether one of them expels this node.
    pub(crate) fn expel(&self, node: &NodeId) -> bool {
        self.0.values().any(|waiting| waiting.expels(node))
    }
}

/// Of what a peer told, that which is taken now: the rest are Expels that wait.
pub(crate) fn to_take(tx: &Tx<'_>, now: UnixMillis, told: &[Told]) -> Result<Vec<Told>> {
    let (mut ahead, mut waits_since_now, mut taken) = (tx.expels_ahead(), false, Vec::new());
    let admissible: BTreeSet<StatementId> =
        trust::admissible(tx, told)?.into_iter().map(|(_, statement)| statement.id).collect();
    for said in told {
        let waits = match ahead.left_ms(&said.1.id, now) {
            Some(left_ms) => left_ms > 0,
            None if admissible.contains(&said.1.id) && ahead.has_room() && is_ahead(tx, &said.1)? => {
                let waiting = Waiting { told: said.clone(), since: now };
                Arc::make_mut(&mut ahead).0.insert(said.1.id, waiting);
                waits_since_now = true;
                true
            }
            None => false,
        };
        if !waits {
            taken.push(said.clone());
        }
    }
    if waits_since_now {
        tx.set_expels_ahead(ahead);
    }
    Ok(taken)
}

/// None of these waits any more: they are taken.
pub(crate) fn end(tx: &Tx<'_>, taken: &[Told]) {
    let mut ahead = tx.expels_ahead();
    if taken.iter().any(|(_, statement)| ahead.0.contains_key(&statement.id)) {
        let waiting = &mut Arc::make_mut(&mut ahead).0;
        waiting.retain(|id, _| taken.iter().all(|(_, statement)| statement.id != *id));
        tx.set_expels_ahead(ahead);
    }
}

/// Those by which another node expels this one that may do so now. (A key that was stolen expels its own node, too.)
pub(crate) fn by_owners(tx: &Tx<'_>, node: &NodeId) -> Vec<Told> {
    let (ahead, roster) = (tx.expels_ahead(), tx.roster());
    let is_by_owner = |waiting: &&Waiting| {
        let signer = &waiting.told.1.header.signer;
        waiting.expels(node) && signer != node && roster.role(signer) == Some(Role::Owner)
    };
    ahead.0.values().filter(is_by_owner).map(|waiting| waiting.told.clone()).collect()
}

fn is_ahead(tx: &Tx<'_>, statement: &Statement) -> Result<bool> {
    match &statement.body {
        StatementBody::Expel(expel) if expel.node != tx.context.key.node_id() => trust::is_ahead(tx, expel),
        StatementBody::Expel(_) | StatementBody::Admit(_) | StatementBody::Unknown { .. } => Ok(false),
    }
}

/// Those for which nothing is lacking any more. What they name and what came before is walked through for this, so a batch asks once,
/// and only if it brought something.
pub(crate) fn complete(tx: &Tx<'_>) -> Result<BTreeSet<StatementId>> {
    let mut complete = BTreeSet::new();
    for (id, waiting) in &tx.expels_ahead().0 {
        if waiting.is_complete(tx)? {
            complete.insert(*id);
        }
    }
    Ok(complete)
}

/// Those that wait for nothing any more: they are [`complete`], or their time is over.
pub(crate) fn ripe(tx: &Tx<'_>, now: UnixMillis, complete: &BTreeSet<StatementId>) -> Vec<Told> {
    let ahead = tx.expels_ahead();
    let ripe = ahead.0.iter().filter(|(id, waiting)| waiting.left_ms(now) == 0 || complete.contains(*id));
    ripe.map(|(_, waiting)| waiting.told.clone()).collect()
}

/// Whether a node is put out by Expels that wait, and none of them is [`complete`].
pub(crate) fn is_waited_for(tx: &Tx<'_>, node: &NodeId, complete: &BTreeSet<StatementId>) -> bool {
    let ahead = tx.expels_ahead();
    let mut expels = ahead.0.iter().filter(|(_, waiting)| waiting.expels(node)).peekable();
    expels.peek().is_some() && expels.all(|(id, _)| !complete.contains(id))
}
