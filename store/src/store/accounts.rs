//! Tokens, and what is remembered of watched files.

use super::Store;
use crate::error::Result;
use crate::journal::Moment;
use crate::publish::Author;
use crate::schema::{TOKENS, WATCHED};
use crate::time::UnixMillis;
use crate::tokens::{self, NewToken, TokenId, TokenRow};
use crate::watched::{self, WatchedFile};

/// A token's last use is written down at most this often: once a minute.
const TOUCH_EVERY_MS: u64 = 60_000;

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

    /// Revokes a token, at once; false if there is none.
    pub fn revoke_token(&self, id: TokenId, author: &Author, now: UnixMillis) -> Result<bool> {
        let author = author.clone();
        self.write(move |tx| tokens::revoke(tx, Moment::live(now), id, &author))
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

    /// What is remembered of a watched file.
    pub fn watched_file(&self, file: &str) -> Result<Option<WatchedFile>> {
        watched::get(&self.read()?.open_table(WATCHED)?, file)
    }

    /// What is remembered of the watched files whose names begin with `prefix`.
    pub fn watched_files(&self, prefix: &str) -> Result<Vec<(String, WatchedFile)>> {
        watched::list(&self.read()?.open_table(WATCHED)?, prefix)
    }

    /// Remembers a watched file.
    pub fn put_watched_file(&self, file: &str, seen: &WatchedFile) -> Result<()> {
        let (file, seen) = (file.to_owned(), seen.clone());
        self.write(move |tx| watched::put(tx, &file, &seen))
    }

    /// Forgets a watched file.
    pub fn remove_watched_file(&self, file: &str) -> Result<()> {
        let file = file.to_owned();
        self.write(move |tx| watched::remove(tx, &file))
    }
}
