//! Watches that were made while the node ran, and what people ask of watches.
//!
//! A row of `watches` is what people asked for. `watch_orders` is what they asked to be done now, also of watches that the
//! configuration names: a counter, or a decision, that whoever watches compares with what it has seen. So nobody calls the
//! watcher, and what was asked outlives a restart.
//!
//! Invariants:
//! - Of the folders in `watches` none is another or lies in another.
//! - Not here: whether a folder may be watched at all (`watch.roots`, links). That is the node's.

use std::collections::BTreeSet;
use std::path::Path;

use redb::{ReadableTable, ReadableTableMetadata};
use serde::{Deserialize, Serialize};

use crate::audit::{self, Deed, Facts, facts};
use crate::codec::{from_row, to_row};
use crate::digest::Digest;
use crate::error::{Result, StoreError};
use crate::journal::{self, Happening, Moment};
use crate::limits::{WATCH_FOLDER_BYTES_MAX, WATCHES_MAX};
use crate::path::PackagePath;
use crate::publish::{Author, check_tag, check_tags, check_visible};
use crate::schema::{WATCH_ORDERS, WATCHES};
use crate::short_ids::WatchId;
use crate::time::UnixMillis;
use crate::tx::Tx;
use crate::watched;

/// The longest that a file may have to rest, and that a folder may go without being read anew: a day.
pub const WATCH_SECONDS_MAX: u64 = 86_400;

/// What goes wrong with watches alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// No watch has this id.
    #[error("there is no watch {0}; `ods watch ls` lists them")]
    NoSuchWatch(WatchId),
    /// The folder is watched already, or lies in one that is, or around it.
    #[error("{folder} and {other}, which is watched already, lie in one another: its files would be published twice")]
    FolderTaken {
        /// The folder asked for.
        folder: String,
        /// The one that is watched.
        other: String,
    },
}

/// What becomes of a watched file that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WatchMode {
    /// It stays; an edited file becomes a new revision, a deleted one stays published.
    #[default]
    Keep,
    /// It is moved into the store.
    Consume,
    /// It stays; deleting it unpublishes the package, within guards.
    Mirror,
}

impl WatchMode {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Consume => "consume",
            Self::Mirror => "mirror",
        }
    }
}

/// How a folder is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchSettings {
    /// The folder, absolute.
    pub folder: String,
    /// The folder of the catalog that its files are published in; empty: the top.
    pub prefix: String,
    /// Tags that its packages get.
    pub tags: Vec<String>,
    /// What becomes of a file that was taken.
    pub mode: WatchMode,
    /// How long a file must rest before it is taken, seconds.
    pub settle_s: u64,
    /// How often the folder is read anew whatever events say, seconds.
    pub rescan_s: u64,
    /// Whether it is watched at the moment.
    pub enabled: bool,
}

/// How a watch is to change; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchPatch {
    /// Another folder, absolute.
    pub folder: Option<String>,
    /// Another folder of the catalog.
    pub prefix: Option<String>,
    /// Other tags.
    pub tags: Option<Vec<String>>,
    /// What becomes of a file that was taken.
    pub mode: Option<WatchMode>,
    /// How long a file must rest before it is taken, seconds.
    pub settle_s: Option<u64>,
    /// How often the folder is read anew, seconds.
    pub rescan_s: Option<u64>,
    /// Whether it is watched.
    pub enabled: Option<bool>,
}

impl WatchPatch {
    fn on(&self, before: &WatchSettings) -> WatchSettings {
        let before = before.clone();
        WatchSettings {
            folder: self.folder.clone().unwrap_or(before.folder),
            prefix: self.prefix.clone().unwrap_or(before.prefix),
            tags: self.tags.clone().unwrap_or(before.tags),
            mode: self.mode.unwrap_or(before.mode),
            settle_s: self.settle_s.unwrap_or(before.settle_s),
            rescan_s: self.rescan_s.unwrap_or(before.rescan_s),
            enabled: self.enabled.unwrap_or(before.enabled),
        }
    }
}

