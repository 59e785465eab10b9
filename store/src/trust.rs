//! Statements in, and what they change: which events take effect.
//!
//! Invariant: after every transaction, for every path the rows of the catalog are what folding all events held, under the
//! roster held, gives. So when a statement changes a node's standing, every path that node wrote to is folded again; and
//! when events of an expelled node arrive, so that more of its stream may be covered, likewise: once a batch, at its end.

use std::collections::BTreeSet;
use std::sync::Arc;

use redb::{ReadableTable, ReadableTableMetadata};

use crate::catalog::{self, News};
use crate::digest::{EventId, NodeId, SetDigest, StatementId};
use crate::error::{Result, StoreError};
use crate::event::Event;
use crate::joined;
use crate::journal::{self, Happening, Moment};
use crate::limits::STATEMENTS_MAX;
use crate::log;
use crate::meta;
use crate::path::PackagePath;
use crate::roster::{self, Expelled, Roster, Standing};
use crate::schema::{COVERED, EVENTS, LOG, STATEMENTS, STREAM_EVENTS};
use crate::statement::{Admit, Expel, SignedStatement, Statement, StatementBody};
use crate::states;
use crate::tables::Tables;
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
    table.iter()?.map(|entry| stored(entry?.1.value())).collect()
}

/// A row of the statements.
pub(crate) fn stored(row: &[u8]) -> Result<SignedStatement> {
    SignedStatement::from_stored(row).ok_or(StoreError::Corrupt { what: "a roster statement" })
}

/// The roster of the statements held.
pub(crate) fn load(table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>, root: NodeId) -> Result<Roster> {
    Ok(Roster::fold(root, &decode_all(table)?))
}

/// The roster's digest, as the table has it.
pub(crate) fn digest(table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>) -> Result<SetDigest> {
    Ok(roster::digest(ids(table)?.into_iter()))
}

/// The ids of the statements held.
pub(crate) fn ids(table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>) -> Result<Vec<StatementId>> {
    table.iter()?.map(|entry| Ok(StatementId::from_bytes(*entry?.0.value()))).collect()
}

/// The statements held, decoded.
pub(crate) fn decode_all(table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>) -> Result<Vec<Statement>> {
    table.iter()?.map(|entry| Ok(stored(entry?.1.value())?.decode()?)).collect()
}

/// Those of verified statements that are new. Passed over are those that no ever-owner signed, since they would
/// have no effect and anybody could fill the roster with such; and Admits beyond the cap, which an owner's stolen key
/// may have reached, but not Expels: that key must be put out in any case.
pub(crate) fn admissible<'a>(
    tx: &Tx<'_>,
    arrived: &'a [(SignedStatement, Statement)],
) -> Result<Vec<&'a (SignedStatement, Statement)>> {
    let (roster, table) = (tx.roster(), tx.read(STATEMENTS)?);
    let owners = roster.ever_owners().with(arrived.iter().map(|(_, statement)| statement));
    let held = usize::try_from(table.len()?).unwrap_or(usize::MAX);
    let (mut room, mut known) = (STATEMENTS_MAX.saturating_sub(held), BTreeSet::new());
    let mut fresh = Vec::new();
    for told in arrived.iter().filter(|(_, statement)| owners.contains(&statement.header.signer)) {
        let statement = &told.1;
        let fits = room > 0 || matches!(statement.body, StatementBody::Expel(_));
        if fits && table.get(statement.id.as_bytes())?.is_none() && known.insert(statement.id) {
            room = room.saturating_sub(1);
            fresh.push(told);
        }
    }
    // Who would be an owner by an Admit for which there is no room is none.
    let owners = roster.ever_owners().with(fresh.iter().map(|(_, statement)| statement));
    fresh.retain(|(_, statement)| owners.contains(&statement.header.signer));
    Ok(fresh)
}

/// Adds those of verified statements that are [`admissible`]; tells how many. What follows from them waits in `news`.
pub(crate) fn insert(
    tx: &Tx<'_>,
    moment: Moment,
    arrived: &[(SignedStatement, Statement)],
    news: &mut News,
) -> Result<usize> {
    let mut fresh = Vec::new();
    for (signed, statement) in admissible(tx, arrived)? {
        tx.write(STATEMENTS)?.insert(statement.id.as_bytes(), signed.stored_bytes().as_slice())?;
        fresh.push(statement);
    }
    if !fresh.is_empty() {
        let ahead = expels_ahead(tx, &fresh)?;
        reload(tx, moment, &fresh, news)?;
        ahead.iter().try_for_each(|node| warn_of_lacking(tx, moment, node))?;
    }
    Ok(fresh.len())
}

/// Whom else than this node statements expel that are about to come into force ahead of the events they name.
fn expels_ahead(tx: &Tx<'_>, fresh: &[&Statement]) -> Result<BTreeSet<NodeId>> {
    let (own, mut ahead) = (tx.context.key.node_id(), BTreeSet::new());
    for statement in fresh {
        if let StatementBody::Expel(expel) = &statement.body
            && expel.node != own
            && is_ahead(tx, expel)?
        {
            ahead.insert(expel.node);
        }
    }
    Ok(ahead)
}

