//! Closing large files that have no name any more: giving their room back takes a file system up to half a second a gibibyte,
//! which nobody's answer should wait for.
//!
//! One at a time, in a thread of its own that is joined: before the next, and when this is dropped.

use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

/// The file that is being closed, if one is.
#[derive(Debug, Default)]
pub(super) struct Closing(Mutex<Option<JoinHandle<()>>>);

impl Closing {
    /// Closes what was `kept` open, beside the caller.
    pub(super) fn close<T: Send + 'static>(&self, kept: T) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        join(last.take());
        // Without another thread it is closed here, where the closure goes.
        *last = std::thread::Builder::new().name("store-closing".to_owned()).spawn(move || drop(kept)).ok();
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        join(self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take());
    }
}

fn join(thread: Option<JoinHandle<()>>) {
    // Closing doesn't panic; a file that did would have told by the panic's hook.
    let _ = thread.map(JoinHandle::join);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Is closed when it is let, and tells.
    struct Slow {
        may: Receiver<()>,
        done: Sender<&'static str>,
    }

    impl Drop for Slow {
        fn drop(&mut self) {
            self.may.recv().expect("the test lets it");
            self.done.send("closed").expect("the test listens");
        }
    }

    #[test]
    fn whoever_closes_a_file_goes_on_at_once_and_the_owner_waits_for_it() {
        let (allow, may) = channel();
        let (done, told) = channel();
        let closing = Closing::default();
        closing.close(Slow { may, done: done.clone() });
        done.send("went on").expect("the test listens");
        allow.send(()).expect("it waits");
        drop(closing);
        assert_eq!(told.try_iter().collect::<Vec<_>>(), ["went on", "closed"]);
    }
}
