//! Leave for what lasts: an answer or a body that goes on for hours.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::blocking::blocking;
use crate::error::ApiError;

/// How often it is looked at whether what was asked with still holds.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What was let in by credentials that may end.
pub(crate) trait MayEnd: Clone + Send + Sync + 'static {
    /// Whether they are needed at this moment. Never blocks.
    fn can_end(&self) -> bool {
        true
    }

    /// Errs unless they still hold. Blocks.
    fn must_still_hold(&self) -> Result<(), ApiError>;
}

/// What was let in, and when it was last seen to hold.
pub(crate) struct Leave<A> {
    access: A,
    seen_at: Mutex<Instant>,
}

impl<A: MayEnd> Leave<A> {
    /// Of what was let in just now.
    pub(crate) fn new(access: A) -> Self {
        Self { access, seen_at: Mutex::new(Instant::now()) }
    }

    /// Waits for something as long as it holds.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> Result<T, ApiError> {
        let looking = async {
            loop {
                sleep(LOOK_EVERY).await;
                if let Err(ended) = self.must_still_hold().await {
                    return ended;
                }
            }
        };
        let done = tokio::select! {
            done = work => done,
            ended = looking => return Err(ended),
        };
        self.must_still_hold().await?;
        Ok(done)
    }

    /// Errs unless it holds still, or did a moment ago: that costs something, so a second is the most that may pass.
    pub(crate) async fn must_still_hold(&self) -> Result<(), ApiError> {
        if !self.access.can_end() {
            return Ok(());
        }
        let now = Instant::now();
        if now - *self.seen_at() < LOOK_EVERY {
            return Ok(());
        }
        let access = self.access.clone();
        blocking(move || access.must_still_hold()).await?;
        *self.seen_at() = now;
        Ok(())
    }

    fn seen_at(&self) -> MutexGuard<'_, Instant> {
        self.seen_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
