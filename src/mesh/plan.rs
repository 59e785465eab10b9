//! Which bytes to ask of whom: the fetch planner, a pure machine. The driver tells it what happened and performs its
//! actions.
//!
//! A wanted blob becomes a job when there is a place for it: blobs that a client waits for first, then the newest; small
//! and big ones have places of their own. A job looks for sources, gets the outline, then the last piece (only that
//! proves the size), then runs of pieces from all sources that have them. A blob of one piece is asked for whole.
//!
//! Invariants: a piece is claimed by at most one run. A source that sent something wrong is banned for that blob until
//! the want is gone; one that failed is left alone for a while. A job without a usable source gives its place back, and
//! its want is tried again after a back-off, or at once when a peer shows a sign of life. So no want is forgotten, and
//! none blocks another.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ods_store::{Digest, NodeId, PieceSet, Want, piece_count};

use super::limits::{
    ABSENT_MS, ASKED_BLOBS_AT_ONCE, BACK_OFF_MAX_MS, BIG_BLOBS_AT_ONCE, LOCAL_FAILURE_MS, RUNS_PER_PEER_MAX,
    SMALL_BLOB_BYTES, SMALL_BLOBS_AT_ONCE,
};
use super::moment::Moment;
use super::schedule::Dice;

mod job;

use job::Job;

/// Adjacent pieces of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The first.
    pub(super) first: u64,
    /// How many.
    pub(super) count: u64,
}

impl Run {
    fn contains(&self, piece: u64) -> bool {
        (self.first..self.first + self.count).contains(&piece)
    }
}

/// What the driver shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Ask which pieces a peer has, waiting for more than `seen` if it isn't 0.
    AskPieces {
        /// The blob.
        blob: Digest,
        /// Its size, as the event says.
        size: u64,
        /// Whom.
        node: NodeId,
        /// Pieces it is known to have.
        seen: u64,
    },
    /// Begin or resume the fetch of a blob of several pieces.
    Open {
        /// The blob.
        blob: Digest,
        /// Its size, as the event says.
        size: u64,
    },
    /// Ask a peer for the outline.
    AskOutline {
        /// The blob.
        blob: Digest,
        /// Whom.
        node: NodeId,
    },
    /// Ask a peer for pieces.
    FetchRun {
        /// The blob.
        blob: Digest,
        /// Whom.
        node: NodeId,
        /// Which.
        run: Run,
    },
    /// Ask a peer for a whole blob of one piece, and store it.
    FetchWhole {
        /// The blob.
        blob: Digest,
        /// Whom.
        node: NodeId,
        /// Its size, as the event says.
        size: u64,
    },
    /// All pieces are here: make the blob durable.
    Finish {
        /// The blob.
        blob: Digest,
    },
    /// Nothing can be done for now: write down what is here and let go.
    Close {
        /// The blob.
        blob: Digest,
    },
}

/// Which pieces a source has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Has {
    /// All of them.
    All,
    /// These.
    Some(PieceSet),
}

/// What went wrong with a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It doesn't have what was asked for.
    Absent,
    /// It can't be reached, broke off, or fell silent.
    Failed,
    /// It sent something that isn't the blob's.
    Wrong,
}

/// What ended a step that stores something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepError {
    /// The source is at fault.
    Source(Trouble),
    /// This node's disk is.
    Local,
}

/// A fetch that was begun or resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opened {
    /// Pieces that are not here.
    pub(super) missing: PieceSet,
    /// Whether the outline is here.
    pub(super) outline_known: bool,
}

#[derive(Debug)]
struct Wanted {
    size: u64,
    asked: bool,
    try_at: Moment,
    failures: u32,
    banned: BTreeSet<NodeId>,
    /// This node's own disk failed; no peer's news can help before this.
    local_until: Moment,
}

/// All wants in view, and the jobs under way.
#[derive(Debug)]
pub(super) struct Planner {
    /// Spreads the first pieces that different nodes ask for.
    seed: u64,
    wants: BTreeMap<Digest, Wanted>,
    small: Queue,
    big: Queue,
    /// Peers that answer.
    sources: BTreeSet<NodeId>,
    jobs: BTreeMap<Digest, Job>,
    dice: Dice,
}

