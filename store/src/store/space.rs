//! Space: collecting what nothing needs, and telling where the bytes are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{ReadTransaction, ReadableTable};

use super::Store;
use crate::digest::{Digest, NodeId};
use crate::error::{Result, StoreError};
use crate::evict::{EvictReport, EvictRun};
use crate::gc::{GcMode, GcReport, GcRun, GcStep, KeptTallies, LastGc, SpacePolicy, Tally};
use crate::holders::Newness;
use crate::limits::{STORAGE_VIEW_FOR_MS, USES_NOTED_MAX};
use crate::lsn::Lsn;
use crate::meta;
use crate::node_state::StatePolicy;
use crate::policy;
use crate::publish::Author;
use crate::relaying::{Claim, Relays};
use crate::schema::{BLOBS, LIVE_BLOBS, META, STORAGE_TREND, USES, WANTS};
use crate::states;
use crate::time::UnixMillis;
use crate::trend::{self, Usage};
use crate::wants;

/// Where the bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageView {
    /// Sealed blobs.
    pub blobs: Tally,
    /// Which of them stay, and why.
    pub kept: KeptTallies,
    /// Which of them the next run of gc removes.
    pub collectable: Tally,
    /// Files without a row, which it removes too.
    pub orphans: Tally,
    /// Uploads and fetches in progress.
    pub incoming: Tally,
    /// The database's file.
    pub database_bytes: u64,
    /// Bytes free on the disk.
    pub free_bytes: u64,
    /// When `kept`, `collectable` and `orphans` were counted.
    pub counted_at: UnixMillis,
    /// The last run of gc.
    pub last_gc: Option<LastGc>,
    /// What the policy keeps.
    pub policy: StatePolicy,
    /// How it was with what that doesn't keep when it was last looked at.
    pub evicted: EvictReport,
}

/// What the store remembers about its space between calls.
#[derive(Debug, Default)]
pub(super) struct SpaceState {
    collecting: Arc<AtomicBool>,
    /// When blobs were used since that was last written down, while the policy asks for it.
    uses: Mutex<BTreeMap<Digest, UnixMillis>>,
    notes_uses: AtomicBool,
    relays: Arc<Relays>,
    word: Mutex<Word>,
    evicted: Mutex<EvictReport>,
    /// The last count. The lock is held while counting: a second caller waits and takes the same.
    counted: Mutex<Option<Counted>>,
}

/// What others said of the bytes that this node wants to let go of (`evict.rs`). A restart asks anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Word {
    /// Nothing was asked.
    #[default]
    None,
    /// This node is to speak; what is said after that counts.
    Wished,
    /// It spoke; what passes this answers.
    Asked(Newness),
}

#[derive(Debug, Clone, Copy)]
struct Counted {
    at: UnixMillis,
    head: Lsn,
    kept: KeptTallies,
    collectable: Tally,
    orphans: Tally,
}

/// The place of the one run that may change things.
#[derive(Debug)]
pub(crate) struct CollectorSeat(Arc<AtomicBool>);

impl Drop for CollectorSeat {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Store {
    /// Which packages' bytes this node keeps.
    pub fn policy(&self) -> Result<StatePolicy> {
        policy::of(&self.read()?)
    }

    /// Changes that, durably. Wants follow by [`Self::follow_policy`]; until they all do, this node's state claims nothing
    /// for its new policy. Errs with [`StoreError::BadName`] if the policy selects nothing, or what nobody could read.
    pub fn set_policy(&self, policy: &StatePolicy, author: &Author, now: UnixMillis) -> Result<()> {
        policy::check(policy)?;
        let (policy, author) = (policy.clone(), author.clone());
        self.write(move |tx| policy::set(tx, &policy, &author, now))
    }

    /// Begins to let go of what the policy doesn't keep and others have, to be stepped by the caller at a pace of its own.
    /// `None` if there is nothing to let go of by a glance.
    pub fn begin_evict(&self, now: UnixMillis) -> Result<Option<EvictRun>> {
        self.refuse_if_failing()?;
        let read = self.read()?;
        let held: u64 = meta::need(&read.open_table(META)?, &meta::BLOB_BYTES)?;
        let policy::PolicyRow { policy, walk, .. } = policy::row(&read)?;
        let may = match policy {
            StatePolicy::All => false,
            StatePolicy::Selected { .. } => held > 0,
            StatePolicy::OnDemand { bytes_max } => held > bytes_max,
        };
        drop(read);
        if !may || walk.is_some() {
            self.note_evicted(EvictReport::default());
            return Ok(None);
        }
        // Packages that were asked for lately are open for nobody.
        self.recent().forget();
        EvictRun::new(self, now).map(Some)
    }

