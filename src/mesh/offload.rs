//! Where the mesh's work on the store is done: off the async threads. In the simulation it is done on the spot, after a
//! simulated moment, so that a run repeats.

use crate::worker::in_blocking;

/// Where blocking work is done.
#[derive(Debug, Clone)]
pub(super) enum Offload {
    /// On the runtime's threads for blocking work.
    Threads,
    /// Where it is asked for, after a moment of simulated time.
    #[cfg(test)]
    Simulated(super::sim::Delays),
}

impl Offload {
    /// Does the work; a panic in it is the caller's. `None` while the runtime stops.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        match self {
            Self::Threads => in_blocking(work).await,
            #[cfg(test)]
            Self::Simulated(delays) => {
                delays.work().await;
                Some(work())
            }
        }
    }
}