impl Planner {
    /// Nothing wanted yet.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            wants: BTreeMap::new(),
            small: Queue::default(),
            big: Queue::default(),
            sources: BTreeSet::new(),
            jobs: BTreeMap::new(),
            dice: Dice::new(seed),
        }
    }

    /// The wants as they are now. Jobs whose want is gone are closed.
    pub(super) fn set_wants(&mut self, mut wants: Vec<Want>, now: Moment) -> Vec<Action> {
        wants.sort_by_key(|want| (want.asked_at.is_none(), std::cmp::Reverse(want.newest_at), want.blob));
        let of_size = |small| wants.iter().filter(move |want| is_small(want.size) == small).map(|want| want.blob);
        (self.small, self.big) = (Queue::new(of_size(true)), Queue::new(of_size(false)));
        let mut before = std::mem::take(&mut self.wants);
        for want in wants {
            let mut wanted = before.remove(&want.blob).filter(|wanted| wanted.size == want.size).unwrap_or(Wanted {
                size: want.size,
                asked: false,
                try_at: now,
                local_until: now,
                failures: 0,
                banned: BTreeSet::new(),
            });
            if want.asked_at.is_some() && !wanted.asked {
                wanted.try_at = now;
            }
            wanted.asked = want.asked_at.is_some();
            self.wants.insert(want.blob, wanted);
        }
        self.look_again();
        // What an earlier job left of a blob has to go as well, so every want that is gone is closed, job or not.
        let of_jobs = self.jobs.keys().filter(|blob| !self.wants.contains_key(*blob)).copied();
        let gone: BTreeSet<Digest> = before.into_keys().chain(of_jobs).collect();
        gone.into_iter().map(|blob| self.drop_job(blob)).collect()
    }

    /// How many blobs are wanted.
    pub(super) fn wants(&self) -> usize {
        self.wants.len()
    }

    /// Whether a blob is under way.
    pub(super) fn is_fetching(&self, blob: &Digest) -> bool {
        self.jobs.contains_key(blob)
    }

    /// The peers that answer. One that didn't before is a sign of life: all wants are tried again.
    pub(super) fn set_sources(&mut self, sources: BTreeSet<NodeId>, now: Moment) {
        let risen: Vec<NodeId> = sources.difference(&self.sources).copied().collect();
        self.sources = sources;
        for node in risen {
            self.sign_of_life(&node, now);
        }
    }

    /// A peer has news, so it may have what it hadn't.
    pub(super) fn sign_of_life(&mut self, node: &NodeId, now: Moment) {
        for wanted in self.wants.values_mut() {
            wanted.try_at = wanted.try_at.min(now).max(wanted.local_until);
            wanted.failures = 0;
        }
        for job in self.jobs.values_mut() {
            job.forgive(node, now);
        }
        self.look_again();
    }

    /// A peer said which pieces it has.
    pub(super) fn pieces(&mut self, blob: &Digest, node: &NodeId, answer: Result<Has, Trouble>, now: Moment) {
        match answer {
            Ok(has) => self.job(blob, |job| job.has(node, has, now)),
            Err(trouble) => {
                self.job(blob, |job| job.map_missed(node));
                self.trouble(blob, node, trouble, now);
            }
        }
    }

    /// A fetch was opened, or this node's disk refused.
    pub(super) fn opened(&mut self, blob: &Digest, opened: Option<Opened>, now: Moment) {
        match opened {
            Some(opened) => self.job(blob, |job| job.opened(opened)),
            None => self.local_failure(blob, now),
        }
    }

    /// A peer gave the outline, or didn't.
    pub(super) fn outline(&mut self, blob: &Digest, node: &NodeId, result: Result<(), StepError>, now: Moment) {
        self.job(blob, |job| job.outline(result.is_ok()));
        self.step_ended(blob, node, result, now);
    }

    /// A piece is here, verified.
    pub(super) fn piece_arrived(&mut self, blob: &Digest, piece: u64) {
        if let Some(wanted) = self.wants.get_mut(blob) {
            // A line that breaks again and again still delivers, so the want isn't left alone ever longer.
            wanted.failures = 0;
        }
        self.job(blob, |job| job.arrived(piece));
    }

    /// A run ended.
    pub(super) fn run_ended(
        &mut self,
        blob: &Digest,
        node: &NodeId,
        run: Run,
        result: Result<(), StepError>,
        now: Moment,
    ) {
        self.job(blob, |job| job.run_ended(node, run));
        self.step_ended(blob, node, result, now);
    }

    /// A blob of one piece was stored, or not.
    pub(super) fn whole_ended(&mut self, blob: &Digest, node: &NodeId, result: Result<(), StepError>, now: Moment) {
        self.job(blob, |job| job.run_ended(node, Run { first: 0, count: 1 }));
        if result.is_ok() {
            return self.met(blob);
        }
        self.step_ended(blob, node, result, now);
    }

    /// A blob was made durable, or this node's disk refused.
    pub(super) fn finished(&mut self, blob: &Digest, durable: bool, now: Moment) {
        if durable {
            self.met(blob);
        } else {
            self.local_failure(blob, now);
        }
    }

    /// What to do now.
    pub(super) fn actions(&mut self, now: Moment) -> Vec<Action> {
        let mut actions = Vec::new();
        self.start_jobs(now);
        let mut load = self.load();
        let blobs: Vec<Digest> = self.by_priority();
        for blob in blobs {
            let (Some(job), Some(wanted)) = (self.jobs.get_mut(&blob), self.wants.get_mut(&blob)) else { continue };
            let sources = self.sources.iter().filter(|node| !wanted.banned.contains(*node)).copied().collect();
            if !job.plan(&sources, &mut load, now, &mut actions) {
                let opened = job.is_open();
                self.jobs.remove(&blob);
                wanted.failures += 1;
                let wait_ms = (ABSENT_MS << wanted.failures.min(16)).min(BACK_OFF_MAX_MS) / 2;
                wanted.try_at = now.plus_ms(self.dice.jitter(wait_ms));
                self.look_again();
                actions.extend(opened.then_some(Action::Close { blob }));
            }
        }
        actions
    }

    /// When there may be something to do, if nothing happens before.
    pub(super) fn next_at(&self, now: Moment) -> Option<Moment> {
        let queues = [&self.small, &self.big].into_iter().filter(|_| !self.sources.is_empty());
        let waiting = queues.filter_map(|queue| queue.idle_until);
        self.jobs.values().filter_map(Job::next_at).chain(waiting).min().map(|next| next.max(now))
    }

    /// Blobs under way.
    #[cfg(test)]
    fn jobs(&self) -> impl Iterator<Item = &Digest> {
        self.jobs.keys()
    }

    fn job(&mut self, blob: &Digest, act: impl FnOnce(&mut Job)) {
        if let Some(job) = self.jobs.get_mut(blob) {
            act(job);
        }
    }

    fn step_ended(&mut self, blob: &Digest, node: &NodeId, result: Result<(), StepError>, now: Moment) {
        match result {
            Ok(()) => self.job(blob, |job| job.worked(node)),
            Err(StepError::Source(trouble)) => self.trouble(blob, node, trouble, now),
            Err(StepError::Local) => self.local_failure(blob, now),
        }
    }

    fn trouble(&mut self, blob: &Digest, node: &NodeId, trouble: Trouble, now: Moment) {
        if trouble == Trouble::Wrong
            && let Some(wanted) = self.wants.get_mut(blob)
        {
            wanted.banned.insert(*node);
        }
        self.job(blob, |job| job.trouble(node, trouble, now));
    }

    fn local_failure(&mut self, blob: &Digest, now: Moment) {
        self.jobs.remove(blob);
        if let Some(wanted) = self.wants.get_mut(blob) {
            wanted.local_until = now.plus_ms(self.dice.jitter(LOCAL_FAILURE_MS));
            wanted.try_at = wanted.local_until;
        }
        self.look_again();
    }

    fn met(&mut self, blob: &Digest) {
        self.jobs.remove(blob);
        self.wants.remove(blob);
    }

    fn drop_job(&mut self, blob: Digest) -> Action {
        self.jobs.remove(&blob);
        Action::Close { blob }
    }

    fn look_again(&mut self) {
        (self.small.idle_until, self.big.idle_until) = (None, None);
    }

    /// Gives free places to the wants that may be tried, best first.
    fn start_jobs(&mut self, now: Moment) {
        if self.sources.is_empty() {
            return;
        }
        let small = self.jobs.values().filter(|job| job.is_small()).count();
        let places = [
            (&mut self.small, SMALL_BLOBS_AT_ONCE, small),
            (&mut self.big, BIG_BLOBS_AT_ONCE, self.jobs.len() - small),
        ];
        for (queue, places, taken) in places {
            for (blob, size) in queue.start(&self.wants, &self.jobs, places, taken, now) {
                self.jobs.insert(blob, Job::new(blob, size, self.seed));
            }
        }
    }

    fn by_priority(&self) -> Vec<Digest> {
        let mut blobs: Vec<Digest> = self.jobs.keys().copied().collect();
        blobs.sort_by_key(|blob| self.wants.get(blob).is_none_or(|wanted| !wanted.asked));
        blobs
    }

    fn load(&self) -> Load {
        let mut load = Load::default();
        for job in self.jobs.values() {
            for node in job.run_nodes() {
                load.add(node, job.is_small());
            }
        }
        load
    }
}

