//! `<data>/admin.token`: how the CLI on this machine gets in, from the first start on.
//!
//! The file is made at the first start. Later it is made again only if nobody could get in otherwise: it is unusable,
//! and no other admin token is valid, and no user is an admin. So nobody is locked out, also not by a crash in the
//! middle of the first start, and a file that was removed on purpose doesn't come back. Whoever may write to the folder may ask
//! for a new token all the same, by leaving the file empty: a forgotten password locks nobody out for good.

use std::{
    io,
    path::{Path, PathBuf},
};

use ods_store::{Author, Expected, NewToken, Scope, Store, StoreError, TokenRow, UnixMillis};

use crate::private_file::write_private;

/// The file's name in the data folder.
pub(crate) const ADMIN_TOKEN_FILE: &str = "admin.token";

/// The token's name, which is the author of what is done with it.
const NAME: &str = "admin.token";

/// Why there is no token file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminTokenError {
    /// The store can't make it.
    #[error("the first admin token can't be made")]
    Store(#[from] StoreError),
    /// The file can't be written.
    #[error("the first admin token can't be written to {path}: {source}", path = path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Makes the token file in the folder `data` if it is needed. Whether it was.
pub(super) fn ensure_admin_token(store: &Store, data: &Path, now: UnixMillis) -> Result<bool, AdminTokenError> {
    let path = data.join(ADMIN_TOKEN_FILE);
    let admins: Vec<TokenRow> = store
        .tokens()?
        .into_iter()
        .filter(|token| token.scope == Scope::Admin && token.prefixes.is_empty() && !token.is_expired(now))
        .collect();
    let a_user = || Ok::<_, StoreError>(store.users()?.iter().any(|user| user.scope == Scope::Admin && !user.disabled));
    let others = || Ok::<_, AdminTokenError>(admins.iter().any(|token| token.name != NAME) || a_user()?);
    if !is_asked_for(&path) && (is_usable(store, &path, now)? || others()?) {
        return Ok(false);
    }
    let author = Author::new(NAME);
    let spec = NewToken { name: NAME.to_owned(), scope: Scope::Admin, prefixes: Vec::new(), expires_at: None };
    let (_, secret) = store.create_token(&spec, &author, now)?;
    // Only now: the last admin stays.
    for lost in admins.iter().filter(|token| token.name == NAME) {
        store.revoke_token(lost.id, &Expected::Any, &author, now)?;
    }
    write_private(&path, format!("{secret}\n").as_bytes())
        .map_err(|source| AdminTokenError::Unwritable { path, source })?;
    Ok(true)
}

/// Whether the file is there and empty.
fn is_asked_for(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|text| text.trim_ascii().is_empty())
}

fn is_usable(store: &Store, path: &Path, now: UnixMillis) -> Result<bool, StoreError> {
    let Ok(secret) = std::fs::read_to_string(path) else { return Ok(false) };
    let token = store.authenticate(secret.trim())?;
    Ok(token.is_some_and(|token| token.scope == Scope::Admin && !token.is_expired(now)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ods_store::{LocalDisk, StoreOptions};

    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);

    struct Scene {
        folder: tempfile::TempDir,
        store: Store,
    }

    fn scene() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [7; 32], name: "test".to_owned() };
        let store = Store::open(Arc::new(LocalDisk::new()), folder.path(), &options).unwrap();
        Scene { folder, store }
    }

    impl Scene {
        fn ensure(&self) -> bool {
            ensure_admin_token(&self.store, self.folder.path(), NOW).unwrap()
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join(ADMIN_TOKEN_FILE)
        }

        fn token_in_file(&self) -> TokenRow {
            let text = std::fs::read_to_string(self.path()).unwrap();
            let secret = text.strip_suffix('\n').unwrap();
            self.store.authenticate(secret).unwrap().expect("the token in the file is good")
        }

        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        fn lose_file(&self) {
            std::fs::rename(self.path(), self.folder.path().join("elsewhere")).unwrap();
        }
    }

    #[test]
    fn the_first_start_makes_an_admin_token_and_later_ones_keep_it() {
        let scene = scene();
        assert!(scene.ensure());
        let first = scene.token_in_file();
        assert_eq!(first.scope, Scope::Admin);
        assert!(!scene.ensure());
        assert_eq!(scene.token_in_file().id, first.id);
    }

    #[test]
    fn who_would_be_locked_out_gets_a_new_one_and_the_lost_one_ends() {
        let scene = scene();
        scene.ensure();
        let lost = scene.token_in_file();
        scene.lose_file();
        assert!(scene.ensure());
        let tokens = scene.store.tokens().unwrap();
        assert_eq!(tokens.iter().map(|token| token.id).collect::<Vec<_>>(), [scene.token_in_file().id]);
        assert_ne!(scene.token_in_file().id, lost.id);
    }

    #[test]
    fn an_empty_file_asks_for_a_new_token_whoever_else_may_get_in() {
        let scene = scene();
        scene.ensure();
        let first = scene.token_in_file();
        let spec = NewToken { name: "mine".to_owned(), scope: Scope::Admin, prefixes: Vec::new(), expires_at: None };
        let (mine, _) = scene.store.create_token(&spec, &Author::new("test"), NOW).unwrap();
        write_private(&scene.path(), b"\n").unwrap();
        assert!(scene.ensure());
        let tokens: Vec<_> = scene.store.tokens().unwrap().iter().map(|token| token.id).collect();
        assert_eq!(tokens.len(), 2, "another's stays, the lost one goes");
        assert!(tokens.contains(&mine.id) && tokens.contains(&scene.token_in_file().id) && !tokens.contains(&first.id));
        assert!(!scene.ensure());
    }

    #[test]
    fn a_file_removed_on_purpose_does_not_come_back() {
        let scene = scene();
        scene.ensure();
        let spec = NewToken { name: "mine".to_owned(), scope: Scope::Admin, prefixes: Vec::new(), expires_at: None };
        scene.store.create_token(&spec, &Author::new("test"), NOW).unwrap();
        scene.lose_file();
        assert!(!scene.ensure());
        assert!(!scene.path().exists());
    }
}
