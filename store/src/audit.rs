//! The audit: who changed what on this node, from where, what it was before and what after; and whose sign-in was refused.
//!
//! Invariants:
//! - An entry is in the transaction of the change it tells of: no change without its entry, no entry without its change.
//! - Entries share the counter of log and journal, so they stand in one order with these. They are local.
//! - No secret is in one. Values are text, of lists and settings their JSON, cut to [`AUDIT_VALUE_BYTES_MAX`]; a fact that
//!   didn't change may be left out.
//!
//! Not here: what other nodes changed. That is in their audit; here it is in the log.

use std::collections::BTreeMap;
use std::fmt::Display;

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use crate::codec::{from_row, to_row};
use crate::error::Result;
use crate::journal::Moment;
use crate::limits::{AUDIT_EXAMINED_MAX, AUDIT_FACTS_MAX, AUDIT_VALUE_BYTES_MAX};
use crate::lsn::Lsn;
use crate::publish::Author;
use crate::schema::AUDIT;
use crate::time::UnixMillis;
use crate::tx::Tx;

/// Names and values of what is told about.
pub type Facts = BTreeMap<String, String>;

/// All kinds of deeds there are. `called` is what tells nothing of itself; its subject is the operation.
pub const AUDIT_ACTIONS: [&str; 41] = [
    "package.published",
    "package.changed",
    "package.removed",
    "package.withdrawn",
    "token.created",
    "token.revoked",
    "user.created",
    "user.changed",
    "user.removed",
    "session.started",
    "session.ended",
    "sign_in.refused",
    "set_up.link_made",
    "settings.changed",
    "node.changed",
    "node.admitted",
    "node.expelled",
    "peer.added",
    "peer.changed",
    "peer.removed",
    "peer.synced",
    "invite.created",
    "invite.revoked",
    "webhook.created",
    "webhook.changed",
    "webhook.rotated",
    "webhook.removed",
    "webhook.skipped",
    "webhook.tested",
    "webhook.redelivered",
    "watch.created",
    "watch.changed",
    "watch.removed",
    "watch.scan_asked",
    "watch.confirmed",
    "upload.begun",
    "upload.removed",
    "gc.asked",
    "scrub.started",
    "scrub.stopped",
    "called",
];

/// What somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// What kind of deed, one of [`AUDIT_ACTIONS`]: `token.created`, `package.removed`, `sign_in.refused`, …
    pub action: &'static str,
    /// To what: an id, a path.
    pub subject: String,
    /// How that was; nothing if it was not there.
    pub before: Facts,
    /// How it is; nothing if it is gone.
    pub after: Facts,
}

impl Deed {
    /// Something was made.
    pub fn made(action: &'static str, subject: impl Display, after: Facts) -> Self {
        Self { action, subject: subject.to_string(), before: Facts::new(), after }
    }

    /// Something was changed. Of what is the same before and after nothing is kept.
    pub fn changed(action: &'static str, subject: impl Display, mut before: Facts, mut after: Facts) -> Self {
        before.retain(|name, value| match after.get(name) {
            Some(now) if now == value => {
                after.remove(name);
                false
            }
            Some(_) | None => true,
        });
        Self { action, subject: subject.to_string(), before, after }
    }

    /// Something was ended or removed.
    pub fn ended(action: &'static str, subject: impl Display, before: Facts) -> Self {
        Self { action, subject: subject.to_string(), before, after: Facts::new() }
    }
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its place, in one order with log and journal.
    pub lsn: Lsn,
    /// When, by this node's clock.
    pub at: UnixMillis,
    /// Who: `token ci`, `user ada`, `watch drop`, `configuration`.
    pub who: String,
    /// From which address; `None` for what the node itself did.
    pub from: Option<String>,
    /// What kind of deed.
    pub action: String,
    /// To what.
    pub subject: String,
    /// How that was.
    pub before: Facts,
    /// How it is.
    pub after: Facts,
}

/// A page of the audit, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// The entries asked for.
    pub items: Vec<AuditEntry>,
    /// Entries before this one may still be there; `None` at the end.
    pub next: Option<Lsn>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    at: UnixMillis,
    who: String,
    from: Option<String>,
    action: String,
    subject: String,
    before: Facts,
    after: Facts,
}

