//! The protocol, model-checked: loom runs the functions of `custody.rs` and the locks of `locks.rs` through every
//! interleaving of a few threads (with up to [`PREEMPTIONS`] switches that nothing forces) over a model of rows and files.
//!
//! Checked after every single step of every thread: each row has its whole file. At the end: what was acknowledged and not
//! removed is listed with its file, and nothing is both held and wanted. Where a step takes a file away it is checked that no
//! row lists it. That the check can fail is shown by taking away the lock, the second decision, and the second look.

use std::sync::Arc;

use loom::sync::{Mutex, MutexGuard};
use loom::thread;

use super::{Custody, abandon, collect, open_fetch, publish, seal_fetched, set_aside, sweep};
use crate::digest::Digest;
use crate::error::{Result, StoreError};
use crate::locks::{DigestLocks, Exclusive};

const PREEMPTIONS: usize = 3;
const BLOB: Digest = Digest::from_bytes([7; 32]);

impl Exclusive for Mutex<()> {
    type Guard<'a> = MutexGuard<'a, ()>;

    fn free() -> Self {
        Self::new(())
    }

    fn hold(&self) -> MutexGuard<'_, ()> {
        self.lock().expect("a thread that panics ends the check")
    }
}

/// What is left out, to show that it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    NoLock,
    NoSecondDecision,
    NoSecondLook,
}

/// The state of one blob's rows and files. Every look at it and every change is a step of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts: rows and files")]
struct World {
    listed: bool,
    live: bool,
    wanted: bool,
    /// In `blobs/`; `Some(false)`: damaged.
    file: Option<bool>,
    /// In `incoming/`, of a fetch.
    part: bool,
}

impl World {
    fn check(self) {
        assert!(!self.listed || self.file.is_some(), "a row without a file");
        assert!(!(self.listed && self.wanted), "both held and wanted");
        assert!(!self.live || self.listed || self.wanted, "live, and neither held nor wanted");
    }
}

struct Model {
    locks: DigestLocks<Mutex<()>>,
    world: Mutex<World>,
    flaw: Flaw,
}

