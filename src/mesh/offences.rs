//! Calls that no honest node makes, and when to tell an admin of them. Pure: the surface says what it refused, and journals
//! what comes back.
//!
//! Some refusals are everyday: a nonce that has just been replaced, a node that isn't known here yet. So each kind has
//! a number within a minute that no honest node reaches. What reaches it is told once, and again after
//! [`OFFENCE_AGAIN_MS`] if it goes on.
//!
//! Invariants:
//! - A call with a member's good signature is that member's, wherever it came from; any other is its address's (of IPv6
//!   the /64, which one machine has to itself). Nobody can have another one accused.
//! - At most one alarm for each place and kind, and [`OFFENCE_ALARMS_MAX`] of all together, in [`OFFENCE_AGAIN_MS`].
//! - Memory is bounded: beyond [`OFFENDERS_MAX`] places and kinds, further ones are counted together.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use ods_store::NodeId;

use super::limits::{OFFENCE_AGAIN_MS, OFFENCE_ALARMS_MAX, OFFENCE_WINDOW_MS, OFFENDERS_MAX};
use super::moment::Moment;

/// The code of an event that every honest node would have refused, wherever it came in.
pub(super) const BAD_EVENT: &str = "bad_event";

/// Whom a call is put down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Whoever has this member's key.
    Node(NodeId),
    /// Whoever calls from this address.
    Address(IpAddr),
    /// Nobody in particular.
    Somebody,
}

impl Place {
    /// An address, or the network that one machine has.
    pub(super) fn address(ip: Option<IpAddr>) -> Self {
        match ip.map(|ip| ip.to_canonical()) {
            Some(IpAddr::V6(ip)) => Self::Address(IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64))),
            Some(ip) => Self::Address(ip),
            None => Self::Somebody,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(f, "node {node}"),
            Self::Address(IpAddr::V6(network)) => write!(f, "a caller in {network}/64"),
            Self::Address(ip) => write!(f, "a caller at {ip}"),
            Self::Somebody => f.write_str("somebody"),
        }
    }
}

/// How often within a minute is too often, and what it is; `None` for what may happen to anybody at any rate.
fn meaning(code: &str) -> Option<(u32, &'static str)> {
    let known = match code {
        "unsigned" => (3, "calls without a signature"),
        "bad_signature" => (3, "calls whose signature is wrong"),
        "digest_mismatch" => (3, "calls with another body than was signed"),
        "malformed" => (3, "calls that make no sense"),
        "body_too_large" => (3, "calls with a body that is too large"),
        "replayed" => (3, "calls that were made before"),
        "wrong_node" => (30, "calls that are for another node"),
        "stale_nonce" => (60, "calls with a nonce that is too old or was never issued"),
        "not_a_member" => (60, "calls with a key that this mesh doesn't know"),
        BAD_EVENT => (1, "events that are malformed or whose signature is wrong, or passes them on"),
        "body_too_slow" => (10, "calls whose body doesn't come"),
        "busy" => (1, "more calls than it may at once or within a minute"),
        "links" => (60, "links, one after the other"),
        _ => return None,
    };
    Some(known)
}

#[derive(Debug, Default)]
struct Seen {
    /// Since when they are counted.
    since: Moment,
    count: u32,
    told_at: Option<Moment>,
}

/// What was refused lately, and of what was told.
#[derive(Debug, Default)]
pub(super) struct Offences {
    seen: BTreeMap<(Place, &'static str), Seen>,
    /// Alarms since then.
    told_since: Moment,
    told: u32,
}

impl Offences {
    /// A call was refused with this code; what an admin is to be told, if that is due.
    pub(super) fn note(&mut self, place: Place, code: &'static str, now: Moment) -> Option<String> {
        let (too_often, what) = meaning(code)?;
        // Strangers share what they have: the one that is told to wait is not the one that took it.
        if code == "busy" && !matches!(place, Place::Node(_)) {
            return None;
        }
        let place = self.room_for(place, code, now);
        let seen = self.seen.entry((place, code)).or_insert(Seen { since: now, ..Seen::default() });
        if now.ms_since(seen.since) >= OFFENCE_WINDOW_MS {
            (seen.since, seen.count) = (now, 0);
        }
        seen.count = seen.count.saturating_add(1);
        let told_lately = seen.told_at.is_some_and(|told| now.ms_since(told) < OFFENCE_AGAIN_MS);
        if seen.count < too_often || told_lately {
            return None;
        }
        if now.ms_since(self.told_since) >= OFFENCE_AGAIN_MS {
            (self.told_since, self.told) = (now, 0);
        }
        if self.told >= OFFENCE_ALARMS_MAX {
            return None;
        }
        (seen.told_at, self.told) = (Some(now), self.told + 1);
        let hours = OFFENCE_AGAIN_MS / 3_600_000;
        let more =
            if self.told == OFFENCE_ALARMS_MAX { "; of others like it nothing is told in this time" } else { "" };
        Some(format!(
            "{place} makes {what} ({code}): {} within a minute so far. They are refused, and are told of again in {hours} h at \
             the earliest{more}",
            seen.count
        ))
    }

