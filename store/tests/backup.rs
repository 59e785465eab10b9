//! Backups: consistent while the node goes on, nothing when cut, incremental; and what is restored is whole and a new log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ods_store::{
    BackupFolder, Copied, Depth, Digest, Disk, FileSum, Happening, HeldBlob, SimDisk, Store, StoreError, StoreOptions,
    Trust,
};

use crate::support::{FOLDER, assert_sound, at, bytes, fresh, options, path, pull, put, read_all};

const FILES: [&str; 1] = ["node.key"];

fn folder(disk: &SimDisk) -> BackupFolder {
    BackupFolder::at(Arc::new(disk.clone()), Path::new("/backups"))
}

/// Makes a backup as `ods backup` does: what became of each blob, and what the database is known by.
fn back_up(store: &Store, disk: &SimDisk, name: &str) -> Result<(Vec<Copied>, FileSum), StoreError> {
    let folder = folder(disk);
    let _lock = folder.prepare()?;
    let snapshot = store.snapshot()?;
    let mut database = folder.begin_database()?;
    let mut offset = 0;
    while offset < snapshot.bytes() {
        let chunk = snapshot.read(offset, 1 << 20)?;
        database.write(&chunk)?;
        offset += chunk.len() as u64;
    }
    database.finish()?;
    drop(snapshot);
    let held = folder.held_blobs()?;
    let copied = held
        .iter()
        .map(|held| folder.copy_blob(Path::new(FOLDER), held, Trust::Length))
        .collect::<Result<Vec<_>, _>>()?;
    let mut known = None;
    folder.commit(name, Path::new(FOLDER), &FILES, &held, |sum| {
        known = Some(sum);
        sum.blake3.to_string().into_bytes()
    })?;
    Ok((copied, known.expect("the manifest was made")))
}

fn restore(disk: &SimDisk, name: &str, sum: FileSum, seed: u64) -> Result<(Store, Vec<Digest>), StoreError> {
    let to = Path::new("/restored");
    let lost = folder(disk).restore(name, sum, to, [77; 32], &mut |_| {})?;
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let store = Store::open(shared, to, &StoreOptions { ..options(seed) })?;
    store.disown(&lost, at(900))?;
    Ok((store, lost))
}

fn blob_in_backup(blob: &Digest) -> PathBuf {
    let name = blob.to_string();
    PathBuf::from(format!("/backups/blobs/{}/{name}", &name[..2]))
}

#[test]
fn a_restored_node_has_everything_and_is_a_new_log_in_a_new_epoch() {
    let (disk, store) = fresh(1);
    let contents = [("a.pkg", bytes(1, 10)), ("large.pkg", bytes(2, (3 << 20) + 1)), ("empty.pkg", vec![])];
    for (name, content) in &contents {
        put(&store, name, content, at(1)).expect("a publish");
    }
    let (copied, sum) = back_up(&store, &disk, "one").expect("a backup");
    assert_eq!(copied, [Copied::New; 3]);
    put(&store, "later.pkg", b"after the backup", at(2)).expect("a publish");
    let before = (store.overview().expect("readable"), store.vector().expect("readable"));
    let place = store.head();
    drop(store);
    let (restored, lost) = restore(&disk, "one", sum, 5).expect("restored");
    assert!(lost.is_empty());
    for (name, content) in &contents {
        assert_eq!(read_all(&restored, name, at(3)).expect("readable").as_ref(), Some(content), "{name}");
    }
    assert_eq!(restored.package(&path("later.pkg")).expect("readable"), None);
    let after = restored.overview().expect("readable");
    assert_eq!((restored.node_id(), after.name), (store_id(&before.1), before.0.name));
    assert_ne!(after.log_id, before.0.log_id);
    assert!(restored.verify_all(Depth::Full, &mut |_| {}).expect("it reads").is_sound());
    put(&restored, "new.pkg", b"new", at(4)).expect("a publish");
    assert_eq!(restored.vector().expect("readable").entries.len(), 2, "it mints in a new epoch");
    // Who followed the lost one goes on where it was, and is told all that is new.
    let records = restored.records(place, 10).expect("readable").items;
    let new = records
        .iter()
        .any(|record| matches!(&record.what, Happening::PackagePublished { path, .. } if path == "new.pkg"));
    assert!(new && restored.head() > place, "{records:?}");
    assert_sound(&restored);
}

