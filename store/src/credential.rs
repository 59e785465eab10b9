//! What somebody acts by: a token, or a session. It must still be good in the transaction of what is done with it.
//!
//! Invariants:
//! - Whatever the audit tells of a token or session was done before its end, by somebody or by time. A change that was asked
//!   for earlier, and waits for its bytes, in line or for the disk meanwhile, is not made.
//! - Nor is one that was asked for by somebody who may do less since, or elsewhere.
//! - Time goes on while a change waits, so the clock is asked anew.

use redb::ReadTransaction;

use crate::account_error::AccountError;
use crate::error::Result;
use crate::schema::{SESSIONS, TOKENS, USERS};
use crate::sessions::{self, SessionRow};
use crate::short_ids::UserId;
use crate::store::{Who, signed_in};
use crate::time::UnixMillis;
use crate::tokens::{self, Scope, TokenRow};
use crate::tx::Tx;
use crate::users::{self, UserRow};

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

/// The rows of tokens, sessions and users, by key: only the tables that are asked for are opened.
pub(crate) trait Accounts {
    /// A token, expired or not.
    fn token(&self, key: &[u8; 32]) -> Result<Option<TokenRow>>;
    /// A session, over or not.
    fn session(&self, key: &[u8; 32]) -> Result<Option<SessionRow>>;
    /// A user, disabled or not.
    fn user(&self, id: UserId) -> Result<Option<UserRow>>;
}

impl Accounts for Tx<'_> {
    fn token(&self, key: &[u8; 32]) -> Result<Option<TokenRow>> {
        tokens::by_key(&*self.read(TOKENS)?, key)
    }

    fn session(&self, key: &[u8; 32]) -> Result<Option<SessionRow>> {
        sessions::by_key(&*self.read(SESSIONS)?, key)
    }

    fn user(&self, id: UserId) -> Result<Option<UserRow>> {
        users::by_id(&*self.read(USERS)?, id)
    }
}

impl Accounts for ReadTransaction {
    fn token(&self, key: &[u8; 32]) -> Result<Option<TokenRow>> {
        tokens::by_key(&self.open_table(TOKENS)?, key)
    }

    fn session(&self, key: &[u8; 32]) -> Result<Option<SessionRow>> {
        sessions::by_key(&self.open_table(SESSIONS)?, key)
    }

    fn user(&self, id: UserId) -> Result<Option<UserRow>> {
        users::by_id(&self.open_table(USERS)?, id)
    }
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

    /// Errs if it is good no more, at `now` or by the clock, if that is later.
    pub(crate) fn must_stand(&self, accounts: &impl Accounts, now: UnixMillis) -> Result<()> {
        let now = now.max((self.clock)());
        let who = match self.key {
            Key::Token(key) => {
                let token = accounts.token(&key)?.ok_or(AccountError::TokenRevoked)?;
                if token.is_expired(now) {
                    return Err(AccountError::TokenExpired.into());
                }
                Who::Token(token)
            }
            Key::Session(key) => {
                let session = accounts.session(&key)?.ok_or(AccountError::SessionEnded)?;
                let signed_in = signed_in(accounts, session)?.filter(|signed_in| !signed_in.is_over(now));
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
