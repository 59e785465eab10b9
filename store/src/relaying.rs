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
//!   minute, as it isn't asked for any more. Who asks for it again after that gets it as long as it is here, and has it
//!   stay only if there is room, as for anything else: nobody keeps more of the node for himself by asking.
//! - What is fetched for a peer and doesn't come (it may be lost, or its holder away for weeks) has a turn:
//!   [`RELAY_TURN_MS`], and, once it may be on its way, as long as the slowest line needs for a first piece
//!   ([`Relays::is_overdue`]). Then it gives way to what others wait for, and rests for [`RELAY_REST_MS`]. A client
//!   that asks for it begins its turn anew. What no peer wants any more gives way sooner ([`RELAY_UNASKED_MS`]): so
//!   nodes that stand in a row, and have few places, give theirs to the same blobs.
//! - Who was refused a place has the next one that is large enough, beside what clients wait for too, as long as it
//!   goes on asking: the peer that was
//!   given none for the longest time, and of its blobs those first that had no turn yet, in the order of asking; what
//!   rested is behind those that asked meanwhile. So what can come waits for one turn of each that can't, and no
//!   longer; and of a peer that asks for much for one turn.
//! - Everything here is in memory and bounded; what is forgotten is asked for again. When there is no room, who asks
//!   for the most gives way: so a peer that asks for everything keeps no other from asking.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::digest::{Digest, NodeId};
use crate::error::Result;
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
    /// It came, and all who waited for it have it, or ask for it no more.
    PassedOn { size: u64 },
}

/// A blob that a peer asks for, for which there may be a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) blob: &'a Digest,
    pub(crate) size: u64,
    pub(crate) peer: NodeId,
    /// Whether it is here or wanted already, so that nothing more is fetched.
    pub(crate) is_here: bool,
    /// What this node keeps.
    pub(crate) bytes_max: u64,
}

impl Asked {
    const fn new(by: NodeId, now: UnixMillis) -> Self {
        let waiting = Waiting { known: BTreeSet::new(), more: false };
        Self { by, first: now, last: now, waiting, turned: None, place: Place::None }
    }

    /// A peer asks for it. What nobody asked for in the meantime has no place any more, and no peer that waits.
    fn note(&mut self, peer: &NodeId, now: UnixMillis) {
        if !self.is_fresh(now) {
            self.waiting = Waiting::default();
            if let Place::Taken { size, .. } = self.place {
                self.place = Place::PassedOn { size };
            }
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
    /// How large a further blob may be, for what else is being fetched; `None` if there may be none.
    spare: Option<u64>,
    total: u64,
    of_peers: BTreeMap<NodeId, u64>,
}

impl Room {
    /// What is taken, without the claimed blob itself.
    fn beside(claim: &Claim<'_>, all: &BTreeMap<Digest, Asked>, now: UnixMillis) -> Self {
        let share = claim.bytes_max / RELAY_SHARE;
        let mut room = Self { share, spare: Some(u64::MAX), total: 0, of_peers: BTreeMap::new() };
        for (_, asked) in all.iter().filter(|(other, asked)| *other != claim.blob && asked.is_fresh(now)) {
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

    fn has_to_fetch(&self, peer: &NodeId, size: u64) -> bool {
        self.spare.is_some_and(|spare| size <= spare) && self.has(peer, size)
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

    /// Whether a blob that was asked for may be fetched for a peer, or stay for it if it is here; if so, it counts.
    /// `spare` tells how large a blob may be for what else is being fetched (`None`: there may be no other), where that
    /// matters.
    pub(crate) fn take_on(
        &self,
        claim: &Claim<'_>,
        spare: impl FnOnce() -> Result<Option<u64>>,
        now: UnixMillis,
    ) -> Result<bool> {
        let (mut all, &Claim { blob, size, peer, is_here, .. }) = (self.all(), claim);
        let Some(asked) = all.get(blob) else { return Ok(false) };
        if let Place::Taken { .. } = asked.place {
            return Ok(true);
        }
        let mut room = Room::beside(claim, &all, now);
        let mut has_room = room.has(&peer, size);
        if has_room {
            room.spare = spare()?;
            has_room = (is_here || room.has_to_fetch(&peer, size)) && is_next(&all, claim, &room, now);
        }
        if let Some(asked) = all.get_mut(blob) {
            if has_room {
                (asked.place, asked.turned) = (Place::Taken { peer, size, turn: now }, Some((peer, now)));
            } else if !is_here {
                asked.place = Place::Refused { peer, size, at: now };
            }
        }
        Ok(has_room)
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

    /// A peer asks for a blob that is here, or on its way; tells its size if it was fetched for peers and has no place any
    /// more.
    pub(crate) fn serve(&self, blob: &Digest, peer: &NodeId, now: UnixMillis) -> Option<u64> {
        let mut all = self.all();
        let asked = all.get_mut(blob)?;
        asked.note(peer, now);
        if let Place::PassedOn { size } = asked.place { Some(size) } else { None }
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

/// Whether no other blob for which there is room goes before a claimed one.
fn is_next(all: &BTreeMap<Digest, Asked>, claim: &Claim<'_>, room: &Room, now: UnixMillis) -> bool {
    let turns = turns(all);
    let rank = |blob, asked: &Asked, peer| (turns.get(&peer).copied(), asked.turned.is_some(), asked.first, blob);
    let Some(own) = all.get(claim.blob).map(|asked| rank(*claim.blob, asked, claim.peer)) else { return false };
    let goes_first = |(other, asked): (&Digest, &Asked)| {
        let waits = asked.waits(now).filter(|(peer, size)| other != claim.blob && room.has_to_fetch(peer, *size));
        waits.is_some_and(|(peer, _)| rank(*other, asked, peer) < own)
    };
    !all.iter().any(goes_first)
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
mod tests;
