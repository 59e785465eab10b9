//! Saying goodbye: a node that stops in good order tells its peers, so that they show it as down at once and ask others, rather
//! than find out by its silence.
//!
//! Invariants: a stop waits [`GOODBYE_MS`] and a moment at most, whatever the peers do; whom no goodbye reaches finds
//! out by itself. Nobody calls this node through a link any more once it has said goodbye, so that no answer of it
//! makes a peer take it for up again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::limits::{GOODBYE_END_MS, GOODBYE_MS};

/// What has the node's driver say goodbye; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Leaving {
    begin: CancellationToken,
    said: CancellationToken,
    wake: Arc<Notify>,
}

impl Leaving {
    /// Nobody leaves yet; `wake` wakes the driver.
    pub(super) fn new(wake: Arc<Notify>) -> Self {
        Self { begin: CancellationToken::new(), said: CancellationToken::new(), wake }
    }

    /// Says goodbye to all peers that answer, and waits until they heard it, but not for long.
    pub(crate) async fn say_goodbye(&self) {
        self.begin.cancel();
        self.wake.notify_one();
        if timeout(Duration::from_millis(GOODBYE_MS + GOODBYE_END_MS), self.said.cancelled()).await.is_err() {
            tracing::info!("not every peer heard in time that this node stops");
        }
    }

    /// Whether it is time to say it.
    pub(super) fn has_begun(&self) -> bool {
        self.begin.is_cancelled()
    }

    /// All who could hear it did.
    pub(super) fn said(&self) {
        self.said.cancel();
    }
}