impl Model {
    /// One step: nobody comes in between.
    fn step<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world.lock().expect("a thread that panics ends the check");
        let outcome = act(&mut world);
        world.check();
        outcome
    }

    /// As the real one: a file that is there is replaced.
    fn seal(&self) -> bool {
        self.step(|world| world.file = Some(true));
        true
    }

    fn publish(&self) {
        let commit = || {
            self.step(|world| *world = World { listed: true, live: true, wanted: false, ..*world });
            Ok(())
        };
        publish(self, &BLOB, |_| Ok(self.seal()), commit).expect("nothing refuses it");
        self.step(|world| assert!(world.listed || !world.live, "acknowledged and not held"));
    }

    fn publish_refused(&self) {
        let refuse = || Err::<(), _>(StoreError::NotAnOwner);
        publish(self, &BLOB, |_| Ok(self.seal()), refuse).expect_err("it is refused");
    }

    /// As gc: decides, then decides again in the transaction that ends the row.
    fn collect(&self) {
        let goes = |world: &World| world.listed && !world.live;
        if !self.step(|world| goes(world)) {
            return;
        }
        let commit = || {
            let gone = self.step(|world| {
                let gone = world.listed && (goes(world) || self.flaw == Flaw::NoSecondDecision);
                if gone {
                    world.listed = false;
                    world.wanted = world.live;
                }
                gone
            });
            Ok(if gone { vec![BLOB] } else { Vec::new() })
        };
        collect(self, &BLOB, commit).expect("the model's disk is well");
    }

    /// A restore: one transaction, no lock. Tells whether its bytes were held.
    fn restore(&self) -> bool {
        self.step(|world| {
            world.live |= world.listed;
            world.listed
        })
    }

    /// A peer's event: one transaction, no lock.
    fn event_arrives(&self) {
        self.step(|world| (world.live, world.wanted) = (true, !world.listed));
    }

    fn remove(&self) {
        self.step(|world| (world.live, world.wanted) = (false, false));
    }

    /// As whoever fetches, once told that it is wanted.
    fn begin_fetch(&self) {
        if self.step(|world| world.wanted) {
            let open = || {
                self.step(|world| world.part = true);
                Ok(())
            };
            open_fetch(self, &BLOB, open).expect("the model's disk is well");
        }
    }

    fn finish_fetch(&self) {
        let commit = || {
            self.step(|world| (world.listed, world.wanted) = (true, false));
            Ok(())
        };
        let discard = || {
            self.discard_part();
            Ok(())
        };
        seal_fetched(self, &BLOB, |_| Ok(self.seal()), commit, |_| Ok(()), discard).expect("the model's disk is well");
    }

    fn discard_part(&self) {
        self.step(|world| world.part = false);
    }

    /// As a download: finds the row, then the file; if that is missing or damaged, takes it out of service.
    fn open(&self) {
        let listed = self.step(|world| world.listed);
        if !listed || self.step(|world| world.file == Some(true)) {
            return;
        }
        let is_damaged = || Ok(self.flaw == Flaw::NoSecondLook || self.step(|world| world.file != Some(true)));
        let commit = || {
            self.step(|world| (world.listed, world.wanted) = (false, world.live));
            Ok(())
        };
        let aside = |_: &_| {
            self.step(|world| {
                assert_ne!(world.file, Some(true), "a whole file is taken out of service");
                assert!(
                    !world.part || world.file.is_none(),
                    "a damaged file takes the place of the one that a fetch fills"
                );
                world.part |= world.file.take().is_some();
            });
            Ok(())
        };
        set_aside(self, &BLOB, is_damaged, commit, aside).expect("the model's disk is well");
    }

    /// As gc's look through the folders.
    fn sweep(&self) {
        if self.step(|world| world.file.is_some() && !world.listed) {
            sweep(self, &BLOB, |guard| self.unlink(guard, &BLOB)).expect("the model's disk is well");
        }
    }
}

impl Custody for Model {
    type Guard<'a> = Option<MutexGuard<'a, ()>>;

    fn lock(&self, blob: &Digest) -> Self::Guard<'_> {
        (self.flaw != Flaw::NoLock).then(|| self.locks.lock(blob))
    }

    fn is_listed(&self, _blob: &Digest) -> Result<bool> {
        Ok(self.step(|world| world.listed))
    }

    fn is_wanted(&self, _blob: &Digest) -> Result<bool> {
        Ok(self.step(|world| world.wanted))
    }

    fn unlink(&self, _guard: &Self::Guard<'_>, _blob: &Digest) -> Result<()> {
        self.step(|world| {
            assert!(!world.listed, "a file that a row lists is taken away");
            world.file = None;
        });
        Ok(())
    }
}

type Act = fn(&Model);

/// Runs `acts`, each on a thread of its own, through all interleavings; then `last` looks at what is left.
fn explore(flaw: Flaw, start: World, acts: &'static [Act], last: fn(World)) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(move || {
        let model = Arc::new(Model { locks: DigestLocks::few(), world: Mutex::new(start), flaw });
        let threads = acts.iter().map(|act| {
            let model = Arc::clone(&model);
            thread::spawn(move || act(&model))
        });
        threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().expect("a check failed"));
        model.step(|world| last(*world));
    });
}

/// Held, and no head has it: what gc takes.
const OLD: World = World { listed: true, live: false, wanted: false, file: Some(true), part: false };
/// Held and damaged.
const ROTTEN: World = World { live: true, file: Some(false), ..OLD };
/// Not here, and nobody wants it.
const ABSENT: World = World { listed: false, live: false, wanted: false, file: None, part: false };
/// Wanted, and all pieces are here.
const FETCHED: World = World { listed: false, live: true, wanted: true, file: None, part: true };