/// Byte requests under way to each peer, of big and of small blobs.
#[derive(Debug, Default)]
struct Load {
    runs: BTreeMap<(NodeId, bool), usize>,
}

impl Load {
    fn of(&self, node: &NodeId, small: bool) -> usize {
        self.runs.get(&(*node, small)).copied().unwrap_or(0)
    }

    fn add(&mut self, node: NodeId, small: bool) {
        *self.runs.entry((node, small)).or_default() += 1;
    }

    fn has_room(&self, node: &NodeId, small: bool) -> bool {
        self.of(node, small) < RUNS_PER_PEER_MAX
    }
}

/// Wants of one size class, best first.
#[derive(Debug, Default)]
struct Queue {
    blobs: VecDeque<Digest>,
    /// None of those without a job can be tried before this.
    idle_until: Option<Moment>,
}

impl Queue {
    fn new(blobs: impl Iterator<Item = Digest>) -> Self {
        Self { blobs: blobs.collect(), idle_until: None }
    }

    /// The wants that get a place now, of `places` of which some are `taken`.
    fn start(
        &mut self,
        wants: &BTreeMap<Digest, Wanted>,
        jobs: &BTreeMap<Digest, Job>,
        places: usize,
        mut taken: usize,
        now: Moment,
    ) -> Vec<(Digest, u64)> {
        while self.blobs.front().is_some_and(|blob| !wants.contains_key(blob)) {
            self.blobs.pop_front();
        }
        let mut started = Vec::new();
        if self.idle_until.is_some_and(|until| now < until) {
            return started;
        }
        let mut earliest: Option<Moment> = None;
        for blob in &self.blobs {
            let Some(wanted) = wants.get(blob).filter(|_| !jobs.contains_key(blob)) else { continue };
            let places = if wanted.asked { places + ASKED_BLOBS_AT_ONCE } else { places };
            if taken >= places {
                // A place that becomes free is an event of its own. (Those asked for come first, so none is passed over.)
                self.idle_until = None;
                return started;
            }
            if wanted.try_at > now {
                earliest = Some(earliest.map_or(wanted.try_at, |moment| moment.min(wanted.try_at)));
            } else {
                taken += 1;
                started.push((*blob, wanted.size));
            }
        }
        self.idle_until = Some(earliest.unwrap_or(now.plus_ms(BACK_OFF_MAX_MS)));
        started
    }
}

fn is_small(size: u64) -> bool {
    size <= SMALL_BLOB_BYTES
}

/// Whether a blob is asked for whole, without outline.
fn is_one_piece(size: u64) -> bool {
    piece_count(size) == 1
}

#[cfg(test)]
mod tests;
