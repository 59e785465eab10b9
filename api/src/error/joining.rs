//! The mesh's refusals as errors of the API.

use super::{ApiError, Code};
use crate::mesh_handle::{JoinError, SyncError};

impl From<JoinError> for ApiError {
    fn from(error: JoinError) -> Self {
        let code = match &error {
            JoinError::Malformed { .. } => Code::InviteMalformed,
            JoinError::Expired => Code::InviteExpired,
            JoinError::Used => Code::InviteUsed,
            JoinError::Unknown => Code::InviteUnknown,
            JoinError::OwnInvite => Code::InviteOwn,
            JoinError::Unreachable { .. } => Code::NodeUnreachable,
            JoinError::WrongNode { .. } => Code::WrongNode,
            JoinError::NotAnOwner => Code::NotAnOwner,
            JoinError::Expelled => Code::Expelled,
            JoinError::ReplicaHasEvents => Code::ReplicaHasEvents,
            JoinError::MergeNeedsOwner => Code::MergeNeedsOwner,
            JoinError::StillJoining => Code::StillJoining,
            JoinError::BadAnswer { .. } => Code::BadPeerAnswer,
            JoinError::Store => return Self::internal(error),
            JoinError::Stopped => Code::Stopping,
        };
        Self::new(code, error.to_string())
    }
}

impl From<SyncError> for ApiError {
    fn from(error: SyncError) -> Self {
        let detail = error.to_string();
        match error {
            SyncError::NoSuchPeer { node } => Self::new(Code::NoSuchPeer, detail).fact("node", node.to_string()),
            SyncError::Expelled { node } => Self::new(Code::Expelled, detail).fact("node", node.to_string()),
            SyncError::Paused { node } => Self::new(Code::PeerPaused, detail).fact("node", node.to_string()),
            SyncError::Failed { node, .. } => Self::new(Code::NodeUnreachable, detail).fact("node", node.to_string()),
            SyncError::Stopped => Self::new(Code::Stopping, detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_error_has_the_same_code_on_both_sides_of_the_seam() {
        let reason = || String::from("x");
        let errors = [
            JoinError::Malformed { reason: reason() },
            JoinError::Expired,
            JoinError::Used,
            JoinError::Unknown,
            JoinError::OwnInvite,
            JoinError::Unreachable { urls: vec![], reason: reason() },
            JoinError::WrongNode { url: reason() },
            JoinError::NotAnOwner,
            JoinError::Expelled,
            JoinError::ReplicaHasEvents,
            JoinError::MergeNeedsOwner,
            JoinError::StillJoining,
            JoinError::BadAnswer { reason: reason() },
            JoinError::Store,
            JoinError::Stopped,
        ];
        for error in errors {
            let code = error.code();
            assert_eq!(ApiError::from(error).code().as_str(), code);
        }
    }
}
