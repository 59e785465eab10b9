//! Watched folders: an admin drops a file, and it is a package.
//!
//! # Rules
//! - A file is taken when it is *whole*: unchanged for some seconds, on Linux one second after its last writer closed
//!   it (`settle.rs`). It is looked at again before it is read, and what was read counts only if the file still looks
//!   the same afterwards (`take.rs`).
//! - Sub-folders become segments of the package's path, below the watch's prefix. What is hidden, unfinished or strewn
//!   about is passed over; what can't be a package (links, bundles, odd names, empty files) is refused (`names.rs`).
//! - `keep` leaves the file: edited, it becomes a new revision; deleted, it stays published. `consume` removes it, once
//!   its bytes are durably in the store and only if it is still that very file.
//! - `mirror` is `keep`, and a deleted file is unpublished, within its guards (`mirror.rs`).
//! - Bytes that were a revision of the path before are published again only if this node *saw the file change* to them;
//!   otherwise they are listed as superseded (`memory.rs`). With peers, nothing is looked at before one pull, and
//!   what was published alone and is outdated in the mesh is withdrawn (`withdraw.rs`).
//! - Its tags are those of what it published and nobody changed since, also when they change (`retag.rs`).
//! - A refusal is listed while it holds, and journalled once (`refusals.rs`). What may pass (a full disk, a missing
//!   permission, a file that can't be read) is tried again, ever more rarely.
//!
//! # Invariants
//! - No watch unpublishes for what it does not see: a folder that vanished or can't be read changes nothing.
//! - Nothing is read or removed through a link, whoever renames what meanwhile (`below.rs`).
//! - Events only make things quicker. Without any, a scan each minute finds the same.
//! - A pass is bounded in bytes and files, so that stopping never waits for a large file; what was read of one then is
//!   dropped, and read again after the start.
//! - What is done with a file is remembered in the store under its name, so a restart reads nothing again.
//!
//! Which watches there are is the store's and the configuration's word; `keeper.rs` follows it, and `roots.rs` says which
//! folders may be added while the node runs.
//!
//! Not here: the page that shows all this.

mod below;
mod folder;
mod inbox;
mod keeper;
mod memory;
mod mirror;
mod names;
mod overlap;
mod reason;
mod refusals;
mod roots;
mod rules;
mod scan;
mod settle;
mod sight;
mod take;
#[cfg(test)]
mod testing;
mod withdraw;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ods_api::WatchHandle;
use ods_store::{Store, UnixMillis, WatchId};
use tokio::sync::Notify;

use self::folder::{FirstPullDone, Folder, Pause};
pub(crate) use self::keeper::{KeeperParts, WatchKeeper};
pub(crate) use self::overlap::{FoldersOverlap, check_folders};
pub(crate) use self::roots::Roots;
pub(crate) use self::rules::{WatchRules, configured_id, settings};
use crate::worker::{Next, Worker};

/// The shortest time from one pass to the next where only events ask for it: a file being written makes thousands.
const EVENTS_PAUSE: Duration = Duration::from_millis(100);

/// The worker of one watched folder.
struct WatchWorker {
    /// Away only while a pass runs.
    folder: Option<Box<Folder>>,
    wake: Arc<Notify>,
    clock: fn() -> UnixMillis,
    rest_until: Option<Instant>,
}

impl WatchWorker {
    /// A worker for the watch `rules`, which shows its state in `status`. It first looks once `first_pull_done` says
    /// so: at once on a node without peers, after one pull on others.
    fn new(
        id: WatchId,
        rules: WatchRules,
        store: Store,
        status: WatchHandle,
        clock: fn() -> UnixMillis,
        first_pull_done: FirstPullDone,
    ) -> Self {
        let folder = Folder::new(id, rules, store, status, first_pull_done);
        let wake = folder.inbox().wake();
        Self { folder: Some(Box::new(folder)), wake, clock, rest_until: None }
    }
}

impl Worker for WatchWorker {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn wake(&self) -> Arc<Notify> {
        self.wake.clone()
    }

    async fn tick(&mut self) -> Next {
        if let Some(until) = self.rest_until.take() {
            tokio::time::sleep_until(until.into()).await;
        }
        let mut folder = self.folder.take().expect("a tick runs to its end and puts the folder back");
        let wall = (self.clock)();
        let pass = tokio::task::spawn_blocking(move || {
            let pause = folder.pass(Instant::now(), wall);
            (folder, pause)
        });
        let (folder, pause) = match pass.await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down, and there will be no further tick.
                Err(_) => return std::future::pending().await,
            },
        };
        self.folder = Some(folder);
        match pause {
            Pause::None => Next::Now,
            Pause::UpTo(pause) => {
                self.rest_until = Some(Instant::now() + EVENTS_PAUSE.min(pause));
                Next::After(pause)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ods_store::{LocalDisk, PackagePath, StoreOptions, WatchMode};

    use super::*;
    use crate::worker::Supervisor;

    const DEADLINE: Duration = Duration::from_mins(1);

    fn clock() -> UnixMillis {
        UnixMillis::new(1_800_000_000_000)
    }

    /// The next scan is an hour away: only an event can tell of the file.
    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the test plays the admin who drops a file")]
    async fn a_worker_takes_a_file_that_only_events_tell_of() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [7; 32], name: "test".to_owned() };
        let data = place.path().join("data");
        let store = Store::open(Arc::new(LocalDisk::new()), &data, &options).expect("the store opens");
        let folder = place.path().join("drop");
        std::fs::create_dir(&folder).expect("folder made");
        let rules = WatchRules {
            version: 0,
            folder: folder.clone(),
            mode: WatchMode::Consume,
            prefix: String::new(),
            tags: Vec::new(),
            quiet: Duration::from_millis(50),
            rescan: Duration::from_hours(1),
            confined: false,
        };
        let id = WatchId::of_folder("drop");
        let status = WatchHandle::default();
        let mut supervisor = Supervisor::default();
        supervisor.start(WatchWorker::new(id, rules, store.clone(), status.clone(), clock, Arc::new(|| true)));
        let until = Instant::now() + DEADLINE;
        let watching = || status.status(id).is_some_and(|watch| watch.state == ods_api::WatchState::Watching);
        while !watching() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let file = folder.join("x.pkg");
        std::fs::write(&file, b"v1").expect("dropped");
        while file.exists() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(supervisor.stop(DEADLINE).await, 0);
        assert!(!file.exists(), "not consumed: {:?}", status.status(id));
        let path = PackagePath::parse("x.pkg").expect("a valid path");
        assert_eq!(store.package(&path).expect("read").map(|package| package.size), Some(2));
    }
}
