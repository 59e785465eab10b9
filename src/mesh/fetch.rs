//! The driver of fetches: performs what the [`Planner`] decides, and keeps what arrived durable.
//!
//! Invariants: a piece is told to the planner only after it was verified and written. Data and map of an open fetch are
//! made durable every [`CHECKPOINT_BYTES`] or [`CHECKPOINT_MS`]. Whatever a source does ends as a [`Trouble`] of that
//! source; whatever this node's disk does ends as [`StepError::Local`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ods_api::{TransferStatus, TransferStatuses};
use ods_store::{Digest, Fetch, Happening, NodeId, PIECE_BYTES, StoreError, Want};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::calls::Caller;
use super::doubts::Doubts;
use super::fetch_calls::{self, Fault, Progress};
use super::inbox::{FetchInbox, Staleness};
use super::limits::{
    CHECKPOINT_BYTES, CHECKPOINT_MS, LIVELY_MS, SHOW_MS, WANTS_IN_VIEW, WANTS_MET_REFRESHES, WANTS_PER_REFRESH_MS,
    WANTS_REFRESH_MS,
};
use super::moment::Moment;
use super::plan::{Action, Has, Opened, Planner, Run, StepError, TransferView, Trouble, Waiting};
use crate::tasks::Tasks;
use crate::worker::{Next, Worker};

const IDLE: Duration = Duration::from_mins(1);

/// What tasks tell the driver.
pub(super) enum Outcome {
    Wants(Result<Vec<Want>, StoreError>),
    Pieces((Digest, u64), NodeId, Result<Has, Fault>),
    Opened((Digest, u64), Result<Fetch, StoreError>),
    Outline((Digest, u64), NodeId, Result<(), Fault>),
    Piece(Digest, NodeId, u64),
    RunEnding(Digest, NodeId, Run),
    RunEnded((Digest, u64), NodeId, Run, Result<(), Fault>),
    WholeEnded((Digest, u64), NodeId, Result<(), Fault>),
    Finished(Digest, Result<(), StoreError>),
    Checkpointed(Digest),
}

/// A fetch that the planner has open.
struct Open {
    fetch: Fetch,
    /// Bytes written since the map was last made durable.
    fresh_bytes: u64,
    checkpointed_at: Moment,
    checkpointing: bool,
}

/// The worker.
pub(super) struct Fetcher {
    caller: Caller,
    inbox: Arc<FetchInbox>,
    started: Instant,
    planner: Planner,
    open: BTreeMap<Digest, Open>,
    wants_read_at: Option<Moment>,
    wants: Staleness,
    reading_wants: bool,
    /// When news last made wants be tried again.
    lively_at: Option<Moment>,
    /// Peers whose later news wait.
    lively: BTreeSet<NodeId>,
    doubts: Doubts,
    transfers: TransferStatuses,
    shown_at: Option<Moment>,
    shows_some: bool,
    tasks: Tasks<Outcome>,
}

impl Fetcher {
    /// A driver for the store of `caller`, which shows what it does in `transfers`.
    pub(super) fn new(caller: Caller, inbox: Arc<FetchInbox>, transfers: TransferStatuses) -> Self {
        let (own, seed) = (caller.node.store.node_id(), u64::from_le_bytes(caller.node.store.random()));
        let tasks = Tasks::new(inbox.wake());
        Self {
            caller,
            inbox,
            started: Instant::now(),
            planner: Planner::new(own, seed),
            open: BTreeMap::new(),
            wants_read_at: None,
            wants: Staleness::Changed,
            reading_wants: false,
            lively_at: None,
            lively: BTreeSet::new(),
            doubts: Doubts::default(),
            transfers,
            shown_at: None,
            shows_some: false,
            tasks,
        }
    }

