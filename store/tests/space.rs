//! Gc and retention: what goes, what stays, what a dry run says, what a crash leaves.

use std::path::PathBuf;

use ods_store::{
    Author, Condition, Digest, GcMode, GcReport, GoneReason, Happening, Keep, Lsn, Retention, RetentionRule, SimDisk,
    SpacePolicy, Store, StoreError, Tally, UnixMillis,
};

use crate::support::{assert_sound, at, bytes, fresh, open, path, put, read_all, request};

const DAY_S: u64 = 24 * 60 * 60;
const DAY_MS: u64 = DAY_S * 1000;

fn policy(revisions: usize, age_ms: u64, grace_ms: u64) -> SpacePolicy {
    let retention = Retention::new(Keep { revisions, age_ms, removed_ms: DAY_MS }, &[]).expect("valid");
    SpacePolicy { grace_ms, retention }
}

fn tally(count: u64, bytes: u64) -> Tally {
    Tally { count, bytes }
}

/// A dry run, then a real one that must do just that.
fn collect(store: &Store, policy: &SpacePolicy, now: UnixMillis) -> GcReport {
    let dry = store.gc(policy, GcMode::DryRun, now).expect("a dry run");
    let again = store.gc(policy, GcMode::DryRun, now).expect("a dry run");
    assert_eq!(dry, again, "a dry run changes nothing");
    let real = store.gc(policy, GcMode::Collect, now).expect("a run");
    assert_eq!(GcReport { mode: GcMode::DryRun, ..real.clone() }, dry, "the dry run told the truth");
    assert_sound(store);
    real
}

fn blob_file(kind: &str, blob: &Digest) -> PathBuf {
    let name = blob.to_string();
    PathBuf::from(format!("/data/{kind}/{}/{name}", &name[..2]))
}

fn held_revisions(store: &Store, name: &str) -> Vec<bool> {
    let revisions = store.revisions(&path(name)).expect("a history");
    revisions.iter().rev().map(|revision| revision.bytes_held).collect()
}

#[test]
fn what_retention_lets_go_goes_with_its_outline_and_nothing_else() {
    let (disk, store) = fresh(1);
    let big = put(&store, "a.pkg", &bytes(0, 2_500_000), at(0)).expect("a publish").package.blob;
    for revision in 1..5 {
        put(&store, "a.pkg", &bytes(revision, 1000), at(revision)).expect("a publish");
    }
    put(&store, "b.pkg", &bytes(1, 1000), at(6)).expect("the bytes of an earlier revision of another path");
    let report = collect(&store, &policy(2, 0, 0), at(10));
    assert_eq!((report.blobs, report.orphans), (tally(2, 2_501_000), tally(0, 0)));
    assert_eq!(
        (report.kept.live, report.kept.retained, report.kept.young),
        (tally(2, 2000), tally(1, 1000), tally(0, 0))
    );
    let item = report.items.iter().find(|item| item.blob == big).expect("it is named");
    assert_eq!((item.size, item.revisions, item.reason), (2_500_000, 1, GoneReason::Superseded));
    assert_eq!(item.revision.as_ref().map(|(path, _)| path.as_str()), Some("a.pkg"));
    assert_eq!(held_revisions(&store, "a.pkg"), [false, true, false, true, true]);
    let left = disk.file_names();
    for kind in ["blobs", "outlines"] {
        assert!(!left.contains(&blob_file(kind, &big)), "{kind}");
    }
    assert_eq!(read_all(&store, "b.pkg", at(11)).expect("readable"), Some(bytes(1, 1000)));
    let first = store.revisions(&path("a.pkg")).expect("a history").last().expect("the first").id;
    let outcome = store.restore(first, &request("a.pkg"), at(12));
    assert!(matches!(outcome, Err(StoreError::BytesNotHeld { blob }) if blob == big), "{outcome:?}");
}

#[test]
fn the_young_stay_by_revision_and_by_arrival() {
    let (_, store) = fresh(1);
    for revision in 0..3 {
        put(&store, "a.pkg", &bytes(revision, 100), at(revision * DAY_S)).expect("a publish");
    }
    let report = collect(&store, &policy(1, 0, 2 * DAY_MS + 1), at(3 * DAY_S));
    assert_eq!((report.blobs.count, report.kept.young.count), (1, 1), "by arrival");
    let report = collect(&store, &policy(1, 3 * DAY_MS, 0), at(3 * DAY_S));
    assert_eq!((report.blobs.count, report.kept.retained.count), (0, 1), "by the revision's age");
    let before_all = collect(&store, &policy(1, 0, 1), UnixMillis::new(5));
    assert_eq!(before_all.kept.young.count, 1, "a clock that went back makes nothing old");
}

