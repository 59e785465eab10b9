//! The tasks of a worker: what takes longer than a tick may. Each ends with outcomes for the worker's next tick.
//!
//! Invariant: the tasks are in one set that goes with the worker, so none outlives it. A task that panics takes the
//! worker down: a lane that never ends would be a peer forgotten.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};

/// Where tasks put their outcomes.
pub(crate) struct Outcomes<T> {
    outcomes: Arc<Mutex<Vec<T>>>,
    wake: Arc<Notify>,
}

impl<T> Clone for Outcomes<T> {
    fn clone(&self) -> Self {
        Self { outcomes: Arc::clone(&self.outcomes), wake: Arc::clone(&self.wake) }
    }
}

impl<T> Outcomes<T> {
    /// Tells the worker.
    pub(crate) fn push(&self, outcome: T) {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
        self.wake.notify_one();
    }
}

/// The tasks of one worker.
pub(crate) struct Tasks<T> {
    set: JoinSet<()>,
    outcomes: Outcomes<T>,
}

impl<T: Send + 'static> Tasks<T> {
    /// None yet; outcomes wake the worker.
    pub(crate) fn new(wake: Arc<Notify>) -> Self {
        Self { set: JoinSet::new(), outcomes: Outcomes { outcomes: Arc::default(), wake } }
    }

    /// Where tasks put what they have to tell before they end.
    pub(crate) fn outcomes(&self) -> Outcomes<T> {
        self.outcomes.clone()
    }

    /// Starts a task that ends with an outcome.
    pub(crate) fn start(&mut self, work: impl Future<Output = T> + Send + 'static) {
        let outcomes = self.outcomes.clone();
        self.set.spawn(async move { outcomes.push(work.await) });
    }

    /// Starts a task that has nothing to tell.
    pub(crate) fn start_quiet(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        self.set.spawn(work);
    }

    /// Waits until all tasks have ended.
    pub(crate) async fn join(&mut self) {
        while let Some(ended) = self.set.join_next().await {
            if let Err(Ok(panic)) = ended.map_err(JoinError::try_into_panic) {
                std::panic::resume_unwind(panic);
            }
        }
    }

    /// Takes the outcomes since the last time.
    pub(crate) fn take(&mut self) -> Vec<T> {
        while let Some(ended) = self.set.try_join_next() {
            if let Err(Ok(panic)) = ended.map_err(JoinError::try_into_panic) {
                std::panic::resume_unwind(panic);
            }
        }
        std::mem::take(&mut *self.outcomes.outcomes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
