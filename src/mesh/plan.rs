//! Which bytes to ask of whom: the fetch planner, a pure machine. The driver tells it what happened and performs its
//! actions.
//!
//! A wanted blob becomes a job when there is a place for it: the most urgent first ([`queue`]); small and big ones have
//! places of their own, and what is urgent has further ones. A job looks for sources, gets the outline, then the last
//! piece (only that proves the size), then runs of pieces from all sources that have them ([`job`]): which ones says
//! [`choice`], how many at once the measured speed of the line ([`meter`]). A blob of one piece is asked for whole.
//!
//! Invariants:
//! - A piece is claimed by one run; by two only at the very end, or when a reader waits for it, and only if the second source
//!   will bring it far sooner. Where all waits for one piece (the last, the only one), claims that bring nothing don't count.
//! - A source that says another size is left alone for a moment, and nobody blamed: at most one of the sizes that revisions say
//!   is true, and the want may get another.
//! - A source that sent something wrong is banned for that blob, each time for longer; one that failed is left alone for a
//!   while.
//! - A job without a usable source gives its place back, and its want is tried again after a back-off, or within a second of
//!   a peer's news. So no want is forgotten, and none blocks another.
//! - While a more urgent job keeps the line to a source full, others ask that source for nothing; small blobs always may.
//! - Requests and open questions are bounded, however much is wanted ([`super::limits`]).
//!
//! # No cycle of nodes waits for each other
//!
//! What a node asks of another is answered from what is there at that moment: a request for bytes never waits for a
//! third node. Only the question for a piece map may be left open, until there is news, and never longer than
//! `PIECES_WAIT_MS`. A first question is never left open, and an open one holds neither a request for bytes nor a place
//! that another want could use: a job whose sources bring nothing gives its place to one that waits for it, and comes
//! back later. So take any piece that some node has and a neighbour that answers wants: within a back-off the
//! neighbour's job asks for the map, sees the piece and claims it, whatever else it waits for; unless it leaves that to a third
//! node for a moment, which it does only as long as it sees that one get more. Every piece thus moves on along every path of
//! nodes that want it. (`simulation.rs` tries this on random graphs.)

use std::collections::{BTreeMap, BTreeSet};

use ods_store::{Digest, NodeId, PieceSet, Want, piece_bytes};

use super::limits::{
    ABSENT_MS, BACK_OFF_MAX_MS, BIG_BLOBS_AT_ONCE, LOCAL_FAILURE_MS, MAPS_OPEN_MAX, SMALL_BLOBS_AT_ONCE,
};
use super::moment::Moment;
use super::schedule::Dice;

mod ban;
mod choice;
mod job;
mod meter;
mod places;
mod queue;

use ban::{Ban, may_ask};
use job::{Job, Turn};
use meter::Lines;
use places::{Places, is_one_piece, is_small};
use queue::{Queue, Rank, Urgency, rank};

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
    /// Ask which pieces a peer has; with `seen` it may answer when there are more than these.
    AskPieces {
        /// The blob.
        blob: Digest,
        /// Its size, as the event says.
        size: u64,
        /// Whom.
        node: NodeId,
        /// Pieces it is known to have; `None`: it is to answer at once.
        seen: Option<u64>,
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
        /// Its size, as the event says.
        size: u64,
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
    /// It takes the blob to have another size.
    OtherSize,
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

/// A blob under way, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TransferView {
    /// The blob.
    pub(super) blob: Digest,
    /// Its size.
    pub(super) size: u64,
    /// Bytes that are here, in whole pieces.
    pub(super) bytes_done: u64,
    /// How fast they come.
    pub(super) rate_bytes_per_s: u64,
    /// Who sends them.
    pub(super) sources: Vec<SourceView>,
    /// What it waits for, if nobody is asked for bytes.
    pub(super) waiting: Option<Waiting>,
}

/// A source of a blob that is asked for bytes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SourceView {
    /// Who.
    pub(super) node: NodeId,
    /// How fast.
    pub(super) rate_bytes_per_s: u64,
}

/// Why nobody is asked for bytes of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    /// No peer answers.
    NoPeer,
    /// No peer that answers has it.
    NoSource,
    /// Peers are still getting it themselves.
    Pieces,
    /// Something more urgent comes first.
    Turn,
    /// This node's disk.
    Disk,
}

impl Waiting {
    /// Its stable name.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::NoPeer => "no_peer",
            Self::NoSource => "no_source",
            Self::Pieces => "pieces",
            Self::Turn => "turn",
            Self::Disk => "disk",
        }
    }
}

