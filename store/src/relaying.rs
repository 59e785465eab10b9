//! Blobs that peers ask for and that this node doesn't keep: it may be their only way to them, so what they go on lacking is
//! fetched for them, passed on while it arrives, and stays until they have it.
//!
//! Invariants:
//! - A peer that gets the bytes elsewhere costs this node nothing: it fetches only what was asked for again and again over
//!   [`RELAY_AFTER_MS`], by a peer whose own state wants it.
//! - On a node with a limit of bytes, what is fetched for peers and wasn't passed on yet is at most a [`RELAY_SHARE`]th
//!   of that, and half of this for one peer: so a peer that asks for everything, for ever, fills no disk and keeps no
//!   other peer from its bytes. Who waits for nothing else gets a blob of any size. What was passed on makes room as
//!   soon as all who asked for it say in their states that they want it no more; from those who say nothing, in a
//!   minute, as it isn't asked for any more.
//! - What is fetched for a peer and doesn't come (it may be lost, or its holder away for weeks) has a turn:
//!   [`RELAY_TURN_MS`], and, once it may be on its way, as long as the slowest line needs for a first piece
//!   ([`Relays::is_overdue`]). Then it gives way to what others wait for, and rests for [`RELAY_REST_MS`]. A client
//!   that asks for it begins its turn anew. What no peer wants any more gives way sooner ([`RELAY_UNASKED_MS`]): so
//!   nodes that stand in a row, and have few places, give theirs to the same blobs.
//! - Who was refused a place has the next one that is large enough, as long as it goes on asking: the peer that was
//!   given none for the longest time, and of its blobs those first that had no turn yet, in the order of asking; what
//!   rested is behind those that asked meanwhile. So what can come waits for one turn of each that can't, and no
//!   longer; and of a peer that asks for much for one turn.
//! - Everything here is in memory and bounded; what is forgotten is asked for again. When there is no room, who asks
//!   for the most gives way: so a peer that asks for everything keeps no other from asking.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::digest::{Digest, NodeId};
use crate::limits::{
    RELAY_AFTER_MS, RELAY_FORGET_MS, RELAY_LEAST_BYTES_PER_MS, RELAY_REST_MS, RELAY_SHARE, RELAY_TURN_MS,
    RELAY_UNASKED_MS, RELAY_WAITING_MAX, RELAYS_MAX,
};
use crate::outline::PIECE_BYTES;
use crate::time::UnixMillis;

/// What peers ask for.
#[derive(Debug, Default)]
pub(crate) struct Relays(Mutex<BTreeMap<Digest, Asked>>);

#[derive(Debug, Clone)]
struct Asked {
    /// Who asked first.
    by: NodeId,
    first: UnixMillis,
    last: UnixMillis,
    waiting: Waiting,
    /// When it was given a place, the last time, and for whom.
    turned: Option<(NodeId, UnixMillis)>,
    place: Place,
}

/// Peers that asked and haven't said since that they want it no more.
#[derive(Debug, Clone, Default)]
struct Waiting {
    known: BTreeSet<NodeId>,
    /// There are some beyond those.
    more: bool,
}

impl Waiting {
    fn note(&mut self, peer: &NodeId) {
        if self.known.len() < RELAY_WAITING_MAX {
            self.known.insert(*peer);
        } else {
            self.more |= !self.known.contains(peer);
        }
    }

    fn is_empty(&self) -> bool {
        self.known.is_empty() && !self.more
    }
}

/// Whether a blob is fetched for a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nobody has asked for long enough.
    None,
    /// There was no room for it when somebody last asked.
    Refused { peer: NodeId, size: u64, at: UnixMillis },
    /// It is, and its turn began then.
    Taken { peer: NodeId, size: u64, turn: UnixMillis },
    /// It came, and all who waited for it have it.
    PassedOn { size: u64 },
}

