//! The limits in force, and waiting for them: what sends to peers and what reads from them asks here before each slice.
//!
//! Invariants:
//! - Bytes wait for the node's limit and for the link's. Only the bytes of blobs ask, so nothing else ever waits.
//! - Who waits has taken nothing yet: slices are let through one after the other, in the order in which they asked, and count
//!   when they go. So a peer that asks for much and goes away takes nothing from the others.
//! - Limits are looked at when they are set, and every second, so a window begins and ends within a second of its time;
//!   also for who waits already.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ods_api::{Receiver, TransferBoard, counted};
use ods_store::{Bandwidth, Digest, NodeId, Rates, Store, UnixMillis};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Clock;
use super::pace::{Bucket, slice_bytes};
use crate::worker::{Next, Worker, in_blocking};

/// Links faster than this are sent by the kernel, a mebibyte at a time; slower ones in slices.
const WHOLE_SLICES_FROM: u64 = 50_000_000;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// To this node.
    Down,
    /// From this node.
    Up,
}

/// A limit, and the line before it: whose turn it is holds the lock.
#[derive(Debug, Default)]
struct Gate {
    bucket: Bucket,
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Pair {
    down: Gate,
    up: Gate,
}

impl Pair {
    fn set(&mut self, rates: Rates) {
        self.down.bucket.set(rates.down);
        self.up.bucket.set(rates.up);
    }

    fn gate(&mut self, way: Direction) -> &mut Gate {
        match way {
            Direction::Down => &mut self.down,
            Direction::Up => &mut self.up,
        }
    }
}

#[derive(Debug, Default)]
struct InForce {
    node: Pair,
    peers: BTreeMap<NodeId, Pair>,
}

impl InForce {
    /// The limit of a link, or the node's; `None` for a link that has none.
    fn gate(&mut self, way: Direction, link: Option<&NodeId>) -> Option<&mut Gate> {
        match link {
            Some(peer) => self.peers.get_mut(peer).map(|pair| pair.gate(way)),
            None => Some(self.node.gate(way)),
        }
    }
}

/// The limits in force.
#[derive(Debug)]
pub(super) struct Pacers {
    started: Instant,
    in_force: Mutex<InForce>,
    /// Wakes who waits by a limit that may not be in force any more.
    changed: Notify,
}

impl Default for Pacers {
    fn default() -> Self {
        Self { started: Instant::now(), in_force: Mutex::default(), changed: Notify::new() }
    }
}

impl Pacers {
    /// Puts rates in force: the node's, and those of links.
    pub(super) fn set(&self, node: Rates, links: &BTreeMap<NodeId, Rates>) {
        let mut in_force = self.lock();
        in_force.node.set(node);
        in_force.peers.retain(|peer, _| links.contains_key(peer));
        for (peer, rates) in links {
            in_force.peers.entry(*peer).or_default().set(*rates);
        }
        drop(in_force);
        self.changed.notify_waiters();
    }

    /// The lowest limit that bytes to or from a peer meet.
    pub(super) fn rate(&self, way: Direction, peer: &NodeId) -> Option<u64> {
        let mut in_force = self.lock();
        let rates = [Some(peer), None].map(|link| in_force.gate(way, link).and_then(|gate| gate.bucket.rate()));
        rates.into_iter().flatten().min()
    }

    /// Waits until so many bytes may go to a peer or come from it. Dropped while it waits it has taken nothing of the node's limit.
    pub(super) async fn take(&self, way: Direction, peer: &NodeId, bytes: usize) {
        self.pass(way, Some(peer), bytes).await;
        self.pass(way, None, bytes).await;
    }

