//! The invite that this node redeems while it doesn't know its inviter's answer.
//!
//! Invariants: one at a time. While a node is alone and may be admitted elsewhere without knowing it, it lets nobody into a
//! mesh of its own: it could take the other's root no more, and would be of neither. [`JOINING_HOLDS_MS`] later, by the clock
//! on the wall, whoever lets somebody in decides that it stays what it is, and the invite is forgotten in the transaction of
//! the Admit.

use redb::ReadableTable;

use crate::error::{Result, StoreError};
use crate::limits::JOINING_HOLDS_MS;
use crate::meta;
use crate::peers::JoiningRow;
use crate::schema::META;
use crate::time::UnixMillis;
use crate::tx::Tx;

/// Notes it in place of the one that was noted before, which is returned; the same one stays as it was first noted.
pub(crate) fn note(tx: &Tx<'_>, row: JoiningRow) -> Result<Option<JoiningRow>> {
    let before = read(&tx.read(META)?)?;
    if before.as_ref().is_some_and(|known| known.invite == row.invite) {
        return Ok(None);
    }
    tx.set_meta(&meta::JOINING, &Some(row))?;
    Ok(before)
}

/// Ends it, if it is still the one; `before` is what was noted before it, and is again.
pub(crate) fn end(tx: &Tx<'_>, invite: &str, before: Option<&JoiningRow>) -> Result<()> {
    let is_it = read(&tx.read(META)?)?.is_some_and(|known| known.invite == invite);
    if is_it { tx.set_meta(&meta::JOINING, &before.cloned()) } else { Ok(()) }
}

/// The one that is noted.
pub(crate) fn read(meta: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<Option<JoiningRow>> {
    Ok(meta::get(meta, &meta::JOINING)?.flatten())
}

/// Whether somebody may be let into this node's mesh.
pub(crate) fn check(tx: &Tx<'_>, now: UnixMillis) -> Result<()> {
    let held = read(&tx.read(META)?)?.is_some_and(|row| row.since.get().abs_diff(now.get()) < JOINING_HOLDS_MS);
    if held && tx.roster().is_alone(&tx.context.key.node_id()) { Err(StoreError::StillJoining) } else { Ok(()) }
}

/// The same when somebody is let in: then this node joins nobody any more, if it was alone.
pub(crate) fn settle(tx: &Tx<'_>, now: UnixMillis) -> Result<()> {
    check(tx, now)?;
    if tx.roster().is_alone(&tx.context.key.node_id()) && read(&tx.read(META)?)?.is_some() {
        tx.set_meta(&meta::JOINING, &None)?;
    }
    Ok(())
}
