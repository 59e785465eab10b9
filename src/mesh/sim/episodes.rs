//! What some runs have besides: trouble that takes several steps to come about. Each kind is drawn apart, so that the rest of a
//! run is what it was without; and seeds stay what they were before there was a kind.

use super::random::Random;
use super::script::{PATHS, Step};

/// Seeds below this have no newcomers,
const NEWCOMERS_FROM: u64 = 10_000;
/// ... and below this nothing of what came later.
pub(super) const FURTHER_FROM: u64 = 20_000;
/// ... and below this no node that stops in good order, and none that moves behind a firewall.
const STOPS_FROM: u64 = 30_000;
/// ... and below this no revision that comes after what replaces it.
const LATECOMERS_FROM: u64 = 40_000;
/// ... and below this no bytes at several paths, no clients that ask for what isn't kept, and no publishers of some paths.
const SHARED_FROM: u64 = 50_000;

/// What a run has besides.
#[derive(Debug, Default)]
pub(super) struct Episodes {
    /// Steps, in any order.
    pub(super) steps: Vec<(u64, Step)>,
    /// Machines that nobody can call.
    pub(super) firewalled: Vec<usize>,
    /// Spare machines that newcomers take.
    pub(super) joins: usize,
}

impl Episodes {
    /// Those of a seed whose run begins with so many machines.
    pub(super) fn draw(seed: u64, founders: usize) -> Self {
        let mut steps = newcomers(seed, founders);
        let mut firewalled = Vec::new();
        if seed >= FURTHER_FROM {
            steps.extend(recoveries(seed));
            steps.extend(drips(seed));
            steps.extend(collections(seed));
            steps.extend(raises(seed));
            steps.extend(limits(seed));
            firewalled = firewalls(seed, founders);
        }
        if seed >= STOPS_FROM {
            steps.extend(stops(seed));
            steps.extend(moves(seed));
        }
        if seed >= LATECOMERS_FROM {
            steps.extend(latecomers(seed, founders));
        }
        if seed >= SHARED_FROM {
            steps.extend(shared(seed));
            steps.extend(bounds(seed, founders));
        }
        let joins = |(_, step): &&(u64, Step)| matches!(step, Step::Join { .. } | Step::JoinWithin { .. });
        let joins = steps.iter().filter(joins).count();
        Self { steps, firewalled, joins }
    }
}

/// Changes of policies.
pub(super) fn policies(seed: u64, chaos_ms: u64) -> Vec<(u64, Step)> {
    let random = Random::new(seed ^ 0x0b17_e50f);
    let count = if random.chance(400) { 6 + random.index(24) } else { 0 };
    let step = |_| {
        let (at_ms, machine) = (random.below(chaos_ms), random.index(64));
        let changes = random.chance(500);
        (at_ms, if changes { Step::Policy { machine, policy: random.index(5) } } else { Step::LetGo { machine } })
    };
    (0..count).map(step).collect()
}

/// Nodes that join over slow lines and publish at once: their events reach some before the word that admitted them.
fn newcomers(seed: u64, founders: usize) -> Vec<(u64, Step)> {
    let random = Random::new(seed ^ 0x6e65_7763_6f6d);
    let mut steps = Vec::new();
    // With the spares there are 14 machines at most.
    if seed < NEWCOMERS_FROM || founders > 8 || !random.chance(200) {
        return steps;
    }
    steps.push((0, Step::Weather { lost: 0, doubled: 0, latency_ms: 200 + random.below(2000), slow: 600, bent: 0 }));
    for newcomer in 0..2 + random.index(3) {
        let at_ms = random.below(20_000);
        steps.push((at_ms, Step::Join { via: random.index(64), role: random.index(3) }));
        // Machines are counted as they run, so the newest is about the last.
        let newest = founders + newcomer;
        for _ in 0..8 {
            let machine = if random.chance(600) { newest } else { random.index(64) };
            let publish = Step::Publish { machine, path: random.index(PATHS), size: 1 + random.index(500) };
            steps.push((at_ms + random.below(8000), publish));
        }
    }
    steps
}

