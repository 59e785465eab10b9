//! Swapping rosters, step by step, without any carrier: both sides.
//!
//! The caller names the statements that it holds and sends along as many as a node has to read of one that nobody admitted: mostly
//! that is all of them. The callee takes what is new to it, answers with a page of what the caller lacks, and names what it lacks
//! itself; the caller sends a page of that, and so on, until what they tell has equal digests or neither has anything that the other
//! wasn't told. Mostly one call does.
//!
//! Invariants:
//! - However much a stolen key signed, a call has a page of it at most, and Expels come first, by how far their signers are from the root
//!   (the order is the store's: [`ods_store::ToldRoster`]).
//! - A statement goes each way once in a swap, whether or not it is taken, of rosters of at most [`ROSTER_IDS_MAX`] statements. (Beyond that
//!   two nodes need not come to agree.) What wasn't taken since its signer was no owner yet is told once more, each way, if other
//!   statements came here after it.
//! - What this version has to pass over is no news: it makes no swap go on.
//! - In memory are a page and the names of at most that many statements each way, whatever a peer tells; what it tells beyond is not heard.
//! - A full disk ends a swap, not the pull that it is part of: the log may have the removal that makes room.

use std::collections::BTreeSet;

use ods_store::{NodeId, SignedStatement, StatementId, Store, StoreError, ToldRoster, UnixMillis};

use super::limits::{ROSTER_BYTES_MAX, ROSTER_CALLS_MAX, ROSTER_FIRST_BYTES, ROSTER_FIRST_IDS_MAX, ROSTER_IDS_MAX};
use super::nonce::Standing;
use super::protocol::{Request, RosterAnswer, RosterRequest};
use super::serve::Refusal;

/// A swap under way, on the caller's side.
#[derive(Debug, Default)]
pub(super) struct RosterSwap {
    calls: usize,
    /// Statements that were new here.
    gained: u64,
    /// Whether any were since it was last begun to be told from the start.
    gained_in_this_round: bool,
    /// What the peer was sent since then.
    sent: BTreeSet<StatementId>,
    /// What it told since then that this version can take, whether or not it was taken.
    told: BTreeSet<StatementId>,
    /// What it told that this version can't take, whoever signed it.
    passed_over: BTreeSet<StatementId>,
}

/// How a swap goes on.
#[derive(Debug)]
pub(super) enum RosterStep {
    /// Ask the peer this too.
    Ask(Request),
    /// It is over; so many statements were new here.
    Done(u64),
}

impl RosterSwap {
    /// Begins a swap. By what comes first a peer sees that this node belongs, if it didn't know.
    pub(super) fn start(store: &Store) -> Result<(Self, Request), StoreError> {
        let roster = store.told_roster()?;
        let statements = roster.page_showing(&[store.node_id()], ROSTER_FIRST_BYTES)?;
        let mut held = roster.order();
        held.truncate(ROSTER_FIRST_IDS_MAX);
        let swap = Self { calls: 1, sent: ids(&statements), ..Self::default() };
        Ok((swap, Request::Roster(RosterRequest { statements, digest: roster.digest(), held: Some(held) })))
    }

    /// Takes an answer and says how to go on.
    pub(super) fn take(
        &mut self,
        store: &Store,
        answer: RosterAnswer,
        now: UnixMillis,
    ) -> Result<RosterStep, StoreError> {
        let RosterAnswer { mut statements, digest, mut lacking } = answer;
        lacking.truncate(ROSTER_IDS_MAX);
        let room = ROSTER_IDS_MAX - self.told.len() - self.passed_over.len();
        let is_too_much = self.calls >= ROSTER_CALLS_MAX || statements.len() > room;
        statements.truncate(room);
        let brings_news = self.note(&statements);
        let is_full = !self.hear(store, statements, now)?;
        if is_full || is_too_much || store.told_digest()? == digest {
            return Ok(RosterStep::Done(self.gained));
        }
        let roster = store.told_roster()?;
        let page = roster.page(lacking.into_iter().filter(|id| !self.sent.contains(id)), ROSTER_BYTES_MAX)?;
        if page.is_empty() && !brings_news && !self.begins_again(&roster) {
            return Ok(RosterStep::Done(self.gained));
        }
        self.calls += 1;
        self.sent.append(&mut ids(&page));
        let not_taken = self.passed_over.iter().chain(&self.told).filter(|id| !roster.contains(id)).copied();
        let held = not_taken.chain(roster.order()).take(ROSTER_IDS_MAX).collect();
        let request = RosterRequest { statements: page, digest: roster.digest(), held: Some(held) };
        Ok(RosterStep::Ask(Request::Roster(request)))
    }

