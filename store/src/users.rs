//! Users: people with a name and a password. What is kept of a password is the text that its slow hash gave (PHC string
//! format); making and checking it is the API's, since it takes time and memory on purpose.
//!
//! Invariants: names are unique, whatever their case and however their accents are sent (those of earlier versions may differ in
//! the latter alone), and kept in NFC; a change of password, or of what a user may do, ends the user's
//! sessions; the last admin neither goes nor loses that (`admins.rs`).

use redb::ReadableTable;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::account_error::AccountError;
use crate::admins;
use crate::audit::{self, Deed, Facts};
use crate::codec::{from_row, to_row};
use crate::error::{Result, StoreError};
use crate::journal::{self, Happening, Moment};
use crate::limits::USERS_MAX;
use crate::names::{check_name, check_reach, find_name, folded_name};
use crate::publish::Author;
use crate::schema::USERS;
use crate::sessions::{self, SessionHolder};
use crate::set_up;
use crate::short_ids::{SessionId, UserId};
use crate::time::UnixMillis;
use crate::tokens::Scope;
use crate::tx::Tx;

/// What is kept of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    /// Its id, which stays.
    pub id: UserId,
    /// Greater after each change; its entity tag.
    pub version: u64,
    /// Its name, by which people sign in; `by` of what the user does.
    pub name: String,
    /// The password's hash, as text.
    pub password: String,
    /// What the user may do.
    pub scope: Scope,
    /// Where; empty: everywhere.
    pub prefixes: Vec<String>,
    /// Whether the user may not sign in for now.
    pub disabled: bool,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When somebody last signed in as it.
    pub last_sign_in_at: Option<UnixMillis>,
}

impl UserRow {
    /// Whether this user may do everything.
    pub(crate) fn is_admin(&self) -> bool {
        self.scope == Scope::Admin && self.prefixes.is_empty() && !self.disabled
    }
}

/// A user to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// Its name.
    pub name: String,
    /// The password's hash, as text.
    pub password: String,
    /// What the user may do.
    pub scope: Scope,
    /// Where; empty: everywhere.
    pub prefixes: Vec<String>,
}

/// How a user is to change; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserPatch {
    /// A new name.
    pub name: Option<String>,
    /// A new password's hash.
    pub password: Option<String>,
    /// What the user may do.
    pub scope: Option<Scope>,
    /// Where.
    pub prefixes: Option<Vec<String>>,
    /// Whether the user may not sign in for now.
    pub disabled: Option<bool>,
}

/// Makes a user.
pub(crate) fn create(tx: &Tx<'_>, moment: Moment, new: &NewUser, author: &Author) -> Result<UserRow> {
    let all = rows(&tx.read(USERS)?)?;
    if all.len() >= USERS_MAX {
        return Err(StoreError::TooMany { what: "users", max: USERS_MAX });
    }
    let name = free_name(&all, &new.name, None)?;
    let row = UserRow {
        id: UserId::new(tx.context.entropy.bytes()),
        version: 1,
        name,
        password: new.password.clone(),
        scope: new.scope,
        prefixes: check_reach(new.scope, &new.prefixes)?,
        disabled: false,
        created_at: moment.now,
        last_sign_in_at: None,
    };
    put(tx, &row)?;
    if row.is_admin() {
        set_up::spend(tx)?;
    }
    audit::append(tx, moment, author, &Deed::made("user.created", row.id, facts(&row)))?;
    tell(tx, moment, &row, author, |user, name, by| Happening::UserCreated { user, name, by })?;
    Ok(row)
}

/// Changes a user, if it is at `expected`. Its sessions end, but for `spared`, if the password or what it may do changes.
pub(crate) fn edit(
    tx: &Tx<'_>,
    moment: Moment,
    id: UserId,
    patch: &UserPatch,
    (expected, spared): (Option<u64>, Option<SessionId>),
    author: &Author,
) -> Result<UserRow> {
    let all = rows(&tx.read(USERS)?)?;
    let before = find(&all, id, expected)?;
    let mut row = before.clone();
    if let Some(name) = &patch.name {
        row.name = free_name(&all, name, Some(id))?;
    }
    row.password = patch.password.clone().unwrap_or(row.password);
    row.scope = patch.scope.unwrap_or(row.scope);
    if patch.scope.is_some() || patch.prefixes.is_some() {
        row.prefixes = check_reach(row.scope, patch.prefixes.as_ref().unwrap_or(&row.prefixes))?;
    }
    row.disabled = patch.disabled.unwrap_or(row.disabled);
    if row == before {
        author.told();
        return Ok(row);
    }
    let (was, mut is) = (facts(&before), facts(&row));
    if row.password != before.password {
        is.insert("password".to_owned(), "changed".to_owned());
    }
    // Before it is done: it may take away what its author needed for it.
    audit::append(tx, moment, author, &Deed::changed("user.changed", id, was, is))?;
    row.version += 1;
    put(tx, &row)?;
    if row.is_admin() {
        set_up::spend(tx)?;
    }
    if before.is_admin() && !row.is_admin() {
        admins::must_remain(tx)?;
    }
    if (&row.password, row.scope, &row.prefixes, row.disabled)
        != (&before.password, before.scope, &before.prefixes, before.disabled)
    {
        sessions::end_others_of(tx, &SessionHolder::User(id), spared)?;
    }
    tell(tx, moment, &row, author, |user, name, by| Happening::UserChanged { user, name, by })?;
    Ok(row)
}

