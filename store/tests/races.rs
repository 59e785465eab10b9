//! Everybody at once on a real folder: uploads of the same and other bytes, removals, restores, fetches, downloads, and gc
//! without any grace. Afterwards everything that is listed is whole, nothing was taken for rot, and no file is left over.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ods_store::{
    Admit, Author, Condition, Disk, GcMode, Happening, Keep, LocalDisk, Lsn, Retention, Role, SpacePolicy, Store,
    StoreError, Tally, UnixMillis, piece_bytes, piece_count,
};

use crate::support::{assert_sound, bytes, fresh, options, path, pull, put, request};

const ROUNDS: u64 = 120;
const PATHS: [&str; 3] = ["a.pkg", "b.pkg", "c.pkg"];

/// Later than any file made by this test was written, so that none is too young to go.
fn now() -> UnixMillis {
    UnixMillis::new(4_000_000_000_000)
}

fn pick(seed: u64, round: u64, below: u64) -> u64 {
    let hash = blake3::hash(&[seed.to_le_bytes(), round.to_le_bytes()].concat());
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("eight")) % below
}

fn pick_path(seed: u64, round: u64) -> &'static str {
    PATHS[usize::try_from(pick(seed, round, 3)).expect("small")]
}

/// One of a few contents, so that threads often meet at the same blob.
fn content(seed: u64, round: u64) -> Vec<u8> {
    let number = pick(seed, round, 5);
    bytes(number, if number == 4 { 1_500_000 } else { 3000 })
}

fn policy(revisions: usize) -> SpacePolicy {
    SpacePolicy {
        grace_ms: 0,
        retention: Retention::new(Keep { revisions, age_ms: 0, removed_ms: u64::MAX }, &[]).expect("valid"),
    }
}

/// Counts down when it goes, also by a panic.
struct Busy<'a>(&'a AtomicU64);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

fn uploads(store: &Store, seed: u64, uploading: &AtomicU64) {
    let _busy = Busy(uploading);
    for round in 0..ROUNDS {
        let sent = content(seed, round);
        let published = put(store, pick_path(seed + 1, round), &sent, now()).expect("a publish");
        assert_eq!(published.package.size, sent.len() as u64);
    }
}

