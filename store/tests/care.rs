//! Scrubbing: what is found wrong is told, set aside, and comes back; what is found right again is held again.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use ods_store::{
    Author, Digest, Disk as _, Happening, Lsn, PackageState, ScrubPass, ScrubState, ScrubStep, Scrubber, SimDisk,
    Store, UnixMillis,
};

use crate::support::{assert_sound, at, bytes, fresh, open, path, put, read_all};

const MIB: usize = 1 << 20;

pub(crate) fn file_of(kind: &str, blob: &Digest) -> PathBuf {
    let name = blob.to_string();
    Path::new("/data").join(kind).join(&name[..2]).join(name)
}

/// A whole pass, in steps of one piece.
pub(crate) fn scrub(store: &Store, now: UnixMillis) -> ScrubPass {
    store.start_scrub(&Author::new("test"), now).expect("it starts");
    let mut scrubber = Scrubber::new(store.clone());
    while scrubber.step(1, now).expect("a step") != ScrubStep::Finished {}
    let status = store.scrub_status().expect("readable");
    assert_eq!(status.state, ScrubState::Idle);
    status.pass.expect("there was one")
}

fn alarms(store: &Store) -> Vec<String> {
    let records = store.records(Lsn::ZERO, 1000).expect("readable").items;
    let alarms = records.into_iter().filter_map(|record| match record.what {
        Happening::Alarm { code, detail } => Some(format!("{code}: {detail}")),
        _ => None,
    });
    alarms.collect()
}

fn state(store: &Store, name: &str) -> PackageState {
    store.package(&path(name)).expect("readable").expect("listed").state
}

pub(crate) fn overwrite(disk: &SimDisk, file: &Path, content: &[u8]) {
    let file = disk.open_writable(file).expect("there");
    file.set_len(content.len() as u64).expect("cut");
    file.write_all_at(content, 0).expect("written");
}

#[test]
fn a_pass_over_sound_blobs_finds_nothing_and_counts_all() {
    let (_, store) = fresh(1);
    assert_eq!(store.scrub_status().expect("readable").pass, None);
    for (name, length) in [("empty.pkg", 0), ("small.pkg", 10), ("large.pkg", 3 * MIB + 1)] {
        put(&store, name, &bytes(1, length), at(1)).expect("a publish");
    }
    let pass = scrub(&store, at(2));
    let total = 10 + 3 * MIB as u64 + 1;
    assert_eq!((pass.blobs_done, pass.blobs_total, pass.bytes_done, pass.bytes_total), (3, 3, total, total));
    assert_eq!((pass.damaged, pass.unreadable, pass.sha256_lies, pass.stopped), (0, 0, 0, false));
    assert_eq!(alarms(&store), Vec::<String>::new());
}

#[test]
fn a_flipped_bit_is_told_with_its_package_and_only_its_piece_is_fetched() {
    let content = bytes(2, 4 * MIB);
    let (disk, store) = fresh(1);
    let blob = put(&store, "mac/x.pkg", &content, at(1)).expect("a publish").package.blob;
    put(&store, "other.pkg", b"other", at(1)).expect("a publish");
    disk.flip_bit(&file_of("blobs", &blob), 2 * MIB + 9);
    let pass = scrub(&store, at(2));
    assert_eq!((pass.damaged, pass.blobs_done, pass.bytes_done), (1, 2, pass.bytes_total));
    let alarms = alarms(&store);
    assert!(alarms.len() == 1 && alarms[0].starts_with("rot: "), "{alarms:?}");
    let place = file_of("blobs", &blob);
    let place = place.strip_prefix("/data").expect("below it").to_str().expect("ASCII");
    assert!(
        alarms[0].contains("mac/x.pkg") && alarms[0].contains("piece 2") && alarms[0].contains(place),
        "{alarms:?}"
    );
    assert_eq!((state(&store, "mac/x.pkg"), state(&store, "other.pkg")), (PackageState::Wanted, PackageState::Stored));
    let fetch = store.begin_fetch(&blob, content.len() as u64).expect("the file is there");
    assert_eq!(fetch.have().complement().iter().collect::<Vec<_>>(), [2]);
    put(&store, "mac/x.pkg", &content, at(3)).expect("the same bytes again");
    assert_eq!(read_all(&store, "mac/x.pkg", at(4)).expect("readable").as_deref(), Some(&content[..]));
    assert_sound(&store);
}

