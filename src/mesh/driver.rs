//! The driver of pings and pulls: performs what [`Peers`] decides, takes commands, and shows how it stands.
//!
//! A tick takes what came in (commits, pings of others, outcomes, commands), tells the machine, starts tasks for its
//! actions and says when to look again. Nothing is decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use ods_api::{JoinError, MeshCommand, PeerState, PeerStatus, PeerStatuses, SyncError};
use ods_store::{Happening, NodeId, PeerRow, SetDigest, Store, StoreError, UnixMillis};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::calls::{Caller, Pinged};
use super::endpoint::{Endpoint, Way, observed_url};
use super::inbox::{FetchInbox, Heard, Inbox, StateInbox};
use super::leaving::Leaving;
use super::limits::{GOODBYE_MS, GOODBYES_AT_ONCE};
use super::link_keeper::LinkKeeper;
use super::moment::Moment;
use super::offences::{BAD_EVENT, Offences, Place};
use super::peers::{Action, Link, Peers, PullMode, PullReport};
use super::protocol::Summary;
use super::rejoin::Rejoin;
use super::schedule::Dice;
use super::serve::summary;
use crate::tasks::Tasks;
use crate::worker::{Next, Worker};

/// The longest sleep of a driver that has nothing to do.
const IDLE: Duration = Duration::from_mins(1);

/// What tasks tell the driver.
enum Outcome {
    Command(MeshCommand),
    Pinged(NodeId, Result<Box<Pinged>, String>),
    Pulled(NodeId, Result<Box<PullReport>, String>),
    /// An invite was redeemed, or its inviter's answer is still waited for.
    Joined {
        waiting: bool,
    },
    LinkOpened(NodeId),
    LinkEnded(NodeId, Result<(), String>),
    /// The peers know that this node stops.
    Left,
}

/// Someone waits until a pull is over.
struct Syncing {
    reply: oneshot::Sender<Result<u64, SyncError>>,
    gained: u64,
}

/// The worker.
pub(super) struct Driver {
    caller: Caller,
    inbox: Arc<Inbox>,
    fetches: Arc<FetchInbox>,
    states: Arc<StateInbox>,
    commands: Option<mpsc::Receiver<MeshCommand>>,
    statuses: PeerStatuses,
    started: Instant,
    peers: Option<Peers>,
    rows: BTreeMap<NodeId, PeerRow>,
    /// Peers that nothing is exchanged with: paused ones, expelled ones; all, if this node was expelled.
    off: BTreeSet<NodeId>,
    /// Where each peer answered last.
    ways: BTreeMap<NodeId, Endpoint>,
    /// At which url, of those that answered there when they were last looked for there.
    urls: BTreeMap<NodeId, Way>,
    last_seen: BTreeMap<NodeId, UnixMillis>,
    /// What each peer held and wanted when that was last news for the fetches.
    news: BTreeMap<NodeId, (SetDigest, u64, u64)>,
    /// The links that this node holds open.
    links: LinkKeeper,
    leaving: Leaving,
    /// It was begun to say goodbye.
    leaves: bool,
    rejoin: Rejoin,
    /// Held by whoever redeems an invite. Two at once, of somebody who pressed twice or a script that was impatient, would both begin as
    /// a node that is alone, and the later one would find that it isn't.
    joins: Arc<tokio::sync::Mutex<()>>,
    syncing: BTreeMap<NodeId, Vec<Syncing>>,
    /// What pulls brought that no honest node has.
    offences: Offences,
    /// Peers that were found to tell statements which this version can't take.
    beyond: BTreeSet<NodeId>,
    /// Outcomes that wait for the store to be readable again.
    held_back: Vec<Outcome>,
    tasks: Tasks<Outcome>,
}

