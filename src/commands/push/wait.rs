//! `--wait`: until every node that wants the packages has them, with a bar a node.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ods_api::{HolderView, ReplicationView};
use ods_store::PackagePath;

use crate::cli::{Bar, Connected, Exit, Failure, Progress, short_id};
use crate::commands::retry;

/// How often the node is asked.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// A package that was pushed.
pub(super) struct Awaited {
    pub(super) path: PackagePath,
    pub(super) revision: String,
    pub(super) size: u64,
}

/// How it ended for a package.
pub(super) struct Arrived {
    pub(super) path: PackagePath,
    pub(super) replication: ReplicationView,
}

/// Waits until all have arrived everywhere, or the time is up. `arrived` hears of each.
pub(super) async fn wait(
    node: &Connected,
    mut awaited: Vec<Awaited>,
    timeout: Option<Duration>,
    progress: &Progress,
    mut arrived: impl FnMut(Arrived) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // Long enough to ask once, also with a timeout of nothing.
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout.max(ASK_EVERY)));
    let mut bars = Bars::new(progress, awaited.iter().map(|package| package.size).sum());
    // As the last round that was answered found it.
    let mut known = Missing::default();
    loop {
        let (mut left, mut missing, waiting) = (Vec::new(), Missing::default(), awaited.len());
        for package in awaited {
            let Some(replication) = ask(node, &package.path, deadline).await? else {
                bars.finish();
                return Err(too_late(&known, waiting));
            };
            if replication.revision != package.revision {
                return Err(replaced(&package));
            }
            missing.add(&replication, package.size);
            if replication.complete {
                arrived(Arrived { path: package.path, replication })?;
            } else {
                left.push(package);
            }
        }
        bars.show(&missing);
        if left.is_empty() {
            bars.finish();
            return Ok(());
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            bars.finish();
            return Err(too_late(&missing, left.len()));
        }
        (awaited, known) = (left, missing);
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Asks how far a package is, again if that may help; `None` if there is no answer by the deadline.
async fn ask(
    node: &Connected,
    path: &PackagePath,
    deadline: Option<Instant>,
) -> Result<Option<ReplicationView>, Failure> {
    let asking = async {
        let mut pauses = retry::Pauses::default();
        loop {
            let error = match node.client.replication(path).await {
                Ok(replication) => return Ok(replication),
                Err(error) => error,
            };
            let Some(pause) = pauses.next().filter(|_| retry::may_help(&error)) else {
                return Err(node.explain(error));
            };
            tokio::time::sleep(pause).await;
        }
    };
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline.into(), asking).await.ok().transpose(),
        None => asking.await.map(Some),
    }
}

/// What is missing at each node, of all packages that are waited for.
#[derive(Default)]
struct Missing(BTreeMap<String, (u64, String)>);

impl Missing {
    fn add(&mut self, replication: &ReplicationView, size: u64) {
        for holder in &replication.items {
            if waits(holder) {
                let (bytes, reason) = self.0.entry(name(holder)).or_default();
                *bytes = bytes.saturating_add(holder.bytes_missing.unwrap_or(size));
                if reason.is_empty() {
                    reason.clone_from(&holder.reason);
                }
            }
        }
    }
}

/// Whether a node is waited for. `unknown` is too, but for one that keeps on demand: then the node asked says `complete`.
fn waits(holder: &HolderView) -> bool {
    !matches!(holder.state.as_str(), "stored" | "remote")
}

fn name(holder: &HolderView) -> String {
    holder.name.clone().unwrap_or_else(|| short_id(&holder.node).to_owned())
}

/// A bar for each node that was seen to lack something.
struct Bars<'a> {
    progress: &'a Progress,
    total: u64,
    by_node: BTreeMap<String, Bar>,
}

impl<'a> Bars<'a> {
    fn new(progress: &'a Progress, total: u64) -> Self {
        Self { progress, total, by_node: BTreeMap::new() }
    }

    fn show(&mut self, missing: &Missing) {
        for node in missing.0.keys().filter(|node| !self.by_node.contains_key(*node)).cloned().collect::<Vec<_>>() {
            let bar = self.progress.bar(&node, self.total);
            self.by_node.insert(node, bar);
        }
        for (node, bar) in &mut self.by_node {
            let (left, reason) = missing.0.get(node).map_or((0, "has it"), |(bytes, why)| (*bytes, why.as_str()));
            bar.saying(reason);
            bar.done(self.total.saturating_sub(left));
        }
    }

    fn finish(&self) {
        self.by_node.values().for_each(Bar::finish);
    }
}

fn replaced(package: &Awaited) -> Failure {
    let message = format!("{} was replaced while this waited for it", package.path);
    Failure::new(Exit::Conflict, "replaced_meanwhile", message).hint("`ods show --history` tells by what")
}

fn too_late(missing: &Missing, packages: usize) -> Failure {
    let mut nodes: Vec<String> = missing.0.iter().map(|(node, (_, why))| format!("{node}: {why}")).collect();
    if nodes.is_empty() {
        nodes.push("the node asked doesn't answer".to_owned());
    }
    let packages = if packages == 1 { "the package is".to_owned() } else { format!("{packages} packages are") };
    let message = format!("{packages} published, and not everywhere yet ({})", nodes.join("; "));
    Failure::new(Exit::Unreachable, "not_everywhere_yet", message)
        .hint("they go on by themselves; `ods show --nodes PATH` tells how far they are")
}
