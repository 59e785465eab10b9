//! The folder over a real store and real files; time is turned by hand.
#![expect(clippy::disallowed_methods, reason = "these tests play the admin who drops, edits and removes files")]

mod mirror;
mod wanted;

use std::fs::{self, File};
use std::sync::atomic::{AtomicBool, Ordering};

use ods_api::WatchStatus;
use ods_store::{
    Admit, Change, Condition, EventBatch, Happening, LocalDisk, LogQuery, Lsn, MetaPatch, PublishRequest, Revision,
    Role, StoreOptions,
};

use super::*;

const WALL: UnixMillis = UnixMillis::new(1_800_000_000_000);

fn open_store(folder: &Path) -> Store {
    let mut entropy = [0; 32];
    getrandom::fill(&mut entropy).expect("random bytes");
    let options = StoreOptions { cache_bytes: 1 << 20, entropy, name: "test".to_owned() };
    Store::open(Arc::new(LocalDisk::new()), folder, &options).expect("the store opens")
}

fn path(text: &str) -> PackagePath {
    PackagePath::parse(text).expect("a valid path")
}

/// Publishes by hand, as `ods push` does.
fn push(store: &Store, package: &str, bytes: &[u8]) {
    let mut upload = store.begin_upload(None).expect("begun");
    upload.write(bytes).expect("written");
    let author = Author::new("token ci");
    let request = PublishRequest { path: path(package), meta: MetaPatch::new(), condition: Condition::None, author };
    store.publish(upload.finish().expect("whole"), &request, WALL).expect("published");
}

fn revisions(store: &Store, package: &str) -> Vec<Revision> {
    store.revisions(&path(package)).unwrap_or_default()
}

fn watch_id() -> WatchId {
    WatchId::of_folder("drop")
}

struct Bench {
    place: tempfile::TempDir,
    rules: WatchRules,
    store: Store,
    folder: Option<Folder>,
    status: WatchHandle,
    pulled: Arc<AtomicBool>,
    now: Instant,
}

impl Bench {
    fn new(mode: WatchMode) -> Self {
        let place = tempfile::tempdir().expect("a temporary folder");
        let drop_folder = place.path().join("drop");
        fs::create_dir(&drop_folder).expect("folder made");
        let rules = WatchRules {
            version: 0,
            folder: drop_folder,
            mode,
            prefix: String::new(),
            tags: Vec::new(),
            quiet: Duration::from_secs(10),
            rescan: Duration::from_mins(1),
            confined: false,
        };
        let store = open_store(&place.path().join("data"));
        let pulled = Arc::new(AtomicBool::new(true));
        let now = Instant::now();
        Self { place, rules, store, folder: None, status: WatchHandle::default(), pulled, now }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.rules.folder.join(name)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let file = self.file(name);
        fs::create_dir_all(file.parent().expect("it lies in a folder")).expect("folder made");
        // Another name first, so that each version is another inode whatever the clock's grain.
        let new = file.with_file_name("new.tmp");
        fs::write(&new, bytes).expect("written");
        fs::rename(&new, &file).expect("renamed");
    }

    /// The node restarts: what is in memory is lost, what is in the store is not.
    fn restart(&mut self) {
        self.folder = None;
    }

    fn folder(&mut self) -> &mut Folder {
        let pulled = self.pulled.clone();
        let (rules, store, status) = (&self.rules, &self.store, &self.status);
        self.folder.get_or_insert_with(|| {
            let done = Arc::new(move || pulled.load(Ordering::SeqCst));
            Folder::new(watch_id(), rules.clone(), store.clone(), status.clone(), done)
        })
    }

    fn pass(&mut self) -> Pause {
        let now = self.now;
        self.folder().pass(now, WALL)
    }