impl Driver {
    /// A driver that obeys `commands` and shows how it stands in `statuses`.
    pub(super) fn new(
        caller: Caller,
        inbox: Arc<Inbox>,
        fetches: Arc<FetchInbox>,
        states: Arc<StateInbox>,
        links: LinkKeeper,
        commands: mpsc::Receiver<MeshCommand>,
        statuses: PeerStatuses,
    ) -> Self {
        let tasks = Tasks::new(inbox.wake());
        let leaving = Leaving::new(inbox.wake());
        let rejoin = Rejoin::new(Dice::new(u64::from_le_bytes(caller.node.store.random())));
        Self {
            caller,
            inbox,
            fetches,
            states,
            commands: Some(commands),
            statuses,
            started: Instant::now(),
            peers: None,
            rows: BTreeMap::new(),
            off: BTreeSet::new(),
            ways: BTreeMap::new(),
            urls: BTreeMap::new(),
            last_seen: BTreeMap::new(),
            news: BTreeMap::new(),
            links,
            leaving,
            leaves: false,
            rejoin,
            joins: Arc::default(),
            syncing: BTreeMap::new(),
            offences: Offences::default(),
            beyond: BTreeSet::new(),
            held_back: Vec::new(),
            tasks,
        }
    }

    /// What has it say goodbye.
    pub(super) fn leaving(&self) -> Leaving {
        self.leaving.clone()
    }