    /// Wishes to hear from others before anything goes: this node speaks once more, and words that answer that count.
    pub(crate) fn wish_for_word(&self) -> Result<()> {
        *self.word() = Word::Wished;
        self.write(states::owe_word)
    }

    /// Notes that this node has spoken: its counter, and how many states had come by then.
    pub(super) fn asked_for_word(&self, spoken: Newness) {
        let mut word = self.word();
        if *word == Word::Wished {
            *word = Word::Asked(spoken);
        }
    }

    /// What the words of others must pass, once this node has asked for them.
    pub(crate) fn word_asked(&self) -> Option<Newness> {
        match *self.word() {
            Word::Asked(spoken) => Some(spoken),
            Word::None | Word::Wished => None,
        }
    }

    /// Words that were given up to now count no more.
    pub fn forget_word(&self) {
        *self.word() = Word::None;
    }

    fn word(&self) -> MutexGuard<'_, Word> {
        self.0.space.word.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps how a run ended, to be shown.
    pub fn note_evicted(&self, report: EvictReport) {
        *self.0.space.evicted.lock().unwrap_or_else(PoisonError::into_inner) = report;
    }

    /// How the last run ended, since start.
    pub fn last_evicted(&self) -> EvictReport {
        *self.0.space.evicted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client used a blob. Costs next to nothing where the policy is to keep all.
    pub fn used(&self, blob: &Digest, now: UnixMillis) {
        if self.0.space.notes_uses.load(Ordering::Relaxed) {
            let mut uses = self.0.space.uses.lock().unwrap_or_else(PoisonError::into_inner);
            if uses.len() < USES_NOTED_MAX || uses.contains_key(blob) {
                uses.insert(*blob, now);
            }
        }
    }

    /// Writes down when blobs were used, of those that are held.
    pub fn save_uses(&self) -> Result<()> {
        let mut used = std::mem::take(&mut *self.0.space.uses.lock().unwrap_or_else(PoisonError::into_inner));
        let read = self.read()?;
        let (blobs, wants) = (read.open_table(BLOBS)?, read.open_table(WANTS)?);
        let mut held = BTreeMap::new();
        for (blob, at) in std::mem::take(&mut used) {
            if blobs.get(blob.as_bytes())?.is_some() {
                held.insert(blob, at);
            } else if wants.get(blob.as_bytes())?.is_some() {
                used.insert(blob, at);
            }
        }
        // What is still coming is written down once it is here.
        let mut uses = self.0.space.uses.lock().unwrap_or_else(PoisonError::into_inner);
        for (blob, at) in used {
            uses.entry(blob).or_insert(at);
        }
        drop(uses);
        if held.is_empty() {
            return Ok(());
        }
        self.write(move |tx| {
            let blobs = tx.read(BLOBS)?;
            let mut table = tx.write(USES)?;
            for (blob, at) in &held {
                if blobs.get(blob.as_bytes())?.is_some() {
                    table.insert(blob.as_bytes(), at.get())?;
                }
            }
            Ok(())
        })
    }

    /// Starts or stops to note what clients use, as the policy needs it.
    pub fn note_uses(&self) -> Result<()> {
        self.0.space.notes_uses.store(self.policy()? != StatePolicy::All, Ordering::Relaxed);
        Ok(())
    }

    /// A peer asks for a blob that is here, or on its way. One that was passed on before stays for it if there is room.
    pub fn peer_gets(&self, peer: &NodeId, blob: &Digest, now: UnixMillis) -> Result<()> {
        let Some(size) = self.0.space.relays.serve(blob, peer, now) else { return Ok(()) };
        self.take_on(&self.read()?, now, |bytes_max| Claim { blob, size, peer: *peer, is_here: true, bytes_max })?;
        Ok(())
    }

    /// A peer asks for a blob that isn't here. One that the policy doesn't keep is wanted for it, if it goes on asking,
    /// says of itself that it wants it and not that the bytes are coming, and there is room for it (`relaying.rs`):
    /// there may be no other way to it.
    pub fn peer_lacks(&self, peer: &NodeId, blob: &Digest, now: UnixMillis) -> Result<()> {
        // What isn't of a current revision is fetched for nobody, and need not be remembered.
        if wants::live_paths(&self.read()?.open_table(LIVE_BLOBS)?, blob)?.is_empty()
            || !self.0.space.relays.ask(blob, peer, now)
        {
            return Ok(());
        }
        let Some(state) = self.state(peer)?.and_then(|held| held.state.body) else { return Ok(()) };
        let want = state.wants.iter().find(|want| want.blob == *blob);
        if want.map_or(state.wants_complete, |want| want.rate > 0) || self.is_wanted(blob)? {
            return Ok(());
        }
        if !self.relay(peer, blob, now)? && self.make_room_for_relays(now)? {
            self.relay(peer, blob, now)?;
        }
        Ok(())
    }

    /// Wants a blob for a peer, if there is room for it; whether there is.
    fn relay(&self, peer: &NodeId, blob: &Digest, now: UnixMillis) -> Result<bool> {
        if !self.may_relay(peer, blob, now)? {
            return Ok(false);
        }
        match self.want_asked(blob, now) {
            Err(StoreError::AskedTooMuch { .. }) => {
                self.0.space.relays.give_back(blob, now);
                Ok(false)
            }
            asked => asked.map(|_| true),
        }
    }

    /// A peer says that these blobs are all that it wants.
    pub(super) fn peer_wants(&self, peer: &NodeId, wants: &BTreeSet<Digest>) {
        self.0.space.relays.heard(peer, |blob| wants.contains(blob));
    }

    fn may_relay(&self, peer: &NodeId, blob: &Digest, now: UnixMillis) -> Result<bool> {
        let read = self.read()?;
        let Some(live) = policy::live_at(&read, blob)?.into_iter().next() else { return Ok(false) };
        let (size, peer) = (live.content.size, *peer);
        self.take_on(&read, now, |bytes_max| Claim { blob, size, peer, is_here: false, bytes_max })
    }

    fn take_on<'a>(
        &self,
        read: &ReadTransaction,
        now: UnixMillis,
        claim: impl FnOnce(u64) -> Claim<'a>,
    ) -> Result<bool> {
        let policy = policy::of(read)?;
        let bytes_max = match policy {
            StatePolicy::OnDemand { bytes_max } => bytes_max,
            StatePolicy::All | StatePolicy::Selected { .. } => u64::MAX,
        };
        self.0.space.relays.take_on(&claim(bytes_max), || wants::spare_for_askers(read, &policy), now)
    }

