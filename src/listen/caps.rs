//! How many connections there may be: in all, and from one client.
//!
//! A client that has as many as it may is refused before anything else, so that nobody else makes room for it. One for whom
//! there is no room waits, and so do all behind it; others make room as long as it is there, in this order: idle connections
//! at once, bodies that hardly come once it has waited for a while.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio::{
    io::Interest,
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, timeout},
};

use super::limits::{ROOM_LOOK_MAX, ROOM_LOOK_MIN, ROOM_WARNING_PAUSE};

/// The connection caps of a node, shared by its listeners.
#[derive(Debug)]
pub(super) struct ConnectionCaps {
    all: Arc<Semaphore>,
    per_client_max: usize,
    patience: Duration,
    clients: Mutex<HashMap<ClientKey, usize>>,
    crowd: watch::Sender<Crowd>,
    /// When the log last said that clients wait.
    warned_at: Mutex<Option<Instant>>,
}

/// Who waits for room: one client a listener at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Crowd {
    waiting: usize,
    /// How many of them have waited for [`ListenLimits::crowded_patience`](super::ListenLimits).
    pressing: usize,
}

/// A client's place among its own connections, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    counted: Option<(Arc<ConnectionCaps>, ClientKey)>,
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

impl Crowd {
    /// Whether somebody waits.
    pub(super) fn waits(self) -> bool {
        self.waiting > 0
    }

    /// Whether somebody has waited for so long that more than idle connections should make room.
    pub(super) fn presses(self) -> bool {
        self.pressing > 0
    }
}

impl ConnectionCaps {
    /// Caps on all connections and those of one client, with the time after which a waiting client presses.
    pub(super) fn new(connections_max: usize, per_client_max: usize, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            all: Arc::new(Semaphore::new(connections_max)),
            per_client_max,
            patience,
            clients: Mutex::default(),
            crowd: watch::Sender::default(),
            warned_at: Mutex::default(),
        })
    }

    /// Who waits for room.
    pub(super) fn crowd(&self) -> watch::Receiver<Crowd> {
        self.crowd.subscribe()
    }

    /// A place for one more connection of `client`; `None` if it has as many as it may.
    pub(super) fn place(self: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let key = ClientKey::of(client);
        let mut clients = self.clients();
        let count = clients.entry(key).or_default();
        if *count >= self.per_client_max {
            return None;
        }
        *count += 1;
        Some(Place { counted: Some((self.clone(), key)) })
    }

    /// Waits for room for `stream`; `None` if its client leaves meanwhile.
    pub(super) async fn admit(&self, place: Place, stream: &TcpStream) -> Option<ConnectionPermit> {
        let mut room = Box::pin(self.all.clone().acquire_owned());
        if let Some(slot) = room.as_mut().now_or_never() {
            return Some(ConnectionPermit::new(slot.ok()?, place));
        }
        self.warn();
        let mut waits = Waits::new(&self.crowd);
        let (since, mut look) = (Instant::now(), ROOM_LOOK_MIN);
        loop {
            match timeout(look, room.as_mut()).await {
                Ok(slot) => return Some(ConnectionPermit::new(slot.ok()?, place)),
                Err(_) if has_left(stream) => return None,
                Err(_) if since.elapsed() >= self.patience => waits.press(),
                Err(_) => {}
            }
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

impl ConnectionPermit {
    fn new(slot: OwnedSemaphorePermit, place: Place) -> Self {
        Self { _slot: slot, _place: place }
    }
}

/// Counts as waiting while it lives.
struct Waits<'a> {
    crowd: &'a watch::Sender<Crowd>,
    presses: bool,
}

impl<'a> Waits<'a> {
    fn new(crowd: &'a watch::Sender<Crowd>) -> Self {
        crowd.send_modify(|crowd| crowd.waiting += 1);
        Self { crowd, presses: false }
    }

    fn press(&mut self) {
        if !self.presses {
            self.presses = true;
            self.crowd.send_modify(|crowd| crowd.pressing += 1);
        }
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.crowd.send_modify(|crowd| {
            crowd.waiting -= 1;
            crowd.pressing -= usize::from(self.presses);
        });
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
        ConnectionCaps::new(100, per_client_max, Duration::ZERO)
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

    #[test]
    fn who_waits_is_counted_until_it_has_room() {
        let crowd = watch::Sender::<Crowd>::default();
        let said = || *crowd.borrow();
        let (mut first, second) = (Waits::new(&crowd), Waits::new(&crowd));
        assert!(said().waits() && !said().presses());
        first.press();
        first.press();
        drop(second);
        assert_eq!(said(), Crowd { waiting: 1, pressing: 1 });
        drop(first);
        assert_eq!(said(), Crowd::default());
    }
}