    fn moment(&self) -> Moment {
        Moment::new(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Reads what changed in the store. The machine learns this node's state before anything else, so that it is never
    /// older than what peers were told.
    async fn refresh(&mut self) -> Result<(), StoreError> {
        let first = self.peers.is_none();
        if self.inbox.take_own_changed() || first {
            let own = self.read(|caller| summary(&caller.node.store)).await?;
            match &mut self.peers {
                Some(peers) => peers.set_own(own),
                None => self.peers = Some(Peers::new(own, Dice::new(self.seed()))),
            }
        }
        if self.inbox.take_links_changed() || first {
            let (rows, roster) =
                self.read(|caller| Ok((caller.node.store.peers()?, caller.node.store.roster()))).await?;
            let own_expelled = roster.is_expelled(&self.caller.node.store.node_id());
            let is_off = |row: &&PeerRow| row.paused || own_expelled || roster.is_expelled(&row.node);
            let off: BTreeSet<NodeId> = rows.iter().filter(is_off).map(|row| row.node).collect();
            let was_off = std::mem::replace(&mut self.off, off);
            for row in rows.iter().filter(|row| !row.paused && !was_off.contains(&row.node)) {
                if !own_expelled && roster.is_expelled(&row.node) {
                    let last_good = self.ways.get(&row.node).map(|to| to.way.clone());
                    self.tasks.start_quiet(self.caller.clone().farewell(row.clone(), last_good));
                }
            }
            self.set_rows(rows);
        }
        Ok(())
    }

    fn seed(&self) -> u64 {
        u64::from_le_bytes(self.caller.node.store.random())
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Caller) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let caller = self.caller.clone();
        self.caller.in_blocking(move |_| work(&caller)).await.unwrap_or(Err(StoreError::Closing))
    }

    fn set_rows(&mut self, rows: Vec<PeerRow>) {
        let now = self.moment();
        let links: Vec<_> = rows.iter().map(|row| (row.node, self.off.contains(&row.node))).collect();
        if let Some(peers) = &mut self.peers {
            peers.set_links(&links, now);
        }
        self.rows = rows.into_iter().map(|row| (row.node, row)).collect();
        let rows = &self.rows;
        self.last_seen.retain(|node, _| rows.contains_key(node));
        self.news.retain(|node, _| rows.contains_key(node));
        let usable = |node: &NodeId| rows.contains_key(node) && !self.off.contains(node);
        self.links.keep(usable);
        self.caller.wire.keep_links(usable);
        let gone: Vec<NodeId> = self.ways.keys().filter(|node| !usable(node)).copied().collect();
        for node in gone {
            self.ways.remove(&node);
            self.urls.remove(&node);
            self.fetches.set_source(node, None);
        }
    }

    fn take_heard(&mut self, heard: BTreeMap<NodeId, Heard>) {
        let now = self.moment();
        for (node, Heard { theirs, told, address }) in heard {
            let Some(row) = self.rows.get(&node) else { continue };
            self.last_seen.insert(node, (self.caller.clock)());
            if address.is_some() {
                self.links.called(node, now);
            }
            // Only a node that answers nowhere is looked for where it called from.
            let observed = address.filter(|_| !self.ways.contains_key(&node)).and_then(|ip| observed_url(row, ip));
            if let Some(observed) = observed.filter(|url| row.observed_url.as_ref() != Some(url)) {
                self.remember(node, observed);
            }
            self.take_news(node, &theirs);
            self.states.heard(node, theirs.states);
            if let Some(peers) = &mut self.peers {
                peers.heard(&node, theirs, &told, now);
            }
        }
    }

    /// A peer that holds or wants something else than when it was heard of last may have bytes that it hadn't. One that only shows
    /// that it lives has none.
    fn take_news(&mut self, node: NodeId, theirs: &Summary) {
        let now = (theirs.vector, theirs.want_count, theirs.want_bytes);
        if self.news.insert(node, now) != Some(now) {
            self.fetches.lively(node);
        }
    }

    fn remember(&mut self, node: NodeId, url: String) {
        let caller = self.caller.clone();
        self.tasks.start_quiet(async move {
            let written = caller.in_blocking(move |store| store.observe_peer(&node, &url)).await;
            if let Some(Err(error)) = written {
                tracing::warn!(error = &error as &dyn std::error::Error, "a peer's address could not be remembered");
            }
        });
    }

    fn take_outcome(&mut self, outcome: Outcome) {
        let now = self.moment();
        let Some(peers) = &mut self.peers else { return };
        match outcome {
            Outcome::Joined { waiting } => self.rejoin.ended(waiting, now),
            Outcome::Command(command) => self.obey(command),
            Outcome::Pinged(node, Ok(pinged)) => {
                let Pinged { told, theirs, endpoint } = *pinged;
                self.states.heard(node, theirs.states);
                if !peers.pinged(&node, &told, theirs.clone(), now) {
                    return;
                }
                if self.caller.wire.link_count(&node) > 1 {
                    peers.takes_turns(&node, now);
                }
                self.links.answered(&endpoint, now);
                self.last_seen.insert(node, (self.caller.clock)());
                if self.rows.contains_key(&node) && !self.off.contains(&node) {
                    if !endpoint.way.is_link() {
                        self.urls.insert(node, endpoint.way.clone());
                    }
                    // What answers elsewhere may be another machine, that has other bytes.
                    if self.ways.insert(node, endpoint.clone()).is_some_and(|before| before != endpoint) {
                        self.fetches.lively(node);
                    }
                    self.fetches.set_source(node, Some(endpoint));
                    self.take_news(node, &theirs);
                }
            }
            Outcome::Pinged(node, Err(reason)) => {
                tracing::debug!(peer = %node.short(), reason, "a ping failed");
                peers.ping_failed(&node, reason, now);
                self.gone(node);
            }
            Outcome::Pulled(node, Ok(report)) => {
                if let Some(reason) = &report.refused {
                    tracing::warn!(peer = %node.short(), reason, "a pull stopped; it is tried again");
                }
                let told = if report.is_offence { self.offences.note(Place::Node(node), BAD_EVENT, now) } else { None };
                for syncing in self.syncing.entry(node).or_default() {
                    syncing.gained += report.gained;
                }
                if report.passed_over > 0 && self.beyond.insert(node) {
                    let (peer, statements) = (node.short(), report.passed_over);
                    tracing::warn!(%peer, statements, "a peer's roster has what this version can't take: it may need an upgrade");
                }
                peers.pulled(&node, *report, now);
                if let Some(detail) = told {
                    self.note(Happening::Alarm { code: "bad_calls".to_owned(), detail });
                }
            }
            Outcome::LinkOpened(node) => {
                peers.linked(&node, now);
                self.links.opened(&node, now);
            }
            Outcome::LinkEnded(node, result) => self.links.ended(&node, &result, now),
            Outcome::Left => {
                self.caller.wire.keep_links(|_| false);
                self.leaving.said();
            }
            Outcome::Pulled(node, Err(reason)) => {
                tracing::debug!(peer = %node.short(), reason, "a pull failed");
                peers.pull_failed(&node, reason, now);
            }
        }
    }

    /// Takes how connections with peers changed.
    fn take_connections(&mut self, now: Moment) {
        let left = self.inbox.take_left();
        if let Some(peers) = &mut self.peers {
            for node in self.inbox.take_lost() {
                peers.lost(&node, now);
            }
            for node in self.inbox.take_linked() {
                peers.linked(&node, now);
            }
            for node in &left {
                peers.left(node, now);
            }
        }
        for node in left {
            self.gone(node);
        }
    }

    /// A peer answers nowhere.
    fn gone(&mut self, node: NodeId) {
        self.links.silent(&node);
        self.ways.remove(&node);
        self.fetches.set_source(node, None);
    }

    fn obey(&mut self, command: MeshCommand) {
        let now = self.moment();
        match command {
            MeshCommand::Join { invite, author, reply } => {
                let (caller, joins) = (self.caller.clone(), Arc::clone(&self.joins));
                self.tasks.start(async move {
                    let _alone = joins.lock().await;
                    // Who left before its turn doesn't want it any more, and nobody else would hear how it ends.
                    if !reply.is_closed() {
                        let joined: Result<NodeId, JoinError> = caller.clone().join(invite, author).await;
                        if let Err(error) = &joined {
                            tracing::info!(code = error.code(), %error, "an invite was not redeemed");
                        }
                        let _ = reply.send(joined);
                    }
                    let row = caller.in_store(Store::joining).await;
                    Outcome::Joined { waiting: row.is_ok_and(|row| row.is_some()) }
                });
            }
            MeshCommand::Sync { node, reply } => {
                let refusal = match self.rows.get(&node) {
                    None => Some(SyncError::NoSuchPeer { node }),
                    Some(row) if row.paused => Some(SyncError::Paused { node }),
                    Some(_) if self.off.contains(&node) => {
                        let roster = self.caller.node.store.roster();
                        let expelled = if roster.is_expelled(&node) { node } else { self.caller.node.store.node_id() };
                        Some(SyncError::Expelled { node: expelled })
                    }
                    Some(_) => None,
                };
                if let Some(refusal) = refusal {
                    let _ = reply.send(Err(refusal));
                    return;
                }
                self.syncing.entry(node).or_default().push(Syncing { reply, gained: 0 });
                if let Some(peers) = &mut self.peers {
                    peers.hurry(&node, now);
                }
            }
        }
    }

    /// Answers who waits for a pull that is over.
    fn answer_syncing(&mut self) {
        let now = self.moment();
        let Some(peers) = &self.peers else { return };
        let over = |node: &NodeId| peers.settled(node, now);
        let done: Vec<_> = self.syncing.keys().filter_map(|node| over(node).map(|result| (*node, result))).collect();
        for (node, result) in done {
            for Syncing { reply, gained } in self.syncing.remove(&node).unwrap_or_default() {
                let failed = |reason: &String| SyncError::Failed { node, reason: reason.clone() };
                let _ = reply.send(result.as_ref().map(|()| gained).map_err(failed));
            }
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Ping(node) => self.ping(node),
            Action::Pull(node, mode) => self.pull(node, mode),
            Action::NoteUp(node) => {
                tracing::info!(peer = %node.short(), "a peer answers");
                self.note(Happening::PeerUp { node });
            }
            Action::NoteDown(node, reason) => {
                tracing::warn!(peer = %node.short(), reason, "a peer does not answer");
                self.note(Happening::PeerDown { node, reason });
            }
        }
    }

    fn ping(&mut self, node: NodeId) {
        let Some(row) = self.rows.get(&node).cloned() else { return };
        let good = self.first_way(&node);
        let news_after = self.peers.as_ref().and_then(|peers| peers.synced_at(&node));
        let caller = self.caller.clone();
        self.tasks.start(async move { Outcome::Pinged(node, caller.ping(row, good, news_after).await.map(Box::new)) });
    }

    /// Where a peer is looked for first: where it answered last; `None`: through links, if it has some open. One that holds a link
    /// open and answers at a url too is asked there in turn, and so are links: these may be machines with one key (a disk was copied),
    /// and each has what the others lack.
    fn first_way(&mut self, node: &NodeId) -> Option<Way> {
        match self.ways.get(node).map(|to| to.way.clone()) {
            Some(Way::Url(_)) if self.caller.wire.is_linked(node) => None,
            Some(Way::Link(_)) => self.urls.remove(node),
            other => other,
        }
    }

    fn pull(&mut self, node: NodeId, mode: PullMode) {
        let theirs: Option<Summary> = self.peers.as_ref().and_then(|peers| peers.view(&node)?.theirs);
        let caller = self.caller.clone();
        let way = self.ways.get(&node).cloned();
        self.tasks.start(async move {
            let report = match (way, theirs) {
                (Some(way), Some(theirs)) => caller.pull(way, mode, theirs).await,
                _ => Err("it answers at no url".to_owned()),
            };
            Outcome::Pulled(node, report.map(Box::new))
        });
    }

    /// Says goodbye, once.
    fn leave(&mut self) {
        if self.leaves || !self.leaving.has_begun() {
            return;
        }
        self.leaves = true;
        // Or a peer that heard it would ask through one of them, and be answered.
        self.links.keep(|_| false);
        let goodbyes: Vec<_> = self.ways.values().map(|to| self.caller.clone().goodbye(to.clone())).collect();
        self.tasks.start(async move {
            let all = stream::iter(goodbyes).for_each_concurrent(GOODBYES_AT_ONCE, |goodbye| goodbye);
            // Whom it doesn't reach finds out by itself.
            let _ = timeout(Duration::from_millis(GOODBYE_MS), all).await;
            Outcome::Left
        });
    }

    fn open_links(&mut self) {
        if self.leaves {
            return;
        }
        let now = self.moment();
        for node in self.links.due(now) {
            let Some(to) = self.ways.get(&node).filter(|to| !to.way.is_link()).cloned() else {
                self.links.ended(&node, &Err("it answers at no url".to_owned()), now);
                continue;
            };
            let outcomes = self.tasks.outcomes();
            let held = self.links.hold(&self.caller, to, move || outcomes.push(Outcome::LinkOpened(node)));
            self.tasks.start(async move { Outcome::LinkEnded(node, held.await) });
        }
    }

    fn note(&mut self, what: Happening) {
        let (caller, now) = (self.caller.clone(), (self.caller.clock)());
        self.tasks.start_quiet(async move {
            if let Some(Err(error)) = caller.in_blocking(move |store| store.note(what, now)).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a happening could not be journalled");
            }
        });
    }