fn held(world: World) {
    assert!(world.listed && world.live && world.file == Some(true), "acknowledged and lost: {world:?}");
}

fn any(_: World) {}

#[test]
fn the_same_bytes_published_while_gc_takes_them_are_held() {
    explore(Flaw::None, OLD, &[Model::publish, Model::collect], held);
    explore(Flaw::None, OLD, &[Model::publish, Model::collect, Model::publish_refused], held);
}

#[test]
fn a_restore_while_gc_decides_is_held_or_refused() {
    let restore: Act = |model| {
        if model.restore() {
            model.step(|world| held(*world));
        }
    };
    explore(Flaw::None, OLD, Box::leak(Box::new([restore, Model::collect, Model::sweep])), any);
}

#[test]
fn an_event_that_comes_while_gc_takes_its_bytes_leaves_them_held_or_wanted() {
    explore(Flaw::None, OLD, &[Model::event_arrives, Model::collect, Model::finish_fetch], |world| {
        assert!(world.live && (world.listed || world.wanted), "{world:?}");
    });
}

#[test]
fn files_being_sealed_are_not_swept() {
    explore(Flaw::None, ABSENT, &[Model::publish, Model::sweep, Model::publish_refused], held);
    explore(Flaw::None, FETCHED, &[Model::finish_fetch, Model::sweep, Model::publish], held);
}

#[test]
fn a_fetch_whose_want_is_dropped_leaves_no_part() {
    let abandoned: Act = |model| {
        let discard = || {
            model.discard_part();
            Ok(())
        };
        abandon(model, &BLOB, discard).expect("the model's disk is well");
    };
    let acts: &'static [Act] = Box::leak(Box::new([Model::remove, Model::finish_fetch, abandoned]));
    explore(Flaw::None, FETCHED, acts, |world| assert!(!world.part, "{world:?}"));
    explore(Flaw::None, FETCHED, &[Model::remove, Model::finish_fetch, Model::collect], any);
}

#[test]
fn a_reader_that_met_a_gap_leaves_a_whole_file_alone() {
    explore(Flaw::None, OLD, &[Model::open, Model::collect, Model::publish], held);
    explore(Flaw::None, ROTTEN, &[Model::open, Model::open, Model::publish], held);
}

#[test]
fn a_fetch_that_begins_while_its_blob_is_set_aside_fills_that_file() {
    explore(Flaw::None, ROTTEN, &[Model::open, Model::begin_fetch], |world| {
        assert!(world.wanted && world.part && world.file.is_none(), "{world:?}");
    });
    explore(Flaw::None, ROTTEN, &[Model::open, Model::begin_fetch, Model::publish], held);
}

#[test]
#[should_panic(expected = "takes the place of the one that a fetch fills")]
fn without_the_lock_the_check_finds_the_race_of_setting_aside_and_fetching() {
    explore(Flaw::NoLock, ROTTEN, &[Model::open, Model::begin_fetch], any);
}

#[test]
#[should_panic(expected = "a row without a file")]
fn without_the_lock_the_check_finds_the_race_of_gc_and_publish() {
    explore(Flaw::NoLock, OLD, &[Model::publish, Model::collect], held);
}

#[test]
#[should_panic(expected = "a row without a file")]
fn without_the_lock_the_check_finds_the_race_of_sweep_and_publish() {
    explore(Flaw::NoLock, ABSENT, &[Model::publish, Model::sweep], held);
}

#[test]
#[should_panic(expected = "acknowledged and lost")]
fn without_the_second_decision_the_check_finds_the_lost_package() {
    explore(Flaw::NoSecondDecision, OLD, &[Model::publish, Model::collect], held);
}

#[test]
#[should_panic(expected = "a whole file is taken out of service")]
fn without_the_second_look_the_check_finds_the_whole_file_set_aside() {
    explore(Flaw::NoSecondLook, OLD, &[Model::open, Model::collect, Model::publish], held);
}
