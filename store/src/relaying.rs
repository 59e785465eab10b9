//! Blobs that peers ask for and that this node doesn't keep: it may be their only way to them, so what they go on lacking is
//! fetched for them, passed on while it arrives, and stays until they have it.
//!
//! Invariants:
//! - A peer that gets the bytes elsewhere costs this node nothing: it fetches only what was asked for again and again over
//!   [`RELAY_AFTER_MS`], by a peer whose own state wants it.
//! - On a node with a limit of bytes, what is fetched for peers and wasn't passed on yet is at most a [`RELAY_SHARE`]th of that, and half
//!   of this for one peer: so a peer that asks for everything, for ever, fills no disk and keeps no other peer from its bytes. Who
//!   waits for nothing else gets a blob of any size. What was passed on isn't asked for any more, and makes room in a minute.
//! - Everything here is in memory and bounded; what is forgotten is asked for again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::digest::{Digest, NodeId};
use crate::limits::{RELAY_AFTER_MS, RELAY_FORGET_MS, RELAY_SHARE, RELAYS_MAX};
use crate::time::UnixMillis;

/// What peers ask for.
#[derive(Debug, Default)]
pub(crate) struct Relays(Mutex<BTreeMap<Digest, Asked>>);

#[derive(Debug, Clone, Copy)]
struct Asked {
    first: UnixMillis,
    last: UnixMillis,
    /// For whom it is fetched, and its size, once it is.
    taken_on: Option<(NodeId, u64)>,
}

impl Asked {
    /// Whether somebody asked lately. A clock that went back makes it so no more.
    fn is_fresh(self, now: UnixMillis) -> bool {
        self.last <= now && now.ms_since(self.last) < RELAY_FORGET_MS
    }
}

impl Relays {
    /// A peer asks for a blob; tells whether that has gone on for so long that it is to be fetched for it.
    pub(crate) fn ask(&self, blob: &Digest, now: UnixMillis) -> bool {
        let mut all = self.all();
        if all.len() >= RELAYS_MAX && !all.contains_key(blob) {
            all.retain(|_, asked| asked.is_fresh(now));
            if all.len() >= RELAYS_MAX {
                return false;
            }
        }
        let asked = all.entry(*blob).or_insert(Asked { first: now, last: now, taken_on: None });
        if !asked.is_fresh(now) {
            (asked.first, asked.taken_on) = (now, None);
        }
        asked.last = now;
        now.ms_since(asked.first) >= RELAY_AFTER_MS
    }

    /// Whether a blob that was asked for may be fetched for `peer` on a node that keeps up to `bytes_max`; if so, it counts.
    pub(crate) fn take_on(&self, blob: &Digest, size: u64, peer: NodeId, bytes_max: u64, now: UnixMillis) -> bool {
        let mut all = self.all();
        let (mut total, mut of_peer) = (0u64, 0u64);
        for (_, asked) in all.iter().filter(|(other, asked)| *other != blob && asked.is_fresh(now)) {
            let Some((node, bytes)) = asked.taken_on else { continue };
            total = total.saturating_add(bytes);
            of_peer = of_peer.saturating_add(if node == peer { bytes } else { 0 });
        }
        let fits = |taken: u64, max: u64| taken == 0 || taken.saturating_add(size) <= max;
        let share = bytes_max / RELAY_SHARE;
        if !fits(total, share) || !fits(of_peer, share / 2) {
            return false;
        }
        if let Some(asked) = all.get_mut(blob) {
            asked.taken_on = Some((peer, size));
        }
        true
    }

    /// A peer asks for a blob that is here.
    pub(crate) fn serve(&self, blob: &Digest, now: UnixMillis) {
        if let Some(asked) = self.all().get_mut(blob) {
            asked.last = now;
        }
    }

    /// Whether a peer asked for a blob lately that wasn't here then.
    pub(crate) fn has(&self, blob: &Digest, now: UnixMillis) -> bool {
        self.all().get(blob).is_some_and(|asked| asked.is_fresh(now))
    }

    /// Whether a blob was fetched for a peer that hasn't got it yet.
    pub(crate) fn is_taken_on(&self, blob: &Digest, now: UnixMillis) -> bool {
        self.all().get(blob).is_some_and(|asked| asked.is_fresh(now) && asked.taken_on.is_some())
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Digest, Asked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> UnixMillis {
        UnixMillis::new(1_000_000 + ms)
    }

    #[test]
    fn only_what_is_asked_for_again_and_again_is_fetched() {
        let (relays, blob) = (Relays::default(), Digest::of(b"x"));
        assert!(!relays.has(&blob, at(0)));
        assert!(!relays.ask(&blob, at(0)) && !relays.ask(&blob, at(RELAY_AFTER_MS - 1)));
        assert!(relays.ask(&blob, at(RELAY_AFTER_MS)) && relays.has(&blob, at(RELAY_AFTER_MS)));
        let later = RELAY_AFTER_MS + RELAY_FORGET_MS;
        assert!(!relays.has(&blob, at(later)) && !relays.ask(&blob, at(later)), "it begins anew");
        assert!(!relays.ask(&blob, UnixMillis::new(5)), "the clock went back");
        relays.serve(&Digest::of(b"never asked for"), at(0));
        assert!(!relays.has(&Digest::of(b"never asked for"), at(0)));
    }

    #[test]
    fn bytes_that_were_not_passed_on_yet_are_bounded_for_each_peer_and_for_all() {
        let relays = Relays::default();
        let (greedy, modest, third) =
            (NodeId::from_bytes([1; 32]), NodeId::from_bytes([2; 32]), NodeId::from_bytes([3; 32]));
        let (max, blob) = (100 * RELAY_SHARE, |number: u64| Digest::of(&number.to_le_bytes()));
        let take = |number: u64, size: u64, peer: NodeId, now: u64| {
            relays.ask(&blob(number), at(now));
            relays.take_on(&blob(number), size, peer, max, at(now))
        };
        let taken: Vec<u64> = (0..10).filter(|number| take(*number, 20, greedy, 0)).collect();
        assert_eq!(taken, [0, 1], "50 for one peer");
        assert!(take(0, 20, greedy, 1), "what was taken on stays");
        assert!(take(20, 50, modest, 1));
        assert!(!take(21, 11, third, 1) && take(22, 10, third, 1), "100 for all");
        for now in (0..RELAY_FORGET_MS + 2).step_by(1000) {
            take(20, 50, modest, now);
        }
        let later = RELAY_FORGET_MS + 1;
        assert!(take(30, 40, greedy, later), "what isn't asked for any more was passed on");
        assert!(!take(31, 20, greedy, later));
        let alone = Relays::default();
        alone.ask(&blob(1), at(0));
        assert!(
            alone.take_on(&blob(1), 1 << 40, greedy, 0, at(0)),
            "who waits for nothing else gets a blob of any size"
        );
    }

    #[test]
    fn it_is_bounded() {
        let relays = Relays::default();
        for number in 0..RELAYS_MAX + 5 {
            relays.ask(&Digest::of(&number.to_le_bytes()), at(0));
        }
        assert_eq!(relays.all().len(), RELAYS_MAX);
        relays.ask(&Digest::of(b"x"), at(RELAY_FORGET_MS));
        assert_eq!(relays.all().len(), 1);
    }
}
