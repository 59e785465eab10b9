//! Planners of several nodes on a simulated network with lines of given speed: how long until all have a blob, how much is
//! sent twice, and that no graph of nodes ever stands still. Time is virtual; a run is a function of its parameters.

use std::collections::{BTreeMap, BTreeSet};

use ods_store::{PIECE_BYTES, UnixMillis, WantReason};
use proptest::prelude::*;

use super::super::limits::{LEAD_MS, PIECES_WAIT_MS};
use super::*;

const STEP_MS: u64 = 2;
const BLOB: Digest = Digest::from_bytes([7; 32]);

fn id(node: usize) -> NodeId {
    NodeId::from_bytes([u8::try_from(node + 1).expect("few nodes"); 32])
}

#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct SimNode {
    planner: Planner,
    have: PieceSet,
    wants: bool,
    outline: bool,
    sealed: bool,
    online: bool,
    /// It answers, and asks for nothing more.
    hangs: bool,
    /// Bytes a millisecond.
    up: u64,
    sent: u64,
    done_at: Option<u64>,
}

/// Something on its way between two nodes.
struct Going {
    to: usize,
    from: usize,
    what: What,
}

enum What {
    Map { seen: Option<u64>, since: u64 },
    Outline { due: u64 },
    Run { run: Run, due: u64, piece: u64, left: u64 },
}

struct Net {
    now: u64,
    size: u64,
    nodes: Vec<SimNode>,
    links: BTreeSet<(usize, usize)>,
    latency_ms: u64,
    going: Vec<Going>,
    /// Runs that share each node's line out, and in, in this step.
    sharing: BTreeMap<(bool, usize), u64>,
    dice: Dice,
    /// One in so many runs breaks at each piece; 0: none does.
    breaks: u64,
}

impl Net {
    /// Nodes on the same blob; the first has it, all others want it.
    fn new(pieces: u64, up: &[u64], links: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let node = |(at, up): (usize, &u64)| SimNode {
            planner: Planner::new(id(at), at as u64),
            have: if at == 0 { PieceSet::all(pieces) } else { PieceSet::none(pieces) },
            wants: at != 0,
            outline: at == 0,
            sealed: at == 0,
            online: true,
            hangs: false,
            up: *up,
            sent: 0,
            done_at: None,
        };
        let links = links.into_iter().flat_map(|(a, b)| [(a, b), (b, a)]).collect();
        let nodes = up.iter().enumerate().map(node).collect();
        let size = pieces * PIECE_BYTES;
        let mut net = Self {
            now: 0,
            size,
            nodes,
            links,
            latency_ms: 2,
            going: vec![],
            sharing: BTreeMap::new(),
            dice: Dice::new(1),
            breaks: 0,
        };
        for at in 0..net.nodes.len() {
            net.tell_wants(at);
            net.tell_sources(at);
        }
        net
    }

    fn tell_wants(&mut self, at: usize) {
        let (size, now) = (self.size, Moment::new(self.now));
        let node = &mut self.nodes[at];
        let want = Want {
            blob: BLOB,
            size,
            since: UnixMillis::new(0),
            newest_at: UnixMillis::new(0),
            asked_at: None,
            reason: WantReason::Release,
        };
        let wants = if node.wants && !node.sealed { vec![want] } else { vec![] };
        node.planner.set_wants(wants, now);
    }

    fn tell_sources(&mut self, at: usize) {
        let up = |other: &usize| self.links.contains(&(at, *other)) && self.nodes[*other].online;
        let sources = (0..self.nodes.len()).filter(up).map(id).collect();
        let now = Moment::new(self.now);
        self.nodes[at].planner.set_sources(sources, now);
    }

    fn set_online(&mut self, at: usize, online: bool) {
        self.nodes[at].online = online;
        (0..self.nodes.len()).for_each(|other| self.tell_sources(other));
    }

