//! `/watches`: folders that this node publishes from.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What becomes of a watched file that was published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = WatchMode)]
pub enum WatchModeName {
    /// It stays; an edited file becomes a new revision, a deleted one stays published.
    #[default]
    Keep,
    /// It is moved into the store.
    Consume,
    /// It stays; deleting it unpublishes the package. If the folder or over half of its files vanish, it pauses and asks.
    Mirror,
}

/// A watch to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"folder": "/srv/drop/mac", "prefix": "mac", "tags": ["new"], "mode": "keep", "settle_s": 10}))]
pub struct WatchRequest {
    /// The folder: absolute, there already, and below one of the setting `watch.roots`, links resolved.
    #[schema(example = "/srv/drop/mac")]
    pub folder: String,
    /// The folder of the catalog that its files are published in; empty: the top.
    #[serde(default)]
    #[schema(example = "mac")]
    pub prefix: String,
    /// Labels that its packages get.
    #[serde(default)]
    #[schema(example = json!(["new"]))]
    pub tags: Vec<String>,
    /// What becomes of a file that was published; `keep` unless given.
    #[serde(default)]
    pub mode: WatchModeName,
    /// How many seconds a file must rest before it is taken; 10 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 86400)]
    pub settle_s: Option<u64>,
    /// After how many seconds the folder is read anew, whatever events say; 60 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86400)]
    pub rescan_s: Option<u64>,
    /// Whether it is watched at once; true unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// Changes to a watch; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"prefix": "mac", "tags": ["new"], "enabled": false}))]
pub struct WatchPatch {
    /// Another folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "/srv/drop/mac")]
    pub folder: Option<String>,
    /// The folder of the catalog that its files are published in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "mac")]
    pub prefix: Option<String>,
    /// Labels that its packages get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["new"]))]
    pub tags: Option<Vec<String>>,
    /// What becomes of a file that was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<WatchModeName>,
    /// How many seconds a file must rest before it is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 86400)]
    pub settle_s: Option<u64>,
    /// After how many seconds the folder is read anew, whatever events say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86400)]
    pub rescan_s: Option<u64>,
    /// Whether it is watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// What a paused mirror may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRequest {
    /// `pause.missing_digest` of the watch: unpublish these missing files. If others are missing by now, it asks again.
    #[schema(example = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29")]
    pub missing_digest: String,
}

/// A watched folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Watch)]
pub struct WatchView {
    /// Its name in `/watches/{id}`.
    #[schema(example = "9f86d081884c7d65")]
    pub id: String,
    /// The folder.
    #[schema(example = "/srv/drop")]
    pub folder: String,
    /// The folder of the catalog that its files are published in; empty: the top.
    pub prefix: String,
    /// Labels that its packages get.
    pub tags: Vec<String>,
    /// `keep`, `consume` or `mirror`.
    #[schema(example = "keep")]
    pub mode: String,
    /// How many seconds a file must rest before it is taken.
    pub settle_s: u64,
    /// After how many seconds the folder is read anew, whatever events say.
    pub rescan_s: u64,
    /// Whether it is watched.
    pub enabled: bool,
    /// `stored` (made here, and may be changed here), or `flag`, `environment` or `file` (to be changed there).
    #[schema(example = "stored")]
    pub source: String,
    /// The flag, variable or line of the file that named it.
    #[schema(required = true)]
    pub place: Option<String>,
    /// Goes up with every change; null if it isn't changed here.
    #[schema(required = true)]
    pub version: Option<u64>,
    /// When it was made.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// By whom.
    #[schema(required = true)]
    pub created_by: Option<String>,
    /// `starting`, `waiting` (for the first pull from a peer), `watching`, `paused` (a mirror that asks), `failing` or `off`.
    #[schema(example = "watching")]
    pub state: String,
    /// Why it is waiting, paused or failing.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// What a mirror asks.
    #[schema(required = true)]
    pub pause: Option<PauseView>,
    /// When the folder was last read.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub last_scan_at: Option<Timestamp>,
    /// Files that were there then and are, or become, packages.
    pub files: u64,
    /// Files that don't rest yet, or wait for their turn; the first 1,000.
    pub settling: Vec<SettlingView>,
    /// What was published since the watch was started, the latest first; 100 at most.
    pub taken: Vec<TakenView>,
    /// Files that were not published, and why.
    pub refused: Vec<RefusedView>,
    /// Files whose bytes are an older revision of their path, and were therefore left alone.
    pub superseded: Vec<String>,
    /// Only in the answer to a change of `prefix` or `folder`: packages that stay where this watch published them before.
    #[schema(required = true)]
    pub left: Option<LeftView>,
}

/// Packages that stay where a watch published them before it was told to publish elsewhere. What is in the folder is published
/// at its new place; these are left to whoever wants them removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LeftPackages)]
pub struct LeftView {
    /// How many, as far as was looked: of the first 10,000 files.
    pub count: u64,
    /// The first 100 of them.
    pub paths: Vec<String>,
}

/// Why a mirror unpublishes nothing until somebody has decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WatchPause)]
pub struct PauseView {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Published files that are missing.
    pub missing: u64,
    /// Of so many.
    pub published: u64,
    /// The first 1,000 of the missing ones.
    pub files: Vec<String>,
    /// What to confirm, if they are really to be unpublished; null while the folder itself is away.
    #[schema(required = true)]
    pub missing_digest: Option<String>,
}

/// A file that doesn't rest yet, or waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SettlingFile)]
pub struct SettlingView {
    /// Its path below the folder.
    pub file: String,
    /// Its length when it was last looked at.
    pub bytes: u64,
}

/// A file that was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = TakenFile)]
pub struct TakenView {
    /// Its path below the folder.
    pub file: String,
    /// The package.
    pub path: String,
    /// The revision that it became.
    pub revision: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A file that was not published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RefusedFile)]
pub struct RefusedView {
    /// Its path below the folder; `.` is the folder itself.
    pub file: String,
    /// A stable code.
    #[schema(example = "empty")]
    pub code: String,
    /// Why.
    pub reason: String,
}