    fn show(&self) {
        let Some(peers) = &self.peers else { return };
        let own = peers.own();
        let rows: BTreeMap<_, _> = peers.nodes().filter_map(|node| Some((*node, self.status(own, node)?))).collect();
        let mut shown = self.statuses.write().unwrap_or_else(PoisonError::into_inner);
        let links = |rows: &BTreeMap<NodeId, PeerStatus>| rows.iter().map(|(node, row)| (*node, row.state)).collect();
        let (before, after): (Vec<_>, Vec<_>) = (links(&shown), links(&rows));
        *shown = rows;
        drop(shown);
        if before != after {
            self.states.look_again();
        }
    }

    fn status(&self, own: &Summary, node: &NodeId) -> Option<PeerStatus> {
        let view = self.peers.as_ref()?.view(node)?;
        let state = match (view.paused, view.link, &view.error) {
            (true, ..) => PeerState::Paused,
            (_, Link::Up, _) => PeerState::Connected,
            (_, Link::Unknown, None) => PeerState::Connecting,
            (_, Link::Unknown | Link::Down, _) => PeerState::Unreachable,
        };
        let theirs = view.theirs.as_ref();
        let behind_events =
            theirs.map(|theirs| if view.caught_up { 0 } else { theirs.events.saturating_sub(own.events).max(1) });
        let behind_bytes = theirs.map(|theirs| own.want_bytes.saturating_sub(theirs.want_bytes));
        let last_seen = self.last_seen.get(node).copied();
        Some(PeerStatus { state, last_seen, behind_events, behind_bytes, error: view.error })
    }