/// Who fetches is told of the want before the damaged file has been moved to where it is mended.
#[test]
fn a_fetch_that_begins_while_its_blob_is_being_set_aside_mends_that_file() {
    let content = bytes(2, 4 * MIB);
    let (disk, store) = fresh(1);
    let blob = put(&store, "mac/x.pkg", &content, at(1)).expect("a publish").package.blob;
    disk.flip_bit(&file_of("blobs", &blob), 2 * MIB + 9);
    let ((tell, told), (begin, begun)) = (channel(), channel());
    let begun = Mutex::new(begun);
    store.on_commit(move |committed| {
        if committed.wants_changed {
            // Nobody waits for a second one.
            let _ = tell.send(());
            // If it waits for the file, as it should, it hasn't begun.
            let _ = begun.lock().expect("no panic").recv_timeout(Duration::from_millis(200));
        }
    });
    let missing = std::thread::scope(|scope| {
        let (store, content) = (&store, &content);
        let fetching = scope.spawn(move || {
            told.recv().expect("it is wanted");
            let fetch = store.begin_fetch(&blob, content.len() as u64).expect("there is room");
            begin.send(()).expect("the store is open");
            let missing = fetch.have().complement();
            for piece in missing.iter() {
                let from = usize::try_from(piece).expect("small") * MIB;
                fetch.write_piece(piece, &content[from..from + MIB]).expect("a right piece");
            }
            fetch.finish(at(3)).expect("all pieces are here");
            missing
        });
        assert_eq!(scrub(store, at(2)).damaged, 1);
        fetching.join().expect("no panic")
    });
    assert_eq!(scrub(&store, at(4)).damaged, 0, "what was fetched is what is held");
    assert_eq!(missing.iter().collect::<Vec<_>>(), [2]);
    assert_eq!(read_all(&store, "mac/x.pkg", at(5)).expect("readable"), Some(content));
    assert_sound(&store);
}

#[test]
fn a_deleted_a_cut_and_a_grown_file_are_told_and_what_is_whole_heals() {
    let (disk, store) = fresh(1);
    let content = |seed| bytes(seed, 2 * MIB);
    let blob = |name: &str, seed| put(&store, name, &content(seed), at(1)).expect("a publish").package.blob;
    let (deleted, cut, grown) = (blob("deleted.pkg", 1), blob("cut.pkg", 2), blob("grown.pkg", 3));
    disk.remove(&file_of("blobs", &deleted)).expect("it was there");
    overwrite(&disk, &file_of("blobs", &cut), &content(2)[..MIB]);
    overwrite(&disk, &file_of("blobs", &grown), &[&content(3)[..], b"more"].concat());
    let pass = scrub(&store, at(2));
    assert_eq!((pass.damaged, pass.mended), (3, 1));
    let told = alarms(&store);
    for part in
        ["deleted.pkg is damaged on disk: its file is missing", "has 1048576 bytes instead of 2097152", "2097156"]
    {
        assert!(told.iter().any(|alarm| alarm.contains(part)), "{part}: {told:?}");
    }
    assert_eq!(state(&store, "grown.pkg"), PackageState::Stored, "its bytes were all there");
    assert_eq!(read_all(&store, "grown.pkg", at(3)).expect("readable"), Some(content(3)));
    assert_eq!((state(&store, "deleted.pkg"), state(&store, "cut.pkg")), (PackageState::Wanted, PackageState::Wanted));
    assert_sound(&store);
}

#[test]
fn swapped_files_find_back_to_their_names() {
    let (disk, store) = fresh(1);
    let contents = [bytes(1, 2 * MIB + 5), bytes(2, 100)];
    let blobs = ["a.pkg", "b.pkg"].map(|name| {
        let content = &contents[usize::from(name == "b.pkg")];
        put(&store, name, content, at(1)).expect("a publish").package.blob
    });
    overwrite(&disk, &file_of("blobs", &blobs[0]), &contents[1]);
    overwrite(&disk, &file_of("blobs", &blobs[1]), &contents[0]);
    let pass = scrub(&store, at(2));
    assert_eq!((pass.damaged, pass.mended), (2, 2));
    for (name, content) in ["a.pkg", "b.pkg"].iter().zip(&contents) {
        assert_eq!(read_all(&store, name, at(3)).expect("readable").as_ref(), Some(content), "{name}");
    }
    assert_sound(&store);
}

