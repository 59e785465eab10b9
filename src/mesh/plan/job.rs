//! One blob being fetched: its stage, its sources, and which pieces are asked of whom.

use std::collections::{BTreeMap, BTreeSet};

use ods_store::{Digest, NodeId, PieceSet, piece_count};

use super::super::limits::{
    BACK_OFF_MIN_MS, PIECE_MAP_MS, PIECE_MAPS_AT_ONCE, PROGRESS_MS, RUN_PIECES_MAX, RUNS_PER_SOURCE_MAX,
};
use super::super::moment::Moment;
use super::{Action, Has, Load, Opened, Run, Trouble, is_one_piece, is_small};

#[derive(Debug, PartialEq, Eq)]
enum Outline {
    Needed,
    Asked,
    Known,
}

#[derive(Debug)]
enum Stage {
    /// No source with any piece is known yet.
    Looking,
    /// The fetch is being opened.
    Opening,
    /// Pieces can be written.
    Open { missing: PieceSet, outline: Outline },
    /// All pieces are here.
    Finishing,
}

#[derive(Debug, Default)]
struct Source {
    has: Option<Has>,
    asking: bool,
    /// Not to be used before this.
    use_at: Moment,
    ask_at: Moment,
    failures: u32,
}

/// One blob being fetched.
#[derive(Debug)]
pub(super) struct Job {
    blob: Digest,
    size: u64,
    seed: u64,
    stage: Stage,
    sources: BTreeMap<NodeId, Source>,
    runs: Vec<(NodeId, Run)>,
    /// How many pieces were missing when that last changed, and when that was.
    progress: Option<(u64, Moment)>,
}

impl Job {
    pub(super) fn new(blob: Digest, size: u64, seed: u64) -> Self {
        let (sources, runs) = (BTreeMap::new(), Vec::new());
        Self { blob, size, seed, stage: Stage::Looking, sources, runs, progress: None }
    }

    pub(super) fn is_small(&self) -> bool {
        is_small(self.size)
    }

