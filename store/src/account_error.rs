//! What can be wrong with a change to tokens, users or the set-up link.

use crate::short_ids::UserId;
use crate::tokens::Scope;

/// A change to tokens, users or the set-up link that can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// No user has this id.
    #[error("there is no user {id}")]
    NoSuchUser {
        /// The id asked for.
        id: UserId,
    },
    /// Another user has this name.
    #[error("there is a user {name:?} already")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Nobody would be left who may do everything for good.
    #[error("this is the last admin: make another user, or a token that doesn't expire, with scope admin first")]
    LastAdmin,
    /// The set-up link is none that this node gave out, or was used.
    #[error("the set-up link is not known here, or was used already; `ods user link` makes a new one")]
    SetUpUnknown,
    /// The set-up link's time is over.
    #[error("the set-up link has expired; `ods user link` makes a new one")]
    SetUpExpired,
    /// The token was revoked after it was asked for what it did.
    #[error("the token was revoked meanwhile; this was not done")]
    TokenRevoked,
    /// The token expired after it was asked for what it did.
    #[error("the token expired meanwhile; this was not done")]
    TokenExpired,
    /// The session ended, or its holder did, after it was asked for what it did.
    #[error("the session ended meanwhile, and this was not done; sign in again")]
    SessionEnded,
    /// Who asked for it may do less by now.
    #[error("this was not done: your scope was changed meanwhile from {} to {}; ask again", before.as_str(), now.as_str())]
    ScopeLowered {
        /// When it was asked for.
        before: Scope,
        /// Since.
        now: Scope,
    },
    /// Who asked for it may act elsewhere by now.
    #[error("this was not done: the prefixes that you may act below were changed meanwhile; ask again")]
    PrefixesChanged {
        /// What they are since.
        now: Vec<String>,
    },
    /// There is an admin user, so a set-up link has nothing to do.
    #[error("there is an admin user already: sign in as that one")]
    SetUpAlready,
}
