//! Whether the accept loops still run: each is asked, and answers from its own task.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

type Question = oneshot::Sender<()>;

/// Asks the accept loops. Clones ask the same ones.
#[derive(Debug, Clone)]
pub(crate) struct Pulse {
    loops: Arc<Mutex<Vec<mpsc::Sender<Question>>>>,
    drain: CancellationToken,
}

/// A loop's end: it answers for as long as its task is polled.
#[derive(Debug)]
pub(crate) struct PulsePoint(mpsc::Receiver<Question>);

impl Pulse {
    /// Without loops yet; once `drain` is cancelled, they may end.
    pub(crate) fn new(drain: CancellationToken) -> Self {
        Self { loops: Arc::default(), drain }
    }

    /// The end for one more loop.
    pub(crate) fn point(&self) -> PulsePoint {
        let (sender, receiver) = mpsc::channel(1);
        self.loops.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        PulsePoint(receiver)
    }

    /// Whether every loop answers. False at once if one has ended before its time or never took the last question; waits
    /// for as long as one takes to answer.
    pub(crate) async fn is_felt(&self) -> bool {
        let loops = self.loops.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for one in loops {
            let (question, answer) = oneshot::channel();
            if (one.try_send(question).is_err() || answer.await.is_err()) && !self.drain.is_cancelled() {
                return false;
            }
        }
        true
    }
}

impl PulsePoint {
    /// Answers for ever; for the loop to poll beside its work.
    pub(super) async fn answer(mut self) {
        while let Some(question) = self.0.recv().await {
            // Whoever asked may have given up.
            let _ = question.send(());
        }
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{task::JoinSet, time::timeout};

    use super::*;

    #[tokio::test]
    async fn loops_that_are_polled_answer() {
        let pulse = Pulse::new(CancellationToken::new());
        let mut tasks = JoinSet::new();
        assert!(pulse.is_felt().await, "nothing runs yet, so nothing can be wrong");
        tasks.spawn(pulse.point().answer());
        tasks.spawn(pulse.point().answer());
        assert!(pulse.is_felt().await);
        assert!(pulse.is_felt().await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_hangs_does_not_answer() {
        let pulse = Pulse::new(CancellationToken::new());
        let _hangs = pulse.point();
        assert!(timeout(Duration::from_secs(5), pulse.is_felt()).await.is_err());
        assert!(!pulse.is_felt().await, "the last question still lies there");
    }

    #[tokio::test]
    async fn a_loop_may_end_in_the_drain_only() {
        let drain = CancellationToken::new();
        let pulse = Pulse::new(drain.clone());
        drop(pulse.point());
        assert!(!pulse.is_felt().await);
        drain.cancel();
        assert!(pulse.is_felt().await);
    }
}
