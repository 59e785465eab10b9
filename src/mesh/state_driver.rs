//! The driver of node states: describes this node when something changed, tells when [`tell_at`] says so, swaps with
//! peers as [`Gossip`] decides, and watches the peers' clocks.
//!
//! Invariants: one description, one telling and one swap a peer are under way at most. What fails in the store is tried again
//! after [`LOCAL_FAILURE_MS`], however much changes meanwhile, and logged once until it works. Rates are measured from what is
//! missing, so they are the same however the bytes come.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ods_api::{PeerState, PeerStatus, PeerStatuses};
use ods_store::{
    Description, Digest, Happening, LinkBrief, LinkState, NodeId, NodeState, Outside, STATE_LINKS_MAX, StateId,
    StoreError, UnixMillis,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::calls::Caller;
use super::clock_offset::{Clocks, Finding};
use super::gossip::{Gossip, Holds, Swap, apart_ms};
use super::inbox::{FetchInbox, StateInbox};
use super::limits::{DESCRIBE_APART_MS, LOCAL_FAILURE_MS, OWN_MET_MS, PROGRESS_MIN_MS, SLOW_MS};
use super::moment::Moment;
use super::schedule::Dice;
use super::state_calls::{SwapReport, swap};
use super::telling::tell_at;
use crate::tasks::Tasks;
use crate::worker::{Next, Worker};

/// What tasks tell the driver.
enum Outcome {
    Described(Result<Box<Described>, StoreError>),
    Told(Result<Option<Box<Told>>, StoreError>),
    Swapped(NodeId, Result<SwapReport, String>),
}

/// This node as it is.
struct Described {
    description: Description,
    holds: Holds,
    /// The state of this node that is held.
    own: Option<StateId>,
}

/// This node as it was last told.
struct Told {
    id: StateId,
    state: NodeState,
}

/// What is under way in the store. One at a time: a description must not meet a state that is just being told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Nothing,
    Describing,
    Telling,
}

/// The worker.
pub(super) struct StateDriver {
    caller: Caller,
    inbox: Arc<StateInbox>,
    fetches: Arc<FetchInbox>,
    statuses: PeerStatuses,
    started: Instant,
    started_at: UnixMillis,
    run: [u8; 16],
    gossip: Gossip,
    clocks: Clocks,
    members: usize,
    described_at: Option<Moment>,
    doing: Doing,
    changed: bool,
    /// This node as it is, and as it was last told.
    draft: Option<Description>,
    told: Option<(Told, Moment)>,
    /// Others wait for a word that is given from now on, or this node for theirs (`evict.rs` of the store).
    owes_word: bool,
    /// How often a state of this node came that it did not know, and whether one waits to be passed.
    own_met: u32,
    pass_own: bool,
    rates: Rates,
    /// The store failed: nothing is described or told before this.
    resting_until: Option<Moment>,
    tasks: Tasks<Outcome>,
}

impl StateDriver {
    /// A driver for the store of `caller`.
    pub(super) fn new(
        caller: Caller,
        inbox: Arc<StateInbox>,
        fetches: Arc<FetchInbox>,
        statuses: PeerStatuses,
    ) -> Self {
        let seed = u64::from_le_bytes(caller.node.store.random());
        let nothing = Holds { digest: ods_store::SetDigest::from_bytes([0; 32]), arrived: 0, members: 1 };
        Self {
            started: Instant::now(),
            started_at: (caller.clock)(),
            run: caller.node.store.random(),
            gossip: Gossip::new(nothing, Dice::new(seed)),
            clocks: Clocks::default(),
            members: 1,
            described_at: None,
            doing: Doing::Nothing,
            changed: true,
            draft: None,
            told: None,
            owes_word: false,
            own_met: 0,
            pass_own: false,
            rates: Rates::default(),
            resting_until: None,
            tasks: Tasks::new(inbox.wake()),
            caller,
            inbox,
            fetches,
            statuses,
        }
    }