    fn later(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// Time goes by until a scan was made and nothing waits to be taken, or it was tried a few times.
    fn settle(&mut self) {
        self.later(61);
        self.pass();
        for _ in 0..5 {
            self.later(11);
            while self.pass() == Pause::None {}
            if self.folder().settling.waiting() == 0 {
                return;
            }
        }
    }

    fn bytes_of(&self, package: &str) -> Option<Vec<u8>> {
        let found = self.store.package(&path(package)).expect("read")?;
        let reader = self.store.open_blob(&found.blob, WALL).expect("read").expect("held");
        Some(reader.read(0, 1 << 20, WALL).expect("verified"))
    }

    fn status(&self) -> WatchStatus {
        self.status.status(watch_id()).expect("it shows its state")
    }

    fn refused(&self) -> Vec<(String, String)> {
        self.status().refused.into_iter().map(|refused| (refused.file, refused.reason)).collect()
    }

    fn journalled_refusals(&self) -> Vec<String> {
        let records = self.store.records(Lsn::new(0), 1000).expect("read").items;
        let refused = records.into_iter().filter_map(|record| match record.what {
            Happening::WatchRefused { file, .. } => Some(file),
            _ => None,
        });
        refused.collect()
    }
}

#[test]
fn a_dropped_file_becomes_a_package_with_prefix_tags_and_author() {
    let mut bench = Bench::new(WatchMode::Keep);
    bench.rules.prefix = "site".to_owned();
    bench.rules.tags = vec!["prod".to_owned(), "mac".to_owned()];
    bench.put("apps/Firefox 142.pkg", b"fox");
    bench.settle();
    let package = bench.store.package(&path("site/apps/Firefox 142.pkg")).expect("read").expect("published");
    assert_eq!(package.tags(), ["prod", "mac"]);
    let name = bench.rules.folder.file_name().expect("a name").display();
    assert_eq!(package.by, format!("watch {name}"), "its own name, and not where it lies");
    assert_eq!(bench.bytes_of("site/apps/Firefox 142.pkg").expect("held"), b"fox");
    let status = bench.status();
    assert_eq!((status.state, status.refused.len()), (WatchState::Watching, 0));
    assert!(bench.file("apps/Firefox 142.pkg").exists());
}

#[test]
fn an_empty_file_settles_for_a_minute_and_is_then_refused_until_it_grows() {
    let mut bench = Bench::new(WatchMode::Keep);
    bench.put("x.pkg", b"");
    let settling = |bench: &Bench| bench.status().settling.into_iter().map(|file| file.file).collect::<Vec<_>>();
    bench.pass();
    bench.later(59);
    bench.pass();
    assert_eq!((settling(&bench), bench.refused()), (vec!["x.pkg".to_owned()], vec![]));
    bench.later(2);
    while bench.pass() == Pause::None {}
    assert_eq!((settling(&bench), bench.refused()), (vec![], vec![("x.pkg".to_owned(), "it is empty".to_owned())]));
    assert_eq!(bench.status().refused[0].code, "empty");
    bench.later(3600);
    bench.pass();
    assert_eq!(bench.refused().len(), 1, "it stays listed");
    bench.put("x.pkg", b"v1");
    bench.settle();
    assert_eq!((bench.bytes_of("x.pkg"), bench.refused()), (Some(b"v1".to_vec()), vec![]));
}

#[test]
fn an_unchanged_file_is_published_once_whatever_is_scanned_or_restarted() {
    let mut bench = Bench::new(WatchMode::Keep);
    bench.put("x.pkg", b"v1");
    bench.settle();
    let head = bench.store.head();
    bench.settle();
    bench.restart();
    bench.settle();
    assert_eq!(bench.store.head(), head, "something was written");
}

#[test]
fn an_edited_file_is_a_new_revision_and_a_deleted_one_stays_published() {
    let mut bench = Bench::new(WatchMode::Keep);
    for bytes in [b"v1", b"v2"] {
        bench.put("x.pkg", bytes);
        bench.settle();
    }
    assert_eq!(revisions(&bench.store, "x.pkg").len(), 2);
    fs::remove_file(bench.file("x.pkg")).expect("removed");
    bench.settle();
    assert_eq!(bench.bytes_of("x.pkg").expect("still published"), b"v2");
}

#[test]
fn going_back_to_old_bytes_under_watch_publishes_them() {
    let mut bench = Bench::new(WatchMode::Keep);
    for bytes in [b"v1", b"v2", b"v1"] {
        bench.put("x.pkg", bytes);
        bench.settle();
    }
    assert_eq!((bench.bytes_of("x.pkg").expect("held"), revisions(&bench.store, "x.pkg").len()), (b"v1".to_vec(), 3));
}

#[test]
fn a_rebuilt_node_beside_an_old_folder_brings_nothing_back() {
    let mut bench = Bench::new(WatchMode::Keep);
    for (package, bytes) in [("old.pkg", b"v1"), ("old.pkg", b"v2"), ("gone.pkg", b"v1"), ("same.pkg", b"v1")] {
        push(&bench.store, package, bytes);
    }
    bench.store.remove(&path("gone.pkg"), &Condition::None, &Author::new("token ci"), WALL).expect("removed");
    let events = bench.store.overview().expect("read").log_events;
    for file in ["old.pkg", "gone.pkg", "same.pkg"] {
        bench.put(file, b"v1");
    }
    bench.settle();
    assert_eq!(bench.store.overview().expect("read").log_events, events);
    assert_eq!(bench.status().superseded, ["gone.pkg", "old.pkg"]);
    bench.restart();
    bench.pass();
    assert_eq!(bench.status().superseded, ["gone.pkg", "old.pkg"], "known at once after a restart");
    bench.put("old.pkg", b"v3");
    bench.settle();
    assert_eq!(
        (bench.status().superseded, bench.bytes_of("old.pkg")),
        (vec!["gone.pkg".to_owned()], Some(b"v3".to_vec()))
    );
}

#[test]
fn old_bytes_that_came_while_the_node_was_down_are_superseded_and_new_ones_published() {
    let mut bench = Bench::new(WatchMode::Keep);
    for bytes in [b"v1", b"v2"] {
        bench.put("x.pkg", bytes);
        bench.put("y.pkg", bytes);
        bench.settle();
    }
    bench.restart();
    bench.put("x.pkg", b"v1");
    bench.put("y.pkg", b"v3");
    bench.settle();
    assert_eq!((bench.bytes_of("x.pkg"), bench.bytes_of("y.pkg")), (Some(b"v2".to_vec()), Some(b"v3".to_vec())));
    assert_eq!(bench.status().superseded, ["x.pkg"]);
}

#[test]
fn consume_moves_files_into_the_store_and_leaves_what_is_superseded() {
    let mut bench = Bench::new(WatchMode::Consume);
    push(&bench.store, "old.pkg", b"v1");
    push(&bench.store, "old.pkg", b"v2");
    push(&bench.store, "same.pkg", b"same");
    bench.put("sub/new.pkg", b"new");
    bench.put("old.pkg", b"v1");
    bench.put("same.pkg", b"same");
    bench.settle();
    let left: Vec<bool> = ["sub/new.pkg", "old.pkg", "same.pkg"].map(|file| bench.file(file).exists()).to_vec();
    assert_eq!(left, [false, true, false]);
    assert_eq!(bench.bytes_of("sub/new.pkg").expect("held"), b"new");
    assert_eq!(bench.status().superseded, ["old.pkg"]);
    bench.put("sub/new.pkg", b"newer");
    bench.settle();
    assert_eq!(bench.bytes_of("sub/new.pkg").expect("held"), b"newer");
}

#[test]
fn a_file_published_before_a_crash_is_consumed_after_it() {
    let mut bench = Bench::new(WatchMode::Keep);
    bench.put("x.pkg", b"v1");
    bench.settle();
    bench.rules.mode = WatchMode::Consume;
    bench.restart();
    bench.settle();
    assert!(!bench.file("x.pkg").exists());
    assert_eq!(revisions(&bench.store, "x.pkg").len(), 1);
}

#[test]
fn refusals_are_listed_while_they_hold_and_journalled_once() {
    let mut bench = Bench::new(WatchMode::Keep);
    fs::create_dir_all(bench.file("X.pkg/Contents")).expect("folder made");
    bench.put("empty.pkg", b"");
    bench.put("unfinished.pkg.part", b"x");
    bench.settle();
    bench.settle();
    let refused = bench.refused();
    assert_eq!(refused.iter().map(|(file, _)| file.as_str()).collect::<Vec<_>>(), ["X.pkg", "empty.pkg"]);
    assert!(refused[0].1.contains("bundle"), "{refused:?}");
    bench.restart();
    bench.settle();
    bench.settle();
    let told = [bench.file("X.pkg"), bench.file("empty.pkg")].map(|file| file.display().to_string());
    assert_eq!(bench.journalled_refusals(), told);
    fs::remove_dir_all(bench.file("X.pkg")).expect("removed");
    bench.put("empty.pkg", b"full");
    bench.settle();
    assert_eq!(bench.refused(), []);
    assert_eq!(bench.bytes_of("empty.pkg").expect("held"), b"full");
}

#[test]
fn a_folder_that_vanishes_unpublishes_nothing_and_is_taken_up_again() {
    let mut bench = Bench::new(WatchMode::Keep);
    bench.put("x.pkg", b"v1");
    bench.put("y.pkg", b"v1");
    bench.settle();
    bench.put("x.pkg", b"v2");
    bench.settle();
    let (here, there) = (bench.rules.folder.clone(), bench.place.path().join("elsewhere"));
    fs::rename(&here, &there).expect("moved away");
    bench.settle();
    bench.settle();
    assert!(matches!(bench.status().state, WatchState::Failing { .. }), "{:?}", bench.status());
    assert_eq!(bench.journalled_refusals(), [here.display().to_string()]);
    assert_eq!(bench.store.package_count().expect("read"), 2);
    fs::rename(&there, &here).expect("moved back");
    bench.put("x.pkg", b"v1");
    bench.put("z.pkg", b"v1");
    bench.settle();
    let status = bench.status();
    assert_eq!((status.state, status.refused.len()), (WatchState::Watching, 0));
    assert_eq!(status.superseded, ["x.pkg"], "it may be an old backup that came back");
    assert_eq!(bench.bytes_of("z.pkg").expect("taken up again"), b"v1");
}

#[test]
fn nothing_is_looked_at_before_the_first_pull() {
    let mut bench = Bench::new(WatchMode::Keep);
    bench.pulled.store(false, Ordering::SeqCst);
    bench.put("x.pkg", b"v1");
    bench.settle();
    assert_eq!((bench.status().state, bench.store.package_count().expect("read")), (WatchState::Waiting, 0));
    bench.pulled.store(true, Ordering::SeqCst);
    bench.settle();
    assert_eq!((bench.status().state, bench.store.package_count().expect("read")), (WatchState::Watching, 1));
    bench.pulled.store(false, Ordering::SeqCst);
    bench.put("y.pkg", b"v1");
    bench.settle();
    assert_eq!((bench.status().state, bench.store.package_count().expect("read")), (WatchState::Waiting, 1));
    bench.pulled.store(true, Ordering::SeqCst);
    bench.pass();
    assert_eq!(bench.status().state, WatchState::Watching, "at once, not with the next scan");
}

/// Lets `joiner` join the mesh of `root` and pull all it has.
fn join(joiner: &Store, root: &Store, role: Role) {
    let author = Author::new("test");
    let admit = Admit { node: joiner.node_id(), role, prefixes: Vec::new() };
    root.admit(&admit, &author, WALL).expect("admitted");
    if joiner.roster().root() != root.node_id() {
        joiner.take_root(root.node_id(), WALL).expect("root taken");
    }
    joiner.insert_statements(root.roster_statements().expect("read"), WALL).expect("taken");
    let query = LogQuery { cursor: None, vector: joiner.vector().expect("read") };
    let events = root.log_page(&query).expect("read").items.into_iter().map(|(_, event)| event).collect();
    let inserted = joiner.insert_events(EventBatch { events, pull: None, backfill: true }, WALL).expect("taken");
    assert!(inserted.refused.is_none(), "{inserted:?}");
}

#[test]
fn a_replica_refuses_files_until_it_is_a_publisher() {
    let mut bench = Bench::new(WatchMode::Keep);
    let root = open_store(&bench.place.path().join("root"));
    join(&bench.store, &root, Role::Replica);
    bench.put("x.pkg", b"v1");
    bench.settle();
    assert_eq!(bench.refused().iter().map(|(file, _)| file.as_str()).collect::<Vec<_>>(), ["x.pkg"]);
    assert_eq!(bench.journalled_refusals().len(), 1);
    join(&bench.store, &root, Role::Publisher);
    bench.later(300);
    bench.settle();
    assert_eq!((bench.refused().len(), bench.bytes_of("x.pkg")), (0, Some(b"v1".to_vec())));
}

#[test]
fn what_was_published_alone_is_withdrawn_where_the_mesh_has_moved_on() {
    let mut bench = Bench::new(WatchMode::Keep);
    for file in ["old.pkg", "new.pkg", "removed.pkg"] {
        bench.put(file, b"v1");
    }
    bench.settle();
    let root = open_store(&bench.place.path().join("root"));
    for (package, bytes) in [("old.pkg", b"v1"), ("old.pkg", b"v2"), ("removed.pkg", b"v1")] {
        push(&root, package, bytes);
    }
    root.remove(&path("removed.pkg"), &Condition::None, &Author::new("token ci"), WALL).expect("removed");
    join(&bench.store, &root, Role::Publisher);
    bench.settle();
    let current =
        revisions(&bench.store, "old.pkg").into_iter().find(|revision| revision.current).expect("there is one");
    assert_eq!(current.origin, root.node_id());
    assert!(matches!(current.change, Change::Published { blob, .. } if blob == ods_store::Digest::of(b"v2")));
    assert!(bench.store.package(&path("removed.pkg")).expect("read").is_none(), "removed stays removed");
    assert!(bench.store.package(&path("new.pkg")).expect("read").is_some());
    assert_eq!(bench.status().superseded, ["old.pkg", "removed.pkg"]);
    let head = bench.store.head();
    bench.settle();
    assert_eq!(bench.store.head(), head, "it is done once");
}

#[test]
fn small_files_do_not_wait_for_a_large_one() {
    let mut bench = Bench::new(WatchMode::Keep);
    File::create(bench.file("large.dmg")).expect("made").set_len(200 << 20).expect("grown");
    bench.pass();
    bench.later(11);
    while bench.folder().large.is_none() {
        bench.later(11);
        assert_eq!(bench.pass(), Pause::None);
    }
    bench.put("small.pkg", b"v1");
    bench.later(61);
    bench.pass();
    bench.later(11);
    assert_eq!(bench.pass(), Pause::None);
    assert!(bench.folder().large.is_some(), "the large one is still being read");
    assert_eq!(bench.bytes_of("small.pkg").expect("published in between"), b"v1");
    while bench.folder().large.is_some() {
        bench.pass();
    }
    let large = bench.store.package(&path("large.dmg")).expect("read").expect("published");
    assert_eq!(large.size, 200 << 20);
}

#[test]
fn a_large_file_that_changes_while_it_is_read_settles_again() {
    let mut bench = Bench::new(WatchMode::Keep);
    File::create(bench.file("large.dmg")).expect("made").set_len(150 << 20).expect("grown");
    while bench.folder().large.is_none() {
        bench.later(11);
        bench.pass();
    }
    let file = File::options().write(true).open(bench.file("large.dmg")).expect("opened");
    file.set_len(20 << 20).expect("cut");
    while bench.folder().large.is_some() {
        bench.pass();
    }
    assert_eq!(bench.store.package_count().expect("read"), 0);
    bench.settle();
    assert_eq!(bench.store.package(&path("large.dmg")).expect("read").expect("published").size, 20 << 20);
}

#[test]
fn a_file_larger_than_the_disk_is_refused_and_tried_again() {
    let mut bench = Bench::new(WatchMode::Keep);
    let large = File::create(bench.file("huge.dmg")).expect("made");
    let free = bench.store.free_bytes().expect("asked");
    if large.set_len(free.saturating_mul(2).min(ods_store::BLOB_BYTES_MAX)).is_err() {
        return; // This file system has no sparse files of that size.
    }
    bench.put("small.pkg", b"v1");
    bench.settle();
    let refused = bench.refused();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].0 == "huge.dmg" && refused[0].1.contains("full"), "{refused:?}");
    assert_eq!((bench.bytes_of("small.pkg"), bench.journalled_refusals().len()), (Some(b"v1".to_vec()), 1));
    large.set_len(5).expect("cut");
    bench.settle();
    assert_eq!((bench.refused().len(), bench.bytes_of("huge.dmg")), (0, Some(vec![0; 5])));
}

