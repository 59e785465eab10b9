//! Background work: the worker trait, the one loop that drives workers, and the supervisor that owns them.
//!
//! Invariants:
//! - A tick always runs to its end; only the wait between two ticks is cut short, by a wake-up or by the stop token.
//!   So a worker never needs to be safe against being dropped in the middle, but each tick must be short (seconds).
//! - Every worker is a task of the supervisor's set, and is joined before the node exits.
//! - A worker that panics brings the node down in good order: a node that quietly stopped replicating is worse than
//!   one that a service manager restarts.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    task::{JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// When a worker wants its next tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// At once: there is more to do.
    Now,
    /// After this long, or when woken.
    After(Duration),
}

/// A piece of background work, done in ticks.
pub(crate) trait Worker: Send + 'static {
    /// The name in logs.
    fn name(&self) -> &'static str;

    /// What ends the wait between two ticks early; asked for once, before the first tick. A wake-up that comes during
    /// a tick is not lost: the next tick follows at once.
    fn wake(&self) -> Arc<Notify> {
        Arc::new(Notify::new())
    }

    /// Does some work and says when to go on.
    fn tick(&mut self) -> impl Future<Output = Next> + Send;

    /// Ends what the worker owns, after the last tick. The supervisor waits for it.
    fn end(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// Does the blocking part of a tick in another thread. A panic there is the worker's; `None` while the runtime stops.
pub(crate) async fn in_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => None,
        },
    }
}

/// Owns the workers' tasks.
#[derive(Debug, Default)]
pub(crate) struct Supervisor {
    workers: JoinSet<&'static str>,
    stop: CancellationToken,
}

impl Supervisor {
    /// A supervisor without workers, which stops them all when `stop` is cancelled.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { workers: JoinSet::new(), stop }
    }

    /// Starts `worker`.
    pub(crate) fn start(&mut self, worker: impl Worker) {
        self.workers.spawn(run(worker, self.stop.clone()));
    }

    /// Waits until a worker panics, and says so; for ever if none does.
    pub(crate) async fn failure(&mut self) -> WorkerPanicked {
        while let Some(ended) = self.workers.join_next().await {
            if let Err(error) = ended {
                return WorkerPanicked::from(error);
            }
        }
        std::future::pending().await
    }

    /// Stops all workers and waits for their last ticks, `grace` at most. The number of workers that were still in a
    /// tick then and were cut off: 0 in a healthy node.
    pub(crate) async fn stop(mut self, grace: Duration) -> usize {
        self.stop.cancel();
        let joined = timeout(grace, async {
            while let Some(ended) = self.workers.join_next().await {
                match ended {
                    Ok(name) => tracing::debug!(worker = name, "worker stopped"),
                    Err(error) => tracing::error!(error = %WorkerPanicked::from(error), "worker failed while stopping"),
                }
            }
        });
        if joined.await.is_ok() { 0 } else { self.workers.len() }
    }
}

/// A worker panicked; the panic itself is in the log.
#[derive(Debug, thiserror::Error)]
#[error("a background worker failed: {what}; the log says why")]
pub(crate) struct WorkerPanicked {
    what: String,
}

impl From<JoinError> for WorkerPanicked {
    fn from(error: JoinError) -> Self {
        let what = match error.try_into_panic() {
            Ok(panic) => panic_text(panic.as_ref()).to_owned(),
            Err(error) => error.to_string(),
        };
        Self { what }
    }
}

/// The message of a caught panic.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}