    fn moment(&self) -> Moment {
        Moment::new(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn take_outcome(&mut self, outcome: Outcome, now: Moment) {
        match outcome {
            Outcome::Described(described) => {
                self.doing = Doing::Nothing;
                match described {
                    Ok(described) => self.take_description(*described, now),
                    Err(error) => {
                        self.changed = true;
                        self.rest("this node can't describe itself", &error, now);
                    }
                }
            }
            Outcome::Told(told) => {
                self.doing = Doing::Nothing;
                match told {
                    Ok(Some(told)) => {
                        self.told = Some((*told, now));
                        // They can only have been set before it was told: nothing is described meanwhile.
                        (self.pass_own, self.owes_word, self.resting_until) = (false, false, None);
                    }
                    // The policy was changed meanwhile: it has to be described anew.
                    Ok(None) => self.changed = true,
                    Err(error) => self.rest("this node's state can't be told", &error, now),
                }
            }
            Outcome::Swapped(node, Ok(report)) => {
                self.gossip.swapped(&node, report.end, now);
                let before = self.clocks.is_off(&node);
                self.clocks.take(node, report.clock);
                self.changed |= self.clocks.is_off(&node) != before;
                for finding in self.clocks.judge() {
                    self.alarm("clock", clock_detail(finding));
                }
            }
            Outcome::Swapped(node, Err(reason)) => {
                tracing::debug!(peer = %node.short(), reason, "states could not be swapped");
                self.gossip.failed(&node, now);
            }
        }
    }

    /// On a full disk each try would fail at once.
    fn rest(&mut self, what: &str, error: &StoreError, now: Moment) {
        if self.resting_until.is_none() {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "{what}; it is tried again, and not told of again"
            );
        }
        self.resting_until = Some(now.plus_ms(LOCAL_FAILURE_MS));
    }

    fn rested(&self, at: Moment) -> Moment {
        self.resting_until.map_or(at, |until| until.max(at))
    }

    fn take_description(&mut self, Described { description, holds, own }: Described, now: Moment) {
        // None is held of a node that was expelled.
        if self.told.as_ref().is_some_and(|(told, _)| own.is_some_and(|own| own != told.id)) {
            self.meet_own();
        }
        self.members = holds.members;
        self.gossip.set_own(holds);
        self.rates.note(&description.state, now);
        let owed = self.draft.as_ref().map(|draft| draft.words_owed);
        self.owes_word |= owed.is_some_and(|owed| owed != description.words_owed);
        self.draft = Some(description);
    }

    /// A newer state of this node is held than it told: it was rolled back, or another machine has its key.
    fn meet_own(&mut self) {
        (self.own_met, self.pass_own) = (self.own_met.saturating_add(1), true);
        // Once is a roll-back; again and again is somebody else who speaks.
        if self.own_met == 3 {
            let detail = "another machine uses this node's key: states of this node come that it didn't tell. Stop one of \
                          the two and give it a new data folder";
            self.alarm("cloned", detail.to_owned());
        }
    }

    fn alarm(&mut self, code: &str, detail: String) {
        tracing::warn!(code, detail, "alarm");
        let (caller, now) = (self.caller.clone(), (self.caller.clock)());
        let alarm = Happening::Alarm { code: code.to_owned(), detail };
        self.tasks.start_quiet(async move {
            if let Some(Err(error)) = caller.in_blocking(move |store| store.note(alarm, now)).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "an alarm could not be journalled");
            }
        });
    }

    /// When to describe this node again.
    fn describe_at(&self) -> Option<Moment> {
        let last = match self.described_at {
            _ if self.doing != Doing::Nothing => return None,
            None => return Some(self.rested(Moment::default())),
            Some(last) => last,
        };
        let waits = self.draft.as_ref().is_some_and(|draft| draft.state.want_count > 0);
        // Reading the wants costs more the more there are.
        let apart_ms = DESCRIBE_APART_MS + self.draft.as_ref().map_or(0, |draft| draft.state.want_count / 100);
        Some(self.rested(last.plus_ms(match () {
            () if self.changed => apart_ms,
            () if waits => apart_ms.max(PROGRESS_MIN_MS),
            () => SLOW_MS,
        })))
    }

    fn describe(&mut self, now: Moment) {
        if self.describe_at().is_none_or(|at| at > now) {
            return;
        }
        (self.doing, self.changed, self.described_at) = (Doing::Describing, false, Some(now));
        let (caller, outside) = (self.caller.clone(), self.outside());
        self.tasks.start(async move {
            let described = caller.in_blocking(move |store| {
                let roster = store.roster();
                let members = roster.nodes().filter(|(node, _)| roster.is_member(node)).count();
                let holds = Holds { digest: store.states_digest()?, arrived: store.states_arrived()?, members };
                let own = store.state(&store.node_id())?.map(|held| held.state.id);
                Ok(Box::new(Described { description: store.describe(outside)?, holds, own }))
            });
            Outcome::Described(described.await.unwrap_or(Err(StoreError::Closing)))
        });
    }

    fn outside(&self) -> Outside {
        let statuses = self.statuses.read().unwrap_or_else(PoisonError::into_inner);
        let links = statuses.iter().take(STATE_LINKS_MAX).map(|(node, status)| self.link(node, status)).collect();
        Outside {
            run: self.run,
            started_at: self.started_at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            fallback_urls: self.caller.node.fallback_urls.clone(),
            links,
            rate: self.rates.by_blob.values().sum(),
            rates: self.rates.by_blob.clone(),
        }
    }

    fn link(&self, node: &NodeId, status: &PeerStatus) -> LinkBrief {
        let clock = self.clocks.of(node);
        LinkBrief {
            node: *node,
            link: match status.state {
                PeerState::Connected => LinkState::Up,
                PeerState::Connecting => LinkState::Connecting,
                PeerState::Unreachable | PeerState::Expelled => LinkState::Down,
                PeerState::Paused => LinkState::Paused,
            },
            rtt_ms: clock.map(|clock| clock.rtt_ms),
            clock_ahead_ms: clock.map(|clock| clock.ahead_ms),
            behind_events: status.behind_events.unwrap_or(0),
        }
    }

    /// When the description there is shall be told.
    fn tell_at(&self) -> Option<Moment> {
        let draft = self.draft.as_ref().filter(|_| self.doing == Doing::Nothing)?;
        let Some((told, told_at)) = &self.told else { return Some(self.rested(Moment::default())) };
        let due = tell_at(&told.state, *told_at, &draft.state, self.members);
        // Two machines with one key must not drive each other.
        let pass_ms = OWN_MET_MS << self.own_met.min(8);
        let word_ms = apart_ms(self.members);
        let sooner = [(self.pass_own, pass_ms), (self.owes_word, word_ms)];
        let sooner = sooner.into_iter().filter(|(is_due, _)| *is_due).map(|(_, ms)| told_at.plus_ms(ms));
        Some(self.rested(sooner.fold(due, Moment::min)))
    }

    fn tell(&mut self, now: Moment) {
        let Some(draft) = self.draft.clone().filter(|_| self.tell_at().is_some_and(|at| at <= now)) else { return };
        self.doing = Doing::Telling;
        let (caller, at) = (self.caller.clone(), (self.caller.clock)());
        self.tasks.start(async move {
            let told = caller.in_blocking(move |store| {
                let told = store.tell(&draft, at)?;
                Ok(told.map(|told| Box::new(Told { id: told.id, state: draft.state })))
            });
            Outcome::Told(told.await.unwrap_or(Err(StoreError::Closing)))
        });
    }

    fn swap(&mut self, Swap { node, fresh_after, only_compare }: Swap) {
        let (caller, way) = (self.caller.clone(), self.fetches.sources().get(&node).cloned());
        self.tasks.start(async move {
            let report = match way {
                Some(way) => swap(caller, way, fresh_after, only_compare).await,
                None => Err("it answers at no url".to_owned()),
            };
            Outcome::Swapped(node, report)
        });
    }

    fn next(&self, now: Moment) -> Next {
        let next = [self.describe_at(), self.tell_at(), self.gossip.next_at()].into_iter().flatten().min();
        let wait_ms = next.map_or(SLOW_MS, |next| next.ms_since(now).max(1));
        Next::After(Duration::from_millis(wait_ms))
    }
}

