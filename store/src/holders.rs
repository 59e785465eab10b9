//! Who has the bytes of a package: the states held, read together with what this node holds, and asked by the rule of
//! `holding.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use redb::ReadableTable;

use crate::catalog::PackageRow;
use crate::codec::from_row;
use crate::digest::{Digest, EventId, NodeId};
use crate::error::{Result, StoreError};
use crate::event::StreamId;
use crate::expel_ahead::ExpelsAhead;
use crate::holding::{Asked, Compared, Here, Holding, NotTold};
use crate::limits::HOLDING_TAIL_EVENTS_MAX;
use crate::log;
use crate::node_state::{LinkBrief, low_sum};
use crate::reach::reach;
use crate::roster::Roster;
use crate::schema::{BLOBS, COVERED, EVENTS, LIVE_BLOBS, LOG, PACKAGES, STATEMENTS, STREAM_EVENTS, STREAMS, WANTS};
use crate::set_sum::SetSum;
use crate::statement::Role;
use crate::states;
use crate::tables::Tables;
use crate::trust;
use crate::wants;

/// A member, and whether it has a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The member.
    pub node: NodeId,
    /// Its role.
    pub role: Role,
    /// Whether it has the blob.
    pub holding: Holding,
}

/// All members as their states describe them, at one moment.
pub(crate) struct Survey {
    own: NodeId,
    members: Vec<Member>,
    /// Those that are reached, as all states tell.
    reached: BTreeSet<NodeId>,
}

/// A member, as it tells of itself.
pub(crate) struct Member {
    pub(crate) node: NodeId,
    pub(crate) role: Role,
    pub(crate) told: Told,
}

/// How new a state is: its counter, and when it came here, by the count of all that did.
///
/// The counter alone tells little of *when*: nodes pass what they hear in leaps ([`states::next_counter`]), so one that spoke
/// often may be far ahead of another's question without having heard it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Newness {
    pub(crate) counter: u64,
    pub(crate) arrival: u64,
}

impl Newness {
    /// Whether a state passes what it has to: in both.
    pub(crate) const fn passes(self, floor: Self) -> bool {
        self.counter > floor.counter && self.arrival > floor.arrival
    }

    /// What passes this counter, whenever it came.
    pub(crate) const fn of_counter(counter: u64) -> Self {
        Self { counter, arrival: 0 }
    }
}

pub(crate) enum Told {
    /// It is this node.
    Own,
    /// What its state says, and how new it is.
    State(Box<Compared>, Newness),
    Nothing(NotTold),
}

impl Survey {
    pub(crate) fn read(tables: &impl Tables, roster: &Arc<Roster>, own: NodeId) -> Result<Self> {
        let here = here(tables)?;
        let nodes: Vec<NodeId> = roster.nodes().map(|(node, _)| *node).collect();
        let mut members = Vec::new();
        for node in nodes {
            let Some(role) = roster.role(&node) else { continue };
            members.push(Member::read(tables, &here, own, node, role)?);
        }
        Ok(Self { own, members, reached: reached(tables, own)? })
    }

    /// The same without those of whom an Expel waits here: a thief may speak for them, and who relied on them would be left with nothing.
    pub(crate) fn without_put_out(mut self, expels_ahead: &ExpelsAhead) -> Self {
        self.members.retain(|member| !expels_ahead.expel(&member.node));
        self
    }

    /// Who has the current revision of a path; `None` if there is none.
    pub(crate) fn holders(&self, tables: &impl Tables, path: &str) -> Result<Option<(EventId, Vec<Holder>)>> {
        let Some(row) = package(tables, path)? else { return Ok(None) };
        let asked = asked(tables, path, &row.revision, row.blob, tags(&row))?;
        let holders = self.members.iter().map(|member| {
            let holding = member.holding(tables, &row.blob, || Ok(asked))?;
            Ok(Holder { node: member.node, role: member.role, holding })
        });
        Ok(Some((row.revision, holders.collect::<Result<_>>()?)))
    }

    /// Whether a member's state says that it has the events of a stream up to this one.
    pub(crate) fn covers(&self, node: &NodeId, stream: &StreamId, seq: u64) -> bool {
        self.members.iter().filter(|member| member.node == *node).any(|member| match &member.told {
            Told::State(compared, _) => compared.covers(stream, seq),
            Told::Own | Told::Nothing(_) => false,
        })
    }