    fn step(&mut self) {
        self.now += STEP_MS;
        for at in (0..self.nodes.len()).filter(|at| !self.nodes[*at].hangs).collect::<Vec<_>>() {
            let actions = self.nodes[at].planner.actions(Moment::new(self.now));
            for action in actions {
                self.perform(at, action);
            }
        }
        self.sharing.clear();
        for going in &self.going {
            if matches!(going.what, What::Run { due, .. } if due <= self.now) {
                *self.sharing.entry((false, going.from)).or_default() += 1;
                *self.sharing.entry((true, going.to)).or_default() += 1;
            }
        }
        for going in std::mem::take(&mut self.going) {
            if let Some(going) = self.advance(going) {
                self.going.push(going);
            }
        }
    }

    fn perform(&mut self, to: usize, action: Action) {
        let (now, moment) = (self.now, Moment::new(self.now));
        let node_of = |node: NodeId| usize::from(node.as_bytes()[0]) - 1;
        let due = now + 2 * self.latency_ms;
        let (from, what) = match action {
            Action::AskPieces { node, seen, .. } => (node_of(node), What::Map { seen, since: now }),
            Action::AskOutline { node, .. } => (node_of(node), What::Outline { due }),
            Action::FetchRun { node, run, .. } => {
                (node_of(node), What::Run { run, due, piece: run.first, left: PIECE_BYTES })
            }
            Action::FetchWhole { node, .. } => {
                let run = Run { first: 0, count: 1 };
                (node_of(node), What::Run { run, due, piece: 0, left: PIECE_BYTES })
            }
            Action::Open { .. } => {
                let node = &mut self.nodes[to];
                let opened = Opened { missing: node.have.complement(), outline_known: node.outline };
                return node.planner.opened(&BLOB, Some(opened), moment);
            }
            Action::Finish { .. } => {
                let node = &mut self.nodes[to];
                assert!(node.have.is_full(), "finished with pieces missing");
                (node.sealed, node.done_at) = (true, Some(now));
                return node.planner.finished(&BLOB, true, moment);
            }
            Action::Close { .. } => return,
        };
        self.going.push(Going { to, from, what });
    }

    /// A run's part of its source's line in this step. The receiver's line is as fast as its own way up.
    fn share(&self, to: usize, from: usize) -> u64 {
        let of = |way: bool, node: usize| {
            self.nodes[node].up * STEP_MS / self.sharing.get(&(way, node)).copied().unwrap_or(1).max(1)
        };
        of(false, from).min(of(true, to))
    }

    fn advance(&mut self, going: Going) -> Option<Going> {
        let (now, Going { to, from, what }) = (Moment::new(self.now), going);
        let online = self.nodes[from].online && self.nodes[to].online;
        match what {
            What::Map { seen, since } => {
                let source = &self.nodes[from];
                let waits = self.now < since + 2 * self.latency_ms || {
                    let news = source.sealed || seen.is_none_or(|seen| source.have.len() > seen);
                    source.wants && !news && self.now < since + u64::from(PIECES_WAIT_MS)
                };
                let answer = match () {
                    () if !online => Err(Trouble::Failed),
                    () if waits => return Some(Going { to, from, what: What::Map { seen, since } }),
                    () if source.sealed => Ok(Has::All),
                    () if source.wants || !source.have.is_empty() => Ok(Has::Some(source.have.clone())),
                    () => Err(Trouble::Absent),
                };
                self.nodes[to].planner.pieces(&BLOB, &id(from), answer, now);
            }
            What::Outline { due } if online && self.now < due => {
                return Some(Going { to, from, what: What::Outline { due } });
            }
            What::Outline { .. } => {
                let there = online && self.nodes[from].outline;
                self.nodes[to].outline |= there;
                let result = if there { Ok(()) } else { Err(StepError::Source(Trouble::Failed)) };
                self.nodes[to].planner.outline(&BLOB, &id(from), result, now);
            }
            What::Run { run, due, piece, left } => {
                return self.advance_run(to, from, (run, due, piece, left), online);
            }
        }
        None
    }

