//! Sessions: somebody who signed in, as a user or with a token, and need not say so again for a while. Only the BLAKE3 of
//! a session's secret is kept.
//!
//! Invariants: a session may do what its holder may at the moment of each request, so it ends with its holder, at once; it
//! ends [`SESSION_LIFE_MS`] after its beginning, or [`SESSION_IDLE_MS`] after its last use; at most [`SESSIONS_MAX`] are
//! kept, and the one used longest ago makes room.

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use crate::audit::{self, Deed};
use crate::codec::{from_row, to_row};
use crate::error::Result;
use crate::journal::{self, Happening, Moment};
use crate::limits::{NAME_BYTES_MAX, SESSION_IDLE_MS, SESSION_LIFE_MS, SESSIONS_MAX};
use crate::publish::Author;
use crate::schema::SESSIONS;
use crate::secret;
use crate::short_ids::{SessionId, UserId};
use crate::time::UnixMillis;
use crate::tx::Tx;

/// The letter of a session's secret: `w` for the web page.
const LETTER: char = 'w';

/// Who signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionHolder {
    /// A user.
    User(UserId),
    /// A token, by the hash of its secret.
    Token([u8; 32]),
}

/// What is kept of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// Who signed in.
    pub holder: SessionHolder,
    /// When.
    pub started_at: UnixMillis,
    /// When it was last used, to the minute.
    pub last_used_at: UnixMillis,
    /// From which address.
    pub from: String,
    /// With what, as it said itself.
    pub agent: String,
}

impl SessionRow {
    /// Whether its time is over.
    pub fn is_over(&self, now: UnixMillis) -> bool {
        now.ms_since(self.started_at) >= SESSION_LIFE_MS || now.ms_since(self.last_used_at) >= SESSION_IDLE_MS
    }

    /// When its time is over, if it isn't used again.
    pub fn expires_at(&self) -> UnixMillis {
        self.started_at.plus_ms(SESSION_LIFE_MS).min(self.last_used_at.plus_ms(SESSION_IDLE_MS))
    }
}

/// Whether a text is shaped as a session's secret.
pub fn is_session_shaped(text: &str) -> bool {
    secret::is_of_kind(text, LETTER)
}

/// The key of the session with this secret.
pub(crate) fn hash(text: &str) -> [u8; 32] {
    blake3::derive_key("ods session v1", text.as_bytes())
}

/// Begins a session; the text is its secret.
pub(crate) fn begin(
    tx: &Tx<'_>,
    moment: Moment,
    holder: SessionHolder,
    agent: &str,
    author: &Author,
) -> Result<(SessionRow, String)> {
    make_room(tx, moment.now)?;
    let text = secret::new(LETTER, &tx.context.entropy);
    let row = SessionRow {
        id: SessionId::new(tx.context.entropy.bytes()),
        holder,
        started_at: moment.now,
        last_used_at: moment.now,
        from: author.from().unwrap_or_default().to_owned(),
        agent: agent.chars().filter(|letter| !letter.is_control()).take(NAME_BYTES_MAX).collect(),
    };
    tx.write(SESSIONS)?.insert(&hash(&text), to_row(&row).as_slice())?;
    let after = audit::facts([("agent", row.agent.clone())]);
    audit::append(tx, moment, author, &Deed::made("session.started", row.id, after))?;
    let (who, from) = (author.as_str().to_owned(), row.from.clone());
    journal::append(tx, moment, Happening::SignedIn { who, from })?;
    Ok((row, text))
}

fn make_room(tx: &Tx<'_>, now: UnixMillis) -> Result<()> {
    let mut all = rows(&tx.read(SESSIONS)?)?;
    all.sort_by_key(|(_, row)| (!row.is_over(now), row.last_used_at));
    let over = all.iter().filter(|(_, row)| row.is_over(now)).count();
    let many = (all.len() + 1).saturating_sub(SESSIONS_MAX);
    let mut table = tx.write(SESSIONS)?;
    for (key, _) in all.iter().take(over.max(many)) {
        table.remove(key)?;
    }
    Ok(())
}

/// The session with this secret, over or not.
pub(crate) fn find(
    table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
    text: &str,
) -> Result<Option<SessionRow>> {
    if !is_session_shaped(text) {
        return Ok(None);
    }
    by_key(table, &hash(text))
}

/// The one with this key, over or not.
pub(crate) fn by_key(
    table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
    key: &[u8; 32],
) -> Result<Option<SessionRow>> {
    table.get(key)?.map(|row| from_row("a session", row.value())).transpose()
}

/// Notes that a session was used.
pub(crate) fn touch(tx: &Tx<'_>, text: &str, now: UnixMillis) -> Result<()> {
    let Some(row) = find(&tx.read(SESSIONS)?, text)? else { return Ok(()) };
    let row = SessionRow { last_used_at: now, ..row };
    tx.write(SESSIONS)?.insert(&hash(text), to_row(&row).as_slice())?;
    Ok(())
}

/// Ends a session; false if there is none with this id.
pub(crate) fn end(tx: &Tx<'_>, moment: Moment, id: SessionId, author: &Author) -> Result<bool> {
    let Some((key, row)) = rows(&tx.read(SESSIONS)?)?.into_iter().find(|(_, row)| row.id == id) else {
        return Ok(false);
    };
    let before = audit::facts([("from", row.from), ("agent", row.agent)]);
    // First: it may be the author's own.
    audit::append(tx, moment, author, &Deed::ended("session.ended", id, before))?;
    tx.write(SESSIONS)?.remove(&key)?;
    Ok(true)
}

/// Ends all sessions of a holder.
pub(crate) fn end_all_of(tx: &Tx<'_>, holder: &SessionHolder) -> Result<()> {
    end_others_of(tx, holder, None)
}

/// Ends all sessions of a holder but one.
pub(crate) fn end_others_of(tx: &Tx<'_>, holder: &SessionHolder, spared: Option<SessionId>) -> Result<()> {
    let mut table = tx.write(SESSIONS)?;
    let all = rows(&table)?;
    for (key, _) in all.iter().filter(|(_, row)| row.holder == *holder && Some(row.id) != spared) {
        table.remove(key)?;
    }
    Ok(())
}

/// All sessions, oldest first, with their keys.
pub(crate) fn rows(
    table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
) -> Result<Vec<([u8; 32], SessionRow)>> {
    let mut rows = Vec::new();
    for entry in table.iter()? {
        let (key, row) = entry?;
        rows.push((*key.value(), from_row::<SessionRow>("a session", row.value())?));
    }
    rows.sort_by_key(|(_, row)| (row.started_at, row.id));
    Ok(rows)
}
