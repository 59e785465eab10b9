//! Statements in, and what they change: which events take effect.
//!
//! Invariant: after every transaction, for every path the rows of the catalog are what folding all events held, under the
//! roster held, gives. So when a statement changes a node's standing, every path that node wrote to is folded again; and
//! when an event of an expelled node arrives, so that more of its stream may be covered, likewise.

use std::collections::BTreeSet;
use std::sync::Arc;

use redb::ReadableTable;

use crate::catalog;
use crate::digest::{EventId, NodeId, SetDigest, StatementId};
use crate::error::{Result, StoreError};
use crate::event::Event;
use crate::journal::{self, Happening, Moment};
use crate::limits::STATEMENTS_MAX;
use crate::log;
use crate::meta;
use crate::path::PackagePath;
use crate::roster::{self, Roster, Standing};
use crate::schema::{COVERED, STATEMENTS, STREAM_EVENTS};
use crate::statement::{SignedStatement, Statement, StatementBody};
use crate::states;
use crate::tx::Tx;

/// Whether an event takes effect under the roster in force. Names are checked where events are minted; one that no
/// honest node mints (a path that isn't a valid [`PackagePath`] in NFC) has no effect anywhere.
pub(crate) fn is_effective(tx: &Tx<'_>, event: &Event) -> Result<bool> {
    let Some(path) = event.body.path() else { return Ok(false) };
    if PackagePath::parse(path).ok().as_ref().map(PackagePath::as_str) != Some(path) {
        return Ok(false);
    }
    let covered = tx.read(COVERED)?.get(event.id.as_bytes())?.is_some();
    Ok(tx.roster().takes_effect(&event.header.stream.origin, path, || covered))
}

/// Reads the statements held.
pub(crate) fn statements(table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>) -> Result<Vec<SignedStatement>> {
    let rows = table.iter()?.map(|entry| {
        let (_, row) = entry?;
        SignedStatement::from_stored(row.value()).ok_or(StoreError::Corrupt { what: "a roster statement" })
    });
    rows.collect()
}

/// The roster of the statements held.
pub(crate) fn load(table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>, root: NodeId) -> Result<Roster> {
    Ok(Roster::fold(root, &decode_all(table)?))
}

/// The roster's digest, as the table has it.
pub(crate) fn digest(table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>) -> Result<SetDigest> {
    let ids: Result<Vec<StatementId>> =
        table.iter()?.map(|entry| Ok(StatementId::from_bytes(*entry?.0.value()))).collect();
    Ok(roster::digest(ids?.into_iter()))
}

fn decode_all(table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>) -> Result<Vec<Statement>> {
    statements(table)?.iter().map(|signed| Ok(signed.decode()?)).collect()
}

/// Adds verified statements; tells how many were new. One that no ever-owner signed is passed over: it would have no
/// effect, and anybody could fill the roster with such.
pub(crate) fn insert(tx: &Tx<'_>, moment: Moment, arrived: &[(SignedStatement, Statement)]) -> Result<usize> {
    let root = tx.meta(&meta::ROOT)?;
    let mut all = decode_all(&tx.read(STATEMENTS)?)?;
    all.extend(arrived.iter().map(|(_, statement)| statement.clone()));
    let owners = roster::ever_owners(root, &all);
    let mut fresh = Vec::new();
    for (signed, statement) in arrived.iter().filter(|(_, statement)| owners.contains(&statement.header.signer)) {
        if tx.read(STATEMENTS)?.get(statement.id.as_bytes())?.is_none() {
            let mut table = tx.write(STATEMENTS)?;
            table.insert(statement.id.as_bytes(), signed.stored_bytes().as_slice())?;
            fresh.push(statement);
        }
    }
    if fresh.is_empty() {
        return Ok(0);
    }
    if redb::ReadableTableMetadata::len(&tx.read(STATEMENTS)?)? > STATEMENTS_MAX as u64 {
        return Err(StoreError::TooMany { what: "roster statements", max: STATEMENTS_MAX });
    }
    for statement in &fresh {
        note(tx, moment, statement)?;
    }
    reload(tx, moment)?;
    Ok(fresh.len())
}

fn note(tx: &Tx<'_>, moment: Moment, statement: &Statement) -> Result<()> {
    let by_node = statement.header.signer;
    let happening = match &statement.body {
        StatementBody::Admit(admit) => Happening::NodeAdmitted { node: admit.node, role: admit.role, by_node },
        StatementBody::Expel(expel) => Happening::NodeExpelled { node: expel.node, by_node },
        StatementBody::Unknown { .. } => return Ok(()),
    };
    journal::append(tx, moment, happening).map(drop)
}