fn store_id(vector: &ods_store::Vector) -> ods_store::NodeId {
    vector.entries.keys().next().expect("one stream").origin
}

#[test]
fn a_restored_node_takes_back_what_it_had_published_since_and_removed_stays_removed() {
    let (disk, store) = fresh(1);
    let (_, peer) = fresh(2);
    let author = ods_store::Author::new("test");
    let admit = ods_store::Admit { node: peer.node_id(), role: ods_store::Role::Owner, prefixes: vec![] };
    store.admit(&admit, &author, at(0)).expect("the root admits");
    peer.take_root(store.node_id(), at(0)).expect("alone");
    put(&store, "gone.pkg", b"gone", at(1)).expect("a publish");
    put(&store, "kept.pkg", b"kept", at(1)).expect("a publish");
    let (_, sum) = back_up(&store, &disk, "one").expect("a backup");
    put(&store, "since.pkg", b"since", at(2)).expect("a publish");
    store.remove(&path("gone.pkg"), &ods_store::Condition::None, &author, at(3)).expect("a removal");
    pull(&peer, &store, at(4)).expect("pulled");
    drop(store);
    let (restored, _) = restore(&disk, "one", sum, 5).expect("restored");
    put(&restored, "new.pkg", b"new", at(5)).expect("a publish before it meets anybody");
    pull(&restored, &peer, at(6)).expect("pulled");
    pull(&peer, &restored, at(7)).expect("pulled");
    for node in [&restored, &peer] {
        let packages = node.packages(None, 100, &mut |_| true).expect("a page").items;
        let names: Vec<_> = packages.iter().map(|package| package.path.to_string()).collect();
        assert_eq!(names, ["kept.pkg", "new.pkg", "since.pkg"]);
        assert_sound(node);
    }
}

#[test]
fn a_second_backup_copies_only_what_is_new_and_old_ones_are_pruned_with_their_blobs() {
    let (disk, store) = fresh(1);
    let first = put(&store, "a.pkg", b"first", at(1)).expect("a publish").package.blob;
    back_up(&store, &disk, "1").expect("a backup");
    put(&store, "b.pkg", b"second", at(2)).expect("a publish");
    let (copied, _) = back_up(&store, &disk, "2").expect("a backup");
    assert_eq!(copied.iter().filter(|copied| **copied == Copied::New).count(), 1);
    assert_eq!(folder(&disk).names().expect("readable"), ["1", "2"]);
    // A blob that only the first one needs.
    let other = Digest::of(b"only the first");
    let list = folder(&disk).blobs_of("1").expect("readable");
    assert_eq!((list.len(), list[0].blob), (1, first));
    disk.make_folder(blob_in_backup(&other).parent().expect("a folder")).expect("made");
    disk.create(&blob_in_backup(&other)).expect("a file");
    assert_eq!(folder(&disk).prune(1).expect("pruned"), (1, 1));
    assert_eq!(folder(&disk).names().expect("readable"), ["2"]);
    assert_eq!(folder(&disk).prune(1).expect("pruned again"), (0, 0));
    assert!(disk.file_names().iter().all(|name| !name.starts_with("/backups/backups/1")));
    assert!(disk.open(&blob_in_backup(&first)).is_ok(), "the second needs it too");
}

