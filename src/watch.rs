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
//! - Bytes that were a revision of the path before are published again only if this node *saw the file change* to them;
//!   otherwise they are listed as superseded (`memory.rs`). With peers, nothing is looked at before one pull, and
//!   what was published alone and is outdated in the mesh is withdrawn (`withdraw.rs`).
//! - A refusal is listed while it holds, and journalled once (`refusals.rs`). What may pass (a full disk, a missing
//!   permission, a file that can't be read) is tried again, ever more rarely.
//!
//! # Invariants
//! - A watch never unpublishes for what it does not see: a folder that vanished or can't be read changes nothing.
//! - Nothing is read or removed through a link.
//! - Events only make things quicker. Without any, a scan each minute finds the same.
//! - A pass is bounded in bytes and files, so that stopping never waits for a large file; what was read of one then is
//!   dropped, and read again after the start.
//! - What is done with a file is remembered in the store under its name, so a restart reads nothing again.
//!
//! Not here: `mirror` (unpublishing what was deleted), and the page that shows all this.

mod folder;
mod inbox;
mod memory;
mod names;
mod overlap;
mod reason;
mod refusals;
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
use ods_store::{Store, UnixMillis};
use tokio::sync::Notify;

use self::folder::{Folder, Pause};
pub use self::overlap::{FoldersOverlap, check_folders};
pub use self::rules::{WatchMode, WatchRules};
use crate::worker::{Next, Worker};

/// The shortest time from one pass to the next where only events ask for it: a file being written makes thousands.
const EVENTS_PAUSE: Duration = Duration::from_millis(100);

/// The worker of one watched folder.
pub struct WatchWorker {
    /// Away only while a pass runs.
    folder: Option<Box<Folder>>,
    wake: Arc<Notify>,
    clock: fn() -> UnixMillis,
    rest_until: Option<Instant>,
}

impl WatchWorker {
    /// A worker for the watch `rules`, which shows its state in `status`. It first looks once `first_pull_done` says
    /// so: at once on a node without peers, after one pull on others.
    pub fn new(
        rules: WatchRules,
        store: Store,
        status: WatchHandle,
        clock: fn() -> UnixMillis,
        first_pull_done: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        let folder = Folder::new(rules, store, status, Arc::new(first_pull_done));
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
