//! Who may do what: statements given and taken, those that wait, and members.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Store;
use crate::catalog::News;
use crate::digest::{NodeId, SetDigest, StatementId};
use crate::error::{Result, StoreError};
use crate::expel_ahead::{self, ExpelsAhead, Told};
use crate::journal::Moment;
use crate::membership::{self, Member, check_role};
use crate::path::PackagePath;
use crate::publish::Author;
use crate::roster::{self, Roster};
use crate::schema::STATEMENTS;
use crate::statement::{Admit, SignedStatement, Statement, StatementBody, StatementHeader};
use crate::time::UnixMillis;
use crate::told_roster::ToldRoster;
use crate::trust;
use crate::tx::Tx;

impl Store {
    /// All statements held.
    pub fn roster_statements(&self) -> Result<Vec<SignedStatement>> {
        trust::statements(&self.read()?.open_table(STATEMENTS)?)
    }

    /// What peers are told: all statements held, and the Expels that wait here for events they name.
    pub fn told_roster(&self) -> Result<ToldRoster> {
        // These first: what is taken in between counts once all the same.
        let (waiting, root) = (self.expels_ahead().told(), self.roster().root());
        ToldRoster::new(self.read()?.open_table(STATEMENTS)?, waiting, root)
    }

    pub(crate) fn expels_ahead(&self) -> Arc<ExpelsAhead> {
        self.0.shared.expels_ahead()
    }

    /// Whether a node was expelled, or an Expel of it waits here for the events it names: nothing is taken from it any more, but for a
    /// page that brings the last of these.
    pub fn is_put_out(&self, node: &NodeId) -> bool {
        // In this order: one that is taken in between is seen in the roster.
        self.expels_ahead().expel(node) || self.roster().is_expelled(node)
    }

    /// The roster as it would be with what somebody offers.
    pub fn roster_with(&self, offered: &[SignedStatement]) -> Result<Roster> {
        let mut all = trust::decode_all(&self.read()?.open_table(STATEMENTS)?)?;
        all.extend(self.verify_fresh(offered.to_vec())?.into_iter().map(|(_, statement)| statement));
        Ok(Roster::fold(self.roster().root(), &all))
    }

    /// Those of offered statements that aren't held and may count, verified. Anybody can sign as much as fits into a call, and
    /// each signature takes some 60 µs to check. So a statement is looked at once its signer is known as an owner.
    fn verify_fresh(&self, offered: Vec<SignedStatement>) -> Result<Vec<Told>> {
        let (mut owners, table) = (self.roster().ever_owners(), self.read()?.open_table(STATEMENTS)?);
        let mut left: BTreeMap<NodeId, Vec<(usize, SignedStatement)>> = BTreeMap::new();
        for (place, signed) in offered.into_iter().enumerate() {
            if table.get(signed.id().as_bytes())?.is_none() {
                let Some(Statement { header, .. }) = signed.arrived()? else { continue };
                left.entry(header.signer).or_default().push((place, signed));
            }
        }
        let mut next: Vec<NodeId> = left.keys().filter(|signer| owners.contains(signer)).copied().collect();
        let mut verified = BTreeMap::new();
        while let Some(signer) = next.pop() {
            for (place, signed) in left.remove(&signer).unwrap_or_default() {
                let statement = signed.verify()?;
                next.extend(owners.add(&statement));
                verified.insert(place, (signed, statement));
            }
        }
        Ok(verified.into_values().collect())
    }

    /// Equal on nodes that hold the same statements.
    pub fn roster_digest(&self) -> SetDigest {
        self.roster().digest()
    }

    /// Equal on nodes that tell the same statements, whether or not some of these wait there.
    pub fn told_digest(&self) -> Result<SetDigest> {
        // These first: what is taken in between counts once all the same.
        let waiting = self.expels_ahead().ids();
        if waiting.is_empty() {
            return Ok(self.roster_digest());
        }
        let held = trust::ids(&self.read()?.open_table(STATEMENTS)?)?;
        Ok(roster::digest(waiting.into_iter().chain(held)))
    }

    /// Takes statements; tells how many were new. Those that may count must verify.
    pub fn insert_statements(&self, statements: Vec<SignedStatement>, now: UnixMillis) -> Result<usize> {
        let told = self.verify_fresh(statements)?;
        self.write(move |tx| take_and_settle(tx, now, &told, None))
    }

    /// Takes what a peer told, but for Expels that come ahead of the events they name: these wait for them, for
    /// [`EXPEL_WAIT_MS`](crate::EXPEL_WAIT_MS) at most. Tells how many were new and are taken.
    pub fn hear_statements(&self, statements: Vec<SignedStatement>, now: UnixMillis) -> Result<usize> {
        self.hear_told(statements, None, now)
    }