    fn advance_run(
        &mut self,
        to: usize,
        from: usize,
        (run, due, mut piece, mut left): (Run, u64, u64, u64),
        online: bool,
    ) -> Option<Going> {
        let now = Moment::new(self.now);
        let goes_on = |piece, left| Some(Going { to, from, what: What::Run { run, due, piece, left } });
        let ends = |net: &mut Self, result: Result<(), StepError>| {
            if net.size <= PIECE_BYTES {
                (net.nodes[to].sealed, net.nodes[to].done_at) = (result.is_ok(), Some(net.now));
                net.nodes[to].planner.whole_ended((&BLOB, net.size), &id(from), result, now);
            } else {
                net.nodes[to].planner.run_ended((&BLOB, net.size), &id(from), run, result, now);
            }
            None
        };
        if !online {
            return ends(self, Err(StepError::Source(Trouble::Failed)));
        }
        if self.now < due {
            return goes_on(piece, left);
        }
        if !(run.first..run.first + run.count).all(|piece| self.nodes[from].have.contains(piece)) {
            return ends(self, Err(StepError::Source(Trouble::Absent)));
        }
        let rest =
            |net: &Self, piece: u64| !(piece..run.first + run.count).all(|piece| net.nodes[to].have.contains(piece));
        if !rest(self, piece) {
            return ends(self, Ok(()));
        }
        let mut budget = self.share(to, from);
        if piece + 1 == run.first + run.count && left <= budget * (LEAD_MS + 2 * self.latency_ms) / STEP_MS {
            self.nodes[to].planner.run_ending(&BLOB, &id(from), run);
        }
        while budget >= left {
            budget -= left;
            self.nodes[from].sent += PIECE_BYTES;
            self.nodes[to].have.insert(piece);
            if self.size > PIECE_BYTES {
                self.nodes[to].planner.piece_arrived(&BLOB, &id(from), piece, now);
            }
            (piece, left) = (piece + 1, PIECE_BYTES);
            if !rest(self, piece) {
                return ends(self, Ok(()));
            }
            if self.breaks > 0 && self.dice.below(self.breaks) == 0 {
                return ends(self, Err(StepError::Source(Trouble::Failed)));
            }
        }
        goes_on(piece, left - budget)
    }

    fn is_done(&self) -> bool {
        self.nodes.iter().all(|node| node.sealed || node.hangs || !node.wants)
    }

    /// Runs until all have it, and tells how many milliseconds that took; panics when it takes longer than this.
    #[track_caller]
    fn run(&mut self, within_ms: u64) -> u64 {
        let until = self.now + within_ms;
        while !self.is_done() {
            assert!(self.now < until, "{} of {} nodes have it", self.done(), self.nodes.len());
            self.step();
        }
        self.now
    }

    fn done(&self) -> usize {
        self.nodes.iter().filter(|node| node.sealed).count()
    }
}

/// 200 Mbit/s.
const WIRE: u64 = 25_000;

fn wire_ms(pieces: u64) -> u64 {
    pieces * PIECE_BYTES / WIRE
}

fn ratio(took_ms: u64, pieces: u64) -> f64 {
    let number = |ms: u64| f64::from(u32::try_from(ms).expect("a simulation is short"));
    number(took_ms) / number(wire_ms(pieces))
}

#[test]
fn a_chain_takes_hardly_longer_than_one_hop() {
    let mut net = Net::new(200, &[WIRE; 5], (0..4).map(|at| (at, at + 1)));
    let took = ratio(net.run(60_000), 200);
    let done: Vec<_> = net.nodes.iter().map(|node| (node.done_at, node.sent * 100 / net.size)).collect();
    assert!(took <= 1.035, "{took}: {done:?}");
    for node in &net.nodes[..4] {
        assert!(node.sent <= net.size * 101 / 100, "{} of {} bytes", node.sent, net.size);
    }
}

#[test]
fn in_a_full_mesh_the_origin_sends_little_more_than_once() {
    let links = (0..8).flat_map(|a| (0..a).map(move |b| (a, b)));
    let mut net = Net::new(200, &[WIRE; 8], links);
    let took = ratio(net.run(60_000), 200);
    let sent = net.nodes[0].sent * 100 / net.size;
    assert!(took <= 1.1 && sent <= 108, "{took} of the wire time, the origin sent {sent} %");
}

