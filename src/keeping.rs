//! Keeping what the policy says: the worker that has wants follow a new policy, and lets go of what isn't kept and others
//! have, a step at a time.
//!
//! Invariants:
//! - Between two steps it rests; a step is bounded work, so neither the writer nor a reader waits long, whatever the catalog
//!   holds. The walk's place is in the store: a restart goes on there.
//! - It looks again soon after anything it depends on changed (policy, wants, states of others), and now and then anyway;
//!   but it rests for [`REST_FACTOR`] times as long as the last look took.
//! - About once a minute it ends the wants of what clients asked for and nobody waits for any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ods_store::{EvictRun, EvictStep, Store, StoreError, USES_EVERY_MS, UnixMillis};
use tokio::sync::Notify;

use crate::worker::{Next, Worker, in_blocking};

/// The rest between two steps.
const STEP_REST: Duration = Duration::from_millis(5);
/// The least rest between two looks,
const LOOK_REST: Duration = Duration::from_secs(1);
/// ... in proportion to how long the last one took,
const REST_FACTOR: u32 = 20;
/// ... and the longest.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// For how long the word of others that was asked for counts (`evict.rs` of the store), if somebody owes it still.
const WORD_GOOD: Duration = Duration::from_mins(10);
/// How often it looks for wants that nobody waits for any more.
const FORSAKEN_EVERY: Duration = Duration::from_mins(1);
/// How long it waits when something failed.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// The worker.
pub(crate) struct KeepingWorker {
    /// Out while a step runs.
    keeper: Option<Keeper>,
    wake: Arc<Notify>,
}

impl KeepingWorker {
    /// A worker for `store`.
    pub(crate) fn new(store: Store, clock: fn() -> UnixMillis) -> Self {
        let (wake, changed) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(true)));
        let (waking, noting) = (Arc::clone(&wake), Arc::clone(&changed));
        store.on_commit(move |commit| {
            if commit.policy_changed || commit.wants_changed || commit.wants_met || commit.states_changed {
                noting.store(true, Ordering::Release);
                waking.notify_one();
            }
        });
        let keeper = Keeper {
            store,
            clock,
            changed,
            run: None,
            looked: None,
            uses_saved: Instant::now(),
            wants_seen: Instant::now(),
            asked: None,
        };
        Self { keeper: Some(keeper), wake }
    }
}

impl Worker for KeepingWorker {
    fn name(&self) -> &'static str {
        "keeping"
    }

    fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    async fn tick(&mut self) -> Next {
        let Some(mut keeper) = self.keeper.take() else { return Next::After(RETRY_AFTER) };
        let stepped = in_blocking(move || {
            let next = keeper.work();
            (keeper, next)
        });
        let Some((keeper, next)) = stepped.await else { return Next::After(RETRY_AFTER) };
        self.keeper = Some(keeper);
        next
    }
}

/// A look that is over.
#[derive(Debug, Clone, Copy)]
struct Looked {
    ended: Instant,
    took: Duration,
}

/// What does the steps.
struct Keeper {
    store: Store,
    clock: fn() -> UnixMillis,
    /// Something it depends on changed.
    changed: Arc<AtomicBool>,
    run: Option<(EvictRun, Instant)>,
    looked: Option<Looked>,
    uses_saved: Instant,
    /// Since when it waits for the word of others.
    asked: Option<Instant>,
    wants_seen: Instant,
}

impl Keeper {
    fn work(&mut self) -> Next {
        match self.step() {
            Ok(rest) => Next::After(rest),
            Err(error) => {
                self.run = None;
                self.changed.store(true, Ordering::Release);
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "keeping to the policy failed; it is tried again"
                );
                Next::After(RETRY_AFTER)
            }
        }
    }

    fn step(&mut self) -> Result<Duration, StoreError> {
        self.store.note_uses()?;
        if self.store.follow_policy((self.clock)())? {
            return Ok(STEP_REST);
        }
        if self.uses_saved.elapsed() >= Duration::from_millis(USES_EVERY_MS) {
            self.uses_saved = Instant::now();
            self.store.save_uses()?;
        }
        if self.wants_seen.elapsed() >= FORSAKEN_EVERY {
            self.wants_seen = Instant::now();
            let wants = self.store.drop_forsaken_wants((self.clock)())?;
            if wants > 0 {
                tracing::info!(wants, "stopped fetching what clients had asked for and nobody waits for any more");
            }
        }
        let Some((run, began)) = &mut self.run else { return self.look() };
        let EvictStep::Done(report) = run.step()? else { return Ok(STEP_REST) };
        self.looked = Some(Looked { ended: Instant::now(), took: began.elapsed() });
        self.run = None;
        self.store.note_evicted(report);
        self.asked = report.awaits_word.then(|| self.asked.unwrap_or_else(Instant::now));
        if self.asked.is_some_and(|asked| asked.elapsed() > WORD_GOOD) {
            self.asked = None;
            self.store.forget_word();
        }
        if report.gone.count > 0 {
            let (blobs, bytes) = (report.gone.count, report.gone.bytes);
            tracing::info!(blobs, bytes, "let go of packages that the policy doesn't keep");
        }
        Ok(LOOK_REST)
    }

    /// Begins the next look, if it is time.
    fn look(&mut self) -> Result<Duration, StoreError> {
        let rest = self.looked.map_or(Duration::ZERO, |looked| {
            let rest = if self.changed.load(Ordering::Acquire) { LOOK_REST } else { LOOK_EVERY };
            rest.max(looked.took * REST_FACTOR).saturating_sub(looked.ended.elapsed())
        });
        if !rest.is_zero() {
            return Ok(rest);
        }
        self.changed.store(false, Ordering::Release);
        // So that the order is of now.
        self.uses_saved = Instant::now();
        self.store.save_uses()?;
        let began = Instant::now();
        self.run = self.store.begin_evict((self.clock)())?.map(|run| (run, began));
        if self.run.is_some() {
            return Ok(STEP_REST);
        }
        self.looked = Some(Looked { ended: began, took: Duration::ZERO });
        Ok(LOOK_EVERY)
    }
}

#[cfg(test)]
mod tests {
    use ods_store::{Author, Condition, MetaPatch, PackagePath, PublishRequest, SimDisk, StatePolicy, StoreOptions};

    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

    #[tokio::test]
    async fn what_nobody_else_has_stays_and_the_worker_comes_to_rest() {
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [1; 32], name: "hq".to_owned() };
        let store = Store::open(Arc::new(SimDisk::new()), std::path::Path::new("/data"), &options).expect("opens");
        let (path, author) = (PackagePath::parse("a.pkg").expect("a path"), Author::new("test"));
        let request =
            PublishRequest { path, meta: MetaPatch::new(), condition: Condition::None, author: author.clone() };
        let mut upload = store.begin_upload(None).expect("room");
        upload.write(b"one").expect("written");
        store.publish(upload.finish().expect("whole"), &request, NOW).expect("published");
        let mut worker = KeepingWorker::new(store.clone(), || NOW);
        assert_eq!(worker.tick().await, Next::After(LOOK_EVERY), "nothing to do while all is kept");
        store.set_policy(&StatePolicy::OnDemand { bytes_max: 0 }, &author, NOW).expect("a policy");
        tokio::time::timeout(Duration::from_mins(1), async {
            while store.last_evicted().held_back.count == 0 {
                let Next::After(rest) = worker.tick().await else { continue };
                tokio::time::sleep(rest.min(Duration::from_millis(100))).await;
            }
        })
        .await
        .expect("it looks again once the policy changed");
        assert_eq!(store.overview().expect("readable").blobs, 1, "the only copy");
    }
}
