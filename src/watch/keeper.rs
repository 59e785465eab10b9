//! Keeps a worker running for each watch that is wanted: those that the configuration names, and those that were made while
//! the node runs. The store says which; nobody calls.
//!
//! Invariants:
//! - What a mirror knew of its folder goes with the mirror: another one there begins with what it finds.
//! - Every change of a watch gives it another worker, also one that was taken back before the keeper looked: what the
//!   mirror before it knew is gone from the store.
//! - A folder never has two workers: a watch that was changed gets its next one when the last one's tick has ended.
//! - The workers go with the keeper: they end between two ticks when it ends, and are joined.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ods_api::{BadFolder, WatchHandle, WatchState, WatchStatus};
use ods_store::{Store, StoreError, UnixMillis, WatchId, WatchMode};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::WatchWorker;
use super::folder::{FirstPullDone, idle};
use super::roots::Roots;
use super::rules::WatchRules;
use crate::tasks::Tasks;
use crate::worker::{self, Next, Worker, in_blocking};

/// How long after the store could not be read it is tried again.
const TROUBLE_PAUSE: Duration = Duration::from_secs(5);
/// How long the keeper rests when nothing happens.
const REST: Duration = Duration::from_hours(1);

/// What the keeper is given.
pub(crate) struct KeeperParts {
    /// The store.
    pub(crate) store: Store,
    /// Where the API looks.
    pub(crate) handle: WatchHandle,
    /// The watches of the configuration.
    pub(crate) configured: Vec<(WatchId, WatchRules)>,
    /// Which others may be watched.
    pub(crate) roots: Arc<Roots>,
    /// The clock on the wall.
    pub(crate) clock: fn() -> UnixMillis,
    /// Whether the first pull is done.
    pub(crate) first_pull_done: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// Keeps the watches' workers.
pub(crate) struct WatchKeeper {
    parts: KeeperParts,
    wake: Arc<Notify>,
    /// Watches were changed, or somebody asks something of one.
    changed: Arc<AtomicBool>,
    tasks: Tasks<WatchId>,
    running: BTreeMap<WatchId, Running>,
    /// Watches that are shown to have no worker, and why.
    refused: BTreeSet<WatchId>,
}

/// A worker that runs.
struct Running {
    rules: WatchRules,
    stop: CancellationToken,
    wake: Arc<Notify>,
}

impl WatchKeeper {
    /// A keeper that is woken by commits which concern watches.
    pub(crate) fn new(parts: KeeperParts) -> Self {
        let (wake, changed) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(true)));
        let (notify, note) = (wake.clone(), changed.clone());
        parts.store.on_commit(move |committed| {
            if committed.watches_changed {
                note.store(true, Ordering::SeqCst);
                notify.notify_one();
            }
        });
        let tasks = Tasks::new(wake.clone());
        Self { parts, wake, changed, tasks, running: BTreeMap::new(), refused: BTreeSet::new() }
    }

    /// The watches that are wanted, and those that may not be, with the reason.
    async fn wanted(&self) -> Result<Wanted, StoreError> {
        let (store, roots) = (self.parts.store.clone(), self.parts.roots.clone());
        let mirrors = self.parts.configured.iter().filter(|(_, rules)| rules.mode == WatchMode::Mirror);
        let configured: Vec<WatchId> = mirrors.map(|(id, _)| *id).collect();
        let rows = in_blocking(move || {
            let rows = store.watches()?;
            let made = rows.iter().filter(|row| row.settings.mode == WatchMode::Mirror).map(|row| row.id);
            store.keep_watch_marks(made.chain(configured))?;
            let judged = rows.into_iter().filter(|row| row.settings.enabled).map(|row| {
                let place = roots.place(Path::new(&row.settings.folder));
                (row, place)
            });
            Ok::<_, StoreError>(judged.collect::<Vec<_>>())
        });
        let mut wanted = Wanted { rules: self.parts.configured.iter().cloned().collect(), refused: BTreeMap::new() };
        for (row, place) in rows.await.ok_or(StoreError::Closing)?? {
            match place {
                Ok(_) => drop(wanted.rules.insert(row.id, WatchRules::from(&row))),
                Err(BadFolder::Outside { reason } | BadFolder::Taken { reason } | BadFolder::Unusable { reason }) => {
                    wanted.refused.insert(row.id, reason);
                }
            }
        }
        Ok(wanted)
    }

    /// Makes what runs what is wanted; what has to end first is begun again when it has.
    fn settle(&mut self, wanted: &Wanted) {
        for (id, running) in &self.running {
            if wanted.rules.get(id) == Some(&running.rules) {
                // It may have been asked something.
                running.wake.notify_one();
            } else {
                running.stop.cancel();
            }
        }
        let refused = wanted.refused.keys().copied().filter(|id| !self.running.contains_key(id)).collect();
        self.refused.difference(&refused).for_each(|id| self.parts.handle.forget(*id));
        for (id, rules) in &wanted.rules {
            if !self.running.contains_key(id) {
                self.start(*id, rules.clone());
            }
        }
        for id in &refused {
            let state = WatchState::Failing { reason: wanted.refused[id].clone() };
            self.parts.handle.show(*id, WatchStatus { state, ..idle() });
        }
        self.refused = refused;
    }

    fn start(&mut self, id: WatchId, rules: WatchRules) {
        let KeeperParts { store, handle, clock, first_pull_done, .. } = &self.parts;
        let first_pull_done: FirstPullDone = first_pull_done.clone();
        let worker = WatchWorker::new(id, rules.clone(), store.clone(), handle.clone(), *clock, first_pull_done);
        let (stop, wake) = (CancellationToken::new(), worker.wake());
        let until = stop.clone();
        self.running.insert(id, Running { rules, stop, wake });
        self.tasks.start(async move {
            worker::run(worker, until).await;
            id
        });
    }

    /// Forgets workers that ended; what is still wanted of them is looked at anew.
    fn take_ended(&mut self) {
        for id in self.tasks.take() {
            self.running.remove(&id);
            self.parts.handle.forget(id);
            self.changed.store(true, Ordering::SeqCst);
        }
    }
}

