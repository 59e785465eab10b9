//! Who waits for a connection on a full node, and when others should make room for them.
//!
//! Invariants: others are pressed as long as somebody is there who has waited for the whole patience, however many got room
//! meanwhile: else who holds all connections could let go of one now and then. Who listens is told only when the answer changes.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

/// What those who have a connection should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Crowd {
    /// Nobody waits.
    #[default]
    None,
    /// Somebody waits: what does nothing makes room.
    Waits,
    /// Somebody has waited for a while: what is slow makes room, too.
    Presses,
}

/// The clients that wait.
#[derive(Debug)]
pub(super) struct Queue {
    patience: Duration,
    state: Mutex<State>,
    told: watch::Sender<Crowd>,
}

#[derive(Debug, Default)]
struct State {
    /// Since when they wait, in the order in which they came.
    waiting: BTreeMap<u64, Instant>,
    came: u64,
}

/// A client that waits, until it is dropped.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    queue: &'a Queue,
    number: u64,
}

impl Queue {
    /// A queue that presses after `patience`.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, state: Mutex::default(), told: watch::Sender::default() }
    }

    /// What is told to those who have a connection.
    pub(super) fn crowd(&self) -> watch::Receiver<Crowd> {
        self.told.subscribe()
    }

    /// The same as it is now.
    pub(super) fn crowd_now(&self) -> Crowd {
        *self.told.borrow()
    }

    /// One more waits.
    pub(super) fn join(&self) -> Waiting<'_> {
        let number = self.change(|state| {
            state.came += 1;
            state.waiting.insert(state.came, Instant::now());
            state.came
        });
        Waiting { queue: self, number }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let changed = change(&mut state);
        let crowd = match state.waiting.first_key_value() {
            Some((_, since)) if since.elapsed() >= self.patience => Crowd::Presses,
            Some(_) => Crowd::Waits,
            None => Crowd::None,
        };
        self.told.send_if_modified(|told| std::mem::replace(told, crowd) != crowd);
        changed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting<'_> {
    /// It is still there.
    pub(super) fn stays(&self) {
        self.queue.change(|_| {});
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.queue.change(|state| state.waiting.remove(&self.number));
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(2);

    #[tokio::test(start_paused = true)]
    async fn it_presses_as_long_as_somebody_is_there_who_waited_for_the_whole_patience() {
        let queue = Queue::new(PATIENCE);
        let crowd = queue.crowd();
        let first = queue.join();
        assert_eq!(*crowd.borrow(), Crowd::Waits);
        advance(PATIENCE / 2).await;
        let (second, third) = (queue.join(), queue.join());
        advance(PATIENCE / 2).await;
        first.stays();
        assert_eq!(*crowd.borrow(), Crowd::Presses);
        drop(first);
        assert_eq!(*crowd.borrow(), Crowd::Waits, "the others came later");
        advance(PATIENCE / 2).await;
        drop(second);
        assert_eq!(*crowd.borrow(), Crowd::Presses, "that one of them got room doesn't help the other");
        drop(third);
        assert_eq!(*crowd.borrow(), Crowd::None);
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_is_news_is_told() {
        let queue = Queue::new(PATIENCE);
        let mut crowd = queue.crowd();
        let _first = queue.join();
        assert_eq!(*crowd.borrow_and_update(), Crowd::Waits);
        let second = queue.join();
        second.stays();
        drop(second);
        assert!(!crowd.has_changed().expect("it is there"));
    }
}
