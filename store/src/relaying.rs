//! Blobs that peers ask for and that this node doesn't keep: it may be their only way to them, so what they go on lacking is
//! fetched for them, passed on while it arrives, and stays until they have it.
//!
//! Invariants: a peer that gets the bytes elsewhere costs this node nothing: it fetches only what was asked for again and again
//! over [`RELAY_AFTER_MS`]. Everything here is in memory and bounded; what is forgotten is asked for again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::digest::Digest;
use crate::limits::{RELAY_AFTER_MS, RELAY_FORGET_MS, RELAYS_MAX};
use crate::time::UnixMillis;

/// What peers ask for.
#[derive(Debug, Default)]
pub(crate) struct Relays(Mutex<BTreeMap<Digest, Asked>>);

#[derive(Debug, Clone, Copy)]
struct Asked {
    first: UnixMillis,
    last: UnixMillis,
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
        let asked = all.entry(*blob).or_insert(Asked { first: now, last: now });
        if !asked.is_fresh(now) {
            asked.first = now;
        }
        asked.last = now;
        now.ms_since(asked.first) >= RELAY_AFTER_MS
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
