//! The scrub's worker: verifies what is held, at a rate that disturbs nobody, when somebody asks or when it is due.
//!
//! What a pass is, and what becomes of what it finds, is the store's matter (`store/src/scrub.rs`); here is only when, and
//! how fast.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ods_store::{ScrubStep, Scrubber, Store, UnixMillis};
use tokio::sync::Notify;

use crate::config::Scrub;
use crate::worker::{Next, Worker, in_blocking};

/// How often to look whether a pass is due.
const LOOK_EVERY: Duration = Duration::from_hours(1);
/// How long to wait after a step that failed.
const RETRY_AFTER: Duration = Duration::from_mins(1);
/// Steps in a second, where they are not longer than a piece.
const STEPS_PER_S: u64 = 4;
/// Bytes in a step at most, so that one ends soon whatever the rate.
const STEP_BYTES_MAX: u64 = 64 << 20;

/// Verifies what is held.
pub(crate) struct ScrubWorker {
    store: Store,
    clock: fn() -> UnixMillis,
    rules: Scrub,
    /// None while a step has it, and after a step that panicked.
    scrubber: Option<Scrubber>,
    wake: Arc<Notify>,
}

impl ScrubWorker {
    /// A worker that is woken when a pass is started or stopped.
    pub(crate) fn new(store: Store, rules: Scrub, clock: fn() -> UnixMillis) -> Self {
        let wake = Arc::new(Notify::new());
        let notify = wake.clone();
        store.on_commit(move |committed| {
            if committed.scrub_changed {
                notify.notify_one();
            }
        });
        Self { store, clock, rules, scrubber: None, wake }
    }
}

impl Worker for ScrubWorker {
    fn name(&self) -> &'static str {
        "scrub"
    }

    fn wake(&self) -> Arc<Notify> {
        self.wake.clone()
    }

    async fn tick(&mut self) -> Next {
        let (store, rules, now, began) = (self.store.clone(), self.rules, (self.clock)(), Instant::now());
        let scrubber = self.scrubber.take();
        let step = in_blocking(move || {
            let mut scrubber = scrubber.unwrap_or_else(|| Scrubber::new(store.clone()));
            let due = rules.every.map_or(Ok(()), |every| store.scrub_if_due(millis(every), now));
            let outcome = due.and_then(|()| scrubber.step(step_bytes(rules.rate_bytes_per_s), now));
            (scrubber, outcome)
        });
        let Some((scrubber, outcome)) = step.await else { return Next::After(RETRY_AFTER) };
        self.scrubber = Some(scrubber);
        match outcome {
            Ok(ScrubStep::Read(bytes)) => {
                let pause = pause(bytes, began.elapsed(), rules.rate_bytes_per_s);
                self.store.note_scrub(Ok(rate(bytes, began.elapsed() + pause)));
                Next::After(pause)
            }
            Ok(ScrubStep::Idle) => Next::After(LOOK_EVERY),
            Ok(ScrubStep::Finished) => {
                tracing::info!("everything that is held was verified; `ods scrub --status` tells what was found");
                Next::After(LOOK_EVERY)
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the scrub can't go on; it tries again");
                self.store.note_scrub(Err(error.to_string()));
                Next::After(RETRY_AFTER)
            }
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Bytes to read in a step.
fn step_bytes(rate_bytes_per_s: u64) -> u64 {
    (rate_bytes_per_s / STEPS_PER_S).clamp(1, STEP_BYTES_MAX)
}

/// How long to rest after a step that read so much in so long.
fn pause(bytes: u64, took: Duration, rate_bytes_per_s: u64) -> Duration {
    let due = Duration::from_micros(bytes.saturating_mul(1_000_000) / rate_bytes_per_s.max(1));
    due.saturating_sub(took)
}

fn rate(bytes: u64, time: Duration) -> u64 {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1);
    bytes.saturating_mul(1_000_000) / micros
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_rests_keep_the_rate() {
        assert_eq!(step_bytes(50_000_000), 12_500_000);
        assert_eq!(step_bytes(u64::MAX), STEP_BYTES_MAX);
        let second = Duration::from_secs(1);
        assert_eq!(pause(12_500_000, Duration::from_millis(50), 50_000_000), Duration::from_millis(200));
        assert_eq!(pause(1 << 20, Duration::ZERO, 1 << 20), second);
        assert_eq!(pause(100, 2 * second, 50), Duration::ZERO, "a slow disk has no rest to take");
        assert_eq!((rate(100, second), rate(100, Duration::ZERO)), (100, 100_000_000));
    }
}
