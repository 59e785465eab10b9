//! The machine's own disk keeps what the seam promises, whatever its system's habits: Windows holds on to the names of open
//! files, and neither it nor macOS syncs as Linux does. Under Wine in `.ci/portability`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ods_store::{Author, Condition, Disk, DiskFile, LocalDisk, Store};
use tempfile::TempDir;

use crate::support::{assert_sound, at, bytes, options, path, put, read_all};

fn disk() -> (TempDir, LocalDisk) {
    (tempfile::tempdir().expect("a temporary folder"), LocalDisk::new())
}

fn create(path: &Path, content: &[u8]) -> Box<dyn DiskFile> {
    let file = LocalDisk::new().create(path).expect("a new file");
    file.write_all_at(content, 0).expect("written");
    file.sync().expect("synced");
    file
}

fn content(file: &dyn DiskFile) -> Vec<u8> {
    let mut all = vec![0; usize::try_from(file.stat().expect("a stat").bytes).expect("small")];
    file.read_exact_at(&mut all, 0).expect("read");
    all
}

fn content_at(path: &Path) -> Vec<u8> {
    content(&*LocalDisk::new().open(path).expect("there"))
}

#[test]
fn bytes_of_any_length_are_written_where_they_belong() {
    const PART: usize = 64 << 10;
    let (folder, _) = disk();
    let file = create(&folder.path().join("file"), &[]);
    let mut expected = Vec::new();
    for length in [0, 1, PART - 1, PART, 1, PART - 1, PART + 1, 3 * PART, 5, 2 * PART - 7] {
        let written = bytes(expected.len() as u64, length);
        file.write_all_at(&written, expected.len() as u64).expect("written");
        expected.extend(written);
    }
    // Over what is there, too.
    let (over, at) = (bytes(99, 2 * PART + 3), PART - 2);
    file.write_all_at(&over, at as u64).expect("written");
    expected[at..at + over.len()].copy_from_slice(&over);
    assert!(content(&*file) == expected);
}

#[test]
fn names_are_made_once_and_folders_synced() {
    let (folder, disk) = disk();
    let inner = folder.path().join("a/b");
    disk.make_folder(&inner).expect("both are made");
    disk.make_folder(&inner).expect("nothing to do");
    let [one, two] = ["one", "two"].map(|name| inner.join(name));
    drop(create(&one, b"1"));
    assert_eq!(disk.create(&one).expect_err("taken").kind(), ErrorKind::AlreadyExists);
    disk.link(&one, &two).expect("a second name");
    assert_eq!(disk.link(&one, &two).expect_err("taken").kind(), ErrorKind::AlreadyExists);
    disk.sync_folder(&inner).expect("synced");
    let mut names = disk.list(&inner).expect("listed");
    names.sort();
    assert_eq!(names, ["one", "two"]);
    disk.remove(&one).expect("removed");
    assert_eq!(content_at(&two), b"1");
    assert_eq!(disk.open(&one).expect_err("gone").kind(), ErrorKind::NotFound);
    assert_eq!(disk.remove(&one).expect_err("gone").kind(), ErrorKind::NotFound);
    assert!(disk.free_bytes(folder.path()).expect("asked") > 0);
}

#[test]
fn a_name_whose_file_is_open_can_be_taken_away_and_given_anew() {
    let (folder, disk) = disk();
    let name = folder.path().join("blob");
    drop(create(&name, b"old"));
    let reading = disk.open(&name).expect("there");
    disk.remove(&name).expect("removed while it is read");
    assert_eq!(disk.open(&name).expect_err("gone").kind(), ErrorKind::NotFound);
    let fresh = folder.path().join("fresh");
    drop(create(&fresh, b"new"));
    disk.link(&fresh, &name).expect("the name is free");
    assert_eq!(content(&*reading), b"old", "who reads goes on");
    drop(reading);
    assert_eq!(content_at(&name), b"new", "the new file stays when the old one is closed");
    let mut left = disk.list(folder.path()).expect("listed");
    left.sort();
    assert_eq!(left, ["blob", "fresh"]);
}