/// What is wanted.
struct Wanted {
    rules: BTreeMap<WatchId, WatchRules>,
    refused: BTreeMap<WatchId, String>,
}

impl Worker for WatchKeeper {
    fn name(&self) -> &'static str {
        "watches"
    }

    fn wake(&self) -> Arc<Notify> {
        self.wake.clone()
    }

    async fn tick(&mut self) -> Next {
        self.take_ended();
        if !self.changed.swap(false, Ordering::SeqCst) {
            return Next::After(REST);
        }
        match self.wanted().await {
            Ok(wanted) => self.settle(&wanted),
            Err(error) => {
                tracing::error!(%error, "can't read which folders are to be watched; tried again");
                self.changed.store(true, Ordering::SeqCst);
                return Next::After(TROUBLE_PAUSE);
            }
        }
        Next::After(REST)
    }

    async fn end(&mut self) {
        self.running.values().for_each(|running| running.stop.cancel());
        self.tasks.join().await;
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "these tests play the admin who makes folders and drops files")]
mod tests {
    use std::path::PathBuf;
    use std::time::Instant;

    use ods_store::{Author, LocalDisk, PackagePath, StoreOptions, WatchOrder, WatchPatch, WatchSettings};

    use super::*;
    use crate::worker::Supervisor;

    const DEADLINE: Duration = Duration::from_mins(1);
    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

    struct Bench {
        place: tempfile::TempDir,
        store: Store,
        handle: WatchHandle,
        supervisor: Supervisor,
    }

    impl Bench {
        fn new() -> Self {
            let place = tempfile::tempdir().expect("a temporary folder");
            let base = place.path().canonicalize().expect("a real name");
            std::fs::create_dir_all(base.join("drop/mac")).expect("made");
            std::fs::create_dir_all(base.join("drop/win")).expect("made");
            let options = StoreOptions { cache_bytes: 1 << 20, entropy: [7; 32], name: "test".to_owned() };
            let store = Store::open(Arc::new(LocalDisk::new()), &base.join("data"), &options).expect("the store opens");
            let handle = WatchHandle::default();
            let roots = Roots { allowed: vec![base.join("drop")], data: base.join("data"), configured: Vec::new() };
            let mut supervisor = Supervisor::default();
            supervisor.start(WatchKeeper::new(KeeperParts {
                store: store.clone(),
                handle: handle.clone(),
                configured: Vec::new(),
                roots: Arc::new(roots),
                clock: || NOW,
                first_pull_done: Arc::new(|| true),
            }));
            Self { place, store, handle, supervisor }
        }

