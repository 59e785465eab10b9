//! `/storage/scrub`: verifying what is held.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the scrub is doing, and what its pass (or the last one) found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Scrub)]
pub struct ScrubView {
    /// `idle`, `running` or `paused` (it can't go on for now and tries again by itself).
    #[schema(example = "running")]
    pub state: String,
    /// Why it is paused.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// When the pass began; null before the first.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it ended or was stopped.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// It was stopped before its end.
    pub stopped: bool,
    /// Who started it: `token` and its name, or `schedule`.
    #[schema(required = true, example = "schedule")]
    pub by: Option<String>,
    /// Blobs.
    pub blobs: Progress,
    /// Their bytes.
    pub bytes: Progress,
    /// Bytes it has lately verified in a second; 0 unless it is running.
    pub rate_bytes_per_s: u64,
    /// What the pass found; each is an alarm in the journal too.
    #[serde(flatten)]
    pub findings: ScrubFindings,
}

/// How much is done, of how much there was at the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// Done.
    pub done: u64,
    /// There was.
    pub total: u64,
}

/// What a pass found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScrubFindings {
    /// Blobs found wrong or missing: set aside, and wanted again.
    pub damaged: u64,
    /// Blobs whose file can't be read.
    pub unreadable: u64,
    /// Blobs found whole among what was set aside: held again.
    pub mended: u64,
    /// Outlines that were lost or damaged: made again.
    pub outlines_mended: u64,
    /// Blobs whose SHA-256 some revision states wrongly: the true one is given instead.
    pub sha256_lies: u64,
}
