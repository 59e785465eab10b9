//! `/webhooks`: who is told of what happens, and what was sent.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::times;

/// A webhook to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://hooks.example.org/ods", "name": "chat", "types": ["package.*"], "paths": ["mac/*.pkg"], "tags": ["prod"]}))]
pub struct WebhookRequest {
    /// Where to: http or https. Redirects are not followed.
    #[schema(example = "https://hooks.example.org/ods")]
    pub url: String,
    /// What people call it.
    #[serde(default)]
    #[schema(example = "chat")]
    pub name: String,
    /// What it is told of: types, or `package.*`; empty: everything that webhooks may have.
    #[serde(default)]
    #[schema(example = json!(["package.*"]))]
    pub types: Vec<String>,
    /// Of packages only those whose path matches one of these globs; `*` matches `/` too. Empty: all.
    #[serde(default)]
    #[schema(example = json!(["*.pkg"]))]
    pub paths: Vec<String>,
    /// Of packages only those with one of these tags; empty: all.
    #[serde(default)]
    #[schema(example = json!(["prod"]))]
    pub tags: Vec<String>,
    /// Addresses that aren't public (this machine, local networks) are allowed.
    #[serde(default)]
    pub allow_private: bool,
}

/// Changes to a webhook; what is left out stays. Whatever held it up is tried again at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://hooks.example.org/ods", "types": ["package.*"], "enabled": true}))]
pub struct WebhookPatch {
    /// Where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<Vec<String>>,
    /// Of packages only those whose path matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<String>>,
    /// Of packages only those with one of these tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Addresses that aren't public are allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_private: Option<bool>,
    /// Switch it on (it goes on where it stopped) or off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookView {
    /// Its name in `/webhooks/{id}`.
    #[schema(example = "9f86d081884c7d65")]
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where to.
    pub url: String,
    /// What it is told of; empty: everything that webhooks may have.
    pub types: Vec<String>,
    /// Of packages only those whose path matches; empty: all.
    pub paths: Vec<String>,
    /// Of packages only those with one of these tags; empty: all.
    pub tags: Vec<String>,
    /// Addresses that aren't public are allowed.
    pub allow_private: bool,
    /// Whether it is told anything.
    pub enabled: bool,
    /// Why it is switched off.
    #[schema(required = true)]
    pub disabled_reason: Option<String>,
    /// Since when it is switched off.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub disabled_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Until when the secret before the last rotation signs too; those before it end no later.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub old_secret_until: Option<Timestamp>,
    /// The records of the journal up to this one are done with.
    pub cursor: u64,
    /// Deliveries that are yet to be made, as far as they were counted; 0: it was told everything.
    pub behind: u64,
    /// There may be more: the journal goes on further than was looked.
    pub behind_more: bool,
    /// When the last delivery got through.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub delivered_at: Option<Timestamp>,
    /// What holds it up.
    #[schema(required = true)]
    pub failing: Option<FailingView>,
    /// How it stands, as far as people set it: what `If-Match` takes, in double quotes.
    #[schema(example = "0f1e2d3c4b5a69788796a5b4c3d2e1f0")]
    pub etag: String,
}

/// A delivery that doesn't get through, and holds up those behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = FailingDelivery)]
pub struct FailingView {
    /// Which.
    #[schema(example = "msg_0a1b2c3d4e5f_42")]
    pub delivery: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// When it is tried again.
    #[schema(value_type = String, format = DateTime)]
    pub next_attempt_at: Timestamp,
    /// What went wrong the last time.
    pub error: String,
}

/// A webhook just made or rotated, with its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NewWebhook)]
pub struct NewWebhookView {
    /// The key of its signatures (Standard Webhooks). It can't be shown again.
    #[schema(example = "whsec_…")]
    pub secret: String,
    /// The webhook.
    #[serde(flatten)]
    pub row: WebhookView,
}

/// How a secret is rotated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"keep_old_for_s": 3600}))]
pub struct RotateRequest {
    /// For how many seconds the present secret signs too, and earlier ones at most: 0 to 604800; a day unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 604_800)]
    pub keep_old_for_s: Option<u64>,
}

/// What to pass over; unless given, the delivery that fails.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"delivery": "msg_0a1b2c3d4e5f_42"}))]
pub struct SkipRequest {
    /// This one, which must be the one that fails: so that asking twice passes over one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// Everything that it wasn't told yet. What was never tried isn't in its log then, and can't be sent again.
    #[serde(default)]
    pub all: bool,
}

/// Which deliveries to send again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"since": "2026-11-22T10:00:00Z"}))]
pub struct RedeliverRequest {
    /// All since then that were given up or skipped: of the deliveries that the node still lists.
    #[serde(deserialize_with = "times::time")]
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Also those that were delivered, as for a receiver that lost what it had.
    #[serde(default)]
    pub delivered: bool,
}

/// How many deliveries will be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Redelivery)]
pub struct RedeliveryView {
    /// So many.
    pub queued: u64,
}

/// A record on its way to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryView {
    /// The `webhook-id`, the same on each attempt.
    #[schema(example = "msg_0a1b2c3d4e5f_42")]
    pub id: String,
    /// The record that it tells of.
    pub lsn: u64,
    /// The record's type.
    #[serde(rename = "type")]
    #[schema(example = "package.published")]
    pub kind: String,
    /// When it was first to be sent.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `waiting`, `delivered`, `failing` (it is tried again), `failed` (it was given up) or `skipped`.
    #[schema(example = "delivered")]
    pub state: String,
    /// How often it was tried.
    pub tries: u32,
    /// What is sent, exactly: JSON as text. Empty before the first attempt.
    pub body: String,
    /// The latest attempts, oldest first.
    pub attempts: Vec<AttemptView>,
}

/// One try to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DeliveryAttempt)]
pub struct AttemptView {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// How long it took.
    pub took_ms: u64,
    /// The answer's status, if there was one.
    #[schema(required = true)]
    pub status: Option<u16>,
    /// What went wrong; null: the receiver took it.
    #[schema(required = true)]
    pub error: Option<String>,
    /// The first 4 KB of the answer's body.
    pub answer: String,
    /// Somebody asked for it.
    pub manual: bool,
}

/// Which deliveries to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// At most this many rows, 1–1000; 100 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<usize>,
    /// The `next` of the page before: older ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Only those in this state: `waiting`, `delivered`, `failing`, `failed` or `skipped`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "failed")]
    pub state: Option<String>,
}
