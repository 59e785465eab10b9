//! Watches: what people ask for, and what is remembered of watched files.

use super::Store;
use crate::error::Result;
use crate::journal::Moment;
use crate::publish::Author;
use crate::schema::{WATCH_MARKS, WATCH_ORDERS, WATCHED, WATCHES};
use crate::short_ids::WatchId;
use crate::time::UnixMillis;
use crate::watched::{self, WatchMark, WatchedFile};
use crate::watches::{self, WatchError, WatchOrder, WatchOrders, WatchPatch, WatchRow, WatchSettings};

impl Store {
    /// The watches that were made while the node ran, oldest first.
    pub fn watches(&self) -> Result<Vec<WatchRow>> {
        watches::list(&self.read()?.open_table(WATCHES)?)
    }

    /// One of them.
    pub fn watch(&self, id: WatchId) -> Result<WatchRow> {
        watches::get(&self.read()?.open_table(WATCHES)?, id)?.ok_or_else(|| WatchError::NoSuchWatch(id).into())
    }

    /// The version that a watch is at; 0 where none was made: it is one that the configuration names, or is gone.
    pub fn watch_version(&self, id: WatchId) -> Result<u64> {
        watches::version(&self.read()?.open_table(WATCHES)?, id)
    }

    /// Makes a watch. Whether its folder may be watched is the caller's matter.
    pub fn create_watch(&self, settings: &WatchSettings, author: &Author, now: UnixMillis) -> Result<WatchRow> {
        let (settings, author) = (settings.clone(), author.clone());
        self.write(move |tx| watches::create(tx, Moment::live(now), &settings, &author))
    }

    /// Changes a watch, if it is at version `expected`.
    pub fn edit_watch(
        &self,
        id: WatchId,
        patch: &WatchPatch,
        expected: Option<u64>,
        author: &Author,
        now: UnixMillis,
    ) -> Result<WatchRow> {
        let (patch, author) = (patch.clone(), author.clone());
        self.write(move |tx| watches::edit(tx, Moment::live(now), id, &patch, expected, &author))
    }

    /// Removes a watch, if it is at version `expected`. What it published stays.
    pub fn remove_watch(
        &self,
        id: WatchId,
        expected: Option<u64>,
        author: &Author,
        now: UnixMillis,
    ) -> Result<WatchRow> {
        let author = author.clone();
        self.write(move |tx| watches::remove(tx, Moment::live(now), id, expected, &author))
    }

    /// Asks something of a watch, which may be one that the configuration names.
    pub fn order_watch(&self, id: WatchId, order: WatchOrder, author: &Author, now: UnixMillis) -> Result<()> {
        let author = author.clone();
        self.write(move |tx| watches::order(tx, Moment::live(now), id, order, &author))
    }

    /// What was asked of a watch.
    pub fn watch_orders(&self, id: WatchId) -> Result<WatchOrders> {
        watches::orders(&self.read()?.open_table(WATCH_ORDERS)?, id)
    }

    /// What a mirror has to know of its folder after a restart.
    pub fn watch_mark(&self, id: WatchId) -> Result<Option<WatchMark>> {
        watched::mark(&self.read()?.open_table(WATCH_MARKS)?, id)
    }

    /// Remembers that, as long as the watch is at `version` (0: it is one that the configuration names); whether it is.
    pub fn put_watch_mark(&self, id: WatchId, version: u64, mark: WatchMark) -> Result<bool> {
        self.write(move |tx| watched::put_mark(tx, id, version, &mark))
    }

    /// Forgets what all watches but `mirrors` knew of their folders.
    pub fn keep_watch_marks(&self, mirrors: impl IntoIterator<Item = WatchId>) -> Result<()> {
        let mirrors = mirrors.into_iter().map(|id| id.to_string()).collect();
        if !watched::has_other_marks(&self.read()?.open_table(WATCH_MARKS)?, &mirrors)? {
            return Ok(());
        }
        self.write(move |tx| watched::remove_other_marks(tx, &mirrors))
    }

    /// What is remembered of a watched file.
    pub fn watched_file(&self, file: &str) -> Result<Option<WatchedFile>> {
        watched::get(&self.read()?.open_table(WATCHED)?, file)
    }

    /// What is remembered of the watched files whose names begin with `prefix`.
    pub fn watched_files(&self, prefix: &str) -> Result<Vec<(String, WatchedFile)>> {
        watched::list(&self.read()?.open_table(WATCHED)?, prefix)
    }

    /// Remembers a watched file.
    pub fn put_watched_file(&self, file: &str, seen: &WatchedFile) -> Result<()> {
        let (file, seen) = (file.to_owned(), seen.clone());
        self.write(move |tx| watched::put(tx, &file, &seen))
    }

    /// Remembers several.
    pub fn put_watched_files(&self, files: Vec<(String, WatchedFile)>) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        self.write(move |tx| files.iter().try_for_each(|(file, seen)| watched::put(tx, file, seen)))
    }

    /// Forgets a watched file.
    pub fn remove_watched_file(&self, file: &str) -> Result<()> {
        let file = file.to_owned();
        self.write(move |tx| watched::remove(tx, &file))
    }
}
