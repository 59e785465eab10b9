//! Node states: this node's own told, others' taken, and what they say of who has what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};

use super::Store;
use crate::digest::{Digest, EventId, NodeId, SetDigest, StateId};
use crate::error::{Result, StoreError};
use crate::fetch::Fetch;
use crate::holders::{self, Holder, Member, Newness, Survey};
use crate::holding::Holding;
use crate::lacking::{self, Lacking};
use crate::last_holder::{self, LastHolder};
use crate::limits::{PAGE_ROWS_MAX, STATE_STREAMS_MAX, STATE_WANTS_MAX};
use crate::log;
use crate::lsn::Lsn;
use crate::membership;
use crate::meta;
use crate::node_state::{LinkBrief, NodeState, SignedState, State, StateHeader, StreamBrief, WantBrief};
use crate::package::Package;
use crate::path::PackagePath;
use crate::policy;
use crate::schema::{BLOBS, META, STATEMENTS, STREAMS, WANTS};
use crate::states::{self, HeldState, StatesTaken};
use crate::states_pace::StatesPace;
use crate::time::UnixMillis;
use crate::trust;
use crate::vector::Vector;
use crate::wants::{self, Want};

/// What a node's state says that its store doesn't know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// Random, new at each start.
    pub run: [u8; 16],
    /// When the node started.
    pub started_at: UnixMillis,
    /// Its version.
    pub version: String,
    /// Where it answers if no urls are configured.
    pub fallback_urls: Vec<String>,
    /// How it sees its peers; at most [`crate::STATE_LINKS_MAX`].
    pub links: Vec<LinkBrief>,
    /// How fast bytes come in, in bytes a second.
    pub rate: u64,
    /// ... of each blob that is coming.
    pub rates: BTreeMap<Digest, u64>,
}

/// This node at one moment, as its next state would tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// What it would say.
    pub state: NodeState,
    /// Nothing was renounced since that moment if this is as it was (`policy.rs`).
    era: (u64, u64),
    /// Grows with whatever this node speaks again for, though nothing of its own changed: others wait for its word, or it waits
    /// for theirs.
    pub words_owed: u64,
}

impl Store {
    /// This node as its next state would describe it, all of one moment.
    pub fn describe(&self, outside: Outside) -> Result<Description> {
        let read = self.read()?;
        let keeping = policy::row(&read)?;
        let values = read.open_table(META)?;
        let vector = log::vector(&read.open_table(STREAMS)?)?;
        let wanted = read.open_table(WANTS)?;
        let want_count = wants::count(&wanted)?;
        let wants = self.newest(wants::list(&wanted, usize::MAX)?, &outside.rates);
        let saved: u64 = wants.iter().map(|want| want.size - want.missing).sum();
        let urls: Vec<String> = meta::need(&values, &meta::URLS)?;
        let state = NodeState {
            run: outside.run,
            started_at: outside.started_at,
            name: meta::need(&values, &meta::NAME)?,
            urls: if urls.is_empty() { outside.fallback_urls } else { urls },
            version: outside.version,
            policy: keeping.policy,
            log_id: meta::need(&values, &meta::LOG_ID)?,
            head: Lsn::new(meta::need(&values, &meta::HEAD)?),
            events: log::len(&read)?,
            vector: vector.digest(),
            roster: trust::digest(&read.open_table(STATEMENTS)?)?,
            catalog: SetDigest::from_bytes(*meta::need(&values, &meta::CATALOG_SUM)?.as_bytes()),
            streams: streams(&vector),
            streams_complete: vector.entries.len() <= STATE_STREAMS_MAX,
            // What the walk has yet to want is not among them.
            wants_complete: want_count == wants.len() as u64 && keeping.walk.is_none(),
            wants,
            want_count,
            want_bytes: meta::need(&values, &meta::WANT_BYTES)?.saturating_sub(saved),
            rate: outside.rate,
            links: outside.links,
            blobs: wants::count(&read.open_table(BLOBS)?)?,
            blob_bytes: meta::need(&values, &meta::BLOB_BYTES)?,
            free_bytes: self.free_bytes()?,
        };
        Ok(Description { state, era: policy::era(&read)?, words_owed: states::words_owed(&read)? })
    }

