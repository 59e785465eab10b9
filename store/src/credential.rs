//! What somebody acts by: a token, or a session. It must still be good in the transaction of what is done with it.
//!
//! Invariant: whatever the audit tells of a token or session was done before its end, by somebody or by time. A change that
//! was asked for earlier, and waits for its bytes, in line or for the disk meanwhile, is not made.

use crate::account_error::AccountError;
use crate::error::Result;
use crate::schema::{SESSIONS, TOKENS, USERS};
use crate::sessions;
use crate::store::signed_in;
use crate::time::UnixMillis;
use crate::tokens;
use crate::tx::Tx;

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

    /// Errs if it is good no more.
    pub(crate) fn must_stand(self, tx: &Tx<'_>, now: UnixMillis) -> Result<()> {
        let ended = match self {
            Self::Token(key) => match tokens::by_key(&*tx.read(TOKENS)?, &key)? {
                None => Some(AccountError::TokenRevoked),
                Some(row) => row.is_expired(now).then_some(AccountError::TokenExpired),
            },
            Self::Session(key) => {
                let session = sessions::by_key(&*tx.read(SESSIONS)?, &key)?;
                let signed_in = session.map(|session| signed_in(&*tx.read(USERS)?, &*tx.read(TOKENS)?, session));
                let stands = signed_in.transpose()?.flatten().is_some_and(|signed_in| !signed_in.is_over(now));
                (!stands).then_some(AccountError::SessionEnded)
            }
        };
        ended.map_or(Ok(()), |ended| Err(ended.into()))
    }
}
