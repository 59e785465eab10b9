//! What a mirror does, over a real store and real files.

use ods_store::WatchOrder;

use super::*;

fn mirror_of(names: &[&str]) -> Bench {
    let mut bench = Bench::new(WatchMode::Mirror);
    for name in names {
        bench.put(name, name);
    }
    bench.settle();
    bench
}

fn remove(file: &Path) {
    fs::remove_file(file).expect("removed");
}

fn pause(bench: &Bench) -> ods_api::WatchPause {
    match bench.status().state {
        WatchState::Paused(pause) => pause,
        other => panic!("not paused: {other:?}"),
    }
}

fn alarms(bench: &Bench) -> usize {
    let records = bench.store.records(Lsn::new(0), 1000).expect("read").items;
    let is_alarm =
        |record: &&ods_store::Record| matches!(&record.what, Happening::Alarm { code, .. } if code == "watch_paused");
    records.iter().filter(is_alarm).count()
}

#[test]
fn a_mirror_unpublishes_what_is_deleted_and_publishes_it_again_when_it_is_back() {
    let mut bench = mirror_of(&["a.pkg", "b.pkg", "sub/c.pkg"]);
    remove(&bench.file("sub/c.pkg"));
    bench.settle();
    assert_eq!(bench.bytes_of("sub/c.pkg"), None, "{:?}", bench.status());
    assert!(bench.bytes_of("a.pkg").is_some());
    bench.put("sub/c.pkg", "sub/c.pkg");
    bench.settle();
    assert_eq!(bench.bytes_of("sub/c.pkg"), Some(b"sub/c.pkg".to_vec()), "{:?}", bench.status());
    assert_eq!(alarms(&bench), 0);
}

#[test]
fn another_prefix_publishes_what_is_there_anew_and_lets_go_of_the_old_place() {
    let mut bench = mirror_of(&["a.pkg", "b.pkg", "c.pkg", "d.pkg", "e.pkg", "f.pkg"]);
    bench.restart();
    bench.rules.prefix = "new".to_owned();
    // Deleted meanwhile: it goes where it was published.
    remove(&bench.file("c.pkg"));
    bench.settle();
    assert_eq!(bench.bytes_of("c.pkg"), None, "what was deleted stayed at the old place");
    for package in ["a.pkg", "new/a.pkg", "b.pkg", "new/b.pkg"] {
        assert!(bench.bytes_of(package).is_some(), "{package}");
    }
    let once = revisions(&bench.store, "new/a.pkg").len();
    bench.restart();
    bench.settle();
    assert_eq!((once, revisions(&bench.store, "new/a.pkg").len()), (1, 1), "it was published again and again");
    remove(&bench.file("a.pkg"));
    bench.settle();
    assert_eq!(bench.bytes_of("new/a.pkg"), None);
    assert!(bench.bytes_of("a.pkg").is_some(), "the old place is nobody's business any more");
}

#[test]
fn a_deletion_while_the_node_was_away_is_mirrored_too() {
    let mut bench = mirror_of(&["a.pkg", "b.pkg", "c.pkg"]);
    bench.restart();
    remove(&bench.file("c.pkg"));
    bench.settle();
    bench.settle();
    assert_eq!((bench.bytes_of("c.pkg"), bench.bytes_of("a.pkg").is_some()), (None, true), "{:?}", bench.status());
}

#[test]
fn a_mirror_leaves_what_somebody_else_put_there() {
    let mut bench = mirror_of(&["a.pkg", "b.pkg", "c.pkg", "d.pkg"]);
    push(&bench.store, "a.pkg", b"by hand");
    push(&bench.store, "other.pkg", b"never here");
    remove(&bench.file("a.pkg"));
    bench.settle();
    assert_eq!(bench.bytes_of("a.pkg"), Some(b"by hand".to_vec()));
    assert_eq!(bench.bytes_of("other.pkg"), Some(b"never here".to_vec()));
}

