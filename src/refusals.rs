//! Refused sign-ins that weren't written down one by one, as in a flood: the worker that writes down once a minute how many
//! they were, and once more when the node stops.

use std::time::Duration;

use ods_api::AppState;

use crate::worker::{Next, Worker};

/// How often to look.
const EVERY: Duration = Duration::from_mins(1);

/// Writes down how many refusals weren't.
pub(crate) struct RefusalWorker(AppState);

impl RefusalWorker {
    /// A worker that tells of what `api` refused.
    pub(crate) fn new(api: AppState) -> Self {
        Self(api)
    }
}

impl Worker for RefusalWorker {
    fn name(&self) -> &'static str {
        "refusals"
    }

    async fn tick(&mut self) -> Next {
        self.0.tell_unwritten().await;
        Next::After(EVERY)
    }

    async fn end(&mut self) {
        self.0.tell_unwritten().await;
    }
}