/// Backups, and restores of them some time later.
fn recoveries(seed: u64) -> Vec<(u64, Step)> {
    let random = Random::new(seed ^ 0x0bac_c0f5);
    let count = if random.chance(300) { 1 + random.index(3) } else { 0 };
    let mut steps = Vec::new();
    for _ in 0..count {
        let (at_ms, machine) = (random.below(40_000), random.index(64));
        steps.push((at_ms, Step::BackUp { machine }));
        for _ in 0..=random.index(2) {
            let then_publish = random.chance(500).then(|| random.index(PATHS));
            steps.push((at_ms + random.below(40_000), Step::Recover { machine: random.index(64), then_publish }));
        }
    }
    steps
}

/// Machines that drip.
fn drips(seed: u64) -> Vec<(u64, Step)> {
    let random = Random::new(seed ^ 0x00d1_2195);
    let count = if random.chance(200) { 1 + random.index(4) } else { 0 };
    let step = |_| (random.below(60_000), Step::Drip { machine: random.index(64), for_ms: random.below(90_000) });
    (0..count).map(step).collect()
}

/// Power that fails while superseded bytes are collected, and then somebody who restores what they were the bytes of.
fn collections(seed: u64) -> Vec<(u64, Step)> {
    let random = Random::new(seed ^ 0x0c01_1ec7);
    let count = if random.chance(200) { 4 + random.index(8) } else { 0 };
    let mut steps = Vec::new();
    for _ in 0..count {
        let (at_ms, machine, path) = (random.below(60_000), random.index(64), random.index(PATHS));
        let size = 1 + random.index(3000);
        steps.push((at_ms, Step::Publish { machine, path, size }));
        steps.push((at_ms, Step::Publish { machine, path, size }));
        steps.push((at_ms, Step::Doom { machine, operations: random.below(12), down_ms: random.below(2000) }));
        steps.push((at_ms, Step::Gc { machine }));
        steps.push((at_ms + 3000, Step::Restore { machine, path, which: 1 }));
    }
    steps
}

/// Limits, from those that hardly let anything through to such that are hardly felt.
fn limits(seed: u64) -> Vec<(u64, Step)> {
    let random = Random::new(seed ^ 0x11_3175);
    let count = if random.chance(250) { 1 + random.index(6) } else { 0 };
    let rate = || random.chance(700).then(|| 1000 << random.below(12));
    let step = |_| {
        let (at_ms, machine) = (random.below(30_000), random.index(64));
        (at_ms, Step::Limit { machine, down: rate(), up: rate() })
    };
    (0..count).map(step).collect()
}

/// Nodes that stop in good order, some of them while others look for them.
fn stops(seed: u64) -> Vec<(u64, Step)> {
    let random = Random::new(seed ^ 0x5709);
    let count = if random.chance(400) { 1 + random.index(6) } else { 0 };
    let step = |_| (random.below(60_000), Step::Stop { machine: random.index(64), down_ms: random.below(20_000) });
    (0..count).map(step).collect()
}

/// Machines that move behind a firewall.
fn moves(seed: u64) -> Vec<(u64, Step)> {
    let random = Random::new(seed ^ 0x00b3_41d0);
    let count = if random.chance(250) { 1 + random.index(2) } else { 0 };
    (0..count).map(|_| (random.below(60_000), Step::MoveBehind { machine: random.index(64) })).collect()
}

/// Replicas that become publishers, and publish at once.
fn raises(seed: u64) -> Vec<(u64, Step)> {
    let random = Random::new(seed ^ 0x00a1_5e5a);
    let count = if random.chance(250) { 2 + random.index(5) } else { 0 };
    let mut steps = Vec::new();
    for _ in 0..count {
        let (at_ms, node) = (random.below(40_000), random.index(64));
        steps.push((at_ms, Step::Raise { owner: random.index(64), node }));
        for _ in 0..3 {
            let publish = Step::Publish { machine: node, path: random.index(PATHS), size: 1 + random.index(500) };
            steps.push((at_ms + random.below(4000), publish));
        }
    }
    steps
}

