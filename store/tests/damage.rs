//! Damaged databases: bits that flipped, ends that are missing, files that were never a database. What is read is right or an
//! error; verifying tells; and wrong bytes are never handed out as a package.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use ods_store::{Depth, Disk, FaultKind, SimDisk, Store, StoreError, check_database};

use crate::support::{FOLDER, at, bytes, fresh, open, options, path, put, read_all};

const DATABASE: &str = "/data/ods.redb";

const FLIPS: usize = 200;

/// What a program sees that goes through everything.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// All as it was.
    Same,
    /// An error, at some point.
    Error,
    /// Other rows than there were, though no wrong bytes.
    Other,
    /// The database library stopped at a wrong page by a panic.
    Panic,
}

fn content(index: u64) -> Vec<u8> {
    bytes(index, 1 + usize::try_from(index).expect("small") * 7919)
}

fn filled() -> SimDisk {
    let (disk, store) = fresh(1);
    for index in 0..30 {
        put(&store, &format!("folder/{index:03}.pkg"), &content(index), at(index)).expect("a publish");
    }
    drop(store);
    disk
}

/// Everything a node would answer with.
fn read_everything(disk: &SimDisk) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
    let store = open(disk, 2)?;
    let mut all = BTreeMap::new();
    for package in store.packages(None, 1000, &mut |_| true)?.items {
        let name = package.path.to_string();
        if let Some(bytes) = read_all(&store, &name, at(1000))? {
            assert_eq!(ods_store::Digest::of(&bytes), package.blob, "wrong bytes were handed out");
            all.insert(name, bytes);
        }
    }
    store.revisions(&path("folder/000.pkg"))?;
    store.vector()?;
    store.roster_statements()?;
    store.records(ods_store::Lsn::ZERO, 1000)?;
    store.overview()?;
    Ok(all)
}

fn look(disk: &SimDisk, expected: &BTreeMap<String, Vec<u8>>) -> Seen {
    match catch_unwind(AssertUnwindSafe(|| read_everything(disk))) {
        Ok(Ok(found)) if found == *expected => Seen::Same,
        Ok(Ok(_)) => Seen::Other,
        Ok(Err(_)) => Seen::Error,
        Err(_) => Seen::Panic,
    }
}

fn length(disk: &SimDisk) -> usize {
    let file = disk.open(Path::new(DATABASE)).expect("there");
    usize::try_from(file.stat().expect("readable").bytes).expect("small")
}

fn integrity(disk: &SimDisk) -> Result<(), StoreError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    check_database(&disk, Path::new(FOLDER), 1 << 20)
}

#[test]
fn flipped_bits_anywhere_in_the_database_never_give_wrong_bytes_and_verifying_tells() {
    let disk = filled();
    let expected = read_everything(&disk.copy()).expect("sound");
    assert_eq!(expected.len(), 30);
    integrity(&disk.copy()).expect("sound");
    let (end, mut seen) = (length(&disk), BTreeMap::<String, u32>::new());
    for trial in 0..FLIPS {
        // The beginning, where the header is, densely; the rest evenly.
        let offset = if trial < FLIPS / 4 { trial * 8 } else { trial * (end / FLIPS) + (trial * 131) % (end / FLIPS) };
        let spoiled = disk.copy();
        spoiled.flip_bit(Path::new(DATABASE), offset);
        let found = integrity(&spoiled.copy());
        let outcome = look(&spoiled, &expected);
        assert!(outcome != Seen::Other || found.is_err(), "offset {offset}: other rows, and verifying finds nothing");
        *seen.entry(format!("{outcome:?}, verified {}", found.is_ok())).or_default() += 1;
    }
    println!("{end} bytes, {FLIPS} flips: {seen:?}");
}

#[test]
fn a_database_that_was_cut_or_never_was_one_is_told() {
    let disk = filled();
    let end = length(&disk) as u64;
    let cut_to = |bytes: u64| {
        let cut = disk.copy();
        cut.open_writable(Path::new(DATABASE)).expect("there").set_len(bytes).expect("cut");
        cut
    };
    for bytes in [1, 100, 4096, end / 2, end - 4096, end - 1] {
        let cut = cut_to(bytes);
        let opened = catch_unwind(AssertUnwindSafe(|| read_everything(&cut)));
        let error = opened.unwrap_or_else(|_| panic!("{bytes} bytes: a panic")).expect_err("it is cut");
        assert!(error.to_string().contains("ods verify"), "{bytes} bytes: {error}");
    }
    let error = open(&cut_to(0), 3).expect_err("it is empty, and the folder was in use");
    assert!(matches!(error, StoreError::DatabaseLost { .. }), "{error:?}");
    let gone = disk.copy();
    gone.remove(Path::new(DATABASE)).expect("there");
    assert!(matches!(open(&gone, 3), Err(StoreError::DatabaseLost { .. })));
    for foreign in [&b"just a text\n"[..], b"SQLite format 3\0", &[0; 8192], &[0xff; 16_000]] {
        let other = cut_to(0);
        other.open_writable(Path::new(DATABASE)).expect("there").write_all_at(foreign, 0).expect("written");
        let error = open(&other, 3).expect_err("it is not a database");
        assert!(error.to_string().contains("ods.redb"), "{error}");
        assert_eq!(length(&other), foreign.len(), "it is left as it was");
    }
}

