//! What would be out of reach without another member: packages of which no other is known to have the bytes.
//!
//! Invariants:
//! - It is about current revisions, and asks the rule of `holding.rs`. Whoever is not proved to have the bytes counts as
//!   without them, so what is told is never too little.
//! - A package that the member itself is proved to lack is nothing that goes with it. A state older than a revision of the
//!   member's own proves no lack: who minted it had the bytes.
//! - It walks the whole catalog, with a look-up a package where this node has the bytes itself (a few µs each), and one
//!   a member elsewhere: for a decision that is made once, not for a page that is shown often.

use redb::{ReadTransaction, ReadableTable};

use crate::catalog::PackageRow;
use crate::codec::from_row;
use crate::digest::{EventId, NodeId};
use crate::error::{Result, StoreError};
use crate::holders::Survey;
use crate::holding::Holding;
use crate::limits::LAST_HOLDER_PATHS_MAX;
use crate::log;
use crate::path::PackagePath;
use crate::schema::{BLOBS, EVENTS, LOG, PACKAGES};

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
    let (packages, blobs) = (read.open_table(PACKAGES)?, read.open_table(BLOBS)?);
    let mut only = LastHolder::default();
    for row in packages.iter()? {
        let (path, row) = row?;
        let row: PackageRow = from_row("a package", row.value())?;
        if blobs.get(row.blob.as_bytes())?.is_some() {
            continue;
        }
        let Some((revision, holders)) = survey.holders(read, path.value())? else { continue };
        let is_elsewhere = holders.iter().any(|holder| holder.node != node && holder.holding == Holding::Has);
        let own_word = holders.iter().find(|holder| holder.node == node).map(|holder| holder.holding);
        let lacks = match own_word {
            None | Some(Holding::Wants { .. }) => true,
            Some(Holding::Behind) => origin(read, &revision)? != node,
            Some(Holding::Has | Holding::NotKept | Holding::Unknown(_)) => false,
        };
        if !is_elsewhere && !lacks {
            only.packages += 1;
            only.bytes += row.size;
            if only.paths.len() < LAST_HOLDER_PATHS_MAX {
                let corrupt = |_| StoreError::Corrupt { what: "the path of a package" };
                only.paths.push(PackagePath::parse(path.value()).map_err(corrupt)?);
            }
        }
    }
    Ok(only)
}

/// Who minted a revision.
fn origin(read: &ReadTransaction, revision: &EventId) -> Result<NodeId> {
    let event = log::find(&read.open_table(EVENTS)?, &read.open_table(LOG)?, revision)?;
    Ok(event.ok_or(StoreError::Corrupt { what: "a package's revision" })?.header.stream.origin)
}
