//! Disks that fail and recover while the node runs: nothing is acknowledged that a later power cut could take, reads go
//! on, and once the cause is gone the store takes writes again without being opened again.

use std::path::Path;

use ods_store::{
    Author, Condition, Digest, DiskError, DiskFault, GcMode, Happening, Keep, Lsn, Operation, Retention, SimDisk,
    SpacePolicy, Store, StoreError, StoreOptions, UnixMillis,
};

use super::each_seed;
use super::remote::remote;
use super::told::Told;
use super::verify;
use super::work::{Choices, Work, blob_file, moment};
use crate::support::{assert_sound, at, bytes, fresh, open, options, path, put, read_all};

const MIB: u64 = 1 << 20;

/// The joined store's disk, on which failed syncs leave what `seed` decides. (All of it is durable, so the crash is none.)
fn joined(seed: u64) -> SimDisk {
    remote().joined.crash(seed)
}

/// All causes are gone: the store mends itself and takes writes.
fn mend(disk: &SimDisk, store: &Store, told: &mut Told, now: UnixMillis) {
    disk.mend();
    disk.set_capacity(None);
    store.mend(now, now).expect("a disk that works again is taken");
    assert_eq!(store.disk_troubles(), [], "all is over");
    let content = now.get().to_le_bytes();
    let published = put(store, "mended.pkg", &content, now).expect("writing goes on");
    told.contents.insert(published.package.blob, content.to_vec());
    told.happened("mended.pkg", Some(published.package.blob));
    told.holds(published.package.blob);
}

fn work<'a>(store: &'a Store, disk: &'a SimDisk, told: &'a mut Told, seed: u64, now: UnixMillis) -> Work<'a> {
    Work { store, disk, told, choices: Choices::new(seed), now }
}

/// Errors at random for a while, then none; then the node goes on, is started again, or loses power.
fn random_faults(seed: u64) -> u64 {
    let mut choices = Choices::new(seed ^ 0x5eed);
    let (mut disk, mut told, mut errors) = (joined(seed), Told::default(), 0);
    let mut store = open(&disk, seed + 1).expect("it opens");
    for cycle in 0..4 {
        let mut now = moment(cycle * 1_000_000);
        disk.fail_at_random(choices.below(u64::MAX), 5 + choices.below(60));
        if choices.below(4) == 0 {
            disk.set_capacity(Some((4 + choices.below(40)) * MIB));
        }
        for step in 0..8 {
            let mut work = work(&store, &disk, &mut told, seed << 16 | cycle << 8 | step, now);
            // What fails is not told; what it may have done stays open.
            let _ = work.step();
            now = work.now;
            if store.refuses_writes() {
                // Reads show the last durable state; what is open may still turn out otherwise.
                verify::reads(&store, &mut told.clone(), now);
                let _ = store.mend(now, now);
            }
        }
        errors += disk.errors();
        match choices.below(4) {
            0 => {
                drop(store);
                disk = disk.crash(choices.below(u64::MAX));
                disk.set_capacity(None);
                store = open(&disk, choices.below(u64::MAX)).expect("it opens after a power cut");
                verify::files(&store, &disk, &mut told);
            }
            1 => {
                drop(store);
                disk = disk.restart();
                disk.set_capacity(None);
                store = open(&disk, choices.below(u64::MAX)).expect("it opens after a restart");
            }
            _ => mend(&disk, &store, &mut told, now),
        }
        verify::reads(&store, &mut told, now);
    }
    drop(store);
    disk = disk.crash(choices.below(u64::MAX));
    store = open(&disk, choices.below(u64::MAX)).expect("it opens after a power cut");
    verify::files(&store, &disk, &mut told);
    verify::reads(&store, &mut told, at(9_000_000));
    errors
}

#[test]
fn what_is_acknowledged_on_a_failing_disk_survives_the_power_cut_after_it() {
    let errors = std::sync::atomic::AtomicU64::new(0);
    let count = super::seeds(500) / 3 + 1;
    each_seed(count, |seed| {
        errors.fetch_add(random_faults(seed), std::sync::atomic::Ordering::Relaxed);
    });
    println!("{count} workloads on failing disks, {errors:?} errors");
    assert!(errors.into_inner() > count, "hardly any operation failed");
}