#[test]
fn a_file_that_is_being_written_can_be_renamed_over_another() {
    let (folder, disk) = disk();
    let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
    let writing = create(&from, b"new");
    drop(create(&to, b"old"));
    disk.rename(&from, &to).expect("renamed");
    writing.write_all_at(b"!", 3).expect("still writable");
    assert_eq!(content_at(&to), b"new!");
    assert_eq!(disk.open(&from).expect_err("gone").kind(), ErrorKind::NotFound);
}

#[test]
fn a_sealed_file_can_be_read_set_aside_mended_and_removed() {
    let (folder, disk) = disk();
    let [sealed, aside] = ["sealed", "aside"].map(|name| folder.path().join(name));
    let file = create(&sealed, b"rotten");
    file.make_read_only().expect("sealed");
    drop(file);
    assert_eq!(content_at(&sealed), b"rotten");
    disk.rename(&sealed, &aside).expect("set aside");
    let mending = disk.open_writable(&aside).expect("may be written again");
    mending.write_all_at(b"m", 0).expect("mended");
    mending.make_read_only().expect("sealed");
    drop(mending);
    assert_eq!(content_at(&aside), b"motten");
    disk.remove(&aside).expect("removed");
}

#[test]
fn positions_lengths_and_locks() {
    let (folder, disk) = disk();
    let name = folder.path().join("file");
    let file = create(&name, b"");
    file.reserve(1 << 20).expect("there is room");
    file.set_len(0).expect("cut");
    file.write_all_at(b"end", 5).expect("written behind the end");
    assert_eq!(content(&*file), b"\0\0\0\0\0end");
    let error = file.read_exact_at(&mut [0; 4], 5).expect_err("the file ends before");
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    let before = file.stat().expect("a stat");
    assert_eq!((before.bytes, before), (8, disk.open(&name).expect("there").stat().expect("a stat")));
    assert!(file.try_lock().expect("asked"));
    assert!(!disk.open_writable(&name).expect("opened").try_lock().expect("asked"), "somebody has it");
    drop(file);
    assert!(disk.open_writable(&name).expect("opened").try_lock().expect("asked"), "nobody has it any more");
}

fn open(folder: &Path) -> Store {
    Store::open(Arc::new(LocalDisk::new()), folder, &options(1)).expect("it opens")
}

/// The file of a blob of this content.
fn blob_file(folder: &Path, content: &[u8]) -> PathBuf {
    let digest = ods_store::Digest::of(content).to_string();
    folder.join("blobs").join(&digest[..2]).join(digest)
}

#[test]
fn packages_live_through_replacing_removing_and_opening_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [small, large, other] = [(1, 10), (2, (2 << 20) + 5), (3, 1 << 20)].map(|(seed, length)| bytes(seed, length));
    let store = open(folder.path());
    for (name, content) in [("a.pkg", &small), ("b.pkg", &large), ("c.pkg", &large)] {
        put(&store, name, content, at(1)).expect("a publish");
    }
    let blob = store.package(&path("b.pkg")).expect("readable").expect("listed").blob;
    let reader = store.open_blob(&blob, at(2)).expect("readable").expect("held");
    put(&store, "b.pkg", &other, at(2)).expect("replaced while it is read");
    store.remove(&path("a.pkg"), &Condition::None, &Author::new("test"), at(3)).expect("removed");
    assert_eq!(reader.read(0, 1 << 20, at(3)).expect("who reads goes on"), large[..1 << 20]);
    drop(reader);
    drop(store);
    let store = open(folder.path());
    for (name, content) in [("a.pkg", None), ("b.pkg", Some(&other)), ("c.pkg", Some(&large))] {
        assert_eq!(read_all(&store, name, at(4)).expect("readable").as_ref(), content, "{name}");
    }
    assert!(blob_file(folder.path(), &small).exists(), "any revision can be restored");
    assert_sound(&store);
}

