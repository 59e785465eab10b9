//! Bytes of a blob on their way over the simulated network: late, changed, cut off, or drop by drop.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::super::super::client::CallError;
use super::super::super::endpoint::Endpoint;
use super::super::super::least_rate::Trickle;
use super::super::super::limits::SILENCE_MS;
use super::super::super::pacers::Direction;
use super::Line;

/// What a line can do at best: bytes of a blob per millisecond.
const BYTES_PER_MS: u64 = 4096;
/// A machine that drips sends a byte this often.
const DRIP: Duration = Duration::from_millis(SILENCE_MS - 1000);

/// Parts of an answer as the other machine sends them.
type Parts = mpsc::Receiver<Vec<u8>>;

/// Bytes of a blob on their way.
#[derive(Debug)]
pub(crate) struct ByteStream {
    line: Line,
    to: Endpoint,
    peer: usize,
    size: u64,
    left: u64,
    arriving: Parts,
    /// What came and is not read yet, of a machine that drips.
    rest: Bytes,
    trickle: Trickle,
}

impl ByteStream {
    /// Nothing came yet of what a peer sends.
    pub(super) fn new(line: Line, to: Endpoint, peer: usize, size: u64, left: u64, arriving: Parts) -> Self {
        Self { line, to, peer, size, left, arriving, rest: Bytes::new(), trickle: Trickle::new(Instant::now()) }
    }

    /// The blob's size, as the peer says.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        if self.left == 0 {
            return Ok(None);
        }
        let bytes = if self.line.network.drips(self.peer) { self.next_drop().await? } else { self.next_part().await? };
        self.left = self.left.saturating_sub(bytes.len() as u64);
        self.trickle.came(bytes.len(), Instant::now());
        Ok(Some(bytes))
    }

    /// A byte, after a while.
    async fn next_drop(&mut self) -> Result<Bytes, CallError> {
        if self.rest.is_empty() {
            self.rest = self.next_part().await?;
        }
        let (due, comes_at) = (self.trickle.due(Instant::now()), Instant::now() + DRIP);
        sleep_until(due.min(comes_at)).await;
        if due <= comes_at { Err(self.broken("it drips")) } else { Ok(self.rest.split_to(self.rest.len().min(1))) }
    }

    /// All that came.
    async fn next_part(&mut self) -> Result<Bytes, CallError> {
        if !self.rest.is_empty() {
            return Ok(std::mem::take(&mut self.rest));
        }
        let network = self.line.network.clone();
        let Some(way) = network.way().filter(|_| network.is_open(self.line.machine, self.peer)) else {
            sleep(Duration::from_millis(SILENCE_MS)).await;
            return Err(self.broken("it fell silent"));
        };
        let due = self.trickle.due(Instant::now());
        let arrived = timeout_at(due, self.arriving.recv()).await;
        let mut part =
            arrived.map_err(|_| self.broken("it fell silent"))?.ok_or_else(|| self.broken("it broke off"))?;
        sleep(way + Duration::from_millis(part.len() as u64 / BYTES_PER_MS)).await;
        let came_at = Instant::now();
        self.line.pacers.take(Direction::Down, &self.to.node, part.len()).await;
        self.trickle.rested(came_at.elapsed());
        network.bend(&mut part);
        Ok(Bytes::from(part))
    }

    fn broken(&self, reason: &str) -> CallError {
        CallError::Broken { url: self.to.way.to_string(), reason: reason.to_owned() }
    }
}