    /// Remembers what the peer told; whether any of it is new and may be taken.
    fn note(&mut self, statements: &[SignedStatement]) -> bool {
        let mut is_news = false;
        for signed in statements {
            if signed.is_passed_over() {
                self.passed_over.insert(signed.id());
            } else {
                is_news |= self.told.insert(signed.id());
            }
        }
        is_news
    }

    /// How many statements this version couldn't take.
    pub(super) fn passed_over(&self) -> usize {
        self.passed_over.len()
    }

    /// Takes statements; false if the disk is full.
    fn hear(&mut self, store: &Store, statements: Vec<SignedStatement>, now: UnixMillis) -> Result<bool, StoreError> {
        let fresh = hear_if_room(store, statements, now)?;
        self.gained += fresh.unwrap_or_default() as u64;
        self.gained_in_this_round |= fresh.is_some_and(|fresh| fresh > 0);
        Ok(fresh.is_some())
    }

    /// Whether what wasn't taken may be by now. All is then told again, each way.
    fn begins_again(&mut self, roster: &ToldRoster) -> bool {
        let again = self.gained_in_this_round && self.told.iter().any(|id| !roster.contains(id));
        if again {
            self.told.clear();
            self.sent.clear();
            self.gained_in_this_round = false;
        }
        again
    }
}

/// Takes the caller's part of a swap and gives this node's. A stranger's is taken only if it shows that the stranger belongs; one
/// that doesn't belong any more learns why. An Expel that comes ahead of the events it names waits for them: most often this node
/// pulls from the caller next, since their rosters differ, and if nothing brings them the driver has it taken in the end. Expels that
/// wait are told too, or a chain of nodes would wait so long at each.
pub(super) fn swap_rosters(
    store: &Store,
    caller: &NodeId,
    request: RosterRequest,
    standing: Standing,
    now: UnixMillis,
) -> Result<RosterAnswer, Refusal> {
    let RosterRequest { mut statements, digest: theirs, mut held } = request;
    statements.truncate(ROSTER_IDS_MAX);
    if let Some(held) = &mut held {
        held.truncate(ROSTER_IDS_MAX);
    }
    let belongs = standing == Standing::Member
        || (!store.is_put_out(caller) && store.roster_with(&statements)?.is_member(caller));
    if !belongs && !store.roster().is_known(caller) {
        return Err(Refusal::NotAMember);
    }
    let mut known = ids(&statements);
    if belongs {
        hear_if_room(store, statements, now)?;
    }
    let digest = store.told_digest()?;
    let Some(held) = held.filter(|_| digest != theirs) else {
        return Ok(RosterAnswer { statements: vec![], digest, lacking: vec![] });
    };
    let roster = store.told_roster()?;
    let is_lacking = |id: &&StatementId| belongs && !known.contains(id) && !roster.contains(id);
    let lacking = held.iter().filter(is_lacking).copied().collect();
    known.extend(held);
    let told = if belongs { roster.order() } else { roster.bearing_on(caller) };
    let statements = roster.page(told.into_iter().filter(|id| !known.contains(id)), ROSTER_BYTES_MAX)?;
    Ok(RosterAnswer { statements, digest, lacking })
}

/// How many statements were new; `None` if there is no room for them.
pub(super) fn hear_if_room(
    store: &Store,
    statements: Vec<SignedStatement>,
    now: UnixMillis,
) -> Result<Option<usize>, StoreError> {
    if statements.is_empty() {
        return Ok(Some(0));
    }
    match store.hear_statements(statements, now) {
        Err(StoreError::NoSpace { .. }) => Ok(None),
        heard => heard.map(Some),
    }
}

fn ids(statements: &[SignedStatement]) -> BTreeSet<StatementId> {
    statements.iter().map(SignedStatement::id).collect()
}