    /// Whether the driver holds an open fetch for it.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Looking)
    }

    pub(super) fn run_nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.runs.iter().map(|(node, _)| *node)
    }

    pub(super) fn has(&mut self, node: &NodeId, has: Has, now: Moment) {
        let source = self.sources.entry(*node).or_default();
        source.asking = false;
        source.failures = 0;
        source.ask_at = now.plus_ms(PIECE_MAP_MS);
        source.has = Some(has);
    }

    pub(super) fn map_missed(&mut self, node: &NodeId) {
        self.sources.entry(*node).or_default().asking = false;
    }

    pub(super) fn opened(&mut self, opened: Opened) {
        let outline = if opened.outline_known { Outline::Known } else { Outline::Needed };
        self.stage = Stage::Open { missing: opened.missing, outline };
    }

    pub(super) fn outline(&mut self, known: bool) {
        if let Stage::Open { outline, .. } = &mut self.stage {
            *outline = if known { Outline::Known } else { Outline::Needed };
        }
    }

    pub(super) fn arrived(&mut self, piece: u64) {
        if let Stage::Open { missing, .. } = &mut self.stage {
            missing.remove(piece);
        }
        // A source that delivers is not left alone ever longer, even if its runs keep breaking.
        let claimed = self.runs.iter().find(|(_, run)| run.contains(piece));
        if let Some(source) = claimed.and_then(|(node, _)| self.sources.get_mut(node)) {
            source.failures = 0;
        }
    }

    pub(super) fn run_ended(&mut self, node: &NodeId, run: Run) {
        self.runs.retain(|claimed| *claimed != (*node, run));
    }

    pub(super) fn worked(&mut self, node: &NodeId) {
        self.sources.entry(*node).or_default().failures = 0;
    }

    /// The source is of no use for a while. (One that is banned isn't offered any more.)
    pub(super) fn trouble(&mut self, node: &NodeId, trouble: Trouble, now: Moment) {
        let source = self.sources.entry(*node).or_default();
        source.failures += 1;
        source.use_at = now.plus_ms(BACK_OFF_MIN_MS << source.failures.min(5));
        if trouble == Trouble::Absent {
            source.has = None;
        }
    }

    pub(super) fn forgive(&mut self, node: &NodeId, now: Moment) {
        if let Some(source) = self.sources.get_mut(node) {
            source.use_at = source.use_at.min(now);
            source.ask_at = source.ask_at.min(now);
        }
    }

    pub(super) fn next_at(&self) -> Option<Moment> {
        let asked_again = self.sources.values().filter(|source| !source.asking);
        let given_up = self.given_up_at().filter(|_| self.sources.values().any(|source| source.asking));
        asked_again.map(|source| source.use_at.max(source.ask_at)).chain(given_up).min()
    }

    /// Adds what to do now. False: nothing is under way and nothing can be done with these sources.
    pub(super) fn plan(
        &mut self,
        usable: &BTreeSet<NodeId>,
        load: &mut Load,
        now: Moment,
        actions: &mut Vec<Action>,
    ) -> bool {
        self.sources.retain(|node, source| usable.contains(node) || source.asking);
        for node in usable {
            self.sources.entry(*node).or_default();
        }
        if is_one_piece(self.size) {
            return self.plan_whole(usable, load, now, actions);
        }
        self.note_progress(now);
        self.plan_stage(usable, load, now, actions);
        self.plan_maps(usable, now, actions);
        self.is_busy() || self.is_waiting_for_turn(usable, now) || self.is_waiting_for_pieces(now)
    }

    fn is_busy(&self) -> bool {
        let asked = matches!(self.stage, Stage::Open { outline: Outline::Asked, .. });
        asked
            || !self.runs.is_empty()
            || matches!(self.stage, Stage::Opening | Stage::Finishing)
            || self.sources.values().any(|source| source.asking && source.has.is_none())
    }

    /// Sources are still getting the blob themselves. That may never end, so the place is kept only while pieces come.
    fn is_waiting_for_pieces(&self, now: Moment) -> bool {
        self.sources.values().any(|source| source.asking) && self.given_up_at().is_none_or(|at| now < at)
    }

    fn given_up_at(&self) -> Option<Moment> {
        self.progress.map(|(_, last)| last.plus_ms(PROGRESS_MS))
    }

    fn note_progress(&mut self, now: Moment) {
        let left = match &self.stage {
            Stage::Open { missing, .. } => missing.len(),
            Stage::Looking | Stage::Opening | Stage::Finishing => piece_count(self.size),
        };
        if self.progress.is_none_or(|(before, _)| before != left) {
            self.progress = Some((left, now));
        }
    }

    /// Whether a source has something that is missing here.
    fn offers(&self, source: &Source) -> bool {
        match (&source.has, &self.stage) {
            (None, _) => false,
            (Some(has), Stage::Open { missing, .. }) => missing.iter().any(|piece| has.contains(piece)),
            (Some(_), Stage::Looking | Stage::Opening | Stage::Finishing) => true,
        }
    }

    /// A source could be used, if only it had room for another request.
    fn is_waiting_for_turn(&self, usable: &BTreeSet<NodeId>, now: Moment) -> bool {
        let ready = |node: &NodeId| self.sources.get(node).is_some_and(|source| source.use_at <= now);
        let holds = |node: &NodeId| self.sources.get(node).is_some_and(|source| self.offers(source));
        usable.iter().any(|node| ready(node) && (holds(node) || is_one_piece(self.size)))
    }

    fn plan_whole(
        &mut self,
        usable: &BTreeSet<NodeId>,
        load: &mut Load,
        now: Moment,
        actions: &mut Vec<Action>,
    ) -> bool {
        if !self.runs.is_empty() {
            return true;
        }
        let Some(node) = self.ready_by_load(usable, load, now).into_iter().find(|node| load.has_room(node, true))
        else {
            return self.is_waiting_for_turn(usable, now);
        };
        self.claim(node, Run { first: 0, count: 1 }, load);
        actions.push(Action::FetchWhole { blob: self.blob, node, size: self.size });
        true
    }

    fn plan_stage(&mut self, usable: &BTreeSet<NodeId>, load: &mut Load, now: Moment, actions: &mut Vec<Action>) {
        let blob = self.blob;
        let holders = self.holders(usable, load, now);
        match &mut self.stage {
            Stage::Looking if !holders.is_empty() => {
                self.stage = Stage::Opening;
                actions.push(Action::Open { blob, size: self.size });
            }
            Stage::Open { missing, outline: Outline::Known } if missing.is_empty() => {
                if self.runs.is_empty() {
                    self.stage = Stage::Finishing;
                    actions.push(Action::Finish { blob });
                }
            }
            Stage::Open { outline: Outline::Known, .. } => self.plan_runs(&holders, load, actions),
            Stage::Open { outline: outline @ Outline::Needed, .. } => {
                if let Some(node) = holders.first() {
                    *outline = Outline::Asked;
                    actions.push(Action::AskOutline { blob, node: *node });
                }
            }
            Stage::Looking | Stage::Opening | Stage::Open { .. } | Stage::Finishing => {}
        }
    }

    /// Asks for piece maps: of all sources that are unknown, and again of those that hadn't all.
    fn plan_maps(&mut self, usable: &BTreeSet<NodeId>, now: Moment, actions: &mut Vec<Action>) {
        if matches!(self.stage, Stage::Finishing) {
            return;
        }
        let mut asking = self.sources.values().filter(|source| source.asking).count();
        for node in usable {
            let Some(source) = self.sources.get_mut(node) else { continue };
            let ready = !source.asking && source.use_at <= now && source.ask_at <= now;
            if !ready || source.has == Some(Has::All) || asking >= PIECE_MAPS_AT_ONCE {
                continue;
            }
            let seen = match &source.has {
                Some(Has::Some(pieces)) => pieces.len(),
                Some(Has::All) | None => 0,
            };
            source.asking = true;
            asking += 1;
            actions.push(Action::AskPieces { blob: self.blob, size: self.size, node: *node, seen });
        }
    }

    fn plan_runs(&mut self, holders: &[NodeId], load: &mut Load, actions: &mut Vec<Action>) {
        let small = self.is_small();
        for _ in 0..RUNS_PER_SOURCE_MAX {
            for node in holders {
                let mine = self.runs.iter().filter(|(at, _)| at == node).count();
                if mine >= RUNS_PER_SOURCE_MAX || !load.has_room(node, small) {
                    continue;
                }
                let Some(run) = self.next_run(node, holders.len() > 1) else { continue };
                self.claim(*node, run, load);
                actions.push(Action::FetchRun { blob: self.blob, node: *node, run });
            }
        }
    }

    fn claim(&mut self, node: NodeId, run: Run, load: &mut Load) {
        self.runs.push((node, run));
        load.add(node, self.is_small());
    }

    /// The next pieces to ask `node` for: the last piece alone until it is here, then runs, from the front if there is
    /// one source, else from a place that differs from node to node, so that they can help each other.
    fn next_run(&self, node: &NodeId, spread: bool) -> Option<Run> {
        let Stage::Open { missing, .. } = &self.stage else { return None };
        let last = piece_count(self.size) - 1;
        let has = self.sources.get(node)?.has.as_ref()?;
        let free = |piece: u64| missing.contains(piece) && !self.is_claimed(piece) && has.contains(piece);
        if missing.contains(last) {
            return free(last).then_some(Run { first: last, count: 1 });
        }
        let start = if spread { self.start() } else { 0 };
        let first = (start..last).chain(0..start).find(|piece| free(*piece))?;
        let count = (first..last).take_while(|piece| *piece < first + RUN_PIECES_MAX && free(*piece)).count() as u64;
        Some(Run { first, count })
    }

    fn start(&self) -> u64 {
        let [a, b, c, d, ..] = *self.blob.as_bytes();
        let mixed = self.seed ^ u64::from(u32::from_le_bytes([a, b, c, d]));
        mixed % piece_count(self.size)
    }

    fn is_claimed(&self, piece: u64) -> bool {
        self.runs.iter().any(|(_, run)| run.contains(piece))
    }

    /// Sources that may be used now and have pieces, least busy first.
    fn holders(&self, usable: &BTreeSet<NodeId>, load: &Load, now: Moment) -> Vec<NodeId> {
        let mut nodes = self.ready_by_load(usable, load, now);
        nodes.retain(|node| self.sources.get(node).is_some_and(|source| source.has.is_some()));
        nodes
    }

    fn ready_by_load(&self, usable: &BTreeSet<NodeId>, load: &Load, now: Moment) -> Vec<NodeId> {
        let ready = |node: &&NodeId| self.sources.get(node).is_some_and(|source| source.use_at <= now);
        let mut nodes: Vec<NodeId> = usable.iter().filter(ready).copied().collect();
        nodes.sort_by_key(|node| load.of(node, self.is_small()));
        nodes
    }
}

impl Has {
    fn contains(&self, piece: u64) -> bool {
        match self {
            Self::All => true,
            Self::Some(pieces) => pieces.contains(piece),
        }
    }
}
