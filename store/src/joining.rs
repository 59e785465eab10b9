//! The invite that this node redeems while it doesn't know its inviter's answer.
//!
//! Invariants: one at a time. While a node is alone and may be admitted elsewhere without knowing it, it lets nobody into a
//! mesh of its own: it could take the other's root no more, and would be of neither. After [`HOLDS_MS`] whoever lets somebody
//! in decides that it stays what it is, and the invite is forgotten in the same transaction.

use crate::error::{Result, StoreError};
use crate::meta;
use crate::schema::META;
use crate::time::UnixMillis;
use crate::tx::Tx;

/// So long a lost answer keeps a node that is alone from letting others in.
const HOLDS_MS: u64 = 3_600_000;

/// Before somebody is let into this node's mesh.
pub(crate) fn settle(tx: &Tx<'_>, now: UnixMillis) -> Result<()> {
    if !tx.roster().is_alone(&tx.context.key.node_id()) {
        return Ok(());
    }
    let Some(row) = meta::get(&tx.read(META)?, &meta::JOINING)?.flatten() else { return Ok(()) };
    if row.since.get().abs_diff(now.get()) < HOLDS_MS {
        return Err(StoreError::StillJoining);
    }
    tx.set_meta(&meta::JOINING, &None)
}