/// A workload whose `after`-th operation fails, once; whether it came that far.
fn fail_at(seed: u64, after: u64, error: DiskError) -> bool {
    let (mut disk, mut told) = (joined(seed ^ after), Told::default());
    let store = open(&disk, 1).expect("it opens");
    disk.fail(DiskFault::new(error).after(after));
    let mut now = moment(0);
    for step in 0..7 {
        let mut work = work(&store, &disk, &mut told, seed << 8 | step, now);
        let _ = work.step();
        now = work.now;
    }
    let struck = disk.errors() > 0;
    mend(&disk, &store, &mut told, now);
    verify::reads(&store, &mut told, now);
    drop(store);
    disk = disk.crash(seed ^ after);
    let store = open(&disk, 2).expect("it opens after a power cut");
    verify::files(&store, &disk, &mut told);
    verify::reads(&store, &mut told, now);
    struck
}

#[test]
fn an_error_of_any_one_operation_loses_nothing() {
    let many = super::seeds(500) > 500;
    each_seed(if many { 10 } else { 2 }, |seed| {
        let error = if seed % 2 == 0 { DiskError::Io } else { DiskError::Full };
        let struck = (0..10_000).take_while(|after| fail_at(seed, *after, error)).count();
        assert!(struck > 20, "the workload does nothing");
    });
}

fn alarms(store: &Store) -> Vec<String> {
    let records = store.records(Lsn::new(0), 1000).expect("readable").items;
    let codes = records.into_iter().filter_map(|record| match record.what {
        Happening::Alarm { code, .. } => Some(code),
        _ => None,
    });
    codes.collect()
}

#[test]
fn a_failing_database_is_said_read_on_and_mended_without_opening_it_again() {
    for (operation, error) in
        [(Operation::Sync, DiskError::Io), (Operation::Sync, DiskError::Full), (Operation::Write, DiskError::Full)]
    {
        // Each of a commit's operations on the file, until there are no more.
        let struck = (0..1000).take_while(|after| a_database_that_fails(operation, error, *after)).count();
        assert!(struck >= 3, "{operation:?} {struck}");
    }
}

/// A database whose `after`-th operation fails, and the next ones; whether a commit has that many.
fn a_database_that_fails(operation: Operation, error: DiskError, after: u64) -> bool {
    let (mut disk, store) = fresh(1);
    put(&store, "a.pkg", b"before", at(1)).expect("a publish");
    disk.fail(DiskFault::new(error).on(operation).within("ods.redb").after(after).times(3));
    let refused = put(&store, "b.pkg", b"lost", at(2));
    if disk.errors() == 0 {
        return false;
    }
    assert!(matches!(refused, Err(StoreError::DiskFailing { .. })), "{after}: {refused:?}");
    let again = store.begin_upload(Some(1));
    assert!(matches!(again, Err(StoreError::DiskFailing { .. })), "refused at once: {again:?}");
    assert!(store.refuses_writes());
    let troubles = store.disk_troubles();
    assert!(troubles.iter().any(|trouble| trouble.path.ends_with("ods.redb")), "{troubles:?}");
    assert!(troubles.iter().any(|trouble| trouble.is_full == (error == DiskError::Full)), "{troubles:?}");
    assert_eq!(read_all(&store, "a.pkg", at(3)).expect("readable").as_deref(), Some(&b"before"[..]));
    assert_eq!(store.package(&path("b.pkg")).expect("readable"), None, "what failed is not shown");
    assert!(store.mend(at(2), at(4)).is_err(), "the disk still fails");
    assert_eq!(read_all(&store, "a.pkg", at(5)).expect("readable").as_deref(), Some(&b"before"[..]));
    disk.mend();
    assert_eq!(store.mend(at(2), at(9)).expect("the disk works again"), troubles);
    assert_eq!(alarms(&store), ["disk", "disk_mended"]);
    assert_eq!(store.package(&path("b.pkg")).expect("readable"), None, "{after}: what was refused did not happen");
    put(&store, "b.pkg", b"there", at(6)).expect("writing goes on");
    assert_sound(&store);
    drop(store);
    disk = disk.crash(7);
    let store = open(&disk, 2).expect("it opens");
    assert_eq!(read_all(&store, "a.pkg", at(7)).expect("readable").as_deref(), Some(&b"before"[..]));
    assert_eq!(read_all(&store, "b.pkg", at(7)).expect("readable").as_deref(), Some(&b"there"[..]));
    true
}

