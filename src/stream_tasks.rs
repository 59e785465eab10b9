//! The tasks of HTTP/2 streams, owned: in a tracker, and ended with their connection.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Runs the streams of HTTP/2 connections.
#[derive(Clone)]
pub(crate) struct StreamTasks {
    tasks: TaskTracker,
    cut: CancellationToken,
}

impl StreamTasks {
    /// Streams in `tasks`, which all end when `cut` is cancelled.
    pub(crate) fn new(tasks: TaskTracker, cut: CancellationToken) -> Self {
        Self { tasks, cut }
    }
}

impl<F> hyper::rt::Executor<F> for StreamTasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        self.tasks.spawn(self.cut.clone().run_until_cancelled_owned(stream));
    }
}
