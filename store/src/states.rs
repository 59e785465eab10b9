//! The node states held: of each member the newest, this node's own included.
//!
//! Invariants:
//! - The table is a function of the set of states ever offered and of the roster: of each member the greatest by
//!   (counter, id). (What a member says faster than may be counts as not offered: `states_pace.rs`.) So merging is
//!   commutative, associative and idempotent, and gossip converges whatever the order.
//! - Whoever is no member has no row: the row goes in the transaction that expels.
//! - `states_sum` is the sum of the ids of the rows: nodes with equal rosters and equal sums hold the same states.
//! - This node mints more than the greatest counter of its own that it has met. A node that was rolled back, or shares its
//!   key with another machine, is therefore never frozen out: it meets the greater one, and passes it.
//! - It also passes the counters of others that it holds (see [`next_counter`]): later words have greater numbers, as with
//!   Lamport's clocks. `evict.rs` relies on this to come to an end, and only on each node's own order to be safe.
//!
//! A row is `arrival u64 LE ‖ signature ‖ frame`; arrivals count up, so that "what came since" is known.

use redb::ReadableTable;

use crate::digest::{NodeId, SetDigest, StateId};
use crate::error::{Result, StoreError};
use crate::limits::STATE_COUNTER_LEAP_MAX;
use crate::meta;
use crate::node_state::{SignedState, State, StatePolicy};
use crate::policy;
use crate::roster::Roster;
use crate::schema::{META, STATES};
use crate::set_sum::SetSum;
use crate::tables::Tables;
use crate::tx::Tx;

/// A state that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldState {
    /// Its place in the order in which states came.
    pub arrival: u64,
    /// As it travels.
    pub signed: SignedState,
    /// What it says.
    pub state: State,
}

/// What became of states that were offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatesTaken {
    /// How many were newer than what was held.
    pub taken: usize,
    /// One of this node's own came that it did not hold: it was rolled back, or another machine has its key.
    pub own_met: bool,
}

/// The counter of this node's next state: past every one of its own that it has met, and past those of others, so that
/// what a node says later bears a greater number than what it has heard. Others' counters are passed by leaps of at most
/// [`STATE_COUNTER_LEAP_MAX`], so that no member can use the numbers up.
pub(crate) fn next_counter(tables: &impl Tables, own: &NodeId) -> Result<u64> {
    let met = of(tables, own)?.map_or(0, |held| held.state.header.counter);
    let heard = meta::get(&tables.table(META)?, &meta::STATES_COUNTER)?.unwrap_or_default();
    Ok(met.max(heard.min(met.saturating_add(STATE_COUNTER_LEAP_MAX))).saturating_add(1))
}

/// How often something came up that this node speaks again for, though nothing of its own changed:
/// - another one told of a new policy, or one that keeps less than this one said how it stands: it may rely only on words that
///   are given after it has said so (`evict.rs`). Who keeps as little or less owes nothing, so nobody answers an answer;
/// - this node wishes to hear such a word itself.
pub(crate) fn words_owed(tables: &impl Tables) -> Result<u64> {
    Ok(meta::get(&tables.table(META)?, &meta::WORDS_OWED)?.unwrap_or_default())
}

/// Has this node speak again.
pub(crate) fn owe_word(tx: &Tx<'_>) -> Result<()> {
    tx.count(&meta::WORDS_OWED, 1, 0)?;
    tx.changed(|effects| effects.states_changed = true);
    Ok(())
}

/// Takes verified states that are newer than what is held; others, and those of nodes that are no members, are passed
/// over.
pub(crate) fn insert(tx: &Tx<'_>, states: &[(SignedState, State)]) -> Result<StatesTaken> {
    let (roster, own) = (tx.roster(), tx.context.key.node_id());
    let mut outcome = StatesTaken::default();
    for (signed, state) in states.iter().filter(|(_, state)| roster.is_member(&state.header.node)) {
        let held = of(tx, &state.header.node)?;
        if held.as_ref().is_some_and(|held| held.state.rank() >= state.rank()) {
            continue;
        }
        note(tx, held.as_ref().map(|held| &held.state), state, own)?;
        replace(tx, held.map(|held| held.state.id), signed, state)?;
        outcome.taken += 1;
        outcome.own_met |= state.header.node == own;
    }
    if outcome.taken > 0 {
        tx.changed(|effects| effects.states_changed = true);
    }
    Ok(outcome)
}