#[test]
fn what_is_left_to_a_node_that_goes_or_hangs_is_had_all_the_same() {
    for goes in [true, false] {
        let links = (0..8).flat_map(|a| (0..a).map(move |b| (a, b)));
        let mut net = Net::new(200, &[WIRE; 8], links);
        while net.now < wire_ms(200) * 9 / 10 {
            net.step();
        }
        (net.nodes[3].wants, net.nodes[3].hangs) = (!goes, !goes);
        net.set_online(3, !goes);
        let took = ratio(net.run(60_000), 200);
        let sent = net.nodes[0].sent * 100 / net.size;
        assert!(took <= 1.2 && sent <= 115, "{took} of the wire time, the origin sent {sent} %; it goes: {goes}");
    }
}

#[test]
fn a_slow_source_beside_a_fast_one_does_not_hold_it_up() {
    let mut net = Net::new(100, &[WIRE, WIRE / 100, 4 * WIRE], [(0, 2), (1, 2)]);
    net.nodes[1].have = PieceSet::all(100);
    (net.nodes[1].sealed, net.nodes[1].outline) = (true, true);
    let took = ratio(net.run(60_000), 100);
    assert!(took <= 1.1, "{took}");
}

#[test]
fn two_equal_sources_share_the_work() {
    let mut net = Net::new(200, &[WIRE, WIRE, 2 * WIRE], [(0, 2), (1, 2)]);
    net.nodes[1].have = PieceSet::all(200);
    (net.nodes[1].sealed, net.nodes[1].outline) = (true, true);
    let took = ratio(net.run(60_000), 200);
    assert!(took <= 0.6, "{took}");
    assert!(net.nodes[0].sent + net.nodes[1].sent <= net.size * 101 / 100);
}

#[test]
fn a_source_that_goes_in_the_middle_is_replaced_without_a_pause() {
    let mut net = Net::new(200, &[WIRE; 3], [(0, 2), (1, 2)]);
    net.nodes[1].have = PieceSet::all(200);
    (net.nodes[1].sealed, net.nodes[1].outline) = (true, true);
    while net.now < wire_ms(200) / 4 {
        net.step();
    }
    net.set_online(0, false);
    let took = ratio(net.run(60_000), 200);
    assert!(took <= 1.1, "{took}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whoever has which pieces, whatever breaks and whoever goes and comes: once that stops, all that can have it have it.
    #[test]
    fn no_graph_of_nodes_stands_still(
        pieces in 1u64..24,
        nodes in 2usize..9,
        extra in proptest::collection::vec((0usize..9, 0usize..9), 0..12),
        holders in proptest::collection::vec(0usize..9, 24),
        away in proptest::collection::vec((1usize..9, 0u64..3000), 0..6),
        scattered: bool,
    ) {
        // A random tree keeps them together; further links make cycles.
        let tree = (1..nodes).map(|at| (at, extra.get(at).map_or(0, |(a, _)| a % at)));
        let more = extra.iter().map(|(a, b)| (a % nodes, b % nodes)).filter(|(a, b)| a != b);
        let links: Vec<_> = tree.chain(more).collect();
        let mut net = Net::new(pieces, &vec![WIRE; nodes], links);
        if scattered && pieces > 1 {
            // Nobody has all: every piece is somewhere.
            net.nodes[0].have = PieceSet::none(pieces);
            (net.nodes[0].sealed, net.nodes[0].wants) = (false, true);
            for (piece, holder) in (0..pieces).zip(holders) {
                net.nodes[holder % nodes].have.insert(piece);
            }
            net.nodes.iter_mut().for_each(|node| node.outline = !node.have.is_empty());
            net.tell_wants(0);
        }
        net.breaks = 5;
        for (at, until) in away {
            net.set_online(at % nodes, false);
            while net.now < until {
                net.step();
            }
            net.set_online(at % nodes, true);
        }
        net.breaks = 0;
        net.run(120_000);
    }
}
