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
//! - It is taken in the transaction that brings the last of its tips, before the events of that batch are folded, so that none
//!   of them counts for a moment which it doesn't cover; when its time is over, whatever is lacking: `node.alarm` then says
//!   what doesn't count; or when somebody expels that node here.
//! - Meanwhile it is told on: peers are told a digest of the statements held and of those that wait, so that all who don't know of
//!   it ask. And its node is **put out** here: nothing is taken from it any more, but for a batch that brings the last of the tips.
//! - In memory, and bounded: beyond [`EXPELS_AHEAD_MAX`] nothing waits. What was forgotten (this node stopped) is told again, for
//!   the digests of what is told differ. One whose transaction failed waits on. A clock that went back by more than that time ends the
//!   waiting. None waits that couldn't be taken when its time is over, since its signer is no owner by what is held.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::digest::{NodeId, StatementId};
use crate::error::Result;
use crate::limits::{EXPEL_WAIT_MS, EXPELS_AHEAD_MAX};
use crate::statement::{Role, SignedStatement, Statement, StatementBody};
use crate::time::UnixMillis;
use crate::trust;
use crate::tx::Tx;

/// A verified statement.
pub(crate) type Told = (SignedStatement, Statement);

/// The Expels that wait.
#[derive(Debug, Default)]
pub(crate) struct ExpelsAhead(Mutex<BTreeMap<StatementId, Waiting>>);

#[derive(Debug)]
struct Waiting {
    told: Told,
    since: UnixMillis,
}

impl Waiting {
    fn expels(&self, node: &NodeId) -> bool {
        matches!(&self.told.1.body, StatementBody::Expel(expel) if expel.node == *node)
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
        self.lock().get(id).map(|known| known.left_ms(now))
    }

    /// Has this one wait, if there is room.
    fn add(&self, told: &Told, now: UnixMillis) -> bool {
        let mut waiting = self.lock();
        let has_room = waiting.len() < EXPELS_AHEAD_MAX;
        if has_room {
            waiting.insert(told.1.id, Waiting { told: told.clone(), since: now });
        }
        has_room
    }

    /// The ids of those that wait.
    pub(crate) fn ids(&self) -> Vec<StatementId> {
        self.lock().keys().copied().collect()
    }

    /// In how many milliseconds the next has waited long enough, if any waits.
    pub(crate) fn next_in_ms(&self, now: UnixMillis) -> Option<u64> {
        self.lock().values().map(|waiting| waiting.left_ms(now)).min()
    }

    /// Those that wait.
    pub(crate) fn told(&self) -> Vec<SignedStatement> {
        self.lock().values().map(|waiting| waiting.told.0.clone()).collect()
    }

    /// Whether one of them expels this node.
    pub(crate) fn expel(&self, node: &NodeId) -> bool {
        self.lock().values().any(|waiting| waiting.expels(node))
    }

    /// Forgets those that were taken.
    pub(crate) fn forget(&self, taken: &[StatementId]) {
        let mut waiting = self.lock();
        for id in taken {
            waiting.remove(id);
        }
    }

    /// Forgets all: another root decides who ever was an owner.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<StatementId, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of what a peer told, that which is taken now: the rest are Expels that wait.
pub(crate) fn to_take(tx: &Tx<'_>, now: UnixMillis, told: &[Told]) -> Result<Vec<Told>> {
    let (ahead, mut taken) = (&tx.context.expels_ahead, Vec::new());
    let admissible: BTreeSet<StatementId> = ids(trust::admissible(tx, told)?).into_iter().collect();
    for said in told {
        let waits = match ahead.left_ms(&said.1.id, now) {
            Some(left_ms) => left_ms > 0,
            None if admissible.contains(&said.1.id) && is_ahead(tx, &said.1)? && ahead.add(said, now) => {
                tx.tell_of_roster();
                true
            }
            None => false,
        };
        if !waits {
            taken.push(said.clone());
        }
    }
    Ok(taken)
}

/// Their ids.
pub(crate) fn ids<'a>(told: impl IntoIterator<Item = &'a Told>) -> Vec<StatementId> {
    told.into_iter().map(|(_, statement)| statement.id).collect()
}

/// Those by which another node expels this one that may do so now. (A key that was stolen expels its own node, too.)
pub(crate) fn by_owners(tx: &Tx<'_>, node: &NodeId) -> Vec<Told> {
    let (waiting, roster) = (tx.context.expels_ahead.lock(), tx.roster());
    let is_by_owner = |waiting: &&Waiting| {
        let signer = &waiting.told.1.header.signer;
        waiting.expels(node) && signer != node && roster.role(signer) == Some(Role::Owner)
    };
    waiting.values().filter(is_by_owner).map(|waiting| waiting.told.clone()).collect()
}

fn is_ahead(tx: &Tx<'_>, statement: &Statement) -> Result<bool> {
    match &statement.body {
        StatementBody::Expel(expel) if expel.node != tx.context.key.node_id() => trust::is_ahead(tx, expel),
        StatementBody::Expel(_) | StatementBody::Admit(_) | StatementBody::Unknown { .. } => Ok(false),
    }
}

/// Those that wait for nothing any more: all that they name is held, or their time is over.
pub(crate) fn ripe(tx: &Tx<'_>, now: UnixMillis) -> Result<Vec<Told>> {
    let waiting =
        tx.context.expels_ahead.lock().values().map(|one| (one.told.clone(), one.left_ms(now))).collect::<Vec<_>>();
    let mut ripe = Vec::new();
    for (told, left_ms) in waiting {
        let StatementBody::Expel(expel) = &told.1.body else { continue };
        if left_ms == 0 || trust::lacks_none(tx, &expel.node, &expel.tips)? {
            ripe.push(told);
        }
    }
    Ok(ripe)
}