impl Asked {
    const fn new(by: NodeId, now: UnixMillis) -> Self {
        let waiting = Waiting { known: BTreeSet::new(), more: false };
        Self { by, first: now, last: now, waiting, turned: None, place: Place::None }
    }

    /// A peer asks for it.
    fn note(&mut self, peer: &NodeId, now: UnixMillis) {
        if !self.is_fresh(now) {
            self.waiting = Waiting::default();
        }
        self.waiting.note(peer);
        self.last = now;
    }

    /// Whether somebody asked lately. A clock that went back makes it so no more.
    fn is_fresh(&self, now: UnixMillis) -> bool {
        self.last <= now && now.ms_since(self.last) < RELAY_FORGET_MS
    }

    /// For whom it waits for a place, and its size.
    fn waits(&self, now: UnixMillis) -> Option<(NodeId, u64)> {
        match self.place {
            Place::Refused { peer, size, at } => {
                (at <= now && now.ms_since(at) < RELAY_REST_MS).then_some((peer, size))
            }
            Place::None | Place::Taken { .. } | Place::PassedOn { .. } => None,
        }
    }

    /// Whether its turn is over. A fetch of several pieces begins when somebody has some; of one that didn't, nothing
    /// is on its way.
    fn is_overdue(&self, begun: bool, now: UnixMillis) -> bool {
        let Place::Taken { size, turn, .. } = self.place else { return false };
        if self.waiting.is_empty() && !begun {
            return now < turn || now.ms_since(turn) >= RELAY_UNASKED_MS;
        }
        let comes = begun || size <= PIECE_BYTES;
        let first_piece_ms = if comes { size.min(PIECE_BYTES) / RELAY_LEAST_BYTES_PER_MS } else { 0 };
        now < turn || now.ms_since(turn) >= RELAY_TURN_MS + first_piece_ms
    }
}

/// The bytes fetched for peers and not passed on yet.
struct Room {
    share: u64,
    total: u64,
    of_peers: BTreeMap<NodeId, u64>,
}

impl Room {
    /// What is taken on a node that keeps up to `bytes_max`, without `blob` itself.
    fn beside(blob: &Digest, all: &BTreeMap<Digest, Asked>, bytes_max: u64, now: UnixMillis) -> Self {
        let mut room = Self { share: bytes_max / RELAY_SHARE, total: 0, of_peers: BTreeMap::new() };
        for (_, asked) in all.iter().filter(|(other, asked)| *other != blob && asked.is_fresh(now)) {
            let Place::Taken { peer, size, .. } = asked.place else { continue };
            room.total = room.total.saturating_add(size);
            let of_peer = room.of_peers.entry(peer).or_default();
            *of_peer = of_peer.saturating_add(size);
        }
        room
    }

    fn has(&self, peer: &NodeId, size: u64) -> bool {
        let of_peer = self.of_peers.get(peer).copied().unwrap_or(0);
        let fits = |taken: u64, max: u64| taken == 0 || taken.saturating_add(size) <= max;
        fits(self.total, self.share) && fits(of_peer, self.share / 2)
    }
}

impl Relays {
    /// A peer asks for a blob; tells whether that has gone on for so long that it is to be fetched for it.
    pub(crate) fn ask(&self, blob: &Digest, peer: &NodeId, now: UnixMillis) -> bool {
        let mut all = self.all();
        if all.len() >= RELAYS_MAX && !all.contains_key(blob) && !make_room(&mut all, peer, now) {
            return false;
        }
        let asked = all.entry(*blob).or_insert(Asked::new(*peer, now));
        if !asked.is_fresh(now) {
            *asked = Asked::new(*peer, now);
        }
        asked.note(peer, now);
        now.ms_since(asked.first) >= RELAY_AFTER_MS
    }

