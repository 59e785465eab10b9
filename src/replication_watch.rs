//! Watches that packages reach every node: has the store tell of those that did, and alarms where it doesn't go on.
//!
//! A node that lacks packages and gets nothing of them for [`STALLED_MS`] is stalled. Every node alarms for itself; for
//! others those that published the packages do, so that one node that is away is not alarmed by fifty.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ods_store::{Happening, Holding, NodeId, ReplicationStep, Store, StoreError, UnixMillis, Waiting};

use crate::worker::{Next, Worker, in_blocking};

/// What waits is looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// ... but between two looks it rests this many times as long as the last one took: a hundred thousand packages may wait for a
/// node that is away, or that joined just now and needs the processor.
const RESTS: u32 = 3;
/// ... but no longer than this: a look that took long may have waited for the disk.
const REST_MAX: Duration = Duration::from_secs(10);
/// ... and so often while nothing waits.
const IDLE_EVERY: Duration = Duration::from_secs(2);
/// A node that gets nothing of what it lacks for this long is stalled.
const STALLED_MS: u64 = 15 * 60_000;

/// The worker.
pub(crate) struct ReplicationWatch {
    store: Store,
    clock: fn() -> UnixMillis,
    started: Instant,
    after: Option<String>,
    /// What each node was seen to lack in this round over all that waits.
    round: BTreeMap<NodeId, Lack>,
    stalls: Stalls,
}

/// What a node lacks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Lack {
    packages: u64,
    /// Bytes missing, as far as the node tells.
    bytes: u64,
    example: String,
}

impl ReplicationWatch {
    /// A watch over this store's packages.
    pub(crate) fn new(store: Store, clock: fn() -> UnixMillis) -> Self {
        let (started, stalls) = (Instant::now(), Stalls::default());
        Self { store, clock, started, after: None, round: BTreeMap::new(), stalls }
    }

    fn take(&mut self, step: ReplicationStep) -> Vec<Happening> {
        let (own, store) = (self.store.node_id(), &self.store);
        for waiting in &step.waiting {
            let ours = is_published_here(store, waiting);
            for (node, holding) in waiting.lacking.iter().filter(|(node, _)| ours || *node == own) {
                let lack = self.round.entry(*node).or_default();
                lack.packages += 1;
                if let Holding::Wants { missing, .. } = holding {
                    lack.bytes = lack.bytes.saturating_add(*missing);
                }
                lack.example.clone_from(&waiting.path);
            }
        }
        self.after = step.next;
        if self.after.is_some() {
            return Vec::new();
        }
        let round = std::mem::take(&mut self.round);
        let now_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let stalled = self.stalls.note(round, now_ms);
        stalled.into_iter().map(|(node, lack)| alarm(own, node, &lack)).collect()
    }
}

fn is_published_here(store: &Store, waiting: &Waiting) -> bool {
    let package =
        ods_store::PackagePath::parse(&waiting.path).ok().and_then(|path| store.package(&path).ok().flatten());
    package.is_some_and(|package| package.origin == store.node_id())
}

fn alarm(own: NodeId, node: NodeId, lack: &Lack) -> Happening {
    let Lack { packages, example, .. } = lack;
    let who = if node == own { "this node".to_owned() } else { format!("node {node}") };
    let minutes = STALLED_MS / 60_000;
    let detail = format!(
        "{who} lacks {packages} packages, such as {example}, and nothing of them came for {minutes} minutes; `ods show \
         --nodes` tells why"
    );
    Happening::Alarm { code: "replication_stalled".to_owned(), detail }
}

/// Since when each node gets nothing. Pure.
#[derive(Debug, Default)]
struct Stalls {
    nodes: BTreeMap<NodeId, Stall>,
}

#[derive(Debug)]
struct Stall {
    lack: Lack,
    since_ms: u64,
    told: bool,
}