    /// Has the Expels taken that waited long enough for events they name; tells when to look again.
    async fn take_due_expels(&self) -> Option<Duration> {
        let (caller, now) = (&self.caller, (self.caller.clock)());
        let left_ms = caller.node.store.expels_due_in_ms(now)?;
        if left_ms > 0 {
            return Some(Duration::from_millis(left_ms));
        }
        if let Err(error) = self.read(move |caller| caller.node.store.take_due_expels(now)).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "who was expelled could not be written down; it is tried again"
            );
        }
        Some(Duration::from_secs(1))
    }

    /// Commands come by a channel that this worker can't sleep on, so a task hands them over.
    fn listen(&mut self) {
        if let Some(mut commands) = self.commands.take() {
            let outcomes = self.tasks.outcomes();
            self.tasks.start_quiet(async move {
                while let Some(command) = commands.recv().await {
                    outcomes.push(Outcome::Command(command));
                }
            });
        }
    }
}

impl Worker for Driver {
    fn name(&self) -> &'static str {
        "mesh"
    }

    fn wake(&self) -> Arc<Notify> {
        self.inbox.wake()
    }

    async fn tick(&mut self) -> Next {
        self.listen();
        let (heard, mut outcomes) = (self.inbox.take_heard(), std::mem::take(&mut self.held_back));
        outcomes.extend(self.tasks.take());
        if let Err(error) = self.refresh().await {
            tracing::error!(error = &error as &dyn std::error::Error, "the mesh can't read this node's store");
            // Nothing that was taken may be lost: a ping or pull that never ends would block its peer for ever.
            self.inbox.look_again();
            self.held_back.extend(outcomes);
            return Next::After(Duration::from_secs(1));
        }
        self.take_heard(heard);
        let now = self.moment();
        self.take_connections(now);
        for outcome in outcomes {
            self.take_outcome(outcome);
        }
        self.leave();
        self.open_links();
        let now = self.moment();
        if self.rejoin.begins(now) {
            let (caller, joins) = (self.caller.clone(), Arc::clone(&self.joins));
            self.tasks.start(async move {
                let _alone = joins.lock().await;
                Outcome::Joined { waiting: caller.rejoin().await }
            });
        }
        let actions = self.peers.as_mut().map(|peers| peers.actions(now)).unwrap_or_default();
        for action in actions {
            self.perform(action);
        }
        self.answer_syncing();
        self.show();
        let expels_in = self.take_due_expels().await.unwrap_or(IDLE);
        let next = self.peers.as_ref().and_then(Peers::next_at).into_iter();
        let next = next.chain(self.links.next_at().filter(|_| !self.leaves)).chain(self.rejoin.next_at()).min();
        let wait = next.map_or(IDLE, |next| Duration::from_millis(next.ms_since(self.moment())));
        Next::After(wait.min(expels_in))
    }
}
