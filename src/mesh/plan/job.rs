//! One blob being fetched: its stage, its sources, and which pieces are asked of whom.

use std::collections::{BTreeMap, BTreeSet};

use ods_store::{Digest, NodeId, PIECE_BYTES, PieceSet, piece_count};

use super::super::limits::{
    BACK_OFF_MIN_MS, ENDGAME_LOOK_MS, FIRST_RUN_PIECES, LEFT_MAX_MS, LEFT_MIN_MS, PIECE_MAP_LAZY_MS, PIECE_MAP_MS,
    PIECE_MAPS_AT_ONCE, PROGRESS_MS, PROGRESS_SMALL_MS, RUN_MS, RUN_PIECES_MAX, RUN_SHARED_MS, RUNS_PER_SOURCE_MAX,
    SILENCE_MS, STALLED_MS,
};
use super::super::moment::Moment;
use super::choice::{Availability, Order, begin, next_run, on_their_way};
use super::meter::{Lines, Meter};
use super::{Action, Has, Opened, Run, SourceView, TransferView, Trouble, Waiting, is_one_piece, is_small};

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
    /// When it was last seen to have got more.
    grew_at: Moment,
    /// Not to be used before this.
    use_at: Moment,
    ask_at: Moment,
    failures: u32,
    meter: Meter,
}

/// What a job may use in this turn.
pub(super) struct Turn<'a> {
    /// Sources that answer and aren't banned.
    pub(super) usable: &'a BTreeSet<NodeId>,
    /// Sources whose lines are full with something more urgent.
    pub(super) taken: &'a BTreeSet<NodeId>,
    pub(super) lines: &'a mut Lines,
    /// Questions for piece maps that may still be asked and left open.
    pub(super) maps_left: &'a mut usize,
    /// Others wait for this job's place.
    pub(super) crowded: bool,
    pub(super) now: Moment,
    pub(super) actions: &'a mut Vec<Action>,
}

/// One blob being fetched.
#[derive(Debug)]
pub(super) struct Job {
    blob: Digest,
    size: u64,
    own: NodeId,
    stage: Stage,
    sources: BTreeMap<NodeId, Source>,
    runs: Vec<(NodeId, Run)>,
    /// Those of them that will soon be here: the next request to their source may be on its way.
    ending: Vec<(NodeId, Run)>,
    /// How many sources have each piece.
    availability: Availability,
    /// Pieces that readers wait for, the latest last.
    asked: Vec<u64>,
    /// How many pieces were missing when that last changed, and when that was.
    progress: Option<(u64, Moment)>,
    /// Piece maps of one source are asked for this much further apart than they must be.
    map_spacing_ms: u64,
    meter: Meter,
}

impl Job {
    pub(super) fn new(blob: Digest, size: u64, own: NodeId) -> Self {
        Self {
            blob,
            size,
            own,
            stage: Stage::Looking,
            sources: BTreeMap::new(),
            runs: Vec::new(),
            ending: Vec::new(),
            availability: Availability::none(piece_count(size)),
            asked: Vec::new(),
            progress: None,
            map_spacing_ms: 0,
            meter: Meter::default(),
        }
    }

