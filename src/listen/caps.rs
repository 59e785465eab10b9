//! How many connections there may be: in all, and from one client.
//!
//! A client that has as many as it may is refused before anything else, so that nobody else makes room for it. One for whom
//! there is no room waits, beside others, once it has said something; whom it waits for is in `crowd.rs`.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::FutureExt as _;
use tokio::{
    io::Interest,
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, timeout},
};

use super::{
    crowd::{Crowd, Queue},
    limits::{ListenLimits, ROOM_LOOK_MAX, ROOM_LOOK_MIN, ROOM_WARNING_PAUSE, WAITING_MAX},
};

/// The connection caps of a node, shared by its listeners.
#[derive(Debug)]
pub(super) struct ConnectionCaps {
    limits: ListenLimits,
    all: Arc<Semaphore>,
    seats: Arc<Semaphore>,
    clients: Mutex<HashMap<ClientKey, usize>>,
    queue: Queue,
    /// When the log last said that clients wait.
    warned_at: Mutex<Option<Instant>>,
}

/// A client's place among its own connections, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    counted: Option<(Arc<ConnectionCaps>, ClientKey)>,
}

/// A seat among those who wait for room, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    _seat: OwnedSemaphorePermit,
}

/// The right to one connection, given back when dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    _slot: OwnedSemaphorePermit,
    _place: Place,
}

/// What counts as one client: an IPv4 address, or an IPv6 /64 (whoever has one address of it has them all).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct ClientKey(IpAddr);

impl ClientKey {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.into()),
            IpAddr::V6(address) => {
                let network = address.to_bits() & (u128::MAX << 64);
                Self(IpAddr::V6(network.into()))
            }
        }
    }
}

impl ConnectionCaps {
    /// The caps of `limits`.
    pub(super) fn new(limits: ListenLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            all: Arc::new(Semaphore::new(limits.connections_max)),
            seats: Arc::new(Semaphore::new(WAITING_MAX)),
            clients: Mutex::default(),
            queue: Queue::new(limits.crowded_patience),
            warned_at: Mutex::default(),
        })
    }

    /// Whether clients wait for room.
    pub(super) fn crowd(&self) -> watch::Receiver<Crowd> {
        self.queue.crowd()
    }

    /// The same as it is now.
    pub(super) fn crowd_now(&self) -> Crowd {
        self.queue.crowd_now()
    }

    /// A place for one more connection of `client`; `None` if it has as many as it may.
    pub(super) fn place(self: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let key = ClientKey::of(client);
        let mut clients = self.clients();
        let count = clients.entry(key).or_default();
        if *count >= self.limits.connections_per_client_max {
            return None;
        }
        *count += 1;
        Some(Place { counted: Some((self.clone(), key)) })
    }

    /// A connection, if there is room for one more; its place back otherwise.
    pub(super) fn admit_now(&self, place: Place) -> Result<ConnectionPermit, Place> {
        match self.all.clone().try_acquire_owned() {
            Ok(slot) => Ok(ConnectionPermit { _slot: slot, _place: place }),
            Err(_) => Err(place),
        }
    }

    /// Waits for a seat among those who wait for room. Whoever has none is in the system's queue.
    pub(super) async fn seat(&self) -> Option<Seat> {
        self.warn();
        self.seats.clone().acquire_owned().await.ok().map(|seat| Seat { _seat: seat })
    }

    /// Waits for room for `stream`; `None` if its client says nothing, or leaves.
    pub(super) async fn admit(&self, place: Place, stream: &TcpStream) -> Option<ConnectionPermit> {
        // Clients speak first, over TLS too. One that doesn't is none for whom others should make room.
        let first = timeout(self.limits.crowded_head_timeout, stream.peek(&mut [0])).await.ok()?.ok()?;
        if first == 0 {
            return None;
        }
        let waiting = self.queue.join();
        let mut room = Box::pin(self.all.clone().acquire_owned());
        let mut look = ROOM_LOOK_MIN;
        loop {
            match timeout(look, room.as_mut()).await {
                Ok(slot) => return Some(ConnectionPermit { _slot: slot.ok()?, _place: place }),
                Err(_) if has_left(stream) => return None,
                Err(_) => waiting.stays(),
            }
            self.warn();
            look = (look * 2).min(ROOM_LOOK_MAX);
        }
    }

    fn warn(&self) {
        let mut warned_at = self.warned_at.lock().unwrap_or_else(PoisonError::into_inner);
        if warned_at.is_none_or(|at| at.elapsed() >= ROOM_WARNING_PAUSE) {
            *warned_at = Some(Instant::now());
            tracing::warn!("all connections are taken; new clients wait until one is closed");
        }
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<ClientKey, usize>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the other end is closed, as far as is known by now.
fn has_left(stream: &TcpStream) -> bool {
    matches!(stream.ready(Interest::READABLE).now_or_never(), Some(Ok(ready)) if ready.is_read_closed())
}

impl Place {
    /// The place of a trusted proxy, which speaks for many clients.
    pub(super) fn of_proxy() -> Self {
        Self { counted: None }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((caps, key)) = &self.counted else { return };
        let mut clients = caps.clients();
        if let Some(count) = clients.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                clients.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(per_client_max: usize) -> Arc<ConnectionCaps> {
        ConnectionCaps::new(ListenLimits { connections_per_client_max: per_client_max, ..ListenLimits::default() })
    }

    fn place(caps: &Arc<ConnectionCaps>, client: &str) -> Option<Place> {
        caps.place(client.parse().unwrap())
    }

    #[test]
    fn a_client_gets_its_share_and_gets_it_again_after_closing() {
        let caps = caps(2);
        let first = place(&caps, "192.0.2.1");
        let second = place(&caps, "::ffff:192.0.2.1");
        assert!(first.is_some() && second.is_some());
        assert!(place(&caps, "192.0.2.1").is_none());
        assert!(place(&caps, "192.0.2.2").is_some());
        drop(first);
        assert!(place(&caps, "192.0.2.1").is_some());
        drop(second);
        assert!(caps.clients().is_empty(), "closed connections leave nothing behind");
    }

    #[test]
    fn ipv6_clients_count_by_their_64() {
        let caps = caps(1);
        let _held = place(&caps, "2001:db8:0:1::1").unwrap();
        assert!(place(&caps, "2001:db8:0:1:ffff::2").is_none());
        assert!(place(&caps, "2001:db8:0:2::1").is_some());
    }
}
