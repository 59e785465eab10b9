//! The rule that somebody may always do everything: the last admin, token or user, neither goes nor loses it.

use crate::account_error::AccountError;
use crate::error::{Result, StoreError};
use crate::schema::{TOKENS, USERS};
use crate::time::UnixMillis;
use crate::tokens;
use crate::tx::Tx;
use crate::users;

/// Errs if nobody may do everything any more; to be asked after a change that takes this from somebody.
pub(crate) fn must_remain(tx: &Tx<'_>, now: UnixMillis) -> Result<()> {
    let a_token = tokens::rows(&tx.read(TOKENS)?)?.iter().any(|(_, row)| row.is_admin(now));
    let a_user = || Ok::<_, StoreError>(users::rows(&tx.read(USERS)?)?.iter().any(users::UserRow::is_admin));
    if a_token || a_user()? { Ok(()) } else { Err(AccountError::LastAdmin.into()) }
}