    pub(super) fn is_small(&self) -> bool {
        is_small(self.size)
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Whether the driver holds an open fetch for it.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Looking)
    }

    /// Sources that are asked for as much at once as one may be.
    pub(super) fn full_sources(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.sources.keys().filter(|node| !self.may_ask(node)).copied()
    }

    pub(super) fn has(&mut self, node: &NodeId, has: Has, now: Moment) {
        let source = self.sources.entry(*node).or_default();
        (source.asking, source.failures) = (false, 0);
        source.ask_at = now.plus_ms(PIECE_MAP_MS);
        self.availability.change(source.has.as_ref(), Some(&has));
        if source.has.as_ref() != Some(&has) {
            source.grew_at = now;
        }
        source.has = Some(has);
    }

    /// A source was asked for the only piece and hasn't got it yet.
    pub(super) fn lacks(&mut self, node: &NodeId, now: Moment) {
        self.has(node, Has::Some(PieceSet::none(piece_count(self.size))), now);
        self.sources.entry(*node).or_default().ask_at = now;
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

    pub(super) fn asked(&mut self, pieces: Vec<u64>) {
        self.asked = pieces;
    }

    pub(super) fn arrived(&mut self, node: &NodeId, piece: u64, now: Moment) {
        if let Stage::Open { missing, .. } = &mut self.stage {
            missing.remove(piece);
        }
        self.meter.came(PIECE_BYTES.min(self.size), now);
        // A source that delivers is not left alone ever longer, even if its runs keep breaking.
        if let Some(source) = self.sources.get_mut(node) {
            source.failures = 0;
            source.meter.came(PIECE_BYTES.min(self.size), now);
        }
    }

    pub(super) fn run_ending(&mut self, node: &NodeId, run: Run) {
        let claim = (*node, run);
        if self.runs.contains(&claim) && !self.ending.contains(&claim) {
            self.ending.push(claim);
        }
    }

    pub(super) fn run_ended(&mut self, node: &NodeId, run: Run, now: Moment) {
        let Some(at) = self.runs.iter().position(|claimed| *claimed == (*node, run)) else { return };
        self.runs.swap_remove(at);
        self.ending.retain(|claimed| *claimed != (*node, run));
        self.meter.end(now);
        if let Some(source) = self.sources.get_mut(node) {
            source.meter.end(now);
        }
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
            let before = source.has.take();
            self.availability.change(before.as_ref(), None);
        }
    }

    pub(super) fn forgive(&mut self, nodes: &[NodeId], now: Moment) {
        for node in nodes {
            if let Some(source) = self.sources.get_mut(node) {
                source.use_at = source.use_at.min(now);
                source.ask_at = source.ask_at.min(now);
            }
        }
    }

    /// When there may be something to do although nothing happened.
    pub(super) fn next_at(&self, now: Moment) -> Option<Moment> {
        let of_source = |source: &Source| {
            let at = if source.has == Some(Has::All) {
                source.use_at
            } else {
                source.use_at.max(source.ask_at.plus_ms(self.map_spacing_ms))
            };
            (!source.asking && at > now).then_some(at)
        };
        let given_up = self.given_up_at().filter(|at| *at > now);
        // Whether another would bring a piece sooner, and whether what was left to others is left any longer.
        let look = (self.is_open() || !self.runs.is_empty()).then(|| now.plus_ms(ENDGAME_LOOK_MS));
        self.sources.values().filter_map(of_source).chain(given_up).chain(look).min()
    }

    /// Adds what to do now. False: nothing is under way and nothing can be done with these sources.
    pub(super) fn plan(&mut self, turn: &mut Turn<'_>) -> bool {
        self.take_sources(turn.usable);
        self.note_progress(turn.now);
        let starved = if is_one_piece(self.size) {
            self.plan_whole(turn);
            true
        } else {
            self.plan_stage(turn)
        };
        self.plan_maps(turn, starved);
        self.is_busy() || self.is_waiting_for_turn(turn) || self.is_waiting_for_pieces(turn)
    }

    fn take_sources(&mut self, usable: &BTreeSet<NodeId>) {
        let availability = &mut self.availability;
        self.sources.retain(|node, source| {
            let stays = usable.contains(node) || source.asking || source.meter.owing() > 0;
            if !usable.contains(node) {
                availability.change(source.has.take().as_ref(), None);
            }
            stays
        });
        for node in usable {
            self.sources.entry(*node).or_default();
        }
    }

    fn is_busy(&self) -> bool {
        let asked = matches!(self.stage, Stage::Open { outline: Outline::Asked, .. });
        asked
            || !self.runs.is_empty()
            || matches!(self.stage, Stage::Opening | Stage::Finishing)
            || self.sources.values().any(|source| source.asking && source.has.is_none())
    }

    /// Sources are still getting the blob themselves. That may never end, so a place that others need is kept only while
    /// pieces come.
    fn is_waiting_for_pieces(&self, turn: &Turn<'_>) -> bool {
        let patient = !turn.crowded || self.given_up_at().is_none_or(|at| turn.now < at);
        let brings_more = |source: &Source| source.asking || matches!(source.has, Some(Has::Some(_)));
        patient && self.sources.values().any(brings_more)
    }

    fn given_up_at(&self) -> Option<Moment> {
        let patience_ms = if self.is_small() { PROGRESS_SMALL_MS } else { PROGRESS_MS };
        self.progress.map(|(_, last)| last.plus_ms(patience_ms))
    }

    fn note_progress(&mut self, now: Moment) {
        let left = self.missing().map_or_else(|| piece_count(self.size), PieceSet::len);
        if self.progress.is_none_or(|(before, _)| before != left) {
            self.progress = Some((left, now));
        }
    }

    fn missing(&self) -> Option<&PieceSet> {
        match &self.stage {
            Stage::Open { missing, .. } => Some(missing),
            Stage::Looking | Stage::Opening | Stage::Finishing => None,
        }
    }

    /// Whether a source has something that is missing here.
    fn offers(&self, source: &Source) -> bool {
        match (&source.has, self.missing()) {
            (None, _) => is_one_piece(self.size),
            (Some(has), Some(missing)) => has.offers(missing),
            (Some(has), None) => !has.is_empty(),
        }
    }

    /// A source could be used, if only it had room for another request.
    fn is_waiting_for_turn(&self, turn: &Turn<'_>) -> bool {
        turn.usable
            .iter()
            .filter_map(|node| self.sources.get(node))
            .any(|source| source.use_at <= turn.now && self.offers(source))
    }

    fn plan_whole(&mut self, turn: &mut Turn<'_>) {
        let holders = self.holders(turn);
        let may = |node: &NodeId| turn.lines.has_room(node, true) && self.would_help(node, turn);
        if let Some(node) = holders.into_iter().find(may) {
            self.claim(node, Run { first: 0, count: 1 }, turn);
            turn.actions.push(Action::FetchWhole { blob: self.blob, node, size: self.size });
        }
    }

    /// Tells whether a source could do more than there is to do.
    fn plan_stage(&mut self, turn: &mut Turn<'_>) -> bool {
        let blob = self.blob;
        let holders = self.holders(turn);
        match &mut self.stage {
            Stage::Looking if !holders.is_empty() => {
                self.stage = Stage::Opening;
                turn.actions.push(Action::Open { blob, size: self.size });
            }
            // Whoever still sends a piece that came from another stops by itself.
            Stage::Open { missing, outline: Outline::Known } if missing.is_empty() => {
                self.stage = Stage::Finishing;
                turn.actions.push(Action::Finish { blob });
            }
            Stage::Open { outline: Outline::Known, .. } => return self.plan_runs(&holders, turn),
            Stage::Open { outline: outline @ Outline::Needed, .. } => {
                if let Some(node) = holders.first() {
                    *outline = Outline::Asked;
                    turn.actions.push(Action::AskOutline { blob, node: *node });
                }
            }
            Stage::Looking | Stage::Opening | Stage::Open { .. } | Stage::Finishing => {}
        }
        true
    }

    /// Asks for piece maps: of all sources that are unknown, which answer at once; and again of those that hadn't all, which
    /// answer when they have more.
    fn plan_maps(&mut self, turn: &mut Turn<'_>, starved: bool) {
        if matches!(self.stage, Stage::Finishing) {
            return;
        }
        // Many sources tell as much together as one that is asked often.
        let partial = self.sources.values().filter(|source| matches!(source.has, Some(Has::Some(_)))).count() as u64;
        let lazy_ms = PIECE_MAP_LAZY_MS - PIECE_MAP_MS;
        self.map_spacing_ms = if starved { lazy_ms.min(partial.saturating_sub(1) * PIECE_MAP_MS) } else { lazy_ms };
        let one_piece = is_one_piece(self.size);
        let mut waiting = self.sources.values().filter(|source| source.asking && source.has.is_some()).count();
        for node in turn.usable {
            let Some(source) = self.sources.get_mut(node) else { continue };
            if source.asking || source.use_at > turn.now {
                continue;
            }
            let seen = match &source.has {
                None if one_piece => continue,
                Some(Has::All) => continue,
                None => None,
                Some(Has::Some(pieces)) => Some(pieces.len()),
            };
            if seen.is_some() {
                let due = source.ask_at.plus_ms(self.map_spacing_ms) <= turn.now;
                if !due || waiting >= PIECE_MAPS_AT_ONCE || *turn.maps_left == 0 {
                    continue;
                }
                (waiting, *turn.maps_left) = (waiting + 1, *turn.maps_left - 1);
            }
            source.asking = true;
            turn.actions.push(Action::AskPieces { blob: self.blob, size: self.size, node: *node, seen });
        }
    }

    fn plan_runs(&mut self, holders: &[NodeId], turn: &mut Turn<'_>) -> bool {
        let small = self.is_small();
        let mut starved = false;
        for _ in 0..RUNS_PER_SOURCE_MAX {
            for node in holders {
                if !self.may_ask(node) || !turn.lines.has_room(node, small) {
                    continue;
                }
                let run = self.next_run(node, holders.len(), turn).or_else(|| self.duplicate(node, turn));
                let Some(run) = run else {
                    starved = true;
                    continue;
                };
                self.claim(*node, run, turn);
                turn.actions.push(Action::FetchRun { blob: self.blob, size: self.size, node: *node, run });
            }
        }
        starved || holders.is_empty() || holders.iter().any(|node| !self.has_more(node))
    }

    /// Whether a source has something that nobody was asked for.
    fn has_more(&self, node: &NodeId) -> bool {
        let has = self.sources.get(node).and_then(|source| source.has.as_ref());
        self.free().zip(has).is_some_and(|(free, has)| has.offers(&free))
    }

    /// Missing pieces that nobody was asked for.
    fn free(&self) -> Option<PieceSet> {
        let mut free = self.missing()?.clone();
        for (_, run) in &self.runs {
            (run.first..run.first + run.count).for_each(|piece| free.remove(piece));
        }
        Some(free)
    }

    fn runs_at(&self, node: &NodeId) -> usize {
        self.runs.iter().filter(|(at, _)| at == node).count()
    }

    /// Whether a source may be asked for more: all that it was asked for will soon be here, or nothing was.
    fn may_ask(&self, node: &NodeId) -> bool {
        let runs = self.runs_at(node);
        runs < RUNS_PER_SOURCE_MAX && self.ending.iter().filter(|(at, _)| at == node).count() == runs
    }

    fn claim(&mut self, node: NodeId, run: Run, turn: &mut Turn<'_>) {
        self.runs.push((node, run));
        self.meter.begin(turn.now);
        if let Some(source) = self.sources.get_mut(&node) {
            source.meter.begin(turn.now);
        }
        turn.lines.begin(&node, self.is_small(), turn.now);
    }

    /// The next pieces to ask `node` for: the last piece alone until it is here, then what a reader waits for, then by
    /// [`Order`].
    fn next_run(&self, node: &NodeId, holders: usize, turn: &Turn<'_>) -> Option<Run> {
        let missing = self.missing()?;
        let has = self.sources.get(node)?.has.as_ref()?;
        let last = piece_count(self.size) - 1;
        if missing.contains(last) {
            // All else waits for it, so two are asked if they can be: one of them may be slow. If both are, others are.
            let asked = self.runs.iter().filter(|(_, run)| run.contains(last)).count();
            let again = self.runs_at(node) == 0 && (asked < 2 || self.would_help(node, turn));
            return (again && has.contains(last)).then_some(Run { first: last, count: 1 });
        }
        let free = self.free()?;
        let (order, pieces_max) = self.order(node, holders, turn);
        let free = if matches!(order, Order::Rarest { .. }) {
            free.minus(&self.left_to_others(&free, node, turn))
        } else {
            free
        };
        let asked = self.asked.iter().rev().find(|piece| free.contains(**piece) && has.contains(**piece));
        let order = asked.map_or(order, |piece| Order::From(*piece));
        next_run(&free, has, &self.availability, order, pieces_max)
    }

    /// Whether to ask `node` for the one piece that all waits for: nobody else was, or they owe it for far longer than `node`
    /// takes. If nothing is known of `node` it is tried with one such piece, once the others were silent for long.
    fn would_help(&self, node: &NodeId, turn: &Turn<'_>) -> bool {
        let line = turn.lines.meter(node);
        let soon_ms = line.eta_ms(PIECE_BYTES.min(self.size), line.owing() + 1, turn.now);
        let late_ms = match soon_ms {
            Some(soon_ms) => STALLED_MS.max(2 * soon_ms + ENDGAME_LOOK_MS),
            None if line.owing() == 0 => SILENCE_MS,
            None => u64::MAX,
        };
        let is_late = |other: &NodeId| {
            let meter = self.sources.get(other).map(|source| source.meter).unwrap_or_default();
            other != node && meter.silent_ms(turn.now) > late_ms
        };
        self.runs.iter().all(|(other, _)| is_late(other))
    }

    /// In which order, and how many pieces at once: as many as come in a short time, so that a slow source holds little.
    fn order(&self, node: &NodeId, holders: usize, turn: &Turn<'_>) -> (Order, u64) {
        // Who hasn't said that it has all may be getting it too: if nodes that begin together all began with the first pieces,
        // the source would send those to each of them.
        let others = self.hungry(turn);
        let share = others.len() as u64 + 1;
        let order = match self.asked.last() {
            Some(piece) => Order::From(*piece),
            None if others.is_empty() => Order::From(0),
            None => {
                let rank = others.iter().filter(|node| ***node < self.own).count() as u64;
                Order::Rarest { first: begin(rank, share, piece_count(self.size)), hungry: share }
            }
        };
        let is_shared = self.sources.values().any(|source| matches!(source.has, Some(Has::Some(_))));
        let run_ms = if is_shared { RUN_SHARED_MS } else { RUN_MS };
        let meter = turn.lines.meter(node);
        let rate = meter.rate(turn.now) / (meter.owing() as u64 + 1);
        let unknown = if holders == 1 && others.is_empty() { FIRST_RUN_PIECES } else { 1 };
        let pieces = if rate == 0 { unknown } else { rate.saturating_mul(run_ms) / 1000 / PIECE_BYTES };
        (order, pieces.clamp(1, RUN_PIECES_MAX))
    }

    /// Other nodes that may be getting it too, in the order of their parts.
    fn hungry<'a>(&self, turn: &'a Turn<'_>) -> Vec<&'a NodeId> {
        let hungry = |other: &&NodeId| self.sources.get(*other).is_none_or(|source| source.has != Some(Has::All));
        turn.usable.iter().filter(hungry).collect()
    }

    /// Pieces not to ask `node` for yet: the next ones of others that gave something, so that they get it from elsewhere than
    /// from here, and that got more within the time in which `node` would have brought it.
    fn left_to_others(&self, free: &PieceSet, node: &NodeId, turn: &Turn<'_>) -> PieceSet {
        let soon_ms = self.sources.get(node).and_then(|source| source.meter.eta_ms(PIECE_BYTES, 1, turn.now));
        let Some(soon_ms) = soon_ms else { return PieceSet::none(free.count()) };
        let patience_ms = (2 * soon_ms).clamp(LEFT_MIN_MS, LEFT_MAX_MS);
        let gets_on = |source: &Source| {
            let grows = turn.now < source.grew_at.plus_ms(patience_ms);
            grows && source.has.is_some() && source.meter.has_brought()
        };
        let others = self.hungry(turn);
        let parts = others.iter().zip(0..).filter(|(other, _)| self.sources.get(other).is_some_and(gets_on));
        let parts = parts.map(|(other, at): (_, u64)| at + u64::from(self.own < **other));
        on_their_way(free, &self.availability, parts, others.len() as u64 + 1)
    }

    /// A piece that another source owes and that `node` would bring far sooner: at the very end, when every missing piece is
    /// asked of someone, or when a reader waits for it.
    fn duplicate(&self, node: &NodeId, turn: &Turn<'_>) -> Option<Run> {
        let (missing, has) = (self.missing()?, self.sources.get(node)?.has.as_ref()?);
        let line = turn.lines.meter(node);
        let soon_ms = line.eta_ms(PIECE_BYTES, line.owing() + 1, turn.now)?;
        let is_claimed_once = |piece: u64| self.runs.iter().filter(|(_, run)| run.contains(piece)).count() == 1;
        let at_the_end = missing.iter().all(|piece| self.runs.iter().any(|(_, run)| run.contains(piece)));
        let mut slowest: Option<(u64, u64)> = None;
        for (other, run) in self.runs.iter().filter(|(other, _)| other != node) {
            let owed = (run.first..run.first + run.count).filter(|piece| missing.contains(*piece));
            for (piece, before) in owed.zip(1..) {
                let eligible = has.contains(piece) && is_claimed_once(piece);
                if !eligible || !(at_the_end || self.asked.contains(&piece)) {
                    continue;
                }
                let theirs = turn.lines.meter(other);
                let eta_ms = theirs.eta_ms(before * PIECE_BYTES, theirs.owing(), turn.now).unwrap_or(u64::MAX);
                if eta_ms > 2 * soon_ms + ENDGAME_LOOK_MS && slowest.is_none_or(|(worst_ms, _)| eta_ms >= worst_ms) {
                    slowest = Some((eta_ms, piece));
                }
            }
        }
        slowest.map(|(_, piece)| Run { first: piece, count: 1 })
    }

    /// Sources that may be used now and may have something, least busy first.
    fn holders(&self, turn: &Turn<'_>) -> Vec<NodeId> {
        let small = self.is_small();
        let may = |node: &&NodeId| {
            let source = self.sources.get(node);
            let free = small || !turn.taken.contains(*node);
            free && source.is_some_and(|source| source.use_at <= turn.now && self.offers(source))
        };
        let mut nodes: Vec<NodeId> = turn.usable.iter().filter(may).copied().collect();
        nodes.sort_by_key(|node| turn.lines.load(node, small));
        nodes
    }

    /// How it stands, for people.
    pub(super) fn view(&self, now: Moment, usable: &BTreeSet<NodeId>) -> TransferView {
        let missing = self.missing().map_or_else(|| piece_count(self.size), PieceSet::len);
        let missing = if matches!(self.stage, Stage::Finishing) { 0 } else { missing };
        let sources = self.sources.iter().filter(|(_, source)| source.meter.owing() > 0);
        let waiting = match self.stage {
            _ if !self.runs.is_empty() => None,
            Stage::Finishing => Some(Waiting::Disk),
            _ if usable.is_empty() => Some(Waiting::NoPeer),
            _ if self.sources.values().any(|source| self.offers(source)) => Some(Waiting::Turn),
            _ if self.sources.values().any(|source| source.asking) => Some(Waiting::Pieces),
            _ => Some(Waiting::NoSource),
        };
        TransferView {
            blob: self.blob,
            size: self.size,
            bytes_done: self.size.saturating_sub(missing * PIECE_BYTES),
            rate_bytes_per_s: if self.runs.is_empty() { 0 } else { self.meter.rate(now) },
            sources: sources
                .map(|(node, source)| SourceView { node: *node, rate_bytes_per_s: source.meter.rate(now) })
                .collect(),
            waiting,
        }
    }
}
