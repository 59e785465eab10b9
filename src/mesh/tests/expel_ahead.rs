//! A node that hears of an Expel ahead of the events which this names: what the expelled one published stays listed until they come,
//! but not for long if they don't.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ods_store::{EXPEL_WAIT_MS, Happening, Lsn, Role, UnixMillis};

use super::super::exchange::{Pull, PullError, Step, introduce, introduced, ping};
use super::super::limits::PULL_PAGES_MAX;
use super::super::peers::PullMode;
use super::super::protocol::{Answer, Request};
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

/// A mesh of an owner, a publisher that it expelled, and branches that hold what this published but for the last.
fn mesh_of<const BRANCHES: usize>() -> (TestNode, TestNode, [TestNode; BRANCHES]) {
    let [hq, shop] = ["hq", "shop"].map(TestNode::new);
    let branches: [TestNode; BRANCHES] = std::array::from_fn(|number| TestNode::new(&format!("branch{number}")));
    for node in branches.iter().chain([&shop]) {
        node.joins(&hq, Role::Publisher);
    }
    shop.publish("a.pkg", b"a");
    shop.publish("b.pkg", b"b");
    pull(&hq, &shop);
    for branch in &branches {
        pull(branch, &hq);
    }
    shop.publish("c.pkg", b"c");
    pull(&hq, &shop);
    hq.store().expel(&shop.store().node_id(), &author(), hq.now).unwrap();
    (hq, shop, branches)
}

fn mesh() -> (TestNode, TestNode, TestNode) {
    let (hq, shop, [branch]) = mesh_of();
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
fn a_peer_that_lacks_the_events_too_does_not_end_the_waiting_for_them() {
    let (hq, shop, branch) = mesh();
    // It heard of the Expel when it had nothing of the expelled one, and has all but the last event by now.
    let mirror = TestNode::new("mirror");
    mirror.joins(&hq, Role::Publisher);
    pull(&mirror, &branch);
    pull(&branch, &mirror);
    assert!(lists(&branch, "a.pkg") && !branch.store().roster().is_expelled(&shop.store().node_id()));
    pull(&branch, &hq);
    assert!(branch.store().roster().is_expelled(&shop.store().node_id()));
    assert_eq!(["a.pkg", "b.pkg", "c.pkg"].map(|at| lists(&branch, at)), [true; 3]);
    assert_eq!(losses(&branch), [""; 0]);
}

/// Else a chain of nodes would wait so long at each.
#[test]
fn an_expel_that_waits_is_told_on_in_a_swap_of_rosters() {
    let (hq, _, [first, callee, caller]) = mesh_of();
    let waits = |node: &TestNode| node.store().expels_due_in_ms(node.now);
    first.answer(&hq, introduce(hq.store()).unwrap());
    let digest = first.store().roster_digest();
    callee.answer(&first, introduce(first.store()).unwrap());
    let answer = callee.answer(&caller, introduce(caller.store()).unwrap());
    introduced(caller.store(), answer, caller.now).unwrap();
    assert_eq!([&first, &callee, &caller].map(waits), [Some(EXPEL_WAIT_MS); 3]);
    assert_eq!(caller.store().roster_digest(), digest, "that of what is held");
}

/// Else its neighbours would hear of it when they swap rosters for another reason, or when it is taken here.
#[test]
fn who_hears_of_an_expel_that_waits_has_news_for_its_peers() {
    let (hq, _, branch) = mesh();
    let told = Arc::new(AtomicBool::new(false));
    let notes = Arc::clone(&told);
    branch.store().on_commit(move |commit| {
        notes.fetch_or(commit.roster_changed, Ordering::AcqRel);
    });
    let roster = |node: &TestNode| summary(node.store()).unwrap().roster;
    let before = roster(&branch);
    branch.answer(&hq, introduce(hq.store()).unwrap());
    assert!(branch.store().expels_due_in_ms(branch.now).is_some() && told.load(Ordering::Acquire));
    assert_ne!(roster(&branch), before);
    assert_eq!(roster(&branch), roster(&hq), "who knows of it has nothing to ask");
    branch.store().take_due_expels(branch.now.plus_ms(EXPEL_WAIT_MS)).unwrap();
    assert_eq!((roster(&branch), branch.store().roster_digest()), (roster(&hq), hq.store().roster_digest()));
}

/// Nobody else would bring it that.
#[test]
fn what_an_expel_names_is_taken_from_the_expelled_node_itself_if_one_page_brings_all_that_is_lacking() {
    for was_told in [false, true] {
        let (hq, shop, branch) = mesh();
        introduced(shop.store(), hq.answer(&shop, introduce(shop.store()).unwrap()), shop.now).unwrap();
        if was_told {
            introduced(branch.store(), hq.answer(&branch, introduce(branch.store()).unwrap()), branch.now).unwrap();
        }
        pull(&branch, &shop);
        assert!(branch.store().roster().is_expelled(&shop.store().node_id()));
        assert_eq!(["a.pkg", "b.pkg", "c.pkg"].map(|at| lists(&branch, at)), [true; 3]);
        assert_eq!(losses(&branch), [""; 0]);
    }
}

/// Its key may be stolen, and what it publishes from now on would count here for a while.
#[test]
fn who_is_about_to_be_expelled_here_is_answered_as_an_expelled_node_and_nothing_else_is_taken_from_it() {
    let (hq, shop, branch) = mesh();
    let theirs = summary(shop.store()).unwrap();
    let start = || Pull::start(branch.store(), shop.store().node_id(), PullMode::Cursor, &theirs, PULL_PAGES_MAX);
    let (mut begun, request) = start().unwrap();
    branch.answer(&hq, introduce(hq.store()).unwrap());
    assert!(!branch.store().roster().is_expelled(&shop.store().node_id()));
    shop.publish("d.pkg", b"d");
    let Answer::Log(mut page) = shop.answer(&branch, request) else { panic!("not a page") };
    page.items.remove(0);
    let answer = begun.checker().check(branch.store(), Answer::Log(page)).unwrap();
    assert!(matches!(begun.take(branch.store(), answer, branch.now), Err(PullError::Expelled)));
    let news = Request::Ping(ping(shop.store(), Some(Lsn::ZERO)).unwrap());
    assert_eq!(branch.asked(&shop, news).expect_err("refused").code(), "expelled");
    let answer = branch.answer(&shop, introduce(shop.store()).unwrap());
    introduced(shop.store(), answer, shop.now).unwrap();
    assert!(shop.store().roster().is_expelled(&shop.store().node_id()), "it learns why, and stops");
    assert!(!lists(&branch, "c.pkg") && !lists(&branch, "d.pkg"));
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
    assert_eq!(branch.store().hear_statements(told, earlier).unwrap(), 0);
    let live = Live::run(branch, None, |router| router).await;
    until("it is taken", || live.node.store().roster().is_expelled(&shop.store().node_id())).await;
    live.stop().await;
}
