//! What happened in a run, by simulated time: steps and what became of them; in detail also every message.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

/// What happened; clones are the same trace.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    lines: Arc<Mutex<Vec<String>>>,
    started: Instant,
    detailed: bool,
}

impl Trace {
    /// Nothing yet; made within the simulated time.
    pub(super) fn new(detailed: bool) -> Self {
        Self { lines: Arc::default(), started: Instant::now(), detailed }
    }

    /// A step, or what became of it.
    pub(super) fn line(&self, text: &str) {
        let line = format!("{:>9.3} {text}", self.started.elapsed().as_secs_f64());
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// A message, if the run is traced in detail.
    pub(super) fn detail(&self, text: impl FnOnce() -> String) {
        if self.detailed {
            self.line(&text());
        }
    }

    /// All lines so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
