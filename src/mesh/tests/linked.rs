//! Nodes that nobody can call: they publish and receive through links that they open.

use std::time::{Duration, Instant};

use ods_api::PeerState;
use ods_store::{Expected, MetaPatch, PeerRow, Role};

use super::super::LinkPolicy;
use super::super::protocol::Request;
use super::live::{Live, noise, until};
use super::support::{TestNode, assert_converged, author};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_nobody_can_call_publishes_and_receives() {
    let hq = Live::start("hq").await;
    let (one, two) = (Live::start_firewalled("one").await, Live::start_firewalled("two").await);
    one.joins(&hq, Role::Publisher).await;
    two.joins(&hq, Role::Publisher).await;
    for (number, size) in (0_u8..).zip([1, 300_000, (30 << 20) + 5]) {
        one.node.publish(&format!("one-{number}.pkg"), &noise(number, size));
    }
    hq.node.publish("hq.pkg", &noise(9, 3 << 20));
    for live in [&hq, &two] {
        until("it has what the other published", || {
            (0_u8..)
                .zip([1, 300_000, (30 << 20) + 5])
                .all(|(number, size)| live.has(&format!("one-{number}.pkg"), &noise(number, size)))
        })
        .await;
    }
    until("one has hq's", || one.has("hq.pkg", &noise(9, 3 << 20))).await;
    let id = one.node.store().node_id();
    until("connected", || hq.mesh.status(&id).is_some_and(|status| status.state == PeerState::Connected)).await;
    assert!(hq.mesh.sync(id).await.is_ok(), "hq's own calls reach it");
    assert_converged(&[&hq.node, &one.node, &two.node]);
    for live in [hq, one, two] {
        live.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_opened_by_itself_and_again_after_its_end() {
    let hq = Live::start("hq").await;
    let branch = Live::run_firewalled(TestNode::new("branch"), LinkPolicy::Auto).await;
    branch.joins(&hq, Role::Publisher).await;
    let id = branch.node.store().node_id();
    let connected = |hq: &Live| hq.mesh.status(&id).is_some_and(|status| status.state == PeerState::Connected);
    until("a link is there", || connected(&hq)).await;
    let address = hq.address;
    let away = hq.stop().await;
    branch.node.publish("meanwhile.pkg", &noise(4, 2 << 20));
    let hq = Live::run(away, Some(address), |router| router).await;
    until("a link is there again", || connected(&hq)).await;
    until("hq has what came meanwhile", || hq.has("meanwhile.pkg", &noise(4, 2 << 20))).await;
    hq.stop().await;
    branch.stop().await;
}

/// How exactly this holds is shown in simulated time (`sim/reconnecting.rs`); here the machine may be busy, so one time of some will do.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_told_of_news_within_a_second_of_opening_its_link_again() {
    let hq = Live::start("hq").await;
    let branch = Live::run_firewalled(TestNode::new("branch"), LinkPolicy::Auto).await;
    branch.joins(&hq, Role::Publisher).await;
    let id = branch.node.store().node_id();
    until("a link is there", || hq.wire.is_linked(&id)).await;
    let mut least = Duration::MAX;
    for number in 0..5 {
        hq.wire.keep_links(|_| false);
        let path = format!("news-{number}.pkg");
        hq.node.publish(&path, b"news");
        until("a link is there again", || hq.wire.is_linked(&id)).await;
        let opened = Instant::now();
        until("the branch has heard of it", || branch.lists(&path)).await;
        least = least.min(opened.elapsed());
        if least < Duration::from_secs(1) {
            break;
        }
    }
    assert!(least < Duration::from_secs(1), "{least:?}");
    hq.stop().await;
    branch.stop().await;
}

/// A disk was copied, and nobody can call either machine: what each published reaches others from that machine alone.
#[tokio::test(flavor = "multi_thread")]
async fn two_machines_with_one_key_that_nobody_can_call_are_both_pulled_from() {
    let hq = Live::start("hq").await;
    let branch = TestNode::new("branch");
    branch.joins(&hq.node, Role::Publisher);
    let copy = branch.copied("branch", "another run");
    let (one, other) =
        tokio::join!(Live::run_firewalled(branch, LinkPolicy::Always), Live::run_firewalled(copy, LinkPolicy::Always));
    let places = || hq.wire.links_in_turn(&one.node.store().node_id()).len();
    until("both opened a link", || places() == 2).await;
    // More than a ping brings.
    let tags = |number: u8| MetaPatch::from([("notes".to_owned(), Some(format!("{number}").repeat(4000)))]);
    for number in 0..20 {
        one.node.publish_with(&format!("one-{number}.pkg"), &noise(number, 30_000), tags(number));
        other.node.publish_with(&format!("other-{number}.pkg"), &noise(100 + number, 30_000), tags(number));
    }
    for number in 0..20 {
        until("hq has what the one published", || hq.has(&format!("one-{number}.pkg"), &noise(number, 30_000))).await;
        let bytes = noise(100 + number, 30_000);
        until("hq has what the other published", || hq.has(&format!("other-{number}.pkg"), &bytes)).await;
    }
    for live in [hq, one, other] {
        live.stop().await;
    }
}

#[test]
fn a_link_is_for_peers_only() {
    let (hq, branch, stranger) = (TestNode::new("hq"), TestNode::new("branch"), TestNode::new("stranger"));
    branch.joins(&hq, Role::Publisher);
    assert!(hq.asked(&branch, Request::Link).is_ok());
    let code = |caller: &TestNode| hq.asked(caller, Request::Link).expect_err("refused").code();
    assert_eq!(code(&stranger), "not_a_member");
    let row = hq.store().peer(&branch.store().node_id()).unwrap().unwrap();
    hq.store().put_peer(&PeerRow { paused: true, ..row.clone() }, &author(), hq.now).unwrap();
    assert_eq!(code(&branch), "not_a_peer");
    hq.store().remove_peer(&row.node, &Expected::Any, &author(), hq.now).unwrap();
    assert_eq!(code(&branch), "not_a_peer");
    hq.store().expel(&row.node, &author(), hq.now).unwrap();
    assert_eq!(code(&branch), "expelled");
}