        fn folder(&self, below: &str) -> PathBuf {
            self.place.path().canonicalize().expect("a real name").join(below)
        }

        fn settings(&self, folder: &str) -> WatchSettings {
            WatchSettings {
                folder: self.folder(folder).display().to_string(),
                prefix: String::new(),
                tags: Vec::new(),
                mode: WatchMode::Keep,
                settle_s: 0,
                rescan_s: 3600,
                enabled: true,
            }
        }

        async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
            let until = Instant::now() + DEADLINE;
            while !holds(self) {
                assert!(Instant::now() < until, "not within {DEADLINE:?}: {what}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }

        fn is_published(&self, path: &str) -> bool {
            let path = PackagePath::parse(path).expect("a valid path");
            self.store.package(&path).expect("read").is_some()
        }
    }

    fn watching(bench: &Bench, id: WatchId) -> bool {
        bench.handle.status(id).is_some_and(|status| status.state == WatchState::Watching)
    }

    #[tokio::test]
    async fn watches_begin_change_and_end_as_the_store_says() {
        let bench = Bench::new();
        let author = Author::new("test");
        let row = bench.store.create_watch(&bench.settings("drop/mac"), &author, NOW).expect("made");
        bench.until("it watches", |bench| watching(bench, row.id)).await;
        std::fs::write(bench.folder("drop/mac/a.pkg"), b"a").expect("dropped");
        bench.until("taken", |bench| bench.is_published("a.pkg")).await;
        let taken = |bench: &Bench| bench.handle.status(row.id).is_some_and(|status| status.taken.len() == 1);
        bench.until("shown as taken", taken).await;

        let patch = WatchPatch { prefix: Some("new".to_owned()), ..WatchPatch::default() };
        bench.store.edit_watch(row.id, &patch, None, &author, NOW).expect("changed");
        bench.until("what was there is published at its new place", |bench| bench.is_published("new/a.pkg")).await;
        assert!(bench.is_published("a.pkg"), "what is at the old place stays");
        std::fs::write(bench.folder("drop/mac/b.pkg"), b"b").expect("dropped");
        bench.until("taken below the new prefix", |bench| bench.is_published("new/b.pkg")).await;

        let off = WatchPatch { enabled: Some(false), ..WatchPatch::default() };
        bench.store.edit_watch(row.id, &off, None, &author, NOW).expect("changed");
        bench.until("it ended", |bench| bench.handle.status(row.id).is_none()).await;
        bench.store.remove_watch(row.id, None, &author, NOW).expect("removed");
        assert_eq!(bench.supervisor.stop(DEADLINE).await, 0);
    }

    #[tokio::test]
    async fn a_watch_that_may_not_be_is_shown_and_forgotten_when_it_is_removed() {
        let bench = Bench::new();
        let author = Author::new("test");
        let row = bench.store.create_watch(&bench.settings("elsewhere"), &author, NOW).expect("made");
        let state = |bench: &Bench| bench.handle.status(row.id).map(|status| status.state);
        bench.until("it fails", |bench| matches!(state(bench), Some(WatchState::Failing { .. }))).await;
        bench.store.remove_watch(row.id, None, &author, NOW).expect("removed");
        bench.until("it is forgotten", |bench| state(bench).is_none()).await;
        assert_eq!(bench.supervisor.stop(DEADLINE).await, 0);
    }

    #[tokio::test]
    async fn a_scan_that_somebody_asks_for_is_made_at_once() {
        let bench = Bench::new();
        let author = Author::new("test");
        let row = bench.store.create_watch(&bench.settings("drop/mac"), &author, NOW).expect("made");
        let away = bench.folder("away");
        bench.until("it watches", |bench| watching(bench, row.id)).await;
        // A folder put in the place of another tells of no event; only a scan notices.
        std::fs::create_dir(&away).expect("made");
        std::fs::write(away.join("x.pkg"), b"x").expect("written");
        std::fs::rename(bench.folder("drop/mac"), bench.folder("drop/old")).expect("renamed");
        std::fs::rename(&away, bench.folder("drop/mac")).expect("renamed");
        bench.store.order_watch(row.id, WatchOrder::Scan, &author, NOW).expect("asked");
        bench.until("taken", |bench| bench.is_published("x.pkg")).await;
        assert_eq!(bench.supervisor.stop(DEADLINE).await, 0);
    }

    /// How a mirror comes to an end before another one begins.
    #[derive(Clone, Copy, PartialEq)]
    enum Between {
        /// The watch is removed.
        Removed,
        /// It is made to keep.
        Kept,
        /// The same, for so short that the keeper never sees it.
        Unseen,
    }

    /// Of three published files one is deleted while there is no mirror: that unpublishes nothing.
    async fn deleted_before_a_mirror(between: Between) {
        let bench = Bench::new();
        let author = Author::new("test");
        let names = ["a.pkg", "b.pkg", "c.pkg"];
        for name in names {
            std::fs::write(bench.folder("drop/mac").join(name), name).expect("dropped");
        }
        let settings = WatchSettings { mode: WatchMode::Mirror, ..bench.settings("drop/mac") };
        let row = bench.store.create_watch(&settings, &author, NOW).expect("made");
        bench.until("taken", |bench| names.iter().all(|name| bench.is_published(name))).await;
        let shown =
            |bench: &Bench, count| bench.handle.status(row.id).is_some_and(|status| status.taken.len() == count);
        bench.until("shown", |bench| shown(bench, names.len())).await;
        let mode = |mode| WatchPatch { mode: Some(mode), ..WatchPatch::default() };
        if between == Between::Removed {
            bench.store.remove_watch(row.id, None, &author, NOW).expect("removed");
            bench.until("it ended", |bench| bench.handle.status(row.id).is_none()).await;
        } else {
            bench.store.edit_watch(row.id, &mode(WatchMode::Keep), None, &author, NOW).expect("changed");
        }
        if between == Between::Kept {
            bench.until("it begins anew", |bench| shown(bench, 0)).await;
        }
        std::fs::remove_file(bench.folder("drop/mac/a.pkg")).expect("deleted");
        let id = if between == Between::Removed {
            bench.store.create_watch(&settings, &author, NOW).expect("made").id
        } else {
            bench.store.edit_watch(row.id, &mode(WatchMode::Mirror), None, &author, NOW).expect("changed").id
        };
        bench.until("it mirrors", |bench| bench.store.watch_mark(id).expect("read").is_some()).await;
        std::fs::remove_file(bench.folder("drop/mac/b.pkg")).expect("deleted");
        bench.until("unpublished", |bench| !bench.is_published("b.pkg")).await;
        assert!(bench.is_published("a.pkg"), "it was deleted before the mirror began");
        assert_eq!(bench.supervisor.stop(DEADLINE).await, 0);
    }

    #[tokio::test]
    async fn a_watch_that_becomes_a_mirror_begins_with_what_is_there() {
        deleted_before_a_mirror(Between::Kept).await;
    }

    #[tokio::test]
    async fn a_mirror_changed_back_before_the_keeper_looks_begins_with_what_is_there() {
        deleted_before_a_mirror(Between::Unseen).await;
    }

    #[tokio::test]
    async fn a_mirror_made_anew_begins_with_what_is_there() {
        deleted_before_a_mirror(Between::Removed).await;
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_folder_that_became_a_link_is_not_followed() {
        let bench = Bench::new();
        let author = Author::new("test");
        let row = bench.store.create_watch(&bench.settings("drop/mac"), &author, NOW).expect("made");
        bench.until("it watches", |bench| watching(bench, row.id)).await;
        let secret = bench.folder("secret");
        std::fs::create_dir(&secret).expect("made");
        std::fs::write(secret.join("shadow.pkg"), b"secret").expect("written");
        std::fs::remove_dir(bench.folder("drop/mac")).expect("removed");
        std::os::unix::fs::symlink(&secret, bench.folder("drop/mac")).expect("linked");
        bench.store.order_watch(row.id, WatchOrder::Scan, &author, NOW).expect("asked");
        let failing = |bench: &Bench| {
            bench.handle.status(row.id).is_some_and(|status| matches!(status.state, WatchState::Failing { .. }))
        };
        bench.until("it fails", failing).await;
        assert!(!bench.is_published("shadow.pkg"));
        assert_eq!(bench.supervisor.stop(DEADLINE).await, 0);
    }
}
