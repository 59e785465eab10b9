//! When every node that wants a package has it: one record, `package.replicated`, for each revision.
//!
//! Invariants:
//! - What waits is a durable row (`replicating`: path → revision, since when), made from the journal by a cursor and
//!   ended in the transaction of the record. So each revision is told once, and none is forgotten by a restart.
//! - Only what came after this node joined waits: a backfill fires no webhook, and so waits for nothing.
//! - A revision that is replaced or removed meanwhile waits no more.

use redb::{ReadableTable, ReadableTableMetadata};
use serde::{Deserialize, Serialize};

use crate::codec::{from_row, to_row};
use crate::digest::{EventId, NodeId};
use crate::error::Result;
use crate::holders::{Holder, Survey};
use crate::holding::{Holding, NotTold};
use crate::journal::{self, Happening, Moment, Record};
use crate::limits::{PAGE_ROWS_MAX, REPLICATING_CHECKED_MAX, REPLICATING_MAX};
use crate::lsn::Lsn;
use crate::meta;
use crate::schema::{JOURNAL, META, REPLICATING};
use crate::store::Store;
use crate::time::UnixMillis;
use crate::tx::Tx;

/// So many records that nothing follows from are read again before the cursor moves past them.
const READ_IN_VAIN: usize = 100;
/// Pages of such records that one step passes over.
const PAGES_IN_VAIN_MAX: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    revision: EventId,
    since: UnixMillis,
}

/// What one step of watching replication found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplicationStep {
    /// Packages that every node that wants them has now; each has its record.
    pub replicated: usize,
    /// Packages that some node still lacks, as far as this step looked.
    pub waiting: Vec<Waiting>,
    /// There is more to look at than one step does.
    pub more: bool,
    /// Where the next step goes on.
    pub next: Option<String>,
}

/// A package that some node lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its path.
    pub path: String,
    /// The revision.
    pub revision: EventId,
    /// Since when, by this node's clock.
    pub since: UnixMillis,
    /// Who lacks it, and how that is known.
    pub lacking: Vec<(NodeId, Holding)>,
}

/// Whether nothing is to be waited for: the node has the bytes, or doesn't keep them by itself.
pub fn is_settled(holding: &Holding) -> bool {
    matches!(holding, Holding::Has | Holding::NotKept | Holding::Unknown(NotTold::OnDemand))
}

impl Store {
    /// Reads what the journal says since the last step, and looks at some of what waits, after the path `after`.
    pub fn watch_replication(&self, after: Option<&str>, now: UnixMillis) -> Result<ReplicationStep> {
        let read_more = self.read_journal()?;
        let (mut done, mut step) = (Vec::new(), ReplicationStep { more: read_more, ..ReplicationStep::default() });
        if !self.read()?.open_table(REPLICATING)?.is_empty()? {
            let (roster, read) = (self.roster(), self.read()?);
            let survey = Survey::read(&read, &roster, self.node_id())?;
            for entry in read.open_table(REPLICATING)?.range(after.unwrap_or_default()..)? {
                let (path, row) = entry?;
                if after == Some(path.value()) {
                    continue;
                }
                if done.len() + step.waiting.len() >= REPLICATING_CHECKED_MAX {
                    step.more = true;
                    break;
                }
                let row: Row = from_row("a package that is replicating", row.value())?;
                step.next = Some(path.value().to_owned());
                match survey.holders(&read, path.value())? {
                    Some((revision, holders)) if revision == row.revision => match lacking(&holders) {
                        lacking if lacking.is_empty() => done.push((path.value().to_owned(), row, true)),
                        lacking => step.waiting.push(Waiting {
                            path: path.value().to_owned(),
                            revision,
                            since: row.since,
                            lacking,
                        }),
                    },
                    _ => done.push((path.value().to_owned(), row, false)),
                }
            }
        }
        if !step.more {
            step.next = None;
        }
        step.replicated = done.iter().filter(|(.., replicated)| *replicated).count();
        if !done.is_empty() {
            self.write(move |tx| end(tx, Moment::live(now), &done))?;
        }
        Ok(step)
    }