    /// The newest wants, in brief: those that are coming, then by their revisions' time.
    fn newest(&self, wants: Vec<Want>, rates: &BTreeMap<Digest, u64>) -> Vec<WantBrief> {
        let rank = |want: &Want| (!rates.contains_key(&want.blob), std::cmp::Reverse(want.newest_at), want.blob);
        // Ranked once each: a node that has only begun wants thousands, and describes itself all the time.
        let mut ranked: Vec<_> = wants.into_iter().map(|want| (rank(&want), want)).collect();
        if ranked.len() > STATE_WANTS_MAX {
            ranked.select_nth_unstable_by_key(STATE_WANTS_MAX, |(rank, _)| *rank);
            ranked.truncate(STATE_WANTS_MAX);
        }
        ranked.sort_unstable_by_key(|(rank, _)| *rank);
        let brief = |(_, want): &(_, Want)| WantBrief {
            blob: want.blob,
            size: want.size,
            missing: self.missing_of(want),
            rate: rates.get(&want.blob).copied().unwrap_or(0),
        };
        ranked.iter().map(brief).collect()
    }

    /// What a want lacks. A fetch that began with another size has nothing of it.
    fn missing_of(&self, want: &Want) -> u64 {
        let fetch = self.fetch_in_progress(&want.blob).filter(|fetch| fetch.size() == want.size);
        fetch.as_ref().map_or(want.size, Fetch::missing_bytes)
    }

    /// Signs a state of this node that passes all that it has met, and holds it. `None` if something that the
    /// description claims was renounced since: that must not be said any more.
    pub fn tell(&self, described: &Description, now: UnixMillis) -> Result<Option<State>> {
        let node = self.node_id();
        let counter = states::next_counter(&self.read()?, &node)?;
        let header = StateHeader { node, counter, at_ms: now };
        let signed = SignedState::mint(self.key(), &header, &described.state);
        let state = signed.decode()?;
        let (era, arrived) = (described.era, vec![(signed, state.clone())]);
        let told = self.write(move |tx| {
            let is_current = policy::era(tx)? == era;
            if is_current {
                states::insert(tx, &arrived)?;
            }
            Ok(is_current.then_some((state.clone(), states::arrived(tx)?)))
        })?;
        Ok(told.map(|(state, arrival)| {
            self.asked_for_word(Newness { counter, arrival });
            state
        }))
    }

    /// Takes states of members that are newer than what is held. Those that don't verify are passed over: nobody is to
    /// blame for what it hands on.
    pub fn insert_states(&self, states: Vec<SignedState>, now: UnixMillis) -> Result<StatesTaken> {
        let (roster, read, own, mut fresh) = (self.roster(), self.read()?, self.node_id(), Vec::new());
        self.states_pace().keep(|node| roster.is_member(node));
        for signed in states {
            // Checked before the signature, which costs more.
            let Ok(claimed) = signed.decode() else { continue };
            if !roster.is_member(&claimed.header.node) {
                continue;
            }
            let held = states::of(&read, &claimed.header.node)?;
            if held.is_some_and(|held| held.state.rank() >= claimed.rank()) {
                continue;
            }
            let Ok(state) = signed.verify() else { continue };
            let bytes = (signed.frame.len() + signed.signature.len()) as u64;
            // Once it is known who says it.
            if state.header.node == own || self.states_pace().take(&state.header.node, state.id, bytes, now) {
                fresh.push((signed, state));
            }
        }
        drop(read);
        if fresh.is_empty() {
            return Ok(StatesTaken::default());
        }
        let taken: BTreeSet<(NodeId, StateId)> = fresh.iter().map(|(_, state)| (state.header.node, state.id)).collect();
        let outcome = self.write(move |tx| states::insert(tx, &fresh))?;
        self.hear(&taken)?;
        Ok(outcome)
    }

    /// What nodes want by those of these states that are their newest words now.
    fn hear(&self, states: &BTreeSet<(NodeId, StateId)>) -> Result<()> {
        let read = self.read()?;
        for (node, id) in states {
            let Some(held) = states::of(&read, node)?.filter(|held| held.state.id == *id) else { continue };
            if let Some(told) = held.state.body.as_ref().filter(|told| told.wants_complete) {
                let wants: BTreeSet<Digest> = told.wants.iter().map(|want| want.blob).collect();
                self.peer_wants(node, &wants);
            }
        }
        Ok(())
    }

    fn states_pace(&self) -> MutexGuard<'_, StatesPace> {
        self.0.states_pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All node states held, this node's own included.
    pub fn states(&self) -> Result<Vec<HeldState>> {
        states::list(&self.read()?)
    }

    /// The state held of a node.
    pub fn state(&self, node: &NodeId) -> Result<Option<HeldState>> {
        states::of(&self.read()?, node)
    }

    /// Equal on nodes that hold the same states.
    pub fn states_digest(&self) -> Result<SetDigest> {
        states::digest(&self.read()?)
    }