#[test]
fn verifying_tells_what_is_wrong_changes_nothing_and_mending_mends_it() {
    let disk = filled();
    let store = open(&disk, 2).expect("it opens");
    let large = bytes(7, 3 << 20);
    let blob = put(&store, "large.pkg", &large, at(100)).expect("a publish").package.blob.to_string();
    let verify = |store: &Store| store.verify_all(Depth::Full, &mut |_| {}).expect("it reads");
    let report = verify(&store);
    assert!(report.is_sound(), "{:?}", report.faults);
    assert_eq!((report.events, report.blobs), (31, 31));
    let file = |kind: &str, name: &str| format!("/data/{kind}/{}/{name}", &name[..2]);
    disk.remove(Path::new(&file("outlines", &blob))).expect("there");
    let names: Vec<String> = (0..3)
        .map(|index| {
            store.package(&path(&format!("folder/00{index}.pkg"))).expect("readable").expect("listed").blob.to_string()
        })
        .collect();
    disk.remove(Path::new(&file("blobs", &names[0]))).expect("there");
    disk.flip_bit(Path::new(&file("blobs", &names[1])), 3);
    disk.create(Path::new("/data/blobs/aa/notes.txt")).expect("a file of somebody's");
    let before = disk.operations();
    let kinds: Vec<FaultKind> = verify(&store).faults.iter().map(|fault| fault.kind).collect();
    assert_eq!(disk.operations(), before, "nothing is changed");
    let count = |kind| kinds.iter().filter(|found| **found == kind).count();
    assert_eq!(
        (count(FaultKind::Blob), count(FaultKind::Outline), count(FaultKind::Stray), kinds.len()),
        (2, 1, 1, 4),
        "{kinds:?}"
    );
    let mended = store.rebuild(at(200), &mut |_| {}).expect("mended");
    assert_eq!((mended.adopted, mended.pass.damaged, mended.pass.outlines_mended), (0, 2, 1));
    assert_eq!(read_all(&store, "large.pkg", at(201)).expect("readable").as_ref(), Some(&large));
    let left: Vec<FaultKind> = verify(&store).faults.iter().map(|fault| fault.kind).collect();
    let expected = [FaultKind::Blob, FaultKind::Blob, FaultKind::Stray];
    assert_eq!(left, expected, "what is wanted comes from nobody here, and nobody knows the stranger");
}

#[test]
fn a_store_that_is_opened_to_read_is_verified_without_an_operation_that_changes_anything() {
    let disk = filled();
    {
        // A crash is left to be recovered from.
        let store = open(&disk, 2).expect("it opens");
        put(&store, "more.pkg", b"more", at(100)).expect("a publish");
        disk.fail_after(0);
    }
    let disk = disk.crash(7);
    let names = disk.file_names();
    let before = disk.operations();
    integrity(&disk).expect("sound");
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let store = Store::open_to_read(Arc::clone(&shared), Path::new(FOLDER), &options(3)).expect("it opens");
    assert!(matches!(open(&disk, 4), Err(StoreError::AlreadyOpen { .. })), "nobody else is inside meanwhile");
    let report = store.verify_all(Depth::Full, &mut |_| {}).expect("it reads");
    assert!(report.is_sound(), "{:?}", report.faults);
    assert_eq!(read_all(&store, "more.pkg", at(101)).expect("readable").as_deref(), Some(&b"more"[..]));
    let refused = store.set_name("x", &ods_store::Author::new("test"), at(102)).expect_err("nothing is written");
    assert!(refused.to_string().contains("reading only"), "{refused}");
    drop(store);
    // Opening in vain looks whether the folder can be written to, and no more.
    assert!(disk.operations() - before <= 4, "{}", disk.operations() - before);
    assert_eq!(disk.file_names(), names);
    let absent = SimDisk::new();
    let nothing = Store::open_to_read(Arc::new(absent.clone()), Path::new(FOLDER), &options(3));
    assert!(matches!(nothing, Err(StoreError::DatabaseLost { .. })), "{nothing:?}");
    assert_eq!(absent.operations(), 0);
}

#[test]
fn whole_files_that_are_not_listed_are_listed_again() {
    let disk = filled();
    let store = open(&disk, 2).expect("it opens");
    let content = bytes(9, (2 << 20) + 3);
    put(&store, "late.pkg", &content, at(100)).expect("a publish");
    let blob = store.package(&path("late.pkg")).expect("readable").expect("listed").blob;
    drop(store);
    let name = blob.to_string();
    let place = format!("/data/blobs/{}/{name}", &name[..2]);
    let bytes_of = |disk: &SimDisk| {
        let file = disk.open(Path::new(&place)).expect("there");
        let mut all = vec![0; usize::try_from(file.stat().expect("readable").bytes).expect("small")];
        file.read_exact_at(&mut all, 0).expect("readable");
        all
    };
    let saved = bytes_of(&disk);
    // The blob is lost, found to be so, and then put back by hand.
    disk.remove(Path::new(&place)).expect("there");
    let store = open(&disk, 3).expect("it opens");
    assert_eq!(read_all(&store, "late.pkg", at(101)).expect("readable"), None);
    disk.create(Path::new(&place)).expect("free").write_all_at(&saved, 0).expect("written");
    assert_eq!(store.rebuild(at(102), &mut |_| {}).expect("mended").adopted, 1);
    assert_eq!(read_all(&store, "late.pkg", at(103)).expect("readable"), Some(content));
    assert!(store.verify_all(Depth::Full, &mut |_| {}).expect("it reads").is_sound());
}
