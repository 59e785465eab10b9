//! `/storage`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PolicyView;

/// Some blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = Tally)]
pub struct TallyView {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Some files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = Files)]
pub struct FilesView {
    /// How many.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Where this node's bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = StorageUsage)]
pub struct StorageUsageView {
    /// All stored blobs; the next four say what for.
    pub blobs: TallyView,
    /// Blobs of current revisions, and of all revisions in conflict.
    pub live: TallyView,
    /// Blobs of earlier revisions that retention keeps.
    pub retained: TallyView,
    /// Other blobs, too young to go.
    pub young: TallyView,
    /// Blobs that the next run of gc removes.
    pub collectable: TallyView,
    /// Left-over files that it removes too.
    pub orphans: FilesView,
    /// When these were counted; a busy node counts at most every 10 minutes.
    #[schema(value_type = String, format = DateTime)]
    pub counted_at: Timestamp,
    /// Uploads and fetches in progress.
    pub incoming: FilesView,
    /// The database's file.
    pub database_bytes: u64,
    /// Bytes free on the disk.
    pub free_bytes: u64,
    /// The last run of gc; null before the first.
    #[schema(required = true)]
    pub last_gc: Option<LastGcView>,
    /// Which packages' bytes are kept.
    pub policy: PolicyView,
    /// How it was with blobs that the policy doesn't keep, when that was last looked at.
    pub unkept: UnkeptView,
}

/// Blobs of current revisions that the policy doesn't keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = Unkept)]
pub struct UnkeptView {
    /// Those that were here, what clients asked for among them.
    pub held: TallyView,
    /// Those of them that went then.
    pub gone: TallyView,
    /// Those that may not go: no other node that may publish is known to have them, or somebody reads them.
    pub held_back: TallyView,
}

/// What a run of gc removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LastGc)]
pub struct LastGcView {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Blobs it removed.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What was held at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = UsageNote)]
pub struct UsageNoteView {
    /// When it was noted: the hour it stands for is that of this moment.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Stored blobs.
    pub blobs: TallyView,
    /// The database's file.
    pub database_bytes: u64,
    /// Bytes free on the disk.
    pub free_bytes: u64,
}

/// A run of gc.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"dry_run": true}))]
pub struct GcRequest {
    /// Only tell what would go.
    #[serde(default)]
    pub dry_run: bool,
    /// Keep nothing of packages that were removed, however lately: neither retention nor grace holds for them.
    #[serde(default)]
    pub removed: bool,
}

/// What a run of gc removed, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Gc)]
pub struct GcView {
    /// Nothing was removed.
    pub dry_run: bool,
    /// How many blobs.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files without a package, left by crashes and broken transfers, that go besides.
    pub orphans: FilesView,
    /// How many blobs stay, by the first reason that holds.
    pub kept: KeptView,
    /// The blobs; the first 1000.
    pub items: Vec<GcItemView>,
    /// There are more blobs than `items` names.
    pub truncated: bool,
    /// What couldn't be looked at or removed; the next run tries again.
    #[serde(default)]
    #[schema(required = true)]
    pub failed: GcFailedView,
}

/// Files that a run of gc couldn't look at or remove. It does all the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = GcFailed)]
pub struct GcFailedView {
    /// How many, folders of them included.
    pub count: u64,
    /// What went wrong with the first.
    #[schema(required = true)]
    pub first: Option<String>,
}

/// Blobs that stay, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Kept)]
pub struct KeptView {
    /// Current revisions have them.
    pub live: u64,
    /// Retention keeps an earlier revision that has them.
    pub retained: u64,
    /// They came only just.
    pub young: u64,
}

/// A blob that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = GcItem)]
pub struct GcItemView {
    /// The blob.
    pub blob: String,
    /// Its bytes.
    pub size: u64,
    /// The path of the newest revision that has it; null if none has.
    #[schema(required = true)]
    pub path: Option<String>,
    /// That revision. It stays listed, and can't be restored any more.
    #[schema(required = true)]
    pub revision: Option<String>,
    /// How many revisions have it.
    pub revisions: u64,
    /// `superseded`, `removed` or `unreferenced`.
    #[schema(example = "superseded")]
    pub reason: String,
}
