//! Which packages a member lacks, a page at a time, by path: the rule of `holding.rs` asked of one node about many
//! packages, where `holders.rs` asks it of many nodes about one.
//!
//! Invariants:
//! - It is about current revisions, and says of each what [`crate::Store::holders`] says of it at that moment.
//! - What the node's state doesn't prove to be lacking isn't listed; [`Lacking::untold`] says why there may be more.
//! - A page costs a bounded amount. A node that lacks little names all of that by its wants, or lacks it with the last
//!   events of some streams: then only those packages are looked at. Else the catalog is walked, as far as a page of it may go.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata};

use crate::digest::Digest;
use crate::error::Result;
use crate::event::StreamId;
use crate::holders::{self, Member, Told};
use crate::holding::{Holding, NotTold};
use crate::limits::{HOLDING_TAIL_EVENTS_MAX, STATE_WANTS_MAX};
use crate::log;
use crate::package::{self, Package, Viewer};
use crate::schema::{COVERED, LIVE_BLOBS, LOG, STREAMS, WANTS};
use crate::statement::Role;

/// Packages that a member lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// Its role.
    pub role: Role,
    /// Packages with how it stands with each: [`Holding::Wants`] or [`Holding::Behind`].
    pub items: Vec<(Package, Holding)>,
    /// The path after which the next page begins; `None` at the end. A page may be short and still have a next.
    pub next: Option<String>,
    /// Why it may lack more than can be told; `None` if all pages together are all that it lacks.
    pub untold: Option<NotTold>,
}

/// Up to `limit` packages after a path that a member lacks and that `keep` keeps.
pub(crate) fn page(
    read: &ReadTransaction,
    member: &Member,
    after: Option<&str>,
    limit: usize,
    keep: &mut dyn FnMut(&Package) -> bool,
) -> Result<Lacking> {
    let mut found = Found { read, member, keep, items: Vec::new() };
    let next = match suspects(read, member)? {
        Some(paths) => found.among(&paths, after, limit)?,
        None => found.in_catalog(after, limit)?,
    };
    let untold = match &member.told {
        Told::Own => None,
        Told::State(compared, _) => compared.untold(!read.open_table(COVERED)?.is_empty()?),
        Told::Nothing(why) => Some(*why),
    };
    Ok(Lacking { role: member.role, items: found.items, next, untold })
}

struct Found<'a> {
    read: &'a ReadTransaction,
    member: &'a Member,
    keep: &'a mut dyn FnMut(&Package) -> bool,
    items: Vec<(Package, Holding)>,
}

impl Found<'_> {
    fn among(&mut self, paths: &BTreeSet<String>, after: Option<&str>, limit: usize) -> Result<Option<String>> {
        let viewer = Viewer::new(self.read)?;
        let mut last = None;
        for path in paths.range::<str, _>((after.map_or(Unbounded, Excluded), Unbounded)) {
            if self.items.len() == limit {
                return Ok(last);
            }
            if let Some(package) = viewer.package(path)? {
                self.take(package)?;
            }
            last = Some(path.clone());
        }
        Ok(None)
    }

    fn in_catalog(&mut self, after: Option<&str>, limit: usize) -> Result<Option<String>> {
        let mut failed = None;
        let page = package::list(self.read, after, limit, &mut |package| {
            self.take(package.clone()).unwrap_or_else(|error| {
                failed.get_or_insert(error);
                false
            })
        })?;
        failed.map_or(Ok(page.next), Err)
    }

    /// Takes a package if the member lacks it; tells whether it does.
    fn take(&mut self, package: Package) -> Result<bool> {
        if !(self.keep)(&package) {
            return Ok(false);
        }
        let tags = package.meta.get("tags").map(String::as_str).unwrap_or_default();
        let holding = self.member.holding(self.read, &package.blob, || {
            holders::asked(self.read, package.path.as_str(), &package.revision, package.blob, tags)
        })?;
        let lacks = matches!(holding, Holding::Wants { .. } | Holding::Behind);
        if lacks {
            self.items.push((package, holding));
        }
        Ok(lacks)
    }
}

/// The paths of all packages that a member may be known to lack; `None` if they are too many to be worth it.
fn suspects(read: &ReadTransaction, member: &Member) -> Result<Option<BTreeSet<String>>> {
    let (wants, tails) = match &member.told {
        Told::Own => (own_wants(read)?, Vec::new()),
        Told::State(compared, _) => {
            (Some(compared.wanted().copied().collect()), compared.tails(&log::vector(&read.open_table(STREAMS)?)?))
        }
        Told::Nothing(_) => (Some(Vec::new()), Vec::new()),
    };
    let mut paths = BTreeSet::new();
    let Some(wants) = wants else { return Ok(None) };
    let all = add_wanted(read, &wants, &mut paths)? && add_tails(read, &tails, &mut paths)?;
    Ok(all.then_some(paths))
}

/// What this node wants; `None` if that is a lot.
fn own_wants(read: &ReadTransaction) -> Result<Option<Vec<Digest>>> {
    let table = read.open_table(WANTS)?;
    let rows = table.iter()?.take(STATE_WANTS_MAX + 1);
    let wants: Vec<Digest> = rows.map(|row| Ok(Digest::from_bytes(*row?.0.value()))).collect::<Result<_>>()?;
    Ok((wants.len() <= STATE_WANTS_MAX).then_some(wants))
}

/// Adds the paths at which blobs are live; false if they are too many.
fn add_wanted(read: &ReadTransaction, wants: &[Digest], paths: &mut BTreeSet<String>) -> Result<bool> {
    let table = read.open_table(LIVE_BLOBS)?;
    for blob in wants {
        for entry in table.range((blob.as_bytes(), "")..)? {
            let key = entry?.0;
            let (digest, path) = key.value();
            if digest != blob.as_bytes() {
                break;
            }
            paths.insert(path.to_owned());
            if paths.len() > HOLDING_TAIL_EVENTS_MAX {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Adds the paths of the last events of some streams; false if they are too many.
fn add_tails(read: &ReadTransaction, tails: &[(StreamId, u64)], paths: &mut BTreeSet<String>) -> Result<bool> {
    let log = read.open_table(LOG)?;
    let mut most = HOLDING_TAIL_EVENTS_MAX;
    for (stream, after) in tails {
        let Some(events) = holders::tail(read, stream, *after, most)? else { return Ok(false) };
        most -= events.len();
        for (_, lsn) in events {
            let (_, event) = log::at(&log, lsn)?;
            paths.extend(event.body.path().map(str::to_owned));
        }
    }
    Ok(true)
}