#[derive(Debug)]
struct Wanted {
    size: u64,
    rank: Rank,
    try_at: Moment,
    failures: u32,
    banned: BTreeMap<NodeId, Ban>,
    /// This node's own disk failed; no peer's news can help before this.
    local_until: Moment,
}

/// All wants in view, and the jobs under way.
#[derive(Debug)]
pub(super) struct Planner {
    own: NodeId,
    wants: BTreeMap<Digest, Wanted>,
    small: Queue,
    big: Queue,
    /// Peers that answer.
    sources: BTreeSet<NodeId>,
    lines: Lines,
    /// Questions for piece maps that are open.
    maps_open: usize,
    jobs: BTreeMap<Digest, Job>,
    dice: Dice,
}

impl Planner {
    /// Nothing wanted yet. `seed` is for jitter.
    pub(super) fn new(own: NodeId, seed: u64) -> Self {
        Self {
            own,
            wants: BTreeMap::new(),
            small: Queue::default(),
            big: Queue::default(),
            sources: BTreeSet::new(),
            lines: Lines::default(),
            maps_open: 0,
            jobs: BTreeMap::new(),
            dice: Dice::new(seed),
        }
    }

    /// The wants as they are now. Jobs whose want is gone are closed.
    pub(super) fn set_wants(&mut self, wants: Vec<Want>, now: Moment) -> Vec<Action> {
        let mut before = std::mem::take(&mut self.wants);
        for want in wants {
            let rank = rank(&want);
            let known = before.remove(&want.blob);
            // Who sent something wrong stays banned whatever the size is.
            let banned = known.as_ref().map(|known| known.banned.iter().filter(|(_, ban)| ban.is_earned()));
            let banned = banned.into_iter().flatten().map(|(node, ban)| (*node, *ban)).collect();
            let mut wanted = known.filter(|wanted| wanted.size == want.size).unwrap_or(Wanted {
                size: want.size,
                rank,
                try_at: now,
                local_until: now,
                failures: 0,
                banned,
            });
            if rank.0 == Urgency::Asked && wanted.rank.0 != Urgency::Asked {
                wanted.try_at = now;
            }
            wanted.rank = (rank.0, wanted.failures > 0, rank.2, rank.3);
            self.wants.insert(want.blob, wanted);
        }
        // What an earlier job left of a blob has to go as well, so every want that is gone is closed, job or not.
        let is_stale = |(blob, job): &(&Digest, &Job)| self.wants.get(*blob).is_none_or(|want| want.size != job.size());
        let of_jobs = self.jobs.iter().filter(is_stale).map(|(blob, _)| *blob);
        let gone: BTreeSet<Digest> = before.into_keys().chain(of_jobs).collect();
        let closed = gone.into_iter().map(|blob| self.drop_job(blob)).collect();
        self.fill_queues(now);
        closed
    }

    /// Puts every want without a job into its queue.
    fn fill_queues(&mut self, now: Moment) {
        let of_size = |small: bool| {
            let idle = self.wants.iter().filter(|(blob, _)| !self.jobs.contains_key(*blob));
            let of_size = idle.filter(move |(_, wanted)| is_small(wanted.size) == small);
            Queue::of(of_size.map(|(_, wanted)| (wanted.try_at, wanted.rank)), now)
        };
        (self.small, self.big) = (of_size(true), of_size(false));
    }

    /// How many blobs are wanted.
    pub(super) fn wants(&self) -> usize {
        self.wants.len()
    }

    /// Whether a blob is wanted, and has this size as far as is known.
    pub(super) fn is_wanted_as(&self, blob: &Digest, size: u64) -> bool {
        self.wants.get(blob).is_none_or(|wanted| wanted.size == size)
    }

    /// An [`Action::AskPieces`] ended that nobody is interested in any more.
    pub(super) fn map_ended(&mut self) {
        self.maps_open = self.maps_open.saturating_sub(1);
    }

    /// The same for what brings bytes.
    pub(super) fn line_ended(&mut self, node: &NodeId, size: u64, now: Moment) {
        self.lines.end(node, is_small(size), now);
    }

    /// Whether a blob is under way.
    pub(super) fn is_fetching(&self, blob: &Digest) -> bool {
        self.jobs.contains_key(blob)
    }

    /// The peers that answer. One that didn't before is a sign of life: all wants are tried again.
    pub(super) fn set_sources(&mut self, sources: BTreeSet<NodeId>, now: Moment) {
        let risen: Vec<NodeId> = sources.difference(&self.sources).copied().collect();
        self.sources = sources;
        if !risen.is_empty() {
            self.signs_of_life(&risen, now);
        }
    }

