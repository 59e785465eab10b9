//! One write transaction as its users see it: tables, Lsns, the roster, and what to tell others after the commit.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use redb::{TableDefinition, Value, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::entropy::Entropy;
use crate::error::Result;
use crate::expel_ahead::ExpelsAhead;
use crate::holding::Keeps;
use crate::keys::NodeKey;
use crate::lsn::Lsn;
use crate::meta;
use crate::open_tables::{KeptTo, Open, OpenTables};
use crate::policy;
use crate::roster::Roster;
use crate::schema::META;
use crate::set_sum::SetSum;

/// What a commit changed, for those who wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each with its own listeners")]
pub struct Committed {
    /// The last Lsn given out.
    pub head: Lsn,
    /// Events were added.
    pub log_grew: bool,
    /// Statements were added or wait to be, or the root changed.
    pub roster_changed: bool,
    /// Wants were added, changed, or dropped without being met.
    pub wants_changed: bool,
    /// Wants were met.
    pub wants_met: bool,
    /// Peers were added, changed or removed.
    pub peers_changed: bool,
    /// Node states were taken or dropped.
    pub states_changed: bool,
    /// The node's name or urls changed.
    pub node_changed: bool,
    /// The policy changed, or wants follow it further.
    pub policy_changed: bool,
    /// A scrub was started or stopped.
    pub scrub_changed: bool,
    /// Webhooks were added, changed or removed, or somebody wants something sent.
    pub webhooks_changed: bool,
    /// Watches were added, changed or removed, or somebody asks something of one.
    pub watches_changed: bool,
}

/// What every transaction has at hand.
pub(crate) struct Context {
    pub(crate) key: NodeKey,
    pub(crate) entropy: Entropy,
}

