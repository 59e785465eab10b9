//! What was seen of files in watched folders and what came of it, so that a restart re-hashes nothing and tells an edited
//! file from an old one.

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use crate::codec::{from_row, to_row};
use crate::digest::{Digest, EventId};
use crate::error::Result;
use crate::schema::{WATCH_MARKS, WATCHED};
use crate::time::UnixMillis;
use crate::tx::Tx;

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

/// What a mirror has to know of its folder after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchMark {
    /// What tells the folder from another one put in its place, as it was when it was last read.
    pub identity: u64,
    /// Since when the mirror asks before it unpublishes anything; none: it doesn't.
    pub asks_since: Option<UnixMillis>,
    /// The folder itself had been gone.
    pub folder_was_gone: bool,
}

/// What is remembered of a folder.
pub(crate) fn mark(table: &impl ReadableTable<&'static str, &'static [u8]>, folder: &str) -> Result<Option<WatchMark>> {
    table.get(folder)?.map(|row| from_row("a watched folder", row.value())).transpose()
}

/// Remembers a folder.
pub(crate) fn put_mark(tx: &Tx<'_>, folder: &str, mark: &WatchMark) -> Result<()> {
    tx.write(WATCH_MARKS)?.insert(folder, to_row(mark).as_slice())?;
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
