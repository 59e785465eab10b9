//! Resumable uploads that nobody goes on with: the worker that forgets them, with what came of them, by age. Those to which
//! no byte ever came go first, since they hold room.

use std::time::Duration;

use ods_store::{Store, UnixMillis};

use crate::worker::{Next, Worker, in_blocking};

/// How often to look.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// How long what became of an upload is told.
const ENDED_KEPT_MS: u64 = 24 * 60 * 60 * 1000;

/// Forgets abandoned uploads.
pub(crate) struct UploadWorker {
    store: Store,
    kept: Duration,
    clock: fn() -> UnixMillis,
}

impl UploadWorker {
    /// A worker that forgets uploads of `store` to which nothing came for `kept`.
    pub(crate) fn new(store: Store, kept: Duration, clock: fn() -> UnixMillis) -> Self {
        Self { store, kept, clock }
    }
}

impl Worker for UploadWorker {
    fn name(&self) -> &'static str {
        "uploads"
    }

    async fn tick(&mut self) -> Next {
        let (store, now) = (self.store.clone(), (self.clock)());
        let kept_ms = u64::try_from(self.kept.as_millis()).unwrap_or(u64::MAX);
        match in_blocking(move || store.reap_uploads(kept_ms, ENDED_KEPT_MS, now)).await {
            Some(Ok(0)) | None => {}
            Some(Ok(reaped)) => tracing::info!(uploads = reaped, "forgot abandoned uploads"),
            Some(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "abandoned uploads can't be forgotten now");
            }
        }
        Next::After(LOOK_EVERY)
    }
}