/// Drives `worker` until `stop` is cancelled; its name. For the supervisor, and for workers that own workers.
pub(crate) async fn run(mut worker: impl Worker, stop: CancellationToken) -> &'static str {
    let wake = worker.wake();
    while !stop.is_cancelled() {
        match worker.tick().await {
            // Even an eager worker leaves the others their turn.
            Next::Now => tokio::task::yield_now().await,
            Next::After(pause) => {
                // In this order, so that a simulated node does the same in every run of a seed.
                tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    () = wake.notified() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }
    worker.end().await;
    worker.name()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const LONG: Duration = Duration::from_hours(1);
    const GRACE: Duration = Duration::from_secs(10);

    struct Counting {
        ticks: Arc<AtomicUsize>,
        ticked: Arc<Notify>,
        wake: Arc<Notify>,
        next: Next,
    }

    impl Worker for Counting {
        fn name(&self) -> &'static str {
            "counting"
        }

        fn wake(&self) -> Arc<Notify> {
            self.wake.clone()
        }

        async fn tick(&mut self) -> Next {
            self.ticks.fetch_add(1, Ordering::SeqCst);
            self.ticked.notify_one();
            self.next
        }
    }

    fn counting(next: Next) -> Counting {
        Counting { ticks: Arc::default(), ticked: Arc::default(), wake: Arc::default(), next }
    }

    #[tokio::test]
    async fn a_sleeping_worker_ticks_again_when_woken() {
        let worker = counting(Next::After(LONG));
        let (ticks, ticked, wake) = (worker.ticks.clone(), worker.ticked.clone(), worker.wake.clone());
        let mut supervisor = Supervisor::default();
        supervisor.start(worker);
        ticked.notified().await;
        wake.notify_one();
        ticked.notified().await;
        assert_eq!(ticks.load(Ordering::SeqCst), 2);
        assert_eq!(supervisor.stop(GRACE).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_ticks_again_after_its_pause() {
        let worker = counting(Next::After(LONG));
        let ticked = worker.ticked.clone();
        let mut supervisor = Supervisor::default();
        supervisor.start(worker);
        for _ in 0..3 {
            ticked.notified().await;
        }
        assert_eq!(supervisor.stop(GRACE).await, 0);
    }

    struct InTheMiddle {
        entered: Arc<Notify>,
        release: Arc<Notify>,
        finished: Arc<AtomicUsize>,
    }

    impl Worker for InTheMiddle {
        fn name(&self) -> &'static str {
            "in the middle"
        }

        async fn tick(&mut self) -> Next {
            self.entered.notify_one();
            self.release.notified().await;
            self.finished.fetch_add(1, Ordering::SeqCst);
            Next::Now
        }
    }

    fn in_the_middle() -> InTheMiddle {
        InTheMiddle { entered: Arc::default(), release: Arc::default(), finished: Arc::default() }
    }

    #[tokio::test]
    async fn stopping_lets_a_tick_run_to_its_end() {
        let worker = in_the_middle();
        let (entered, release, finished) = (worker.entered.clone(), worker.release.clone(), worker.finished.clone());
        let mut supervisor = Supervisor::default();
        supervisor.start(worker);
        entered.notified().await;
        let (cut, ()) = tokio::join!(supervisor.stop(GRACE), async { release.notify_one() });
        assert_eq!((cut, finished.load(Ordering::SeqCst)), (0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_tick_that_never_ends_is_cut_off_after_the_grace() {
        let worker = in_the_middle();
        let entered = worker.entered.clone();
        let mut supervisor = Supervisor::default();
        supervisor.start(worker);
        entered.notified().await;
        assert_eq!(supervisor.stop(GRACE).await, 1);
    }

    struct Panicking;

    impl Worker for Panicking {
        fn name(&self) -> &'static str {
            "panicking"
        }

        async fn tick(&mut self) -> Next {
            panic!("the tick broke");
        }
    }

    #[tokio::test]
    async fn a_panic_is_reported_with_its_message() {
        let mut supervisor = Supervisor::default();
        supervisor.start(counting(Next::After(LONG)));
        supervisor.start(Panicking);
        let failure = supervisor.failure().await.to_string();
        assert!(failure.contains("the tick broke"), "{failure}");
        assert_eq!(supervisor.stop(GRACE).await, 0);
    }
}
