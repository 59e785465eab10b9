//! The seam between the routes and the mesh: commands one way, a status the other.
//!
//! The routes never do mesh work: they send a [`MeshCommand`] over a bounded channel and wait for its reply, and they
//! read [`PeerStatus`] rows that only the mesh driver writes.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use ods_store::{AccountError, Author, Digest, NodeId, UnixMillis};
use tokio::sync::{mpsc, oneshot};

use crate::convert::timestamp;
use crate::error::ApiError;
use crate::transfer_board::TransferBoard;

/// Commands that may wait for the mesh; further callers wait for room.
const COMMANDS_MAX: usize = 16;

/// What the routes ask of the mesh.
#[derive(Debug)]
pub enum MeshCommand {
    /// Redeem an invite: connect, be admitted, keep the link.
    Join {
        /// The line the other node printed.
        invite: String,
        /// Who redeems it.
        author: Author,
        /// Whom it linked with.
        reply: oneshot::Sender<Result<NodeId, JoinError>>,
    },
    /// Pull from a peer now.
    Sync {
        /// The peer.
        node: NodeId,
        /// How many events were new.
        reply: oneshot::Sender<Result<u64, SyncError>>,
    },
}

/// Why an invite didn't lead to a link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The line isn't an invite.
    #[error("this is not an invite: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// It is past its time.
    #[error("the invite has expired; ask for a new one with `ods peer invite`")]
    Expired,
    /// Another node has redeemed it.
    #[error("the invite was used by another node; ask for a new one with `ods peer invite`")]
    Used,
    /// The inviting node doesn't know it (any more).
    #[error("the inviting node doesn't know this invite; ask for a new one with `ods peer invite`")]
    Unknown,
    /// It is this node's own.
    #[error("this node made the invite itself; redeem it on another node")]
    OwnInvite,
    /// Nobody answers at the invite's urls.
    #[error("no node answers at {}: {reason}", .urls.join(", "))]
    Unreachable {
        /// What was tried.
        urls: Vec<String>,
        /// Why it failed.
        reason: String,
    },
    /// Another node answers at the invite's urls.
    #[error("another node than the inviting one answers at {url}")]
    WrongNode {
        /// Where.
        url: String,
    },
    /// The inviting node may not admit others, and nobody else has admitted this one.
    #[error(
        "the inviting node is not an owner of its mesh, and this node is not admitted there; ask an owner for an invite"
    )]
    NotAnOwner,
    /// An owner of that mesh expelled this node, or an owner of this one expelled that mesh's first node or the inviting one.
    #[error(
        "this node was expelled from that mesh, or the node that began either mesh from the other; an expelled node joins \
         again only with a new key: begin with an empty data folder"
    )]
    Expelled,
    /// A node with events of its own can't become a replica.
    #[error(
        "a node with packages of its own can't join as replica; join as publisher, or start from an empty data folder"
    )]
    ReplicaHasEvents,
    /// Both nodes are in meshes of their own; merging these takes an owner of each, and an invite that says so.
    #[error(
        "this node and the inviting one are in two meshes; to merge them, make the invite with role owner on an owner \
         of that mesh, and redeem it on an owner of this one"
    )]
    MergeNeedsOwner,
    /// The inviting node may have been admitted elsewhere itself, and doesn't know yet.
    #[error(
        "the inviting node is still joining a mesh itself: ask an owner of that mesh for an invite, or redeem this one again \
         an hour after it began"
    )]
    StillJoining,
    /// The other node's answer made no sense.
    #[error("the inviting node's answer can't be used: {reason}")]
    BadAnswer {
        /// What was wrong with it.
        reason: String,
    },
    /// Something went wrong when the inviting node may have admitted this one already.
    #[error(
        "{error}. The inviting node may have admitted this one before that, so this node goes on asking it by itself, until \
         {}; another invite that is redeemed here ends that, and so does `ods peer revoke` there", timestamp(*.until)
    )]
    AskedAgain {
        /// What went wrong.
        error: Box<JoinError>,
        /// It is asked until then.
        until: UnixMillis,
    },
    /// Whoever asked may not do so any more; the inviting node was not asked.
    #[error(transparent)]
    CredentialsEnded(AccountError),
    /// This node's store failed.
    #[error("this node couldn't record the link")]
    Store,
    /// The mesh isn't running, or stopped in between.
    #[error("this node is stopping, or its mesh is not running")]
    Stopped,
}

impl JoinError {
    /// Its stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "invite_malformed",
            Self::Expired => "invite_expired",
            Self::Used => "invite_used",
            Self::Unknown => "invite_unknown",
            Self::OwnInvite => "invite_own",
            Self::Unreachable { .. } => "node_unreachable",
            Self::WrongNode { .. } => "wrong_node",
            Self::NotAnOwner => "not_an_owner",
            Self::Expelled => "expelled",
            Self::ReplicaHasEvents => "replica_has_events",
            Self::MergeNeedsOwner => "merge_needs_owner",
            Self::StillJoining => "still_joining",
            Self::BadAnswer { .. } => "bad_peer_answer",
            Self::AskedAgain { error, .. } => error.code(),
            Self::CredentialsEnded(ended) => ApiError::from(ended.clone()).code().as_str(),
            Self::Store => "internal",
            Self::Stopped => "stopping",
        }
    }
}