#[test]
fn removed_packages_keep_what_retention_says_and_rules_go_by_path() {
    let (_, store) = fresh(1);
    for (step, name) in ["a.pkg", "a.pkg", "b.dmg", "b.dmg"].into_iter().enumerate() {
        put(&store, name, &bytes(step as u64, 100), at(step as u64)).expect("a publish");
    }
    for name in ["a.pkg", "b.dmg"] {
        store.remove(&path(name), &Condition::None, &Author::new("test"), at(10)).expect("a removal");
    }
    let rule =
        RetentionRule { paths: vec!["*.pkg".to_owned()], keep: Keep { revisions: 0, age_ms: 0, removed_ms: DAY_MS } };
    let retention = Retention::new(Keep { revisions: 1, age_ms: 0, removed_ms: DAY_MS }, &[rule]).expect("valid");
    let report = collect(&store, &SpacePolicy { grace_ms: 0, retention }, at(20));
    assert_eq!((report.blobs.count, report.kept.retained.count), (3, 1));
    assert!(report.items.iter().all(|item| item.reason == GoneReason::Removed), "{:?}", report.items);
    assert_eq!(
        (held_revisions(&store, "a.pkg"), held_revisions(&store, "b.dmg")),
        (vec![false, false, true], vec![false, true, true])
    );
    let last = store.revisions(&path("b.dmg")).expect("a history")[1].id;
    store.restore(last, &request("b.dmg"), at(21)).expect("its bytes are here");
    assert_eq!(read_all(&store, "b.dmg", at(22)).expect("readable"), Some(bytes(3, 100)));
}

#[test]
fn what_was_removed_goes_in_the_end_and_at_once_when_it_is_to_be_forgotten() {
    let (_, store) = fresh(1);
    for (step, name) in ["a.pkg", "a.pkg", "b.pkg", "b.pkg", "c.pkg"].into_iter().enumerate() {
        put(&store, name, &bytes(step as u64, 100), at(10)).expect("a publish");
    }
    put(&store, "same as a.pkg", &bytes(1, 100), at(10)).expect("a publish");
    for name in ["a.pkg", "c.pkg"] {
        store.remove(&path(name), &Condition::None, &Author::new("test"), at(20)).expect("a removal");
    }
    let kept = policy(5, DAY_MS * 30, DAY_MS * 30);
    assert_eq!(collect(&store, &kept, at(30)).blobs.count, 0);
    let forgetting = SpacePolicy { retention: kept.retention.forgetting_removed(), ..kept.clone() };
    let report = collect(&store, &forgetting, at(30));
    assert_eq!(report.blobs.count, 2, "not what is published elsewhere, and not earlier revisions of what is listed");
    assert!(report.items.iter().all(|item| item.reason == GoneReason::Removed), "{:?}", report.items);
    assert_eq!(held_revisions(&store, "b.pkg"), [true, true]);
    store.remove(&path("b.pkg"), &Condition::None, &Author::new("test"), at(40)).expect("a removal");
    let later = policy(5, DAY_MS * 30, 0);
    assert_eq!(collect(&store, &later, at(39 + DAY_S)).blobs.count, 0, "a day is not over");
    assert_eq!(collect(&store, &later, at(40 + DAY_S)).blobs.count, 2, "whatever else would keep it");
    assert_eq!(held_revisions(&store, "b.pkg"), [false, false, true], "the last is the removal");
}

#[test]
fn what_is_restored_while_it_is_being_forgotten_stays() {
    let (_, store) = fresh(1);
    let revision = put(&store, "a.pkg", b"here", at(1)).expect("a publish").package.revision;
    store.remove(&path("a.pkg"), &Condition::None, &Author::new("test"), at(2)).expect("a removal");
    let kept = policy(5, 0, DAY_MS);
    let forgetting = SpacePolicy { retention: kept.retention.forgetting_removed(), ..kept };
    for restored_after in 0..3 {
        let mut run = store.begin_gc(&forgetting, GcMode::Collect, at(3)).expect("a run");
        for step in 0.. {
            if step == restored_after {
                let outcome = store.restore(revision, &request("a.pkg"), at(4));
                let is_gone = matches!(outcome, Err(StoreError::BytesNotHeld { .. }));
                assert!(is_gone == (restored_after == 2) && is_gone != outcome.is_ok(), "{outcome:?}");
            }
            if let ods_store::GcStep::Done(report) = run.step().expect("a step") {
                assert_eq!(report.blobs.count, u64::from(restored_after == 2), "restored after step {restored_after}");
                break;
            }
        }
        if restored_after < 2 {
            store.remove(&path("a.pkg"), &Condition::None, &Author::new("test"), at(5)).expect("a removal");
        }
    }
}

