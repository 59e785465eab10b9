//! What happens in a run, drawn from a seed before it begins: who joins whom, then steps at times. Steps name machines and
//! paths by numbers that are taken modulo what there is, and one that makes no sense where it comes is passed over: so any
//! part of a script is a script, and a failing one can be cut down.

use std::collections::BTreeSet;

use ods_store::Role;

use super::episodes::{self, Episodes};
use super::network::{SLOW, Weather};
use super::random::Random;

/// A run.
#[derive(Debug, Clone)]
pub(super) struct Script {
    /// Draws everything that isn't in the script: latencies, losses, keys.
    pub(super) seed: u64,
    /// Machines that found the meshes: machine 0 the first, then `second_mesh` further ones a mesh of their own.
    pub(super) founders: Vec<Founder>,
    /// Machines that may join later, or take a clone.
    pub(super) spares: usize,
    /// Links beyond those of the joins.
    pub(super) links: Vec<(usize, usize)>,
    /// Machines that nobody can call from when all have joined.
    pub(super) firewalled: Vec<usize>,
    /// Whether all cursors are looked at after each commit, not just some now and then.
    pub(super) watched: bool,
    /// What happens, in order of time.
    pub(super) steps: Vec<(u64, Step)>,
}

/// A machine that is there from the beginning.
#[derive(Debug, Clone, Copy)]
pub(super) struct Founder {
    /// Whose invite it took; none founds a mesh.
    pub(super) via: Option<usize>,
    /// As what.
    pub(super) role: Role,
    /// How wrong its clock is.
    pub(super) clock_error_ms: i64,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// New bytes at a path.
    Publish { machine: usize, path: usize, size: usize },
    /// Bytes at a path that others publish, too.
    PublishSame { machine: usize, path: usize, content: usize },
    /// The same bytes at a path, with a new tag.
    Retag { machine: usize, path: usize, tag: usize },
    /// An earlier revision again.
    Restore { machine: usize, path: usize, which: usize },
    /// A package goes.
    Remove { machine: usize, path: usize },
    /// The process is killed and started again later.
    Kill { machine: usize, down_ms: u64 },
    /// The node stops in good order and starts again later.
    Stop { machine: usize, down_ms: u64 },
    /// The power fails at a later operation of the disk; some time after that the machine starts again.
    Doom { machine: usize, operations: u64, down_ms: u64 },
    /// The disk is copied as it is.
    Snapshot { machine: usize },
    /// The last copy is put back; perhaps somebody publishes there before the node runs again.
    RollBack { machine: usize, then_publish: Option<usize> },
    /// A backup is made while the node runs.
    BackUp { machine: usize },
    /// The last backup is restored in place of what the disk holds; perhaps somebody publishes before the node runs again.
    Recover { machine: usize, then_publish: Option<usize> },
    /// A spare machine runs what another's disk holds, key and all.
    Clone { machine: usize, for_ms: u64 },
    /// A line is cut for a while.
    Cut { one: usize, other: usize, for_ms: u64 },
    /// A machine that is there from the beginning moves behind a firewall: from now on nobody can call it.
    MoveBehind { machine: usize },
    /// The machines fall into two parts for a while.
    Partition { part: u64, for_ms: u64 },
    /// The network gets better or worse.
    Weather { lost: u64, doubled: u64, latency_ms: u64, slow: u64, bent: u64 },
    /// A machine sends so slowly for a while that it is worse than silence.
    Drip { machine: usize, for_ms: u64 },
    /// A machine sends and takes bytes of blobs no faster than this, in bytes a second.
    Limit { machine: usize, down: Option<u64>, up: Option<u64> },
    /// A spare machine joins.
    Join { via: usize, role: usize },
    /// One that has published at two paths does, as a publisher of the first.
    JoinWithin { via: usize, path: usize },
    /// An owner of one mesh redeems an owner's invite of the other.
    Merge { one: usize, other: usize },
    /// A link is added.
    Link { one: usize, other: usize },
    /// A link is removed on one side.
    Unlink { one: usize, other: usize },
    /// A link is paused on one side for a while.
    Pause { one: usize, other: usize, for_ms: u64 },
    /// An owner admits a replica as a publisher.
    Raise { owner: usize, node: usize },
    /// An owner admits a node as a publisher of a path, or of all if there is no such path.
    RaiseWithin { owner: usize, node: usize, path: usize },
    /// An owner expels a node.
    Expel { owner: usize, node: usize },
    /// Two owners expel each other.
    ExpelEachOther { one: usize, other: usize },
    /// A clock is put wrong, or right.
    Clock { machine: usize, error_ms: i64 },
    /// A bit of a stored blob flips.
    Rot { machine: usize, which: usize, offset: usize },
    /// What nothing needs is collected.
    Gc { machine: usize },
    /// Somebody asks for a pull.
    Sync { machine: usize, which: usize },
    /// A client waits for a blob that is wanted.
    Ask { machine: usize, which: usize },
    /// A client asks for a package, kept here or not.
    AskFor { machine: usize, path: usize },
    /// A node is to keep other packages' bytes than before.
    Policy { machine: usize, policy: usize },
    /// What isn't kept, and others have, goes.
    LetGo { machine: usize },
}