#[test]
fn an_error_while_reading_the_database_does_not_stop_reading() {
    let (disk, store) = fresh(1);
    put(&store, "a.pkg", b"before", at(1)).expect("a publish");
    drop(store);
    let uncached = StoreOptions { cache_bytes: 0, ..options(2) };
    let store = Store::open(std::sync::Arc::new(disk.clone()), Path::new("/data"), &uncached).expect("it opens");
    disk.fail(DiskFault::new(DiskError::Io).on(Operation::Read).within("ods.redb"));
    let outcomes: Vec<_> = (0..3).map(|_| store.package(&path("a.pkg"))).collect();
    assert_eq!(disk.errors(), 1, "the error was met");
    let last = outcomes.last().expect("three");
    assert!(matches!(last, Ok(Some(_))), "at most the one that met it fails: {outcomes:?}");
    store.mend(at(2), at(3)).expect("it is over");
    put(&store, "b.pkg", b"there", at(6)).expect("writing goes on");
}

#[test]
fn failing_blob_files_are_said_and_probed() {
    let (disk, store) = fresh(1);
    disk.fail(DiskFault::new(DiskError::Io).on(Operation::Sync).within("incoming/").times(2));
    assert!(put(&store, "a.pkg", b"lost", at(1)).is_err());
    assert!(!store.refuses_writes(), "the database is well");
    assert_eq!(store.disk_troubles().len(), 1);
    assert!(store.mend(at(1), at(2)).is_err(), "the probe meets it too");
    assert_eq!(store.mend(at(1), at(3)).expect("the next one doesn't").len(), 1);
    assert_eq!(store.disk_troubles(), []);
    put(&store, "a.pkg", b"there", at(4)).expect("a publish");
}

#[test]
fn a_full_disk_refuses_bytes_early_lets_removals_in_and_needs_no_mending() {
    let (disk, store) = fresh(1);
    put(&store, "a.pkg", &bytes(1, 100), at(1)).expect("a publish");
    let used = (1 << 40) - {
        disk.set_capacity(Some(1 << 40));
        store.free_bytes().expect("readable")
    };
    disk.set_capacity(Some(used + 9 * MIB));
    assert!(matches!(store.begin_upload(Some(2 * MIB)), Err(StoreError::NoSpace { .. })));
    let mut upload = store.begin_upload(None).expect("nothing is known of it yet");
    upload.write(&bytes(2, 700_000)).expect("there is room");
    assert!(matches!(upload.write(&bytes(3, 700_000)), Err(StoreError::NoSpace { .. })));
    drop(upload);
    assert!(disk.file_names().iter().all(|name| !name.starts_with("/data/incoming")), "it is cleared away");
    disk.set_capacity(Some(used + 8 * MIB));
    let author = ods_store::Author::new("test");
    store.remove(&path("a.pkg"), &ods_store::Condition::None, &author, at(2)).expect("the log has room yet");
    disk.set_capacity(Some(used + MIB));
    let refused = store.set_name("x", &author, at(3));
    assert!(matches!(refused, Err(StoreError::NoSpace { .. })), "{refused:?}");
    assert!(store.disk_troubles().iter().any(|trouble| trouble.is_full), "and that is said");
    assert!(!store.refuses_writes(), "nothing failed, so nothing is to be mended");
    disk.set_capacity(None);
    store.set_name("x", &author, at(4)).expect("there is room again");
    assert_eq!(store.disk_troubles(), []);
    assert_sound(&store);
}

/// An upload takes its room when it begins, and may then send a byte an hour. Meanwhile the database goes on growing.
#[test]
fn a_slow_upload_that_takes_all_room_makes_no_disk_full() {
    let (disk, store) = fresh(1);
    disk.set_capacity(Some(1 << 40));
    let used = (1 << 40) - store.free_bytes().expect("readable");
    disk.set_capacity(Some(used + 30 * MIB));
    let _slow = store.begin_upload(Some(22 * MIB)).expect("it fits");
    assert!(matches!(store.begin_upload(Some(1)), Err(StoreError::NoSpace { .. })), "there is room for no other");
    for grown in 0..=3 {
        disk.set_capacity(Some(used + (30 - grown) * MIB));
        assert_eq!(store.disk_troubles(), [], "after {grown} MiB");
        store.set_name(&grown.to_string(), &Author::new("test"), at(1)).expect("a commit fits");
    }
    disk.set_capacity(Some(used + 25 * MIB));
    assert!(store.disk_troubles().iter().all(|trouble| trouble.is_full) && !store.disk_troubles().is_empty());
}

/// Gc that keeps nothing but what is current.
fn empty(store: &Store, now: UnixMillis) -> Result<u64, StoreError> {
    let retention = Retention::new(Keep { revisions: 0, age_ms: 0, removed_ms: 0 }, &[])?;
    Ok(store.gc(&SpacePolicy { grace_ms: 0, retention }, GcMode::Collect, now)?.blobs.count)
}

