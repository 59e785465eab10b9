//! Who waits for a connection on a full node, and when others should make room for them.
//!
//! Invariants: nobody presses but after somebody found no room for the whole patience, and nobody got any meanwhile; how many
//! wait, and whether the same ones, is all one. Who listens is told only when the answer changes.

use std::{
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
    /// There was no room for a while: what is slow makes room, too.
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
    waiting: usize,
    /// Since when nobody got room, though somebody asked for it.
    full_since: Option<Instant>,
}

/// A client that waits, until it is dropped.
#[derive(Debug)]
pub(super) struct Waiting<'a>(&'a Queue);

impl Queue {
    /// A queue that presses after `patience`.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, state: Mutex::default(), told: watch::Sender::default() }
    }

    /// What is told to those who have a connection.
    pub(super) fn crowd(&self) -> watch::Receiver<Crowd> {
        self.told.subscribe()
    }

    /// One more waits.
    pub(super) fn join(&self) -> Waiting<'_> {
        self.change(|state| {
            state.waiting += 1;
            state.full_since.get_or_insert_with(Instant::now);
        });
        Waiting(self)
    }

    /// Somebody got room.
    pub(super) fn had_room(&self) {
        self.change(|state| state.full_since = (state.waiting > 0).then(Instant::now));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        let crowd = match state.full_since {
            Some(since) if state.waiting > 0 && since.elapsed() >= self.patience => Crowd::Presses,
            Some(_) if state.waiting > 0 => Crowd::Waits,
            Some(_) | None => Crowd::None,
        };
        self.told.send_if_modified(|told| std::mem::replace(told, crowd) != crowd);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting<'_> {
    /// It is still there.
    pub(super) fn stays(&self) {
        self.0.change(|_| {});
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.waiting -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(2);

    #[tokio::test(start_paused = true)]
    async fn it_presses_once_nobody_got_room_for_the_whole_patience() {
        let queue = Queue::new(PATIENCE);
        let crowd = queue.crowd();
        let first = queue.join();
        assert_eq!(*crowd.borrow(), Crowd::Waits);
        advance(PATIENCE).await;
        first.stays();
        assert_eq!(*crowd.borrow(), Crowd::Presses);
        drop(first);
        assert_eq!(*crowd.borrow(), Crowd::None, "nobody is there");
        let second = queue.join();
        assert_eq!(*crowd.borrow(), Crowd::Presses, "who waits in whose place is all one");
        queue.had_room();
        assert_eq!(*crowd.borrow(), Crowd::Waits, "the patience begins anew");
        drop(second);
        queue.had_room();
        advance(PATIENCE).await;
        let _third = queue.join();
        assert_eq!(*crowd.borrow(), Crowd::Waits, "there was room in between");
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
