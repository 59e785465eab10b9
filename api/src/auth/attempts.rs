//! How many wrong credentials are taken, how many sign-ins by password, and how many refusals are written down.
//!
//! Bounds:
//! - Wrong tokens and set-up links: each address (an IPv6 /64 counts as one) has a burst of 20, refilled one every 3 s. A right token is
//!   always let in.
//! - Passwords can be guessed, so each *try* counts, right or wrong: 10 for an account, refilled one every 15 s, whether
//!   there is such an account or not; 20 from an address, refilled one every 3 s.
//! - Where an account signed in by password since start it has a budget of its own, 10 refilled one every 15 s, and no other
//!   counts: whoever guesses elsewhere, or at other accounts there, doesn't keep its owner out.
//! - At most [`KEYS_MAX`] addresses, accounts or places are remembered of each, beyond which new ones share a single budget.
//! - Journal and audit take of an address one refusal a minute after a burst of 5, and of all together one every 10 s after
//!   a burst of 50, of sign-ins as many again as of tokens; the next one that is written down tells how many were not, and if
//!   none comes an entry of its own does within a minute or so ([`super::AppState::tell_unwritten`]). So whoever floods from
//!   one address, in whatever way, or with tokens from many, leaves room for the sign-ins of others.

use std::collections::BTreeSet;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::request::ClientAddress;

const KEYS_MAX: usize = 10_000;

/// Stands for all addresses that there is no room for.
const NOBODY: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// A budget that every key has for itself.
struct Budget<K: Hash + Eq + Clone> {
    keys: DefaultKeyedRateLimiter<K>,
    /// What stands for all keys that there is no room for.
    others: K,
    clock: DefaultClock,
}

fn quota(burst: u32, refill: Duration) -> Quota {
    let burst = NonZeroU32::new(burst).expect("a burst that is not zero");
    Quota::with_period(refill).expect("a period that is not zero").allow_burst(burst)
}

impl<K: Hash + Eq + Clone> Budget<K> {
    fn new(burst: u32, refill: Duration, others: K) -> Self {
        Self { keys: RateLimiter::keyed(quota(burst, refill)), others, clock: DefaultClock::default() }
    }

    /// Takes one from the key's budget; if there is none, tells in how many seconds there is.
    fn take(&self, key: &K) -> Result<(), u64> {
        if self.keys.len() >= KEYS_MAX {
            self.keys.retain_recent();
        }
        let key = if self.keys.len() >= KEYS_MAX { &self.others } else { key };
        self.keys.check_key(key).map_err(|until| until.wait_time_from(self.clock.now()).as_secs() + 1)
    }
}

/// Whose share of tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// An address's.
    Address,
    /// An account's, from wherever it is tried.
    Account,
}

/// What was refused, and why.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refused<'a> {
    /// A token, or a set-up link: what nobody can guess.
    Token(&'a str),
    /// A sign-in, or a try with a password.
    SignIn(&'a str),
}

/// What becomes of a wrong credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is answered as what it is.
    Tolerated,
    /// The address or the account has had its share.
    TooMany {
        /// Which of them.
        of: Share,
        /// When it gets more.
        retry_after_s: u64,
    },
}

/// How many refusals are written down.
struct Written {
    /// Refilled more slowly than that of all together, which one address can't keep empty so.
    by_address: Budget<IpAddr>,
    /// When the budget of all together is full again.
    all_full_at: Mutex<Instant>,
}

impl Written {
    const OF_ALL: u32 = 50;
    const OF_ALL_REFILL: Duration = Duration::from_secs(10);

    fn new() -> Self {
        Self { by_address: Budget::new(5, Duration::from_mins(1), NOBODY), all_full_at: Mutex::new(Instant::now()) }
    }

    /// Takes one from both budgets, or none from either: an address keeps its own while there is none for anybody.
    fn take(&self, network: IpAddr) -> bool {
        let (now, mut full_at) = (Instant::now(), self.all_full_at.lock().unwrap_or_else(PoisonError::into_inner));
        let full_then = now.max(*full_at) + Self::OF_ALL_REFILL;
        let takes = full_then - now <= Self::OF_ALL_REFILL * Self::OF_ALL && self.by_address.take(&network).is_ok();
        if takes {
            *full_at = full_then;
        }
        takes
    }
}

