//! What the routes see of the watched folders: a status that the watch worker writes and nobody else does.

use std::sync::{Arc, PoisonError, RwLock};

/// How one watched folder is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchStatus {
    /// The folder, as configured.
    pub folder: String,
    /// `keep`, `consume` or `mirror`.
    pub mode: &'static str,
    /// The folder of the catalog its files are published in; empty: the top.
    pub prefix: String,
    /// Labels that its packages get.
    pub tags: Vec<String>,
    /// What it is doing.
    pub state: WatchState,
    /// Files that were not published, and why.
    pub refused: Vec<RefusedFile>,
    /// Files whose bytes are an older revision of their path, and were therefore left alone.
    pub superseded: Vec<String>,
}

/// What a watch is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchState {
    /// Waits for the first pull from a peer before it looks.
    Waiting,
    /// Looks.
    Watching,
    /// Can't look.
    Failing {
        /// Why.
        reason: String,
    },
}

/// A file that was not published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedFile {
    /// Its path below the folder.
    pub file: String,
    /// Why.
    pub reason: String,
}

/// The state of all watched folders, shared.
#[derive(Debug, Clone, Default)]
pub struct WatchHandle {
    watches: Arc<RwLock<Vec<WatchStatus>>>,
}

impl WatchHandle {
    /// How the watched folders are doing, in the order they are configured.
    pub fn snapshot(&self) -> Vec<WatchStatus> {
        self.watches.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// For the watch worker: changes the state in place.
    pub fn update(&self, change: impl FnOnce(&mut Vec<WatchStatus>)) {
        change(&mut self.watches.write().unwrap_or_else(PoisonError::into_inner));
    }
}