    /// How many states have come: later ones have a greater [`HeldState::arrival`].
    pub fn states_arrived(&self) -> Result<u64> {
        states::arrived(&self.read()?)
    }

    /// Which members have the bytes of the current revision of a path, with that revision; `None` if there is none.
    pub fn holders(&self, path: &PackagePath) -> Result<Option<(EventId, Vec<Holder>)>> {
        // The roster first: states of a roster that is newer than the survey's are unknown, never taken for granted.
        let (roster, read) = (self.roster(), self.read()?);
        let found = Survey::read(&read, &roster, self.node_id())?.holders(&read, path.as_str())?;
        Ok(found.map(|(revision, holders)| {
            let precise = holders.into_iter().map(|holder| self.with_fetch(path, holder)).collect();
            (revision, precise)
        }))
    }

    /// Which members have the bytes of the current revisions of some paths, all at one moment; nobody where there is none.
    pub fn holders_of_all(&self, paths: &[&PackagePath]) -> Result<Vec<Vec<Holder>>> {
        let (roster, read) = (self.roster(), self.read()?);
        let survey = Survey::read(&read, &roster, self.node_id())?;
        let of = |path: &&PackagePath| survey.holders(&read, path.as_str());
        paths.iter().map(|path| Ok(of(path)?.map(|(_, holders)| holders).unwrap_or_default())).collect()
    }

    /// Up to `limit` (at most [`PAGE_ROWS_MAX`]) packages after a path that a member lacks and that `keep` keeps, by path; errs
    /// if no statement admits the node.
    pub fn lacking(
        &self,
        node: &NodeId,
        after: Option<&str>,
        limit: usize,
        keep: &mut dyn FnMut(&Package) -> bool,
    ) -> Result<Lacking> {
        let (roster, read, own) = (self.roster(), self.read()?, self.node_id());
        let role = roster.role(node).ok_or(StoreError::NoSuchNode { node: *node })?;
        let member = Member::read(&read, &holders::here(&read)?, own, *node, role)?;
        let mut page = lacking::page(&read, &member, after, limit.min(PAGE_ROWS_MAX), keep)?;
        for (package, holding) in page.items.iter_mut().filter(|_| *node == own) {
            if let Some(fetch) = self.fetch_in_progress(&package.blob) {
                *holding = Holding::Wants { missing: fetch.missing_bytes(), rate: 0 };
            }
        }
        Ok(page)
    }

    /// What [`Store::expel`] would put out of reach: packages of which no member but `node` is known to have the bytes,
    /// as far as that one may have them. Errs where expelling would. Walks the catalog.
    pub fn expulsion(&self, node: &NodeId) -> Result<LastHolder> {
        let (roster, read, own) = (self.roster(), self.read()?, self.node_id());
        if !membership::may_expel(&read, &roster, own, node)? {
            return Ok(LastHolder::default());
        }
        last_holder::only_on(&read, &Survey::read(&read, &roster, own)?, *node)
    }

    /// The own part of an answer, as exact as what is under way is known.
    fn with_fetch(&self, path: &PackagePath, holder: Holder) -> Holder {
        let wants = matches!(holder.holding, Holding::Wants { .. }) && holder.node == self.node_id();
        let package = wants.then(|| self.package(path).ok().flatten()).flatten();
        let fetch = package.and_then(|package| self.fetch_in_progress(&package.blob));
        let holding = fetch.map_or(holder.holding, |fetch| Holding::Wants { missing: fetch.missing_bytes(), rate: 0 });
        Holder { holding, ..holder }
    }

    /// Whether the signed state of another node that may publish and is reached says that it has these bytes, as those
    /// of a package that is current here, and is no older than this node's last word that it keeps them itself. Only
    /// then may this node let its own copy go; why that is safe is in `evict.rs`.
    #[cfg(any(test, feature = "testing"))]
    pub fn is_held_by_publisher(&self, blob: &Digest) -> Result<bool> {
        let (roster, read) = (self.roster(), self.read()?);
        let floor = policy::floor(&read, &policy::row(&read)?, blob)?;
        let survey = Survey::read(&read, &roster, self.node_id())?.without_put_out(&self.expels_ahead());
        survey.publisher_has(&read, blob, Newness::of_counter(floor))
    }
}

fn streams(vector: &Vector) -> Vec<StreamBrief> {
    let briefs = vector.entries.iter().map(|(stream, state)| StreamBrief::new(stream, state));
    briefs.take(STATE_STREAMS_MAX).collect()
}