    /// Peers have news, so they may have what they hadn't, but for what they are banned from.
    pub(super) fn signs_of_life(&mut self, nodes: &[NodeId], now: Moment) {
        let mut changed = false;
        let may_have = |wanted: &&mut Wanted| nodes.iter().any(|node| may_ask(&wanted.banned, node, now));
        for wanted in self.wants.values_mut().filter(may_have) {
            let again = (wanted.try_at.min(now).max(wanted.local_until), 0, false);
            changed |= (wanted.try_at, wanted.failures, wanted.rank.1) != again;
            (wanted.try_at, wanted.failures, wanted.rank.1) = again;
        }
        for job in self.jobs.values_mut() {
            job.forgive(nodes, now);
        }
        // Mostly none was put off, and there may be very many.
        if changed {
            self.fill_queues(now);
        }
    }

    /// Readers wait for these pieces of a blob.
    pub(super) fn pieces_asked(&mut self, blob: &Digest, pieces: Vec<u64>) {
        self.job(blob, |job| job.asked(pieces));
    }

    /// A peer said which pieces it has. Every [`Action::AskPieces`] ends with this.
    pub(super) fn pieces(&mut self, blob: &Digest, node: &NodeId, answer: Result<Has, Trouble>, now: Moment) {
        self.map_ended();
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

    /// A piece came from a peer and is here, verified.
    pub(super) fn piece_arrived(&mut self, blob: &Digest, node: &NodeId, piece: u64, now: Moment) {
        if let Some(wanted) = self.wants.get_mut(blob) {
            // A line that breaks again and again still delivers, so the want isn't left alone ever longer.
            wanted.failures = 0;
            self.lines.came(node, piece_bytes(wanted.size, piece) as u64, now);
        }
        self.job(blob, |job| job.arrived(node, piece, now));
    }

    /// A run will soon be here: what is asked next of its source comes right after it.
    pub(super) fn run_ending(&mut self, blob: &Digest, node: &NodeId, run: Run) {
        self.job(blob, |job| job.run_ending(node, run));
    }

    /// A run ended. Every [`Action::FetchRun`] ends with this.
    pub(super) fn run_ended(
        &mut self,
        (blob, size): (&Digest, u64),
        node: &NodeId,
        run: Run,
        result: Result<(), StepError>,
        now: Moment,
    ) {
        self.lines.end(node, is_small(size), now);
        self.job(blob, |job| job.run_ended(node, run, now));
        self.step_ended(blob, node, result, now);
    }

    /// A blob of one piece was stored, or not. Every [`Action::FetchWhole`] ends with this.
    pub(super) fn whole_ended(
        &mut self,
        (blob, size): (&Digest, u64),
        node: &NodeId,
        result: Result<(), StepError>,
        now: Moment,
    ) {
        if result.is_ok() {
            self.piece_arrived(blob, node, 0, now);
        }
        self.lines.end(node, is_small(size), now);
        self.job(blob, |job| job.run_ended(node, Run { first: 0, count: 1 }, now));
        match result {
            Ok(()) => self.met(blob),
            // It may be getting it itself: its map tells.
            Err(StepError::Source(Trouble::Absent)) => self.job(blob, |job| job.lacks(node, now)),
            result => self.step_ended(blob, node, result, now),
        }
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
        self.lines.keep(|node| self.sources.contains(node));
        self.start_jobs(now);
        // Lines that are full, and since which urgency.
        let mut full: Vec<(Urgency, NodeId)> = Vec::new();
        for blob in self.by_rank() {
            let (Some(job), Some(wanted)) = (self.jobs.get_mut(&blob), self.wants.get_mut(&blob)) else { continue };
            let (usable, urgency) = (usable(&self.sources, wanted, now), wanted.rank.0);
            let queue = if is_small(wanted.size) { &mut self.small } else { &mut self.big };
            let mut maps_left = MAPS_OPEN_MAX.saturating_sub(self.maps_open);
            let before = actions.len();
            let goes_on = job.plan(&mut Turn {
                usable: &usable,
                taken: &full.iter().filter(|(of, _)| *of < urgency).map(|(_, node)| *node).collect(),
                lines: &mut self.lines,
                maps_left: &mut maps_left,
                crowded: queue.is_crowded(),
                now,
                actions: &mut actions,
            });
            let is_map = |action: &&Action| matches!(action, Action::AskPieces { .. });
            self.maps_open += actions.iter().skip(before).filter(is_map).count();
            if !job.is_small() {
                full.extend(job.full_sources().map(|node| (urgency, node)));
            }
            if !goes_on {
                let opened = job.is_open();
                self.jobs.remove(&blob);
                (wanted.failures, wanted.rank.1) = (wanted.failures + 1, true);
                let wait_ms = (ABSENT_MS << wanted.failures.min(16)).min(BACK_OFF_MAX_MS) / 2;
                wanted.try_at = now.plus_ms(self.dice.jitter(wait_ms));
                queue.put(wanted.try_at, wanted.rank);
                actions.extend(opened.then_some(Action::Close { blob }));
            }
        }
        actions
    }

    /// When there may be something to do, if nothing happens before.
    pub(super) fn next_at(&self, now: Moment) -> Option<Moment> {
        let queues = [&self.small, &self.big].into_iter().filter(|_| !self.sources.is_empty());
        let jobs = self.jobs.values().filter_map(|job| job.next_at(now));
        jobs.chain(queues.filter_map(Queue::next_at)).min().map(|next| next.max(now))
    }

    /// What is under way, most urgent first.
    pub(super) fn view(&self, now: Moment) -> Vec<TransferView> {
        let view = |blob: Digest| {
            let (job, wanted) = (self.jobs.get(&blob)?, self.wants.get(&blob)?);
            Some(job.view(now, &usable(&self.sources, wanted, now)))
        };
        self.by_rank().into_iter().filter_map(view).collect()
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
        if let Some(wanted) = self.wants.get_mut(blob) {
            match trouble {
                Trouble::Wrong => wanted.banned.entry(*node).or_default().renew(now),
                Trouble::OtherSize => wanted.banned.entry(*node).or_default().pause(now),
                Trouble::Absent | Trouble::Failed => {}
            }
        }
        self.job(blob, |job| job.trouble(node, trouble, now));
    }

    fn local_failure(&mut self, blob: &Digest, now: Moment) {
        let had_job = self.jobs.remove(blob).is_some();
        let Some(wanted) = self.wants.get_mut(blob) else { return };
        wanted.local_until = now.plus_ms(self.dice.jitter(LOCAL_FAILURE_MS));
        wanted.try_at = wanted.local_until;
        if had_job {
            let queue = if is_small(wanted.size) { &mut self.small } else { &mut self.big };
            queue.put(wanted.try_at, wanted.rank);
        }
    }

    fn met(&mut self, blob: &Digest) {
        self.jobs.remove(blob);
        if let Some(wanted) = self.wants.remove(blob) {
            let queue = if is_small(wanted.size) { &mut self.small } else { &mut self.big };
            queue.drop(wanted.try_at, &wanted.rank);
        }
    }

    fn drop_job(&mut self, blob: Digest) -> Action {
        self.jobs.remove(&blob);
        Action::Close { blob }
    }

    /// Gives free places to the wants that may be tried, best first.
    fn start_jobs(&mut self, now: Moment) {
        if self.sources.is_empty() {
            return;
        }
        let small_jobs: Vec<u64> = self.jobs.values().filter(|job| job.is_small()).map(Job::size).collect();
        let big = Places { taken: self.jobs.len() - small_jobs.len(), bytes: 0, limit: BIG_BLOBS_AT_ONCE };
        let small = Places { taken: small_jobs.len(), bytes: small_jobs.iter().sum(), limit: SMALL_BLOBS_AT_ONCE };
        for (queue, mut places, is_small) in [(&mut self.small, small, true), (&mut self.big, big, false)] {
            while let Some(rank) = queue.first(now) {
                let (urgency, _, _, blob) = rank;
                let size = self.wants.get(&blob).map_or(0, |wanted| wanted.size);
                if !places.take(urgency, if is_small { size } else { 0 }) {
                    break;
                }
                queue.take(&rank);
                self.jobs.insert(blob, Job::new(blob, size, self.own));
            }
        }
    }

    fn by_rank(&self) -> Vec<Digest> {
        let mut blobs: Vec<(Option<Rank>, Digest)> =
            self.jobs.keys().map(|blob| (self.wants.get(blob).map(|wanted| wanted.rank), *blob)).collect();
        blobs.sort_unstable();
        blobs.into_iter().map(|(_, blob)| blob).collect()
    }
}

fn usable(sources: &BTreeSet<NodeId>, wanted: &Wanted, now: Moment) -> BTreeSet<NodeId> {
    sources.iter().filter(|node| may_ask(&wanted.banned, node, now)).copied().collect()
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