#[test]
fn a_backup_cut_at_any_write_is_none_and_the_next_one_is_whole() {
    let (disk, store) = fresh(1);
    put(&store, "a.pkg", &bytes(1, (1 << 20) + 5), at(1)).expect("a publish");
    put(&store, "b.pkg", b"b", at(1)).expect("a publish");
    drop(store);
    let mut step = 0;
    loop {
        let cut = disk.copy();
        let store = crate::support::open(&cut, 2).expect("it opens");
        cut.fail_after(step);
        let done = back_up(&store, &cut, "one").is_ok();
        drop(store);
        let cut = cut.crash(step);
        let there = folder(&cut).names().expect("readable");
        if done {
            assert_eq!(there, ["one"]);
            break;
        }
        // Cut at its very last sync, the manifest may have reached the disk.
        let store = crate::support::open(&cut, 3).expect("it opens again");
        let (_, sum) = back_up(&store, &cut, "two").unwrap_or_else(|error| panic!("after {step} writes: {error:?}"));
        drop(store);
        let names = folder(&cut).names().expect("readable");
        for name in &names {
            let known = folder(&cut).manifest(name).expect("readable");
            assert_eq!(known.len(), 64, "{name} after {step} writes is whole");
        }
        let (restored, lost) = restore(&cut, "two", sum, 4).unwrap_or_else(|error| panic!("{step} writes: {error:?}"));
        assert!(lost.is_empty(), "after {step} writes");
        assert!(restored.verify_all(Depth::Full, &mut |_| {}).expect("it reads").is_sound());
        step += 1 + step / 12;
    }
    assert!(step > 20, "{step}");
}

#[test]
fn damage_is_found_when_it_is_copied_and_when_it_is_restored() {
    let (disk, store) = fresh(1);
    let rotten = put(&store, "rotten.pkg", &bytes(1, 5000), at(1)).expect("a publish").package.blob;
    let missing = put(&store, "missing.pkg", b"missing", at(1)).expect("a publish").package.blob;
    let good = put(&store, "good.pkg", b"good", at(1)).expect("a publish").package.blob;
    let in_data =
        |blob: &Digest| PathBuf::from(blob_in_backup(blob).to_str().expect("ASCII").replace("/backups", FOLDER));
    disk.flip_bit(&in_data(&rotten), 17);
    disk.remove(&in_data(&missing)).expect("there");
    let (_, sum) = back_up(&store, &disk, "one").expect("a backup");
    let held: Vec<HeldBlob> = folder(&disk).blobs_of("one").expect("readable");
    let copied = |blob: &Digest| {
        let held = held.iter().find(|held| held.blob == *blob).expect("listed");
        folder(&disk).copy_blob(Path::new(FOLDER), held, Trust::Length).expect("it reads")
    };
    assert_eq!((copied(&rotten), copied(&missing), copied(&good)), (Copied::Damaged, Copied::Gone, Copied::There));
    drop(store);
    let (restored, mut lost) = restore(&disk, "one", sum, 5).expect("restored");
    let mut expected = vec![rotten, missing];
    lost.sort_unstable();
    expected.sort_unstable();
    assert_eq!(lost, expected);
    assert_eq!(read_all(&restored, "good.pkg", at(3)).expect("readable").as_deref(), Some(&b"good"[..]));
    assert!(restored.is_wanted(&rotten).expect("readable") && restored.is_wanted(&missing).expect("readable"));
    assert_sound(&restored);
    drop(restored);
    // Into a folder that is in use, or from a database that rotted: nothing.
    assert!(matches!(restore(&disk, "one", sum, 5), Err(StoreError::BadPlace { .. })));
    let other = disk.copy();
    other.flip_bit(Path::new("/backups/backups/one/ods.redb"), 5000);
    let outcome = folder(&other).restore("one", sum, Path::new("/elsewhere"), [1; 32], &mut |_| {});
    assert!(matches!(outcome, Err(StoreError::BadPlace { .. })), "{outcome:?}");
    assert!(other.file_names().iter().all(|name| !name.starts_with("/elsewhere")));
}

#[test]
fn a_folder_of_backups_is_no_data_folder_and_has_one_writer() {
    let (disk, store) = fresh(1);
    put(&store, "a.pkg", b"bytes", at(1)).expect("a publish");
    let own = BackupFolder::at(Arc::new(disk.clone()), Path::new(FOLDER));
    assert!(matches!(own.prepare(), Err(StoreError::BadPlace { .. })), "its blobs are no backup's");
    let first = folder(&disk).prepare().expect("nobody else writes there");
    assert!(matches!(folder(&disk).prepare(), Err(StoreError::UnderWay { .. })));
    drop(first);
    drop(folder(&disk).prepare().expect("the first one is over"));
}

