//! A real filesystem, small enough to be filled: the end of the disk is met by the database itself.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use ods_store::{
    Admit, Author, Condition, EventBatch, Happening, LocalDisk, LogQuery, Lsn, Role, SignedEvent, Store, StoreError,
    Vector,
};

use crate::support::{assert_sound, at, fresh, options, path, pull, put, put_request, read_all, request};

/// A filesystem in memory, mounted until it is dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where this machine doesn't let the test mount.
    fn mount(mebibytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"]).arg(folder.path());
        mount.output().is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0.path()).status());
    }
}

/// Events of another node whose rows take more room than a commit asks for before it begins.
fn many_events(store: &Store) -> Vec<SignedEvent> {
    let (_, source) = fresh(1);
    let admit = Admit { node: store.node_id(), role: Role::Owner, prefixes: vec![] };
    source.admit(&admit, &Author::new("test"), at(0)).expect("the root admits");
    store.take_root(source.node_id(), at(0)).expect("a node alone takes the root");
    store.insert_statements(source.roster_statements().expect("statements"), at(0)).expect("they verify");
    let mut events = Vec::new();
    for index in 0..400 {
        let mut request = request(&format!("{index}.pkg"));
        for key in ["a", "b", "c", "d"] {
            let value = blake3::hash(&[index.to_string(), key.to_owned()].concat().into_bytes()).to_string();
            request.meta.insert(key.to_owned(), Some(value.repeat(120)));
        }
        put_request(&source, &request, b"same", at(1)).expect("a publish");
    }
    let mut cursor = None;
    loop {
        let page = source.log_page(&LogQuery { cursor, vector: Vector::default() }).expect("a page");
        events.extend(page.items.into_iter().map(|(_, event)| event));
        cursor = Some(page.cursor);
        if !page.more {
            return events;
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test plays the other program that fills the disk")]
fn a_database_that_meets_the_end_of_the_disk_reads_on_and_goes_on_when_there_is_room() {
    let Some(disk) = SmallDisk::mount(64) else {
        println!("left out: a full filesystem: needs root to mount a small one");
        return;
    };
    let data = disk.path().join("data");
    let open = |seed| Store::open(Arc::new(LocalDisk::new()), &data, &options(seed));
    let store = open(2).expect("a new store");
    let events = many_events(&store);
    put(&store, "kept.pkg", b"kept", at(2)).expect("a publish");
    let ballast = disk.path().join("ballast");
    let room = usize::try_from(store.free_bytes().expect("readable")).expect("small") - (5 << 20);
    std::fs::write(&ballast, vec![1; room]).expect("there is room");

    let batch = || EventBatch { events: events.clone(), pull: None, backfill: false };
    let refused = store.insert_events(batch(), at(3));
    let is_full = |error: &StoreError| matches!(error, StoreError::DiskFailing { trouble } if trouble.is_full);
    assert!(refused.as_ref().is_err_and(is_full), "{refused:?}");
    assert!(store.refuses_writes() && store.disk_troubles().iter().any(|trouble| trouble.is_full));
    assert_eq!(store.package_count().expect("readable"), 1, "nothing of it is shown");
    assert_eq!(read_all(&store, "kept.pkg", at(4)).expect("readable").as_deref(), Some(&b"kept"[..]));

    std::fs::remove_file(&ballast).expect("removed");
    store.mend(at(3), at(5)).expect("there is room again");
    let inserted = store.insert_events(batch(), at(6)).expect("writing goes on");
    assert_eq!(inserted.inserted, 400);
    let told = store.records(Lsn::new(0), 1000).expect("readable").items;
    let told = told.iter().any(|record| matches!(&record.what, Happening::Alarm { code, .. } if code == "disk_mended"));
    assert!(told, "the journal tells of it");
    drop(store);
    let store = open(3).expect("it opens again");
    assert_eq!(store.package_count().expect("readable"), 401);
    assert_sound(&store);
}

/// A disk that others filled to the brim takes a peer's removals, with what comes before them, and nothing after.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test plays the other program that fills the disk")]
fn a_full_disk_takes_a_peers_removals() {
    let Some(disk) = SmallDisk::mount(64) else {
        println!("left out: a full filesystem: needs root to mount a small one");
        return;
    };
    let data = disk.path().join("data");
    let store = Store::open(Arc::new(LocalDisk::new()), &data, &options(2)).expect("a new store");
    let (_, source) = fresh(1);
    let admit = Admit { node: store.node_id(), role: Role::Owner, prefixes: vec![] };
    source.admit(&admit, &Author::new("test"), at(0)).expect("the root admits");
    store.take_root(source.node_id(), at(0)).expect("a node alone takes the root");
    for name in ["gone.pkg", "kept.pkg"] {
        put(&source, name, name.as_bytes(), at(1)).expect("a publish");
    }
    store.insert_statements(source.roster_statements().expect("statements"), at(1)).expect("they verify");
    pull(&store, &source, at(2)).expect("there is room");
    let ballast = disk.path().join("ballast");
    let fill = format!("cat /dev/zero > {}; true", ballast.display());
    drop(Command::new("sh").args(["-c", &fill]).stderr(std::process::Stdio::null()).status());

    put(&source, "new.pkg", b"new", at(3)).expect("a publish");
    let refused = pull(&store, &source, at(4));
    assert!(matches!(refused, Err(StoreError::NoSpace { .. })), "a publish waits: {refused:?}");
    source.remove(&path("gone.pkg"), &Condition::None, &Author::new("test"), at(5)).expect("a removal");
    put(&source, "newer.pkg", b"newer", at(6)).expect("a publish");
    let stopped = pull(&store, &source, at(7));
    assert!(matches!(stopped, Err(StoreError::NoSpace { .. })), "what follows waits: {stopped:?}");
    let listed = |name: &str| store.package(&path(name)).expect("readable").is_some();
    assert_eq!(["gone.pkg", "kept.pkg", "new.pkg", "newer.pkg"].map(listed), [false, true, true, false]);
    std::fs::remove_file(&ballast).expect("removed");
    pull(&store, &source, at(8)).expect("there is room again");
    assert!(listed("newer.pkg"));
    assert_sound(&store);
}