/// What is kept of a watch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchRow {
    /// Its id.
    pub id: WatchId,
    /// Goes up with every change.
    pub version: u64,
    /// What people set.
    pub settings: WatchSettings,
    /// When it was made.
    pub created_at: UnixMillis,
    /// By whom.
    pub by: String,
}

/// What people asked a watch to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WatchOrders {
    /// How often somebody asked to have the folder read at once.
    pub scans: u64,
    /// Of a mirror that asks: the set of missing files that somebody wants unpublished.
    pub confirmed: Option<Digest>,
}

/// What somebody asks of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchOrder {
    /// Read the folder at once.
    Scan,
    /// Unpublish this set of missing files.
    Confirm(Digest),
}

/// Makes a watch.
pub(crate) fn create(tx: &Tx<'_>, moment: Moment, settings: &WatchSettings, author: &Author) -> Result<WatchRow> {
    if tx.read(WATCHES)?.len()? >= WATCHES_MAX as u64 {
        return Err(StoreError::TooMany { what: "watches", max: WATCHES_MAX });
    }
    let row = WatchRow {
        id: WatchId::new(tx.context.entropy.bytes()),
        version: 1,
        settings: checked(tx, settings, None)?,
        created_at: moment.now,
        by: author.as_str().to_owned(),
    };
    put(tx, &row)?;
    audit::append(tx, moment, author, &Deed::made("watch.created", row.id, told(&row.settings)))?;
    note(tx, moment, &row, "created", author)?;
    Ok(row)
}

/// Changes a watch, if it is at `expected`.
pub(crate) fn edit(
    tx: &Tx<'_>,
    moment: Moment,
    id: WatchId,
    patch: &WatchPatch,
    expected: Option<u64>,
    author: &Author,
) -> Result<WatchRow> {
    let before = find(tx, id, expected)?;
    let settings = checked(tx, &patch.on(&before.settings), Some(&before))?;
    if settings == before.settings {
        author.told();
        return Ok(before);
    }
    let row = WatchRow { version: before.version + 1, settings, ..before.clone() };
    if (&row.settings.folder, row.settings.mode) != (&before.settings.folder, before.settings.mode) {
        watched::remove_mark(tx, id)?;
    }
    put(tx, &row)?;
    let (was, is) = (told(&before.settings), told(&row.settings));
    audit::append(tx, moment, author, &Deed::changed("watch.changed", id, was, is))?;
    note(tx, moment, &row, "changed", author)?;
    Ok(row)
}

/// Removes a watch, if it is at `expected`. What it published stays.
pub(crate) fn remove(
    tx: &Tx<'_>,
    moment: Moment,
    id: WatchId,
    expected: Option<u64>,
    author: &Author,
) -> Result<WatchRow> {
    let row = find(tx, id, expected)?;
    tx.write(WATCHES)?.remove(id.as_bytes())?;
    tx.write(WATCH_ORDERS)?.remove(id.as_bytes())?;
    watched::remove_mark(tx, id)?;
    tx.changed(|effects| effects.watches_changed = true);
    audit::append(tx, moment, author, &Deed::ended("watch.removed", id, told(&row.settings)))?;
    note(tx, moment, &row, "removed", author)?;
    Ok(row)
}

/// Asks something of a watch, which may be one that the configuration names: whether there is one is the caller's matter.
pub(crate) fn order(tx: &Tx<'_>, moment: Moment, id: WatchId, order: WatchOrder, author: &Author) -> Result<()> {
    let mut orders = orders(&tx.read(WATCH_ORDERS)?, id)?;
    let deed = match order {
        WatchOrder::Scan => {
            orders.scans = orders.scans.wrapping_add(1);
            Deed::made("watch.scan_asked", id, Facts::new())
        }
        WatchOrder::Confirm(missing) => {
            orders.confirmed = Some(missing);
            Deed::made("watch.confirmed", id, facts([("missing", missing.to_string())]))
        }
    };
    tx.write(WATCH_ORDERS)?.insert(id.as_bytes(), to_row(&orders).as_slice())?;
    tx.changed(|effects| effects.watches_changed = true);
    audit::append(tx, moment, author, &deed).map(drop)
}