impl Stalls {
    /// Takes what each node lacks now; gives those that stalled just now. Each is told once until something comes.
    fn note(&mut self, round: BTreeMap<NodeId, Lack>, now_ms: u64) -> Vec<(NodeId, Lack)> {
        self.nodes.retain(|node, _| round.contains_key(node));
        let mut stalled = Vec::new();
        for (node, lack) in round {
            let fresh = || Stall { lack: lack.clone(), since_ms: now_ms, told: false };
            let stall = self.nodes.entry(node).or_insert_with(fresh);
            if lack.bytes < stall.lack.bytes || lack.packages < stall.lack.packages {
                *stall = Stall { lack: lack.clone(), since_ms: now_ms, told: false };
            }
            stall.lack = lack.clone();
            if !stall.told && now_ms.saturating_sub(stall.since_ms) >= STALLED_MS {
                stall.told = true;
                stalled.push((node, lack));
            }
        }
        stalled
    }
}

impl Worker for ReplicationWatch {
    fn name(&self) -> &'static str {
        "replication"
    }

    async fn tick(&mut self) -> Next {
        let (store, after, now) = (self.store.clone(), self.after.clone(), (self.clock)());
        let began = Instant::now();
        let step = in_blocking(move || {
            if store.is_replicating()? { store.watch_replication(after.as_deref(), now).map(Some) } else { Ok(None) }
        });
        let alarms = match step.await {
            Some(Ok(Some(step))) => {
                let (more, waits) = (step.more, !step.waiting.is_empty());
                let alarms = self.take(step);
                if more {
                    return if waits { Next::After(rest(began.elapsed())) } else { Next::Now };
                }
                alarms
            }
            Some(Ok(None)) => {
                self.stalls = Stalls::default();
                return Next::After(IDLE_EVERY);
            }
            Some(Err(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "replication can't be watched");
                return Next::After(IDLE_EVERY);
            }
            None => return Next::After(IDLE_EVERY),
        };
        let (store, now) = (self.store.clone(), (self.clock)());
        let noted = in_blocking(move || alarms.into_iter().try_for_each(|alarm| store.note(alarm, now).map(drop)));
        if let Some(Err(error)) = noted.await {
            let error: &StoreError = &error;
            tracing::warn!(error = error as &dyn std::error::Error, "an alarm could not be journalled");
        }
        Next::After(LOOK_EVERY.max(rest(began.elapsed())))
    }
}

/// The rest after a look that took so long.
fn rest(took: Duration) -> Duration {
    took.saturating_mul(RESTS).min(REST_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId::from_bytes([1; 32]);

    fn lacks(packages: u64, bytes: u64) -> BTreeMap<NodeId, Lack> {
        BTreeMap::from([(NODE, Lack { packages, bytes, example: "x.pkg".to_owned() })])
    }

    #[test]
    fn a_node_that_gets_nothing_is_told_once_until_something_comes() {
        let mut stalls = Stalls::default();
        assert_eq!(stalls.note(lacks(2, 100), 0), []);
        assert_eq!(stalls.note(lacks(2, 100), STALLED_MS - 1), []);
        assert_eq!(stalls.note(lacks(2, 100), STALLED_MS).len(), 1);
        assert_eq!(stalls.note(lacks(2, 100), 2 * STALLED_MS), []);
        assert_eq!(stalls.note(lacks(2, 90), 2 * STALLED_MS + 1), [], "something came");
        assert_eq!(stalls.note(lacks(2, 90), 3 * STALLED_MS + 1).len(), 1);
    }

    #[test]
    fn more_to_do_is_no_progress_and_all_done_ends_it() {
        let mut stalls = Stalls::default();
        stalls.note(lacks(1, 100), 0);
        assert_eq!(stalls.note(lacks(5, 900), STALLED_MS).len(), 1);
        stalls.note(BTreeMap::new(), STALLED_MS + 1);
        assert_eq!(stalls.note(lacks(1, 100), STALLED_MS + 2), []);
    }
}