    /// Whether the signed state of another node that may publish and is reached, and which passes `floor`, says that
    /// it has a blob, as the bytes of some current revision.
    pub(crate) fn publisher_has(&self, tables: &impl Tables, blob: &Digest, floor: Newness) -> Result<bool> {
        for path in wants::live_paths(&tables.table(LIVE_BLOBS)?, blob)? {
            let Some(row) = package(tables, &path)?.filter(|row| row.blob == *blob) else { continue };
            let asked = asked(tables, &path, &row.revision, row.blob, tags(&row))?;
            let has = |member: &&Member| match &member.told {
                Told::State(compared, newness) => newness.passes(floor) && compared.holding(&asked) == Holding::Has,
                Told::Own | Told::Nothing(_) => false,
            };
            let others = self.members.iter().filter(|member| member.node != self.own);
            let publishers = others.filter(|member| member.role >= Role::Publisher);
            if publishers.filter(|member| self.reached.contains(&member.node)).any(|member| has(&member)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Who is reached, by the newest states of all, this node's own among them.
fn reached(tables: &impl Tables, own: NodeId) -> Result<BTreeSet<NodeId>> {
    let states = states::list(tables)?;
    let links: BTreeMap<NodeId, &[LinkBrief]> = states
        .iter()
        .filter_map(|held| Some((held.state.header.node, held.state.body.as_ref()?.links.as_slice())))
        .collect();
    Ok(reach(own, &links).into_iter().filter(|(_, reach)| reach.up).map(|(node, _)| node).collect())
}

impl Member {
    /// What a member tells, compared with what is held here.
    pub(crate) fn read(tables: &impl Tables, here: &Here, own: NodeId, node: NodeId, role: Role) -> Result<Self> {
        let told = if node == own { Told::Own } else { told(tables, here, &node)? };
        Ok(Self { node, role, told })
    }

    /// Whether it has the bytes of a current revision, which is looked up only where that is needed.
    pub(crate) fn holding<'a>(
        &self,
        tables: &impl Tables,
        blob: &Digest,
        asked: impl FnOnce() -> Result<Asked<'a>>,
    ) -> Result<Holding> {
        match &self.told {
            Told::Own => own_holding(tables, blob),
            Told::State(compared, _) => Ok(compared.holding(&asked()?)),
            Told::Nothing(why) => Ok(Holding::Unknown(*why)),
        }
    }
}

/// What is held here, to compare with.
pub(crate) fn here(tables: &impl Tables) -> Result<Here> {
    let vector = log::vector(&tables.table(STREAMS)?)?;
    Ok(Here::new(&vector, trust::digest(&tables.table(STATEMENTS)?)?))
}

fn told(tables: &impl Tables, here: &Here, node: &NodeId) -> Result<Told> {
    let Some(held) = states::of(tables, node)? else { return Ok(Told::Nothing(NotTold::NoState)) };
    let newness = Newness { counter: held.state.header.counter, arrival: held.arrival };
    let Some(state) = held.state.body else { return Ok(Told::Nothing(NotTold::LaterVersion)) };
    let tail = |stream: &StreamId, after: u64| tail_sum(tables, stream, after);
    Ok(Told::State(Box::new(Compared::new(&state, here, &tail)?), newness))
}

/// The sum of the ids held of a stream after a seq; `None` if they are more than are looked at.
fn tail_sum(tables: &impl Tables, stream: &StreamId, after: u64) -> Result<Option<u64>> {
    let mut sum = SetSum::default();
    let tail = tail(tables, stream, after, HOLDING_TAIL_EVENTS_MAX)?;
    Ok(tail.map(|tail| {
        for (id, _) in &tail {
            sum.add(id.as_bytes());
        }
        low_sum(&sum)
    }))
}

/// The events held of a stream after a seq, with their Lsns; `None` if they are more than `most`.
pub(crate) fn tail(
    tables: &impl Tables,
    stream: &StreamId,
    after: u64,
    most: usize,
) -> Result<Option<Vec<(EventId, u64)>>> {
    let table = tables.table(STREAM_EVENTS)?;
    let Some(first) = after.checked_add(1) else { return Ok(Some(Vec::new())) };
    let origin = stream.origin.as_bytes();
    let rows = table.range((origin, stream.epoch, first, &[0; 32])..=(origin, stream.epoch, u64::MAX, &[0xff; 32]))?;
    let mut events = Vec::new();
    for row in rows {
        let (key, lsn) = row?;
        if events.len() == most {
            return Ok(None);
        }
        events.push((EventId::from_bytes(*key.value().3), lsn.value()));
    }
    Ok(Some(events))
}

fn package(tables: &impl Tables, path: &str) -> Result<Option<PackageRow>> {
    let table = tables.table(PACKAGES)?;
    table.get(path)?.map(|row| from_row("a package", row.value())).transpose()
}

/// The revision that is asked about, of a path with these comma-separated tags.
pub(crate) fn asked<'a>(
    tables: &impl Tables,
    path: &'a str,
    revision: &EventId,
    blob: Digest,
    tags: &'a str,
) -> Result<Asked<'a>> {
    let event = log::find(&tables.table(EVENTS)?, &tables.table(LOG)?, revision)?;
    let header = event.ok_or(StoreError::Corrupt { what: "a package's revision" })?.header;
    // What is current counts; so of an expelled node it is covered, and of nobody else.
    let of_expelled = tables.table(COVERED)?.get(revision.as_bytes())?.is_some();
    Ok(Asked { stream: header.stream, seq: header.seq, of_expelled, blob, path, tags })
}

fn tags(row: &PackageRow) -> &str {
    row.meta.get("tags").map(String::as_str).unwrap_or_default()
}

fn own_holding(tables: &impl Tables, blob: &Digest) -> Result<Holding> {
    if tables.table(BLOBS)?.get(blob.as_bytes())?.is_some() {
        return Ok(Holding::Has);
    }
    let table = tables.table(WANTS)?;
    let want = table.get(blob.as_bytes())?.map(|row| from_row::<wants::WantRow>("a want", row.value())).transpose()?;
    Ok(want.map_or(Holding::NotKept, |want| Holding::Wants { missing: want.size, rate: 0 }))
}
