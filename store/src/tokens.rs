//! Tokens: scoped credentials for the API. Only their BLAKE3 is kept; the secret (`secret.rs`; its letter is the scope's,
//! `r p a`) is shown once.
//!
//! Invariant: a token whose going would leave nobody who may do everything doesn't go (`admins.rs`).

use redb::{ReadableTable, ReadableTableMetadata};
use serde::{Deserialize, Serialize};

use crate::admins;
use crate::audit::{self, Facts};
use crate::codec::{from_row, to_row};
use crate::edit_tag::{EditTag, Expected};
use crate::error::{Result, StoreError};
use crate::journal::{self, Happening, Moment};
use crate::limits::TOKENS_MAX;
use crate::names::{check_name, check_reach};
use crate::path::PackagePath;
use crate::publish::Author;
use crate::schema::TOKENS;
use crate::secret;
use crate::sessions::{self, SessionHolder};
use crate::short_ids::TokenId;
use crate::time::UnixMillis;
use crate::tx::Tx;

/// What a token may do. Greater scopes may do all that lesser ones may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// See everything but secrets.
    Read,
    /// Change packages.
    Publish,
    /// Everything.
    Admin,
}

impl Scope {
    /// `read`, `publish` or `admin`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Publish => "publish",
            Self::Admin => "admin",
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::Read => 'r',
            Self::Publish => 'p',
            Self::Admin => 'a',
        }
    }
}

/// What is kept of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    /// Its id.
    pub id: TokenId,
    /// Its name; `by` of what is done with it.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// Where; empty: everywhere.
    pub prefixes: Vec<String>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it ends, if ever.
    pub expires_at: Option<UnixMillis>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<UnixMillis>,
}

impl TokenRow {
    /// Whether its time is over.
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    /// How it stands. Nothing of a token is ever changed, so it stays as it is.
    pub fn tag(&self) -> EditTag {
        EditTag::of(&(self.id, &self.name, self.scope, &self.prefixes, self.expires_at))
    }

    /// Whether it may do everything, for good.
    pub(crate) fn is_lasting_admin(&self) -> bool {
        self.scope == Scope::Admin && self.prefixes.is_empty() && self.expires_at.is_none()
    }

    /// Whether it is good for this path.
    pub fn covers(&self, path: &PackagePath) -> bool {
        covers(&self.prefixes, path)
    }
}

/// Whether prefixes are good for a path; none are good for all.
pub(crate) fn covers(prefixes: &[String], path: &PackagePath) -> bool {
    prefixes.is_empty() || prefixes.iter().any(|prefix| path.is_under(prefix))
}

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// Where; empty: everywhere.
    pub prefixes: Vec<String>,
    /// When it ends, if ever.
    pub expires_at: Option<UnixMillis>,
}

/// Whether a text has a token's form and checksum. Says nothing about whether it is good.
pub fn is_token_shaped(text: &str) -> bool {
    secret::is_shaped(text)
}

/// The key of the token with this secret.
pub(crate) fn hash(secret: &str) -> [u8; 32] {
    blake3::derive_key("ods token v1", secret.as_bytes())
}

/// Makes a token; the text is its secret.
pub(crate) fn create(tx: &Tx<'_>, moment: Moment, new: &NewToken, author: &Author) -> Result<(TokenRow, String)> {
    check_name("name", &new.name)?;
    let prefixes = check_reach(new.scope, &new.prefixes)?;
    if tx.read(TOKENS)?.len()? >= TOKENS_MAX as u64 {
        return Err(StoreError::TooMany { what: "tokens", max: TOKENS_MAX });
    }
    let secret = secret::new(new.scope.letter(), &tx.context.entropy);
    let row = TokenRow {
        id: TokenId::new(tx.context.entropy.bytes()),
        name: new.name.clone(),
        scope: new.scope,
        prefixes,
        created_at: moment.now,
        expires_at: new.expires_at,
        last_used_at: None,
    };
    tx.write(TOKENS)?.insert(&hash(&secret), to_row(&row).as_slice())?;
    let happening =
        Happening::TokenCreated { token: row.id.to_string(), name: row.name.clone(), by: author.as_str().to_owned() };
    journal::append(tx, moment, happening)?;
    audit::append(tx, moment, author, &audit::Deed::made("token.created", row.id, facts(&row)))?;
    Ok((row, secret))
}

/// Revokes a token that stands as expected, and ends its sessions; false if there is none with this id.
pub(crate) fn revoke(tx: &Tx<'_>, moment: Moment, id: TokenId, expected: &Expected, author: &Author) -> Result<bool> {
    let Some((key, row)) = rows(&tx.read(TOKENS)?)?.into_iter().find(|(_, row)| row.id == id) else {
        return Ok(false);
    };
    expected.check("the token", row.tag())?;
    tx.write(TOKENS)?.remove(&key)?;
    if row.is_lasting_admin() {
        admins::must_remain(tx)?;
    }
    sessions::end_all_of(tx, &SessionHolder::Token(key))?;
    audit::append(tx, moment, author, &audit::Deed::ended("token.revoked", id, facts(&row)))?;
    let by = author.as_str().to_owned();
    journal::append(tx, moment, Happening::TokenRevoked { token: id.to_string(), name: row.name, by })?;
    Ok(true)
}

/// The token with this secret, expired or not.
pub(crate) fn find(
    table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
    secret: &str,
) -> Result<Option<TokenRow>> {
    if !is_token_shaped(secret) {
        return Ok(None);
    }
    by_key(table, &hash(secret))
}

/// The one with this key, expired or not.
pub(crate) fn by_key(
    table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
    key: &[u8; 32],
) -> Result<Option<TokenRow>> {
    table.get(key)?.map(|row| from_row("a token", row.value())).transpose()
}

/// Notes that a token was used.
pub(crate) fn touch(tx: &Tx<'_>, secret: &str, now: UnixMillis) -> Result<()> {
    let Some(row) = find(&tx.read(TOKENS)?, secret)? else { return Ok(()) };
    let row = TokenRow { last_used_at: Some(now), ..row };
    tx.write(TOKENS)?.insert(&hash(secret), to_row(&row).as_slice())?;
    Ok(())
}

/// What the audit tells of a token.
fn facts(row: &TokenRow) -> Facts {
    let mut facts = audit::facts([("name", row.name.clone()), ("scope", row.scope.as_str().to_owned())]);
    if !row.prefixes.is_empty() {
        facts.insert("prefixes".to_owned(), audit::list(&row.prefixes));
    }
    if let Some(expires_at) = row.expires_at {
        facts.insert("expires_at".to_owned(), audit::time(expires_at));
    }
    facts
}

/// All tokens, oldest first, with their keys.
pub(crate) fn rows(table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>) -> Result<Vec<([u8; 32], TokenRow)>> {
    let mut rows = Vec::new();
    for entry in table.iter()? {
        let (key, row) = entry?;
        rows.push((*key.value(), from_row::<TokenRow>("a token", row.value())?));
    }
    rows.sort_by_key(|(_, row)| (row.created_at, row.id));
    Ok(rows)
}