    /// A client asks for a blob: it isn't fetched for peers alone.
    pub(super) fn client_asks(&self, blob: &Digest, now: UnixMillis) {
        self.0.space.relays.client_asks(blob, now);
    }

    /// What was passed on, and what had its turn and of which nothing came, makes room for what others wait for;
    /// whether any did.
    fn make_room_for_relays(&self, now: UnixMillis) -> Result<bool> {
        let relays = Arc::clone(&self.0.space.relays);
        let mut has_room = false;
        for blob in relays.unasked() {
            has_room |= !self.is_wanted(&blob)? && relays.passed_on(&blob);
        }
        let mut overdue = relays.overdue(now);
        overdue.retain(|blob| relays.is_overdue(blob, self.fetch_in_progress(blob).is_some(), now));
        // A client may ask for it in between.
        let ended = self.end_wants_of_askers(overdue, now, move |want| relays.is_overdue(&want.blob, false, now))?;
        Ok(has_room || ended > 0)
    }

    /// What was wanted only for those who asked isn't any more, since nothing of it came.
    pub(super) fn rest_relays(&self, blobs: &[Digest], now: UnixMillis) {
        for blob in blobs {
            self.0.space.relays.rest(blob, now);
        }
    }

    /// Whether somebody reads a blob, it is being fetched, or a peer is waiting for it.
    pub(crate) fn is_in_use(&self, blob: &Digest, now: UnixMillis) -> bool {
        self.readers().has(blob) || self.fetch_in_progress(blob).is_some() || self.0.space.relays.is_taken_on(blob, now)
    }

