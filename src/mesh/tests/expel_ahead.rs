//! A node that hears of an Expel ahead of the events which this names: what the expelled one published stays listed until they come,
//! but not for long if they don't.

use ods_store::{EXPEL_WAIT_MS, Happening, Lsn, Role, UnixMillis};

use super::super::exchange::{Pull, Step, introduce, ping};
use super::super::limits::PULL_PAGES_MAX;
use super::super::peers::PullMode;
use super::super::protocol::Request;
use super::super::serve::summary;
use super::live::{Live, until};
use super::support::{TestNode, author, path};

/// What is told of packages that went, and of alarms.
fn losses(node: &TestNode) -> Vec<String> {
    let records = node.store().records(Lsn::ZERO, 1000).unwrap().items.into_iter();
    let told = records.filter_map(|record| match record.what {
        Happening::PackageRemoved { path, .. } => Some(format!("removed {path}")),
        Happening::Alarm { code, .. } => Some(code),
        _ => None,
    });
    told.collect()
}

fn lists(node: &TestNode, at: &str) -> bool {
    node.store().package(&path(at)).unwrap().is_some()
}

/// One pull to its end; what `sees` sees after each step of it.
fn pull_seen<T>(node: &TestNode, peer: &TestNode, sees: impl Fn() -> T) -> Vec<T> {
    let theirs = summary(peer.store()).unwrap();
    let (mut pull, mut request) =
        Pull::start(node.store(), peer.store().node_id(), PullMode::Cursor, &theirs, PULL_PAGES_MAX).unwrap();
    let mut seen = Vec::new();
    loop {
        let answer = pull.checker().check(node.store(), peer.answer(node, request)).unwrap();
        let step = pull.take(node.store(), answer, node.now).unwrap();
        seen.push(sees());
        match step {
            Step::Ask(next) => request = next,
            Step::Done(_) => return seen,
        }
    }
}

fn pull(node: &TestNode, peer: &TestNode) {
    pull_seen(node, peer, || ());
}

/// A mesh of an owner, a publisher that it expelled, and a branch that holds what this published but for the last.
fn mesh() -> (TestNode, TestNode, TestNode) {
    let [hq, shop, branch] = ["hq", "shop", "branch"].map(TestNode::new);
    shop.joins(&hq, Role::Publisher);
    branch.joins(&hq, Role::Publisher);
    shop.publish("a.pkg", b"a");
    shop.publish("b.pkg", b"b");
    pull(&hq, &shop);
    pull(&branch, &hq);
    shop.publish("c.pkg", b"c");
    pull(&hq, &shop);
    hq.store().expel(&shop.store().node_id(), &author(), hq.now).unwrap();
    (hq, shop, branch)
}

#[test]
fn a_pull_takes_an_expel_once_it_has_what_that_names() {
    let (hq, shop, branch) = mesh();
    let seen = pull_seen(&branch, &hq, || ["a.pkg", "b.pkg"].map(|at| lists(&branch, at)));
    assert!(seen.iter().all(|lists| *lists == [true, true]), "{seen:?}");
    assert!(branch.store().roster().is_expelled(&shop.store().node_id()));
    assert!(lists(&branch, "c.pkg"));
    assert_eq!(losses(&branch), [""; 0]);
}

#[test]
fn a_pull_takes_an_expel_at_its_end_whatever_is_lacking() {
    let (hq, shop, branch) = mesh();
    // A peer that heard of the Expel when it had nothing of the expelled one, and lacks the last event still.
    let mirror = TestNode::new("mirror");
    mirror.joins(&hq, Role::Publisher);
    pull(&mirror, &branch);
    let seen = pull_seen(&branch, &mirror, || lists(&branch, "a.pkg"));
    assert_eq!(seen, [true, false], "no longer than until this peer has no more");
    assert!(branch.store().roster().is_expelled(&shop.store().node_id()));
    assert_eq!(losses(&branch), ["removed a.pkg", "removed b.pkg", "expel_incomplete"]);
    pull(&branch, &hq);
    assert_eq!(["a.pkg", "b.pkg", "c.pkg"].map(|at| lists(&branch, at)), [true; 3]);
}

#[test]
fn a_pull_that_breaks_off_takes_nothing_away() {
    let (hq, shop, branch) = mesh();
    let theirs = summary(hq.store()).unwrap();
    let (mut broken, request) =
        Pull::start(branch.store(), hq.store().node_id(), PullMode::Cursor, &theirs, PULL_PAGES_MAX).unwrap();
    let answer = broken.checker().check(branch.store(), hq.answer(&branch, request)).unwrap();
    assert!(matches!(broken.take(branch.store(), answer, branch.now).unwrap(), Step::Ask(Request::Log(_))));
    drop(broken);
    assert!(lists(&branch, "a.pkg") && !branch.store().roster().is_expelled(&shop.store().node_id()));
    pull(&branch, &hq);
    assert!(branch.store().roster().is_expelled(&shop.store().node_id()));
    assert_eq!(losses(&branch), [""; 0]);
}

#[test]
fn what_a_caller_tells_waits_for_its_events_and_not_for_ever() {
    for brings in [true, false] {
        let (hq, shop, branch) = mesh();
        branch.answer(&hq, introduce(hq.store()).unwrap());
        assert!(lists(&branch, "a.pkg") && !branch.store().roster().is_expelled(&shop.store().node_id()));
        assert_eq!(branch.store().expels_due_in_ms(branch.now), Some(EXPEL_WAIT_MS));
        if brings {
            branch.answer(&hq, Request::Ping(ping(hq.store(), Some(Lsn::ZERO)).unwrap()));
            assert_eq!(losses(&branch), [""; 0]);
        } else {
            branch.store().take_due_expels(branch.now.plus_ms(EXPEL_WAIT_MS)).unwrap();
        }
        assert_eq!(lists(&branch, "a.pkg"), brings);
        assert!(branch.store().roster().is_expelled(&shop.store().node_id()));
        assert_eq!(branch.store().expels_due_in_ms(branch.now), None);
    }
}

#[test]
fn who_joins_takes_an_expel_at_once() {
    let (hq, shop, _) = mesh();
    let joiner = TestNode::new("joiner");
    joiner.joins(&hq, Role::Publisher);
    assert!(joiner.store().roster().is_expelled(&shop.store().node_id()));
    pull(&joiner, &hq);
    assert_eq!(["a.pkg", "b.pkg", "c.pkg"].map(|at| lists(&joiner, at)), [true; 3]);
    assert_eq!(losses(&joiner), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_runs_takes_what_waited_long_enough_though_nobody_calls() {
    let (hq, shop, branch) = mesh();
    let told = hq.store().roster_statements().unwrap();
    let earlier = UnixMillis::new(branch.now.get() - EXPEL_WAIT_MS);
    assert_eq!(branch.store().hear_statements(told, earlier).unwrap().waiting.len(), 1);
    let live = Live::run(branch, None, |router| router).await;
    until("it is taken", || live.node.store().roster().is_expelled(&shop.store().node_id())).await;
    live.stop().await;
}
