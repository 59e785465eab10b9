//! How many things of one kind are under way at once, of all callers together and of each.
//!
//! Invariant: a place is given back when what took it is dropped, however that ends; so nobody can keep others out for longer
//! than its own calls last.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::offences::Place;

/// A bounded number of places.
#[derive(Debug)]
pub(super) struct AtOnce {
    all_max: usize,
    each_max: usize,
    taken: Mutex<BTreeMap<Place, usize>>,
}

/// One of them, as long as it is kept.
#[derive(Debug)]
pub(super) struct Taken {
    of: Arc<AtOnce>,
    place: Place,
}

impl AtOnce {
    /// So many of all callers together, and of each.
    pub(super) fn new(all_max: usize, each_max: usize) -> Arc<Self> {
        Arc::new(Self { all_max, each_max, taken: Mutex::default() })
    }

    /// Takes one for whoever calls from `place`, if there is one left.
    pub(super) fn take(self: &Arc<Self>, place: Place) -> Option<Taken> {
        let mut taken = self.lock();
        let all: usize = taken.values().sum();
        let own = taken.get(&place).copied().unwrap_or(0);
        if all >= self.all_max || own >= self.each_max {
            return None;
        }
        taken.insert(place, own + 1);
        Some(Taken { of: Arc::clone(self), place })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut taken = self.of.lock();
        let left = taken.get(&self.place).map_or(0, |own| own - 1);
        if left == 0 {
            taken.remove(&self.place);
        } else {
            taken.insert(self.place, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn at(address: u8) -> Place {
        Place::address(Some(IpAddr::from([10, 0, 0, address])))
    }

    #[test]
    fn nobody_takes_more_than_its_own_and_what_ends_is_given_back() {
        let places = AtOnce::new(5, 2);
        let mut held: Vec<Taken> = [1, 1, 2, 2].into_iter().filter_map(|address| places.take(at(address))).collect();
        assert_eq!(held.len(), 4);
        assert!(places.take(at(1)).is_none(), "its own are taken");
        held.extend(places.take(at(3)));
        assert!(places.take(at(4)).is_none(), "all are");
        held.clear();
        assert!(places.lock().is_empty(), "and nothing is remembered");
    }
}