#[test]
fn a_lost_outline_is_made_again_and_its_blob_stays_in_service() {
    for damage in ["removed", "flipped", "cut"] {
        let (disk, store) = fresh(1);
        let content = bytes(5, 3 * MIB);
        let blob = put(&store, "x.pkg", &content, at(1)).expect("a publish").package.blob;
        let spoil = || {
            let file = file_of("outlines", &blob);
            match damage {
                "removed" => disk.remove(&file).expect("there"),
                "flipped" => disk.flip_bit(&file, 40),
                _ => overwrite(&disk, &file, b"short"),
            }
        };
        spoil();
        assert_eq!(read_all(&store, "x.pkg", at(2)).expect("readable").as_deref(), Some(&content[..]), "{damage}");
        spoil();
        let pass = scrub(&store, at(3));
        assert_eq!((pass.damaged, pass.outlines_mended), (0, 1), "{damage}");
        assert_eq!(alarms(&store).iter().filter(|alarm| alarm.starts_with("outline: ")).count(), 2, "{damage}");
        assert_eq!(scrub(&store, at(4)).outlines_mended, 0, "{damage}");
        assert_eq!(state(&store, "x.pkg"), PackageState::Stored);
        // Both lost: then only the whole tells that it is wrong.
        spoil();
        disk.flip_bit(&file_of("blobs", &blob), 7);
        assert_eq!(scrub(&store, at(5)).damaged, 1, "{damage}");
        assert_eq!(state(&store, "x.pkg"), PackageState::Wanted);
        assert_sound(&store);
    }
}

#[test]
fn a_pass_goes_on_after_a_restart() {
    let (disk, store) = fresh(1);
    for seed in 0..20 {
        put(&store, &format!("{seed}.pkg"), &bytes(seed, 2 * MIB), at(1)).expect("a publish");
    }
    store.start_scrub(&Author::new("test"), at(2)).expect("it starts");
    let mut scrubber = Scrubber::new(store.clone());
    // Ten seconds a step: each writes down where it is.
    for step in 0..21 {
        assert!(matches!(scrubber.step(1, at(10 * step)).expect("a step"), ScrubStep::Read(_)));
    }
    let before = store.scrub_status().expect("readable").pass.expect("running");
    assert!((5..20).contains(&before.blobs_done), "{before:?}");
    drop((scrubber, store));
    let store = open(&disk, 2).expect("it opens again");
    assert_eq!(store.scrub_status().expect("readable").state, ScrubState::Running);
    let mut scrubber = Scrubber::new(store.clone());
    let mut read = 0;
    while let ScrubStep::Read(bytes) = scrubber.step(1, at(300)).expect("a step") {
        read += bytes;
    }
    let after = store.scrub_status().expect("readable").pass.expect("over");
    assert_eq!((after.blobs_done, after.bytes_done, after.started_at), (20, after.bytes_total, before.started_at));
    assert!(read < after.bytes_total, "what was done before the restart is not done again: {read}");
}

#[test]
fn a_pass_is_stopped_started_once_and_due_again_in_time() {
    let (_, store) = fresh(1);
    put(&store, "x.pkg", b"x", at(0)).expect("a publish");
    let day = 24 * 60 * 60 * 1000;
    let running = || store.scrub_status().expect("readable").state == ScrubState::Running;
    let after_days = |days: u64| at(0).plus_ms(days * day);
    store.scrub_if_due(30 * day, after_days(0)).expect("asked");
    store.scrub_if_due(30 * day, after_days(29)).expect("asked");
    assert!(!running(), "nothing is due yet");
    store.scrub_if_due(30 * day, after_days(30)).expect("asked");
    assert!(running());
    store.start_scrub(&Author::new("admin"), after_days(31)).expect("asked");
    assert_eq!(store.scrub_status().expect("readable").pass.expect("running").by, "schedule", "it is running already");
    assert!(store.stop_scrub(&Author::new("admin"), after_days(31)).expect("asked"));
    assert!(!store.stop_scrub(&Author::new("admin"), after_days(31)).expect("asked"), "there is none to stop");
    assert_eq!(Scrubber::new(store.clone()).step(1, after_days(31)).expect("a step"), ScrubStep::Idle);
    assert!(store.scrub_status().expect("readable").pass.expect("over").stopped);
    store.scrub_if_due(30 * day, after_days(60)).expect("asked");
    assert!(!running(), "counted from when it was stopped");
    // A clock that was a year ahead and is right again.
    store.scrub_if_due(30 * day, after_days(1)).expect("asked");
    assert!(running());
}

#[cfg(unix)]
#[test]
fn an_outline_that_the_disk_cannot_give_is_made_anew_and_holds_up_nothing() {
    use ods_store::{DiskError, DiskFault, Operation};

    let (disk, store) = fresh(1);
    put(&store, "a.pkg", &bytes(5, 3 * MIB), at(1)).expect("a publish");
    put(&store, "b.pkg", b"small", at(1)).expect("a publish");
    disk.fail(DiskFault::new(DiskError::Io).on(Operation::Read).within("outlines/").times(1));
    let pass = scrub(&store, at(2));
    assert_eq!((pass.blobs_done, pass.damaged, pass.outlines_mended), (2, 0, 1));
    assert_eq!(alarms(&store).len(), 1, "{:?}", alarms(&store));
    assert_sound(&store);
}