/// All watches, oldest first.
pub(crate) fn list(table: &impl ReadableTable<&'static [u8; 8], &'static [u8]>) -> Result<Vec<WatchRow>> {
    let rows: Result<Vec<WatchRow>> = table.iter()?.map(|entry| from_row("a watch", entry?.1.value())).collect();
    let mut rows = rows?;
    rows.sort_by_key(|row| (row.created_at, row.id));
    Ok(rows)
}

/// One watch.
pub(crate) fn get(
    table: &impl ReadableTable<&'static [u8; 8], &'static [u8]>,
    id: WatchId,
) -> Result<Option<WatchRow>> {
    table.get(id.as_bytes())?.map(|row| from_row("a watch", row.value())).transpose()
}

/// The version that a watch is at; 0 where none was made: it is one that the configuration names, or is gone.
pub(crate) fn version(table: &impl ReadableTable<&'static [u8; 8], &'static [u8]>, id: WatchId) -> Result<u64> {
    Ok(get(table, id)?.map_or(0, |row| row.version))
}

/// What was asked of a watch.
pub(crate) fn orders(table: &impl ReadableTable<&'static [u8; 8], &'static [u8]>, id: WatchId) -> Result<WatchOrders> {
    let row = table.get(id.as_bytes())?.map(|row| from_row("a watch's orders", row.value())).transpose()?;
    Ok(row.unwrap_or_default())
}

fn find(tx: &Tx<'_>, id: WatchId, expected: Option<u64>) -> Result<WatchRow> {
    let row = get(&tx.read(WATCHES)?, id)?.ok_or(WatchError::NoSuchWatch(id))?;
    match expected {
        Some(version) if version != row.version => Err(StoreError::Changed { what: "the watch", version: row.version }),
        Some(_) | None => Ok(row),
    }
}

fn put(tx: &Tx<'_>, row: &WatchRow) -> Result<()> {
    tx.write(WATCHES)?.insert(row.id.as_bytes(), to_row(row).as_slice())?;
    tx.changed(|effects| effects.watches_changed = true);
    Ok(())
}

fn note(tx: &Tx<'_>, moment: Moment, row: &WatchRow, change: &str, author: &Author) -> Result<()> {
    let happening = Happening::WatchChanged {
        watch: row.id.to_string(),
        folder: row.settings.folder.clone(),
        change: change.to_owned(),
        by: author.as_str().to_owned(),
    };
    journal::append(tx, moment, happening).map(drop)
}

/// The settings in their normal form, beside all other watches. What the watch had `before`, perhaps from an earlier
/// version, may stay.
fn checked(tx: &Tx<'_>, settings: &WatchSettings, before: Option<&WatchRow>) -> Result<WatchSettings> {
    let (own, before) = (before.map(|row| row.id), before.map(|row| &row.settings));
    let bad = |field: &'static str, reason: String| Err(StoreError::BadName { field, reason });
    if settings.folder.len() > WATCH_FOLDER_BYTES_MAX {
        return bad("folder", format!("must have at most {WATCH_FOLDER_BYTES_MAX} bytes"));
    }
    let prefix = match settings.prefix.trim_matches('/') {
        "" => String::new(),
        _ if before.is_some_and(|before| before.prefix == settings.prefix) => settings.prefix.clone(),
        // Below another one nothing could be published.
        prefix => match PackagePath::parse(prefix).and_then(|path| path.check_new().map(|()| path)) {
            Ok(path) => path.to_string(),
            Err(error) => return bad("prefix", error.to_string()),
        },
    };
    if !settings.tags.is_empty() {
        let reason = |error: StoreError| match error {
            StoreError::BadMeta { reason, .. } => StoreError::BadName { field: "tags", reason },
            other => other,
        };
        check_tags(&settings.tags.join(",")).map_err(reason)?;
        let is_new = |tag: &&String| before.is_none_or(|before| !before.tags.contains(tag));
        for tag in settings.tags.iter().filter(is_new) {
            check_tag(tag).map_err(|reason| StoreError::BadName { field: "tags", reason })?;
            check_visible(tag).map_err(reason)?;
        }
    }
    if settings.settle_s > WATCH_SECONDS_MAX {
        return bad("settle_s", format!("is from 0 to {WATCH_SECONDS_MAX}"));
    }
    if settings.rescan_s == 0 || settings.rescan_s > WATCH_SECONDS_MAX {
        return bad("rescan_s", format!("is from 1 to {WATCH_SECONDS_MAX}"));
    }
    let others = list(&tx.read(WATCHES)?)?;
    if let Some(other) = others.iter().find(|row| Some(row.id) != own && overlap(&row.settings, settings)) {
        let (folder, other) = (settings.folder.clone(), other.settings.folder.clone());
        return Err(WatchError::FolderTaken { folder, other }.into());
    }
    // As of packages: a tag is there or not.
    let mut seen = BTreeSet::new();
    let tags = settings.tags.iter().filter(|tag| seen.insert(*tag)).cloned().collect();
    Ok(WatchSettings { prefix, tags, ..settings.clone() })
}