/// A disk with not a byte left: what was removed while it was full.
fn full(seed: u64) -> (SimDisk, Store, Digest) {
    let (disk, store) = fresh(seed);
    let blob = put(&store, "a.pkg", &bytes(1, 3_000_000), at(1)).expect("a publish").package.blob;
    put(&store, "b.pkg", &bytes(2, 1000), at(1)).expect("a publish");
    disk.set_capacity(Some(1 << 40));
    let used = (1 << 40) - store.free_bytes().expect("readable");
    disk.set_capacity(Some(used));
    (disk, store, blob)
}

#[test]
fn a_disk_filled_to_the_brim_is_emptied_by_removing_and_collecting() {
    let (disk, store, blob) = full(1);
    assert_eq!(store.free_bytes().expect("readable"), 0);
    assert!(matches!(store.set_name("x", &Author::new("test"), at(2)), Err(StoreError::NoSpace { .. })));
    store.remove(&path("a.pkg"), &Condition::None, &Author::new("test"), at(2)).expect("a removal fits");
    let room = store.free_bytes().expect("readable");
    assert!(room > 7 * MIB, "the reserve was given up: {room}");
    for _ in 0..3 {
        // What it was given up for is not for others.
        assert!(matches!(store.set_name("x", &Author::new("test"), at(3)), Err(StoreError::NoSpace { .. })));
        assert!(matches!(store.begin_upload(Some(10)), Err(StoreError::NoSpace { .. })));
        store.keep_reserve().expect("there is no room for it yet");
        assert!(store.disk_troubles().iter().all(|trouble| trouble.is_full) && !store.refuses_writes());
    }
    assert_eq!(empty(&store, at(4)).expect("gc fits"), 1);
    assert!(!disk.file_names().contains(&blob_file(&blob)));
    assert!(store.free_bytes().expect("readable") > room + 2 * MIB);
    assert_eq!(store.disk_troubles().len(), 1, "8 MiB of the 11 are still the reserve's");
    let capacity = disk.file_names().len() as u64 + (1 << 40);
    disk.set_capacity(Some(capacity));
    let before = store.free_bytes().expect("readable");
    store.keep_reserve().expect("there is room again");
    assert_eq!(before - store.free_bytes().expect("readable"), 8 * MIB, "it is set aside again");
    assert!(store.disk_troubles().is_empty());
    store.set_name("x", &Author::new("test"), at(5)).expect("there is room again");
    assert_sound(&store);
}

#[test]
fn removals_are_not_refused_with_what_waits_beside_them() {
    let (_, store, _) = full(2);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| store.set_name("x", &Author::new("test"), at(2)).expect_err("there is no room"));
        }
        scope.spawn(|| {
            for name in ["a.pkg", "b.pkg"] {
                store.remove(&path(name), &Condition::None, &Author::new("test"), at(2)).expect("a removal fits");
            }
        });
    });
}

/// A full disk emptied, cut at the `after`-th operation; whether it came that far.
fn emptying_cut_at(after: u64) -> bool {
    let (mut disk, store, blob) = full(3);
    disk.fail_after(after);
    let removed = store.remove(&path("a.pkg"), &Condition::None, &Author::new("test"), at(2)).is_ok();
    let collected = removed && empty(&store, at(3)).is_ok();
    drop(store);
    let struck = disk.crashed_at().is_some();
    disk = disk.crash(after);
    let store = open(&disk, 4).expect("it opens, full as the disk is");
    assert!(!removed || store.package(&path("a.pkg")).expect("readable").is_none(), "{after}: removed is removed");
    if store.package(&path("a.pkg")).expect("readable").is_some() {
        store.remove(&path("a.pkg"), &Condition::None, &Author::new("test"), at(4)).expect("it fits after a crash too");
    }
    empty(&store, at(5)).expect("and so does gc");
    assert!(!disk.file_names().contains(&blob_file(&blob)), "{after} {collected}");
    assert_eq!(read_all(&store, "b.pkg", at(6)).expect("readable"), Some(bytes(2, 1000)), "{after}");
    disk.set_capacity(None);
    store.keep_reserve().expect("there is room again");
    put(&store, "c.pkg", b"there", at(7)).expect("a publish");
    assert_sound(&store);
    struck
}

#[test]
fn emptying_a_full_disk_survives_a_cut_at_every_operation() {
    let cuts = (0..1000).take_while(|after| emptying_cut_at(*after)).count();
    assert!(cuts > 10, "{cuts}");
}

