//! What a watch is told to do.

use std::path::PathBuf;
use std::time::Duration;

use super::settle::SettleRules;
use crate::config::{Watch, WatchMode};

/// One watch, resolved and valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WatchRules {
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
}

impl WatchRules {
    pub(super) fn settle(&self) -> SettleRules {
        SettleRules::of(self.quiet)
    }
}

impl From<&Watch> for WatchRules {
    fn from(watch: &Watch) -> Self {
        Self {
            folder: watch.folder.clone(),
            mode: watch.mode,
            prefix: watch.prefix.clone(),
            tags: watch.tags.clone(),
            quiet: Duration::from_secs(watch.settle_s),
            rescan: Duration::from_secs(watch.rescan_s),
        }
    }
}
