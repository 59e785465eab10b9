//! The seam to the watched folders: which the configuration names, which may be added, and a status of each that the watch
//! worker writes and nobody else does. What people ask of watches goes through the store.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use ods_store::{Digest, EventId, PackagePath, UnixMillis, WatchId, WatchSettings};
use tokio::sync::Notify;

use crate::settings_handle::SettingSource;

/// A watch that the configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredWatch {
    /// Its id, made of the folder's name.
    pub id: WatchId,
    /// How it watches.
    pub settings: WatchSettings,
    /// What named it.
    pub source: SettingSource,
    /// That, with its name: `flag --watch`, `/etc/ods.toml:3`.
    pub place: String,
}

/// How one watched folder is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchStatus {
    /// What it is doing.
    pub state: WatchState,
    /// When the folder was last read.
    pub last_scan_at: Option<UnixMillis>,
    /// Files that were there then and are to be packages.
    pub files: u64,
    /// Files that don't rest yet, or wait for their turn.
    pub settling: Vec<SettlingFile>,
    /// What was published since the watch was started, the latest first.
    pub taken: Vec<TakenFile>,
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
    /// A mirror that unpublishes nothing until a person has decided.
    Paused(WatchPause),
    /// Can't look.
    Failing {
        /// Why.
        reason: String,
    },
}

/// Why a mirror is paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchPause {
    /// In words, with what to do.
    pub reason: String,
    /// Since when.
    pub since: UnixMillis,
    /// Published files that are missing.
    pub missing: u64,
    /// Of so many that were published.
    pub published: u64,
    /// The first of them by name.
    pub files: Vec<String>,
    /// Names this set of missing files; none while the folder itself is away, for then there is nothing to confirm.
    pub digest: Option<Digest>,
}

/// A file that doesn't rest yet, or waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlingFile {
    /// Its path below the folder.
    pub file: String,
    /// Its length when it was last looked at.
    pub bytes: u64,
}

/// A file that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenFile {
    /// Its path below the folder.
    pub file: String,
    /// The package.
    pub path: PackagePath,
    /// The revision that it became.
    pub revision: EventId,
    /// When.
    pub at: UnixMillis,
}

/// A file that was not published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedFile {
    /// Its path below the folder.
    pub file: String,
    /// A stable code.
    pub code: &'static str,
    /// Why.
    pub reason: String,
}

/// Why a folder may not be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadFolder {
    /// It lies below none of the folders that the configuration allows.
    Outside {
        /// In words, with what to do.
        reason: String,
    },
    /// It is watched already, or holds or lies in something that mustn't be.
    Taken {
        /// In words.
        reason: String,
    },
    /// It can't be read, or is no folder.
    Unusable {
        /// In words.
        reason: String,
    },
}

type Check = dyn Fn(&str) -> Result<String, BadFolder> + Send + Sync;

/// The watched folders, shared.
#[derive(Clone)]
pub struct WatchHandle(Arc<Inner>);

struct Inner {
    configured: Vec<ConfiguredWatch>,
    check: Box<Check>,
    statuses: RwLock<BTreeMap<WatchId, WatchStatus>>,
    ended: Notify,
}

impl WatchHandle {
    /// The watches of the configuration, and what tells a folder's real name, or why it may not be watched. Others that
    /// were added are not its matter.
    pub fn new(
        configured: Vec<ConfiguredWatch>,
        check: impl Fn(&str) -> Result<String, BadFolder> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner { configured, check: Box::new(check), statuses: RwLock::default(), ended: Notify::new() }))
    }

    /// The watches of the configuration, in their order.
    pub fn configured(&self) -> &[ConfiguredWatch] {
        &self.0.configured
    }

    /// A folder's real name, if it may be watched. Looks at the disk.
    pub fn check(&self, folder: &str) -> Result<String, BadFolder> {
        (self.0.check)(folder)
    }

    /// How a watch is doing; none before it was started, and while it is switched off.
    pub fn status(&self, id: WatchId) -> Option<WatchStatus> {
        self.0.statuses.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// For the watch worker: shows how a watch is doing.
    pub fn show(&self, id: WatchId, status: WatchStatus) {
        self.0.statuses.write().unwrap_or_else(PoisonError::into_inner).insert(id, status);
    }

    /// For the watch worker: a watch is gone, or switched off.
    pub fn forget(&self, id: WatchId) {
        self.0.statuses.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
        self.0.ended.notify_waiters();
    }

    /// Waits until nothing is under way any more of a watch that is gone or switched off.
    pub async fn ended(&self, id: WatchId) {
        loop {
            let ended = self.0.ended.notified();
            if self.status(id).is_none() {
                return;
            }
            ended.await;
        }
    }
}

impl Default for WatchHandle {
    fn default() -> Self {
        let reason = "no folder may be watched by the API: the setting watch.roots names none".to_owned();
        Self::new(Vec::new(), move |_| Err(BadFolder::Outside { reason: reason.clone() }))
    }
}

impl fmt::Debug for WatchHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WatchHandle({} configured)", self.0.configured.len())
    }
}