    /// Whether a blob that was asked for may be fetched for `peer` on a node that keeps up to `bytes_max`; if so, it counts.
    pub(crate) fn take_on(&self, blob: &Digest, size: u64, peer: NodeId, bytes_max: u64, now: UnixMillis) -> bool {
        let mut all = self.all();
        let Some(asked) = all.get(blob) else { return false };
        if let Place::Taken { .. } = asked.place {
            return true;
        }
        let (room, turns) = (Room::beside(blob, &all, bytes_max, now), turns(&all));
        let rank = |blob, asked: &Asked, peer| (turns.get(&peer).copied(), asked.turned.is_some(), asked.first, blob);
        let own = rank(*blob, asked, peer);
        let goes_first = |(other, asked): (&Digest, &Asked)| {
            let waits = asked.waits(now).filter(|(peer, size)| other != blob && room.has(peer, *size));
            waits.is_some_and(|(peer, _)| rank(*other, asked, peer) < own)
        };
        let has_room = room.has(&peer, size) && !all.iter().any(goes_first);
        let place =
            if has_room { Place::Taken { peer, size, turn: now } } else { Place::Refused { peer, size, at: now } };
        if let Some(asked) = all.get_mut(blob) {
            asked.place = place;
            if has_room {
                asked.turned = Some((peer, now));
            }
        }
        has_room
    }

    /// A blob that was taken on can't be fetched now after all: others have its place, and it waits for one.
    pub(crate) fn give_back(&self, blob: &Digest, now: UnixMillis) {
        if let Some(asked) = self.all().get_mut(blob)
            && let Place::Taken { peer, size, .. } = asked.place
        {
            (asked.place, asked.turned) = (Place::Refused { peer, size, at: now }, None);
        }
    }

    /// What was taken on and whose turn is over, unless its fetch has begun: it may still be coming.
    pub(crate) fn overdue(&self, now: UnixMillis) -> Vec<Digest> {
        let all = self.all();
        all.iter().filter(|(_, asked)| asked.is_overdue(false, now)).map(|(blob, _)| *blob).collect()
    }

    /// Whether the turn of a blob that was taken on is over, whose fetch has begun or not.
    pub(crate) fn is_overdue(&self, blob: &Digest, begun: bool, now: UnixMillis) -> bool {
        self.all().get(blob).is_some_and(|asked| asked.is_overdue(begun, now))
    }

    /// A peer says what it wants: it waits for nothing else.
    pub(crate) fn heard(&self, node: &NodeId, wants: impl Fn(&Digest) -> bool) {
        for (blob, asked) in self.all().iter_mut() {
            if !asked.waiting.known.contains(node) || wants(blob) {
                continue;
            }
            asked.waiting.known.remove(node);
            if matches!(asked.place, Place::Refused { peer, .. } if peer == *node) {
                asked.place = Place::None;
            }
        }
    }

    /// What has a place, and nobody waits for.
    pub(crate) fn unasked(&self) -> Vec<Digest> {
        let all = self.all();
        let unasked = |asked: &Asked| matches!(asked.place, Place::Taken { .. }) && asked.waiting.is_empty();
        all.iter().filter(|(_, asked)| unasked(asked)).map(|(blob, _)| *blob).collect()
    }

    /// A blob is here: unless somebody waits for it, it has no place any more. Tells whether it had one.
    pub(crate) fn passed_on(&self, blob: &Digest) -> bool {
        if let Some(asked) = self.all().get_mut(blob)
            && let Place::Taken { size, .. } = asked.place
            && asked.waiting.is_empty()
        {
            asked.place = Place::PassedOn { size };
            return true;
        }
        false
    }

    /// A client asks for a blob: its turn begins anew.
    pub(crate) fn client_asks(&self, blob: &Digest, now: UnixMillis) {
        if let Some(asked) = self.all().get_mut(blob)
            && let Place::Taken { turn, .. } = &mut asked.place
        {
            *turn = now;
        }
    }

    /// A peer asks for a blob that is here, or on its way.
    pub(crate) fn serve(&self, blob: &Digest, peer: &NodeId, now: UnixMillis) {
        if let Some(asked) = self.all().get_mut(blob) {
            asked.note(peer, now);
            if let Place::PassedOn { size } = asked.place {
                asked.place = Place::Taken { peer: *peer, size, turn: now };
            }
        }
    }