#[test]
fn a_left_over_under_a_blobs_name_is_replaced_while_somebody_has_it_open() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let content = bytes(9, 5000);
    let store = open(folder.path());
    let name = blob_file(folder.path(), &content);
    let left_over = create(&name, b"cut");
    put(&store, "x.pkg", &content, at(1)).expect("a publish");
    drop(left_over);
    assert_eq!(read_all(&store, "x.pkg", at(2)).expect("readable"), Some(content));
}

/// Somebody's slip, or what a file system's repair left.
#[cfg(unix)]
#[test]
#[expect(clippy::disallowed_methods, reason = "the test plays who puts folders there")]
fn a_folder_in_the_place_of_a_file_is_told_and_stops_neither_start_nor_verifying_nor_scrubbing() {
    use ods_store::{Depth, PackageState, ScrubStep, Scrubber, StoreError};

    let folder = tempfile::tempdir().expect("a temporary folder");
    let [one, two] = [(1, 10), (2, 20)].map(|(seed, length)| bytes(seed, length));
    let store = open(folder.path());
    let blob = put(&store, "a.pkg", &one, at(1)).expect("a publish").package.blob;
    put(&store, "b.pkg", &two, at(1)).expect("a publish");
    drop(store);
    std::fs::remove_file(blob_file(folder.path(), &one)).expect("removed");
    for place in [blob_file(folder.path(), &one), folder.path().join("incoming/slip")] {
        std::fs::create_dir(place).expect("made");
    }
    let store = open(folder.path());
    assert!(matches!(store.open_blob(&blob, at(2)), Err(StoreError::Unreadable { .. })));
    assert_eq!(read_all(&store, "b.pkg", at(2)).expect("readable"), Some(two));
    let report = store.verify_all(Depth::Full, &mut |_| {}).expect("verified");
    assert!(report.faults.iter().any(|fault| fault.what.contains("can't be read")), "{:?}", report.faults);
    store.start_scrub(&Author::new("test"), at(3)).expect("it starts");
    let mut scrubber = Scrubber::new(store.clone());
    while scrubber.step(1 << 20, at(3)).expect("a step") != ScrubStep::Finished {}
    assert_eq!(store.scrub_status().expect("readable").pass.expect("one").unreadable, 1);
    assert_eq!(store.package(&path("a.pkg")).expect("readable").expect("listed").state, PackageState::Stored);
    drop((scrubber, store));
    drop(open(folder.path()));
}

#[test]
fn what_gc_can_not_remove_stops_it_from_nothing_else_and_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(&folder.path().join("data"));
    put(&store, "a.pkg", &bytes(1, 10), at(1)).expect("a publish");
    put(&store, "a.pkg", &bytes(2, 10), at(2)).expect("another version");
    let incoming = folder.path().join("data/incoming");
    for odd in ["first.upload", "second.upload"] {
        LocalDisk::new().make_folder(&incoming.join(odd)).expect("a folder where files are");
    }
    drop(create(&incoming.join("third.upload"), b"12345"));
    let keep = ods_store::Keep { revisions: 1, age_ms: 0, removed_ms: 0 };
    let policy =
        ods_store::SpacePolicy { grace_ms: 0, retention: ods_store::Retention::new(keep, &[]).expect("valid") };
    // Behind the moment at which the files here were made.
    let later = ods_store::UnixMillis::new(9_000_000_000_000);
    let report = store.gc(&policy, ods_store::GcMode::Collect, later).expect("the rest is done");
    assert_eq!((report.blobs.count, report.orphans.count, report.failed.count), (1, 1, 2), "{report:?}");
    assert!(report.failed.first.as_ref().is_some_and(|first| first.contains(".upload")), "{report:?}");
    assert!(report.items.iter().all(|item| item.revision.is_some()), "{report:?}");
    let again = store.gc(&policy, ods_store::GcMode::Collect, later).expect("and again");
    assert_eq!((again.blobs.count, again.orphans.count, again.failed.count), (0, 0, 2), "{again:?}");
    assert_eq!(read_all(&store, "a.pkg", at(3)).expect("readable"), Some(bytes(2, 10)));
}
