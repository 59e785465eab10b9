//! Swapping node states, step by step, without any carrier: both sides.
//!
//! The caller sends an index of what it holds, and what is probably new to the callee. The callee takes what is newer,
//! answers with what the caller lacks, and names what it still lacks itself; the caller sends that. Mostly one call does.

use std::collections::{BTreeMap, BTreeSet};

use ods_store::{HeldState, SetDigest, SignedState, Store, StoreError, UnixMillis};

use super::limits::STATES_BYTES_MAX;
use super::protocol::{Request, ShortNode, StateEntry, StatesAnswer, StatesRequest};

/// Calls of one swap.
const CALLS_MAX: usize = 4;

/// A swap under way, on the caller's side.
#[derive(Debug)]
pub(super) struct StatesSwap {
    calls: usize,
    /// What was held when it was last said what is.
    offered: Option<SetDigest>,
    /// Of whom the states were sent: what the peer didn't take it doesn't get again in this swap.
    sent: BTreeSet<ShortNode>,
}

/// How a swap goes on.
#[derive(Debug)]
pub(super) enum StatesStep {
    /// Ask the peer this too.
    Ask(Request),
    /// It is over; the peer holds this.
    Done(SetDigest),
}

impl StatesSwap {
    /// Begins a swap: all that came after `fresh_after` goes along.
    pub(super) fn start(
        store: &Store,
        fresh_after: Option<u64>,
        now: UnixMillis,
    ) -> Result<(Self, Request), StoreError> {
        // Before the states: what comes in between isn't taken for offered.
        let digest = store.states_digest()?;
        let held = store.states()?;
        let is_fresh = |held: &&HeldState| fresh_after.is_some_and(|after| held.arrival > after);
        let fresh = fitting(held.iter().filter(is_fresh));
        let request = StatesRequest { clock: now, digest, index: Some(index(&held)), fresh: signed(&fresh) };
        Ok((Self { calls: 1, offered: Some(digest), sent: nodes(&fresh) }, Request::States(request)))
    }

    /// Only compares digests and clocks.
    pub(super) fn compare(store: &Store, now: UnixMillis) -> Result<(Self, Request), StoreError> {
        let request = StatesRequest { clock: now, digest: store.states_digest()?, index: None, fresh: vec![] };
        Ok((Self { calls: CALLS_MAX, offered: None, sent: BTreeSet::new() }, Request::States(request)))
    }

    /// What this node held when it last said what it holds.
    pub(super) fn offered(&self) -> Option<SetDigest> {
        self.offered
    }

    /// Takes an answer and says how to go on.
    pub(super) fn take(
        &mut self,
        store: &Store,
        answer: StatesAnswer,
        now: UnixMillis,
    ) -> Result<StatesStep, StoreError> {
        let StatesAnswer { digest, newer, lacking, .. } = answer;
        if !newer.is_empty() {
            store.insert_states(newer, now)?;
        }
        let lacking: BTreeSet<ShortNode> = lacking.into_iter().filter(|node| !self.sent.contains(node)).collect();
        if lacking.is_empty() || self.calls >= CALLS_MAX {
            return Ok(StatesStep::Done(digest));
        }
        self.calls += 1;
        let digest = store.states_digest()?;
        let held = store.states()?;
        let fresh = fitting(held.iter().filter(|held| lacking.contains(&ShortNode::of(&held.state.header.node))));
        let index = Some(index(&held));
        self.offered = Some(digest);
        self.sent.append(&mut nodes(&fresh));
        Ok(StatesStep::Ask(Request::States(StatesRequest { clock: now, digest, index, fresh: signed(&fresh) })))
    }
}

/// What a callee answers.
pub(super) fn swap_states(store: &Store, request: StatesRequest, now: UnixMillis) -> Result<StatesAnswer, StoreError> {
    let StatesRequest { digest: theirs, index, fresh, .. } = request;
    if !fresh.is_empty() {
        store.insert_states(fresh, now)?;
    }
    let digest = store.states_digest()?;
    let (Some(index), false) = (index, digest == theirs) else {
        return Ok(StatesAnswer { clock: now, digest, newer: vec![], lacking: vec![] });
    };
    let index: BTreeMap<ShortNode, StateEntry> = index.into_iter().map(|entry| (entry.node, entry)).collect();
    let held = store.states()?;
    let newer = signed(&fitting(held.iter().filter(|held| is_newer(held, &index))));
    let ours: BTreeMap<ShortNode, StateEntry> = held.iter().map(|held| (entry(held).node, entry(held))).collect();
    let roster = store.roster();
    let members: BTreeSet<ShortNode> =
        roster.nodes().filter(|(node, _)| roster.is_member(node)).map(|(node, _)| ShortNode::of(node)).collect();
    let is_lacking = |theirs: &&StateEntry| match ours.get(&theirs.node) {
        Some(own) => (theirs.counter, theirs.tag) != (own.counter, own.tag) && theirs.counter >= own.counter,
        // Whoever is no member here isn't asked for.
        None => members.contains(&theirs.node),
    };
    let lacking = index.values().filter(is_lacking).map(|entry| entry.node).collect();
    Ok(StatesAnswer { clock: now, digest, newer, lacking })
}

/// Whether the other side may need a state that is held here.
fn is_newer(held: &HeldState, index: &BTreeMap<ShortNode, StateEntry>) -> bool {
    let own = entry(held);
    index
        .get(&own.node)
        .is_none_or(|theirs| (theirs.counter, theirs.tag) != (own.counter, own.tag) && own.counter >= theirs.counter)
}

fn index(held: &[HeldState]) -> Vec<StateEntry> {
    held.iter().map(entry).collect()
}

fn entry(held: &HeldState) -> StateEntry {
    let [a, b, c, d, ..] = *held.state.id.as_bytes();
    let node = ShortNode::of(&held.state.header.node);
    StateEntry { node, counter: held.state.header.counter, tag: [a, b, c, d] }
}

/// Those that fit into one body, the smallest first: so a few that say as much as may be keep nobody else from being heard. What
/// doesn't fit leaves the digests different, and comes with the next swap.
fn fitting<'a>(held: impl Iterator<Item = &'a HeldState>) -> Vec<&'a HeldState> {
    let mut held: Vec<&HeldState> = held.collect();
    held.sort_by_key(|held| held.signed.frame.len());
    let mut bytes = 0;
    let fits = |held: &&HeldState| {
        bytes += bytes_of(&held.signed);
        bytes <= STATES_BYTES_MAX
    };
    held.into_iter().take_while(fits).collect()
}

fn signed(held: &[&HeldState]) -> Vec<SignedState> {
    held.iter().map(|held| held.signed.clone()).collect()
}

fn nodes(held: &[&HeldState]) -> BTreeSet<ShortNode> {
    held.iter().map(|held| ShortNode::of(&held.state.header.node)).collect()
}

/// About how many bytes a state takes in a body.
pub(super) fn bytes_of(signed: &SignedState) -> usize {
    signed.frame.len() + signed.signature.len() + 8
}