    /// Waits in line before one limit.
    async fn pass(&self, way: Direction, link: Option<&NodeId>, bytes: usize) {
        let Some(turn) = self.lock().gate(way, link).map(|gate| Arc::clone(&gate.turn)) else { return };
        let turn = turn.lock().await;
        loop {
            // Before the limit is read, so that no change is missed.
            let changed = self.changed.notified();
            let free_at = self.lock().gate(way, link).map_or(0, |gate| gate.bucket.free_at(self.now_ns()));
            if free_at <= self.now_ns() {
                break;
            }
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(self.started + Duration::from_nanos(free_at)) => break,
                () = changed => {}
            }
        }
        if let Some(gate) = self.lock().gate(way, link) {
            gate.bucket.take(bytes as u64, self.now_ns());
        }
        drop(turn);
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, InForce> {
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What bytes to and from peers pass: the board that shows them, and their limits.
#[derive(Debug, Clone, Default)]
pub(super) struct Outflow {
    pub(super) board: TransferBoard,
    pub(super) pacers: Arc<Pacers>,
}

impl Outflow {
    /// Whether what goes to a peer may be handed to the kernel, a mebibyte at a time.
    pub(super) fn may_be_whole(&self, peer: &NodeId) -> bool {
        may_be_whole(self.pacers.rate(Direction::Up, peer))
    }

    /// A body of a blob for a peer, listed and paced.
    pub(super) fn body(&self, body: Body, peer: NodeId, blob: Digest, total: u64) -> Body {
        let sending = self.board.sending(Receiver::Peer(peer), blob, total);
        paced(counted(body, sending), Arc::clone(&self.pacers), peer)
    }
}

/// Whether what goes to a peer at this rate may be handed to the kernel whole.
fn may_be_whole(rate: Option<u64>) -> bool {
    rate.is_none_or(|rate| rate >= WHOLE_SLICES_FROM)
}

/// A body that goes to a peer no faster than its limits allow.
fn paced(body: Body, pacers: Arc<Pacers>, peer: NodeId) -> Body {
    let Some(rate) = pacers.rate(Direction::Up, &peer) else { return body };
    let slice = if may_be_whole(Some(rate)) { usize::MAX } else { slice_bytes(rate) };
    let parts = stream::try_unfold((body, Bytes::new()), move |(mut body, mut rest)| {
        let pacers = Arc::clone(&pacers);
        async move {
            while rest.is_empty() {
                match body.frame().await.transpose()? {
                    None => return Ok::<_, axum::Error>(None),
                    Some(frame) => rest = frame.into_data().unwrap_or_default(),
                }
            }
            let part = rest.split_to(rest.len().min(slice));
            pacers.take(Direction::Up, &peer, part.len()).await;
            Ok(Some((part, (body, rest))))
        }
    });
    Body::from_stream(parts)
}

/// Puts limits in force as they are set and as windows come and go.
pub(super) struct LimitKeeper {
    store: Store,
    pacers: Arc<Pacers>,
    ceiling: Rates,
    clock: Clock,
    wake: Arc<Notify>,
}

impl LimitKeeper {
    /// Keeps `pacers` by what `store` says, the node's never above `ceiling`.
    pub(super) fn new(store: Store, pacers: Arc<Pacers>, ceiling: Rates, clock: Clock) -> Self {
        let wake = Arc::new(Notify::new());
        let changed = Arc::clone(&wake);
        store.on_commit(move |commit| {
            if commit.peers_changed {
                changed.notify_one();
            }
        });
        Self { store, pacers, ceiling, clock, wake }
    }
}

/// What holds at a moment, of the node and of links.
fn in_force(own: &NodeId, all: &[(NodeId, Bandwidth)], now: UnixMillis) -> (Rates, BTreeMap<NodeId, Rates>) {
    let node = all.iter().find(|(node, _)| node == own).map(|(_, limits)| limits);
    let (day, minute) = local(now, node.and_then(|limits| limits.time_zone.as_deref()));
    let links = all.iter().filter(|(node, _)| node != own);
    let links = links.map(|(node, limits)| (*node, limits.at(day, minute))).collect();
    (node.map_or_else(Rates::default, |limits| limits.at(day, minute)), links)
}

/// The lower of two limits, each way.
fn lower(one: Rates, other: Rates) -> Rates {
    let lower = |one: Option<u64>, other: Option<u64>| [one, other].into_iter().flatten().min();
    Rates { down: lower(one.down, other.down), up: lower(one.up, other.up) }
}

/// The day of the week (0 is Monday) and the minute of the day; in the machine's time zone if `zone` isn't known to it.
fn local(now: UnixMillis, zone: Option<&str>) -> (u8, u16) {
    let zone = zone.and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(TimeZone::system);
    let seconds = i64::try_from(now.unix_seconds()).unwrap_or(i64::MAX);
    let at = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).to_zoned(zone);
    let day = u8::try_from(at.weekday().to_monday_zero_offset()).unwrap_or(0);
    let minute = i16::from(at.hour()) * 60 + i16::from(at.minute());
    (day, u16::try_from(minute).unwrap_or(0))
}

impl Worker for LimitKeeper {
    fn name(&self) -> &'static str {
        "limits"
    }

    fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    async fn tick(&mut self) -> Next {
        let store = self.store.clone();
        match in_blocking(move || store.bandwidths()).await {
            Some(Ok(all)) => {
                let (node, links) = in_force(&self.store.node_id(), &all, (self.clock)());
                self.pacers.set(lower(node, self.ceiling), &links);
            }
            Some(Err(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the limits can't be read; they stay as they are"
                );
            }
            None => {}
        }
        Next::After(LOOK_EVERY)
    }
}

#[cfg(test)]
mod tests {
    use ods_store::BandwidthWindow;