/// The budgets.
pub(super) struct Attempts {
    wrong: Budget<IpAddr>,
    tries_by_address: Budget<IpAddr>,
    tries_by_account: Budget<[u8; 32]>,
    tries_by_place: Budget<[u8; 32]>,
    /// Accounts with the addresses from which they signed in.
    places: Mutex<BTreeSet<[u8; 32]>>,
    written_tokens: Written,
    written_sign_ins: Written,
    unwritten: AtomicU64,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self {
            wrong: Budget::new(20, Duration::from_secs(3), NOBODY),
            tries_by_address: Budget::new(20, Duration::from_secs(3), NOBODY),
            tries_by_account: Budget::new(10, Duration::from_secs(15), [0; 32]),
            tries_by_place: Budget::new(10, Duration::from_secs(15), [0; 32]),
            places: Mutex::default(),
            written_tokens: Written::new(),
            written_sign_ins: Written::new(),
            unwritten: AtomicU64::new(0),
        }
    }

    /// Counts a wrong credential.
    pub(super) fn failed(&self, ClientAddress(address): ClientAddress) -> Verdict {
        match self.wrong.take(&network(address)) {
            Ok(()) => Verdict::Tolerated,
            Err(retry_after_s) => Verdict::TooMany { of: Share::Address, retry_after_s },
        }
    }

    /// Counts a try with a password, before it is looked at.
    pub(super) fn tries(&self, account: &str, ClientAddress(address): ClientAddress) -> Verdict {
        let place = place_of(account, address);
        let too_many = |of| move |retry_after_s| Verdict::TooMany { of, retry_after_s };
        let taken = if self.places().contains(&place) {
            self.tries_by_place.take(&place).map_err(too_many(Share::Account))
        } else {
            let by_address = self.tries_by_address.take(&network(address)).map_err(too_many(Share::Address));
            let by_account = || self.tries_by_account.take(&account_key(account)).map_err(too_many(Share::Account));
            by_address.and_then(|()| by_account())
        };
        taken.err().unwrap_or(Verdict::Tolerated)
    }

    /// Notes that an account signed in by password from there.
    pub(super) fn signed_in(&self, account: &str, ClientAddress(address): ClientAddress) {
        let mut places = self.places();
        if places.insert(place_of(account, address)) && places.len() > KEYS_MAX {
            places.pop_first();
        }
    }

    fn places(&self) -> MutexGuard<'_, BTreeSet<[u8; 32]>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a refusal is to be written down; then with how many before it that were not.
    pub(super) fn written(&self, ClientAddress(address): ClientAddress, refused: Refused<'_>) -> Option<u64> {
        let written = match refused {
            Refused::Token(_) => &self.written_tokens,
            Refused::SignIn(_) => &self.written_sign_ins,
        };
        if written.take(network(address)) {
            return Some(self.take_unwritten());
        }
        self.not_written(1);
        None
    }

    /// Counts refusals that aren't written down, or couldn't be: what is written next tells of them.
    pub(super) fn not_written(&self, refusals: u64) {
        self.unwritten.fetch_add(refusals, Ordering::Relaxed);
    }

    /// How many weren't written down since this was asked for; whoever asks tells of them, or gives them back.
    pub(super) fn take_unwritten(&self) -> u64 {
        self.unwritten.swap(0, Ordering::Relaxed)
    }
}

/// An account as people type its name.
fn account_key(account: &str) -> [u8; 32] {
    *blake3::hash(ods_store::folded_name(account).as_bytes()).as_bytes()
}

