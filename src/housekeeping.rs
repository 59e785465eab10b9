//! Housekeeping: the worker that runs gc regularly, a step at a time, so that it is in nobody's way.
//!
//! Invariants:
//! - Nothing is collected in the first minutes after a start: the node answers first, and whoever put a wrong policy into
//!   the configuration can still stop it.
//! - Between two steps it rests; a step is bounded work, so a tick is short whatever the store holds.
//! - When the next run is due follows from the last one's record in the store, also over restarts.

use std::time::Duration;

use ods_store::{GcMode, GcReport, GcRun, GcStep, SpacePolicy, Store, StoreError, UnixMillis};

use crate::worker::{Next, Worker, in_blocking};

/// How long after the start nothing happens.
const FIRST_REST: Duration = Duration::from_mins(10);

/// The rest between two steps.
const STEP_REST: Duration = Duration::from_millis(20);

/// How long it waits when someone else is collecting, or a step failed.
const RETRY_AFTER: Duration = Duration::from_mins(5);

/// Runs gc every so often.
pub(crate) struct GcWorker {
    /// Out while a step runs.
    collector: Option<Collector>,
    first_rest: Option<Duration>,
}

impl GcWorker {
    /// A worker that runs gc on `store` every so often.
    pub(crate) fn new(store: Store, policy: SpacePolicy, every: Duration, clock: fn() -> UnixMillis) -> Self {
        let collector = Collector { store, policy, every, clock, run: None };
        Self { collector: Some(collector), first_rest: Some(FIRST_REST) }
    }
}

impl Worker for GcWorker {
    fn name(&self) -> &'static str {
        "gc"
    }

    async fn tick(&mut self) -> Next {
        if let Some(rest) = self.first_rest.take() {
            return Next::After(rest);
        }
        let Some(mut collector) = self.collector.take() else { return Next::After(RETRY_AFTER) };
        let stepped = in_blocking(move || {
            let next = collector.work();
            (collector, next)
        });
        let Some((collector, next)) = stepped.await else { return Next::After(RETRY_AFTER) };
        self.collector = Some(collector);
        next
    }
}

/// What does the steps.
struct Collector {
    store: Store,
    policy: SpacePolicy,
    every: Duration,
    clock: fn() -> UnixMillis,
    run: Option<GcRun>,
}

impl Collector {
    fn work(&mut self) -> Next {
        match self.step() {
            Ok(next) => next,
            // Somebody asked for a run; the next one is due after that.
            Err(StoreError::GcRunning) => Next::After(RETRY_AFTER),
            Err(error) => {
                self.run = None;
                tracing::warn!(%error, "gc failed and is tried again");
                Next::After(RETRY_AFTER)
            }
        }
    }

    /// One step of a run, or the look whether one is due.
    fn step(&mut self) -> Result<Next, StoreError> {
        let now = (self.clock)();
        let Some(run) = &mut self.run else {
            let rest = rest_until_due(self.store.last_gc()?.map(|last| last.at), self.every, now);
            if !rest.is_zero() {
                return Ok(Next::After(rest));
            }
            self.run = Some(self.store.begin_gc(&self.policy, GcMode::Collect, now)?);
            return Ok(Next::After(STEP_REST));
        };
        if let GcStep::Done(report) = run.step()? {
            self.run = None;
            tell(&report);
            return Ok(Next::After(self.every));
        }
        Ok(Next::After(STEP_REST))
    }
}

/// How long until the next run: zero when it is due. After a clock went back, one period at most.
fn rest_until_due(last: Option<UnixMillis>, every: Duration, now: UnixMillis) -> Duration {
    last.map_or(Duration::ZERO, |last| every.saturating_sub(Duration::from_millis(now.ms_since(last))))
}

fn tell(report: &GcReport) {
    if let Some(first) = &report.failed.first {
        tracing::warn!(
            files = report.failed.count,
            first,
            "gc couldn't look at some files, or remove them; the next run tries again"
        );
    }
    if report.blobs.count + report.orphans.count > 0 {
        let (blobs, bytes) = (report.blobs.count, report.blobs.bytes);
        tracing::info!(blobs, bytes, left_overs = report.orphans.count, "gc removed what nothing needed");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ods_store::{
        Author, Condition, Keep, MetaPatch, PackagePath, PublishRequest, Retention, SimDisk, StoreOptions,
    };

    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);
    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn a_run_is_due_a_period_after_the_last() {
        let minutes_ago = |minutes: u64| Some(UnixMillis::new(NOW.get() - minutes * 60_000));
        for (last, rest) in [
            (None, Duration::ZERO),
            (minutes_ago(10), Duration::from_mins(50)),
            (minutes_ago(61), Duration::ZERO),
            (Some(NOW.plus_ms(86_400_000)), HOUR),
        ] {
            assert_eq!(rest_until_due(last, HOUR, NOW), rest, "{last:?}");
        }
    }

    fn store() -> Store {
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [1; 32], name: "hq".to_owned() };
        Store::open(Arc::new(SimDisk::new()), std::path::Path::new("/data"), &options).expect("a new disk opens")
    }

    fn publish(store: &Store, content: &[u8]) {
        let path = PackagePath::parse("a.pkg").expect("a path");
        let (meta, author) = (MetaPatch::new(), Author::new("test"));
        let request = PublishRequest { path, meta, condition: Condition::None, author };
        let mut upload = store.begin_upload(None).expect("room");
        upload.write(content).expect("written");
        store.publish(upload.finish().expect("whole"), &request, UnixMillis::new(1000)).expect("published");
    }

    #[tokio::test]
    async fn it_rests_first_then_runs_step_by_step_and_then_rests_for_a_period() {
        let store = store();
        publish(&store, b"one");
        publish(&store, b"two");
        let retention = Retention::new(Keep { revisions: 1, age_ms: 0, removed_ms: 0 }, &[]).expect("valid");
        let policy = SpacePolicy { grace_ms: 0, retention };
        let mut worker = GcWorker::new(store.clone(), policy, HOUR, || NOW);
        assert_eq!(worker.tick().await, Next::After(FIRST_REST));
        assert_eq!(store.overview().expect("readable").blobs, 2, "nothing yet");
        let mut steps = 0;
        while worker.tick().await == Next::After(STEP_REST) {
            steps += 1;
        }
        assert!(steps > 500, "a folder a step: {steps}");
        assert_eq!(store.overview().expect("readable").blobs, 1);
        assert_eq!(worker.tick().await, Next::After(HOUR), "it was just done");
    }
}