fn overlap(one: &WatchSettings, other: &WatchSettings) -> bool {
    let (one, other) = (Path::new(&one.folder), Path::new(&other.folder));
    one.starts_with(other) || other.starts_with(one)
}

fn told(settings: &WatchSettings) -> Facts {
    facts([
        ("folder", settings.folder.clone()),
        ("prefix", settings.prefix.clone()),
        ("tags", audit::list(&settings.tags)),
        ("mode", settings.mode.as_str().to_owned()),
        ("settle_s", settings.settle_s.to_string()),
        ("rescan_s", settings.rescan_s.to_string()),
        ("enabled", settings.enabled.to_string()),
    ])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::SimDisk;
    use crate::{Store, StoreOptions};

    const NOW: UnixMillis = UnixMillis::new(1);

    #[test]
    fn what_a_watch_has_from_an_earlier_version_hinders_no_change_of_anything_else() {
        let options = StoreOptions { cache_bytes: 16 << 20, entropy: [1; 32], name: "hq".to_owned() };
        let store = Store::open(Arc::new(SimDisk::new()), Path::new("/data"), &options).expect("it opens");
        let author = Author::new("ada");
        let settings = WatchSettings {
            folder: "/drop".to_owned(),
            prefix: "mac\u{202E}".to_owned(),
            tags: vec!["te\u{200B}st".to_owned()],
            mode: WatchMode::Keep,
            settle_s: 10,
            rescan_s: 60,
            enabled: true,
        };
        let id = WatchId::new([7; 8]);
        let row = WatchRow { id, version: 1, settings: settings.clone(), created_at: NOW, by: "ada".to_owned() };
        store.write(move |tx| put(tx, &row)).expect("as it was made once");

        let edit = |patch: WatchPatch| store.edit_watch(id, &patch, None, &author, NOW).map(|row| row.settings);
        let off = edit(WatchPatch { enabled: Some(false), ..WatchPatch::default() }).expect("switched off");
        assert_eq!(off, WatchSettings { enabled: false, ..settings.clone() });
        let tags = vec!["te\u{200B}st".to_owned(), "prod".to_owned()];
        let tagged = edit(WatchPatch { tags: Some(tags.clone()), ..WatchPatch::default() }).expect("one more tag");
        assert_eq!(tagged, WatchSettings { tags, ..off });
        for (field, patch) in [
            ("prefix", WatchPatch { prefix: Some("win\u{202E}".to_owned()), ..WatchPatch::default() }),
            ("tags", WatchPatch { tags: Some(vec!["pr\u{200B}od".to_owned()]), ..WatchPatch::default() }),
            ("tags", WatchPatch { tags: Some(vec!["prod,test".to_owned()]), ..WatchPatch::default() }),
        ] {
            let refused = edit(patch).expect_err(field);
            assert!(matches!(refused, StoreError::BadName { field: told, .. } if told == field), "{refused}");
        }
    }
}
