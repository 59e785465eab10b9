//! How many wrong credentials are taken, and how many of them are journalled.
//!
//! Bounds: each address (an IPv6 /64 counts as one) has a burst of [`BURST`], refilled one every [`REFILL`]; at most
//! [`ADDRESSES_MAX`] addresses are remembered, beyond which new ones share a single budget; the journal takes one refusal
//! every [`JOURNAL_REFILL`] after a burst of [`JOURNAL_BURST`], from all addresses together: 8,640 small records a day.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::request::ClientAddress;

const BURST: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
const REFILL: Duration = Duration::from_secs(3);
const ADDRESSES_MAX: usize = 10_000;
const JOURNAL_BURST: NonZeroU32 = NonZeroU32::new(50).expect("not zero");
const JOURNAL_REFILL: Duration = Duration::from_secs(10);

/// What becomes of a wrong credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is answered as what it is.
    Tolerated {
        /// Whether the journal gets it.
        journal: bool,
    },
    /// The address has had its share.
    TooMany {
        /// When it gets more.
        retry_after_s: u64,
    },
}

/// The budgets.
pub(super) struct Attempts {
    by_address: DefaultKeyedRateLimiter<IpAddr>,
    journal: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl Attempts {
    pub(super) fn new() -> Self {
        let quota = |refill, burst| Quota::with_period(refill).expect("a period that is not zero").allow_burst(burst);
        Self {
            by_address: RateLimiter::keyed(quota(REFILL, BURST)),
            journal: RateLimiter::direct(quota(JOURNAL_REFILL, JOURNAL_BURST)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a wrong credential.
    pub(super) fn failed(&self, address: ClientAddress) -> Verdict {
        match self.by_address.check_key(&self.key(address)) {
            Ok(()) => Verdict::Tolerated { journal: self.journal.check().is_ok() },
            Err(until) => {
                let wait = until.wait_time_from(self.clock.now());
                Verdict::TooMany { retry_after_s: wait.as_secs() + 1 }
            }
        }
    }

    fn key(&self, ClientAddress(address): ClientAddress) -> IpAddr {
        if self.by_address.len() >= ADDRESSES_MAX {
            self.by_address.retain_recent();
        }
        if self.by_address.len() >= ADDRESSES_MAX {
            return IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        }
        network(address)
    }
}

/// What counts as one caller: an IPv4 address, or an IPv6 /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> ClientAddress {
        ClientAddress(text.parse().expect("an address"))
    }

    #[test]
    fn a_burst_is_tolerated_and_then_the_address_waits_while_others_do_not() {
        let attempts = Attempts::new();
        for _ in 0..BURST.get() {
            assert_eq!(attempts.failed(address("192.0.2.1")), Verdict::Tolerated { journal: true });
        }
        let verdict = attempts.failed(address("192.0.2.1"));
        assert!(matches!(verdict, Verdict::TooMany { retry_after_s: 1..=4 }), "{verdict:?}");
        assert_eq!(attempts.failed(address("192.0.2.2")), Verdict::Tolerated { journal: true });
    }

    #[test]
    fn the_addresses_of_an_ipv6_network_share_a_budget() {
        assert_eq!(network(address("2001:db8::1").0), network(address("2001:db8::ffff:0:0:2").0));
        assert_ne!(network(address("2001:db8::1").0), network(address("2001:db8:0:1::1").0));
        assert_eq!(network(address("::ffff:192.0.2.1").0), address("192.0.2.1").0);
    }

    #[test]
    fn memory_is_bounded_and_the_journal_is_spared_whoever_floods() {
        let attempts = Attempts::new();
        let mut journalled = 0;
        for number in 0..u32::try_from(ADDRESSES_MAX).expect("small") + 500 {
            let verdict = attempts.failed(ClientAddress(IpAddr::V4(number.into())));
            journalled += u32::from(verdict == Verdict::Tolerated { journal: true });
        }
        assert!(attempts.by_address.len() <= ADDRESSES_MAX + 1, "{} addresses", attempts.by_address.len());
        assert!((JOURNAL_BURST.get()..JOURNAL_BURST.get() + 10).contains(&journalled), "{journalled} records");
    }
}
