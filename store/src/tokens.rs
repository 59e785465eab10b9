//! Tokens: scoped credentials for the API. Only their BLAKE3 is kept; the secret is shown once.
//!
//! `ods_` ‖ scope letter (`r p a`) ‖ 32 random base32 characters ‖ 8 of a checksum. The prefix lets secret scanners find a
//! leaked one, the checksum tells a mistyped one from a revoked one without a look-up. 160 random bits need no slow hash.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use redb::{ReadableTable, ReadableTableMetadata};
use serde::{Deserialize, Serialize};

use crate::codec::{from_row, to_row};
use crate::digest::NotHex32;
use crate::error::{Result, StoreError};
use crate::journal::{self, Happening, Moment};
use crate::limits::{NAME_BYTES_MAX, PREFIXES_MAX, TOKENS_MAX};
use crate::path::PackagePath;
use crate::publish::Author;
use crate::schema::TOKENS;
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

/// A token's name for people and URLs: 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenId([u8; 8]);

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXLOWER.encode(&self.0))
    }
}

impl FromStr for TokenId {
    type Err = NotHex32;

    fn from_str(text: &str) -> Result<Self, NotHex32> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes
            .map(Self)
            .ok_or_else(|| NotHex32 { kind: "a token id (16 digits)", text: text.chars().take(80).collect() })
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

    /// Whether it is good for this path.
    pub fn covers(&self, path: &PackagePath) -> bool {
        self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| path.is_under(prefix))
    }
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
    text.is_ascii() && text.len() == 45 && text.starts_with("ods_") && checksum(&text[..37]) == text[37..]
}

fn checksum(body: &str) -> String {
    let sum = blake3::derive_key("ods token checksum v1", body.as_bytes());
    BASE32_NOPAD.encode(&sum[..5]).to_lowercase()
}

fn hash(secret: &str) -> [u8; 32] {
    blake3::derive_key("ods token v1", secret.as_bytes())
}

/// Makes a token; the text is its secret.
pub(crate) fn create(tx: &Tx<'_>, moment: Moment, new: &NewToken, author: &Author) -> Result<(TokenRow, String)> {
    check_name("the token's name", &new.name)?;
    let prefixes = check_prefixes(&new.prefixes)?;
    if tx.read(TOKENS)?.len()? >= TOKENS_MAX as u64 {
        return Err(StoreError::TooMany { what: "tokens", max: TOKENS_MAX });
    }
    let random: [u8; 20] = tx.context.entropy.bytes();
    let body = format!("ods_{}{}", new.scope.letter(), BASE32_NOPAD.encode(&random).to_lowercase());
    let secret = format!("{body}{}", checksum(&body));
    let row = TokenRow {
        id: TokenId(tx.context.entropy.bytes()),
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
    Ok((row, secret))
}

/// Revokes a token; false if there is none with this id.
pub(crate) fn revoke(tx: &Tx<'_>, moment: Moment, id: TokenId, author: &Author) -> Result<bool> {
    let Some((key, row)) = rows(&tx.read(TOKENS)?)?.into_iter().find(|(_, row)| row.id == id) else {
        return Ok(false);
    };
    tx.write(TOKENS)?.remove(&key)?;
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
    table.get(&hash(secret))?.map(|row| from_row("a token", row.value())).transpose()
}

/// Notes that a token was used.
pub(crate) fn touch(tx: &Tx<'_>, secret: &str, now: UnixMillis) -> Result<()> {
    let Some(row) = find(&tx.read(TOKENS)?, secret)? else { return Ok(()) };
    let row = TokenRow { last_used_at: Some(now), ..row };
    tx.write(TOKENS)?.insert(&hash(secret), to_row(&row).as_slice())?;
    Ok(())
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

/// Errs unless a name is something that people can read and logs can hold.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<()> {
    if name.trim().is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        let reason = format!("must have 1 to {NAME_BYTES_MAX} bytes and no control characters");
        return Err(StoreError::BadName { what, reason });
    }
    Ok(())
}

/// Prefixes without trailing `/`, each a valid path.
pub(crate) fn check_prefixes(prefixes: &[String]) -> Result<Vec<String>> {
    if prefixes.len() > PREFIXES_MAX {
        return Err(StoreError::TooMany { what: "prefixes", max: PREFIXES_MAX });
    }
    let parsed = prefixes.iter().map(|prefix| {
        let path = PackagePath::parse(prefix.trim_end_matches('/'));
        let bad = |error: crate::path::PathError| StoreError::BadName { what: "a prefix", reason: error.to_string() };
        path.map(|path| path.as_str().to_owned()).map_err(bad)
    });
    parsed.collect()
}
