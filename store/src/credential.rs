//! What somebody acts by: a token, or a session. It must still be good in the transaction of what is done with it.
//!
//! Invariant: whatever the audit tells of a token or session was done before its end, by somebody or by time. A change that
//! was asked for earlier, and waits for its bytes, in line or for the disk meanwhile, is not made.

use crate::account_error::AccountError;
use crate::error::Result;
use crate::schema::{SESSIONS, TOKENS, USERS};
use crate::sessions::{self, SessionHolder};
use crate::time::UnixMillis;
use crate::tx::Tx;
use crate::{tokens, users};

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
                let row = sessions::by_key(&*tx.read(SESSIONS)?, &key)?.filter(|row| !row.is_over(now));
                let stands = row.map(|row| holder_stands(tx, &row.holder, now)).transpose()?.unwrap_or(false);
                (!stands).then_some(AccountError::SessionEnded)
            }
        };
        ended.map_or(Ok(()), |ended| Err(ended.into()))
    }
}

fn holder_stands(tx: &Tx<'_>, holder: &SessionHolder, now: UnixMillis) -> Result<bool> {
    Ok(match holder {
        SessionHolder::Token(key) => {
            tokens::by_key(&*tx.read(TOKENS)?, key)?.is_some_and(|token| !token.is_expired(now))
        }
        SessionHolder::User(id) => users::by_id(&*tx.read(USERS)?, *id)?.is_some_and(|user| !user.disabled),
    })
}