fn note(tx: &Tx<'_>, before: Option<&State>, after: &State, own: NodeId) -> Result<()> {
    let greatest = meta::get(&tx.read(META)?, &meta::STATES_COUNTER)?.unwrap_or_default();
    if after.header.counter > greatest {
        tx.set_meta(&meta::STATES_COUNTER, &after.header.counter)?;
    }
    let policy = |state: &State| state.body.as_ref().map(|body| body.policy.clone()).unwrap_or_default();
    let (before, is_others) = (before.map(policy).unwrap_or_default(), after.header.node != own);
    let after = policy(after);
    if is_others && (before != after || how_much(&after) < how_much(&policy::of(tx)?)) {
        owe_word(tx)?;
    }
    Ok(())
}

/// The order of policies by how much they keep.
const fn how_much(policy: &StatePolicy) -> u8 {
    match policy {
        StatePolicy::OnDemand { .. } => 0,
        StatePolicy::Selected { .. } => 1,
        StatePolicy::All => 2,
    }
}

fn replace(tx: &Tx<'_>, before: Option<StateId>, signed: &SignedState, state: &State) -> Result<()> {
    let arrival = meta::get(&tx.read(META)?, &meta::STATES_ARRIVED)?.unwrap_or_default() + 1;
    let row = [arrival.to_le_bytes().as_slice(), &signed.stored_bytes()].concat();
    tx.write(STATES)?.insert(state.header.node.as_bytes(), row.as_slice())?;
    tx.set_meta(&meta::STATES_ARRIVED, &arrival)?;
    add_up(tx, |sum| {
        before.inspect(|id| sum.subtract(id.as_bytes()));
        sum.add(state.id.as_bytes());
    })
}

fn add_up(tx: &Tx<'_>, change: impl FnOnce(&mut SetSum)) -> Result<()> {
    let mut sum = meta::get(&tx.read(META)?, &meta::STATES_SUM)?.unwrap_or_default();
    change(&mut sum);
    tx.set_meta(&meta::STATES_SUM, &sum)
}

/// Drops the states of whoever is no member (any more).
pub(crate) fn drop_strangers(tx: &Tx<'_>, roster: &Roster) -> Result<()> {
    let strangers: Vec<HeldState> =
        list(tx)?.into_iter().filter(|held| !roster.is_member(&held.state.header.node)).collect();
    for held in strangers {
        tx.write(STATES)?.remove(held.state.header.node.as_bytes())?;
        add_up(tx, |sum| sum.subtract(held.state.id.as_bytes()))?;
        tx.changed(|effects| effects.states_changed = true);
    }
    Ok(())
}

/// The state held of a node.
pub(crate) fn of(tables: &impl Tables, node: &NodeId) -> Result<Option<HeldState>> {
    let table = tables.table(STATES)?;
    table.get(node.as_bytes())?.map(|row| from_row(row.value())).transpose()
}

/// All states held, by node.
pub(crate) fn list(tables: &impl Tables) -> Result<Vec<HeldState>> {
    let table = tables.table(STATES)?;
    table.iter()?.map(|entry| from_row(entry?.1.value())).collect()
}

/// Equal on nodes that hold the same states.
pub(crate) fn digest(tables: &impl Tables) -> Result<SetDigest> {
    let sum = meta::get(&tables.table(META)?, &meta::STATES_SUM)?.unwrap_or_default();
    Ok(SetDigest::from_bytes(*sum.as_bytes()))
}

/// How many states have come.
pub(crate) fn arrived(tables: &impl Tables) -> Result<u64> {
    Ok(meta::get(&tables.table(META)?, &meta::STATES_ARRIVED)?.unwrap_or_default())
}

fn from_row(row: &[u8]) -> Result<HeldState> {
    let corrupt = || StoreError::Corrupt { what: "a node's state" };
    let (arrival, signed) = row.split_first_chunk::<8>().ok_or_else(corrupt)?;
    let signed = SignedState::from_stored(signed).ok_or_else(corrupt)?;
    let state = signed.decode().map_err(|_| corrupt())?;
    Ok(HeldState { arrival: u64::from_le_bytes(*arrival), signed, state })
}
