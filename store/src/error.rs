//! The crate's one error. A variant is a fact with its ids; what to answer a client is decided in `ods-api`.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::account_error::AccountError;
use crate::digest::{Digest, EventId, NodeId};
use crate::edit_tag::EditTag;
use crate::frame::FrameError;
use crate::path::{PackagePath, PathError};
use crate::resumable::UploadError;
use crate::statement::Role;
use crate::trouble::DiskTrouble;
use crate::watches::WatchError;
use crate::webhooks::WebhookError;

/// What went wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No package has this path.
    #[error("no package is at {path}")]
    NoSuchPackage {
        /// The path asked for.
        path: PackagePath,
    },
    /// No revision has this id, at this path or at all.
    #[error("no revision {id} is known")]
    NoSuchRevision {
        /// The id asked for.
        id: EventId,
    },
    /// The caller's condition on the current revision does not hold.
    #[error("the condition doesn't hold: {}", standing(path, *current))]
    PreconditionFailed {
        /// The path.
        path: PackagePath,
        /// The current revision, if there is one.
        current: Option<EventId>,
    },
    /// Nothing is published at such a path.
    #[error(transparent)]
    BadPath(#[from] PathError),
    /// This node may not publish there.
    #[error("this node may not publish {path}")]
    NotAPublisher {
        /// This node.
        node: NodeId,
        /// The path.
        path: PackagePath,
    },
    /// This node is not an owner, so it can't admit or expel.
    #[error("this node is not an owner of its mesh")]
    NotAnOwner,
    /// An owner expelled the node: this one, which wanted to publish, or one that was to be admitted.
    #[error(
        "node {node} was expelled from the mesh; it can take part again only with a new key, in an empty data folder"
    )]
    Expelled {
        /// The node.
        node: NodeId,
    },
    /// No statement of the roster is about this node.
    #[error("the roster doesn't know node {node}")]
    NoSuchNode {
        /// Who was asked for.
        node: NodeId,
    },
    /// A node can't expel itself.
    #[error("a node can't expel itself; expel it on another owner")]
    OwnNode,
    /// Less than the node may do already.
    #[error(
        "node {node} is {} already, and roles only rise: to take rights away, expel it; it can come back with a new key", .role.as_str()
    )]
    RolesOnlyRise {
        /// The node.
        node: NodeId,
        /// What it is.
        role: Role,
    },
    /// The bytes of a revision are not on this node.
    #[error("the bytes of blob {blob} are not on this node")]
    BytesNotHeld {
        /// The blob.
        blob: Digest,
    },
    /// Clients wait for other bytes already, as many as an on-demand node keeps.
    #[error(
        "other clients are waiting for as many bytes as this node keeps (its policy's limit is {bytes_max}); they come first"
    )]
    AskedTooMuch {
        /// The policy's limit.
        bytes_max: u64,
    },
    /// The disk has too little room.
    #[error("{needed} bytes are needed and {free} are free")]
    NoSpace {
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// The disk failed under the database. What was to be written may be there after a power cut, and is not otherwise.
    #[error(
        "nothing can be written now: the node {trouble}. Reading goes on. See to the disk; writing goes on by itself then"
    )]
    DiskFailing {
        /// What it would not do.
        trouble: DiskTrouble,
    },
    /// A blob on disk is not what its name says. It has been set aside and is wanted again.
    #[error(
        "piece {piece} of blob {blob} is damaged on disk; it was set aside, and is fetched again from a peer that has it. If \
         none has, publish the package again"
    )]
    Rot {
        /// The blob.
        blob: Digest,
        /// The first piece found wrong.
        piece: u64,
    },
    /// The system doesn't let this program read a blob's file.
    #[error("the file {path} can't be read. Check its owner, its permissions and its disk")]
    Unreadable {
        /// The blob.
        blob: Digest,
        /// Its file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A blob's outline was lost and is being made again from its bytes.
    #[error("the outline of blob {blob} is being made again; it takes a moment")]
    OutlineLost {
        /// The blob.
        blob: Digest,
    },
    /// What was asked for goes on already, and two of it would only be in each other's way.
    #[error("{what} is being made already; try again when it is done")]
    UnderWay {
        /// What.
        what: &'static str,
    },
    /// A place for a restored node, or for a backup, that holds something else.
    #[error("{path} {reason}")]
    BadPlace {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A blob is larger than this version handles.
    #[error("{bytes} bytes are more than the {max} that a package may have")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The cap.
        max: u64,
    },
    /// Metadata that can't be published.
    #[error("{} {reason}", if key == "*" { "the metadata".to_owned() } else { format!("metadata {key:?}") })]
    BadMeta {
        /// The key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A name (of a node, token, peer), prefix or another value that people set and that can't be taken.
    #[error("{field} {reason}")]
    BadName {
        /// What the API calls the value.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The key that names a request named another one.
    #[error("this idempotency key was sent before with another request; a new request needs a key of its own")]
    KeyReused,
    /// A cap on rows is reached.
    #[error("there are {max} {what} already; remove some first")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The cap.
        max: usize,
    },
    /// A frame from a peer or from disk that does not decode or verify.
    #[error("event or statement refused")]
    Frame(#[from] FrameError),
    /// An outline that does not merge to its blob's digest, or has the wrong length for the size.
    #[error("the outline does not belong to blob {blob} of {size} bytes")]
    BadOutline {
        /// The blob.
        blob: Digest,
        /// The size that was claimed.
        size: u64,
    },
    /// A piece that is not what the outline says.
    #[error("piece {piece} of blob {blob} does not match its outline")]
    BadPiece {
        /// The blob.
        blob: Digest,
        /// Which piece.
        piece: u64,
    },
    /// The caller's condition on something that has a version does not hold.
    #[error("{what} was changed meanwhile: it is at version {version} now")]
    Changed {
        /// What.
        what: &'static str,
        /// The version it is at.
        version: u64,
    },
    /// The caller's condition on how something stands does not hold.
    #[error("{what} was changed meanwhile; read it again")]
    Edited {
        /// What.
        what: &'static str,
        /// How it stands.
        current: EditTag,
    },
    /// Something about tokens, users or the set-up link.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Something about a resumable upload.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// No invite has this id.
    #[error("the invite is not known to this node")]
    NoSuchInvite,
    /// The invite was redeemed by another node.
    #[error("the invite was used by another node; make a new one")]
    InviteUsed,
    /// The invite's time is over.
    #[error("the invite has expired; make a new one")]
    InviteExpired,
    /// A node that is not alone can't take another's root.
    #[error("this node is already part of a mesh with other nodes")]
    NotAlone,
    /// A node that is alone and perhaps admitted elsewhere lets nobody in.
    #[error(
        "this node is still joining a mesh: the answer of the node that invited it isn't known yet. Others can join this \
         node when it is, or an hour after that node was first asked"
    )]
    StillJoining,
    /// A node with events of its own can't be a replica.
    #[error("this node has published packages of its own, so it can't join as a replica")]
    ReplicaHasEvents,
    /// A webhook or delivery is not there, or not as expected.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// Something about watches.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// Another run of gc is collecting.
    #[error("another run of gc is under way; wait for its end")]
    GcRunning,
    /// The data folder was written by a newer version.
    #[error(
        "the data folder {folder} has schema version {found}; this version of ods reads up to {known}. Use a newer ods"
    )]
    NewerSchema {
        /// The folder.
        folder: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest this version reads.
        known: u32,
    },
    /// `node.key` is not this data folder's key.
    #[error(
        "{path} is the key of node {found}, but the data folder belongs to node {expected}. Put the right key file back"
    )]
    WrongKey {
        /// The key file.
        path: PathBuf,
        /// Whose key it is.
        found: NodeId,
        /// Whose the data is.
        expected: NodeId,
    },
    /// The data is there and its key file is not.
    #[error("{path} is missing, but the data folder belongs to node {expected}. Put its key file back")]
    NoKey {
        /// The key file.
        path: PathBuf,
        /// Whose the data is.
        expected: NodeId,
    },
    /// `node.key` is not a key file.
    #[error("{path} is not a key file: it has {bytes} bytes instead of 32. Put the right key file back")]
    BadKeyFile {
        /// The key file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
    /// Another process has the data folder open.
    #[error("another process is using the data folder {folder}. Stop it first, or choose another folder")]
    AlreadyOpen {
        /// The folder.
        folder: PathBuf,
    },
    /// The data folder can't be written.
    #[error("the data folder {folder} can't be written. Check its owner, its permissions and how it is mounted")]
    NotWritable {
        /// The folder.
        folder: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The process has as many files open as it may.
    #[error("can't {what} {path}: the process has too many files open; raise its limit (`ulimit -n`, `LimitNOFILE=`)")]
    TooManyOpenFiles {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
    },
    /// A file operation failed.
    #[error("can't {what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The database failed.
    #[error(
        "the database ods.redb in the data folder can't be used. If its disk is well, the file itself is damaged or not \
         ods's: stop the node and run `ods verify`, or restore a backup (`ods backup restore`)"
    )]
    Database(#[source] Arc<redb::Error>),
    /// The data folder was in use, and its database is empty or missing.
    #[error(
        "the database ods.redb in {folder} is missing or empty, though the folder was in use. Restore a backup (`ods backup \
         restore`). Without one, move the folder away and let a new node join its mesh again; packages that no other node \
         has are the files in its folder blobs"
    )]
    DatabaseLost {
        /// The folder.
        folder: PathBuf,
    },
    /// The database or a file holds what no version writes.
    #[error("{what} in the data folder is damaged. Stop the node and run `ods verify`; it tells what can be mended")]
    Corrupt {
        /// What.
        what: &'static str,
    },
    /// The store is shutting down.
    #[error("the store is closing")]
    Closing,
}

