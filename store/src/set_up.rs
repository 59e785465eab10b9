//! The set-up link: a secret, good once and for a while, with which somebody who reached no token yet makes the first user,
//! an admin, and signs in. Only its hash is kept; there is one at a time, and it is spent once there is an admin user, however
//! that one came: it was printed where others may read it.

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use crate::account_error::AccountError;
use crate::audit::{self, Deed};
use crate::error::Result;
use crate::journal::Moment;
use crate::limits::SET_UP_LIFE_MS;
use crate::meta;
use crate::publish::Author;
use crate::schema::{META, USERS};
use crate::secret;
use crate::time::UnixMillis;
use crate::tx::Tx;
use crate::users::{self, NewUser, UserRow};

/// The letter of a link's secret: `s` for set-up.
const LETTER: char = 's';

/// What is kept of the link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SetUpRow {
    hash: [u8; 32],
    expires_at: UnixMillis,
}

fn hash(text: &str) -> [u8; 32] {
    blake3::derive_key("ods set-up link v1", text.as_bytes())
}

/// Makes the link, in place of one that there was; tells its secret and when it ends. Errs once there is an admin user.
pub(crate) fn make(tx: &Tx<'_>, moment: Moment, author: &Author) -> Result<(String, UnixMillis)> {
    must_have_no_admin(&tx.read(USERS)?)?;
    let text = secret::new(LETTER, &tx.context.entropy);
    let expires_at = moment.now.plus_ms(SET_UP_LIFE_MS);
    tx.set_meta(&meta::SET_UP, &Some(SetUpRow { hash: hash(&text), expires_at }))?;
    audit::append(tx, moment, author, &Deed::made("set_up.link_made", "set-up link", audit::Facts::new()))?;
    Ok((text, expires_at))
}

/// Uses the link up: makes the first admin user.
pub(crate) fn redeem(tx: &Tx<'_>, moment: Moment, text: &str, new: &NewUser, from: &Author) -> Result<UserRow> {
    check(&tx.read(META)?, &tx.read(USERS)?, moment.now, text)?;
    tx.set_meta(&meta::SET_UP, &None::<SetUpRow>)?;
    users::create(tx, moment, new, from)
}

/// Ends the link, if there is one: somebody else became the first admin user.
pub(crate) fn spend(tx: &Tx<'_>) -> Result<()> {
    let row = meta::get(&tx.read(META)?, &meta::SET_UP)?.flatten();
    match row {
        Some(row) => tx.set_meta(&meta::SET_UP, &Some(SetUpRow { expires_at: UnixMillis::new(0), ..row })),
        None => Ok(()),
    }
}

/// Errs unless the link is good now.
pub(crate) fn check(
    meta: &impl ReadableTable<&'static str, &'static [u8]>,
    users: &impl ReadableTable<&'static [u8; 8], &'static [u8]>,
    now: UnixMillis,
    text: &str,
) -> Result<()> {
    let row = meta::get(meta, &meta::SET_UP)?.flatten();
    let fits = |row: &SetUpRow| secret::is_of_kind(text, LETTER) && row.hash == hash(text);
    let row = row.filter(fits).ok_or(AccountError::SetUpUnknown)?;
    must_have_no_admin(users)?;
    if row.expires_at <= now { Err(AccountError::SetUpExpired.into()) } else { Ok(()) }
}

fn must_have_no_admin(users: &impl ReadableTable<&'static [u8; 8], &'static [u8]>) -> Result<()> {
    let set_up = users::rows(users)?.iter().any(UserRow::is_admin);
    if set_up { Err(AccountError::SetUpAlready.into()) } else { Ok(()) }
}