const YEAR_MS: i64 = 365 * 24 * 3_600_000;
/// How long faults go on at most.
const CHAOS_MS: u64 = 90_000;
/// Paths there are.
pub(super) const PATHS: usize = 6;

impl Script {
    /// The run of a seed.
    pub(super) fn of(seed: u64) -> Self {
        let random = Random::new(seed);
        // Small meshes are cheap, and fail with short traces; big ones have the longer ways.
        let count = 2 + random.index(if random.chance(300) { 9 } else { 4 });
        let founders = (0..count).map(|number| Founder::draw(number, &random)).collect();
        let Episodes { steps: besides, firewalled, joins } = Episodes::draw(seed, count);
        let spares = random.index(3) + joins;
        let links = (0..random.index(count + 2)).map(|_| (random.index(count), random.index(count))).collect();
        let chaos_ms = 5_000 + random.below(CHAOS_MS);
        let kinds = Kinds::draw(&random);
        let mut steps: Vec<_> =
            (0..10 + random.index(50)).map(|_| (random.below(chaos_ms), kinds.step(&random))).collect();
        steps.extend(episodes::policies(seed, chaos_ms));
        steps.extend(besides);
        steps.sort_by_key(|(at_ms, _)| *at_ms);
        Self { seed, founders, spares, links, firewalled, watched: joins > 0, steps }
    }

    /// Whether nobody can call some machines, sooner or later.
    pub(super) fn has_firewalls(&self) -> bool {
        let moves = self.steps.iter().any(|(_, step)| matches!(step, Step::MoveBehind { .. }));
        moves || !self.firewalled.is_empty()
    }

    /// How many machines there are.
    pub(super) fn machines(&self) -> usize {
        self.founders.len() + self.spares
    }
}

impl Founder {
    fn draw(number: usize, random: &Random) -> Self {
        // One in eight founds a second mesh, as long as it is small.
        let via = (number > 0 && !random.chance(125)).then(|| random.index(number));
        let clock_error_ms = match random.below(4) {
            0 => YEAR_MS,
            1 => -YEAR_MS,
            _ => 0,
        };
        let role = [Role::Owner, Role::Publisher, Role::Publisher, Role::Replica][random.index(4)];
        Self { via, role, clock_error_ms }
    }
}

/// What a run is about: most have only some kinds of trouble, so that each is met undisturbed too.
struct Kinds(BTreeSet<Kind>);

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Crashes,
    RollBacks,
    Network,
    Roster,
    Large,
    Space,
}

impl Kinds {
    fn draw(random: &Random) -> Self {
        use Kind::{Crashes, Large, Network, RollBacks, Roster, Space};
        let odds = [(Crashes, 600), (RollBacks, 350), (Network, 700), (Roster, 450), (Large, 250), (Space, 300)];
        Self(odds.into_iter().filter(|(_, per_mille)| random.chance(*per_mille)).map(|(kind, _)| kind).collect())
    }