#[test]
fn other_tags_of_a_watch_reach_what_it_published_and_nobody_changed_since() {
    let mut bench = Bench::new(WatchMode::Keep);
    bench.rules.tags = vec!["test".to_owned()];
    for name in ["a.pkg", "edited.pkg", "pushed.pkg"] {
        bench.put(name, name);
    }
    push(&bench.store, "pushed.pkg", b"pushed.pkg");
    bench.settle();
    let by_hand = MetaPatch::from([("tags".to_owned(), Some("pilot".to_owned()))]);
    let edit = PublishRequest {
        path: path("edited.pkg"),
        meta: by_hand,
        condition: Condition::None,
        author: Author::new("user ann"),
    };
    bench.store.edit(&edit, WALL).expect("edited");
    let tags = |bench: &Bench, package: &str| {
        let package = bench.store.package(&path(package)).expect("read").expect("published");
        package.tags().join(",")
    };
    for (now, then) in [(vec!["prod", "mac"], "prod,mac"), (vec!["old"], "old"), (vec![], "old")] {
        bench.restart();
        bench.rules.tags = now.into_iter().map(str::to_owned).collect();
        bench.settle();
        assert_eq!(tags(&bench, "a.pkg"), then);
        assert_eq!((tags(&bench, "edited.pkg").as_str(), tags(&bench, "pushed.pkg").as_str()), ("pilot", ""));
    }
    bench.restart();
    bench.rules.tags = vec!["old".to_owned()];
    bench.settle();
    assert_eq!(revisions(&bench.store, "a.pkg").len(), 3, "nothing new is said twice");
    assert_eq!(bench.bytes_of("a.pkg").as_deref(), Some(&b"a.pkg"[..]));
}

