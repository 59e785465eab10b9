//! `/peers` and `/invites`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::LimitsView;

/// What a node may do in its mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Role)]
pub enum RoleName {
    /// Admits others, and publishes.
    Owner,
    /// Publishes, under its prefixes if it has any.
    Publisher,
    /// Holds and serves.
    Replica,
}

impl From<RoleName> for ods_store::Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Owner => Self::Owner,
            RoleName::Publisher => Self::Publisher,
            RoleName::Replica => Self::Replica,
        }
    }
}

/// A node that this one is linked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Peer)]
pub struct PeerView {
    /// Its public key.
    pub id: String,
    /// What people call it.
    #[schema(example = "branch-1")]
    pub name: String,
    /// Where it is reached; the first that answers as this node is used.
    pub urls: Vec<String>,
    /// Where it called from last.
    #[schema(required = true)]
    pub observed_url: Option<String>,
    /// SHA-256 of its TLS certificate, if the invite pinned one.
    #[schema(required = true)]
    pub tls_pin: Option<String>,
    /// `owner`, `publisher` or `replica`; null if no statement admits it.
    #[schema(required = true, example = "replica")]
    pub role: Option<String>,
    /// `connected`, `connecting`, `unreachable`, `paused`, or `expelled` if it or this node was expelled from the mesh.
    #[schema(example = "connected")]
    pub state: String,
    /// Whether replication with it is stopped until someone resumes it.
    pub paused: bool,
    /// When it last gave a sign of life, by this node's clock.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub last_seen: Option<Timestamp>,
    /// What it has that this node lacks; null if unknown.
    #[schema(required = true)]
    pub behind: Option<Behind>,
    /// Why it can't be reached, if it can't.
    #[schema(required = true)]
    pub error: Option<String>,
    /// When the link was made.
    #[schema(value_type = String, format = DateTime)]
    pub added_at: Timestamp,
    /// How fast packages may go over this link.
    pub limits: LimitsView,
    /// How it stands, as far as people set it: what `If-Match` takes, in double quotes.
    #[schema(example = "0f1e2d3c4b5a69788796a5b4c3d2e1f0")]
    pub etag: String,
}

/// How far this node is behind a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Behind {
    /// Events not pulled yet; null if unknown.
    #[schema(required = true)]
    pub events: Option<u64>,
    /// Bytes not fetched yet; null if unknown.
    #[schema(required = true)]
    pub bytes: Option<u64>,
}

/// Join by an invite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// The one line that the inviting node printed.
    #[schema(
        example = "ods-invite1.AQEBAQEBAQEBAQEBAQEBAQICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAEAgPj1vLJ3ARZodHRwczovL2hxLmV4YW1wbGUub3JnAEfm9hM"
    )]
    pub invite: String,
}

/// What can be changed of a peer. A field that isn't there stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "branch-1", "paused": false, "limits": {"up_bytes_per_s": 1_000_000}}))]
pub struct PeerPatch {
    /// What to call it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub urls: Option<Vec<String>>,
    /// Whether to stop replication with it for now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// How fast packages may go over this link; replaces all limits there were.
    #[serde(default, deserialize_with = "super::objects::one", skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsView>,
}

/// The outcome of a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Sync)]
pub struct SyncView {
    /// Events that were new.
    pub events: u64,
}

/// What an invite shall allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"role": "publisher", "prefixes": ["mac"], "expires_in_s": 3600}))]
pub struct InviteRequest {
    /// As what the redeeming node is admitted.
    pub role: RoleName,
    /// Where it may publish; empty: everywhere.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// Seconds until it expires, 1 to 31,536,000; an hour unless given.
    #[serde(default = "one_hour")]
    #[schema(minimum = 1, maximum = 31_536_000, example = 3600)]
    pub expires_in_s: u64,
}

const fn one_hour() -> u64 {
    3600
}

/// An invite, for one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Invite)]
pub struct InviteView {
    /// Its name.
    pub id: String,
    /// The line to give to `ods peer join`. It holds a secret: whoever has it may join. Shown to admins only, and only
    /// while it is `open`.
    #[schema(required = true)]
    pub invite: Option<String>,
    /// As what the redeeming node is admitted.
    #[schema(example = "replica")]
    pub role: String,
    /// Where it may publish; empty: everywhere.
    pub prefixes: Vec<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it stops working.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// `open`, `used` or `expired`.
    #[schema(example = "open")]
    pub state: String,
    /// The node that joined with it.
    #[schema(required = true)]
    pub redeemed_by: Option<String>,
    /// How it stands, as far as people set it: what `If-Match` takes, in double quotes.
    #[schema(example = "0f1e2d3c4b5a69788796a5b4c3d2e1f0")]
    pub etag: String,
}
