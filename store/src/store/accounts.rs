//! Tokens, users, sessions, the set-up link.

use super::Store;
use crate::account_error::AccountError;
use crate::credential::Accounts;
use crate::edit_tag::Expected;
use crate::error::Result;
use crate::journal::Moment;
use crate::path::PackagePath;
use crate::publish::Author;
use crate::schema::{META, SESSIONS, TOKENS, USERS};
use crate::sessions::{self, SessionHolder, SessionRow};
use crate::set_up;
use crate::short_ids::{SessionId, TokenId, UserId};
use crate::time::UnixMillis;
use crate::tokens::{self, NewToken, Scope, TokenRow};
use crate::users::{self, NewUser, UserPatch, UserRow};

/// A token's last use is written down at most this often: once a minute.
const TOUCH_EVERY_MS: u64 = 60_000;

/// Somebody who signed in, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The session.
    pub session: SessionRow,
    /// Its holder as it is now.
    pub who: Who,
}

impl SignedIn {
    /// Whether it has ended, by itself or with its holder.
    pub fn is_over(&self, now: UnixMillis) -> bool {
        self.session.is_over(now) || self.who.is_over(now)
    }
}

/// A session's holder as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A user.
    User(UserRow),
    /// A token.
    Token(TokenRow),
}

impl Who {
    /// Whether it may do nothing any more.
    fn is_over(&self, now: UnixMillis) -> bool {
        match self {
            Self::User(row) => row.disabled,
            Self::Token(row) => row.is_expired(now),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::User(row) => &row.name,
            Self::Token(row) => &row.name,
        }
    }

    /// As whom it acts: `user ada`, `token ci`.
    pub fn author(&self) -> Author {
        match self {
            Self::User(row) => Author::new(&format!("user {}", row.name)),
            Self::Token(row) => Author::new(&format!("token {}", row.name)),
        }
    }

    /// What it may do.
    pub const fn scope(&self) -> Scope {
        match self {
            Self::User(row) => row.scope,
            Self::Token(row) => row.scope,
        }
    }

    /// Where; empty: everywhere.
    pub fn prefixes(&self) -> &[String] {
        match self {
            Self::User(row) => &row.prefixes,
            Self::Token(row) => &row.prefixes,
        }
    }

    /// Whether it is good for this path.
    pub fn covers(&self, path: &PackagePath) -> bool {
        tokens::covers(self.prefixes(), path)
    }
}

impl Store {
    /// Makes a token; the text is its secret, shown this once.
    pub fn create_token(&self, new: &NewToken, author: &Author, now: UnixMillis) -> Result<(TokenRow, String)> {
        let (new, author) = (new.clone(), author.clone());
        self.write(move |tx| tokens::create(tx, Moment::live(now), &new, &author))
    }

    /// All tokens, oldest first.
    pub fn tokens(&self) -> Result<Vec<TokenRow>> {
        Ok(tokens::rows(&self.read()?.open_table(TOKENS)?)?.into_iter().map(|(_, row)| row).collect())
    }

    /// Revokes a token, at once, if it stands as expected; false if there is none.
    pub fn revoke_token(&self, id: TokenId, expected: &Expected, author: &Author, now: UnixMillis) -> Result<bool> {
        let (expected, author) = (expected.clone(), author.clone());
        self.write(move |tx| tokens::revoke(tx, Moment::live(now), id, &expected, &author))
    }

    /// The token with this secret, which may be expired; `None` if there is none.
    pub fn authenticate(&self, secret: &str) -> Result<Option<TokenRow>> {
        tokens::find(&self.read()?.open_table(TOKENS)?, secret)
    }

    /// Notes that a good token was used, at most once a minute; waits for the commit then.
    pub fn touch_token(&self, row: &TokenRow, secret: &str, now: UnixMillis) -> Result<()> {
        if row.last_used_at.is_some_and(|used| used <= now && now.ms_since(used) < TOUCH_EVERY_MS) {
            return Ok(());
        }
        let secret = secret.to_owned();
        self.write(move |tx| tokens::touch(tx, &secret, now))
    }

    /// Makes a user.
    pub fn create_user(&self, new: &NewUser, author: &Author, now: UnixMillis) -> Result<UserRow> {
        let (new, author) = (new.clone(), author.clone());
        self.write(move |tx| users::create(tx, Moment::live(now), &new, &author))
    }

    /// All users, in the order in which they were made.
    pub fn users(&self) -> Result<Vec<UserRow>> {
        users::rows(&self.read()?.open_table(USERS)?)
    }

    /// One user.
    pub fn user(&self, id: UserId) -> Result<Option<UserRow>> {
        users::by_id(&self.read()?.open_table(USERS)?, id)
    }

    /// The user of this name, whatever its case and however its accents are sent.
    pub fn user_named(&self, name: &str) -> Result<Option<UserRow>> {
        Ok(users::named(self.users()?, name))
    }

    /// Changes a user, if it is at version `expected`. Its sessions, but `spared`, end if the password or what it may do
    /// changes.
    pub fn edit_user(
        &self,
        id: UserId,
        patch: &UserPatch,
        expected: Option<u64>,
        spared: Option<SessionId>,
        author: &Author,
        now: UnixMillis,
    ) -> Result<UserRow> {
        let (patch, author) = (patch.clone(), author.clone());
        self.write(move |tx| users::edit(tx, Moment::live(now), id, &patch, (expected, spared), &author))
    }

