//! The mesh's refusals as errors of the API.

use super::{ApiError, Code};
use crate::convert::timestamp;
use crate::mesh_handle::{JoinError, SyncError};

impl From<JoinError> for ApiError {
    fn from(error: JoinError) -> Self {
        if let JoinError::CredentialsEnded(ended) = error {
            return ended.into();
        }
        let code = match code(&error) {
            Code::Internal => return Self::internal(error),
            code => code,
        };
        let answer = Self::new(code, error.to_string());
        match error {
            JoinError::AskedAgain { until, .. } => answer.fact("asked_until", timestamp(until).to_string()),
            _ => answer,
        }
    }
}

fn code(error: &JoinError) -> Code {
    match error {
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
        JoinError::AskedAgain { error, .. } => code(error),
        JoinError::CredentialsEnded(ended) => ApiError::from(ended.clone()).code(),
        JoinError::Store => Code::Internal,
        JoinError::Stopped => Code::Stopping,
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
    use ods_store::{AccountError, UnixMillis};

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
            JoinError::CredentialsEnded(AccountError::TokenExpired),
            JoinError::Store,
            JoinError::Stopped,
            JoinError::AskedAgain { error: Box::new(JoinError::StillJoining), until: UnixMillis::new(0) },
        ];
        for error in errors {
            let code = error.code();
            assert_eq!(ApiError::from(error).code().as_str(), code);
        }
    }

    #[test]
    fn a_node_that_goes_on_asking_says_so_and_until_when() {
        let error =
            Box::new(JoinError::Unreachable { urls: vec!["http://hq:8637".to_owned()], reason: "x".to_owned() });
        let error = ApiError::from(JoinError::AskedAgain { error, until: UnixMillis::new(1_800_000_000_000) });
        let body: serde_json::Value = serde_json::from_slice(&error.body(None)).unwrap();
        assert_eq!((&body["code"], &body["asked_until"]), (&"node_unreachable".into(), &"2027-01-15T08:00:00Z".into()));
        let detail = "no node answers at http://hq:8637: x. The inviting node may have admitted this one before that, so \
                      this node goes on asking it by itself, until 2027-01-15T08:00:00Z; another invite that is redeemed \
                      here ends that, and so does `ods peer revoke` there";
        assert_eq!(body["detail"], detail);
    }
}