    use super::*;

    const PEER: NodeId = NodeId::from_bytes([1; 32]);

    async fn seconds(pacers: &Pacers, bytes: usize, slice: usize) -> f64 {
        let began = Instant::now();
        for _ in 0..bytes / slice {
            pacers.take(Direction::Up, &PEER, slice).await;
        }
        began.elapsed().as_secs_f64()
    }

    fn limited(node: Option<u64>, link: Option<u64>) -> Pacers {
        let pacers = Pacers::default();
        let rates = |up| Rates { down: None, up };
        pacers.set(rates(node), &BTreeMap::from([(PEER, rates(link))]));
        pacers
    }

    #[tokio::test]
    async fn bytes_go_at_the_lower_of_both_limits() {
        for (node, link, rate) in [
            (Some(100_000_000), None, 100_000_000),
            (Some(100_000_000), Some(10_000_000), 10_000_000),
            (Some(100_000), Some(10_000_000), 100_000),
        ] {
            let pacers = limited(node, link);
            assert_eq!(pacers.rate(Direction::Up, &PEER), Some(rate));
            let bytes = usize::try_from(rate).unwrap();
            let took = seconds(&pacers, bytes + bytes / 10, slice_bytes(rate)).await;
            // A busy machine may be late, but a limit never lets more through.
            assert!((0.9..1.6).contains(&took), "{rate}: {took} s for a second's bytes and the burst");
        }
    }

    #[tokio::test]
    async fn the_other_way_and_other_peers_do_not_wait() {
        let pacers = limited(None, Some(10_000));
        let began = Instant::now();
        pacers.take(Direction::Down, &PEER, 1 << 30).await;
        pacers.take(Direction::Up, &NodeId::from_bytes([2; 32]), 1 << 30).await;
        assert!(began.elapsed() < Duration::from_millis(500));
    }

    #[tokio::test]
    async fn who_goes_away_while_waiting_takes_nothing_from_others() {
        let pacers = limited(Some(20_000), None);
        pacers.take(Direction::Up, &PEER, 20_000).await;
        for _ in 0..1000 {
            // A second of everybody's limit each, given up at once.
            tokio::select! {
                biased;
                () = pacers.take(Direction::Up, &PEER, 20_000) => panic!("it has to wait"),
                () = std::future::ready(()) => {}
            }
        }
        let began = Instant::now();
        pacers.take(Direction::Up, &NodeId::from_bytes([2; 32]), 1000).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_let_through_as_soon_as_the_limit_is_lifted() {
        for (node, link) in [(Some(1000), None), (None, Some(1000))] {
            let pacers = limited(node, link);
            pacers.take(Direction::Up, &PEER, 1_000_000).await;
            let began = Instant::now();
            let lifted = async {
                tokio::time::sleep(Duration::from_secs(2)).await;
                pacers.set(Rates::default(), &BTreeMap::new());
            };
            tokio::join!(pacers.take(Direction::Up, &PEER, 1), lifted);
            assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        }
    }

    #[tokio::test]
    async fn a_body_is_sliced_and_arrives_whole() {
        let pacers = Arc::new(limited(None, Some(400_000)));
        let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
        let began = Instant::now();
        let body = paced(Body::from(bytes.clone()), pacers, PEER);
        assert_eq!(body.collect().await.unwrap().to_bytes(), bytes);
        assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    }

    #[test]
    fn of_what_is_configured_and_what_is_set_the_lower_holds() {
        let rates = |down, up| Rates { down, up };
        assert_eq!(lower(rates(None, Some(7)), rates(Some(5), Some(9))), rates(Some(5), Some(7)));
        assert_eq!(lower(rates(None, Some(9)), rates(None, Some(7))), rates(None, Some(7)));
    }

    #[test]
    fn windows_are_in_the_zone_that_is_named() {
        // A Tuesday, 16:30 in UTC.
        let now = UnixMillis::new(1_764_088_200_000);
        assert_eq!(local(now, Some("UTC")), (1, 16 * 60 + 30));
        assert_eq!(local(now, Some("Asia/Tokyo")), (2, 60 + 30));
        let window =
            BandwidthWindow { days: 0b000_0100, from: 0, to: 6 * 60, rates: Rates { down: Some(10_000), up: None } };
        let limits = |zone: &str| Bandwidth {
            windows: vec![window.clone()],
            time_zone: Some(zone.to_owned()),
            ..Bandwidth::default()
        };
        assert_eq!(in_force(&PEER, &[(PEER, limits("UTC"))], now).0, Rates::default());
        assert_eq!(in_force(&PEER, &[(PEER, limits("Asia/Tokyo"))], now).0, window.rates);
    }
}
