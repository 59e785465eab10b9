//! What a watch is told to do.

use std::path::PathBuf;
use std::time::Duration;

use ods_store::{WatchId, WatchMode, WatchRow, WatchSettings};

use super::below::Place;
use super::settle::SettleRules;
use crate::config::Watch;

/// One watch, resolved and valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WatchRules {
    /// Which version of the watch has these: one that was changed and changed back is another one. 0: the configuration's.
    pub(crate) version: u64,
    /// The folder; absolute.
    pub(crate) folder: PathBuf,
    /// What becomes of a file that was taken.
    pub(crate) mode: WatchMode,
    /// What package paths begin with; empty: nothing.
    pub(crate) prefix: String,
    /// Tags that its packages get.
    pub(crate) tags: Vec<String>,
    /// How long a file must rest before it is taken.
    pub(crate) quiet: Duration,
    /// How often the folder is looked through whatever events say.
    pub(crate) rescan: Duration,
    /// The folder is read only while its name leads to itself, through no link: somebody else than the node's
    /// administrator chose it.
    pub(crate) confined: bool,
}

impl WatchRules {
    pub(super) fn place(&self) -> Place {
        Place { folder: self.folder.clone(), confined: self.confined }
    }

    pub(super) fn settle(&self) -> SettleRules {
        SettleRules::of(self.quiet)
    }
}

impl From<&Watch> for WatchRules {
    fn from(watch: &Watch) -> Self {
        Self::of(0, watch.folder.clone(), &settings(watch), false)
    }
}

impl From<&WatchRow> for WatchRules {
    fn from(row: &WatchRow) -> Self {
        Self::of(row.version, PathBuf::from(&row.settings.folder), &row.settings, true)
    }
}

impl WatchRules {
    fn of(version: u64, folder: PathBuf, settings: &WatchSettings, confined: bool) -> Self {
        Self {
            version,
            folder,
            mode: settings.mode,
            prefix: settings.prefix.clone(),
            tags: settings.tags.clone(),
            quiet: Duration::from_secs(settings.settle_s),
            rescan: Duration::from_secs(settings.rescan_s),
            confined,
        }
    }
}

/// The id of a watch that the configuration names.
pub(crate) fn configured_id(watch: &Watch) -> WatchId {
    WatchId::of_folder(&watch.folder.to_string_lossy())
}

/// A watch of the configuration as the API shows it.
pub(crate) fn settings(watch: &Watch) -> WatchSettings {
    WatchSettings {
        folder: watch.folder.display().to_string(),
        prefix: watch.prefix.clone(),
        tags: watch.tags.clone(),
        mode: watch.mode,
        settle_s: watch.settle_s,
        rescan_s: watch.rescan_s,
        enabled: true,
    }
}
