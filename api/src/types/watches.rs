//! `/watches`: folders that this node publishes from.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A watched folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Watch)]
pub struct WatchView {
    /// The folder, as configured.
    #[schema(example = "/srv/drop")]
    pub folder: String,
    /// `keep`, `consume` or `mirror`.
    #[schema(example = "keep")]
    pub mode: String,
    /// The folder of the catalog that its files are published in; empty: the top.
    pub prefix: String,
    /// Labels that its packages get.
    pub tags: Vec<String>,
    /// `watching`, `waiting` (for the first pull from a peer) or `failing`.
    #[schema(example = "watching")]
    pub state: String,
    /// Why it is failing.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// Files that were not published, and why.
    pub refused: Vec<RefusedView>,
    /// Files whose bytes are an older revision of their path, and were therefore left alone.
    pub superseded: Vec<String>,
}

/// A file that was not published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RefusedFile)]
pub struct RefusedView {
    /// Its path below the folder.
    pub file: String,
    /// Why.
    pub reason: String,
}
