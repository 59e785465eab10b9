//! `/users`, `/session`, `/sessions`, `/set-up-link`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ScopeName;

/// A user to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "ada", "password": "correct horse battery", "scope": "publish", "prefixes": ["mac"]}))]
pub struct UserRequest {
    /// By what they sign in; shown as `user <name>` wherever they do something. Unique, whatever its case.
    pub name: String,
    /// At least 10 characters, at most 1024 bytes.
    #[schema(format = Password)]
    pub password: String,
    /// What they may do.
    pub scope: ScopeName,
    /// Only packages below these folders; empty: all.
    #[serde(default)]
    pub prefixes: Vec<String>,
}

/// How a user is to change. A field that isn't there stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"scope": "admin", "prefixes": []}))]
pub struct UserPatchRequest {
    /// A new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A new password; all sessions of the user end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Password)]
    pub password: Option<String>,
    /// What they may do; their sessions end if this changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeName>,
    /// Only packages below these folders; empty: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefixes: Option<Vec<String>>,
    /// True: they can't sign in, and their sessions end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// A user: somebody with a name and a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    /// Its name in `/users/{id}`.
    #[schema(example = "9f86d081884c7d65")]
    pub id: String,
    /// By what they sign in.
    #[schema(example = "ada")]
    pub name: String,
    /// `read`, `publish` or `admin`.
    #[schema(example = "publish")]
    pub scope: String,
    /// Only packages below these folders; empty: all.
    pub prefixes: Vec<String>,
    /// Whether they can't sign in for now.
    pub disabled: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When they last signed in.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub last_sign_in_at: Option<Timestamp>,
    /// Greater after each change; in double quotes it is the `ETag`.
    pub version: u64,
}

/// How to sign in: `name` and `password`, or `token`, or `set_up` (the secret of the set-up link) with the `name` and
/// `password` of the admin to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "ada", "password": "correct horse battery"}))]
pub struct SignInRequest {
    /// A user's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its password.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Password)]
    pub password: Option<String>,
    /// A token, instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The set-up link's secret: what stands behind `#setup=`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_up: Option<String>,
}

/// A new password for the user who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"present": "correct horse battery", "new": "staple correct horse"}))]
pub struct PasswordRequest {
    /// The password as it is.
    #[schema(format = Password)]
    pub present: String,
    /// As it is to be.
    #[schema(format = Password)]
    pub new: String,
}

/// Who makes the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Identity)]
pub struct IdentityView {
    /// `user` or `token`.
    #[schema(example = "user")]
    pub kind: String,
    /// The user's or token's id.
    pub id: String,
    /// Its name.
    #[schema(example = "ada")]
    pub name: String,
    /// `read`, `publish` or `admin`.
    #[schema(example = "admin")]
    pub scope: String,
    /// Only packages below these folders; empty: all.
    pub prefixes: Vec<String>,
    /// The session; null if the request is made with a token.
    #[schema(required = true)]
    pub session: Option<SessionView>,
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionView {
    /// Its name in `/sessions/{id}`.
    pub id: String,
    /// `user` or `token`.
    #[schema(example = "user")]
    pub kind: String,
    /// The user's or token's name.
    #[schema(example = "ada")]
    pub name: String,
    /// What it may do.
    #[schema(example = "admin")]
    pub scope: String,
    /// When they signed in.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it was last used, to the minute or so.
    #[schema(value_type = String, format = DateTime)]
    pub last_used_at: Timestamp,
    /// When it is over, if it isn't used again.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// From which address they signed in.
    #[schema(example = "192.0.2.7")]
    pub from: String,
    /// With what, as it said itself.
    #[schema(example = "Mozilla/5.0 …")]
    pub agent: String,
    /// Whether it is the one of this request.
    pub current: bool,
}

/// A set-up link: good once and for a while, to make the first admin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SetUpLink)]
pub struct SetUpLinkView {
    /// To be opened in a browser, below the node's address.
    #[schema(example = "/ui/#setup=ods_s…")]
    pub link: String,
    /// What `set_up` of a sign-in takes.
    #[schema(example = "ods_s…")]
    pub secret: String,
    /// Until when it is good.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}
