//! How slow an answer may come. Silence alone tells little: a byte every few seconds would keep an answer open for years, and
//! with it whatever waits for it. So what a peer owes has to be here in the end, or the peer is given up.
//!
//! An answer that is one value has a deadline by its size. Bytes of a blob come as slowly as limits on either side want it, so
//! they only have to go on coming; [`super::plan`] asks others for what a slow source owes.

use std::time::Duration;

use tokio::time::Instant;

use super::limits::{BYTES_WINDOW_LEAST, BYTES_WINDOW_MS, LEAST_BYTES_PER_MS, SILENCE_MS};

/// How long so many bytes of an answer, or of a question, may take once they begin.
pub(super) const fn patience(bytes: u64) -> Duration {
    Duration::from_millis(SILENCE_MS + bytes / LEAST_BYTES_PER_MS)
}

/// A stream of bytes that has to bring [`BYTES_WINDOW_LEAST`] within each [`BYTES_WINDOW_MS`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Trickle {
    since: Instant,
    came: usize,
}

impl Trickle {
    /// It begins now.
    pub(super) const fn new(now: Instant) -> Self {
        Self { since: now, came: 0 }
    }

    /// Until when the next bytes have to be here.
    pub(super) fn due(&self, now: Instant) -> Instant {
        (now + Duration::from_millis(SILENCE_MS)).min(self.since + Duration::from_millis(BYTES_WINDOW_MS))
    }

    /// Bytes came.
    pub(super) fn came(&mut self, bytes: usize, now: Instant) {
        self.came += bytes;
        if self.came >= BYTES_WINDOW_LEAST {
            *self = Self::new(now);
        }
    }

    /// This node itself did not read for a while: that is nobody's fault.
    pub(super) fn rested(&mut self, time: Duration) {
        self.since += time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn whoever_drips_is_given_up_and_whoever_goes_on_slowly_is_not() {
        let begin = Instant::now();
        let (mut now, mut drip) = (begin, Trickle::new(begin));
        while drip.due(now) > now {
            now += ms(SILENCE_MS / 2).min(drip.due(now) - now);
            drip.came(1, now);
        }
        assert_eq!(now - begin, ms(BYTES_WINDOW_MS));
        let (mut now, mut slow) = (begin, Trickle::new(begin));
        for _ in 0..1000 {
            assert!(slow.due(now) > now + ms(SILENCE_MS / 2));
            now += ms(SILENCE_MS / 2);
            slow.came(BYTES_WINDOW_LEAST / 10, now);
        }
    }

    #[test]
    fn what_this_node_waits_for_itself_does_not_count() {
        let begin = Instant::now();
        let mut paced = Trickle::new(begin);
        paced.rested(ms(10 * BYTES_WINDOW_MS));
        assert_eq!(paced.due(begin + ms(10 * BYTES_WINDOW_MS)), begin + ms(10 * BYTES_WINDOW_MS + SILENCE_MS));
    }
}