    /// A blob isn't fetched any more, since nothing of it came.
    pub(crate) fn rest(&self, blob: &Digest, now: UnixMillis) {
        if let Some(asked) = self.all().get_mut(blob) {
            asked.first = now.plus_ms(RELAY_REST_MS - RELAY_AFTER_MS);
            (asked.last, asked.place) = (now, Place::None);
        }
    }

    /// Whether a blob was fetched for a peer that hasn't got it yet.
    pub(crate) fn is_taken_on(&self, blob: &Digest, now: UnixMillis) -> bool {
        let is_taken = |asked: &Asked| asked.is_fresh(now) && matches!(asked.place, Place::Taken { .. });
        self.all().get(blob).is_some_and(is_taken)
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Digest, Asked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When each peer was last given a place.
fn turns(all: &BTreeMap<Digest, Asked>) -> BTreeMap<NodeId, UnixMillis> {
    let mut turns: BTreeMap<NodeId, UnixMillis> = BTreeMap::new();
    for (peer, at) in all.values().filter_map(|asked| asked.turned) {
        let last = turns.entry(peer).or_insert(at);
        *last = at.max(*last);
    }
    turns
}

/// Forgets what nobody asks for any more; without any of that, one that who asks for the most asked for last, if `peer`
/// asks for less.
fn make_room(all: &mut BTreeMap<Digest, Asked>, peer: &NodeId, now: UnixMillis) -> bool {
    all.retain(|_, asked| asked.is_fresh(now));
    if all.len() < RELAYS_MAX {
        return true;
    }
    let mut counts: BTreeMap<NodeId, usize> = BTreeMap::new();
    for asked in all.values() {
        *counts.entry(asked.by).or_default() += 1;
    }
    let own = counts.get(peer).copied().unwrap_or(0);
    let Some((greediest, _)) = counts.into_iter().filter(|(_, count)| *count > own + 1).max_by_key(|(_, count)| *count)
    else {
        return false;
    };
    let of_it = all.iter().filter(|(_, asked)| asked.by == greediest && !matches!(asked.place, Place::Taken { .. }));
    let Some(newest) = of_it.max_by_key(|(_, asked)| asked.first).map(|(blob, _)| *blob) else { return false };
    all.remove(&newest).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: NodeId = NodeId::from_bytes([9; 32]);

    const fn at(ms: u64) -> UnixMillis {
        UnixMillis::new(1_000_000 + ms)
    }

    #[test]
    fn only_what_is_asked_for_again_and_again_is_fetched() {
        let (relays, blob) = (Relays::default(), Digest::of(b"x"));
        assert!(!relays.ask(&blob, &PEER, at(0)) && !relays.ask(&blob, &PEER, at(RELAY_AFTER_MS - 1)));
        assert!(relays.ask(&blob, &PEER, at(RELAY_AFTER_MS)));
        let later = RELAY_AFTER_MS + RELAY_FORGET_MS;
        assert!(!relays.ask(&blob, &PEER, at(later)), "it begins anew");
        assert!(!relays.ask(&blob, &PEER, UnixMillis::new(5)), "the clock went back");
        relays.serve(&Digest::of(b"never asked for"), &PEER, at(0));
        assert!(relays.all().len() == 1);
    }

    #[test]
    fn what_does_not_come_gives_way_for_as_long_as_it_takes_others_to_ask_again() {
        let (relays, lost, other) = (Relays::default(), Digest::of(b"lost"), Digest::of(b"other"));
        let due =
            |blob: &Digest, now: u64| relays.ask(blob, &PEER, at(now)) && relays.take_on(blob, 10, PEER, 0, at(now));
        assert!(!due(&lost, 0) && due(&lost, RELAY_AFTER_MS));
        assert!(!due(&other, RELAY_AFTER_MS) && !due(&other, 2 * RELAY_AFTER_MS), "there is room for one");
        let given_up = 3 * RELAY_AFTER_MS;
        relays.rest(&lost, at(given_up));
        assert!(!relays.is_taken_on(&lost, at(given_up)));
        assert!(!due(&lost, given_up + RELAY_REST_MS - 1));
        assert!(due(&other, given_up + RELAY_REST_MS - 1), "it has waited for longer");
        assert!(!due(&lost, given_up + RELAY_REST_MS), "there is room for one");
    }

    /// Blobs asked for again and again on a node with one place, each at times of its own, of which only the last can come; how
    /// long that waits for its place.
    fn wait_among_lost(lost: u64) -> u64 {
        let (relays, blob) = (Relays::default(), |number: u64| Digest::of(&number.to_le_bytes()));
        for now in 0..lost * 10 * RELAY_TURN_MS {
            for number in (0..=lost).filter(|number| (now + 777 * number) % (5000 + 3000 * number) == 0) {
                let due = relays.ask(&blob(number), &PEER, at(now)) && !relays.is_taken_on(&blob(number), at(now));
                if due && relays.take_on(&blob(number), 10, PEER, 0, at(now)) {
                    if number == lost {
                        return now;
                    }
                } else if due {
                    relays.overdue(at(now)).iter().for_each(|blob| relays.rest(blob, at(now)));
                }
            }
        }
        panic!("it never has its turn");
    }

    #[test]
    fn what_can_come_waits_for_one_turn_of_each_that_cannot() {
        for lost in 1..12 {
            let most = (lost + 1) * (RELAY_TURN_MS + 5000 + 3000 * lost);
            assert!(wait_among_lost(lost) <= most, "{lost} lost ones: {} ms", wait_among_lost(lost));
        }
    }

    /// Who has each turn on a node with one place, where nothing comes. Of a greedy peer's blobs the last one comes up
    /// late, behind so many that it asked for at once; a modest one asks for two a little later, numbered from 100 on.
    fn turns_of_two(greedy: u64) -> Vec<u64> {
        let (relays, modest) = (Relays::default(), NodeId::from_bytes([2; 32]));
        let (blob, mut turns) = (|number: u64| Digest::of(&number.to_le_bytes()), Vec::new());
        for now in (0..16 * RELAY_TURN_MS).step_by(1000) {
            let late = u64::from(now > 12 * RELAY_TURN_MS);
            let of_modest = if now < RELAY_AFTER_MS { 0 } else { 2 };
            let asked = (0..greedy + late).map(|number| (number, PEER));
            for (number, peer) in asked.chain((100..100 + of_modest).map(|number| (number, modest))) {
                let waits = relays.ask(&blob(number), &peer, at(now)) && !relays.is_taken_on(&blob(number), at(now));
                if waits && relays.take_on(&blob(number), 10, peer, 0, at(now)) {
                    turns.push(number);
                } else if waits {
                    relays.overdue(at(now)).iter().for_each(|blob| relays.rest(blob, at(now)));
                }
            }
        }
        turns
    }

    #[test]
    fn a_peer_that_asks_for_much_has_every_other_turn() {
        let turns = turns_of_two(50);
        assert!(turns.len() > 12 && turns[0] < 100, "{turns:?}");
        assert!(turns.windows(2).all(|two| (two[0] < 100) != (two[1] < 100)), "{turns:?}");
        let of_greedy: Vec<u64> = turns.into_iter().filter(|number| *number < 100).collect();
        assert_eq!(of_greedy.len(), of_greedy.iter().collect::<BTreeSet<_>>().len(), "{of_greedy:?}");
    }

    #[test]
    fn what_had_no_turn_goes_before_what_had_one_and_did_not_come() {
        let turns = turns_of_two(4);
        let of_greedy: Vec<u64> = turns.into_iter().filter(|number| *number < 100).collect();
        assert_eq!(of_greedy[..4].iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from([0, 1, 2, 3]));
        assert_eq!(of_greedy[4..6], of_greedy[..2], "in their order");
        assert!(of_greedy[6..8].contains(&4), "{of_greedy:?}");
    }

    #[test]
    fn what_came_makes_room_when_all_who_waited_say_that_they_have_it() {
        let (relays, one, other) = (Relays::default(), Digest::of(b"one"), Digest::of(b"other"));
        let second = NodeId::from_bytes([2; 32]);
        for blob in [&one, &other] {
            relays.ask(blob, &PEER, at(0));
        }
        assert!(relays.take_on(&one, 10, PEER, 0, at(1)) && !relays.take_on(&other, 10, PEER, 0, at(1)));
        relays.serve(&one, &second, at(2));
        relays.heard(&PEER, |blob| *blob == other);
        assert!(relays.unasked().is_empty() && !relays.passed_on(&one), "the second one waits for it");
        relays.heard(&second, |blob| *blob == one);
        assert!(relays.unasked().is_empty(), "it says so");
        relays.heard(&second, |_| false);
        assert_eq!(relays.unasked(), [one]);
        assert!(relays.passed_on(&one) && !relays.passed_on(&one) && !relays.is_taken_on(&one, at(3)));
        assert!(relays.take_on(&other, 10, PEER, 0, at(3)));
        relays.serve(&one, &second, at(4));
        assert!(relays.is_taken_on(&one, at(4)), "somebody gets it again");
    }

    #[test]
    fn what_nobody_waits_for_any_more_gives_way_sooner_and_keeps_no_place_in_line() {
        let (relays, one, other) = (Relays::default(), Digest::of(b"one"), Digest::of(b"other"));
        let second = NodeId::from_bytes([2; 32]);
        relays.ask(&one, &PEER, at(0));
        assert!(relays.take_on(&one, 1 << 40, PEER, 0, at(0)));
        relays.ask(&other, &PEER, at(0));
        assert!(!relays.take_on(&other, 10, PEER, 0, at(1)));
        relays.heard(&PEER, |_| false);
        assert!(relays.overdue(at(RELAY_UNASKED_MS - 1)).is_empty());
        assert_eq!(relays.overdue(at(RELAY_UNASKED_MS)), [one]);
        assert!(!relays.is_overdue(&one, true, at(RELAY_UNASKED_MS)), "it is coming");
        relays.client_asks(&one, at(RELAY_UNASKED_MS));
        assert!(relays.overdue(at(2 * RELAY_UNASKED_MS - 1)).is_empty());
        relays.rest(&one, at(2 * RELAY_UNASKED_MS));
        let third = Digest::of(b"third");
        relays.ask(&third, &second, at(2 * RELAY_UNASKED_MS));
        assert!(relays.take_on(&third, 10, second, 0, at(2 * RELAY_UNASKED_MS)), "the other waits no more");
    }

    #[test]
    fn of_too_many_peers_none_is_forgotten() {
        let (relays, blob) = (Relays::default(), Digest::of(b"x"));
        let peer = |number: usize| NodeId::from_bytes([u8::try_from(number).unwrap(); 32]);
        for number in 0..=RELAY_WAITING_MAX {
            relays.ask(&blob, &peer(number), at(0));
        }
        assert!(relays.take_on(&blob, 10, peer(0), 0, at(0)));
        (0..=RELAY_WAITING_MAX).for_each(|number| relays.heard(&peer(number), |_| false));
        assert!(relays.unasked().is_empty() && !relays.passed_on(&blob));
        relays.serve(&blob, &peer(0), at(RELAY_FORGET_MS));
        relays.heard(&peer(0), |_| false);
        assert_eq!(relays.unasked(), [blob], "it began anew");
    }

    #[test]
    fn a_turn_is_as_long_as_a_slow_line_needs_and_begins_anew_for_a_client() {
        let (relays, blob) = (Relays::default(), Digest::of(b"x"));
        relays.ask(&blob, &PEER, at(0));
        assert!(relays.take_on(&blob, 1 << 40, PEER, 0, at(0)));
        assert!(relays.overdue(at(RELAY_TURN_MS - 1)).is_empty());
        assert_eq!(relays.overdue(at(RELAY_TURN_MS)), [blob]);
        let turn = RELAY_TURN_MS + PIECE_BYTES / RELAY_LEAST_BYTES_PER_MS;
        assert!(!relays.is_overdue(&blob, true, at(turn - 1)));
        relays.client_asks(&blob, at(turn - 1));
        assert!(!relays.is_overdue(&blob, true, at(turn)));
        assert!(relays.is_overdue(&blob, true, at(2 * turn)));
        relays.rest(&blob, at(2 * turn));
        assert!(relays.overdue(at(9 * turn)).is_empty());
    }

    #[test]
    fn what_could_not_be_fetched_after_all_keeps_no_place() {
        let (relays, one, other) = (Relays::default(), Digest::of(b"one"), Digest::of(b"other"));
        for blob in [&one, &other] {
            relays.ask(blob, &PEER, at(0));
        }
        assert!(relays.take_on(&one, 10, PEER, 0, at(0)) && !relays.take_on(&other, 10, PEER, 0, at(1)));
        relays.give_back(&one, at(2));
        assert!(!relays.is_taken_on(&one, at(2)) && relays.overdue(at(RELAY_FORGET_MS)).is_empty());
        let (sooner, later) = if one < other { (one, other) } else { (other, one) };
        assert!(!relays.take_on(&later, 10, PEER, 0, at(3)), "the other one is before it");
        assert!(relays.take_on(&later, 10, PEER, 0, at(3 + RELAY_REST_MS)), "which asks no more");
        relays.give_back(&later, at(4 + RELAY_REST_MS));
        assert!(relays.take_on(&sooner, 10, PEER, 0, at(5 + RELAY_REST_MS)));
    }

    #[test]
    fn bytes_that_were_not_passed_on_yet_are_bounded_for_each_peer_and_for_all() {
        let relays = Relays::default();
        let (greedy, modest, third) =
            (NodeId::from_bytes([1; 32]), NodeId::from_bytes([2; 32]), NodeId::from_bytes([3; 32]));
        let (max, blob) = (100 * RELAY_SHARE, |number: u64| Digest::of(&number.to_le_bytes()));
        let take = |number: u64, size: u64, peer: NodeId, now: u64| {
            relays.ask(&blob(number), &peer, at(now));
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
        alone.ask(&blob(1), &greedy, at(0));
        assert!(
            alone.take_on(&blob(1), 1 << 40, greedy, 0, at(0)),
            "who waits for nothing else gets a blob of any size"
        );
    }

    #[test]
    fn it_is_bounded_and_who_asks_for_the_most_gives_way() {
        let (relays, modest) = (Relays::default(), NodeId::from_bytes([2; 32]));
        let blob = |number: usize| Digest::of(&number.to_le_bytes());
        for number in 0..RELAYS_MAX + 5 {
            relays.ask(&blob(number), &PEER, at(0));
        }
        assert_eq!(relays.all().len(), RELAYS_MAX);
        let has = |blob: &Digest| relays.all().contains_key(blob);
        assert!(!has(&blob(RELAYS_MAX)), "it asks for the most itself");
        let first = Digest::of(b"x");
        relays.ask(&first, &modest, at(1));
        assert!(has(&first) && has(&blob(0)), "what was asked for last made room");
        assert!(relays.ask(&first, &modest, at(1 + RELAY_AFTER_MS)));
        assert_eq!(relays.all().len(), RELAYS_MAX);
        relays.ask(&Digest::of(b"y"), &PEER, at(1 + RELAY_AFTER_MS + RELAY_FORGET_MS));
        assert_eq!(relays.all().len(), 1);
    }
}
