//! Pruning: what the node remembers of the past goes when it is old. Journal records after a configured time, deliveries
//! of webhooks after a month.
//!
//! A tick removes a bounded number in one commit; while there is more it rests a little in between.

use std::time::Duration;

use ods_store::{Store, StoreError, UnixMillis};

use crate::worker::{Next, Worker, in_blocking};

/// How long the node is left alone after its start.
const FIRST_REST: Duration = Duration::from_mins(1);
/// How often it is looked for what is old.
const EVERY: Duration = Duration::from_mins(10);
/// The rest between two commits.
const STEP_REST: Duration = Duration::from_millis(50);
/// How long deliveries are listed: 30 days.
const DELIVERIES_FOR_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// Removes what is old.
pub(crate) struct PruneWorker {
    store: Store,
    clock: fn() -> UnixMillis,
    /// How long records are kept; none: for ever.
    journal: Option<Duration>,
    first_rest: Option<Duration>,
}

impl PruneWorker {
    /// A worker that keeps journal records for so long; zero: for ever.
    pub(crate) fn new(store: Store, journal: Duration, clock: fn() -> UnixMillis) -> Self {
        let journal = Some(journal).filter(|keep| !keep.is_zero());
        Self { store, clock, journal, first_rest: Some(FIRST_REST) }
    }
}

impl Worker for PruneWorker {
    fn name(&self) -> &'static str {
        "pruning"
    }

    async fn tick(&mut self) -> Next {
        if let Some(rest) = self.first_rest.take() {
            return Next::After(rest);
        }
        let (store, journal, now) = (self.store.clone(), self.journal, (self.clock)());
        match in_blocking(move || prune(&store, journal, now)).await {
            Some(Ok(true)) => Next::After(STEP_REST),
            Some(Ok(false)) | None => Next::After(EVERY),
            Some(Err(error)) => {
                tracing::warn!(%error, "what is old can't be removed from the journal now; it is tried again");
                Next::After(EVERY)
            }
        }
    }
}

/// Whether there may be more.
fn prune(store: &Store, journal: Option<Duration>, now: UnixMillis) -> Result<bool, StoreError> {
    let keep_ms = journal.map(|keep| u64::try_from(keep.as_millis()).unwrap_or(u64::MAX));
    let more = keep_ms.map_or(Ok(false), |keep_ms| store.prune_journal(keep_ms, now))?;
    let cutoff = UnixMillis::new(now.get().saturating_sub(DELIVERIES_FOR_MS));
    Ok(store.prune_deliveries(cutoff)? || more)
}