    /// The same with one among them that [`Store::sign_admit`] signed for `author`.
    pub fn hear_signed_for(&self, author: &Author, statements: Vec<SignedStatement>, now: UnixMillis) -> Result<usize> {
        self.hear_told(statements, Some(author.clone()), now)
    }

    fn hear_told(&self, statements: Vec<SignedStatement>, author: Option<Author>, now: UnixMillis) -> Result<usize> {
        let told = self.verify_fresh(statements)?;
        self.write(move |tx| take_and_settle(tx, now, &expel_ahead::to_take(tx, now, &told)?, author.as_ref()))
    }

    /// In how many milliseconds [`Store::take_due_expels`] has something to do; `None` if no Expel waits.
    pub fn expels_due_in_ms(&self, now: UnixMillis) -> Option<u64> {
        self.expels_ahead().next_in_ms(now)
    }

    /// Takes the Expels that waited long enough for the events they name; tells how many.
    pub fn take_due_expels(&self, now: UnixMillis) -> Result<usize> {
        self.write(move |tx| take_and_settle(tx, now, &[], None))
    }

    /// Admits a node, or raises it. Owners only. `None` if it may do all that already, so that nothing was signed.
    pub fn admit(&self, admit: &Admit, author: &Author, now: UnixMillis) -> Result<Option<StatementId>> {
        let (admit, author) = (admit.clone(), author.clone());
        self.write(move |tx| membership::admit(tx, Moment::live(now), &admit, &author))
    }

    /// Expels a node, for good: what this node holds of it by now still counts, nothing else will; nor does what is left out of the
    /// Expel, since it has no room for it or something before it isn't held: alarm `expel_cut` tells that. Owners only. `None` if nothing was
    /// signed: an owner has expelled it already, or an owner's Expel of it waited here and is taken now.
    pub fn expel(&self, node: &NodeId, author: &Author, now: UnixMillis) -> Result<Option<StatementId>> {
        let (node, author) = (*node, author.clone());
        self.write(move |tx| membership::expel(tx, Moment::live(now), &node, &author))
    }

    /// All nodes that the roster knows, by id, and what was said of each.
    pub fn members(&self) -> Result<Vec<Member>> {
        // Roster and statements are read apart: one that comes in between is in the next answer.
        let statements = trust::decode_all(&self.read()?.open_table(STATEMENTS)?)?;
        Ok(membership::members(&Roster::fold(self.roster().root(), &statements), statements))
    }

    /// Whether this node may publish at a path, or why not.
    pub fn check_may_publish(&self, path: &PackagePath) -> Result<()> {
        crate::publish::check_may_publish(&self.roster(), self.node_id(), path)
    }

    /// Signs an Admit without keeping it: what a joiner offers when two meshes merge.
    pub fn sign_admit(&self, admit: &Admit, author: &Author, now: UnixMillis) -> Result<SignedStatement> {
        let admit = Admit { prefixes: check_role(admit.role, &admit.prefixes)?, ..admit.clone() };
        let header = StatementHeader { signer: self.node_id(), at_ms: now, by: author.as_str().to_owned() };
        Ok(SignedStatement::mint(self.key(), &header, &StatementBody::Admit(admit)))
    }

    /// Takes another mesh's root, while nobody else is known here.
    pub fn take_root(&self, root: NodeId, now: UnixMillis) -> Result<()> {
        self.write(move |tx| trust::take_root(tx, Moment::live(now), root))
    }

    /// The same for one that becomes a replica there: what it published would be nowhere any more, so it must have
    /// published nothing.
    pub fn take_root_as_replica(&self, root: NodeId, now: UnixMillis) -> Result<()> {
        self.write(move |tx| {
            if trust::has_events(tx, &tx.context.key.node_id())? {
                return Err(StoreError::ReplicaHasEvents);
            }
            trust::take_root(tx, Moment::live(now), root)
        })
    }
}

/// Takes statements and the Expels whose time is over; tells how many were new. (What they wait for comes with events only.)
fn take_and_settle(tx: &Tx<'_>, now: UnixMillis, told: &[Told], author: Option<&Author>) -> Result<usize> {
    let mut news = News::default();
    let taken = [expel_ahead::ripe(tx, now, &BTreeSet::new()), told.to_vec()].concat();
    let fresh = membership::take(tx, Moment::live(now), &taken, author, &mut news)?;
    news.settle(tx)?;
    Ok(fresh)
}