fn clock_detail(finding: Finding) -> String {
    let text = |ms: i64| {
        let side = if ms < 0 { "behind" } else { "ahead of" };
        format!("{} s {side}", ms.unsigned_abs() / 1000)
    };
    match finding {
        Finding::Own(ms) => {
            format!("this node's clock is {} those of its peers; set it right", text(ms.saturating_neg()))
        }
        Finding::Peer(node, ms) => format!("the clock of node {node} is {} this node's; set it right", text(ms)),
    }
}

/// How fast each blob comes, from what was missing a while ago and what is now.
#[derive(Debug, Default)]
struct Rates {
    before: Option<(Moment, BTreeMap<Digest, u64>)>,
    by_blob: BTreeMap<Digest, u64>,
}

impl Rates {
    fn note(&mut self, state: &NodeState, now: Moment) {
        let missing: BTreeMap<Digest, u64> = state.wants.iter().map(|want| (want.blob, want.missing)).collect();
        let Some((then, before)) = &self.before else {
            self.before = Some((now, missing));
            return;
        };
        let elapsed_ms = now.ms_since(*then);
        if elapsed_ms < PROGRESS_MIN_MS {
            return;
        }
        let rate = |(blob, missing): (&Digest, &u64)| {
            let came = before.get(blob)?.saturating_sub(*missing);
            let measured = came.saturating_mul(1000) / elapsed_ms;
            let smoothed = self.by_blob.get(blob).map_or(measured, |last| last.midpoint(measured));
            (smoothed > 0).then_some((*blob, smoothed))
        };
        self.by_blob = missing.iter().filter_map(rate).collect();
        self.before = Some((now, missing));
    }
}