fn warn_of_lacking(tx: &Tx<'_>, moment: Moment, node: &NodeId) -> Result<()> {
    let detail = format!(
        "node {node} was expelled by a word that names events of it which this node lacks, or which follow such: until these come, \
         packages that it published don't count here, and are not listed. Bring back a node that has these events, or publish the packages anew"
    );
    journal::alarm(tx, moment, "expel_incomplete", detail).map(drop)
}

/// Whether an Expel that isn't in force would have an event not count that counts now, which it may cover once all events are held that
/// it names, and all that came before these.
pub(crate) fn is_ahead(tx: &Tx<'_>, expel: &Expel) -> Result<bool> {
    let Ancestry { held: covered, lacks_none } = ancestry(tx, &expel.node, &expel.tips)?;
    if lacks_none {
        return Ok(false);
    }
    for (id, _) in log::events_of(tx, &expel.node)? {
        if !covered.contains(&id) {
            let event = log::event(tx, &id)?.ok_or(StoreError::Corrupt { what: "the index of streams" })?;
            if is_effective(tx, &event)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Whether all events are held that an Expel names: a look at each, where all that came before is to be walked only if they are.
fn are_held(tables: &impl Tables, tips: &[EventId]) -> Result<bool> {
    let events = tables.table(EVENTS)?;
    for id in tips {
        if events.get(id.as_bytes())?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether an Expel of a node can cover nothing that isn't held: all that it names is, and all that came before that. The second doesn't
/// follow from the first: an event is taken after any of the number before, so where a node was rolled back or its key stolen a twin may
/// be held in place of its `prev`. A `prev` that was made up never comes, but no honest owner's Expel names what follows one.
pub(crate) fn leaves_nothing_open(tables: &impl Tables, node: &NodeId, tips: &[EventId]) -> Result<bool> {
    Ok(are_held(tables, tips)? && ancestry(tables, node, tips)?.lacks_none)
}

/// The expelled nodes of which an Expel [leaves something open](leaves_nothing_open): which of theirs count isn't known.
pub(crate) fn undecided(tables: &impl Tables, roster: &Roster) -> Result<BTreeSet<NodeId>> {
    let mut undecided = BTreeSet::new();
    for (node, standing) in roster.nodes() {
        for Expelled { tips, .. } in &standing.expels {
            if !leaves_nothing_open(tables, node, tips)? {
                undecided.insert(*node);
                break;
            }
        }
    }
    Ok(undecided)
}

/// Journals who was admitted, if that changed what it may do, and who was expelled. What a node finds when it joins is
/// no news, but for its own part in it.
fn note(tx: &Tx<'_>, moment: Moment, before: &Roster, statement: &Statement) -> Result<()> {
    let (by_node, own) = (statement.header.signer, tx.context.key.node_id());
    let (node, happening) = match &statement.body {
        StatementBody::Admit(Admit { node, role, .. }) => {
            if !tx.roster().is_member(node) || before.standing(node) == tx.roster().standing(node) {
                return Ok(());
            }
            (*node, Happening::NodeAdmitted { node: *node, role: *role, by_node })
        }
        StatementBody::Expel(Expel { node, .. }) => (*node, Happening::NodeExpelled { node: *node, by_node }),
        StatementBody::Unknown { .. } => return Ok(()),
    };
    let backfill = moment.backfill || (before.is_alone(&own) && by_node != own && node != own);
    journal::append(tx, Moment { backfill, ..moment }, happening)?;
    if node == own && tx.roster().is_expelled(&own) {
        let detail = format!(
            "this node was expelled from its mesh by owner {by_node}: it can't publish, and no other node speaks with it. To \
             take part again it needs a new key: begin with an empty data folder and join by a new invite"
        );
        journal::alarm(tx, moment, "expelled", detail)?;
    }
    Ok(())
}

/// Takes another mesh's root, while nobody else is known here.
pub(crate) fn take_root(tx: &Tx<'_>, moment: Moment, root: NodeId) -> Result<()> {
    if !tx.roster().is_alone(&tx.context.key.node_id()) {
        return Err(StoreError::NotAlone);
    }
    tx.set_meta(&meta::ROOT, &root)?;
    // Another root decides who ever was an owner.
    tx.set_expels_ahead(Arc::default());
    joined::begin(tx)?;
    let mut news = News::default();
    reload(tx, moment, &[], &mut news)?;
    news.settle(tx)
}

/// Folds the roster anew, tells what is new and, where a node's standing changed, folds the paths it wrote to.
fn reload(tx: &Tx<'_>, moment: Moment, fresh: &[&Statement], news: &mut News) -> Result<()> {
    let before = tx.roster();
    let after = load(&tx.read(STATEMENTS)?, tx.meta(&meta::ROOT)?)?;
    tx.set_roster(after);
    let after = tx.roster();
    states::drop_strangers(tx, &after)?;
    fresh.iter().try_for_each(|statement| note(tx, moment, &before, statement))?;
    let changed = changed_nodes(&before, &after);
    changed.iter().try_for_each(|node| recover_coverage(tx, node).map(drop))?;
    refold(tx, moment, &changed, news)
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

/// After events of these nodes came: what those of an expelled node cover may count now. Once for all events of a batch, since
/// it looks at all that are held of the node.
pub(crate) fn events_of_expelled_arrived(
    tx: &Tx<'_>,
    moment: Moment,
    origins: &BTreeSet<NodeId>,
    news: &mut News,
) -> Result<()> {
    let (roster, mut changed) = (tx.roster(), BTreeSet::new());
    for origin in origins.iter().filter(|origin| roster.is_expelled(origin)) {
        let covered = covered_by_all(tx, origin)?;
        // Events only ever join what is covered. So where nothing is, nothing was, and not all that is held is looked at.
        if !covered.is_empty() && set_coverage(tx, origin, &covered)? {
            changed.insert(*origin);
        }
    }
    refold(tx, moment, &changed, news)
}

/// Computes anew which events of an expelled node every Expel covers; tells whether that changed.
fn recover_coverage(tx: &Tx<'_>, node: &NodeId) -> Result<bool> {
    set_coverage(tx, node, &covered_by_all(tx, node)?)
}

/// The events held that every Expel of a node covers; none if nobody expelled it.
fn covered_by_all(tx: &Tx<'_>, node: &NodeId) -> Result<BTreeSet<EventId>> {
    let roster = tx.roster();
    let none = Standing::default();
    let mut expels = roster.standing(node).unwrap_or(&none).expels.iter();
    let mut covered = match expels.next() {
        Some(Expelled { tips, .. }) => ancestry(tx, node, tips)?.held,
        None => return Ok(BTreeSet::new()),
    };
    for Expelled { tips, .. } in expels {
        if covered.is_empty() {
            break;
        }
        let also = ancestry(tx, node, tips)?.held;
        covered.retain(|id| also.contains(id));
    }
    Ok(covered)
}

/// Has these of the events held of a node be the covered ones; tells whether that changed any.
fn set_coverage(tx: &Tx<'_>, node: &NodeId, covered: &BTreeSet<EventId>) -> Result<bool> {
    let mut changed = false;
    for (id, _) in log::events_of(tx, node)? {
        let counts = covered.contains(&id);
        if tx.read(COVERED)?.get(id.as_bytes())?.is_some() == counts {
            continue;
        }
        changed = true;
        let mut table = tx.write(COVERED)?;
        if counts {
            table.insert(id.as_bytes(), ())?;
        } else {
            table.remove(id.as_bytes())?;
        }
    }
    Ok(changed)
}

/// Events of a node and what came before them.
struct Ancestry {
    /// Those that are held.
    held: BTreeSet<EventId>,
    /// That is all of them.
    lacks_none: bool,
}

/// The events of a node among `tips`, and those that came before them in their streams, by `prev`. What another node signed leads nowhere:
/// nobody looks again at what is covered when it comes. Nor does a `prev` that isn't the event before: no honest node mints such.
fn ancestry(tables: &impl Tables, node: &NodeId, tips: &[EventId]) -> Result<Ancestry> {
    let (events, log) = (tables.table(EVENTS)?, tables.table(LOG)?);
    let mut ancestry = Ancestry { held: BTreeSet::new(), lacks_none: true };
    for tip in tips {
        let (mut id, mut place) = (*tip, None);
        // Each as far down as no other tip has led already.
        while !ancestry.held.contains(&id) {
            let Some(Event { header, .. }) = log::find(&events, &log, &id)? else {
                ancestry.lacks_none = false;
                break;
            };
            let is_next = place.is_none_or(|place| place == (header.stream, header.seq));
            if header.stream.origin != *node || !is_next {
                break;
            }
            ancestry.held.insert(id);
            if header.seq == 1 {
                break;
            }
            (id, place) = (header.prev, Some((header.stream, header.seq - 1)));
        }
    }
    Ok(ancestry)
}

/// Folds every path anew that these nodes wrote to, each once. What follows waits in `news` until all are folded: a blob that
/// leaves one path may be live at another then, and who waits for it must not be forgotten in between.
fn refold(tx: &Tx<'_>, moment: Moment, nodes: &BTreeSet<NodeId>, news: &mut News) -> Result<()> {
    let mut paths = BTreeSet::new();
    for node in nodes {
        for (id, _) in log::events_of(tx, node)? {
            let event = log::event(tx, &id)?.ok_or(StoreError::Corrupt { what: "the index of streams" })?;
            paths.extend(event.body.path().map(str::to_owned));
        }
    }
    paths.iter().try_for_each(|path| catalog::refold(tx, moment, path, news))
}

/// Whether this node has minted anything.
pub(crate) fn has_events(tx: &Tx<'_>, node: &NodeId) -> Result<bool> {
    let table = tx.read(STREAM_EVENTS)?;
    let zeros = [0; 32];
    let mut rows = table.range((node.as_bytes(), 0, 0, &zeros)..=(node.as_bytes(), u64::MAX, u64::MAX, &[0xff; 32]))?;
    Ok(rows.next().transpose()?.is_some())
}
