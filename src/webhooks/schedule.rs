//! When a delivery that failed is tried again, and when it is given up. Pure.
//!
//! The first pause is half a second; each is four times the one before, up to six hours, and a fifth more or less, so
//! that the senders of many nodes don't knock in step. After three days the last try is made. A receiver that says
//! `Retry-After` isn't asked before, for an hour at most: a receiver that errs, or means ill, would else hold up its
//! own news for six.

use std::time::Duration;

use ods_store::UnixMillis;

const FIRST_PAUSE_MS: u64 = 500;
const PAUSE_MS_MAX: u64 = 6 * 60 * 60 * 1000;
/// What `Retry-After` is heeded up to (by RFC 9110 §10.2.3 a client "ought to" wait).
const ASKED_MS_MAX: u64 = 60 * 60 * 1000;
const GIVE_UP_AFTER_MS: u64 = 3 * 24 * 60 * 60 * 1000;
/// No clock that jumps makes it give up before so many tries, which take half a day.
const ATTEMPTS_MIN: u32 = 10;

/// What becomes of a delivery that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is tried again then.
    Again(UnixMillis),
    /// Three days are over.
    GiveUp,
}

/// After so many attempts (1 or more), the first at `since`. `dice` is random.
pub(super) fn after_failure(
    attempts: u32,
    since: UnixMillis,
    now: UnixMillis,
    retry_after: Option<Duration>,
    dice: u16,
) -> Verdict {
    let end = since.plus_ms(GIVE_UP_AFTER_MS);
    let may_end = attempts >= ATTEMPTS_MIN;
    if may_end && now >= end {
        return Verdict::GiveUp;
    }
    let asked = retry_after.map_or(0, |pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
    let at = now.plus_ms(pause_ms(attempts, dice).max(asked.min(ASKED_MS_MAX)));
    Verdict::Again(if may_end { at.min(end) } else { at })
}

/// The pause after so many attempts.
fn pause_ms(attempts: u32, dice: u16) -> u64 {
    let exponent = attempts.saturating_sub(1).min(16);
    let pause = FIRST_PAUSE_MS.saturating_mul(1 << (2 * exponent)).min(PAUSE_MS_MAX);
    // From 80 % to 120 %.
    pause * (52_429 + u64::from(dice) * 2 / 5) / 65_536
}

/// How long it is until then. A clock that went back makes it no longer than the longest pause.
pub(super) fn rest_until(at: UnixMillis, now: UnixMillis) -> Duration {
    Duration::from_millis(at.ms_since(now).min(PAUSE_MS_MAX * 6 / 5))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixMillis = UnixMillis::new(1_800_000_000_000);

    /// The moments of all tries, in milliseconds from the first, if none gets through.
    fn tries(dice: u16) -> Vec<u64> {
        let (mut now, mut tries) = (START, vec![0]);
        loop {
            let attempts = u32::try_from(tries.len()).expect("few");
            match after_failure(attempts, START, now, None, dice) {
                Verdict::GiveUp => return tries,
                Verdict::Again(at) => {
                    assert!(at > now, "{tries:?}");
                    now = at;
                    tries.push(now.ms_since(START));
                }
            }
        }
    }

    #[test]
    fn pauses_start_at_half_a_second_quadruple_and_end_after_three_days() {
        let tries = tries(u16::MAX / 2);
        let pauses: Vec<u64> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let expected = [500, 2000, 8000, 32_000, 128_000, 512_000, 2_048_000, 8_192_000];
        for (pause, expected) in pauses.iter().zip(expected) {
            assert!(pause.abs_diff(expected) <= expected / 100, "{pauses:?}");
        }
        assert_eq!(tries.last(), Some(&GIVE_UP_AFTER_MS), "the last try is at the very end");
        assert!(tries.len() < 32, "{} tries", tries.len());
    }

    #[test]
    fn jitter_is_a_fifth_and_never_outlasts_three_days() {
        for dice in [0, 1, 20_000, u16::MAX] {
            let tries = tries(dice);
            assert!((400..=600).contains(&tries[1]), "{}", tries[1]);
            assert_eq!(tries.last(), Some(&GIVE_UP_AFTER_MS));
        }
        assert_ne!(pause_ms(3, 0), pause_ms(3, u16::MAX));
    }

    #[test]
    fn a_receiver_may_ask_for_time_within_bounds() {
        let after = |retry_after_s| match after_failure(1, START, START, Some(Duration::from_secs(retry_after_s)), 0) {
            Verdict::Again(at) => at.ms_since(START),
            Verdict::GiveUp => panic!("given up"),
        };
        assert_eq!((after(0), after(120), after(5000), after(u64::MAX)), (400, 120_000, ASKED_MS_MAX, ASKED_MS_MAX));
    }

    #[test]
    fn a_clock_that_jumps_neither_gives_up_at_once_nor_waits_for_ever() {
        let year = 365 * 24 * 60 * 60 * 1000;
        let later = START.plus_ms(year);
        assert!(matches!(after_failure(2, START, later, None, 0), Verdict::Again(at) if at > later));
        assert_eq!(after_failure(ATTEMPTS_MIN, START, later, None, 0), Verdict::GiveUp);
        assert!(rest_until(later, START) <= Duration::from_hours(8));
        assert_eq!(rest_until(START, later), Duration::ZERO);
    }
}
