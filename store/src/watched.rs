//! What was seen of files in watched folders and what came of it, so that a restart re-hashes nothing and tells an edited
//! file from an old one.

use std::collections::BTreeSet;

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use crate::codec::{from_row, to_row};
use crate::digest::{Digest, EventId};
use crate::error::Result;
use crate::schema::{WATCH_MARKS, WATCHED, WATCHES};
use crate::short_ids::WatchId;
use crate::time::UnixMillis;
use crate::tx::Tx;
use crate::watches;

/// What became of a watched file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchOutcome {
    /// Its bytes were published as this revision, or were current already.
    Published(EventId),
    /// Its bytes are an older revision of the path.
    Superseded,
    /// It was not taken.
    Refused(String),
}

/// A file as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedFile {
    /// Its length.
    pub bytes: u64,
    /// Its modification time, nanoseconds since 1970.
    pub modified_ns: i64,
    /// Its inode; 0 where there is none.
    pub inode: u64,
    /// Its bytes' name; none if they were not read.
    pub digest: Option<Digest>,
    /// What became of it.
    pub outcome: WatchOutcome,
}

/// What a mirror has to know of its folder after a restart. It is there from a mirror's first look on, and as long as the watch
/// mirrors: what was deleted before, or in between, is not the mirror's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchMark {
    /// What tells the folder from another one put in its place, as it was when it was last read.
    pub identity: u64,
    /// Since when the mirror asks before it unpublishes anything; none: it doesn't.
    pub asks_since: Option<UnixMillis>,
    /// The folder itself had been gone.
    pub folder_was_gone: bool,
}

/// What a mirror has to know of its folder.
pub(crate) fn mark(table: &impl ReadableTable<&'static str, &'static [u8]>, id: WatchId) -> Result<Option<WatchMark>> {
    table.get(id.to_string().as_str())?.map(|row| from_row("a mirror's folder", row.value())).transpose()
}

/// Remembers that, unless the watch was changed since `version`: what was seen under other rules is not the mirror's.
pub(crate) fn put_mark(tx: &Tx<'_>, id: WatchId, version: u64, mark: &WatchMark) -> Result<bool> {
    if watches::version(&tx.read(WATCHES)?, id)? != version {
        return Ok(false);
    }
    tx.write(WATCH_MARKS)?.insert(id.to_string().as_str(), to_row(mark).as_slice())?;
    Ok(true)
}

/// Forgets it: should the watch mirror again, it begins with what is there then.
pub(crate) fn remove_mark(tx: &Tx<'_>, id: WatchId) -> Result<()> {
    tx.write(WATCH_MARKS)?.remove(id.to_string().as_str())?;
    Ok(())
}

/// Whether there are marks of other watches than `mirrors`.
pub(crate) fn has_other_marks(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    mirrors: &BTreeSet<String>,
) -> Result<bool> {
    for entry in table.iter()? {
        if !mirrors.contains(entry?.0.value()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Forgets those.
pub(crate) fn remove_other_marks(tx: &Tx<'_>, mirrors: &BTreeSet<String>) -> Result<()> {
    tx.write(WATCH_MARKS)?.retain(|id, _| mirrors.contains(id))?;
    Ok(())
}

/// What is remembered of a file.
pub(crate) fn get(table: &impl ReadableTable<&'static str, &'static [u8]>, file: &str) -> Result<Option<WatchedFile>> {
    table.get(file)?.map(|row| from_row("a watched file", row.value())).transpose()
}

/// What is remembered of the files whose names begin with `prefix`.
pub(crate) fn list(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    prefix: &str,
) -> Result<Vec<(String, WatchedFile)>> {
    let mut files = Vec::new();
    for entry in table.range(prefix..)? {
        let (file, row) = entry?;
        if !file.value().starts_with(prefix) {
            break;
        }
        files.push((file.value().to_owned(), from_row("a watched file", row.value())?));
    }
    Ok(files)
}

/// Remembers a file.
pub(crate) fn put(tx: &Tx<'_>, file: &str, seen: &WatchedFile) -> Result<()> {
    tx.write(WATCHED)?.insert(file, to_row(seen).as_slice())?;
    Ok(())
}

/// Forgets a file.
pub(crate) fn remove(tx: &Tx<'_>, file: &str) -> Result<()> {
    tx.write(WATCHED)?.remove(file)?;
    Ok(())
}
