//! `/events`: the journal.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

/// A record of the journal: what happened on this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Record)]
pub struct RecordView {
    /// Its number in this node's journal.
    #[schema(example = 42)]
    pub lsn: u64,
    /// When, by this node's clock.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What: `package.published`, `package.replaced`, `package.removed`, `package.conflict`, `package.stored`,
    /// `peer.up`, `peer.down`, `node.admitted`, `node.expelled`, `node.alarm`, `watch.refused`, `sign_in.refused`,
    /// `token.created`, `token.revoked`, …
    #[serde(rename = "type")]
    #[schema(example = "package.published")]
    pub kind: String,
    /// Whether it tells of something that was there before this node joined the mesh.
    pub backfill: bool,
    /// The facts; which ones depends on `type`. Package records have `path` and `event_id`.
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
}

/// A page of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Records)]
pub struct RecordsView {
    /// The records.
    pub items: Vec<RecordView>,
    /// Give it as `after`, or as `before`, to get the records behind these; null when there are none. A page may be short, even empty,
    /// and still have a next one.
    #[schema(required = true)]
    pub next: Option<String>,
    /// Always null: telling would need a scan.
    #[schema(required = true)]
    pub total: Option<u64>,
    /// The last record that was looked at, whether it was asked for or not. Whoever polls gives it as `after` next time, also when
    /// `next` is null. Of a page read backwards it is no place for `after`.
    #[serde(default)]
    #[schema(required = true, example = 42)]
    pub cursor: u64,
    /// Whether records behind `after` were pruned before they could be read, or `after` is beyond all that there is: what is known
    /// of before may have changed meanwhile.
    #[serde(default)]
    #[schema(required = true)]
    pub pruned: bool,
}

/// Which records to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Only records with a greater LSN, oldest first; 0, the beginning, unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Only records with a lesser LSN, newest first; not together with `after`. Any number above the newest begins with that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = 9_007_199_254_740_991_u64)]
    pub before: Option<u64>,
    /// At most this many rows, 1–1000; 100 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<usize>,
    /// Only these types: names, or `package.*`, separated by commas.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[param(example = "package.*,peer.down")]
    pub kind: Option<String>,
    /// Only records of packages whose path matches this glob; `*` matches `/` too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "mac/*.pkg")]
    pub path: Option<String>,
}

/// Which records to follow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// Only records with a greater LSN; only new ones unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Only these types: names, or `package.*`, separated by commas.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[param(example = "package.*,peer.down")]
    pub kind: Option<String>,
    /// Only records of packages whose path matches this glob; `*` matches `/` too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "mac/*.pkg")]
    pub path: Option<String>,
}