fn removals_and_restores(store: &Store, seed: u64) {
    for round in 0..ROUNDS {
        let path = path(pick_path(seed, round));
        if pick(seed + 1, round, 3) == 0 {
            match store.remove(&path, &Condition::None, &Author::new("test"), now()) {
                Ok(_) | Err(StoreError::NoSuchPackage { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
            continue;
        }
        let Ok(revisions) = store.revisions(&path) else { continue };
        let chosen = &revisions[usize::try_from(pick(seed + 2, round, revisions.len() as u64)).expect("small")];
        match store.restore(chosen.id, &request(path.as_str()), now()) {
            Ok(_) | Err(StoreError::BytesNotHeld { .. } | StoreError::NoSuchRevision { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Packages of another node come and go, and their bytes are fetched as the mesh does.
fn fetches(store: &Store, source: &Store, seed: u64) {
    for round in 0..ROUNDS / 4 {
        put(source, "far.pkg", &content(seed, round), now()).expect("a publish");
        pull(store, source, now()).expect("events come");
        fetch_all(store, source);
    }
}

fn fetch_all(store: &Store, source: &Store) {
    for want in store.wants(100).expect("readable") {
        let Some(reader) = source.open_blob(&want.blob, now()).expect("readable") else { continue };
        let fetch = store.begin_fetch(&want.blob, want.size).expect("room");
        if !fetch.outline_known() {
            fetch.set_outline(reader.outline().to_vec()).expect("the right outline");
        }
        for piece in 0..piece_count(want.size) {
            let bytes = reader.read(piece << 20, piece_bytes(want.size, piece), now()).expect("readable");
            fetch.write_piece(piece, &bytes).expect("a right piece");
        }
        fetch.finish(now()).expect("all pieces are here");
    }
}

/// Until all uploads are done.
fn downloads(store: &Store, seed: u64, uploading: &AtomicU64, whole: &AtomicU64) {
    for round in (0..).take_while(|_| uploading.load(Ordering::Acquire) > 0) {
        let Some(package) = store.package(&path(pick_path(seed, round))).expect("readable") else { continue };
        // It may have been replaced and collected since; what is there is whole to its end.
        let Some(reader) = store.open_blob(&package.blob, now()).expect("readable") else { continue };
        let mut hasher = blake3::Hasher::new();
        for piece in 0..piece_count(package.size) {
            hasher.update(&reader.read(piece << 20, 1 << 20, now()).expect("readable"));
        }
        assert_eq!(hasher.finalize().as_bytes(), package.blob.as_bytes());
        whole.fetch_add(1, Ordering::Relaxed);
    }
}

/// Until all uploads are done.
fn collections(store: &Store, uploading: &AtomicU64, collected: &AtomicU64) {
    for round in (0u64..).take_while(|_| uploading.load(Ordering::Acquire) > 0) {
        let mode = if round % 4 == 3 { GcMode::DryRun } else { GcMode::Collect };
        let report = store.gc(&policy(usize::try_from(round % 2).expect("small")), mode, now()).expect("a run");
        if mode == GcMode::Collect {
            collected.fetch_add(report.blobs.count, Ordering::Relaxed);
        }
    }
}

fn open_real(folder: &Path) -> Store {
    let disk: Arc<dyn Disk> = Arc::new(LocalDisk::new());
    Store::open(disk, folder, &options(1)).expect("the folder opens")
}

fn files_in(folder: &Path) -> usize {
    let folders = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    folders.map(|folder| std::fs::read_dir(folder).expect("a folder").count()).sum()
}

fn assert_all_is_whole(store: &Store) {
    assert_sound(store);
    for package in store.packages(None, 100, &mut |_| true).expect("a page").items {
        let read = crate::support::read_all(store, package.path.as_str(), now()).expect("readable");
        let read = read.unwrap_or_else(|| panic!("{} is listed and not here", package.path));
        assert_eq!(blake3::hash(&read).as_bytes(), package.blob.as_bytes());
    }
    let mut after = Lsn::default();
    loop {
        let page = store.records(after, 1000).expect("readable");
        let alarm = page.items.iter().find(|record| matches!(record.what, Happening::Alarm { .. }));
        assert_eq!(alarm, None, "nothing rotted and nothing was rolled back");
        let Some(next) = page.next else { return };
        after = next;
    }
}

#[test]
fn everybody_at_once_loses_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open_real(folder.path());
    let (_, source) = fresh(2);
    let admit = Admit { node: source.node_id(), role: Role::Publisher, prefixes: vec![] };
    store.admit(&admit, &Author::new("test"), now()).expect("the root admits");
    source.take_root(store.node_id(), now()).expect("a node alone takes the root");
    source.insert_statements(store.roster_statements().expect("statements"), now()).expect("they verify");
    for name in PATHS {
        put(&store, name, name.as_bytes(), now()).expect("a publish");
    }
    let (uploading, whole, collected) = (AtomicU64::new(2), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| uploads(&store, 10, &uploading));
        scope.spawn(|| uploads(&store, 20, &uploading));
        scope.spawn(|| removals_and_restores(&store, 30));
        scope.spawn(|| fetches(&store, &source, 40));
        scope.spawn(|| downloads(&store, 50, &uploading, &whole));
        scope.spawn(|| collections(&store, &uploading, &collected));
    });
    let (whole, collected) = (whole.into_inner(), collected.into_inner());
    assert!(whole > 0 && collected > 0, "they met: {whole} downloads, {collected} blobs collected");
    fetch_all(&store, &source);
    assert_all_is_whole(&store);
    store.gc(&policy(0), GcMode::Collect, now()).expect("a last run");
    let rest = store.gc(&policy(0), GcMode::DryRun, now()).expect("a dry run");
    assert_eq!((rest.blobs, rest.orphans), (Tally::default(), Tally::default()), "it left nothing to do");
    let held = store.overview().expect("readable").blobs;
    assert_eq!(files_in(&folder.path().join("blobs")) as u64, held, "each file has its row");
    assert_eq!(std::fs::read_dir(folder.path().join("incoming")).expect("a folder").count(), 0);
    drop(store);
    assert_all_is_whole(&open_real(folder.path()));
}
