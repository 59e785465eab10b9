//! What somebody acts by: a token, or a session. It must still be there in the transaction of what is done with it.
//!
//! Invariant: whatever the audit tells of a token or session stands before its end there. A change that was asked for
//! earlier, and waits in line or for the disk meanwhile, is not made.

use redb::ReadableTable;

use crate::account_error::AccountError;
use crate::error::Result;
use crate::schema::{SESSIONS, TOKENS};
use crate::tx::Tx;
use crate::{sessions, tokens};

/// The key of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credential {
    /// A token's.
    Token([u8; 32]),
    /// A session's: that ends with the token or user that began it.
    Session([u8; 32]),
}

impl Credential {
    /// That with this secret.
    pub(crate) fn of(secret: &str) -> Self {
        if sessions::is_session_shaped(secret) {
            return Self::Session(sessions::hash(secret));
        }
        Self::Token(tokens::hash(secret))
    }

    /// Errs if it is there no more.
    pub(crate) fn must_stand(self, tx: &Tx<'_>) -> Result<()> {
        let (stands, ended) = match self {
            Self::Token(key) => (tx.read(TOKENS)?.get(&key)?.is_some(), AccountError::TokenRevoked),
            Self::Session(key) => (tx.read(SESSIONS)?.get(&key)?.is_some(), AccountError::SessionEnded),
        };
        if stands { Ok(()) } else { Err(ended.into()) }
    }
}
