//! What a watch is told to do.

use std::path::PathBuf;
use std::time::Duration;

use super::settle::SettleRules;

/// What becomes of a file that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchMode {
    /// It stays.
    Keep,
    /// It is moved into the store.
    Consume,
}

impl WatchMode {
    /// The mode as configuration and API call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Consume => "consume",
        }
    }
}

/// One watch, resolved and valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchRules {
    /// The folder; absolute.
    pub folder: PathBuf,
    /// What becomes of a file that was taken.
    pub mode: WatchMode,
    /// What package paths begin with; empty: nothing.
    pub prefix: String,
    /// Tags that its packages get.
    pub tags: Vec<String>,
    /// How long a file must rest before it is taken.
    pub quiet: Duration,
    /// How often the folder is looked through whatever events say.
    pub rescan: Duration,
}

impl WatchRules {
    pub(super) fn settle(&self) -> SettleRules {
        SettleRules::of(self.quiet)
    }
}
