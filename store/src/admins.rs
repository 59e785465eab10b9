//! The rule that somebody may always do everything: the last lasting admin, token or user, neither goes nor loses it. A token
//! that expires is no lasting one: once it has, nobody could administer the node any more.

use crate::account_error::AccountError;
use crate::error::{Result, StoreError};
use crate::schema::{TOKENS, USERS};
use crate::tokens;
use crate::tx::Tx;
use crate::users;

/// Errs if nobody may do everything for good any more; to be asked after a change that takes this from somebody.
pub(crate) fn must_remain(tx: &Tx<'_>) -> Result<()> {
    let a_token = tokens::rows(&tx.read(TOKENS)?)?.iter().any(|(_, row)| row.is_lasting_admin());
    let a_user = || Ok::<_, StoreError>(users::rows(&tx.read(USERS)?)?.iter().any(users::UserRow::is_admin));
    if a_token || a_user()? { Ok(()) } else { Err(AccountError::LastAdmin.into()) }
}