    /// Whether anything waits, or the journal has records that were not looked at.
    pub fn is_replicating(&self) -> Result<bool> {
        let read = self.read()?;
        let cursor = meta::get(&read.open_table(META)?, &meta::REPLICATION_CURSOR)?.unwrap_or_default();
        Ok(!read.open_table(REPLICATING)?.is_empty()? || cursor < self.head().get())
    }

    /// Takes up what the journal says; tells whether there is more.
    fn read_journal(&self) -> Result<bool> {
        let (mut reached, mut read_records, mut more, mut records) = (0, 0, true, Vec::new());
        {
            let read = self.read()?;
            let values = read.open_table(META)?;
            reached = meta::get(&values, &meta::REPLICATION_CURSOR)?.unwrap_or(reached);
            let bounds = (meta::need(&values, &meta::JOURNAL_PRUNED)?, meta::need(&values, &meta::HEAD)?);
            let (journal, idle) = (read.open_table(JOURNAL)?, read.open_table(REPLICATING)?.is_empty()?);
            for _ in 0..PAGES_IN_VAIN_MAX {
                let page = journal::page(&journal, bounds, Lsn::new(reached).into(), PAGE_ROWS_MAX)?;
                reached = page.items.last().map_or(reached, |record| record.lsn.get());
                read_records += page.items.len();
                more = page.next.is_some();
                // Where nothing waits nothing ends before something begins to wait: a backfill is passed over.
                let concerning = page.items.into_iter().filter(|record| concerns(&record.what));
                records.extend(concerning.skip_while(|record| idle && !begins_to_wait(record)));
                if !more || !records.is_empty() {
                    break;
                }
            }
        }
        // Other records alone don't cost a commit each time.
        if !records.is_empty() || read_records >= READ_IN_VAIN {
            self.write(move |tx| {
                records.iter().try_for_each(|record| take_up(tx, record))?;
                tx.set_meta(&meta::REPLICATION_CURSOR, &reached)
            })?;
        }
        Ok(more)
    }
}

fn concerns(what: &Happening) -> bool {
    matches!(
        what,
        Happening::PackagePublished { .. } | Happening::PackageReplaced { .. } | Happening::PackageRemoved { .. }
    )
}

fn begins_to_wait(record: &Record) -> bool {
    let is_publish = !matches!(record.what, Happening::PackageRemoved { .. });
    is_publish && !record.backfill
}

fn take_up(tx: &Tx<'_>, record: &Record) -> Result<()> {
    let mut table = tx.write(REPLICATING)?;
    match &record.what {
        Happening::PackagePublished { path, event } | Happening::PackageReplaced { path, event, .. } => {
            let has_room = table.len()? < REPLICATING_MAX;
            if !record.backfill && has_room {
                let row = Row { revision: *event, since: record.at };
                table.insert(path.as_str(), to_row(&row).as_slice())?;
            } else {
                table.remove(path.as_str())?;
            }
        }
        Happening::PackageRemoved { path, .. } => drop(table.remove(path.as_str())?),
        _ => {}
    }
    Ok(())
}

/// Ends what waited, unless another revision came meanwhile; tells of what has arrived.
fn end(tx: &Tx<'_>, moment: Moment, done: &[(String, Row, bool)]) -> Result<()> {
    for (path, row, replicated) in done {
        let held = tx.read(REPLICATING)?.get(path.as_str())?.map(|held| from_row::<Row>("a package", held.value()));
        if held.transpose()? != Some(*row) {
            continue;
        }
        tx.write(REPLICATING)?.remove(path.as_str())?;
        if *replicated {
            let what = Happening::PackageReplicated { path: path.clone(), event: row.revision };
            journal::append(tx, moment, what)?;
        }
    }
    Ok(())
}

fn lacking(holders: &[Holder]) -> Vec<(NodeId, Holding)> {
    let lacking = holders.iter().filter(|holder| !is_settled(&holder.holding));
    lacking.map(|holder| (holder.node, holder.holding)).collect()
}
