//! `/mesh` and `/replication`: what this node knows of all others.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Behind, LogView, StorageView};

/// A node of the mesh, as it said of itself last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MeshNode)]
pub struct MeshNodeView {
    /// Its public key.
    pub id: String,
    /// What it calls itself; null if it never said anything that came here.
    #[schema(required = true, example = "branch-1")]
    pub name: Option<String>,
    /// `owner`, `publisher` or `replica`.
    #[schema(example = "replica")]
    pub role: String,
    /// Whether it is the node that was asked.
    pub this: bool,
    /// `up`: it is this node, or a node that is up reaches it. `down`: nobody that is up does. `unknown`: nobody tried.
    #[schema(example = "up")]
    pub state: String,
    /// When it said this, by its own clock.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub as_of: Option<Timestamp>,
    /// When it started, by its own clock.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// Where it answers.
    pub urls: Vec<String>,
    /// Its version.
    #[schema(required = true)]
    pub version: Option<String>,
    /// What it keeps: `all`, `selected` or `on-demand`.
    #[schema(required = true, example = "all")]
    pub policy: Option<String>,
    /// Its log.
    #[schema(required = true)]
    pub log: Option<LogView>,
    /// Equal on nodes whose catalogs are equal.
    #[schema(required = true)]
    pub catalog_digest: Option<String>,
    /// What it lacks: events that this node has, and bytes that it wants.
    pub behind: Behind,
    /// Blobs that it wants.
    #[schema(required = true)]
    pub wants: Option<u64>,
    /// How fast bytes come in there, in bytes a second.
    #[schema(required = true)]
    pub rate_bytes_per_s: Option<u64>,
    /// In how many seconds it has what it wants, at that rate; null if it can't be told.
    #[schema(required = true)]
    pub eta_s: Option<u64>,
    /// Its disk.
    #[schema(required = true)]
    pub storage: Option<StorageView>,
    /// How far its clock is ahead of this node's, in milliseconds, measured along the links; null if it can't be told.
    #[schema(required = true)]
    pub clock_ahead_ms: Option<i64>,
    /// How it sees its peers.
    pub links: Vec<LinkView>,
}

/// How a node sees one of its peers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Link)]
pub struct LinkView {
    /// The peer.
    pub node: String,
    /// What the peer calls itself.
    #[schema(required = true)]
    pub name: Option<String>,
    /// `connected`, `connecting`, `unreachable` or `paused`.
    #[schema(example = "connected")]
    pub state: String,
    /// The round trip of a small call, in milliseconds.
    #[schema(required = true)]
    pub rtt_ms: Option<u32>,
    /// How far the peer's clock is ahead of the node's, in milliseconds.
    #[schema(required = true)]
    pub clock_ahead_ms: Option<i64>,
    /// Events that the peer has and the node lacks.
    pub behind_events: u64,
}

/// Which nodes have a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Replication)]
pub struct ReplicationView {
    /// The revision that this is about: the current one.
    pub revision: String,
    /// Whether every node that wants it is known to have it.
    pub complete: bool,
    /// The nodes of the mesh.
    pub items: Vec<HolderView>,
    /// Always null: it is one page.
    #[schema(required = true)]
    pub next: Option<String>,
}

/// What a node lacks: packages whose current revision's bytes it is to have, and has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Missing)]
pub struct MissingView {
    /// The node's public key.
    pub node: String,
    /// What it calls itself.
    #[schema(required = true, example = "branch-1")]
    pub name: Option<String>,
    /// `up`, `down` or `unknown`, as in `/mesh`.
    #[schema(example = "up")]
    pub state: String,
    /// When it said this, by its own clock; null if it never said anything that came here.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub as_of: Option<Timestamp>,
    /// Whether all pages together are all that it lacks.
    pub complete: bool,
    /// Why there may be more, in words; null if `complete`.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// Packages that it is known to lack, by path.
    pub items: Vec<MissingPackage>,
    /// `after` of the next page; null at the end. A page may be short, even empty, and still have a next.
    #[schema(required = true)]
    pub next: Option<String>,
    /// Always null: counting would need a scan.
    #[schema(required = true)]
    pub total: Option<u64>,
}

/// A package that a node lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MissingPackage {
    /// Its path.
    #[schema(example = "mac/Firefox-142.pkg")]
    pub path: String,
    /// The current revision.
    pub revision: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its version.
    #[schema(required = true, example = "142")]
    pub version: Option<String>,
    /// When it was published, by its author's clock.
    #[schema(value_type = String, format = DateTime)]
    pub published_at: Timestamp,
    /// `fetching`, `wanted`, `behind` or `unreachable`, as in `/replication`.
    #[schema(example = "wanted")]
    pub state: String,
    /// Why, in words.
    pub reason: String,
    /// Bytes that are not there.
    #[schema(required = true)]
    pub bytes_missing: Option<u64>,
    /// In how many seconds they will be; null if it can't be told.
    #[schema(required = true)]
    pub eta_s: Option<u64>,
}

/// A node, and whether it has a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Holder)]
pub struct HolderView {
    /// The node's public key.
    pub node: String,
    /// What it calls itself.
    #[schema(required = true, example = "branch-1")]
    pub name: Option<String>,
    /// `stored`: all bytes are there. `fetching`: they are coming. `wanted`: none came yet. `behind`: it has not got the news
    /// of this revision. `unreachable`: it lacks the bytes, and no node reaches it. `remote`: its policy doesn't keep
    /// them. `unknown`: what it said of itself doesn't tell.
    #[schema(example = "fetching")]
    pub state: String,
    /// Why, in words.
    pub reason: String,
    /// Bytes that are not there; null if unknown.
    #[schema(required = true)]
    pub bytes_missing: Option<u64>,
    /// In how many seconds they will be; null if it can't be told.
    #[schema(required = true)]
    pub eta_s: Option<u64>,
}