/// Takes another mesh's root, while nobody else is known here.
pub(crate) fn take_root(tx: &Tx<'_>, moment: Moment, root: NodeId) -> Result<()> {
    if !tx.roster().is_alone(&tx.context.key.node_id()) {
        return Err(StoreError::NotAlone);
    }
    tx.set_meta(&meta::ROOT, &root)?;
    reload(tx, moment)
}

/// Folds the roster anew and, where a node's standing changed, the paths it wrote to.
fn reload(tx: &Tx<'_>, moment: Moment) -> Result<()> {
    let before = tx.roster();
    let after = load(&tx.read(STATEMENTS)?, tx.meta(&meta::ROOT)?)?;
    tx.set_roster(after);
    let after = tx.roster();
    states::drop_strangers(tx, &after)?;
    for node in changed_nodes(&before, &after) {
        recover_coverage(tx, &node)?;
        refold(tx, moment, &node)?;
    }
    Ok(())
}

fn changed_nodes(before: &Arc<Roster>, after: &Arc<Roster>) -> BTreeSet<NodeId> {
    let nodes = before.nodes().chain(after.nodes()).map(|(node, _)| *node);
    nodes.filter(|node| before.standing(node) != after.standing(node)).collect()
}

/// Fills the table of covered events, which is empty, under the roster of the statements held.
pub(crate) fn cover_all(tx: &Tx<'_>) -> Result<()> {
    tx.set_roster(load(&tx.read(STATEMENTS)?, tx.meta(&meta::ROOT)?)?);
    let roster = tx.roster();
    let mut expelled = roster.nodes().filter(|(_, standing)| standing.is_expelled());
    expelled.try_for_each(|(node, _)| recover_coverage(tx, node).map(drop))
}

/// After an event of an expelled node came: what it covers may count now.
pub(crate) fn event_of_expelled_arrived(tx: &Tx<'_>, moment: Moment, origin: &NodeId) -> Result<()> {
    if recover_coverage(tx, origin)? {
        refold(tx, moment, origin)?;
    }
    Ok(())
}

/// Computes anew which events of an expelled node every Expel covers; tells whether that changed.
fn recover_coverage(tx: &Tx<'_>, node: &NodeId) -> Result<bool> {
    let roster = tx.roster();
    let none = Standing::default();
    let mut expels = roster.standing(node).unwrap_or(&none).expels.iter();
    let mut covered = expels.next().map(|tips| ancestry(tx, tips)).transpose()?.unwrap_or_default();
    for tips in expels {
        let also = ancestry(tx, tips)?;
        covered.retain(|id| also.contains(id));
    }
    let mut changed = false;
    for (id, _) in log::events_of(tx, node)? {
        let mut table = tx.write(COVERED)?;
        changed |= if covered.contains(&id) {
            table.insert(id.as_bytes(), ())?.is_none()
        } else {
            table.remove(id.as_bytes())?.is_some()
        };
    }
    Ok(changed)
}

/// The events held among `tips` and their ancestors by `prev`.
fn ancestry(tx: &Tx<'_>, tips: &[EventId]) -> Result<BTreeSet<EventId>> {
    let mut found = BTreeSet::new();
    let mut below = tips.to_vec();
    while let Some(id) = below.pop() {
        if let Some(event) = log::event(tx, &id)?
            && found.insert(id)
        {
            below.push(event.header.prev);
        }
    }
    Ok(found)
}

fn refold(tx: &Tx<'_>, moment: Moment, node: &NodeId) -> Result<()> {
    let mut paths = BTreeSet::new();
    for (id, _) in log::events_of(tx, node)? {
        let event = log::event(tx, &id)?.ok_or(StoreError::Corrupt { what: "the index of streams" })?;
        paths.extend(event.body.path().map(str::to_owned));
    }
    paths.iter().try_for_each(|path| catalog::refold(tx, moment, path))
}

/// Whether this node has minted anything.
pub(crate) fn has_events(tx: &Tx<'_>, node: &NodeId) -> Result<bool> {
    let table = tx.read(STREAM_EVENTS)?;
    let zeros = [0; 32];
    let mut rows = table.range((node.as_bytes(), 0, 0, &zeros)..=(node.as_bytes(), u64::MAX, u64::MAX, &[0xff; 32]))?;
    Ok(rows.next().transpose()?.is_some())
}
