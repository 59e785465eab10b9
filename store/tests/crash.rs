//! Power lost at any operation of the disk, also again during recovery. What was acknowledged must be there, whole; nothing
//! half may be listed; the node goes on working.
//!
//! `ODS_CRASH_SEEDS` is the number of random workloads, `ODS_CRASH_FIRST` the first one's seed; `bash .ci/campaign
//! crash` runs many. That these tests can fail is shown by `bash .ci/campaign planted`, which puts the bugs of
//! `planted/` in, one at a time.

mod faults;
mod remote;
mod told;
mod verify;
mod work;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use ods_store::{Operation, SimDisk, Store};

use self::remote::remote;
use self::told::Told;
use self::work::{Choices, Work, finish, moment};
use crate::support::{at, open, put};

const CYCLES: u64 = 3;
const STEPS: u64 = 9;

/// A number that who runs the tests may say: how long to look for bugs, and where.
#[expect(clippy::disallowed_methods, reason = "no program but this test has these")]
fn asked(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// How many seeds a campaign has.
fn seeds(default: u64) -> u64 {
    asked("ODS_CRASH_SEEDS", default)
}

/// Runs `one` with each seed, on all cores; the first to fail is said.
fn each_seed(count: u64, one: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(0);
    let failed = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while failed.lock().expect("no panic holds it").is_empty() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= count {
                        return;
                    }
                    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| one(seed)));
                    if outcome.is_err() {
                        failed.lock().expect("no panic holds it").push(seed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no panic holds it");
    assert!(failed.is_empty(), "seeds that failed (their panics are above): {failed:?}");
}

/// Opens the disk after a crash, with up to `again` more crashes while it recovers.
fn recover(disk: &mut SimDisk, choices: &mut Choices, struck: &Struck, again: u64) -> Store {
    for _ in 0..again {
        disk.fail_after(choices.below(30));
        drop(open(disk, choices.below(u64::MAX)));
        struck.note(disk);
        *disk = disk.crash(choices.below(u64::MAX));
    }
    open(disk, choices.below(u64::MAX)).unwrap_or_else(|error| panic!("it must open after a crash: {error:?}"))
}

/// Which operations crashes struck, and how often.
#[derive(Debug, Default)]
struct Struck(Mutex<BTreeMap<Operation, u64>>);

impl Struck {
    fn note(&self, disk: &SimDisk) {
        if let Some(operation) = disk.crashed_at() {
            *self.0.lock().expect("no panic holds it").entry(operation).or_default() += 1;
        }
    }
}

/// The node goes on: what is wanted is fetched, and a package is published.
fn go_on(store: &Store, told: &mut Told) {
    let wants = store.wants(100).expect("readable");
    for offer in remote().offers.iter().filter(|offer| wants.iter().any(|want| want.blob == offer.blob)) {
        let fetch = store.begin_fetch(&offer.blob, offer.content.len() as u64).expect("a fetch goes on");
        if !fetch.outline_known() {
            fetch.set_outline(offer.outline.clone()).expect("the right outline");
        }
        finish(offer, &fetch, at(5000)).expect("a fetch ends");
        told.contents.insert(offer.blob, offer.content.clone());
        told.holds(offer.blob);
    }
    let published = put(store, "after.pkg", b"it goes on", at(5000)).expect("a publish");
    told.contents.insert(published.package.blob, b"it goes on".to_vec());
    told.happened("after.pkg", Some(published.package.blob));
    told.holds(published.package.blob);
}

/// Works, crashes, recovers, and looks, several times over.
fn random_crashes(seed: u64, struck: &Struck) {
    let mut choices = Choices::new(seed);
    let (mut disk, mut told) = (remote().joined.copy(), Told::default());
    let mut store = open(&disk, seed + 1).expect("it opens");
    for cycle in 0..CYCLES {
        disk.fail_after(choices.below(STEPS * 28));
        let now = moment(cycle * STEPS * 100_000);
        let mut work =
            Work { store: &store, disk: &disk, told: &mut told, choices: Choices::new(seed << 8 | cycle), now };
        for _ in 0..STEPS {
            if work.step().is_err() {
                break;
            }
        }
        let now = work.now;
        drop(store);
        struck.note(&disk);
        disk = disk.crash(choices.below(u64::MAX));
        let again = choices.below(4);
        store = recover(&mut disk, &mut choices, struck, again);
        verify::files(&store, &disk, &mut told);
        verify::reads(&store, &mut told, now);
    }
    go_on(&store, &mut told);
    drop(store);
    disk = disk.crash(choices.below(u64::MAX));
    store = recover(&mut disk, &mut choices, struck, 0);
    verify::reads(&store, &mut told, at(6000));
    verify::files(&store, &disk, &mut told);
}

#[test]
fn acknowledged_packages_survive_power_cuts() {
    let (count, struck) = (seeds(500), Struck::default());
    let first = asked("ODS_CRASH_FIRST", 0);
    each_seed(count, |seed| random_crashes(first + seed, &struck));
    let struck = struck.0.into_inner().expect("no panic holds it");
    println!("{count} workloads, crashes by the operation they struck: {struck:?}");
    if count >= 100 {
        use Operation::{Create, Link, Remove, Rename, Sync, Write};
        for operation in [Create, Link, Remove, Rename, Sync, Write] {
            assert!(struck.contains_key(&operation), "no crash struck a {operation:?}");
        }
    }
}

/// One workload with every kind of step, cut at its `at`-th operation; whether it came that far.
fn cut_at(seed: u64, operation: u64) -> bool {
    let (mut disk, mut told) = (remote().joined.copy(), Told::default());
    let store = open(&disk, 1).expect("it opens");
    disk.fail_after(operation);
    let mut work = Work { store: &store, disk: &disk, told: &mut told, choices: Choices::new(seed), now: moment(0) };
    for _ in 0..8 {
        if work.step().is_err() {
            break;
        }
    }
    let now = work.now;
    drop(store);
    let struck = disk.crashed_at().is_some();
    disk = disk.crash(seed ^ operation);
    let store = open(&disk, 2).expect("it must open after a crash");
    verify::files(&store, &disk, &mut told);
    verify::reads(&store, &mut told, now);
    struck
}

#[test]
fn workloads_survive_a_cut_at_every_operation() {
    each_seed(if seeds(500) > 500 { 10 } else { 2 }, |seed| {
        let cuts = (0..10_000).take_while(|operation| cut_at(seed, *operation)).count();
        assert!(cuts > 20, "the workload does nothing");
    });
}

#[test]
fn a_first_start_survives_a_cut_at_every_operation() {
    let total = {
        let disk = SimDisk::new();
        drop(open(&disk, 1).expect("a fresh disk opens"));
        disk.operations()
    };
    // The 512 folders are all alike.
    let cuts: Vec<u64> = (0..60).chain((60..total.saturating_sub(30)).step_by(41)).chain(total - 30..total).collect();
    each_seed(cuts.len() as u64, |index| {
        let mut disk = SimDisk::new();
        let cut = cuts[usize::try_from(index).expect("small")];
        disk.fail_after(cut);
        drop(open(&disk, 1));
        disk = disk.crash(cut);
        let store = recover(&mut disk, &mut Choices::new(cut), &Struck::default(), cut % 3);
        go_on(&store, &mut Told::default());
    });
}