impl StoreError {
    /// The same fact for each of several callers whose one commit failed.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Database(error) => Self::Database(Arc::clone(error)),
            Self::DiskFailing { trouble } => Self::DiskFailing { trouble: trouble.clone() },
            Self::NoSpace { needed, free } => Self::NoSpace { needed: *needed, free: *free },
            _ => Self::Corrupt { what: "the state at a commit" },
        }
    }

    /// Whether what was to be written may be on the disk all the same.
    pub(crate) fn leaves_doubt(&self) -> bool {
        let failed_commit = matches!(self, Self::DiskFailing { .. } | Self::Database(_) | Self::Corrupt { .. });
        failed_commit || matches!(self, Self::Io { .. } | Self::Closing)
    }

    /// An I/O error with what was tried; a full disk becomes [`StoreError::NoSpace`].
    pub(crate) fn io(what: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { needed: 1, free: 0 },
            _ if is_lack_of_handles(&source) => Self::TooManyOpenFiles { what, path },
            _ => Self::Io { what, path, source },
        }
    }
}

/// What stands at a path, to whom expected something else there.
fn standing(path: &PackagePath, current: Option<EventId>) -> String {
    match current {
        Some(id) => format!("{path} is published, and its current revision is {id}"),
        None => format!("nothing is published at {path}"),
    }
}

/// Whether this says nothing of the disk, but that the process or the system has too many files open.
pub(crate) fn is_lack_of_handles(error: &io::Error) -> bool {
    // ENFILE and EMFILE; on Windows ERROR_TOO_MANY_OPEN_FILES.
    let codes: &[i32] = if cfg!(windows) { &[4] } else { &[23, 24] };
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// Shorthand of this crate.
pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

macro_rules! from_redb {
    ($($error:ty),+) => {$(
        impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                match redb::Error::from(error) {
                    // Another operation met the disk's error, and noted it.
                    redb::Error::PreviousIo | redb::Error::DatabaseClosed => Self::DiskFailing {
                        trouble: DiskTrouble {
                            what: "use",
                            path: PathBuf::from("ods.redb"),
                            reason: "an earlier error".to_owned(),
                            is_full: false,
                        },
                    },
                    error => Self::Database(Arc::new(error)),
                }
            }
        }
    )+};
}

from_redb!(
    redb::DatabaseError,
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::SetDurabilityError
);
