//! When so many bytes may go under a limit: a token bucket by virtual time. Pure.
//!
//! Each bucket keeps the time by which what was let through is paid for. Bytes may go once that isn't later than now; a
//! bucket that was idle, or whose timer came late, has [`BURST_NS`] to catch up, no more. So over any time T between
//! rate × T and rate × (T + burst) bytes go, plus one slice a stream: over a minute well within 1 %.

/// What may be caught up.
const BURST_NS: u64 = 100_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// Bytes are let through in slices of a twentieth of a second, so that streams take turns.
pub(super) fn slice_bytes(rate: u64) -> usize {
    usize::try_from((rate / 20).clamp(1024, 256 * 1024)).unwrap_or(1024)
}

/// One limit, one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    rate: Option<u64>,
    /// What went is paid for by then, in nanoseconds since the start.
    paid_ns: u64,
}

impl Bucket {
    /// Sets the rate in bytes a second; `None`: no limit.
    pub(super) fn set(&mut self, rate: Option<u64>) {
        if self.rate != rate {
            *self = Self { rate, paid_ns: 0 };
        }
    }

    /// The rate in bytes a second.
    pub(super) const fn rate(&self) -> Option<u64> {
        self.rate
    }

    /// When the next bytes may go, however many they are.
    pub(super) fn free_at(&self, now_ns: u64) -> u64 {
        self.paid_ns.max(now_ns)
    }

    /// Takes so many bytes; tells when they may go.
    pub(super) fn take(&mut self, bytes: u64, now_ns: u64) -> u64 {
        let Some(rate) = self.rate else { return now_ns };
        let start = self.paid_ns.max(now_ns.saturating_sub(BURST_NS));
        let cost = u128::from(bytes) * u128::from(SECOND_NS) / u128::from(rate.max(1));
        self.paid_ns = start.saturating_add(u64::try_from(cost).unwrap_or(u64::MAX));
        start.max(now_ns)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes let through in a simulated time, by streams that take slices in turns and whose timers come late.
    fn let_through(rate: u64, streams: usize, late_ns: &[u64], seconds: u64) -> u64 {
        let mut bucket = Bucket::default();
        bucket.set(Some(rate));
        let slice = slice_bytes(rate) as u64;
        let mut wakes: Vec<u64> = vec![0; streams];
        let (mut sent, mut turn) = (0, 0);
        loop {
            let (stream, now) = wakes.iter().copied().enumerate().min_by_key(|(_, at)| *at).expect("a stream");
            if now >= seconds * SECOND_NS {
                return sent;
            }
            sent += slice;
            let late = late_ns.get(turn % late_ns.len().max(1)).copied().unwrap_or(0);
            turn += 1;
            let at = bucket.take(slice, now);
            wakes[stream] = if at > now { at + late } else { now };
        }
    }

    fn assert_exact(rate: u64, streams: usize, late_ns: &[u64], seconds: u64, percent: u64) {
        let (sent, wanted) = (let_through(rate, streams, late_ns, seconds), rate * seconds);
        assert!(sent.abs_diff(wanted) * 100 <= wanted * percent, "{sent} instead of {wanted}");
    }

    #[test]
    fn a_minute_is_exact_at_every_rate() {
        for rate in [100_000, 10_000_000, 100_000_000] {
            for streams in [1, 6, 24] {
                assert_exact(rate, streams, &[0], 60, 2);
                assert_exact(rate, streams, &[1_000_000, 15_000_000, 0], 60, 2);
            }
        }
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let mut bucket = Bucket::default();
        assert_eq!((bucket.take(1 << 40, 5), bucket.take(1, 6)), (5, 6));
    }

    #[test]
    fn idle_time_is_not_saved_up() {
        let mut bucket = Bucket::default();
        bucket.set(Some(1000));
        bucket.take(1, 0);
        let hour = 3600 * SECOND_NS;
        // A tenth of a second is caught up: 100 bytes at once; what follows is spread.
        assert_eq!(bucket.take(100, hour), hour);
        assert_eq!(bucket.take(1000, hour), hour);
        assert_eq!(bucket.take(1, hour), hour + SECOND_NS);
    }

    #[test]
    fn a_new_rate_holds_at_once() {
        let mut bucket = Bucket::default();
        bucket.set(Some(10));
        bucket.take(1000, 0);
        bucket.set(Some(1_000_000));
        assert_eq!(bucket.take(1, 5), 5);
    }

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_the_burst(
            rate in 10_000u64..1_000_000_000,
            takes in prop::collection::vec((1u64..300_000, 0u64..200_000_000), 1..200),
        ) {
            let mut bucket = Bucket::default();
            bucket.set(Some(rate));
            let (mut now, mut sent, mut last) = (0, 0, 0);
            for (bytes, pause) in takes {
                now += pause;
                let at = bucket.take(bytes, now);
                prop_assert!(at >= last && at >= now);
                (last, now) = (at, at);
                // Everything that went before this, by the time this goes.
                let allowed = u128::from(rate) * u128::from(at + BURST_NS) / u128::from(SECOND_NS) + 1;
                prop_assert!(u128::from(sent) <= allowed, "{} of {}", sent, allowed);
                sent += bytes;
            }
        }
    }
}