/// Why a pull didn't happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// There is no such peer.
    #[error("there is no peer {node}")]
    NoSuchPeer {
        /// Who was asked for.
        node: NodeId,
    },
    /// Replication with it is paused.
    #[error("replication with {node} is paused; resume it first")]
    Paused {
        /// The peer.
        node: NodeId,
    },
    /// That node, or this one, was expelled from the mesh.
    #[error("node {node} was expelled from the mesh; nothing is exchanged with it")]
    Expelled {
        /// Which of the two.
        node: NodeId,
    },
    /// It can't be reached, or its answer is no good.
    #[error("can't pull from {node}: {reason}")]
    Failed {
        /// The peer.
        node: NodeId,
        /// Why.
        reason: String,
    },
    /// The mesh isn't running, or stopped in between.
    #[error("this node is stopping, or its mesh is not running")]
    Stopped,
}

/// How it stands with a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerState {
    /// It answered the last request.
    Connected,
    /// It is being reached.
    Connecting,
    /// It doesn't answer.
    Unreachable,
    /// Nobody tries.
    Paused,
    /// It, or this node, was expelled from the mesh.
    Expelled,
}

impl PeerState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Connected, Self::Connecting, Self::Unreachable, Self::Paused, Self::Expelled];

    /// `connected`, `connecting`, `unreachable`, `paused` or `expelled`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Connecting => "connecting",
            Self::Unreachable => "unreachable",
            Self::Paused => "paused",
            Self::Expelled => "expelled",
        }
    }
}

/// What the mesh driver knows about a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// How it stands.
    pub state: PeerState,
    /// Its last sign of life.
    pub last_seen: Option<UnixMillis>,
    /// Events it has that this node lacks.
    pub behind_events: Option<u64>,
    /// Bytes it has that this node wants.
    pub behind_bytes: Option<u64>,
    /// Why it can't be reached, for people.
    pub error: Option<String>,
}

/// The driver's rows, by peer.
pub type PeerStatuses = Arc<RwLock<BTreeMap<NodeId, PeerStatus>>>;

/// A blob that is being fetched now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferStatus {
    /// The blob.
    pub blob: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Bytes that are here and verified.
    pub bytes_done: u64,
    /// How fast they come.
    pub rate_bytes_per_s: u64,
    /// Who sends them, each with its rate in bytes a second.
    pub sources: Vec<(NodeId, u64)>,
    /// What it waits for, if nobody is asked for bytes: `no_peer`, `no_source`, `pieces`, `turn` or `disk`.
    pub waiting: Option<&'static str>,
}

/// What is being fetched, the most urgent first; the fetch driver writes it, at most a few times a second.
pub type TransferStatuses = Arc<RwLock<Vec<TransferStatus>>>;

/// The routes' end.
#[derive(Debug, Clone)]
pub struct MeshHandle {
    commands: mpsc::Sender<MeshCommand>,
    statuses: PeerStatuses,
    board: TransferBoard,
    transfers: TransferStatuses,
}

impl MeshHandle {
    /// A handle, and the driver's ends: the commands to obey and the statuses to write.
    pub fn new() -> (Self, mpsc::Receiver<MeshCommand>, PeerStatuses) {
        let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
        let statuses = PeerStatuses::default();
        let (transfers, board) = (TransferStatuses::default(), TransferBoard::default());
        (Self { commands, statuses: Arc::clone(&statuses), transfers, board }, receiver, statuses)
    }

    /// What is being fetched: for the driver to write, for the routes to read.
    pub fn transfers(&self) -> TransferStatuses {
        Arc::clone(&self.transfers)
    }

    /// What moves now, as those say that move it.
    pub fn board(&self) -> &TransferBoard {
        &self.board
    }

    /// Redeems an invite.
    pub async fn join(&self, invite: String, author: Author) -> Result<NodeId, JoinError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.commands.send(MeshCommand::Join { invite, author, reply }).await;
        sent.map_err(|_| JoinError::Stopped)?;
        answer.await.unwrap_or(Err(JoinError::Stopped))
    }

    /// Pulls from a peer now.
    pub async fn sync(&self, node: NodeId) -> Result<u64, SyncError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.commands.send(MeshCommand::Sync { node, reply }).await;
        sent.map_err(|_| SyncError::Stopped)?;
        answer.await.unwrap_or(Err(SyncError::Stopped))
    }

    /// How it stands with a peer; `None` if the driver hasn't met it yet.
    pub fn status(&self, node: &NodeId) -> Option<PeerStatus> {
        self.statuses.read().unwrap_or_else(PoisonError::into_inner).get(node).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn commands_without_a_driver_are_answered() {
        let (mesh, commands, _) = MeshHandle::new();
        drop(commands);
        assert_eq!(mesh.join("x".to_owned(), Author::new("ada")).await, Err(JoinError::Stopped));
        assert_eq!(mesh.sync(NodeId::from_bytes([1; 32])).await, Err(SyncError::Stopped));
    }
}
