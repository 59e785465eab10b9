//! The store's facts as errors of the API: which status and code each gets, and what the client may know.

use ods_store::{
    AccountError, Digest, NodeId, StoreError, UploadError, WEBHOOK_OLD_SECRETS_MAX, WatchError, WebhookError,
};

use super::{ApiError, Code};
use crate::auth::BEARER;

/// Seconds after which a client may ask again for bytes that are being fetched or mended, or that wait for others.
const MENDED_AFTER_S: u64 = 10;

/// Seconds after which a node with too much to do at once may have less.
const BUSY_S: u64 = 2;

/// Seconds after which what is being made for somebody else may be done.
const UNDER_WAY_S: u64 = 60;

/// What a client is told of a disk that fails; the log says more.
const DISK_FAILS: &str = "the node's disk is full or failing, so nothing can be written; reading goes on";

/// Likewise of files that the system doesn't let the node read.
const UNREADABLE: &str = "the file of its bytes can't be read on this node; the node's log says which and why";

/// Likewise of too many open files.
const FILES_OPEN: &str = "the node has as many files open as it may; try again in a moment";

/// And of a data folder that can't be written.
const NOT_WRITABLE: &str = "the node's data folder can't be written";

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        let plain = |code: Code| Self::new(code, detail.clone());
        let about = |code: Code, node: NodeId| plain(code).fact("node", node.to_string());
        let unavailable = || plain(Code::BytesUnavailable).retry_after(MENDED_AFTER_S);
        let lacking = |blob: Digest| unavailable().fact("blob", blob.to_string());
        match error {
            StoreError::NoSuchPackage { path } => plain(Code::NoSuchPackage).fact("path", path.as_str()),
            StoreError::NoSuchRevision { id } => plain(Code::NoSuchRevision).fact("revision", id.to_string()),
            StoreError::PreconditionFailed { path, current } => plain(Code::PreconditionFailed)
                .fact("path", path.as_str())
                .fact("current", current.map(|id| id.to_string())),
            StoreError::NotAPublisher { node, path } => about(Code::NotAPublisher, node).fact("path", path.as_str()),
            StoreError::BadPath(_) => plain(Code::BadPath),
            StoreError::NotAnOwner => plain(Code::NotAnOwner),
            StoreError::Expelled { node } => about(Code::Expelled, node),
            StoreError::NoSuchNode { node } => about(Code::NoSuchNode, node),
            StoreError::OwnNode => plain(Code::OwnNode),
            StoreError::RolesOnlyRise { node, role } => about(Code::RolesOnlyRise, node).fact("role", role.as_str()),
            StoreError::BytesNotHeld { blob } => plain(Code::BytesNotHeld).fact("blob", blob.to_string()),
            StoreError::AskedTooMuch { bytes_max } => unavailable().fact("bytes_max", bytes_max),
            StoreError::DiskFailing { ref trouble } => {
                let code = if trouble.is_full { Code::NoSpace } else { Code::NotWritable };
                logged(error, DISK_FAILS, code).retry_after(MENDED_AFTER_S)
            }
            StoreError::NoSpace { needed, free } => plain(Code::NoSpace).fact("needed", needed).fact("free", free),
            StoreError::Rot { blob, piece } => lacking(blob).fact("piece", piece),
            StoreError::OutlineLost { blob } => lacking(blob),
            StoreError::Unreadable { blob, .. } => logged(error, UNREADABLE, Code::BytesUnavailable)
                .fact("blob", blob.to_string())
                .retry_after(MENDED_AFTER_S),
            StoreError::TooLarge { bytes, max } => plain(Code::TooLarge).fact("bytes", bytes).fact("max", max),
            StoreError::BadMeta { key, reason } => plain(Code::Invalid).fact("field", key).fact("reason", reason),
            StoreError::BadName { field, reason } => plain(Code::Invalid).fact("field", field).fact("reason", reason),
            StoreError::TooMany { what, max } => plain(Code::TooMany).fact("what", what).fact("max", max),
            StoreError::KeyReused => plain(Code::KeyReused),
            StoreError::Webhook(error) => error.into(),
            StoreError::Watch(error) => error.into(),
            StoreError::GcRunning => plain(Code::GcRunning),
            StoreError::Changed { version, .. } => plain(Code::PreconditionFailed).fact("current", version),
            StoreError::Edited { current, .. } => plain(Code::PreconditionFailed).fact("current", current.to_string()),
            StoreError::Account(error) => error.into(),
            StoreError::Upload(error) => error.into(),
            StoreError::NoSuchInvite => plain(Code::NoSuchInvite),
            StoreError::InviteUsed => plain(Code::InviteUsed),
            StoreError::InviteExpired => plain(Code::InviteExpired),
            StoreError::NotAlone => plain(Code::NotAlone),
            StoreError::StillJoining => plain(Code::StillJoining),
            StoreError::ReplicaHasEvents => plain(Code::ReplicaHasEvents),
            StoreError::UnderWay { what } => plain(Code::UnderWay).fact("what", what).retry_after(UNDER_WAY_S),
            StoreError::TooManyOpenFiles { .. } => logged(error, FILES_OPEN, Code::Busy).retry_after(BUSY_S),
            StoreError::Closing => plain(Code::Stopping),
            StoreError::NotWritable { .. } => logged(error, NOT_WRITABLE, Code::NotWritable),
            StoreError::Frame(_)
            | StoreError::BadOutline { .. }
            | StoreError::BadPiece { .. }
            | StoreError::NewerSchema { .. }
            | StoreError::WrongKey { .. }
            | StoreError::NoKey { .. }
            | StoreError::BadKeyFile { .. }
            | StoreError::AlreadyOpen { .. }
            | StoreError::DatabaseLost { .. }
            | StoreError::BadPlace { .. }
            | StoreError::Io { .. }
            | StoreError::Database(_)
            | StoreError::Corrupt { .. } => Self::internal(error),
        }
    }
}

