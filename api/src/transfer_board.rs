//! What moves now, as the parts that move it say: bytes on their way out, and whom bytes are asked of.
//!
//! What ended goes into the [history](crate::transfer_history).
//!
//! Invariant: an entry is there exactly as long as its guard. Small answers to clients are not listed: they are over before
//! anybody could look.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ods_store::{Digest, NodeId};

use crate::transfer_history::{History, Moved, Way};

/// Downloads of fewer bytes than this are not listed.
pub(crate) const LISTED_BYTES_MIN: u64 = 4 * 1024 * 1024;

/// Who gets bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Receiver {
    /// A node of the mesh.
    Peer(NodeId),
    /// A client that downloads, and where it called from if that is known.
    Client(Option<IpAddr>),
}

/// What is being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SendingNow {
    pub(crate) to: Receiver,
    pub(crate) blob: Digest,
    pub(crate) total: u64,
    pub(crate) done: u64,
    /// Since it began, in bytes a second.
    pub(crate) rate: u64,
}

/// The board; clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct TransferBoard(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    next: AtomicU64,
    sends: Mutex<BTreeMap<u64, Arc<Entry>>>,
    /// Requests under way, by blob and peer.
    sources: Mutex<BTreeMap<(Digest, NodeId), usize>>,
    history: Mutex<History>,
}

#[derive(Debug)]
struct Entry {
    to: Receiver,
    blob: Digest,
    total: u64,
    done: AtomicU64,
    since: Instant,
}

impl TransferBoard {
    /// Lists an answer of `total` bytes of a blob until the guard goes.
    pub fn sending(&self, to: Receiver, blob: Digest, total: u64) -> Sending {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let entry = Arc::new(Entry { to, blob, total, done: AtomicU64::new(0), since: Instant::now() });
        lock(&self.0.sends).insert(id, Arc::clone(&entry));
        Sending { board: self.clone(), id, entry }
    }

    /// Lists a peer as one that bytes of a blob are asked of, until the guard goes.
    pub fn asking(&self, blob: Digest, peer: NodeId) -> Asking {
        *lock(&self.0.sources).entry((blob, peer)).or_default() += 1;
        Asking { board: self.clone(), key: (blob, peer), bytes: 0, since: Instant::now() }
    }

    /// All that is being sent; several answers of one blob to one peer are one.
    pub(crate) fn sends(&self) -> Vec<SendingNow> {
        let mut merged: BTreeMap<(Receiver, Digest), SendingNow> = BTreeMap::new();
        for entry in lock(&self.0.sends).values() {
            let done = entry.done.load(Ordering::Relaxed);
            let elapsed_ms = u64::try_from(entry.since.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
            let rate = done.saturating_mul(1000) / elapsed_ms;
            let none = SendingNow { to: entry.to, blob: entry.blob, total: 0, done: 0, rate: 0 };
            let now = merged.entry((entry.to, entry.blob)).or_insert(none);
            (now.total, now.done, now.rate) = (now.total + entry.total, now.done + done, now.rate.saturating_add(rate));
        }
        merged.into_values().collect()
    }

    /// What moved lately, what ended last first, and how long ago each began and ended.
    pub(crate) fn history(&self) -> Vec<(Moved, Duration, Duration)> {
        let moved = lock(&self.0.history).newest_first();
        moved.into_iter().map(|moved| (moved, moved.began.elapsed(), moved.ended.elapsed())).collect()
    }

    /// The peers that bytes of a blob are asked of.
    pub(crate) fn sources(&self, blob: &Digest) -> Vec<NodeId> {
        let sources = lock(&self.0.sources);
        let of_blob = sources.range((*blob, NodeId::from_bytes([0; 32]))..);
        of_blob.take_while(|((listed, _), _)| listed == blob).map(|((_, peer), _)| *peer).collect()
    }
}

/// An answer that is listed.
#[derive(Debug)]
pub struct Sending {
    board: TransferBoard,
    id: u64,
    entry: Arc<Entry>,
}

impl Sending {
    /// So many bytes more went.
    pub fn went(&self, bytes: usize) {
        self.entry.done.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let Self { board, id, entry } = self;
        lock(&board.0.sends).remove(id);
        let Entry { to, blob, since, .. } = **entry;
        let bytes = entry.done.load(Ordering::Relaxed);
        let part = Moved { way: Way::Out, with: to, blob, bytes, began: since, ended: Instant::now() };
        lock(&board.0.history).note(part);
    }
}

/// A request that is listed.
#[derive(Debug)]
pub struct Asking {
    board: TransferBoard,
    key: (Digest, NodeId),
    bytes: u64,
    since: Instant,
}

impl Asking {
    /// So many bytes more came.
    pub fn came(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let (blob, peer) = self.key;
        let with = Receiver::Peer(peer);
        let part = Moved { way: Way::In, with, blob, bytes: self.bytes, began: self.since, ended: Instant::now() };
        lock(&self.board.0.history).note(part);
        let mut sources = lock(&self.board.0.sources);
        if let Some(count) = sources.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                sources.remove(&self.key);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: Receiver = Receiver::Peer(NodeId::from_bytes([1; 32]));

    #[test]
    fn what_moves_is_listed_as_long_as_it_does() {
        let (board, blob) = (TransferBoard::default(), Digest::of(b"x"));
        let (first, second) = (board.sending(PEER, blob, 100), board.sending(PEER, blob, 50));
        let other = board.sending(Receiver::Client(None), blob, 7);
        first.went(30);
        second.went(5);
        let seen: Vec<_> = board.sends().iter().map(|now| (now.to, now.total, now.done)).collect();
        assert_eq!(seen, [(PEER, 150, 35), (Receiver::Client(None), 7, 0)]);
        drop((first, other));
        assert_eq!(board.sends().iter().map(|now| now.total).collect::<Vec<_>>(), [50]);
        drop(second);
        assert_eq!(board.sends(), []);
        let history: Vec<_> = board.history().iter().map(|(moved, ..)| (moved.way, moved.with, moved.bytes)).collect();
        assert_eq!(history, [(Way::Out, PEER, 35)]);
    }

    #[test]
    fn sources_are_listed_while_something_is_asked_of_them() {
        let (board, blob) = (TransferBoard::default(), Digest::of(b"x"));
        let (one, other) = (NodeId::from_bytes([1; 32]), NodeId::from_bytes([2; 32]));
        let asked = [board.asking(blob, one), board.asking(blob, one), board.asking(blob, other)];
        let elsewhere = board.asking(Digest::of(b"y"), one);
        assert_eq!(board.sources(&blob), [one, other]);
        let [mut first, _second, _third] = asked;
        first.came(3);
        drop(first);
        let history: Vec<_> = board.history().iter().map(|(moved, ..)| (moved.way, moved.with, moved.bytes)).collect();
        assert_eq!(history, [(Way::In, Receiver::Peer(one), 3)]);
        assert_eq!(board.sources(&blob), [one, other]);
        drop(elsewhere);
    }
}
