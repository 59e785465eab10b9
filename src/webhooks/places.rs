//! Where deliveries begin: so many at once, and no longer than a moment each.
//!
//! Invariants: a delivery to a webhook that is well waits for no webhook whose last attempt failed; one that hangs keeps its
//! place for [`PLACE_FOR`] at most, whatever it does then.

use tokio::sync::Semaphore;

use super::limits::{PLACE_FOR, TROUBLED_SENDS_MAX, WELL_SENDS_MAX};

/// The places.
#[derive(Debug)]
pub(super) struct Places {
    well: Semaphore,
    troubled: Semaphore,
}

impl Places {
    /// All of them, free.
    pub(super) fn new() -> Self {
        Self { well: Semaphore::new(WELL_SENDS_MAX), troubled: Semaphore::new(TROUBLED_SENDS_MAX) }
    }

    /// Waits for a place, and sends. `troubled`: the last attempt failed.
    pub(super) async fn run<T>(&self, troubled: bool, sending: impl Future<Output = T>) -> T {
        let places = if troubled { &self.troubled } else { &self.well };
        // Never closed, so it can only be had.
        let place = places.acquire().await;
        let mut sending = std::pin::pin!(sending);
        match tokio::time::timeout(PLACE_FOR, &mut sending).await {
            Ok(sent) => sent,
            Err(_) => {
                drop(place);
                sending.await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use tokio::time::{Instant, timeout};

    use super::*;

    /// Takes up so many places with deliveries that never end.
    async fn hang(places: &std::sync::Arc<Places>, troubled: bool, count: usize) -> Vec<tokio::task::JoinHandle<()>> {
        let hanging = (0..count).map(|_| {
            let places = places.clone();
            #[expect(clippy::disallowed_methods, reason = "a test's own tasks, ended with its runtime")]
            tokio::spawn(async move { places.run(troubled, pending()).await })
        });
        let hanging = hanging.collect();
        tokio::task::yield_now().await;
        hanging
    }

    #[tokio::test(start_paused = true)]
    async fn receivers_that_hang_keep_those_that_are_well_waiting_for_a_moment_only_at_first() {
        let places = std::sync::Arc::new(Places::new());
        let _first = hang(&places, false, 2 * WELL_SENDS_MAX).await;
        let began = Instant::now();
        places.run(false, async {}).await;
        assert!(began.elapsed() <= 2 * PLACE_FOR, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn and_not_at_all_once_they_failed() {
        let places = std::sync::Arc::new(Places::new());
        let _hanging = hang(&places, true, 100).await;
        let sent = timeout(Duration::from_millis(1), places.run(false, async {})).await;
        assert!(sent.is_ok(), "it waited for one that failed");
        let waits = timeout(Duration::from_millis(1), places.run(true, async {})).await;
        assert!(waits.is_err(), "there are places without end");
    }
}