    fn moment(&self) -> Moment {
        Moment::new(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn take_outcome(&mut self, outcome: Outcome) {
        let now = self.moment();
        match outcome {
            Outcome::Wants(wants) => self.take_wants(wants, now),
            // Of a blob that is wanted with another size by now.
            Outcome::Pieces((blob, size), ..) if !self.planner.is_wanted_as(&blob, size) => self.planner.map_ended(),
            Outcome::Opened((blob, size), _) | Outcome::Outline((blob, size), ..)
                if !self.planner.is_wanted_as(&blob, size) => {}
            Outcome::RunEnded((blob, size), node, ..) if !self.planner.is_wanted_as(&blob, size) => {
                self.planner.line_ended(&node, size, now);
            }
            Outcome::WholeEnded((blob, size), node, Err(_)) if !self.planner.is_wanted_as(&blob, size) => {
                self.planner.line_ended(&node, size, now);
            }
            Outcome::Pieces((blob, _), node, has) => {
                let has = has.map_err(|fault| self.trouble_of(&blob, &node, &fault));
                self.planner.pieces(&blob, &node, has, now);
            }
            Outcome::Opened((blob, _), opened) => self.take_opened(blob, opened, now),
            Outcome::Outline((blob, _), node, result) => {
                let result = self.step_of(&blob, &node, result);
                self.planner.outline(&blob, &node, result, now);
            }
            Outcome::Piece(blob, node, piece) => {
                self.planner.piece_arrived(&blob, &node, piece, now);
                if let Some(open) = self.open.get_mut(&blob) {
                    open.fresh_bytes += PIECE_BYTES;
                }
            }
            Outcome::RunEnding(blob, node, run) => self.planner.run_ending(&blob, &node, run),
            Outcome::RunEnded((blob, size), node, run, result) => {
                let result = self.step_of(&blob, &node, result);
                self.planner.run_ended((&blob, size), &node, run, result, now);
            }
            Outcome::WholeEnded((blob, size), node, result) => {
                let result = self.step_of(&blob, &node, result);
                self.planner.whole_ended((&blob, size), &node, result, now);
            }
            Outcome::Finished(blob, result) => {
                let durable = succeeded(&blob, result).is_some();
                if durable {
                    self.open.remove(&blob);
                } else {
                    self.close(blob);
                }
                self.planner.finished(&blob, durable, now);
            }
            Outcome::Checkpointed(blob) => {
                if let Some(open) = self.open.get_mut(&blob) {
                    (open.checkpointing, open.checkpointed_at) = (false, now);
                }
            }
        }
    }

    fn take_wants(&mut self, wants: Result<Vec<Want>, StoreError>, now: Moment) {
        self.reading_wants = false;
        self.wants_read_at = Some(now);
        match wants {
            Ok(wants) => {
                for action in self.planner.set_wants(wants, now) {
                    self.perform(action);
                }
            }
            Err(error) => {
                self.wants = Staleness::Changed;
                tracing::error!(error = &error as &dyn std::error::Error, "the wants can't be read");
            }
        }
    }

    fn take_opened(&mut self, blob: Digest, opened: Result<Fetch, StoreError>, now: Moment) {
        let fetch = succeeded(&blob, opened);
        let told = fetch
            .as_ref()
            .map(|fetch| Opened { missing: fetch.have().complement(), outline_known: fetch.outline_known() });
        if let Some(fetch) = fetch {
            let open = Open { fetch, fresh_bytes: 0, checkpointed_at: now, checkpointing: false };
            self.open.insert(blob, open);
        }
        self.planner.opened(&blob, told, now);
        if !self.planner.is_fetching(&blob) {
            self.close(blob);
        }
    }

    fn step_of(&mut self, blob: &Digest, node: &NodeId, result: Result<(), Fault>) -> Result<(), StepError> {
        result.map_err(|fault| match fault {
            Fault::Local(error) => {
                log_local(blob, &error);
                self.close(*blob);
                StepError::Local
            }
            fault => StepError::Source(self.trouble_of(blob, node, &fault)),
        })
    }

    /// What a fault means for its source. What only a broken or hostile node does raises an alarm.
    fn trouble_of(&mut self, blob: &Digest, node: &NodeId, fault: &Fault) -> Trouble {
        tracing::debug!(peer = %node.short(), %blob, %fault, "a fetch step failed");
        match fault {
            Fault::Absent => Trouble::Absent,
            Fault::Failed(_) | Fault::Local(_) => Trouble::Failed,
            Fault::Wrong(what) => {
                self.alarm(
                    "bad_piece",
                    format!("peer {node} sent {what} of blob {blob}; it is not asked for it again for a while"),
                );
                Trouble::Wrong
            }
            Fault::OtherSize { claimed } => {
                let doubted = self.doubts.note(blob, self.moment());
                if doubted.is_news {
                    self.alarm(
                        "wrong_size",
                        format!("peer {node} says that blob {blob} has {claimed} bytes; the revision says otherwise"),
                    );
                }
                if doubted.may_change {
                    self.doubt_size(*blob, *claimed);
                }
                Trouble::OtherSize
            }
        }
    }

    fn doubt_size(&mut self, blob: Digest, claimed: u64) {
        let caller = self.caller.clone();
        self.tasks.start_quiet(async move {
            match caller.in_store(move |store| store.doubt_size(&blob, claimed)).await {
                Ok(true) => tracing::warn!(%blob, claimed, "it is wanted with the size that another revision says"),
                Ok(false) => {}
                Err(error) => log_local(&blob, &error),
            }
        });
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

    fn perform(&mut self, action: Action) {
        let caller = self.caller.clone();
        match action {
            Action::AskPieces { blob, node, seen, size } => self.at(node, move |way| async move {
                Outcome::Pieces((blob, size), node, fetch_calls::pieces(caller, way, blob, size, seen).await)
            }),
            Action::Open { blob, size } => self.tasks.start(async move {
                let opened = caller.in_blocking(move |store| store.begin_fetch(&blob, size)).await;
                Outcome::Opened((blob, size), opened.unwrap_or(Err(StoreError::Closing)))
            }),
            Action::AskOutline { blob, node } => {
                let fetch = self.open.get(&blob).map(|open| open.fetch.clone());
                let size = fetch.as_ref().map_or(0, Fetch::size);
                self.at(node, move |way| async move {
                    Outcome::Outline((blob, size), node, fetch_calls::outline(caller, way, fetch).await)
                });
            }
            Action::FetchRun { blob, size, node, run } => {
                let fetch = self.open.get(&blob).map(|open| open.fetch.clone());
                let outcomes = self.tasks.outcomes();
                self.at(node, move |way| async move {
                    let tell = |progress| {
                        outcomes.push(match progress {
                            Progress::Piece(piece) => Outcome::Piece(blob, node, piece),
                            Progress::Ending => Outcome::RunEnding(blob, node, run),
                        });
                    };
                    Outcome::RunEnded((blob, size), node, run, fetch_calls::run(caller, way, fetch, run, tell).await)
                });
            }
            Action::FetchWhole { blob, node, size } => self.at(node, move |way| async move {
                Outcome::WholeEnded((blob, size), node, fetch_calls::whole(caller, way, blob, size).await)
            }),
            Action::Finish { blob } => self.finish(blob),
            Action::Close { blob } => self.close(blob),
        }
    }

    /// Starts a task that calls a peer, at the url where it answers.
    fn at<F>(&mut self, node: NodeId, work: impl FnOnce(Option<super::endpoint::Endpoint>) -> F)
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let way = self.inbox.sources().get(&node).cloned();
        self.tasks.start(work(way));
    }

    fn finish(&mut self, blob: Digest) {
        let (caller, now) = (self.caller.clone(), (self.caller.clock)());
        let fetch = self.open.get(&blob).map(|open| open.fetch.clone());
        self.tasks.start(async move {
            let finished = caller.in_blocking(move |_| match fetch {
                Some(fetch) => fetch.finish(now),
                None => Err(StoreError::BytesNotHeld { blob }),
            });
            Outcome::Finished(blob, finished.await.unwrap_or(Err(StoreError::Closing)))
        });
    }

    /// Writes down what is here; if the want is gone, removes it.
    fn close(&mut self, blob: Digest) {
        let open = self.open.remove(&blob).map(|open| open.fetch);
        let Some(fetch) = open.or_else(|| self.caller.node.store.fetch_in_progress(&blob)) else { return };
        let caller = self.caller.clone();
        self.tasks.start_quiet(async move {
            let closed = caller.in_blocking(move |store| {
                let saved = fetch.checkpoint();
                store.abandon_fetch(&fetch).and(saved)
            });
            if let Some(Err(error)) = closed.await {
                log_local(&blob, &error);
            }
        });
    }

    fn checkpoint(&mut self, now: Moment) {
        for (blob, open) in &mut self.open {
            let due = open.fresh_bytes >= CHECKPOINT_BYTES || now.ms_since(open.checkpointed_at) >= CHECKPOINT_MS;
            if open.checkpointing || open.fresh_bytes == 0 || !due {
                continue;
            }
            (open.checkpointing, open.fresh_bytes) = (true, 0);
            let (caller, fetch, blob) = (self.caller.clone(), open.fetch.clone(), *blob);
            self.tasks.start(async move {
                if let Some(Err(error)) = caller.in_blocking(move |_| fetch.checkpoint()).await {
                    log_local(&blob, &error);
                }
                Outcome::Checkpointed(blob)
            });
        }
    }

    /// How long after the last time the wants are read again, if they are. It costs more the more there are.
    fn wants_refresh_ms(&self) -> Option<u64> {
        let refresh_ms = WANTS_REFRESH_MS + self.planner.wants() as u64 / WANTS_PER_REFRESH_MS;
        match self.wants {
            Staleness::Changed => Some(refresh_ms),
            Staleness::Met => Some(refresh_ms * WANTS_MET_REFRESHES),
            Staleness::None => None,
        }
    }

    fn read_wants(&mut self, now: Moment) {
        self.wants = self.wants.max(self.inbox.take_wants());
        let is_due = |wait_ms| self.wants_read_at.is_none_or(|last| now.ms_since(last) >= wait_ms);
        if !self.reading_wants && self.wants_refresh_ms().is_some_and(is_due) {
            (self.wants, self.reading_wants) = (Staleness::None, true);
            let caller = self.caller.clone();
            self.tasks.start(async move {
                let wants = caller.in_blocking(|store| store.wants(WANTS_IN_VIEW)).await;
                Outcome::Wants(wants.unwrap_or(Err(StoreError::Closing)))
            });
        }
    }

    /// News of peers make wants be tried again, but not more than once a second, however many peers there are, since all wants are
    /// looked at: what comes sooner waits that long.
    fn take_lively(&mut self, now: Moment) {
        self.lively.extend(self.inbox.take_lively());
        if self.lively.is_empty() || self.lively_at.is_some_and(|last| now.ms_since(last) < LIVELY_MS) {
            return;
        }
        self.lively_at = Some(now);
        let lively: Vec<NodeId> = std::mem::take(&mut self.lively).into_iter().collect();
        self.planner.signs_of_life(&lively, now);
    }

    /// Shows what is under way, now and then.
    fn show(&mut self, now: Moment) {
        if self.shown_at.is_some_and(|last| now.ms_since(last) < SHOW_MS) {
            return;
        }
        self.shown_at = Some(now);
        let rows: Vec<TransferStatus> = self.planner.view(now).into_iter().map(shown).collect();
        self.shows_some = !rows.is_empty();
        *self.transfers.write().unwrap_or_else(PoisonError::into_inner) = rows;
    }

    fn next(&self, now: Moment) -> Next {
        let planned = self.planner.next_at(now).map(|next| next.ms_since(now).max(1));
        let wants = self.wants_refresh_ms().filter(|_| !self.reading_wants);
        let checkpoint = self.open.values().any(|open| open.fresh_bytes > 0).then_some(CHECKPOINT_MS);
        let lively = (!self.lively.is_empty()).then_some(LIVELY_MS);
        let shown = (self.shows_some || !self.open.is_empty()).then_some(SHOW_MS);
        let wait_ms = [planned, wants, checkpoint, lively, shown].into_iter().flatten().min();
        Next::After(wait_ms.map_or(IDLE, Duration::from_millis).min(IDLE))
    }
}

fn shown(transfer: TransferView) -> TransferStatus {
    let TransferView { blob, size, bytes_done, rate_bytes_per_s, sources, waiting } = transfer;
    let sources = sources.into_iter().map(|source| (source.node, source.rate_bytes_per_s)).collect();
    TransferStatus { blob, size, bytes_done, rate_bytes_per_s, sources, waiting: waiting.map(Waiting::as_str) }
}

fn succeeded<T>(blob: &Digest, result: Result<T, StoreError>) -> Option<T> {
    result.inspect_err(|error| log_local(blob, error)).ok()
}

fn log_local(blob: &Digest, error: &StoreError) {
    tracing::warn!(%blob, error = error as &dyn std::error::Error, "a fetch failed on this node's side; it is tried again");
}

impl Worker for Fetcher {
    fn name(&self) -> &'static str {
        "fetch"
    }

    fn wake(&self) -> Arc<Notify> {
        self.inbox.wake()
    }

    async fn tick(&mut self) -> Next {
        for outcome in self.tasks.take() {
            self.take_outcome(outcome);
        }
        let now = self.moment();
        self.read_wants(now);
        self.planner.set_sources(self.inbox.sources().into_keys().collect(), now);
        self.take_lively(now);
        for (blob, open) in &self.open {
            self.planner.pieces_asked(blob, open.fetch.asked());
        }
        for action in self.planner.actions(now) {
            self.perform(action);
        }
        self.checkpoint(now);
        self.show(now);
        self.next(now)
    }
}