/// Facts of pairs; empty values are left out.
pub fn facts<const N: usize>(pairs: [(&str, String); N]) -> Facts {
    pairs.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A list as a fact: its JSON, so that no two lists read alike.
pub(crate) fn list<T: AsRef<str>>(items: &[T]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    serde_json::to_string(&items).expect("texts always serialise into memory")
}

/// A time as a fact: milliseconds since 1970, which whoever shows it may write as they like.
pub(crate) fn time(at: UnixMillis) -> String {
    at.get().to_string()
}

impl Deed {
    /// What it was before and what after, as entries have it: few facts, and short.
    pub(crate) fn told(&self) -> (Facts, Facts) {
        (cut_all(&self.before), cut_all(&self.after))
    }
}

/// Appends an entry. Errs if its author's token or session is over: then nothing of the deed is done.
pub(crate) fn append(tx: &Tx<'_>, moment: Moment, author: &Author, deed: &Deed) -> Result<Lsn> {
    author.must_stand(tx, moment.now)?;
    debug_assert!(AUDIT_ACTIONS.contains(&deed.action), "{} can't be asked for", deed.action);
    let mut table = tx.write(AUDIT)?;
    let lsn = tx.next_lsn();
    let (before, after) = deed.told();
    let row = Row {
        at: moment.now,
        who: author.as_str().to_owned(),
        from: author.from().map(str::to_owned),
        action: deed.action.to_owned(),
        subject: cut(&deed.subject),
        before,
        after,
    };
    table.insert(lsn.get(), to_row(&row).as_slice())?;
    author.told();
    Ok(lsn)
}

fn cut_all(facts: &Facts) -> Facts {
    facts.iter().take(AUDIT_FACTS_MAX).map(|(name, value)| (cut(name), cut(value))).collect()
}

fn cut(text: &str) -> String {
    if text.len() <= AUDIT_VALUE_BYTES_MAX {
        return text.to_owned();
    }
    let mut end = AUDIT_VALUE_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// Up to `limit` entries before `before` that `keep` keeps, newest first. A page looks at a bounded number of entries.
pub(crate) fn page(
    table: &impl ReadableTable<u64, &'static [u8]>,
    before: Option<Lsn>,
    limit: usize,
    keep: &mut dyn FnMut(&AuditEntry) -> bool,
) -> Result<AuditPage> {
    let mut items = Vec::new();
    let mut next = None;
    let end = before.map_or(u64::MAX, Lsn::get);
    for (examined, entry) in table.range(..end)?.rev().enumerate() {
        if items.len() == limit || examined == AUDIT_EXAMINED_MAX {
            return Ok(AuditPage { items, next });
        }
        let (lsn, row) = entry?;
        let lsn = Lsn::new(lsn.value());
        let Row { at, who, from, action, subject, before, after } = from_row("an audit entry", row.value())?;
        let entry = AuditEntry { lsn, at, who, from, action, subject, before, after };
        next = Some(lsn);
        if keep(&entry) {
            items.push(entry);
        }
    }
    Ok(AuditPage { items, next: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_tells_only_what_changed() {
        let before = facts([("name", "a".to_owned()), ("scope", "read".to_owned()), ("gone", "x".to_owned())]);
        let after = facts([("name", "b".to_owned()), ("scope", "read".to_owned()), ("new", "y".to_owned())]);
        let deed = Deed::changed("user.changed", 1, before, after);
        assert_eq!(deed.before, facts([("name", "a".to_owned()), ("gone", "x".to_owned())]));
        assert_eq!(deed.after, facts([("name", "b".to_owned()), ("new", "y".to_owned())]));
    }

    #[test]
    fn values_are_cut_between_characters() {
        let long = "é".repeat(AUDIT_VALUE_BYTES_MAX);
        let short = cut(&long);
        assert!(short.len() <= AUDIT_VALUE_BYTES_MAX + 3 && short.ends_with("é…"), "{}", short.len());
        assert_eq!(cut("short"), "short");
    }
}