/// A write transaction.
pub(crate) struct Tx<'a> {
    txn: &'a WriteTransaction,
    tables: OpenTables<'a>,
    pub(crate) context: &'a Context,
    dirty: Cell<bool>,
    head: Cell<Lsn>,
    roster: RefCell<Arc<Roster>>,
    expels_ahead: RefCell<Arc<ExpelsAhead>>,
    effects: Cell<Committed>,
    keeps: RefCell<Option<Rc<Keeps>>>,
    /// The catalog's sum, once it was asked for: each event of a long batch changes it. Written when the transaction ends.
    catalog_sum: Cell<Option<SetSum>>,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(
        txn: &'a WriteTransaction,
        context: &'a Context,
        roster: Arc<Roster>,
        expels_ahead: Arc<ExpelsAhead>,
    ) -> Result<Self> {
        let head = meta::get(&txn.open_table(META)?, &meta::HEAD)?.unwrap_or_default();
        Ok(Self {
            txn,
            tables: OpenTables::default(),
            context,
            dirty: Cell::new(false),
            head: Cell::new(Lsn::new(head)),
            roster: RefCell::new(roster),
            expels_ahead: RefCell::new(expels_ahead),
            effects: Cell::new(Committed::default()),
            keeps: RefCell::new(None),
            catalog_sum: Cell::new(None),
        })
    }

    /// A table to read from.
    pub(crate) fn read<K: KeptTo<V>, V: Value + 'static>(
        &self,
        table: TableDefinition<K, V>,
    ) -> Result<Open<'_, 'a, K, V>> {
        self.tables.open(self.txn, table)
    }

    /// A table to write to. From here on an error of the job undoes the whole group.
    pub(crate) fn write<K: KeptTo<V>, V: Value + 'static>(
        &self,
        table: TableDefinition<K, V>,
    ) -> Result<Open<'_, 'a, K, V>> {
        self.dirty.set(true);
        self.tables.open(self.txn, table)
    }

    /// Empties a table, whatever is in it.
    pub(crate) fn clear<K: KeptTo<V>, V: Value + 'static>(&self, table: TableDefinition<K, V>) -> Result<()> {
        self.dirty.set(true);
        self.tables.close(table);
        self.txn.delete_table(table)?;
        self.txn.open_table(table)?;
        Ok(())
    }

    /// A value of `meta`.
    pub(crate) fn meta<T: DeserializeOwned>(&self, key: &meta::Key<T>) -> Result<T> {
        meta::need(&self.read(META)?, key)
    }

    /// Sets a value of `meta`.
    pub(crate) fn set_meta<T: Serialize>(&self, key: &meta::Key<T>, value: &T) -> Result<()> {
        let mut table = self.write(META)?;
        meta::put(&mut table, key, value)
    }

    /// The sum of all paths with their heads.
    pub(crate) fn catalog_sum(&self) -> Result<SetSum> {
        match self.catalog_sum.get() {
            Some(sum) => Ok(sum),
            None => self.meta(&meta::CATALOG_SUM),
        }
    }

    /// Changes it.
    pub(crate) fn set_catalog_sum(&self, sum: SetSum) {
        self.dirty.set(true);
        self.catalog_sum.set(Some(sum));
    }

    /// Adds to a counter of `meta`, or takes away.
    pub(crate) fn count(&self, key: &meta::Key<u64>, more: u64, less: u64) -> Result<()> {
        let before = meta::get(&self.read(META)?, key)?.unwrap_or_default();
        self.set_meta(key, &before.saturating_add(more).saturating_sub(less))
    }

    /// The next Lsn.
    pub(crate) fn next_lsn(&self) -> Lsn {
        self.head.set(self.head.get().next());
        self.head.get()
    }

    /// Sees to it that no Lsn up to this one is given out again.
    pub(crate) fn skip_to(&self, lsn: Lsn) {
        self.head.set(self.head.get().max(lsn));
    }

    /// The roster as this transaction sees it.
    pub(crate) fn roster(&self) -> Arc<Roster> {
        self.roster.borrow().clone()
    }

    /// Puts a new roster in force for the rest of this transaction and, once committed, for all.
    pub(crate) fn set_roster(&self, roster: Roster) {
        *self.roster.borrow_mut() = Arc::new(roster);
        self.changed(|effects| effects.roster_changed = true);
    }

    /// The Expels that wait, as this transaction sees it.
    pub(crate) fn expels_ahead(&self) -> Arc<ExpelsAhead> {
        self.expels_ahead.borrow().clone()
    }

    /// Has these Expels wait for the rest of this transaction and, once committed, for all; a commit tells of it, though no row changes.
    pub(crate) fn set_expels_ahead(&self, expels_ahead: Arc<ExpelsAhead>) {
        *self.expels_ahead.borrow_mut() = expels_ahead;
        self.dirty.set(true);
        self.changed(|effects| effects.roster_changed = true);
    }

    /// Which packages the policy keeps, as this transaction sees it.
    pub(crate) fn keeps(&self) -> Result<Rc<Keeps>> {
        if let Some(keeps) = &*self.keeps.borrow() {
            return Ok(Rc::clone(keeps));
        }
        let keeps = Rc::new(Keeps::new(&policy::of(self)?));
        *self.keeps.borrow_mut() = Some(Rc::clone(&keeps));
        Ok(keeps)
    }

    /// The policy changed.
    pub(crate) fn forget_keeps(&self) {
        self.keeps.borrow_mut().take();
    }

    /// Notes what the commit changes.
    pub(crate) fn changed(&self, note: impl FnOnce(&mut Committed)) {
        let mut effects = self.effects.get();
        note(&mut effects);
        self.effects.set(effects);
    }

    /// Whether anything was opened for writing since the last call; asked once a job.
    pub(crate) fn take_dirty(&self) -> bool {
        self.dirty.replace(false)
    }

    /// Last act before the commit.
    pub(crate) fn finish(self) -> Result<(Committed, Arc<Roster>, Arc<ExpelsAhead>)> {
        if let Some(sum) = self.catalog_sum.take() {
            self.set_meta(&meta::CATALOG_SUM, &sum)?;
        }
        let head = self.head.get();
        let unchanged = meta::get(&self.read(META)?, &meta::HEAD)? == Some(head.get());
        if !unchanged {
            self.set_meta(&meta::HEAD, &head.get())?;
        }
        let committed = Committed { head, ..self.effects.get() };
        Ok((committed, self.roster.into_inner(), self.expels_ahead.into_inner()))
    }
}
