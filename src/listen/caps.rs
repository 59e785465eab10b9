//! How many connections there may be: in all, and from one client.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The connection caps of a node, shared by its listeners.
#[derive(Debug)]
pub(super) struct ConnectionCaps {
    all: Arc<Semaphore>,
    per_client_max: usize,
    clients: Mutex<HashMap<ClientKey, usize>>,
    /// Accept loops that wait for room.
    waiting: watch::Sender<usize>,
}

/// Room for one connection of anybody.
#[derive(Debug)]
pub(super) struct Room {
    slot: OwnedSemaphorePermit,
}

/// The right to one connection, given back when dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    _slot: OwnedSemaphorePermit,
    counted: Option<(Arc<ConnectionCaps>, ClientKey)>,
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
    pub(super) fn new(connections_max: usize, per_client_max: usize) -> Arc<Self> {
        let all = Arc::new(Semaphore::new(connections_max));
        Arc::new(Self { all, per_client_max, clients: Mutex::default(), waiting: watch::Sender::new(0) })
    }

    /// How many listeners wait for room; over 0, idle connections should make some.
    pub(super) fn waiting(&self) -> watch::Receiver<usize> {
        self.waiting.subscribe()
    }

    /// Waits for room for one more connection.
    pub(super) async fn room(&self) -> Room {
        if let Ok(slot) = self.all.clone().try_acquire_owned() {
            return Room { slot };
        }
        let _waits = Waits::new(&self.waiting);
        let slot = self.all.clone().acquire_owned().await.expect("the semaphore is never closed");
        Room { slot }
    }

    /// Uses `room` for a connection from `client`; `None` if it has as many as it may.
    pub(super) fn admit(self: &Arc<Self>, room: Room, client: IpAddr) -> Option<ConnectionPermit> {
        let key = ClientKey::of(client);
        let mut clients = self.clients();
        let count = clients.entry(key).or_default();
        if *count >= self.per_client_max {
            return None;
        }
        *count += 1;
        Some(ConnectionPermit { _slot: room.slot, counted: Some((self.clone(), key)) })
    }

    /// Uses `room` for a connection from a trusted proxy, which speaks for many clients.
    pub(super) fn admit_proxy(room: Room) -> ConnectionPermit {
        ConnectionPermit { _slot: room.slot, counted: None }
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<ClientKey, usize>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts as waiting while it lives.
struct Waits<'a>(&'a watch::Sender<usize>);

impl<'a> Waits<'a> {
    fn new(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|waiting| *waiting += 1);
        tracing::warn!("all connections are taken; new clients wait until one is closed");
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

impl Drop for ConnectionPermit {
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

    async fn admit(caps: &Arc<ConnectionCaps>, client: &str) -> Option<ConnectionPermit> {
        let room = caps.room().await;
        caps.admit(room, client.parse().unwrap())
    }

    #[tokio::test]
    async fn a_client_gets_its_share_and_gets_it_again_after_closing() {
        let caps = ConnectionCaps::new(100, 2);
        let first = admit(&caps, "192.0.2.1").await;
        let second = admit(&caps, "::ffff:192.0.2.1").await;
        assert!(first.is_some() && second.is_some());
        assert!(admit(&caps, "192.0.2.1").await.is_none());
        assert!(admit(&caps, "192.0.2.2").await.is_some());
        drop(first);
        assert!(admit(&caps, "192.0.2.1").await.is_some());
        drop(second);
        assert!(caps.clients().is_empty(), "closed connections leave nothing behind");
    }

    #[tokio::test]
    async fn ipv6_clients_count_by_their_64() {
        let caps = ConnectionCaps::new(100, 1);
        let _held = admit(&caps, "2001:db8:0:1::1").await.unwrap();
        assert!(admit(&caps, "2001:db8:0:1:ffff::2").await.is_none());
        assert!(admit(&caps, "2001:db8:0:2::1").await.is_some());
    }

    #[tokio::test]
    async fn trusted_proxies_are_not_counted() {
        let caps = ConnectionCaps::new(100, 1);
        let _one = ConnectionCaps::admit_proxy(caps.room().await);
        let _two = ConnectionCaps::admit_proxy(caps.room().await);
        assert!(caps.clients().is_empty());
    }

    #[tokio::test]
    async fn a_full_node_says_that_somebody_waits() {
        let caps = ConnectionCaps::new(1, 100);
        let mut waiting = caps.waiting();
        let held = admit(&caps, "192.0.2.1").await;
        let freeing = async {
            waiting.wait_for(|waiting| *waiting > 0).await.unwrap();
            drop(held);
        };
        let (_room, ()) = tokio::join!(caps.room(), freeing);
        assert_eq!(*caps.waiting().borrow(), 0);
    }
}