/// Removes a user, if it is at `expected`, and ends its sessions.
pub(crate) fn remove(
    tx: &Tx<'_>,
    moment: Moment,
    id: UserId,
    expected: Option<u64>,
    author: &Author,
) -> Result<UserRow> {
    let row = find(&rows(&tx.read(USERS)?)?, id, expected)?;
    tx.write(USERS)?.remove(id.as_bytes())?;
    if row.is_admin() {
        admins::must_remain(tx)?;
    }
    sessions::end_all_of(tx, &SessionHolder::User(id))?;
    audit::append(tx, moment, author, &Deed::ended("user.removed", id, facts(&row)))?;
    tell(tx, moment, &row, author, |user, name, by| Happening::UserRemoved { user, name, by })?;
    Ok(row)
}

/// Notes that somebody signed in as the user, who was `checked`; `None` if the password is another by now, or the user is
/// disabled or gone: a change of these ended all sessions, and none begins by what held before it.
pub(crate) fn note_sign_in(tx: &Tx<'_>, checked: &UserRow, now: UnixMillis) -> Result<Option<UserRow>> {
    let stands = |row: &UserRow| row.id == checked.id && row.password == checked.password && !row.disabled;
    let Some(row) = rows(&tx.read(USERS)?)?.into_iter().find(stands) else { return Ok(None) };
    let row = UserRow { last_sign_in_at: Some(now), ..row };
    put(tx, &row)?;
    Ok(Some(row))
}

fn put(tx: &Tx<'_>, row: &UserRow) -> Result<()> {
    tx.write(USERS)?.insert(row.id.as_bytes(), to_row(row).as_slice())?;
    Ok(())
}

fn find(all: &[UserRow], id: UserId, expected: Option<u64>) -> Result<UserRow> {
    let row = all.iter().find(|row| row.id == id).ok_or(AccountError::NoSuchUser { id })?;
    match expected {
        Some(version) if version != row.version => Err(StoreError::Changed { what: "the user", version: row.version }),
        Some(_) | None => Ok(row.clone()),
    }
}

/// A name as it is kept, if it is one and no other user has it.
fn free_name(all: &[UserRow], name: &str, own: Option<UserId>) -> Result<String> {
    let name: String = name.nfc().collect();
    check_name("name", &name)?;
    let folded = folded_name(&name);
    let taken = all.iter().any(|row| Some(row.id) != own && folded_name(&row.name) == folded);
    if taken { Err(AccountError::NameTaken { name }.into()) } else { Ok(name) }
}

/// The user whom people mean by a name.
pub(crate) fn named(all: Vec<UserRow>, name: &str) -> Option<UserRow> {
    let found = find_name(all.iter().map(|row| row.name.as_str()), name)?;
    all.into_iter().nth(found)
}

fn facts(row: &UserRow) -> Facts {
    let disabled = if row.disabled { "true".to_owned() } else { String::new() };
    audit::facts([
        ("name", row.name.clone()),
        ("scope", row.scope.as_str().to_owned()),
        ("prefixes", audit::list(&row.prefixes)),
        ("disabled", disabled),
    ])
}

fn tell(
    tx: &Tx<'_>,
    moment: Moment,
    row: &UserRow,
    author: &Author,
    what: fn(String, String, String) -> Happening,
) -> Result<()> {
    let happening = what(row.id.to_string(), row.name.clone(), author.as_str().to_owned());
    journal::append(tx, moment, happening).map(drop)
}

/// The user with this id.
pub(crate) fn by_id(
    table: &impl ReadableTable<&'static [u8; 8], &'static [u8]>,
    id: UserId,
) -> Result<Option<UserRow>> {
    table.get(id.as_bytes())?.map(|row| from_row("a user", row.value())).transpose()
}

/// All users, in the order in which they were made.
pub(crate) fn rows(table: &impl ReadableTable<&'static [u8; 8], &'static [u8]>) -> Result<Vec<UserRow>> {
    let mut rows = Vec::new();
    for entry in table.iter()? {
        rows.push(from_row::<UserRow>("a user", entry?.1.value())?);
    }
    rows.sort_by_key(|row| (row.created_at, row.id));
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(byte: u8, name: &str) -> UserRow {
        UserRow {
            id: UserId::new([byte; 8]),
            version: 1,
            name: name.to_owned(),
            password: String::new(),
            scope: Scope::Read,
            prefixes: Vec::new(),
            disabled: false,
            created_at: UnixMillis::new(0),
            last_sign_in_at: None,
        }
    }

    #[test]
    fn of_two_that_an_earlier_version_told_apart_each_is_found_as_it_is_spelt() {
        let (composed, apart) = ("\u{e9}va", "e\u{301}va");
        let both = vec![user(1, composed), user(2, apart)];
        for (typed, expected) in [(composed, composed), (apart, apart), (" \u{c9}VA", composed), ("E\u{301}va", apart)]
        {
            assert_eq!(named(both.clone(), typed).map(|row| row.name).as_deref(), Some(expected), "{typed}");
        }
        for typed in [composed, apart, "\u{c9}va "] {
            assert_eq!(named(vec![user(2, apart)], typed).map(|row| row.id), Some(user(2, apart).id), "{typed}");
        }
        assert_eq!(named(both, "eva"), None);
    }
}
