//! `/tokens`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::times;

/// What a token may do. Each scope may do all that those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Scope)]
pub enum ScopeName {
    /// List and download.
    Read,
    /// Publish, edit, remove, restore.
    Publish,
    /// Everything.
    Admin,
}

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "ci", "scope": "publish", "prefixes": ["mac"], "expires_at": "2099-12-31T00:00:00Z"}))]
pub struct TokenRequest {
    /// What it is for; shown as `token <name>` wherever it does something. 1 to 128 bytes, none of them a control character.
    #[schema(example = "ci")]
    pub name: String,
    /// What it may do.
    pub scope: ScopeName,
    /// Only packages below these folders; empty: all.
    #[serde(default)]
    #[schema(example = json!(["mac"]))]
    pub prefixes: Vec<String>,
    /// When it stops working; null: never.
    #[serde(default, deserialize_with = "times::end_if_any", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// A token, without its secret: that is shown once, when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenView {
    /// Its name in `/tokens/{id}`.
    #[schema(example = "9f86d081884c7d65")]
    pub id: String,
    /// What it is for.
    #[schema(example = "ci")]
    pub name: String,
    /// `read`, `publish` or `admin`.
    #[schema(example = "publish")]
    pub scope: String,
    /// Only packages below these folders; empty: all.
    pub prefixes: Vec<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it stops working; null: never.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute or so.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
    /// How it stands, as far as people set it: what `If-Match` takes, in double quotes.
    #[schema(example = "0f1e2d3c4b5a69788796a5b4c3d2e1f0")]
    pub etag: String,
}

/// A token just made, with its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NewToken)]
pub struct NewTokenView {
    /// The secret. It can't be shown again.
    #[schema(example = "ods_p…")]
    pub token: String,
    /// The token.
    #[serde(flatten)]
    pub row: TokenView,
}
