//! The closed table of errors: a stable code, its status, its title. `api/README.md` shows it; a test compares.

use axum::http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:ident $code:literal $title:literal;)+) => {
        /// What can go wrong with a request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* #[doc = concat!(" (`", $code, "`)")] $name,)+
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The stable code in the body.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The status of the answer.
            pub fn status(self) -> StatusCode {
                let status = match self { $(Self::$name => StatusCode::$status),+ };
                // tus 1.0, "Checksum": a status that HTTP has no name for.
                if self == Self::ChecksumMismatch { StatusCode::from_u16(460).unwrap_or(status) } else { status }
            }

            /// The code in words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }
        }

        impl serde::Serialize for Code {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

codes! {
    /// What came isn't HTTP, or lacks what HTTP asks for.
    Malformed = BAD_REQUEST "malformed" "The request is not valid HTTP";
    /// A package path that breaks a rule, or isn't UTF-8.
    BadPath = BAD_REQUEST "bad_path" "The package path is not valid";
    /// A query parameter that isn't known or can't be read.
    BadQuery = BAD_REQUEST "bad_query" "The query is not valid";
    /// A header that can't be read.
    BadHeader = BAD_REQUEST "bad_header" "A header is not valid";
    /// A body where a change takes none.
    UnexpectedBody = BAD_REQUEST "unexpected_body" "This operation takes no body";
    /// A body that isn't JSON.
    BadJson = BAD_REQUEST "bad_json" "The body is not JSON";
    /// The body broke off.
    BodyIncomplete = BAD_REQUEST "body_incomplete" "The body is incomplete";
    /// A PUT without a body, which would publish an empty file.
    BodyMissing = BAD_REQUEST "body_missing" "The body is missing";
    /// No credentials.
    CredentialsMissing = UNAUTHORIZED "credentials_missing" "A token is needed";
    /// A token this node doesn't know.
    TokenUnknown = UNAUTHORIZED "token_unknown" "The token is not known";
    /// A token past its time.
    TokenExpired = UNAUTHORIZED "token_expired" "The token has expired";
    /// A session that ended, was ended, or whose user or token is gone.
    SessionOver = UNAUTHORIZED "session_over" "The session is over";
    /// No user has this name and this password.
    SignInWrong = UNAUTHORIZED "sign_in_wrong" "The name or the password is wrong";
    /// A set-up link that isn't this node's, or was used.
    SetUpUnknown = UNAUTHORIZED "set_up_unknown" "The set-up link is not known";
    /// A set-up link past its time.
    SetUpExpired = UNAUTHORIZED "set_up_expired" "The set-up link has expired";
    /// A change with a session's cookie that doesn't come from this node's page, or with Basic that comes from another.
    ForeignOrigin = FORBIDDEN "foreign_origin" "The request does not come from this node's page";
    /// The token's scope doesn't allow it.
    ScopeTooSmall = FORBIDDEN "scope_too_small" "The token's scope does not allow this";
    /// The token's prefixes don't allow to read there.
    OutsidePrefixes = FORBIDDEN "outside_prefixes" "The token's prefixes do not allow this";
    /// The node's role, its prefixes or the token's don't allow to publish there.
    NotAPublisher = FORBIDDEN "not_a_publisher" "Publishing there is not allowed";
    /// Only an owner admits and expels nodes.
    NotAnOwner = FORBIDDEN "not_an_owner" "The node is not an owner of its mesh";
    /// An owner expelled the node from the mesh.
    Expelled = FORBIDDEN "expelled" "The node was expelled from the mesh";
    /// No such address.
    NoSuchRoute = NOT_FOUND "no_such_route" "There is nothing at this address";
    /// No such package.
    NoSuchPackage = NOT_FOUND "no_such_package" "The package does not exist";
    /// No such revision.
    NoSuchRevision = NOT_FOUND "no_such_revision" "The revision does not exist";
    /// No such blob, or not a current revision's.
    NoSuchBlob = NOT_FOUND "no_such_blob" "The blob does not exist";
    /// No such peer.
    NoSuchPeer = NOT_FOUND "no_such_peer" "The peer does not exist";
    /// No such node in the roster.
    NoSuchNode = NOT_FOUND "no_such_node" "The roster does not know the node";
    /// No such invite.
    NoSuchInvite = NOT_FOUND "no_such_invite" "The invite does not exist";
    /// No such token.
    NoSuchToken = NOT_FOUND "no_such_token" "The token does not exist";
    /// No such user.
    NoSuchUser = NOT_FOUND "no_such_user" "The user does not exist";
    /// No such session.
    NoSuchSession = NOT_FOUND "no_such_session" "The session does not exist";
    /// No such resumable upload, or it ended.
    NoSuchUpload = NOT_FOUND "no_such_upload" "The upload does not exist";
    /// No such webhook.
    NoSuchWebhook = NOT_FOUND "no_such_webhook" "The webhook does not exist";
    /// No such watch.
    NoSuchWatch = NOT_FOUND "no_such_watch" "The watch does not exist";
    /// No such delivery of a webhook.
    NoSuchDelivery = NOT_FOUND "no_such_delivery" "The delivery does not exist";
    /// Another method is needed; `Allow` says which.
    MethodNotAllowed = METHOD_NOT_ALLOWED "method_not_allowed" "The method is not allowed here";
    /// The bytes of a revision aren't on this node.
    BytesNotHeld = CONFLICT "bytes_not_held" "The revision's bytes are not on this node";
    /// A cap on rows is reached.
    TooMany = CONFLICT "too_many" "There are too many already";
    /// A node can't expel itself.
    OwnNode = CONFLICT "own_node" "A node can not expel itself";
    /// Perhaps only the node to be expelled has the bytes of some packages.
    LastHolder = CONFLICT "last_holder" "Only this node may have some packages";
    /// The node may do more already.
    RolesOnlyRise = CONFLICT "roles_only_rise" "Roles only rise";
    /// The node already has a mesh of its own.
    NotAlone = CONFLICT "not_alone" "The node is part of a mesh already";
    /// Another user has the name.
    NameTaken = CONFLICT "name_taken" "The name is taken";
    /// The request made something before, which can't be shown again.
    MadeAlready = CONFLICT "made_already" "The request made this before";
    /// Nobody would be left who may do everything.
    LastAdmin = CONFLICT "last_admin" "This is the last admin";
    /// The token or user that makes the request would end itself.
    OwnCredentials = CONFLICT "own_credentials" "The request's own credentials can not be ended this way";
    /// There is an admin user, so a set-up link has nothing to do.
    SetUpAlready = CONFLICT "set_up_already" "The node is set up already";
    /// The setting was given by flag, environment or file; it is changed there.
    SetElsewhere = CONFLICT "set_elsewhere" "The setting is set elsewhere";
    /// The folder is watched already, or lies in one that is, or around it.
    FolderTaken = CONFLICT "folder_taken" "The folder is taken";
    /// The mirror asks nothing.
    NothingToConfirm = CONFLICT "nothing_to_confirm" "The watch asks nothing";
    /// The setting can't be changed while the node runs.
    NotChangeable = CONFLICT "not_changeable" "The setting can not be changed here";
    /// The request is made with a token, which has no session.
    NoSession = CONFLICT "no_session" "There is no session";
    /// The request is made with a token, which has no password.
    NoPassword = CONFLICT "no_password" "There is no password";
    /// A node with packages of its own can't become a replica.
    ReplicaHasEvents = CONFLICT "replica_has_events" "A node with packages of its own can not join as replica";
    /// Merging takes an owner on both sides.
    MergeNeedsOwner = CONFLICT "merge_needs_owner" "Merging two meshes takes an owner of each";
    /// The node that would let another in is joining a mesh itself.
    StillJoining = CONFLICT "still_joining" "The node is still joining a mesh itself";
    /// The invite is past its time.
    InviteExpired = CONFLICT "invite_expired" "The invite has expired";
    /// Another node used the invite.
    InviteUsed = CONFLICT "invite_used" "The invite was used by another node";
    /// The inviting node doesn't know the invite.
    InviteUnknown = CONFLICT "invite_unknown" "The inviting node does not know the invite";
    /// Another node answers at the invite's urls.
    WrongNode = CONFLICT "wrong_node" "Another node answers there";
    /// Replication with the peer is paused.
    PeerPaused = CONFLICT "peer_paused" "Replication with the peer is paused";
    /// The upload ended before.
    UploadEnded = CONFLICT "upload_ended" "The upload ended";
    /// The bytes sent don't begin where the upload stands.
    OffsetMismatch = CONFLICT "offset_mismatch" "The upload stands elsewhere";
    /// Another request goes on with the upload.
    UploadTaken = CONFLICT "upload_taken" "Another request goes on with the upload";
    /// Nothing holds the webhook up, or another delivery does.
    NothingToSkip = CONFLICT "nothing_to_skip" "That delivery does not hold the webhook up";
    /// Another run of gc is collecting.
    GcRunning = CONFLICT "gc_running" "A run of gc is under way";
    /// The caller's condition doesn't hold.
    PreconditionFailed = PRECONDITION_FAILED "precondition_failed" "It is not as the request expects";
    /// Another version of tus than 1.0.0, or none is named.
    TusVersion = PRECONDITION_FAILED "tus_version" "Only tus 1.0.0 is spoken here";
    /// More bytes than a package or body may have.
    TooLarge = PAYLOAD_TOO_LARGE "too_large" "The body is too large";
    /// A path and query of more than 48 KiB.
    AddressTooLong = URI_TOO_LONG "address_too_long" "The address is too long";
    /// A body of a kind that isn't taken here.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" "The body is of a kind that is not taken here";
    /// A range that lies outside the file, or more than 16 ranges.
    RangeNotSatisfiable = RANGE_NOT_SATISFIABLE "range_not_satisfiable" "The range can not be had";
    /// A value that breaks a rule.
    Invalid = UNPROCESSABLE_ENTITY "invalid" "A value is not valid";
    /// The `Idempotency-Key` named another request before.
    KeyReused = UNPROCESSABLE_ENTITY "key_reused" "The idempotency key named another request";
    /// A webhook's address is this node's own, or private.
    AddressRefused = UNPROCESSABLE_ENTITY "address_refused" "Webhooks are not sent to this address";
    /// The folder lies below none of the setting `watch.roots`.
    OutsideWatchRoots = UNPROCESSABLE_ENTITY "outside_watch_roots" "The folder may not be watched";
    /// The bytes aren't those that were announced.
    DigestMismatch = UNPROCESSABLE_ENTITY "digest_mismatch" "The bytes are not those that were announced";
    /// The bytes of a request don't have the checksum it announced; they were not taken (tus 1.0: status 460).
    ChecksumMismatch = BAD_REQUEST "checksum_mismatch" "The bytes don't have the announced checksum";
    /// The text isn't an invite.
    InviteMalformed = UNPROCESSABLE_ENTITY "invite_malformed" "This is not an invite";
    /// The invite is this node's own.
    InviteOwn = UNPROCESSABLE_ENTITY "invite_own" "The invite is this node's own";
    /// Too many wrong credentials.
    TooManyAttempts = TOO_MANY_REQUESTS "too_many_attempts" "Too many wrong credentials";
    /// A request line and headers of more than 64 KiB.
    HeadTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE "head_too_large" "The headers are too large";
    /// Something broke here.
    Internal = INTERNAL_SERVER_ERROR "internal" "The node met an error of its own";
    /// The bytes can't be had now.
    BytesUnavailable = SERVICE_UNAVAILABLE "bytes_unavailable" "The bytes can not be had now";
    /// The inviting node or peer can't be reached.
    NodeUnreachable = SERVICE_UNAVAILABLE "node_unreachable" "The other node can not be reached";
    /// The other node's answer can't be used.
    BadPeerAnswer = SERVICE_UNAVAILABLE "bad_peer_answer" "The other node's answer can not be used";
    /// What was asked for goes on already.
    UnderWay = SERVICE_UNAVAILABLE "under_way" "It goes on already";
    /// Too much at once: the process has as many files open as it may, or a sign-in or a bulk change found no place.
    Busy = SERVICE_UNAVAILABLE "busy" "The node has too much to do at once";
    /// The node is stopping.
    Stopping = SERVICE_UNAVAILABLE "stopping" "The node is stopping";
    /// The data folder can't be written.
    NotWritable = SERVICE_UNAVAILABLE "not_writable" "The node can not write its data";
    /// The disk is full.
    NoSpace = INSUFFICIENT_STORAGE "no_space" "The disk has too little room";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_in_the_contract_with_their_status() {
        let readme = include_str!("../../README.md");
        let mut seen = BTreeSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{} is there twice", code.as_str());
            let row = format!("| {} | `{}` |", code.status().as_u16(), code.as_str());
            assert!(readme.contains(&row), "api/README.md lacks the row {row:?}");
        }
    }

    #[test]
    fn the_contract_lists_no_code_that_is_gone() {
        let known: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        let table =
            include_str!("../../README.md").lines().filter(|line| line.starts_with("| 4") || line.starts_with("| 5"));
        for row in table {
            let code = row.split('`').nth(1).expect("a code in back-ticks");
            assert!(known.contains(code), "{code}");
        }
    }
}