#[test]
fn tags_that_an_admin_changed_survive_a_rebuilt_node() {
    let mut bench = Bench::new(WatchMode::Keep);
    bench.rules.tags = vec!["test".to_owned()];
    push(&bench.store, "x.pkg", b"v1");
    bench.put("x.pkg", b"v1");
    bench.settle();
    let package = bench.store.package(&path("x.pkg")).expect("read").expect("there");
    assert_eq!((package.tags().len(), revisions(&bench.store, "x.pkg").len()), (0, 1));
}

#[cfg(unix)]
#[test]
fn a_file_swapped_for_a_link_is_neither_published_nor_removed() {
    let mut bench = Bench::new(WatchMode::Consume);
    let secret = bench.place.path().join("secret");
    fs::write(&secret, b"secret").expect("written");
    bench.put("x.pkg", b"secret");
    bench.later(61);
    bench.pass();
    fs::remove_file(bench.file("x.pkg")).expect("removed");
    std::os::unix::fs::symlink(&secret, bench.file("x.pkg")).expect("linked");
    bench.settle();
    assert_eq!(bench.store.package_count().expect("read"), 0);
    assert!(secret.exists() && bench.file("x.pkg").exists());
    assert!(bench.refused()[0].1.contains("link"), "{:?}", bench.refused());
}

