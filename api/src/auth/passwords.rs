//! Passwords: hashed by Argon2id (RFC 9106) with 19 MiB and two passes, as OWASP's password storage cheat sheet advises.
//!
//! Invariants: at most [`AT_ONCE`] are hashed at a time, so that a flood of sign-ins costs 40 MB and two threads at most;
//! a name that nobody has takes as long as a wrong password; no password and no hash is ever logged or answered.

use std::time::Duration;

use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use argon2::{Argon2, PasswordHash};
use tokio::sync::Semaphore;

use crate::blocking::blocking;
use crate::error::{ApiError, Code};

/// Characters that a password has at least. NIST SP 800-63B asks for 8, and for 15 where it is the only factor and may be
/// guessed without limit; here tries are counted.
const PASSWORD_CHARS_MIN: usize = 10;
/// Bytes of a password.
const PASSWORD_BYTES_MAX: usize = 1024;
const AT_ONCE: usize = 2;
/// How long one waits for a turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes and checks hashes of passwords.
pub(super) struct Passwords {
    turns: Semaphore,
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self { turns: Semaphore::new(AT_ONCE) }
    }

    /// The hash of a password, which must be a decent one for the user with this name.
    pub(super) async fn hash(&self, name: &str, password: String, salt: [u8; 16]) -> Result<String, ApiError> {
        check(name, &password)?;
        let _turn = self.turn().await?;
        blocking(move || hash(&password, &salt)).await
    }

    /// Whether a password is the one that was hashed. Without a hash it is not, after the same time.
    pub(super) async fn fits(&self, password: String, hashed: Option<String>) -> Result<bool, ApiError> {
        let _turn = self.turn().await?;
        blocking(move || {
            let Some(hashed) = hashed.filter(|_| password.len() <= PASSWORD_BYTES_MAX) else {
                let password: String = password.chars().take(PASSWORD_CHARS_MIN).collect();
                return hash(&password, &[0; 16]).map(|_| false);
            };
            let parsed = PasswordHash::new(&hashed).map_err(failed)?;
            match Argon2::default().verify_password(password.as_bytes(), &parsed) {
                Ok(()) => Ok(true),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(failed(error)),
            }
        })
        .await
    }

    async fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>, ApiError> {
        match tokio::time::timeout(PATIENCE, self.turns.acquire()).await {
            Ok(turn) => turn.map_err(ApiError::internal),
            Err(_) => Err(ApiError::no_place("too many people sign in at once; try again")),
        }
    }
}

fn hash(password: &str, salt: &[u8; 16]) -> Result<String, ApiError> {
    let hash: PasswordHash = Argon2::default().hash_password_with_salt(password.as_bytes(), salt).map_err(failed)?;
    Ok(hash.to_string())
}

fn failed(error: impl std::fmt::Display) -> ApiError {
    ApiError::internal(format!("a password can't be hashed: {error}"))
}

/// Errs unless a password is one that a user may have.
fn check(name: &str, password: &str) -> Result<(), ApiError> {
    let bad = |reason: String| Err(ApiError::new(Code::Invalid, reason).fact("field", "password"));
    if password.len() > PASSWORD_BYTES_MAX {
        return bad(format!("a password has at most {PASSWORD_BYTES_MAX} bytes"));
    }
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return bad(format!("a password has at least {PASSWORD_CHARS_MIN} characters"));
    }
    let (folded, name) = (ods_store::folded_name(password), ods_store::folded_name(name));
    let distinct: std::collections::BTreeSet<char> = folded.chars().collect();
    if distinct.len() < 4 || (!name.is_empty() && folded.replace(&name, "").chars().count() < 4) {
        return bad("the password is too easy to guess: repeated characters, or little but the name".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_argon2id_with_its_parameters_and_only_its_password_fits() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let passwords = Passwords::new();
            let hashed = passwords.hash("ada", "correct horse".to_owned(), [7; 16]).await.expect("hashed");
            assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
            for (password, hash, fits) in [
                ("correct horse", Some(hashed.clone()), true),
                ("Correct horse", Some(hashed.clone()), false),
                ("", Some(hashed.clone()), false),
                ("correct horse", None, false),
            ] {
                assert_eq!(passwords.fits(password.to_owned(), hash).await.expect("checked"), fits, "{password}");
            }
            let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
            assert!(!passwords.fits(long, Some(hashed)).await.expect("checked"));
        });
    }

    #[test]
    fn what_is_easily_guessed_is_refused() {
        for password in ["", "short", "123456789", "aaaaaaaaaaaaaaaa", "ada.lovelaceada.lovelace1", &"long".repeat(300)]
        {
            assert!(check("Ada.Lovelace", password).is_err(), "{password}");
        }
        assert!(check("\u{E9}va", &"e\u{301}va".repeat(4)).is_err(), "however the accents are sent");
        for password in ["correct horse", "ада и лавлейс", "hunter2hunter2"] {
            check("ada", password).unwrap_or_else(|error| panic!("{password}: {error:?}"));
        }
    }
}