    /// Removes a user, if it is at version `expected`, and ends its sessions.
    pub fn remove_user(&self, id: UserId, expected: Option<u64>, author: &Author, now: UnixMillis) -> Result<UserRow> {
        let author = author.clone();
        self.write(move |tx| users::remove(tx, Moment::live(now), id, expected, &author))
    }

    /// Begins a session of the user who was `checked`; the text is its secret. `None` if the password is another by now, or
    /// the user is disabled or gone. `author` is the user, at its address.
    pub fn sign_in_user(
        &self,
        checked: &UserRow,
        agent: &str,
        author: &Author,
        now: UnixMillis,
    ) -> Result<Option<(SignedIn, String)>> {
        let (checked, agent, author) = (checked.clone(), agent.to_owned(), author.clone());
        self.write(move |tx| {
            let Some(user) = users::note_sign_in(tx, &checked, now)? else { return Ok(None) };
            let holder = SessionHolder::User(user.id);
            let (session, secret) = sessions::begin(tx, Moment::live(now), holder, &agent, &author)?;
            Ok(Some((SignedIn { session, who: Who::User(user) }, secret)))
        })
    }

    /// Begins a session with the token that has this secret; the text is the session's secret. Errs if it was revoked or has
    /// expired.
    pub fn sign_in_token(
        &self,
        secret: &str,
        agent: &str,
        author: &Author,
        now: UnixMillis,
    ) -> Result<(SignedIn, String)> {
        let (secret, agent, author) = (secret.to_owned(), agent.to_owned(), author.clone());
        self.write(move |tx| {
            author.must_stand(tx, now)?;
            let token = tokens::find(&tx.read(TOKENS)?, &secret)?.ok_or(AccountError::TokenRevoked)?;
            if token.is_expired(now) {
                return Err(AccountError::TokenExpired.into());
            }
            let holder = SessionHolder::Token(tokens::hash(&secret));
            let (session, secret) = sessions::begin(tx, Moment::live(now), holder, &agent, &author)?;
            Ok((SignedIn { session, who: Who::Token(token) }, secret))
        })
    }

    /// Errs if the token or session that an author acts by is over, or allows less by now.
    pub fn must_stand(&self, author: &Author, now: UnixMillis) -> Result<()> {
        author.must_stand(&self.read()?, now)
    }

    /// The session with this secret and its holder; `None` if there is none, or its holder is gone. It may be over, and
    /// its holder disabled or expired.
    pub fn session(&self, secret: &str) -> Result<Option<SignedIn>> {
        let read = self.read()?;
        let Some(session) = sessions::find(&read.open_table(SESSIONS)?, secret)? else { return Ok(None) };
        signed_in(&read, session)
    }

    /// All sessions with their holders, oldest first.
    pub fn sessions(&self) -> Result<Vec<SignedIn>> {
        let read = self.read()?;
        let mut all = Vec::new();
        for (_, session) in sessions::rows(&read.open_table(SESSIONS)?)? {
            all.extend(signed_in(&read, session)?);
        }
        Ok(all)
    }

    /// Notes that a session was used, at most once a minute; waits for the commit then.
    pub fn touch_session(&self, row: &SessionRow, secret: &str, now: UnixMillis) -> Result<()> {
        if row.last_used_at <= now && now.ms_since(row.last_used_at) < TOUCH_EVERY_MS {
            return Ok(());
        }
        let secret = secret.to_owned();
        self.write(move |tx| sessions::touch(tx, &secret, now))
    }

    /// Ends a session, at once; false if there is none.
    pub fn end_session(&self, id: SessionId, author: &Author, now: UnixMillis) -> Result<bool> {
        let author = author.clone();
        self.write(move |tx| sessions::end(tx, Moment::live(now), id, &author))
    }

    /// Makes the set-up link, in place of one that there was: its secret, and when it ends.
    pub fn make_set_up_link(&self, author: &Author, now: UnixMillis) -> Result<(String, UnixMillis)> {
        let author = author.clone();
        self.write(move |tx| set_up::make(tx, Moment::live(now), &author))
    }

    /// Errs unless the set-up link with this secret is good now. It only reads: anybody may ask.
    pub fn check_set_up_link(&self, secret: &str, now: UnixMillis) -> Result<()> {
        let read = self.read()?;
        set_up::check(&read.open_table(META)?, &read.open_table(USERS)?, now, secret)
    }

    /// Uses the set-up link up: makes the first admin user.
    pub fn redeem_set_up_link(&self, secret: &str, new: &NewUser, author: &Author, now: UnixMillis) -> Result<UserRow> {
        let (secret, new, author) = (secret.to_owned(), new.clone(), author.clone());
        self.write(move |tx| set_up::redeem(tx, Moment::live(now), &secret, &new, &author))
    }
}

/// A session with its holder as it is now; `None` if that is gone.
pub(crate) fn signed_in(accounts: &impl Accounts, session: SessionRow) -> Result<Option<SignedIn>> {
    let who = match &session.holder {
        SessionHolder::User(id) => accounts.user(*id)?.map(Who::User),
        SessionHolder::Token(key) => accounts.token(key)?.map(Who::Token),
    };
    Ok(who.map(|who| SignedIn { session, who }))
}
