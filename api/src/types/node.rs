//! `/node`: this node.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::LimitsView;

/// This node: who it is, what it knows, what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Node)]
pub struct NodeView {
    /// Its public key.
    #[schema(example = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29")]
    pub id: String,
    /// What people call it.
    #[schema(example = "hq")]
    pub name: String,
    /// `owner`, `publisher` or `replica`; null if its mesh expelled it.
    #[schema(required = true, example = "owner")]
    pub role: Option<String>,
    /// The version of the program.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// The mesh's first node: two nodes with the same root are in the same mesh.
    pub root: String,
    /// Where other nodes and clients reach it; empty: found from its listeners.
    pub urls: Vec<String>,
    /// Which packages' bytes it keeps. The catalog is whole on every node.
    pub policy: PolicyView,
    /// Its log.
    pub log: LogView,
    /// For each stream, `<node>/<epoch>`, the last sequence number held without a gap.
    #[schema(value_type = std::collections::HashMap<String, u64>)]
    pub vector: BTreeMap<String, u64>,
    /// A digest of every path's heads: equal on nodes whose catalogs are equal.
    pub catalog_digest: String,
    /// A digest of the statements that say who may do what.
    pub roster_digest: String,
    /// Paths with a current revision.
    pub packages: u64,
    /// Bytes this node still has to fetch.
    pub wants: WantsView,
    /// What it keeps on disk.
    pub storage: StorageView,
    /// How fast packages may go between this node and all others together.
    pub limits: LimitsView,
    /// Where it listens.
    pub listeners: Vec<ListenerView>,
    /// How it stands, as far as people set it: what `If-Match` takes, in double quotes.
    #[schema(example = "0f1e2d3c4b5a69788796a5b4c3d2e1f0")]
    pub etag: String,
}

/// Where a node listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Listener)]
pub struct ListenerView {
    /// Address and port.
    #[schema(example = "[::]:8637")]
    pub address: String,
    /// `none`, `files` (a certificate from files) or `self-signed`.
    #[schema(example = "files")]
    pub tls: String,
    /// What it offers there: `downloads`, `admin`, `peers`.
    pub surfaces: Vec<String>,
    /// The certificate in use; null without TLS.
    #[schema(required = true)]
    pub certificate: Option<CertificateView>,
}

/// A certificate in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Certificate)]
pub struct CertificateView {
    /// SHA-256 of its DER: what invites pin.
    pub sha256: String,
    /// Until when clients take it; null if that can't be read.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// A node's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NodeLog)]
pub struct LogView {
    /// Random; a new one after a restore, so that cursors from before aren't taken for cursors of now.
    pub id: String,
    /// The newest entry's number, shared by log and journal.
    pub head: u64,
    /// Events held.
    pub events: u64,
}

/// Bytes a node still has to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NodeWants)]
pub struct WantsView {
    /// Blobs.
    pub count: u64,
    /// Their bytes, all told.
    pub bytes: u64,
}

/// What a node keeps on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NodeStorage)]
pub struct StorageView {
    /// Blobs held whole.
    pub blobs: u64,
    /// Their bytes, all told.
    pub bytes: u64,
    /// Bytes free on the data folder's disk.
    pub free: u64,
}

/// Which packages' bytes a node keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Policy, example = json!({"mode": "selected", "paths": ["mac/*"], "tags": ["prod"], "bytes_max": null}))]
#[serde(deny_unknown_fields)]
pub struct PolicyView {
    /// `all`: of every package. `selected`: of those that match one of `paths` or have one of `tags`. `on-demand`: of those
    /// that clients ask for, up to `bytes_max`. On any of them what a client asks for is passed on while it arrives.
    pub mode: PolicyMode,
    /// Globs of paths, with `selected`; `*` matches `/` too.
    #[serde(default)]
    #[schema(example = json!(["mac/*"]))]
    pub paths: Vec<String>,
    /// Tags, with `selected`.
    #[serde(default)]
    #[schema(example = json!(["prod"]))]
    pub tags: Vec<String>,
    /// With `on-demand`: beyond so many bytes those go that were used longest ago, as far as others are known to have them.
    #[serde(default)]
    pub bytes_max: Option<u64>,
}

/// How a node chooses whose bytes it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyMode {
    /// Every package.
    All,
    /// By path or tag.
    Selected,
    /// What clients ask for.
    OnDemand,
}

impl PolicyMode {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Selected => "selected",
            Self::OnDemand => "on-demand",
        }
    }
}

/// What can be changed of a node. A field that isn't there stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "hq", "urls": ["https://hq.example.org"],
    "policy": {"mode": "selected", "paths": ["mac/*"], "tags": ["prod"], "bytes_max": null},
    "limits": {"down_bytes_per_s": 10_000_000, "windows": [{"days": ["mon"], "from": "08:00", "to": "18:00", "down_bytes_per_s": 1_000_000}], "time_zone": "Europe/Berlin"}}))]
pub struct NodePatch {
    /// A new name, at most 128 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "hq")]
    pub name: Option<String>,
    /// Where it is reached, `http://…` or `https://…`; empty: found from its listeners.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub urls: Option<Vec<String>>,
    /// Which packages' bytes it keeps; replaces the policy there was.
    #[serde(default, deserialize_with = "super::objects::one", skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyView>,
    /// How fast packages may go between this node and all others together; replaces all limits there were.
    #[serde(default, deserialize_with = "super::objects::one", skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsView>,
}