#[test]
fn pieces_of_a_failed_checkpoint_are_never_claimed_unless_they_are_on_the_disk() {
    let offer = remote().offers.iter().find(|offer| offer.outline.len() > 2).expect("one of several pieces");
    each_seed(24, |seed| {
        let (mut disk, mut told) = (joined(seed), Told::default());
        let store = open(&disk, 1).expect("it opens");
        let events = remote().events.iter().map(|event| event.signed.clone()).collect();
        store.insert_events(ods_store::EventBatch { events, pull: None, backfill: false }, at(1)).expect("taken");
        let fetch = store.begin_fetch(&offer.blob, offer.content.len() as u64).expect("room");
        fetch.set_outline(offer.outline.clone()).expect("the right outline");
        let piece =
            |index: u64| offer.content.chunks(1 << 20).nth(usize::try_from(index).expect("small")).expect("there");
        fetch.write_piece(0, piece(0)).expect("written");
        disk.fail(DiskFault::new(DiskError::Io).on(Operation::Sync).within(".part"));
        assert!(fetch.checkpoint().is_err(), "seed {seed}: the sync failed");
        if seed % 3 == 0 {
            // The node is started again meanwhile: what was lost must not be taken for there.
            drop((fetch, store));
            disk = disk.restart();
            let store = open(&disk, 2).expect("it opens");
            let fetch = store.begin_fetch(&offer.blob, offer.content.len() as u64).expect("it goes on");
            fetch.checkpoint().expect("a checkpoint");
        } else {
            fetch.write_piece(1, piece(1)).expect("written");
            fetch.checkpoint().expect("the disk works again");
            assert!(fetch.have().contains(1), "seed {seed}");
        }
        disk = disk.crash(seed);
        let store = open(&disk, 3).expect("it opens");
        verify::files(&store, &disk, &mut told);
        verify::reads(&store, &mut told_of(&store, &mut told), at(3));
    });
}

/// Everything is told as it is shown.
fn told_of(store: &Store, told: &mut Told) -> Told {
    for package in store.packages(None, 100, &mut |_| true).expect("a page").items {
        told.happened(package.path.as_str(), Some(package.blob));
    }
    told.clone()
}

#[test]
fn bytes_whose_commit_is_in_doubt_stay_until_it_is_known() {
    each_seed(120, |seed| {
        let mut disk = joined(seed);
        let store = open(&disk, 1).expect("it opens");
        let fault = DiskFault::new(DiskError::Io).on(Operation::Sync).within("ods.redb").after(seed % 4).times(2);
        disk.fail(fault);
        let content = bytes(seed, 3000);
        let outcome = put(&store, "b.pkg", &content, at(1));
        if seed % 3 == 0 && outcome.is_err() {
            disk.mend();
            store.mend(at(1), at(2)).expect("the disk works again");
            assert_eq!(store.package(&path("b.pkg")).expect("readable"), None, "it is known: it did not happen");
            let left = disk.file_names().into_iter().filter(|name| name.starts_with("/data/blobs")).count();
            assert_eq!(left, 0, "seed {seed}: its bytes are taken away");
            return;
        }
        drop(store);
        disk = disk.crash(seed);
        let store = open(&disk, 2).expect("it opens after a power cut");
        let found = read_all(&store, "b.pkg", at(3)).expect("readable");
        let listed = store.package(&path("b.pkg")).expect("readable").is_some();
        assert_eq!(found.is_some(), listed, "seed {seed}: listed, and its bytes are not here");
        assert!(found.is_some() || outcome.is_err(), "seed {seed}: what was acknowledged is there");
        assert!(found.is_none_or(|found| found == content), "seed {seed}");
    });
}

#[test]
fn a_damaged_left_over_is_not_trusted() {
    let (disk, store) = fresh(1);
    let content = bytes(1, 3000);
    let blob = put(&store, "a.pkg", &content, at(1)).expect("a publish").package.blob;
    disk.flip_bit(&blob_file(&blob), 7);
    // It can't be moved aside: it stays under its name, without a row.
    disk.fail(DiskFault::new(DiskError::Io).on(Operation::Rename).within("incoming/"));
    let reader = store.open_blob(&blob, at(2)).expect("readable").expect("listed");
    reader.read(0, 10, at(2)).expect_err("damaged");
    assert!(store.is_wanted(&blob).expect("readable") && disk.file_names().contains(&blob_file(&blob)));
    put(&store, "a.pkg", &content, at(3)).expect("the bytes come again");
    assert_eq!(read_all(&store, "a.pkg", at(4)).expect("readable"), Some(content));
}