#[test]
fn a_run_is_told_once_and_remembered() {
    let (_, store) = fresh(1);
    assert_eq!(store.last_gc().expect("readable"), None);
    for revision in 0..3 {
        put(&store, "a.pkg", &bytes(revision, 100), at(revision)).expect("a publish");
    }
    let head = store.head();
    collect(&store, &policy(1, 0, 0), at(10));
    let told = store.records(head, 10).expect("readable").items;
    let expected = Happening::StorageCollected { blobs: 2, bytes: 200, orphans: 0, orphan_bytes: 0 };
    assert_eq!(told.into_iter().map(|record| record.what).collect::<Vec<_>>(), [expected]);
    assert_eq!(store.last_gc().expect("readable").map(|last| (last.at, last.blobs)), Some((at(10), tally(2, 200))));
    collect(&store, &policy(1, 0, 0), at(20));
    assert_eq!(store.records(head.next(), 10).expect("readable").items, [], "a run without effect is no news");
    assert_eq!(store.last_gc().expect("readable").map(|last| (last.at, last.blobs)), Some((at(20), tally(0, 0))));
}

#[test]
fn files_without_a_row_go_when_they_are_old() {
    let (disk, store) = fresh(1);
    put(&store, "a.pkg", &bytes(1, 2_000_000), at(1)).expect("a publish");
    store.set_name("other", &Author::new("test"), at(1)).expect("a change, so that the last commit is durable");
    drop(store);
    // A crash between the end of the rows and that of the files: the rows' end is a commit in the past, so files that no
    // row names are put there by hand.
    let stray = Digest::from_bytes([0xab; 32]);
    for kind in ["blobs", "outlines"] {
        write(&disk, &blob_file(kind, &stray), 77);
    }
    let store = open(&disk, 2).expect("it opens");
    write(&disk, &PathBuf::from("/data/incoming/left.upload"), 5);
    write(&disk, &PathBuf::from(format!("/data/incoming/{stray}.part")), 6);
    let kept_upload = store.begin_upload(Some(10)).expect("room");
    let report = collect(&store, &policy(1, 0, DAY_MS), UnixMillis::new(1000));
    assert_eq!(report.orphans, tally(0, 0), "all of it is young");
    let report = collect(&store, &policy(1, 0, DAY_MS), at(2));
    assert_eq!(report.orphans, tally(4, 77 + 77 + 5 + 6));
    drop(kept_upload);
    let left: Vec<_> = disk.file_names().into_iter().filter(|name| name.to_string_lossy().contains("abab")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(read_all(&store, "a.pkg", at(3)).expect("readable"), Some(bytes(1, 2_000_000)));
}

fn write(disk: &SimDisk, path: &std::path::Path, length: usize) {
    let file = ods_store::Disk::create(disk, path).expect("a new file");
    file.write_all_at(&bytes(9, length), 0).expect("written");
}

#[test]
fn an_upload_in_progress_is_nobodys_left_over() {
    let (_, store) = fresh(1);
    let mut upload = store.begin_upload(None).expect("room");
    upload.write(b"slowly").expect("a write");
    collect(&store, &policy(0, 0, 0), at(10 * DAY_S));
    let received = upload.finish().expect("whole");
    collect(&store, &policy(0, 0, 0), at(10 * DAY_S));
    store.publish(received, &request("a.pkg"), at(10 * DAY_S)).expect("a publish");
    assert_eq!(read_all(&store, "a.pkg", at(10 * DAY_S)).expect("readable").as_deref(), Some(&b"slowly"[..]));
}

#[test]
fn a_restore_after_the_walk_saves_its_bytes() {
    let (_, store) = fresh(1);
    let first = put(&store, "a.pkg", &bytes(0, 100), at(0)).expect("a publish").package;
    put(&store, "a.pkg", &bytes(1, 100), at(1)).expect("a publish");
    put(&store, "a.pkg", &bytes(3, 100), at(2)).expect("a publish");
    let mut run = store.begin_gc(&policy(1, 0, 0), GcMode::Collect, at(5)).expect("nobody else collects");
    run.step().expect("the walk over the paths");
    store.restore(first.revision, &request("a.pkg"), at(6)).expect("its bytes are here");
    put(&store, "a.pkg", &bytes(2, 100), at(7)).expect("a publish: no head has the restored bytes any more");
    let report = finish(run);
    assert_eq!(held_revisions(&store, "a.pkg"), [true, false, true, true, true], "{report:?}");
    assert_sound(&store);
}

#[test]
fn a_reader_of_a_rotten_file_that_was_collected_leaves_the_new_one_alone() {
    let (disk, store) = fresh(1);
    let content = bytes(1, 5000);
    let blob = put(&store, "a.pkg", &content, at(0)).expect("a publish").package.blob;
    let reader = store.open_blob(&blob, at(1)).expect("readable").expect("held");
    disk.flip_bit(&blob_file("blobs", &blob), 7);
    store.remove(&path("a.pkg"), &Condition::None, &Author::new("test"), at(2)).expect("a removal");
    assert_eq!(collect(&store, &policy(0, 0, 0), at(3)).blobs.count, 1);
    put(&store, "a.pkg", &content, at(4)).expect("the same bytes come back");
    let outcome = reader.read(0, 5000, at(5));
    assert!(matches!(outcome, Err(StoreError::Rot { .. })), "{outcome:?}");
    assert_eq!(read_all(&store, "a.pkg", at(6)).expect("readable"), Some(content), "nobody set it aside");
}

fn finish(mut run: ods_store::GcRun) -> GcReport {
    loop {
        if let ods_store::GcStep::Done(report) = run.step().expect("a step") {
            return report;
        }
    }
}

#[test]
fn one_run_collects_at_a_time() {
    let (_, store) = fresh(1);
    let run = store.begin_gc(&policy(1, 0, 0), GcMode::Collect, at(5)).expect("nobody else collects");
    let outcome = store.begin_gc(&policy(1, 0, 0), GcMode::Collect, at(5)).map(drop);
    assert!(matches!(outcome, Err(StoreError::GcRunning)), "{outcome:?}");
    store.gc(&policy(1, 0, 0), GcMode::DryRun, at(5)).expect("a dry run is in nobody's way");
    drop(run);
    store.gc(&policy(1, 0, 0), GcMode::Collect, at(5)).expect("its place was given back");
}

#[test]
fn a_node_says_where_its_bytes_are() {
    let (_, store) = fresh(1);
    let policy = policy(2, 0, DAY_MS);
    for revision in 0..4 {
        put(&store, "a.pkg", &bytes(revision, 100), at(revision * DAY_S)).expect("a publish");
    }
    let upload = store.begin_upload(Some(50)).expect("room");
    let view = store.storage(&policy, at(3 * DAY_S)).expect("readable");
    assert_eq!((view.blobs, view.kept.live, view.kept.retained), (tally(4, 400), tally(1, 100), tally(1, 100)));
    assert_eq!((view.collectable, view.incoming.count, view.last_gc), (tally(2, 200), 1, None));
    assert!(view.database_bytes > 0 && view.free_bytes > 0);
    drop(upload);
    store.gc(&policy, GcMode::Collect, at(3 * DAY_S)).expect("a run");
    let view = store.storage(&policy, at(3 * DAY_S)).expect("readable");
    assert_eq!((view.blobs, view.collectable, view.incoming), (tally(2, 200), tally(0, 0), tally(0, 0)));
    assert_eq!(view.last_gc.map(|last| last.blobs), Some(tally(2, 200)));
}

#[test]
fn a_long_list_is_cut_and_counted() {
    let (_, store) = fresh(1);
    // By several at once, since they share commits then.
    std::thread::scope(|scope| {
        for first in (0..1005).step_by(67) {
            let store = &store;
            scope.spawn(move || {
                for revision in first..first + 67 {
                    put(store, "a.pkg", &bytes(revision, 8), at(revision)).expect("a publish");
                }
            });
        }
    });
    let report = store.gc(&policy(1, 0, 0), GcMode::DryRun, at(2000)).expect("a dry run");
    assert_eq!((report.blobs.count, report.items.len(), report.is_truncated()), (1004, 1000, true));
    assert!(report.items.iter().all(|item| item.revision.is_some()));
}

#[test]
fn a_crash_at_any_moment_of_a_run_loses_nothing_that_is_kept() {
    for seed in 0..40 {
        let (disk, store) = fresh(seed);
        for revision in 0..6 {
            put(&store, "a.pkg", &bytes(revision, 3000), at(revision)).expect("a publish");
        }
        let start = store.head();
        disk.fail_after(seed * 3);
        let outcome = store.gc(&policy(2, 0, 0), GcMode::Collect, at(10));
        drop(store);
        let disk = disk.crash(seed);
        let store = open(&disk, 100 + seed).expect("it opens");
        assert_sound(&store);
        assert_eq!(read_all(&store, "a.pkg", at(11)).expect("readable"), Some(bytes(5, 3000)), "seed {seed}");
        collect(&store, &policy(2, 0, 0), at(20));
        assert_eq!(held_revisions(&store, "a.pkg"), [false, false, false, false, true, true], "seed {seed}");
        let files = disk.file_names().iter().filter(|name| name.starts_with("/data/blobs")).count();
        assert_eq!(files, 2, "seed {seed}: files without a row are collected too ({outcome:?})");
        assert_eq!(told(&store, start), 4, "seed {seed}: each removal is told once");
    }
}

fn told(store: &Store, after: Lsn) -> u64 {
    let records = store.records(after, 100).expect("readable").items;
    let blobs = records.iter().map(|record| match record.what {
        Happening::StorageCollected { blobs, .. } => blobs,
        _ => 0,
    });
    blobs.sum()
}