#[test]
fn a_watch_that_becomes_a_mirror_leaves_what_was_deleted_before() {
    let mut bench = Bench::new(WatchMode::Keep);
    for name in ["a.pkg", "b.pkg", "c.pkg", "d.pkg"] {
        bench.put(name, name);
    }
    bench.settle();
    remove(&bench.file("a.pkg"));
    bench.settle();
    bench.restart();
    remove(&bench.file("b.pkg"));
    bench.rules.mode = WatchMode::Mirror;
    bench.settle();
    bench.restart();
    bench.settle();
    let published = |bench: &Bench| ["a.pkg", "b.pkg", "c.pkg", "d.pkg"].map(|name| bench.bytes_of(name).is_some());
    assert_eq!((published(&bench), bench.status().state), ([true; 4], WatchState::Watching));
    bench.put("a.pkg", "a.pkg");
    bench.settle();
    remove(&bench.file("a.pkg"));
    bench.settle();
    assert_eq!(published(&bench), [false, true, true, true], "put back it is the mirror's");
}

#[test]
fn a_superseded_file_that_is_deleted_unpublishes_nothing() {
    let mut bench = Bench::new(WatchMode::Mirror);
    push(&bench.store, "a.pkg", b"old");
    push(&bench.store, "a.pkg", b"new");
    bench.put("a.pkg", "old");
    for name in ["b.pkg", "c.pkg", "d.pkg"] {
        bench.put(name, name);
    }
    bench.settle();
    assert_eq!(bench.status().superseded, ["a.pkg"]);
    remove(&bench.file("a.pkg"));
    bench.settle();
    assert_eq!(bench.bytes_of("a.pkg"), Some(b"new".to_vec()));
    assert_eq!(bench.status().state, WatchState::Watching);
}

#[test]
fn a_mirror_pauses_when_over_half_of_its_files_are_gone_until_a_person_confirms() {
    let mut bench = mirror_of(&["a.pkg", "b.pkg", "c.pkg", "d.pkg"]);
    for name in ["a.pkg", "b.pkg", "c.pkg"] {
        remove(&bench.file(name));
    }
    bench.settle();
    let first = pause(&bench);
    assert_eq!((first.missing, first.published), (3, 4));
    assert_eq!(first.files, ["a.pkg", "b.pkg", "c.pkg"]);
    bench.restart();
    bench.settle();
    assert_eq!(pause(&bench).digest, first.digest, "it asks the same after a restart");
    for name in ["e.pkg", "f.pkg", "g.pkg", "h.pkg"] {
        bench.put(name, name);
    }
    bench.settle();
    pause(&bench);
    assert!(bench.bytes_of("e.pkg").is_some(), "publishing goes on");
    assert_eq!(alarms(&bench), 1);

    bench.put("b.pkg", "b.pkg");
    confirm(&bench, &first);
    bench.settle();
    let second = pause(&bench);
    assert_eq!(second.files, ["a.pkg", "c.pkg"], "what was confirmed isn't what is missing");
    confirm(&bench, &second);
    bench.settle();
    assert_eq!(bench.status().state, WatchState::Watching, "{:?}", bench.status());
    for (name, there) in [("a.pkg", false), ("b.pkg", true), ("c.pkg", false), ("d.pkg", true)] {
        assert_eq!(bench.bytes_of(name).is_some(), there, "{name}");
    }
    remove(&bench.file("d.pkg"));
    bench.settle();
    assert_eq!(bench.bytes_of("d.pkg"), None, "what was confirmed doesn't count against what follows");
}

fn confirm(bench: &Bench, pause: &ods_api::WatchPause) {
    let order = WatchOrder::Confirm(pause.digest.expect("something to confirm"));
    bench.store.order_watch(watch_id(), order, &Author::new("ada"), WALL).expect("confirmed");
}