    fn has(&self, kind: Kind) -> bool {
        self.0.contains(&kind)
    }

    fn step(&self, random: &Random) -> Step {
        loop {
            let (machine, other, path) = (random.index(64), random.index(64), random.index(PATHS));
            let step = match random.below(100) {
                0..40 => return self.change(random, machine, path),
                40..46 if self.has(Kind::Crashes) => Step::Kill { machine, down_ms: random.below(20_000) },
                46..58 if self.has(Kind::Crashes) => {
                    Step::Doom { machine, operations: random.below(120), down_ms: random.below(20_000) }
                }
                58..60 if self.has(Kind::RollBacks) => Step::Snapshot { machine },
                60..63 if self.has(Kind::RollBacks) => {
                    Step::RollBack { machine, then_publish: random.chance(600).then_some(path) }
                }
                63..65 if self.has(Kind::RollBacks) => Step::Clone { machine, for_ms: random.below(40_000) },
                65..70 if self.has(Kind::Network) => Step::Cut { one: machine, other, for_ms: random.below(40_000) },
                70..74 if self.has(Kind::Network) => {
                    Step::Partition { part: random.any(), for_ms: random.below(40_000) }
                }
                74..79 if self.has(Kind::Network) => Self::weather(random),
                79..81 if self.has(Kind::Network) => Step::Pause { one: machine, other, for_ms: random.below(20_000) },
                81..84 if self.has(Kind::Roster) => Step::Join { via: machine, role: random.index(3) },
                84..86 if self.has(Kind::Roster) => Step::Merge { one: machine, other },
                86..88 if self.has(Kind::Roster) => Step::Expel { owner: machine, node: other },
                88..89 if self.has(Kind::Roster) => Step::ExpelEachOther { one: machine, other },
                89..91 if self.has(Kind::Roster) => Step::Link { one: machine, other },
                91..92 if self.has(Kind::Roster) => Step::Unlink { one: machine, other },
                92..94 if self.has(Kind::Space) => {
                    Step::Rot { machine, which: random.index(64), offset: random.index(1 << 22) }
                }
                94..96 if self.has(Kind::Space) => Step::Gc { machine },
                96..97 => Step::Clock { machine, error_ms: [YEAR_MS, -YEAR_MS, 0][random.index(3)] },
                97..99 => Step::Sync { machine, which: random.index(64) },
                99..100 => Step::Ask { machine, which: random.index(64) },
                _ => continue,
            };
            return step;
        }
    }

    fn change(&self, random: &Random, machine: usize, path: usize) -> Step {
        match random.below(10) {
            0..6 => Step::Publish { machine, path, size: self.size(random) },
            6 => Step::Retag { machine, path, tag: random.index(4) },
            7 => Step::Restore { machine, path, which: random.index(8) },
            _ => Step::Remove { machine, path },
        }
    }

    fn size(&self, random: &Random) -> usize {
        const PIECE: usize = 1 << 20;
        match random.below(20) {
            0 => 0,
            1 | 2 if self.has(Kind::Large) => PIECE + random.index(2 * PIECE),
            3 if self.has(Kind::Large) => PIECE * (1 + random.index(3)),
            _ => 1 + random.index(3000),
        }
    }

    fn weather(random: &Random) -> Step {
        let doubled = if random.chance(500) { random.below(300) } else { 0 };
        let bent = if random.chance(200) { 100 } else { 0 };
        Step::Weather { lost: random.below(200), doubled, latency_ms: random.below(3000), slow: SLOW, bent }
    }
}

impl Step {
    /// The weather that a step makes.
    pub(super) fn weather(self) -> Option<Weather> {
        match self {
            Self::Weather { lost, doubled, latency_ms, slow, bent } => {
                Some(Weather { lost, doubled, latency_ms, slow, bent })
            }
            _ => None,
        }
    }
}
