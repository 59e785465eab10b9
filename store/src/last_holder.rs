//! What would be out of reach without another member: packages of which no other is known to have the bytes.
//!
//! Invariants:
//! - It is about current revisions, and asks the rule of `holding.rs`. Whoever is not proved to have the bytes counts as
//!   without them, so what is told is never too little.
//! - A package that the member itself is proved to lack is nothing that goes with it. That it hasn't heard of the current
//!   revision proves no lack of bytes that it met in another one, of any path: one that it minted, or had by its state.
//! - It walks the whole catalog, with a look-up a package where this node has the bytes itself (a few µs each), and one
//!   a member elsewhere; and, if the member is behind with what nobody else has, the whole log: for a decision that is
//!   made once, not for a page that is shown often.

use std::collections::BTreeSet;

use redb::{ReadTransaction, ReadableTable};

use crate::catalog::PackageRow;
use crate::codec::from_row;
use crate::digest::{Digest, NodeId};
use crate::error::{Result, StoreError};
use crate::event::Body;
use crate::holders::Survey;
use crate::holding::Holding;
use crate::limits::LAST_HOLDER_PATHS_MAX;
use crate::log;
use crate::path::PackagePath;
use crate::schema::{BLOBS, LOG, PACKAGES};

/// Packages that nobody but one member may have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LastHolder {
    /// How many.
    pub packages: u64,
    /// Their bytes; those of several packages alike count for each.
    pub bytes: u64,
    /// Their paths, in order: the first [`LAST_HOLDER_PATHS_MAX`].
    pub paths: Vec<PackagePath>,
}

/// What no member but `node`, which is not this one, is known to have, and it isn't known to lack.
pub(crate) fn only_on(read: &ReadTransaction, survey: &Survey, node: NodeId) -> Result<LastHolder> {
    let (only, behind) = walk(read, survey, node, &BTreeSet::new())?;
    let met = met_among(read, survey, node, &behind)?;
    if met.is_empty() { Ok(only) } else { Ok(walk(read, survey, node, &met)?.0) }
}

/// The same if `node` may have the blobs that it `met` though it is behind; and those that only it may have if it met them.
fn walk(
    read: &ReadTransaction,
    survey: &Survey,
    node: NodeId,
    met: &BTreeSet<Digest>,
) -> Result<(LastHolder, BTreeSet<Digest>)> {
    let (packages, blobs) = (read.open_table(PACKAGES)?, read.open_table(BLOBS)?);
    let (mut only, mut behind) = (LastHolder::default(), BTreeSet::new());
    for row in packages.iter()? {
        let (path, row) = row?;
        let row: PackageRow = from_row("a package", row.value())?;
        if blobs.get(row.blob.as_bytes())?.is_some() {
            continue;
        }
        let Some((_, holders)) = survey.holders(read, path.value())? else { continue };
        if holders.iter().any(|holder| holder.node != node && holder.holding == Holding::Has) {
            continue;
        }
        match holders.iter().find(|holder| holder.node == node).map(|holder| holder.holding) {
            None | Some(Holding::Wants { .. }) => continue,
            Some(Holding::Behind) if !met.contains(&row.blob) => {
                behind.insert(row.blob);
                continue;
            }
            Some(Holding::Behind | Holding::Has | Holding::NotKept | Holding::Unknown(_)) => {}
        }
        only.packages += 1;
        only.bytes += row.size;
        if only.paths.len() < LAST_HOLDER_PATHS_MAX {
            let corrupt = |_| StoreError::Corrupt { what: "the path of a package" };
            only.paths.push(PackagePath::parse(path.value()).map_err(corrupt)?);
        }
    }
    Ok((only, behind))
}

/// Those of these blobs that are of some revision which a member minted, or has by its state.
fn met_among(
    read: &ReadTransaction,
    survey: &Survey,
    node: NodeId,
    blobs: &BTreeSet<Digest>,
) -> Result<BTreeSet<Digest>> {
    let mut met = BTreeSet::new();
    if blobs.is_empty() {
        return Ok(met);
    }
    for row in read.open_table(LOG)?.iter()? {
        let (_, event) = log::read(row?.1.value())?;
        let Body::Publish(publish) = &event.body else { continue };
        let stream = &event.header.stream;
        if blobs.contains(&publish.blob) && (stream.origin == node || survey.covers(&node, stream, event.header.seq)) {
            met.insert(publish.blob);
        }
    }
    Ok(met)
}