/// An account at a caller's.
fn place_of(account: &str, address: IpAddr) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&account_key(account)).update(network(address).to_string().as_bytes());
    *hasher.finalize().as_bytes()
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
        for _ in 0..20 {
            assert_eq!(attempts.failed(address("192.0.2.1")), Verdict::Tolerated);
        }
        let verdict = attempts.failed(address("192.0.2.1"));
        assert!(matches!(verdict, Verdict::TooMany { of: Share::Address, retry_after_s: 1..=4 }), "{verdict:?}");
        assert_eq!(attempts.failed(address("192.0.2.2")), Verdict::Tolerated);
    }

    #[test]
    fn an_account_is_guarded_against_many_addresses_and_an_address_against_many_accounts() {
        let attempts = Attempts::new();
        let tolerated = |verdict| verdict == Verdict::Tolerated;
        let by_account =
            (0..100).filter(|number| tolerated(attempts.tries("Ada", address(&format!("192.0.2.{number}"))))).count();
        assert_eq!(by_account, 10);
        assert!(!tolerated(attempts.tries(" aDA", address("198.51.100.1"))), "the same account to people");
        let by_address = (0..100)
            .filter(|number| tolerated(attempts.tries(&format!("user {number}"), address("203.0.113.1"))))
            .count();
        assert_eq!(by_address, 20);
        assert!(tolerated(attempts.tries("someone", address("203.0.113.2"))));
    }

    #[test]
    fn an_account_goes_on_where_it_signed_in_whoever_guesses_elsewhere_or_there() {
        let (attempts, home) = (Attempts::new(), address("192.0.2.1"));
        attempts.signed_in("ada", home);
        let of = |verdict| match verdict {
            Verdict::TooMany { of, .. } => Some(of),
            Verdict::Tolerated => None,
        };
        for number in 0..20 {
            attempts.tries("ada", address(&format!("198.51.100.{number}")));
            attempts.tries(&format!("user {number}"), home);
        }
        assert_eq!(of(attempts.tries("ada", address("203.0.113.1"))), Some(Share::Account));
        assert_eq!(of(attempts.tries("eve", home)), Some(Share::Address));
        for _ in 0..10 {
            assert_eq!(attempts.tries(" ADA", home), Verdict::Tolerated);
        }
        assert_eq!(of(attempts.tries("ada", home)), Some(Share::Account), "there it is bounded as well");
        for number in 0..u32::try_from(KEYS_MAX).expect("small") + 5 {
            attempts.signed_in("eve", ClientAddress(IpAddr::V4(number.into())));
        }
        assert_eq!(attempts.places().len(), KEYS_MAX);
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
        let mut written = 0;
        for number in 0..u32::try_from(KEYS_MAX).expect("small") + 500 {
            let from = ClientAddress(IpAddr::V4(number.into()));
            attempts.failed(from);
            written += u32::from(attempts.written(from, Refused::Token("")).is_some());
        }
        assert!(attempts.wrong.keys.len() <= KEYS_MAX + 1, "{} addresses", attempts.wrong.keys.len());
        assert!((50..60).contains(&written), "{written} records");
        assert_eq!(
            attempts.unwritten.load(Ordering::Relaxed),
            u64::try_from(KEYS_MAX).expect("small") + 500 - u64::from(written)
        );
        let sign_in = attempts.written(address("2001:db8::1"), Refused::SignIn(""));
        assert!(sign_in.is_some_and(|unwritten| unwritten > 0), "tokens leave room for sign-ins: {sign_in:?}");
    }

    #[test]
    fn the_journal_has_room_for_others_whoever_floods_from_one_network() {
        let attempts = Attempts::new();
        let of_flood = |number: u16| attempts.written(address(&format!("2001:db8::{number:x}")), Refused::SignIn(""));
        assert_eq!((0..1000).filter_map(of_flood).collect::<Vec<_>>(), [0; 5]);
        assert_eq!(
            attempts.written(address("192.0.2.1"), Refused::SignIn("")),
            Some(995),
            "it tells of those left out"
        );
        assert_eq!(attempts.written(address("2001:db8:0:1::1"), Refused::SignIn("")), Some(0));
    }

    #[test]
    fn what_is_not_written_for_others_sakes_costs_an_address_nothing_of_its_own() {
        let (attempts, late) = (Attempts::new(), address("203.0.113.1"));
        for number in 0..50_u8 {
            attempts.written(address(&format!("192.0.2.{number}")), Refused::Token(""));
        }
        for _ in 0..10 {
            assert_eq!(attempts.written(late, Refused::Token("")), None, "there is no room for anybody");
        }
        assert!(attempts.written_tokens.by_address.take(&network(late.0)).is_ok(), "its own share is whole");
    }
}
