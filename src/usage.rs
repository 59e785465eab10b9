//! Notes what the node holds, once an hour, for the trend of its storage.
//!
//! A start notes at once: a node that is restarted every few minutes has a trend, too.

use std::time::Duration;

use ods_store::{Store, UnixMillis};

use crate::worker::{Next, Worker, in_blocking};

const HOUR_MS: u64 = 3_600_000;
/// How long it waits when it couldn't be noted.
const RETRY_AFTER: Duration = Duration::from_mins(5);

/// The worker.
pub(crate) struct UsageWorker {
    store: Store,
    clock: fn() -> UnixMillis,
}

impl UsageWorker {
    /// A worker that notes what `store` holds.
    pub(crate) fn new(store: Store, clock: fn() -> UnixMillis) -> Self {
        Self { store, clock }
    }
}

impl Worker for UsageWorker {
    fn name(&self) -> &'static str {
        "usage"
    }

    async fn tick(&mut self) -> Next {
        let (store, now) = (self.store.clone(), (self.clock)());
        match in_blocking(move || store.note_usage(now)).await {
            Some(Ok(())) => Next::After(until_next_hour(now)),
            Some(Err(error)) => {
                tracing::debug!(%error, "what the node holds can't be noted now; it is tried again");
                Next::After(RETRY_AFTER)
            }
            None => Next::After(RETRY_AFTER),
        }
    }
}

/// Until a little after the hour is full.
fn until_next_hour(now: UnixMillis) -> Duration {
    Duration::from_millis(HOUR_MS - now.get() % HOUR_MS + 1000)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ods_store::{SimDisk, StoreOptions};

    use super::*;

    #[tokio::test]
    async fn it_notes_at_once_and_then_each_hour() {
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [1; 32], name: "hq".to_owned() };
        let store = Store::open(Arc::new(SimDisk::new()), std::path::Path::new("/data"), &options).expect("it opens");
        let mut worker = UsageWorker::new(store.clone(), || UnixMillis::new(1_800_000_000_000 + 600_000));
        assert_eq!(worker.tick().await, Next::After(Duration::from_secs(50 * 60 + 1)));
        let noted = store.usage_trend().expect("readable");
        assert_eq!(noted.len(), 1, "{noted:?}");
        assert!(noted[0].database_bytes > 0, "{noted:?}");
        worker.tick().await;
        assert_eq!(store.usage_trend().expect("readable").len(), 1, "an hour has one note");
    }
}
