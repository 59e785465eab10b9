//! `/bulk`: one change to many packages. `/anchors`: where their pages begin.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What to do to each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BulkAction {
    /// Remove it, everywhere.
    Remove,
    /// Add and take away tags.
    Tag,
}

/// One change to many packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"action": "tag", "items": [{"path": "mac/Firefox-142.pkg"}], "add_tags": ["prod"], "remove_tags": ["test"]}))]
pub struct BulkRequest {
    /// What to do to each.
    pub action: BulkAction,
    /// The packages, at most 1000. One that is named again is changed once: the later item has the result of the first, or is 422
    /// `invalid` if its `if_match` is another.
    #[serde(deserialize_with = "super::objects::many")]
    #[schema(min_items = 1, max_items = 1000)]
    pub items: Vec<BulkItem>,
    /// Labels to add; only with `tag`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_tags: Vec<String>,
    /// Labels to take away; only with `tag`, and none that is added, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_tags: Vec<String>,
}

/// A package to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkItem {
    /// Its path.
    pub path: String,
    /// Change only this revision, with or without the double quotes of an `ETag`; `*`: only what exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_match: Option<String>,
}

/// What became of one package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"path": "mac/Firefox-142.pkg", "status": 200, "changed": true, "revision": "3b6a…", "code": null, "detail": null}))]
pub struct BulkResult {
    /// Its path, as it was asked for.
    pub path: String,
    /// What a request for it alone would have been answered: 200, 204, or an error.
    pub status: u16,
    /// Whether a new revision was made.
    pub changed: bool,
    /// Its revision now; null if it was removed, or nothing is known.
    #[schema(required = true)]
    pub revision: Option<String>,
    /// The code of the error; null if there was none.
    #[schema(required = true)]
    pub code: Option<String>,
    /// What happened, in words; null if there was no error.
    #[schema(required = true)]
    pub detail: Option<String>,
}

/// What became of all of them, in the order asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BulkView {
    /// One each.
    pub items: Vec<BulkResult>,
    /// How many ended well.
    pub done: u64,
    /// How many did not.
    pub failed: u64,
}

/// Which order to jump in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AnchorQuery {
    /// `path` (unless given), `published_at`, `size`, or one of them after a `-`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "-published_at")]
    pub sort: Option<String>,
}

/// Where the thousands of an order begin, so that a page can jump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"sort": "path", "every": 1000, "total": 2500, "items": ["mac/app-1000.pkg", "mac/app-2000.pkg"]}))]
pub struct AnchorsView {
    /// The order.
    pub sort: String,
    /// Rows from one anchor to the next.
    pub every: u64,
    /// How many packages there are.
    pub total: u64,
    /// The nth (from 1) given as `after` gives the page that begins with row n × `every`, counted from 0. Counted up to
    /// 10 s ago.
    pub items: Vec<String>,
}