    /// Makes the wants of a bounded number of blobs follow the policy; false once all do.
    pub fn follow_policy(&self, now: UnixMillis) -> Result<bool> {
        if policy::row(&self.read()?)?.walk.is_none() {
            return Ok(false);
        }
        self.write(move |tx| policy::step(tx, now))
    }
    /// Begins a run of gc, to be stepped by the caller at a pace of its own; see [`GcRun::step`]. Errs with
    /// [`StoreError::GcRunning`] while another one collects.
    pub fn begin_gc(&self, policy: &SpacePolicy, mode: GcMode, now: UnixMillis) -> Result<GcRun> {
        let seat = match mode {
            GcMode::DryRun => None,
            GcMode::Collect => Some(self.take_collector_seat()?),
        };
        GcRun::new(self, policy, mode, seat, now)
    }

    /// A run of gc, without pauses.
    pub fn gc(&self, policy: &SpacePolicy, mode: GcMode, now: UnixMillis) -> Result<GcReport> {
        let mut run = self.begin_gc(policy, mode, now)?;
        loop {
            if let GcStep::Done(report) = run.step()? {
                return Ok(report);
            }
        }
    }

    /// Where the bytes are. Counting takes a dry run of gc, so a count is used again while nothing changed, and on a busy
    /// node for [`STORAGE_VIEW_FOR_MS`].
    pub fn storage(&self, policy: &SpacePolicy, now: UnixMillis) -> Result<StorageView> {
        let counted = self.counted(policy, now)?;
        let overview = self.overview()?;
        let mut incoming = Tally::default();
        for name in self.blobs().incoming_names()? {
            if let Some(stat) = self.blobs().incoming_stat(&name)? {
                incoming.add(stat.bytes);
            }
        }
        Ok(StorageView {
            blobs: Tally { count: overview.blobs, bytes: overview.blob_bytes },
            kept: counted.kept,
            collectable: counted.collectable,
            orphans: counted.orphans,
            incoming,
            database_bytes: self.blobs().database_bytes()?,
            free_bytes: overview.free_bytes,
            counted_at: counted.at,
            last_gc: self.last_gc()?,
            policy: overview.policy,
            evicted: self.last_evicted(),
        })
    }

    /// Notes what is held now, for the trend.
    pub fn note_usage(&self, now: UnixMillis) -> Result<()> {
        let overview = self.overview()?;
        let usage = Usage {
            at: now,
            blobs: overview.blobs,
            blob_bytes: overview.blob_bytes,
            database_bytes: self.blobs().database_bytes()?,
            free_bytes: overview.free_bytes,
        };
        self.write(move |tx| trend::note(tx, &usage))
    }

    /// What was noted so, oldest first: at most [`crate::limits::TREND_ROWS_MAX`].
    pub fn usage_trend(&self) -> Result<Vec<Usage>> {
        trend::all(&self.read()?.open_table(STORAGE_TREND)?)
    }

    /// The last run of gc that was not a dry one.
    pub fn last_gc(&self) -> Result<Option<LastGc>> {
        meta::get(&self.read()?.open_table(META)?, &meta::LAST_GC)
    }

    fn counted(&self, policy: &SpacePolicy, now: UnixMillis) -> Result<Counted> {
        let mut slot = self.0.space.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let head = self.head();
        let fresh = slot.filter(|counted| {
            let age_ms = now.ms_since(counted.at);
            let is_small = counted.kept.count() + counted.collectable.count < SMALL_STORE_BLOBS;
            age_ms < STORAGE_VIEW_FOR_MS && (counted.head == head || !is_small)
        });
        if let Some(counted) = fresh {
            return Ok(counted);
        }
        let GcReport { kept, blobs: collectable, orphans, .. } = self.gc(policy, GcMode::DryRun, now)?;
        let counted = Counted { at: now, head, kept, collectable, orphans };
        *slot = Some(counted);
        Ok(counted)
    }

    fn take_collector_seat(&self) -> Result<CollectorSeat> {
        let seat = &self.0.space.collecting;
        let taken = seat.compare_exchange(false, true, Ordering::AcqRel, Ordering::Acquire);
        taken.map(|_| CollectorSeat(Arc::clone(seat))).map_err(|_| StoreError::GcRunning)
    }
}

/// A store with fewer blobs is counted anew whenever something changed: that takes a fraction of a second.
const SMALL_STORE_BLOBS: u64 = 10_000;