/// What the log gets whole, and the client only in safe words.
fn logged(error: StoreError, detail: &str, code: Code) -> ApiError {
    ApiError { detail: detail.to_owned(), ..ApiError::internal(error) }.with_code(code)
}

impl From<WebhookError> for ApiError {
    fn from(error: WebhookError) -> Self {
        let code = match error {
            WebhookError::NoSuchWebhook => Code::NoSuchWebhook,
            WebhookError::NoSuchDelivery => Code::NoSuchDelivery,
            WebhookError::NothingToSkip => Code::NothingToSkip,
            WebhookError::TooManySecrets => {
                let (what, max) = ("secrets from before rotations", WEBHOOK_OLD_SECRETS_MAX);
                return Self::new(Code::TooMany, error.to_string()).fact("what", what).fact("max", max);
            }
        };
        Self::new(code, error.to_string())
    }
}

impl From<WatchError> for ApiError {
    fn from(error: WatchError) -> Self {
        let plain = |code: Code| Self::new(code, error.to_string());
        match &error {
            WatchError::NoSuchWatch(id) => plain(Code::NoSuchWatch).fact("id", id.to_string()),
            WatchError::FolderTaken { folder, other } => {
                plain(Code::FolderTaken).fact("folder", folder.as_str()).fact("other", other.as_str())
            }
        }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        let detail = error.to_string();
        let plain = |code: Code| Self::new(code, detail);
        match error {
            AccountError::NoSuchUser { id } => plain(Code::NoSuchUser).fact("id", id.to_string()),
            AccountError::NameTaken { name } => plain(Code::NameTaken).fact("field", "name").fact("name", name),
            AccountError::LastAdmin => plain(Code::LastAdmin),
            AccountError::SetUpUnknown => plain(Code::SetUpUnknown),
            AccountError::SetUpExpired => plain(Code::SetUpExpired),
            AccountError::TokenRevoked => plain(Code::TokenUnknown).challenge(BEARER),
            AccountError::TokenExpired => plain(Code::TokenExpired).challenge(BEARER),
            AccountError::SessionEnded => plain(Code::SessionOver).challenge(BEARER),
            AccountError::ScopeLowered { before, now } => {
                plain(Code::ScopeTooSmall).fact("before", before.as_str()).fact("actual", now.as_str())
            }
            AccountError::PrefixesChanged { now } => plain(Code::OutsidePrefixes).fact("prefixes", now),
            AccountError::SetUpAlready => plain(Code::SetUpAlready),
        }
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        let detail = error.to_string();
        let plain = |code: Code| Self::new(code, detail);
        match error {
            UploadError::NoSuchUpload { id } => plain(Code::NoSuchUpload).fact("id", id.to_string()),
            UploadError::Taken { id } => plain(Code::UploadTaken).fact("id", id.to_string()),
            UploadError::TooLong { bytes, .. } => plain(Code::TooLarge).fact("max", bytes),
            UploadError::Incomplete { missing, .. } => plain(Code::BodyIncomplete).fact("missing", missing),
            UploadError::DigestMismatch { algorithm, expected, actual } => plain(Code::DigestMismatch)
                .fact("algorithm", algorithm)
                .fact("expected", expected)
                .fact("actual", actual),
        }
    }
}

impl ApiError {
    fn with_code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }
}