#[test]
fn a_superseded_file_that_was_restored_is_superseded_no_more() {
    let mut bench = Bench::new(WatchMode::Consume);
    push(&bench.store, "x.pkg", b"v1");
    push(&bench.store, "x.pkg", b"v2");
    bench.put("x.pkg", b"v1");
    bench.settle();
    assert_eq!(bench.status().superseded, ["x.pkg"]);
    let first = revisions(&bench.store, "x.pkg").pop().expect("there are two");
    let author = Author::new("token ci");
    let request = PublishRequest { path: path("x.pkg"), meta: MetaPatch::new(), condition: Condition::None, author };
    bench.store.restore(first.id, &request, WALL).expect("restored");
    bench.settle();
    assert_eq!((bench.status().superseded.len(), bench.file("x.pkg").exists()), (0, false));
}

/// On Linux a scan makes events itself, by opening folders. They must not lead to the next scan.
#[test]
fn a_scan_does_not_cause_another() {
    let mut bench = Bench::new(WatchMode::Keep);
    bench.put("sub/x.pkg", b"v1");
    bench.settle();
    let until = Instant::now() + Duration::from_mins(1);
    fs::write(bench.file("marker.pkg"), b"").expect("written");
    while !bench.folder().settling.waits(Path::new("marker.pkg")) && Instant::now() < until {
        bench.pass(); // Events come in order: with the marker's, all of the scan's have come.
    }
    let planned = bench.folder().next_scan;
    bench.later(1);
    bench.pass();
    let now = bench.now;
    let folder = bench.folder();
    assert!(folder.settling.waits(Path::new("marker.pkg")), "no event came");
    assert_eq!(folder.next_scan, planned);
    assert!(planned.is_some_and(|at| at > now), "a scan is due");
}