#[test]
fn a_blob_that_rotted_in_the_backup_is_copied_again_when_bytes_are_checked() {
    let (disk, store) = fresh(1);
    let blob = put(&store, "a.pkg", &bytes(1, 5000), at(1)).expect("a publish").package.blob;
    back_up(&store, &disk, "one").expect("a backup");
    disk.flip_bit(&blob_in_backup(&blob), 17);
    let held = folder(&disk).blobs_of("one").expect("readable");
    let copied = |trust| folder(&disk).copy_blob(Path::new(FOLDER), &held[0], trust).expect("it reads");
    assert_eq!(copied(Trust::Length), Copied::There);
    assert_eq!(copied(Trust::Bytes), Copied::New);
    assert_eq!(copied(Trust::Bytes), Copied::There);
}

#[test]
fn a_restore_that_was_cut_is_neither_a_node_nor_restored_into() {
    let (disk, store) = fresh(1);
    put(&store, "a.pkg", &bytes(1, 5000), at(1)).expect("a publish");
    let (_, sum) = back_up(&store, &disk, "one").expect("a backup");
    drop(store);
    let whole = disk.operations();
    drop(restore(&disk.copy(), "one", sum, 3).expect("restored"));
    for operations in [600, 700, 1100] {
        let cut = disk.copy();
        cut.fail_after(operations);
        let outcome = folder(&cut).restore("one", sum, Path::new("/restored"), [7; 32], &mut |_| {});
        let cut = cut.crash(operations);
        let opened = Store::open(Arc::new(cut.clone()), Path::new("/restored"), &options(4));
        let refused = matches!(opened, Err(StoreError::BadPlace { .. }));
        assert!(refused || outcome.is_ok(), "cut after {operations} of about {whole}: {opened:?}");
        drop(opened);
        if refused {
            assert!(matches!(restore(&cut, "one", sum, 5), Err(StoreError::BadPlace { .. })));
        }
    }
}

#[test]
fn one_snapshot_at_a_time_and_none_is_left_behind() {
    let (disk, store) = fresh(1);
    let first = store.snapshot().expect("a snapshot");
    assert!(matches!(store.snapshot(), Err(StoreError::UnderWay { .. })));
    drop(first);
    drop(store.snapshot().expect("the first one is gone"));
    assert!(disk.file_names().iter().all(|name| !name.starts_with("/data/incoming")));
}

#[test]
fn a_list_of_blobs_that_is_not_what_was_written_removes_nothing_and_restores_nothing() {
    let (disk, store) = fresh(1);
    let blob = put(&store, "a.pkg", b"first", at(1)).expect("a publish").package.blob;
    let (_, sum) = back_up(&store, &disk, "1").expect("a backup");
    let list = Path::new("/backups/backups/1/blobs.list");
    let bytes = read_whole(&disk, list);
    for damaged in
        [Vec::new(), bytes[..bytes.len() - 40].to_vec(), flipped(&bytes, 3), flipped(&bytes, bytes.len() - 1)]
    {
        disk.remove(list).expect("removed");
        let file = disk.create(list).expect("made");
        file.write_all_at(&damaged, 0).expect("written");
        file.sync().expect("synced");
        for refused in [folder(&disk).prune(5).map(drop), restore(&disk, "1", sum, 3).map(drop)] {
            let error = refused.expect_err("refused");
            assert!(matches!(error, StoreError::BadPlace { .. }), "{error}");
        }
        assert!(disk.open(&blob_in_backup(&blob)).is_ok(), "its only copy may be here");
    }
}

fn read_whole(disk: &SimDisk, path: &Path) -> Vec<u8> {
    let file = disk.open(path).expect("there");
    let mut bytes = vec![0; usize::try_from(file.stat().expect("known").bytes).expect("fits")];
    file.read_exact_at(&mut bytes, 0).expect("read");
    bytes
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}
