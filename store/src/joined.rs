//! Whether all that was there before this node joined its mesh has come. Until then what pulls bring is no news: no webhook
//! fires for it, and its bytes come after those of what is published now.
//!
//! Invariants: it begins when the node takes a mesh's root, so never on one that others joined, and ends with the first
//! page of a pull after which the peer has nothing, in the same transaction, or when a peer is seen to hold nothing
//! else. So a pull that is cut, takes many turns, or goes on with another peer doesn't end it. It never begins again
//! under one root.
//!
//! The peer is the one that this node was linked with first, by whose invite it joined: others may have joined with it, and
//! be as empty. If that one isn't heard to the end within [`BACKFILL_FIRST_MS`], any will do, lest what is published be no
//! news for ever.

use redb::ReadableTable;

use crate::digest::NodeId;
use crate::error::Result;
use crate::limits::BACKFILL_FIRST_MS;
use crate::meta::{self, CAUGHT_UP};
use crate::peers;
use crate::schema::{META, PEERS};
use crate::time::UnixMillis;
use crate::tx::Tx;

pub(crate) fn is_backfilling(tx: &Tx<'_>) -> Result<bool> {
    is_backfilling_by(&*tx.read(META)?)
}

/// The same by the table that tells.
pub(crate) fn is_backfilling_by(meta: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<bool> {
    Ok(meta::get(meta, &CAUGHT_UP)? == Some(false))
}

/// The node takes a mesh's root.
pub(crate) fn begin(tx: &Tx<'_>) -> Result<()> {
    tx.set_meta(&CAUGHT_UP, &false)
}

/// A page of a pull from `node` is in; `is_all`: and nothing that it has is left.
pub(crate) fn pulled(tx: &Tx<'_>, node: &NodeId, is_all: bool, now: UnixMillis) -> Result<()> {
    if !is_backfilling(tx)? {
        return Ok(());
    }
    let is_end = is_all && counts(tx, node, now)?;
    tx.set_meta(&CAUGHT_UP, &is_end)
}

/// This node holds all that `node` does.
pub(crate) fn equals(tx: &Tx<'_>, node: &NodeId, now: UnixMillis) -> Result<()> {
    if is_backfilling(tx)? && counts(tx, node, now)? { tx.set_meta(&CAUGHT_UP, &true) } else { Ok(()) }
}

fn counts(tx: &Tx<'_>, node: &NodeId, now: UnixMillis) -> Result<bool> {
    let peers = peers::list(&*tx.read(PEERS)?)?;
    let first = peers.iter().min_by_key(|peer| (peer.added_at, peer.node));
    Ok(first.is_none_or(|first| first.node == *node || now.ms_since(first.added_at) >= BACKFILL_FIRST_MS))
}