/// A revision that reaches somebody (`far`) after the one that replaces it: `first` publishes it, `second` replaces it, and `far`
/// hears nothing of either. `first` is rolled back, and in its new life publishes more than `second` holds of its old one; `far`
/// hears that alone, and then `second` alone, which takes it to hold the revision. That twins are there shows later.
fn latecomers(seed: u64, founders: usize) -> Vec<(u64, Step)> {
    let random = Random::new(seed ^ 0x01a7_ec03);
    let mut steps = Vec::new();
    if founders < 3 || !random.chance(500) {
        return steps;
    }
    let (first, path) = (0, random.index(PATHS));
    let second = 1 + random.index(founders - 1);
    let far = 1 + (second + random.index(founders - 2)) % (founders - 1);
    let publish = |machine, path| Step::Publish { machine, path, size: 1 + random.index(500) };
    let apart = |away: &[usize], for_ms| Step::Partition { part: away.iter().map(|number| 1 << number).sum(), for_ms };
    let began_ms = random.below(20_000);
    for (one, other) in [(first, second), (first, far), (second, far)] {
        steps.push((began_ms, Step::Link { one, other }));
    }
    let other_path = path + 1;
    for (after_ms, step) in [
        (0, publish(first, path)),
        (4_000, Step::Snapshot { machine: first }),
        (4_000, apart(&[far], 4_000)),
        (4_100, publish(first, path)),
        (6_500, publish(second, path)),
        (8_000, apart(&[first, far], 6_000)),
        (8_000, Step::RollBack { machine: first, then_publish: Some(other_path) }),
        (8_500, publish(first, other_path)),
        (14_000, apart(&[first], 20_000)),
    ] {
        steps.push((began_ms + after_ms, step));
    }
    steps
}

/// The same bytes at several paths and by several machines, some of which keep little, and clients that ask for what isn't there.
fn shared(seed: u64) -> Vec<(u64, Step)> {
    let random = Random::new(seed ^ 0x05_4a2e_d0b1);
    let count = if random.chance(700) { 8 + random.index(24) } else { 0 };
    let step = |_| {
        let (at_ms, machine, path) = (random.below(60_000), random.index(64), random.index(PATHS));
        let step = match random.below(10) {
            0..5 => Step::PublishSame { machine, path, content: random.index(3) },
            5 => Step::Remove { machine, path },
            6 => Step::Policy { machine, policy: 1 + random.index(3) },
            _ => Step::AskFor { machine, path },
        };
        (at_ms, step)
    };
    (0..count).map(step).collect()
}

/// Publishers of some paths, which become more, and what they publish there and elsewhere.
fn bounds(seed: u64, founders: usize) -> Vec<(u64, Step)> {
    let random = Random::new(seed ^ 0xb0_04d5);
    let count = if random.chance(400) { 2 + random.index(6) } else { 0 };
    let mut steps = Vec::new();
    // With the spares and newcomers there are 14 machines at most.
    for _ in 0..if founders > 6 || count == 0 { 0 } else { 1 + random.index(2) } {
        steps.push((random.below(40_000), Step::JoinWithin { via: random.index(64), path: random.index(PATHS) }));
    }
    for _ in 0..count {
        let (at_ms, node) = (random.below(40_000), random.index(64));
        steps.push((at_ms, Step::RaiseWithin { owner: random.index(64), node, path: random.index(PATHS + 1) }));
        for _ in 0..3 {
            let publish = Step::Publish { machine: node, path: random.index(PATHS), size: 1 + random.index(500) };
            steps.push((at_ms + random.below(4000), publish));
        }
    }
    steps
}

/// Machines behind firewalls: some, of all that are there from the beginning.
fn firewalls(seed: u64, founders: usize) -> Vec<usize> {
    let random = Random::new(seed ^ 0x0f12_e3a1);
    let share = if random.chance(300) { 100 + random.below(500) } else { 0 };
    (0..founders).filter(|_| random.chance(share)).collect()
}
