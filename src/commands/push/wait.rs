//! `--wait`: until every node that wants the packages has them, with a bar a node.

use std::collections::BTreeMap;
use std::time::Duration;

use ods_api::{ClientError, HolderView, ReplicationView, Url};
use ods_store::PackagePath;
use tokio::time::Instant;

use crate::cli::{Bar, Connected, Exit, Failure, Progress, short_id};
use crate::commands::retry;

/// How often the node is asked.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// How long an answer may take before it is asked for again.
const ANSWER_MAX: Duration = Duration::from_mins(1);
/// Where no time is set: how long the node may give no answer, as while its machine starts again.
const SILENCE_MAX: Duration = Duration::from_mins(10);

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

/// A package that isn't everywhere yet, with what was told of it last.
struct Pending {
    package: Awaited,
    told: Option<ReplicationView>,
}

/// Waits until all have arrived everywhere, or the time is up. `arrived` hears of each.
pub(super) async fn wait(
    node: &Connected,
    awaited: Vec<Awaited>,
    timeout: Option<Duration>,
    progress: &Progress,
    mut arrived: impl FnMut(Arrived) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // Long enough to ask once, also with a timeout of nothing.
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout.max(ASK_EVERY)));
    let mut bars = Bars::new(progress, awaited.iter().map(|package| package.size).sum());
    let mut pending: Vec<Pending> = awaited.into_iter().map(|package| Pending { package, told: None }).collect();
    loop {
        let mut next = 0;
        while let Some(Pending { package, told }) = pending.get_mut(next) {
            let asking = ask(node.client.server(), async || node.client.replication(&package.path).await, deadline);
            let replication = match asking.await {
                Ok(replication) => replication,
                Err(Unanswered::InTime(why)) => {
                    bars.finish();
                    return Err(too_late(&pending, Some(&why)));
                }
                Err(Unanswered::AtAll(error)) => return Err(node.explain(error)),
            };
            if replication.revision != package.revision {
                return Err(replaced(package));
            }
            if replication.complete {
                let Pending { package, .. } = pending.remove(next);
                arrived(Arrived { path: package.path, replication })?;
            } else {
                *told = Some(replication);
                next += 1;
            }
        }
        bars.show(&Missing::of(&pending));
        if pending.is_empty() {
            bars.finish();
            return Ok(());
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            bars.finish();
            return Err(too_late(&pending, None));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Why it isn't known how far a package is.
enum Unanswered {
    /// The time is up. With how the last try failed.
    InTime(ClientError),
    /// Asking again doesn't help, or didn't for long enough.
    AtAll(ClientError),
}

/// Asks how far a package is, again for as long as that may help: a node that restarts is back in a minute or two.
async fn ask(
    server: &Url,
    replication: impl AsyncFn() -> Result<ReplicationView, ClientError>,
    deadline: Option<Instant>,
) -> Result<ReplicationView, Unanswered> {
    let until = deadline.unwrap_or_else(|| Instant::now() + SILENCE_MAX);
    let silence = || ClientError::Stalled { server: server.to_string(), seconds: ANSWER_MAX.as_secs() };
    let (mut pauses, mut last) = (retry::Pauses::default(), silence());
    let asking = async {
        loop {
            last = match tokio::time::timeout(ANSWER_MAX, replication()).await {
                Ok(Ok(replication)) => return Ok(replication),
                Ok(Err(error)) if !retry::may_help(&error) => return Err(Unanswered::AtAll(error)),
                Ok(Err(error)) => error,
                Err(_) => silence(),
            };
            tokio::time::sleep(pauses.next().unwrap_or(retry::PAUSE_MAX)).await;
        }
    };
    let asked = tokio::time::timeout_at(until, asking).await;
    let in_vain = if deadline.is_some() { Unanswered::InTime } else { Unanswered::AtAll };
    asked.unwrap_or_else(|_| Err(in_vain(last)))
}

/// What is missing at each node, of all packages that are waited for.
#[derive(Default)]
struct Missing(BTreeMap<String, (u64, String)>);

impl Missing {
    fn of(pending: &[Pending]) -> Self {
        let mut missing = Self::default();
        for Pending { package, told } in pending {
            if let Some(replication) = told {
                missing.add(replication, package.size);
            }
        }
        missing
    }

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

/// `silence` is why the last that was asked wasn't told.
fn too_late(pending: &[Pending], silence: Option<&ClientError>) -> Failure {
    let mut reasons: Vec<String> =
        Missing::of(pending).0.iter().map(|(node, (_, why))| format!("{node}: {why}")).collect();
    reasons.extend(silence.map(|error| match error {
        ClientError::Problem(_) | ClientError::Status { .. } => format!("the node asked can't tell: {error}"),
        _ => "the node asked doesn't answer".to_owned(),
    }));
    let packages = match pending.len() {
        1 => "the package is".to_owned(),
        many => format!("{many} packages are"),
    };
    let message = format!("{packages} published, and not everywhere yet ({})", reasons.join("; "));
    Failure::new(Exit::Unreachable, "not_everywhere_yet", message)
        .hint("they go on by themselves; `ods show --nodes PATH` tells how far they are")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Asks a node of which the seconds are known in which it is busy, silent or well: what came of it, and after how long.
    async fn asked(
        says: impl Fn(u64) -> Option<Result<ReplicationView, ClientError>>,
        deadline_s: Option<u64>,
    ) -> (Result<ReplicationView, Unanswered>, u64) {
        let (server, began) = (Url::parse("http://node.example").expect("a URL"), Instant::now());
        let replication = async || match says(began.elapsed().as_secs()) {
            Some(said) => said,
            None => std::future::pending().await,
        };
        let outcome = ask(&server, replication, deadline_s.map(|seconds| began + Duration::from_secs(seconds))).await;
        (outcome, began.elapsed().as_secs())
    }

    fn busy() -> Result<ReplicationView, ClientError> {
        Err(ClientError::Status { status: 503, url: "http://node.example/".to_owned() })
    }

    fn everywhere() -> ReplicationView {
        ReplicationView { revision: String::new(), complete: true, items: Vec::new(), next: None }
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_restarts_is_asked_again_until_it_tells() {
        for deadline_s in [None, Some(3600)] {
            let (outcome, took_s) =
                asked(|second| Some(if second < 40 { busy() } else { Ok(everywhere()) }), deadline_s).await;
            assert!(outcome.is_ok_and(|told| told.complete) && took_s < 60, "after {took_s} s");
            // One that took the question and went away before it answered.
            let (outcome, took_s) = asked(|second| (second >= 40).then(|| Ok(everywhere())), deadline_s).await;
            assert!(outcome.is_ok() && took_s < 70, "after {took_s} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_never_tells_is_given_up_in_time() {
        let (outcome, took_s) = asked(|_| Some(busy()), Some(90)).await;
        assert!(matches!(outcome, Err(Unanswered::InTime(ClientError::Status { .. }))) && took_s == 90);
        let (outcome, took_s) = asked(|_| None, Some(5)).await;
        assert!(matches!(outcome, Err(Unanswered::InTime(ClientError::Stalled { .. }))) && took_s == 5);
        let (outcome, took_s) = asked(|_| None, None).await;
        assert!(matches!(outcome, Err(Unanswered::AtAll(ClientError::Stalled { .. }))) && took_s == 600);
    }

    #[tokio::test(start_paused = true)]
    async fn where_asking_again_does_not_help_it_ends_at_once() {
        let tries = RefCell::new(0);
        let refused = |_| {
            *tries.borrow_mut() += 1;
            Some(Err(ClientError::Replaced))
        };
        let (outcome, took_s) = asked(refused, Some(90)).await;
        assert!(matches!(outcome, Err(Unanswered::AtAll(ClientError::Replaced))));
        assert_eq!((took_s, *tries.borrow()), (0, 1));
    }

    fn holder(name: &str, state: &str, bytes_missing: Option<u64>, reason: &str) -> HolderView {
        let (node, name) = (format!("{name:0>64}"), Some(name.to_owned()));
        HolderView { node, name, state: state.to_owned(), reason: reason.to_owned(), bytes_missing, eta_s: None }
    }

    fn pending(path: &str, size: u64, items: Vec<HolderView>) -> Pending {
        let told = ReplicationView { items, complete: false, ..everywhere() };
        let (path, revision) = (PackagePath::parse(path).expect("a path"), String::new());
        Pending { package: Awaited { path, revision, size }, told: Some(told) }
    }

    #[test]
    fn each_node_that_lacks_something_has_a_bar_that_says_why_and_stays_when_it_has_all() {
        let progress = Progress::unseen();
        let mut bars = Bars::new(&progress, 300);
        let shown = |bars: &Bars<'_>| bars.by_node.values().map(|bar| bar.shown().expect("a bar")).collect::<Vec<_>>();
        let bar = |name: &str, done, why: &str| (name.to_owned(), done, 300, why.to_owned());
        // Of the second package nobody knows how much is missing there; who has all, or keeps nothing of it, needs no bar.
        bars.show(&Missing::of(&[
            pending(
                "a.pkg",
                200,
                vec![holder("one", "fetching", Some(50), "it is on its way"), holder("hq", "stored", None, "")],
            ),
            pending(
                "b.pkg",
                100,
                vec![holder("one", "wanted", None, "later"), holder("two", "unknown", None, "it is away")],
            ),
            pending("c.pkg", 0, vec![holder("three", "remote", None, "")]),
        ]));
        assert_eq!(shown(&bars), [bar("one", 150, "it is on its way"), bar("two", 200, "it is away")]);
        bars.show(&Missing::of(&[pending("b.pkg", 100, vec![holder("two", "fetching", Some(1), "it is on its way")])]));
        assert_eq!(shown(&bars), [bar("one", 300, "has it"), bar("two", 299, "it is on its way")]);
        bars.show(&Missing::of(&[]));
        assert_eq!(shown(&bars), [bar("one", 300, "has it"), bar("two", 300, "has it")]);
        bars.finish();
    }
}
