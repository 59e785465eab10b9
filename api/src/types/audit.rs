//! `/audit`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::times;

/// Which entries of the audit to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only what was done by this one: `token ci`, `user ada`; also part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "ci")]
    pub who: Option<String>,
    /// Only what was done from this address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "192.0.2.7")]
    pub from: Option<String>,
    /// Only deeds of these kinds, separated by commas; with `*` at the end, all that begin like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "package.*,sign_in.refused")]
    pub action: Option<String>,
    /// Only what was done to this: an id, a path; also part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "mac/Firefox-142.pkg")]
    pub subject: Option<String>,
    /// Only what was done at this time or later.
    #[serde(default, deserialize_with = "times::time_if_any", skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Only what was done before this time.
    #[serde(default, deserialize_with = "times::time_if_any", skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// At most this many rows, 1–1000; 100 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<usize>,
    /// The `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Who changed what, from where; or whose sign-in was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditEntry, example = json!({"lsn": 4711, "at": "2026-11-22T10:00:00Z", "who": "user ada", "from": "192.0.2.7",
    "action": "package.changed", "subject": "mac/Firefox-142.pkg", "before": {"tags": ["test"]}, "after": {"tags": ["prod"]}}))]
pub struct AuditView {
    /// Its place, in one order with log and journal.
    pub lsn: u64,
    /// When, by this node's clock.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who: a token, a user, a watch, the configuration.
    pub who: String,
    /// From which address; null for what the node did by itself.
    #[schema(required = true)]
    pub from: Option<String>,
    /// What kind of deed.
    pub action: String,
    /// To what.
    pub subject: String,
    /// How that was, as far as it changed; empty if it was not there. Values are as they are set: texts, lists, numbers; limits
    /// are words. What is longer than 1 KB is cut, and text.
    pub before: Map<String, Value>,
    /// How it is.
    pub after: Map<String, Value>,
}