#[test]
fn a_deletion_that_comes_in_slices_is_met_as_one_also_over_restarts() {
    let names: Vec<String> = (0..10).map(|n| format!("{n}.pkg")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut bench = mirror_of(&names);
    for name in &names {
        remove(&bench.file(name));
        bench.settle();
        bench.restart();
        bench.settle();
    }
    let left = names.iter().filter(|name| bench.bytes_of(name).is_some()).count();
    assert_eq!(left, 5, "half, and not one more");
    pause(&bench);
}

#[test]
fn a_mirror_whose_folder_vanishes_unpublishes_nothing() {
    let mut bench = mirror_of(&["a.pkg", "b.pkg", "c.pkg"]);
    let away = bench.place.path().join("away");
    fs::rename(&bench.rules.folder, &away).expect("renamed");
    bench.settle();
    assert_eq!(pause(&bench).digest, None, "nothing to confirm while it is away");
    bench.restart();
    bench.settle();
    pause(&bench);
    // The empty folder below a mount that is gone.
    fs::create_dir(&bench.rules.folder).expect("made");
    bench.settle();
    assert_eq!(pause(&bench).missing, 3);
    fs::remove_dir(&bench.rules.folder).expect("removed");
    remove(&away.join("a.pkg"));
    fs::rename(&away, &bench.rules.folder).expect("back");
    bench.settle();
    assert_eq!(pause(&bench).files, ["a.pkg"]);
    assert!(bench.bytes_of("a.pkg").is_some());
    bench.put("a.pkg", "a.pkg");
    bench.settle();
    assert_eq!(bench.status().state, WatchState::Watching);
    assert!(["a.pkg", "b.pkg", "c.pkg"].iter().all(|name| bench.bytes_of(name).is_some()));
    assert_eq!(alarms(&bench), 1);
}

/// What a share looks like that isn't mounted any more: another folder, and empty.
#[test]
fn files_that_go_with_the_folder_they_lay_in_are_asked_about() {
    for restarts in [false, true] {
        let mut bench = mirror_of(&["a.pkg", "b.pkg", "c.pkg", "d.pkg", "share/e.pkg", "share/f.pkg"]);
        let away = bench.place.path().join("away");
        fs::rename(bench.file("share"), &away).expect("renamed");
        fs::create_dir(bench.file("share")).expect("made");
        if restarts {
            bench.restart();
        }
        bench.settle();
        assert_eq!(
            pause(&bench).files,
            ["share/e.pkg", "share/f.pkg"].map(|file| Path::new(file).display().to_string())
        );
        bench.restart();
        bench.settle();
        pause(&bench);
        fs::remove_dir(bench.file("share")).expect("removed");
        fs::rename(&away, bench.file("share")).expect("back");
        bench.settle();
        assert_eq!(bench.status().state, WatchState::Watching);
        remove(&bench.file("share/e.pkg"));
        bench.settle();
        assert_eq!((bench.bytes_of("share/e.pkg"), bench.bytes_of("share/f.pkg").is_some()), (None, true));
    }
}

#[cfg(unix)]
#[test]
fn what_lies_behind_a_link_or_an_unreadable_folder_is_not_gone() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut bench = mirror_of(&["a.pkg", "b.pkg", "c.pkg", "sub/d.pkg", "dark/e.pkg"]);
    let (sub, elsewhere) = (bench.file("sub"), bench.place.path().join("elsewhere"));
    fs::rename(&sub, &elsewhere).expect("moved");
    std::os::unix::fs::symlink(&elsewhere, &sub).expect("linked");
    fs::set_permissions(bench.file("dark"), fs::Permissions::from_mode(0o0)).expect("mode set");
    bench.settle();
    bench.settle();
    assert!(bench.bytes_of("sub/d.pkg").is_some() && bench.bytes_of("dark/e.pkg").is_some());
    fs::set_permissions(bench.file("dark"), fs::Permissions::from_mode(0o755)).expect("mode set");
}
