//! Who waits for bytes that are on their way: peers that asked for a piece map, clients that a package is streamed to.
//!
//! No runtime is needed here: an [`Arrival`] is a future of the standard library, so whoever has one waits on it as they like.
//!
//! Invariants:
//! - An arrival made before its maker looked at the fetch misses nothing: whatever changes after it was made completes it.
//! - A blob that nobody waits for costs nothing; a waiter that is dropped leaves nothing behind.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::digest::Digest;

/// All waiters of a store.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    blobs: Mutex<HashMap<Digest, Waiters>>,
    /// The number of the next waiter.
    next: AtomicU64,
}

/// Those for whom nothing has come yet; the waker once they were polled.
type Waiters = BTreeMap<u64, Option<Waker>>;

impl Arrivals {
    fn all(&self) -> MutexGuard<'_, HashMap<Digest, Waiters>> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something changed: a fetch of the blob began, a piece came, or it ended.
    pub(crate) fn tell(&self, blob: &Digest) {
        let waiters = self.all().remove(blob);
        for waker in waiters.into_iter().flat_map(Waiters::into_values).flatten() {
            waker.wake();
        }
    }

    /// A waiter for the next change.
    pub(crate) fn wait(self: &Arc<Self>, blob: &Digest) -> Arrival {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.all().entry(*blob).or_default().insert(number, None);
        Arrival { arrivals: Arc::clone(self), blob: *blob, number }
    }

    /// Blobs that somebody waits for.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.all().len()
    }
}

/// Completes when something of a blob has changed since it was made: a fetch of it began, a piece came, or it ended.
/// Look after making it, then wait.
#[derive(Debug)]
#[must_use = "it waits for nothing unless it is awaited"]
pub struct Arrival {
    arrivals: Arc<Arrivals>,
    blob: Digest,
    number: u64,
}

impl Future for Arrival {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut all = self.arrivals.all();
        let waker = all.get_mut(&self.blob).and_then(|waiters| waiters.get_mut(&self.number));
        match waker {
            Some(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut all = self.arrivals.all();
        let Some(waiters) = all.get_mut(&self.blob) else { return };
        waiters.remove(&self.number);
        if waiters.is_empty() {
            all.remove(&self.blob);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn poll(arrival: &mut Arrival, counter: &Arc<Counter>) -> Poll<()> {
        Pin::new(arrival).poll(&mut Context::from_waker(&Waker::from(Arc::clone(counter))))
    }

    #[test]
    fn a_change_after_it_was_made_completes_it_polled_or_not() {
        let (arrivals, counter, blob) = (Arc::new(Arrivals::default()), Arc::new(Counter::default()), Digest::of(b"x"));
        let (mut polled, mut fresh) = (arrivals.wait(&blob), arrivals.wait(&blob));
        assert_eq!(poll(&mut polled, &counter), Poll::Pending);
        arrivals.tell(&Digest::of(b"another"));
        assert_eq!(poll(&mut polled, &counter), Poll::Pending);
        arrivals.tell(&blob);
        assert_eq!(counter.0.load(Ordering::SeqCst), 1);
        assert_eq!((poll(&mut polled, &counter), poll(&mut fresh, &counter)), (Poll::Ready(()), Poll::Ready(())));
    }

    #[test]
    fn a_waiter_made_after_a_change_waits_for_the_next_and_outlives_older_ones() {
        let (arrivals, counter, blob) = (Arc::new(Arrivals::default()), Arc::new(Counter::default()), Digest::of(b"x"));
        let old = arrivals.wait(&blob);
        arrivals.tell(&blob);
        let mut new = arrivals.wait(&blob);
        drop(old);
        assert_eq!(poll(&mut new, &counter), Poll::Pending);
        arrivals.tell(&blob);
        assert_eq!(poll(&mut new, &counter), Poll::Ready(()));
    }

    #[test]
    fn waiters_that_go_leave_nothing_behind() {
        let (arrivals, blob) = (Arc::new(Arrivals::default()), Digest::of(b"x"));
        let (one, two) = (arrivals.wait(&blob), arrivals.wait(&blob));
        drop(one);
        assert_eq!(arrivals.len(), 1);
        drop(two);
        assert_eq!(arrivals.len(), 0);
    }
}