impl Worker for StateDriver {
    fn name(&self) -> &'static str {
        "states"
    }

    fn wake(&self) -> Arc<Notify> {
        self.inbox.wake()
    }

    async fn tick(&mut self) -> Next {
        let now = self.moment();
        self.changed |= self.inbox.take_changed();
        let sources = self.fetches.sources().into_keys().collect();
        self.gossip.set_peers(&sources, now);
        self.clocks.retain(|node| sources.contains(node));
        for (node, theirs) in self.inbox.take_heard() {
            self.gossip.heard(&node, theirs);
        }
        for outcome in self.tasks.take() {
            self.take_outcome(outcome, now);
        }
        self.describe(now);
        self.tell(now);
        if self.told.is_some() {
            for swap in self.gossip.actions(now) {
                self.swap(swap);
            }
        }
        self.next(now)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ods_store::{SimDisk, Store, StoreOptions};

    use super::super::client::Client;
    use super::super::offload::Offload;
    use super::super::pacers::Outflow;
    use super::super::serve::Node;
    use super::super::wire::Wire;
    use super::*;

    fn driver(disk: &SimDisk) -> StateDriver {
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [7; 32], name: "n".to_owned() };
        let store = Store::open(Arc::new(disk.clone()), Path::new("/data"), &options).unwrap();
        let client = Client::new(store.key().clone(), 0, Arc::default(), Outflow::default());
        let caller = Caller {
            node: Node { store, fallback_urls: vec![], tls_pin: None },
            wire: Wire::Http(Arc::new(client)),
            clock: Arc::new(|| UnixMillis::new(1)),
            offload: Offload::Threads,
        };
        StateDriver::new(caller, Arc::default(), Arc::default(), PeerStatuses::default())
    }

    /// How often it began to tell in some ticks, each after what the one before began has ended.
    async fn tells(driver: &mut StateDriver, ticks: usize) -> usize {
        let mut tells = 0;
        for _ in 0..ticks {
            driver.tick().await;
            tells += usize::from(driver.doing == Doing::Telling);
            driver.tasks.join().await;
            driver.changed = true;
        }
        tells
    }

    #[tokio::test(start_paused = true)]
    async fn on_a_full_disk_it_is_told_again_after_a_while_and_not_before() {
        let disk = SimDisk::new();
        let mut driver = driver(&disk);
        disk.set_capacity(Some(1));
        assert_eq!(tells(&mut driver, 50).await, 1);
        tokio::time::advance(Duration::from_millis(LOCAL_FAILURE_MS)).await;
        assert_eq!(tells(&mut driver, 50).await, 1, "and again without success");
        disk.set_capacity(None);
        tokio::time::advance(Duration::from_millis(LOCAL_FAILURE_MS)).await;
        assert_eq!(tells(&mut driver, 5).await, 1);
        assert!(driver.told.is_some());
    }
}
