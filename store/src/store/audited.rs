//! The audit, as its readers see it, and what is told to it from outside the store; and the settings changed at run time.

use std::collections::BTreeMap;

use super::Store;
use crate::audit::{self, AuditEntry, AuditPage, Deed};
use crate::error::Result;
use crate::journal::{self, Happening, Moment};
use crate::limits::PAGE_ROWS_MAX;
use crate::lsn::Lsn;
use crate::node_edit::NodeEdit;
use crate::publish::Author;
use crate::reserve::Purpose;
use crate::run_settings::{self, StoredSettings};
use crate::schema::{AUDIT, META, SETTINGS};
use crate::time::UnixMillis;

impl Store {
    /// Up to `limit` (at most [`PAGE_ROWS_MAX`]) entries of the audit before `before`, newest first, that `keep` keeps. A
    /// page looks at a bounded number of entries, so it may be short and still have a `next`.
    pub fn audit(
        &self,
        before: Option<Lsn>,
        limit: usize,
        keep: &mut dyn FnMut(&AuditEntry) -> bool,
    ) -> Result<AuditPage> {
        audit::page(&self.read()?.open_table(AUDIT)?, before, limit.min(PAGE_ROWS_MAX), keep)
    }

    /// The settings that were changed while the node ran.
    pub fn stored_settings(&self) -> Result<StoredSettings> {
        let read = self.read()?;
        run_settings::load(&read.open_table(META)?, &read.open_table(SETTINGS)?)
    }

    /// Changes some of them, if they are at version `expected`: a value sets a key, `None` takes it away. What is shown
    /// among them and kept elsewhere changes with them, or nothing does.
    pub fn change_settings(
        &self,
        changes: BTreeMap<String, Option<String>>,
        elsewhere: NodeEdit,
        expected: Option<u64>,
        author: &Author,
        now: UnixMillis,
    ) -> Result<()> {
        let author = author.clone();
        self.write(move |tx| run_settings::change(tx, Moment::live(now), (&changes, &elsewhere), expected, &author))
    }

    /// Tells the audit of a deed that changed nothing in the store. That of what frees room is told on a full disk, too.
    pub fn note_deed(&self, purpose: Purpose, deed: &Deed, author: &Author, now: UnixMillis) -> Result<Lsn> {
        let (deed, author) = (deed.clone(), author.clone());
        self.0.writer.write(purpose, move |tx| audit::append(tx, Moment::live(now), &author, &deed))
    }

    /// Tells journal and audit that somebody was not let in: `who` they said that they are, as far as they did.
    pub fn note_sign_in_refused(&self, who: &Author, reason: &str, now: UnixMillis) -> Result<()> {
        let (who, reason) = (who.clone(), reason.to_owned());
        self.write(move |tx| {
            let from = who.from().unwrap_or_default().to_owned();
            let after = audit::facts([("reason", reason.clone())]);
            audit::append(tx, Moment::live(now), &who, &Deed::made("sign_in.refused", who.as_str(), after))?;
            let happening = Happening::SignInRefused { from, reason: reason.clone() };
            journal::append(tx, Moment::live(now), happening).map(drop)
        })
    }
}
