//! Requests that make something once, however often they are sent: those that name themselves with a key
//! (draft-ietf-httpapi-idempotency-key-header).
//!
//! Invariants:
//! - What a key made is noted in the transaction that makes it: after a crash either both are there or neither.
//! - A key is its sender's, and of one kind of request: another sender's, or another kind's, is another key.
//! - A row tells nothing of a key or a request but digests, and of what was made only its id, so no secret can be had from it.
//! - A refusal is not remembered: the request that was refused may be sent again, mended or not.
//! - A key is remembered for [`ONCE_FOR_MS`], and while there are fewer than [`ONCE_ROWS_MAX`] newer ones.

use redb::{ReadableTable, ReadableTableMetadata};
use serde::{Deserialize, Serialize};

use crate::codec::{from_row, to_row};
use crate::error::{Result, StoreError};
use crate::limits::{ONCE_FOR_MS, ONCE_ROWS_MAX};
use crate::publish::Author;
use crate::schema::ONCE;
use crate::time::UnixMillis;
use crate::tx::Tx;

/// What names a request that is to make something once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Once {
    key: [u8; 32],
    request: [u8; 32],
}

impl Once {
    /// Of a sender, the kind of request, the key that the sender gave it, and the request itself.
    pub fn new(sender: &str, kind: &str, key: &str, request: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("ods once v1");
        for part in [sender, kind, key] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        Self { key: *hasher.finalize().as_bytes(), request: blake3::derive_key("ods once request v1", request) }
    }
}

/// What came of a request that is to make something once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made<T> {
    /// It made this.
    Now(T),
    /// It was sent before, and made what has this id.
    Before(String),
}

#[derive(Debug, Serialize, Deserialize)]
struct Row {
    request: [u8; 32],
    made: String,
    at: UnixMillis,
}

/// Makes something unless the same request did already; `make` tells its id besides. A request without a key never did.
/// Errs with [`StoreError::KeyReused`] if the key named another request, and if its author's token or session is over: what
/// was made before is not told of then.
pub(crate) fn make<T>(
    tx: &Tx<'_>,
    once: Option<&Once>,
    (author, now): (&Author, UnixMillis),
    make: impl FnOnce() -> Result<(String, T)>,
) -> Result<Made<T>> {
    author.must_stand(tx, now)?;
    let Some(once) = once else { return make().map(|(_, value)| Made::Now(value)) };
    let before =
        tx.read(ONCE)?.get(&once.key)?.map(|row| from_row::<Row>("a request's key", row.value())).transpose()?;
    if let Some(row) = before.filter(|row| !row.is_over(now)) {
        return if row.request == once.request { Ok(Made::Before(row.made)) } else { Err(StoreError::KeyReused) };
    }
    let (made, value) = make()?;
    make_room(tx, now)?;
    tx.write(ONCE)?.insert(&once.key, to_row(&Row { request: once.request, made, at: now }).as_slice())?;
    Ok(Made::Now(value))
}

impl Row {
    fn is_over(&self, now: UnixMillis) -> bool {
        now.ms_since(self.at) >= ONCE_FOR_MS
    }
}

/// Removes rows that are over, and the oldest if there are too many all the same.
fn make_room(tx: &Tx<'_>, now: UnixMillis) -> Result<()> {
    if tx.read(ONCE)?.len()? < ONCE_ROWS_MAX as u64 {
        return Ok(());
    }
    let mut rows = Vec::new();
    for entry in tx.read(ONCE)?.iter()? {
        let (key, row) = entry?;
        rows.push((from_row::<Row>("a request's key", row.value())?, *key.value()));
    }
    rows.sort_by_key(|(row, _)| (!row.is_over(now), row.at));
    let over = rows.iter().filter(|(row, _)| row.is_over(now)).count();
    let many = (rows.len() + 1).saturating_sub(ONCE_ROWS_MAX);
    let mut table = tx.write(ONCE)?;
    for (_, key) in rows.iter().take(over.max(many)) {
        table.remove(key)?;
    }
    Ok(())
}
