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
//!   of them counts for a moment which it doesn't cover; or by whoever asked the peer for its log, once there is no more;
//!   or when its time is over, whatever is lacking: `node.alarm` then says what doesn't count.
//! - In memory, and bounded: beyond [`EXPELS_AHEAD_MAX`] nothing waits. What was forgotten (this node stopped) is told again, for
//!   the digests of the rosters differ. One whose transaction failed waits on. A clock that went back by more than that time ends the
//!   waiting.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::ReadableTable;

use crate::digest::StatementId;
use crate::error::Result;
use crate::limits::{EXPEL_WAIT_MS, EXPELS_AHEAD_MAX};
use crate::schema::{EVENTS, STATEMENTS};
use crate::statement::{SignedStatement, Statement, StatementBody};
use crate::time::UnixMillis;
use crate::trust;
use crate::tx::Tx;

/// A verified statement.
type Told = (SignedStatement, Statement);

/// The Expels that wait.
#[derive(Debug, Default)]
pub(crate) struct ExpelsAhead(Mutex<BTreeMap<StatementId, Waiting>>);

#[derive(Debug)]
struct Waiting {
    told: Told,
    since: UnixMillis,
}

impl Waiting {
    /// How long it still waits. Who asks may have looked at the clock before it came, a while ago if the disk is slow.
    fn left_ms(&self, now: UnixMillis) -> u64 {
        let left_ms = self.since.plus_ms(EXPEL_WAIT_MS).ms_since(now);
        if left_ms > 2 * EXPEL_WAIT_MS { 0 } else { left_ms }
    }
}

impl ExpelsAhead {
    /// Whether this one may wait, or wait on; it is remembered then.
    fn may_wait(&self, told: &Told, now: UnixMillis) -> bool {
        let mut waiting = self.lock();
        if let Some(known) = waiting.get(&told.1.id) {
            return known.left_ms(now) > 0;
        }
        let has_room = waiting.len() < EXPELS_AHEAD_MAX;
        if has_room {
            waiting.insert(told.1.id, Waiting { told: told.clone(), since: now });
        }
        has_room
    }

    /// Whether none waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// In how many milliseconds the next has waited long enough, if any waits.
    pub(crate) fn next_in_ms(&self, now: UnixMillis) -> Option<u64> {
        self.lock().values().map(|waiting| waiting.left_ms(now)).min()
    }

    /// Forgets those that are held by now.
    pub(crate) fn forget_held(&self, statements: &impl ReadableTable<&'static [u8; 32], &'static [u8]>) -> Result<()> {
        let mut waiting = self.lock();
        let ids: Vec<StatementId> = waiting.keys().copied().collect();
        for id in ids {
            if statements.get(id.as_bytes())?.is_some() {
                waiting.remove(&id);
            }
        }
        Ok(())
    }

    /// Forgets all: another root decides who ever was an owner.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<StatementId, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Parts what a peer told, whose signers are or were owners, into what is taken now and the Expels that wait.
pub(crate) fn part(tx: &Tx<'_>, now: UnixMillis, told: &[Told]) -> Result<(Vec<Told>, Vec<Told>)> {
    let (mut taken, mut waiting) = (Vec::new(), Vec::new());
    for said in told {
        let waits = is_ahead(tx, &said.1)? && tx.context.expels_ahead.may_wait(said, now);
        if waits { waiting.push(said.clone()) } else { taken.push(said.clone()) }
    }
    Ok((taken, waiting))
}

fn is_ahead(tx: &Tx<'_>, statement: &Statement) -> Result<bool> {
    let StatementBody::Expel(expel) = &statement.body else { return Ok(false) };
    let is_own = expel.node == tx.context.key.node_id();
    Ok(!is_own && tx.read(STATEMENTS)?.get(statement.id.as_bytes())?.is_none() && trust::is_ahead(tx, expel)?)
}

/// Those that wait for nothing any more: all that they name is held, or their time is over.
pub(crate) fn ripe(tx: &Tx<'_>, now: UnixMillis) -> Result<Vec<Told>> {
    let mut ripe = Vec::new();
    for waiting in tx.context.expels_ahead.lock().values() {
        let StatementBody::Expel(expel) = &waiting.told.1.body else { continue };
        if waiting.left_ms(now) == 0 || trust::lacks_none(&tx.read(EVENTS)?, &expel.tips)? {
            ripe.push(waiting.told.clone());
        }
    }
    Ok(ripe)
}
