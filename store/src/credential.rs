//! What somebody acts by: a token, or a session. It must still be good in the transaction of what is done with it.
//!
//! Invariants:
//! - Whatever the audit tells of a token or session was done before its end, by somebody or by time. A change that was asked
//!   for earlier, and waits for its bytes, in line or for the disk meanwhile, is not made.
//! - Nor is one that was asked for by somebody who may do less since, or elsewhere.
//! - Time goes on while a change waits, so the clock is asked anew.

use redb::ReadableTable;

use crate::account_error::AccountError;
use crate::error::Result;
use crate::schema::{SESSIONS, TOKENS, USERS};
use crate::sessions;
use crate::store::{Who, signed_in};
use crate::time::UnixMillis;
use crate::tokens::{self, Scope};
use crate::tx::Tx;

/// A token or session, and what it allowed when it was looked at.
#[derive(Debug, Clone)]
pub(crate) struct Credential {
    key: Key,
    scope: Scope,
    prefixes: Vec<String>,
    clock: fn() -> UnixMillis,
}

/// The key of its row.
#[derive(Debug, Clone, Copy)]
enum Key {
    Token([u8; 32]),
    /// It ends with the token or user that began it, too.
    Session([u8; 32]),
}

impl Credential {
    /// That with this secret, of whom it shows, by this clock.
    pub(crate) fn new(secret: &str, who: &Who, clock: fn() -> UnixMillis) -> Self {
        let key = if sessions::is_session_shaped(secret) {
            Key::Session(sessions::hash(secret))
        } else {
            Key::Token(tokens::hash(secret))
        };
        Self { key, scope: who.scope(), prefixes: who.prefixes().to_vec(), clock }
    }

    /// Errs if it is good no more in a transaction that was asked for at `now` or later.
    pub(crate) fn must_stand_in(&self, tx: &Tx<'_>, now: UnixMillis) -> Result<()> {
        self.must_stand((&*tx.read(TOKENS)?, &*tx.read(SESSIONS)?, &*tx.read(USERS)?), now)
    }

    /// Errs if it is good no more.
    pub(crate) fn must_stand(
        &self,
        (tokens, sessions, users): (
            &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
            &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
            &impl ReadableTable<&'static [u8; 8], &'static [u8]>,
        ),
        now: UnixMillis,
    ) -> Result<()> {
        let now = now.max((self.clock)());
        let who = match self.key {
            Key::Token(key) => {
                let token = tokens::by_key(tokens, &key)?.ok_or(AccountError::TokenRevoked)?;
                if token.is_expired(now) {
                    return Err(AccountError::TokenExpired.into());
                }
                Who::Token(token)
            }
            Key::Session(key) => {
                let session = sessions::by_key(sessions, &key)?.ok_or(AccountError::SessionEnded)?;
                let signed_in = signed_in(users, tokens, session)?.filter(|signed_in| !signed_in.is_over(now));
                signed_in.ok_or(AccountError::SessionEnded)?.who
            }
        };
        if who.scope() < self.scope {
            return Err(AccountError::ScopeLowered { before: self.scope, now: who.scope() }.into());
        }
        if who.prefixes() != self.prefixes {
            return Err(AccountError::PrefixesChanged { now: who.prefixes().to_vec() }.into());
        }
        Ok(())
    }
}
