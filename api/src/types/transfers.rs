//! `/transfers`: what moves now, and what moved.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Bytes on their way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Transfer)]
pub struct TransferView {
    /// `in`: this node fetches; `out`: it sends.
    #[schema(example = "in")]
    pub direction: String,
    /// The node that gets them; null for what comes in, which has `sources`, and for a client's download.
    #[schema(required = true)]
    pub peer: Option<String>,
    /// The address of the client that downloads; null for a node, or if it isn't known.
    #[schema(required = true)]
    pub client: Option<String>,
    /// The blob.
    pub blob: String,
    /// A package that has it; null if none is current any more.
    #[schema(required = true)]
    pub path: Option<String>,
    /// How far it is: of the whole blob if it comes in, of what was asked for if it goes out.
    pub bytes: TransferBytes,
    /// How fast, in bytes a second; null if nobody measured yet.
    #[schema(required = true)]
    pub rate_bytes_per_s: Option<u64>,
    /// In how many seconds it is done, at that rate.
    #[schema(required = true)]
    pub eta_s: Option<u64>,
    /// The nodes that bytes are asked of at this moment.
    pub sources: Vec<String>,
    /// `moving`, or `waiting` while bytes are asked of nobody.
    #[schema(example = "moving")]
    pub state: String,
    /// Why it waits.
    #[schema(required = true)]
    pub reason: Option<String>,
}

/// Bytes that moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PastTransfer)]
pub struct PastTransferView {
    /// `in`: this node fetched; `out`: it sent.
    #[schema(example = "in")]
    pub direction: String,
    /// The node that they came from or went to; null for a client's download.
    #[schema(required = true)]
    pub peer: Option<String>,
    /// The address of the client that downloaded; null for a node, or if it isn't known.
    #[schema(required = true)]
    pub client: Option<String>,
    /// The blob.
    pub blob: String,
    /// A package that has it; null if none is current any more.
    #[schema(required = true)]
    pub path: Option<String>,
    /// How many bytes went, what was sent again included.
    pub bytes: u64,
    /// When the first of them were asked for.
    #[schema(value_type = String, format = DateTime)]
    pub began_at: Timestamp,
    /// When the last of them had gone.
    #[schema(value_type = String, format = DateTime)]
    pub ended_at: Timestamp,
    /// How fast, in bytes a second, over all that time; null if it was too short to tell.
    #[schema(required = true)]
    pub rate_bytes_per_s: Option<u64>,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransferBytes {
    /// Here, or sent.
    pub done: u64,
    /// All of them.
    pub total: u64,
}