    /// The place itself if it is known or there is room for another; else all that there is no room for.
    fn room_for(&mut self, place: Place, code: &'static str, now: Moment) -> Place {
        if self.seen.len() < OFFENDERS_MAX || self.seen.contains_key(&(place, code)) {
            return place;
        }
        let matters = |seen: &Seen| {
            now.ms_since(seen.since) < OFFENCE_WINDOW_MS
                || seen.told_at.is_some_and(|told| now.ms_since(told) < OFFENCE_AGAIN_MS)
        };
        self.seen.retain(|_, seen| matters(seen));
        if self.seen.len() < OFFENDERS_MAX { place } else { Place::Somebody }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::new(ms)
    }

    fn from(number: u32) -> Place {
        Place::address(Some(IpAddr::V4(number.into())))
    }

    fn times(offences: &mut Offences, count: usize, place: Place, code: &'static str, now: Moment) -> Vec<String> {
        (0..count).filter_map(|_| offences.note(place, code, now)).collect()
    }

    #[test]
    fn what_may_happen_to_anybody_is_not_told_until_it_happens_too_often() {
        let mut offences = Offences::default();
        for minute in 0..600 {
            let now = at(minute * 60_000);
            assert_eq!(times(&mut offences, 59, from(1), "stale_nonce", now), [] as [&str; 0]);
            assert_eq!(times(&mut offences, 2, from(1), "bad_signature", now), [] as [&str; 0]);
            assert_eq!(times(&mut offences, 1000, from(1), "invite_used", now), [] as [&str; 0]);
        }
        let told = times(&mut offences, 100, from(1), "stale_nonce", at(1));
        assert!(matches!(told.as_slice(), [one] if one.contains("0.0.0.1") && one.contains("stale_nonce")), "{told:?}");
    }

    #[test]
    fn each_place_and_kind_is_told_once_and_again_much_later() {
        let mut offences = Offences::default();
        let node = Place::Node(NodeId::from_bytes([7; 32]));
        for (place, code) in
            [(from(1), "bad_signature"), (from(2), "bad_signature"), (from(1), "replayed"), (node, "busy")]
        {
            for second in 0..100 {
                let told = times(&mut offences, 50, place, code, at(second * 1000));
                assert_eq!(told.len(), usize::from(second == 0), "{place} {code} {second}");
            }
        }
        assert_eq!(times(&mut offences, 50, node, "busy", at(OFFENCE_AGAIN_MS)).len(), 1);
    }

    #[test]
    fn a_flood_from_everywhere_costs_no_memory_and_few_alarms() {
        let mut offences = Offences::default();
        let mut told = Vec::new();
        for number in 0..100_000 {
            told.extend(times(&mut offences, 3, from(number), "bad_signature", at(u64::from(number))));
            assert!(offences.seen.len() <= OFFENDERS_MAX + 1);
        }
        // A few minutes pass on the way, but not an hour.
        assert_eq!(told.len(), OFFENCE_ALARMS_MAX as usize);
        assert!(told.last().is_some_and(|last| last.contains("nothing is told")), "{told:?}");
    }

    #[test]
    fn one_machine_has_a_whole_network_of_ipv6_addresses() {
        let of = |text: &str| Place::address(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8:1:2::3"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::3"), of("2001:db8:1:3::3"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_eq!(of("2001:db8:1:2::3").to_string(), "a caller in 2001:db8:1:2::/64");
    }
}
