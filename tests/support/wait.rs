//! Waiting for a condition, with a deadline: the only way a test lets time pass.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// Long enough for anything that isn't broken, on a machine that is busy with other tests.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// Waits until `look` gives something; panics after `patience`, naming `what`.
pub(crate) fn until_some<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < patience, "waited {patience:?} in vain until {what}");
        std::thread::sleep(POLL_EVERY);
    }
}

/// Waits until `look` is true.
pub(crate) fn until(what: &str, patience: Duration, mut look: impl FnMut() -> bool) {
    until_some(what, patience, || look().then_some(()));
}

/// Waits until `look` equals `expected`; shows the last value otherwise.
pub(crate) fn until_equal<T: PartialEq + Debug>(
    what: &str,
    patience: Duration,
    expected: &T,
    mut look: impl FnMut() -> T,
) {
    let started = Instant::now();
    loop {
        let seen = look();
        if seen == *expected {
            return;
        }
        assert!(
            started.elapsed() < patience,
            "waited {patience:?} in vain until {what}: {seen:?} instead of {expected:?}"
        );
        std::thread::sleep(POLL_EVERY);
    }
}

/// Lets a time pass that is itself what the test tries, such as the moment of a kill.
pub(crate) fn pause(length: Duration) {
    std::thread::sleep(length);
}
